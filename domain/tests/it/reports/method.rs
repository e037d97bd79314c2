//! The method section describes each choice of an agreement.

use crate::service::{Service, catalogue, system, weekdays};
use domain::catalogue::System;
use domain::policy::{Hours, Policy};
use domain::report::monthly;
use expect_test::{Expect, expect};

fn hours(days: &[i8], open: &str, close: &str) -> Hours {
    let (open, close) = (open.parse().unwrap(), close.parse().unwrap());
    Hours::on(
        weekdays(days.iter().copied()),
        open,
        close,
        "America/New_York",
    )
}

#[track_caller]
fn says(change: impl FnOnce(&mut Policy), expected: Expect) {
    let mut policy = crate::service::policy("p", None);
    change(&mut policy);
    let mut all = catalogue(vec![System {
        policy: Some("p".into()),
        ..system("a")
    }]);
    all.policies = vec![policy];
    let mut service = Service::with("2026-10-01T00:00:00Z", all);
    service.draw(0, &[("a/p", "UUUU")]);
    let report = monthly(&service.record, "ops", "2026-10".parse().unwrap(), "00").unwrap();
    let [choice] = &report.method.choices[..] else {
        panic!("{:#?}", report.method.choices);
    };
    expected.assert_eq(&choice.texts.join("\n"));
}

#[test]
fn an_agreement_that_chooses_nothing_says_what_that_means() {
    says(
        |_| {},
        expect![[r#"
            All hours are agreed time.
            Unknown time is neither up nor down.
            Degraded time counts as up.
            Outages of any length count.
            Measured time decides if coverage is at least 99.0 %."#]],
    );
}

#[test]
fn every_choice_is_said() {
    says(
        |p| {
            p.service_hours = Some(hours(&[0, 1, 2, 3, 4], "07:00", "19:00"));
            p.unknown_is_down = true;
            p.degraded_is_down = true;
            p.ignore_shorter_s = 60;
            p.min_coverage_ppm = 950_000;
            p.monthly_allowance_s = Some(8 * 3_600);
            p.planned_hours = Some(hours(&[2, 6], "21:00", "00:00"));
        },
        expect![[r#"
            Agreed time: Mon–Fri 07:00–19:00 (America/New_York).
            Unknown time counts as down.
            Degraded time counts as down.
            Outages shorter than 1 min are excluded.
            Measured time decides if coverage is at least 95.0 %.
            At most 8 h of planned time per system and month.
            Maintenance counts as planned only within: Wed 21:00–24:00, Sun 21:00–24:00 (America/New_York)."#]],
    );
}

#[test]
fn hours_that_leave_none_out_are_all_hours() {
    let always = || Some(hours(&[0, 1, 2, 3, 4, 5, 6], "00:00", "00:00"));
    says(
        |p| {
            p.service_hours = always();
            p.planned_hours = always();
        },
        expect![[r#"
            All hours are agreed time.
            Unknown time is neither up nor down.
            Degraded time counts as up.
            Outages of any length count.
            Measured time decides if coverage is at least 99.0 %."#]],
    );
    // A day that is missing, or an hour, is not.
    says(
        |p| {
            p.service_hours = Some(hours(&[0, 1, 2, 3, 4, 5], "00:00", "00:00"));
            p.planned_hours = Some(hours(&[0, 1, 2, 3, 4, 5, 6], "21:00", "06:00"));
        },
        expect![[r#"
            Agreed time: Mon–Sat 00:00–24:00 (America/New_York).
            Unknown time is neither up nor down.
            Degraded time counts as up.
            Outages of any length count.
            Measured time decides if coverage is at least 99.0 %.
            Maintenance counts as planned only within: Mon–Sun 21:00–06:00 (America/New_York)."#]],
    );
}
