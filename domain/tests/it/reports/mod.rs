//! Section 10: the monthly report.

mod customer;
mod desk;
mod downtime;
mod latencies;
mod life;
mod method;
mod monthly;
mod periods;
