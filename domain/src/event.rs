//! The stored form of everything that happened: one fact, when, and by whom.
//!
//! A fact's kind, shape and meaning are frozen. A changed shape is a new version `v` of its kind,
//! beside the old one; `tests/golden/events/` holds one file per kind and version that is never
//! edited. Every field is written, also where it is `None` or empty. See
//! `docs/decisions/0003-stored-events.md`.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::calendar::Month;
use crate::catalogue::{Catalogue, Single};
use crate::clocks::State as LevelState;
use crate::desk;
use crate::guard;
use crate::handling::{ClockRun, Impact, Problem};
use crate::id::{
    CommitteeId, CustomerId, IncidentId, NoticeId, OutageId, PolicyId, Source, SubscriberId,
    SystemId, WindowId,
};
use crate::incident::{Cause, Phase, Review};
use crate::notice::{Notice, ReportFile};
use crate::sample::{Reason, Seen};
use crate::span::Span;

/// One fact, with its time and its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened: the due time of what fell due, the start of the sample that decided it,
    /// the moment an act was received.
    pub at: Timestamp,
    pub by: Actor,
    pub fact: Fact,
}

/// Why no sample covers a probe's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// The probe has never answered yet.
    New,
    /// The service was stopped, or its life ended.
    Stopped,
    /// No sample within two and a half intervals.
    Missing,
    /// The last sample was inconclusive.
    Inconclusive,
    /// The machine was suspended, the process stalled, or the wall clock stepped.
    MonitoringGap,
}

/// Why the service could not watch although it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// The process got no time, or the machine slept.
    Stalled,
    /// The wall clock was set.
    ClockStepped,
}

/// True if a gap of `span` that was noticed at `at` is a clock that was set back to `at`.
pub fn is_set_back(at: Timestamp, span: Span, cause: GapCause) -> bool {
    cause == GapCause::ClockStepped && at < span.to
}

/// How one attempt to deliver ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// The relay answered 2xx after the final dot.
    Accepted,
    /// A temporary refusal, or no connection: tried again.
    Deferred,
    /// A permanent refusal.
    Rejected,
    /// Lost between the first byte of the message and its reply: it may have been delivered.
    Ambiguous,
}

/// Why a subscription changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubscriptionCause {
    /// The person followed the link of the mail that asks for confirmation.
    Confirmed,
    /// The person chose other systems.
    Chosen,
    /// The person ended it.
    Unsubscribed,
    /// A mail server rejected the address for good.
    Rejected,
    /// Systems became private.
    Private,
    /// `people.sqlite` does not have the person any more, or has another choice: a copy of it was put back.
    Restored,
}

/// One fact. The name of a variant in kebab case is its stored kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    content = "data",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
pub enum Fact {
    /// The first event of a ledger: its identity, from which message ids are made.
    LedgerCreated {
        /// Random, or a simulation's seed.
        identity: String,
        /// The version of the time zone database.
        tzdb: String,
    },
    /// A configuration came into force.
    Configured {
        /// All of it, without secrets.
        catalogue: Box<Catalogue>,
    },
    /// The service started to watch.
    Started {
        /// The last instant at which an earlier run is known to have been alive.
        alive_until: Option<Timestamp>,
    },
    /// The service stopped in order.
    Stopped,
    /// The service was found to have ended without a word, by whoever wrote next.
    Crashed {
        /// The last instant at which it is known to have been alive.
        alive_until: Timestamp,
    },
    /// The service ran but could not watch.
    MonitoringGap {
        /// From when to when.
        span: Span,
        /// Why.
        cause: GapCause,
    },
    /// Everything up to the event's own instant was watched by a service that was alive: written
    /// at each midnight of a committee's zone, so that a month is closed by the ledger alone.
    DayClosed,
    /// The latencies of a local day are counted and stored: reports need no samples of it.
    LatenciesRolledUp {
        date: Date,
        /// The zone of the day (IANA).
        zone: String,
        span: Span,
        /// The file below `rollups/`.
        file: String,
        /// SHA-256 of the file, in hexadecimal.
        sha256: String,
        /// The probes that have a conclusive sample.
        probes: u64,
        /// Their conclusive samples.
        samples: u64,
    },

    /// The samples of a month are in one file for good. It was read back and compared.
    SamplesArchived {
        /// In UTC.
        month: Month,
        /// SHA-256 of the file, in hexadecimal.
        sha256: String,
        /// The number of its samples.
        samples: u64,
    },
    /// The samples of a month are deleted: they are older than the configuration keeps them.
    SamplesDeleted {
        /// In UTC.
        month: Month,
    },

    /// No sample covers the probe's target from here on.
    ProbeSilent {
        source: Source,
        /// The first instant without coverage.
        from: Timestamp,
        /// Why.
        cause: Silence,
    },
    /// A conclusive sample covers the present again.
    ProbeFirstResult {
        source: Source,
        /// The start of that sample.
        from: Timestamp,
    },
    /// Confirmed down.
    ProbeDown {
        source: Source,
        /// The first bad sample of the run.
        from: Timestamp,
        /// The reason of the sample that confirmed.
        reason: Option<Reason>,
        /// Its detail.
        detail: Option<String>,
        /// The samples it rests on.
        samples: Vec<Seen>,
        /// The last good sample before them; absent in older events, and after a gap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seen>,
    },
    /// Confirmed up again.
    ProbeUp {
        source: Source,
        /// The first good sample of the run, or the end of the last bad sample's coverage.
        to: Timestamp,
        /// The span in which it ended, where nobody watched.
        unobserved: Option<Span>,
        /// The samples it rests on.
        samples: Vec<Seen>,
        /// The last bad sample before them; absent in older events, and after a gap.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seen>,
    },
    /// Confirmed degraded (or down, which is worse).
    ProbeDegraded {
        source: Source,
        /// The first bad sample of the run.
        from: Timestamp,
        /// The reason of the sample that confirmed.
        reason: Option<Reason>,
        /// Its detail.
        detail: Option<String>,
        /// The samples it rests on.
        samples: Vec<Seen>,
    },
    /// Confirmed neither down nor degraded again.
    ProbeCleared {
        source: Source,
        /// The first good sample of the run, or the end of the last bad sample's coverage.
        to: Timestamp,
    },
    /// A run of `down` samples that was never confirmed.
    Blip {
        source: Source,
        /// Its first bad sample to the good one that ended it.
        span: Span,
        bad_samples: u32,
    },

    /// A system became unavailable.
    OutageOpened {
        /// Its id: outages are numbered from 1, without gaps.
        outage: OutageId,
        /// Which system.
        system: SystemId,
        /// The first bad sample.
        start: Timestamp,
        /// True if a window covers every second of it so far: then no notice is sent.
        planned: bool,
    },
    /// No availability probe of the system is down or pending any more.
    OutageClosed {
        /// Which.
        outage: OutageId,
        /// The first good sample after it.
        end: Timestamp,
        /// The span in which it ended, where nobody watched.
        unobserved: Option<Span>,
    },
    /// A person declared an outage that the probes did not see.
    OutageDeclared {
        /// Its id: declared and observed outages share one numbering.
        outage: OutageId,
        /// Which system.
        system: SystemId,
        /// From when to when; an open one has no end yet.
        from: Timestamp,
        /// The end.
        to: Option<Timestamp>,
        /// The evidence.
        evidence: String,
    },
    /// A declared outage got its end, or another one.
    DeclarationChanged {
        /// Which.
        outage: OutageId,
        /// The end that now holds.
        to: Timestamp,
        /// Why.
        reason: String,
        /// The second person, whom shortening needs.
        approved_by: Option<String>,
    },
    /// The monitor itself was wrong: the span is unknown.
    MonitorFault {
        /// Which system.
        system: SystemId,
        /// From when to when.
        span: Span,
        /// The evidence.
        evidence: String,
        /// The second person.
        approved_by: String,
    },
    /// Downtime that a person excludes from the contract's figure.
    DowntimeExcluded {
        /// Inside which outage.
        outage: OutageId,
        /// Which part of it.
        span: Span,
        /// Why.
        reason: String,
        /// The evidence.
        evidence: String,
        /// The second person; until there is one it stays unplanned.
        approved_by: Option<String>,
    },
    /// Planned time of an outage is unplanned after all.
    OutageReclassified {
        /// Which.
        outage: OutageId,
        /// Why.
        reason: String,
    },
    /// Downtime outlasted the planned time of its windows.
    Overrun {
        /// Which.
        outage: OutageId,
        /// The first second that no window excuses.
        from: Timestamp,
        /// The last window in which it was planned.
        window: WindowId,
    },

    /// A single window was scheduled.
    WindowScheduled {
        /// The scheduled window.
        window: Single,
    },
    /// A single window got other times or another allowance.
    WindowChanged {
        /// The window as it holds now.
        window: Single,
        /// Why.
        reason: Option<String>,
    },
    /// A single window will not be held.
    WindowCancelled {
        /// Which.
        window: WindowId,
        /// Why.
        reason: Option<String>,
    },
    /// A person recorded having told a customer of a single window.
    CustomerNotified {
        /// The announced window.
        window: WindowId,
        /// The customer that was notified.
        customer: CustomerId,
        /// How.
        how: String,
        /// When, where that was earlier than the event.
        counts_from: Option<Timestamp>,
        /// The second person, whom an earlier time needs.
        approved_by: Option<String>,
    },
    /// Customers are reminded of a window that is still to come.
    MaintenanceReminded {
        /// Which.
        window: WindowId,
        /// The systems of the window.
        systems: Vec<SystemId>,
        /// The title of the work.
        title: String,
        /// As it is planned now.
        span: Span,
        /// How long before the start this reminder was due, in seconds. A late one is for the last of those that
        /// are due.
        before_s: i64,
    },
    /// A window began.
    MaintenanceStarted {
        /// Which.
        window: WindowId,
        /// The systems of the window.
        systems: Vec<SystemId>,
        /// The title of the work.
        title: String,
        /// As it stood at its start.
        span: Span,
    },
    /// A window is over and its systems are confirmed up.
    MaintenanceCompleted {
        /// Which.
        window: WindowId,
    },

    /// An incident began.
    IncidentOpened {
        /// Its id: incidents are numbered from 1, without gaps.
        incident: IncidentId,
        /// The systems concerned.
        systems: Vec<SystemId>,
        /// The outages it ties together.
        outages: Vec<OutageId>,
        /// Why.
        cause: Cause,
    },
    /// A system fails again and again: these outages, and whatever else their incidents tie together
    /// of it, belong to one incident from now on. Of a system that is unstable already: one more.
    Flapping {
        /// Which system.
        system: SystemId,
        /// The incident; the others are merged into it.
        incident: IncidentId,
        /// The outages of the hour that count, in order of their start, or the one more.
        outages: Vec<OutageId>,
    },
    /// A system that failed again and again has been up for as long as it must.
    FlappingEnded {
        /// Which.
        system: SystemId,
        /// Its incident.
        incident: IncidentId,
    },
    /// A person took it on.
    IncidentAcknowledged {
        /// Which.
        incident: IncidentId,
        /// From when on it counts, where that was earlier than the event.
        counts_from: Option<Timestamp>,
        /// The second person, whom an earlier time needs.
        approved_by: Option<String>,
    },
    /// A person wrote what it was.
    IncidentReviewed {
        /// Which.
        incident: IncidentId,
        /// The texts; those left out stay as they are.
        review: Review,
    },
    /// A person posted words about it while it went on.
    IncidentUpdated {
        /// Which.
        incident: IncidentId,
        text: String,
        /// Customers are told.
        public: bool,
        /// The state from now on, as customers see it.
        phase: Option<Phase>,
        /// When the problem is expected to be solved; absent in older events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        estimate: Option<Timestamp>,
    },
    /// Every recipient of an update has it, but for those that were refused for good or removed.
    UpdateDelivered {
        incident: IncidentId,
        /// The number of the update within its incident, from 1.
        number: u32,
    },
    /// A person withdrew it as a false alarm. Its outages and their classes stay as they are.
    IncidentWithdrawn {
        /// Which.
        incident: IncidentId,
        /// Why, as customers are told.
        reason: String,
    },
    /// A preventive measure of it was carried out.
    MeasureDone {
        /// The incident of the measure.
        incident: IncidentId,
        /// The measure's text.
        measure: String,
        /// The work that was done.
        note: Option<String>,
    },
    /// Its systems are up, or a person resolved it.
    IncidentResolved {
        /// Which.
        incident: IncidentId,
        /// A person's words about it; absent in older events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// A person closed it.
    IncidentClosed {
        /// Which.
        incident: IncidentId,
        /// Why it was closed with texts missing.
        missing_texts_reason: Option<String>,
        /// How the reporter of a problem confirmed that it is settled; absent in older events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confirmed_by: Option<String>,
    },

    /// It has this severity from now on.
    IncidentRated {
        incident: IncidentId,
        /// The policy that defines the severity.
        policy: PolicyId,
        severity: String,
        /// The reason of a person; `None` for the rules of the policy.
        reason: Option<String>,
    },
    /// Another outage belongs to it.
    OutageJoined {
        incident: IncidentId,
        system: SystemId,
        outage: OutageId,
    },
    /// A customer reported a problem, which belongs to it.
    ProblemReported {
        incident: IncidentId,
        problem: Problem,
    },
    /// A person answered the reporter or a customer, by a call or a visit.
    IncidentResponded {
        incident: IncidentId,
        to: String,
        how: String,
        /// When the problem is expected to be solved.
        estimate: Option<Timestamp>,
        /// From when on it counts, where that was earlier than the event.
        counts_from: Option<Timestamp>,
        /// The second person, whom an earlier time needs.
        approved_by: Option<String>,
    },
    /// A person found out how far the failure reaches.
    IncidentAssessed {
        incident: IncidentId,
        impact: Impact,
    },
    /// Users can work in another way until it is corrected.
    WorkaroundFound { incident: IncidentId, text: String },
    /// A person confirmed that a text of the act before is no protected health information.
    TextConfirmed {
        /// The subject of that act.
        about: String,
        /// The kinds that it looks like.
        found: Vec<guard::Kind>,
        reason: String,
    },
    /// Its clocks do not run.
    IncidentPaused {
        incident: IncidentId,
        reason: String,
    },
    /// Its clocks run again.
    IncidentResumed { incident: IncidentId },
    /// A person escalates it to the next level.
    IncidentEscalated {
        incident: IncidentId,
        reason: String,
    },
    /// A person declared a disaster.
    DisasterDeclared {
        incident: IncidentId,
        reason: String,
    },
    /// Another incident takes it over.
    IncidentMerged {
        incident: IncidentId,
        into: IncidentId,
        reason: String,
    },
    /// A level of escalation was decided.
    LevelReached {
        incident: IncidentId,
        level: u8,
        severity: String,
        /// Notified, by a person, or skipped.
        state: LevelState,
        /// Ids of the contacts of the level.
        contacts: Vec<String>,
    },
    /// A clock has used up most of its time.
    ClockWarned { incident: IncidentId, run: ClockRun },
    /// A clock was answered in time.
    ClockMet {
        incident: IncidentId,
        run: ClockRun,
        answered: Timestamp,
    },
    /// A clock was not answered in time.
    ClockMissed { incident: IncidentId, run: ClockRun },

    /// The draft of a month's report is ready; the contacts owe texts of it.
    ReportDrafted {
        committee: CommitteeId,
        month: Month,
        /// When the committee meets.
        meeting: Timestamp,
        /// The contacts that are told which texts are missing.
        contacts: Vec<String>,
    },
    /// The meeting comes nearer, and the contacts still owe texts.
    ReportReminded {
        committee: CommitteeId,
        month: Month,
        meeting: Timestamp,
        contacts: Vec<String>,
    },
    /// A person approved the report of a month, with the facts up to this event.
    ReportApproved {
        committee: CommitteeId,
        month: Month,
        /// 0 for the first approval; revisions count from 1.
        revision: u32,
        /// The sequence of the draft that the approver named.
        as_of: u64,
        /// Why texts are missing, or why the report was revised.
        reason: Option<String>,
    },
    /// The files of an approved report are on the disk.
    ReportFiled {
        committee: CommitteeId,
        month: Month,
        revision: u32,
        files: Vec<ReportFile>,
        /// The program and the templates that made them.
        renderer: String,
        /// The first sentence of its first page.
        headline: String,
        /// The sentences that follow it.
        happened: Vec<String>,
    },

    /// A file of a service desk's calls was imported. Its days replace those of earlier files.
    DeskImported {
        policy: PolicyId,
        /// The name of the file.
        file: String,
        /// SHA-256 of the file, in hexadecimal.
        sha256: String,
        /// The time within which the counted calls were answered.
        answer_within_s: i64,
        days: Vec<desk::Day>,
    },
    /// A customer was not reached about outages that go on, ten minutes after the notice was owed.
    NoticeUndelivered {
        customer: CustomerId,
        /// In order of their ids.
        outages: Vec<OutageId>,
        /// Since when the notice of the first of them is owed.
        since: Timestamp,
        /// The last answer to a notice of them; none before the first attempt.
        reply: Option<String>,
        /// The contacts that are told.
        contacts: Vec<String>,
    },
    /// A person who subscribed on the public page gets mails about these systems from now on. The mail address is in
    /// `people.sqlite` alone.
    SubscriptionChanged {
        subscriber: SubscriberId,
        /// In order of their ids; none ends the subscription.
        systems: Vec<SystemId>,
        cause: SubscriptionCause,
    },
    /// An attempt begins: written before a connection is made.
    DeliveryAttempted {
        /// The notice.
        notice: NoticeId,
        /// Counted from 1.
        attempt: u32,
        /// The content, with the first attempt.
        message: Option<Box<Notice>>,
        message_id: String,
        /// SHA-256 of the rendered message, in hexadecimal.
        sha256: String,
    },
    /// A person sends a rejected notice again: the facts that it told are owed to its address once more.
    NoticeOwedAgain {
        /// The rejected notice.
        notice: NoticeId,
        reason: String,
    },
    /// An attempt ended.
    DeliveryEnded {
        /// The notice.
        notice: NoticeId,
        /// Which attempt.
        attempt: u32,
        /// How.
        result: Delivery,
        /// The relay's reply or what went wrong, one line.
        reply: String,
        /// True if no relay judged this notice: none could be reached, or each refused the
        /// connection, the login or the sender.
        unreached: bool,
        /// The pause that the receiver asked for, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<i64>,
    },
}

impl Fact {
    /// True for an attempt to deliver and its end.
    pub(crate) fn is_delivery(&self) -> bool {
        matches!(
            self,
            Fact::DeliveryAttempted { .. } | Fact::DeliveryEnded { .. }
        )
    }

    /// The subject of the fact: a system, probe, window, outage, incident or notice; empty for the
    /// service as a whole.
    pub fn subject(&self) -> String {
        match self {
            Fact::LedgerCreated { .. }
            | Fact::Configured { .. }
            | Fact::Started { .. }
            | Fact::Stopped
            | Fact::Crashed { .. }
            | Fact::MonitoringGap { .. }
            | Fact::DayClosed => String::new(),
            Fact::LatenciesRolledUp { date, .. } => date.to_string(),
            Fact::SamplesArchived { month, .. } | Fact::SamplesDeleted { month } => {
                format!("samples {month}")
            }
            Fact::ProbeSilent { source, .. }
            | Fact::ProbeFirstResult { source, .. }
            | Fact::ProbeDown { source, .. }
            | Fact::ProbeUp { source, .. }
            | Fact::ProbeDegraded { source, .. }
            | Fact::ProbeCleared { source, .. }
            | Fact::Blip { source, .. } => source.to_string(),
            Fact::OutageOpened { system, .. }
            | Fact::OutageDeclared { system, .. }
            | Fact::MonitorFault { system, .. }
            | Fact::Flapping { system, .. }
            | Fact::FlappingEnded { system, .. } => system.to_string(),
            Fact::OutageClosed { outage, .. }
            | Fact::DeclarationChanged { outage, .. }
            | Fact::DowntimeExcluded { outage, .. }
            | Fact::OutageReclassified { outage, .. }
            | Fact::Overrun { outage, .. } => outage.to_string(),
            Fact::WindowScheduled { window } | Fact::WindowChanged { window, .. } => {
                window.id.to_string()
            }
            Fact::WindowCancelled { window, .. }
            | Fact::CustomerNotified { window, .. }
            | Fact::MaintenanceReminded { window, .. }
            | Fact::MaintenanceStarted { window, .. }
            | Fact::MaintenanceCompleted { window } => window.to_string(),
            Fact::TextConfirmed { about, .. } => about.clone(),
            Fact::IncidentOpened { systems, .. } => systems
                .iter()
                .map(SystemId::as_str)
                .collect::<Vec<_>>()
                .join(","),
            Fact::IncidentAcknowledged { incident, .. }
            | Fact::MeasureDone { incident, .. }
            | Fact::IncidentReviewed { incident, .. }
            | Fact::IncidentUpdated { incident, .. }
            | Fact::IncidentWithdrawn { incident, .. }
            | Fact::IncidentResolved { incident, .. }
            | Fact::IncidentClosed { incident, .. }
            | Fact::UpdateDelivered { incident, .. }
            | Fact::IncidentRated { incident, .. }
            | Fact::OutageJoined { incident, .. }
            | Fact::ProblemReported { incident, .. }
            | Fact::IncidentResponded { incident, .. }
            | Fact::IncidentAssessed { incident, .. }
            | Fact::WorkaroundFound { incident, .. }
            | Fact::IncidentPaused { incident, .. }
            | Fact::IncidentResumed { incident }
            | Fact::IncidentEscalated { incident, .. }
            | Fact::DisasterDeclared { incident, .. }
            | Fact::IncidentMerged { incident, .. }
            | Fact::LevelReached { incident, .. }
            | Fact::ClockWarned { incident, .. }
            | Fact::ClockMet { incident, .. }
            | Fact::ClockMissed { incident, .. } => incident.to_string(),
            Fact::ReportDrafted {
                committee, month, ..
            }
            | Fact::ReportReminded {
                committee, month, ..
            }
            | Fact::ReportApproved {
                committee, month, ..
            }
            | Fact::ReportFiled {
                committee, month, ..
            } => format!("{committee} {month}"),
            Fact::DeskImported { policy, .. } => policy.to_string(),
            Fact::NoticeUndelivered { customer, .. } => customer.to_string(),
            Fact::SubscriptionChanged { subscriber, .. } => subscriber.to_string(),
            Fact::DeliveryAttempted { notice, .. }
            | Fact::NoticeOwedAgain { notice, .. }
            | Fact::DeliveryEnded { notice, .. } => notice.to_string(),
        }
    }
}
