//! HTTP: the public listener, the private one, and the local socket. Only the engine's handle changes state.

mod activity;
mod allowance;
pub mod api;
mod client;
mod compression;
pub mod console;
mod listener;
mod live;
mod probe_now;
mod server;
mod state;
mod tls;

pub mod private;
pub mod public;
pub mod socket;

pub use client::TrustedProxies;
pub use listener::Listener;
pub use state::{
    ActRequest, AppState, CopyReply, Receipt, Reload, ReloadError, Reloaded, Reply, Row,
};
