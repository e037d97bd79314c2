//! The shape of a monthly report: what every format prints, and the stable keys of its JSON.
//!
//! Keys that other programs read never change their name or meaning; more may be added. Seconds end
//! in `_s`; percentages are strings, truncated to three decimals, without a sign.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};

use super::clocks::{ClockCount, ClockLine, LevelLine};
use super::desk::DeskLine;
use super::explain::{self, Explained};
use super::latencies::Latencies;
use super::words;
pub use crate::accounting::Verdict;

/// The name and version of this shape, the JSON key `schema`.
pub const SCHEMA: &str = "nines/monthly-report/1";

/// An instant as a report prints it: floored to whole seconds, with the offset that the
/// committee's zone had then. Serialises as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    at: Timestamp,
    offset: Offset,
}

impl Moment {
    /// `at`, floored to seconds, with its offset in `zone`.
    pub fn of(at: Timestamp, zone: &TimeZone) -> Self {
        let at = words::floor(at);
        Self {
            at,
            offset: zone.to_offset(at),
        }
    }

    /// The instant, in whole seconds.
    pub fn at(self) -> Timestamp {
        self.at
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.at.display_with_offset(self.offset))
    }
}

/// A month of one committee.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub schema: &'static str,
    pub committee: String,
    pub committee_name: String,
    pub service: String,
    /// `2026-10`, or the days of another period: `2026-10-01/2026-10-15`, the last one excluded.
    pub month: String,
    /// `October 2026`, or the first and the last day.
    pub month_name: String,
    /// `month` or `period`. Only a month's report is ever approved.
    pub covers: &'static str,
    /// The first instant in the committee's zone.
    pub from: Moment,
    pub to: Moment,
    /// The committee's zone (IANA).
    pub zone: String,
    /// `draft` or `final`.
    pub status: Status,
    /// 0 for the first approved report; revisions count from 1.
    pub revision: u32,
    /// The approval that made it final.
    pub approval: Option<Approval>,
    /// The changes since the approved report before it; only in a final revision.
    pub revises: Option<Revises>,
    /// The position in the ledger up to which facts are included.
    pub ledger: Ledger,
    /// The time of the ledger's last event.
    pub as_of: Moment,
    /// True if the month was still running then.
    pub so_far: bool,
    pub headline: String,
    pub happened: Vec<String>,
    /// Every system that the committee oversaw at any time in the month.
    pub systems: Vec<SystemLine>,
    /// The same systems over thirteen months.
    pub trend: Vec<TrendLine>,
    /// Every outage that touches the month.
    pub outages: Vec<OutageLine>,
    /// Every incident that was opened in the month or belongs to one of its outages.
    pub incidents: Vec<IncidentLine>,
    /// How often the clocks of each severity were kept.
    pub clock_counts: Vec<ClockCount>,
    /// The clocks that ended in the month, and those that were running at its end.
    pub clocks: Vec<ClockLine>,
    /// The levels of escalation that were decided in the month.
    pub escalations: Vec<LevelLine>,
    /// The service desks of the agreements that have an objective for one.
    pub desk: Vec<DeskLine>,
    /// Every window that touches the month.
    pub maintenance: Vec<WindowLine>,
    /// Notices decided in the month, by kind.
    pub notices: BTreeMap<String, u64>,
    /// How many of them ended how.
    pub notice_results: BTreeMap<String, u64>,
    /// The notices among them that a relay rejected, or that were given up.
    pub refused: Vec<Refused>,
    /// Causes that repeat over thirteen months, each with one of this month.
    pub repeats: Vec<Repeat>,
    /// How each customer was notified of the month's incidents.
    pub customers: Vec<CustomerLine>,
    /// Preventive measures of this and earlier months that are not done.
    pub open_measures: Vec<OpenMeasure>,
    /// Monitoring gaps: spans without a sample.
    pub unknown: Vec<UnknownSpan>,
    /// Monitor faults that people declared.
    pub faults: Vec<FaultLine>,
    /// The monitor's own absences.
    pub monitor: Monitor,
    /// Configuration changes.
    pub changes: Vec<Change>,
    /// Latencies by day, from the daily roll-ups.
    pub latencies: Latencies,
    pub method: Method,
    /// The explanation of every figure but the latencies; [`Report::explained`] has all.
    #[serde(skip)]
    pub explanations: Explained,
    #[serde(skip)]
    pub(super) explained: OnceLock<Arc<Explained>>,
}

impl Report {
    /// The explanation of every figure. Not a part of the JSON: `nines explain --json` prints it. Made when it is first asked
    /// for, since a month has tens of thousands of latencies and most formats explain none.
    pub fn explained(&self) -> &Arc<Explained> {
        self.explained.get_or_init(|| {
            let mut all = self.explanations.clone();
            explain::latencies(self, &mut all);
            Arc::new(all)
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Draft,
    Final,
}

/// The approval of a final report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Approval {
    pub by: String,
    pub at: Moment,
    /// The ledger sequence of the draft that the approver named.
    pub as_of: u64,
    /// Why texts are missing, or why the report was revised.
    pub reason: Option<String>,
}

/// The changes that a revision made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revises {
    /// The revision before it; 0 is the first approved report.
    pub revision: u32,
    /// The ledger position of that report.
    pub ledger: Ledger,
    pub approved: Option<Moment>,
    /// Every figure that differs.
    pub changes: Vec<FigureChange>,
}

/// A figure that a revision changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FigureChange {
    /// Its path in the JSON, with ids in place of list positions: `systems.portal.unplanned_s`.
    pub key: String,
    /// The same in words.
    pub what: String,
    /// The values in words; `None` where there was or is none.
    pub before: Option<String>,
    pub after: Option<String>,
}

/// A position in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// The sequence number of the last event.
    pub seq: u64,
    /// The hash of that event.
    pub head: String,
}

/// One system's month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SystemLine {
    pub system: String,
    pub name: String,
    /// A `partner` system is shown but does not count.
    pub kind: crate::catalogue::Kind,
    pub policy: Option<String>,
    /// Seconds of agreed time; the classes below add up to it (`degraded_s` is part of `up_s`).
    pub agreed_s: i64,
    pub up_s: i64,
    /// The part of `up_s` that was slow or impaired.
    pub degraded_s: i64,
    /// Downtime that a maintenance window makes planned.
    pub planned_s: i64,
    pub excluded_s: i64,
    pub unplanned_s: i64,
    /// Time without a sample.
    pub unknown_s: i64,
    /// Time without a sample that the agreement counts as down: part of the unplanned or excluded
    /// seconds, and not of `unknown_s`.
    pub unknown_as_down_s: i64,
    /// The part of `unplanned_s` without a sample.
    pub unplanned_unseen_s: i64,
    /// The part of `unplanned_s` that was only degraded, where the agreement counts that as down.
    pub unplanned_degraded_s: i64,
    pub contract_availability: Option<String>,
    pub experienced_availability: Option<String>,
    /// The part of the agreed time that samples cover.
    pub coverage: Option<String>,
    /// The target in force at the month's first instant, truncated like every percentage.
    pub target: Option<String>,
    /// The target with all its digits.
    pub target_exact: Option<String>,
    pub verdict: Verdict,
    /// How a running month stands, which has no verdict yet; `None` if the month is over or nothing decides.
    pub standing: Option<Standing>,
    /// True if the verdict rests on the measured time: unknown time could change it.
    pub on_measured_time: bool,
    /// True if the starts and ends of outages are known less exactly than the remaining budget.
    pub within_measurement_error: bool,
    /// With all unknown time up, also where the agreement counts it as down.
    pub availability_at_best: Option<String>,
    /// With all unknown time down.
    pub availability_at_worst: Option<String>,
    /// The unplanned seconds that the target allows, rounded down.
    pub budget_s: Option<i64>,
    /// The remaining budget, rounded down; negative if overspent.
    pub budget_left_s: Option<i64>,
    /// Runs of bad samples that were never confirmed.
    pub blips: i64,
    /// Their seconds, which count as up.
    pub blip_s: i64,
    /// Outages counted in this month.
    pub outages: i64,
    pub mtrs_s: Option<i64>,
    /// True if the real mean may be longer, since the end of an outage was not observed.
    pub mtrs_at_least: bool,
    pub mtbf_s: Option<i64>,
    /// The most unplanned seconds of one outage this month; outages that overlap or touch are one.
    pub longest_s: Option<i64>,
    /// True if it may be longer, since its end was not observed.
    pub longest_at_least: bool,
    /// When it was added, if that lies in the month.
    pub added: Option<Moment>,
    /// When it was removed, if that lies in the month.
    pub removed: Option<Moment>,
    /// Each local day of the month.
    pub days: Vec<Day>,
}

/// A running month against its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The availability so far is at least the target.
    OnTarget,
    /// It is below the target, and the budget of the whole month is not spent.
    BelowTarget,
    /// The unplanned time exceeds the budget of the whole month.
    BudgetSpent,
}

/// One system in the thirteen months that end with the report's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrendLine {
    pub system: String,
    pub name: String,
    /// In order of time, the report's month last.
    pub months: Vec<TrendMonth>,
    pub year: YearToDate,
}

/// One system in one month, as the ledger knows it now. All but `month` is `None` if the system had no
/// agreed time in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrendMonth {
    /// `2026-10`.
    pub month: String,
    /// `None` too if nothing was measured.
    pub contract_availability: Option<String>,
    /// The target in force then; `None` if there was none.
    pub target: Option<String>,
    pub verdict: Option<Verdict>,
    pub unplanned_s: Option<i64>,
    pub outages: Option<i64>,
    /// True if its approved report was revised.
    pub revised: bool,
}

/// The months of the report's year up to its own. Each second is classed by the agreement of its month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct YearToDate {
    pub year: i16,
    /// How many of them had agreed time.
    pub months: u32,
    pub contract_availability: Option<String>,
    pub experienced_availability: Option<String>,
    pub unplanned_s: i64,
    pub planned_s: i64,
    pub unknown_s: i64,
    pub outages: i64,
}

/// One system on one local day: its agreed seconds by class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    pub date: Date,
    /// The letter of its strip: the worst class of the day.
    pub mark: Mark,
    /// The length of the day: 23, 24 or 25 hours.
    pub length_s: i64,
    pub agreed_s: i64,
    pub up_s: i64,
    pub degraded_s: i64,
    pub planned_s: i64,
    pub excluded_s: i64,
    pub unplanned_s: i64,
    pub unknown_s: i64,
    /// The parts of the day that were not simply up, in order of time.
    pub parts: Vec<Part>,
}

/// A part of a day that has one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Seconds from the start of the day.
    pub from_s: i64,
    pub to_s: i64,
    pub class: Mark,
}

/// The worst class of a day; the worst is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// No agreed time, or in the future.
    None,
    Up,
    Degraded,
    Unknown,
    Planned,
    Excluded,
    Unplanned,
}

/// One outage; seconds are those inside this month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutageLine {
    pub outage: String,
    pub system: String,
    pub name: String,
    /// The time of the first bad sample, or the declared start.
    pub start: Moment,
    /// The time of the first good sample after it, or when its probe or system was removed.
    pub end: Option<Moment>,
    /// True if a sample showed the end. False if the outage is open, ended in the span
    /// `ended_between`, was declared, or its system is no longer monitored.
    pub end_observed: bool,
    /// The monitoring gap in which it ended.
    pub ended_between: Option<(Moment, Moment)>,
    /// When it was confirmed, or recorded.
    pub detected: Moment,
    pub declared: bool,
    pub declaration: Option<Declaration>,
    pub planned_s: i64,
    pub excluded_s: i64,
    pub unplanned_s: i64,
    /// Time without a sample inside the outage.
    pub unknown_s: i64,
    /// True if it counts as an outage of this month.
    pub counted: bool,
    /// True if the agreement ignores it because it was short: its time is excluded.
    pub ignored: bool,
    pub incident: Option<String>,
    pub windows: Vec<String>,
    /// The failure reason of the probe.
    pub reason: Option<String>,
    pub detail: Option<String>,
    /// The precision of its start and end in seconds; 0 if a person declared it.
    pub edge_s: i64,
    /// The merged outage that it is a part of, if that is longer than the outage itself. Outages that
    /// overlap or touch are one in every count and milestone.
    pub merged: Option<MergedLine>,
    /// The start of its milestones: the first unplanned second of the merged outage.
    pub counted_from: Option<Moment>,
    /// Seconds from `counted_from` to detection.
    pub detect_s: Option<i64>,
    /// Seconds until the first customer was told.
    pub tell_first_s: Option<i64>,
    /// Seconds until the last customer was told.
    pub tell_last_s: Option<i64>,
    /// When the notice of an earlier outage told the last customer, if that was before `counted_from`.
    pub told_before: Option<Moment>,
    /// The number of customers of its incidents that were told.
    pub customers_told: Option<u64>,
    pub customers: Option<u64>,
    /// Seconds until a person acknowledged an incident of it.
    pub acknowledge_s: Option<i64>,
    /// Seconds until service was restored; none if that was not observed.
    pub restore_s: Option<i64>,
    /// True if it may be longer, since its end was not observed.
    pub restore_at_least: bool,
    pub overrun: Option<Overrun>,
    /// Approved and proposed exclusions.
    pub exclusions: Vec<ExclusionLine>,
    /// Why a person reclassified its planned time as unplanned.
    pub reclassified: Option<String>,
    /// For each window that it touches and that did not make all of it planned: the reason.
    pub why_unplanned: Vec<String>,
}

/// Outages of one system that overlap or touch, with the downtime between them; they count as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MergedLine {
    pub from: Moment,
    /// `None` if it is not over.
    pub to: Option<Moment>,
    pub outages: Vec<String>,
    /// The outage under which it is counted.
    pub counted_as: String,
    /// Its unplanned seconds in this month.
    pub unplanned_s: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Declaration {
    pub by: String,
    pub evidence: String,
}

/// Downtime beyond what windows make planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overrun {
    /// The first second that no window makes planned.
    pub from: Moment,
    pub window: String,
}

/// Downtime that a person excluded from contract availability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExclusionLine {
    pub from: Moment,
    pub to: Moment,
    pub reason: String,
    pub evidence: String,
    pub by: String,
    /// The second person; until somebody approves, the time counts as unplanned.
    pub approved_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentLine {
    pub incident: String,
    /// The last one; `None` if no policy rates it.
    pub severity: Option<String>,
    pub systems: Vec<String>,
    /// Its outages of `systems`.
    pub outages: Vec<String>,
    pub cause: crate::incident::Cause,
    pub opened: Moment,
    pub acknowledged: Option<Moment>,
    pub acknowledged_by: Option<String>,
    /// When that was recorded, if later than `acknowledged`.
    pub acknowledged_recorded: Option<Moment>,
    /// The second person, who approved the earlier time.
    pub acknowledged_approved_by: Option<String>,
    /// True if a system of it was flapping.
    pub unstable: bool,
    /// The incident that it was merged into.
    pub merged_into: Option<String>,
    /// When all its systems were up.
    pub resolved: Option<Moment>,
    pub closed: Option<Moment>,
    pub closed_by: Option<String>,
    /// The reason given for closing it with texts missing.
    pub closed_without: Option<String>,
    pub summary: Option<String>,
    pub root_cause: Option<String>,
    pub root_cause_certainty: Option<crate::incident::Certainty>,
    pub resolution: Option<String>,
    pub measures: Vec<MeasureLine>,
    /// All clocks of it, also of other months.
    pub clocks: Vec<ClockLine>,
    pub told: Vec<Told>,
    /// The texts that are not written yet.
    pub missing: Vec<&'static str>,
    pub timeline: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    pub at: Moment,
    pub what: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MeasureLine {
    pub text: String,
    pub owner: String,
    pub due: Date,
    /// As of the report's `as_of`.
    pub state: MeasureState,
    /// When it was recorded as done.
    pub done: Option<Moment>,
    pub done_by: Option<String>,
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MeasureState {
    Open,
    /// Not done after its due date.
    Overdue,
    Done,
}

/// A cause that several incidents or outages share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repeat {
    pub kind: RepeatKind,
    /// The root cause as written last, or the failure reason of the probe.
    pub cause: String,
    /// The names of the systems.
    pub systems: Vec<String>,
    /// The incidents of a root cause, the outages of a failure, in order.
    pub ids: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatKind {
    RootCause,
    Failure,
}

/// The incidents of one customer's systems, by how it was notified of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CustomerLine {
    pub customer: String,
    pub name: String,
    /// A relay accepted a notice while the system was still down.
    pub notified: Vec<String>,
    /// Notified only after recovery.
    pub afterwards: Vec<String>,
    /// The relay rejected every notice, or it was given up.
    pub rejected: Vec<String>,
    /// Not sent, not delivered yet, or unconfirmed.
    pub not_notified: Vec<String>,
    /// The longest time from the opening of an incident to the first delivery, in words.
    pub slowest: Option<String>,
}

/// A preventive measure that is not done, with its incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenMeasure {
    pub incident: String,
    /// When that incident was opened.
    pub opened: Moment,
    pub systems: Vec<String>,
    pub text: String,
    pub owner: String,
    pub due: Date,
    pub state: MeasureState,
}

/// The notification of one customer about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    pub customer: String,
    pub name: String,
    /// The first delivery to one of its contacts.
    pub first: Option<Moment>,
    pub last: Option<Moment>,
    /// The best result of its notices.
    pub result: Telling,
    /// True if the first message that it received also said that the outage was over.
    pub only_afterwards: bool,
    /// The number of its contacts by result ([`Telling`]).
    pub contacts: BTreeMap<&'static str, u64>,
}

/// The result of a notice, or of all notices to one customer; the best is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Telling {
    /// A relay accepted it.
    Sent,
    /// Perhaps delivered: the connection was lost before the answer.
    Ambiguous,
    Queued,
    /// Not sent: a later notice includes its content, or it is out of date.
    Superseded,
    /// Given up after 48 hours of temporary rejections.
    GivenUp,
    Rejected,
    /// No notice was decided for this customer.
    NotTold,
}

impl Telling {
    /// The word used in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Telling::Sent => "sent",
            Telling::Ambiguous => "ambiguous",
            Telling::Queued => "queued",
            Telling::Superseded => "superseded",
            Telling::GivenUp => "given_up",
            Telling::Rejected => "rejected",
            Telling::NotTold => "not_told",
        }
    }
}

/// A notice that a mail relay rejected, or that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    pub notice: String,
    pub kind: String,
    /// Its outages of systems that this committee oversees, or its window.
    pub about: Vec<String>,
    pub customer: String,
    pub name: String,
    pub at: Moment,
    /// Rejected or given up.
    pub result: Telling,
}

/// One maintenance window as held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WindowLine {
    pub window: String,
    pub title: String,
    /// The effects of the work on customers.
    pub impact: Option<String>,
    pub systems: Vec<String>,
    pub start: Moment,
    pub end: Moment,
    /// When the last customer was told or the rule became known (an instant), or the date of the
    /// agreement.
    pub announced: Option<String>,
    /// True if any part of it is earned.
    pub earned: bool,
    /// Why it is earned or not, then why downtime in it is unplanned.
    pub why: String,
    pub cancelled: bool,
    /// The downtime that it allows; `None` is all of it.
    pub max_downtime_s: Option<i64>,
    /// Downtime inside it, in this month.
    pub downtime_s: i64,
    /// Downtime that it makes planned.
    pub planned_s: i64,
    /// Downtime that it had made planned, beyond its allowance or its end.
    pub overrun_s: i64,
    pub recurring: bool,
    /// Customers whom people told, as recorded.
    pub told_by_people: Vec<ToldByPerson>,
}

/// A person's record that a customer was told about a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldByPerson {
    pub customer: String,
    pub name: String,
    pub at: Moment,
    /// When that was recorded, if later than `at`.
    pub recorded: Option<Moment>,
    pub by: String,
    pub how: String,
    /// The second person, who approved the earlier time.
    pub approved_by: Option<String>,
}

/// A span without samples. Systems with the same span and causes share a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownSpan {
    pub systems: Vec<String>,
    pub names: Vec<String>,
    pub from: Moment,
    pub to: Moment,
    /// The agreed seconds of each system.
    pub unknown_s: i64,
    pub why: String,
}

/// A monitor fault that people declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultLine {
    pub system: String,
    pub from: Moment,
    pub to: Moment,
    pub evidence: String,
    pub by: String,
    pub approved_by: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Monitor {
    /// In order of start.
    pub absences: Vec<AbsenceLine>,
}

/// A span in which the monitor did not run, or could not monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AbsenceLine {
    /// After a crash, the last instant at which the service is known to have run.
    pub from: Moment,
    /// The next start; `None` if it has not started again.
    pub to: Option<Moment>,
    pub length_s: Option<i64>,
    pub cause: Away,
    pub why: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Away {
    NotStarted,
    Stopped,
    /// The service crashed, was killed or lost power.
    Died,
    /// The process got no CPU time, or the machine was suspended.
    Stalled,
    ClockStepped,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub at: Moment,
    pub by: String,
    pub what: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Method {
    /// The version of the time zone database, from the ledger's first event.
    pub tzdb: String,
    /// The length of the month in seconds.
    pub length_s: i64,
    pub rules: Vec<Rule>,
    /// The choices of agreements in force at the month's first instant.
    pub choices: Vec<Choice>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub word: &'static str,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// `None` for systems without an agreement.
    pub policy: Option<String>,
    pub name: String,
    pub systems: Vec<String>,
    pub texts: Vec<String>,
}
