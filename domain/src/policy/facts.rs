//! The facts about an incident that decide its severity.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The state of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Down,
    Degraded,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            State::Down => "down",
            State::Degraded => "degraded",
        }
    }
}

/// The type of a customer's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    General,
    Task,
    Change,
    Access,
    Problem,
    Breach,
}

impl Request {
    pub const ALL: [Request; 6] = [
        Request::General,
        Request::Task,
        Request::Change,
        Request::Access,
        Request::Problem,
        Request::Breach,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Request::General => "general",
            Request::Task => "task",
            Request::Change => "change",
            Request::Access => "access",
            Request::Problem => "problem",
            Request::Breach => "breach",
        }
    }
}

/// A property that a person gives to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// It concerns security or privacy. Such an incident is never public.
    Security,
    Revenue,
    /// A regulation sets a date.
    Regulatory,
}

impl Flag {
    pub const ALL: [Flag; 3] = [Flag::Security, Flag::Revenue, Flag::Regulatory];

    pub fn word(self) -> &'static str {
        match self {
            Flag::Security => "security",
            Flag::Revenue => "revenue",
            Flag::Regulatory => "regulatory",
        }
    }
}

/// The facts as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// `None` for a report without an outage or degradation.
    pub state: Option<State>,
    /// Affected customers.
    pub customers: u32,
    /// The share of users affected, in parts per million.
    pub share_ppm: u32,
    /// The failed system is a partner's.
    pub is_partner: bool,
    /// Only a component is affected that the service can do without.
    pub is_minor_component: bool,
    pub has_workaround: bool,
    /// Users cannot reach, or cannot use, a major function.
    pub prevents_access: bool,
    pub request: Option<Request>,
    pub flags: BTreeSet<Flag>,
}

impl Facts {
    /// A system in that state, before a person says more: all its customers and all users are affected.
    pub fn of_outage(state: State, customers: u32) -> Self {
        Self {
            state: Some(state),
            customers,
            ..Self::of_nothing()
        }
    }

    /// A customer's report without an outage.
    pub fn of_request(request: Request) -> Self {
        Self {
            request: Some(request),
            customers: 1,
            ..Self::of_nothing()
        }
    }

    fn of_nothing() -> Self {
        Self {
            state: None,
            customers: 0,
            share_ppm: 1_000_000,
            is_partner: false,
            is_minor_component: false,
            has_workaround: false,
            prevents_access: false,
            request: None,
            flags: BTreeSet::new(),
        }
    }

    /// True if the incident has the flag. A breach concerns security.
    pub fn has(&self, flag: Flag) -> bool {
        let is_breach = self.request == Some(Request::Breach);
        self.flags.contains(&flag) || flag == Flag::Security && is_breach
    }
}
