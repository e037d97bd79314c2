//! Views of the ledger that commands print: lists for people, JSON for programs.

pub mod incidents;
pub mod maintenance;
pub mod notices;
pub mod reports;
