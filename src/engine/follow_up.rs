//! The sentences after an act: does a window count as planned, who is notified, and what is left to do?

use std::collections::{BTreeMap, BTreeSet};

use domain::act::Act;
use domain::catalogue::Single;
use domain::event::{Event, Fact};
use domain::id::{IncidentId, WindowId};
use domain::notice::{Address, Kind, Notice};
use domain::record::{Record, WindowStatus};
use domain::report::words;
use domain::span::Span;
use domain::windows::{Earned, Occurrence};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Mails named one by one; more are counted.
const NAMED: usize = 5;

/// The sentences after an act that recorded `events`. `record` is the state with them; `notices` leave because of the
/// act, and a mail to so many `subscribers`.
pub fn sentences(
    record: &Record,
    now: Timestamp,
    act: &Act,
    events: &[(u64, Event)],
    notices: &[Notice],
    subscribers: usize,
) -> Vec<String> {
    let mut said = Vec::new();
    match act {
        Act::ScheduleMaintenance(Single { id: window, .. })
        | Act::ExtendMaintenance { window, .. } => {
            said.extend(of_window(record, window, now));
            said.extend(reminders(record, window, now));
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
            | Act::ResendNotice { .. }
            | Act::DeclareOutage { .. }
            | Act::ChangeDeclaration { .. }
            | Act::Reclassify { .. }
            | Act::Update { public: true, .. }
            | Act::Correct { .. }
    );
    let later = later(record, events, notices);
    if (may_mail && later.is_none()) || !notices.is_empty() || subscribers > 0 {
        said.push(mails(record, notices, subscribers));
    }
    said.extend(later);
    said
}

/// Names the mails that are owed because of `events` and cannot leave now: their addresses get another mail first, or
/// cannot be reached at present.
fn later(record: &Record, events: &[(u64, Event)], notices: &[Notice]) -> Option<String> {
    let (first, _) = events.first()?;
    let posts = record.notices.post_entries();
    let posts = posts.map(|(_, to, e)| (e.kind, to, e.cause, e.known));
    let windows = record.notices.window_entries();
    let windows = windows.map(|(to, e)| (e.kind, to, e.cause, e.known));
    let alerts = record.notices.alerts();
    let alerts = alerts.map(|(cause, to, e)| (e.kind, to, cause, e.known));
    let all = posts.chain(windows).chain(alerts);
    let owed = all.filter(|(_, _, cause, known)| first <= cause && known.is_owed());
    let owed = owed.filter(|(_, to, ..)| to.subscriber().is_none());
    let leaves = |kind: Kind, to: &Address| {
        let mut now = notices.iter();
        now.any(|n| n.kind == kind && n.recipient.address == *to)
    };
    let owed = owed.filter(|(kind, to, ..)| !leaves(*kind, to));
    let owed: BTreeSet<String> = owed
        .map(|(kind, to, ..)| format!("`{kind}` to {to}"))
        .collect();
    let rest = match owed.len() {
        0 => return None,
        n if n > NAMED => format!(" and {} more", n - NAMED),
        _ => String::new(),
    };
    let named: Vec<&str> = owed.iter().take(NAMED).map(String::as_str).collect();
    Some(format!(
        "leaves later, after what these addresses are owed before it, or when they can be reached: {}{rest}",
        named.join(", ")
    ))
}

/// Says when the customers of a window will be reminded of it.
fn reminders(record: &Record, id: &WindowId, now: Timestamp) -> Option<String> {
    let history = record.maintenance.one_off(id)?;
    let (_, window) = history.versions.last()?;
    let zone = record.zone();
    let due = window.announce_s.iter().filter_map(|before_s| {
        let before = SignedDuration::from_secs(*before_s);
        window.start.checked_sub(before).ok()
    });
    let due: Vec<String> = due
        .filter(|due| now < *due)
        .map(|due| at(due, &zone))
        .collect();
    (!due.is_empty()).then(|| format!("its customers are reminded at {}", due.join(", ")))
}

/// Names the mails that leave. Those to subscribers are counted.
fn mails(record: &Record, notices: &[Notice], subscribers: usize) -> String {
    if notices.is_empty() && subscribers == 0 {
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
    let mut each: Vec<String> = each.collect();
    match subscribers {
        0 => {}
        1 => each.push("one to a subscriber of the public pages".to_owned()),
        n => each.push(format!("{n} to subscribers of the public pages")),
    }
    match notices.len() + subscribers {
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

#[cfg(test)]
mod tests {
    use domain::act::Selector;
    use domain::actor::Actor;
    use domain::event::SubscriptionCause;
    use domain::id::{OutageId, SubscriberId};
    use domain::incident::Cause;

    use super::*;
    use crate::engine::rehearsal::rehearse;
    use crate::engine::tests::fixtures::{catalogue, t};

    fn tell(record: &mut Record, fact: Fact) {
        let (at, by) = (t(0), Actor::service());
        record.apply(record.seq + 1, &Event { at, by, fact });
    }

    /// The portal is watched.
    fn watched() -> Record {
        let mut record = Record::default();
        let catalogue = Box::new(catalogue());
        tell(&mut record, Fact::Configured { catalogue });
        tell(&mut record, Fact::Started { alive_until: None });
        record
    }

    /// The portal is down since 0, and its customer is owed the notice.
    fn down() -> Record {
        let mut record = watched();
        let outage = OutageId(1);
        let opened = Fact::OutageOpened {
            outage,
            system: "portal".into(),
            start: t(0),
            planned: false,
        };
        tell(&mut record, opened);
        let incident = Fact::IncidentOpened {
            incident: IncidentId(1),
            systems: vec!["portal".into()],
            outages: vec![outage],
            cause: Cause::Outage,
        };
        tell(&mut record, incident);
        record
    }

    fn window() -> Single {
        let hours = |hours: i64| t(hours * 3_600);
        Single {
            id: "disks".into(),
            systems: vec!["portal".into()],
            title: "Disks".to_owned(),
            impact: None,
            start: hours(30),
            end: hours(31),
            max_downtime_s: None,
            min_notice_s: None,
            start_grace_s: None,
            override_reason: None,
            announce_s: vec![7 * 86_400, 86_400, 3_600],
        }
    }

    /// The sentences about an act that is tried.
    fn tried(record: &Record, act: &Act) -> String {
        let now = t(60);
        let tried = rehearse(record, now, &Actor::cli("kim"), act, true, None).unwrap();
        let (notices, subscribers) = (&tried.notices, tried.subscribers);
        sentences(&tried.record, now, act, &tried.events, notices, subscribers).join("\n")
    }

    fn update() -> Act {
        Act::Update {
            incident: Selector::Id(IncidentId(1)),
            text: "We look at it.".to_owned(),
            public: true,
            phase: None,
            estimate: None,
        }
    }

    #[test]
    fn subscribers_are_counted_and_never_named() {
        let chosen = |id| Fact::SubscriptionChanged {
            subscriber: SubscriberId(id),
            systems: vec!["portal".into()],
            cause: SubscriptionCause::Confirmed,
        };
        let mut record = down();
        tell(&mut record, chosen(1));
        // The subscriber is owed the downtime first, as the customer is.
        let said = tried(&record, &update());
        assert!(!said.contains("subscriber"), "{said}");
        let mut record = watched();
        tell(&mut record, chosen(1));
        let said = tried(&record, &Act::ScheduleMaintenance(window()));
        let one = "2 mails leave now: `maintenance-scheduled` to it@st-elsewhere.example (St. Elsewhere); one to a \
             subscriber of the public pages";
        assert!(said.contains(one), "{said}");
        tell(&mut record, chosen(2));
        let said = tried(&record, &Act::ScheduleMaintenance(window()));
        let two = "2 to subscribers of the public pages";
        assert!(said.contains(two) && !said.contains("S-1"), "{said}");
    }

    #[test]
    fn an_update_that_waits_for_the_downtime_says_so() {
        let said = tried(&down(), &update());
        let expected = "leaves later, after what these addresses are owed before it, or when they can be reached: \
             `update` to it@st-elsewhere.example";
        assert_eq!(said, expected);
    }

    #[test]
    fn a_window_says_when_its_customers_are_reminded() {
        let act = Act::ScheduleMaintenance(window());
        let said = tried(&down(), &act);
        let expected =
            "its customers are reminded at 2026-10-01 16:00:00 EDT, 2026-10-02 15:00:00 EDT";
        assert!(said.contains(expected), "{said}");
    }
}
