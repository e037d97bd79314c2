//! Nines monitors the systems that customers depend on, distinguishes planned maintenance from
//! unplanned outages, notifies customers, and reports to operating committees.
//!
//! Events are appended, decisions are pure, effects come last: see `ARCHITECTURE.md`.

// Tests write their input files in place: a crash in the middle harms no user.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod app;
pub mod calendar_feed;
pub mod cli;
pub mod clock;
pub mod config;
pub mod desk;
pub mod digest;
pub mod engine;
pub mod files;
pub mod ledger;
pub mod metrics;
pub mod notices;
pub mod reports;
pub mod samples;
pub mod sentence;
pub mod simulate;
pub mod subscriptions;
pub mod web;
