//! The whole engine against real sockets on the loopback: thread, handle, probe tasks and both stores.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::act::{Act, Selector};
use domain::actor::Actor;
use domain::catalogue::Catalogue;
use domain::event::Delivery;
use domain::id::NoticeId;
use domain::id::ProbeId;
use domain::input::Input;
use domain::notice::Kind;
use domain::notice::Notice;
use domain::notices;
use domain::record::Record;
use domain::sample::{Outcome, Reason};
use domain::schedule::{Grid, Pace};
use jiff::SignedDuration;
use probes::self_check::Target;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;
use values::Format as _;

use super::fixtures::{self, active, catalogue, portal, sample};
use crate::clock::Clock;
use crate::config::{self, ProbeSetup};
use crate::engine::handle::{EngineHandle, Error};
use crate::engine::runner::Runner;
use crate::engine::thread::Running;
use crate::ledger::{self, Ledger};
use crate::samples::Instance;

/// Each step takes less than a second on an idle machine.
const LONG: Duration = Duration::from_secs(30);

struct Service {
    data: TempDir,
    samples: Instance,
    engine: Arc<EngineHandle>,
    running: Running,
}

impl Service {
    /// A service with a new ledger.
    async fn start(catalogue: Catalogue) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self::start_on(data, Clock::start().unwrap(), catalogue).await
    }

    /// A service on the stores in `data`, started as the program starts it.
    async fn start_on(data: TempDir, clock: Clock, catalogue: Catalogue) -> Self {
        let samples = Instance::open(data.path(), clock.now()).unwrap();
        let ledger = Ledger::open(data.path()).unwrap();
        let alive_until = crate::engine::alive_until(&ledger, &samples).unwrap();
        let new = ledger.is_new();
        let mut turn = crate::engine::open(ledger, &samples, clock.now()).unwrap();
        let found = Input::CreateLedger {
            identity: "test".to_owned(),
            tzdb: "2026a".to_owned(),
        };
        let configure = Input::Configure {
            by: Actor::cli("test"),
            catalogue: Box::new(catalogue),
        };
        for input in [found, configure].into_iter().filter(|_| new) {
            turn.step(clock.now(), input, None).result.unwrap();
        }
        let writer = samples.writer();
        let (engine, running) =
            crate::engine::thread::start(turn, data.path(), clock, Some(writer)).unwrap();
        engine.start(alive_until).await.unwrap();
        Self {
            data,
            samples,
            engine,
            running,
        }
    }

    /// Stops the service. Returns the record and the number of stored samples.
    async fn stop(self) -> (Record, u64) {
        self.engine.stop().await.unwrap();
        assert!(matches!(self.engine.stop().await, Err(Error::Stopped)));
        drop(self.engine);
        self.running.join().unwrap();
        self.samples.writer().flush().unwrap();
        let count = self.samples.count().unwrap();
        self.samples.close().unwrap();
        let ledger = Ledger::open(self.data.path()).unwrap();
        assert!(ledger.marked().unwrap().is_some());
        (ledger::replay_record(&ledger, None).unwrap(), count)
    }

    /// Ends the service without a stop event. Returns its folder.
    fn die(self) -> TempDir {
        drop(self.engine);
        self.running.join().unwrap();
        self.samples.close().unwrap();
        self.data
    }

    /// Waits until a notice of that kind is due.
    async fn due(&self, kind: Kind) -> Notice {
        let doubted = std::collections::BTreeSet::new();
        self.shows(|record| {
            let mut due = notices::due(record, &doubted, self.engine.clock().now()).into_iter();
            due.find(|notice| notice.kind == kind)
        })
        .await
    }

    async fn shows<T>(&self, wanted: impl Fn(&Record) -> Option<T>) -> T {
        let shown = async {
            loop {
                if let Some(found) = wanted(&self.engine.snapshot().record) {
                    return found;
                }
                // The snapshot is at most a quarter of a second old.
                let _ = timeout(Duration::from_millis(100), self.engine.outbox_changed()).await;
            }
        };
        timeout(LONG, shown).await.unwrap()
    }
}

/// Short intervals, in about the proportions of 30 s and 5 s.
fn quick() -> Catalogue {
    let mut catalogue = catalogue();
    let probe = active(&mut catalogue);
    (probe.interval_ms, probe.retry_interval_ms, probe.timeout_ms) = (200, 40, 1_000);
    catalogue.gather_s = 0;
    catalogue
}

fn setup(id: ProbeId, target: SocketAddr) -> ProbeSetup {
    let timeout = Duration::from_secs(1);
    let keys = format!("host = \"{}\"\nport = {}", target.ip(), target.port());
    ProbeSetup {
        id,
        vantage: "here".into(),
        probe: fixtures::probe("tcp", &keys, timeout),
        interval_ms: 200,
        retry_interval_ms: 40,
    }
}

async fn accepted(listener: &TcpListener, times: usize) {
    for _ in 0..times {
        timeout(LONG, listener.accept()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_port_that_closes_and_opens_again_is_one_outage_with_both_notices() {
    let service = Service::start(quick()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    runner.replace(vec![setup(portal(), target)]);
    accepted(&listener, 3).await;

    drop(listener);
    let probe = service.engine.shared().probe(&portal()).unwrap();
    let mut pace = probe.pace();
    timeout(LONG, pace.wait_for(|pace| *pace == Pace::Retry))
        .await
        .unwrap()
        .unwrap();
    let downtime = service.due(Kind::Downtime).await;

    let sha256 = "00".repeat(32);
    let id = "<1@nines.example>".to_owned();
    let (first, number) = service
        .engine
        .attempt(&downtime, id.clone(), sha256.clone(), b"hello".to_vec())
        .await
        .unwrap();
    assert_eq!((first, number), (NoticeId(1), 1));
    let again = service
        .engine
        .attempt(&downtime, id, sha256, b"hello".to_vec())
        .await;
    assert!(
        matches!(again, Err(Error::Refused(_))),
        "one attempt at a time"
    );
    assert_eq!(service.engine.message(first).unwrap().unwrap(), b"hello");
    let reply = "250 taken".to_owned();
    service
        .engine
        .delivered(first, 1, Delivery::Accepted, reply, false, None)
        .await
        .unwrap();

    let listener = TcpListener::bind(target).await.unwrap();
    accepted(&listener, 3).await;
    service.due(Kind::Uptime).await;
    runner.stop().await;

    // Only a stopped engine has handled the last samples.
    let (record, stored) = service.stop().await;
    let counts = probe.counts();
    assert!(counts.up >= 5 && counts.down >= 3, "{counts:?}");
    assert_eq!(
        stored,
        counts.samples(),
        "every probe made is a sample stored"
    );
    assert_eq!(record.outages.all().count(), 1);
    let outage = record.outages.all().next().unwrap();
    assert!(outage.end.is_some_and(|end| end > outage.start));
    assert_eq!(outage.reason, Some(Reason::Refused));
    assert!(!record.monitoring.is_watching());
}

#[tokio::test]
async fn a_clock_that_is_set_back_delays_no_notice() {
    let service = Service::start(quick()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    runner.replace(vec![setup(portal(), target)]);
    accepted(&listener, 3).await;

    let clock = service.engine.clock().clone();
    clock.set_by(SignedDuration::from_hours(-1));
    drop(listener);
    let downtime = service.due(Kind::Downtime).await;
    let shown = service.engine.snapshot();
    let due = notices::due(&shown.record, &shown.doubted, clock.now());
    assert_eq!(due, [downtime], "it leaves at once");
    // During the outage the clock is set back again, and then to the right time.
    clock.set_by(SignedDuration::from_hours(-2));
    service
        .shows(|r| (r.monitoring.repeated().len() == 2).then_some(()))
        .await;
    clock.set_by(SignedDuration::ZERO);
    let listener = TcpListener::bind(target).await.unwrap();
    accepted(&listener, 3).await;
    service.due(Kind::Uptime).await;
    runner.stop().await;

    let counters = &service.engine.shared().counters;
    let steps = counters
        .clock_steps
        .load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(steps, 3);
    let (record, _) = service.stop().await;
    assert_eq!(record.outages.all().count(), 1, "it is not split");
    let outage = record.outages.all().next().unwrap();
    assert!(outage.end.is_some_and(|end| end >= outage.start));
    assert_eq!(
        record.notices.outage_entries().count(),
        1,
        "one conversation"
    );
    assert_eq!(record.monitoring.repeated().len(), 2);
}

#[tokio::test]
async fn a_service_whose_clock_was_ahead_before_a_restart_monitors_at_once() {
    let data = tempfile::tempdir().unwrap();
    let clock = Clock::start().unwrap();
    clock.set_by(SignedDuration::from_hours(3));
    let _ = clock.monitoring_gaps();
    let ahead = Service::start_on(data, clock, quick()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let runner = Runner::start(Arc::clone(&ahead.engine)).unwrap();
    runner.replace(vec![setup(portal(), target)]);
    accepted(&listener, 4).await;
    runner.stop().await;
    drop(runner);
    let data = ahead.die();

    let service = Service::start_on(data, Clock::start().unwrap(), quick()).await;
    let twice = service
        .engine
        .snapshot()
        .record
        .monitoring
        .repeated()
        .to_vec();
    let three_hours = SignedDuration::from_hours(3).as_secs();
    assert_eq!(twice.len(), 1);
    assert!(
        twice[0].seconds() < three_hours,
        "the time that was seen, no more"
    );
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    runner.replace(vec![setup(portal(), target)]);
    accepted(&listener, 3).await;
    drop(listener);
    service.due(Kind::Downtime).await;
    runner.stop().await;
    let (record, _) = service.stop().await;
    let outage = record.outages.all().next().unwrap();
    assert!(outage.start < twice[0].from, "dated by the clock as it is");
}

#[tokio::test]
async fn an_act_gets_a_receipt_or_a_reason() {
    let service = Service::start(catalogue()).await;
    let acknowledge = Act::Acknowledge {
        incident: Selector::System("portal".into()),
        counts_from: None,
        approved_by: None,
    };
    let refused = service
        .engine
        .act(Actor::cli("kim"), acknowledge.clone(), None)
        .await;
    assert!(matches!(refused, Err(Error::Refused(_))));
    let declare = Act::DeclareOutage {
        system: "portal".into(),
        from: service.engine.clock().now(),
        to: None,
        evidence: "customers call".to_owned(),
    };
    let receipt = service
        .engine
        .act(Actor::cli("kim"), declare, None)
        .await
        .unwrap();
    let (last, _) = *receipt.events.last().unwrap();
    let snapshot = service.engine.snapshot();
    assert!(
        snapshot.record.seq >= last,
        "the events of a receipt are in the snapshot"
    );
    assert_eq!(snapshot.head.seq, snapshot.record.seq);
    service
        .engine
        .act(Actor::cli("kim"), acknowledge, None)
        .await
        .unwrap();
    let (record, _) = service.stop().await;
    assert_eq!(
        record
            .incidents
            .all()
            .next()
            .unwrap()
            .acknowledged
            .as_ref()
            .unwrap()
            .by,
        "kim"
    );
}

#[tokio::test]
async fn the_same_configuration_adds_no_event_and_a_new_one_changes_the_probes() {
    let service = Service::start(quick()).await;
    let same = service
        .engine
        .configure(Actor::cli("kim"), quick())
        .await
        .unwrap();
    assert_eq!(same.events, []);

    let old = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    runner.replace(vec![setup(portal(), old.local_addr().unwrap())]);
    accepted(&old, 2).await;

    let mut more = quick();
    let mut second = more.systems[0].probes[0].clone();
    second.id = ProbeId::from("portal/second");
    more.systems[0].probes.push(second.clone());
    let other = service
        .engine
        .configure(Actor::cli("kim"), more)
        .await
        .unwrap();
    assert_ne!(other.events, []);
    let new = TcpListener::bind("127.0.0.1:0").await.unwrap();
    runner.replace(vec![
        setup(portal(), old.local_addr().unwrap()),
        setup(second.id.clone(), new.local_addr().unwrap()),
    ]);
    accepted(&new, 2).await;
    accepted(&old, 2).await;
    let before = service.engine.shared().probe(&portal()).unwrap();

    let mut without = quick();
    without.systems[0].probes[0] = second.clone();
    service
        .engine
        .configure(Actor::cli("kim"), without)
        .await
        .unwrap();
    runner.replace(vec![setup(second.id.clone(), new.local_addr().unwrap())]);
    accepted(&new, 2).await;
    assert!(
        service.engine.shared().probe(&portal()).is_none(),
        "a removed probe vanishes"
    );
    assert!(before.counts().up >= 3);
    runner.stop().await;
    service.stop().await;
}

#[tokio::test]
async fn a_slow_probe_runs_once_at_a_time_and_its_missed_slots_are_counted() {
    let mut catalogue = quick();
    active(&mut catalogue).interval_ms = 400;
    let service = Service::start(catalogue).await;
    // The backlog takes the connection, but this server never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let timeout_of = Duration::from_millis(700);
    let setup = ProbeSetup {
        id: portal(),
        vantage: "here".into(),
        probe: fixtures::page(&listener, timeout_of),
        interval_ms: 400,
        retry_interval_ms: 40,
    };
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    runner.replace(vec![setup]);
    let probe = service.engine.shared().probe(&portal()).unwrap();
    timeout(LONG, probe.pace().wait_for(|pace| *pace == Pace::Retry))
        .await
        .unwrap()
        .unwrap();
    timeout(LONG, probe.pace().wait_for(|pace| *pace != Pace::Retry))
        .await
        .unwrap()
        .unwrap();
    runner.stop().await;
    let latest = probe.latest().unwrap();
    assert_eq!(
        (latest.outcome, latest.reason),
        (Outcome::Down, Some(Reason::Timeout))
    );
    let counts = probe.counts();
    assert!(counts.down >= 3);
    assert!(counts.missed >= counts.down, "{counts:?}");
    service.stop().await;
}

#[tokio::test]
async fn slots_missed_for_want_of_a_permit_are_counted_and_the_next_is_taken() {
    let service = Service::start(quick()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    let permits = runner.permits();
    let count = u32::try_from(permits.available_permits()).unwrap();
    let all = permits.acquire_many(count).await.unwrap();
    let began = crate::clock::elapsed();
    runner.replace(vec![setup(portal(), listener.local_addr().unwrap())]);
    let probe = service.engine.shared().probe(&portal()).unwrap();
    // Five slots of 200 ms, of which the task waits in the first.
    tokio::time::sleep(Duration::from_millis(1_100)).await; // scripted delay
    assert!(probe.latest().is_none());
    assert_eq!(probe.counts().missed, 0);
    drop(all);
    accepted(&listener, 2).await;
    let missed = probe.counts().missed;
    let passed = u64::try_from((crate::clock::elapsed() - began).as_millis() / 200).unwrap();
    assert!((3..=passed).contains(&missed), "{missed} of {passed}");
    runner.stop().await;
    service.stop().await;
}

#[tokio::test]
async fn a_start_that_had_to_wait_is_measured_from_its_slot() {
    let service = Service::start(quick()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    let permits = runner.permits();
    let count = u32::try_from(permits.available_permits()).unwrap();
    let all = permits.acquire_many(count).await.unwrap();
    let clock = service.engine.clock().clone();
    let mut setup = setup(portal(), listener.local_addr().unwrap());
    setup.interval_ms = 1_000;
    let slots = Grid::of(&setup.id, setup.interval_ms);
    runner.replace(vec![setup]);
    let probe = service.engine.shared().probe(&portal()).unwrap();
    let due = slots.at_or_after(clock.now());
    while clock.now() < due + SignedDuration::from_millis(300) {
        tokio::time::sleep(Duration::from_millis(10)).await; // scripted delay
    }
    drop(all);
    accepted(&listener, 1).await;
    let first = async {
        loop {
            if let Some(sample) = probe.latest() {
                return sample;
            }
            tokio::task::yield_now().await;
        }
    };
    let sample = timeout(LONG, first).await.unwrap();
    // A busy machine may take a later slot, which is also one of the grid.
    let late = SignedDuration::from_micros(i64::try_from(sample.late_us).unwrap());
    let near = SignedDuration::from_millis(20);
    let slot_of = slots.at_or_after(sample.at - late - near);
    let off = (sample.at - late).duration_since(slot_of).abs();
    assert!(off <= near, "{sample:?} is {off:?} off its slot {slot_of}");
    assert!(slot_of > due || sample.late_us >= 280_000, "{sample:?}");
    runner.stop().await;
    service.stop().await;
}

#[tokio::test]
async fn a_slow_target_delays_no_other() {
    let mut catalogue = quick();
    let mut slow = catalogue.systems[0].probes[0].clone();
    slow.id = ProbeId::from("portal/slow");
    catalogue.systems[0].probes.push(slow.clone());
    let service = Service::start(catalogue).await;
    let quick = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // Accepts, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let waits = ProbeSetup {
        id: slow.id.clone(),
        vantage: "here".into(),
        probe: fixtures::page(&silent, LONG),
        interval_ms: 200,
        retry_interval_ms: 40,
    };
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    runner.replace(vec![waits.clone()]);
    let asked = timeout(LONG, silent.accept()).await.unwrap().unwrap();
    runner.replace(vec![waits, setup(portal(), quick.local_addr().unwrap())]);
    accepted(&quick, 10).await;
    let probe = service.engine.shared().probe(&slow.id).unwrap();
    assert!(probe.latest().is_none(), "it is still running");
    drop(asked);
    runner.stop().await;
    service.stop().await;
}

/// A start that waits for a slot of this interval does not happen during a test.
const DAY_MS: i64 = 24 * 3_600_000;

/// A loopback address that refuses connections.
async fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
async fn a_pending_run_is_retried_at_the_start_of_the_service_and_not_at_the_next_slot() {
    let mut daily = quick();
    active(&mut daily).interval_ms = DAY_MS;
    let service = Service::start(daily.clone()).await;
    service
        .engine
        .sample(sample(service.engine.clock().now(), Outcome::Down))
        .await;
    let probe = service.engine.shared().probe(&portal()).unwrap();
    timeout(LONG, probe.pace().wait_for(|pace| *pace == Pace::Retry))
        .await
        .unwrap()
        .unwrap();
    service.engine.stop().await.unwrap();
    let data = service.die();

    let service = Service::start_on(data, Clock::start().unwrap(), daily).await;
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    let mut setup = setup(portal(), refusing().await);
    setup.interval_ms = DAY_MS;
    runner.replace(vec![setup]);
    service.due(Kind::Downtime).await;
    runner.stop().await;
    service.stop().await;
}

#[tokio::test]
async fn a_daily_probe_runs_soon_after_each_start_of_the_service() {
    let mut daily = quick();
    active(&mut daily).interval_ms = DAY_MS;
    let service = Service::start(daily).await;
    let probe = service.engine.shared().probe(&portal()).unwrap();
    assert_eq!(*probe.pace().borrow(), Pace::Soon);
    let now = service.engine.clock().now();
    service.engine.sample(sample(now, Outcome::Up)).await;
    timeout(LONG, probe.pace().wait_for(|pace| *pace == Pace::Slots))
        .await
        .unwrap()
        .unwrap();
    service.engine.stop().await.unwrap();
    let data = service.die();

    // A start makes the time since the last sample unknown.
    let mut daily = quick();
    active(&mut daily).interval_ms = DAY_MS;
    let service = Service::start_on(data, Clock::start().unwrap(), daily).await;
    let probe = service.engine.shared().probe(&portal()).unwrap();
    assert_eq!(*probe.pace().borrow(), Pace::Soon);
    service.stop().await;
}

#[tokio::test]
async fn a_reload_that_changes_the_interval_keeps_a_pending_retry() {
    let service = Service::start(quick()).await;
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    let mut setup = setup(portal(), refusing().await);
    setup.retry_interval_ms = 3_000;
    runner.replace(vec![setup.clone()]);
    let probe = service.engine.shared().probe(&portal()).unwrap();
    timeout(LONG, probe.pace().wait_for(|pace| *pace == Pace::Retry))
        .await
        .unwrap()
        .unwrap();

    let mut daily = quick();
    active(&mut daily).interval_ms = DAY_MS;
    service
        .engine
        .configure(Actor::cli("kim"), daily)
        .await
        .unwrap();
    (setup.interval_ms, setup.retry_interval_ms) = (DAY_MS, 40);
    runner.replace(vec![setup]);
    service.due(Kind::Downtime).await;
    assert!(probe.counts().down >= 3, "{:?}", probe.counts());
    runner.stop().await;
    service.stop().await;
}

#[tokio::test]
async fn no_outage_begins_while_the_monitors_own_network_fails() {
    let service = Service::start(quick()).await;
    let runner = Runner::start(Arc::clone(&service.engine)).unwrap();
    let gateway = refusing().await;
    runner.check_itself(config::SelfCheck {
        targets: vec![Target::parse(&gateway.to_string()).unwrap()],
        name: None,
    });
    runner.replace(vec![setup(portal(), refusing().await)]);
    let probe = service.engine.shared().probe(&portal()).unwrap();
    let unknown = async {
        while probe.counts().inconclusive < 5 {
            let _ = timeout(Duration::from_millis(20), service.engine.outbox_changed()).await;
        }
    };
    timeout(LONG, unknown).await.unwrap();
    assert_eq!(probe.counts().down, 0);
    assert_eq!(service.engine.snapshot().record.outages.all().count(), 0);

    // The network is back; the target still refuses.
    let _gateway = TcpListener::bind(gateway).await.unwrap();
    service.due(Kind::Downtime).await;
    runner.stop().await;
    service.stop().await;
}
