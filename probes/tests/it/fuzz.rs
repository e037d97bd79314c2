//! Changed answers for each kind: no run may panic, go on without end, use much memory, or show what it must not. The
//! answers to change are in `probes/tests/corpora/`.
//!
//! `NINES_FUZZ_SECONDS=900` fuzzes each kind for so long, with a new seed. A failure prints the seed and the fewest
//! changes that cause it; `NINES_FUZZ_SEED` takes the seed again.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::sample::Reason;
use probes::Probe;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::mutations::{Mutation, mutations};
use crate::servers::{Spec, answer, ask_probe, say, serve};

/// The changed answers of a kind in a run of all tests. Then the seed is always the same.
const CASES: u32 = 300;

/// The changed answers between two looks at the clock.
const ROUND: u32 = 200;

/// The most memory of the process at any time. A body of 4 MiB is held twice while it is decoded.
const MOST_MEMORY_KIB: u64 = 256 * 1024;

/// A connection to one address uses one of 28,000 ports for a minute.
const ADDRESSES: u8 = 32;

/// The next answers of a peer.
type Queue = Arc<Mutex<VecDeque<Vec<u8>>>>;

/// Sends the next answer to each connection once it has `least` bytes of a request, and closes. The pages that a journey
/// goes on to are good.
async fn peer(ip: u8, least: usize, queue: Queue) -> SocketAddr {
    serve(&format!("127.0.0.{ip}:0"), move |mut stream| {
        let queue = Arc::clone(&queue);
        async move {
            let asked = request(&mut stream, least).await;
            let asked = String::from_utf8_lossy(&asked).into_owned();
            let next = match asked.contains(" /next") {
                true => None,
                false => queue.lock().unwrap().pop_front(),
            };
            let next = next.unwrap_or_else(|| answer(200, "").into_bytes());
            say(&mut stream, with_key(next, &asked)).await;
            end(stream).await;
        }
    })
    .await
}

/// At least so many bytes of a request, if it does not end before.
async fn request(stream: &mut TcpStream, least: usize) -> Vec<u8> {
    let mut asked = Vec::with_capacity(4096);
    while asked.len() < least {
        match stream.read_buf(&mut asked).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    asked
}

/// The answer to an upgrade needs the key of the request (RFC 6455 §4.2.2).
fn with_key(answer: Vec<u8>, asked: &str) -> Vec<u8> {
    const PLACE: &[u8] = b"{accept}";
    let key = asked.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then_some(value)
    });
    let at = answer.windows(PLACE.len()).position(|part| part == PLACE);
    let (Some(key), Some(at)) = (key, at) else {
        return answer;
    };
    let accept = derive_accept_key(key.trim().as_bytes());
    [
        &answer[..at],
        accept.as_bytes(),
        &answer[at + PLACE.len()..],
    ]
    .concat()
}

/// Unread bytes would reset the connection, and the probe would not read the answer.
async fn end(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    while stream.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {}
}

/// The answers of this kind in `probes/tests/corpora/`, in the order of their names.
fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpora")
        .join(kind);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

/// One answer: a file of the corpus, and its changes.
fn changed(corpus: &[Vec<u8>], which: Index, changes: &[Mutation]) -> Vec<u8> {
    let mut bytes = which.get(corpus).clone();
    for change in changes {
        change.apply(&mut bytes);
    }
    bytes
}

/// The highest memory of this process so far, in KiB.
fn memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Fuzzes a kind. Each answer of the corpus is also sent unchanged, and then the probe must be up.
fn fuzz(kind: &'static str, spec: impl Fn(SocketAddr) -> Spec) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let queue = Queue::default();
    let least = match kind {
        // These servers speak first.
        "smtp" | "ssh" => 0,
        // The preface of HTTP/2 comes before the request.
        "grpc" => 150,
        _ => 1,
    };
    let probes: Vec<Probe> = (1..=ADDRESSES)
        .map(|ip| spec(runtime.block_on(peer(ip, least, Arc::clone(&queue)))).probe())
        .collect();
    let mut count = 0;
    let mut ask = |bytes: Vec<u8>| {
        count += 1;
        queue.lock().unwrap().clear();
        queue.lock().unwrap().push_back(bytes);
        let finding = runtime.block_on(ask_probe(&probes[count % probes.len()]));
        assert_ne!(finding.reason, Some(Reason::Timeout), "{finding:?}");
        assert_ne!(finding.reason, Some(Reason::Monitor), "{finding:?}");
        finding
    };
    let corpus = corpus(kind);
    for good in &corpus {
        let finding = ask(good.clone());
        assert_eq!(finding.reason, None, "{kind}: {finding:?}");
    }
    let ask = std::cell::RefCell::new(ask);
    let seconds = number("NINES_FUZZ_SECONDS");
    let began = Instant::now();
    let mut seed = match (number("NINES_FUZZ_SEED"), seconds) {
        (Some(seed), _) => seed,
        (None, Some(_)) => RandomState::new().hash_one(kind),
        (None, None) => 1,
    };
    loop {
        let cases = if seconds.is_some() { ROUND } else { CASES };
        let result = runner(seed, cases).run(&(any::<Index>(), mutations()), |(which, changes)| {
            ask.borrow_mut()(changed(&corpus, which, &changes));
            Ok(())
        });
        if let Err(TestError::Fail(why, (which, changes))) = &result {
            let answer = changed(&corpus, *which, changes);
            let shown = answer[..answer.len().min(500)].escape_ascii();
            panic!("{kind}, NINES_FUZZ_SEED={seed}: {why}\n{changes:?}\n{shown}");
        }
        result.unwrap();
        let memory = memory_kib().unwrap_or_default();
        assert!(
            memory < MOST_MEMORY_KIB,
            "{kind}, seed {seed}: {memory} KiB"
        );
        let elapsed = began.elapsed();
        if seconds.is_none_or(|seconds| elapsed >= Duration::from_secs(seconds)) {
            drop(ask);
            println!("{kind}: {count} answers in {elapsed:?}, at most {memory} KiB");
            return;
        }
        seed = seed.wrapping_add(1);
    }
}

fn runner(seed: u64, cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_time: 20_000,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn of(kind: &'static str, at: SocketAddr) -> Spec {
    Spec::of(kind)
        .with("host", at.ip().to_string())
        .with("port", i64::from(at.port()))
}

#[test]
fn http() {
    fuzz("http", |at| {
        Spec::of("http")
            .with("url", format!("http://{at}/"))
            .with("expect.body_contains", "ready")
            .with("expect.body_lacks", "maintenance")
            .with("expect.body_matches", "rea.y")
    });
}

#[test]
fn http_json() {
    fuzz("http_json", |at| {
        let mut wanted = toml::Table::new();
        wanted.insert("/items/0/state".to_owned(), "ready".into());
        Spec::of("http")
            .with("url", format!("http://{at}/"))
            .with("expect.json", wanted)
            .with("expect.json_present", vec!["/items/1"])
    });
}

/// Each way to capture a value, and each place to use one.
#[test]
fn journey() {
    fuzz("journey", |at| {
        let keys = format!(
            r#"
            [[step]]
            name = "page"
            url  = "http://{at}/"
            capture.token = {{ field = "token" }}
            capture.word  = {{ matches = "word=([a-z]+)", show = true }}
            capture.etag  = {{ header = "ETag" }}
            [[step]]
            name    = "sign in"
            url     = "http://{at}/next?a={{token}}"
            headers = {{ X-Word = "{{word}}", If-Match = "{{etag}}" }}
            form    = {{ token = "{{token}}" }}
            "#
        );
        journey_of(&keys)
    });
}

#[test]
fn journey_json() {
    fuzz("journey_json", |at| {
        let keys = format!(
            r#"
            [[step]]
            name = "page"
            url  = "http://{at}/"
            capture.next = {{ json = "/next" }}
            capture.id   = {{ json = "/items/0/id" }}
            [[step]]
            name = "next"
            url  = "{{next}}"
            method = "POST"
            headers = {{ Content-Type = "application/json" }}
            body = '{{"id": "{{id}}"}}'
            "#
        );
        journey_of(&keys)
    });
}

fn journey_of(keys: &str) -> Spec {
    let mut spec = Spec::of("journey");
    for (key, value) in keys.parse::<toml::Table>().unwrap() {
        spec.set(&key, value);
    }
    // A changed address must lead nowhere.
    spec.with("redirects", 0)
}

#[test]
fn mllp() {
    fuzz("mllp", |at| {
        of("mllp", at).with("message", "MSH|^~\\&|NINES|A|LAB|B|||NMQ^N01|N1|T|2.5\n")
    });
}

#[test]
fn dicom() {
    fuzz("dicom", |at| of("dicom", at).with("called", "ARCHIVE"));
}

#[test]
fn fhir() {
    fuzz("fhir", |at| {
        Spec::of("fhir")
            .with("url", format!("http://{at}/r4"))
            .with("version", "4.0")
            .with("resources", vec!["Patient"])
    });
}

#[test]
fn smtp() {
    fuzz("smtp", |at| of("smtp", at).with("extensions", vec!["SIZE"]));
}

#[test]
fn ldap() {
    fuzz("ldap", |at| {
        of("ldap", at).with("base", "dc=example,dc=org")
    });
}

#[test]
fn ssh() {
    fuzz("ssh", |at| of("ssh", at).with("software", "Peer"));
}

#[test]
fn mqtt() {
    fuzz("mqtt", |at| of("mqtt", at));
}

#[test]
fn grpc() {
    fuzz("grpc", |at| of("grpc", at));
}

#[test]
fn websocket() {
    fuzz("websocket", |at| {
        of("websocket", at).with("expect", "ready")
    });
}
