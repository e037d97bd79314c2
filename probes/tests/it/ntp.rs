//! Time servers that answer, refuse, are wrong, or send something else.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::{Outcome, Reason};
use tokio::net::UdpSocket;

use crate::servers::{Spec, ask, check, check_down, check_up};

fn spec(at: SocketAddr) -> Spec {
    Spec::of("ntp")
        .with("host", "localhost")
        .with("resolve", at.ip().to_string())
        .with("port", i64::from(at.port()))
}

/// A server that turns each request into its answers.
async fn server<F>(answers: F) -> SocketAddr
where
    F: Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
{
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut request = [0; 100];
        while let Ok((length, from)) = socket.recv_from(&mut request).await {
            assert_eq!((length, request[0]), (48, 0x23));
            for answer in answers(&request[..length]) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    at
}

/// The answer of a server whose clock is `ahead_s` seconds ahead of the request's.
fn answer(request: &[u8], first: u8, stratum: u8, ahead_s: i64) -> Vec<u8> {
    let mut packet = vec![0; 48];
    (packet[0], packet[1]) = (first, stratum);
    packet[12..16].copy_from_slice(b"DENY");
    packet[24..32].copy_from_slice(&request[40..48]);
    let sent = u64::from_be_bytes(request[40..48].try_into().unwrap());
    let time = sent.wrapping_add_signed(ahead_s << 32).to_be_bytes();
    packet[32..40].copy_from_slice(&time);
    packet[40..48].copy_from_slice(&time);
    packet
}

#[tokio::test]
async fn a_server_that_answers_is_up_and_its_clock_is_compared() {
    let at = server(|request| vec![answer(request, 0x24, 2, 5)]).await;
    let finding = ask(spec(at)).await;
    check_up(&finding);
    // The answer takes some time, of which half is taken for the way there.
    let offset_us = finding.clock_offset_us.unwrap();
    assert!((1_000_000..=5_000_000).contains(&offset_us), "{offset_us}");
    let (finding, notes) = spec(at).probe().run_with_notes().await;
    assert_eq!(finding.outcome, Outcome::Up);
    let told = &notes.last().unwrap().text;
    assert!(
        told.starts_with("stratum 2, the server's clock is"),
        "{told}"
    );
    assert!(told.ends_with("ahead"), "{told}");
    let wrong = ask(spec(at).with("max_offset", "500ms")).await;
    check_down(&wrong, Reason::Status, "ahead, more than 500 ms");
    assert!(wrong.clock_offset_us.is_some());
    check_up(&ask(spec(at).with("max_offset", "30s")).await);
    check_down(
        &ask(spec(at).with("max_stratum", 1)).await,
        Reason::Status,
        "stratum 2, expected at most 1",
    );
    let late = server(|request| vec![answer(request, 0x24, 1, -5)]).await;
    let finding = ask(spec(late).with("max_offset", "500ms")).await;
    check_down(&finding, Reason::Status, "behind, more than 500 ms");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (first, stratum, detail) in [
        (0x24, 0, "the server refuses to answer: DENY"),
        (0xe4, 2, "the server's clock is not synchronized"),
        (0x24, 16, "the server's clock is not synchronized"),
    ] {
        let at = server(move |request| vec![answer(request, first, stratum, 0)]).await;
        let finding = ask(spec(at)).await;
        check_down(&finding, Reason::Status, detail);
        assert_eq!(finding.clock_offset_us, None);
    }
    let at = server(|request| {
        let mut packet = answer(request, 0x24, 2, 0);
        packet[40..48].fill(0);
        vec![packet]
    })
    .await;
    check_down(
        &ask(spec(at)).await,
        Reason::Protocol,
        "the answer has no time",
    );
}

#[tokio::test]
async fn packets_that_answer_something_else_are_skipped() {
    let at = server(|request| {
        let mut forged = answer(request, 0x24, 1, 500);
        forged[24] ^= 1;
        let client = answer(request, 0x23, 1, 500);
        let short = answer(request, 0x24, 1, 500)[..40].to_vec();
        vec![
            forged,
            client,
            short,
            b"hello".to_vec(),
            answer(request, 0x24, 2, 0),
        ]
    })
    .await;
    let probe = spec(at).with("max_offset", "10s").probe();
    let (finding, notes) = probe.run_with_notes().await;
    check_up(&finding);
    assert_eq!(
        notes.last().unwrap().text,
        "skipped 4 datagrams: 1 of another kind, 1 of another request, 2 too short"
    );
    let at = server(|_| vec![b"hello".to_vec()]).await;
    let mut silent = spec(at);
    silent.timeout = Duration::from_millis(300);
    let (finding, notes) = silent.probe().run_with_notes().await;
    check_down(&finding, Reason::Timeout, "");
    let told = &notes.last().unwrap().text;
    assert!(told.starts_with("skipped "), "{told}");
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let asked = std::sync::atomic::AtomicU32::new(0);
    let at =
        server(
            move |request| match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Vec::new(),
                _ => vec![answer(request, 0x24, 2, 0)],
            },
        )
        .await;
    let mut spec = spec(at);
    spec.timeout = Duration::from_secs(3);
    check_up(&ask(spec).await);
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let free = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let finding = ask(spec(at)).await;
    check(
        &finding,
        Outcome::Down,
        Reason::Refused,
        "connection refused",
    );
}
