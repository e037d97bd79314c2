//! `policies/*.toml`: an agreement, its choices in the accounting, and its commitments.

mod desk;
mod escalation;
mod holidays;
pub(super) mod hours;
mod severity;
mod words;

use domain::id::PolicyId;
use domain::policy::{Commitments, DisasterRecovery, Feed, Policy, Target};
use schemars::JsonSchema;
use serde::Deserialize;
use values::{Format, Line, OneOrMany, Parsed, Percent, Seconds, Source, Written};

use super::fields::{Names, at_least};
use desk::DeskTable;
use escalation::LevelTable;
use hours::{HoursTable, WeeklyHours};
use severity::{BusinessHours, RequestTable, SeverityTable};
use words::ClockWord;

/// The coverage that is enough unless the policy says otherwise.
const MIN_COVERAGE_PPM: u32 = 990_000;

/// An agreement. The file's name is its id.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    /// The name that reports print.
    name: Parsed<Line>,
    /// The target of systems that name none.
    pub target: Option<Parsed<TargetPercent>>,
    /// "down" counts time without monitoring data as downtime. Default: "unknown".
    #[serde(default)]
    unknown: Unknown,
    /// "down" counts degraded time as downtime. Default: "up".
    #[serde(default)]
    degraded: Degraded,
    /// Shorter outages are excluded. Default: none is.
    ignore_outages_shorter_than: Option<Parsed<Seconds>>,
    /// The share of the time that must be known for a verdict on measured time. Default: 99%.
    min_coverage: Option<Parsed<Percent>>,
    /// The planned downtime that a system may have in a month. Default: no limit.
    monthly_allowance: Option<Parsed<Seconds>>,
    /// How long before its start customers must be notified of a one-off maintenance window, at least. A window may
    /// ask for more. Default: before its start.
    min_notice: Option<Parsed<Seconds>>,
    /// The hours that are agreed time. Default: all.
    service_hours: Option<OneOrMany<Written<WeeklyHours>>>,
    /// The hours in which maintenance may count as planned. Default: all.
    planned_hours: Option<OneOrMany<Written<WeeklyHours>>>,
    /// Hours that other keys refer to.
    hours: Option<HoursTable>,
    /// The severities, the strictest first. Default: none, and so no clocks.
    #[serde(default)]
    #[schemars(length(min = 1))]
    severity: Vec<Written<SeverityTable>>,
    /// Clocks of some types of request, in place of those of their severity.
    #[serde(default)]
    request: Vec<RequestTable>,
    /// The contacts that are notified of an incident, level by level. Default: none.
    #[serde(default)]
    escalation: Vec<LevelTable>,
    /// The time within which service is restored after a disaster. Default: not promised.
    disaster_recovery: Option<DisasterTable>,
    /// The objective of the service desk. Default: none.
    desk: Option<DeskTable>,
    /// The types of issue that the report form offers.
    issue_types: Option<Vec<Parsed<Line>>>,
    /// Feeds that go stale without data.
    #[serde(default)]
    feed: Vec<FeedTable>,
}

/// Disaster recovery. It runs from the act `declare_disaster` to the restored service.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DisasterTable {
    /// The longest time until service is restored.
    within: Parsed<Seconds>,
    /// The time that counts: all, or only business hours. Default: "elapsed".
    clock: Option<Written<ClockWord>>,
}

/// A kind of feed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FeedTable {
    /// Its name, as "batch".
    name: Parsed<Line>,
    /// It is stale after so long without data.
    stale_after: Parsed<Seconds>,
}

#[derive(Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Unknown {
    #[default]
    Unknown,
    Down,
}

#[derive(Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Degraded {
    #[default]
    Up,
    Down,
}

/// A target above 0%.
pub(super) struct TargetPercent;

impl Format for TargetPercent {
    type Value = Target;
    const IS: &'static str = Percent::IS;
    const EXAMPLE: &'static str = Percent::EXAMPLE;
    const PATTERN: Option<&'static str> = Percent::PATTERN;

    fn parse(text: &str) -> Result<Target, String> {
        match Percent::parse(text)? {
            0 => Err("target must be above 0%; remove the key for \"no target\"".to_owned()),
            ppm => Ok(Target { ppm }),
        }
    }
}

/// The target. Warns of one that is most likely a fraction written as a percentage.
pub(super) fn target_of(source: &mut Source<'_>, written: &Parsed<TargetPercent>) -> Target {
    let ppm = written.value.ppm;
    let percent = |ppm: u32| {
        let text = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        format!("{text}%")
    };
    if ppm <= 10_000 {
        let (said, meant) = (percent(ppm), percent(ppm * 100));
        let why = format!("{said} is one percent or less: did you mean \"{meant}\"?");
        source.warn(&written.at, why);
    } else if ppm < 500_000 {
        let why = "a target below 50% lets the system be down for more than half of the time";
        source.warn(&written.at, why);
    }
    written.value
}

/// The policy. Its escalation may name these contacts.
pub(super) fn policy(
    source: &mut Source<'_>,
    file: PolicyFile,
    id: &str,
    contacts: &Names,
) -> Policy {
    let shortest = at_least(source, file.ignore_outages_shorter_than.as_ref(), 1);
    if file.min_notice.is_none() {
        let why = "a one-off maintenance window counts as planned however late customers are notified: set \
                   `min_notice`, as \"24h\"";
        source.warn(&file.name.at, why);
    }
    let target = file.target.map(|target| target_of(source, &target));
    let mut union = |tables: Option<_>| tables.map(|tables| hours::union(source, tables));
    let (service_hours, planned_hours) = (union(file.service_hours), union(file.planned_hours));
    let hours = BusinessHours {
        are_given: file.hours.is_some(),
    };
    let severities = severity::names(&file.severity);
    let commitments = Commitments {
        business_hours: file.hours.map(|table| hours::business(source, table)),
        severities: severity::severities(source, file.severity, hours),
        requests: severity::requests(source, file.request, hours),
        escalation: escalation::levels(source, file.escalation, &severities, contacts, hours),
        disaster_recovery: file.disaster_recovery.map(|table| DisasterRecovery {
            within_s: at_least(source, Some(&table.within), 1).unwrap_or(1),
            measure: hours.measure(source, table.clock.as_ref()),
        }),
        desk: file.desk.map(|table| desk::desk(source, table, hours)),
        issue_types: issue_types(source, file.issue_types),
        feeds: feeds(source, file.feed),
    };
    Policy {
        id: PolicyId::from(id),
        name: file.name.value,
        target,
        unknown_is_down: file.unknown == Unknown::Down,
        degraded_is_down: file.degraded == Degraded::Down,
        ignore_shorter_s: shortest.unwrap_or(0),
        min_coverage_ppm: file.min_coverage.map_or(MIN_COVERAGE_PPM, |c| c.value),
        monthly_allowance_s: file.monthly_allowance.map(|allowance| allowance.value),
        min_notice_s: file.min_notice.map(|notice| notice.value),
        service_hours,
        planned_hours,
        commitments,
    }
}

fn issue_types(source: &mut Source<'_>, written: Option<Vec<Parsed<Line>>>) -> Vec<String> {
    let types = written.into_iter().flatten();
    let types: Vec<_> = types.map(|line| (line.value, line.at)).collect();
    source.no_repeats(&types);
    types.into_iter().map(|(name, _)| name).collect()
}

fn feeds(source: &mut Source<'_>, tables: Vec<FeedTable>) -> Vec<Feed> {
    let names: Vec<_> = tables
        .iter()
        .map(|table| (table.name.value.clone(), table.name.at.clone()))
        .collect();
    source.no_repeats(&names);
    let read = tables.into_iter().map(|table| Feed {
        name: table.name.value,
        stale_after_s: at_least(source, Some(&table.stale_after), 1).unwrap_or(1),
    });
    read.collect()
}
