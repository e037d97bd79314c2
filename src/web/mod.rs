//! What is shown and taken in over HTTP: the private listener and the local socket. Pages are
//! views; the one way into state is the engine's handle.

mod probe_now;
mod server;
mod state;

pub mod private;
pub mod socket;

pub use state::{AppState, Asked, NotTaken, Receipt, Reload, Reply, Row};
