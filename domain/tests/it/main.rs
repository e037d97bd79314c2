//! The tests of `domain` from outside, one module for each section of the specification:
//! `detection`, `outages` and `flapping` (section 4), `maintenance` and `calendar` (5),
//! `arithmetic` (6), `policies` (7), `incidents` and `guard` (8), `notices` (9), `reports` (10), `acts` (15).
//! `random_histories` checks what must hold in every history.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A failed test may stop at once.

mod acts;
mod arithmetic;
mod calendar;
mod detection;
mod flapping;
mod guard;
mod heartbeats;
mod incidents;
mod maintenance;
mod notices;
mod outages;
mod policies;
mod random_histories;
mod reports;
mod service;
