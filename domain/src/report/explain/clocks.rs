//! The numbers behind the figures of clocks and escalations.

use std::collections::BTreeMap;

use super::numbers::Printer;
use super::{Explained, Number, Subject, table};
use crate::report::clocks::{ClockCount, ClockLine, LevelLine};
use crate::report::model::Report;
use crate::report::scope::Scope;

/// The clocks and escalations of the period.
pub(super) fn of(scope: &Scope<'_>, report: &Report, all: &mut Explained) {
    all.begin(subject("clocks", "Service level clocks"));
    for (place, count) in report.clock_counts.iter().enumerate() {
        counted(place, count, &report.clocks, all);
    }
    runs(scope, "clocks", &report.clocks, all);
    all.begin(subject("escalations", "Escalations"));
    levels(&report.escalations, all);
}

/// The clocks of one incident, whose subject has begun.
pub(super) fn runs(scope: &Scope<'_>, below: &str, lines: &[ClockLine], all: &mut Explained) {
    let mut keys = Keys::default();
    for line in lines {
        let key = keys.next(below, &line.incident);
        let paused = || Printer(scope).spans([&line.paused]);
        all.add(&key, table::CLOCK, line, &|name| {
            (name == "paused").then(paused)
        });
    }
}

fn counted(place: usize, count: &ClockCount, lines: &[ClockLine], all: &mut Explained) {
    let special = |name: &str| {
        let result = name.strip_prefix("runs_")?;
        let mut numbers = BTreeMap::new();
        let mut names = Vec::new();
        for line in lines.iter().filter(|line| line.clock == count.clock) {
            let number = numbers.entry(&line.incident).or_insert(0_u32);
            *number += 1;
            if line.severity == count.severity
                && line.policy == count.policy
                && line.result == result
            {
                names.push(format!("{} {} {number}", line.incident, line.clock.word()));
            }
        }
        Some(Number::Names(names))
    };
    let key = format!("clock_counts.{place}");
    all.add(&key, table::CLOCK_COUNT, count, &special);
}

fn levels(lines: &[LevelLine], all: &mut Explained) {
    let mut keys = Keys::default();
    for line in lines {
        let key = keys.next("escalations", &line.incident);
        let level = || Number::Whole(i64::from(line.level));
        all.add(&key, table::LEVEL, line, &|name| {
            (name == "level_of_policy").then(level)
        });
    }
}

fn subject(key: &str, name: &str) -> Subject {
    Subject {
        key: key.to_owned(),
        id: key.to_owned(),
        name: name.to_owned(),
        ..Subject::default()
    }
}

/// The keys of the lines of a list that is named by incidents: the second of an incident is `I-1#2`.
#[derive(Default)]
struct Keys(BTreeMap<String, u32>);

impl Keys {
    fn next(&mut self, below: &str, incident: &str) -> String {
        let seen = self.0.entry(incident.to_owned()).or_default();
        *seen += 1;
        match seen {
            1 => format!("{below}.{incident}"),
            n => format!("{below}.{incident}#{n}"),
        }
    }
}
