//! The objective of a service desk.

use serde::{Deserialize, Serialize};

use super::Target;

/// The share of incoming calls that people answer within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    pub answer_within_s: i64,
    /// The share of calls, in parts per million.
    pub share_ppm: u32,
    #[serde(default, skip_serializing_if = "DeskHours::is_business")]
    pub hours: DeskHours,
}

impl Desk {
    /// The share as a target.
    pub fn target(self) -> Target {
        Target {
            ppm: self.share_ppm,
        }
    }
}

/// The calls that count, by when they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeskHours {
    /// Those in the business hours of the policy.
    #[default]
    Business,
    Always,
}

impl DeskHours {
    fn is_business(&self) -> bool {
        *self == DeskHours::Business
    }
}
