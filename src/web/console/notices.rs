//! Notices: who was sent what, and what the relay answered. Addresses appear only to operators.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::id::NoticeId;
use domain::notice::Notice;
use domain::record::{Outgoing, Standing};
use people::Role;
use serde::Serialize;
use serde_json::json;

use super::Shared;
use super::access::SignedIn;
use super::when::{Times, When};

/// The newest notices on the page.
const SHOWN: usize = 200;

/// A notice in a list.
#[derive(Serialize)]
pub struct Line {
    id: Option<String>,
    kind: String,
    /// The recipient's name, with the address for operators.
    to: String,
    about: String,
    /// `None` for one that is not sent yet.
    sent: Option<Sent>,
}

#[derive(Serialize)]
struct Sent {
    state: &'static str,
    at: When,
    attempts: u32,
    reply: Option<String>,
    again: Option<When>,
}

pub fn line(notice: &Notice, role: Role, times: &Times) -> Line {
    let recipient = &notice.recipient;
    let about: Vec<String> = notice.affected.iter().map(|a| a.name.clone()).collect();
    let _ = times;
    Line {
        id: None,
        kind: notice.kind.to_string(),
        to: match role >= Role::Operator {
            true => format!("{} <{}>", recipient.name, recipient.address),
            false => recipient.name.clone(),
        },
        about: match (&notice.incident, about.is_empty()) {
            (Some(incident), _) => format!("{incident} {}", about.join(", ")),
            (None, false) => about.join(", "),
            (None, true) => match (&notice.window, &notice.report) {
                (Some(window), _) => window.id.to_string(),
                (_, Some(report)) => format!("{} {}", report.committee, report.month),
                _ => String::new(),
            },
        },
        sent: None,
    }
}

pub fn outgoing(id: String, sent: &Outgoing, role: Role, times: &Times) -> Line {
    let at = match sent.standing {
        Standing::Due(at)
        | Standing::Attempting(at)
        | Standing::Sent(at)
        | Standing::Rejected(at)
        | Standing::Ambiguous(at) => at,
        Standing::Superseded(_) => sent.decided_at,
    };
    let reply = sent.last.as_ref().map(|(_, reply)| reply.clone());
    Line {
        id: Some(id),
        sent: Some(Sent {
            state: sent.standing.word(),
            at: times.at(at),
            attempts: sent.attempts,
            reply: reply.filter(|_| role >= Role::Operator),
            again: sent.sent_again_at.map(|at| times.at(at)),
        }),
        ..line(&sent.notice, role, times)
    }
}

pub async fn page(State(console): Shared, Extension(who): Extension<SignedIn>) -> Response {
    let snapshot = console.app.snapshot();
    let times = console.times();
    let role = who.account.role;
    let messages: Vec<_> = snapshot.record.notices.messages().collect();
    let newest = messages.iter().rev().take(SHOWN);
    let notices: Vec<Line> = newest
        .map(|(id, sent)| outgoing(id.to_string(), sent, role, &times))
        .collect();
    let more = messages.len().saturating_sub(SHOWN);
    console.page(
        &who.account,
        "notices.html",
        json!({ "notices": notices, "more": more }),
    )
}

/// One notice, with the form that sends a rejected one again.
pub async fn notice(
    State(console): Shared,
    Extension(who): Extension<SignedIn>,
    Path(id): Path<String>,
) -> Response {
    let snapshot = console.app.snapshot();
    let parsed: Option<NoticeId> = id.parse().ok();
    let found = parsed.and_then(|id| Some((id, snapshot.record.notices.message(id)?)));
    let Some((id, sent)) = found else {
        let text = format!("There is no notice {id}.");
        return console.message(&who.account, StatusCode::NOT_FOUND, "Not found", &text);
    };
    let times = console.times();
    let is_rejected = matches!(sent.standing, Standing::Rejected(_));
    let page = json!({
        "line": outgoing(id.to_string(), sent, who.account.role, &times),
        "decided": times.at(sent.decided_at),
        "message_id": sent.message_id,
        "may_be_sent_again": is_rejected && sent.sent_again_at.is_none(),
    });
    console.page(&who.account, "notice.html", page)
}
