//! The kind `icmp`: a host answers an echo request (RFC 792, RFC 4443). It uses the unprivileged socket of Linux where
//! this machine allows it, else a raw one. If neither is allowed, the run says nothing about the host.

mod echo;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use schemars::JsonSchema;
use serde::Deserialize;
use socket2::{Domain, Protocol as IpProtocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};
use values::{Length, Parsed, Source, Written};

use super::{Spec, degraded_after};
use crate::dial::{self, Host};
use crate::fault::{Fault, local_shortage};
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};
use echo::Echo;

/// The keys of an `icmp` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Icmp {
    /// A name or an address.
    host: Parsed<Host>,
    /// True if one run asks each address of the host, and is down if one of them is. Default: it asks the first one.
    all_addresses: Option<Written<bool>>,
    /// How many echo requests to send until one is answered. Default: 3.
    #[schemars(range(min = 1, max = 10))]
    packets: Option<u8>,
    /// A slower run is degraded.
    degraded_after: Option<Parsed<Length>>,
}

impl Spec for Icmp {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        dial::check_host(&self.host.value, &self.host.at, source);
        let all = dial::asks_each(self.all_addresses.as_ref(), &self.host.value, source);
        let target = Target {
            host: self.host.value,
            packets: self.packets.unwrap_or(3),
        };
        Some(Probe {
            degraded_after: degraded_after(self.degraded_after.as_ref(), timeout, source),
            ..Probe::new(target, timeout.value).asking_each_address(all)
        })
    }
}

#[derive(Debug)]
struct Target {
    host: Host,
    packets: u8,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        match self.host {
            Host::Address(_) => Phase::Processing,
            Host::Name(_) => Phase::Resolve,
        }
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.host.name()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(async move {
            let address = dial::first_address(&self.host, 0, trace).await?.ip();
            trace.enter(Phase::Processing);
            self.ask(address, deadline, trace).await
        })
    }
}

impl Target {
    async fn ask(
        &self,
        address: IpAddr,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<(), Fault> {
        let (socket, is_raw) = open(address)?;
        trace.note(|| match is_raw {
            true => "uses a raw socket: this machine allows no unprivileged echo".to_owned(),
            false => "uses an unprivileged socket".to_owned(),
        });
        let unreachable = |error: &io::Error| dial::classify(error, SocketAddr::new(address, 0)).1;
        if trace.egress.source.is_some() {
            let local = trace.egress.local(address).into();
            let bound = SockRef::from(&socket).bind(&local);
            bound.map_err(|error| unreachable(&error))?;
        }
        let connected = socket.connect((address, 0)).await;
        connected.map_err(|error| unreachable(&error))?;
        let mut echo = Echo::new(address.is_ipv6(), is_raw);
        for left in (1..=self.packets).rev() {
            let request = echo.next_request();
            let sent = socket.send(&request).await;
            sent.map_err(|error| unreachable(&error))?;
            trace.note(|| format!("sends echo {} to {address}", echo.number()));
            let until = Instant::now() + dial::share(deadline, usize::from(left));
            match timeout_at(until, answer(&socket, &echo)).await {
                Ok(answered) => {
                    let number = answered.map_err(|error| unreachable(&error))?;
                    trace.first_byte.stamp();
                    trace.note(|| format!("echo {number} answered"));
                    return Ok(());
                }
                Err(_) => trace.note(|| "no answer so far".to_owned()),
            }
        }
        Err(Fault::new(Reason::Timeout, "no echo was answered"))
    }
}

/// The number of the request that an answer belongs to. Other packets are skipped.
async fn answer(socket: &UdpSocket, echo: &Echo) -> io::Result<u16> {
    let mut packet = [0; 2048];
    loop {
        let length = match socket.recv(&mut packet).await {
            Ok(length) => length,
            // An earlier request was refused; the next one may be answered.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
            Err(error) => return Err(error),
        };
        if let Some(number) = echo.answers(&packet[..length]) {
            return Ok(number);
        }
    }
}

/// A socket for echoes, and true if it is a raw one.
fn open(address: IpAddr) -> Result<(UdpSocket, bool), Fault> {
    let (domain, protocol) = match address {
        IpAddr::V4(_) => (Domain::IPV4, IpProtocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, IpProtocol::ICMPV6),
    };
    let mut refused = None;
    for (kind, is_raw) in [(Type::DGRAM, false), (Type::RAW, true)] {
        match Socket::new(domain, kind, Some(protocol)) {
            Ok(socket) => {
                let made = socket
                    .set_nonblocking(true)
                    .and_then(|()| UdpSocket::from_std(socket.into()));
                let made = made.map_err(|error| Fault::monitor(format!("no socket: {error}")))?;
                return Ok((made, is_raw));
            }
            Err(error) => match local_shortage(&error) {
                Some(fault) => return Err(fault),
                None => refused = Some(error),
            },
        }
    }
    let why = refused.map(|error| error.to_string()).unwrap_or_default();
    Err(Fault::monitor(format!(
        "this machine allows no echo ({why}): put the group of Nines into net.ipv4.ping_group_range, or give the \
         program CAP_NET_RAW"
    )))
}
