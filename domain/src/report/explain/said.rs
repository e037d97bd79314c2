//! Explanations in words, the same on the command line and in the HTML.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::evidence::{
    ActLine, Agreement, EdgeLine, GapLine, OutageEvidence, SampleLine, WindowEvidence,
};
use super::{Evidence, Explanation, Number, Subject};
use crate::report::model::Moment;
use crate::report::words::{self, length};

/// A heading and the lines below it.
pub type Paragraph = (String, Vec<String>);

/// Prints explanations in the zone of the report.
pub struct Said {
    pub zone: TimeZone,
}

impl Said {
    /// An instant that stays on one line.
    pub fn at(&self, at: Timestamp) -> String {
        words::instant(at, &self.zone).replace(' ', "\u{a0}")
    }

    fn moment(&self, at: Moment) -> String {
        self.at(at.at())
    }

    fn span(&self, (from, to): (Moment, Moment)) -> String {
        let length = length(to.at().as_second() - from.at().as_second());
        format!("{} to {}, {length}", self.moment(from), self.moment(to))
    }

    /// A number of a formula: a line, and the entries of a list.
    pub fn number(&self, name: &str, number: &Number) -> Paragraph {
        let line = |text: String| (text, Vec::new());
        let list = |all: Vec<String>| match all.as_slice() {
            [] => line(format!("{name}: none")),
            [one] => line(format!("{name}: {one}")),
            many => (format!("{name}: {}", many.len()), all),
        };
        match number {
            Number::Whole(n) | Number::Figure(n) if name.ends_with("_s") => {
                line(format!("{name} = {n} ({})", length(*n)))
            }
            Number::Whole(n) | Number::Figure(n) => line(format!("{name} = {n}")),
            Number::Instant(at) => line(format!("{name} = {}", self.moment(*at))),
            Number::Missing => line(format!("{name}: not recorded")),
            Number::Shared(all) => list(all.iter().map(ToString::to_string).collect()),
            Number::Wholes(all) => list(all.iter().map(ToString::to_string).collect()),
            Number::Names(all) => list(all.clone()),
            Number::Instants(all) => list(all.iter().map(|at| self.moment(*at)).collect()),
            Number::Spans(all) => list(all.iter().map(|span| self.span(*span)).collect()),
        }
    }

    /// The facts behind the figures of a subject, or behind one of them.
    pub fn facts(
        &self,
        subject: &Subject,
        evidence: &Evidence,
        figure: Option<&Explanation>,
    ) -> Vec<Paragraph> {
        // A system has many outages and windows: an explanation shows those that its formula counts.
        let is_system = subject.key.starts_with("systems.");
        let figure = figure.filter(|_| is_system);
        let counts = |class: &str| figure.is_none_or(|figure| figure.counts(class));
        let outages = subject.outages.iter();
        let outages = outages.filter_map(|id| evidence.outages.get(id));
        let outages = outages.filter(|o| {
            (o.unplanned_s > 0 && (counts("unplanned") || counts("outages")))
                || (o.planned_s > 0 && counts("planned"))
                || (o.excluded_s > 0 && counts("excluded"))
                || figure.is_none()
        });
        let mut all: Vec<Paragraph> = outages.map(|o| self.outage(o)).collect();
        let windows = subject.windows.iter();
        let windows = windows.filter_map(|id| evidence.windows.get(id));
        let windows = windows.filter(|w| w.downtime_s > 0 || !is_system);
        let windows = windows.filter(|_| counts("planned") || counts("unplanned"));
        all.extend(windows.map(|w| self.window(w)));
        let system = subject.system.as_ref();
        let gaps = evidence.gaps.iter();
        let gaps = gaps.filter(|gap| subject.gaps.contains(&gap.place) && counts("unknown"));
        let gaps: Vec<String> = gaps.map(|gap| self.gap(gap)).collect();
        if !gaps.is_empty() {
            all.push(("Monitoring gaps".to_owned(), gaps));
        }
        if let Some(agreement) = system.and_then(|id| evidence.agreements.get(id)) {
            all.push(("Configuration".to_owned(), self.agreement(agreement)));
        }
        let acts = evidence.acts.iter();
        let acts = acts.filter(|act| subject.acts.contains(&act.seq));
        let acts: Vec<String> = acts.map(|act| self.act(act)).collect();
        if !acts.is_empty() {
            all.push(("Acts of people".to_owned(), acts));
        }
        all
    }

    fn outage(&self, outage: &OutageEvidence) -> Paragraph {
        let seconds = [
            ("unplanned", outage.unplanned_s),
            ("planned", outage.planned_s),
            ("excluded", outage.excluded_s),
        ];
        let seconds: Vec<String> = seconds
            .iter()
            .filter(|(_, s)| *s > 0)
            .map(|(class, s)| format!("{} {class}", length(*s)))
            .collect();
        let seconds = match seconds.is_empty() {
            true => "no downtime of agreed time".to_owned(),
            false => words::list(&seconds),
        };
        let heading = format!("Outage {}: {seconds}", outage.outage);
        let edges = [("starts", &outage.start), ("ends", &outage.end)];
        let lines = edges.map(|(what, edge)| self.edge(what, edge));
        (heading, lines.to_vec())
    }

    fn edge(&self, what: &str, edge: &EdgeLine) -> String {
        let mut text = match edge.at {
            Some(at) => format!("{what} {}", self.moment(at)),
            None => what.to_owned(),
        };
        for (name, sample) in [
            ("last good sample", &edge.last_good),
            ("first bad sample", &edge.first_bad),
            ("last bad sample", &edge.last_bad),
            ("first good sample", &edge.first_good),
        ] {
            if let Some(sample) = sample {
                text.push_str(&format!("; {name} {}", self.sample(sample)));
            }
        }
        if let (Some(probe), Some(event)) = (&edge.probe, edge.event) {
            let samples = words::count(edge.samples, "sample", "samples");
            text.push_str(&format!(
                "; by {probe}, confirmed by {samples} (event {event})"
            ));
        }
        if let Some(note) = &edge.note {
            text.push_str(&format!("; {note}"));
        }
        text
    }

    fn sample(&self, sample: &SampleLine) -> String {
        let reason = sample.reason.as_ref();
        let reason = reason.map_or(String::new(), |reason| format!(", {reason}"));
        format!("{} ({}{reason})", self.moment(sample.at), sample.outcome)
    }

    fn window(&self, window: &WindowEvidence) -> Paragraph {
        let heading = format!(
            "Window {}, {}: {} of downtime, {} planned",
            window.window,
            window.title,
            length(window.downtime_s),
            length(window.planned_s)
        );
        let mut lines = vec![
            format!("held {}", self.span((window.from, window.to))),
            window.why.clone(),
        ];
        for part in &window.earned {
            lines.push(format!("counts as planned: {}", self.span(*part)));
        }
        if let Some(deadline) = window.deadline {
            let deadline = self.moment(deadline);
            lines.push(format!("customers had to be told by {deadline}"));
        }
        for told in &window.told {
            let when = match told.at {
                Some(at) if told.in_time => format!("{}, {}", self.moment(at), told.how),
                Some(at) => format!("{}, too late, {}", self.moment(at), told.how),
                None => "not told".to_owned(),
            };
            lines.push(format!("{}: {when}", told.name));
        }
        (heading, lines)
    }

    fn gap(&self, gap: &GapLine) -> String {
        format!("{}: {}", self.span((gap.from, gap.to)), gap.why)
    }

    fn agreement(&self, agreement: &Agreement) -> Vec<String> {
        let mut lines = Vec::new();
        if let (Some(since), Some(event)) = (agreement.since, agreement.event) {
            let by = agreement.by.as_deref().unwrap_or("unknown");
            let since = self.moment(since);
            lines.push(format!("in force since {since}, by {by} (event {event})"));
        }
        let policy = agreement.policy.as_deref().unwrap_or("none");
        let target = agreement.target.as_ref();
        let target = target.map_or("none".to_owned(), |t| format!("{t}\u{a0}%"));
        lines.push(format!("agreement: {policy}; target: {target}"));
        lines.extend(agreement.choices.iter().cloned());
        lines
    }

    fn act(&self, act: &ActLine) -> String {
        let second = act.approved_by.as_ref();
        let second = second.map_or(String::new(), |by| format!(", approved by {by}"));
        let (at, by) = (self.moment(act.at), &act.by);
        format!("{at} {by}{second} (event {}): {}", act.seq, act.what)
    }
}
