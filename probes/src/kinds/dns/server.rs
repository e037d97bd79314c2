//! Asks one DNS server, over UDP, and over TCP if the answer was cut. Names such as `localhost` are asked
//! for like any other, and no answer is kept.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsExchange, DnsHandle, FirstAnswer};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{DnsRequestOptions, DnsResponse, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData};
use hickory_resolver::system_conf::parse_resolv_conf;
use tokio::time::{Instant, timeout_at};

use super::records::{self, RecordType};
use super::socket::Provider;
use crate::dial;
use crate::fault::Fault;
use crate::skipped::Skipped;

/// The most queries of one run. A further one is only needed if an alias leads out of an answer.
const QUERIES: usize = 8;

/// The most aliases (CNAME) that are followed within one answer.
const ALIASES: usize = 16;

/// The servers that `file` names.
pub(crate) async fn of_this_machine(file: &Path, port: u16) -> Result<Vec<SocketAddr>, Fault> {
    let shown = file.display();
    let content = tokio::fs::read(file).await;
    let content = content.map_err(|e| Fault::monitor(format!("cannot read {shown}: {e}")))?;
    // Without a server, the library only says so.
    let (config, _) = parse_resolv_conf(content)
        .map_err(|_| Fault::monitor(format!("{shown} names no DNS server")))?;
    let servers = config.name_servers().iter();
    Ok(servers.map(|s| SocketAddr::new(s.ip, port)).collect())
}

/// The records of `name`. Follows aliases, unless they are asked for. Counts the datagrams that do not answer.
pub(super) async fn resolve(
    server: SocketAddr,
    name: &Name,
    record: RecordType,
    until: Instant,
    skipped: Option<&Arc<Skipped>>,
) -> Result<BTreeSet<String>, Fault> {
    let answer = timeout_at(until, follow(server, name, record, until, skipped)).await;
    answer.unwrap_or_else(|_| {
        let detail = format!("no answer from {server} before the timeout");
        Err(Fault::new(Reason::Timeout, detail))
    })
}

/// Asks a resolver for `name`. True if it says that the name exists, or that it does not; false for another DNS answer, as
/// SERVFAIL or REFUSED.
///
/// # Errors
/// No answer in DNS.
pub(crate) async fn knows(server: SocketAddr, name: &Name, until: Instant) -> Result<bool, Fault> {
    let record = RecordType::A;
    let silent = || {
        let detail = format!("no answer from {server} before the timeout");
        Fault::new(Reason::Timeout, detail)
    };
    let asked = timeout_at(until, query(server, name, record, until, None)).await;
    match asked.map_err(|_| silent())? {
        Ok(_) => Ok(true),
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
            let is_answer = matches!(
                none.response_code,
                ResponseCode::NoError | ResponseCode::NXDomain
            );
            Ok(is_answer && none.ns.is_none())
        }
        Err(NetError::Dns(_)) => Ok(false),
        Err(error) => Err(fault(&error, name, record, server)),
    }
}

async fn follow(
    server: SocketAddr,
    name: &Name,
    record: RecordType,
    until: Instant,
    skipped: Option<&Arc<Skipped>>,
) -> Result<BTreeSet<String>, Fault> {
    let mut name = name.clone();
    for _ in 0..QUERIES {
        let answer = query(server, &name, record, until, skipped).await;
        let answer = answer.map_err(|error| fault(&error, &name, record, server))?;
        let mut followed = 0;
        while record != RecordType::Cname
            && followed < ALIASES
            && let Some(target) = alias(&answer, &name)
        {
            name = target.clone();
            followed += 1;
        }
        let found: BTreeSet<String> = answer
            .answers
            .iter()
            .filter(|one| one.name == name)
            .filter_map(|one| records::text(&one.data, record))
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
        if followed == 0 || answer.response_code == ResponseCode::NXDomain {
            return Err(no_records(answer.response_code, &name, record));
        }
        if followed == ALIASES {
            break;
        }
    }
    let name = records::shown(&name);
    let detail = format!("the aliases (CNAME) do not end, the last is {name}");
    Err(Fault::new(Reason::Dns, detail))
}

fn alias<'a>(answer: &'a DnsResponse, name: &Name) -> Option<&'a Name> {
    answer.answers.iter().find_map(|one| match &one.data {
        RData::CNAME(target) if one.name == *name => Some(&target.0),
        _ => None,
    })
}

/// Sends one query. The caller drops the future at `until`.
async fn query(
    server: SocketAddr,
    name: &Name,
    record: RecordType,
    until: Instant,
    skipped: Option<&Arc<Skipped>>,
) -> Result<DnsResponse, NetError> {
    let query = Query::query(name.clone(), record.code());
    let options = DnsRequestOptions::default();
    let provider = Provider::counting(skipped.cloned());
    // The library's own timeout must not come first.
    let limit = until.saturating_duration_since(Instant::now()) + Duration::from_secs(1);
    let udp = UdpClientStream::builder(server, provider.clone()).with_timeout(Some(limit));
    let udp: DnsExchange<Provider> = udp.exchange();
    let mut answer = udp.lookup(query.clone(), options).first_answer().await?;
    if answer.truncation {
        let tcp = TcpClientStream::exchange(server, None, limit, None, provider).await?;
        answer = tcp.lookup(query, options).first_answer().await?;
    }
    Ok(DnsError::from_response(answer)?)
}

fn no_records(code: ResponseCode, name: &Name, record: RecordType) -> Fault {
    let (name, record) = (records::shown(name), record.word());
    let detail = match code {
        ResponseCode::NXDomain => format!("{name} does not exist (NXDOMAIN)"),
        _ => format!("{name} has no {record} record"),
    };
    Fault::new(Reason::Dns, detail)
}

fn fault(error: &NetError, name: &Name, record: RecordType, server: SocketAddr) -> Fault {
    let code = match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.ns.is_some() => {
            let name = records::shown(name);
            let detail = format!("{server} does not serve {name}: it names other servers");
            return Fault::new(Reason::Dns, detail);
        }
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            return no_records(none.response_code, name, record);
        }
        NetError::Dns(DnsError::ResponseCode(code)) => *code,
        NetError::Io(error) => {
            use io::ErrorKind as K;
            return match error.kind() {
                K::ConnectionReset | K::BrokenPipe | K::UnexpectedEof => {
                    Fault::protocol(format!("{server} closed the connection before an answer"))
                }
                _ => {
                    let (_, fault) = dial::classify(error, server);
                    Fault::new(fault.reason, format!("{server}: {}", fault.detail))
                }
            };
        }
        NetError::Proto(_) => return Fault::protocol(format!("the answer of {server} is not DNS")),
        other => return Fault::protocol(format!("no whole answer of {server}: {other}")),
    };
    let (reason, word) = match code {
        ResponseCode::Refused => (Reason::Refused, "REFUSED".to_owned()),
        ResponseCode::ServFail => (Reason::Status, "SERVFAIL".to_owned()),
        other => (Reason::Status, format!("{other:?}").to_ascii_uppercase()),
    };
    let name = records::shown(name);
    Fault::new(reason, format!("{server} answers {word} for {name}"))
}
