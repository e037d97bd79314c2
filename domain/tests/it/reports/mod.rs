//! Section 10: the monthly report.

mod downtime;
mod life;
mod method;
mod monthly;
