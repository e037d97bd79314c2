//! The catalogue: the typed, checked form of the configuration that every decision reads.
//! It goes into the ledger whole (the event `configured`), so it holds no secret, no address of a
//! probe's target and nothing that only the effects need.

mod probe;
mod reporting;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use serde::{Deserialize, Serialize};

use crate::id::{CommitteeId, CustomerId, PolicyId, ProbeId, Source, SystemId, VantageId};
use crate::mailbox::{Address, Mailbox};
use crate::policy::{Policy, Target};

pub use probe::{Active, Affects, Heartbeat, Method, Probe};
pub use reporting::{Agenda, DayTime, Reporting};

/// The configuration in force. Every list is sorted by id; ids are unique; every reference holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The operator's own name, as it appears in notices and reports.
    pub service: String,
    /// The contact for customers, which notices print: a telephone number, an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The operator's zone (IANA).
    pub zone: String,
    /// The name of the place the probes run from.
    pub vantage: VantageId,
    /// The sender of notices, as in a `From` header.
    pub mail_from: Mailbox,
    /// How long a `downtime` notice waits for other systems of the same customer, in seconds.
    pub gather_s: i64,
    /// The committees, which receive reports.
    pub committees: Vec<Committee>,
    /// The customers, which receive notices.
    pub customers: Vec<Customer>,
    /// Staff.
    pub contacts: Vec<Contact>,
    /// The contacts that receive drafts without an owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
    /// The agreements.
    pub policies: Vec<Policy>,
    /// The monitored systems.
    pub systems: Vec<System>,
}

/// A committee: it receives reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committee {
    /// Its id.
    pub id: CommitteeId,
    /// Its name.
    pub name: String,
    /// The zone its months are counted in (IANA).
    pub zone: String,
    /// Mail addresses.
    pub members: Vec<String>,
    /// When its reports are drafted, and who approves them.
    #[serde(default, skip_serializing_if = "Reporting::is_usual")]
    pub reporting: Reporting,
}

/// A customer: it receives notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// Its name.
    pub name: String,
    /// The zone its notices print (IANA).
    pub zone: String,
    /// Mail addresses.
    pub contacts: Vec<String>,
    /// The systems it depends on.
    pub systems: Vec<SystemId>,
    /// A number to call if mail does not arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The URL of its webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

impl Customer {
    /// Every address that is notified: mail addresses in their order, then the webhook.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        let mails = self.contacts.iter().cloned().map(Address::Mail);
        mails.chain(self.webhook.iter().cloned().map(Address::Webhook))
    }

    /// True if the address is one of its own.
    pub fn has(&self, address: &Address) -> bool {
        match address {
            Address::Mail(mail) => self.contacts.contains(mail),
            Address::Webhook(url) => self.webhook.as_ref() == Some(url),
            Address::Reporter(_) | Address::Subscriber(_) => false,
        }
    }
}

/// Staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Its id.
    pub id: String,
    /// Mail address.
    pub email: Option<String>,
    /// A number to print.
    pub phone: Option<String>,
    /// The URL of its webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

impl Contact {
    /// Its mail address and its webhook.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        let mail = self.email.iter().cloned().map(Address::Mail);
        mail.chain(self.webhook.iter().cloned().map(Address::Webhook))
    }

    /// True if the address is one of its own.
    pub fn has(&self, address: &Address) -> bool {
        match address {
            Address::Mail(mail) => self.email.as_ref() == Some(mail),
            Address::Webhook(url) => self.webhook.as_ref() == Some(url),
            Address::Reporter(_) | Address::Subscriber(_) => false,
        }
    }
}

/// Outages of a partner are shown and count against no target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The operator's own.
    #[default]
    Provided,
    /// Watched and shown, held against nobody.
    Partner,
}

/// A system that a customer knows by name and depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// The name of its file.
    pub id: SystemId,
    /// The name that customers know.
    pub name: String,
    /// Own or a partner's.
    pub kind: Kind,
    /// The committee that oversees it.
    pub committee: CommitteeId,
    /// The agreement, if any.
    pub policy: Option<PolicyId>,
    /// The target, from the system or else its policy.
    pub target: Option<Target>,
    /// Advice for customers during an outage.
    pub downtime_advice: Option<String>,
    /// Its probes.
    pub probes: Vec<Probe>,
    /// Its recurring windows.
    pub windows: Vec<Rule>,
    /// When it counts as unstable.
    pub flapping: Flapping,
    /// The contact that owes the texts of its incidents; else the person who acknowledged them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The systems without which it cannot work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<SystemId>,
    /// Its outage is part of the incident of a system that it depends on if both are confirmed within this many
    /// seconds, in either order.
    #[serde(default = "group_within_s", skip_serializing_if = "is_usual_group")]
    pub group_within_s: i64,
}

/// Two minutes.
pub const GROUP_WITHIN_S: i64 = 120;

fn group_within_s() -> i64 {
    GROUP_WITHIN_S
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_usual_group(seconds: &i64) -> bool {
    *seconds == GROUP_WITHIN_S
}

/// When a system that fails again and again counts as unstable: customers are then told so once,
/// instead of every outage and every recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flapping {
    /// The outages in an hour from which on it is unstable; 0 is never.
    pub limit: u32,
    /// How long it must have been up, without a break, until it is not, in seconds.
    pub hold_s: i64,
}

impl Flapping {
    /// Three in an hour, until it has been up for 15 minutes.
    pub const USUAL: Flapping = Flapping {
        limit: 3,
        hold_s: 15 * 60,
    };
}

/// The last day of a month among [`Days::DaysOfMonth`], whether it is the 28th or the 31st.
pub const LAST_DAY: i8 = -1;

/// On which days a recurring window starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Days {
    /// Each of these weekdays.
    Weekdays(#[serde(with = "crate::weekday::list")] Vec<Weekday>),
    /// The nth such weekday of each month: 1 to 5, or -1 for the last.
    NthWeekday {
        /// 1 to 5, or -1.
        nth: i8,
        /// The weekday.
        #[serde(with = "crate::weekday")]
        weekday: Weekday,
    },
    /// These days of each month, or [`LAST_DAY`]. A short month has no 31.
    DaysOfMonth(Vec<i8>),
    /// These dates.
    Dates(Vec<Date>),
}

/// When a recurring window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// After this much elapsed time, in seconds.
    #[serde(rename = "after_s")]
    After(i64),
    /// At this local time: the same day, or the next if not after the start.
    Local(Time),
}

/// A recurring maintenance window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Unique within the system; made from the title unless given.
    pub id: String,
    /// A title for the work.
    pub title: String,
    /// The effect that customers will notice.
    pub impact: Option<String>,
    /// When it starts.
    pub days: Days,
    /// The local time it starts at.
    pub start: Time,
    /// When it ends.
    pub end: End,
    /// The zone of its local times (IANA).
    pub zone: String,
    /// The downtime it allows, in seconds; `None` is all of it.
    pub max_downtime_s: Option<i64>,
    /// How long ahead it must be known, in seconds.
    pub min_notice_s: Option<i64>,
    /// How early a run may begin, in seconds.
    pub start_grace_s: Option<i64>,
    /// The date of the agreement.
    pub agreed: Option<Date>,
    /// True if customers are notified of its start and end.
    pub tell: bool,
    /// How long before its start customers are reminded, in seconds, the longest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub announce_s: Vec<i64>,
}

/// The earliest reminder of a window: 90 days before its start, in seconds.
pub const LONGEST_ANNOUNCE_S: i64 = 90 * 86_400;

impl Rule {
    /// True if customers are notified of its occurrences.
    pub fn tells(&self) -> bool {
        self.tell || !self.announce_s.is_empty()
    }
}

impl System {
    /// The longest interval of its availability probes, in whole seconds, rounded up: how exactly
    /// the edges of its outages are known.
    pub fn interval_s(&self) -> i64 {
        let longest = self.deciding().map(Probe::interval_ms).max().unwrap_or(0);
        (longest + 999) / 1000
    }

    /// The `start_grace` of a window that names none, in whole seconds: the shortest interval of
    /// the availability probes. The longest would make planned what another probe saw long before.
    /// Rounded up, as how early a run began is: both edges are floored.
    pub fn grace_s(&self) -> i64 {
        let shortest = self.deciding().map(Probe::interval_ms).min().unwrap_or(0);
        (shortest + 999) / 1000
    }

    /// Its availability probes: those that decide whether it is down.
    pub fn deciding(&self) -> impl Iterator<Item = &Probe> {
        let decides = |p: &&Probe| p.affects == Affects::Availability;
        self.probes.iter().filter(decides)
    }
}

impl Catalogue {
    /// True if the system is configured and has an availability probe.
    pub fn is_watched(&self, system: &SystemId) -> bool {
        let configured = self.system(system.as_str());
        configured.is_some_and(|s| s.deciding().next().is_some())
    }

    /// The system of that id.
    pub fn system(&self, id: &str) -> Option<&System> {
        find(&self.systems, |s| s.id.as_str(), id)
    }

    /// The policy of that id.
    pub fn policy(&self, id: &str) -> Option<&Policy> {
        find(&self.policies, |p| p.id.as_str(), id)
    }

    /// The customer of that id.
    pub fn customer(&self, id: &str) -> Option<&Customer> {
        find(&self.customers, |c| c.id.as_str(), id)
    }

    /// The committee of that id.
    pub fn committee(&self, id: &str) -> Option<&Committee> {
        find(&self.committees, |c| c.id.as_str(), id)
    }

    /// The probe of that id.
    pub fn probe(&self, id: &ProbeId) -> Option<&Probe> {
        self.system(id.system())?
            .probes
            .iter()
            .find(|p| p.id == *id)
    }

    /// The source of a probe's samples: today every probe runs from the one vantage.
    pub fn source(&self, probe: &ProbeId) -> Source {
        Source::new(probe.clone(), self.vantage.clone())
    }

    /// The customers of a system, in order of their ids.
    pub fn customers_of<'a>(&'a self, system: &'a SystemId) -> impl Iterator<Item = &'a Customer> {
        self.customers
            .iter()
            .filter(move |c| c.systems.contains(system))
    }

    /// The systems that a committee oversees, in order of their ids.
    pub fn overseen_by<'a>(
        &'a self,
        committee: &'a CommitteeId,
    ) -> impl Iterator<Item = &'a System> {
        self.systems
            .iter()
            .filter(move |s| s.committee == *committee)
    }
}

fn find<'a, T>(sorted: &'a [T], key: impl Fn(&T) -> &str, id: &str) -> Option<&'a T> {
    sorted
        .binary_search_by(|t| key(t).cmp(id))
        .ok()
        .map(|i| &sorted[i])
}

/// A one-off maintenance window. The ledger stores it as a person scheduled it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Single {
    /// Unique among all windows.
    pub id: crate::id::WindowId,
    pub systems: Vec<SystemId>,
    /// A description of the work.
    pub title: String,
    /// The effect that customers will notice.
    pub impact: Option<String>,
    pub start: Timestamp,
    pub end: Timestamp,
    /// The allowed downtime; `None` allows the whole window.
    #[serde(alias = "max_downtime")]
    pub max_downtime_s: Option<i64>,
    /// How long before the start customers must be notified.
    #[serde(alias = "min_notice")]
    pub min_notice_s: Option<i64>,
    /// How early a bad run may begin and still belong to the window.
    #[serde(alias = "start_grace")]
    pub start_grace_s: Option<i64>,
    /// The reason for scheduling outside the policy's allowed hours.
    #[serde(alias = "override")]
    pub override_reason: Option<String>,
    /// How long before its start customers are reminded, in seconds, the longest first.
    #[serde(alias = "announce", default, skip_serializing_if = "Vec::is_empty")]
    pub announce_s: Vec<i64>,
}
