//! What templates see of a notice: names on one line, times and lengths in words, reasons in plain
//! words. Templates choose and place; they compute nothing, and nothing here is decided.

use domain::notice::{Affected, Declared, Kind, Notice, Window};
use domain::sample::Reason;
use jiff::tz::TimeZoneDatabase;
use serde::Serialize;

use super::text;
use super::times::{Clockface, Moment, brief, length};

/// How many systems a subject names before it counts the rest.
const NAMED: usize = 3;

/// A notice as templates see it.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// The operator's name.
    pub service: String,
    /// The customer's name.
    pub customer: String,
    /// The systems: `Portal`, `Portal and Results`, `Portal, Results, Feeds and 37 more`.
    pub names: String,
    /// How many systems.
    pub count: usize,
    /// Each of them.
    pub systems: Vec<SystemView>,
    /// In a notice of systems that are down: those that were and are not, of which no earlier
    /// notice could be delivered. They are not among `names`, `count` and `systems`.
    pub recovered: Vec<SystemView>,
    /// The earliest start of downtime.
    pub since: Option<Moment>,
    /// The latest end of downtime.
    pub until: Option<Moment>,
    /// The longest downtime, briefly.
    pub down: Option<String>,
    /// Whether `down` may have been longer: an end was not observed.
    pub at_least: bool,
    /// Whether any of the times are those of our checks.
    pub measured: bool,
    /// Whether any of the times were reported by people: of outages that they declared.
    pub reported: bool,
    /// Whether any of the systems is available but impaired.
    pub impaired: bool,
    /// Whether all of the systems fail again and again.
    pub unstable: bool,
    /// True if the customer got no notice of the downtime: the `uptime` then says both.
    pub includes_downtime: bool,
    /// The window.
    pub work: Option<WorkView>,
    /// `incident I-13, outage O-12`.
    pub reference: String,
}

/// A system as templates see it.
#[derive(Clone, Debug, Serialize)]
pub struct SystemView {
    /// What customers call it.
    pub name: String,
    /// Since when it is, or was, unavailable.
    pub since: Option<Moment>,
    /// Until when.
    pub until: Option<Moment>,
    /// How long, exactly: `37 min 30 s`.
    pub down: Option<String>,
    /// Whether part of the span was not watched, so that `down` is less than it.
    pub gaps: bool,
    /// Whether `down` is what was seen and there may have been more: its end was not observed.
    pub at_least: bool,
    /// Where its end was not observed: the earliest and the latest it can have been.
    pub unobserved: Option<(Moment, Moment)>,
    /// What was seen, in words.
    pub saw: Option<&'static str>,
    /// Whether it is available but impaired.
    pub impaired: bool,
    /// What to do meanwhile; may have several lines.
    pub advice: Option<String>,
    /// Earlier outages of which no notice could be delivered when it mattered.
    pub earlier: Vec<EarlierView>,
    /// It fails, or failed, again and again.
    pub unstable: Option<UnstableView>,
}

/// An outage that was over before its system failed again.
#[derive(Clone, Debug, Serialize)]
pub struct EarlierView {
    /// Since when it was unavailable.
    pub since: Moment,
    /// Until when.
    pub until: Moment,
    /// How long, exactly.
    pub down: String,
}

/// A system that fails again and again as templates see it.
#[derive(Clone, Debug, Serialize)]
pub struct UnstableView {
    /// How many outages.
    pub outages: usize,
    /// The start of the first.
    pub since: Moment,
    /// How long it must be up: `15 min`.
    pub hold: String,
}

/// A window as templates see it.
#[derive(Clone, Debug, Serialize)]
pub struct WorkView {
    /// What the work is.
    pub title: String,
    /// What customers will notice; may have several lines.
    pub impact: Option<String>,
    /// Its start.
    pub start: Moment,
    /// Its end.
    pub end: Moment,
    /// How long: `1 h`.
    pub length: String,
    /// The downtime it allows: `5 min`; nothing where it is all of it.
    pub allows: Option<String>,
    /// From when to when it was announced before, where that is something else.
    pub before: Option<(Moment, Moment)>,
    /// The month's allowance that an overrun exceeded: `10 min`.
    pub month_allows: Option<String>,
}

impl View {
    /// The view of `notice` (`id`) from the operator `service`.
    pub fn new(zones: &TimeZoneDatabase, notice: &Notice, service: &str) -> Self {
        let clock = Clockface::new(zones, &notice.recipient.zone);
        let (shown, recovered) = latest(notice);
        let names: Vec<String> = shown.iter().map(|a| text::one_line(&a.name)).collect();
        let from = shown.iter().filter_map(|a| a.from).min();
        let to = shown.iter().filter_map(|a| a.to).max();
        let down = shown.iter().filter_map(|a| downtime_s(a)).max();
        let timed = || notice.affected.iter().filter(|a| a.from.or(a.to).is_some());
        let views = |of: &[&Affected]| {
            let view = |a: &&Affected| SystemView::new(&clock, a, &notice.affected);
            of.iter().map(view).collect()
        };
        Self {
            service: text::one_line(service),
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
        }
    }
}

/// What a notice says of each system last, in order of systems. The second list, in a notice of
/// systems that are down, are those that are not.
fn latest(notice: &Notice) -> (Vec<&Affected>, Vec<&Affected>) {
    let all = &notice.affected;
    // They are in order of systems and, within one, of outages.
    let last = |n: usize| {
        all.get(n + 1)
            .is_none_or(|next| next.system != all[n].system)
    };
    let latest = all.iter().enumerate().filter(|(n, _)| last(*n));
    let over = |a: &&Affected| {
        let down = matches!(notice.kind, Kind::Downtime | Kind::MaintenanceOverrun);
        // One that fails again and again may be up just now.
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
            since: of.from.map(|at| clock.read(at)),
            until: of.to.map(|at| clock.read(at)),
            down: down.map(length),
            // Between two outages it was up, which is no gap.
            gaps: of.flapping.is_none()
                && down.zip(span).is_some_and(|(down, span)| down + 1 < span),
            at_least: of.unobserved.is_some(),
            unobserved: of
                .unobserved
                // What had found it down was taken away, and all the rest was up in that instant.
                .filter(|s| !s.is_empty())
                .map(|s| (clock.read(s.from), clock.read(s.to))),
            saw: of.reason.map(plain),
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

impl WorkView {
    fn new(clock: &Clockface, of: &Window) -> Self {
        Self {
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

/// The seconds of downtime: as decided, else the span's.
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

fn enumerate(names: &[String]) -> String {
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
    let all = |a: &Affected| a.outage.into_iter().chain(a.joined.clone());
    let outages: Vec<_> = notice.affected.iter().flat_map(all).collect();
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

/// What the probe saw, as one says it to somebody who does not run the system. Each completes
/// "What we see" as well as "What we saw".
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
        Reason::Expiring => "security certificate about to expire",
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
