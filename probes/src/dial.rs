//! Opens a TCP connection: resolves the name afresh, then tries each address in order. It must never
//! blame the target for a shortage on this machine, and never cache an address.

mod connect;
mod egress;
mod reach;
mod resolve;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::Instant;
use values::{Format, IpAddress, Parsed, Place, Source, Written};

use crate::fault::Fault;
use crate::trace::{Phase, Trace};
pub(crate) use connect::{classify, share};
use connect::{connect, connect_any};
pub use egress::{Egress, Family};
pub(crate) use reach::may_reach;
pub(crate) use resolve::{ALL_ADDRESSES, resolve, resolve_all, resolver_failed};

/// The host that a probe connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Address(IpAddr),
    /// Resolved at every run.
    Name(Arc<str>),
}

impl Format for Host {
    type Value = Self;
    const IS: &'static str = values::Host::IS;
    const EXAMPLE: &'static str = values::Host::EXAMPLE;

    fn parse(text: &str) -> Result<Self, String> {
        let text = values::Host::parse(text)?;
        if let Ok(address) = text.parse() {
            return Ok(Host::Address(address));
        }
        match url::Host::parse(&text) {
            Ok(url::Host::Domain(name)) => Ok(Host::Name(Arc::from(name))),
            // Programs disagree on addresses in unusual notation (one number, octal).
            Ok(_) => Err("write the address in its usual form".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Host {
    /// The name, unless it is an address.
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        match self {
            Host::Address(_) => None,
            Host::Name(name) => Some(Arc::clone(name)),
        }
    }

    /// The phase in which a run to this host begins.
    pub(crate) fn first_phase(&self) -> Phase {
        match self {
            Host::Address(_) => Phase::Connect,
            Host::Name(_) => Phase::Resolve,
        }
    }
}

/// The host to connect to if `resolve` gives a fixed address for `host`, which is written at `at`.
pub(crate) fn fixed(
    host: &Host,
    at: &Place,
    resolve: Option<&Parsed<IpAddress>>,
    source: &mut Source<'_>,
) -> Host {
    let Some(resolve) = resolve else {
        check_host(host, at, source);
        return host.clone();
    };
    if let Host::Address(_) = host {
        let why = "this has no effect: the host is an address already";
        source.wrong(&resolve.at, why);
    }
    let fixed = Host::Address(resolve.value);
    check_host(&fixed, &resolve.at, source);
    fixed
}

/// Notes a mistake if no probe may reach `host`, which is written at `at`. A name is checked once it is resolved.
pub(crate) fn check_host(host: &Host, at: &Place, source: &mut Source<'_>) {
    if let Host::Address(ip) = host
        && let Some(refusal) = source.environment.reach.refuses(*ip)
    {
        source.wrong(at, refusal.in_words(*ip));
    }
}

/// The key `all_addresses` of a probe that connects to `host`.
pub(crate) fn asks_each(
    all_addresses: Option<&Written<bool>>,
    host: &Host,
    source: &mut Source<'_>,
) -> bool {
    let asked = all_addresses.filter(|asked| asked.value);
    if let (Some(asked), Host::Address(_)) = (asked, host) {
        let why = "this has no effect: the probe connects to one address";
        source.wrong(&asked.at, why);
    }
    asked.is_some()
}

/// Connects before `deadline`; on return the trace is still in the phase `Connect`.
pub(crate) async fn dial(
    host: &Host,
    port: u16,
    deadline: Instant,
    trace: &mut Trace<'_>,
) -> Result<TcpStream, Fault> {
    trace.enter(host.first_phase());
    let stream = match host {
        Host::Address(ip) => {
            may_reach(*ip, trace)?;
            trace.egress.check(*ip)?;
            let address = SocketAddr::new(*ip, port);
            let connected = connect(address, trace.egress).await;
            connected.map_err(|e| classify(&e, address).1)?
        }
        Host::Name(name) => {
            let addresses = resolve(name, port, trace).await?;
            trace.note(|| format!("{name} is {}", list(&addresses)));
            trace.enter(Phase::Connect);
            connect_any(&addresses, trace.egress, deadline).await?
        }
    };
    trace.note(|| match stream.peer_addr() {
        Ok(peer) => format!("connected to {peer}"),
        Err(_) => "connected".to_owned(),
    });
    Ok(stream)
}

/// The first address of a host, for probes that send datagrams.
pub(crate) async fn first_address(
    host: &Host,
    port: u16,
    trace: &mut Trace<'_>,
) -> Result<SocketAddr, Fault> {
    let name = match host {
        Host::Address(address) => {
            may_reach(*address, trace)?;
            trace.egress.check(*address)?;
            return Ok(SocketAddr::new(*address, port));
        }
        Host::Name(name) => name,
    };
    let found = resolve(name, port, trace).await?;
    // A name without an address is a fault above.
    let first = found.first().copied();
    let first = first.ok_or_else(|| Fault::monitor("the name has no address"))?;
    trace.note(|| format!("{name} is {}", first.ip()));
    Ok(first)
}

fn list(addresses: &[SocketAddr]) -> String {
    let all: Vec<_> = addresses.iter().map(|at| at.ip().to_string()).collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_without_brackets_or_port() {
        assert_eq!(
            Host::parse("::1"),
            Ok(Host::Address(std::net::Ipv6Addr::LOCALHOST.into()))
        );
        assert_eq!(
            Host::parse("Results.example.org"),
            Ok(Host::Name("results.example.org".into()))
        );
        for bad in ["", "[::1]", "host:80", "a b", "http://x", "2130706433"] {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
    }
}
