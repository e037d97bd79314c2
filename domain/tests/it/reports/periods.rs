//! Reports of other periods than a month, and acts that lie outside the period.

use crate::service::{Service, at, system};
use domain::act::Act;
use domain::policy::Target;
use domain::report::{Period, Report, over};
use jiff::Timestamp;

const ORIGIN: &str = "2026-09-20T00:00:00Z";

fn of(service: &Service, from: &str, to: &str) -> Report {
    let days = Period::Days(from.parse().unwrap(), to.parse().unwrap());
    over(&service.record, "ops", days, "00").unwrap()
}

fn declared(from: Timestamp, to: Timestamp) -> Act {
    Act::DeclareOutage {
        system: "a".into(),
        from,
        to: Some(to),
        evidence: "call 17".into(),
    }
}

fn fault(from: Timestamp, to: Timestamp) -> Act {
    Act::MonitorFault {
        system: "a".into(),
        from,
        to,
        evidence: "our line was cut".into(),
        approved_by: "ann".into(),
    }
}

#[test]
fn an_explanation_lists_no_act_about_a_time_outside_the_period() {
    let mut service = Service::new(ORIGIN, vec![system("a")]);
    let day = |text: &str| at(&format!("2026-{text}:00Z"));
    service
        .act(
            day("10-20T00:00"),
            "kim",
            declared(day("09-22T10:00"), day("09-22T11:00")),
        )
        .unwrap();
    service
        .act(
            day("10-20T00:01"),
            "kim",
            fault(day("09-22T12:00"), day("09-22T13:00")),
        )
        .unwrap();
    service
        .act(
            day("10-20T00:02"),
            "kim",
            declared(day("10-04T10:00"), day("10-04T11:00")),
        )
        .unwrap();
    service
        .act(
            day("10-20T00:03"),
            "kim",
            fault(day("10-04T12:00"), day("10-04T13:00")),
        )
        .unwrap();
    let acts = |report: &Report| -> Vec<String> {
        let acts = report.explained().evidence.acts.iter();
        acts.map(|act| act.what.replace('\u{a0}', " ")).collect()
    };
    assert_eq!(
        acts(&of(&service, "2026-10-01", "2026-10-15")),
        [
            "Declared O-2 from 2026-10-04 10:00:00 UTC, to 2026-10-04 11:00:00 UTC; evidence: call 17",
            "Declared a monitor fault from 2026-10-04 12:00:00 UTC to 2026-10-04 13:00:00 UTC; evidence: our line was cut",
        ]
    );
    assert_eq!(acts(&of(&service, "2026-09-20", "2026-10-15")).len(), 4);
}

#[test]
fn a_report_of_other_days_says_period_and_never_this_month() {
    let mut a = system("a");
    a.target = Some(Target { ppm: 999_999 });
    let mut service = Service::new(ORIGIN, vec![a]);
    service.draw(0, &[("a/p", "UUUUDDDDDDUUUU")]);
    let report = of(&service, "2026-09-20", "2026-10-01");
    assert!(report.so_far);
    let headline = report.headline.replace('\u{a0}', " ");
    assert!(
        headline.contains("has exceeded the period’s budget of"),
        "{headline}"
    );
    for rule in &report.method.rules {
        let text = rule
            .text
            .replace("the month in which the first day lies", "");
        assert!(!text.contains("month"), "{}: {}", rule.word, rule.text);
    }
}
