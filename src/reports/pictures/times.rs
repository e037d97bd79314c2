//! How long each counted outage took until it was detected, told to the customers, acknowledged and
//! restored, on an axis of durations.

use domain::report::{OutageLine, Report, words};
use serde::Serialize;

use super::Drawing;
use super::scale::{Durations, round};

/// Outages in one picture.
const OUTAGES: usize = 24;
/// Of more outages than this the pictures show the [`LONGEST`] ones.
const MANY: usize = 200;
const LONGEST: usize = 96;
const WIDTH: f64 = 500.0;
const NAMES: f64 = 96.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const ROW: f64 = 14.0;

#[derive(Serialize)]
pub(super) struct Places {
    width: f64,
    height: f64,
    top: f64,
    left: f64,
    right: f64,
    axis: Vec<(f64, &'static str)>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    y: f64,
    /// Until service was restored, or the longest milestone if it was not.
    to: f64,
    over: bool,
    /// The letter of each milestone: detected, notified, acknowledged, restored.
    marks: Vec<(f64, char)>,
}

/// The milestones of an outage that are known.
fn milestones(outage: &OutageLine) -> Vec<(char, &'static str, i64)> {
    [
        ('D', "detected", outage.detect_s),
        ('N', "last customer notified", outage.tell_last_s),
        ('A', "acknowledged", outage.acknowledge_s),
        ('R', "restored", outage.restore_s),
    ]
    .into_iter()
    .filter_map(|(letter, name, s)| Some((letter, name, s?)))
    .collect()
}

pub(super) fn of(report: &Report) -> Vec<Drawing<Places>> {
    let mut counted: Vec<&OutageLine> = report.outages.iter().filter(|o| o.counted).collect();
    let mut title = "From the first second to the last".to_owned();
    if counted.len() > MANY {
        counted.sort_by_key(|o| (std::cmp::Reverse(o.unplanned_s), o.start));
        counted.truncate(LONGEST);
        counted.sort_by_key(|o| o.start);
        title = format!("{title}: the {LONGEST} outages with the most unplanned time");
    }
    let longest_s = counted
        .iter()
        .flat_map(|o| milestones(o))
        .map(|(_, _, s)| s)
        .max()
        .unwrap_or(0);
    counted
        .chunks(OUTAGES)
        .map(|outages| drawing(outages, longest_s, &title))
        .collect()
}

fn drawing(outages: &[&OutageLine], longest_s: i64, title: &str) -> Drawing<Places> {
    let axis = Durations::new(longest_s, (NAMES, WIDTH - NAMES - RIGHT));
    let row = |(n, outage): (usize, &&OutageLine)| {
        let marks: Vec<(f64, char)> = milestones(outage)
            .into_iter()
            .map(|(letter, _, s)| (axis.at(s), letter))
            .collect();
        let name: String = outage.name.chars().take(18).collect();
        let cut = if name.len() < outage.name.len() {
            "…"
        } else {
            ""
        };
        Row {
            name: format!("{} {name}{cut}", outage.outage),
            y: round(TOP + ROW * (n as f64 + 0.5)),
            to: marks.iter().map(|(x, _)| *x).fold(NAMES, f64::max),
            over: outage.restore_s.is_some(),
            marks: apart(marks),
        }
    };
    let rows: Vec<Row> = outages.iter().enumerate().map(row).collect();
    Drawing {
        title: title.to_owned(),
        alt: alt(outages),
        places: Places {
            width: WIDTH,
            height: round(TOP + ROW * outages.len() as f64 + 2.0),
            top: TOP,
            left: NAMES,
            right: round(WIDTH - RIGHT),
            axis: axis.marks().collect(),
            rows,
        },
    }
}

/// Letters that would print over each other move apart; they stay in the order of their times.
fn apart(mut marks: Vec<(f64, char)>) -> Vec<(f64, char)> {
    const LETTER: f64 = 7.0;
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    for n in 1..marks.len() {
        marks[n].0 = round(marks[n].0.max(marks[n - 1].0 + LETTER));
    }
    marks
}

fn alt(outages: &[&OutageLine]) -> String {
    let each: Vec<String> = outages
        .iter()
        .map(|outage| {
            let known: Vec<String> = milestones(outage)
                .into_iter()
                .map(|(_, name, s)| format!("{name} after {}", words::length(s)))
                .collect();
            format!("{}: {}.", outage.outage, known.join(", "))
        })
        .collect();
    format!("Times of each outage from its start. {}", each.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_never_lie_on_each_other() {
        let marks = apart(vec![(10.0, 'N'), (9.0, 'D'), (100.0, 'R'), (10.0, 'A')]);
        assert_eq!(marks, [(9.0, 'D'), (16.0, 'N'), (23.0, 'A'), (100.0, 'R')]);
    }
}
