//! One run that asks each address of a name on its own, so that one dead member of a pool is seen. The finding is that
//! of the worst address: its outcome, reason and times.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use domain::sample::Outcome;
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::dial::{self, ALL_ADDRESSES};
use crate::fault::one_line;
use crate::trace::{FirstByte, Note, Phase, Pinned, Trace};
use crate::{Finding, Probe};

/// The most addresses that a detail lists.
const LISTED: usize = 4;

/// Resolves the name once, then asks all of its addresses at the same time.
pub(crate) async fn ask(
    probe: &Probe,
    name: &Arc<str>,
    start: Instant,
    with_notes: bool,
) -> (Finding, Vec<Note>) {
    let first_byte = FirstByte::new(start);
    let mut trace = Trace::begin(&first_byte, Phase::Resolve);
    if with_notes {
        trace.keep_notes();
    }
    trace.egress = probe.egress;
    let found = dial::resolve_all(name, 0, &mut trace);
    let addresses = match timeout_at(start + probe.timeout, found).await {
        Ok(Ok(addresses)) => reachable(&addresses, &mut trace),
        failed => {
            let result = failed.ok().map(|result| result.map(drop));
            return (probe.conclude(result, &mut trace), trace.notes());
        }
    };
    trace.note(|| {
        let list: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
        format!("{name} is {}; each is asked", list.join(", "))
    });
    let runs = addresses.iter().map(|address| {
        let pinned = Pinned {
            name: Arc::clone(name),
            address: *address,
        };
        probe.ask_once(start, Some(pinned), with_notes)
    });
    let mut notes = trace.notes();
    let mut findings = Vec::new();
    for (address, (finding, own)) in addresses.iter().zip(join_all(runs).await) {
        notes.extend(own.into_iter().map(|note| Note {
            text: format!("{address}: {}", note.text),
            ..note
        }));
        findings.push((*address, finding));
    }
    (worst(findings), notes)
}

/// The addresses that this machine has a route to. A monitor without IPv6 says nothing about the IPv6 addresses of a
/// pool.
fn reachable(addresses: &[SocketAddr], trace: &mut Trace<'_>) -> Vec<IpAddr> {
    let (with, without): (Vec<_>, Vec<_>) = addresses
        .iter()
        .map(SocketAddr::ip)
        .partition(|address| address.is_ipv4() || has_route(*address));
    if addresses.len() == ALL_ADDRESSES {
        trace.note(|| format!("at most {ALL_ADDRESSES} addresses are asked"));
    }
    if with.is_empty() {
        return without;
    }
    for address in without {
        trace.note(|| format!("{address} is left out: this machine has no IPv6 route to it"));
    }
    with
}

/// Sends nothing: to connect a datagram socket only looks up the route.
fn has_route(address: IpAddr) -> bool {
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0));
    socket.is_ok_and(|socket| socket.connect((address, 9)).is_ok())
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Up => 0,
        Outcome::Inconclusive => 1,
        Outcome::Degraded => 2,
        Outcome::Down => 3,
    }
}

/// The finding of the worst address; of several such, of the slowest. Its detail names all bad ones.
fn worst(mut findings: Vec<(IpAddr, Finding)>) -> Finding {
    let total = findings.len();
    let ends_at = findings.iter().filter_map(|(_, f)| f.certificate_ends_at);
    let certificate_ends_at = ends_at.min();
    let certificate_ends_soon = findings.iter().any(|(_, f)| f.certificate_ends_soon);
    let bad: Vec<_> = findings
        .iter()
        .filter(|(_, f)| f.outcome != Outcome::Up)
        .map(|(address, _)| address.to_string())
        .collect();
    findings.sort_by_key(|(_, f)| Reverse((rank(f.outcome), f.took)));
    let (address, finding) = findings.swap_remove(0);
    let detail = finding.detail.as_ref().map(|detail| {
        let mut list = bad
            .iter()
            .take(LISTED)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if bad.len() > LISTED {
            list.push_str(", …");
        }
        one_line(&match bad.len() {
            1 => format!("1 of {total} addresses fails, {address}: {detail}"),
            fail => format!("{fail} of {total} addresses fail ({list}), {address}: {detail}"),
        })
    });
    Finding {
        detail,
        certificate_ends_at,
        certificate_ends_soon,
        ..finding
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::sample::Reason;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A name that resolves to these addresses.
    const NAME: &str = "127.0.0.1_127.0.0.2_--1.pool.test";

    /// Servers on one port. Each answers every request with its status; without one it stays silent.
    async fn serve(members: &[(&str, Option<u16>)]) -> u16 {
        let mut port = 0;
        for (ip, status) in members {
            let listener = TcpListener::bind((*ip, port)).await.unwrap();
            port = listener.local_addr().unwrap().port();
            let status = *status;
            tokio::spawn(async move {
                let mut kept = Vec::new();
                while let Ok((mut stream, _)) = listener.accept().await {
                    if let Some(status) = status {
                        let mut request = [0; 4096];
                        let _ = stream.read(&mut request).await;
                        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                    kept.push(stream);
                }
            });
        }
        port
    }

    async fn ask(kind: &str, keys: &str, timeout: Duration) -> (Finding, Vec<Note>) {
        let environment = values::Environment {
            variable: &|_| None,
            file: &|_| Err("there are no files here".to_owned()),
            proxy_from_environment: false,
            commands: &[],
            reach: &values::reach::BUILT_IN,
        };
        let probe = crate::prepare(kind, keys, timeout, environment).unwrap();
        probe.run_with_notes().await
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_pool_is_up_if_each_address_answers() {
        let port = serve(&[
            ("127.0.0.1", Some(200)),
            ("127.0.0.2", Some(200)),
            ("::1", Some(200)),
        ])
        .await;
        let keys = format!("url = \"http://{NAME}:{port}/\"\nall_addresses = true");
        let (finding, notes) = ask("http", &keys, LONG).await;
        assert_eq!((finding.outcome, finding.status), (Outcome::Up, Some(200)));
        assert!(finding.phases.resolve_us.is_some() && finding.phases.connect_us.is_some());
        let text: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
        assert!(text[0].ends_with("is 127.0.0.1, 127.0.0.2, ::1; each is asked"));
        for ip in ["127.0.0.1: ", "127.0.0.2: ", "::1: "] {
            let own = text.iter().filter(|text| text.starts_with(ip));
            let connected = |text: &&str| text.contains("connected to");
            assert!(own.clone().any(connected), "{ip} {text:?}");
        }
    }

    #[tokio::test]
    async fn one_dead_member_is_down_and_named() {
        let port = serve(&[("127.0.0.1", Some(200)), ("::1", Some(200))]).await;
        let host = format!("host = \"{NAME}\"\nport = {port}\n");
        let (finding, _) = ask("tcp", &host, LONG).await;
        assert_eq!(finding.outcome, Outcome::Up, "another address answers");
        let (finding, notes) = ask("tcp", &format!("{host}all_addresses = true"), LONG).await;
        assert_eq!(
            (finding.outcome, finding.reason),
            (Outcome::Down, Some(Reason::Refused))
        );
        assert_eq!(
            finding.detail.as_deref(),
            Some("1 of 3 addresses fails, 127.0.0.2: connection refused")
        );
        assert!(
            notes
                .iter()
                .any(|note| note.text.starts_with("::1: connected"))
        );
    }

    #[tokio::test]
    async fn a_wrong_answer_of_one_member_is_not_hidden_by_the_others() {
        let port = serve(&[
            ("127.0.0.1", Some(200)),
            ("127.0.0.2", Some(503)),
            ("::1", Some(200)),
        ]);
        let keys = format!(
            "url = \"http://{NAME}:{}/\"\nall_addresses = true",
            port.await
        );
        let (finding, _) = ask("http", &keys, LONG).await;
        assert_eq!(
            (finding.reason, finding.status),
            (Some(Reason::Status), Some(503))
        );
        let detail = finding.detail.unwrap();
        assert!(
            detail.starts_with("1 of 3 addresses fails, 127.0.0.2: status 503"),
            "{detail}"
        );
    }

    #[tokio::test]
    async fn a_silent_member_takes_no_time_from_the_others_and_all_bad_ones_are_listed() {
        let port = serve(&[("127.0.0.1", Some(200)), ("127.0.0.2", None)]).await;
        let keys = format!("url = \"http://{NAME}:{port}/\"\nall_addresses = true");
        let (finding, notes) = ask("http", &keys, Duration::from_millis(700)).await;
        assert_eq!(finding.reason, Some(Reason::Timeout));
        let detail = finding.detail.unwrap();
        let named = "2 of 3 addresses fail (127.0.0.2, ::1), 127.0.0.2: no answer within 700 ms";
        assert!(detail.starts_with(named), "{detail}");
        assert!(
            notes
                .iter()
                .any(|note| note.text.starts_with("127.0.0.1: status 200"))
        );
    }

    #[tokio::test]
    async fn at_most_sixteen_addresses_are_asked() {
        let many: Vec<_> = (1..=20).map(|n| format!("127.0.1.{n}")).collect();
        let name = Arc::from(format!("{}.pool.test", many.join("_")).as_str());
        let first_byte = FirstByte::new(Instant::now());
        let mut trace = Trace::begin(&first_byte, Phase::Resolve);
        let found = dial::resolve_all(&name, 80, &mut trace).await.unwrap();
        assert_eq!(found.len(), ALL_ADDRESSES);
    }

    #[test]
    fn one_address_needs_no_such_key() {
        for (kind, keys) in [
            ("tcp", "host = \"192.0.2.1\"\nport = 80"),
            (
                "tcp",
                "host = \"a.example.org\"\nresolve = \"192.0.2.1\"\nport = 80",
            ),
            ("http", "url = \"http://[::1]/\""),
            ("icmp", "host = \"::1\""),
        ] {
            let environment = values::Environment {
                variable: &|_| None,
                file: &|_| Err("there are no files here".to_owned()),
                proxy_from_environment: false,
                commands: &[],
                reach: &values::reach::BUILT_IN,
            };
            let keys = format!("{keys}\nall_addresses = true");
            let wrong = crate::prepare(kind, &keys, LONG, environment).unwrap_err();
            let (at, why) = &wrong[0];
            assert_eq!(at, "true", "{kind}");
            assert!(why.contains("connects to one address"), "{why}");
        }
    }
}
