//! `policies/*.toml`: an agreement and the choices it makes in the arithmetic.

use domain::id::PolicyId;
use domain::policy::{Hours, Policy, Target};
use schemars::JsonSchema;
use serde::Deserialize;
use values::{ClockTime, Format, Line, Parsed, Percent, Seconds, Source, Weekday, Zone};

use super::fields::at_least;

/// The coverage that is enough unless the policy says otherwise.
const MIN_COVERAGE_PPM: u32 = 990_000;

/// An agreement. The file's name is its id.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["hours", "holidays", "severity", "escalation", "disaster_recovery", "clock", "warning"]))]
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
    service_hours: Option<WeeklyHours>,
    /// The hours in which maintenance may count as planned. Default: all.
    planned_hours: Option<WeeklyHours>,
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

/// Hours of the week.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["holidays"]))]
struct WeeklyHours {
    /// The weekdays on which the hours begin.
    #[schemars(length(min = 1))]
    days: Vec<Parsed<Weekday>>,
    /// The local time at which the hours begin.
    open: Parsed<ClockTime>,
    /// The local time at which they end; on the next day if it is not after `open`.
    close: Parsed<ClockTime>,
    /// The time zone of both.
    zone: Parsed<Zone>,
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

pub(super) fn policy(source: &mut Source<'_>, file: PolicyFile, id: &str) -> Policy {
    let shortest = at_least(source, file.ignore_outages_shorter_than.as_ref(), 1);
    if file.min_notice.is_none() {
        let why = "a one-off maintenance window counts as planned however late customers are notified: set \
                   `min_notice`, as \"24h\"";
        source.warn(&file.name.at, why);
    }
    let target = file.target.map(|target| target_of(source, &target));
    let mut hours = |hours: Option<WeeklyHours>| hours.map(|hours| weekly(source, hours));
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
        service_hours: hours(file.service_hours),
        planned_hours: hours(file.planned_hours),
    }
}

fn weekly(source: &mut Source<'_>, hours: WeeklyHours) -> Hours {
    let days = hours.days.into_iter().map(|day| (day.value, day.at));
    let days: Vec<_> = days.collect();
    source.no_repeats(&days);
    let mut days: Vec<_> = days.into_iter().map(|(day, _)| day).collect();
    days.sort_by_key(|day| day.to_monday_zero_offset());
    Hours::on(days, hours.open.value, hours.close.value, &hours.zone.value)
}
