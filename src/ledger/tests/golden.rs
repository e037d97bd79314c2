//! The stored form of every kind of event is frozen: one file per kind and version under
//! `tests/golden/events/`. No file is ever edited or removed, since ledgers in use hold that form. A
//! changed shape is a new version with a file of its own. `UPDATE_GOLDEN=1` writes the files that
//! are missing and touches no other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use domain::catalogue::{
    Active, Affects, Catalogue, Committee, Contact, Customer, Days, End, Flapping, Heartbeat, Kind,
    Method, Probe, Rule, Single, System,
};
use domain::clocks::State;
use domain::desk;
use domain::event::{Delivery, Fact, GapCause, Silence, SubscriptionCause};
use domain::guard;
use domain::handling::{ClockRun, Component, Impact, Problem};
use domain::id::{
    IncidentId, NoticeId, OutageId, ProbeId, Source, SubscriberId, SystemId, WindowId,
};
use domain::incident::{Cause, Certainty, Measure, Phase, Review};
use domain::notice::{self, Address, Affected, Declared, Notice, Recipient, Role};
use domain::policy::{
    Clock, Commitments, DayHours, Flag, Holiday, Hours, LocalTime, Policy, Request, Target,
};
use domain::sample::{Outcome, Reason, Seen};
use domain::span::Span;
use jiff::Timestamp;
use jiff::civil::{Weekday, date, time};

use crate::ledger::codec;

/// One example of every kind. The same list makes a match without a wildcard, so a new kind does
/// not compile until it has its example here, and does not pass until it has its file.
macro_rules! examples {
    ($($variant:ident => $fact:expr),+ $(,)?) => {
        pub(super) fn all() -> Vec<(&'static str, Fact)> {
            vec![$((stringify!($variant), $fact)),+]
        }

        fn variant(fact: &Fact) -> &'static str {
            match fact {
                $(Fact::$variant { .. } => stringify!($variant)),+
            }
        }
    };
}

examples! {
    LedgerCreated => Fact::LedgerCreated { identity: "k3v9q2".into(), tzdb: "2026e".into() },
    Configured => Fact::Configured { catalogue: Box::new(catalogue()) },
    Started => Fact::Started { alive_until: Some(at("2026-11-01T05:59:00Z")) },
    Stopped => Fact::Stopped,
    Crashed => Fact::Crashed { alive_until: at("2026-11-01T05:59:00Z") },
    MonitoringGap => Fact::MonitoringGap { span: span(), cause: GapCause::ClockStepped },
    DayClosed => Fact::DayClosed,
    LatenciesRolledUp => Fact::LatenciesRolledUp {
        date: date(2026, 11, 1), zone: "America/New_York".into(), span: span(), file: "2026-11-01-America-New_York.jsonl".into(),
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(), probes: 12, samples: 34_560,
    },
    ProbeSilent => Fact::ProbeSilent { source: source(), from: at("2026-11-01T06:00:00.000001Z"), cause: Silence::Missing },
    ProbeFirstResult => Fact::ProbeFirstResult { source: source(), from: at("2026-11-01T06:01:00.5Z") },
    ProbeDown => Fact::ProbeDown {
        source: source(), from: at("2026-11-01T06:00:00Z"), reason: Some(Reason::Status),
        detail: Some("503, expected 200-299 (\"maintenance\" \\ wärts)".into()), samples: seen(), before: None,
    },
    ProbeUp => Fact::ProbeUp {
        source: source(), to: at("2026-11-01T06:20:00Z"), unobserved: Some(span()), samples: seen(), before: None,
    },
    ProbeDegraded => Fact::ProbeDegraded {
        source: source(), from: at("2026-11-01T06:00:00Z"), reason: Some(Reason::Slow), detail: None,
        samples: seen(),
    },
    ProbeCleared => Fact::ProbeCleared { source: source(), to: at("2026-11-01T06:20:00.123456789Z") },
    Blip => Fact::Blip { source: source(), span: span(), bad_samples: 2 },
    OutageOpened => Fact::OutageOpened { outage: OutageId(12), system: system(), start: at("2026-11-01T06:00:00Z"), planned: false },
    OutageClosed => Fact::OutageClosed { outage: OutageId(12), end: at("2026-11-01T06:20:00Z"), unobserved: None },
    OutageDeclared => Fact::OutageDeclared {
        outage: OutageId(12), system: system(), from: at("2026-11-01T06:00:00Z"), to: None, evidence: "tickets 4411 to 4419".into(),
    },
    DeclarationChanged => Fact::DeclarationChanged {
        outage: OutageId(12), to: at("2026-11-01T07:00:00Z"), reason: "log of the gateway".into(),
        approved_by: Some("dana".into()),
    },
    MonitorFault => Fact::MonitorFault {
        system: system(), span: span(), evidence: "our own firewall".into(), approved_by: "dana".into(),
    },
    DowntimeExcluded => Fact::DowntimeExcluded {
        outage: OutageId(12), span: span(), reason: "the customer's own line".into(),
        evidence: "carrier's ticket 7".into(), approved_by: None,
    },
    OutageReclassified => Fact::OutageReclassified { outage: OutageId(12), reason: "other work than agreed".into() },
    Overrun => Fact::Overrun { outage: OutageId(12), from: at("2026-11-01T06:30:00Z"), window: window() },
    WindowScheduled => Fact::WindowScheduled { window: single() },
    WindowChanged => Fact::WindowChanged { window: single(), reason: Some("a second disk".into()) },
    WindowCancelled => Fact::WindowCancelled { window: window(), reason: None },
    CustomerNotified => Fact::CustomerNotified {
        window: window(), customer: "mercy".into(), how: "by telephone".into(),
        counts_from: Some(at("2026-10-30T14:00:00Z")), approved_by: Some("dana".into()),
    },
    MaintenanceReminded => Fact::MaintenanceReminded {
        window: window(), systems: vec![system(), "results".into()], title: "Patch night".into(), span: span(),
        before_s: 86_400,
    },
    MaintenanceStarted => Fact::MaintenanceStarted {
        window: window(), systems: vec![system(), "results".into()], title: "Patch night".into(), span: span(),
    },
    MaintenanceCompleted => Fact::MaintenanceCompleted { window: window() },
    IncidentOpened => Fact::IncidentOpened {
        incident: IncidentId(13), systems: vec![system(), "results".into()], outages: vec![OutageId(12)], cause: Cause::Outage,
    },
    Flapping => Fact::Flapping {
        system: system(), incident: IncidentId(13), outages: vec![OutageId(12), OutageId(30), OutageId(44)],
    },
    FlappingEnded => Fact::FlappingEnded { system: system(), incident: IncidentId(13) },
    IncidentAcknowledged => Fact::IncidentAcknowledged {
        incident: IncidentId(13), counts_from: Some(at("2026-11-01T06:05:00Z")), approved_by: Some("dana".into()),
    },
    IncidentReviewed => Fact::IncidentReviewed { incident: IncidentId(13), review: review() },
    IncidentUpdated => Fact::IncidentUpdated {
        incident: IncidentId(13), text: "A disk is full.".into(), public: true, phase: Some(Phase::Identified), estimate: None,
    },
    UpdateDelivered => Fact::UpdateDelivered { incident: IncidentId(13), number: 2 },
    IncidentWithdrawn => Fact::IncidentWithdrawn { incident: IncidentId(13), reason: "our own firewall".into() },
    MeasureDone => Fact::MeasureDone {
        incident: IncidentId(13), measure: "Buy a second disk".into(), note: Some("ticket 12".into()),
    },
    IncidentResolved => Fact::IncidentResolved { incident: IncidentId(13), text: None },
    IncidentClosed => Fact::IncidentClosed {
        incident: IncidentId(13), missing_texts_reason: Some("the vendor is gone".into()), confirmed_by: None,
    },
    IncidentRated => Fact::IncidentRated {
        incident: IncidentId(13), policy: "gold".into(), severity: "critical".into(), reason: Some("a surgery waits".into()),
    },
    OutageJoined => Fact::OutageJoined { incident: IncidentId(13), system: "results".into(), outage: OutageId(14) },
    ProblemReported => Fact::ProblemReported {
        incident: IncidentId(13),
        problem: Problem {
            customer: Some("mercy".into()), systems: vec![system()], request: Request::Problem, text: "Nobody can sign in.".into(),
            reporter: "R. Alvarez".into(), received: at("2026-11-01T05:58:00Z"), phone: true, form: None,
        },
    },
    IncidentResponded => Fact::IncidentResponded {
        incident: IncidentId(13), to: "R. Alvarez".into(), how: "by telephone".into(),
        estimate: Some(at("2026-11-01T08:00:00Z")), counts_from: None, approved_by: None,
    },
    IncidentAssessed => Fact::IncidentAssessed {
        incident: IncidentId(13),
        impact: Impact {
            share_ppm: Some(51_000), customers: Some(["mercy".into()].into()), flags: Some([Flag::Revenue].into()),
            prevents_access: Some(true), component: Some(Component::Critical),
        },
    },
    WorkaroundFound => Fact::WorkaroundFound { incident: IncidentId(13), text: "Use the fax.".into() },
    TextConfirmed => Fact::TextConfirmed {
        about: "I-13".into(), found: vec![guard::Kind::MedicalRecordNumber, guard::Kind::DateOfBirth],
        reason: "a number of the vendor's test data".into(),
    },
    IncidentPaused => Fact::IncidentPaused { incident: IncidentId(13), reason: "the customer is away".into() },
    IncidentResumed => Fact::IncidentResumed { incident: IncidentId(13) },
    IncidentEscalated => Fact::IncidentEscalated { incident: IncidentId(13), reason: "the vendor must help".into() },
    DisasterDeclared => Fact::DisasterDeclared { incident: IncidentId(13), reason: "the hall burns".into() },
    IncidentMerged => Fact::IncidentMerged { incident: IncidentId(14), into: IncidentId(13), reason: "one switch".into() },
    LevelReached => Fact::LevelReached {
        incident: IncidentId(13), level: 2, severity: "critical".into(), state: State::Notified,
        contacts: vec!["level-2".into()],
    },
    ClockWarned => Fact::ClockWarned { incident: IncidentId(13), run: clock_run() },
    ClockMet => Fact::ClockMet { incident: IncidentId(13), run: clock_run(), answered: at("2026-11-01T06:50:00Z") },
    ClockMissed => Fact::ClockMissed { incident: IncidentId(13), run: clock_run() },
    ReportDrafted => Fact::ReportDrafted {
        committee: "operations".into(), month: "2026-10".parse().unwrap(), meeting: at("2026-11-15T19:00:00Z"),
        contacts: vec!["dana".into()],
    },
    ReportReminded => Fact::ReportReminded {
        committee: "operations".into(), month: "2026-10".parse().unwrap(), meeting: at("2026-11-15T19:00:00Z"),
        contacts: vec!["dana".into()],
    },
    ReportApproved => Fact::ReportApproved {
        committee: "operations".into(), month: "2026-10".parse().unwrap(), revision: 1, as_of: 4711,
        reason: Some("an exclusion was approved".into()),
    },
    ReportFiled => Fact::ReportFiled {
        committee: "operations".into(), month: "2026-10".parse().unwrap(), revision: 1,
        files: vec![notice::ReportFile {
            name: "operations-2026-10-revision-1.html".into(), bytes: 48_211,
            sha256: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9".into(),
        }],
        renderer: "nines 0.1.0, templates 6f1c20ab".into(),
        headline: "Portal missed its target (99.512 % against 99.9 %).".into(),
        happened: vec!["One unplanned outage.".into(), "No maintenance was held.".into()],
    },
    DeskImported => Fact::DeskImported {
        policy: "healthelink".into(), file: "calls-2026-10.csv".into(),
        sha256: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9".into(), answer_within_s: 120,
        days: vec![desk::Day {
            date: date(2026, 10, 1),
            in_hours: desk::Counts { calls: 20, answered: 19, within: 17, abandoned: 1 },
            out_of_hours: desk::Counts { calls: 2, answered: 1, within: 1, abandoned: 1 },
        }],
    },
    NoticeUndelivered => Fact::NoticeUndelivered {
        customer: "mercy".into(), outages: vec![OutageId(12), OutageId(13)], since: at("2026-11-01T06:00:00Z"),
        reply: Some("smtp.example.org:25: 550 5.1.1 No such user".into()), contacts: vec!["desk".into()],
    },
    SubscriptionChanged => Fact::SubscriptionChanged {
        subscriber: SubscriberId(15), systems: vec!["portal".into(), "results".into()],
        cause: SubscriptionCause::Confirmed,
    },
    DeliveryAttempted => Fact::DeliveryAttempted {
        notice: NoticeId(14), attempt: 1, message: Some(Box::new(message())), message_id: "<4be1@nines.example>".into(),
        sha256: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9".into(),
    },
    NoticeOwedAgain => Fact::NoticeOwedAgain { notice: NoticeId(14), reason: "the mailbox is back".into() },
    DeliveryEnded => Fact::DeliveryEnded {
        notice: NoticeId(14), attempt: 1, result: Delivery::Deferred, reply: "451 4.3.0 try later".into(),
        unreached: false,
        retry_after_s: None,
    },
    SamplesArchived => Fact::SamplesArchived {
        month: "2026-10".parse().unwrap(), samples: 5_357_142,
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
    },
    SamplesDeleted => Fact::SamplesDeleted { month: "2025-09".parse().unwrap() },
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn span() -> Span {
    Span::new(at("2026-11-01T06:00:00Z"), at("2026-11-01T06:10:00.25Z"))
}

fn system() -> SystemId {
    "portal".into()
}

fn probe() -> ProbeId {
    ProbeId::of(&system(), "web")
}

fn source() -> Source {
    Source::new(probe(), "buffalo")
}

fn window() -> WindowId {
    "portal/patch-night@2026-11-01".into()
}

fn seen() -> Vec<Seen> {
    vec![
        Seen {
            at: at("2026-11-01T06:00:00Z"),
            outcome: Outcome::Down,
            reason: Some(Reason::Status),
        },
        Seen {
            at: at("2026-11-01T06:00:05.000004Z"),
            outcome: Outcome::Up,
            reason: None,
        },
    ]
}

fn single() -> Single {
    Single {
        id: "disk-swap".into(),
        systems: vec![system()],
        title: "Disk swap".into(),
        impact: Some("Portal is away for minutes".into()),
        start: at("2026-11-07T05:00:00Z"),
        end: at("2026-11-07T07:00:00Z"),
        max_downtime_s: Some(1800),
        min_notice_s: Some(604_800),
        start_grace_s: None,
        override_reason: Some("the disk is failing".into()),
        announce_s: Vec::new(),
    }
}

fn clock_run() -> ClockRun {
    ClockRun {
        clock: Clock::Response,
        number: 1,
        severity: "critical".into(),
        started: at("2026-11-01T06:00:00Z"),
        due: Some(at("2026-11-01T07:00:00Z")),
    }
}

fn review() -> Review {
    Review {
        summary: Some("The portal was away.\nFor 20 minutes.".into()),
        root_cause: Some("a full disk".into()),
        certainty: Some(Certainty::Suspected),
        resolution: None,
        measures: vec![Measure {
            text: "alert at 80 %".into(),
            owner: "dana".into(),
            due: date(2026, 12, 1),
        }],
    }
}

fn message() -> Notice {
    Notice {
        kind: domain::notice::Kind::MaintenanceOverrun,
        recipient: Recipient {
            address: Address::Mail("ops@mercy.example".into()),
            who: [Role::Customer("mercy".into())].into(),
            name: "Mercy Hospital".into(),
            zone: "America/New_York".into(),
        },
        affected: vec![Affected {
            system: system(),
            name: "Portal".into(),
            outage: Some(OutageId(12)),
            joined: vec![OutageId(11)],
            declared: Some(Declared::Partly),
            from: Some(at("2026-11-01T06:00:00Z")),
            to: None,
            down_s: Some(1200),
            unobserved: Some(span()),
            reason: Some(Reason::Timeout),
            impaired: false,
            advice: Some("Call the desk".into()),
            flapping: Some(notice::Flapping {
                outages: vec![OutageId(10), OutageId(12)],
                since: at("2026-11-01T05:30:00Z"),
                hold_s: 900,
            }),
            overran: None,
        }],
        window: Some(notice::Window {
            id: window(),
            title: "Patch night".into(),
            impact: None,
            span: span(),
            max_downtime_s: Some(1800),
            previous_span: Some(span()),
            monthly_allowance_s: Some(14_400),
        }),
        incident: Some(IncidentId(13)),
        references: vec![NoticeId(9), NoticeId(10)],
        includes_downtime: false,
        report: None,
        words: Vec::new(),
        alert: None,
    }
}

fn catalogue() -> Catalogue {
    Catalogue {
        service: "Nines Health".into(),
        contact: None,
        zone: "America/New_York".into(),
        vantage: "buffalo".into(),
        mail_from: "Nines <nines@nines.example>".into(),
        gather_s: 30,
        committees: vec![Committee {
            id: "operations".into(),
            name: "Operations".into(),
            zone: "America/New_York".into(),
            members: vec!["chair@nines.example".into()],
            reporting: domain::catalogue::Reporting::default(),
        }],
        customers: vec![Customer {
            id: "mercy".into(),
            name: "Mercy Hospital".into(),
            zone: "America/Chicago".into(),
            phone: None,
            webhook: None,
            contacts: vec!["ops@mercy.example".into()],
            systems: vec![system()],
        }],
        contacts: vec![Contact {
            id: "dana".into(),
            email: Some("dana@nines.example".into()),
            phone: None,
            webhook: None,
        }],
        operators: Vec::new(),
        policies: vec![policy()],
        systems: vec![System {
            id: system(),
            name: "Portal".into(),
            kind: Kind::Partner,
            committee: "operations".into(),
            policy: Some("standard".into()),
            target: Some(Target { ppm: 999_000 }),
            downtime_advice: Some("Call the desk".into()),
            flapping: Flapping::USUAL,
            owner: None,
            depends_on: Vec::new(),
            group_within_s: domain::catalogue::GROUP_WITHIN_S,
            probes: probes(),
            windows: rules(),
        }],
    }
}

fn probes() -> Vec<Probe> {
    vec![
        Probe {
            id: ProbeId::of(&system(), "claims"),
            affects: Affects::Availability,
            customers: std::collections::BTreeSet::new(),
            method: Method::Heartbeat(Heartbeat {
                every_ms: 86_400_000,
                grace_ms: 3_600_000,
                expected: None,
            }),
        },
        Probe {
            id: probe(),
            affects: Affects::Degradation,
            customers: std::collections::BTreeSet::new(),
            method: Method::Active(Active {
                kind: "http".into(),
                interval_ms: 30_000,
                retry_interval_ms: 5_000,
                timeout_ms: 10_000,
                failures: 3,
                recoveries: 2,
            }),
        },
    ]
}

fn policy() -> Policy {
    Policy {
        min_notice_s: None,
        id: "standard".into(),
        name: "Standard agreement".into(),
        target: None,
        unknown_is_down: false,
        degraded_is_down: true,
        ignore_shorter_s: 60,
        min_coverage_ppm: 950_000,
        monthly_allowance_s: Some(14_400),
        service_hours: Some(Hours {
            weekly: vec![DayHours {
                weekday: Weekday::Sunday,
                open: LocalTime {
                    time: time(8, 0, 0, 0),
                    zone: "America/New_York".into(),
                },
                close: LocalTime {
                    time: time(17, 30, 0, 0),
                    zone: "America/Los_Angeles".into(),
                },
            }],
            holidays: vec![Holiday::Date(date(2026, 12, 25))],
        }),
        planned_hours: None,
        commitments: Commitments::default(),
    }
}

fn rules() -> Vec<Rule> {
    let days = [
        Days::Weekdays(vec![Weekday::Monday, Weekday::Sunday]),
        Days::NthWeekday {
            nth: -1,
            weekday: Weekday::Saturday,
        },
        Days::DaysOfMonth(vec![1, 31]),
        Days::Dates(vec![date(2026, 11, 7)]),
    ];
    let ends = [End::After(7200), End::Local(time(4, 0, 0, 0))];
    days.into_iter()
        .enumerate()
        .map(|(i, days)| Rule {
            id: format!("rule-{i}"),
            title: "Patch night".into(),
            impact: Some("none expected".into()),
            days,
            start: time(1, 30, 0, 0),
            end: ends[i % 2],
            zone: "America/New_York".into(),
            max_downtime_s: (i % 2 == 0).then_some(1800),
            min_notice_s: Some(0),
            start_grace_s: Some(300),
            agreed: Some(date(2026, 1, 15)),
            tell: true,
            announce_s: Vec::new(),
        })
        .collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events")
}

/// A golden file: JSON, with each column on a line of its own, `data` byte for byte as stored.
fn rendered(fact: &Fact) -> (String, String) {
    let (kind, data) = codec::encode(fact).unwrap();
    let (v, subject) = (
        codec::latest(&kind),
        serde_json::to_string(&fact.subject()).unwrap(),
    );
    let text = format!(
        "{{\n\"kind\": \"{kind}\",\n\"v\": {v},\n\"subject\": {subject},\n\"data\": {data}\n}}\n"
    );
    (format!("{kind}.v{v}.json"), text)
}

/// The golden files by name. With `UPDATE_GOLDEN=1` the missing ones are written first.
fn files() -> BTreeMap<String, String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for (name, text) in all().iter().map(|(_, fact)| rendered(fact)) {
            let path = folder().join(name);
            if !path.exists() {
                crate::files::replace(&path, text.as_bytes()).unwrap();
            }
        }
    }
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        (entry.file_name().into_string().unwrap(), text)
    };
    std::fs::read_dir(folder()).unwrap().map(file).collect()
}

#[test]
fn every_kind_of_event_has_a_golden_file() {
    let files = files();
    for (name, fact) in all() {
        assert_eq!(name, variant(&fact), "the example is of another kind");
        let (file, text) = rendered(&fact);
        assert_eq!(
            files.get(&file),
            Some(&text),
            "{file} is frozen, and `{name}` is no longer stored in this form. Do not change the file: \
             give the new shape a new v (docs/decisions/0003-stored-events.md)"
        );
    }
}

#[test]
fn every_golden_file_can_be_read() {
    for (name, text) in files() {
        let stored: Golden = serde_json::from_str(&text).unwrap();
        let fact = codec::decode(&stored.kind, stored.v, stored.data.get());
        let fact = fact.unwrap_or_else(|e| panic!("{name}: {e}"));
        if stored.v == codec::latest(&stored.kind) {
            assert_eq!(rendered(&fact), (name, text));
        }
    }
}

#[derive(serde::Deserialize)]
struct Golden {
    kind: String,
    v: i64,
    data: Box<serde_json::value::RawValue>,
}

fn word(value: impl serde::Serialize) -> String {
    serde_json::to_string(&value).unwrap().replace('"', "")
}

#[test]
fn the_words_inside_events_stay() {
    for reason in Reason::ALL {
        assert_eq!(word(reason), reason.word());
    }
    for kind in domain::notice::Kind::ALL {
        assert_eq!(word(kind), kind.word());
    }
    for outcome in [
        Outcome::Up,
        Outcome::Degraded,
        Outcome::Down,
        Outcome::Inconclusive,
    ] {
        assert_eq!(word(outcome), outcome.word());
    }
    let silences = [
        Silence::New,
        Silence::Stopped,
        Silence::Missing,
        Silence::Inconclusive,
        Silence::MonitoringGap,
    ];
    assert_eq!(
        silences.map(word),
        [
            "new",
            "stopped",
            "missing",
            "inconclusive",
            "monitoring-gap"
        ]
    );
    assert_eq!(
        [GapCause::Stalled, GapCause::ClockStepped].map(word),
        ["stalled", "clock-stepped"]
    );
    assert_eq!(
        [
            Cause::Outage,
            Cause::Overrun,
            Cause::Declared,
            Cause::Degraded,
            Cause::Reported
        ]
        .map(word),
        ["outage", "overrun", "declared", "degraded", "reported"]
    );
    assert_eq!(
        [
            Delivery::Accepted,
            Delivery::Deferred,
            Delivery::Rejected,
            Delivery::Ambiguous
        ]
        .map(word),
        ["accepted", "deferred", "rejected", "ambiguous"]
    );
    assert_eq!(
        [
            Certainty::Unknown,
            Certainty::Suspected,
            Certainty::Confirmed
        ]
        .map(word),
        ["unknown", "suspected", "confirmed"]
    );
    assert_eq!(
        [Declared::Wholly, Declared::Partly].map(word),
        ["wholly", "partly"]
    );
    assert_eq!(
        [Kind::Provided, Kind::Partner].map(word),
        ["provided", "partner"]
    );
    assert_eq!(
        [Affects::Availability, Affects::Degradation].map(word),
        ["availability", "degradation"]
    );
}
