//! `[[severity]]` and `[[request]]`: clocks, and the facts that pick a severity.

use domain::policy::{Commitment, Condition, Measure, Period, RequestRule, Severity, Workaround};
use schemars::JsonSchema;
use serde::Deserialize;
use values::{Id, Line, OneOrMany, Parsed, Percent, Place, Seconds, Source, Written};

use super::words::{ClockWord, ComponentWord, DuringWord, FlagWord, RequestWord, StateWord};
use crate::config::fields::{Names, at_least, reference, unique};

/// A severity. The strictest comes first, and the first whose conditions match is picked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SeverityTable {
    /// An id, unique within the policy.
    pub id: Parsed<Id>,
    /// The name that people read. Default: the id.
    name: Option<Parsed<Line>>,
    /// Conditions, of which one is enough. The last severity has none.
    #[serde(default)]
    #[schemars(length(min = 1))]
    when: Vec<Written<ConditionTable>>,
    /// The clock of the response. Default: not promised.
    respond: Option<WithinTable>,
    /// The clock of updates to customers. Default: not promised.
    update: Option<EveryTable>,
    /// The clock of the resolution. Default: not promised.
    resolve: Option<ResolveTable>,
    /// The effect of a workaround. Default: none.
    workaround: Option<Written<WorkaroundTable>>,
}

/// Facts that must all hold.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConditionTable {
    /// The state of the system.
    state: Option<StateWord>,
    /// So many customers, or more, are affected.
    #[schemars(range(min = 1, max = 1_000_000))]
    customers_at_least: Option<u32>,
    /// More than this share of users is affected. Until a person gives the share, it is 100%.
    share_above: Option<Parsed<Percent>>,
    /// This share of users, or more, is affected.
    share_at_least: Option<Parsed<Percent>>,
    /// True if the system is a partner's.
    partner: Option<bool>,
    /// The part of the service that is affected. Until a person says otherwise, it is critical.
    component: Option<ComponentWord>,
    /// True if there is a workaround.
    workaround: Option<bool>,
    /// True if access is prevented.
    prevents_access: Option<bool>,
    /// The type of the customer's report, or several.
    request: Option<OneOrMany<RequestWord>>,
    /// A flag of the incident. A breach has the flag "security".
    flag: Option<FlagWord>,
}

/// The clock of a response.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WithinTable {
    /// The longest time to the response.
    within: Parsed<Seconds>,
    /// The time that counts: all, or only business hours. Default: "elapsed".
    clock: Option<Written<ClockWord>>,
    /// The incidents that it holds for, by when they begin. Default: "always".
    during: Option<Written<DuringWord>>,
    /// True if the response must estimate the time of resolution. Default: false.
    #[serde(default)]
    estimate: bool,
}

/// The clock of updates to customers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EveryTable {
    /// The longest time between two updates.
    every: Parsed<Seconds>,
    /// The time that counts: all, or only business hours. Default: "elapsed".
    clock: Option<Written<ClockWord>>,
    /// The incidents that it holds for, by when they begin. Default: "always".
    during: Option<Written<DuringWord>>,
}

/// The clock of the resolution.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResolveTable {
    /// The longest time to the resolution.
    within: Parsed<Seconds>,
    /// The time that counts: all, or only business hours. Default: "elapsed".
    clock: Option<Written<ClockWord>>,
    /// The incidents that it holds for, by when they begin. Default: "always".
    during: Option<Written<DuringWord>>,
}

/// The effect of a workaround: one of the two.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WorkaroundTable {
    /// The severity that the incident then has.
    lowers_to: Option<Parsed<Id>>,
    /// True if it answers the resolution clock. Default: false.
    #[serde(default)]
    resolves: bool,
}

/// Clocks of some types of request, in place of those of their severity.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestTable {
    /// The types of request.
    #[schemars(length(min = 1))]
    types: Vec<Written<RequestWord>>,
    /// The clock of the response. Default: not promised.
    respond: Option<WithinTable>,
    /// The clock of updates to customers. Default: not promised.
    update: Option<EveryTable>,
    /// The clock of the resolution. Default: not promised.
    resolve: Option<ResolveTable>,
}

/// A commitment as written.
struct Promise {
    within: Parsed<Seconds>,
    clock: Option<Written<ClockWord>>,
    during: Option<Written<DuringWord>>,
    estimate: bool,
}

impl From<WithinTable> for Promise {
    fn from(table: WithinTable) -> Self {
        Self {
            within: table.within,
            clock: table.clock,
            during: table.during,
            estimate: table.estimate,
        }
    }
}

impl From<EveryTable> for Promise {
    fn from(table: EveryTable) -> Self {
        Self {
            within: table.every,
            clock: table.clock,
            during: table.during,
            estimate: false,
        }
    }
}

impl From<ResolveTable> for Promise {
    fn from(table: ResolveTable) -> Self {
        Self {
            within: table.within,
            clock: table.clock,
            during: table.during,
            estimate: false,
        }
    }
}

/// The business hours that a policy may refer to.
#[derive(Clone, Copy)]
pub(super) struct BusinessHours {
    pub are_given: bool,
}

impl BusinessHours {
    /// The time that a key counts.
    pub fn measure(self, source: &mut Source<'_>, word: Option<&Written<ClockWord>>) -> Measure {
        if let Some(word) = word.filter(|word| word.value == ClockWord::Business) {
            self.needed(source, &word.at);
        }
        word.map(|word| word.value).unwrap_or_default().into()
    }

    pub fn period(self, source: &mut Source<'_>, word: Option<&Written<DuringWord>>) -> Period {
        if let Some(word) = word.filter(|word| word.value != DuringWord::Always) {
            self.needed(source, &word.at);
        }
        word.map(|word| word.value).unwrap_or_default().into()
    }

    fn needed(self, source: &mut Source<'_>, at: &Place) {
        if !self.are_given {
            source.wrong(
                at,
                "this needs business hours: this file lacks `[hours.business]`",
            );
        }
    }

    fn commitment(
        self,
        source: &mut Source<'_>,
        promise: Option<impl Into<Promise>>,
    ) -> Option<Commitment> {
        let promise: Promise = promise?.into();
        let within_s = at_least(source, Some(&promise.within), 1).unwrap_or(1);
        Some(Commitment {
            within_s,
            measure: self.measure(source, promise.clock.as_ref()),
            during: self.period(source, promise.during.as_ref()),
            estimate: promise.estimate,
        })
    }
}

pub(super) fn severities(
    source: &mut Source<'_>,
    tables: Vec<Written<SeverityTable>>,
    hours: BusinessHours,
) -> Vec<Severity> {
    let ids = tables
        .iter()
        .map(|table| (table.id.value.as_str(), &table.id.at));
    unique(source, "severity", ids);
    let lower: Vec<Names> = (1..=tables.len()).map(|n| names(&tables[n..])).collect();
    let last = tables.len().saturating_sub(1);
    let read = tables.into_iter().zip(lower).enumerate();
    read.map(|(n, (Written { value: table, at }, lower))| {
        match table.when.first() {
            None if n != last => {
                let why = "a severity without `when` takes every incident: put it last, or say when it is picked";
                source.wrong(&at, why);
            }
            Some(first) if n == last => {
                let why = "the last severity takes every incident that is left: remove `when`, or add a severity";
                source.wrong(&first.at, why);
            }
            _ => {}
        }
        let workaround = table.workaround.and_then(|effect| workaround(source, effect, &lower));
        Severity {
            id: table.id.value,
            name: table.name.map(|name| name.value),
            when: table
                .when
                .into_iter()
                .map(|written| condition(source, written))
                .collect(),
            respond: hours.commitment(source, table.respond),
            update: hours.commitment(source, table.update),
            resolve: hours.commitment(source, table.resolve),
            workaround,
        }
    })
    .collect()
}

/// The ids of severities.
pub(super) fn names(tables: &[Written<SeverityTable>]) -> Names {
    Names {
        ids: tables.iter().map(|table| table.id.value.clone()).collect(),
        is_complete: !tables.iter().any(|table| table.id.is_stand_in()),
    }
}

fn workaround(
    source: &mut Source<'_>,
    Written { value: table, at }: Written<WorkaroundTable>,
    lower: &Names,
) -> Option<Workaround> {
    match (table.lowers_to, table.resolves) {
        (Some(id), false) => {
            reference(source, &id, "lower severity", lower);
            Some(Workaround::LowersTo(id.value))
        }
        (None, true) => Some(Workaround::Resolves),
        _ => {
            let why =
                "say one effect: `lowers_to`, as { lowers_to = \"3\" }, or { resolves = true }";
            source.wrong(&at, why);
            None
        }
    }
}

fn condition(
    source: &mut Source<'_>,
    Written { value: table, at }: Written<ConditionTable>,
) -> Condition {
    let requests = table
        .request
        .map(|OneOrMany(words)| words)
        .unwrap_or_default();
    let condition = Condition {
        state: table.state.map(Into::into),
        customers_at_least: table.customers_at_least,
        share_above_ppm: table.share_above.map(|share| share.value),
        share_at_least_ppm: table.share_at_least.map(|share| share.value),
        partner: table.partner,
        minor_component: table.component.map(|c| c == ComponentWord::NotCritical),
        workaround: table.workaround,
        prevents_access: table.prevents_access,
        requests: requests.into_iter().map(Into::into).collect(),
        flag: table.flag.map(Into::into),
    };
    if condition == Condition::default() {
        let why = "a condition without facts holds always: name a fact, as { state = \"down\" }";
        source.wrong(&at, why);
    }
    condition
}

pub(super) fn requests(
    source: &mut Source<'_>,
    tables: Vec<RequestTable>,
    hours: BusinessHours,
) -> Vec<RequestRule> {
    let types = tables.iter().flat_map(|table| &table.types);
    let all: Vec<(RequestWord, Place)> = types.map(|word| (word.value, word.at.clone())).collect();
    for (index, (word, at)) in all.iter().enumerate() {
        if all[..index]
            .iter()
            .any(|(before, place)| before == word && *place != values::STAND_IN)
        {
            source.wrong(at, "this type of request already has its clocks");
        }
    }
    let read = tables.into_iter().map(|table| RequestRule {
        types: table
            .types
            .into_iter()
            .map(|word| word.value.into())
            .collect(),
        respond: hours.commitment(source, table.respond),
        update: hours.commitment(source, table.update),
        resolve: hours.commitment(source, table.resolve),
    });
    read.collect()
}
