//! Writes the results of a run: timeline, notices, mails, reports. Every file is made from the ledger
//! alone, so the machine does not change a byte.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::calendar::Month;
use domain::event::Delivery;
use domain::id::{NoticeId, SystemId};
use domain::incident::Incident;
use domain::notice::{Address, Kind};
use domain::record::notices::{
    Known, NotSent, OutageEntry, PostEntry, ReportEntry, StaffEntry, WindowEntry,
};
use domain::record::{Outage, Outgoing, Record, Standing};
use domain::report;
use jiff::Timestamp;
use serde::Serialize;

use super::Error;
use super::scenario::Scenario;
use crate::config::Look;
use crate::engine::turn::Turn;
use crate::files;
use crate::ledger::Line;
use crate::reports::{self, Format, filing};

/// A line of `notices.jsonl`. Other programs rely on its keys.
#[derive(Serialize)]
struct NoticeLine<'a> {
    notice: Option<String>,
    kind: &'a str,
    systems: Vec<&'a str>,
    incident: Option<String>,
    window: Option<&'a str>,
    /// The committee and the month of a mail about a report: `operations 2026-10`.
    report: Option<String>,
    recipient: String,
    decided: Timestamp,
    delivered: Option<Timestamp>,
    attempts: u32,
    message_id: Option<&'a str>,
    result: &'static str,
    /// Why no mail was made, or why it was not delivered, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// The reports as written.
pub(super) struct Reports {
    pub paths: Vec<PathBuf>,
    /// Each once: the same font is missing in every month.
    pub warnings: BTreeSet<String>,
}

/// Writes everything to `out`.
pub(super) fn write(
    out: &Path,
    scenario: &Scenario,
    turn: &Turn,
    look: &Look,
) -> Result<Reports, Error> {
    put(&out.join("timeline.jsonl"), &timeline(turn)?)?;
    put(&out.join("notices.jsonl"), &notices(turn.record())?)?;
    mails(&out.join("notices"), turn)?;
    reports(&out.join("reports"), scenario, turn, look)
}

fn timeline(turn: &Turn) -> Result<Vec<u8>, Error> {
    let mut lines = Vec::new();
    let mut failed = Ok(());
    turn.journal().replay(None, &mut |stored| {
        if failed.is_ok() {
            failed = Line::of(&stored)
                .map_err(Error::from)
                .and_then(|line| push(&mut lines, &line));
        }
    })?;
    failed?;
    Ok(lines)
}

fn notices(record: &Record) -> Result<Vec<u8>, Error> {
    let mut lines = Vec::new();
    for (id, outgoing) in record.notices.messages() {
        push(&mut lines, &sent(record, id, outgoing))?;
    }
    for (outage, address, entry) in record.notices.outage_entries() {
        let outage = record.outages.get(&outage);
        if let (Some(outage), Some(result)) = (outage, without_message(entry.began)) {
            push(&mut lines, &unsent_outage(outage, address, entry, result))?;
        }
    }
    for (address, entry) in record.notices.window_entries() {
        if let Some(result) = without_message(entry.known) {
            push(&mut lines, &unsent_window(address, entry, result))?;
        }
    }
    for ((committee, month), address, entry) in record.notices.report_entries() {
        if let Some(result) = without_message(entry.known) {
            let report = format!("{committee} {month}");
            push(&mut lines, &unsent_report(report, address, entry, result))?;
        }
    }
    for (incident, address, entry) in record.notices.post_entries() {
        if let Some(result) = without_message(entry.known) {
            let incident = record.incidents.get(incident);
            push(&mut lines, &unsent_post(incident, address, entry, result))?;
        }
    }
    for (cause, address, entry) in record.notices.alerts() {
        // A dropped mail that was made is in the list already.
        let result = without_message(entry.known);
        let result = result.filter(|_| !record.notices.has_message(cause, address));
        if let Some(result) = result {
            push(&mut lines, &unsent_alert(address, entry, result))?;
        }
    }
    Ok(lines)
}

/// The result of an entry for which no message was made.
fn without_message(known: Known) -> Option<&'static str> {
    match known {
        Known::No => Some("queued"),
        Known::Dropped => Some("superseded"),
        Known::Lost(_) | Known::Perhaps(_) | Known::Yes(_) | Known::Refused(_) => None,
    }
}

fn unsent_outage<'a>(
    outage: &'a Outage,
    address: &Address,
    entry: &OutageEntry,
    result: &'static str,
) -> NoticeLine<'a> {
    let overrun = outage.overrun.as_ref();
    let kind = overrun.map_or(Kind::Downtime, |_| Kind::MaintenanceOverrun);
    NoticeLine {
        systems: vec![outage.system.as_str()],
        incident: outage.incident.map(|incident| incident.to_string()),
        window: overrun.map(|(_, window)| window.as_str()),
        ..unsent(kind, address, entry.owed_at, result)
    }
}

fn unsent_window<'a>(
    address: &Address,
    entry: &'a WindowEntry,
    result: &'static str,
) -> NoticeLine<'a> {
    NoticeLine {
        systems: entry.systems.iter().map(SystemId::as_str).collect(),
        window: Some(entry.window.id.as_str()),
        reason: entry.not_sent.map(NotSent::reason),
        ..unsent(entry.kind, address, entry.owed_at, result)
    }
}

/// A notice of which no attempt began.
fn unsent<'a>(
    kind: Kind,
    address: &Address,
    decided: Timestamp,
    result: &'static str,
) -> NoticeLine<'a> {
    NoticeLine {
        notice: None,
        kind: kind.word(),
        systems: Vec::new(),
        incident: None,
        window: None,
        report: None,
        recipient: address.to_string(),
        decided,
        delivered: None,
        attempts: 0,
        message_id: None,
        result,
        reason: None,
    }
}

fn unsent_report<'a>(
    report: String,
    address: &Address,
    entry: &ReportEntry,
    result: &'static str,
) -> NoticeLine<'a> {
    NoticeLine {
        report: Some(report),
        ..unsent(entry.kind, address, entry.owed_at, result)
    }
}

fn unsent_post<'a>(
    incident: Option<&'a Incident>,
    address: &Address,
    entry: &PostEntry,
    result: &'static str,
) -> NoticeLine<'a> {
    let systems = incident.into_iter().flat_map(|i| &i.systems);
    NoticeLine {
        systems: systems.map(SystemId::as_str).collect(),
        incident: incident.map(|i| i.id.to_string()),
        ..unsent(entry.kind, address, entry.owed_at, result)
    }
}

fn unsent_alert<'a>(
    address: &Address,
    entry: &'a StaffEntry,
    result: &'static str,
) -> NoticeLine<'a> {
    NoticeLine {
        systems: entry.systems.iter().map(SystemId::as_str).collect(),
        incident: entry.incident.map(|incident| incident.to_string()),
        reason: entry.not_sent.map(NotSent::reason),
        ..unsent(entry.kind, address, entry.owed_at, result)
    }
}

fn sent<'a>(record: &Record, id: NoticeId, outgoing: &'a Outgoing) -> NoticeLine<'a> {
    let notice = &outgoing.notice;
    let delivered = match outgoing.standing {
        Standing::Sent(at) => Some(at),
        _ => None,
    };
    NoticeLine {
        notice: Some(id.to_string()),
        kind: notice.kind.word(),
        systems: notice.systems().map(SystemId::as_str).collect(),
        incident: notice.incident.map(|incident| incident.to_string()),
        window: notice.window.as_ref().map(|window| window.id.as_str()),
        report: notice
            .report
            .as_ref()
            .map(|r| format!("{} {}", r.committee, r.month)),
        recipient: notice.recipient.address.to_string(),
        decided: outgoing.decided_at,
        delivered,
        attempts: outgoing.attempts,
        message_id: Some(&outgoing.message_id),
        result: match outgoing.last {
            // The attempt was lost and is not repeated yet: the result is unknown.
            Some((Delivery::Ambiguous, _)) if !outgoing.standing.is_final() => "ambiguous",
            _ => outgoing.standing.word(),
        },
        reason: record.notices.not_sent(outgoing).map(NotSent::reason),
    }
}

/// Writes each message with the bytes of its first attempt: a mail, or the body of a webhook.
fn mails(folder: &Path, turn: &Turn) -> Result<(), Error> {
    for (id, outgoing) in turn.record().notices.messages() {
        if let Some(bytes) = turn.journal().message(id)? {
            let ending = match outgoing.notice.recipient.address.is_mail() {
                true => "eml",
                false => "json",
            };
            let name = format!("{:06}-{}.{ending}", id.0, outgoing.notice.kind.word());
            put(&folder.join(name), &bytes)?;
        }
    }
    Ok(())
}

/// Writes a report for every committee and every month of the scenario.
fn reports(folder: &Path, scenario: &Scenario, turn: &Turn, look: &Look) -> Result<Reports, Error> {
    let record = turn.record();
    let head = turn.journal().head().hash;
    let mut written = Reports {
        paths: Vec::new(),
        warnings: BTreeSet::new(),
    };
    for committee in &record.catalogue.committees {
        let zones = record
            .configurations
            .zones_of(committee.id.as_str())
            .map_err(report::Error::from)?;
        let Some(zones) = zones else { continue };
        let mut month = Month::of(scenario.start, zones.in_force_at(scenario.start));
        while zones.month(month).0.from < scenario.end {
            let approved = record.reports.get(&committee.id, month);
            let approved = approved.and_then(|known| known.revisions.last());
            let mut report = report::monthly(record, committee.id.as_str(), month, &head)?;
            filing::read_latencies(turn.journal().data(), &mut report);
            for format in Format::ALL {
                let name = format!("{}-{month}.{}", committee.id, format.extension());
                let path = folder.join(name);
                // Of an approved month the report that was sent.
                let bytes = match approved {
                    Some(r) => sent_file(folder, committee.id.as_str(), month, r.revision, format)?,
                    None => {
                        let rendered = reports::render(&report, format, look)?;
                        written.warnings.extend(rendered.warnings);
                        rendered.bytes
                    }
                };
                put(&path, &bytes)?;
                written.paths.push(path);
            }
            month = month.next();
        }
    }
    Ok(written)
}

/// A file of an approved report, as it was written after the approval.
fn sent_file(
    folder: &Path,
    committee: &str,
    month: Month,
    revision: u32,
    format: Format,
) -> Result<Vec<u8>, Error> {
    let path = folder.join(filing::file_name(committee, month, revision, format));
    std::fs::read(&path).map_err(|source| Error::Write { path, source })
}

fn push(lines: &mut Vec<u8>, line: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer(&mut *lines, line).map_err(reports::Error::from)?;
    lines.push(b'\n');
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    files::make_dir(folder)
        .and_then(|()| files::replace(path, bytes))
        .map_err(|source| Error::Write {
            path: path.to_owned(),
            source,
        })
}
