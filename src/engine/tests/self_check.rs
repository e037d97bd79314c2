//! The monitor's check of itself against real sockets on the loopback.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use domain::record::Record;
use domain::sample::{Outcome, Reason, Sample};
use probes::self_check::{Resolver, Target};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use values::Format as _;

use super::fixtures::sample;
use crate::clock::Clock;
use crate::config;
use crate::engine::self_check::SelfCheck;
use crate::engine::snapshot::{Check, SharedState, Snapshot};
use crate::ledger::Head;

/// Long enough that a sample is held for as long as a check may take.
const INTERVAL_MS: i64 = 60_000;

fn self_check(resolver: Resolver) -> (Arc<SelfCheck>, Arc<SharedState>) {
    let clock = Clock::start().unwrap();
    let shared = Arc::new(SharedState::new(Snapshot {
        record: Record::default(),
        head: Head::default(),
        at: clock.now(),
        behind: false,
        doubted: BTreeSet::new(),
    }));
    let check = SelfCheck::new(clock, Arc::clone(&shared), resolver);
    (Arc::new(check), shared)
}

fn targets(texts: &[String]) -> config::SelfCheck {
    config::SelfCheck {
        targets: texts.iter().map(|t| Target::parse(t).unwrap()).collect(),
        name: None,
    }
}

fn sampled(outcome: Outcome) -> Sample {
    sample("2026-10-07T06:15:00Z".parse().unwrap(), outcome)
}

fn failure(shared: &SharedState, check: Check) -> Option<bool> {
    let state = shared.self_check(check).load_full();
    state.map(|state| state.failure.is_some())
}

#[tokio::test]
async fn a_bad_sample_is_inconclusive_while_no_target_answers_and_keeps_its_time() {
    let (check, shared) = self_check(Resolver::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    check.configure(targets(&[at.to_string()]));
    let bad = sampled(Outcome::Down);
    let judged = check.judge(bad.clone(), None, INTERVAL_MS).await;
    assert_eq!(
        (judged.outcome, judged.reason, judged.at),
        (Outcome::Inconclusive, Some(Reason::Monitor), bad.at)
    );
    let detail = judged.detail.unwrap();
    let words = format!("the monitor's own network fails: {at}: connection refused");
    assert!(detail.starts_with(&words), "{detail}");
    assert_eq!(failure(&shared, Check::Network), Some(true));

    let _open = TcpListener::bind(at).await.unwrap();
    assert_eq!(check.judge(bad.clone(), None, INTERVAL_MS).await, bad);
    assert_eq!(failure(&shared, Check::Network), Some(false));
    assert_eq!(failure(&shared, Check::Resolver), None);
}

#[tokio::test]
async fn samples_that_fail_at_once_share_a_check_and_good_ones_need_none() {
    let (check, _) = self_check(Resolver::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    check.configure(targets(&[listener.local_addr().unwrap().to_string()]));
    let mut judging = JoinSet::new();
    for outcome in [Outcome::Up, Outcome::Degraded, Outcome::Inconclusive] {
        let check = Arc::clone(&check);
        judging.spawn(async move { check.judge(sampled(outcome), None, INTERVAL_MS).await });
    }
    for _ in 0..100 {
        let check = Arc::clone(&check);
        judging.spawn(async move { check.judge(sampled(Outcome::Down), None, INTERVAL_MS).await });
    }
    let judged = judging.join_all().await;
    let down = judged.iter().filter(|s| s.outcome == Outcome::Down);
    assert_eq!((judged.len(), down.count()), (103, 100));
    // The first sample begins a check; all others wait for the one after it.
    let listener = listener.into_std().unwrap();
    let connections = std::iter::from_fn(|| listener.accept().ok()).count();
    assert_eq!(connections, 2);
}

/// Answers each query: names that contain `gone` do not exist; for others the resolver fails.
async fn serve(socket: UdpSocket) {
    let mut buffer = [0; 512];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let gone = buffer[..length].windows(4).any(|word| word == b"gone");
        buffer[2] |= 0x80;
        buffer[3] = if gone { 0x83 } else { 0x82 };
        socket.send_to(&buffer[..length], from).await.unwrap();
    }
}

#[tokio::test]
async fn a_name_is_down_only_if_the_same_resolver_answers_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resolv.conf");
    let mut out = std::fs::File::create(&file).unwrap();
    out.write_all(b"nameserver 127.0.0.1\n").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let server = tokio::spawn(serve(socket));
    let (check, shared) = self_check(Resolver { file, port });
    let named = |names: &[&str]| check.set_names(names.iter().map(|n| Arc::from(*n)).collect());
    let unresolved = Sample {
        reason: Some(Reason::Dns),
        ..sampled(Outcome::Inconclusive)
    };
    let judge = |name: &'static str| {
        let judged = check.judge(unresolved.clone(), Some(name), INTERVAL_MS);
        async { judged.await.outcome }
    };

    // No other name, or only names without a dot, which need no server.
    named(&["portal.example.org", "gone"]);
    assert_eq!(judge("portal.example.org").await, Outcome::Inconclusive);
    // Another name for which the resolver fails, too.
    named(&["lab.example.org", "portal.example.org"]);
    assert_eq!(judge("portal.example.org").await, Outcome::Inconclusive);
    assert_eq!(failure(&shared, Check::Resolver), Some(true));
    named(&["gone.example.org", "portal.example.org"]);
    assert_eq!(judge("portal.example.org").await, Outcome::Down);
    assert_eq!(failure(&shared, Check::Resolver), Some(false));
    // The name that did not resolve does not speak for itself.
    assert_eq!(judge("gone.example.org").await, Outcome::Inconclusive);
    named(&["portal.example.org"]);
    let name = Some(Arc::from("gone.example.net"));
    check.configure(config::SelfCheck {
        targets: Vec::new(),
        name,
    });
    assert_eq!(judge("portal.example.org").await, Outcome::Down);

    server.abort();
    assert!(server.await.is_err());
    assert_eq!(judge("portal.example.org").await, Outcome::Inconclusive);
}
