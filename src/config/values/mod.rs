//! The forms of text in configuration files, and how each is read. They know no rule of the
//! service beyond the form itself.

mod net;
mod text;
mod time;
pub(super) mod url;

pub(super) use net::{Email, Host, HttpUrl, Method, RelayUrl, Sender, Socket};
pub(super) use text::{
    FilePath, Given, HeaderText, Id, Line, Pattern, Percent, Prose, Secret, Text, is_id,
};
pub(super) use time::{ClockTime, Length, Weekday, Zone, weekday};
