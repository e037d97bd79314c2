//! Views of the ledger that commands print: lists for people, JSON for programs.

mod handling;
pub mod incidents;
pub mod maintenance;
pub mod notices;
pub mod reporters;
pub mod reports;
