//! What commands print of the ledger: lists for people, JSON for programs.

pub mod incidents;
pub mod maintenance;
pub mod notices;
