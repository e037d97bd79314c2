//! DNS servers on loopback that answer well, wrongly, partly or not at all.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use domain::sample::{Outcome, Reason};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, NS, PTR, SRV, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use crate::servers::{Spec, ask, check, check_down, check_up};

/// Answers queries with `script` over UDP until the test's runtime ends. `None` gives no answer.
async fn serve_udp<F>(script: F) -> SocketAddr
where
    F: Fn(&Message) -> Option<Vec<u8>> + Send + 'static,
{
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            if let Some(answer) = script(&asked) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    address
}

/// The same over TCP, on a port that is in use over UDP. `None` closes the connection.
async fn serve_tcp<F>(at: SocketAddr, script: F)
where
    F: Fn(&Message) -> Option<Vec<u8>> + Send + 'static,
{
    let listener = TcpListener::bind(at).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let length = stream.read_u16().await.unwrap();
            let mut buffer = vec![0; usize::from(length)];
            stream.read_exact(&mut buffer).await.unwrap();
            let asked = Message::from_vec(&buffer).unwrap();
            if let Some(answer) = script(&asked) {
                let length = u16::try_from(answer.len()).unwrap();
                stream.write_all(&length.to_be_bytes()).await.unwrap();
                stream.write_all(&answer).await.unwrap();
                let _ = stream.read_u8().await;
            }
        }
    });
}

/// An answer with these records.
fn answer(asked: &Message, records: &[(&str, RData)]) -> Message {
    let mut answer = Message::response(asked.id, asked.op_code);
    answer.queries.clone_from(&asked.queries);
    for (owner, data) in records {
        answer.add_answer(record(owner, data.clone()));
    }
    answer
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 60, data)
}

fn refusal(asked: &Message, code: ResponseCode) -> Option<Vec<u8>> {
    let mut answer = answer(asked, &[]);
    answer.metadata.response_code = code;
    Some(answer.to_vec().unwrap())
}

/// A script that always gives these records.
fn always(records: &[(&str, RData)]) -> impl Fn(&Message) -> Option<Vec<u8>> + Send + 'static {
    let records: Vec<(String, RData)> = records
        .iter()
        .map(|(owner, data)| ((*owner).to_owned(), data.clone()))
        .collect();
    move |asked| {
        let records: Vec<(&str, RData)> = records
            .iter()
            .map(|(owner, data)| (owner.as_str(), data.clone()))
            .collect();
        Some(answer(asked, &records).to_vec().unwrap())
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

fn a(last: u8) -> RData {
    RData::A(A(Ipv4Addr::new(192, 0, 2, last)))
}

fn cname(target: &str) -> RData {
    RData::CNAME(CNAME(name(target)))
}

fn spec(server: SocketAddr, host: &str, record: &str, expect: &[&str]) -> Spec {
    let mut spec = Spec::of("dns")
        .with("host", host)
        .with("record", record)
        .with("server", server.ip().to_string())
        .with("port", i64::from(server.port()));
    if !expect.is_empty() {
        spec.set("expect", expect.to_vec());
    }
    spec
}

const PORTAL: &str = "portal.example.org";

#[tokio::test]
async fn a_name_has_the_expected_records() {
    let mx = |preference, exchange| RData::MX(MX::new(preference, name(exchange)));
    let txt = RData::TXT(TXT::new(vec!["v=spf1 ".to_owned(), "-all".to_owned()]));
    let srv = RData::SRV(SRV::new(0, 100, 389, name("LDAP.example.org")));
    let ptr = RData::PTR(PTR(name("portal.example.org")));
    for (host, record, data, expect) in [
        (
            PORTAL,
            "A",
            vec![a(1), a(2)],
            vec!["192.0.2.2", "192.0.2.1"],
        ),
        (PORTAL, "A", vec![a(1), a(2)], vec![]),
        (
            "Portal.Example.ORG.",
            "AAAA",
            vec![RData::AAAA(AAAA("2001:db8::1".parse().unwrap()))],
            vec!["2001:DB8::1"],
        ),
        (
            "www.example.org",
            "CNAME",
            vec![cname("PORTAL.example.org")],
            vec![PORTAL],
        ),
        (
            "example.org",
            "MX",
            vec![mx(10, "a.example.org"), mx(20, "b.example.org")],
            vec!["20 b.example.org", "10 A.example.org."],
        ),
        (
            "example.org",
            "NS",
            vec![RData::NS(NS(name("ns.example.org")))],
            vec!["ns.example.org"],
        ),
        (
            "_ldap._tcp.example.org",
            "SRV",
            vec![srv],
            vec!["0 100 389 ldap.example.org"],
        ),
        ("example.org", "TXT", vec![txt], vec!["v=spf1 -all"]),
        ("192.0.2.10", "PTR", vec![ptr], vec![PORTAL]),
    ] {
        // The server writes names in capitals.
        let owner = match host {
            "192.0.2.10" => "10.2.0.192.IN-ADDR.ARPA".to_owned(),
            host => host.trim_end_matches('.').to_ascii_uppercase(),
        };
        let records: Vec<_> = data
            .into_iter()
            .map(|data| (owner.as_str(), data))
            .collect();
        let at = serve_udp(always(&records)).await;
        let finding = ask(spec(at, host, record, &expect)).await;
        check_up(&finding);
        assert!(finding.phases.resolve_us.is_some());
    }
}

#[tokio::test]
async fn other_records_are_named_and_texts_are_not() {
    let at = serve_udp(always(&[(PORTAL, a(1)), (PORTAL, a(2))])).await;
    for (expect, words) in [
        (vec!["192.0.2.1"], "unexpected A record 192.0.2.2"),
        (
            vec!["192.0.2.1", "192.0.2.3"],
            "lacks the A record 192.0.2.3, has 192.0.2.2",
        ),
        (
            vec!["192.0.2.1", "192.0.2.2", "192.0.2.3"],
            "lacks the A record 192.0.2.3",
        ),
    ] {
        let finding = ask(spec(at, PORTAL, "A", &expect)).await;
        check_down(&finding, Reason::Body, words);
        assert!(finding.detail.unwrap().ends_with(words));
    }
    let secret = RData::TXT(TXT::new(vec!["secret".to_owned()]));
    let public = RData::TXT(TXT::new(vec!["v=spf1 -all".to_owned()]));
    let at = serve_udp(always(&[(PORTAL, secret), (PORTAL, public)])).await;
    let finding = ask(spec(at, PORTAL, "TXT", &["v=spf1 -all"])).await;
    check_down(&finding, Reason::Body, "1 unexpected TXT record");
    let finding = ask(spec(at, PORTAL, "TXT", &["v=spf2"])).await;
    check_down(&finding, Reason::Body, "lacks the TXT record v=spf2");
}

#[tokio::test]
async fn aliases_are_followed_within_an_answer_and_out_of_it() {
    let records = [
        ("b.example.org", a(1)),
        (PORTAL, cname("A.example.org")),
        ("a.example.org", cname("b.example.org")),
        ("other.example.org", a(9)),
    ];
    let at = serve_udp(always(&records)).await;
    check_up(&ask(spec(at, PORTAL, "A", &["192.0.2.1"])).await);
    check_up(&ask(spec(at, PORTAL, "CNAME", &["a.example.org"])).await);
    let finding = ask(spec(at, PORTAL, "AAAA", &[])).await;
    check_down(&finding, Reason::Dns, "b.example.org has no AAAA record");

    let at = serve_udp(|asked| {
        let asked_for = asked.queries[0].name().to_ascii();
        let one = match asked_for.as_str() {
            "portal.example.org." => (PORTAL, cname("a.example.org")),
            _ => ("a.example.org", a(1)),
        };
        Some(answer(asked, &[one]).to_vec().unwrap())
    })
    .await;
    check_up(&ask(spec(at, PORTAL, "A", &["192.0.2.1"])).await);

    let records = [
        (PORTAL, cname("a.example.org")),
        ("a.example.org", cname(PORTAL)),
    ];
    let at = serve_udp(always(&records)).await;
    let finding = ask(spec(at, PORTAL, "A", &[])).await;
    check_down(&finding, Reason::Dns, "the aliases (CNAME) do not end");
}

#[tokio::test]
async fn an_alias_to_a_name_that_does_not_exist_says_so() {
    let at = serve_udp(|asked| {
        let mut answer = answer(asked, &[(PORTAL, cname("gone.example.org"))]);
        answer.metadata.response_code = ResponseCode::NXDomain;
        Some(answer.to_vec().unwrap())
    })
    .await;
    let finding = ask(spec(at, PORTAL, "A", &[])).await;
    check_down(&finding, Reason::Dns, "gone.example.org does not exist");
}

#[tokio::test]
async fn each_failure_of_a_server_has_its_reason() {
    use ResponseCode as R;
    for (code, reason, words) in [
        (
            R::NXDomain,
            Reason::Dns,
            "portal.example.org does not exist (NXDOMAIN)",
        ),
        (
            R::NoError,
            Reason::Dns,
            "portal.example.org has no A record",
        ),
        (
            R::ServFail,
            Reason::Status,
            "answers SERVFAIL for portal.example.org",
        ),
        (R::NotImp, Reason::Status, "answers NOTIMP for "),
        (
            R::Refused,
            Reason::Refused,
            "answers REFUSED for portal.example.org",
        ),
    ] {
        let at = serve_udp(move |asked| refusal(asked, code)).await;
        check_down(&ask(spec(at, PORTAL, "A", &[])).await, reason, words);
    }
    let referring = serve_udp(|asked| {
        let mut answer = answer(asked, &[]);
        let elsewhere = RData::NS(NS(name("ns.example.net")));
        answer.authorities.push(record("example.org", elsewhere));
        Some(answer.to_vec().unwrap())
    })
    .await;
    let garbled = serve_udp(|asked| {
        let mut bytes = asked.id.to_be_bytes().to_vec();
        bytes.extend([0xff; 40]);
        Some(bytes)
    })
    .await;
    let closed = {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.local_addr().unwrap()
    };
    let silent = serve_udp(|_| None).await;
    for (at, reason, words) in [
        (referring, Reason::Dns, "does not serve portal.example.org"),
        (garbled, Reason::Protocol, "is not DNS"),
        (closed, Reason::Refused, "connection refused"),
        (silent, Reason::Timeout, "before the timeout"),
    ] {
        let mut spec = spec(at, PORTAL, "A", &[]);
        if reason == Reason::Timeout {
            spec.timeout = Duration::from_millis(700);
        }
        let finding = ask(spec).await;
        check_down(&finding, reason, words);
        assert!(finding.took < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again_and_a_forged_answer_is_ignored() {
    let count = AtomicUsize::new(0);
    let at = serve_udp(move |asked| {
        let mut answer = answer(asked, &[(PORTAL, a(1))]);
        match count.fetch_add(1, Relaxed) {
            0 => return None,
            1 => answer.metadata.id = asked.id.wrapping_add(1),
            _ => {}
        }
        Some(answer.to_vec().unwrap())
    })
    .await;
    check_up(&ask(spec(at, PORTAL, "A", &["192.0.2.1"])).await);
}

#[tokio::test]
async fn a_cut_answer_is_asked_for_over_tcp() {
    let cut = |asked: &Message| {
        let mut answer = answer(asked, &[]);
        answer.metadata.truncation = true;
        Some(answer.to_vec().unwrap())
    };
    let many: Vec<(&str, RData)> = (0..=255).map(|last| (PORTAL, a(last))).collect();
    let good = serve_udp(cut).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let whole = always(&many);
    serve_tcp(good, move |asked| {
        count.fetch_add(1, Relaxed);
        whole(asked)
    })
    .await;
    let all: Vec<String> = (0..=255).map(|last| format!("192.0.2.{last}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    for runs in 1..3 {
        check_up(&ask(spec(good, PORTAL, "A", &all)).await);
        assert_eq!(asked.load(Relaxed), runs);
    }
    let closing = serve_udp(cut).await;
    serve_tcp(closing, |_| None).await;
    let udp_only = serve_udp(cut).await;
    for (at, reason, words) in [
        (
            closing,
            Reason::Protocol,
            "closed the connection before an answer",
        ),
        (udp_only, Reason::Refused, "connection refused"),
    ] {
        let finding = ask(spec(at, PORTAL, "A", &[])).await;
        check_down(&finding, reason, words);
    }
}

#[tokio::test]
async fn a_server_may_be_named_and_is_asked_for_special_names_too() {
    let at = serve_udp(always(&[("localhost", a(7))])).await;
    let mut spec = spec(at, "localhost", "A", &["192.0.2.7"]);
    check_up(&ask(spec.clone()).await);
    spec.set("server", "localhost");
    check_up(&ask(spec).await);
}

#[tokio::test]
async fn a_slow_answer_is_degraded() {
    let at = serve_udp(always(&[(PORTAL, a(1))])).await;
    let finding = ask(spec(at, PORTAL, "A", &[]).with("degraded_after", "1ms")).await;
    if finding.outcome == Outcome::Degraded {
        check(&finding, Outcome::Degraded, Reason::Slow, "more than 1 ms");
    } else {
        assert!(finding.took <= Duration::from_millis(1), "{finding:?}");
    }
}

#[tokio::test]
async fn mistakes_in_the_keys_are_explained() {
    let at = SocketAddr::from(([127, 0, 0, 1], 53));
    for (host, record, expect, words) in [
        ("192.0.2.10", "A", vec![], "add `record = \"PTR\"`"),
        (PORTAL, "A", vec!["portal"], "write it as \"192.0.2.10\""),
        (
            PORTAL,
            "MX",
            vec!["mail.example.org"],
            "\"10 mail.example.org\"",
        ),
        (
            PORTAL,
            "A",
            vec!["192.0.2.1", "192.0.2.1"],
            "already in the list",
        ),
        ("a..b", "A", vec![], "is not a host name"),
    ] {
        let mistakes = spec(at, host, record, &expect).prepare().unwrap_err();
        assert!(mistakes[0].1.contains(words), "{mistakes:?}");
    }
}

#[tokio::test]
async fn datagrams_that_answer_something_else_are_skipped_and_counted() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            let good = answer(&asked, &[(PORTAL, a(10))]).to_vec().unwrap();
            let mut other_id = good.clone();
            other_id[0] ^= 1;
            let mut other = asked.clone();
            other.queries[0].set_name(name("other.example.org"));
            let other = answer(&other, &[("other.example.org", a(11))]);
            let other = other.to_vec().unwrap();
            for datagram in [b"x".to_vec(), other_id.clone(), other_id, other, good] {
                socket.send_to(&datagram, from).await.unwrap();
            }
        }
    });
    let probe = spec(at, PORTAL, "A", &["192.0.2.10"]).probe();
    let (finding, notes) = probe.run_with_notes().await;
    check_up(&finding);
    let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        told,
        ["skipped 4 datagrams: 1 too short, 2 with another id, 1 with another question"]
    );
    let at = serve_udp(always(&[(PORTAL, a(10))])).await;
    let probe = spec(at, PORTAL, "A", &[]).probe();
    let (finding, notes) = probe.run_with_notes().await;
    check_up(&finding);
    assert!(notes.is_empty(), "{notes:?}");
}
