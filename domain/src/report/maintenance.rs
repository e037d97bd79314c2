//! Maintenance windows of the month: what they allowed, whether they were earned, their downtime.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::model::{Moment, ToldByPerson, WindowLine};
use super::scope::{Scope, touches};
use super::systems::{Account, Accounts};
use super::{unplanned_reasons, words};
use crate::id::{CustomerId, WindowId};
use crate::span::{Spans, instant};
use crate::windows::{CustomerTold, Earned, Occurrence};

/// The windows that touch the month, in order of start. A one-off window of several systems is one
/// line, or several where the systems' agreements give different results.
pub(super) fn lines(scope: &Scope<'_>, accounts: &Accounts<'_>) -> Vec<WindowLine> {
    let mut lines: BTreeMap<(Timestamp, WindowId, String), (WindowLine, Vec<String>)> =
        BTreeMap::new();
    for account in accounts.values() {
        for window in &account.windows {
            let cancelled = window.why == Earned::Cancelled;
            if !touches(window.span.from, Some(window.span.to), scope.seen()) && !cancelled {
                continue;
            }
            let line = line(scope, account, window);
            let reasons = unplanned_reasons::of_window(scope, account, window);
            lines
                .entry((window.span.from, window.id.clone(), line.why.clone()))
                .and_modify(|(known, why)| {
                    why.extend(reasons.iter().cloned());
                    known.systems.extend(line.systems.iter().cloned());
                    known.downtime_s += line.downtime_s;
                    known.planned_s += line.planned_s;
                    known.overrun_s += line.overrun_s;
                    known.earned |= line.earned;
                })
                .or_insert((line, reasons));
        }
    }
    lines
        .into_values()
        .map(|(mut line, reasons)| {
            for reason in reasons {
                line.why.push_str("; ");
                line.why.push_str(&reason);
            }
            line
        })
        .collect()
}

fn line(scope: &Scope<'_>, account: &Account<'_>, window: &Occurrence) -> WindowLine {
    let figures = account.window(&window.id);
    WindowLine {
        window: window.id.to_string(),
        title: window.title.clone(),
        impact: window.impact.clone(),
        systems: vec![account.id.to_string()],
        start: Moment::of(window.span.from, &scope.zone),
        end: Moment::of(window.span.to, &scope.zone),
        announced: announced(scope, window),
        earned: !window.earned_parts.is_empty(),
        why: why(scope, window),
        cancelled: window.why == Earned::Cancelled,
        max_downtime_s: window.max_downtime_s,
        downtime_s: figures.map_or(0, |f| f.downtime.seconds()),
        planned_s: figures.map_or(0, |f| f.planned.seconds()),
        overrun_s: figures.map_or(0, |f| f.overrun.seconds()),
        recurring: window.recurring,
        told_by_people: told_by_people(scope, &window.id),
    }
}

fn told_by_people(scope: &Scope<'_>, window: &WindowId) -> Vec<ToldByPerson> {
    let records = scope
        .record
        .maintenance
        .one_off(window)
        .map(|entry| &entry.told_by_people);
    let line = |told: &CustomerTold| ToldByPerson {
        customer: told.customer.to_string(),
        name: name(scope, &told.customer),
        at: Moment::of(told.at, &scope.zone),
        recorded: (told.at < told.recorded_at).then(|| Moment::of(told.recorded_at, &scope.zone)),
        by: told.by.clone(),
        how: told.how.clone(),
        approved_by: told.approved_by.clone(),
    };
    records.into_iter().flatten().map(line).collect()
}

/// When it was announced: an instant, or the date of the agreement.
fn announced(scope: &Scope<'_>, window: &Occurrence) -> Option<String> {
    let moment = |at: Timestamp| {
        words::floor(at)
            .display_with_offset(scope.zone.to_offset(at))
            .to_string()
    };
    match &window.why {
        Earned::Agreed(date) => Some(date.to_string()),
        Earned::Known(at) | Earned::Told(at) => Some(moment(*at)),
        _ => scope
            .record
            .maintenance
            .one_off(&window.id)
            .and_then(|single| single.told.values().max().copied())
            .map(moment),
    }
}

/// The reason why a window is earned or not, and the part that is.
pub(super) fn why(scope: &Scope<'_>, window: &Occurrence) -> String {
    let at = |at: Timestamp| words::instant(at, &scope.zone);
    let mut text = match &window.why {
        Earned::Agreed(date) => format!("agreed on {date}"),
        Earned::Known(since) => format!("configured since {}, in time", at(*since)),
        Earned::Told(last) => format!("announced in time, the last customer at {}", at(*last)),
        Earned::NotTold(customers) if customers.is_empty() => "not announced in time".to_owned(),
        Earned::NotTold(customers) => {
            let names = words::list(&names(scope, customers));
            format!("not announced in time to {names}")
        }
        Earned::TooLate => "neither agreed nor configured in time for this date".to_owned(),
        Earned::OutsideHours => {
            "outside the hours that the agreement allows for maintenance".to_owned()
        }
        Earned::Cancelled => "cancelled".to_owned(),
    };
    let earned: Spans = window.earned_parts.iter().map(|part| part.span).collect();
    let held: Spans = [window.span].into_iter().collect();
    if !earned.is_empty() && !held.within(&earned) {
        let parts: Vec<String> = earned
            .iter()
            .map(|(from, to)| format!("from {} to {}", at(instant(from)), at(instant(to))))
            .collect();
        text.push_str(&format!(
            ", but only {}; the rest was not announced in time or is outside the allowed hours",
            words::list(&parts)
        ));
    }
    let single = scope.record.maintenance.one_off(&window.id);
    let last = single.and_then(|s| s.versions.last());
    if let Some(reason) = last.and_then(|(_, w)| w.override_reason.as_ref()) {
        text.push_str(&format!(
            "; scheduled outside the allowed hours by override: {reason}"
        ));
    }
    text
}

fn names(scope: &Scope<'_>, customers: &[CustomerId]) -> Vec<String> {
    customers.iter().map(|id| name(scope, id)).collect()
}

pub(super) fn name(scope: &Scope<'_>, id: &CustomerId) -> String {
    scope
        .configured
        .iter()
        .rev()
        .find_map(|c| c.catalogue.customer(id.as_str()))
        .map_or_else(|| id.to_string(), |c| c.name.clone())
}
