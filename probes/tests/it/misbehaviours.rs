//! Every kind of probe against ten misbehaviours of a peer. The table of outcomes is the one in `docs/probes.md`, which
//! the test compares with its own runs.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use domain::sample::Outcome;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, params};
use crate::servers::{PATIENCE, Spec, ask, for_ever, pause, say, serve};

/// The columns of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Refuses,
    Silent,
    Closes,
    CutOff,
    Slow,
    OtherProtocol,
    Garbage,
    WrongCertificate,
    OldTls,
    Endless,
}

use Peer::*;

const PEERS: [(Peer, &str); 10] = [
    (Refuses, "refuses"),
    (Silent, "silent"),
    (Closes, "closes at once"),
    (CutOff, "cut off"),
    (Slow, "slow by the byte"),
    (OtherProtocol, "other protocol"),
    (Garbage, "garbage"),
    (WrongCertificate, "wrong certificate"),
    (OldTls, "old TLS"),
    (Endless, "endless"),
];

/// The rows of the table: a kind, and the real peers that `tests/peers/` runs it against.
const KINDS: [(&str, &str); 19] = [
    ("http", "nginx, tinyproxy"),
    ("journey", "Django"),
    ("tcp", "–"),
    ("tls", "OpenSSL"),
    ("dns", "dnsmasq"),
    ("mllp", "hl7"),
    ("dicom", "dcmtk, pynetdicom"),
    ("smtp", "Postfix, OpenSMTPD, aiosmtpd"),
    ("fhir", "documents of fhir.resources"),
    ("postgres", "PostgreSQL"),
    ("grpc", "grpcio"),
    ("ssh", "asyncssh"),
    ("mqtt", "amqtt"),
    ("ldap", "OpenLDAP"),
    ("ntp", "chrony"),
    ("websocket", "websockets"),
    ("icmp", "Linux"),
    ("command", "monitoring-plugins"),
    ("heartbeat", "–"),
];

/// The timeout of runs that may end by it. A loaded machine must read a first byte within it.
const SHORT: Duration = Duration::from_secs(3);

/// The shortest answer, of four bytes, takes longer than the timeout.
const BETWEEN_BYTES: Duration = Duration::from_millis(1500);

/// A peer can write this much to a probe that reads no more: its answer, and the buffers of two sockets.
const MOST_WRITTEN: usize = 24 * 1024 * 1024;

/// The beginning of a good answer, and an answer without an end: its head, and the part that is repeated.
struct Answers {
    good: Vec<u8>,
    endless: (Vec<u8>, Vec<u8>),
}

fn answers(kind: &str) -> Answers {
    let of = |good: &[u8], head: &[u8], part: &[u8]| {
        // Large writes, so that the probe's reading is what takes time.
        let part = part.repeat((16 * 1024 / part.len()).max(1));
        Answers {
            good: good.to_vec(),
            endless: (head.to_vec(), part),
        }
    };
    let text = "x".repeat(100);
    let page = format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{text}");
    let endless_page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
    match kind {
        "http" | "journey" | "fhir" => of(page.as_bytes(), endless_page, b"x"),
        "tcp" | "tls" => of(text.as_bytes(), b"", b"x"),
        "mllp" => of(b"\x0bMSH|^~\\&|LAB\rMSA|AA|N1\r\x1c\r", b"\x0bMSH|", b"x"),
        // A-ASSOCIATE-AC of 74 bytes, and one of four gigabytes.
        "dicom" => of(
            &[&[2, 0, 0, 0, 0, 74][..], &[0; 74]].concat(),
            &[2, 0, 0xff, 0xff, 0xff, 0xff],
            &[0],
        ),
        "smtp" => of(b"220-mail.example.org\r\n220 ESMTP\r\n", b"", b"220-x\r\n"),
        // AuthenticationOk, then notices.
        "postgres" => of(
            b"R\0\0\0\x08\0\0\0\0",
            b"R\0\0\0\x08\0\0\0\0",
            b"N\0\0\0\x05\0",
        ),
        "grpc" => grpc(of),
        "ssh" => of(
            b"SSH-2.0-Peer\r\n\0\0\0\x0c\x04\x14\0\0\0\0\0\0\0\0\0\0",
            b"",
            b"x",
        ),
        // CONNACK, and one of 256 megabytes.
        "mqtt" => of(b"\x20\x02\0\0", b"\x20\xff\xff\xff\x7f", b"x"),
        // The bind succeeds; references to other directories follow.
        "ldap" => of(
            b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0",
            b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0",
            b"\x30\x08\x02\x01\x02\x73\x03\x04\x01x",
        ),
        "websocket" => of(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\n",
            b"X: y\r\n",
        ),
        _ => unreachable!("{kind}"),
    }
}

/// SETTINGS, HEADERS with the status 200 and the type of gRPC, and DATA of 1024 bytes for the first stream.
fn grpc(of: impl Fn(&[u8], &[u8], &[u8]) -> Answers) -> Answers {
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    let headers = b"\0\0\x14\x01\x04\0\0\0\x01\x88\x0f\x10\x10application/grpc";
    let data = [b"\0\x04\0\0\0\0\0\0\x01".as_slice(), &[b'x'; 1024]].concat();
    let head = [settings.as_slice(), headers].concat();
    of(&head, &head, &data)
}

/// A server of these speaks before it is asked.
fn greets(kind: &str) -> bool {
    matches!(kind, "smtp" | "ssh")
}

fn speaks_tls(kind: &str) -> bool {
    !matches!(
        kind,
        "tcp" | "dns" | "ssh" | "ntp" | "icmp" | "command" | "heartbeat"
    )
}

/// A probe of a peer on this port, with TLS if an authority is given.
fn spec(kind: &'static str, port: u16, authority: Option<&Authority>) -> Spec {
    let spec = Spec::of(kind);
    let scheme = if authority.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://localhost:{port}/");
    let mut spec = match kind {
        "http" => spec.with("url", url).with("expect.body_contains", "ready"),
        "fhir" => spec.with("url", url),
        "journey" => {
            let mut step = toml::Table::new();
            let mut expect = toml::Table::new();
            expect.insert("body_contains".to_owned(), "ready".into());
            step.insert("name".to_owned(), "page".into());
            step.insert("url".to_owned(), url.into());
            step.insert("expect".to_owned(), expect.into());
            spec.with("step", vec![step])
        }
        "dns" => spec
            .with("host", "portal.example.org")
            .with("server", "127.0.0.1")
            .with("port", i64::from(port)),
        _ => spec.with("host", "localhost").with("port", i64::from(port)),
    };
    match kind {
        "tcp" | "tls" => {
            spec.set("send", "PING");
            spec.set("expect", "ready");
        }
        "mllp" => spec.set(
            "message",
            "MSH|^~\\&|NINES|A|LAB|B|{now}||NMQ^N01|{control_id}|T|2.5\n",
        ),
        "dicom" => spec.set("called", "ARCHIVE"),
        "postgres" => {
            spec.set("database", "results");
            spec.set("user", "nines");
        }
        _ => {}
    }
    if kind != "dns" {
        // The name leads to the other family, too.
        spec.set("resolve", "127.0.0.1");
    }
    if let Some(authority) = authority {
        spec.set("ca_file", authority.file());
        match kind {
            "http" | "fhir" | "journey" | "tls" => {}
            "smtp" => spec.set("tls", "implicit"),
            _ => spec.set("tls", true),
        }
    }
    spec
}

/// Bytes without a meaning in any protocol; the first one is never a line end.
fn garbage() -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let noise = (0..4096).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    });
    [0xa7].into_iter().chain(noise).collect()
}

/// The greeting of a server that somebody else runs on this port.
fn other_protocol(kind: &str) -> &'static [u8] {
    match kind {
        "ssh" => b"220 mail.example.org ESMTP\r\n",
        _ => b"SSH-2.0-Peer_1.0\r\n",
    }
}

/// Does to a connection what `peer` does. Counts what it writes.
async fn misbehave<S>(mut stream: S, peer: Peer, kind: &'static str, written: Arc<AtomicUsize>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Answers { good, endless } = match peer {
        CutOff | Slow | Endless => answers(kind),
        _ => Answers {
            good: Vec::new(),
            endless: Default::default(),
        },
    };
    if matches!(peer, CutOff | Slow | Endless) && !greets(kind) {
        if kind == "grpc" {
            // The request follows the first bytes of HTTP/2.
            pause(Duration::from_millis(200)).await;
        }
        let _ = stream.read(&mut [0; 4096]).await;
    }
    match peer {
        CutOff => {
            say(&mut stream, &good[..good.len() / 2]).await;
            let _ = stream.shutdown().await;
            // Unread bytes would reset the connection.
            while stream.read(&mut [0; 4096]).await.is_ok_and(|n| n > 0) {}
        }
        Slow => {
            for byte in good {
                say(&mut stream, [byte]).await;
                pause(BETWEEN_BYTES).await;
            }
        }
        OtherProtocol => say(&mut stream, other_protocol(kind)).await,
        Garbage => say(&mut stream, garbage()).await,
        Endless => {
            let (head, part) = endless;
            say(&mut stream, head).await;
            while let Ok(length) = stream.write(&part).await {
                written.fetch_add(length, Relaxed);
            }
        }
        OldTls => {
            let _ = stream.read(&mut [0; 4096]).await;
            // An alert record: fatal, `protocol version`.
            say(&mut stream, [21, 3, 1, 0, 2, 2, 70]).await;
        }
        Refuses | Silent | Closes | WrongCertificate => {}
    }
    for_ever(stream).await;
}

/// The port of a peer over TCP, and the count of what it wrote.
async fn over_tcp(
    kind: &'static str,
    peer: Peer,
    acceptor: TlsAcceptor,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let is_secure =
        peer == WrongCertificate || kind == "tls" && matches!(peer, CutOff | Slow | Endless);
    let at = serve("127.0.0.1:0", move |mut stream| {
        let (acceptor, written) = (acceptor.clone(), Arc::clone(&counted));
        async move {
            if peer == Closes {
                return;
            }
            if kind == "postgres" && matches!(peer, WrongCertificate | OldTls) {
                let _ = stream.read_exact(&mut [0; 8]).await;
                say(&mut stream, b"S").await;
            }
            if !is_secure {
                return misbehave(stream, peer, kind, written).await;
            }
            // The probe ends a handshake with the wrong certificate.
            if let Ok(stream) = acceptor.accept(stream).await {
                misbehave(stream, peer, kind, written).await;
            }
        }
    })
    .await;
    (at, written)
}

/// A peer of datagrams. `None`: the misbehaviour needs a connection.
async fn over_udp(kind: &'static str, peer: Peer) -> Option<SocketAddr> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    if matches!(peer, Closes | Slow) {
        return None;
    }
    tokio::spawn(async move {
        let mut request = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut request).await {
            let mut answer = request[..length].to_vec();
            match (peer, kind) {
                (CutOff, "dns") => {
                    // It promises a record.
                    (answer[2], answer[7]) = (answer[2] | 0x80, 1);
                }
                (CutOff, _) => answer.truncate(20),
                (OtherProtocol, _) => answer = other_protocol(kind).to_vec(),
                (Garbage, _) => answer = garbage()[..100].to_vec(),
                // Answers to another request.
                (Endless, _) => loop {
                    answer.fill(0x5a);
                    if socket.send_to(&answer, from).await.is_err() {
                        break;
                    }
                    pause(Duration::from_millis(1)).await;
                },
                _ => continue,
            }
            let _ = socket.send_to(&answer, from).await;
        }
    });
    Some(at)
}

/// The words of the program that takes the place of a peer.
fn program(peer: Peer) -> Option<Vec<&'static str>> {
    let shell = |script| Some(vec!["/bin/sh", "-c", script]);
    match peer {
        Refuses => Some(vec!["/bin/no-such-program"]),
        Silent => Some(vec!["/bin/sleep", "60"]),
        Closes => shell("exit 2"),
        CutOff => shell("printf 'OK - al'; kill -9 $$"),
        Slow => shell("while printf x; do sleep 1; done"),
        OtherProtocol => shell("echo ready; exit 99"),
        Garbage => shell("printf '\\247\\000\\033[31m\\377'"),
        WrongCertificate | OldTls => None,
        Endless => Some(vec!["/bin/yes"]),
    }
}

/// The outcome and the reason of one run in the words of the table, and its detail.
async fn cell(kind: &'static str, peer: Peer, authority: Arc<Authority>) -> (String, String) {
    let none = ("–".to_owned(), String::new());
    let needs_tls = matches!(peer, WrongCertificate | OldTls);
    if matches!(kind, "icmp" | "heartbeat") || needs_tls && !speaks_tls(kind) {
        return none;
    }
    let mut written = Arc::new(AtomicUsize::new(0));
    let mut spec = match kind {
        "command" => match program(peer) {
            Some(words) => Spec::of(kind).with("command", words),
            None => return none,
        },
        _ => {
            let at = match (kind, peer) {
                (_, Refuses) => TcpListener::bind("127.0.0.1:0")
                    .await
                    .unwrap()
                    .local_addr()
                    .ok(),
                ("dns" | "ntp", _) => over_udp(kind, peer).await,
                _ => {
                    let mut other = params();
                    if peer == WrongCertificate {
                        other = rcgen::CertificateParams::new(["other.example.org".to_owned()])
                            .unwrap();
                    }
                    let protocols = ["h2", "http/1.1", "postgresql"];
                    let acceptor = authority.issue(&other).acceptor(&protocols);
                    let (at, count) = over_tcp(kind, peer, acceptor).await;
                    written = count;
                    Some(at)
                }
            };
            let Some(at) = at else {
                return none;
            };
            let secure = needs_tls || kind == "tls";
            spec(kind, at.port(), secure.then_some(&*authority))
        }
    };
    spec.timeout = match peer {
        Silent | Slow | OtherProtocol | Garbage => SHORT,
        // Datagrams that are no answer are ignored.
        CutOff | Endless if matches!(kind, "dns" | "ntp") => SHORT,
        _ => PATIENCE,
    };
    let limit = spec.timeout + probes::STALL;
    let finding = ask(spec).await;
    assert!(finding.took <= limit, "{kind}, {peer:?}: {finding:?}");
    let written = written.load(Relaxed);
    assert!(
        written <= MOST_WRITTEN,
        "{kind} read {written} bytes: {finding:?}"
    );
    let word = match (finding.outcome, finding.reason) {
        (Outcome::Inconclusive, _) => "inconclusive".to_owned(),
        (_, Some(reason)) => reason.word().to_owned(),
        (_, None) => "up".to_owned(),
    };
    (word, finding.detail.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_says_what_its_peer_does() {
    let authority = Arc::new(Authority::new());
    let mut runs = JoinSet::new();
    for (row, (kind, _)) in KINDS.into_iter().enumerate() {
        for (column, (peer, _)) in PEERS.into_iter().enumerate() {
            let authority = Arc::clone(&authority);
            runs.spawn(async move { ((row, column), cell(kind, peer, authority).await) });
        }
    }
    let mut cells = vec![vec![(String::new(), String::new()); PEERS.len()]; KINDS.len()];
    for ((row, column), found) in runs.join_all().await {
        cells[row][column] = found;
    }

    let names: Vec<_> = PEERS.iter().map(|(_, name)| *name).collect();
    let mut table = format!("| kind | real peer | {} |\n", names.join(" | "));
    writeln!(table, "|{}", " --- |".repeat(PEERS.len() + 2)).unwrap();
    for (row, (kind, real)) in cells.iter().zip(KINDS) {
        let words: Vec<_> = row.iter().map(|(word, _)| word.as_str()).collect();
        writeln!(table, "| `{kind}` | {real} | {} |", words.join(" | ")).unwrap();
        for ((word, detail), (_, name)) in row.iter().zip(PEERS) {
            // Shown if the test fails.
            println!("{kind:10} {name:18} {word:12} {detail}");
        }
    }
    let documented = include_str!("../../../docs/probes.md");
    assert!(
        documented.contains(&table),
        "docs/probes.md needs this table:\n{table}"
    );
}

#[test]
fn every_kind_is_in_the_table() {
    let named: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
    let all: Vec<_> = probes::KINDS.iter().map(|kind| kind.name).collect();
    // Heartbeats call Nines: they are no kind of this crate.
    assert_eq!(named[..named.len() - 1], all);
}
