//! The kind `ssh`: a server identifies itself and begins the key exchange (RFC 4253 §4.2, §7.1). The probe ends there: it
//! proves no key and sends no login.

mod transport;

use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use values::{IpAddress, Length, Line, Parsed, Source, Written};

use super::Spec;
use crate::dial::Host;
use crate::endpoint::{Endpoint, ServerKeys, Way, part, send};
use crate::fault::Fault;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};
use transport::{Received, goodbye};

/// The keys of an `ssh` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Ssh {
    /// A name or an address.
    host: Parsed<Host>,
    /// The address to connect to. Default: the addresses of the host.
    resolve: Option<Parsed<IpAddress>>,
    /// True if one run asks each address of the host, and is down if one of them is. Default: it tries them in turn until
    /// one accepts the connection.
    all_addresses: Option<Written<bool>>,
    /// The port. Default: 22.
    #[schemars(range(min = 1, max = 65535))]
    port: Option<u16>,
    /// Text that the software's name must contain, as "OpenSSH_10". Default: any software.
    software: Option<Parsed<Line>>,
    /// A slower run is degraded.
    degraded_after: Option<Parsed<Length>>,
}

impl Spec for Ssh {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let server = ServerKeys {
            resolve: self.resolve,
            all_addresses: self.all_addresses,
            degraded_after: self.degraded_after,
            ..ServerKeys::of(self.host)
        };
        let way = Way::new(self.port.unwrap_or(22), false);
        let (endpoint, settings) = server.prepare(&way, timeout, source)?;
        let target = Target {
            endpoint,
            software: self.software.map(|text| text.value),
        };
        Some(settings.probe(target, None))
    }
}

#[derive(Debug)]
struct Target {
    endpoint: Endpoint,
    software: Option<String>,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        self.endpoint.first_phase()
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.endpoint.resolves()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(async move {
            let mut stream = self.endpoint.connect(deadline, trace).await?;
            trace.enter(Phase::Processing);
            let mut received = Received::default();
            let software = received
                .identification(&mut stream, deadline, trace)
                .await?;
            trace.note(|| format!("the server is {software}"));
            send(&mut stream, b"SSH-2.0-Nines\r\n", true).await?;
            received.key_exchange(&mut stream, trace).await?;
            trace.note(|| "the server began the key exchange".to_owned());
            // The verdict does not depend on it.
            let _ = send(&mut stream, &goodbye(), true).await;
            part(&mut stream, deadline, trace).await;
            match self
                .software
                .as_ref()
                .filter(|wanted| !software.contains(wanted.as_str()))
            {
                None => Ok(()),
                Some(wanted) => {
                    let detail = format!("the software {software} lacks `{wanted}`");
                    Err(Fault::new(Reason::Body, detail))
                }
            }
        })
    }
}
