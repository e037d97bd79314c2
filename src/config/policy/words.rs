//! The words that keys of a policy may have as their values.

use domain::policy::{Flag, Measure, Period, Request, State, Until};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClockWord {
    #[default]
    Elapsed,
    Business,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum DuringWord {
    Business,
    AfterHours,
    #[default]
    Always,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StateWord {
    Down,
    Degraded,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum ComponentWord {
    Critical,
    NotCritical,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FlagWord {
    Security,
    Revenue,
    Regulatory,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-is" = "a type of request in quotes, as \"task\""))]
pub(super) enum RequestWord {
    General,
    Task,
    Change,
    Access,
    Problem,
    Breach,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum UntilWord {
    Acknowledged,
    Responded,
    Resolved,
}

impl From<ClockWord> for Measure {
    fn from(word: ClockWord) -> Self {
        match word {
            ClockWord::Elapsed => Self::Elapsed,
            ClockWord::Business => Self::Business,
        }
    }
}

impl From<DuringWord> for Period {
    fn from(word: DuringWord) -> Self {
        match word {
            DuringWord::Business => Self::Business,
            DuringWord::AfterHours => Self::AfterHours,
            DuringWord::Always => Self::Always,
        }
    }
}

impl From<StateWord> for State {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::Down => Self::Down,
            StateWord::Degraded => Self::Degraded,
        }
    }
}

impl From<FlagWord> for Flag {
    fn from(word: FlagWord) -> Self {
        match word {
            FlagWord::Security => Self::Security,
            FlagWord::Revenue => Self::Revenue,
            FlagWord::Regulatory => Self::Regulatory,
        }
    }
}

impl From<RequestWord> for Request {
    fn from(word: RequestWord) -> Self {
        match word {
            RequestWord::General => Self::General,
            RequestWord::Task => Self::Task,
            RequestWord::Change => Self::Change,
            RequestWord::Access => Self::Access,
            RequestWord::Problem => Self::Problem,
            RequestWord::Breach => Self::Breach,
        }
    }
}

impl From<UntilWord> for Until {
    fn from(word: UntilWord) -> Self {
        match word {
            UntilWord::Acknowledged => Self::Acknowledged,
            UntilWord::Responded => Self::Responded,
            UntilWord::Resolved => Self::Resolved,
        }
    }
}
