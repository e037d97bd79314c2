//! A mail address with the name of its owner.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A mail address with an optional name, as in a `From` header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: String,
}

impl Mailbox {
    /// The host behind the `@`.
    pub fn host(&self) -> &str {
        self.address.rsplit('@').next().unwrap_or_default()
    }
}

/// `Example Status <status@example.org>`; a name with special characters is quoted (RFC 5322).
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => f.write_str(&self.address),
            Some(name) if name.contains(|c| "()[]:;@,.".contains(c)) => {
                write!(f, "\"{name}\" <{}>", self.address)
            }
            Some(name) => write!(f, "{name} <{}>", self.address),
        }
    }
}
