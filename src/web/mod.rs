//! HTTP: the public listener, the private one, and the local socket. Only the engine's handle changes state.

mod api;
pub mod console;
mod probe_now;
mod server;
mod state;

pub mod private;
pub mod public;
pub mod socket;

pub use state::{ActRequest, AppState, Receipt, Reload, ReloadError, Reloaded, Reply, Row};
