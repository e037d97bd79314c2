//! Turns definitions of other monitors into systems of Nines. Text in, text out: no file, no network. Nothing is left
//! out silently: each definition or key that could not be carried over is listed with its place and the reason.

mod conditions;
mod gatus;
mod output;
mod yaml;

pub use gatus::gatus;
pub use output::{Imported, Left, System};
pub use yaml::Error;
