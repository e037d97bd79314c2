//! The fields of events that are left out where they say nothing, so that no golden file shows
//! them: their stored form stays, too. Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use domain::catalogue::{Days, Flapping};
use domain::event::Fact;
use domain::id::OutageId;
use domain::notice::{Declared, Unstable};
use domain::sample::{Outcome, Reason};
use domain::span::Span;
use jiff::Timestamp;
use jiff::civil::Weekday;

use super::{golden, row};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The golden event of a kind, with `change` made to it.
fn with(kind: &str, change: impl Fn(&mut Fact)) -> Fact {
    let mut all = golden::all().into_iter();
    let (_, mut fact) = all.find(|(name, _)| *name == kind).unwrap();
    change(&mut fact);
    fact
}

/// That the stored form holds `parts`, none of which the golden event has, and is read back.
#[track_caller]
fn stored(kind: &str, fact: &Fact, parts: &[&str]) {
    let (_, plain) = row::split(&with(kind, |_| ())).unwrap();
    let (word, data) = row::split(fact).unwrap();
    for part in parts {
        assert!(data.contains(part), "{part} is not in {data}");
        assert!(!plain.contains(part), "{part} is in {plain}");
    }
    assert_eq!(row::join(&word, &data).unwrap(), *fact);
}

#[test]
fn fields_that_may_be_left_out_stay_what_they_are() {
    let earlier = [
        r#","counts_from":"2026-11-01T05:00:00Z""#,
        r#","approved_by":"kim""#,
    ];
    for kind in ["CustomerNotified", "IncidentAcknowledged"] {
        let fact = with(kind, |fact| match fact {
            Fact::CustomerNotified {
                counts_from,
                approved_by,
                ..
            }
            | Fact::IncidentAcknowledged {
                counts_from,
                approved_by,
                ..
            } => {
                *counts_from = Some(at("2026-11-01T05:00:00Z"));
                *approved_by = Some("kim".into());
            }
            other => panic!("{other:?}"),
        });
        stored(kind, &fact, &earlier);
    }
    let ended = with("DeliveryEnded", |fact| match fact {
        Fact::DeliveryEnded {
            unreached,
            once_more,
            ..
        } => (*unreached, *once_more) = (true, true),
        other => panic!("{other:?}"),
    });
    let lost = [r#","unreached":true"#, r#","once_more":true"#];
    stored("DeliveryEnded", &ended, &lost);
    let configured = with("Configured", |fact| match fact {
        Fact::Configured { catalogue } => {
            catalogue.systems[0].flapping = Flapping {
                limit: 4,
                hold_s: 1800,
            };
        }
        other => panic!("{other:?}"),
    });
    let flapping = r#","flapping":{"limit":4,"hold_s":1800}"#;
    stored("Configured", &configured, &[flapping]);
}

#[test]
fn what_only_some_notices_say_stays_what_it_is() {
    for (declared, word) in [
        (Declared::Wholly, r#","declared":"wholly""#),
        (Declared::Partly, r#","declared":"partly""#),
    ] {
        let queued = with("NoticeQueued", |fact| match fact {
            Fact::NoticeQueued { notice } => {
                let affected = &mut notice.affected[0];
                affected.joined = vec![OutageId(7), OutageId(8)];
                affected.declared = Some(declared);
                affected.unstable = Some(Unstable {
                    outages: vec![OutageId(7)],
                    since: at("2026-11-01T05:00:00Z"),
                    hold_s: 900,
                });
                let work = notice.work.as_mut().unwrap();
                work.before = Some(Span::new(
                    at("2026-11-01T05:00:00Z"),
                    at("2026-11-01T05:30:00Z"),
                ));
                work.month_allowance_s = Some(14_400);
            }
            other => panic!("{other:?}"),
        });
        let parts = [
            r#","joined":[7,8]"#,
            word,
            r#","unstable":{"outages":[7],"since":"2026-11-01T05:00:00Z","hold_s":900}"#,
            r#","before":{"from":"2026-11-01T05:00:00Z","to":"2026-11-01T05:30:00Z"}"#,
            r#","month_allowance_s":14400"#,
        ];
        stored("NoticeQueued", &queued, &parts);
    }
}

#[test]
fn the_words_of_weekdays_are_those_that_were_stored() {
    let first = |fact: &mut Fact, days: Days| match fact {
        Fact::Configured { catalogue } => {
            let mut systems = catalogue.systems.iter_mut();
            systems.find_map(|s| s.windows.first_mut()).unwrap().days = days;
        }
        other => panic!("{other:?}"),
    };
    let week = Weekday::Monday.cycle_forward().take(7);
    let week: Vec<Weekday> = week.collect();
    let configured = with("Configured", |fact| {
        first(fact, Days::Weekdays(week.clone()));
    });
    let all = r#"["mon","tue","wed","thu","fri","sat","sun"]"#;
    stored("Configured", &configured, &[all]);
    let words = "mon tue wed thu fri sat sun".split(' ');
    for (weekday, word) in week.into_iter().zip(words) {
        let configured = with("Configured", |fact| {
            first(fact, Days::Nth { nth: 3, weekday });
        });
        let part = format!(r#""nth":3,"weekday":"{word}""#);
        stored("Configured", &configured, &[&part]);
    }
}

#[test]
fn the_words_of_outcomes_reasons_and_kinds_are_those_that_were_stored() {
    let outcomes = [
        Outcome::Up,
        Outcome::Degraded,
        Outcome::Down,
        Outcome::Inconclusive,
    ];
    assert_eq!(
        outcomes.map(Outcome::word),
        ["up", "degraded", "down", "inconclusive"]
    );
    let reasons = "dns refused unreachable timeout tls certificate status body protocol redirect \
                   slow expiring stale monitor";
    let known: Vec<_> = reasons.split_whitespace().collect();
    assert_eq!(Reason::ALL.map(Reason::word).as_slice(), known);
    let kinds = "downtime uptime maintenance-scheduled maintenance-changed maintenance-cancelled \
                 maintenance-started maintenance-completed maintenance-overrun";
    let known: Vec<_> = kinds.split_whitespace().collect();
    let all = domain::notice::Kind::ALL.map(domain::notice::Kind::word);
    assert_eq!(all.as_slice(), known);
}
