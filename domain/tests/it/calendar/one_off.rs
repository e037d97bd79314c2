//! Single windows: told in time, changed, ended early, cancelled.

use std::collections::BTreeMap;

use domain::catalogue::Single;
use domain::id::{CustomerId, SystemId, WindowId};
use domain::span::Span;
use domain::windows::{Earned, Occurrence, OneOffHistory, one_off};
use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    format!("2026-10-07T{text}:00Z").parse().unwrap()
}

fn window(start: &str, end: &str) -> Single {
    Single {
        id: WindowId::from("database-move"),
        systems: vec![SystemId::from("portal")],
        title: "Database move".into(),
        impact: None,
        start: at(start),
        end: at(end),
        max_downtime_s: Some(600),
        min_notice_s: Some(4 * 3600),
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    }
}

fn customers() -> Vec<CustomerId> {
    vec![CustomerId::from("north"), CustomerId::from("south")]
}

/// Versions with when each was recorded, and who was told of which when.
fn scheduled(versions: &[(&str, Single)], told: &[(usize, &str, &str)]) -> OneOffHistory {
    let told: BTreeMap<_, _> = told
        .iter()
        .map(|(version, customer, when)| ((*version, CustomerId::from(*customer)), at(when)))
        .collect();
    OneOffHistory {
        versions: versions
            .iter()
            .map(|(when, w)| (at(when), w.clone()))
            .collect(),
        cancelled_at: None,
        told,
        told_by_people: Vec::new(),
    }
}

fn of(entry: &OneOffHistory) -> Occurrence {
    one_off(entry, &customers(), 30, None).unwrap()
}

fn earned(window: &Occurrence) -> Vec<String> {
    let time = |t: Timestamp| t.to_string()[11..16].to_owned();
    let parts = window.earned_parts.iter();
    parts
        .map(|p| {
            format!(
                "{}-{} made {}",
                time(p.span.from),
                time(p.span.to),
                time(p.made_at)
            )
        })
        .collect()
}

#[test]
fn a_window_is_earned_when_every_customer_was_told_in_time() {
    let versions = [("08:00", window("20:00", "22:00"))];
    // Exactly in time is in time.
    let entry = scheduled(&versions, &[(0, "north", "09:00"), (0, "south", "16:00")]);
    let found = of(&entry);
    assert_eq!(found.why, Earned::Told(at("16:00")));
    assert_eq!(earned(&found), ["20:00-22:00 made 08:00"]);
    assert_eq!(
        (found.max_downtime_s, found.start_grace_s, found.tell),
        (Some(600), 30, true)
    );
    let entry = scheduled(&versions, &[(0, "north", "09:00"), (0, "south", "16:01")]);
    assert_eq!(
        of(&entry).why,
        Earned::NotTold(vec![CustomerId::from("south")])
    );
    assert!(of(&entry).earned_parts.is_empty());
    assert_eq!(
        of(&scheduled(&versions, &[])).why,
        Earned::NotTold(customers())
    );
}

#[test]
fn without_min_notice_its_start_is_early_enough() {
    let versions = [(
        "08:00",
        Single {
            min_notice_s: None,
            ..window("20:00", "22:00")
        },
    )];
    let entry = scheduled(&versions, &[(0, "north", "20:00"), (0, "south", "19:59")]);
    assert_eq!(of(&entry).why, Earned::Told(at("20:00")));
    let entry = scheduled(&versions, &[(0, "north", "20:01"), (0, "south", "19:59")]);
    assert!(of(&entry).earned_parts.is_empty());
}

#[test]
fn with_nobody_to_tell_it_must_be_recorded_in_time() {
    let entry = scheduled(&[("15:00", window("20:00", "22:00"))], &[]);
    assert_eq!(
        one_off(&entry, &[], 30, None).unwrap().why,
        Earned::Told(at("15:00"))
    );
    let entry = scheduled(&[("17:00", window("20:00", "22:00"))], &[]);
    assert_eq!(
        one_off(&entry, &[], 30, None).unwrap().why,
        Earned::NotTold(vec![])
    );
}

#[test]
fn an_extension_that_nobody_was_told_of_in_time_earns_no_more() {
    let longer = Single {
        max_downtime_s: Some(3600),
        ..window("20:00", "23:00")
    };
    let first = [(0, "north", "09:00"), (0, "south", "09:00")];
    let entry = scheduled(
        &[
            ("08:00", window("20:00", "22:00")),
            ("21:00", longer.clone()),
        ],
        &first,
    );
    let found = of(&entry);
    assert_eq!(found.span, Span::new(at("20:00"), at("23:00")));
    assert_eq!(earned(&found), ["20:00-22:00 made 08:00"]);
    assert_eq!(found.max_downtime_s, Some(600));
    // Told in time, all of it counts, made anew by the raised allowance.
    let mut told = first.to_vec();
    told.extend([(1, "north", "13:00"), (1, "south", "13:00")]);
    let entry = scheduled(
        &[
            ("08:00", window("20:00", "22:00")),
            ("12:00", longer.clone()),
        ],
        &told,
    );
    assert_eq!(earned(&of(&entry)), ["20:00-23:00 made 12:00"]);
    assert_eq!(of(&entry).max_downtime_s, Some(3600));
    // A longer window with the same allowance keeps the age of what it had.
    let longer = window("20:00", "23:00");
    let entry = scheduled(
        &[("08:00", window("20:00", "22:00")), ("12:00", longer)],
        &told,
    );
    assert_eq!(
        earned(&of(&entry)),
        ["20:00-22:00 made 08:00", "22:00-23:00 made 12:00"]
    );
}

#[test]
fn only_what_every_customer_was_told_counts() {
    let versions = [
        ("08:00", window("20:00", "22:00")),
        ("12:00", window("20:00", "23:00")),
    ];
    let told = [
        (0, "north", "09:00"),
        (0, "south", "09:00"),
        (1, "north", "13:00"),
    ];
    let found = of(&scheduled(&versions, &told));
    assert_eq!(earned(&found), ["20:00-22:00 made 08:00"]);
    assert_eq!(found.why, Earned::Told(at("13:00")));
}

#[test]
fn a_window_moved_elsewhere_earns_only_where_both_lie() {
    let versions = [
        ("08:00", window("20:00", "22:00")),
        ("18:00", window("21:00", "23:00")),
    ];
    let told = [(0, "north", "09:00"), (0, "south", "09:00")];
    assert_eq!(
        earned(&of(&scheduled(&versions, &told))),
        ["21:00-22:00 made 08:00"]
    );
}

#[test]
fn a_window_moved_away_from_what_was_told_earns_nothing() {
    let versions = [
        ("08:00", window("20:00", "22:00")),
        ("18:00", window("22:00", "23:00")),
    ];
    let told = [(0, "north", "09:00"), (0, "south", "09:00")];
    let found = of(&scheduled(&versions, &told));
    assert_eq!(
        (found.why, found.earned_parts.len()),
        (Earned::NotTold(customers()), 0)
    );
}

#[test]
fn ended_early_it_earns_until_then() {
    let versions = [
        ("08:00", window("20:00", "22:00")),
        ("21:00", window("20:00", "21:00")),
    ];
    let told = [(0, "north", "09:00"), (0, "south", "09:00")];
    let found = of(&scheduled(&versions, &told));
    assert_eq!(found.span, Span::new(at("20:00"), at("21:00")));
    assert_eq!(earned(&found), ["20:00-21:00 made 08:00"]);
}

#[test]
fn cancelled_it_earns_nothing() {
    let versions = [("08:00", window("20:00", "22:00"))];
    let told = [(0, "north", "09:00"), (0, "south", "09:00")];
    let mut entry = scheduled(&versions, &told);
    entry.cancelled_at = Some(at("19:00"));
    assert_eq!(
        (of(&entry).why, of(&entry).earned_parts.len()),
        (Earned::Cancelled, 0)
    );
    // Called off when it had begun, it was held until then.
    entry.cancelled_at = Some(at("20:30"));
    assert_eq!(earned(&of(&entry)), ["20:00-20:30 made 08:00"]);
}

#[test]
fn a_window_without_length_is_none() {
    let entry = scheduled(&[("08:00", window("20:00", "20:00"))], &[]);
    assert_eq!(one_off(&entry, &customers(), 30, None), None);
}
