//! Escalation levels: who is notified when an incident is not answered.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::commitment::{Measure, Period};
use super::severity::Commitments;

/// A level, for some severities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// 1 or more; the higher, the later.
    pub level: u8,
    /// Severities, by id; empty is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<String>,
    /// It holds for incidents that begin in this part of the week.
    pub during: Period,
    /// Seconds after the incident's start. `None`: only when a person escalates.
    pub after_s: Option<i64>,
    pub measure: Measure,
    /// The level is skipped once this has happened.
    pub unless: Option<Until>,
    /// Ids of contacts.
    pub contacts: Vec<String>,
    /// The contacts of the lower levels are notified again.
    pub cumulative: bool,
}

/// The milestone that ends an escalation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    Acknowledged,
    Responded,
    Resolved,
}

impl Until {
    pub fn word(self) -> &'static str {
        match self {
            Until::Acknowledged => "acknowledged",
            Until::Responded => "responded",
            Until::Resolved => "resolved",
        }
    }
}

impl Level {
    pub fn is_for(&self, severity: &str) -> bool {
        self.severities.is_empty() || self.severities.iter().any(|id| id == severity)
    }
}

impl Commitments {
    /// The levels for a severity, the lowest first.
    pub fn levels(&self, severity: &str) -> Vec<&Level> {
        let mut levels: Vec<_> = self
            .escalation
            .iter()
            .filter(|l| l.is_for(severity))
            .collect();
        levels.sort_by_key(|level| level.level);
        levels
    }

    /// The contacts that a level notifies. A cumulative level adds its own to those of the levels below.
    pub fn contacts<'a>(&'a self, severity: &str, level: &'a Level) -> Vec<&'a str> {
        let mut contacts: Vec<&str> = Vec::new();
        if level.cumulative {
            let below = self.levels(severity).into_iter();
            let below = below.filter(|lower| lower.level < level.level);
            contacts.extend(below.flat_map(|lower| lower.contacts.iter().map(String::as_str)));
        }
        contacts.extend(level.contacts.iter().map(String::as_str));
        let mut seen = BTreeSet::new();
        contacts.retain(|contact| seen.insert(*contact));
        contacts
    }
}
