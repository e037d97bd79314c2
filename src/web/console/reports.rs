//! Reports: drafts, what they lack, their approval, and the files of approved ones.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use domain::calendar::Month;
use domain::id::CommitteeId;
use domain::record::Revision;
use domain::report::{self, Status, Verdict};
use serde::Serialize;
use serde_json::json;

use super::access::SignedIn;
use super::when::{Times, When};
use super::{Shared, blocking};
use crate::config::Look;
use crate::reports::{Format, filing, render};

#[derive(Serialize)]
struct Line {
    committee: String,
    month: String,
    state: String,
    at: Option<When>,
    by: Option<String>,
}

pub async fn list(State(console): Shared, Extension(who): Extension<SignedIn>) -> Response {
    let snapshot = console.app.snapshot();
    let (record, times) = (&snapshot.record, console.times());
    let reports: Vec<Line> = record
        .reports
        .all()
        .map(|(committee, month, known)| {
            let last = known.revisions.last();
            Line {
                committee: committee.to_string(),
                month: month.to_string(),
                state: last.map_or_else(|| "draft".to_owned(), edition),
                at: times.maybe(last.map(|r| r.approved_at).or(known.drafted_at)),
                by: last.map(|r| r.by.clone()),
            }
        })
        .collect();
    let committees = record.catalogue.committees.iter();
    let committees: Vec<_> = committees
        .map(|c| (c.id.to_string(), c.name.clone()))
        .collect();
    let month = times
        .now()
        .to_zoned(times.zone().clone())
        .strftime("%Y-%m")
        .to_string();
    console.page(
        &who.account,
        "reports.html",
        json!({ "reports": reports, "committees": committees, "month": month }),
    )
}

fn edition(revision: &Revision) -> String {
    match revision.revision {
        0 => "final".to_owned(),
        n => format!("revision {n}"),
    }
}

#[derive(Serialize)]
struct Page {
    committee: String,
    name: String,
    month: String,
    month_name: String,
    status: String,
    /// The sequence of the draft that an approval names.
    as_of: u64,
    /// An approval of a month that goes on is refused.
    is_over: bool,
    headline: String,
    happened: Vec<String>,
    systems: Vec<SystemLine>,
    missing: Vec<Missing>,
    revisions: Vec<Approved>,
}

#[derive(Serialize)]
struct SystemLine {
    name: String,
    target: Option<String>,
    availability: Option<String>,
    verdict: &'static str,
    outages: i64,
}

#[derive(Serialize)]
struct Missing {
    incident: String,
    texts: String,
}

#[derive(Serialize)]
struct Approved {
    edition: String,
    at: When,
    by: String,
    reason: Option<String>,
    files: Vec<(String, String)>,
}

pub async fn page(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Path((committee, month)): Path<(String, String)>,
) -> Response {
    let snapshot = console.app.snapshot();
    let times = console.times();
    let Ok(month) = month.parse::<Month>() else {
        let text = format!("{month} is no month; write it as 2026-10.");
        return console.message(&who.account, StatusCode::NOT_FOUND, "Not found", &text);
    };
    let reading = {
        let (snapshot, committee) = (snapshot.clone(), committee.clone());
        move || report::monthly(&snapshot.record, &committee, month, &snapshot.head.hash)
    };
    let made = match blocking(reading).await {
        Ok(Ok(made)) => made,
        Ok(Err(error)) => {
            let text = format!("{error}.");
            return console.message(&who.account, StatusCode::NOT_FOUND, "No report", &text);
        }
        Err(response) => return response,
    };
    let id = CommitteeId::from(committee.as_str());
    let known = snapshot.record.reports.get(&id, month);
    let revisions = known.map_or(&[][..], |known| known.revisions.as_slice());
    let page = shown(&made, month, revisions, &times);
    console.page(&who.account, "report.html", page)
}

fn shown(made: &report::Report, month: Month, revisions: &[Revision], times: &Times) -> Page {
    Page {
        committee: made.committee.clone(),
        name: made.committee_name.clone(),
        month: month.to_string(),
        month_name: made.month_name.clone(),
        status: match made.status {
            Status::Draft => "draft".to_owned(),
            Status::Final => "final".to_owned(),
        },
        as_of: made.ledger.seq,
        is_over: !made.so_far,
        headline: made.headline.clone(),
        happened: made.happened.clone(),
        systems: made
            .systems
            .iter()
            .map(|system| SystemLine {
                name: system.name.clone(),
                target: system.target.clone(),
                availability: system.contract_availability.clone(),
                verdict: verdict(system.verdict),
                outages: system.outages,
            })
            .collect(),
        missing: made
            .incidents
            .iter()
            .filter(|incident| !incident.missing.is_empty())
            .map(|incident| Missing {
                incident: incident.incident.clone(),
                texts: incident.missing.join(", "),
            })
            .collect(),
        revisions: revisions
            .iter()
            .rev()
            .map(|revision| Approved {
                edition: edition(revision),
                at: times.at(revision.approved_at),
                by: revision.by.clone(),
                reason: revision.reason.clone(),
                files: revision.filed.as_ref().map_or_else(Vec::new, |filed| {
                    let files = filed.files.iter();
                    files.map(|f| (f.name.clone(), f.sha256.clone())).collect()
                }),
            })
            .collect(),
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

/// The whole report as it is now, in the format that the committee reads.
pub async fn draft(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Path((committee, month)): Path<(String, String)>,
) -> Response {
    let snapshot = console.app.snapshot();
    let Ok(month) = month.parse::<Month>() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let data = console.data.clone();
    let rendering = move || {
        let mut made = report::monthly(&snapshot.record, &committee, month, &snapshot.head.hash)
            .map_err(|error| error.to_string())?;
        filing::read_latencies(&data, &mut made);
        let rendered = render(&made, Format::Html, &Look::default());
        rendered.map(|r| r.bytes).map_err(|error| error.to_string())
    };
    match blocking(rendering).await {
        Ok(Ok(bytes)) => {
            let html = String::from_utf8_lossy(&bytes).into_owned();
            let mut response = Html(html).into_response();
            // The report has its own styles and no script.
            let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox";
            response.headers_mut().insert(
                header::CONTENT_SECURITY_POLICY,
                axum::http::HeaderValue::from_static(policy),
            );
            response
        }
        Ok(Err(why)) => console.message(
            &who.account,
            StatusCode::NOT_FOUND,
            "No report",
            &format!("{why}."),
        ),
        Err(response) => response,
    }
}

/// A file of an approved report, as the committee got it.
pub async fn file(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Path((committee, month, name)): Path<(String, String, String)>,
) -> Response {
    let snapshot = console.app.snapshot();
    let known = month.parse::<Month>().ok().and_then(|month| {
        let reports = &snapshot.record.reports;
        reports.get(&CommitteeId::from(committee.as_str()), month)
    });
    let revisions = known.map_or(&[][..], |known| known.revisions.as_slice());
    let mut filed = revisions.iter().filter_map(|r| r.filed.as_ref());
    // Only names that the ledger has are read from the disk.
    let is_filed = filed.any(|filed| filed.files.iter().any(|file| file.name == name));
    if !is_filed {
        let text = format!("The report has no file {name}.");
        return console.message(&who.account, StatusCode::NOT_FOUND, "Not found", &text);
    }
    let path = console.data.join(filing::FOLDER).join(&name);
    let bytes = match blocking(move || std::fs::read(path)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            let text = format!(
                "{name} cannot be read: {error}. `nines report show` makes it again from the ledger."
            );
            return console.message(
                &who.account,
                StatusCode::INTERNAL_SERVER_ERROR,
                "Not readable",
                &text,
            );
        }
        Err(response) => return response,
    };
    let shown_as = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, shown_as),
    ];
    (headers, bytes).into_response()
}
