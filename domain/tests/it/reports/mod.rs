//! Section 10: the monthly report.

mod downtime;
mod method;
mod monthly;
