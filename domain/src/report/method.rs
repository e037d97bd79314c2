//! How every figure was computed, in words: what holds for all, and what each agreement chose.

use std::collections::BTreeMap;

use jiff::civil::Time;

use super::model::{Choice, Method, Rule};
use super::scope::Scope;
use super::words;
use crate::id::PolicyId;
use crate::policy::{DayHours, Hours, Policy};

/// The method of this month.
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
        "From {} up to, not including, {}, in the committee\u{2019}s zone {} (time zone database {}): {}.",
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
        "By probes, as their users reach the systems{}. A result vouches until the next one, for two and a half intervals at most.",
        vantage.map_or(String::new(), |v| format!(", from the vantage {v}"))
    );
    [("Month", month), ("Measured", measured)]
        .into_iter()
        .chain(ALWAYS.map(|(word, text)| (word, text.to_owned())))
        .map(|(word, text)| Rule { word, text })
        .collect()
}

/// What holds for every month: SPEC sections 4 to 6 in a committee's words.
const ALWAYS: [(&str, &str); 13] = [
    (
        "Seconds",
        "Every second of a system\u{2019}s agreed time has exactly one class: up (degraded is a part of it), planned, excluded, unplanned or unknown. The classes add up to the agreed time exactly.",
    ),
    (
        "Contract availability",
        "1 \u{2212} unplanned / (agreed \u{2212} planned \u{2212} excluded \u{2212} unknown).",
    ),
    (
        "Experienced availability",
        "1 \u{2212} (planned + excluded + unplanned) / (agreed \u{2212} unknown): what customers lived through, whatever the contract excuses.",
    ),
    (
        "Coverage and unknown time",
        "Coverage is 1 \u{2212} unknown / agreed. Unknown time is neither uptime nor downtime, unless the agreement counts it as down: it is then part of the unplanned seconds, and of what was not observed all the same. The bounds take all of it as up (at best) and all of it as down (at worst). Missed: the target is missed even at best. Met: it is met even at worst. Where the two disagree, the measured figure decides, \u{201c}on measured time\u{201d}, if coverage is high enough; otherwise the verdict is \u{201c}not determinable\u{201d}. Where the agreement counts unknown time as down nothing is open: contract availability is the verdict, and \u{201c}at best\u{201d} only shows what it would be if all of it had been up.",
    ),
    (
        "Edges",
        "An outage starts at the first bad sample of the run that confirmed it and ends at the first good sample of the run that ended it, so both edges are known to one interval of its probes. Where nobody watched while it ended, what is printed of its length is the least that it can have been (\u{201c}at least\u{201d}). The times of a declared outage are as the person declared them. \u{201c}Within measurement error\u{201d} means that this uncertainty exceeds what is left to the target.",
    ),
    (
        "Planned time",
        "Downtime is planned only inside a window that was agreed or announced in time, and only up to the downtime that the window allows. What exceeds it, or lasts beyond the window\u{2019}s end, is unplanned from that second. Downtime that had begun before the window is planned from the window\u{2019}s start if it began within the window\u{2019}s grace (one interval of its probes, unless the window names another) or if other windows planned every second until then; otherwise it is unplanned to its end.",
    ),
    (
        "Error budget",
        "(1 \u{2212} target) \u{00d7} (agreed \u{2212} planned \u{2212} excluded \u{2212} unknown), compared exactly, printed floored to seconds. A running month\u{2019}s is that of its whole agreed time, less what has been planned, excluded and unknown so far.",
    ),
    (
        "Outages counted",
        "An outage with at least one unplanned agreed second counts once, in the month of its first such second; outages of a system that overlap or touch are one, in every count, length and milestone; each month carries its own share of the seconds. Mean time to restore is the unplanned seconds of the outages that ended in the month over their number; mean time between failures is the up seconds over the number counted. With none, \u{201c}no outages\u{201d} is printed, not zero.",
    ),
    (
        "Blips",
        "Bad samples that were never confirmed count as up; their number and seconds are printed.",
    ),
    (
        "Told",
        "Delivered means that a mail relay accepted the message; delivered is not the same as read. A customer is told when one of its contacts is; an outage\u{2019}s time to tell runs to the last customer told.",
    ),
    (
        "Milestones",
        "Counted from the outage\u{2019}s first unplanned second; of outages that overlap or touch, from the first of all of them, to the first that was detected, told of or taken on, and to the end of the last. Where customers had been told before, by the notice of an earlier outage of the same incident, that notice is named. What nobody recorded prints \u{201c}not recorded\u{201d}.",
    ),
    (
        "Percentages",
        "Truncated to three decimals, never rounded up. 100 % means that no loss was measured.",
    ),
    (
        "Targets and choices",
        "Those in force at the month\u{2019}s first instant; for a system added later, at its first. Later changes take effect with the next month.",
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

fn without() -> Vec<String> {
    [
        "All hours are agreed time.",
        "Unknown time is neither up nor down.",
        "Degraded time counts as up.",
        "No outage is too short to count.",
        "Measured time decides from 99.0 % coverage.",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What an agreement chose, in words.
pub(super) fn choices(policy: &Policy) -> Vec<String> {
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
        "No outage is too short to count.".to_owned()
    });
    texts.push(format!(
        "Measured time decides from {} % coverage.",
        words::target(crate::catalogue::Target {
            ppm: policy.min_coverage_ppm
        })
    ));
    if let Some(allowance) = policy.monthly_allowance_s {
        texts.push(format!(
            "At most {} of planned time a month and system.",
            words::length(allowance)
        ));
    }
    if let Some(hours) = limited(&policy.planned_hours) {
        texts.push(format!("Planned work earns only within: {hours}."));
    }
    texts
}

/// Hours as people write them: days in a row with the same hours together.
fn weekly(hours: &Hours) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let name = |day: &DayHours| DAYS[usize::from(day.weekday % 7)];
    let rows = hours.weekly.chunk_by(|a, b| {
        a.weekday.wrapping_add(1) == b.weekday && (a.open, a.close) == (b.open, b.close)
    });
    let texts: Vec<String> = rows
        .map(|row| {
            let days = match row {
                [first, _, .., last] => format!("{}\u{2013}{}", name(first), name(last)),
                few => few.iter().map(name).collect::<Vec<_>>().join(", "),
            };
            let Some(any) = row.first() else {
                return days;
            };
            let close = if any.close == Time::midnight() {
                "24:00".to_owned()
            } else {
                any.close.strftime("%H:%M").to_string()
            };
            format!("{days} {}\u{2013}{close}", any.open.strftime("%H:%M"))
        })
        .collect();
    format!("{} ({})", texts.join(", "), hours.zone)
}
