//! Notices: renders each once, hands it to a relay or a webhook, and reports the result.
//!
//! This module decides nothing and never writes the ledger. [`Outbox`] gives it the notices that
//! are due and takes the results. Only this module uses lettre and reqwest.

mod alert_view;
mod attachment;
mod courier;
mod delivery;
mod ehlo;
mod forbidden;
mod letter;
mod message;
mod outbox;
mod persons;
mod relay;
mod render;
mod report_view;
mod sample;
mod smtp_io;
mod text;
mod times;
mod trial;
mod verdict;
mod view;
mod webhook;
mod webhook_body;

#[cfg(test)]
mod alert_tests;
#[cfg(test)]
mod delivery_tests;
#[cfg(test)]
mod language_tests;
#[cfg(test)]
mod render_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod rough_relay_tests;
#[cfg(test)]
mod update_tests;
#[cfg(test)]
mod webhook_tests;

pub use courier::{Courier, Due, Outbox, Refused, Sender, contact};
pub use delivery::Ended;
pub use letter::{Reader, Readers};
pub use message::Rendered;
pub use outbox::EngineOutbox;
pub use relay::Timeouts;
pub use render::{Preview, Renderer, own_template};
pub use trial::{send_test, send_test_webhook, warn_if_no_relay_answers};
pub use webhook::{get, meaning as webhook_meaning, try_out as try_webhook};

/// Why a notice cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A template cannot be read.
    #[error("cannot read the template {path}")]
    Read {
        path: String,
        #[source]
        source: std::io::Error,
    },
    /// A template is wrong, or uses a value that notices do not have.
    #[error("the template {name} is wrong")]
    Template {
        /// Its path under `report_templates/`.
        name: String,
        #[source]
        source: minijinja::Error,
    },
    /// A header would hold a control character.
    #[error("{name} would hold a control character: {value}")]
    Header {
        /// The header's name.
        name: &'static str,
        /// The value, escaped.
        value: String,
    },
    /// An address that is not a mail address.
    #[error("`{address}` is not a mail address")]
    Address {
        address: String,
        #[source]
        source: lettre::address::AddressError,
    },
    /// The file of a report cannot be read now.
    #[error("cannot read {path}, which the mail attaches")]
    Attachment {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the message cannot be built: {0}")]
    Message(String),
}
