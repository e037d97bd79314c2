//! Days whose latencies were not rolled up when the service stopped.

use domain::id::Source;
use domain::sample::{Outcome, Phases, Sample};

use super::*;
use crate::config;
use crate::samples::rollup;

/// A ledger that watched at the first instant of the day before yesterday, with one sample and no roll-up.
fn watched_then(house: &House) -> Timestamp {
    let loaded = config::load(&house.start().config).unwrap_or_else(|e| panic!("{e}"));
    files::make_private_dir(&house.data).unwrap();
    let day = jiff::SignedDuration::from_hours(24).as_secs();
    let today = clock::now().as_second() / day * day;
    let began = Timestamp::from_second(today - 2 * day).unwrap();
    let mut ledger = Ledger::open(&house.data).unwrap();
    let identity = "test".into();
    let tzdb = "2026e".into();
    let catalogue = Box::new(loaded.catalogue);
    for fact in [
        Fact::LedgerCreated { identity, tzdb },
        Fact::Configured { catalogue },
        Fact::Started { alive_until: None },
        Fact::Stopped,
    ] {
        let by = Actor::cli("test");
        let event = Event {
            at: began,
            by,
            fact,
        };
        ledger.append(began, &[event], &[]).unwrap();
    }
    let samples = Instance::open(&house.data, began).unwrap();
    let sample = Sample {
        source: Source::new("portal/p", "local"),
        at: began,
        late_us: 0,
        outcome: Outcome::Up,
        reason: None,
        detail: None,
        took_us: 150,
        phases: Phases::default(),
        status: None,
        certificate_ends_at: None,
        certificate_ends_soon: false,
        clock_offset_us: None,
    };
    samples.writer().offer(sample).unwrap();
    samples.close().unwrap();
    began
}

/// The roll-up of the day that began at `began`, once the ledger has it.
async fn rolled_up(house: &House, began: Timestamp) -> Vec<Fact> {
    let found = async {
        loop {
            let mut facts = house.facts();
            facts.retain(
                |f| matches!(f, Fact::LatenciesRolledUp { span, .. } if span.from == began),
            );
            if !facts.is_empty() {
                return facts;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, found)
        .await
        .expect("it is rolled up")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_passed_is_rolled_up_at_the_next_start_and_once() {
    let house = House::new("127.0.0.1:0", "data");
    let began = watched_then(&house);
    for _ in 0..2 {
        let (stop, service) = house.runs();
        let facts = rolled_up(&house, began).await;
        house.hears().await;
        stop.send(()).unwrap();
        service.await.unwrap().unwrap();
        let [
            Fact::LatenciesRolledUp {
                file,
                sha256,
                samples,
                ..
            },
        ] = &facts[..]
        else {
            panic!("{facts:?}")
        };
        assert_eq!(*samples, 1);
        assert!(rollup::read(&house.data, file, sha256).is_some());
    }
}
