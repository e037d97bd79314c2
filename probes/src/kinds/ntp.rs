//! The kind `ntp`: a time server answers, and its clock agrees with this machine's (RFC 5905). It never sets a clock.

mod packet;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};
use values::{IpAddress, Length, Parsed, Source, Written};

use super::{Spec, degraded_after};
use crate::dial::{self, Egress, Host};
use crate::fault::{Fault, local_shortage};
use crate::format::duration;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};
use packet::{Answer, Time};

/// How often a run asks until it is answered: datagrams get lost.
const REQUESTS: usize = 3;

/// The keys of an `ntp` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Ntp {
    /// A name or an address.
    host: Parsed<Host>,
    /// The address to ask. Default: the first address of the host.
    resolve: Option<Parsed<IpAddress>>,
    /// True if one run asks each address of the host, and is down if one of them is. Default: it asks the first one.
    all_addresses: Option<Written<bool>>,
    /// The port. Default: 123.
    #[schemars(range(min = 1, max = 65535))]
    port: Option<u16>,
    /// The probe is down if the server's clock and this machine's differ by more. Default: any difference is good.
    max_offset: Option<Parsed<Length>>,
    /// The probe is down if the server is farther from a reference clock. Default: 15.
    #[schemars(range(min = 1, max = 15))]
    max_stratum: Option<u8>,
    /// A slower run is degraded.
    degraded_after: Option<Parsed<Length>>,
}

impl Spec for Ntp {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let limit = degraded_after(self.degraded_after.as_ref(), timeout, source);
        let resolve = self.resolve.as_ref();
        let host = dial::fixed(&self.host.value, &self.host.at, resolve, source);
        let all = dial::asks_each(self.all_addresses.as_ref(), &host, source);
        let target = Target {
            host,
            port: self.port.unwrap_or(123),
            max_offset: self.max_offset.map(|length| length.value),
            max_stratum: self.max_stratum.unwrap_or(15),
        };
        Some(Probe {
            degraded_after: limit,
            ..Probe::new(target, timeout.value).asking_each_address(all)
        })
    }
}

#[derive(Debug)]
struct Target {
    host: Host,
    port: u16,
    max_offset: Option<Duration>,
    max_stratum: u8,
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
            let address = dial::first_address(&self.host, self.port, trace).await?;
            trace.enter(Phase::Processing);
            let (answer, offset_us) = ask(address, deadline, trace).await?;
            self.judge(&answer, offset_us, trace)
        })
    }
}

impl Target {
    fn judge(&self, answer: &Answer, offset_us: i64, trace: &mut Trace<'_>) -> Result<(), Fault> {
        let status = |detail: String| Err(Fault::new(Reason::Status, detail));
        if let Some(code) = &answer.kiss_code {
            return status(format!("the server refuses to answer: {code}"));
        }
        if answer.is_unsynchronized {
            return status("the server's clock is not synchronized".to_owned());
        }
        if answer.is_empty() {
            return Err(Fault::protocol("the answer has no time"));
        }
        trace.clock_offset_us = Some(offset_us);
        let offset = Duration::from_micros(offset_us.unsigned_abs());
        let words = match offset_us {
            ..0 => format!("{} behind", duration(offset)),
            _ => format!("{} ahead", duration(offset)),
        };
        let stratum = answer.stratum;
        trace.note(|| format!("stratum {stratum}, the server's clock is {words}"));
        if stratum > self.max_stratum {
            return status(format!(
                "stratum {stratum}, expected at most {}",
                self.max_stratum
            ));
        }
        match self.max_offset.filter(|limit| offset > *limit) {
            None => Ok(()),
            Some(limit) => status(format!(
                "the server's clock is {words}, more than {}",
                duration(limit)
            )),
        }
    }
}

/// The answer, and the server's clock minus this machine's in microseconds.
async fn ask(
    address: SocketAddr,
    deadline: Instant,
    trace: &mut Trace<'_>,
) -> Result<(Answer, i64), Fault> {
    let socket = open(address, trace.egress).await?;
    let failed = |error: &io::Error| dial::classify(error, address).1;
    for left in (1..=REQUESTS).rev() {
        // The difference of the clocks needs this machine's time once; the rest is measured.
        let began = Instant::now();
        let sent = Time::of(now());
        let request = packet::request(sent);
        socket
            .send(&request)
            .await
            .map_err(|error| failed(&error))?;
        trace.note(|| format!("asks {address} for the time"));
        let until = Instant::now() + dial::share(deadline, left);
        match timeout_at(until, receive(&socket, sent, trace)).await {
            Ok(answered) => {
                let answer = answered.map_err(|error| failed(&error))?;
                let arrived = sent.plus(began.elapsed());
                trace.first_byte.stamp();
                trace.answered();
                let offset_us = answer.offset_us(sent, arrived);
                return Ok((answer, offset_us));
            }
            Err(_) => trace.note(|| "no answer so far".to_owned()),
        }
    }
    Err(Fault::new(Reason::Timeout, "no request was answered"))
}

/// The answer to the request of that time. Other packets are skipped.
async fn receive(socket: &UdpSocket, sent: Time, trace: &Trace<'_>) -> io::Result<Answer> {
    let mut packet = [0; 1024];
    loop {
        let length = socket.recv(&mut packet).await?;
        match packet::answer(&packet[..length], sent) {
            Ok(answer) => return Ok(answer),
            Err(why) => trace.skipped.add(why),
        }
    }
}

async fn open(address: SocketAddr, egress: Egress) -> Result<UdpSocket, Fault> {
    let socket = UdpSocket::bind(egress.local(address.ip())).await;
    let socket = socket.map_err(|error| {
        local_shortage(&error).unwrap_or_else(|| Fault::monitor(format!("no socket: {error}")))
    })?;
    let connected = socket.connect(address).await;
    connected.map_err(|error| dial::classify(&error, address).1)?;
    Ok(socket)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the probe compares the clock of the server with this machine's"
)]
fn now() -> Timestamp {
    Timestamp::now()
}
