//! The kind `tls`: the target completes a TLS handshake with a certificate that is trusted, valid and of
//! the right name. The probe can then send a text and wait for one.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use values::{Parsed, Source, Text, Written};

use super::ServerSpec;
use crate::endpoint::{Endpoint, ServerKeys, Way};
use crate::send_expect::SendExpect;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running, tls};

/// The keys of a `tls` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Tls {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    port: u16,
    /// Text to send after the handshake. Default: the probe only listens.
    send: Option<Parsed<Text>>,
    /// Text that the answer must contain. Default: nothing is read.
    expect: Option<Parsed<Text>>,
}

impl ServerSpec for Tls {
    fn prepare(
        self,
        server: &ServerKeys,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Probe> {
        let conversation = SendExpect::new(self.send, self.expect, source);
        // A server refuses a client that only offers other protocols, so this one offers none.
        let way = Way::new(self.port, true);
        let (endpoint, settings) = server.prepare(&way, timeout, source)?;
        let target = Target {
            endpoint,
            conversation,
        };
        Some(settings.probe(target, None))
    }
}

#[derive(Debug)]
struct Target {
    endpoint: Endpoint,
    conversation: SendExpect,
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
            self.conversation.run(&mut stream, deadline, trace).await?;
            tls::end(&mut stream, deadline, trace).await
        })
    }
}
