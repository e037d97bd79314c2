//! HTTP: the private listener and the local socket. Only the engine's handle changes state.

mod probe_now;
mod server;
mod state;

pub mod private;
pub mod socket;

pub use state::{ActRequest, AppState, Receipt, Reload, ReloadError, Reloaded, Reply, Row};
