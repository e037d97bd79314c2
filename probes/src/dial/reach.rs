//! The addresses that a run may reach. Each is checked after its name was resolved, so a name that changes gains nothing.

use std::net::{IpAddr, SocketAddr};

use domain::sample::Reason;
use values::reach::Refusal;

use crate::fault::Fault;
use crate::trace::Trace;

/// The fault if this run may not reach an address that was not resolved from a name.
pub(crate) fn may_reach(ip: IpAddr, trace: &Trace<'_>) -> Result<(), Fault> {
    let refusal = trace.reach.as_ref().and_then(|reach| reach.refuses(ip));
    refusal.map_or(Ok(()), |refusal| Err(refused(ip, refusal, false, trace)))
}

/// The addresses of a name that this run may reach. A name that has none is a fault.
pub(super) fn reachable(
    addresses: Vec<SocketAddr>,
    trace: &mut Trace<'_>,
) -> Result<Vec<SocketAddr>, Fault> {
    let Some(reach) = trace.reach.clone() else {
        return Ok(addresses);
    };
    let mut first = None;
    let mut open = Vec::new();
    for address in addresses {
        let ip = address.ip();
        match reach.refuses(ip) {
            None => open.push(address),
            Some(refusal) => {
                trace.note(|| format!("does not connect: {}", refusal.in_words(ip)));
                first = first.or(Some((ip, refusal)));
            }
        }
    }
    match first {
        Some((ip, refusal)) if open.is_empty() => Err(refused(ip, refusal, true, trace)),
        _ => Ok(open),
    }
}

/// A server that redirects there leads customers astray, and so does a name. A range that the operator denies says
/// nothing about the target.
fn refused(ip: IpAddr, refusal: Refusal, by_name: bool, trace: &Trace<'_>) -> Fault {
    let words = refusal.in_words(ip);
    match refusal {
        _ if trace.redirected => Fault::new(
            Reason::Redirect,
            format!("a redirect leads astray: {words}"),
        ),
        Refusal::Never(_) if by_name => {
            Fault::new(Reason::Dns, format!("the name leads astray: {words}"))
        }
        Refusal::Never(_) | Refusal::Denied => Fault::monitor(words),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::sample::Outcome;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn run(kind: &str, keys: &str) -> Running {
        let environment = values::Environment {
            variable: &|_| None,
            file: &|_| Err("there are no files here".to_owned()),
            proxy_from_environment: false,
            commands: &[],
            reach: &values::reach::BUILT_IN,
        };
        let probe = crate::prepare(kind, keys, Duration::from_secs(20), environment).unwrap();
        Box::pin(async move { probe.run_with_notes().await })
    }

    type Running = std::pin::Pin<Box<dyn Future<Output = (crate::Finding, Vec<crate::Note>)>>>;

    #[tokio::test]
    async fn a_name_that_leads_to_metadata_is_down_and_not_asked() {
        for name in [
            "169.254.169.254.pool.test",
            "0--ffff-169.254.169.254_0.0.0.0_ff02--1.pool.test",
        ] {
            let (finding, notes) = run("tcp", &format!("host = \"{name}\"\nport = 80")).await;
            assert_eq!(finding.outcome, Outcome::Down);
            assert_eq!(finding.reason, Some(Reason::Dns));
            let detail = finding.detail.unwrap();
            assert!(
                detail.starts_with("the name leads astray: ")
                    && detail.contains("a metadata service"),
                "{detail}"
            );
            assert!(notes[0].text.starts_with("does not connect: "), "{notes:?}");
            assert_eq!(finding.phases.connect_us, None);
        }
    }

    #[tokio::test]
    async fn of_mixed_answers_only_the_good_ones_are_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host =
            format!("host = \"169.254.169.254_127.0.0.1_0.0.0.0.pool.test\"\nport = {port}\n");
        let (finding, notes) = run("tcp", &host).await;
        assert_eq!(finding.outcome, Outcome::Up);
        assert!(
            notes
                .iter()
                .any(|note| note.text.contains("169.254.169.254 is a metadata service"))
        );
        let (finding, _) = run("tcp", &format!("{host}all_addresses = true")).await;
        assert_eq!(finding.reason, Some(Reason::Dns));
        let detail = finding.detail.unwrap();
        assert!(
            detail.starts_with("2 of 3 addresses fail (169.254.169.254, 0.0.0.0)"),
            "{detail}"
        );
    }

    #[tokio::test]
    async fn a_name_that_changes_after_the_check_gains_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = format!("127.0.0.1_169.254.169.254.rebind.test:{port}");
        let location = format!("http://{host}/again");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let answer =
                format!("HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        // One look for each connection: the address that was checked is the one that is asked.
        let (finding, notes) =
            run("http", &format!("url = \"http://{host}/\"\nredirects = 1")).await;
        assert!(
            notes
                .iter()
                .any(|note| note.text == format!("connected to 127.0.0.1:{port}")),
            "{notes:?}"
        );
        assert_eq!(
            (finding.outcome, finding.reason),
            (Outcome::Down, Some(Reason::Redirect))
        );
        assert!(
            finding
                .detail
                .unwrap()
                .contains("169.254.169.254 is a metadata service")
        );
    }
}
