//! Where notices go: mail addresses with the names of their owners, webhooks, and subscribers by their number.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::SubscriberId;

/// Where a message goes. A channel's address identifies its recipient: two customers with one
/// address get one message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Address {
    /// A mail address, as configured.
    Mail(String),
    /// The URL of a signed webhook, as configured. It holds no secret.
    Webhook(String),
    /// The mail address of a person who reported a problem, by the person's number in `people.sqlite`. It is looked
    /// up when a message is sent, so that the ledger never has it.
    Reporter(i64),
    /// A person who subscribed on the public page. Only `people.sqlite` knows the mail address. The last variant, so that
    /// subscribers come after all others.
    Subscriber(SubscriberId),
}

impl Address {
    /// True if both belong to the same channel: two mail addresses, or the same webhook.
    pub fn shares_channel_with(&self, other: &Address) -> bool {
        match (self, other) {
            (Address::Webhook(one), Address::Webhook(two)) => one == two,
            _ => self.is_mail() && other.is_mail(),
        }
    }

    /// True if messages go there by mail.
    pub fn is_mail(&self) -> bool {
        match self {
            Address::Mail(_) | Address::Reporter(_) | Address::Subscriber(_) => true,
            Address::Webhook(_) => false,
        }
    }

    /// The subscriber, if it is one.
    pub fn subscriber(&self) -> Option<SubscriberId> {
        match self {
            Address::Subscriber(id) => Some(*id),
            Address::Mail(_) | Address::Webhook(_) | Address::Reporter(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Mail(address) | Address::Webhook(address) => f.pad(address),
            Address::Reporter(number) => f.pad(&format!("reporter {number}")),
            Address::Subscriber(id) => f.pad(&format!("subscriber {id}")),
        }
    }
}

/// A mail address with an optional name. The stored form is that of a `From` header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: String,
}

impl Mailbox {
    /// The domain of the address; `localhost` if it has none.
    pub fn domain(&self) -> &str {
        let parts = self.address.rsplit_once('@');
        parts.map_or("localhost", |(_, domain)| domain)
    }
}

/// Reads `Name <address>` or an address alone. The name may be in quotation marks.
impl From<&str> for Mailbox {
    fn from(text: &str) -> Self {
        let (name, rest) = text.rsplit_once('<').unwrap_or(("", text));
        let name = name.trim();
        let unquoted = name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'));
        let name = unquoted.unwrap_or(name);
        Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            address: rest.trim().trim_end_matches('>').trim_end().to_owned(),
        }
    }
}

impl From<String> for Mailbox {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Mailbox> for String {
    fn from(mailbox: Mailbox) -> Self {
        mailbox.to_string()
    }
}

/// Quotes a name that has special characters (RFC 5322, 3.2.3).
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address } = self;
        match name {
            None => f.write_str(address),
            Some(name) if name.contains(|c| "()[]:;@,.".contains(c)) => {
                write!(f, "\"{name}\" <{address}>")
            }
            Some(name) => write!(f, "{name} <{address}>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_read_as_it_is_written() {
        for text in [
            "status@example.org",
            "Example Status <status@example.org>",
            "\"Example, Inc.\" <status@example.org>",
        ] {
            let mailbox = Mailbox::from(text);
            assert_eq!(mailbox.address, "status@example.org");
            assert_eq!(mailbox.domain(), "example.org");
            assert_eq!(mailbox.to_string(), text);
        }
        assert_eq!(Mailbox::default().domain(), "localhost");
    }
}
