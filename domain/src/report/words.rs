//! How a report writes lengths, instants and numbers in prose, the same in every format.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::id::WindowId;
use crate::policy::Target;
use crate::span::{instant as instant_of, second};

/// `at` floored to whole seconds, as in the accounting.
pub fn floor(at: Timestamp) -> Timestamp {
    instant_of(second(at))
}

/// A length: `45 s`, `37 min 30 s`, `1 h 02 min`, `−4 min`. Its spaces do not break.
pub fn length(s: i64) -> String {
    let sign = if s < 0 { "\u{2212}" } else { "" };
    let whole = s.unsigned_abs();
    let text = match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{sign}{s} s"),
        (0, min, 0) => format!("{sign}{min} min"),
        (0, min, s) => format!("{sign}{min} min {s:02} s"),
        (h, 0, 0) => format!("{sign}{h} h"),
        (h, min, 0) => format!("{sign}{h} h {min:02} min"),
        (h, min, s) => format!("{sign}{h} h {min:02} min {s:02} s"),
    };
    text.replace(' ', "\u{a0}")
}

/// A latency in microseconds: `85 µs`, `1.2 ms`, `240 ms`, `2.5 s`. Its space does not break.
pub fn latency(us: u64) -> String {
    let (unit, size) = match us {
        0..1_000 => ("µs", 1),
        1_000..1_000_000 => ("ms", 1_000),
        _ => ("s", 1_000_000),
    };
    // Two significant digits, as in a bucket's bound.
    match (us / size, us % size * 10 / size) {
        (whole @ 0..10, tenths @ 1..) => format!("{whole}.{tenths}\u{a0}{unit}"),
        (whole, _) => format!("{whole}\u{a0}{unit}"),
    }
}

/// `2026-10-07 02:14:10 EDT`. The line may break after the date.
pub fn instant(at: Timestamp, zone: &TimeZone) -> String {
    format!(
        "{}\u{a0}{}",
        floor(at)
            .to_zoned(zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S"),
        abbreviation(at, zone)
    )
}

/// `Wednesday 7 October at 02:14 EDT`.
pub fn said(at: Timestamp, zone: &TimeZone) -> String {
    format!(
        "{}\u{a0}{}",
        floor(at)
            .to_zoned(zone.clone())
            .strftime("%A %-d %B at %H:%M"),
        abbreviation(at, zone)
    )
}

/// A window in prose: `Weekly update of 2026-10-14`, or `New disks (disks)` if it was scheduled once. The ids of
/// recurring windows are too long for print.
pub fn window(title: &str, id: &WindowId) -> String {
    match id.as_str().rsplit_once('@') {
        Some((_, date)) => format!("{title} of {date}"),
        None => format!("{title} ({id})"),
    }
}

/// The zone's abbreviation at that instant: `EDT`, or `-03` if the zone has no letters.
pub fn abbreviation(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_offset_info(floor(at)).abbreviation().to_owned()
}

/// A target with all its digits and at least one decimal: `99.9`, `99.9995`, `100.0`.
pub fn target(target: Target) -> String {
    let text = format!("{}.{:04}", target.ppm / 10_000, target.ppm % 10_000);
    let kept = text.trim_end_matches('0');
    if kept.ends_with('.') {
        format!("{kept}0")
    } else {
        kept.to_owned()
    }
}

/// A target with three decimals, truncated like every percentage.
pub fn target_truncated(target: Target) -> String {
    format!("{}.{:03}", target.ppm / 10_000, target.ppm % 10_000 / 10)
}

/// A number, in words up to twelve.
pub fn number(n: usize) -> String {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve",
    ];
    WORDS
        .get(n)
        .map_or_else(|| n.to_string(), |word| (*word).to_owned())
}

/// `no outages`, `one outage`, `three outages`.
pub fn count(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [before @ .., last] => {
            let before: Vec<&str> = before.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", before.join(", "), last.as_ref())
        }
    }
}

/// `text` with a capital letter first.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_written_with_two_digits_and_their_unit() {
        let said = [
            0, 85, 999, 1_000, 1_200, 9_900, 10_000, 240_000, 1_000_000, 2_500_000,
        ];
        assert_eq!(
            said.map(latency).join(", ").replace('\u{a0}', " "),
            "0 µs, 85 µs, 999 µs, 1 ms, 1.2 ms, 9.9 ms, 10 ms, 240 ms, 1 s, 2.5 s"
        );
    }

    #[test]
    fn lengths_read_as_people_say_them() {
        let said: Vec<String> = [0, 45, 60, 2250, 3600, 3720, 3725, 90_000, -240]
            .into_iter()
            .map(|s| length(s).replace('\u{a0}', " "))
            .collect();
        assert_eq!(
            said,
            [
                "0 s",
                "45 s",
                "1 min",
                "37 min 30 s",
                "1 h",
                "1 h 02 min",
                "1 h 02 min 05 s",
                "25 h",
                "\u{2212}4 min"
            ]
        );
    }

    #[test]
    fn a_target_keeps_its_last_digit() {
        let printed =
            [999_000, 999_995, 1_000_000, 995_000, 987_654].map(|ppm| target(Target { ppm }));
        assert_eq!(printed, ["99.9", "99.9995", "100.0", "99.5", "98.7654"]);
    }

    #[test]
    fn instants_carry_the_abbreviation_of_their_season() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let summer: Timestamp = "2026-10-31T05:00:00.9Z".parse().unwrap();
        let winter: Timestamp = "2026-11-02T05:00:00Z".parse().unwrap();
        assert_eq!(instant(summer, &zone), "2026-10-31 01:00:00\u{a0}EDT");
        assert_eq!(instant(winter, &zone), "2026-11-02 00:00:00\u{a0}EST");
        assert_eq!(said(winter, &zone), "Monday 2 November at 00:00\u{a0}EST");
    }

    #[test]
    fn flooring_goes_down_before_the_epoch_too() {
        let before: Timestamp = "1969-12-31T23:59:58.5Z".parse().unwrap();
        assert_eq!(floor(before).to_string(), "1969-12-31T23:59:58Z");
    }
}
