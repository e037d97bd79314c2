//! Decides acts: checks what a person asks for, and returns the fact to record or the reason of a refusal.

mod desk;
mod handling;
pub mod health_information;
mod incidents;
mod notices;
mod outages;
mod reports;
mod windows;

use jiff::Timestamp;

use crate::act::{Act, Refusal};
use crate::actor::Actor;
use crate::event::Fact;
use crate::handling::{Impact, Problem};
use crate::id::SystemId;
use crate::incident::Review;
use crate::record::{Exclusion, Record};
use crate::report::words;
use crate::span::Span;
use crate::suggest::unknown;
use crate::text;
use crate::windows::CustomerTold;

/// The fact that an act records.
///
/// # Errors
/// The reason why the act is refused.
pub(super) fn fact_of(
    record: &Record,
    at: Timestamp,
    by: &Actor,
    act: &Act,
) -> Result<Fact, Refusal> {
    named(&by.person, "the name of the person who acts")?;
    match act {
        Act::Acknowledge {
            incident,
            counts_from,
            approved_by,
        } => incidents::acknowledge(
            record,
            at,
            by,
            incident,
            *counts_from,
            approved_by.as_deref(),
        ),
        Act::MeasureDone {
            incident,
            measure,
            note,
        } => incidents::measure_done(record, incident, measure, note.as_deref()),
        Act::Review {
            incident,
            summary,
            root_cause,
            certainty,
            resolution,
            measures,
        } => {
            let review = Review {
                summary: summary.clone(),
                root_cause: root_cause.clone(),
                certainty: *certainty,
                resolution: resolution.clone(),
                measures: measures.clone(),
            };
            incidents::review(record, incident, review)
        }
        Act::Update {
            incident,
            text,
            public,
            phase,
            estimate,
        } => {
            let fact = incidents::update(record, incident, text, *public, *phase)?;
            handling::estimated(record, at, fact, *estimate)
        }
        Act::Respond {
            incident,
            whom,
            how,
            estimate,
            counts_from,
            approved_by,
        } => {
            let answer = handling::Answer {
                whom,
                how,
                estimate: *estimate,
                counts_from: *counts_from,
                approved_by: approved_by.as_deref(),
            };
            handling::respond(record, at, by, incident, &answer)
        }
        Act::Impact {
            incident,
            share_ppm,
            customers,
            flags,
            prevents_access,
            component,
        } => {
            let impact = Impact {
                share_ppm: *share_ppm,
                customers: customers.clone(),
                flags: flags.clone(),
                prevents_access: *prevents_access,
                component: *component,
            };
            handling::assess(record, incident, impact)
        }
        Act::Severity {
            incident,
            severity,
            reason,
        } => handling::severity(record, incident, severity, reason),
        Act::Workaround { incident, text } => handling::workaround(record, incident, text),
        Act::Pause { incident, reason } => handling::pause(record, incident, reason),
        Act::Resume { incident } => handling::resume(record, incident),
        Act::Escalate { incident, reason } => handling::escalate(record, incident, reason),
        Act::DeclareDisaster { incident, reason } => handling::disaster(record, incident, reason),
        Act::Merge {
            incident,
            into,
            reason,
        } => handling::merge(record, incident, into, reason),
        Act::ReportProblem {
            customer,
            systems,
            request,
            text,
            reporter,
            received,
            phone,
            form,
        } => {
            let problem = Problem {
                customer: customer.clone(),
                systems: systems.clone(),
                request: *request,
                text: text.trim().to_owned(),
                reporter: reporter.trim().to_owned(),
                received: received.unwrap_or(at),
                phone: *phone,
                form: form.clone(),
            };
            handling::report_problem(record, at, problem)
        }
        Act::Resolve { incident, text } => handling::resolve(record, incident, text.as_deref()),
        Act::Correct { incident, reason } => incidents::correct(record, incident, reason),
        Act::Close {
            incident,
            without,
            confirmed_by,
        } => incidents::close(
            record,
            incident,
            without.as_deref(),
            confirmed_by.as_deref(),
        ),
        Act::DeclareOutage {
            system,
            from,
            to,
            evidence,
        } => outages::declare(record, at, system, *from, *to, evidence),
        Act::ChangeDeclaration {
            outage,
            to,
            reason,
            approved_by,
        } => {
            outages::change_declaration(record, at, by, outage, *to, reason, approved_by.as_deref())
        }
        Act::MonitorFault {
            system,
            from,
            to,
            evidence,
            approved_by,
        } => {
            let span = Span::new(*from, *to);
            outages::monitor_fault(record, at, by, system, span, evidence, approved_by)
        }
        Act::Exclude {
            outage,
            from,
            to,
            reason,
            evidence,
            approved_by,
        } => {
            let exclusion = Exclusion {
                span: Span::new(*from, *to),
                reason: reason.clone(),
                evidence: evidence.clone(),
                by: by.person.clone(),
                approved_by: approved_by.clone(),
            };
            outages::exclude(record, at, by, outage, exclusion)
        }
        Act::Reclassify { outage, reason } => outages::reclassify(record, at, outage, reason),
        Act::ScheduleMaintenance(window) => windows::schedule(record, at, window),
        Act::ExtendMaintenance {
            window,
            end,
            max_downtime_s,
            reason,
        } => windows::extend(record, at, window, *end, *max_downtime_s, reason.as_deref()),
        Act::CancelMaintenance { window, reason } => windows::cancel(record, at, window, reason),
        Act::ApproveReport {
            committee,
            month,
            as_of,
            figures,
            reason,
        } => {
            let approval = reports::Approval {
                committee,
                month: *month,
                as_of: *as_of,
                figures: figures.as_deref(),
                reason: reason.as_deref(),
                revises: false,
            };
            reports::approve(record, at, by, &approval)
        }
        Act::ReviseReport {
            committee,
            month,
            as_of,
            figures,
            reason,
        } => {
            let approval = reports::Approval {
                committee,
                month: *month,
                as_of: *as_of,
                figures: figures.as_deref(),
                reason: Some(reason),
                revises: true,
            };
            reports::approve(record, at, by, &approval)
        }
        Act::Told {
            window,
            customer,
            how,
            counts_from,
            approved_by,
        } => {
            let told = CustomerTold {
                customer: customer.clone(),
                at: counts_from.unwrap_or(at),
                recorded_at: at,
                by: by.person.clone(),
                how: how.clone(),
                approved_by: approved_by.clone(),
            };
            windows::told(record, by, window, told)
        }
        Act::ResendNotice { notice, reason } => notices::resend(record, at, *notice, reason),
        Act::ImportDesk {
            policy,
            file,
            import,
        } => desk::import(record, at, policy.as_ref(), file, import.as_ref()),
    }
}

/// An instant as the person reads it: in the service's zone, to the second.
fn shown(record: &Record, at: Timestamp) -> String {
    words::instant(at, &record.zone()).replace('\u{a0}', " ")
}

/// A span as the person reads it.
fn shown_span(record: &Record, span: Span) -> String {
    format!("{} to {}", shown(record, span.from), shown(record, span.to))
}

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

/// Checks a required text. It may have line breaks.
fn given(text: &str, what: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return refuse(format!("{what} is missing"));
    }
    text::prose(text, what)
}

/// Checks a required text of one line, such as a name.
fn named(text: &str, what: &str) -> Result<(), Refusal> {
    given(text, what)?;
    text::line(text, what)
}

/// Checks an optional text.
fn maybe(text: Option<&str>, what: &str) -> Result<(), Refusal> {
    text.map_or(Ok(()), |text| text::prose(text, what))
}

/// Checks that the second person is another than the actor.
fn second_person(by: &Actor, other: &str) -> Result<(), Refusal> {
    text::line(other, "the name of the second person")?;
    let why = match (text::person(&by.person), text::person(other)) {
        (Some(one), Some(two)) if one != two => return Ok(()),
        (None, Some(_)) => {
            format!("a second person must approve, beside one with a name: `{by}` has no letter")
        }
        (_, None) if !other.trim().is_empty() => {
            format!("a second person must approve; `{other}` is not a name: it has no letter")
        }
        _ => format!(
            "a second person must approve: name someone other than `{by}` with --approved-by"
        ),
    };
    refuse(why)
}

/// Checks an effective time before the act: it needs a second person. Without it, an act counts from when
/// it is recorded (`docs/accounting.md`).
fn earlier_time(
    record: &Record,
    at: Timestamp,
    by: &Actor,
    earlier: Option<Timestamp>,
    approved_by: Option<&str>,
) -> Result<Option<Timestamp>, Refusal> {
    match earlier {
        Some(from) if from > at => refuse(format!(
            "{} is in the future (it is {})",
            shown(record, from),
            shown(record, at)
        )),
        Some(from) if from < at => {
            let Some(other) = approved_by else {
                return refuse(format!(
                    "it counts from now, {}: an earlier time needs a second person, named with \
                     --approved-by",
                    shown(record, at)
                ));
            };
            second_person(by, other)?;
            Ok(Some(from))
        }
        _ if approved_by.is_some() => {
            refuse("what counts from now needs no second person: give the earlier time, too")
        }
        _ => Ok(None),
    }
}

/// Checks that the system is configured.
fn known(record: &Record, system: &SystemId) -> Result<(), Refusal> {
    match record.catalogue.system(system.as_str()) {
        Some(_) => Ok(()),
        None => refuse(unknown("system", system.as_str(), systems(record))),
    }
}

/// The ids of the configured systems.
fn systems(record: &Record) -> impl Iterator<Item = &str> {
    record.catalogue.systems.iter().map(|s| s.id.as_str())
}

/// The sentence for a text that names neither a record such as `I-12` nor a system with one.
fn unknown_selector(record: &Record, what: &str, example: &str, system: &SystemId) -> String {
    if record.systems.get(system).is_some() || record.catalogue.system(system.as_str()).is_some() {
        return format!("`{system}` has had no {what}");
    }
    let known = unknown(
        &format!("{what} and no system"),
        system.as_str(),
        systems(record),
    );
    format!("{known}; name an {what} as {example}, or a system")
}
