//! Notices: who was sent what, and what the relay answered. Addresses appear only to operators.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::event::{Delivery, Fact};
use domain::id::NoticeId;
use domain::mailbox::Address;
use domain::notice::Notice;
use domain::record::{Outgoing, Standing};
use mail_parser::{MessageParser, MessagePart, MimeHeaders as _};
use people::Role;
use serde::Serialize;
use serde_json::json;

use super::access::SignedIn;
use super::when::{Times, When};
use super::{Shared, blocking};
use crate::ledger::{self, Ledger, Stored, Wanted};

/// The newest notices on the page.
const SHOWN: usize = 200;

/// The newest events of a notice that its page shows: an attempt makes two, and 48 hours of attempts fewer than this.
const EVENTS: usize = 500;

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

/// The text of a notice as its recipient reads it.
#[derive(Debug, Default, Serialize)]
struct Letter {
    /// `None` for a webhook.
    subject: Option<String>,
    text: String,
    attachments: Vec<String>,
}

impl Letter {
    /// Reads a mail or the body of a webhook as it was sent.
    fn of(bytes: &[u8], is_mail: bool) -> Letter {
        let parsed = MessageParser::default().parse(bytes).filter(|_| is_mail);
        let Some(mail) = parsed else {
            let json = serde_json::from_slice::<serde_json::Value>(bytes);
            let text = json.map(|json| format!("{json:#}"));
            let text = text.unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned());
            return Letter {
                text,
                ..Letter::default()
            };
        };
        let name = |part: &MessagePart| part.attachment_name().map(str::to_owned);
        Letter {
            subject: mail.subject().map(str::to_owned),
            text: mail.body_text(0).unwrap_or_default().into_owned(),
            attachments: mail.attachments().filter_map(name).collect(),
        }
    }
}

/// One notice: its text for operators, its attempts, and the form that sends a rejected one again.
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
    let role = who.account.role;
    let is_rejected = matches!(sent.standing, Standing::Rejected(_));
    let mut page = json!({
        "line": outgoing(id.to_string(), sent, role, &times),
        "decided": times.at(sent.decided_at),
        "message_id": sent.message_id,
        "may_be_sent_again": is_rejected && sent.sent_again_at.is_none(),
    });
    let is_mail = !matches!(sent.notice.recipient.address, Address::Webhook(_));
    let data = console.data.clone();
    let reading = move || {
        let ledger = Ledger::open_read_only(&data)?;
        let wanted = Wanted {
            subjects: vec![id.to_string()],
            ..Wanted::default()
        };
        let events = ledger.recent(&wanted, EVENTS)?;
        Ok::<_, ledger::Error>((attempts(&events, role, &times), ledger.message(id)?))
    };
    let (attempts, message) = match blocking(reading).await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the ledger cannot be read for a page");
            let text = "The ledger cannot be read. The log says why.";
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return console.message(&who.account, status, "Not available", text);
        }
        Err(response) => return response,
    };
    page["attempts"] = json!(attempts);
    let message = message.filter(|_| role >= Role::Operator);
    page["letter"] = json!(message.map(|bytes| Letter::of(&bytes, is_mail)));
    console.page(&who.account, "notice.html", page)
}

/// One attempt to deliver a notice.
#[derive(Serialize)]
struct Attempt {
    number: u32,
    began: When,
    /// `None` while it goes on, or if the service died meanwhile.
    ended: Option<When>,
    result: &'static str,
    /// The words of the relay, for operators.
    reply: String,
}

/// The attempts among the events of a notice, the first one first.
fn attempts(events: &[Stored], role: Role, times: &Times) -> Vec<Attempt> {
    let mut found: Vec<Attempt> = Vec::new();
    for stored in events.iter().rev() {
        let at = times.at(stored.event.at);
        match &stored.event.fact {
            Fact::DeliveryAttempted { attempt, .. } => found.push(Attempt {
                number: *attempt,
                began: at,
                ended: None,
                result: "under way",
                reply: String::new(),
            }),
            Fact::DeliveryEnded { result, reply, .. } => {
                if let Some(last) = found.last_mut() {
                    last.ended = Some(at);
                    last.result = match result {
                        Delivery::Accepted => "accepted",
                        Delivery::Deferred => "deferred",
                        Delivery::Rejected => "rejected",
                        Delivery::Ambiguous => "perhaps delivered",
                    };
                    if role >= Role::Operator {
                        last.reply.clone_from(reply);
                    }
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_shows_its_text_and_the_names_of_its_attachments() {
        let mail = "From: a@example.org\r\nTo: b@example.org\r\nSubject: =?utf-8?q?Ausf=C3=A4lle?=\r\n\
            MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
            --x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            5 min =E2=80=93 10 min\r\n--x\r\nContent-Type: text/calendar\r\n\
            Content-Disposition: attachment; filename=\"work.ics\"\r\n\r\nBEGIN:VCALENDAR\r\n--x--\r\n";
        let letter = Letter::of(mail.as_bytes(), true);
        assert_eq!(letter.subject.as_deref(), Some("Ausfälle"));
        assert_eq!(letter.text.trim(), "5 min \u{2013} 10 min");
        assert_eq!(letter.attachments, ["work.ics"]);
    }

    #[test]
    fn a_webhook_shows_its_body_key_by_key() {
        let letter = Letter::of(br#"{"kind":"downtime","systems":["portal"]}"#, false);
        assert_eq!(letter.subject, None);
        assert_eq!(
            letter.text,
            "{\n  \"kind\": \"downtime\",\n  \"systems\": [\n    \"portal\"\n  ]\n}"
        );
    }
}
