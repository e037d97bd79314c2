//! When a heartbeat is due: a job or feed calls Nines, and its silence is an outage.
//!
//! Without `expected` hours the next beat is due one period after the last one. With them, the earlier of two instants
//! counts:
//!
//! | silence | due |
//! | --- | --- |
//! | a whole period of expected time without a beat | when that period is used up |
//! | expected hours without any beat, in them or up to half a period before they open | when those hours close |
//!
//! The first row suits a feed that calls every few minutes, the second a batch that comes once in its hours.
//! The grace comes on top: it is elapsed time.

use jiff::{SignedDuration, Timestamp};

use crate::business_time;
use crate::calendar::{self, UnknownZone};
use crate::catalogue::Heartbeat;
use crate::policy::Hours;
use crate::span::{Span, instant, second};

/// How far ahead the end of the next expected hours is searched: holidays may close them for weeks.
const LOOK_AHEAD: SignedDuration = SignedDuration::from_hours(120 * 24);

/// While a feed is silent, its silence is confirmed again after this time at the latest.
const STILL_SILENT: SignedDuration = SignedDuration::from_secs(60);

/// When the beat after one at `since` is due. `None` if the hours never open again.
pub fn due_at(heartbeat: &Heartbeat, since: Timestamp) -> Option<Timestamp> {
    let period = SignedDuration::from_millis(heartbeat.every_ms);
    match &heartbeat.expected {
        None => since.checked_add(period).ok(),
        // The configuration knows every zone of its hours.
        Some(hours) => due_in_hours(hours, period, since).ok().flatten(),
    }
}

fn due_in_hours(
    hours: &Hours,
    period: SignedDuration,
    since: Timestamp,
) -> Result<Option<Timestamp>, UnknownZone> {
    let used_up = match business_time::after(hours, since, period.as_secs().max(1))? {
        // A period that ends as the hours close goes on when they open again.
        Some(at) => business_time::opening(hours, at)?,
        None => None,
    };
    let missed = end_of_next_hours(hours, period / 2, since)?;
    Ok(used_up.into_iter().chain(missed).min())
}

/// The end of the first hours that open more than `early` after `since`.
fn end_of_next_hours(
    hours: &Hours,
    early: SignedDuration,
    since: Timestamp,
) -> Result<Option<Timestamp>, UnknownZone> {
    let to = since.checked_add(LOOK_AHEAD).unwrap_or(Timestamp::MAX);
    let from = instant(second(since));
    let opens_later = |open: i64| instant(open).duration_since(since) > early;
    let open = calendar::open(hours, Span::new(from, to))?;
    // Hours that reach the end of the search have no end yet.
    let mut whole = open.iter().filter(|(_, close)| *close < second(to));
    let next = whole.find(|(open, _)| *open > second(from) && opens_later(*open));
    Ok(next.map(|(_, close)| instant(close)))
}

/// The instant at which silence since `since` is decided: the due instant plus the grace.
pub fn decided_at(heartbeat: &Heartbeat, since: Timestamp) -> Option<Timestamp> {
    let grace = SignedDuration::from_millis(heartbeat.grace_ms);
    due_at(heartbeat, since)?.checked_add(grace).ok()
}

/// When silence that was confirmed at `at` is confirmed again.
pub(crate) fn confirmed_again_at(heartbeat: &Heartbeat, at: Timestamp) -> Option<Timestamp> {
    let period = SignedDuration::from_millis(heartbeat.every_ms);
    at.checked_add(period.min(STILL_SILENT)).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Time, Weekday};

    use super::*;

    const WORKDAYS: [Weekday; 5] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
    ];

    /// The due instant after each beat, in New York. 2026-10-02 is a Friday.
    fn check(period_s: i64, hours: Option<(&str, &str)>, beats: &[(&str, &str)]) {
        let time = |text: &str| text.parse::<Time>().unwrap();
        let heartbeat = Heartbeat {
            every_ms: period_s * 1000,
            grace_ms: 0,
            expected: hours.map(|(open, close)| {
                Hours::on(WORKDAYS, time(open), time(close), "America/New_York")
            }),
        };
        let at = |text: &str| format!("2026-{text}-04:00").parse::<Timestamp>().unwrap();
        for (beat, due) in beats {
            assert_eq!(due_at(&heartbeat, at(beat)), Some(at(due)), "after {beat}");
        }
    }

    #[test]
    fn without_hours_a_period_after_the_last_beat() {
        check(86_400, None, &[("10-02T06:00:00", "10-03T06:00:00")]);
    }

    #[test]
    fn a_feed_in_business_hours_rests_at_night_and_over_the_weekend() {
        check(
            300,
            Some(("08:00", "18:00")),
            &[
                ("10-02T10:00:00", "10-02T10:05:00"),
                // Three of five minutes are left when the hours close.
                ("10-01T17:58:00", "10-02T08:03:00"),
                // Used up exactly as the hours close: nothing was due before the next opening.
                ("10-02T17:55:00", "10-05T08:00:00"),
                ("10-03T12:00:00", "10-05T08:05:00"),
            ],
        );
    }

    #[test]
    fn a_batch_is_due_at_the_end_of_its_hours() {
        check(
            86_400,
            Some(("06:00", "07:00")),
            &[
                ("10-01T06:30:00", "10-02T07:00:00"),
                ("10-02T06:30:00", "10-05T07:00:00"),
                // Early: it counts for the hours that open within half a period.
                ("10-02T05:55:00", "10-05T07:00:00"),
                // Late: the next hours want their own.
                ("10-01T07:30:00", "10-02T07:00:00"),
            ],
        );
    }

    #[test]
    fn whole_working_days_are_one_stretch_of_hours() {
        check(
            86_400,
            Some(("00:00", "00:00")),
            &[("10-02T06:00:00", "10-05T06:00:00")],
        );
    }
}
