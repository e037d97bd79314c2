//! The method section: the rules for every month, and the choices of each agreement.

use std::collections::BTreeMap;

use jiff::civil::Time;

use super::model::{Choice, Method, Rule};
use super::scope::{Period, Scope};
use super::words;
use crate::id::PolicyId;
use crate::policy::{DayHours, Holiday, Hours, LocalTime, Policy};

pub(super) fn of(scope: &Scope<'_>) -> Method {
    Method {
        tzdb: scope.record.tzdb.clone(),
        length_s: scope.period.seconds(),
        rules: rules(scope),
        choices: by_policy(scope),
    }
}

fn rules(scope: &Scope<'_>) -> Vec<Rule> {
    let vantage = scope
        .configured
        .last()
        .map(|c| c.catalogue.vantage.as_str())
        .filter(|v| !v.is_empty());
    let tzdb = scope.record.tzdb.as_str();
    let month = format!(
        "From {} up to but not including {}, in the committee\u{2019}s zone {} (time zone database {}): {}.",
        words::instant(scope.period.from, &scope.zone),
        words::instant(scope.period.to, &scope.zone),
        scope.committee.zone,
        if tzdb.is_empty() {
            "not recorded"
        } else {
            tzdb
        },
        words::length(scope.period.seconds()),
    );
    let measured = format!(
        "By probes that use the systems as customers do{}. A result covers the time until the next one, at most two and a half intervals.",
        vantage.map_or(String::new(), |v| format!(", from the vantage {v}"))
    );
    let (title, terms) = match scope.covers {
        Period::Month(_) => ("Month", OF_A_MONTH),
        Period::Days(..) => ("Period", OF_OTHER_DAYS),
    };
    let word = scope.covers.word();
    let always = ALWAYS.into_iter().chain([("Targets and choices", terms)]);
    [(title, month), ("Measured", measured)]
        .into_iter()
        .chain(always.map(|(title, text)| (title, text.replace("{period}", word))))
        .map(|(word, text)| Rule { word, text })
        .collect()
}

const OF_A_MONTH: &str = "Those in force at the start of the month, or when a system was added during it. Later changes take effect with the next month.";
const OF_OTHER_DAYS: &str = "Those in force at the start of the month in which the first day lies, or when a system was added later. Changes within the period do not count.";

/// The rules of `docs/accounting.md` in a committee's words. `{period}` is `month`, or `period` for other days.
const ALWAYS: [(&str, &str); 13] = [
    (
        "Seconds",
        "Every second of a system\u{2019}s agreed time has exactly one class: up (degraded is part of up), planned, excluded, unplanned or unknown. The classes add up to the agreed time exactly.",
    ),
    (
        "Contract availability",
        "1 \u{2212} unplanned / (agreed \u{2212} planned \u{2212} excluded \u{2212} unknown).",
    ),
    (
        "Experienced availability",
        "1 \u{2212} (planned + excluded + unplanned) / (agreed \u{2212} unknown): the availability that customers saw, including time that the contract excuses.",
    ),
    (
        "Coverage and unknown time",
        "Coverage is 1 \u{2212} unknown / agreed. Unknown time is neither uptime nor downtime, unless the agreement counts it as down. It is then part of the unplanned seconds and is still printed as not observed. The bounds count all unknown time as up (at best) or as down (at worst). Missed: the target is missed even at best. Met: it is met even at worst. If the two disagree and coverage is high enough, the measured figure decides, \u{201c}on measured time\u{201d}; otherwise the verdict is \u{201c}not determinable\u{201d}. If the agreement counts unknown time as down, contract availability decides, and \u{201c}at best\u{201d} only shows the figure with all unknown time up.",
    ),
    (
        "Edges",
        "An outage starts at the first bad sample of the run that confirmed it and ends at the first good sample of the run that ended it, so both times are accurate to one interval of its probes. If the end was not observed, the shortest possible length is printed (\u{201c}at least\u{201d}). The times of a declared outage are those that the person declared. \u{201c}Within measurement error\u{201d} means that this uncertainty is larger than the distance to the target.",
    ),
    (
        "Planned time",
        "Downtime is planned only inside a window that was agreed or announced in time, and only up to the downtime that the window allows. Downtime beyond that limit or beyond the window\u{2019}s end is unplanned. Downtime that began before the window is planned from the window\u{2019}s start in two cases: it began within the window\u{2019}s grace period (one probe interval unless the window sets another), or other windows planned every second until then. Otherwise it is unplanned to its end.",
    ),
    (
        "Error budget",
        "(1 \u{2212} target) \u{00d7} (agreed \u{2212} planned \u{2212} excluded \u{2212} unknown), compared exactly and printed in whole seconds, rounded down. The budget of a running {period} uses the agreed time of the whole {period} and the planned, excluded and unknown time so far.",
    ),
    (
        "Outages counted",
        "An outage with at least one unplanned second of agreed time counts once, in the {period} of its first such second. Outages of a system that overlap or touch count as one in every count, length and milestone. Each {period} carries its own share of the seconds. Mean time to restore is the unplanned seconds of the outages that ended in the {period}, divided by their number. Mean time between failures is the up seconds divided by the number of outages counted. If there are none, \u{201c}no outages\u{201d} is printed instead of zero.",
    ),
    (
        "Blips",
        "Failures that were never confirmed as an outage count as up. Their number and seconds are printed.",
    ),
    (
        "Notified",
        "Delivered means that a mail relay or a webhook accepted the message, not that somebody read it. A customer is notified when one of its contacts is. The time to notify runs to the last customer.",
    ),
    (
        "Milestones",
        "Measured from the outage\u{2019}s first unplanned second. Outages that overlap or touch share one start, the earliest, and one end, the latest; the first detection, notice and acknowledgement of any of them counts. If customers had already been notified about an earlier outage of the same incident, that notice is named. A milestone without a record prints \u{201c}not recorded\u{201d}.",
    ),
    (
        "Latency",
        "The time of a probe\u{2019}s whole run, from the monitor. After each local day the conclusive samples of each probe are counted, and those that are up or degraded are counted by their latency, rounded up to two significant digits. A percentile is the smallest such latency that at least this share of the answered samples does not exceed. That of the {period} comes from the counts of all its days. The ledger has the SHA-256 of each day\u{2019}s counts.",
    ),
    (
        "Percentages",
        "Truncated to three decimals, never rounded up. 100 % means that no loss was measured.",
    ),
];

fn by_policy(scope: &Scope<'_>) -> Vec<Choice> {
    let mut groups: BTreeMap<Option<&PolicyId>, (Option<&Policy>, Vec<String>)> = BTreeMap::new();
    for overseen in scope.systems.values() {
        groups
            .entry(overseen.policy.map(|p| &p.id))
            .or_insert((overseen.policy, Vec::new()))
            .1
            .push(overseen.name.to_owned());
    }
    groups
        .into_values()
        .map(|(policy, systems)| Choice {
            policy: policy.map(|p| p.id.to_string()),
            name: policy.map_or("No agreement".to_owned(), |p| p.name.clone()),
            systems,
            texts: match policy {
                Some(policy) => choices(policy),
                None => without(),
            },
        })
        .collect()
}

pub(super) fn without() -> Vec<String> {
    [
        "All hours are agreed time.",
        "Unknown time is neither up nor down.",
        "Degraded time counts as up.",
        "Outages of any length count.",
        "Measured time decides if coverage is at least 99.0 %.",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The choices of a policy in words.
pub(crate) fn choices(policy: &Policy) -> Vec<String> {
    let limited = |hours: &Option<Hours>| hours.as_ref().filter(|h| !h.is_always()).map(weekly);
    let mut texts = vec![match limited(&policy.service_hours) {
        None => "All hours are agreed time.".to_owned(),
        Some(hours) => format!("Agreed time: {hours}."),
    }];
    texts.push(
        if policy.unknown_is_down {
            "Unknown time counts as down."
        } else {
            "Unknown time is neither up nor down."
        }
        .to_owned(),
    );
    texts.push(
        if policy.degraded_is_down {
            "Degraded time counts as down."
        } else {
            "Degraded time counts as up."
        }
        .to_owned(),
    );
    texts.push(if policy.ignore_shorter_s > 0 {
        format!(
            "Outages shorter than {} are excluded.",
            words::length(policy.ignore_shorter_s)
        )
    } else {
        "Outages of any length count.".to_owned()
    });
    texts.push(format!(
        "Measured time decides if coverage is at least {} %.",
        words::target(crate::policy::Target {
            ppm: policy.min_coverage_ppm
        })
    ));
    if let Some(allowance) = policy.monthly_allowance_s {
        texts.push(format!(
            "At most {} of planned time per system and month.",
            words::length(allowance)
        ));
    }
    if let Some(notice) = policy.min_notice_s {
        let least = match notice {
            0 => String::new(),
            s => format!("at least {} ", words::length(s)),
        };
        texts.push(format!(
            "One-off maintenance counts as planned only if customers are notified {least}before its start."
        ));
    }
    if let Some(hours) = limited(&policy.planned_hours) {
        texts.push(format!(
            "Maintenance counts as planned only within: {hours}."
        ));
    }
    texts
}

/// Hours in words; days in a row with the same hours are joined.
pub(crate) fn weekly(hours: &Hours) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let name =
        |day: &DayHours| DAYS[usize::from(day.weekday.to_monday_zero_offset().unsigned_abs())];
    let zone = hours.zone();
    let edge = |edge: &LocalTime, text: String| match zone {
        Some(_) => text,
        None => format!("{text} {}", edge.zone),
    };
    let rows = hours.weekly.chunk_by(|a, b| {
        a.weekday.to_monday_zero_offset() + 1 == b.weekday.to_monday_zero_offset()
            && (&a.open, &a.close) == (&b.open, &b.close)
    });
    let texts: Vec<String> = rows
        .map(|row| {
            let days = match row {
                [first, _, .., last] => format!("{}\u{2013}{}", name(first), name(last)),
                few => few.iter().map(name).collect::<Vec<_>>().join(", "),
            };
            let Some(DayHours { open, close, .. }) = row.first() else {
                return days;
            };
            let ends = if close.time == Time::midnight() {
                "24:00".to_owned()
            } else {
                close.time.strftime("%H:%M").to_string()
            };
            let begins = open.time.strftime("%H:%M").to_string();
            format!("{days} {}\u{2013}{}", edge(open, begins), edge(close, ends))
        })
        .collect();
    let mut text = texts.join(", ");
    if let Some(zone) = zone {
        text.push_str(&format!(" ({zone})"));
    }
    if !hours.holidays.is_empty() {
        let names: Vec<String> = hours.holidays.iter().map(holiday).collect();
        text.push_str(&format!(", not on {}", names.join(", ")));
    }
    text
}

fn holiday(holiday: &Holiday) -> String {
    match holiday {
        Holiday::Date(date) => date.to_string(),
        Holiday::UsFederal => "federal holidays of the United States (observed days)".to_owned(),
        Holiday::Yearly(yearly) if yearly.observed => format!("{} (observed)", yearly.name),
        Holiday::Yearly(yearly) => yearly.name.clone(),
    }
}
