//! The calendar of a ledger that these tests write: times, ids, sequences and the form of lines.

use domain::actor::Actor;
use domain::catalogue::{
    Active, Affects, Committee, Days, End, Flapping, GROUP_WITHIN_S, Kind, Method as Asks, Probe,
    Rule, Single, System,
};
use domain::event::{Event as Fold, Fact};
use domain::id::ProbeId;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Sundays and Wednesdays at 21:00 in Los Angeles, for an hour.
fn rule() -> Rule {
    Rule {
        id: "weekly".to_owned(),
        title: "Weekly update".to_owned(),
        impact: None,
        days: Days::Weekdays(vec![
            jiff::civil::Weekday::Sunday,
            jiff::civil::Weekday::Wednesday,
        ]),
        start: "21:00".parse().unwrap(),
        end: End::After(3600),
        zone: "America/Los_Angeles".to_owned(),
        max_downtime_s: Some(300),
        min_notice_s: None,
        start_grace_s: None,
        agreed: Some("2024-03-01".parse().unwrap()),
        tell: false,
        announce_s: Vec::new(),
    }
}

fn system(id: &str, name: &str, windows: Vec<Rule>) -> System {
    System {
        id: id.into(),
        name: name.to_owned(),
        kind: Kind::Provided,
        committee: "operations".into(),
        policy: None,
        target: None,
        downtime_advice: None,
        flapping: Flapping::USUAL,
        owner: None,
        depends_on: Vec::new(),
        group_within_s: GROUP_WITHIN_S,
        probes: vec![Probe {
            id: ProbeId::of(&id.into(), "main"),
            affects: Affects::Availability,
            customers: std::collections::BTreeSet::new(),
            method: Asks::Active(Active {
                kind: "http".to_owned(),
                interval_ms: 30_000,
                retry_interval_ms: 5_000,
                timeout_ms: 10_000,
                failures: 3,
                recoveries: 2,
            }),
        }],
        windows,
    }
}

fn catalogue(windows: Vec<Rule>) -> Catalogue {
    Catalogue {
        service: "Example HIE".to_owned(),
        zone: "America/New_York".to_owned(),
        vantage: "local".into(),
        committees: vec![Committee {
            id: "operations".into(),
            name: "Operating Committee".to_owned(),
            zone: "America/New_York".to_owned(),
            members: Vec::new(),
            reporting: Default::default(),
        }],
        systems: vec![
            system("portal", "Clinical Portal", windows),
            system("results", "Results; interface", Vec::new()),
        ],
        ..Catalogue::default()
    }
}

fn window(title: &str, start: &str, end: &str) -> Single {
    Single {
        id: "move".into(),
        systems: vec!["portal".into(), "results".into()],
        title: title.to_owned(),
        impact: Some("Sign-in fails, and\r\nresults wait; see \\ below".to_owned()),
        start: at(start),
        end: at(end),
        max_downtime_s: None,
        min_notice_s: None,
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    }
}

/// A ledger with these facts, each at its instant.
fn record(facts: &[(&str, Fact)]) -> Record {
    let mut record = Record::default();
    let created = Fact::LedgerCreated {
        identity: "k3v9q2".to_owned(),
        tzdb: "test".to_owned(),
    };
    let created = ("2026-09-20T12:00:00Z", created);
    for (seq, (when, fact)) in [created].iter().chain(facts).enumerate() {
        let event = Fold {
            at: at(when),
            by: Actor::service(),
            fact: fact.clone(),
        };
        record.apply(seq as u64 + 1, &event);
    }
    record
}

fn configured(windows: Vec<Rule>) -> Fact {
    Fact::Configured {
        catalogue: Box::new(catalogue(windows)),
    }
}

fn scheduled() -> Fact {
    let window = window("Move", "2026-10-20T02:00:00Z", "2026-10-20T04:00:00Z");
    Fact::WindowScheduled { window }
}

fn published(record: &Record) -> String {
    calendar(record, None, Method::Publish)
}

/// The lines of an object, unfolded.
fn lines(calendar: &str) -> Vec<String> {
    let unfolded = calendar.replace("\r\n ", "");
    unfolded.split("\r\n").map(str::to_owned).collect()
}

fn values(calendar: &str, key: &str) -> Vec<String> {
    let lines = lines(calendar).into_iter();
    let found = lines.filter_map(|l| Some(l.strip_prefix(key)?.strip_prefix(':')?.to_owned()));
    found.collect()
}

#[test]
fn a_window_is_an_event_in_utc() {
    let record = record(&[
        ("2026-10-01T12:00:00Z", configured(vec![])),
        ("2026-10-02T12:00:00.5Z", scheduled()),
    ]);
    insta::assert_snapshot!(published(&record).replace("\r\n", "\n"));
}

#[test]
fn each_occurrence_of_a_rule_is_an_event_for_thirteen_months() {
    let record = record(&[("2026-10-01T12:00:00Z", configured(vec![rule()]))]);
    let calendar = published(&record);
    let starts = values(&calendar, "DTSTART");
    // 57 Sundays and 56 Wednesdays to 1 November 2027.
    assert_eq!(starts.len(), 113);
    // Daylight saving time ends on 1 November 2026 in Los Angeles, before 21:00.
    assert_eq!(starts[0], "20261005T040000Z");
    assert!(starts.contains(&"20261029T040000Z".to_owned()));
    assert!(starts.contains(&"20261102T050000Z".to_owned()));
    let ids = values(&calendar, "UID");
    assert_eq!(ids[0], "portal/weekly@2026-10-04@k3v9q2.nines");
    assert_eq!(
        ids.iter().collect::<std::collections::BTreeSet<_>>().len(),
        113
    );
    assert!(!calendar.contains("RRULE"));
    assert_eq!(values(&calendar, "SEQUENCE"), vec!["0"; 113]);
}

#[test]
fn a_changed_rule_raises_the_sequence_and_keeps_the_ids() {
    let longer = Rule {
        end: End::After(7200),
        ..rule()
    };
    let facts = [
        ("2026-10-01T12:00:00Z", configured(vec![rule()])),
        ("2026-10-02T12:00:00Z", configured(vec![longer])),
    ];
    let before = published(&record(&facts[..1]));
    let after = published(&record(&facts));
    assert_eq!(values(&before, "UID"), values(&after, "UID"));
    assert_eq!(values(&after, "SEQUENCE"), vec!["1"; 113]);
    assert_eq!(values(&after, "LAST-MODIFIED")[0], "20261002T120000Z");
    assert_eq!(values(&after, "DTEND")[0], "20261005T060000Z");
}

#[test]
fn a_changed_and_a_cancelled_window_keep_their_id() {
    let changed = Fact::WindowChanged {
        window: window("Move", "2026-10-20T02:00:00Z", "2026-10-20T05:00:00Z"),
        reason: None,
    };
    let cancelled = Fact::WindowCancelled {
        window: "move".into(),
        reason: None,
    };
    let facts = [
        ("2026-10-01T12:00:00Z", configured(vec![rule()])),
        ("2026-10-02T12:00:00Z", scheduled()),
        ("2026-10-03T12:00:00Z", changed),
        ("2026-10-04T12:00:00Z", cancelled),
    ];
    let of = |count: usize| {
        calendar(
            &record(&facts[..count]),
            Some(&"results".into()),
            Method::Publish,
        )
    };
    let mut said = Vec::new();
    for count in 2..=4 {
        let calendar = of(count);
        let keys = [
            "UID",
            "SEQUENCE",
            "STATUS",
            "DTEND",
            "DTSTAMP",
            "LAST-MODIFIED",
        ];
        said.push(keys.map(|key| values(&calendar, key).concat()).join(" "));
    }
    assert_eq!(
        said,
        [
            "move@k3v9q2.nines 0 CONFIRMED 20261020T040000Z 20261002T120000Z 20261002T120000Z",
            "move@k3v9q2.nines 1 CONFIRMED 20261020T050000Z 20261003T120000Z 20261003T120000Z",
            "move@k3v9q2.nines 2 CANCELLED 20261020T050000Z 20261004T120000Z 20261004T120000Z",
        ]
    );
    let removing = calendar(&record(&facts), None, Method::Cancel);
    assert_eq!(values(&removing, "METHOD"), ["CANCEL"]);
    assert_eq!(values(&removing, "UID"), ["move@k3v9q2.nines"]);
    let none = calendar(&record(&facts[..3]), None, Method::Cancel);
    assert!(values(&none, "UID").is_empty());
}

#[test]
fn a_window_stays_for_a_month_after_its_end() {
    let mark = |when| (when, Fact::DayClosed);
    let of = |when| {
        let facts = [
            ("2026-10-01T12:00:00Z", configured(vec![])),
            ("2026-10-02T12:00:00Z", scheduled()),
            mark(when),
        ];
        values(&published(&record(&facts)), "UID").len()
    };
    assert_eq!(of("2026-11-20T03:59:59Z"), 1);
    assert_eq!(of("2026-11-20T04:00:00Z"), 0);
}

#[test]
fn lines_are_short_and_text_cannot_end_one() {
    let title = "Umzug der Datenbank für die Röntgenabteilung 東京\r\nEND:VEVENT\nBEGIN:VALARM\u{7}, ok; \\n";
    let fact = Fact::WindowScheduled {
        window: window(title, "2026-10-20T02:00:00Z", "2026-10-20T04:00:00Z"),
    };
    let record = record(&[
        ("2026-10-01T12:00:00Z", configured(vec![])),
        ("2026-10-02T12:00:00Z", fact),
    ]);
    let calendar = published(&record);
    for line in calendar.split("\r\n") {
        assert!(line.len() <= 75, "{line}");
        assert!(!line.contains(['\r', '\n', '\u{7}']), "{line:?}");
    }
    let begun = calendar.lines().filter(|line| line.starts_with("BEGIN:"));
    assert_eq!(begun.count(), 2);
    assert_eq!(
        values(&calendar, "SUMMARY"),
        [
            "Umzug der Datenbank für die Röntgenabteilung 東京 END:VEVENT BEGIN:VALARM \\, ok\\; \
             \\\\n (Clinical Portal\\, Results\\; interface)"
        ]
    );
    assert_eq!(
        calendar,
        published(&record),
        "the same ledger gives the same bytes"
    );
}
