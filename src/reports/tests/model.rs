//! The model of a month, `domain::report`, over the record that the pages are tested with.

use std::sync::Arc;

use domain::catalogue::{Catalogue, Committee};
use domain::event::Delivery;
use domain::id::{IncidentId, OutageId, SystemId};
use domain::notice::{Address, Kind};
use domain::record::{Exclusion, Outage, Record};
use domain::report::{
    Error, IncidentLine, Mark, MeasureState, OutageLine, RepeatKind, Report, SystemLine, Telling,
    Verdict, monthly,
};
use domain::span::Span;

use super::Format;
use super::sample::{at, deliver, message, october, october_with};

fn of(record: &Record, committee: &str, month: &str) -> Result<Report, Error> {
    monthly(record, committee, month.parse().unwrap(), "00")
}

fn report(record: &Record, month: &str) -> Report {
    of(record, "operations", month).unwrap()
}

fn system<'a>(report: &'a Report, id: &str) -> &'a SystemLine {
    report.systems.iter().find(|s| s.system == id).unwrap()
}

fn outage<'a>(report: &'a Report, id: &str) -> &'a OutageLine {
    report.outages.iter().find(|o| o.outage == id).unwrap()
}

fn incident<'a>(report: &'a Report, id: &str) -> &'a IncidentLine {
    report.incidents.iter().find(|i| i.incident == id).unwrap()
}

fn change_outage(record: &mut Record, id: u64, change: impl FnOnce(&mut Outage)) {
    let mut outage = (**record.outages.get(&OutageId(id)).unwrap()).clone();
    change(&mut outage);
    // Its probe was down as long as the outage lasted.
    let probe = domain::id::ProbeId::of(&outage.system, "main");
    let old = record.outages.get(&OutageId(id)).unwrap();
    let mut known = record.probes.get(&probe).unwrap().clone();
    for down in &mut known.down {
        if down.0 == old.start {
            *down = (outage.start, outage.end);
        }
    }
    record.probes.insert(probe, known);
    record.outages.insert(outage);
}

fn change_catalogues(record: &mut Record, change: impl Fn(usize, &mut Catalogue)) {
    let before = std::mem::take(&mut record.configurations);
    for (i, (from, by, catalogue)) in before.all().iter().enumerate() {
        let mut catalogue = (**catalogue).clone();
        change(i, &mut catalogue);
        let (by, catalogue) = (by.clone(), Arc::new(catalogue));
        record.configurations.enter(*from, by, catalogue);
    }
}

#[test]
fn every_class_of_every_system_and_day_adds_up_to_the_agreed_time() {
    let report = report(&october(), "2026-10");
    for s in &report.systems {
        let classes = s.up_s + s.planned_s + s.excluded_s + s.unplanned_s + s.unknown_s;
        assert_eq!(classes, s.agreed_s, "{}", s.system);
        assert_eq!(s.days.len(), 31);
        let days: i64 = s.days.iter().map(|d| d.agreed_s).sum();
        assert_eq!(days, s.agreed_s, "{}", s.system);
        let of_outages: i64 = report
            .outages
            .iter()
            .filter(|o| o.system == s.system)
            .map(|o| o.unplanned_s)
            .sum();
        assert_eq!(of_outages, s.unplanned_s, "{}", s.system);
    }
}

#[test]
fn a_target_lowered_in_the_month_does_not_count_until_the_next() {
    let mut record = october();
    record.as_of = Some(at("12-01 00:00:00"));
    let october = report(&record, "2026-10");
    assert_eq!(
        system(&october, "directory").target.as_deref(),
        Some("99.900")
    );
    let november = report(&record, "2026-11");
    assert_eq!(
        system(&november, "directory").target.as_deref(),
        Some("99.500")
    );
    let change = october.changes.iter().flat_map(|c| &c.what);
    assert!(
        change
            .into_iter()
            .any(|w| w.contains("99.9 % \u{2192} 99.5 %, from next month"))
    );
}

#[test]
fn a_system_lives_in_the_report_from_its_first_second_to_its_last() {
    let october = report(&october(), "2026-10");
    let fax = system(&october, "fax");
    assert_eq!(fax.agreed_s, (19 * 24 + 9) * 3600);
    assert_eq!(fax.days[20].mark, Mark::None);
    let sms = system(&october, "sms");
    assert_eq!(sms.agreed_s, (16 * 24 + 14) * 3600);
    assert_eq!(
        (sms.days[13].mark, sms.days[14].mark),
        (Mark::None, Mark::Up)
    );
}

#[test]
fn november_in_new_york_has_721_hours_and_a_day_of_25() {
    let mut record = october();
    record.as_of = Some(at("12-02 00:00:00"));
    let november = report(&record, "2026-11");
    assert_eq!(november.method.length_s, 721 * 3600);
    let portal = system(&november, "portal");
    assert_eq!(portal.agreed_s, 721 * 3600);
    assert_eq!(portal.days.len(), 30);
    assert_eq!(portal.days[0].length_s, 25 * 3600);
    assert!(
        november.systems.iter().all(|s| s.system != "fax"),
        "removed in October"
    );
    let json = serde_json::to_value(&november).unwrap();
    assert_eq!(json["from"], "2026-11-01T00:00:00-04:00");
    assert_eq!(json["to"], "2026-12-01T00:00:00-05:00");
}

#[test]
fn an_outage_over_midnight_of_the_month_s_end_counts_once_and_shares_its_seconds() {
    let mut record = october();
    record.as_of = Some(at("12-02 00:00:00"));
    change_outage(&mut record, 160, |o| {
        o.start = at("10-31 23:50:00");
        o.end = Some(at("11-01 00:20:00"));
        o.detected_at = at("10-31 23:50:10");
    });
    let (october, november) = (report(&record, "2026-10"), report(&record, "2026-11"));
    let (first, second) = (outage(&october, "O-160"), outage(&november, "O-160"));
    assert_eq!((first.unplanned_s, first.counted), (600, true));
    assert_eq!((second.unplanned_s, second.counted), (1200, false));
    assert_eq!(system(&november, "results").outages, 0);
    let others: Vec<_> = november
        .outages
        .iter()
        .filter(|o| o.unplanned_s > 0)
        .collect();
    assert_eq!(others.len(), 1);
    assert!(
        november.happened[0].starts_with("No unplanned outage began: an outage of Results"),
        "{}",
        november.happened[0]
    );
    assert!(
        november.incidents.iter().any(|i| i.incident == "I-161"),
        "its record follows it"
    );
}

#[test]
fn an_open_outage_has_no_end_and_counts_as_far_as_the_ledger_speaks() {
    let mut record = october();
    record.as_of = Some(at("10-29 12:00:00"));
    change_outage(&mut record, 160, |o| {
        o.start = at("10-29 11:00:00");
        o.end = None;
        o.detected_at = at("10-29 11:00:10");
    });
    let report = report(&record, "2026-10");
    assert!(report.so_far);
    let open = outage(&report, "O-160");
    assert_eq!(
        (open.end, open.end_observed, open.unplanned_s),
        (None, false, 3600)
    );
    assert_eq!(open.restore_s, None);
    assert!(
        report.happened[0]
            .ends_with("Thursday 29 October at 11:00\u{a0}EDT and has not ended yet.")
    );
}

#[test]
fn an_end_that_nobody_observed_is_told_as_a_span() {
    let mut record = october();
    let span = Span::new(at("10-07 02:40:00"), at("10-07 02:51:40"));
    change_outage(&mut record, 120, |o| o.unobserved = Some(span));
    let report = report(&record, "2026-10");
    let line = outage(&report, "O-120");
    assert!(!line.end_observed);
    let (from, to) = line.ended_between.unwrap();
    assert_eq!((from.at(), to.at()), (span.from, span.to));
}

#[test]
fn a_customer_whose_downtime_was_superseded_is_told_by_the_uptime_that_says_both() {
    let downtime = (124, Kind::Downtime, Delivery::Deferred, "10-07 02:14:23");
    let uptime = (130, Kind::Uptime, Delivery::Accepted, "10-07 02:55:00");
    let record = october_with(&[downtime, uptime]);
    let report = report(&record, "2026-10");
    let told = &incident(&report, "I-121").told;
    let hospital = told.iter().find(|t| t.customer == "st-elsewhere").unwrap();
    assert_eq!(hospital.result, Telling::Sent);
    assert!(hospital.only_afterwards);
    assert_eq!(hospital.contacts, [("sent", 1)].into());
    assert_eq!(hospital.first.unwrap().at(), at("10-07 02:55:00"));
    assert_eq!(outage(&report, "O-120").tell_last_s, Some(2450));
}

#[test]
fn a_notice_that_was_given_up_is_told_apart_from_one_that_was_refused() {
    let first = (124, Kind::Downtime, Delivery::Deferred, "10-07 02:14:23");
    let last = (124, Kind::Downtime, Delivery::Deferred, "10-09 02:20:00");
    let record = october_with(&[first, last]);
    let report = report(&record, "2026-10");
    let told = &incident(&report, "I-121").told;
    let hospital = told.iter().find(|t| t.customer == "st-elsewhere").unwrap();
    assert_eq!(hospital.result, Telling::GivenUp);
    assert_eq!(hospital.contacts, [("given_up", 1)].into());
    assert_eq!(report.notice_results.get("given_up"), Some(&1));
    assert_eq!(report.refused[0].result, Telling::GivenUp);
    for (format, said) in [
        (Format::Html, "Given up after 48 hours"),
        (Format::Markdown, "given up after 48 hours"),
        (Format::Csv, "given_up"),
        (
            Format::Json,
            "Given up after 48 hours, not notified: St. Elsewhere Hospital",
        ),
    ] {
        let text = String::from_utf8(
            crate::reports::render(&report, format, &crate::config::Look::default())
                .unwrap()
                .bytes,
        )
        .unwrap();
        assert!(text.contains(said), "{format:?}");
        let table = text.to_lowercase();
        assert!(
            !table.contains("rejected by the relay or webhook, not notified"),
            "{format:?}"
        );
    }
}

#[test]
fn a_customer_s_second_contact_does_not_delay_the_time_to_tell() {
    let mut record = october();
    let plain = record.outages.get(&OutageId(120)).unwrap().clone();
    let mut second = message(Kind::Downtime, "lakeside", "Lakeside Clinic", &plain);
    second.recipient.address = Address::Mail("desk@lakeside.example".to_owned());
    deliver(
        &mut record,
        125,
        &second,
        Delivery::Accepted,
        "10-07 02:49:00",
    );
    let report = report(&record, "2026-10");
    let lakeside = &incident(&report, "I-121").told[0];
    assert_eq!(lakeside.customer, "lakeside");
    assert_eq!(lakeside.contacts, [("sent", 2)].into());
    assert_eq!(lakeside.last.unwrap().at(), at("10-07 02:49:00"));
    assert_eq!(outage(&report, "O-120").tell_last_s, Some(115));
}

#[test]
fn an_exclusion_counts_only_with_its_second_person_and_is_printed_either_way() {
    for (approved, excluded_s, unplanned_s) in [(None, 0, 2250), (Some("chair"), 600, 1650)] {
        let mut record = october();
        change_outage(&mut record, 120, |o| {
            o.exclusions.push(Exclusion {
                span: Span::new(at("10-07 02:20:00"), at("10-07 02:30:00")),
                reason: "the customer's own line".to_owned(),
                evidence: "ticket 17".to_owned(),
                by: "r.meyer".to_owned(),
                approved_by: approved.map(str::to_owned),
            });
        });
        let report = report(&record, "2026-10");
        let line = outage(&report, "O-120");
        assert_eq!(
            (line.excluded_s, line.unplanned_s),
            (excluded_s, unplanned_s)
        );
        assert_eq!(line.exclusions[0].approved_by.as_deref(), approved);
    }
}

/// Gives `results` to another committee.
fn two_committees(record: &mut Record, from_entry: usize) {
    change_catalogues(record, |i, catalogue| {
        catalogue.committees.insert(
            0,
            Committee {
                id: "lab".into(),
                name: "Laboratory Committee".to_owned(),
                zone: "America/Los_Angeles".to_owned(),
                members: Vec::new(),
                reporting: domain::catalogue::Reporting::default(),
            },
        );
        if i >= from_entry {
            for system in &mut catalogue.systems {
                if system.id.as_str() == "results" {
                    system.committee = "lab".into();
                }
            }
        }
    });
}

#[test]
fn an_incident_of_two_committees_shows_each_its_own_systems() {
    let mut record = october();
    two_committees(&mut record, 0);
    let mut both = record.incidents.get(IncidentId(121)).unwrap().clone();
    both.systems.push(SystemId::from("results"));
    both.outages.push(OutageId(160));
    record.incidents.insert(both);
    let ours = report(&record, "2026-10");
    let theirs = of(&record, "lab", "2026-10").unwrap();
    assert_eq!(incident(&ours, "I-121").systems, ["portal"]);
    assert_eq!(incident(&ours, "I-121").outages, ["O-120"]);
    assert_eq!(incident(&theirs, "I-121").systems, ["results"]);
    assert_eq!(incident(&theirs, "I-121").outages, ["O-160"]);
    // Lakeside depends on the portal alone.
    let told = |report: &Report| {
        let told = incident(report, "I-121").told.clone();
        told.into_iter().map(|t| t.customer).collect::<Vec<_>>()
    };
    assert_eq!(told(&ours), ["lakeside", "mercy", "st-elsewhere"]);
    assert_eq!(told(&theirs), ["mercy", "st-elsewhere"]);
    assert!(ours.outages.iter().all(|o| o.system != "results"));
    assert_eq!(theirs.systems.len(), 1);
    // Their month is that of their own zone: three hours later.
    assert_eq!(theirs.from.at(), at("10-01 03:00:00"));
}

#[test]
fn a_system_that_changes_committees_is_reported_to_both_with_its_first_target() {
    let mut record = october();
    two_committees(&mut record, 1);
    let ours = report(&record, "2026-10");
    let theirs = of(&record, "lab", "2026-10").unwrap();
    assert_eq!(system(&ours, "results").verdict, Verdict::Missed);
    assert_eq!(
        system(&theirs, "results").target_exact.as_deref(),
        Some("99.95")
    );
    let said = ours.changes.iter().flat_map(|c| &c.what);
    assert!(
        said.into_iter()
            .any(|w| w == "Results interface: committee: operations \u{2192} lab")
    );
}

#[test]
fn what_cannot_be_reported_says_why() {
    let record = october();
    let said = |committee, month| of(&record, committee, month).unwrap_err().to_string();
    assert_eq!(
        said("board", "2026-10"),
        "no committee is called `board`; known: operations"
    );
    assert_eq!(
        said("operations", "2027-01"),
        "2027-01 has not begun yet as far as the ledger knows"
    );
    assert_eq!(
        said("operations", "2026-08"),
        "2026-08 ended before the first configuration: there is nothing to report"
    );
    assert_eq!(
        of(&Record::default(), "operations", "2026-10").unwrap_err(),
        Error::NothingRecorded
    );
}

#[test]
fn a_month_in_which_nothing_happened_says_so() {
    let mut record = october();
    record.as_of = Some(at("12-02 00:00:00"));
    let november = report(&record, "2026-11");
    assert_eq!(november.headline, "All five systems met their targets.");
    assert_eq!(november.happened[0], "There was no unplanned outage.");
    assert!(november.happened[1].ends_with("every second of agreed time was observed."));
    assert!(november.outages.is_empty() && november.incidents.is_empty());
    let portal = system(&november, "portal");
    assert_eq!(portal.contract_availability.as_deref(), Some("100.000"));
    assert_eq!(
        (portal.mtrs_s, portal.mtbf_s, portal.longest_s),
        (None, None, None)
    );
    // Measures of earlier months stay until they are done, overdue once their date has passed.
    let states: Vec<MeasureState> = november.open_measures.iter().map(|m| m.state).collect();
    assert_eq!(states, [MeasureState::Overdue, MeasureState::Open]);
}

#[test]
fn a_root_cause_in_the_same_words_repeats_and_counts_its_incidents() {
    let mut record = october();
    let mut ids = Vec::new();
    let causes = ["An expired certificate.", "an  expired Certificate"];
    let all: Vec<IncidentId> = record.incidents.all().map(|i| i.id).collect();
    for (id, cause) in all.into_iter().zip(causes) {
        let mut incident = record.incidents.get(id).unwrap().clone();
        incident.review.root_cause = Some(cause.to_owned());
        record.incidents.insert(incident);
        ids.push(id.to_string());
    }
    let report = report(&record, "2026-10");
    let cause = &report.repeats[0];
    assert_eq!((&cause.ids, cause.kind), (&ids, RepeatKind::RootCause));
    let other = report.repeats.iter().skip(1);
    assert!(other.into_iter().all(|c| c.kind == RepeatKind::Failure));
}
