//! Notices: renders each once, hands it to a relay, and says how that ended.
//!
//! This module decides nothing and never writes the ledger: what is due comes through [`Outbox`],
//! and every outcome goes back through it. Only this module uses lettre.

mod courier;
mod delivery;
mod message;
mod outbox;
mod relay;
mod render;
mod sample;
mod smtp_io;
mod text;
mod times;
mod view;

#[cfg(test)]
mod delivery_tests;
#[cfg(test)]
mod render_tests;

pub use courier::{Courier, Due, Outbox, Refused, Sender};
pub use delivery::Ended;
pub use message::Rendered;
pub use outbox::EngineOutbox;
pub use relay::Timeouts;
pub use render::{Preview, Renderer};

/// Why a notice cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A template cannot be read.
    #[error("cannot read the template {path}")]
    Read {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A template is wrong, or asks for something that notices do not have.
    #[error("the template {name} is wrong")]
    Template {
        /// Its path under `report_templates/`.
        name: String,
        /// Where and why.
        #[source]
        source: minijinja::Error,
    },
    /// A header would hold a control character.
    #[error("{name} would hold a control character: {value}")]
    Header {
        /// Which header.
        name: &'static str,
        /// The value, escaped.
        value: String,
    },
    /// Not a mail address.
    #[error("`{address}` is not a mail address")]
    Address {
        /// What was given.
        address: String,
        /// Why.
        #[source]
        source: lettre::address::AddressError,
    },
    /// The message could not be put together.
    #[error("the message cannot be built: {0}")]
    Message(String),
}
