//! The site of two hundred systems: it is rendered when somebody asks, and each page agrees with the state.

use domain::actor::Actor;
use domain::catalogue::{
    Active, Affects, Catalogue, Committee, Days, End, Flapping, GROUP_WITHIN_S, Kind, Method,
    Probe, Rule, System,
};
use domain::event::{Event, Fact, Silence};
use domain::id::{IncidentId, OutageId, ProbeId, Source as ProbeSource, SystemId};
use domain::incident::Cause;
use domain::record::Record;
use jiff::SignedDuration;

use super::*;
use crate::engine::snapshot::Snapshot;
use crate::ledger::Head;
use crate::web::public::render::Templates;
use crate::web::public::site::Source;

/// Outages of each system in a year.
const OUTAGES: i64 = 12;

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

fn name(n: usize) -> String {
    format!("system-{n}")
}

/// Sundays at 03:00 for two hours.
fn weekly() -> Rule {
    Rule {
        id: "weekly".to_owned(),
        title: "Weekly update".to_owned(),
        impact: None,
        days: Days::Weekdays(vec![jiff::civil::Weekday::Sunday]),
        start: "03:00".parse().unwrap(),
        end: End::After(7200),
        zone: "America/New_York".to_owned(),
        max_downtime_s: None,
        min_notice_s: None,
        start_grace_s: None,
        agreed: Some("2024-03-01".parse().unwrap()),
        tell: false,
        announce_s: Vec::new(),
    }
}

fn system(n: usize) -> System {
    let id = SystemId::from(name(n).as_str());
    System {
        name: format!("System {n}"),
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
            id: ProbeId::of(&id, "main"),
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
        windows: vec![weekly()],
        id,
    }
}

/// A year of these systems.
struct Year {
    record: Record,
    outages: u64,
}

impl Year {
    fn of(systems: usize) -> Self {
        let catalogue = Catalogue {
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
            systems: (0..systems).map(system).collect(),
            ..Catalogue::default()
        };
        let mut year = Self {
            record: Record::default(),
            outages: 0,
        };
        let began = at("2025-10-01T12:00:00Z");
        let created = Fact::LedgerCreated {
            identity: "k3v9q2".to_owned(),
            tzdb: "test".to_owned(),
        };
        year.tell(began, created);
        let catalogue = Box::new(catalogue);
        year.tell(began, Fact::Configured { catalogue });
        year.tell(began, Fact::Started { alive_until: None });
        for n in 0..systems {
            let (source, from) = (source(n), began);
            let cause = Silence::New;
            let silent = Fact::ProbeSilent {
                source: source.clone(),
                from,
                cause,
            };
            year.tell(began, silent);
            year.tell(began, Fact::ProbeFirstResult { source, from });
        }
        for month in 0..OUTAGES {
            for n in 0..systems {
                let spread = i64::try_from(n).unwrap() * 1_000;
                let from = began + SignedDuration::from_secs(month * 30 * 86_400 + spread);
                year.goes_down(n, from);
                year.comes_back(n, from + SignedDuration::from_mins(7));
            }
        }
        year
    }

    fn tell(&mut self, at: jiff::Timestamp, fact: Fact) {
        let event = Event {
            at,
            by: Actor::service(),
            fact,
        };
        self.record.apply(self.record.seq + 1, &event);
    }

    fn goes_down(&mut self, n: usize, from: jiff::Timestamp) {
        self.outages += 1;
        let system = SystemId::from(name(n).as_str());
        let down = Fact::ProbeDown {
            source: source(n),
            from,
            reason: None,
            detail: None,
            samples: Vec::new(),
            before: None,
        };
        self.tell(from, down);
        let opened = Fact::OutageOpened {
            outage: OutageId(self.outages),
            system: system.clone(),
            start: from,
            planned: false,
        };
        self.tell(from, opened);
        let incident = Fact::IncidentOpened {
            incident: IncidentId(self.outages),
            systems: vec![system],
            outages: vec![OutageId(self.outages)],
            cause: Cause::Outage,
        };
        self.tell(from, incident);
    }

    fn comes_back(&mut self, n: usize, to: jiff::Timestamp) {
        let up = Fact::ProbeUp {
            source: source(n),
            to,
            unobserved: None,
            samples: Vec::new(),
            before: None,
        };
        self.tell(to, up);
        let closed = Fact::OutageClosed {
            outage: OutageId(self.outages),
            end: to,
            unobserved: None,
        };
        self.tell(to, closed);
        let resolved = Fact::IncidentResolved {
            incident: IncidentId(self.outages),
            text: None,
        };
        self.tell(to, resolved);
    }

    /// The site as of an instant.
    fn site(
        &self,
        templates: &Arc<Templates>,
        at: jiff::Timestamp,
        before: Option<&Site>,
    ) -> Arc<Site> {
        let systems = self.record.catalogue.systems.iter();
        let pages = PublicPages {
            name: None,
            url: None,
            systems: systems.map(|system| system.id.clone()).collect(),
            groups: Vec::new(),
            logo: None,
            colour: "#1f5f8b".to_owned(),
            days: 90,
            problem_reports: None,
        };
        let source = Source {
            snapshot: Arc::new(Snapshot {
                record: self.record.clone(),
                head: Head::default(),
                at,
                behind: false,
                doubted: Default::default(),
            }),
            pages: Arc::new(pages),
            templates: Arc::clone(templates),
            archive: Arc::default(),
            logo: None,
            url: "https://status.example.org".to_owned(),
            at,
        };
        Arc::new(Site::of(source, before).unwrap())
    }
}

fn source(n: usize) -> ProbeSource {
    ProbeSource {
        probe: ProbeId::of(&SystemId::from(name(n).as_str()), "main"),
        vantage: "local".into(),
    }
}

async fn asked(site: &Site, path: &str) -> (String, String) {
    let answer = site.make(path).unwrap();
    let answer = answer.respond(StatusCode::OK, &HeaderMap::new());
    let tag = answer.headers()[header::ETAG].to_str().unwrap().to_owned();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX);
    let body = body.await.unwrap();
    (tag, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_page_is_rendered_when_it_is_asked_for_and_then_kept() {
    let templates = Arc::new(Templates::new(None).unwrap());
    let year = Year::of(3);
    let site = year.site(&templates, at("2026-10-02T12:00:00Z"), None);
    let made = |site: &Site| site.paths().filter(|path| site.is_made(path)).count();
    // The style, the script and the icon.
    assert_eq!(made(&site), 3);
    let (tag, page) = asked(&site, "/systems/system-1").await;
    assert!(page.contains("<h1>System 1</h1>"), "{page}");
    assert_eq!(made(&site), 4);
    assert_eq!(asked(&site, "/systems/system-1").await, (tag, page));
    assert!(site.make("/systems/system-9").is_none());
    let paths: Vec<String> = site.paths().map(str::to_owned).collect();
    for path in paths {
        assert!(site.make(&path).is_some(), "{path}");
    }
}

#[tokio::test]
async fn a_change_changes_the_answers_that_it_concerns() {
    let templates = Arc::new(Templates::new(None).unwrap());
    let mut year = Year::of(3);
    let now = at("2026-10-02T12:00:00Z");
    let before = year.site(&templates, now, None);
    year.goes_down(1, now);
    let after = year.site(&templates, now, Some(&before));
    let differs = async |path: &str| asked(&before, path).await != asked(&after, path).await;
    for path in [
        "/",
        "/systems/system-1",
        "/badge/system-1.svg",
        "/api/v2/summary.json",
    ] {
        assert!(differs(path).await, "{path}");
    }
    for path in ["/badge/system-2.svg", "/robots.txt"] {
        assert!(!differs(path).await, "{path}");
    }
    assert_ne!(before.version, after.version);
    let (_, page) = asked(&after, "/").await;
    assert!(
        page.contains("<h1>System 1 is not available.</h1>"),
        "{page}"
    );
    // The outage has lasted no second yet.
    let later = year.site(&templates, now + SignedDuration::from_mins(3), Some(&after));
    let (_, page) = asked(&later, "/systems/system-1").await;
    assert!(page.contains("2 Oct 2026: down 3 min"), "{page}");
    let (_, page) = asked(&later, "/systems/system-2").await;
    assert!(page.contains("2 Oct 2026: no downtime"), "{page}");
}
