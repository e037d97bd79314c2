//! Commitments: how soon the operator answers, writes again and resolves, and in which time.

use serde::{Deserialize, Serialize};

use super::facts::Request;

/// A deadline that a policy puts on an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    Response,
    /// The next update for customers. It starts again with each update.
    Update,
    Resolution,
    /// From the declaration of a disaster until the service is restored.
    DisasterRecovery,
}

impl Clock {
    /// The clocks that a severity may promise.
    pub const ALL: [Clock; 3] = [Clock::Response, Clock::Update, Clock::Resolution];

    pub fn word(self) -> &'static str {
        match self {
            Clock::Response => "response",
            Clock::Update => "update",
            Clock::Resolution => "resolution",
            Clock::DisasterRecovery => "disaster-recovery",
        }
    }
}

/// The time that a clock counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    #[default]
    Elapsed,
    /// Only the business hours of the policy.
    Business,
}

/// The part of the week in which an incident must begin for a commitment to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Business,
    AfterHours,
    #[default]
    Always,
}

/// A promise to act within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    pub within_s: i64,
    /// `clock` in configurations.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub measure: Measure,
    /// It holds for incidents that begin in this part of the week.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub during: Period,
    /// The response must estimate when the problem will be resolved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimate: bool,
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The clocks of some types of request, in place of those of their severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRule {
    pub types: Vec<Request>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respond: Option<Commitment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Commitment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve: Option<Commitment>,
}

/// The time within which service is restored after a person declared a disaster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisasterRecovery {
    pub within_s: i64,
    #[serde(default, skip_serializing_if = "is_usual")]
    pub measure: Measure,
}

/// A kind of feed, and the silence after which it is stale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    pub name: String,
    pub stale_after_s: i64,
}
