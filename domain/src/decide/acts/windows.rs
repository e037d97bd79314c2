//! The acts on a one-off window: schedule, extend, cancel, record which customer was told.

use jiff::{SignedDuration, Timestamp};

use super::{earlier_time, given, known, maybe, named, refuse, shown, shown_span};
use crate::act::Refusal;
use crate::actor::Actor;
use crate::calendar;
use crate::catalogue::{LONGEST_ANNOUNCE_S, Single};
use crate::event::Fact;
use crate::id::{CustomerId, WindowId};
use crate::record::Record;
use crate::report::words;
use crate::span::{Span, Spans, second};
use crate::suggest::{shorten, unknown};
use crate::text::is_id;
use crate::windows::{CustomerTold, OneOffHistory};

/// The longest single window. A slip in a year would otherwise announce work for a lifetime.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How far ahead a single window may start. A slip in the year would otherwise be announced, and forgotten.
const AHEAD: SignedDuration = SignedDuration::from_hours(732 * 24);

/// How long ago a window may have started when it is scheduled: the time that it takes to send the
/// command. A window begun before that would be announced as work that starts now.
const TYPING: SignedDuration = SignedDuration::from_secs(60);

/// The advice for a window that lies in the past.
const PAST: &str = "a window plans only what comes after it is scheduled. Schedule it from now on; record \
    downtime that the probes did not see with `nines incident declare`, and customers whom you notified of \
    a scheduled window with `nines maintenance told`";

/// The longest of its other lengths, as in the configuration: ten years.
const LONGEST_S: i64 = 3_653 * 86_400;

/// That a length of time is one, and no slip.
fn a_length(seconds: Option<i64>) -> Result<(), Refusal> {
    match seconds {
        Some(s) if s < 0 => refuse("a length of time cannot be negative"),
        Some(s) if s > LONGEST_S => refuse("a length of time is ten years at most"),
        _ => Ok(()),
    }
}

/// A length as one reads it in a terminal.
fn plain_length(seconds: i64) -> String {
    words::length(seconds).replace('\u{a0}', " ")
}

/// Checks that an allowance fits into its window. More of it would have no effect: it is a slip.
fn fits(max_downtime_s: Option<i64>, start: Timestamp, end: Timestamp) -> Result<(), Refusal> {
    a_length(max_downtime_s)?;
    let length_s = end.duration_since(start).as_secs();
    match max_downtime_s {
        Some(s) if s > length_s => refuse(format!(
            "an allowance of {} is longer than the window itself, {}",
            plain_length(s),
            plain_length(length_s)
        )),
        _ => Ok(()),
    }
}

/// That a window is not longer than any work is.
fn not_too_long(record: &Record, start: Timestamp, end: Timestamp) -> Result<(), Refusal> {
    if end.duration_since(start) <= LONGEST {
        return Ok(());
    }
    refuse(format!(
        "a window from {} is too long: at most 31 days are allowed",
        shown_span(record, Span::new(start, end))
    ))
}

/// The window that is to be changed.
fn single(record: &Record, id: &WindowId) -> Result<OneOffHistory, Refusal> {
    match record.maintenance.one_off(id) {
        Some(entry) if entry.cancelled_at.is_some() => refuse(format!("window {id} is cancelled")),
        Some(entry) => Ok(entry.clone()),
        None => {
            let known = record.maintenance.all_one_off();
            let known = unknown(
                "one-off window",
                id.as_str(),
                known.map(|(id, _)| id.as_str()),
            );
            let recurring = match id.as_str().contains(['/', '@']) {
                true => ": a recurring one is changed in the configuration",
                false => "",
            };
            refuse(format!("{known}{recurring}"))
        }
    }
}

pub(super) fn schedule(record: &Record, at: Timestamp, window: &Single) -> Result<Fact, Refusal> {
    makes_sense(record, at, window)?;
    within_planned_hours(record, window, "--override")?;
    let mut window = Single {
        min_notice_s: least_notice(record, window),
        ..window.clone()
    };
    window.announce_s.sort_unstable_by(|a, b| b.cmp(a));
    window.announce_s.dedup();
    // A reason that no policy asks for would be reported as an override.
    let given = window.override_reason.take();
    if within_planned_hours(record, &window, "").is_err() {
        window.override_reason = given;
    }
    Ok(Fact::WindowScheduled { window })
}

/// The longest of the window's own notice and those that the policies of its systems ask for. The window keeps it: a
/// later policy changes no window that was announced before.
fn least_notice(record: &Record, window: &Single) -> Option<i64> {
    let policies = window.systems.iter().filter_map(|s| record.policy_of(s));
    let asked = policies.filter_map(|policy| policy.min_notice_s);
    asked.chain(window.min_notice_s).max()
}

/// Checks a new window.
fn makes_sense(record: &Record, at: Timestamp, window: &Single) -> Result<(), Refusal> {
    if record.maintenance.one_off(&window.id).is_some() {
        return refuse(format!("there is a window `{}` already", window.id));
    }
    if !is_id(window.id.as_str()) {
        return refuse(format!(
            "`{}` cannot be the id of a window: use lower-case letters, digits and inner hyphens, at most 64, \
             as in `database-move`",
            shorten(window.id.as_str())
        ));
    }
    named(&window.title, "the window's title")?;
    maybe(window.impact.as_deref(), "the window's impact")?;
    maybe(window.override_reason.as_deref(), "the reason")?;
    if window.systems.is_empty() {
        return refuse("a window needs at least one system");
    }
    for (n, system) in window.systems.iter().enumerate() {
        known(record, system)?;
        if window.systems[..n].contains(system) {
            return refuse(format!("`{system}` is named twice"));
        }
    }
    if window.start >= window.end {
        return refuse(format!(
            "the window ends at {}, before it starts",
            shown(record, window.end)
        ));
    }
    if window.end <= at {
        return refuse(format!(
            "the window ended at {}, which is in the past: {PAST}",
            shown(record, window.end)
        ));
    }
    if at.duration_since(window.start) > TYPING {
        return refuse(format!(
            "the window starts at {}, which is in the past: {PAST}",
            shown(record, window.start)
        ));
    }
    if window.start.duration_since(at) > AHEAD {
        return refuse(format!(
            "the window starts at {}, more than two years (732 days) from now: is the year right?",
            shown(record, window.start)
        ));
    }
    not_too_long(record, window.start, window.end)?;
    a_length(window.min_notice_s)?;
    a_length(window.start_grace_s)?;
    for before_s in &window.announce_s {
        if !(1..=LONGEST_ANNOUNCE_S).contains(before_s) {
            return refuse(
                "a reminder is sent at least one second and at most 90 days before the window starts",
            );
        }
    }
    fits(window.max_downtime_s, window.start, window.end)
}

/// Outside the hours that a policy allows for planned work, scheduling needs a reason (and
/// earns nothing all the same).
fn within_planned_hours(record: &Record, window: &Single, flag: &str) -> Result<(), Refusal> {
    let reason = window.override_reason.as_deref().unwrap_or_default();
    if !reason.trim().is_empty() {
        return Ok(());
    }
    let span = Span::new(window.start, window.end);
    for system in &window.systems {
        let policy = record.policy_of(system);
        let Some(hours) = policy.and_then(|p| p.planned_hours.as_ref()) else {
            continue;
        };
        // Hours in a zone that does not exist allow nothing, as in the accounting.
        let open = calendar::open(hours, span).unwrap_or_default();
        let wanted: Spans = [span].into_iter().collect();
        if !wanted.within(&open) {
            return refuse(format!(
                "{} lies outside the hours that the policy of `{system}` allows for planned work: choose \
                 another time, or give the reason with {flag} (downtime outside them counts as \
                 unplanned)",
                shown_span(record, span)
            ));
        }
    }
    Ok(())
}

pub(super) fn extend(
    record: &Record,
    at: Timestamp,
    id: &WindowId,
    end: Timestamp,
    max_downtime_s: Option<i64>,
    reason: Option<&str>,
) -> Result<Fact, Refusal> {
    let entry = single(record, id)?;
    let last = last_version(&entry);
    if last.end <= at {
        return refuse(format!("window {id} ended at {}", shown(record, last.end)));
    }
    if end <= last.start {
        return refuse(format!(
            "window {id} starts at {}: cancel it with `nines maintenance cancel {id}`",
            shown(record, last.start)
        ));
    }
    not_too_long(record, last.start, end)?;
    maybe(reason, "the reason")?;
    let less = |s: &i64| last.max_downtime_s.is_none_or(|held| *s < held);
    if last.start <= at && max_downtime_s.as_ref().is_some_and(less) {
        return refuse(format!(
            "window {id} began at {}: an allowance that may have been used cannot be lowered; end the window, or reclassify its outage",
            shown(record, last.start)
        ));
    }
    // Ended early means ended now: what has been held cannot be taken back.
    let end = if end < at { at } else { end };
    fits(max_downtime_s, last.start, end)?;
    let mut window = Single {
        end,
        max_downtime_s: max_downtime_s.or(last.max_downtime_s),
        ..last.clone()
    };
    if window == *last {
        return refuse(format!(
            "window {id} ends at {} already",
            shown(record, end)
        ));
    }
    if end > last.end && within_planned_hours(record, &window, "").is_err() {
        // The reason of the extension is the reason of the override, too.
        window.override_reason = reason.map(str::to_owned);
        within_planned_hours(record, &window, "--reason")?;
    }
    Ok(Fact::WindowChanged {
        window,
        reason: reason.map(str::to_owned),
    })
}

pub(super) fn cancel(
    record: &Record,
    at: Timestamp,
    window: &WindowId,
    reason: &str,
) -> Result<Fact, Refusal> {
    given(reason, "the reason")?;
    let entry = single(record, window)?;
    let last = last_version(&entry);
    if last.start <= at {
        return refuse(format!(
            "window {window} began at {}: end it early with `nines maintenance extend {window} --end TIME`",
            shown(record, last.start)
        ));
    }
    Ok(Fact::WindowCancelled {
        window: window.clone(),
        reason: Some(reason.to_owned()),
    })
}

pub(super) fn told(
    record: &Record,
    by: &Actor,
    window: &WindowId,
    told: CustomerTold,
) -> Result<Fact, Refusal> {
    let CustomerTold {
        customer,
        at: told_at,
        recorded_at: at,
        how,
        approved_by,
        ..
    } = told;
    given(&how, "how the customer was told")?;
    let entry = single(record, window)?;
    let counts_from = earlier_time(record, at, by, Some(told_at), approved_by.as_deref())?;
    let scheduled_at = entry.versions.first().map(|(made_at, _)| *made_at);
    if let (Some(from), Some(made_at)) = (counts_from, scheduled_at)
        && second(from) < second(made_at)
    {
        return refuse(format!(
            "window {window} was scheduled at {}: customers cannot have been notified of it before that",
            shown(record, made_at)
        ));
    }
    concerns(record, &customer, &entry)?;
    // People write whole seconds.
    let counts_from = counts_from.max(counts_from.and(scheduled_at));
    Ok(Fact::CustomerNotified {
        window: window.clone(),
        customer,
        how,
        counts_from,
        approved_by,
    })
}

/// That a customer has systems of a window, or had them when it was to be told of it.
fn concerns(record: &Record, customer: &CustomerId, entry: &OneOffHistory) -> Result<(), Refusal> {
    if record
        .configurations
        .customers_of_window(entry)
        .contains(customer)
    {
        return Ok(());
    }
    let Some(known) = record.catalogue.customer(customer.as_str()) else {
        let known = record.catalogue.customers.iter();
        return refuse(unknown(
            "customer",
            customer.as_str(),
            known.map(|c| c.id.as_str()),
        ));
    };
    let window = last_version(entry);
    if known.systems.iter().any(|s| window.systems.contains(s)) {
        return Ok(());
    }
    refuse(format!(
        "customer `{customer}` has none of the systems of {}",
        window.id
    ))
}

/// The window as it was scheduled last.
fn last_version(entry: &OneOffHistory) -> &Single {
    let (_, window) = entry
        .versions
        .last()
        // A single window enters the record with its first version and never loses one.
        .unwrap_or_else(|| unreachable!("a window without a version"));
    window
}
