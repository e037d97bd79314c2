//! TCP: a connection is accepted. Nothing is sent; the connection is closed at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::SpecError;
use crate::dial::{self, Host};
use crate::fault::Fault;
use crate::trace::{Phase, Trace};

/// What to connect to.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The whole run.
    pub timeout: Duration,
    /// Slower than this is degraded.
    pub degraded_after: Option<Duration>,
}

/// A checked [`Spec`].
#[derive(Debug)]
pub(crate) struct Ready {
    host: Host,
    port: u16,
}

impl Ready {
    pub(crate) fn new(spec: &Spec) -> Result<Self, SpecError> {
        if spec.port == 0 {
            return Err(SpecError::new("port", "0 is no port to connect to"));
        }
        Ok(Ready {
            host: host(&spec.host)?,
            port: spec.port,
        })
    }

    pub(crate) fn first_phase(&self) -> Phase {
        self.host.first_phase()
    }

    pub(crate) async fn ask(&self, deadline: Instant, trace: &mut Trace<'_>) -> Result<(), Fault> {
        let stream = dial::dial(&self.host, self.port, deadline, trace).await?;
        drop(stream);
        Ok(())
    }
}

fn host(text: &str) -> Result<Host, SpecError> {
    if let Ok(ip) = text.parse() {
        return Ok(Host::Address(ip));
    }
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if text.is_empty() || text.len() > 253 || !text.chars().all(fits) {
        return Err(SpecError::new(
            "host",
            "neither a name nor an address (IPv6 goes without brackets, the port apart)",
        ));
    }
    match url::Host::parse(text) {
        Ok(url::Host::Domain(name)) => Ok(Host::Name(Arc::from(name))),
        // Addresses in unusual notation (one number, octal) are refused: nobody reads them alike.
        Ok(_) => Err(SpecError::new(
            "host",
            "write the address in its usual form",
        )),
        Err(e) => Err(SpecError::new("host", e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_without_brackets_or_port() {
        assert_eq!(
            host("::1"),
            Ok(Host::Address(std::net::Ipv6Addr::LOCALHOST.into()))
        );
        assert_eq!(
            host("Results.example.org"),
            Ok(Host::Name("results.example.org".into()))
        );
        for bad in ["", "[::1]", "host:80", "a b", "http://x", "2130706433"] {
            assert!(host(bad).is_err(), "{bad:?}");
        }
    }
}
