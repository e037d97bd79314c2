//! The shape of a monthly report: what every format prints, and the stable keys of its JSON.
//!
//! Keys named in SPEC's appendix never change their name or meaning; more may be added. Nothing
//! here computes: it only says what a report holds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};

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
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The committee's id.
    pub committee: String,
    /// The committee's name.
    pub committee_name: String,
    /// The operator's name.
    pub service: String,
    /// `2026-10`.
    pub month: String,
    /// `October 2026`.
    pub month_name: String,
    /// The month's first instant in the committee's zone.
    pub from: Moment,
    /// The first instant after the month.
    pub to: Moment,
    /// The committee's zone (IANA).
    pub zone: String,
    /// `draft` or `final`.
    pub status: Status,
    /// 0 is the first.
    pub revision: u32,
    /// Where in the ledger the facts end.
    pub ledger: Ledger,
    /// The instant up to which the ledger speaks.
    pub as_of: Moment,
    /// Whether the month was still running then: every figure is "so far".
    pub so_far: bool,
    /// One sentence: were the targets met.
    pub headline: String,
    /// What happened, in two sentences.
    pub happened: Vec<String>,
    /// Every system that the committee oversaw at any time in the month.
    pub systems: Vec<SystemLine>,
    /// Every outage that touches the month.
    pub outages: Vec<OutageLine>,
    /// Every incident that was opened in the month or belongs to one of its outages.
    pub incidents: Vec<IncidentLine>,
    /// Every window that touches the month.
    pub maintenance: Vec<WindowLine>,
    /// Notices decided in the month, by kind.
    pub notices: BTreeMap<String, u64>,
    /// How many of them ended how.
    pub notice_results: BTreeMap<String, u64>,
    /// Those of them that a relay refused for good, or that were given up: what, about what, to whom.
    pub refused: Vec<Refused>,
    /// Preventive measures that nobody has reported done, of this month and earlier ones.
    pub open_measures: Vec<OpenMeasure>,
    /// Spans that nothing vouches for, and why.
    pub unknown: Vec<UnknownSpan>,
    /// Faults of the monitor that people declared.
    pub faults: Vec<FaultLine>,
    /// The monitor's own absences.
    pub monitor: Monitor,
    /// What was configured otherwise than before, when and by whom.
    pub changes: Vec<Change>,
    /// How every figure was computed.
    pub method: Method,
}

/// How final a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not yet approved.
    Draft,
    /// Approved and frozen.
    Final,
}

/// A position in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// The sequence number of the last event.
    pub seq: u64,
    /// The hash of that event, which binds all before it.
    pub head: String,
}

/// One system's month. Percentages are strings truncated to three decimals, without a sign.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SystemLine {
    /// Its id.
    pub system: String,
    /// What customers call it.
    pub name: String,
    /// `provided`, or `partner`: shown, held against nobody.
    pub kind: crate::catalogue::Kind,
    /// The agreement's id.
    pub policy: Option<String>,
    /// Seconds of agreed time; the classes below add up to it (`degraded_s` is part of `up_s`).
    pub agreed_s: i64,
    /// Vouched for.
    pub up_s: i64,
    /// The part of `up_s` that was slow or impaired.
    pub degraded_s: i64,
    /// Downtime that a maintenance window excuses.
    pub planned_s: i64,
    /// Downtime that was excluded.
    pub excluded_s: i64,
    /// All other downtime.
    pub unplanned_s: i64,
    /// Nothing vouches for it.
    pub unknown_s: i64,
    /// Time that nothing vouches for and that the agreement counts as down: part of the unplanned
    /// (or excluded) seconds, none of `unknown_s`.
    pub unknown_as_down_s: i64,
    /// The part of `unplanned_s` that nothing vouches for.
    pub unplanned_unseen_s: i64,
    /// The part of `unplanned_s` that was degraded and no worse, where the agreement counts that
    /// as down.
    pub unplanned_degraded_s: i64,
    /// By the contract's formula.
    pub contract_availability: Option<String>,
    /// As customers lived it.
    pub experienced_availability: Option<String>,
    /// The part of the agreed time that was seen.
    pub coverage: Option<String>,
    /// The target in force at the month's first instant, truncated like every percentage.
    pub target: Option<String>,
    /// The same to its last digit.
    pub target_exact: Option<String>,
    /// Whether it was met.
    pub verdict: Verdict,
    /// Whether the verdict rests on the measured time alone: the bounds disagree.
    pub on_measured_time: bool,
    /// Whether what is left to the target is less than the edges' uncertainty.
    pub within_measurement_error: bool,
    /// With all unknown time taken as up, also where the agreement counts it as down.
    pub availability_at_best: Option<String>,
    /// With all unknown time taken as down.
    pub availability_at_worst: Option<String>,
    /// Unplanned seconds that the target allows, floored.
    pub budget_s: Option<i64>,
    /// What is left of them, floored; negative where they are spent.
    pub budget_left_s: Option<i64>,
    /// Bad runs that were never confirmed.
    pub blips: i64,
    /// Their seconds, which count as up.
    pub blip_s: i64,
    /// Outages counted in this month.
    pub outages: i64,
    /// Mean time to restore service.
    pub mtrs_s: Option<i64>,
    /// Whether that is only the least that it can have been: nobody watched while one ended.
    pub mtrs_at_least: bool,
    /// Mean time between failures.
    pub mtbf_s: Option<i64>,
    /// The longest outage's unplanned seconds in this month; outages that overlap or touch are
    /// one.
    pub longest_s: Option<i64>,
    /// Whether that is only the least that it can have been: nobody watched while it ended.
    pub longest_at_least: bool,
    /// The first instant of the month at which it was configured, where that is not the month's.
    pub added: Option<Moment>,
    /// When it was removed, where that lies in the month.
    pub removed: Option<Moment>,
    /// Each local day of the month.
    pub days: Vec<Day>,
}

/// One system on one local day: its agreed seconds by class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The local date.
    pub date: Date,
    /// The letter of its strip: the worst class of the day.
    pub mark: Mark,
    /// Seconds of the day itself (23, 24 or 25 hours).
    pub length_s: i64,
    /// Agreed seconds of it.
    pub agreed_s: i64,
    /// As in the month.
    pub up_s: i64,
    /// As in the month.
    pub degraded_s: i64,
    /// As in the month.
    pub planned_s: i64,
    /// As in the month.
    pub excluded_s: i64,
    /// As in the month.
    pub unplanned_s: i64,
    /// As in the month.
    pub unknown_s: i64,
}

/// The worst thing that a day held, worst last but one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// No agreed time, or not come yet.
    None,
    /// Up all of the agreed time that the day held.
    Up,
    /// Impaired for a while.
    Degraded,
    /// Nothing vouches for part of it.
    Unknown,
    /// Planned downtime.
    Planned,
    /// Excluded downtime.
    Excluded,
    /// Unplanned downtime.
    Unplanned,
}

/// One outage; seconds are those inside this month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutageLine {
    /// `O-12`.
    pub outage: String,
    /// The system's id.
    pub system: String,
    /// The system's name.
    pub name: String,
    /// The first bad sample, or as declared.
    pub start: Moment,
    /// The first good sample after it; or when a configuration took away what had found it.
    pub end: Option<Moment>,
    /// Whether that sample was seen; otherwise it is not over, it ended in the span
    /// `ended_between`, a person declared when it ended, or it is no longer watched since its end.
    pub end_observed: bool,
    /// Nobody watched while it ended: between these two.
    pub ended_between: Option<(Moment, Moment)>,
    /// When it was confirmed, or recorded.
    pub detected: Moment,
    /// Whether a person declared it.
    pub declared: bool,
    /// Who, and on what evidence.
    pub declaration: Option<Declaration>,
    /// Excused by windows.
    pub planned_s: i64,
    /// Excluded.
    pub excluded_s: i64,
    /// All other.
    pub unplanned_s: i64,
    /// Inside the outage, but nothing vouches for it.
    pub unknown_s: i64,
    /// Whether it counts as an outage of this month.
    pub counted: bool,
    /// Whether the agreement ignores it for its shortness: it is then excluded.
    pub ignored: bool,
    /// `I-13`.
    pub incident: Option<String>,
    /// The windows it touches.
    pub windows: Vec<String>,
    /// The closed word of the probe's reason.
    pub reason: Option<String>,
    /// One line of the probe's detail.
    pub detail: Option<String>,
    /// Each edge is known to so many seconds; 0 where a person declared it.
    pub edge_s: i64,
    /// The stretch of downtime that it is a part of, where that is longer than the outage itself:
    /// outages that overlap or touch are one in every count and milestone.
    pub stretch: Option<Stretch>,
    /// Where milestones are counted from: the first unplanned second of it, or of its stretch.
    pub counted_from: Option<Moment>,
    /// Seconds from there to detection.
    pub detect_s: Option<i64>,
    /// To the first customer told.
    pub tell_first_s: Option<i64>,
    /// To the last customer told.
    pub tell_last_s: Option<i64>,
    /// When every customer that was told had been so, where that was before the first unplanned
    /// second: by the notice of an earlier outage.
    pub told_before: Option<Moment>,
    /// How many customers of its incidents were told.
    pub customers_told: Option<u64>,
    /// How many there are.
    pub customers: Option<u64>,
    /// To the acknowledgement.
    pub acknowledge_s: Option<i64>,
    /// To service restored; none where nobody saw it.
    pub restore_s: Option<i64>,
    /// Whether that is only the least that it can have been: nobody watched while it ended.
    pub restore_at_least: bool,
    /// The window it outlasted, and the first second that no window excused.
    pub overrun: Option<Overrun>,
    /// What people excluded, or want to.
    pub exclusions: Vec<ExclusionLine>,
    /// Why a person took its planned time back.
    pub reclassified: Option<String>,
    /// For each window that it met and that did not excuse all of it: which, and why.
    pub why_unplanned: Vec<String>,
}

/// Outages of one system that overlap or touch, and the downtime between them: one outage in every
/// place that counts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// Its first second.
    pub from: Moment,
    /// The first second after it; `None` where it is not over.
    pub to: Option<Moment>,
    /// Its outages.
    pub outages: Vec<String>,
    /// The one that stands for it where outages are counted.
    pub counted_as: String,
    /// Its unplanned seconds in this month.
    pub unplanned_s: i64,
}

/// A person's declaration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Declaration {
    /// Who.
    pub by: String,
    /// What it rests on.
    pub evidence: String,
}

/// Downtime beyond what windows excuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overrun {
    /// The first second that no window excused.
    pub from: Moment,
    /// The window.
    pub window: String,
}

/// Downtime that a person wants out of the contract's figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExclusionLine {
    /// From.
    pub from: Moment,
    /// To.
    pub to: Moment,
    /// Why.
    pub reason: String,
    /// What it rests on.
    pub evidence: String,
    /// Who asked.
    pub by: String,
    /// The second person; until there is one it counts as unplanned.
    pub approved_by: Option<String>,
}

/// One incident: the human record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentLine {
    /// `I-13`.
    pub incident: String,
    /// Severity; `None` until policies name severities.
    pub severity: Option<String>,
    /// Those of its systems that this committee oversees.
    pub systems: Vec<String>,
    /// Its outages of those systems.
    pub outages: Vec<String>,
    /// Why it was opened: `outage`, `overrun` or `declared`.
    pub cause: crate::event::Cause,
    /// When it was opened.
    pub opened: Moment,
    /// When a person took it on.
    pub acknowledged: Option<Moment>,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// When that was recorded, where it was later than `acknowledged`.
    pub acknowledged_recorded: Option<Moment>,
    /// The second person, who vouched for the earlier time.
    pub acknowledged_approved_by: Option<String>,
    /// Whether a system of it failed again and again.
    pub unstable: bool,
    /// The incident that its outages belong to since, where it was merged into another.
    pub merged_into: Option<String>,
    /// When its systems were up.
    pub resolved: Option<Moment>,
    /// When a person closed it.
    pub closed: Option<Moment>,
    /// Who.
    pub closed_by: Option<String>,
    /// Why it was closed with texts missing.
    pub closed_without: Option<String>,
    /// What happened.
    pub summary: Option<String>,
    /// Why.
    pub root_cause: Option<String>,
    /// How far that is known: `unknown`, `suspected`, `confirmed`.
    pub root_cause_certainty: Option<crate::incident::Certainty>,
    /// What ended it.
    pub resolution: Option<String>,
    /// What shall keep it from happening again.
    pub measures: Vec<MeasureLine>,
    /// Deadlines; none until policies put clocks on incidents.
    pub clocks: Vec<Clock>,
    /// Each customer: told, when, and how it ended.
    pub told: Vec<Told>,
    /// The texts that nobody has written yet.
    pub missing: Vec<&'static str>,
    /// Everything that happened to it, in order.
    pub timeline: Vec<Step>,
}

/// One step of an incident's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When.
    pub at: Moment,
    /// What.
    pub what: String,
}

/// A deadline that a policy puts on an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// `response`, `update` or `resolution`.
    pub clock: String,
    /// Of which severity.
    pub severity: String,
    /// When it started.
    pub started: Moment,
    /// When it is due.
    pub due: Moment,
    /// When it was answered.
    pub answered: Option<Moment>,
    /// Its own time spent in pauses.
    pub paused_s: i64,
    /// `met`, `missed`, `not_needed`, `merged` or `running`.
    pub result: String,
}

/// A preventive measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MeasureLine {
    /// What.
    pub text: String,
    /// By whom.
    pub owner: String,
    /// By when.
    pub due: Date,
    /// `open`, or `overdue` at the report's as-of, or `done`.
    pub state: MeasureState,
    /// When it was recorded as done.
    pub done: Option<Moment>,
    /// By whom.
    pub done_by: Option<String>,
    /// What was done.
    pub note: Option<String>,
}

/// How a measure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MeasureState {
    /// Not done yet.
    Open,
    /// Not done, and its date has passed.
    Overdue,
    /// Carried out.
    Done,
}

/// A preventive measure not done yet, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenMeasure {
    /// `I-13`.
    pub incident: String,
    /// When that incident was opened.
    pub opened: Moment,
    /// Its systems that this committee oversees.
    pub systems: Vec<String>,
    /// What.
    pub text: String,
    /// By whom.
    pub owner: String,
    /// By when.
    pub due: Date,
    /// How it stands.
    pub state: MeasureState,
}

/// What became of telling one customer of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The customer's id.
    pub customer: String,
    /// Its name.
    pub name: String,
    /// The first delivery to one of its contacts.
    pub first: Option<Moment>,
    /// The last one.
    pub last: Option<Moment>,
    /// The best that came of it.
    pub result: Telling,
    /// Whether the first message that reached it told of the end, too: the customer learned of
    /// it when it was over.
    pub only_afterwards: bool,
    /// How many of its contacts ended how, by the words of [`Telling`].
    pub contacts: BTreeMap<&'static str, u64>,
}

/// What became of a notice, or of all notices to one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Telling {
    /// The relay took one.
    Sent,
    /// Perhaps delivered: the connection was lost before the answer.
    Ambiguous,
    /// Still waiting.
    Queued,
    /// Not sent: a later notice says it, or nothing is left to say.
    Superseded,
    /// Given up after 48 hours of attempts that were refused for the time being.
    GivenUp,
    /// Refused for good.
    Rejected,
    /// No notice was decided for this customer.
    NotTold,
}

impl Telling {
    /// The word that JSON has for it.
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

/// A notice that a mail relay refused for good, or that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// `N-17`.
    pub notice: String,
    /// Its kind.
    pub kind: String,
    /// The outages that it speaks of, of systems that this committee oversees, or the window.
    pub about: Vec<String>,
    /// The customer's id.
    pub customer: String,
    /// Its name.
    pub name: String,
    /// When that was.
    pub at: Moment,
    /// Whether it was refused, or given up after 48 hours of attempts.
    pub result: Telling,
}

/// One maintenance window as held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WindowLine {
    /// Its id.
    pub window: String,
    /// What the work was.
    pub title: String,
    /// What customers would notice.
    pub impact: Option<String>,
    /// Its systems that this committee oversees.
    pub systems: Vec<String>,
    /// Its start.
    pub start: Moment,
    /// Its end.
    pub end: Moment,
    /// When the last customer had been told, or since when the rule was known or agreed:
    /// an instant, or the date of an agreement.
    pub announced: Option<String>,
    /// Whether any part of it excuses downtime.
    pub earned: bool,
    /// Why it is earned, or why not; then why downtime in it is unplanned all the same.
    pub why: String,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// The downtime it allows; `None` is all of it.
    pub max_downtime_s: Option<i64>,
    /// Downtime inside it, in this month.
    pub downtime_s: i64,
    /// What it excuses.
    pub planned_s: i64,
    /// Downtime that began under it and outlasted what it excuses.
    pub overrun_s: i64,
    /// Whether it recurs.
    pub recurring: bool,
    /// The customers whom people told of it, as they recorded it.
    pub told_by_people: Vec<ToldByPerson>,
}

/// A customer whom a person told of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldByPerson {
    /// The customer's id.
    pub customer: String,
    /// Its name.
    pub name: String,
    /// When it was told: from then on it counts.
    pub at: Moment,
    /// When that was recorded, where it was later than `at`.
    pub recorded: Option<Moment>,
    /// Who told it.
    pub by: String,
    /// How.
    pub how: String,
    /// The second person, who vouched for the earlier time.
    pub approved_by: Option<String>,
}

/// A span that nothing vouches for, of every system that has the same for the same causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownSpan {
    /// The systems' ids.
    pub systems: Vec<String>,
    /// The systems' names.
    pub names: Vec<String>,
    /// From.
    pub from: Moment,
    /// To.
    pub to: Moment,
    /// Its agreed seconds, of each.
    pub unknown_s: i64,
    /// Why, in words.
    pub why: String,
}

/// A fault of the monitor that people declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultLine {
    /// The system's id.
    pub system: String,
    /// From.
    pub from: Moment,
    /// To.
    pub to: Moment,
    /// What it rests on.
    pub evidence: String,
    /// Who recorded it.
    pub by: String,
    /// Who approved it.
    pub approved_by: String,
}

/// The monitor's own month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Monitor {
    /// Every span in which it did not live, or could not watch, in order of their starts.
    pub absences: Vec<AbsenceLine>,
}

/// A span in which the monitor did not live, or could not watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AbsenceLine {
    /// From: of a life that ended without a word, the last instant at which it is known to have
    /// been alive.
    pub from: Moment,
    /// To: its next start. `None` where it had not come back by the report's position.
    pub to: Option<Moment>,
    /// Its whole seconds.
    pub length_s: Option<i64>,
    /// The closed word for why.
    pub cause: Away,
    /// The same in words.
    pub why: &'static str,
}

/// Why the monitor was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Away {
    /// Configured, and not started yet.
    NotStarted,
    /// Stopped in order.
    Stopped,
    /// Its life ended without a word.
    Died,
    /// The process got no time, or the machine slept.
    Stalled,
    /// The wall clock was set.
    ClockStepped,
}

/// A configuration that came into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// When.
    pub at: Moment,
    /// By whom.
    pub by: String,
    /// What it changed of what this committee sees.
    pub what: Vec<String>,
}

/// How every figure was computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Method {
    /// The version of the time zone database that the ledger was founded with.
    pub tzdb: String,
    /// The length of the month in seconds.
    pub length_s: i64,
    /// What holds for every system.
    pub rules: Vec<Rule>,
    /// What agreements chose, in force at the month's first instant.
    pub choices: Vec<Choice>,
}

/// One paragraph of the method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The word it explains.
    pub word: &'static str,
    /// The explanation.
    pub text: String,
}

/// The choices of one agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The agreement's id; `None` for systems without one.
    pub policy: Option<String>,
    /// Its name.
    pub name: String,
    /// The systems of this report that it governs.
    pub systems: Vec<String>,
    /// Each choice in words.
    pub texts: Vec<String>,
}
