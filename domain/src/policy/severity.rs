//! Severities, and the rules that pick one.

use serde::{Deserialize, Serialize};

use super::commitment::{Clock, Commitment, DisasterRecovery, Feed, RequestRule};
use super::desk::Desk;
use super::escalation::Level;
use super::facts::{Facts, Flag, Request, State};
use super::hours::Hours;

/// The commitments of an agreement. Each list is in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Commitments {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_hours: Option<Hours>,
    /// The strictest first. The first whose conditions match is the severity; the last has no conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<Severity>,
    /// A type of request is in one of them at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<RequestRule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub escalation: Vec<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disaster_recovery: Option<DisasterRecovery>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desk: Option<Desk>,
    /// The types of issue that the report form offers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub issue_types: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<Feed>,
}

/// A severity with its clocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Severity {
    pub id: String,
    /// The name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Any of them; without conditions it matches everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respond: Option<Commitment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<Commitment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolve: Option<Commitment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workaround: Option<Workaround>,
}

/// The effect of a workaround.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Workaround {
    /// The severity becomes this one, which is lower.
    LowersTo(String),
    /// It answers the resolve clock.
    Resolves,
}

/// All facts that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Condition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customers_at_least: Option<u32>,
    /// More than this share of users, in parts per million.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_above_ppm: Option<u32>,
    /// This share of users or more, in parts per million.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_at_least_ppm: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor_component: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workaround: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevents_access: Option<bool>,
    /// One of these types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Request>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<Flag>,
}

impl Condition {
    pub fn holds(&self, facts: &Facts) -> bool {
        let is = |wanted: Option<bool>, fact: bool| wanted.is_none_or(|wanted| wanted == fact);
        let request = facts.request;
        self.state.is_none_or(|state| facts.state == Some(state))
            && self.customers_at_least.is_none_or(|n| facts.customers >= n)
            && self.share_above_ppm.is_none_or(|s| facts.share_ppm > s)
            && self.share_at_least_ppm.is_none_or(|s| facts.share_ppm >= s)
            && is(self.partner, facts.is_partner)
            && is(self.minor_component, facts.is_minor_component)
            && is(self.workaround, facts.has_workaround)
            && is(self.prevents_access, facts.prevents_access)
            && (self.requests.is_empty() || request.is_some_and(|r| self.requests.contains(&r)))
            && self.flag.is_none_or(|flag| facts.has(flag))
    }
}

impl Severity {
    pub fn matches(&self, facts: &Facts) -> bool {
        self.when.is_empty() || self.when.iter().any(|condition| condition.holds(facts))
    }

    pub fn commitment(&self, clock: Clock) -> Option<&Commitment> {
        match clock {
            Clock::Response => self.respond.as_ref(),
            Clock::Update => self.update.as_ref(),
            Clock::Resolution => self.resolve.as_ref(),
            Clock::DisasterRecovery => None,
        }
    }
}

impl Commitments {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn severity(&self, id: &str) -> Option<&Severity> {
        self.severities.iter().find(|severity| severity.id == id)
    }

    /// The rank of a severity: 0 is the strictest.
    pub fn rank(&self, id: &str) -> Option<usize> {
        let mut all = self.severities.iter();
        all.position(|severity| severity.id == id)
    }

    /// The first severity whose conditions match, or the one to which a workaround lowers it. `None` if the
    /// policy has no severities.
    pub fn severity_of(&self, facts: &Facts) -> Option<&Severity> {
        let matched = self.severities.iter().find(|s| s.matches(facts))?;
        let lowered = match &matched.workaround {
            Some(Workaround::LowersTo(lower)) if facts.has_workaround => self.severity(lower),
            _ => None,
        };
        Some(lowered.unwrap_or(matched))
    }

    /// The commitment that holds for an incident of that severity. The clocks of a request type take the place of
    /// those of the severity.
    pub fn commitment(
        &self,
        severity: &str,
        request: Option<Request>,
        clock: Clock,
    ) -> Option<&Commitment> {
        let own = request.and_then(|request| self.request_rule(request));
        match own {
            Some(rule) => rule.commitment(clock),
            None => self.severity(severity)?.commitment(clock),
        }
    }

    pub fn request_rule(&self, request: Request) -> Option<&RequestRule> {
        let mut rules = self.requests.iter();
        rules.find(|rule| rule.types.contains(&request))
    }
}

impl RequestRule {
    pub fn commitment(&self, clock: Clock) -> Option<&Commitment> {
        match clock {
            Clock::Response => self.respond.as_ref(),
            Clock::Update => self.update.as_ref(),
            Clock::Resolution => self.resolve.as_ref(),
            Clock::DisasterRecovery => None,
        }
    }
}
