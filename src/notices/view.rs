//! The values that templates of notices print: names on one line, times and lengths in words,
//! reasons in plain words. Templates only choose and place them. This file decides nothing.

use domain::id::OutageId;
use domain::incident::Phase;
use domain::notice::{Affected, Declared, Kind, Notice, Window, Words};
use domain::sample::Reason;
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use serde::Serialize;

use super::alert_view::AlertView;
use super::letter;
use super::report_view::ReportView;
use super::text;
use super::times::{Clockface, Moment, brief, length};

/// How many systems a subject names before it counts the rest.
const NAMED: usize = 3;

/// The values of a notice.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// The operator's name.
    pub service: String,
    /// Whom the reader can ask: a telephone number, an address.
    pub contact: String,
    /// The customer's name.
    pub customer: String,
    /// The systems: `Portal`, `Portal and Results`, `Portal, Results, Feeds and 37 more`.
    pub names: String,
    /// How many systems.
    pub count: usize,
    /// One entry for each of them.
    pub systems: Vec<SystemView>,
    /// In a notice about systems that are down: systems that have recovered, if the customer got no
    /// notice of their outage. `names`, `count` and `systems` do not include them.
    pub recovered: Vec<SystemView>,
    /// The earliest start of downtime.
    pub since: Option<Moment>,
    /// The latest end of downtime.
    pub until: Option<Moment>,
    /// The longest downtime, briefly.
    pub down: Option<String>,
    /// True if `down` may have been longer: no probe observed an end.
    pub at_least: bool,
    /// True if probes measured any of the times.
    pub measured: bool,
    /// True if people reported any of the times, by declaring an outage.
    pub reported: bool,
    /// True if any of the systems is available but impaired.
    pub impaired: bool,
    /// True if all of the systems are flapping.
    pub unstable: bool,
    /// True if the customer got no notice of the downtime: the `uptime` then says both.
    pub includes_downtime: bool,
    /// The window.
    pub work: Option<WorkView>,
    /// `incident I-13, outage O-12`.
    pub reference: String,
    /// The ids of its outages; that of the window is in `work`.
    pub outages: Vec<String>,
    /// The texts of people in `update` and `correction`, oldest first.
    pub words: Vec<WordsView>,
    /// The report, in `report-draft` and `report`.
    pub report: Option<ReportView>,
    /// The incident's id, empty without one.
    pub incident: String,
    /// The fact that a mail to staff tells of.
    pub alert: Option<AlertView>,
    /// In a mail to a subscriber: stands for the link with which the subscriber chooses systems or unsubscribes.
    pub subscription: Option<&'static str>,
}

/// Words that a person wrote.
#[derive(Clone, Debug, Serialize)]
pub struct WordsView {
    /// When they were written.
    pub at: Moment,
    /// May have several lines.
    pub text: String,
    /// The state from then on: investigating, identified, monitoring, resolved.
    pub phase: Option<&'static str>,
}

/// The values of a system.
#[derive(Clone, Debug, Serialize)]
pub struct SystemView {
    /// The name that customers know.
    pub name: String,
    /// The start of its downtime.
    pub since: Option<Moment>,
    /// The end of its downtime.
    pub until: Option<Moment>,
    /// The exact length: `37 min 30 s`.
    pub down: Option<String>,
    /// True if part of the span is unknown, so that `down` is shorter than the span.
    pub gaps: bool,
    /// True if `down` may have been longer: no probe observed its end.
    pub at_least: bool,
    /// The earliest and the latest possible end, if no probe observed the end.
    pub unobserved: Option<(Moment, Moment)>,
    /// The observation in words, and its id: `refused`.
    pub saw: Option<&'static str>,
    pub reason: Option<String>,
    /// True if it is available but impaired.
    pub impaired: bool,
    /// Advice for customers during the downtime; may have several lines.
    pub advice: Option<String>,
    /// Earlier outages of which the customer got no notice in time.
    pub earlier: Vec<EarlierView>,
    /// Set if the system is, or was, flapping.
    pub unstable: Option<UnstableView>,
    /// Set if the downtime began as planned maintenance and lasted longer than agreed.
    pub overran: Option<OverranView>,
}

/// The planned and the unplanned part of a downtime.
#[derive(Clone, Debug, Serialize)]
pub struct OverranView {
    /// The length of the planned part: `5 min`.
    pub planned: String,
    /// The start of the unplanned part.
    pub unplanned_from: Moment,
    /// The length of the unplanned part, if the downtime is over.
    pub unplanned: Option<String>,
}

/// The values of an outage that ended before its system failed again.
#[derive(Clone, Debug, Serialize)]
pub struct EarlierView {
    /// Its start.
    pub since: Moment,
    /// Its end.
    pub until: Moment,
    /// Its exact length.
    pub down: String,
}

/// The values of a flapping system.
#[derive(Clone, Debug, Serialize)]
pub struct UnstableView {
    /// The number of outages.
    pub outages: usize,
    /// The start of the first outage.
    pub since: Moment,
    /// The time that it must be up before it counts as stable: `15 min`.
    pub hold: String,
}

/// The values of a maintenance window.
#[derive(Clone, Debug, Serialize)]
pub struct WorkView {
    pub id: String,
    /// The title of the work.
    pub title: String,
    /// The effects that customers will notice; may have several lines.
    pub impact: Option<String>,
    /// Its start.
    pub start: Moment,
    /// Its end.
    pub end: Moment,
    /// Its length: `1 h`.
    pub length: String,
    /// The downtime that it allows: `5 min`; `None` if it allows its whole length.
    pub allows: Option<String>,
    /// The start and end that were announced before, if they differ.
    pub before: Option<(Moment, Moment)>,
    /// The month's allowance that an overrun exceeded: `10 min`.
    pub month_allows: Option<String>,
}

impl View {
    /// The values of `notice` from the operator `service`, whose readers can ask `contact`.
    pub fn new(zones: &TimeZoneDatabase, notice: &Notice, service: &str, contact: &str) -> Self {
        let clock = Clockface::new(zones, &notice.recipient.zone);
        let (shown, recovered) = latest(notice);
        let names: Vec<String> = shown.iter().map(|a| text::one_line(&a.name)).collect();
        let from = shown.iter().filter_map(|a| began(a)).min();
        let to = shown.iter().filter_map(|a| a.to).max();
        let down = shown.iter().filter_map(|a| downtime_s(a)).max();
        let timed = || notice.affected.iter().filter(|a| a.from.or(a.to).is_some());
        let views = |of: &[&Affected]| {
            let view = |a: &&Affected| SystemView::new(&clock, a, &notice.affected);
            of.iter().map(view).collect()
        };
        Self {
            service: text::one_line(service),
            contact: text::one_line(contact),
            customer: text::one_line(&notice.recipient.name),
            names: enumerate(&names),
            count: shown.len(),
            systems: views(&shown),
            recovered: views(&recovered),
            since: from.map(|at| clock.read(at)),
            until: to.map(|at| clock.read(at)),
            down: down.map(brief),
            at_least: shown.iter().any(|a| a.unobserved.is_some()),
            measured: timed().any(|a| a.declared != Some(Declared::Wholly)),
            reported: timed().any(|a| a.declared.is_some()),
            impaired: shown.iter().any(|a| a.impaired),
            unstable: !shown.is_empty() && shown.iter().all(|a| a.flapping.is_some()),
            includes_downtime: notice.includes_downtime,
            work: notice.window.as_ref().map(|w| WorkView::new(&clock, w)),
            reference: reference(notice),
            outages: outages(notice).iter().map(ToString::to_string).collect(),
            words: notice
                .words
                .iter()
                .map(|words| WordsView::new(&clock, words))
                .collect(),
            report: notice.report.as_ref().map(|r| ReportView::new(&clock, r)),
            incident: notice
                .incident
                .map_or_else(String::new, |incident| incident.to_string()),
            alert: notice.alert.as_ref().map(|a| AlertView::new(&clock, a)),
            subscription: notice.recipient.address.subscriber().map(|_| letter::LINK),
        }
    }
}

/// The last entry of each system, in order of systems. In a notice about systems that are down, the
/// second list has the systems that have recovered.
fn latest(notice: &Notice) -> (Vec<&Affected>, Vec<&Affected>) {
    let all = &notice.affected;
    // The entries are in order of systems and, within one system, of outages.
    let last = |n: usize| {
        all.get(n + 1)
            .is_none_or(|next| next.system != all[n].system)
    };
    let latest = all.iter().enumerate().filter(|(n, _)| last(*n));
    let over = |a: &&Affected| {
        let down = matches!(notice.kind, Kind::Downtime | Kind::MaintenanceOverrun);
        // A flapping system may be up just now.
        down && a.to.is_some() && a.flapping.is_none()
    };
    let (recovered, shown) = latest.map(|(_, a)| a).partition(over);
    (shown, recovered)
}

impl SystemView {
    fn new(clock: &Clockface, of: &Affected, all: &[Affected]) -> Self {
        let down = downtime_s(of);
        let span = of
            .from
            .zip(of.to)
            .map(|(from, to)| to.duration_since(from).as_secs());
        Self {
            name: text::one_line(&of.name),
            since: began(of).map(|at| clock.read(at)),
            until: of.to.map(|at| clock.read(at)),
            down: down.map(length),
            // Between two outages a flapping system was up; that time is not a gap.
            gaps: of.flapping.is_none()
                && down.zip(span).is_some_and(|(down, span)| down + 1 < span),
            at_least: of.unobserved.is_some(),
            unobserved: of
                .unobserved
                // An empty span means that the failing probe was removed and all other probes were
                // up.
                .filter(|s| !s.is_empty())
                .map(|s| (clock.read(s.from), clock.read(s.to))),
            saw: of.reason.map(plain),
            reason: of.reason.map(|reason| reason.to_string()),
            impaired: of.impaired,
            advice: of.advice.as_deref().and_then(paragraph),
            earlier: all
                .iter()
                .filter(|a| a.system == of.system && a.outage < of.outage)
                .filter_map(|a| EarlierView::new(clock, a))
                .collect(),
            unstable: of.flapping.as_ref().map(|u| UnstableView {
                outages: u.outages.len(),
                since: clock.read(u.since),
                hold: length(u.hold_s),
            }),
            overran: of.overran.as_ref().map(|o| OverranView {
                planned: length(o.planned_s),
                unplanned_from: clock.read(o.unplanned_from),
                unplanned: down.map(|down_s| length(down_s.saturating_sub(o.planned_s))),
            }),
        }
    }
}

impl EarlierView {
    fn new(clock: &Clockface, of: &Affected) -> Option<Self> {
        let (from, to) = of.from.zip(of.to)?;
        Some(Self {
            since: clock.read(from),
            until: clock.read(to),
            down: downtime_s(of).map(length)?,
        })
    }
}

impl WordsView {
    fn new(clock: &Clockface, of: &Words) -> Self {
        Self {
            at: clock.read(of.at),
            text: paragraph(&of.text).unwrap_or_default(),
            phase: of.phase.map(Phase::word),
        }
    }
}

impl WorkView {
    fn new(clock: &Clockface, of: &Window) -> Self {
        Self {
            id: text::one_line(of.id.as_str()),
            title: text::one_line(&of.title),
            impact: of.impact.as_deref().and_then(paragraph),
            start: clock.read(of.span.from),
            end: clock.read(of.span.to),
            length: length(of.span.to.duration_since(of.span.from).as_secs()),
            allows: of.max_downtime_s.map(length),
            month_allows: of.monthly_allowance_s.map(length),
            before: of
                .previous_span
                .map(|s| (clock.read(s.from), clock.read(s.to))),
        }
    }
}

/// The start of a downtime, planned or not.
fn began(of: &Affected) -> Option<Timestamp> {
    of.overran.as_ref().map(|o| o.began).or(of.from)
}

/// The seconds of downtime as the notice says, else those of its span.
fn downtime_s(of: &Affected) -> Option<i64> {
    of.down_s.or_else(|| {
        let (from, to) = of.from.zip(of.to)?;
        Some(to.duration_since(from).as_secs())
    })
}

fn paragraph(raw: &str) -> Option<String> {
    let clean = text::lines(raw);
    let clean = clean.trim_matches(['\n', ' ', '\t']);
    (!clean.is_empty()).then(|| clean.to_owned())
}

pub(super) fn enumerate(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] if names.len() <= NAMED => format!("{} and {last}", most.join(", ")),
        _ => format!(
            "{} and {} more",
            names[..NAMED].join(", "),
            names.len() - NAMED
        ),
    }
}

fn reference(notice: &Notice) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(notice.incident.map(|i| format!("incident {i}")));
    let outages = outages(notice);
    if outages.len() <= NAMED {
        parts.extend(outages.iter().map(|o| format!("outage {o}")));
    }
    parts.extend(
        notice
            .window
            .as_ref()
            .map(|w| format!("window {}", text::one_line(w.id.as_str()))),
    );
    parts.join(", ")
}

fn outages(notice: &Notice) -> Vec<OutageId> {
    let all = |a: &Affected| a.outage.into_iter().chain(a.joined.clone());
    notice.affected.iter().flat_map(all).collect()
}

/// The reason in words for people who do not run the system. Each text completes both "What we see"
/// and "What we saw".
pub fn plain(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "network name not found",
        Reason::Refused => "connections refused",
        Reason::Unreachable => "no network route to it",
        Reason::Timeout => "no answer in time",
        Reason::Tls => "no secure connection possible",
        Reason::Certificate => "security certificate not valid",
        Reason::Status => "an error instead of the expected answer",
        Reason::Body => "an answer without the expected content",
        Reason::Protocol => "broken or incomplete answers",
        Reason::Redirect => "a redirect that leads nowhere",
        Reason::Slow => "answers that come too slowly",
        Reason::Stale => "nothing new for too long",
        Reason::Monitor => "our monitoring could not check it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_systems_are_named_and_the_rest_counted() {
        let names: Vec<String> = ["A", "B", "C", "D", "E"].map(String::from).to_vec();
        assert_eq!(enumerate(&names[..1]), "A");
        assert_eq!(enumerate(&names[..2]), "A and B");
        assert_eq!(enumerate(&names[..3]), "A, B and C");
        assert_eq!(enumerate(&names), "A, B, C and 2 more");
    }

    #[test]
    fn every_reason_has_words_of_its_own() {
        let words: std::collections::BTreeSet<_> = Reason::ALL.map(plain).into_iter().collect();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
