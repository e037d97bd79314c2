//! The form by which everyone can report a problem. A report becomes an incident by the same act that staff uses; the
//! person's name and addresses go to `people.sqlite`, and the ledger has the person's number alone.

mod fields;
mod token;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use domain::act::Act;
use domain::actor::Actor;
use domain::event::Fact;
use domain::handling::Form;
use domain::id::{IncidentId, PolicyId};
use domain::policy;
use domain::record::Record;
use http_body_util::LengthLimitError;
use jiff::{SignedDuration, Timestamp};
use people::{People, Reporter};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::timeout;

pub(super) use self::fields::FormView;
use self::fields::{Report, Written};
use self::token::{Opened, Tokens};
use super::super::allowance::Allowance;
use super::super::client::Peer;
use super::site::{Frame, Site};
use super::{BODY, Public, not_found};
use crate::clock;
use crate::config::ProblemReports;
use crate::engine::{self, EngineHandle};

pub(super) const PATH: &str = "/problem";
pub(super) const TITLE: &str = "Report a problem";

/// The time for a form to arrive.
const ARRIVES: Duration = Duration::from_secs(10);
/// The time for a report to be recorded.
const RECORDED: Duration = Duration::from_secs(8);
/// A person needs longer than this to fill in the form.
const QUICKEST: Duration = Duration::from_secs(3);
/// The forms that an address may send, mistakes included: at once, and a second in the long run.
const FORMS: (f64, f64) = (20.0, 0.2);
/// The reports of one address: a hospital behind one address can send several at once.
const REPORTS: (f64, f64) = (10.0, 1.0 / 300.0);
/// The reports of everyone together.
const ALL_REPORTS: (f64, f64) = (60.0, 1.0 / 60.0);
/// The reports a day that may name one mail address: each sends a mail to it.
const ONE_ADDRESS: u32 = 10;
/// The forms that were recorded and may be sent once more, by a second click or a reload.
const REMEMBERED: usize = 1_000;

/// The types of issue if neither the file of the service nor the policy has any.
const ISSUE_TYPES: [&str; 5] = [
    "Signing in",
    "Error message",
    "Missing or wrong data",
    "Slow or not available",
    "Other",
];
const WARNING: &str = "Important: leave out protected health information. That is everything that identifies a patient, \
     such as a name, a date of birth, an address or a number, and everything about a patient’s health.";

/// The form as the configuration asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ProblemForm {
    pub issue_types: Vec<String>,
    pub warning: String,
    #[serde(skip)]
    policy: Option<PolicyId>,
}

impl ProblemForm {
    pub(super) fn of(record: &Record, form: &ProblemReports) -> Self {
        let policy = form.policy.as_ref();
        let policy = policy.and_then(|id| record.catalogue.policy(id.as_str()));
        let of_policy = policy.map(|policy| &policy.commitments.issue_types);
        let lists = [Some(&form.issue_types), of_policy];
        let mut lists = lists.into_iter().flatten();
        let issue_types = lists.find(|list| !list.is_empty()).cloned();
        Self {
            issue_types: issue_types.unwrap_or_else(|| ISSUE_TYPES.map(str::to_owned).to_vec()),
            warning: form.warning.clone().unwrap_or_else(|| WARNING.to_owned()),
            policy: form.policy.clone(),
        }
    }
}

/// The reports of problems: what may still be sent, and what was.
pub(super) struct Problems {
    engine: Arc<EngineHandle>,
    people: Arc<People>,
    tokens: Tokens,
    forms: Allowance,
    reports: Allowance,
    all: Allowance,
    /// The tokens of recorded forms with their incidents, the oldest first. One form is recorded at a time.
    sent: Mutex<VecDeque<(String, IncidentId)>>,
}

/// The end of a report that was checked.
enum End {
    Recorded(IncidentId),
    /// The sentence for the person.
    Not(StatusCode, String),
}

impl Problems {
    pub(super) fn new(engine: Arc<EngineHandle>, people: Arc<People>) -> Self {
        Self {
            engine,
            people,
            tokens: Tokens::default(),
            forms: allowance(FORMS),
            reports: allowance(REPORTS),
            all: allowance(ALL_REPORTS),
            sent: Mutex::default(),
        }
    }

    /// Records a report once, however often its form is sent.
    async fn record(&self, peer: IpAddr, form: &ProblemForm, nonce: String, report: Report) -> End {
        let Ok(mut sent) = timeout(RECORDED, self.sent.lock()).await else {
            return failed("the reports before it are still being recorded");
        };
        if let Some((_, incident)) = sent.iter().find(|(known, _)| *known == nonce) {
            return End::Recorded(*incident);
        }
        let now = clock::elapsed();
        let everyone = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        if !self.reports.admits(peer, now) || !self.all.admits(everyone, now) {
            return too_many();
        }
        let end = self.opened(form, report).await;
        if let End::Recorded(incident) = end {
            sent.push_back((nonce, incident));
            if sent.len() > REMEMBERED {
                sent.pop_front();
            }
        }
        end
    }

    async fn opened(&self, form: &ProblemForm, report: Report) -> End {
        let (people, at) = (Arc::clone(&self.people), self.engine.clock().now());
        let Report {
            contact,
            issue,
            text,
        } = report;
        let added = tokio::task::spawn_blocking(move || add(&people, &contact, at)).await;
        let reporter = match added {
            Ok(Ok(Some(reporter))) => reporter,
            Ok(Ok(None)) => return too_many(),
            Ok(Err(error)) => return failed(&error.to_string()),
            Err(error) => return failed(&error.to_string()),
        };
        let act = Act::ReportProblem {
            customer: None,
            systems: Vec::new(),
            request: policy::Request::Problem,
            text,
            reporter: String::new(),
            received: None,
            phone: false,
            form: Some(Form {
                reporter: reporter.0,
                issue,
                policy: form.policy.clone(),
            }),
        };
        let acted = timeout(RECORDED, self.engine.act(Actor::public_form(), act, None)).await;
        let why = match acted {
            Ok(Ok(receipt)) => {
                let mut events = receipt.events.iter();
                let incident = events.find_map(|(_, event)| match &event.fact {
                    Fact::ProblemReported { incident, .. } => Some(*incident),
                    _ => None,
                });
                match incident {
                    Some(incident) => return End::Recorded(incident),
                    None => "the act recorded no report".to_owned(),
                }
            }
            Ok(Err(engine::Error::Refused(refusal))) => refusal.to_string(),
            Ok(Err(error)) => error.to_string(),
            // It may still be recorded, so the person's row stays. The next start erases those without a report.
            Err(_) => return failed("the engine did not answer in time"),
        };
        let people = Arc::clone(&self.people);
        let erased = tokio::task::spawn_blocking(move || people.erase_reporter(reporter)).await;
        if !matches!(erased, Ok(Ok(()))) {
            tracing::error!(
                reporter = reporter.0,
                "the contact of a failed report could not be erased"
            );
        }
        failed(&why)
    }
}

/// Stores how to reach the person. `None` if too many reports of the last day name the mail address.
fn add(
    people: &People,
    contact: &Reporter,
    at: Timestamp,
) -> Result<Option<people::ReporterId>, people::Error> {
    let yesterday = at.checked_sub(SignedDuration::from_hours(24));
    let since = yesterday.unwrap_or(Timestamp::MIN);
    let email = contact.email.as_deref().unwrap_or_default();
    if people.reports_naming(email, since)? >= ONE_ADDRESS {
        return Ok(None);
    }
    people.add_reporter(contact, at).map(Some)
}

fn allowance((burst, per_second): (f64, f64)) -> Allowance {
    Allowance::new(burst, per_second)
}

fn failed(why: &str) -> End {
    tracing::error!(why, "a problem report could not be recorded");
    let sentence = "Your report could not be recorded. Please send it again in a minute.";
    End::Not(StatusCode::SERVICE_UNAVAILABLE, sentence.to_owned())
}

fn too_many() -> End {
    let sentence = "Too many reports came in. Your report was not recorded.";
    End::Not(StatusCode::TOO_MANY_REQUESTS, sentence.to_owned())
}

/// The empty form.
pub(super) async fn form(State(state): State<Arc<Public>>) -> Response<Body> {
    let Some(site) = state.site.load_full() else {
        return not_found().await.into_response();
    };
    let Some(empty) = &site.form else {
        return not_found().await.into_response();
    };
    match state.problems.tokens.fresh() {
        Some(token) => html_page(StatusCode::OK, empty.replace(token::STAND_IN, &token)),
        None => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "the form is not available\n",
        ),
    }
}

/// A form that was sent.
pub(super) async fn submit(
    State(state): State<Arc<Public>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response<Body> {
    let Some(site) = state.site.load_full() else {
        return not_found().await.into_response();
    };
    let Some((form, frame)) = form_of(&site) else {
        return not_found().await.into_response();
    };
    let (head, body) = request.into_parts();
    if !is_form(&head.headers) {
        let why = "send the form as application/x-www-form-urlencoded\n";
        return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
    }
    if !state.problems.forms.admits(peer, clock::elapsed()) {
        let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "too many forms were sent\n");
        let retry = HeaderValue::from_static("60");
        response.headers_mut().insert(header::RETRY_AFTER, retry);
        return response;
    }
    let body = match arrived(body).await {
        Ok(body) => body,
        Err((status, why)) => return plain(status, why),
    };
    let written = Written::read(&body);
    let opened = state.problems.tokens.open(&written.token);
    let (report, nonce) = match (fields::check(&written, form, opened.as_ref()), opened) {
        (Ok(report), Some(Opened { nonce, .. })) => (report, nonce),
        (checked, opened) => {
            let errors = checked.err().map(|errors| *errors).unwrap_or_default();
            let token = match opened {
                // The time that the form has been open goes on.
                Some(_) => Some(written.token.clone()),
                None => state.problems.tokens.fresh(),
            };
            let view = FormView::again(form, written, errors, token);
            return shown(frame, StatusCode::UNPROCESSABLE_ENTITY, view).await;
        }
    };
    // A person who leaves while the report is being recorded does not stop it.
    let (all, asked) = (Arc::clone(&state), form.clone());
    let recording = async move { all.problems.record(peer, &asked, nonce, report).await };
    match tokio::spawn(recording).await {
        Ok(End::Recorded(incident)) => {
            let view = SentView {
                number: incident.to_string(),
                email: written.email.trim().to_owned(),
            };
            let title = "Report received".to_owned();
            match frame.form("problem-sent.html.j2", PATH, title, view).await {
                Ok(html) => html_page(StatusCode::OK, html),
                Err(error) => unrendered(&error),
            }
        }
        Ok(End::Not(status, mut sentence)) => {
            if let Some(contact) = frame.contact() {
                sentence.push_str(&format!(" If it is urgent, contact {contact}."));
            }
            let token = Some(written.token.clone());
            let view = FormView::again(form, written, fields::Errors::whole(sentence), token);
            shown(frame, status, view).await
        }
        Err(error) => {
            tracing::error!(%error, "recording a problem report broke off");
            plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the report could not be recorded\n",
            )
        }
    }
}

#[derive(Serialize)]
struct SentView {
    number: String,
    email: String,
}

fn form_of(site: &Site) -> Option<(&ProblemForm, &Arc<Frame>)> {
    Some((site.frame.problem_form()?, &site.frame))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The whole body, within its limits.
async fn arrived(body: Body) -> Result<Bytes, (StatusCode, &'static str)> {
    match timeout(ARRIVES, to_bytes(body, BODY)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => match error.into_inner().is::<LengthLimitError>() {
            true => {
                let why = "the form is larger than 64 KiB: shorten the description\n";
                Err((StatusCode::PAYLOAD_TOO_LARGE, why))
            }
            false => Err((
                StatusCode::BAD_REQUEST,
                "the form did not arrive as a whole\n",
            )),
        },
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the form arrived too slowly\n")),
    }
}

/// The form with what was written and what is wrong with it.
async fn shown(frame: &Arc<Frame>, status: StatusCode, view: FormView<'_>) -> Response<Body> {
    let title = format!("Error: {TITLE}");
    match frame.form("problem.html.j2", PATH, title, view).await {
        Ok(html) => html_page(status, html),
        Err(error) => unrendered(&error),
    }
}

fn unrendered(error: &minijinja::Error) -> Response<Body> {
    tracing::error!(%error, "the page of the form cannot be rendered");
    plain(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the page cannot be shown\n",
    )
}

/// Pages with a form load their own style and pictures, and send the form here.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// A page for one reader: no cache keeps it.
fn html_page(status: StatusCode, html: String) -> Response<Body> {
    const HEADERS: [(HeaderName, HeaderValue); 2] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
    ];
    let mut response = (status, html).into_response();
    response.headers_mut().extend(HEADERS);
    response
}

/// A sentence about a request that no form of a browser makes. The rest of its body is not read.
fn plain(status: StatusCode, sentence: &'static str) -> Response<Body> {
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    (status, close, sentence).into_response()
}
