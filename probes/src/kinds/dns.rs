//! The kind `dns`: a server resolves a name, to the expected records if some are given. Each run asks
//! afresh. A failure of the machine's own resolvers says nothing about the name.

mod records;
pub(crate) mod server;
mod socket;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use hickory_resolver::proto::rr::Name;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use values::{Length, Parsed, Place, Source, Text, Written};

use super::{Spec, degraded_after};
use crate::dial::{self, Host};
use crate::fault::Fault;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};
use records::{Asked, RecordType};

/// The keys of a `dns` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Dns {
    /// The name to resolve. With `record = "PTR"` also an address.
    host: Parsed<Asked>,
    /// The type of the records. Default: A.
    #[serde(default)]
    record: RecordType,
    /// The DNS server to ask, a name or an address. Default: the resolvers of this machine, whose own
    /// failure is inconclusive.
    server: Option<Parsed<Host>>,
    /// The port of the server. Default: 53.
    #[schemars(range(min = 1, max = 65535))]
    port: Option<u16>,
    /// All records that the name must have, in any order. Default: at least one, whatever it is.
    #[schemars(length(min = 1))]
    expect: Option<Vec<Parsed<Text>>>,
    /// A slower answer is degraded.
    degraded_after: Option<Parsed<Length>>,
}

impl Spec for Dns {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let limit = degraded_after(self.degraded_after.as_ref(), timeout, source);
        let expected = self
            .expect
            .map(|texts| expected(self.record, &texts, source));
        let name = records::name(&self.host.value, self.record);
        let name = name.map_err(|why| source.wrong(&self.host.at, why)).ok()?;
        if let Some(server) = &self.server {
            dial::check_host(&server.value, &server.at, source);
        }
        let port = self.port.unwrap_or(53);
        let query = Query {
            shown: records::shown(&name).into(),
            name,
            record: self.record,
            expected,
            servers: match self.server {
                Some(server) => Servers::Given(server.value, port),
                None => Servers::Machine("/etc/resolv.conf".into(), port),
            },
        };
        Some(Probe {
            degraded_after: limit,
            ..Probe::new(query, timeout.value)
        })
    }
}

/// The expected records in the form of [`records::text`].
fn expected(
    record: RecordType,
    texts: &[Parsed<Text>],
    source: &mut Source<'_>,
) -> BTreeSet<String> {
    let mut parsed: Vec<(String, Place)> = Vec::new();
    for text in texts {
        match record.parse(&text.value) {
            Ok(record) => parsed.push((record, text.at.clone())),
            Err(why) => source.wrong(&text.at, why),
        }
    }
    source.no_repeats(&parsed);
    parsed.into_iter().map(|(record, _)| record).collect()
}

/// A `dns` probe that is ready to run.
#[derive(Debug)]
struct Query {
    name: Name,
    /// The name for people.
    shown: Arc<str>,
    record: RecordType,
    /// `None`: any.
    expected: Option<BTreeSet<String>>,
    servers: Servers,
}

/// The servers to ask, and their port.
#[derive(Debug)]
enum Servers {
    Given(Host, u16),
    /// Those that the file names, in the form of `resolv.conf`. It is read at each run.
    Machine(PathBuf, u16),
}

impl Protocol for Query {
    fn first_phase(&self) -> Phase {
        Phase::Resolve
    }

    fn resolves(&self) -> Option<Arc<str>> {
        matches!(self.servers, Servers::Machine(..)).then(|| Arc::clone(&self.shown))
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(async move {
            let found = match &self.servers {
                Servers::Given(Host::Address(ip), port) => {
                    dial::may_reach(*ip, trace)?;
                    let server = SocketAddr::new(*ip, *port);
                    self.ask(&[server], deadline, trace).await?
                }
                Servers::Given(Host::Name(name), port) => {
                    let servers = dial::resolve(name, *port, trace).await?;
                    self.ask(&servers, deadline, trace).await?
                }
                Servers::Machine(file, port) => {
                    let servers = server::of_this_machine(file, *port).await?;
                    trace.unresolved = Some(Arc::clone(&self.shown));
                    let found = self.ask(&servers, deadline, trace).await;
                    let fault = found.as_ref().err().map(|fault| fault.reason);
                    if matches!(fault, None | Some(Reason::Dns | Reason::Monitor)) {
                        trace.unresolved = None;
                    }
                    found.map_err(|fault| match trace.unresolved {
                        Some(_) => dial::resolver_failed(&self.shown, &fault.detail),
                        None => fault,
                    })?
                }
            };
            self.check(&found)
        })
    }
}

impl Query {
    /// Asks each server until one knows if the name has records. Each gets an equal share of the
    /// remaining time. The fault of the first one is reported.
    async fn ask(
        &self,
        servers: &[SocketAddr],
        deadline: Instant,
        trace: &Trace<'_>,
    ) -> Result<BTreeSet<String>, Fault> {
        let skipped = trace.is_read().then(|| Arc::clone(&trace.skipped));
        let mut first = None;
        for (i, server) in servers.iter().enumerate() {
            let until = if i + 1 == servers.len() {
                deadline
            } else {
                Instant::now() + dial::share(deadline, servers.len() - i)
            };
            match server::resolve(*server, &self.name, self.record, until, skipped.as_ref()).await {
                Ok(found) => return Ok(found),
                Err(fault) if matches!(fault.reason, Reason::Dns | Reason::Monitor) => {
                    return Err(fault);
                }
                Err(fault) => first = first.or(Some(fault)),
            }
        }
        Err(first.unwrap_or_else(|| Fault::monitor("there is no DNS server to ask")))
    }

    fn check(&self, found: &BTreeSet<String>) -> Result<(), Fault> {
        let Some(expected) = &self.expected else {
            return Ok(());
        };
        let list = |records: Vec<&String>| {
            let records: Vec<&str> = records.into_iter().map(String::as_str).collect();
            records.join(", ")
        };
        let missing: Vec<_> = expected.difference(found).collect();
        let more: Vec<_> = found.difference(expected).collect();
        let record = self.record.word();
        let detail = match (missing.is_empty(), more.len()) {
            (true, 0) => return Ok(()),
            // Texts often hold a token.
            (true, n) if self.record == RecordType::Txt => format!("{n} unexpected TXT records"),
            (true, _) => format!("unexpected {record} record {}", list(more)),
            (false, n) if n == 0 || self.record == RecordType::Txt => {
                format!("lacks the {record} record {}", list(missing))
            }
            (false, _) => format!(
                "lacks the {record} record {}, has {}",
                list(missing),
                list(more)
            ),
        };
        Err(Fault::new(Reason::Body, detail))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use domain::sample::Outcome;
    use hickory_resolver::proto::op::Message;
    use hickory_resolver::proto::rr::{RData, Record, rdata};
    use tokio::net::UdpSocket;

    use super::*;

    /// Asks the servers that a file names.
    async fn finding(text: &str, port: u16) -> crate::Finding {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("resolv.conf");
        let mut out = std::fs::File::create(&file).unwrap();
        out.write_all(text.as_bytes()).unwrap();
        let query = Query {
            name: Name::from_ascii("portal.example.org.").unwrap(),
            shown: "portal.example.org".into(),
            record: RecordType::A,
            expected: None,
            servers: Servers::Machine(file, port),
        };
        Probe::new(query, Duration::from_secs(1)).run().await
    }

    #[tokio::test]
    async fn the_machines_own_resolvers_are_not_the_target() {
        let silent = UdpSocket::bind("127.0.0.2:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        for (text, words) in [
            (
                "nameserver 127.0.0.2\n",
                "this machine's resolver failed for portal.example.org: no answer from 127.0.0.2",
            ),
            ("nameserver 127.0.0.3\n", "connection refused"),
            ("", "names no DNS server"),
        ] {
            let finding = finding(text, port).await;
            assert_eq!(finding.outcome, Outcome::Inconclusive, "{finding:?}");
            let unresolved = (!text.is_empty()).then_some("portal.example.org");
            assert_eq!(finding.unresolved.as_deref(), unresolved);
            let detail = finding.detail.unwrap();
            assert!(detail.contains(words), "{detail}");
        }

        let good = UdpSocket::bind(("127.0.0.4", port)).await.unwrap();
        let serve = async {
            for _ in 0..2 {
                let mut buffer = [0; 512];
                let (length, from) = good.recv_from(&mut buffer).await.unwrap();
                let asked = Message::from_vec(&buffer[..length]).unwrap();
                let mut answer = Message::response(asked.id, asked.op_code);
                let name = asked.queries[0].name().clone();
                answer.queries.clone_from(&asked.queries);
                let address = RData::A(rdata::A([192, 0, 2, 1].into()));
                answer.add_answer(Record::from_rdata(name, 60, address));
                good.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        };
        let ask = async {
            for text in [
                "# one\nnameserver 127.0.0.3\nnameserver 127.0.0.4\n",
                "nameserver 127.0.0.2\nnameserver 127.0.0.4\noptions odd\n",
            ] {
                let finding = finding(text, port).await;
                assert_eq!(finding.outcome, Outcome::Up, "{finding:?}");
            }
        };
        tokio::join!(serve, ask);
    }
}
