//! Turns definitions of other monitors into systems of Nines. Text in, text out: no file, no network. Nothing is left
//! out silently: each definition or key that could not be carried over is listed with its place and the reason.

mod blackbox;
mod gatus;
mod keys;
mod length;
mod output;
mod place;
mod secrets;
mod uptime_kuma;
mod websocket;
mod yaml;

pub use blackbox::blackbox;
pub use gatus::gatus;
pub use output::{Imported, Input, Left, System};
pub use uptime_kuma::{Tables, UPTIME_KUMA_TABLES, uptime_kuma, uptime_kuma_backup};
pub use yaml::Error;
