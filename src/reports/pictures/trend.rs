//! Thirteen months of availability with the target line, a panel for each system.

use domain::report::{Report, TrendLine, TrendMonth, Verdict};
use serde::Serialize;

use super::Drawing;
use super::days::lines_of;
use super::scale::{Scale, round};

/// Systems in one picture: as many as fit on a page.
const SYSTEMS: usize = 8;
const WIDTH: f64 = 500.0;
const NAMES: f64 = 96.0;
const PANEL: f64 = 74.0;
/// Room above the highest point of a panel, and below the lowest for figures and months.
const ABOVE: f64 = 8.0;
const DRAWN: f64 = 36.0;

#[derive(Serialize)]
pub(super) struct Places {
    width: f64,
    height: f64,
    left: f64,
    panels: Vec<Panel>,
}

#[derive(Serialize)]
struct Panel {
    name: Vec<String>,
    y: f64,
    top: f64,
    bottom: f64,
    /// The availability at the bottom.
    low: String,
    /// The target as a line from month to month, in pieces where it changed.
    target: Vec<Line>,
    months: Vec<Point>,
    /// Lines between neighbouring months that were measured.
    lines: Vec<Line>,
    year: Option<String>,
}

#[derive(Serialize)]
struct Line {
    x1: f64,
    y1: f64,
    x2: f64,
    y2: f64,
}

#[derive(Serialize)]
struct Point {
    x: f64,
    /// `None` if nothing was measured.
    y: Option<f64>,
    value: String,
    month: String,
    /// True if the month's approved report was revised.
    revised: bool,
    verdict: Verdict,
    last: bool,
}

/// None until a system was measured in two months: one point is no trend.
pub(super) fn of(report: &Report) -> Vec<Drawing<Places>> {
    let measured = |m: &TrendMonth| m.contract_availability.is_some();
    let is_trend = |line: &TrendLine| line.months.iter().filter(|m| measured(m)).count() > 1;
    if !report.trend.iter().any(is_trend) {
        return Vec::new();
    }
    let mut systems: Vec<&TrendLine> = report.trend.iter().collect();
    systems.sort_by(|a, b| a.name.cmp(&b.name));
    systems.chunks(SYSTEMS).map(drawing).collect()
}

fn drawing(systems: &[&TrendLine]) -> Drawing<Places> {
    let panels = systems.iter().enumerate();
    let panels: Vec<Panel> = panels
        .map(|(n, system)| panel(system, PANEL * n as f64))
        .collect();
    Drawing {
        title: "Availability over thirteen months".to_owned(),
        alt: alt(systems),
        places: Places {
            width: WIDTH,
            height: round(PANEL * systems.len() as f64),
            left: NAMES,
            panels,
        },
    }
}

fn number(percent: &Option<String>) -> Option<f64> {
    percent.as_ref().and_then(|text| text.parse().ok())
}

/// The lowest availability of a panel's axis: room for the worst month and for as much again as the target
/// allows, so that a good year is not drawn as a mountain range.
fn lowest(months: &[TrendMonth]) -> f64 {
    let values = months
        .iter()
        .filter_map(|m| number(&m.contract_availability));
    let targets = months
        .iter()
        .filter_map(|m| number(&m.target))
        .map(|target| 100.0 - 2.0 * (100.0 - target));
    let least = values.chain(targets).fold(99.9, f64::min);
    // Two digits of the loss are enough for an axis.
    let loss = (100.0 - least).max(0.01);
    let step = 10_f64.powf(loss.log10().floor()) / 2.0;
    (100.0 - (loss / step).ceil() * step).max(0.0)
}

fn panel(system: &TrendLine, y: f64) -> Panel {
    let months = &system.months;
    let low = lowest(months);
    let (top, bottom) = (y + ABOVE, y + ABOVE + DRAWN);
    let height = Scale::linear((low, 100.0), (bottom, -DRAWN));
    let step = (WIDTH - NAMES) / months.len().max(1) as f64;
    let x = |n: usize| round(NAMES + step * (n as f64 + 0.5));
    let point = |(n, month): (usize, &TrendMonth)| Point {
        x: x(n),
        y: number(&month.contract_availability).map(|value| height.at(value)),
        value: month
            .contract_availability
            .clone()
            .unwrap_or_else(|| "–".to_owned()),
        month: short(&month.month),
        revised: month.revised,
        verdict: month.verdict.unwrap_or_default(),
        last: n + 1 == months.len(),
    };
    let points: Vec<Point> = months.iter().enumerate().map(point).collect();
    let lines = points.windows(2).filter_map(|pair| {
        Some(Line {
            x1: pair[0].x,
            y1: pair[0].y?,
            x2: pair[1].x,
            y2: pair[1].y?,
        })
    });
    let target = months.iter().enumerate().filter_map(|(n, month)| {
        let y = height.at(number(&month.target)?);
        Some(Line {
            x1: round(x(n) - step / 2.0),
            y1: y,
            x2: round(x(n) + step / 2.0),
            y2: y,
        })
    });
    let year = &system.year;
    Panel {
        name: lines_of(&system.name),
        y: round(y),
        top: round(top),
        bottom: round(bottom),
        low: format!("{low:.3}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        target: target.collect(),
        lines: lines.collect(),
        months: points,
        year: year
            .contract_availability
            .as_ref()
            .map(|percent| format!("{}: {percent} %", year.year)),
    }
}

/// `Oct`, and with the year where one begins: `Jan 2026`.
fn short(month: &str) -> String {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (year, number) = month.split_once('-').unwrap_or((month, ""));
    let number: usize = number.parse().unwrap_or(0);
    match NAMES.get(number.wrapping_sub(1)) {
        Some(name) if number == 1 => format!("{name} {year}"),
        Some(name) => (*name).to_owned(),
        None => month.to_owned(),
    }
}

fn alt(systems: &[&TrendLine]) -> String {
    let each: Vec<String> = systems
        .iter()
        .map(|system| {
            let measured: Vec<String> = system.months.iter().filter_map(said).collect();
            format!("{}: {}.", system.name, measured.join(", "))
        })
        .collect();
    format!("Contract availability by month. {}", each.join(" "))
}

/// `2026-10 99.786 % (missed)`.
fn said(month: &TrendMonth) -> Option<String> {
    let value = month.contract_availability.as_ref()?;
    let verdict = month
        .verdict
        .map(|v| format!(" ({})", v.word()))
        .unwrap_or_default();
    let revised = if month.revised { ", revised" } else { "" };
    Some(format!("{} {value} %{verdict}{revised}", month.month))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(availability: &str, target: &str) -> TrendMonth {
        TrendMonth {
            month: "2026-10".to_owned(),
            contract_availability: Some(availability.to_owned()),
            target: Some(target.to_owned()),
            verdict: None,
            unplanned_s: None,
            outages: None,
            revised: false,
        }
    }

    #[test]
    fn an_axis_has_room_for_the_worst_month_and_for_twice_what_the_target_allows() {
        let low = |months: &[TrendMonth]| format!("{:.3}", lowest(months));
        assert_eq!(low(&[month("100.000", "99.900")]), "99.800");
        assert_eq!(low(&[month("99.786", "99.900")]), "99.750");
        assert_eq!(low(&[month("96.554", "99.900")]), "96.500");
        assert_eq!(low(&[month("0.000", "99.900")]), "0.000");
        assert_eq!(low(&[]), "99.900");
    }
}
