//! The month of each system by day and hour: a column a day, midnight at its top, and in it what was not
//! up, as long as it took.

use domain::report::{Day, Mark, Report, SystemLine, words};
use serde::Serialize;

use super::Drawing;
use super::scale::{Scale, round};

/// As many systems as fit below the first page's table, and as many as fit on a page of their own.
const FIRST: usize = 10;
const PAGE: usize = 17;
const WIDTH: f64 = 500.0;
const NAMES: f64 = 96.0;
/// Room for the last column's border.
const RIGHT: f64 = 0.5;
const TOP: f64 = 14.0;
const ROW: f64 = 34.0;
/// The letter of the day stands above its hours.
const LETTER: f64 = 8.0;
const HOURS: f64 = 22.0;
/// The least height of a part: one minute must be seen.
const LEAST: f64 = 0.9;

#[derive(Serialize)]
pub(super) struct Places {
    width: f64,
    height: f64,
    /// The top of the first row's hours, and the height of a row's.
    hours: f64,
    columns: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Column {
    x: f64,
    width: f64,
    day: i8,
    sunday: bool,
}

#[derive(Serialize)]
struct Row {
    /// The name, in as many lines as it needs.
    name: Vec<String>,
    y: f64,
    days: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    x: f64,
    width: f64,
    mark: Mark,
    parts: Vec<Bar>,
}

#[derive(Serialize)]
struct Bar {
    y: f64,
    height: f64,
    class: Mark,
}

pub(super) fn of(report: &Report) -> Vec<Drawing<Places>> {
    let mut systems: Vec<&SystemLine> = report.systems.iter().collect();
    systems.sort_by(|a, b| a.name.cmp(&b.name));
    let each = if systems.len() <= FIRST { FIRST } else { PAGE };
    systems.chunks(each).map(drawing).collect()
}

fn drawing(systems: &[&SystemLine]) -> Drawing<Places> {
    let days = systems.first().map_or(&[][..], |s| &s.days);
    let step = (WIDTH - NAMES - RIGHT) / days.len().max(1) as f64;
    let x = |n: usize| round(NAMES + step * n as f64);
    let longest_s = days.iter().map(|d| d.length_s).max().unwrap_or(86_400);
    let column = |(n, day): (usize, &Day)| Column {
        x: x(n),
        width: round(step),
        day: day.date.day(),
        sunday: day.date.weekday() == jiff::civil::Weekday::Sunday,
    };
    let rows = systems.iter().enumerate().map(|(n, system)| {
        let y = TOP + ROW * n as f64;
        let cell = |(n, day): (usize, &Day)| Cell {
            x: x(n),
            width: round(step),
            mark: day.mark,
            parts: bars(day, longest_s, y + LETTER),
        };
        Row {
            name: lines_of(&system.name),
            y: round(y),
            days: system.days.iter().enumerate().map(cell).collect(),
        }
    });
    Drawing {
        title: "Day by day".to_owned(),
        alt: alt(systems),
        places: Places {
            width: WIDTH,
            height: round(TOP + ROW * systems.len() as f64),
            hours: HOURS,
            columns: days.iter().enumerate().map(column).collect(),
            rows: rows.collect(),
        },
    }
}

fn bars(day: &Day, longest_s: i64, top: f64) -> Vec<Bar> {
    let scale = Scale::linear((0.0, longest_s as f64), (top, HOURS));
    let bar = |part: &domain::report::Part| {
        let (from, to) = (scale.at(part.from_s as f64), scale.at(part.to_s as f64));
        // Grown to the least height, it must not leave its column.
        let height = round((to - from).max(LEAST));
        Bar {
            y: round(from.min(top + HOURS - height)),
            height,
            class: part.class,
        }
    };
    day.parts.iter().map(bar).collect()
}

/// At most three lines of some twenty letters; a longer name is cut.
pub(super) fn lines_of(name: &str) -> Vec<String> {
    const LETTERS: usize = 22;
    const LINES: usize = 3;
    let mut lines: Vec<String> = Vec::new();
    for word in name.split_whitespace() {
        let word: String = word.chars().take(LETTERS).collect();
        let full = lines.len() == LINES;
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LETTERS => {
                line.push(' ');
                line.push_str(&word);
            }
            Some(line) if full => {
                line.push('…');
                break;
            }
            _ => lines.push(word),
        }
    }
    lines
}

fn alt(systems: &[&SystemLine]) -> String {
    let each: Vec<String> = systems
        .iter()
        .map(|system| {
            let bad: Vec<String> = system.days.iter().filter_map(said).collect();
            if bad.is_empty() {
                format!("{}: up on every day.", system.name)
            } else {
                format!("{}: {}.", system.name, bad.join("; "))
            }
        })
        .collect();
    format!("What was not up on each day. {}", each.join(" "))
}

/// `6 Oct: unplanned 38 min`.
fn said(day: &Day) -> Option<String> {
    let lost_s = match day.mark {
        Mark::None | Mark::Up => return None,
        Mark::Degraded => day.degraded_s,
        Mark::Unknown => day.unknown_s,
        Mark::Planned => day.planned_s,
        Mark::Excluded => day.excluded_s,
        Mark::Unplanned => day.unplanned_s,
    };
    let class = match day.mark {
        Mark::Unknown => "not observed",
        Mark::Degraded => "degraded",
        Mark::Planned => "planned",
        Mark::Excluded => "excluded",
        _ => "unplanned",
    };
    Some(format!(
        "{} {class} {}",
        day.date.strftime("%-d %b"),
        words::length(lost_s)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_takes_three_lines_and_is_cut() {
        assert_eq!(lines_of("Portal"), ["Portal"]);
        assert_eq!(
            lines_of("Image archive and viewer of the regional imaging exchange of the north"),
            [
                "Image archive and",
                "viewer of the regional",
                "imaging exchange of…"
            ]
        );
    }

    #[test]
    fn a_minute_before_midnight_is_seen_and_stays_in_its_column() {
        let day = Day {
            date: jiff::civil::date(2026, 10, 7),
            mark: Mark::Unplanned,
            length_s: 86_400,
            agreed_s: 86_400,
            up_s: 86_340,
            degraded_s: 0,
            planned_s: 0,
            excluded_s: 0,
            unplanned_s: 60,
            unknown_s: 0,
            parts: vec![domain::report::Part {
                from_s: 86_340,
                to_s: 86_400,
                class: Mark::Unplanned,
            }],
        };
        let bars = bars(&day, 86_400, 100.0);
        assert_eq!(
            (bars[0].height, bars[0].y + bars[0].height),
            (LEAST, 100.0 + HOURS)
        );
    }
}
