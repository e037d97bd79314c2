//! Peers that send the answer they are given, over TCP or as a datagram.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::sample::Reason;
use probes::Probe;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::run::fuzz;
use crate::servers::{Spec, answer, ask_probe, say, serve};

/// A connection to one address uses one of 28,000 ports for a minute.
const ADDRESSES: u8 = 32;

/// Stands where the peer awaits the next request before it goes on.
const AWAIT: &[u8] = b"{await}";

const MOST_REQUESTS: usize = 4;
const PATIENCE_FOR_A_REQUEST: Duration = Duration::from_millis(15);

/// Stands for the key of an upgrade to WebSocket.
const ACCEPT: &[u8] = b"{accept}";

/// The next answers of a peer.
type Queue = Arc<Mutex<VecDeque<Vec<u8>>>>;

/// Fuzzes probes of peers that answer over TCP.
pub fn over_tcp(name: &str, spec: impl Fn(SocketAddr) -> Spec) {
    let least = match name {
        // These servers speak first.
        "smtp" | "ssh" => 0,
        // The preface of HTTP/2 comes before the request.
        "grpc" => 150,
        _ => 1,
    };
    fuzz_peers(name, spec, |runtime, ip, queue| {
        runtime.block_on(tcp_peer(ip, least, queue))
    });
}

/// Fuzzes probes of peers that answer with datagrams. After the changed answer comes a plain refusal, since a probe
/// ignores what is no answer.
pub fn over_udp(name: &str, spec: impl Fn(SocketAddr) -> Spec, answers: Datagrams) {
    fuzz_peers(name, spec, |runtime, ip, queue| {
        runtime.block_on(udp_peer(ip, queue, answers))
    });
}

/// Fits the answer to the request, and makes the refusal of it.
pub type Datagrams = fn(&[u8], &mut Vec<u8>) -> Vec<u8>;

/// No answer is worth more of a processor, in a debug build with both ends in one thread.
const MOST_WORK: Duration = Duration::from_secs(5);

/// Each answer of the corpus is also sent unchanged, and then the probe must be up.
fn fuzz_peers(
    name: &str,
    spec: impl Fn(SocketAddr) -> Spec,
    peer: impl Fn(&Runtime, u8, Queue) -> SocketAddr,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let queue = Queue::default();
    let probes: Vec<Probe> = (1..=ADDRESSES)
        .map(|ip| spec(peer(&runtime, ip, Arc::clone(&queue))).probe())
        .collect();
    let mut count = 0;
    let mut ask = |bytes: Vec<u8>| {
        count += 1;
        queue.lock().unwrap().clear();
        queue.lock().unwrap().push_back(bytes);
        let before = on_processor();
        let finding = runtime.block_on(ask_probe(&probes[count % probes.len()]));
        let worked = on_processor().saturating_sub(before);
        assert_ne!(finding.reason, Some(Reason::Timeout), "{finding:?}");
        // A busy machine may give this thread no time. A run that takes the time itself is a mistake.
        if finding.reason == Some(Reason::Monitor) {
            let detail = finding.detail.as_deref().unwrap_or_default();
            let held_up = detail.starts_with("this process was held up");
            assert!(held_up && worked < MOST_WORK, "{worked:?}: {finding:?}");
        }
        finding
    };
    let corpus = corpus(name);
    for good in &corpus {
        // On a loaded machine a request may come after the peer's patience.
        let mut findings = (0..5).map(|_| ask(good.clone()));
        let is_up = findings.any(|finding| finding.reason.is_none());
        assert!(is_up, "{name}: {}", good.escape_ascii());
    }
    fuzz(name, &corpus, |bytes| {
        ask(bytes);
    });
}

/// How long this thread was on a processor: the first figure of Linux's `schedstat`, in nanoseconds.
fn on_processor() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(statistics.split(' ').next().unwrap().parse().unwrap())
}

/// The answers of this name in `probes/tests/corpora/`, in the order of their files.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpora")
        .join(name);
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

/// Sends the next answer to each connection once it has `least` bytes of a request, and closes. The pages that a journey
/// goes on to are good.
async fn tcp_peer(ip: u8, least: usize, queue: Queue) -> SocketAddr {
    serve(&format!("127.0.0.{ip}:0"), move |mut stream| {
        let queue = Arc::clone(&queue);
        async move {
            // Else a second part waits for the acknowledgement of the first one.
            stream.set_nodelay(true).unwrap();
            let asked = request(&mut stream, least).await;
            let asked = String::from_utf8_lossy(&asked).into_owned();
            let next = match asked.contains(" /next") {
                true => None,
                false => queue.lock().unwrap().pop_front(),
            };
            let next = next.unwrap_or_else(|| answer(200, "").into_bytes());
            let next = with_key(next, &asked);
            let mut rest = &next[..];
            // A change may repeat the place without end.
            for _ in 0..MOST_REQUESTS {
                let Some(at) = find(rest, AWAIT) else { break };
                say(&mut stream, &rest[..at]).await;
                // The probe may wait, too, for the rest of what a change made longer.
                let _ = timeout(PATIENCE_FOR_A_REQUEST, request(&mut stream, 1)).await;
                rest = &rest[at + AWAIT.len()..];
            }
            say(&mut stream, rest).await;
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

/// Unread bytes would reset the connection, and the probe would not read the answer.
async fn end(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    while stream.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {}
}

/// The answer to an upgrade needs the key of the request (RFC 6455 §4.2.2).
fn with_key(answer: Vec<u8>, asked: &str) -> Vec<u8> {
    let key = asked.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then_some(value)
    });
    let (Some(key), Some(at)) = (key, find(&answer, ACCEPT)) else {
        return answer;
    };
    let accept = derive_accept_key(key.trim().as_bytes());
    [
        &answer[..at],
        accept.as_bytes(),
        &answer[at + ACCEPT.len()..],
    ]
    .concat()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

async fn udp_peer(ip: u8, queue: Queue, answers: Datagrams) -> SocketAddr {
    let socket = UdpSocket::bind((format!("127.0.0.{ip}"), 0)).await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut request = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut request).await {
            let mut answer = queue.lock().unwrap().pop_front().unwrap_or_default();
            let refusal = answers(&request[..length], &mut answer);
            // A datagram holds 64 KiB at most.
            answer.truncate(60_000);
            for datagram in [answer, refusal] {
                let _ = socket.send_to(&datagram, from).await;
            }
        }
    });
    at
}
