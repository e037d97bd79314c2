//! Tests of the engine as a whole, and the fixtures that they share with other modules' tests.

pub(crate) mod fixtures;
mod live;
mod self_check;
mod turn;
