//! The service desk: which calls count, when the objective is met, and what an import replaces.

use crate::service::{Service, at, catalogue, system};
use domain::act::Act;
use domain::catalogue::{Catalogue, System};
use domain::desk::{self, Call, Counts, Day, Import};
use domain::policy::{Commitments, Desk, DeskHours, Holiday, Hours, Policy};
use domain::report::{DeskLine, DeskVerdict, monthly};
use jiff::Timestamp;
use jiff::civil::{Date, Weekday, date, time};

const OBJECTIVE: Desk = Desk {
    answer_within_s: 120,
    share_ppm: 850_000,
    hours: DeskHours::Business,
};

/// Monday to Friday, 07:00 to 19:00 in New York.
fn hours() -> Hours {
    let (open, close) = (time(7, 0, 0, 0), time(19, 0, 0, 0));
    Hours {
        holidays: vec![Holiday::UsFederal],
        ..Hours::on(
            Weekday::Monday.cycle_forward().take(5),
            open,
            close,
            "America/New_York",
        )
    }
}

fn with_desk() -> Catalogue {
    let policy = Policy {
        id: "help".into(),
        name: "Help".to_owned(),
        target: None,
        unknown_is_down: false,
        degraded_is_down: false,
        ignore_shorter_s: 0,
        min_coverage_ppm: 990_000,
        monthly_allowance_s: None,
        min_notice_s: None,
        service_hours: None,
        planned_hours: None,
        commitments: Commitments {
            business_hours: Some(hours()),
            desk: Some(OBJECTIVE),
            ..Commitments::default()
        },
    };
    let system = System {
        policy: Some("help".into()),
        ..system("a")
    };
    Catalogue {
        policies: vec![policy],
        ..catalogue(vec![system])
    }
}

fn service() -> Service {
    Service::with("2026-07-01T00:00:00Z", with_desk())
}

fn import(sha256: &str, days: Vec<Day>) -> Act {
    Act::ImportDesk {
        policy: None,
        file: "calls.csv".to_owned(),
        import: Some(Import {
            sha256: sha256.to_owned(),
            answer_within_s: 120,
            days,
        }),
    }
}

fn day(date: Date, calls: u32, within: u32) -> Day {
    let in_hours = Counts {
        calls,
        answered: calls,
        within,
        abandoned: 0,
    };
    Day {
        date,
        in_hours,
        out_of_hours: Counts::default(),
    }
}

fn line(service: &Service) -> DeskLine {
    let report = monthly(&service.record, "ops", "2026-07".parse().unwrap(), "00").unwrap();
    report.desk[0].clone()
}

/// The line after an import of one day.
fn judged(calls: u32, within: u32) -> (DeskVerdict, Option<String>) {
    let mut service = service();
    let act = import("1", vec![day(date(2026, 7, 6), calls, within)]);
    let done = service.act(at("2026-07-20T00:00:00Z"), "kim", act);
    done.unwrap();
    let line = line(&service);
    (line.verdict, line.share)
}

#[test]
fn a_call_counts_if_it_comes_in_business_hours_and_is_in_time_if_answered_within_120_s() {
    let call = |local: &str, answered_after_s| Call {
        at: format!("{local}-04:00").parse::<Timestamp>().unwrap(),
        answered_after_s,
    };
    let calls = [
        call("2026-07-06T06:59:59", Some(10)),
        call("2026-07-06T07:00:00", Some(120)),
        call("2026-07-06T12:00:00", Some(121)),
        call("2026-07-06T18:59:59", None),
        call("2026-07-06T19:00:00", None),
        // The observed holiday, and shortly before midnight of a Saturday.
        call("2026-07-03T10:00:00", Some(10)),
        call("2026-07-04T23:59:59", Some(10)),
    ];
    let zone = domain::calendar::zone("America/New_York").unwrap();
    let days = desk::count(&calls, OBJECTIVE, Some(&hours()), &zone).unwrap();
    let counts = |calls, answered, within, abandoned| Counts {
        calls,
        answered,
        within,
        abandoned,
    };
    let none = Counts::default();
    let one = counts(1, 1, 1, 0);
    let day = |date, in_hours, out_of_hours| Day {
        date,
        in_hours,
        out_of_hours,
    };
    let expected = [
        day(date(2026, 7, 3), none, one),
        day(date(2026, 7, 4), none, one),
        day(date(2026, 7, 6), counts(3, 2, 1, 1), counts(2, 1, 1, 1)),
    ];
    assert_eq!(days, expected);
}

#[test]
fn the_objective_is_compared_exactly() {
    let share = |text: &str| Some(text.to_owned());
    assert_eq!(judged(1_000, 849), (DeskVerdict::Missed, share("84.900")));
    assert_eq!(judged(20, 17), (DeskVerdict::Met, share("85.000")));
    // Printed as the target, and a little below it.
    assert_eq!(
        judged(3_999_999, 3_399_999),
        (DeskVerdict::Missed, share("84.999"))
    );
    assert_eq!(judged(1, 1), (DeskVerdict::Met, share("100.000")));
}

#[test]
fn without_a_call_in_hours_there_is_no_verdict() {
    let mut service = service();
    assert_eq!(line(&service).verdict, DeskVerdict::NoCalls);
    assert_eq!(line(&service).days_without_calls, []);
    let outside = Day {
        date: date(2026, 7, 4),
        in_hours: Counts::default(),
        out_of_hours: day(date(2026, 7, 4), 2, 2).in_hours,
    };
    service
        .act(
            at("2026-07-07T00:00:00Z"),
            "kim",
            import("1", vec![outside]),
        )
        .unwrap();
    let line = line(&service);
    assert_eq!((line.verdict, line.share), (DeskVerdict::NoCalls, None));
    assert_eq!(line.out_of_hours_calls, 2);
    // The 3rd is a holiday. The hours of the 6th are over at 23:00 UTC.
    assert_eq!(
        line.days_without_calls,
        [date(2026, 7, 1), date(2026, 7, 2), date(2026, 7, 6)]
    );
}

#[test]
fn a_later_file_replaces_the_days_that_it_has() {
    let mut service = service();
    let (monday, tuesday) = (date(2026, 7, 6), date(2026, 7, 7));
    let first = import("1", vec![day(monday, 10, 1), day(tuesday, 10, 10)]);
    let second = import("2", vec![day(monday, 10, 8)]);
    for act in [first, second] {
        service.act(at("2026-07-20T00:00:00Z"), "kim", act).unwrap();
    }
    let line = line(&service);
    assert_eq!((line.calls, line.answered_within), (20, 18));
    let files: Vec<&str> = line.files.iter().map(|file| file.sha256.as_str()).collect();
    assert_eq!(files, ["1", "2"]);
}

#[test]
fn an_import_that_cannot_be_right_is_refused() {
    let mut service = service();
    let monday = date(2026, 7, 6);
    let at = at("2026-07-20T12:00:00Z");
    service
        .act(at, "kim", import("1", vec![day(monday, 10, 9)]))
        .unwrap();
    let wrong = Counts {
        calls: 3,
        answered: 1,
        within: 2,
        abandoned: 1,
    };
    let contradicts = Day {
        in_hours: wrong,
        ..day(monday, 1, 1)
    };
    for (act, why) in [
        (
            import("1", vec![day(monday, 10, 9)]),
            "this file was imported at 2026-07-20 12:00:00 UTC by kim as calls.csv",
        ),
        (import("2", Vec::new()), "calls.csv has no call"),
        (import("2", vec![contradicts]), "contradict each other"),
        (
            import("2", vec![day(monday, 1, 1), day(monday, 1, 1)]),
            "contradict each other",
        ),
        (
            import("2", vec![day(date(2026, 7, 21), 1, 1)]),
            "in the future",
        ),
    ] {
        let refusal = service.act(at, "kim", act).unwrap_err().to_string();
        assert!(refusal.contains(why), "{refusal}");
    }
    service.configure(at, catalogue(vec![system("a")]));
    let refusal = service
        .act(at, "kim", import("3", vec![day(monday, 1, 1)]))
        .unwrap_err();
    assert!(refusal.to_string().contains("add `[desk]`"), "{refusal}");
}
