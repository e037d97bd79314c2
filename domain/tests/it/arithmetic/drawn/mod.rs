//! The rules of sections 5 and 6 as drawn timelines, one letter per step, in the letters that
//! `docs/accounting.md` lists. `documented` runs the drawings of that page.

mod classes;
mod figures;
mod windows;

use domain::accounting::{
    Classes, Figures, History, OutageHistory, ProbeHistory, account, planned_until,
};
use domain::calendar;
use domain::catalogue::Affects;
use domain::id::{IncidentId, OutageId, PolicyId, SystemId, WindowId};
use domain::policy::{Commitments, Policy, Target};
use domain::span::{Span, Spans, instant};
use domain::windows::{Earned, EarnedPart, Occurrence};
use expect_test::Expect;
use jiff::Timestamp;

/// A timeline that is being drawn.
pub(super) struct Drawing {
    step_s: i64,
    from: i64,
    width: usize,
    what: Vec<(String, String)>,
    pub(super) history: History,
    policy: Policy,
    pub(super) target: Option<Target>,
    /// The months whose classes are shown, by default one period over the whole drawing.
    pub(super) period: Option<Span>,
    as_of: Option<i64>,
}

const NOON: i64 = 1_792_065_600; // 2026-10-15 12:00 UTC

fn policy() -> Policy {
    Policy {
        min_notice_s: None,
        id: PolicyId::from("policy"),
        name: "Policy".into(),
        target: None,
        unknown_is_down: false,
        degraded_is_down: false,
        ignore_shorter_s: 0,
        min_coverage_ppm: 990_000,
        monthly_allowance_s: None,
        service_hours: None,
        planned_hours: None,
        commitments: Commitments::default(),
    }
}

/// A system as its one probe saw it, from noon on, `step_s` seconds to the letter.
pub(super) fn draw(step_s: i64, seen: &str) -> Drawing {
    draw_from(NOON, step_s, seen)
}

fn draw_from(from: i64, step_s: i64, seen: &str) -> Drawing {
    let mut drawing = Drawing {
        step_s,
        from,
        width: seen.len(),
        what: vec![("seen".into(), seen.into())],
        history: History::default(),
        policy: policy(),
        target: None,
        period: None,
        as_of: None,
    };
    let of = |letters: &[char]| drawing.list(seen, letters);
    let life = of(&['u', 'g', 'D', '.']);
    let probe = ProbeHistory {
        affects: Affects::Availability,
        life: life.clone(),
        down: of(&['D']),
        degraded: of(&['g', 'D']),
        silent: of(&['.']),
    };
    // An outage continues through a gap if the system was down on both sides.
    let mut outages: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (start, end) in of(&['D']) {
        let end = end.unwrap();
        let between = |to: Timestamp| {
            let silent: Spans = probe
                .silent
                .iter()
                .map(|s| Span::new(s.0, s.1.unwrap()))
                .collect();
            Spans::one(to.as_second(), start.as_second()).within(&silent)
        };
        match outages.last_mut().filter(|last| between(last.1)) {
            Some(last) => last.1 = end,
            None => outages.push((start, end)),
        }
    }
    drawing.history.life = life;
    drawing.history.probes = vec![probe];
    for (start, end) in outages {
        drawing.add_outage(start, end, false);
    }
    drawing
}

impl Drawing {
    pub(super) fn at(&self, step: usize) -> Timestamp {
        instant(self.from + self.step_s * step as i64)
    }

    /// The spans of a drawn line that show one of the letters.
    fn list(&self, line: &str, letters: &[char]) -> Vec<(Timestamp, Option<Timestamp>)> {
        let mut list: Vec<(usize, usize)> = Vec::new();
        for (i, _) in line
            .chars()
            .enumerate()
            .filter(|(_, c)| letters.contains(c))
        {
            match list.last_mut() {
                Some(last) if last.1 == i => last.1 = i + 1,
                _ => list.push((i, i + 1)),
            }
        }
        list.into_iter()
            .map(|(a, b)| (self.at(a), Some(self.at(b))))
            .collect()
    }

    fn spans(&self, line: &str) -> Vec<Span> {
        let marks: Vec<char> = line.chars().filter(|c| *c != ' ').collect();
        self.list(line, &marks)
            .into_iter()
            .map(|(from, to)| Span::new(from, to.unwrap()))
            .collect()
    }

    fn add_outage(&mut self, start: Timestamp, end: Timestamp, declared: bool) {
        self.history.outages.push(OutageHistory {
            id: OutageId(self.history.outages.len() as u64 + 1),
            start,
            end: Some(end),
            declared,
            reclassified: false,
            edge_s: 30,
            flapping: None,
        });
    }

    /// The outages (by index) are those of one flapping incident.
    fn flapping(mut self, outages: &[usize]) -> Self {
        for outage in outages {
            self.history.outages[*outage].flapping = Some(IncidentId(7));
        }
        self
    }

    fn note(&mut self, name: &str, line: &str) {
        self.width = self.width.max(line.len());
        self.what.push((name.into(), line.into()));
    }

    /// An earned window, made long before.
    fn window(self, line: &str, max_downtime_s: Option<i64>) -> Self {
        self.window_with(line, max_downtime_s, 0, None)
    }

    /// The same with a grace, and made at a step instead of long before.
    pub(super) fn window_with(
        mut self,
        line: &str,
        max_downtime_s: Option<i64>,
        start_grace_s: i64,
        made: Option<usize>,
    ) -> Self {
        let id = format!("window-{}", self.history.windows.len() + 1);
        self.note(&id, line);
        let span = self.spans(line)[0];
        let made_at = made.map_or(instant(self.from - 86_400), |step| self.at(step));
        self.history.windows.push(Occurrence {
            id: WindowId::from(id),
            title: "Work".into(),
            impact: None,
            systems: vec![SystemId::from("portal")],
            span,
            earned_parts: vec![EarnedPart { span, made_at }],
            why: Earned::Known(made_at),
            max_downtime_s,
            start_grace_s,
            tell: false,
            announce_s: Vec::new(),
            recurring: true,
        });
        self
    }

    pub(super) fn declared(mut self, line: &str) -> Self {
        self.note("declared", line);
        for span in self.spans(line) {
            self.add_outage(span.from, span.to, true);
        }
        self
    }

    pub(super) fn fault(mut self, line: &str) -> Self {
        self.note("fault", line);
        self.history.faults.extend(self.spans(line));
        self
    }

    pub(super) fn exclusion(mut self, line: &str) -> Self {
        self.note("exclusion", line);
        self.history.exclusions.extend(self.spans(line));
        self
    }

    pub(super) fn policy(mut self, change: impl Fn(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    fn target(mut self, ppm: u32) -> Self {
        self.target = Some(Target { ppm });
        self
    }

    fn period(&self) -> Span {
        self.period
            .unwrap_or(Span::new(self.at(0), self.at(self.width)))
    }

    fn figures(&self) -> Figures {
        let zone = calendar::zone("America/New_York").unwrap();
        let as_of = self.as_of.map_or(self.at(self.width + 100_000), instant);
        account(
            &self.history,
            self.period(),
            &zone,
            Some(&self.policy),
            self.target,
            as_of,
        )
    }

    fn classes(&self, classes: &Classes) -> String {
        let parts = [
            (&classes.degraded, 'g'),
            (&classes.planned, 'p'),
            (&classes.excluded, 'x'),
            (&classes.unplanned, 'd'),
            (&classes.unknown, '?'),
        ];
        (0..self.width)
            .map(|i| {
                let from = self.from + self.step_s * i as i64;
                let share = |s: &Spans| s.seconds_in(from, from + self.step_s);
                let mut all: Vec<(i64, char)> = parts.iter().map(|(s, c)| (share(s), *c)).collect();
                all.push((share(&classes.up) - share(&classes.degraded), 'u'));
                all.push((self.step_s - share(&classes.agreed), '-'));
                all.retain(|(seconds, _)| *seconds > 0);
                match all.as_slice() {
                    [(_, letter)] => *letter,
                    _ => '*',
                }
            })
            .collect()
    }

    /// Compares the picture and its result.
    fn check(&self, expect: Expect) {
        let mut text = String::new();
        for (name, line) in &self.what {
            text += &format!("{name:>9} |{line:<width$}|\n", width = self.width);
        }
        expect.assert_eq(&(text + &self.result()));
    }

    /// The line of classes, and the seconds of each window and outage.
    pub(super) fn result(&self) -> String {
        let figures = self.figures();
        let classes = self.classes(&figures.classes);
        let mut text = format!("{:>9} |{classes}|\n", "");
        for w in &figures.by_window {
            text += &format!(
                "{}: downtime {} planned {} overrun {}\n",
                w.id,
                w.downtime.seconds(),
                w.planned.seconds(),
                w.overrun.seconds()
            );
        }
        for o in &figures.by_outage {
            let ignored = if o.ignored { " ignored" } else { "" };
            text += &format!(
                "{}: planned {} excluded {} unplanned {} unknown {}{ignored}\n",
                o.id, o.planned_s, o.excluded_s, o.unplanned_s, o.unknown_s
            );
        }
        text
    }

    /// Until when the last outage is planned if it lasts for ever, in steps.
    fn check_planned_until(mut self, expect: Expect) {
        let zone = calendar::zone("America/New_York").unwrap();
        let last = self.history.outages.last_mut().unwrap();
        last.end = None;
        let id = last.id;
        self.history.probes[0].down.last_mut().unwrap().1 = None;
        let planned = planned_until(&self.history, id, &zone, Some(&self.policy));
        let step = |at: Timestamp| (at.as_second() - self.from) as f64 / self.step_s as f64;
        expect.assert_eq(&planned.map_or("not at all".into(), |e| {
            format!("{} to {} by {}", step(e.from), step(e.until), e.window)
        }));
    }

    fn check_figures(&self, expect: Expect) {
        expect.assert_eq(&self.figures_in_words());
    }

    pub(super) fn figures_in_words(&self) -> String {
        let f = self.figures();
        let percent = |r: Option<domain::accounting::Ratio>| {
            r.map_or("none".into(), |r| r.percent_truncated(3))
        };
        let number = |n: Option<i64>| n.map_or("none".into(), |n| n.to_string());
        let measured = if f.on_measured_time {
            " on measured time"
        } else {
            ""
        };
        let error = if f.within_measurement_error {
            ", within measurement error"
        } else {
            ""
        };
        format!(
            "contract {} experienced {} coverage {}\n\
             {}{measured}{error}: {} to {}, budget {} left {}\n\
             outages {} mtrs {} mtbf {} longest {}\n",
            percent(f.contract_availability),
            percent(f.experienced_availability),
            percent(f.coverage),
            f.verdict,
            percent(f.availability_at_worst),
            percent(f.availability_at_best),
            number(f.budget_s),
            number(f.budget_left_s),
            f.outages,
            number(f.mtrs_s),
            number(f.mtbf_s),
            number(f.longest_s),
        )
    }
}
