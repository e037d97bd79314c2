//! The sentences after an act: does a window count as planned, who is notified, and what is left to do?

use std::collections::BTreeMap;

use domain::act::Act;
use domain::catalogue::Single;
use domain::event::{Event, Fact};
use domain::id::{IncidentId, WindowId};
use domain::notice::Notice;
use domain::record::{Record, WindowStatus};
use domain::report::words;
use domain::span::Span;
use domain::windows::{Earned, Occurrence};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Mails named one by one; more are counted.
const NAMED: usize = 5;

/// The sentences after an act that recorded `events`. `record` is the state with them.
pub fn sentences(
    record: &Record,
    now: Timestamp,
    act: &Act,
    events: &[(u64, Event)],
    notices: &[Notice],
) -> Vec<String> {
    let mut said = Vec::new();
    match act {
        Act::ScheduleMaintenance(Single { id: window, .. })
        | Act::ExtendMaintenance { window, .. } => {
            said.extend(of_window(record, window, now));
            said.extend(overlaps(record, window));
        }
        Act::Told { window, .. } => said.extend(of_window(record, window, now)),
        Act::Exclude {
            approved_by: None, ..
        } => said.push(
            "recorded without effect: the span counts as unplanned until it is recorded again with \
             --approved-by and another person's name"
                .to_owned(),
        ),
        _ => {}
    }
    said.extend(
        events
            .iter()
            .filter_map(|(_, event)| left(record, &event.fact)),
    );
    let may_mail = matches!(
        act,
        Act::ScheduleMaintenance(_)
            | Act::ExtendMaintenance { .. }
            | Act::CancelMaintenance { .. }
            | Act::DeclareOutage { .. }
            | Act::ChangeDeclaration { .. }
            | Act::Reclassify { .. }
    );
    if may_mail || !notices.is_empty() {
        said.push(mails(record, notices));
    }
    said
}

/// Names the mails that leave.
fn mails(record: &Record, notices: &[Notice]) -> String {
    if notices.is_empty() {
        return "no mail leaves because of this now".to_owned();
    }
    let when = match record.monitoring.is_watching() {
        true => "leave now",
        false => "leave when the service starts",
    };
    let mut by_kind: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for notice in notices {
        let to = format!("{} ({})", notice.recipient.address, notice.recipient.name);
        by_kind.entry(notice.kind.word()).or_default().push(to);
    }
    let each = by_kind.iter().map(|(kind, to)| {
        let rest = match to.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named: Vec<&str> = to.iter().take(NAMED).map(String::as_str).collect();
        format!("`{kind}` to {}{rest}", named.join(", "))
    });
    let each: Vec<String> = each.collect();
    match notices.len() {
        1 => format!(
            "one mail {}: {}",
            when.replace("leave ", "leaves "),
            each.join("; ")
        ),
        n => format!("{n} mails {when}: {}", each.join("; ")),
    }
}

/// The step that a fact leaves for a person.
fn left(record: &Record, fact: &Fact) -> Option<String> {
    let missing = |incident: &IncidentId| {
        let found = record.incidents.get(*incident)?;
        Some(match (found.missing().as_slice(), found.resolved_at) {
            ([], Some(_)) => {
                format!("nothing is missing: close it with `nines incident close {incident}`")
            }
            ([], None) => format!("{incident} can be closed when its systems are up"),
            (missing, _) => format!(
                "{incident} still lacks {}: write it with `nines incident review {incident}`",
                missing.join(", ")
            ),
        })
    };
    match fact {
        Fact::IncidentAcknowledged { incident, .. } | Fact::IncidentReviewed { incident, .. } => {
            missing(incident)
        }
        Fact::OutageDeclared {
            outage, to: None, ..
        } => Some(format!(
            "{outage} goes on until you end it: `nines incident end {outage} --to TIME --reason REASON`"
        )),
        _ => None,
    }
}

fn at(at: Timestamp, zone: &TimeZone) -> String {
    words::instant(at, zone).replace('\u{a0}', " ")
}

fn spans(spans: &[Span], zone: &TimeZone) -> String {
    let each = spans
        .iter()
        .map(|s| format!("{} to {}", at(s.from, zone), at(s.to, zone)));
    each.collect::<Vec<_>>().join(", ")
}

/// Says whether a one-off window counts as planned, and why.
pub fn of_window(record: &Record, id: &WindowId, now: Timestamp) -> Vec<String> {
    let zone = record.zone();
    let Some(status) = record.window_status(id, now) else {
        return Vec::new();
    };
    let open = open_points(&status, &zone);
    if !open.is_empty() {
        return open;
    }
    let customers = record.maintenance.one_off(id);
    let customers = customers.map(|history| record.configurations.customers_of_window(history));
    let why = match customers.is_some_and(|customers| customers.is_empty()) {
        true => "no customer depends on its systems",
        false => "every customer was notified in time",
    };
    vec![format!("counts as planned: {why}")]
}

/// Names each other window of the same systems that overlaps this one: often the same work, announced twice.
fn overlaps(record: &Record, id: &WindowId) -> Vec<String> {
    let history = record.maintenance.one_off(id);
    let Some((_, window)) = history.and_then(|history| history.versions.last()) else {
        return Vec::new();
    };
    let span = Span::new(window.start, window.end);
    let zone = record.zone();
    let is_another = |o: &Occurrence| o.id != *id && o.why != Earned::Cancelled;
    let mut systems: BTreeMap<WindowId, (Occurrence, Vec<&str>)> = BTreeMap::new();
    for system in &window.systems {
        for other in record
            .windows_of(system, span)
            .into_iter()
            .filter(is_another)
        {
            let entry = systems.entry(other.id.clone());
            entry.or_insert((other, Vec::new())).1.push(system.as_str());
        }
    }
    let each = systems.into_values().map(|(other, systems)| {
        format!(
            "warning: it overlaps the window {} of {}, {}",
            other.id,
            systems.join(", "),
            spans(&[other.span], &zone)
        )
    });
    each.collect()
}

/// One sentence for each open point; none if the whole window counts as planned.
fn open_points(outlook: &WindowStatus, zone: &TimeZone) -> Vec<String> {
    let mut said = Vec::new();
    let by = at(outlook.tell_by, zone);
    let lacks = !outlook.unearned.is_empty() || outlook.announced_s.is_some();
    if lacks && !outlook.late && !outlook.not_yet_told.is_empty() {
        let untold: Vec<&str> = outlook.not_yet_told.iter().map(|c| c.as_str()).collect();
        said.push(format!(
            "counts as planned if all customers are notified by {by}; still to be notified: {} \
             (record with `nines maintenance told` each customer that you notified yourself)",
            untold.join(", ")
        ));
    }
    if outlook.late && !outlook.unearned.is_empty() {
        said.push(format!(
            "too late to count as planned: customers had to be notified by {by}; downtime from {} counts as \
             unplanned",
            spans(&outlook.unearned, zone)
        ));
    }
    if let (true, Some(announced_s)) = (outlook.late, outlook.announced_s) {
        said.push(format!(
            "too late for the new allowance: customers had to be notified by {by}; {} of downtime count \
             as planned, as announced in time, and the rest as unplanned",
            words::length(announced_s).replace('\u{a0}', " ")
        ));
    }
    if !outlook.outside_hours.is_empty() {
        said.push(format!(
            "outside the hours that the policy allows for maintenance: downtime from {} counts \
             as unplanned",
            spans(&outlook.outside_hours, zone)
        ));
    }
    said
}
