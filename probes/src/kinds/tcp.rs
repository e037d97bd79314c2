//! The kind `tcp`: the target accepts a connection. The probe can then send a text and wait for one.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use values::{IpAddress, Length, Parsed, Source, Text, Written};

use super::{Spec, degraded_after};
use crate::dial::{self, Host};
use crate::send_expect::SendExpect;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};

/// The keys of a `tcp` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Tcp {
    /// A name or an address.
    host: Parsed<Host>,
    /// The address to connect to. Default: the addresses of the host.
    resolve: Option<Parsed<IpAddress>>,
    /// True if one run asks each address of the host, and is down if one of them is. Default: it tries them in turn until
    /// one accepts the connection.
    all_addresses: Option<Written<bool>>,
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    port: u16,
    /// Text to send. Default: the probe only listens.
    send: Option<Parsed<Text>>,
    /// Text that the answer must contain. Default: nothing is read.
    expect: Option<Parsed<Text>>,
    /// A slower run is degraded.
    degraded_after: Option<Parsed<Length>>,
}

impl Spec for Tcp {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let host = dial::fixed(
            &self.host.value,
            &self.host.at,
            self.resolve.as_ref(),
            source,
        );
        let all = dial::asks_each(self.all_addresses.as_ref(), &host, source);
        let target = Target {
            host,
            port: self.port,
            conversation: SendExpect::new(self.send, self.expect, source),
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
    port: u16,
    conversation: SendExpect,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        self.host.first_phase()
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.host.name()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(async move {
            let mut stream = dial::dial(&self.host, self.port, deadline, trace).await?;
            self.conversation.run(&mut stream, deadline, trace).await
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A probe of a name that a configuration could not name.
    pub(crate) fn probe(name: &str, timeout: Duration) -> Probe {
        let target = Target {
            host: Host::Name(name.into()),
            port: 80,
            conversation: SendExpect::default(),
        };
        Probe::new(target, timeout)
    }
}
