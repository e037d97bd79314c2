//! Ids: names from the configuration, and numbers counted from 1 for outages, incidents and notices.
//! An id never comes from a clock or a random number, so a replay finds the same ones.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as configured.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<String> for $type {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

name! {
    /// A system: the name of its file under `config/systems/`.
    SystemId
}
name! {
    /// A probe, as `system/probe`.
    ProbeId
}
name! {
    /// The place from which a probe runs.
    VantageId
}
name! {
    /// A committee.
    CommitteeId
}
name! {
    /// A customer.
    CustomerId
}
name! {
    /// A policy: the name of its file under `config/policies/`.
    PolicyId
}
name! {
    /// A maintenance window as scheduled: of a recurring rule `system/rule@2026-10-07` (the local
    /// date of the occurrence's start), of a single one the id its scheduler gave.
    WindowId
}

/// One probe as seen from one vantage: the origin of samples and of the facts that they confirm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub probe: ProbeId,
    pub vantage: VantageId,
}

impl Source {
    pub fn new(probe: impl Into<ProbeId>, vantage: impl Into<VantageId>) -> Self {
        Self {
            probe: probe.into(),
            vantage: vantage.into(),
        }
    }
}

/// Prints the probe.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.probe.fmt(f)
    }
}

impl ProbeId {
    /// The probe `name` of `system`.
    pub fn of(system: &SystemId, name: &str) -> Self {
        Self::from(format!("{system}/{name}"))
    }

    /// The part before the first slash: the system's id, which never holds one.
    pub fn system(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(system, _)| system)
    }

    /// The part after the first slash: the probe's own name.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }
}

macro_rules! numbered {
    ($(#[$doc:meta])* $type:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub u64);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "-{}"), self.0)
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            /// Reads `O-12`, `o-12` or `12` (the letter is the type's own).
            fn from_str(text: &str) -> Result<Self, String> {
                let digits = text
                    .strip_prefix(concat!($letter, "-"))
                    .or_else(|| text.to_uppercase().starts_with(concat!($letter, "-")).then(|| &text[2..]))
                    .unwrap_or(text);
                digits
                    .parse()
                    .map($type)
                    .map_err(|_| format!(concat!("`{}` is not an id like ", $letter, "-12"), text))
            }
        }
    };
}

/// A numbered id as people write it, such as `N-14`: the form of the keys of acts.
pub mod written {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer, de};

    /// # Errors
    /// The serializer's.
    pub fn serialize<Id: Display, S: Serializer>(id: &Id, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    /// # Errors
    /// The text is not such an id.
    pub fn deserialize<'de, Id, D>(from: D) -> Result<Id, D::Error>
    where
        Id: FromStr<Err = String>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

numbered! {
    /// An outage. Printed `O-12`.
    OutageId, "O"
}
numbered! {
    /// An incident. Printed `I-13`.
    IncidentId, "I"
}
numbered! {
    /// A notice. Printed `N-14`.
    NoticeId, "N"
}
numbered! {
    /// A person who subscribed on the public page: the number in `people.sqlite`. Printed `S-15`.
    SubscriberId, "S"
}
