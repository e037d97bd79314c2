//! Months rehearsed from end to end, each told beforehand by hand: what the probes saw, what the
//! report must therefore say, to the second. Nothing here may be asserted because it came out so.
// A test that cannot build its own input should fail at once, and may write files as it likes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod absence;
mod answers;
mod bytes;
mod clock_change;
mod command_line;
mod fetching;
mod flapping;
mod forty_systems;
mod hard_month;
mod mail_down;
mod mail_races;
mod office;
mod plain_outage;
mod played;
mod promised;
mod watching;
mod windows;
