//! The arithmetic of sections 5 and 6, judged from outside: random histories against an oracle
//! that looks at every second, the properties that the SPEC calls always true, the seeded
//! mutants, and drawn timelines of every rule.

// A test may fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test may panic

mod drawn;
mod histories;
mod mutants;
mod oracle;
mod properties;
mod sets;
mod unexcused;
