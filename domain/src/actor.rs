//! The author of an event: a person, or the service itself.

use std::fmt;

/// The author of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The name that the person gave, or `nines`. Nothing proves it yet.
    pub person: String,
    pub how: How,
}

/// The interface through which an act came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The service decided it without a person.
    Service,
    Cli,
    Api,
    Console,
    Scenario,
    /// A form on the public pages: a person without an account.
    Public,
}

impl How {
    pub const ALL: [How; 6] = [
        How::Service,
        How::Cli,
        How::Api,
        How::Console,
        How::Scenario,
        How::Public,
    ];

    /// The word in the ledger's column `how`.
    pub fn word(self) -> &'static str {
        match self {
            How::Service => "service",
            How::Cli => "cli",
            How::Api => "api",
            How::Console => "console",
            How::Scenario => "scenario",
            How::Public => "public",
        }
    }
}

impl Actor {
    pub fn service() -> Self {
        Self {
            person: "nines".to_owned(),
            how: How::Service,
        }
    }

    pub fn cli(person: impl Into<String>) -> Self {
        Self {
            person: person.into(),
            how: How::Cli,
        }
    }

    /// A person whom the ledger knows by the number of the report alone.
    pub fn public_form() -> Self {
        Self {
            person: "public form".to_owned(),
            how: How::Public,
        }
    }

    pub fn scenario(person: impl Into<String>) -> Self {
        Self {
            person: person.into(),
            how: How::Scenario,
        }
    }
}

/// Prints the person.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.person)
    }
}
