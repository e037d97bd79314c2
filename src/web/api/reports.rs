//! Monthly reports: figures as of now, what they lack, and the files of approved ones.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::calendar::Month;
use domain::id::CommitteeId;
use domain::record::{ReportRecord, Revision};
use domain::report::{self, Status, Verdict};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::list::part_of;
use super::problem::{Answer, Failed};
use super::{Shared, blocking, version, wire};
use crate::engine::snapshot::Snapshot;
use crate::reports::{Format, filing, render};

/// List the reports that were announced or approved
#[utoipa::path(
    get,
    path = "/api/v1/reports",
    params(wire::Part),
    responses((status = 200, body = wire::Page<wire::ReportLine>))
)]
pub async fn list(
    State(console): Shared,
    Query(part): Query<wire::Part>,
) -> Answer<Json<wire::Page<wire::ReportLine>>> {
    let record = &console.app.snapshot().record;
    let all = record.reports.all();
    let lines = all.map(|(committee, month, known)| line(committee, month, known));
    let key = |line: &wire::ReportLine| format!("{} {}", line.committee, line.month);
    Ok(Json(part_of(lines.collect(), key, &part)?))
}

fn line(committee: &CommitteeId, month: Month, known: &ReportRecord) -> wire::ReportLine {
    let last = known.revisions.last();
    let state = match last {
        None => "draft",
        Some(revision) if revision.revision == 0 => "final",
        Some(_) => "revised",
    };
    wire::ReportLine {
        committee: committee.to_string(),
        month: month.to_string(),
        state: state.to_owned(),
        drafted: known.drafted_at,
        approved: last.map(|revision| revision.approved_at),
        approved_by: last.map(|revision| revision.by.clone()),
    }
}

fn month(text: &str) -> Answer<Month> {
    let wrong = |_| Failed::not_found(format!("{text} is no month: write it as 2026-10"));
    text.parse().map_err(wrong)
}

/// Makes the report as of a snapshot.
async fn made(snapshot: &Arc<Snapshot>, committee: &str, month: Month) -> Answer<report::Report> {
    let (snapshot, committee) = (Arc::clone(snapshot), committee.to_owned());
    let making = move || {
        let (record, head) = (&snapshot.record, &snapshot.head);
        report::monthly(record, &committee, month, &head.hash)
    };
    let none = |error: report::Error| Failed::not_found(error.to_string());
    blocking(making).await?.map_err(none)
}

/// Read the report of a month as it is now
///
/// An approval names its `as_of`. `ETag` is its version, for `If-Match` of an act.
#[utoipa::path(
    get,
    path = "/api/v1/reports/{committee}/{month}",
    params(
        ("committee" = String, Path, example = "operations"),
        ("month" = String, Path, example = "2026-11"),
    ),
    responses((status = 200, body = wire::Report, headers(("ETag" = String))))
)]
pub async fn report(
    State(console): Shared,
    Path((committee, text)): Path<(String, String)>,
) -> Answer<([(HeaderName, HeaderValue); 1], Json<wire::Report>)> {
    let month = month(&text)?;
    let version = version::current(&console, vec![format!("{committee} {month}")]).await?;
    let snapshot = console.app.snapshot();
    let made = made(&snapshot, &committee, month).await?;
    let id = CommitteeId::from(committee.as_str());
    let known = snapshot.record.reports.get(&id, month);
    let revisions = known.map_or(&[][..], |known| known.revisions.as_slice());
    let shown = shown(made, version, revisions);
    Ok((version::tag(version), Json(shown)))
}

fn shown(made: report::Report, version: u64, revisions: &[Revision]) -> wire::Report {
    let missing = made.incidents.iter().filter(|i| !i.missing.is_empty());
    let missing = missing.map(|incident| wire::MissingTexts {
        incident: incident.incident.clone(),
        texts: incident.missing.iter().map(ToString::to_string).collect(),
    });
    let systems = made.systems.iter().map(|system| wire::SystemFigures {
        system: system.system.clone(),
        name: system.name.clone(),
        target: system.target.clone(),
        availability: system.contract_availability.clone(),
        verdict: verdict(system.verdict).to_owned(),
        outages: system.outages,
    });
    wire::Report {
        version,
        status: match made.status {
            Status::Draft => "draft".to_owned(),
            Status::Final => "final".to_owned(),
        },
        as_of: made.ledger.seq,
        so_far: made.so_far,
        systems: systems.collect(),
        missing: missing.collect(),
        revisions: revisions.iter().map(revision).collect(),
        committee: made.committee,
        committee_name: made.committee_name,
        month: made.month,
        headline: made.headline,
        happened: made.happened,
    }
}

fn revision(revision: &Revision) -> wire::Revision {
    let filed = revision.filed.as_ref();
    let files = filed.map_or(&[][..], |filed| filed.files.as_slice());
    let files = files.iter().map(|file| wire::ReportFile {
        name: file.name.clone(),
        bytes: file.bytes,
        sha256: file.sha256.clone(),
    });
    wire::Revision {
        revision: revision.revision,
        approved: revision.approved_at,
        by: revision.by.clone(),
        reason: revision.reason.clone(),
        files: files.collect(),
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::NotDeterminable => "not determinable",
        Verdict::NoTarget => "no target",
    }
}

/// The format of a draft.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    #[serde(default)]
    #[param(inline)]
    format: Draft,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Draft {
    #[default]
    Html,
    Pdf,
    Md,
    Csv,
    Json,
}

impl Draft {
    fn format(self) -> Format {
        match self {
            Draft::Html => Format::Html,
            Draft::Pdf => Format::Pdf,
            Draft::Md => Format::Markdown,
            Draft::Csv => Format::Csv,
            Draft::Json => Format::Json,
        }
    }
}

fn media_type(format: &str) -> &'static str {
    match format {
        "html" => "text/html; charset=utf-8",
        "pdf" => "application/pdf",
        "md" => "text/markdown; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

/// Read the whole report as it is now, as the committee would get it
#[utoipa::path(
    get,
    path = "/api/v1/reports/{committee}/{month}/draft",
    params(
        ("committee" = String, Path, example = "operations"),
        ("month" = String, Path, example = "2026-11"),
        Wanted,
    ),
    responses((status = 200, content(
        (String = "text/html"), (String = "text/markdown"), (String = "text/csv"),
        (Vec<u8> = "application/pdf"), (Object = "application/json"),
    )))
)]
pub async fn draft(
    State(console): Shared,
    Path((committee, text)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Answer<Response> {
    let month = month(&text)?;
    let format = wanted.format.format();
    let snapshot = console.app.snapshot();
    let mut made = made(&snapshot, &committee, month).await?;
    let (data, look) = (console.data.clone(), console.app.look());
    let rendering = move || {
        filing::read_latencies(&data, &mut made);
        render(&made, format, &look)
    };
    let rendered = blocking(rendering).await?;
    let rendered = rendered.map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "a report cannot be rendered");
        Failed::unavailable("the report cannot be rendered; the log says why")
    })?;
    let kind = [(header::CONTENT_TYPE, media_type(format.extension()))];
    Ok((kind, rendered.bytes).into_response())
}

/// Read a file of an approved report, as it was sent
#[utoipa::path(
    get,
    path = "/api/v1/reports/{committee}/{month}/files/{name}",
    params(
        ("committee" = String, Path, example = "operations"),
        ("month" = String, Path, example = "2026-11"),
        ("name" = String, Path, description = "As the report lists it"),
    ),
    responses((status = 200, content(
        (String = "text/html"), (String = "text/markdown"), (String = "text/csv"),
        (Vec<u8> = "application/pdf"), (Object = "application/json"),
    )))
)]
pub async fn file(
    State(console): Shared,
    Path((committee, text, name)): Path<(String, String, String)>,
) -> Answer<Response> {
    let month = month(&text)?;
    let id = CommitteeId::from(committee.as_str());
    let snapshot = console.app.snapshot();
    let known = snapshot.record.reports.get(&id, month);
    let revisions = known.map_or(&[][..], |known| known.revisions.as_slice());
    let filed = revisions.iter().filter_map(|r| r.filed.as_ref());
    // Only a name that the ledger has is ever opened.
    let mut files = filed.flat_map(|filed| &filed.files);
    let found = files.find(|file| file.name == name).cloned();
    let none = || Failed::not_found(format!("the report has no file {name}"));
    let found = found.ok_or_else(none)?;
    let path = console.data.join(filing::FOLDER).join(&found.name);
    let reading = move || std::fs::read(&path);
    let bytes = blocking(reading).await?.map_err(|error| {
        tracing::error!(%error, name, "a file of an approved report cannot be read");
        let why = format!("{name} cannot be read; `nines report verify` checks the files");
        Failed::new(StatusCode::SERVICE_UNAVAILABLE, why)
    })?;
    let extension = name.rsplit('.').next().unwrap_or_default();
    let kind = [(header::CONTENT_TYPE, media_type(extension))];
    Ok((kind, bytes).into_response())
}
