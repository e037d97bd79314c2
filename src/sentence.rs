//! One plain sentence for each event of the ledger, for people who read it line by line.

mod handling;
mod subscriptions;

use domain::desk;
use domain::event::{Delivery, Event, Fact, GapCause, Silence, is_set_back};
use domain::id::{NoticeId, OutageId, PolicyId, SystemId};
use domain::incident::{Cause, Review};
use domain::notice::Address;
use domain::record::Record;
use domain::report::words;
use domain::sample::Reason;
use domain::span::Span;
use domain::text::visible_line;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use self::subscriptions::subscription_changed;

/// The event as one sentence on one line. `record` is the state after the event.
/// Times on the event's day are short: the line gives the day and the zone.
pub fn sentence(event: &Event, record: &Record) -> String {
    write(event, record, false)
}

/// The event as one sentence that stands alone: each time has its day and its zone.
pub fn whole_sentence(event: &Event, record: &Record) -> String {
    write(event, record, true)
}

/// The event as one sentence, without the address of a recipient and without the words of a relay, which may repeat it.
pub fn sentence_without_address(event: &Event, record: &Record) -> String {
    match &event.fact {
        Fact::DeliveryAttempted {
            notice, attempt, ..
        } => format!("Notice {notice}: delivery attempt {attempt} began."),
        Fact::DeliveryEnded { notice, result, .. } => match result {
            Delivery::Accepted => format!("Notice {notice} was delivered."),
            Delivery::Deferred => format!("Notice {notice} waits for another attempt."),
            Delivery::Rejected => format!("Notice {notice} was not delivered."),
            Delivery::Ambiguous => format!("Notice {notice} may have been delivered."),
        },
        Fact::NoticeOwedAgain { notice, reason } => format!(
            "{} sends again what notice {notice} told: {reason}.",
            event.by.person
        ),
        _ => sentence(event, record),
    }
}

fn write(event: &Event, record: &Record, whole: bool) -> String {
    let writer = Writer {
        record,
        zone: record.zone(),
        at: event.at,
        by: &event.by.person,
        whole,
    };
    visible_line(&writer.write(&event.fact))
}

struct Writer<'a> {
    record: &'a Record,
    zone: TimeZone,
    at: Timestamp,
    by: &'a str,
    whole: bool,
}

impl Writer<'_> {
    #[allow(clippy::too_many_lines, reason = "one arm for each kind of event")]
    fn write(&self, fact: &Fact) -> String {
        let by = self.by;
        match fact {
            Fact::LedgerCreated { identity, tzdb } => {
                format!("The ledger begins: identity {identity}, time zone database {tzdb}.")
            }
            Fact::Configured { catalogue } => {
                let systems = count(catalogue.systems.len(), "system");
                let customers = count(catalogue.customers.len(), "customer");
                format!("{by} put a configuration in force: {systems}, {customers}.")
            }
            Fact::Started { alive_until: None } => "The service started.".to_owned(),
            Fact::Started {
                alive_until: Some(until),
            } => format!("The service started. It last ran at {}.", self.time(*until)),
            Fact::Stopped => "The service stopped.".to_owned(),
            Fact::Crashed { alive_until } => format!(
                "The service crashed or was killed. It last ran at {}.",
                self.time(*alive_until)
            ),
            Fact::MonitoringGap { span, cause } => self.absent(*span, *cause),
            Fact::DayClosed => "The day is closed: the service ran up to here.".to_owned(),
            Fact::LatenciesRolledUp {
                date,
                zone,
                samples,
                ..
            } => format!(
                "The latencies of {date} ({zone}) are rolled up: {} counted.",
                count(usize::try_from(*samples).unwrap_or(usize::MAX), "sample")
            ),
            Fact::SamplesArchived { month, samples, .. } => format!(
                "The samples of {month} are archived: {}.",
                count(usize::try_from(*samples).unwrap_or(usize::MAX), "sample")
            ),
            Fact::SamplesDeleted { month } => {
                format!("The samples of {month} are deleted: they are older than samples are kept.")
            }
            Fact::ProbeSilent {
                source,
                from,
                cause,
            } => format!(
                "{source}: no result covers the time from {}, because {}.",
                self.time(*from),
                silence(*cause)
            ),
            Fact::ProbeFirstResult { source, from } => {
                format!(
                    "{source}: results cover the time from {}.",
                    self.time(*from)
                )
            }
            Fact::ProbeDown {
                source,
                from,
                reason,
                detail,
                ..
            } => format!(
                "{source} is down since {}{}.",
                self.time(*from),
                why(*reason, detail.as_deref())
            ),
            Fact::ProbeUp {
                source,
                to,
                unobserved,
                ..
            } => format!(
                "{source} is up since {}.{}",
                self.time(*to),
                self.unobserved(*unobserved)
            ),
            Fact::ProbeDegraded {
                source,
                from,
                reason,
                detail,
                ..
            } => format!(
                "{source} is degraded since {}{}.",
                self.time(*from),
                why(*reason, detail.as_deref())
            ),
            Fact::ProbeCleared { source, to } => {
                format!("{source} is no longer degraded since {}.", self.time(*to))
            }
            Fact::Blip {
                source,
                span,
                bad_samples,
            } => format!(
                "{source} failed {} {}, then recovered: a blip, not an outage.",
                match bad_samples {
                    1 => "once".to_owned(),
                    n => format!("{n} times"),
                },
                self.span(*span)
            ),
            Fact::OutageOpened {
                outage,
                system,
                start,
                planned,
            } => self.outage_opened(*outage, system, *start, *planned),
            Fact::OutageClosed {
                outage,
                end,
                unobserved,
            } => self.outage_closed(*outage, *end, *unobserved),
            Fact::OutageDeclared {
                outage,
                system,
                from,
                to,
                evidence,
            } => format!(
                "{by} declared outage {outage} of {system}, {}: {evidence}.",
                match to {
                    Some(to) => self.span(Span::new(*from, *to)),
                    None => format!("open since {}", self.time(*from)),
                }
            ),
            Fact::DeclarationChanged {
                outage,
                to,
                reason,
                approved_by,
            } => format!(
                "{by} set the end of outage {outage} to {}: {reason}{}.",
                self.time(*to),
                approved(approved_by.as_deref())
            ),
            Fact::MonitorFault {
                system,
                span,
                evidence,
                approved_by,
            } => format!(
                "{by} recorded a monitor fault: the state of {system} is unknown {}: {evidence}{}.",
                self.span(*span),
                approved(Some(approved_by))
            ),
            Fact::DowntimeExcluded {
                outage,
                span,
                reason,
                evidence,
                approved_by,
            } => format!(
                "{by} asked to exclude a part of outage {outage} {}: {reason} ({evidence}){}.",
                self.span(*span),
                match approved_by {
                    Some(other) => approved(Some(other)),
                    None => "; it stays unplanned until a second person approves".to_owned(),
                }
            ),
            Fact::OutageReclassified { outage, reason } => {
                format!(
                    "{by} reclassified the planned time of outage {outage} as unplanned: {reason}."
                )
            }
            Fact::Overrun {
                outage,
                from,
                window,
            } => format!(
                "Outage {outage} outlasts maintenance window {window}: unplanned from {}.",
                self.time(*from)
            ),
            Fact::WindowScheduled { window } => format!(
                "{by} scheduled maintenance window {} ({}) for {}, {}.",
                window.id,
                window.title,
                list(&window.systems),
                self.span(Span::new(window.start, window.end))
            ),
            Fact::WindowChanged { window, reason } => format!(
                "{by} changed maintenance window {} ({}): it now lasts {}{}.",
                window.id,
                window.title,
                self.span(Span::new(window.start, window.end)),
                because(reason.as_deref())
            ),
            Fact::WindowCancelled { window, reason } => format!(
                "{by} cancelled maintenance window {window}{}.",
                because(reason.as_deref())
            ),
            Fact::CustomerNotified {
                window,
                customer,
                how,
                counts_from,
                approved_by,
            } => format!(
                "{by} recorded that customer {customer} was notified of maintenance window \
                 {window}, {how}{}{}.",
                self.counts_from(*counts_from),
                approved(approved_by.as_deref())
            ),
            Fact::MaintenanceReminded {
                window,
                systems,
                title,
                span,
                before_s,
            } => format!(
                "Customers are reminded of maintenance window {window} ({title}) of {}, as due {} before it \
                 starts at {}.",
                list(systems),
                words::length(*before_s).replace('\u{a0}', " "),
                self.time(span.from)
            ),
            Fact::MaintenanceStarted {
                window,
                systems,
                title,
                span,
            } => format!(
                "Maintenance window {window} ({title}) of {} started; it ends at {}.",
                list(systems),
                self.time(span.to)
            ),
            Fact::MaintenanceCompleted { window } => {
                format!("Maintenance window {window} is over and its systems are up.")
            }
            Fact::IncidentOpened {
                incident,
                systems,
                outages,
                cause,
            } => format!(
                "Incident {incident} opened for {}: {} {}.",
                list(systems),
                match cause {
                    Cause::Outage => "outage",
                    Cause::Overrun => "maintenance overrun, outage",
                    Cause::Declared => "declared outage",
                    Cause::Degraded => "degradation",
                    Cause::Reported => "customer's report",
                },
                list(outages)
            )
            .replace(" .", "."),
            Fact::Flapping {
                system,
                incident,
                outages,
            } => format!(
                "{system} is flapping: incident {incident} covers outages {}.",
                list(outages)
            ),
            Fact::FlappingEnded { system, incident } => {
                format!("{system} is stable again (incident {incident}).")
            }
            Fact::IncidentAcknowledged {
                incident,
                counts_from,
                approved_by,
            } => format!(
                "{by} acknowledged incident {incident}{}{}.",
                self.counts_from(*counts_from),
                approved(approved_by.as_deref())
            ),
            Fact::IncidentReviewed { incident, review } => {
                format!("{by} wrote the {} of incident {incident}.", texts(review))
            }
            Fact::IncidentUpdated {
                incident,
                text,
                public,
                phase,
                estimate,
            } => format!(
                "{by} wrote {} on incident {incident}{}{}: {}",
                match public {
                    true => "an update",
                    false => "a note for staff",
                },
                phase.map_or(String::new(), |p| format!(", now {}", p.word())),
                self.estimate(*estimate),
                ended(text)
            ),
            Fact::IncidentWithdrawn { incident, reason } => {
                format!(
                    "{by} withdrew incident {incident} as a false alarm: {}",
                    ended(reason)
                )
            }
            Fact::MeasureDone {
                incident,
                measure,
                note,
            } => format!(
                "{by} recorded a measure of incident {incident} as carried out: {measure}{}.",
                note.as_ref()
                    .map_or(String::new(), |note| format!(" ({note})"))
            ),
            Fact::IncidentResolved { incident, text } => match text {
                Some(text) => format!("{by} resolved incident {incident}: {}", ended(text)),
                None => format!("Incident {incident} is resolved: its systems are up."),
            },
            Fact::IncidentClosed {
                incident,
                missing_texts_reason,
                confirmed_by,
            } => format!(
                "{by} closed incident {incident}{}{}.",
                match confirmed_by {
                    Some(who) => format!(", confirmed by {who}"),
                    None => String::new(),
                },
                match missing_texts_reason {
                    Some(reason) => format!(", with texts missing: {reason}"),
                    None => String::new(),
                }
            ),
            Fact::UpdateDelivered { .. }
            | Fact::IncidentRated { .. }
            | Fact::OutageJoined { .. }
            | Fact::ProblemReported { .. }
            | Fact::IncidentResponded { .. }
            | Fact::IncidentAssessed { .. }
            | Fact::WorkaroundFound { .. }
            | Fact::TextConfirmed { .. }
            | Fact::IncidentPaused { .. }
            | Fact::IncidentResumed { .. }
            | Fact::IncidentEscalated { .. }
            | Fact::DisasterDeclared { .. }
            | Fact::IncidentMerged { .. }
            | Fact::LevelReached { .. }
            | Fact::ClockWarned { .. }
            | Fact::ClockMet { .. }
            | Fact::ClockMissed { .. } => self.handling(fact),
            Fact::ReportDrafted { .. }
            | Fact::ReportReminded { .. }
            | Fact::ReportApproved { .. }
            | Fact::ReportFiled { .. } => self.report(fact),
            Fact::DeskImported {
                policy, file, days, ..
            } => desk_imported(self.by, policy, file, days),
            Fact::SubscriptionChanged {
                subscriber,
                systems,
                cause,
            } => subscription_changed(*subscriber, systems, *cause),
            Fact::NoticeUndelivered {
                customer,
                outages,
                since,
                reply,
                contacts,
            } => format!(
                "Customer {customer} has not been told of {}, owed since {}{}. {}.",
                list(outages),
                self.time(*since),
                reply
                    .as_ref()
                    .map_or_else(String::new, |reply| format!(": {reply}")),
                match contacts.is_empty() {
                    true => "No contact can be told".to_owned(),
                    false => format!("Told: {}", contacts.join(", ")),
                }
            ),
            Fact::DeliveryAttempted {
                notice, attempt, ..
            } => format!(
                "{}: delivery attempt {attempt} began.",
                self.notice(*notice)
            ),
            Fact::NoticeOwedAgain { notice, reason } => format!(
                "{by} sends again what {} told: {reason}.",
                self.notice(*notice)
            ),
            Fact::DeliveryEnded {
                notice,
                result,
                reply,
                ..
            } => self.delivery_ended(*notice, *result, reply),
        }
    }

    /// The sentence of an event about a report.
    fn report(&self, fact: &Fact) -> String {
        let by = self.by;
        let owing = |contacts: &[String]| match contacts {
            [] => "no text is missing".to_owned(),
            all => format!("{} owe texts", list(all)),
        };
        match fact {
            Fact::ReportDrafted {
                committee,
                month,
                meeting,
                contacts,
            } => format!(
                "The draft of {month} for {committee} is ready; {}; the committee meets at {}.",
                owing(contacts),
                self.time(*meeting)
            ),
            Fact::ReportReminded {
                committee,
                month,
                meeting,
                contacts,
            } => format!(
                "Reminder of the draft of {month} for {committee}: {}; the committee meets at {}.",
                owing(contacts),
                self.time(*meeting)
            ),
            Fact::ReportApproved {
                committee,
                month,
                revision,
                as_of,
                reason,
            } => format!(
                "{by} approved {} of {month} for {committee}, as read up to event {as_of}{}.",
                edition(*revision),
                because(reason.as_deref())
            ),
            Fact::ReportFiled {
                committee,
                month,
                revision,
                files,
                ..
            } => format!(
                "{} files of {} of {month} for {committee} are stored.",
                files.len(),
                edition(*revision)
            ),
            _ => String::new(),
        }
    }

    fn absent(&self, span: Span, cause: GapCause) -> String {
        if is_set_back(self.at, span, cause) {
            return format!(
                "The machine's clock was set back from {} to {}: the time between is unknown.",
                self.time(span.to),
                self.time(self.at)
            );
        }
        let cause = match cause {
            GapCause::Stalled => "the machine slept or gave the service no time",
            GapCause::ClockStepped => "the machine's clock was set",
        };
        format!(
            "Nothing was monitored {}: {cause}. This time is unknown.",
            self.span(span)
        )
    }

    fn outage_opened(
        &self,
        outage: OutageId,
        system: &SystemId,
        start: Timestamp,
        planned: bool,
    ) -> String {
        let reason = self.record.outages.get(&outage).and_then(|o| o.reason);
        let mut text = format!(
            "{system} is DOWN since {}{}: outage {outage}.",
            self.time(start),
            why(reason, None)
        );
        if planned {
            text.push_str(" It is planned: a maintenance window allows it, and no alarm is sent.");
        }
        text
    }

    fn outage_closed(&self, outage: OutageId, end: Timestamp, unobserved: Option<Span>) -> String {
        let (until, unobserved) = (self.time(end), self.unobserved(unobserved));
        match self.record.outages.get(&outage) {
            Some(found) => format!(
                "{} is UP since {until}: outage {outage} lasted {}.{unobserved}",
                found.system,
                length(end.duration_since(found.start))
            ),
            None => format!("Outage {outage} ended at {until}.{unobserved}"),
        }
    }

    fn delivery_ended(&self, notice: NoticeId, result: Delivery, reply: &str) -> String {
        let found = self.record.notices.message(notice);
        let by = match found.map(|found| &found.notice.recipient.address) {
            Some(Address::Webhook(_)) => "the webhook",
            _ => "the relay",
        };
        let notice = self.notice(notice);
        match result {
            Delivery::Accepted => format!("{notice} was delivered: {by} accepted it."),
            Delivery::Deferred => format!("{notice} waits for another attempt: {reply}."),
            Delivery::Rejected => format!("{notice} was not delivered: {reply}."),
            Delivery::Ambiguous => format!("{notice} may have been delivered: {reply}."),
        }
    }

    /// `Notice N-14 (downtime to ops@mercy.example)`.
    fn notice(&self, id: NoticeId) -> String {
        match self.record.notices.message(id) {
            Some(found) => format!(
                "Notice {id} ({} to {})",
                found.notice.kind, found.notice.recipient.address
            ),
            None => format!("Notice {id}"),
        }
    }

    fn unobserved(&self, span: Option<Span>) -> String {
        match span {
            Some(span) if !span.is_empty() => {
                format!(
                    " The end was not observed; it lies between {} and {}.",
                    self.time(span.from),
                    self.time(span.to)
                )
            }
            _ => String::new(),
        }
    }

    fn counts_from(&self, at: Option<Timestamp>) -> String {
        at.map_or(String::new(), |at| format!(", effective {}", self.time(at)))
    }

    /// `from 02:14:10 to 02:52:10`.
    fn span(&self, span: Span) -> String {
        format!("from {} to {}", self.time(span.from), self.time(span.to))
    }

    /// The local time, with its date and its zone unless both are those of the event.
    fn time(&self, at: Timestamp) -> String {
        let (at, now) = (
            at.to_zoned(self.zone.clone()),
            self.at.to_zoned(self.zone.clone()),
        );
        let same = at.date() == now.date() && at.offset() == now.offset();
        let format = match same && !self.whole {
            true => "%H:%M:%S",
            false => "%Y-%m-%d %H:%M:%S %Z",
        };
        at.strftime(format).to_string()
    }
}

fn desk_imported(by: &str, policy: &PolicyId, file: &str, days: &[desk::Day]) -> String {
    let calls = |day: &desk::Day| u64::from(day.in_hours.calls) + u64::from(day.out_of_hours.calls);
    let all: u64 = days.iter().map(calls).sum();
    let span = match (days.first(), days.last()) {
        (Some(first), Some(last)) => format!(", {} to {}", first.date, last.date),
        _ => String::new(),
    };
    format!("{by} imported {all} calls of the service desk of {policy} from {file}{span}.")
}

fn edition(revision: u32) -> String {
    match revision {
        0 => "the report".to_owned(),
        n => format!("revision {n} of the report"),
    }
}

fn silence(cause: Silence) -> &'static str {
    match cause {
        Silence::New => "the probe has given no result yet",
        Silence::Stopped => "the service stopped",
        Silence::Missing => "results are missing",
        Silence::Inconclusive => "the last result was inconclusive",
        Silence::MonitoringGap => "the service could not monitor",
    }
}

/// ` (connection refused)`, with the detail behind it.
fn why(reason: Option<Reason>, detail: Option<&str>) -> String {
    let reason = reason.map(|reason| match reason {
        Reason::Dns => "name not resolved",
        Reason::Refused => "connection refused",
        Reason::Unreachable => "no route",
        Reason::Timeout => "no answer in time",
        Reason::Tls => "TLS failed",
        Reason::Certificate => "certificate not valid",
        Reason::Status => "unexpected status",
        Reason::Body => "unexpected content",
        Reason::Protocol => "malformed answer",
        Reason::Redirect => "bad redirect",
        Reason::Slow => "slow",
        Reason::Stale => "nothing arrived",
        Reason::Monitor => "monitor fault",
    });
    // Many a detail begins with the reason.
    let repeats = |reason: &&str| detail.is_some_and(|detail| detail.starts_with(*reason));
    let reason = reason.filter(|reason| !repeats(reason));
    let parts: Vec<&str> = reason.into_iter().chain(detail).collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(": "))
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map_or(String::new(), |reason| format!(": {reason}"))
}

/// A person's words as the end of a sentence.
fn ended(text: &str) -> String {
    let text = text.trim_end();
    match text.ends_with(['.', '!', '?']) {
        true => text.to_owned(),
        false => format!("{text}."),
    }
}

fn approved(by: Option<&str>) -> String {
    by.map_or(String::new(), |by| format!(", approved by {by}"))
}

/// The texts that a review sets.
fn texts(review: &Review) -> String {
    let parts = [
        ("summary", review.summary.is_some()),
        ("root cause", review.root_cause.is_some()),
        ("certainty", review.certainty.is_some()),
        ("resolution", review.resolution.is_some()),
        ("measures", !review.measures.is_empty()),
    ];
    let set = parts.iter().filter(|(_, set)| *set).map(|(name, _)| *name);
    set.collect::<Vec<_>>().join(", ")
}

fn list<T: std::fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

/// `1 system`, `2 systems`.
fn count(n: usize, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {one}{s}")
}

/// `1 h 2 min 5 s`, to the second; tenths below ten seconds.
fn length(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    if seconds < 10 {
        let tenths = (length.as_millis() + 50) / 100;
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts = parts.iter().filter(|(n, _)| *n > 0);
    let parts: Vec<String> = parts.map(|(n, unit)| format!("{n} {unit}")).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use domain::actor::Actor;
    use std::fmt::Write as _;
    use std::path::Path;

    use expect_test::expect_file;
    use serde_json::{Value, json};

    use super::*;

    /// The golden examples of every kind of event.
    fn examples() -> Vec<Event> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let event = |file: &std::path::PathBuf| {
            let golden: Value =
                serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            let fact = match &golden["data"] {
                Value::Null => json!({"kind": golden["kind"]}),
                data => json!({"kind": golden["kind"], "data": data}),
            };
            Event {
                at: "2026-11-01T06:30:00Z".parse().unwrap(),
                by: Actor::cli("kim"),
                fact: serde_json::from_value(fact).unwrap(),
            }
        };
        files.iter().map(event).collect()
    }

    #[test]
    fn every_kind_of_event_has_its_sentence() {
        let record = Record::default();
        let mut all = String::new();
        for event in examples() {
            let said = sentence(&event, &record);
            assert!(said.ends_with('.') && !said.contains('\n'), "{said}");
            writeln!(all, "{said}").unwrap();
        }
        expect_file!["sentence/sentences.txt"].assert_eq(&all);
    }

    #[test]
    fn a_length_is_written_in_hours_minutes_and_seconds() {
        let written = |ms| length(SignedDuration::from_millis(ms));
        assert_eq!(written(3_960), "4.0 s");
        assert_eq!(written(10_900), "10 s");
        assert_eq!(written(3_725_000), "1 h 2 min 5 s");
        assert_eq!(written(7_200_000), "2 h");
    }
}
