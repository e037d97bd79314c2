//! The steps of a deadline's calculation in words.

use jiff::tz::TimeZone;

use crate::deadlines::Step;
use crate::policy::{Hours, Period};
use crate::report::words;
use crate::span::Span;

impl Period {
    /// As the end of "for incidents that begin …".
    pub fn text(self) -> &'static str {
        match self {
            Period::Business => "within business hours",
            Period::AfterHours => "after hours",
            Period::Always => "at any time",
        }
    }
}

impl Step {
    /// The step in words: each edge in the zone of the business hours, else in `zone`.
    pub fn text(&self, hours: Option<&Hours>, zone: &TimeZone) -> String {
        match self {
            Step::NotPromised => "not promised".to_owned(),
            Step::OnlyDuring(period) => {
                format!(
                    "not promised: only for incidents that begin {}",
                    period.text()
                )
            }
            Step::NeverOpen => "never: the business hours do not open for so long".to_owned(),
            // From a closing to an opening.
            Step::Closed(span) => {
                let (opens, closes) = zones(hours, zone);
                format!("{}: closed", edges(*span, &closes, &opens))
            }
            Step::Counted { span, left_s } => {
                let (opens, closes) = zones(hours, zone);
                let counted = words::length(span.seconds());
                match left_s {
                    0 => format!("{}: {counted}, due", edges(*span, &opens, &opens)),
                    left_s => format!(
                        "{}: {counted}, {} left",
                        edges(*span, &opens, &closes),
                        words::length(*left_s)
                    ),
                }
            }
        }
    }
}

/// The zones of the opening and the closing; without business hours, `zone`.
fn zones(hours: Option<&Hours>, zone: &TimeZone) -> (TimeZone, TimeZone) {
    let day = hours.and_then(|hours| hours.weekly.first());
    let of = |name: Option<&String>| {
        let named = name.and_then(|name| crate::calendar::zone(name).ok());
        named.unwrap_or_else(|| zone.clone())
    };
    (
        of(day.map(|day| &day.open.zone)),
        of(day.map(|day| &day.close.zone)),
    )
}

/// The edges of a span, each in a zone of its own.
fn edges(span: Span, from: &TimeZone, to: &TimeZone) -> String {
    let (from, to) = (words::instant(span.from, from), words::instant(span.to, to));
    format!("{from} to {to}")
}
