//! The kind `smtp`: a mail server greets, answers EHLO, and does STARTTLS where asked (RFC 5321, RFC 3207). It must
//! never begin a mail.

mod reply;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use values::suggest::shorten;
use values::{EhloName, Format, Parsed, Source, Written};

use super::ServerSpec;
use crate::endpoint::{Endpoint, ServerKeys, Stream, Way, part, parting, send};
use crate::fault::Fault;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};
use reply::{Replies, Reply};

/// The keys of an `smtp` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Smtp {
    /// The port, often 25 or 587.
    #[schemars(range(min = 1, max = 65535))]
    port: u16,
    /// "starttls" asks for TLS after EHLO, "implicit" speaks it from the start. Default: no TLS.
    tls: Option<Written<Tls>>,
    /// The name that EHLO says. Default: the address of this machine, in brackets.
    ehlo_name: Option<Parsed<EhloName>>,
    /// Extensions that the answer to EHLO must offer, as "SIZE".
    #[schemars(length(min = 1))]
    extensions: Option<Vec<Parsed<Extension>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tls {
    Starttls,
    Implicit,
}

impl JsonSchema for Tls {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SmtpTls".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["starttls", "implicit"] })
    }
}

/// The keyword of an extension (RFC 5321 §4.1.1.1).
struct Extension;

impl Format for Extension {
    type Value = String;
    const IS: &'static str = "an extension in quotes, as \"SIZE\"";
    const EXAMPLE: &'static str = "SIZE";
    const PATTERN: Option<&'static str> = Some("^[A-Za-z0-9][A-Za-z0-9-]{0,39}$");

    fn parse(text: &str) -> Result<String, String> {
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if (1..=40).contains(&text.len()) && text.bytes().all(is_word) && !text.starts_with('-') {
            return Ok(text.to_ascii_uppercase());
        }
        Err(format!(
            "`{}` is not an extension: write \"SIZE\"",
            shorten(text)
        ))
    }
}

impl ServerSpec for Smtp {
    fn prepare(
        self,
        server: &ServerKeys,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Probe> {
        let tls = self.tls.as_ref().map(|tls| tls.value);
        let way = Way {
            switch: "tls = \"starttls\"",
            ..Way::new(self.port, tls.is_some())
        };
        let (endpoint, settings) = server.prepare(&way, timeout, source)?;
        let extensions = self.extensions.unwrap_or_default();
        let extensions: Vec<_> = extensions.into_iter().map(|e| (e.value, e.at)).collect();
        source.no_repeats(&extensions);
        let target = Target {
            endpoint,
            tls,
            ehlo_name: self.ehlo_name.map(|name| name.value),
            extensions: extensions.into_iter().map(|(name, _)| name).collect(),
        };
        Some(settings.probe(target, None))
    }
}

#[derive(Debug)]
struct Target {
    endpoint: Endpoint,
    tls: Option<Tls>,
    ehlo_name: Option<String>,
    extensions: Vec<String>,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        self.endpoint.first_phase()
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.endpoint.resolves()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(self.converse(deadline, trace))
    }
}

impl Target {
    async fn converse(&self, deadline: Instant, trace: &mut Trace<'_>) -> Result<(), Fault> {
        let mut tcp = self.endpoint.dial(deadline, trace).await?;
        let ehlo = match &self.ehlo_name {
            Some(name) => format!("EHLO {name}"),
            None => format!("EHLO {}", literal(tcp.local_addr().map(|at| at.ip()).ok())),
        };
        let mut replies = Replies::default();
        let (mut stream, offered): (Stream, _) = if self.tls == Some(Tls::Starttls) {
            trace.enter(Phase::Processing);
            self.greeting(&mut tcp, &mut replies, trace).await?;
            let offered = ask(&mut tcp, &mut replies, &ehlo, 250, trace).await?;
            if !offered.offers("STARTTLS") {
                let detail = "the server does not offer STARTTLS";
                return Err(Fault::new(Reason::Tls, detail));
            }
            ask(&mut tcp, &mut replies, "STARTTLS", 220, trace).await?;
            if replies.has_more() {
                // It could be an answer that somebody else put there (CVE-2011-0411).
                return Err(Fault::protocol(
                    "the server sent more than its answer to STARTTLS",
                ));
            }
            let mut stream = self.endpoint.secure(tcp, trace).await?;
            trace.enter(Phase::Transfer);
            let offered = ask(&mut stream, &mut replies, &ehlo, 250, trace).await?;
            (stream, offered)
        } else {
            let mut stream = self.endpoint.secure(tcp, trace).await?;
            trace.enter(Phase::Processing);
            self.greeting(&mut stream, &mut replies, trace).await?;
            let offered = ask(&mut stream, &mut replies, &ehlo, 250, trace).await?;
            (stream, offered)
        };
        // The verdict does not depend on the answer to QUIT.
        trace.decided();
        let quit = ask(&mut stream, &mut replies, "QUIT", 221, trace);
        let _ = timeout_at(parting(deadline), quit).await;
        part(&mut stream, deadline, trace).await;
        if let Some(missing) = self.extensions.iter().find(|name| !offered.offers(name)) {
            let detail = format!("the answer to EHLO does not offer {missing}");
            return Err(Fault::new(Reason::Body, detail));
        }
        Ok(())
    }

    async fn greeting<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        replies: &mut Replies,
        trace: &mut Trace<'_>,
    ) -> Result<(), Fault> {
        let reply = replies.next(stream, trace).await?;
        trace.note(|| format!("greeting: {}", reply.code));
        match reply.code {
            220 => Ok(()),
            code => {
                let detail = format!("greeting {code}, expected 220");
                Err(Fault::new(Reason::Status, detail))
            }
        }
    }
}

/// Sends a command and expects this code.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    replies: &mut Replies,
    command: &str,
    expected: u16,
    trace: &mut Trace<'_>,
) -> Result<Reply, Fault> {
    send(stream, format!("{command}\r\n").as_bytes(), true).await?;
    let reply = replies.next(stream, trace).await?;
    trace.note(|| format!("{command}: {}", reply.code));
    if reply.code == expected {
        return Ok(reply);
    }
    let verb = command.split(' ').next().unwrap_or_default();
    let detail = format!(
        "{verb} was answered with {}, expected {expected}",
        reply.code
    );
    Err(Fault::new(Reason::Status, detail))
}

/// `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
fn literal(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V6(six)) => format!("[IPv6:{six}]"),
        Some(IpAddr::V4(four)) => format!("[{four}]"),
        None => "[127.0.0.1]".to_owned(),
    }
}
