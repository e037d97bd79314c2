//! The body of a webhook: a JSON object with the facts of a notice and its text. Other programs rely on its keys
//! (`docs/webhooks.md`).

use std::collections::BTreeMap;

use domain::notice::{About, Affected, Kind, Notice, Role};
use jiff::Timestamp;
use serde::Serialize;

use super::{Error, Rendered, Renderer, Sender};
use crate::digest::sha256;

/// The version of the keys. A key may be added without a new one.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Body<'a> {
    version: u32,
    /// The `Message-ID`: the same in each attempt.
    id: &'a str,
    kind: &'a str,
    /// When the notice was made.
    made_at: Timestamp,
    /// The operator's name.
    service: &'a str,
    incident: Option<String>,
    systems: Vec<System<'a>>,
    window: Option<Window<'a>>,
    alert: Option<Alert<'a>>,
    /// The customers or contacts that it is for.
    recipients: Vec<BTreeMap<&'static str, String>>,
    /// The ids of earlier notices of the same matter.
    references: &'a [String],
    subject: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct System<'a> {
    id: &'a str,
    name: &'a str,
    /// `down`, `up` or `impaired`; none if the notice does not say.
    state: Option<&'static str>,
    outage: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Window<'a> {
    id: &'a str,
    title: &'a str,
    impact: Option<&'a str>,
    from: Timestamp,
    to: Timestamp,
}

/// The fact that a notice to staff tells of.
#[derive(Default, Serialize)]
struct Alert<'a> {
    at: Timestamp,
    acknowledged_by: Option<&'a str>,
    level: Option<u8>,
    severity: Option<&'a str>,
    clock: Option<&'static str>,
    due: Option<Timestamp>,
    /// The customer who was not reached.
    customer: Option<&'a str>,
}

impl Renderer {
    /// Renders a notice as the body that its webhook gets, made at `at`.
    ///
    /// # Errors
    /// A template is wrong.
    pub(super) fn webhook(
        &self,
        notice: &Notice,
        sender: &Sender,
        at: Timestamp,
    ) -> Result<Rendered, Error> {
        let said = self.say_with(notice, sender, false)?;
        body(&Body {
            version: VERSION,
            id: &sender.message_id,
            kind: notice.kind.word(),
            made_at: at,
            service: &sender.service,
            incident: notice.incident.map(|id| id.to_string()),
            systems: notice
                .affected
                .iter()
                .map(|a| system(notice.kind, a))
                .collect(),
            window: notice.window.as_ref().map(|work| Window {
                id: work.id.as_str(),
                title: &work.title,
                impact: work.impact.as_deref(),
                from: work.span.from,
                to: work.span.to,
            }),
            alert: alert(notice),
            recipients: notice.recipient.who.iter().map(role).collect(),
            references: &sender.references,
            subject: &said.subject,
            text: &said.text,
        })
    }

    /// Renders the body with which an operator tests a webhook.
    ///
    /// # Errors
    /// As for a notice.
    pub(super) fn test_webhook(
        &self,
        sender: &Sender,
        to: &str,
        at: Timestamp,
    ) -> Result<Rendered, Error> {
        let said = self.say_test(&sender.service, &sender.contact, to)?;
        body(&Body {
            version: VERSION,
            id: &sender.message_id,
            kind: "test",
            made_at: at,
            service: &sender.service,
            incident: None,
            systems: Vec::new(),
            window: None,
            alert: None,
            recipients: Vec::new(),
            references: &[],
            subject: &said.subject,
            text: &said.text,
        })
    }
}

fn body(body: &Body<'_>) -> Result<Rendered, Error> {
    let bytes = serde_json::to_vec(body).map_err(|error| Error::Message(error.to_string()))?;
    Ok(Rendered {
        message_id: body.id.to_owned(),
        sha256: sha256(&bytes),
        bytes,
    })
}

fn system(kind: Kind, of: &Affected) -> System<'_> {
    let says_state = of.outage.is_some() || kind == Kind::Downtime;
    System {
        id: of.system.as_str(),
        name: &of.name,
        state: says_state.then_some(match (of.to, of.impaired) {
            (None, _) => "down",
            (Some(_), false) => "up",
            (Some(_), true) => "impaired",
        }),
        outage: of.outage.map(|id| id.to_string()),
        from: of.from,
        to: of.to,
        reason: of.reason.map(|reason| reason.to_string()),
    }
}

fn alert(notice: &Notice) -> Option<Alert<'_>> {
    let of = notice.alert.as_ref()?;
    let frame = Alert {
        at: of.at,
        acknowledged_by: of.acknowledged_by.as_deref(),
        ..Alert::default()
    };
    Some(match &of.about {
        About::Level {
            level, severity, ..
        } => Alert {
            level: Some(*level),
            severity: Some(severity),
            ..frame
        },
        About::Clock(run) => Alert {
            severity: Some(&run.severity),
            clock: Some(run.clock.word()),
            due: run.due,
            ..frame
        },
        About::Reported { .. } => frame,
        About::NotTold { customer, .. } => Alert {
            customer: Some(customer.as_str()),
            ..frame
        },
    })
}

fn role(of: &Role) -> BTreeMap<&'static str, String> {
    let (word, id) = match of {
        Role::Customer(id) => ("customer", id.to_string()),
        Role::Contact(id) => ("contact", id.clone()),
        Role::Committee(id) => ("committee", id.to_string()),
        Role::Reporter(number) => ("reporter", number.to_string()),
        Role::Subscriber(id) => ("subscriber", id.to_string()),
    };
    BTreeMap::from([(word, id)])
}
