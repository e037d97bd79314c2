//! A month with one of everything, for the tests of reports: October 2026 in New York.

use std::sync::Arc;

use domain::actor::Actor;
use domain::catalogue::{
    Active, Affects, Catalogue, Committee, Customer, Days, End, Kind, Method, Probe, Rule, Single,
    System,
};
use domain::desk;
use domain::event::{Delivery, Event, Fact, GapCause, Silence};
use domain::id::{IncidentId, NoticeId, OutageId, ProbeId, Source, SystemId};
use domain::incident::{Acknowledged, Cause, Certainty, Done, Incident, Measure, Review};
use domain::latency::{Counted, Histogram, LocalDay, Rollup, StoredRollup};
use domain::notice::{self, Address, Affected, Notice, Recipient, Role};
use domain::policy::{Commitments, Desk, DeskHours, Policy, Target};
use domain::record::{Outage, ProbeRecord, Record, SystemRecord};
use domain::report::Report;
use domain::sample::Reason;
use domain::span::Span;
use domain::windows::{CustomerTold, OneOffHistory, RuleVersion};
use jiff::Timestamp;

/// `10-07 02:14:10` in New York, 2026.
pub(super) fn at(text: &str) -> Timestamp {
    let local: jiff::civil::DateTime = format!("2026-{}", text.replace(' ', "T")).parse().unwrap();
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    local.to_zoned(zone).unwrap().timestamp()
}

fn founded() -> Timestamp {
    at("09-20 08:00:00")
}

fn system(id: &str, name: &str, ppm: Option<u32>) -> System {
    System {
        id: id.into(),
        name: name.to_owned(),
        kind: Kind::Provided,
        committee: "operations".into(),
        policy: Some("healthelink".into()),
        target: ppm.map(|ppm| Target { ppm }),
        downtime_advice: None,
        flapping: domain::catalogue::Flapping::USUAL,
        owner: None,
        depends_on: Vec::new(),
        group_within_s: domain::catalogue::GROUP_WITHIN_S,
        probes: vec![Probe {
            id: ProbeId::of(&id.into(), "main"),
            affects: Affects::Availability,
            customers: std::collections::BTreeSet::new(),
            method: Method::Active(Active {
                kind: "http".to_owned(),
                interval_ms: 30_000,
                retry_interval_ms: 5_000,
                timeout_ms: 10_000,
                failures: 3,
                recoveries: 2,
            }),
        }],
        windows: Vec::new(),
    }
}

fn weekly() -> Rule {
    Rule {
        id: "weekly".to_owned(),
        title: "Weekly application update".to_owned(),
        impact: Some("Short interruptions".to_owned()),
        days: Days::Dates(vec![
            "2026-10-13".parse().unwrap(),
            "2026-10-27".parse().unwrap(),
        ]),
        start: "21:00".parse().unwrap(),
        end: End::After(3600),
        zone: "America/New_York".to_owned(),
        max_downtime_s: Some(300),
        min_notice_s: None,
        start_grace_s: None,
        agreed: Some("2024-03-01".parse().unwrap()),
        tell: false,
        announce_s: Vec::new(),
    }
}

fn customer(id: &str, name: &str, systems: &[&str]) -> Customer {
    Customer {
        id: id.into(),
        name: name.to_owned(),
        zone: "America/Chicago".to_owned(),
        phone: None,
        webhook: None,
        contacts: vec![format!("it@{id}.example")],
        systems: systems.iter().map(|s| SystemId::from(*s)).collect(),
    }
}

/// The configuration at the month's first instant.
fn first() -> Catalogue {
    let mut portal = system("portal", "Clinical Portal", Some(999_000));
    portal.windows.push(weekly());
    let mut results = system("results", "Results interface", Some(999_500));
    results.windows.push(weekly());
    let mut partner = system("partner-emr", "Valley EMR", Some(995_000));
    partner.kind = Kind::Partner;
    partner.policy = None;
    let mut archive = system("archive", "Image archive", None);
    archive.policy = None;
    Catalogue {
        service: "Example Health Information Exchange".to_owned(),
        contact: None,
        zone: "America/New_York".to_owned(),
        vantage: "albany-1".into(),
        mail_from: "Example HIE Status <status@example.org>".into(),
        gather_s: 30,
        committees: vec![Committee {
            id: "operations".into(),
            name: "Operating Committee".to_owned(),
            zone: "America/New_York".to_owned(),
            members: vec!["chair@example.org".to_owned()],
            reporting: domain::catalogue::Reporting::default(),
        }],
        customers: vec![
            customer("lakeside", "Lakeside Clinic", &["portal"]),
            customer(
                "mercy",
                "Mercy Medical Group",
                &["archive", "portal", "results"],
            ),
            customer(
                "st-elsewhere",
                "St. Elsewhere Hospital",
                &["portal", "results"],
            ),
        ],
        contacts: Vec::new(),
        operators: Vec::new(),
        policies: vec![Policy {
            min_notice_s: None,
            id: "healthelink".into(),
            name: "HEALTHeLINK support policy".to_owned(),
            target: None,
            unknown_is_down: false,
            degraded_is_down: false,
            ignore_shorter_s: 0,
            min_coverage_ppm: 990_000,
            monthly_allowance_s: None,
            service_hours: None,
            planned_hours: None,
            commitments: Commitments {
                desk: Some(Desk {
                    answer_within_s: 120,
                    share_ppm: 850_000,
                    hours: DeskHours::Always,
                }),
                ..Commitments::default()
            },
        }],
        systems: vec![
            archive,
            system("directory", "Provider directory", Some(999_000)),
            system("fax", "Fax bridge", Some(990_000)),
            system("fhir", "FHIR gateway", Some(999_000)),
            partner,
            portal,
            results,
        ],
    }
}

/// After the fifteenth: a system more, a target lowered for next month, an interval changed.
fn second() -> Catalogue {
    let mut c = first();
    c.systems
        .push(system("sms", "Text reminders", Some(999_000)));
    c.systems[1].target = Some(Target { ppm: 995_000 });
    let Method::Active(active) = &mut c.systems[3].probes[0].method else {
        panic!("the sample has active probes only")
    };
    active.interval_ms = 60_000;
    c.customers[0].systems.push("sms".into());
    c
}

/// After the twentieth: a system less.
fn third() -> Catalogue {
    let mut c = second();
    c.systems.retain(|s| s.id.as_str() != "fax");
    c
}

fn outage(id: u64, system: &str, from: &str, to: Option<&str>, reason: Reason) -> Outage {
    Outage {
        id: OutageId(id),
        system: system.into(),
        start: at(from),
        end: to.map(at),
        unobserved: None,
        detected_at: at(from) + jiff::SignedDuration::from_secs(10),
        closed_at: to.map(|t| at(t) + jiff::SignedDuration::from_secs(30)),
        declared: None,
        reason: Some(reason),
        detail: None,
        planned: false,
        overrun: None,
        overran_at: None,
        reclassified: None,
        exclusions: Vec::new(),
        incident: None,
        edge_s: 30,
        moved: jiff::SignedDuration::ZERO,
    }
}

fn incident(id: u64, systems: &[&str], outages: &[u64], cause: Cause, opened: &str) -> Incident {
    Incident {
        id: IncidentId(id),
        systems: systems.iter().map(|s| SystemId::from(*s)).collect(),
        outages: outages.iter().map(|o| OutageId(*o)).collect(),
        cause,
        opened_at: at(opened),
        acknowledged: None,
        done: std::collections::BTreeMap::new(),
        resolved_at: None,
        closed: None,
        closed_without: None,
        review: Review::default(),
        reviewed: Vec::new(),
        updates: Vec::new(),
        withdrawn: None,
        merged: None,
        flapping: Vec::new(),
        settled: Vec::new(),
        handling: domain::handling::Handling::default(),
    }
}

fn taken(when: &str, by: &str) -> Acknowledged {
    Acknowledged {
        at: at(when),
        by: by.to_owned(),
        recorded_at: at(when),
        approved_by: None,
    }
}

fn measure(text: &str, owner: &str, due: &str) -> Measure {
    Measure {
        text: text.to_owned(),
        owner: owner.to_owned(),
        due: due.parse().unwrap(),
    }
}

pub(super) fn message(kind: notice::Kind, customer: &str, name: &str, of: &Outage) -> Notice {
    Notice {
        kind,
        recipient: Recipient {
            address: Address::Mail(format!("it@{customer}.example")),
            who: [Role::Customer(customer.into())].into(),
            name: name.to_owned(),
            zone: "America/Chicago".to_owned(),
        },
        affected: vec![Affected {
            system: of.system.clone(),
            name: of.system.to_string(),
            outage: Some(of.id),
            joined: Vec::new(),
            declared: None,
            from: Some(of.start),
            to: of.end,
            down_s: None,
            unobserved: None,
            reason: of.reason,
            impaired: false,
            advice: None,
            flapping: None,
            overran: None,
        }],
        window: None,
        incident: of.incident,
        references: Vec::new(),
        includes_downtime: kind == notice::Kind::Uptime,
        report: None,
        words: Vec::new(),
        alert: None,
    }
}

/// One attempt to deliver a message, with its result.
pub(super) fn deliver(
    record: &mut Record,
    id: u64,
    notice: &Notice,
    result: Delivery,
    ended: &str,
) {
    let id = NoticeId(id);
    let known = record.notices.message(id).is_some();
    let facts = [
        Fact::DeliveryAttempted {
            notice: id,
            attempt: 1,
            message: (!known).then(|| Box::new(notice.clone())),
            message_id: format!("<{id}@nines.example>"),
            sha256: "00".to_owned(),
        },
        Fact::DeliveryEnded {
            notice: id,
            attempt: 1,
            result,
            reply: "as drawn".to_owned(),
            unreached: false,
            retry_after_s: None,
        },
    ];
    let seq = record.seq;
    for fact in facts {
        let event = Event {
            at: at(ended),
            by: Actor::service(),
            fact,
        };
        record.apply(seq, &event);
    }
}

/// The service desk: 84.9 % in time.
fn calls(record: &mut Record) {
    let counts = |calls, answered, within| desk::Counts {
        calls,
        answered,
        within,
        abandoned: calls - answered,
    };
    let day = |date: &str, in_hours| desk::Day {
        date: date.parse().unwrap(),
        in_hours,
        out_of_hours: desk::Counts::default(),
    };
    let event = Event {
        at: at("10-31 20:00:00"),
        by: Actor::cli("desk"),
        fact: Fact::DeskImported {
            policy: "healthelink".into(),
            file: "calls-2026-10.csv".to_owned(),
            sha256: "5f".repeat(32),
            answer_within_s: 120,
            days: vec![
                day("2026-10-01", counts(600, 580, 509)),
                day("2026-10-02", counts(400, 380, 340)),
            ],
        },
    };
    record.apply(record.seq, &event);
}

fn lives(record: &mut Record) {
    let long: [(&str, &str, Option<&str>); 8] = [
        ("archive", "09-20 08:00:00", None),
        ("directory", "09-20 08:00:00", None),
        ("fax", "09-20 08:00:00", Some("10-20 09:00:00")),
        ("fhir", "09-20 08:00:00", None),
        ("partner-emr", "09-20 08:00:00", None),
        ("portal", "09-20 08:00:00", None),
        ("results", "09-20 08:00:00", None),
        ("sms", "10-15 10:00:00", None),
    ];
    for (id, from, to) in long {
        let life = vec![(at(from), to.map(at))];
        let rules = if id == "portal" || id == "results" {
            vec![RuleVersion {
                rule: weekly(),
                entered_at: founded(),
                left_at: None,
            }]
        } else {
            Vec::new()
        };
        let system = SystemRecord {
            life: life.clone(),
            rules,
            ..SystemRecord::default()
        };
        record.systems.insert(id.into(), Arc::new(system));
        let probe = ProbeRecord {
            life,
            affects: vec![(Timestamp::UNIX_EPOCH, Affects::Availability)],
            ..ProbeRecord::default()
        };
        record.probes.insert(ProbeId::of(&id.into(), "main"), probe);
    }
}

fn add(record: &mut Record, outage: Outage) {
    let mut system = (*record.systems[&outage.system]).clone();
    system.outages.push(outage.id);
    record
        .systems
        .insert(outage.system.clone(), Arc::new(system));
    let id = ProbeId::of(&outage.system, "main");
    let mut probe = record.probes.get(&id).unwrap().clone();
    probe.down.push((outage.start, outage.end));
    record.probes.insert(id, probe);
    record.outages.insert(outage);
}

fn probe(record: &mut Record, system: &str, change: impl FnOnce(&mut ProbeRecord)) {
    let id = ProbeId::of(&system.into(), "main");
    let mut probe = record.probes.get(&id).unwrap().clone();
    change(&mut probe);
    record.probes.insert(id, probe);
}

/// The plain outage: seen, told, taken on, mended, reviewed, closed.
fn plain(record: &mut Record, hospital: &[Attempt]) {
    let mut outage = outage(
        120,
        "portal",
        "10-07 02:14:10",
        Some("10-07 02:51:40"),
        Reason::Refused,
    );
    outage.detail = Some("connection refused".to_owned());
    outage.incident = Some(IncidentId(121));
    for (id, customer, name, ended) in [
        (122, "lakeside", "Lakeside Clinic", "10-07 02:14:22"),
        (123, "mercy", "Mercy Medical Group", "10-07 02:16:05"),
    ] {
        let notice = message(notice::Kind::Downtime, customer, name, &outage);
        deliver(record, id, &notice, Delivery::Accepted, ended);
    }
    for (id, kind, result, ended) in hospital {
        let notice = message(*kind, "st-elsewhere", "St. Elsewhere Hospital", &outage);
        deliver(record, *id, &notice, *result, ended);
    }
    let mut incident = incident(121, &["portal"], &[120], Cause::Outage, "10-07 02:14:20");
    incident.acknowledged = Some(taken("10-07 02:20:00", "on-call"));
    incident.resolved_at = Some(at("10-07 02:51:40"));
    incident.closed = Some((at("10-09 09:30:00"), "r.meyer".to_owned()));
    incident.reviewed = vec![(at("10-08 10:00:00"), "on-call".to_owned())];
    incident.review = Review {
        summary: Some("The portal refused connections after a certificate was replaced. Clinicians could not sign in for 37 minutes; orders already placed were not affected.".to_owned()),
        root_cause: Some("The renewal job restarted the load balancer with a configuration that named the old certificate\u{2019}s file.".to_owned()),
        certainty: Some(Certainty::Confirmed),
        resolution: Some("The file name was corrected by hand and the load balancer restarted.".to_owned()),
        measures: vec![
            measure("The renewal job checks the configuration before it restarts anything", "platform", "2026-11-30"),
            measure("A second load balancer takes over when the first does not start", "infrastructure", "2027-01-31"),
        ],
    };
    let done = Done {
        at: at("10-30 15:00:00"),
        by: "platform".to_owned(),
        note: Some("in the job since release 41".to_owned()),
    };
    let first = incident.review.measures[0].text.clone();
    incident.done.insert(first, done);
    record.incidents.insert(incident);
    add(record, outage);
}

/// A window kept (portal), one exceeded by seventeen minutes (results), and an outage that
/// nobody has reviewed.
fn windows(record: &mut Record) {
    let mut kept = outage(
        140,
        "portal",
        "10-13 21:05:00",
        Some("10-13 21:08:20"),
        Reason::Status,
    );
    kept.planned = true;
    add(record, kept);
    let mut over = outage(
        150,
        "results",
        "10-27 21:10:00",
        Some("10-27 21:32:00"),
        Reason::Timeout,
    );
    over.planned = true;
    over.overrun = Some((at("10-27 21:15:00"), "results/weekly@2026-10-27".into()));
    over.overran_at = Some(at("10-27 21:15:30"));
    over.incident = Some(IncidentId(151));
    for (id, customer, name, ended) in [
        (152, "mercy", "Mercy Medical Group", "10-27 21:15:41"),
        (
            153,
            "st-elsewhere",
            "St. Elsewhere Hospital",
            "10-27 21:15:44",
        ),
    ] {
        let notice = message(notice::Kind::MaintenanceOverrun, customer, name, &over);
        deliver(record, id, &notice, Delivery::Accepted, ended);
    }
    let mut incident = incident(151, &["results"], &[150], Cause::Overrun, "10-27 21:15:30");
    incident.resolved_at = Some(at("10-27 21:32:00"));
    record.incidents.insert(incident);
    add(record, over);
    let mut bare = outage(
        160,
        "results",
        "10-22 13:40:05",
        Some("10-22 14:02:35"),
        Reason::Timeout,
    );
    bare.incident = Some(IncidentId(161));
    let opened = self::incident(161, &["results"], &[160], Cause::Outage, "10-22 13:40:15");
    record.incidents.insert(opened);
    add(record, bare);
}

/// A single window of the archive that nobody was told of in time.
fn single(record: &mut Record) {
    let window = Single {
        id: "archive-move".into(),
        systems: vec!["archive".into()],
        title: "Move to new storage".to_owned(),
        impact: None,
        start: at("10-18 06:00:00"),
        end: at("10-18 08:00:00"),
        max_downtime_s: None,
        min_notice_s: Some(86_400),
        start_grace_s: None,
        override_reason: None,
        announce_s: Vec::new(),
    };
    let told_at = at("10-17 16:30:00");
    let entry = OneOffHistory {
        versions: vec![(at("10-17 16:00:00"), window)],
        cancelled_at: None,
        told: std::iter::once(((0, "mercy".into()), told_at)).collect(),
        told_by_people: vec![CustomerTold {
            customer: "mercy".into(),
            at: told_at,
            recorded_at: at("10-18 09:00:00"),
            by: "r.meyer".to_owned(),
            how: "by telephone, to the head of their desk".to_owned(),
            approved_by: Some("on-call".to_owned()),
        }],
    };
    record.maintenance.insert(entry);
}

/// The probes were silent for five hours; the gateway's probe was blind for one more.
fn gaps(record: &mut Record) {
    for id in [
        "archive",
        "directory",
        "fax",
        "fhir",
        "partner-emr",
        "portal",
        "results",
    ] {
        probe(record, id, |p| {
            p.silent.push((
                founded(),
                Some(founded() + jiff::SignedDuration::from_secs(12)),
                Silence::New,
            ));
            p.silent.push((
                at("10-03 01:00:00"),
                Some(at("10-03 06:00:00")),
                Silence::Stopped,
            ));
        });
    }
    probe(record, "fhir", |p| {
        p.silent.push((
            at("10-19 11:00:00"),
            Some(at("10-19 12:00:00")),
            Silence::Inconclusive,
        ));
        p.degraded
            .push((at("10-25 09:00:00"), Some(at("10-25 09:40:00"))));
        p.blips
            .push((Span::new(at("10-11 03:00:00"), at("10-11 03:00:25")), 2));
    });
}

/// The service started in September, was stopped for five hours, and was stalled once.
fn service(record: &mut Record) {
    let stalled = Span::new(at("10-12 00:00:00"), at("10-12 00:00:45"));
    let alive_until = Some(at("10-03 01:00:00"));
    for (when, fact) in [
        (founded(), Fact::Started { alive_until: None }),
        (at("10-03 01:00:00"), Fact::Stopped),
        (at("10-03 06:00:00"), Fact::Started { alive_until }),
        (
            stalled.to,
            Fact::MonitoringGap {
                span: stalled,
                cause: GapCause::Stalled,
            },
        ),
    ] {
        let event = Event {
            at: when,
            by: Actor::service(),
            fact,
        };
        record.apply(record.next_seq(), &event);
    }
}

/// The partner's own outage, and a measure of September that is overdue.
fn others(record: &mut Record) {
    let partner = outage(
        170,
        "partner-emr",
        "10-16 08:00:00",
        Some("10-16 10:30:00"),
        Reason::Dns,
    );
    add(record, partner);
    let mut old = incident(60, &["portal"], &[], Cause::Declared, "09-25 12:00:00");
    old.review.measures = vec![measure(
        "The service desk gets a printed list of what to do when the portal is down",
        "service desk",
        "2026-10-15",
    )];
    old.resolved_at = Some(at("09-25 13:00:00"));
    record.incidents.insert(old);
}

/// An attempt to tell the hospital of the plain outage: message, kind, result, when.
pub(super) type Attempt = (u64, notice::Kind, Delivery, &'static str);

/// The record of that month, its last event on the second of November.
pub(super) fn october() -> Record {
    let rejected = (
        124,
        notice::Kind::Downtime,
        Delivery::Rejected,
        "10-07 02:14:23",
    );
    october_with(&[rejected])
}

/// The same month with other attempts to tell the hospital.
pub(super) fn october_with(hospital: &[Attempt]) -> Record {
    let mut record = Record::default();
    service(&mut record);
    record.seq = 4711;
    record.as_of = Some(at("11-02 00:00:00"));
    record.identity = "5e1f".to_owned();
    record.tzdb = "2026a".to_owned();
    for (from, by, catalogue) in [
        ("09-20 08:00:00", "a.ortiz", first()),
        ("10-15 10:00:00", "a.ortiz", second()),
        ("10-20 09:00:00", "r.meyer", third()),
    ] {
        record
            .configurations
            .enter(at(from), by.to_owned(), Arc::new(catalogue));
    }
    record.catalogue = Arc::clone(&record.configurations.all()[2].2);
    lives(&mut record);
    gaps(&mut record);
    plain(&mut record, hospital);
    calls(&mut record);
    windows(&mut record);
    single(&mut record);
    others(&mut record);
    rollups(&mut record);
    record
}

/// The ledger has roll-ups of three days.
fn rollups(record: &mut Record) {
    for day in 1..=3 {
        let date = jiff::civil::date(2026, 10, day);
        record.rollups.add(StoredRollup {
            day: LocalDay {
                date,
                zone: "America/New_York".to_owned(),
                span: Span::new(
                    at(&format!("10-0{day} 00:00:00")),
                    at(&format!("10-0{} 00:00:00", day + 1)),
                ),
            },
            file: format!("{date}-America-New_York.jsonl"),
            sha256: format!("{day}f2c4b7a"),
            probes: 3,
            samples: 8_640,
        });
    }
}

/// Reads them: the portal grows slower, the partner never answered, the archive has no sample, and the third file
/// is lost.
pub(super) fn read_rollups(report: &mut Report) {
    domain::report::read_latencies(report, &mut |file, sha256| {
        let day: u64 = sha256[..1].parse().unwrap();
        assert_eq!(file, format!("2026-10-0{day}-America-New_York.jsonl"));
        let mut answered = Histogram::default();
        for ms in 1..=100 {
            answered.add(ms * day * 1_000, 28);
        }
        let counted = |answered| Counted {
            conclusive: 2_880,
            answered,
        };
        let of =
            |system: &str, counted| (Source::new(format!("{system}/main"), "albany-1"), counted);
        (day < 3).then(|| Rollup {
            day: LocalDay {
                date: jiff::civil::date(2026, 10, i8::try_from(day).unwrap()),
                zone: "America/New_York".to_owned(),
                span: Span::new(at("10-01 00:00:00"), at("10-02 00:00:00")),
            },
            probes: [
                of("portal", counted(answered.clone())),
                of("results", counted(answered)),
                of("partner-emr", counted(Histogram::default())),
            ]
            .into(),
        })
    });
}
