//! The rules of Nines: outages and their times, planned and unplanned downtime, recipients of
//! notices, figures of reports.
//!
//! Nothing here reads a clock, a file or a socket, draws a random number or formats JSON. Every
//! instant is an argument. State is two things: [`watch::Watch`], volatile, per probe; and
//! [`record::Record`], a fold of the ledger's events and nothing else.

pub mod accounting;
pub mod act;
pub mod actor;
pub mod business_time;
pub mod calendar;
pub mod catalogue;
pub mod caution;
pub mod clocks;
pub mod deadlines;
pub mod decide;
pub mod desk;
pub mod detection;
pub mod due;
pub mod event;
pub mod explain;
pub mod guard;
pub mod handling;
pub mod heartbeat;
pub mod id;
pub mod incident;
pub mod input;
pub mod latency;
pub mod mailbox;
pub mod months;
pub mod notice;
pub mod notices;
pub mod policy;
pub mod record;
pub mod report;
pub mod sample;
pub mod schedule;
pub mod span;
pub mod suggest;
pub mod text;
pub mod watch;
mod weekday;
pub mod windows;
pub mod written_time;
