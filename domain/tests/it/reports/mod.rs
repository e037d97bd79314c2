//! Section 10: the monthly report.

mod customer;
mod downtime;
mod life;
mod method;
mod monthly;
mod periods;
