//! The commands: each reads, asks the running service or writes, and prints its answer.
//!
//! Standard output is the answer, standard error the rest. `app` reads the command line and calls
//! these modules.

mod access;
pub mod acts;
pub mod approval;
mod archives;
pub mod args;
mod argument;
pub mod backup;
pub mod check;
mod client;
pub mod demo;
pub mod desk;
pub mod events;
pub mod explain;
pub mod failure;
pub mod import;
pub mod init;
mod layout;
pub mod options;
pub mod output;
pub mod policy;
pub mod probe;
mod progress;
pub mod proposals;
mod remote;
pub mod reply;
pub mod report;
pub mod restore;
pub mod shell;
pub mod simulation;
pub mod sql;
pub mod status;
mod tables;
pub mod verify;
pub mod views;

pub use failure::Failure;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    /// The command was carried out and its answer is bad news: something is down, an act was refused.
    BadNews,
}

impl End {
    fn bad_news_if(is_bad: bool) -> Self {
        match is_bad {
            true => End::BadNews,
            false => End::Done,
        }
    }
}
