//! The values of mails to staff.

use domain::notice::{About, Alert, Named};
use serde::Serialize;

use super::text;
use super::times::{Clockface, Moment};

/// The values of an escalation, a clock, or a customer who was not told.
#[derive(Clone, Debug, Serialize)]
pub struct AlertView {
    /// When it happened.
    pub at: Moment,
    /// When the incident was opened.
    pub opened: Option<Moment>,
    /// The person who acknowledged the incident.
    pub acknowledged_by: Option<String>,
    /// Set for an escalation.
    pub level: Option<LevelView>,
    /// Set for a clock that is due or missed.
    pub clock: Option<ClockView>,
    /// Set for a customer who was not told.
    pub untold: Option<UntoldView>,
    /// Set for a report by the public form.
    pub reported: Option<ReportedView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LevelView {
    pub level: u8,
    pub severity: String,
    /// The contacts of the level: `on-call (+1 716 555 0100)`.
    pub contacts: Vec<String>,
    /// No contact of the level below was notified within five minutes.
    pub is_passed_on: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct ClockView {
    /// `response`, `update`, `resolution` or `disaster recovery`.
    pub name: String,
    pub severity: String,
    pub started: Moment,
    pub due: Moment,
}

#[derive(Clone, Debug, Serialize)]
pub struct UntoldView {
    pub customer: String,
    /// Its mail addresses.
    pub addresses: Vec<String>,
    pub phone: Option<String>,
    /// Since when the notice is owed.
    pub since: Moment,
    /// The last answer to it, on one line.
    pub reply: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReportedView {
    /// The type of issue that the reporter chose.
    pub issue: String,
    /// The reporter's words; may have several lines.
    pub text: String,
    pub received: Moment,
}

impl AlertView {
    pub(super) fn new(clock: &Clockface, of: &Alert) -> Self {
        let mut view = Self {
            at: clock.read(of.at),
            opened: of.opened.map(|at| clock.read(at)),
            acknowledged_by: of.acknowledged_by.as_deref().map(text::one_line),
            level: None,
            clock: None,
            untold: None,
            reported: None,
        };
        match &of.about {
            About::Level {
                level,
                severity,
                contacts,
                is_passed_on,
            } => {
                view.level = Some(LevelView {
                    level: *level,
                    severity: text::one_line(severity),
                    contacts: contacts.iter().map(contact).collect(),
                    is_passed_on: *is_passed_on,
                });
            }
            About::Clock(run) => {
                view.clock = Some(ClockView {
                    name: run.clock.word().replace('-', " "),
                    severity: text::one_line(&run.severity),
                    started: clock.read(run.started),
                    // A clock without a due instant warns nobody.
                    due: clock.read(run.due.unwrap_or(run.started)),
                });
            }
            About::Reported {
                issue,
                text: words,
                received,
            } => {
                view.reported = Some(ReportedView {
                    issue: text::one_line(issue),
                    text: text::lines(words).trim().to_owned(),
                    received: clock.read(*received),
                });
            }
            About::NotTold {
                name,
                addresses,
                phone,
                since,
                reply,
                ..
            } => {
                view.untold = Some(UntoldView {
                    customer: text::one_line(name),
                    addresses: addresses.iter().map(|a| text::one_line(a)).collect(),
                    phone: phone.as_deref().map(text::one_line),
                    since: clock.read(*since),
                    reply: reply.as_deref().map(text::one_line),
                });
            }
        }
        view
    }
}

fn contact(of: &Named) -> String {
    let name = text::one_line(&of.name);
    match &of.phone {
        Some(phone) => format!("{name} ({})", text::one_line(phone)),
        None => name,
    }
}
