//! The kind `tcp`: the target accepts a connection. The probe sends nothing and closes it at once.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use values::{Length, Parsed, Source, Written};

use super::{Spec, degraded_after};
use crate::dial::{self, Host};
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};

/// The keys of a `tcp` probe.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-later" = ["send", "expect"]))]
pub(crate) struct Tcp {
    /// A name or an address.
    host: Parsed<Host>,
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    port: u16,
    /// A slower connection is degraded.
    degraded_after: Option<Parsed<Length>>,
}

impl Spec for Tcp {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let target = Target {
            host: self.host.value,
            port: self.port,
        };
        Some(Probe {
            degraded_after: degraded_after(self.degraded_after.as_ref(), timeout, source),
            ..Probe::new(target, timeout.value)
        })
    }
}

#[derive(Debug)]
struct Target {
    host: Host,
    port: u16,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        self.host.first_phase()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(async move {
            let connection = dial::dial(&self.host, self.port, deadline, trace).await?;
            drop(connection);
            Ok(())
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A probe of a name that a configuration could not name.
    pub(crate) fn probe(name: &str, timeout: Duration) -> Probe {
        let host = Host::Name(name.into());
        Probe::new(Target { host, port: 80 }, timeout)
    }
}
