//! The operator's work on an incident: severity, impact, answers, pauses, clocks and levels of escalation.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clocks::{Reached, Run, State};
use crate::guard;
use crate::id::{CustomerId, PolicyId, SystemId};
use crate::policy::{Clock, Flag, Request};

/// The extent of a failure, as a person found it. `None` leaves a property as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impact {
    /// The share of users affected, in parts per million.
    pub share_ppm: Option<u32>,
    pub customers: Option<BTreeSet<CustomerId>>,
    pub flags: Option<BTreeSet<Flag>>,
    /// Users cannot reach, or cannot use, a major function.
    pub prevents_access: Option<bool>,
    pub component: Option<Component>,
}

/// The part of the system that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    Critical,
    /// The service can do without it.
    Minor,
}

impl Impact {
    /// The impact after another one was found.
    fn and(&self, newer: &Impact) -> Impact {
        let newer = newer.clone();
        Impact {
            share_ppm: newer.share_ppm.or(self.share_ppm),
            customers: newer.customers.or_else(|| self.customers.clone()),
            flags: newer.flags.or_else(|| self.flags.clone()),
            prevents_access: newer.prevents_access.or(self.prevents_access),
            component: newer.component.or(self.component),
        }
    }
}

/// The report of a problem, by a customer or by a person who filled in the public form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// `None` for a report by the public form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// The systems it is about; none for a general request.
    pub systems: Vec<SystemId>,
    pub request: Request,
    /// The reporter's words.
    pub text: String,
    /// The person who reported it; empty for a report by the public form.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reporter: String,
    /// When it was received: no later than it was recorded.
    pub received: Timestamp,
    /// It came by telephone.
    pub phone: bool,
    /// Set for a report by the public form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

impl Problem {
    /// The reporter in a sentence: `Bo Park of st-elsewhere`, `reporter 7`.
    pub fn by(&self) -> String {
        match (&self.form, &self.customer) {
            (Some(form), _) => format!("reporter {}", form.reporter),
            (None, Some(customer)) => format!("{} of {customer}", self.reporter),
            (None, None) => self.reporter.clone(),
        }
    }

    /// The type of issue that the form offered, else the kind of request.
    pub fn about(&self) -> &str {
        let form = self.form.as_ref();
        form.map_or_else(|| self.request.word(), |form| &form.issue)
    }
}

/// The part of a report that comes from the public form. The person's name, organisation, mail address and telephone
/// number are in `people.sqlite`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// The person's number in `people.sqlite`.
    pub reporter: i64,
    /// The type of issue, one of the form's list.
    pub issue: String,
    /// The agreement whose clocks run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyId>,
}

/// A call or a visit in which a person answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// When it counts.
    pub at: Timestamp,
    pub recorded_at: Timestamp,
    pub by: String,
    /// Who was answered.
    pub to: String,
    pub how: String,
    /// When the problem is expected to be solved.
    pub estimate: Option<Timestamp>,
    pub approved_by: Option<String>,
}

/// Words with their time and author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub at: Timestamp,
    pub by: String,
    pub text: String,
}

/// A text that looks like protected health information and was confirmed to be something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextConfirmed {
    /// The reason.
    pub said: Said,
    pub found: Vec<guard::Kind>,
}

impl TextConfirmed {
    /// The kinds that the text looks like, as in `a date of birth and a member number`.
    pub fn kinds(&self) -> String {
        let kinds: Vec<&str> = self.found.iter().map(|kind| kind.words()).collect();
        kinds.join(" and ")
    }
}

/// A severity from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rating {
    pub at: Timestamp,
    pub by: String,
    pub severity: String,
    /// The reason of a person; `None` for the rules of the policy.
    pub reason: Option<String>,
}

/// A time in which the clocks do not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub why: Said,
    pub until: Option<Timestamp>,
}

/// A time in which the systems were up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The end of the last outage or degradation.
    pub at: Timestamp,
    /// When it was known.
    pub known_at: Timestamp,
    /// When another failure joined the incident.
    pub reopened_at: Option<Timestamp>,
}

/// A run of a clock that the ledger names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockRun {
    pub clock: Clock,
    /// Counted from 1 for each clock of an incident.
    pub number: u32,
    pub severity: String,
    pub started: Timestamp,
    /// `None` for one that was answered while it was paused.
    pub due: Option<Timestamp>,
}

/// A level of escalation that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedLevel {
    pub at: Timestamp,
    pub level: u8,
    pub severity: String,
    pub state: State,
    pub contacts: Vec<String>,
    /// When a relay first accepted the mail to one of them.
    pub told_at: Option<Timestamp>,
    /// The service sends mails.
    pub is_mailed: bool,
}

/// What was decided about a run of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Warned,
    Met,
    Missed,
}

/// The operator's work on one incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handling {
    /// The policy of the incident. It holds for its whole life.
    pub policy: Option<PolicyId>,
    /// In order. The first is the severity at the start.
    pub ratings: Vec<Rating>,
    pub impact: Impact,
    pub problems: Vec<Problem>,
    pub responses: Vec<Response>,
    pub workaround: Option<Said>,
    pub pauses: Vec<Pause>,
    /// Escalations by a person.
    pub escalated: Vec<Said>,
    pub disaster: Option<Said>,
    pub recoveries: Vec<Recovery>,
    /// The reporter's confirmation that a report is settled.
    pub confirmed_by: Option<String>,
    pub confirmed_texts: Vec<TextConfirmed>,
    /// The reason of a merge by a person.
    pub merged_because: Option<Said>,
    /// The results that are in the ledger.
    pub decided: BTreeSet<(Clock, u32, Verdict)>,
    /// The latest due instant of a clock that was missed.
    pub missed_until: Option<Timestamp>,
    /// The levels of escalation that are decided in the ledger.
    pub levels: Vec<DecidedLevel>,
    /// The clocks as of the last event that concerns them.
    pub clocks: Clocks,
}

/// The clocks and levels of an incident at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    pub runs: Vec<Run>,
    pub levels: Vec<Reached>,
    /// When the next decision about them is due.
    pub next: Option<Timestamp>,
}

impl Handling {
    /// The severity now.
    pub fn severity(&self) -> Option<&str> {
        self.ratings.last().map(|rating| rating.severity.as_str())
    }

    /// True if a person chose the severity. The rules no longer change it.
    pub fn is_rated_by_person(&self) -> bool {
        self.ratings.iter().any(|rating| rating.reason.is_some())
    }

    pub fn is_paused(&self) -> bool {
        self.pauses
            .last()
            .is_some_and(|pause| pause.until.is_none())
    }

    /// The type of the report; of several reports, that of the first.
    pub fn request(&self) -> Option<Request> {
        self.problems.first().map(|problem| problem.request)
    }

    /// True if the incident concerns security: its texts never leave the operator.
    pub fn is_security(&self) -> bool {
        let flags = self.impact.flags.as_ref();
        flags.is_some_and(|flags| flags.contains(&Flag::Security))
            || self.problems.iter().any(|p| p.request == Request::Breach)
    }

    /// The clock was set back to `at`: nothing was done later than now.
    pub fn rewind(&mut self, at: Timestamp) {
        let back = |then: &mut Timestamp| *then = (*then).min(at);
        self.ratings.iter_mut().for_each(|r| back(&mut r.at));
        for response in &mut self.responses {
            back(&mut response.at);
        }
        self.workaround
            .iter_mut()
            .for_each(|said| back(&mut said.at));
        self.disaster.iter_mut().for_each(|said| back(&mut said.at));
        self.escalated
            .iter_mut()
            .for_each(|said| back(&mut said.at));
        for level in &mut self.levels {
            back(&mut level.at);
            level.told_at.iter_mut().for_each(back);
        }
        for text in &mut self.confirmed_texts {
            back(&mut text.said.at);
        }
        for pause in &mut self.pauses {
            back(&mut pause.why.at);
            pause.until.iter_mut().for_each(back);
        }
        for recovery in &mut self.recoveries {
            back(&mut recovery.at);
            back(&mut recovery.known_at);
            recovery.reopened_at.iter_mut().for_each(back);
        }
    }

    pub fn assess(&mut self, newer: &Impact) {
        self.impact = self.impact.and(newer);
    }
}
