//! Fixtures: a small catalogue, samples, probes, and a journal that can fail.

use std::sync::Arc;
use std::time::Duration;

use domain::catalogue::{
    Active, Affects, Catalogue, Committee, Customer, Kind, Method, Probe, System,
};
use domain::event::Event;
use domain::id::{NoticeId, ProbeId, Source, SystemId};
use domain::record::Record;
use domain::sample::{Outcome, Phases, Reason, Sample};
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

use crate::engine::turn::Journal;
use crate::ledger::{Error, Head};

/// A Thursday, ten in the morning in New York.
pub(crate) fn t(seconds: i64) -> Timestamp {
    let base: Timestamp = "2026-10-01T14:00:00Z".parse().unwrap();
    base + SignedDuration::from_secs(seconds)
}

pub(crate) fn portal() -> ProbeId {
    ProbeId::from("portal/login")
}

/// One system, one probe every 30 s, one customer.
pub(crate) fn catalogue() -> Catalogue {
    let zone = "America/New_York".to_owned();
    Catalogue {
        service: "Example HIE".to_owned(),
        contact: None,
        zone: zone.clone(),
        vantage: "here".into(),
        mail_from: "Status <status@example.org>".into(),
        gather_s: 30,
        committees: vec![Committee {
            id: "operations".into(),
            name: "Operating Committee".to_owned(),
            zone: zone.clone(),
            members: vec![],
            reporting: domain::catalogue::Reporting::default(),
        }],
        customers: vec![Customer {
            id: "st-elsewhere".into(),
            name: "St. Elsewhere".to_owned(),
            zone,
            phone: None,
            webhook: None,
            contacts: vec!["it@st-elsewhere.example".to_owned()],
            systems: vec![SystemId::from("portal")],
        }],
        systems: vec![System {
            id: "portal".into(),
            name: "Portal".to_owned(),
            kind: Kind::Provided,
            committee: "operations".into(),
            policy: None,
            target: None,
            downtime_advice: None,
            flapping: domain::catalogue::Flapping::USUAL,
            owner: None,
            depends_on: Vec::new(),
            group_within_s: domain::catalogue::GROUP_WITHIN_S,
            probes: vec![Probe {
                id: portal(),
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
            windows: vec![],
        }],
        ..Catalogue::default()
    }
}

/// The schedule and limits of the portal's probe.
pub(crate) fn active(catalogue: &mut Catalogue) -> &mut Active {
    match &mut catalogue.systems[0].probes[0].method {
        Method::Active(active) => active,
        Method::Heartbeat(_) => panic!("a heartbeat has no schedule"),
    }
}

/// A probe made of the keys of its kind.
pub(crate) fn probe(kind: &str, keys: &str, timeout: Duration) -> Arc<probes::Probe> {
    let environment = values::Environment {
        variable: &|_| None,
        file: &|_| Err("this test has no files".to_owned()),
        proxy_from_environment: false,
        commands: &[],
        reach: &values::reach::BUILT_IN,
    };
    Arc::new(probes::prepare(kind, keys, timeout, environment).unwrap())
}

/// An `http` probe of the server's page `/`.
pub(crate) fn page(server: &TcpListener, timeout: Duration) -> Arc<probes::Probe> {
    let address = server.local_addr().unwrap();
    probe("http", &format!("url = \"http://{address}/\""), timeout)
}

pub(crate) fn sample(at: Timestamp, outcome: Outcome) -> Sample {
    Sample {
        source: Source::new(portal(), "here"),
        at,
        late_us: 0,
        outcome,
        reason: (outcome == Outcome::Down).then_some(Reason::Refused),
        detail: None,
        took_us: 1_000,
        phases: Phases::default(),
        status: None,
        certificate_ends_at: None,
        certificate_ends_soon: false,
        clock_offset_us: None,
    }
}

/// A journal in memory that fails while `refuses` is true.
#[derive(Default)]
pub(crate) struct Flaky {
    pub(crate) refuses: bool,
    pub(crate) tried: u32,
    pub(crate) events: Vec<(Timestamp, Event)>,
}

impl Journal for Flaky {
    fn append(
        &mut self,
        recorded: Timestamp,
        events: &[Event],
        _messages: &[(NoticeId, Vec<u8>)],
    ) -> Result<Head, Error> {
        self.tried += 1;
        if self.refuses {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
        }
        self.events
            .extend(events.iter().map(|e| (recorded, e.clone())));
        let seq = u64::try_from(self.events.len()).unwrap();
        Ok(Head {
            seq,
            hash: String::new(),
        })
    }
}

impl Flaky {
    /// The fold of everything written.
    pub(crate) fn replay(&self) -> Record {
        let mut record = Record::default();
        for (seq, (_, event)) in (1..).zip(&self.events) {
            record.apply(seq, event);
        }
        record
    }
}
