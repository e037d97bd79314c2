//! Section 4: how outages start, end and last.

mod clock_steps;
mod declared_and_observed;
mod reload;
mod removed_system;
mod restart;
