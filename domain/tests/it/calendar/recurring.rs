//! Recurring windows: when they occur, and what is earned as a rule changes.

use crate::service::weekdays;
use domain::catalogue::{Days, End, LAST_DAY, Rule};
use domain::id::SystemId;
use domain::policy::Hours;
use domain::span::Span;
use domain::windows::{Earned, Occurrence, RuleVersion, occurrences, recurring};
use jiff::Timestamp;
use jiff::civil::{Weekday, date, time};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn span(from: &str, to: &str) -> Span {
    Span::new(at(from), at(to))
}

/// Every Sunday and Wednesday at 21:00 Pacific for an hour, five minutes of downtime.
fn weekly() -> Rule {
    Rule {
        id: "weekly".into(),
        title: "Weekly application update".into(),
        impact: None,
        days: Days::Weekdays(vec![Weekday::Sunday, Weekday::Wednesday]),
        start: time(21, 0, 0, 0),
        end: End::After(3600),
        zone: "America/Los_Angeles".into(),
        max_downtime_s: Some(300),
        min_notice_s: None,
        start_grace_s: None,
        agreed: None,
        tell: false,
        announce_s: Vec::new(),
    }
}

fn entry(rule: Rule, entered: &str, left: Option<&str>) -> RuleVersion {
    RuleVersion {
        rule,
        entered_at: at(entered),
        left_at: left.map(at),
    }
}

fn portal() -> SystemId {
    SystemId::from("portal")
}

fn october() -> Span {
    span("2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z")
}

fn windows(entries: &[RuleVersion], over: Span) -> Vec<Occurrence> {
    recurring(entries, &portal(), 30, None, over)
}

/// The parts that earn, as text.
fn earned(window: &Occurrence) -> Vec<String> {
    let parts = window.earned_parts.iter();
    parts
        .map(|p| format!("{} {} made {}", p.span.from, p.span.to, p.made_at))
        .collect()
}

fn dates(rule: &Rule, over: Span) -> Vec<String> {
    let found = occurrences(rule, &portal(), over);
    found
        .into_iter()
        .map(|(id, _)| id.as_str().rsplit('@').next().unwrap().to_owned())
        .collect()
}

#[test]
fn days_are_weekdays_nth_weekdays_days_of_the_month_or_dates() {
    let with = |days: Days| Rule { days, ..weekly() };
    assert_eq!(
        dates(&weekly(), october()),
        [
            "2026-09-30",
            "2026-10-04",
            "2026-10-07",
            "2026-10-11",
            "2026-10-14",
            "2026-10-18",
            "2026-10-21",
            "2026-10-25",
            "2026-10-28"
        ]
    );
    let first = with(Days::NthWeekday {
        nth: 1,
        weekday: Weekday::Sunday,
    });
    assert_eq!(dates(&first, october()), ["2026-10-04"]);
    let last = with(Days::NthWeekday {
        nth: -1,
        weekday: Weekday::Saturday,
    });
    let halloween = span("2026-10-10T00:00:00Z", "2026-11-02T00:00:00Z");
    assert_eq!(dates(&last, halloween), ["2026-10-31"]);
    let fifth = with(Days::NthWeekday {
        nth: 5,
        weekday: Weekday::Friday,
    });
    let quarter = span("2026-10-01T00:00:00Z", "2027-01-02T00:00:00Z");
    assert_eq!(dates(&fifth, quarter), ["2026-10-30"]);
    let late = with(Days::DaysOfMonth(vec![1, 31]));
    assert_eq!(
        dates(&late, quarter),
        [
            "2026-10-01",
            "2026-10-31",
            "2026-11-01",
            "2026-12-01",
            "2026-12-31"
        ]
    );
    let named = with(Days::Dates(vec![date(2026, 10, 9), date(2026, 12, 25)]));
    assert_eq!(dates(&named, october()), ["2026-10-09"]);
}

#[test]
fn the_last_day_of_a_month_is_the_28th_29th_30th_or_31st() {
    let on = |days| Rule {
        days: Days::DaysOfMonth(days),
        ..weekly()
    };
    let last = on(vec![LAST_DAY]);
    let common = span("2027-01-15T00:00:00Z", "2027-05-15T00:00:00Z");
    let days = ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"];
    assert_eq!(dates(&last, common), days);
    let leap = span("2028-02-15T00:00:00Z", "2028-03-15T00:00:00Z");
    assert_eq!(dates(&last, leap), ["2028-02-29"]);
    // A day that is also the last one occurs once.
    let both = on(vec![30, LAST_DAY]);
    let spring = span("2027-03-15T00:00:00Z", "2027-05-15T00:00:00Z");
    let days = ["2027-03-30", "2027-03-31", "2027-04-30"];
    assert_eq!(dates(&both, spring), days);
    // The month ends in the rule's zone: in New York it is still the 30th at 01:00 UTC on May 1.
    let late = Rule {
        start: time(23, 30, 0, 0),
        end: End::After(7_200),
        zone: "America/New_York".into(),
        ..on(vec![LAST_DAY])
    };
    let may = span("2027-05-01T01:00:00Z", "2027-05-02T00:00:00Z");
    let [(id, found)] = &occurrences(&late, &portal(), may)[..] else {
        panic!("one occurrence is expected");
    };
    assert!(id.as_str().ends_with("@2027-04-30"), "{id}");
    assert_eq!(*found, span("2027-05-01T03:30:00Z", "2027-05-01T05:30:00Z"));
}

#[test]
fn an_occurrence_that_began_before_the_span_and_reaches_into_it_is_one_of_its_own() {
    let rule = Rule {
        days: Days::Dates(vec![date(2026, 10, 1)]),
        end: End::After(9 * 86_400),
        ..weekly()
    };
    let late = span("2026-10-10T12:00:00Z", "2026-10-11T00:00:00Z");
    assert_eq!(dates(&rule, late), ["2026-10-01"]);
    let later = span("2026-10-11T12:00:00Z", "2026-10-12T00:00:00Z");
    assert!(dates(&rule, later).is_empty());
    let nowhere = Rule {
        zone: "Nowhere".into(),
        ..rule
    };
    assert!(dates(&nowhere, late).is_empty());
}

#[test]
fn a_local_end_is_the_same_day_or_the_next() {
    let of = |end| {
        let rule = Rule {
            end: End::Local(end),
            ..weekly()
        };
        occurrences(
            &rule,
            &portal(),
            span("2026-10-08T05:00:00Z", "2026-10-08T05:10:00Z"),
        )[0]
        .1
    };
    assert_eq!(
        of(time(23, 30, 0, 0)),
        span("2026-10-08T04:00:00Z", "2026-10-08T06:30:00Z")
    );
    assert_eq!(
        of(time(1, 0, 0, 0)),
        span("2026-10-08T04:00:00Z", "2026-10-08T08:00:00Z")
    );
    assert_eq!(
        of(time(21, 0, 0, 0)),
        span("2026-10-08T04:00:00Z", "2026-10-09T04:00:00Z")
    );
}

#[test]
fn an_agreed_rule_earns_from_the_date_of_the_agreement() {
    let rule = Rule {
        agreed: Some(date(2026, 10, 7)),
        ..weekly()
    };
    let found = windows(&[entry(rule, "2026-10-03T00:00:00Z", None)], october());
    let why: Vec<_> = found.iter().map(|w| (w.id.as_str(), &w.why)).collect();
    assert_eq!(why[0], ("portal/weekly@2026-10-04", &Earned::TooLate));
    assert_eq!(
        why[1],
        (
            "portal/weekly@2026-10-07",
            &Earned::Agreed(date(2026, 10, 7))
        )
    );
    assert!(found[0].earned_parts.is_empty());
    assert_eq!(
        earned(&found[1]),
        ["2026-10-08T04:00:00Z 2026-10-08T05:00:00Z made 2026-10-03T00:00:00Z"]
    );
    assert_eq!(
        (found[1].max_downtime_s, found[1].start_grace_s),
        (Some(300), 30)
    );
}

#[test]
fn without_an_agreement_a_rule_must_have_stood_for_its_notice() {
    let entered = "2026-10-01T05:00:00Z";
    let found = windows(&[entry(weekly(), entered, None)], october());
    let too_late = |w: &Occurrence| w.why == Earned::TooLate;
    // Seven days: the fourth is too early, the eighth at 04:00 UTC still is by an hour.
    assert!(too_late(&found[0]) && too_late(&found[1]) && !too_late(&found[2]));
    assert_eq!(found[2].why, Earned::Known(at(entered)));
    // A notice of its own; exactly in time is in time.
    let rule = Rule {
        min_notice_s: Some(604_800 - 3600),
        ..weekly()
    };
    let found = windows(&[entry(rule, entered, None)], october());
    assert!(too_late(&found[0]) && !too_late(&found[1]));
}

#[test]
fn a_change_earns_only_what_the_older_version_did_until_it_is_earned_itself() {
    let wider = Rule {
        end: End::After(7200),
        max_downtime_s: Some(1800),
        ..weekly()
    };
    let entries = [
        entry(
            weekly(),
            "2026-01-01T00:00:00Z",
            Some("2026-10-06T00:00:00Z"),
        ),
        entry(wider, "2026-10-06T00:00:00Z", None),
    ];
    let found = windows(
        &entries,
        span("2026-10-07T12:00:00Z", "2026-10-16T00:00:00Z"),
    );
    // The next day: held for two hours, earned for one and for five minutes.
    assert_eq!(
        found[0].span,
        span("2026-10-08T04:00:00Z", "2026-10-08T06:00:00Z")
    );
    assert_eq!(
        earned(&found[0]),
        ["2026-10-08T04:00:00Z 2026-10-08T05:00:00Z made 2026-01-01T00:00:00Z"]
    );
    assert_eq!(found[0].max_downtime_s, Some(300));
    assert_eq!(found[0].why, Earned::Known(at("2026-01-01T00:00:00Z")));
    // A week later: all of it, and the raised allowance makes it the newer version's.
    let last = found.last().unwrap();
    assert_eq!(last.span.from, at("2026-10-15T04:00:00Z"));
    assert_eq!(
        earned(last),
        ["2026-10-15T04:00:00Z 2026-10-15T06:00:00Z made 2026-10-06T00:00:00Z"]
    );
    assert_eq!(last.max_downtime_s, Some(1800));
}

#[test]
fn a_change_of_words_leaves_a_window_as_old_as_it_was() {
    let renamed = Rule {
        title: "Update".into(),
        ..weekly()
    };
    let entries = [
        entry(
            weekly(),
            "2026-01-01T00:00:00Z",
            Some("2026-10-08T03:59:00Z"),
        ),
        entry(renamed, "2026-10-08T03:59:00Z", None),
    ];
    let found = windows(
        &entries,
        span("2026-10-08T04:00:00Z", "2026-10-08T05:00:00Z"),
    );
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].title, "Update");
    assert_eq!(
        earned(&found[0]),
        ["2026-10-08T04:00:00Z 2026-10-08T05:00:00Z made 2026-01-01T00:00:00Z"]
    );
}

#[test]
fn an_agreed_widening_is_made_when_it_was_entered() {
    let agreed = Rule {
        agreed: Some(date(2026, 1, 1)),
        ..weekly()
    };
    let wider = Rule {
        end: End::After(7200),
        ..agreed.clone()
    };
    let entries = [
        entry(agreed, "2026-01-01T00:00:00Z", Some("2026-10-08T03:00:00Z")),
        entry(wider, "2026-10-08T03:00:00Z", None),
    ];
    let found = windows(
        &entries,
        span("2026-10-08T04:00:00Z", "2026-10-08T05:00:00Z"),
    );
    assert_eq!(
        earned(&found[0]),
        [
            "2026-10-08T04:00:00Z 2026-10-08T05:00:00Z made 2026-01-01T00:00:00Z",
            "2026-10-08T05:00:00Z 2026-10-08T06:00:00Z made 2026-10-08T03:00:00Z",
        ]
    );
}

#[test]
fn a_change_in_the_midst_of_an_occurrence_moves_its_end_and_earns_no_more() {
    let agreed = Rule {
        agreed: Some(date(2026, 1, 1)),
        ..weekly()
    };
    let wider = Rule {
        end: End::After(7200),
        max_downtime_s: None,
        ..agreed.clone()
    };
    let night = span("2026-10-08T04:00:00Z", "2026-10-08T07:00:00Z");
    let widened = [
        entry(
            agreed.clone(),
            "2026-01-01T00:00:00Z",
            Some("2026-10-08T04:30:00Z"),
        ),
        entry(wider, "2026-10-08T04:30:00Z", None),
    ];
    let found = windows(&widened, night);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].span,
        span("2026-10-08T04:00:00Z", "2026-10-08T06:00:00Z")
    );
    assert_eq!(
        earned(&found[0]),
        ["2026-10-08T04:00:00Z 2026-10-08T05:00:00Z made 2026-01-01T00:00:00Z"]
    );
    assert_eq!(found[0].max_downtime_s, Some(300));
    // Removed in its midst it ends there.
    let removed = [entry(
        agreed,
        "2026-01-01T00:00:00Z",
        Some("2026-10-08T04:30:00Z"),
    )];
    let found = windows(&removed, night);
    assert_eq!(
        found[0].span,
        span("2026-10-08T04:00:00Z", "2026-10-08T04:30:00Z")
    );
    assert_eq!(
        earned(&found[0]),
        ["2026-10-08T04:00:00Z 2026-10-08T04:30:00Z made 2026-01-01T00:00:00Z"]
    );
}

#[test]
fn an_agreed_rule_entered_in_the_midst_of_an_occurrence_is_made_then() {
    let rule = Rule {
        agreed: Some(date(2026, 1, 1)),
        ..weekly()
    };
    let found = windows(
        &[entry(rule, "2026-10-08T04:30:00Z", None)],
        span("2026-10-08T04:00:00Z", "2026-10-08T05:00:00Z"),
    );
    assert_eq!(
        earned(&found[0]),
        ["2026-10-08T04:00:00Z 2026-10-08T05:00:00Z made 2026-10-08T04:30:00Z"]
    );
}

#[test]
fn a_rule_that_was_away_is_new_when_it_comes_back() {
    let entries = [
        entry(
            weekly(),
            "2026-01-01T00:00:00Z",
            Some("2026-09-01T00:00:00Z"),
        ),
        entry(weekly(), "2026-10-06T00:00:00Z", None),
    ];
    let found = windows(
        &entries,
        span("2026-10-08T04:00:00Z", "2026-10-08T05:00:00Z"),
    );
    assert_eq!(found[0].why, Earned::TooLate);
}

#[test]
fn time_outside_the_policys_hours_earns_nothing() {
    // Only until half past nine in the evening, Pacific.
    let opens = time(20, 0, 0, 0);
    let hours = |day, close| Hours::on(weekdays([day]), opens, close, "America/Los_Angeles");
    let entries = [entry(weekly(), "2026-01-01T00:00:00Z", None)];
    let over = span("2026-10-08T04:00:00Z", "2026-10-08T05:00:00Z");
    let planned = hours(2, time(21, 30, 0, 0));
    let found = recurring(&entries, &portal(), 30, Some(&planned), over);
    assert_eq!(
        earned(&found[0]),
        ["2026-10-08T04:00:00Z 2026-10-08T04:30:00Z made 2026-01-01T00:00:00Z"]
    );
    let planned = hours(3, time(21, 30, 0, 0));
    let found = recurring(&entries, &portal(), 30, Some(&planned), over);
    assert_eq!(
        (found[0].why.clone(), found[0].earned_parts.len()),
        (Earned::OutsideHours, 0)
    );
    let nowhere = Hours::on(weekdays([3]), opens, time(21, 30, 0, 0), "Nowhere");
    let found = recurring(&entries, &portal(), 30, Some(&nowhere), over);
    assert!(found[0].earned_parts.is_empty());
}

#[test]
fn a_rule_moved_to_another_day_comes_too_late_for_it() {
    let moved = Rule {
        days: Days::Weekdays(vec![Weekday::Thursday]),
        ..weekly()
    };
    let entries = [
        entry(
            weekly(),
            "2026-01-01T00:00:00Z",
            Some("2026-10-06T00:00:00Z"),
        ),
        entry(moved, "2026-10-06T00:00:00Z", None),
    ];
    let week = span("2026-10-06T00:00:00Z", "2026-10-12T00:00:00Z");
    let found = windows(&entries, week);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id.as_str(), "portal/weekly@2026-10-08");
    assert_eq!(
        (found[0].why.clone(), found[0].earned_parts.len()),
        (Earned::TooLate, 0)
    );
}
