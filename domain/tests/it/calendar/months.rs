//! Months follow one another without a gap, whatever zones they are kept in.

use domain::calendar::{Month, zone};
use domain::months::{Months, Zones};
use domain::span::Span;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const NAMES: [&str; 8] = [
    "UTC",
    "America/New_York",
    "America/Los_Angeles",
    "America/Havana",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Asia/Kathmandu",
    "Europe/London",
];

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn kept(first: &str, later: &[(Timestamp, &str)]) -> Zones {
    let mut zones = Zones::new(zone(first).unwrap());
    for (at, name) in later {
        zones.change(*at, zone(name).unwrap());
    }
    zones
}

#[test]
fn a_month_ends_in_the_zone_in_which_it_began_and_there_the_next_begins() {
    let later = [(at("2026-10-31T16:00:00Z"), "America/Los_Angeles")];
    let zones = kept("America/New_York", &later);
    let span = |text: &str| {
        let (span, zone) = zones.month(month(text));
        format!("{span} {}", zone.iana_name().unwrap())
    };
    assert_eq!(
        [
            span("2026-09"),
            span("2026-10"),
            span("2026-11"),
            span("2026-12")
        ],
        [
            "[2026-09-01T04:00:00Z, 2026-10-01T04:00:00Z) America/New_York",
            "[2026-10-01T04:00:00Z, 2026-11-01T04:00:00Z) America/New_York",
            "[2026-11-01T04:00:00Z, 2026-12-01T08:00:00Z) America/Los_Angeles",
            "[2026-12-01T08:00:00Z, 2027-01-01T08:00:00Z) America/Los_Angeles",
        ]
    );
    // Ten at night in Los Angeles, but November has begun.
    let november = zones.month(month("2026-11")).0;
    assert_eq!(zones.around(at("2026-11-01T05:00:00Z")), november);
    assert_eq!(zones.around(at("2026-11-01T03:59:59Z")).to, november.from);
}

#[test]
fn a_clock_that_was_set_back_takes_later_zones_away() {
    let later = [
        (at("2026-10-10T00:00:00Z"), "UTC"),
        (at("2026-10-05T00:00:00Z"), "Asia/Kathmandu"),
    ];
    let zones = kept("America/New_York", &later);
    assert_eq!(zones, kept("America/New_York", &later[1..]));
}

fn changes() -> impl Strategy<Value = Vec<(Timestamp, &'static str)>> {
    let origin = at("2026-01-01T00:00:00Z");
    // Near the turn of a month more often than not, where two zones disagree on the month.
    let near = (0u8..14, -30i64..30).prop_map(move |(n, hours)| {
        let days = SignedDuration::from_hours(i64::from(n) * 730 + hours);
        origin + days
    });
    let any = (0i64..400 * 86_400).prop_map(move |s| origin + SignedDuration::from_secs(s));
    let change = (
        prop_oneof![2 => near, 1 => any],
        prop::sample::select(NAMES.to_vec()),
    );
    prop::collection::vec(change, 0..6).prop_map(|mut all| {
        all.sort_unstable();
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_031),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_second_belongs_to_no_month_or_to_two(
        first in prop::sample::select(NAMES.to_vec()),
        changes in changes(),
        second in 0i64..450 * 86_400,
    ) {
        let zones = kept(first, &changes);
        let mut all: Vec<Span> = Vec::new();
        let mut this = month("2025-11");
        while this < month("2027-06") {
            let (span, zone) = zones.month(this);
            prop_assert!(!span.is_empty(), "{this}");
            prop_assert_eq!(zone, zones.in_force_at(span.from), "{}", this);
            prop_assert_eq!(span.to, this.next().first().to_zoned(zone.clone()).unwrap().timestamp());
            if let Some(last) = all.last() {
                prop_assert_eq!(last.to, span.from, "{}", this);
            }
            all.push(span);
            this = this.next();
        }
        let at = at("2025-12-20T00:00:00Z") + SignedDuration::from_secs(second);
        let around = zones.around(at);
        prop_assert!(around.contains(at) && all.contains(&around), "{around}");
        for span in &all {
            prop_assert_eq!(zones.around(span.from), *span);
        }
    }

    /// A month that has begun keeps its start and end.
    #[test]
    fn a_later_change_moves_no_month_that_has_begun(
        first in prop::sample::select(NAMES.to_vec()),
        changes in changes(),
        one in prop::sample::select(NAMES.to_vec()),
    ) {
        let Some((changed_at, _)) = changes.last() else { return Ok(()) };
        let before = kept(first, &changes[..changes.len() - 1]);
        let mut after = before.clone();
        after.change(*changed_at, zone(one).unwrap());
        let mut this = month("2025-11");
        while before.month(this).0.from < *changed_at {
            prop_assert_eq!(before.month(this), after.month(this), "{}", this);
            this = this.next();
        }
    }
}
