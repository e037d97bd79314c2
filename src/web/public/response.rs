//! Response times of a system on its page: median and 95th percentile by day as a picture in the style of the report,
//! and by month as a table. A percentile is never averaged: that of a month comes from the counts of its days.

use std::collections::BTreeMap;

use domain::latency::Histogram;
use domain::report::words;
use jiff::civil::Date;
use jiff::{ToSpan as _, Unit};
use serde::Serialize;

use crate::reports::LatencyAxis;

/// The months of the table.
const MONTHS: usize = 13;
const WIDTH: f64 = 720.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 8.0;
const DRAWN: f64 = 104.0;
const BELOW: f64 = 8.0;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Response {
    /// `None` without a day in the history of the page.
    pub picture: Option<Picture>,
    /// The latest first.
    pub months: Vec<MonthTimes>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct MonthTimes {
    /// `October 2026`
    pub name: String,
    pub median: String,
    pub p95: String,
    pub checks: u64,
}

/// Places are rounded to tenths, as texts: a page compares by equality.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Picture {
    pub width: String,
    pub height: String,
    pub left: String,
    /// The width of a bar.
    pub bar: String,
    pub bars: Vec<Bar>,
    /// The durations that a reader finds on the axis.
    pub axis: Vec<(String, String)>,
    /// For readers of screens.
    pub alt: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Bar {
    pub x: String,
    pub median: String,
    pub p95: String,
    /// From the 95th percentile down to the median.
    pub height: String,
    /// `7 Oct 2026: median 41 ms, 95 % within 86 ms`
    pub title: String,
}

/// The times of the days up to `today`; `None` without any.
pub(super) fn of(days: &BTreeMap<Date, Histogram>, today: Date, shown: u32) -> Option<Response> {
    let mut months: BTreeMap<(i16, i8), Histogram> = BTreeMap::new();
    for (date, answered) in days {
        let month = months.entry((date.year(), date.month())).or_default();
        month.merge(answered);
    }
    let months = months.iter().rev().take(MONTHS);
    let months: Vec<MonthTimes> = months
        .filter_map(|((year, month), answered)| {
            let first = Date::new(*year, *month, 1).ok()?;
            Some(MonthTimes {
                name: first.strftime("%B %Y").to_string(),
                median: words::latency(answered.percentile_us(50)?),
                p95: words::latency(answered.percentile_us(95)?),
                checks: answered.count(),
            })
        })
        .collect();
    (!months.is_empty()).then(|| Response {
        picture: picture(days, today, shown),
        months,
    })
}

fn picture(days: &BTreeMap<Date, Histogram>, today: Date, shown: u32) -> Option<Picture> {
    let back = i64::from(shown.saturating_sub(1));
    let first = today.checked_sub(back.days()).ok()?;
    let times: Vec<(Date, u64, u64)> = days
        .range(first..=today)
        .filter_map(|(date, answered)| {
            Some((
                *date,
                answered.percentile_us(50)?,
                answered.percentile_us(95)?,
            ))
        })
        .collect();
    let least = times.iter().map(|(_, median, _)| *median).min()?;
    let most = times.iter().map(|(_, _, p95)| *p95).max()?;
    let axis = LatencyAxis::between(least, most);
    let at = |us: u64| TOP + DRAWN * (1.0 - axis.share(us));
    let step = (WIDTH - LEFT) / f64::from(shown.max(1));
    let bar = (step * 0.6).max(1.0);
    let bars = times.iter().filter_map(|(date, median, p95)| {
        let n = first.until((Unit::Day, *date)).ok()?.get_days();
        Some(Bar {
            x: tenths(LEFT + step * (f64::from(n) + 0.5) - bar / 2.0),
            median: tenths(at(*median)),
            p95: tenths(at(*p95)),
            height: tenths((at(*median) - at(*p95)).max(0.1)),
            title: format!(
                "{}: median {}, 95 % within {}",
                date.strftime("%-d %b %Y"),
                words::latency(*median),
                words::latency(*p95)
            ),
        })
    });
    let (worst, _, p95) = times.iter().max_by_key(|(date, _, p95)| (*p95, *date))?;
    let alt = format!(
        "Response times by day over the last {shown} days. The slowest day was {}, with 95 % within {}.",
        worst.strftime("%-d %b %Y"),
        words::latency(*p95)
    );
    Some(Picture {
        width: tenths(WIDTH),
        height: tenths(TOP + DRAWN + BELOW),
        left: tenths(LEFT),
        bar: tenths(bar),
        bars: bars.collect(),
        axis: axis
            .marks()
            .into_iter()
            .map(|us| (tenths(at(us)), words::latency(us)))
            .collect(),
        alt,
    })
}

fn tenths(place: f64) -> String {
    format!("{place:.1}")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn day(times: &[(u64, u64)]) -> Histogram {
        times.to_vec().into()
    }

    #[test]
    fn a_month_comes_from_the_counts_of_its_days() {
        // The median of all is not the mean of the two medians.
        let days = BTreeMap::from([
            (date(2026, 9, 30), day(&[(900_000, 5)])),
            (date(2026, 10, 1), day(&[(40_000, 90), (80_000, 10)])),
            (date(2026, 10, 2), day(&[(200_000, 10)])),
        ]);
        let response = of(&days, date(2026, 10, 2), 90).unwrap();
        let months: Vec<_> = response
            .months
            .iter()
            .map(|m| (m.name.as_str(), m.median.as_str(), m.p95.as_str(), m.checks))
            .collect();
        assert_eq!(
            months,
            [
                ("October 2026", "40\u{a0}ms", "200\u{a0}ms", 110),
                ("September 2026", "900\u{a0}ms", "900\u{a0}ms", 5),
            ]
        );
        let picture = response.picture.unwrap();
        assert_eq!(picture.bars.len(), 3);
        assert_eq!(
            picture.bars[1].title,
            "1 Oct 2026: median 40\u{a0}ms, 95 % within 80\u{a0}ms"
        );
        assert!(
            picture
                .alt
                .contains("slowest day was 30 Sep 2026, with 95 % within 900\u{a0}ms")
        );
    }

    #[test]
    fn days_before_the_history_of_the_page_are_in_the_table_only() {
        let days = BTreeMap::from([(date(2026, 1, 5), day(&[(40_000, 1)]))]);
        let response = of(&days, date(2026, 10, 2), 90).unwrap();
        assert_eq!(response.picture, None);
        assert_eq!(response.months.len(), 1);
        assert_eq!(of(&BTreeMap::new(), date(2026, 10, 2), 90), None);
    }
}
