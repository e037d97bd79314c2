//! Durations and dates as text for detail lines. Programs must not parse it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `250 ms`, `2 s`, `2.35 s`.
pub(crate) fn duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms < 1_000 {
        return format!("{ms} ms");
    }
    let whole = format!("{}.{:02}", ms / 1_000, ms % 1_000 / 10);
    format!("{} s", whole.trim_end_matches('0').trim_end_matches('.'))
}

/// `3 days`, `1 hour`, `12 minutes`: the largest unit that fits, rounded down. Ignores the sign.
pub(crate) fn largest_unit(seconds: i64) -> String {
    let s = seconds.unsigned_abs();
    let (n, unit) = match s {
        86_400.. => (s / 86_400, "day"),
        3_600.. => (s / 3_600, "hour"),
        _ => (s / 60, "minute"),
    };
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

/// `2026-11-19`, in UTC, as certificates are dated.
pub(crate) fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}

/// When a certificate ends, as said at `at`: `the certificate ends in 5 days (2026-11-19)`.
pub fn certificate_end(ends_at: Timestamp, at: Timestamp) -> String {
    let left_s = ends_at.as_second() - at.as_second();
    let (span, date) = (largest_unit(left_s), date(ends_at));
    if left_s < 0 {
        format!("the certificate ended {span} ago ({date})")
    } else {
        format!("the certificate ends in {span} ({date})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_dates_are_written_as_people_write_them() {
        assert_eq!(duration(Duration::from_millis(250)), "250 ms");
        assert_eq!(duration(Duration::from_secs(10)), "10 s");
        assert_eq!(duration(Duration::from_millis(2_350)), "2.35 s");
        assert_eq!(duration(Duration::from_millis(2_005)), "2 s");
        assert_eq!(largest_unit(-3 * 86_400 - 5), "3 days");
        assert_eq!(largest_unit(86_400), "1 day");
        assert_eq!(largest_unit(7_199), "1 hour");
        assert_eq!(largest_unit(59), "0 minutes");
        let at: Timestamp = "2026-11-19T23:59:59Z".parse().unwrap();
        assert_eq!(date(at), "2026-11-19");
    }

    #[test]
    fn the_words_about_an_end_follow_its_sign() {
        let end: Timestamp = "2026-11-19T00:00:00Z".parse().unwrap();
        for (at, words) in [
            ("2026-11-13T12:00:00Z", "ends in 5 days (2026-11-19)"),
            ("2026-11-18T23:59:30Z", "ends in 0 minutes (2026-11-19)"),
            ("2026-12-19T00:00:01Z", "ended 30 days ago (2026-11-19)"),
        ] {
            let said = certificate_end(end, at.parse().unwrap());
            assert_eq!(said, format!("the certificate {words}"));
        }
    }
}
