//! The kind `mllp`: an HL7 v2 listener acknowledges a message. The message is agreed with the receiver and names
//! no patient. Two runs must never use one listener at the same time: many serve one client only. Neither the
//! message nor the answer is ever shown.

mod frame;
mod message;

use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use values::{FilePath, IpAddress, Length, OneOrMany, Parsed, Source, Text, Written};

use super::Spec;
use crate::dial::Host;
use crate::endpoint::{Endpoint, ServerKeys, Stream, Way, part, send};
use crate::exclusive::exclusive;
use crate::fault::Fault;
use crate::files::Current;
use crate::tls::{self, TlsVersion};
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};
use frame::Frames;
use message::{Acknowledgement, Message};

/// The keys of an `mllp` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Mllp {
    /// A name or an address.
    host: Parsed<Host>,
    /// The address to connect to. Default: the addresses of the host.
    resolve: Option<Parsed<IpAddress>>,
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    port: u16,
    /// "connect" only connects, "ack" sends the message and expects its acknowledgement. Default: "ack" with a
    /// message, else "connect".
    mode: Option<Written<Mode>>,
    /// The HL7 message, agreed with the receiver; {now} and {control_id} are filled in.
    message: Option<Parsed<Text>>,
    /// The file of the message, in place of `message`.
    message_file: Option<Parsed<FilePath>>,
    /// True if the message names a test patient that the receiver has agreed to.
    #[serde(default)]
    agreed_test_patient: bool,
    /// The acknowledgement codes that are good. Default: AA and CA.
    accept: Option<OneOrMany<Written<Code>>>,
    /// True if the listener speaks TLS.
    #[serde(default)]
    tls: bool,
    /// The name that the certificate must have; it is also sent (SNI). Default: the host.
    server_name: Option<Parsed<Host>>,
    /// Certificate authorities (PEM) beside those of the machine.
    ca_file: Option<Parsed<FilePath>>,
    /// The client certificate (PEM), for a listener that wants one. Its intermediates follow it.
    client_certificate_file: Option<Parsed<FilePath>>,
    /// The key of the client certificate (PEM, without a password).
    client_key_file: Option<Parsed<FilePath>>,
    /// The oldest version of TLS that is accepted: "1.2" or "1.3". Default: "1.2".
    min_tls_version: Option<Parsed<TlsVersion>>,
    /// Operators are warned of a certificate that ends within this many days. Default: 14.
    #[schemars(range(min = 1, max = 3650))]
    certificate_days: Option<u32>,
    /// A slower run is degraded.
    degraded_after: Option<Parsed<Length>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Connect,
    Ack,
}

impl JsonSchema for Mode {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Mode".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["connect", "ack"] })
    }
}

/// The acknowledgement codes of table 0008: in the original mode, then in the enhanced one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Code {
    AA,
    AE,
    AR,
    CA,
    CE,
    CR,
}

impl Code {
    const ALL: [(Code, &'static str); 6] = [
        (Code::AA, "AA"),
        (Code::AE, "AE"),
        (Code::AR, "AR"),
        (Code::CA, "CA"),
        (Code::CE, "CE"),
        (Code::CR, "CR"),
    ];

    fn of(bytes: &[u8]) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, word)| word.as_bytes() == bytes);
        found.map(|(code, _)| *code)
    }

    fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(code, _)| *code == self);
        found.map_or("", |(_, word)| word)
    }

    /// True if it is of the enhanced mode: the message was stored, not yet processed.
    fn is_commit(self) -> bool {
        matches!(self, Code::CA | Code::CE | Code::CR)
    }
}

impl JsonSchema for Code {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words = Code::ALL.map(|(_, word)| word);
        schemars::json_schema!({ "type": "string", "enum": words })
    }
}

impl Spec for Mllp {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let message = self.message(source);
        let server = ServerKeys {
            resolve: self.resolve,
            server_name: self.server_name,
            ca_file: self.ca_file,
            client_certificate_file: self.client_certificate_file,
            client_key_file: self.client_key_file,
            min_tls_version: self.min_tls_version,
            certificate_days: self.certificate_days,
            degraded_after: self.degraded_after,
            ..ServerKeys::of(self.host)
        };
        let prepared = server.prepare(&Way::new(self.port, self.tls), timeout, source);
        let accept = self.accept.map(|codes| codes.0).unwrap_or_default();
        if let (None, Some(code)) = (&message, accept.first()) {
            source.wrong_once(&code.at, "this has no effect without a message");
        }
        let mut codes: Vec<_> = accept
            .into_iter()
            .map(|code| (code.value, code.at))
            .collect();
        source.no_repeats(&codes);
        if codes.is_empty() {
            codes = vec![(Code::AA, 0..0), (Code::CA, 0..0)];
        }
        let (endpoint, settings) = prepared?;
        let files = message.as_ref().and_then(Current::files);
        let target = Target {
            accept: codes.into_iter().map(|(code, _)| code).collect(),
            endpoint,
            message,
        };
        Some(settings.probe(target, files))
    }
}

impl Mllp {
    fn message(&self, source: &mut Source<'_>) -> Option<Current<Message>> {
        if let (Some(_), Some(file)) = (&self.message, &self.message_file) {
            source.wrong(&file.at, "use either `message` or `message_file`");
        }
        let at = match (&self.message, &self.message_file) {
            (Some(text), _) => Some(&text.at),
            (None, file) => file.as_ref().map(|file| &file.at),
        };
        match (self.mode.as_ref(), at) {
            (Some(mode), None) if mode.value == Mode::Ack => {
                let why = "this mode needs `message` or `message_file`, agreed with the receiver";
                source.wrong(&mode.at, why);
            }
            (Some(mode), Some(at)) if mode.value == Mode::Connect => {
                source.wrong(
                    at,
                    "this has no effect with `mode = \"connect\"`: remove one of both",
                );
            }
            _ => {}
        }
        let at = at?;
        if let Some(text) = &self.message {
            // It may name a patient by mistake.
            source.hide(&text.at);
        }
        let agreed = self.agreed_test_patient;
        let made = match (&self.message, &self.message_file) {
            (Some(text), _) => Message::new(text.value.as_bytes(), agreed).map(Current::fixed),
            (None, Some(file)) => {
                let path = source.resolve(file);
                (source.environment.file)(&path).and_then(|content| {
                    Current::of_files(vec![(path, content)], move |contents| {
                        let content = contents.first().map_or(&[][..], Vec::as_slice);
                        Message::new(content, agreed)
                    })
                })
            }
            (None, None) => return None,
        };
        let made = made.map_err(|why| source.wrong(at, why)).ok()?;
        for warning in made.get().warnings() {
            source.warn(at, warning);
        }
        Some(made)
    }
}

#[derive(Debug)]
struct Target {
    endpoint: Endpoint,
    /// `None` only connects.
    message: Option<Current<Message>>,
    accept: Vec<Code>,
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
            let listener = format!("{}:{}", self.endpoint.name, self.endpoint.port);
            let _alone = exclusive(&listener, deadline).await?;
            let mut stream = self.endpoint.connect(deadline, trace).await?;
            if let Some(message) = &self.message {
                let (message, control_id) = message.get().fill();
                trace.note(|| format!("sends a message with control ID {control_id}"));
                self.ask(&mut stream, &message, &control_id, trace).await?;
            }
            if self.message.is_none() {
                tls::end(&mut stream, deadline, trace).await?;
            }
            part(&mut stream, deadline, trace).await;
            Ok(())
        })
    }
}

impl Target {
    /// Sends the message, and reads until an acknowledgement of it decides.
    async fn ask(
        &self,
        stream: &mut Stream,
        message: &[u8],
        control_id: &str,
        trace: &mut Trace<'_>,
    ) -> Result<(), Fault> {
        trace.enter(Phase::Processing);
        send(stream, &frame::wrap(message), false).await?;
        let mut frames = Frames::default();
        loop {
            let answer = frames.next(stream, trace).await?;
            let acknowledgement = Acknowledgement::parse(&answer)?;
            if acknowledgement.control_id != control_id.as_bytes() {
                return Err(Fault::protocol(
                    "the acknowledgement has another control ID: it is of another message",
                ));
            }
            let Some(code) = Code::of(&acknowledgement.code) else {
                return Err(Fault::protocol(
                    "the acknowledgement has no known code in MSA-1",
                ));
            };
            trace.note(|| format!("acknowledged with {}", code.word()));
            if self.accept.contains(&code) {
                return Ok(());
            }
            // In the enhanced mode the acknowledgement of the application follows.
            if code == Code::CA && self.accept.iter().any(|code| !code.is_commit()) {
                continue;
            }
            let accepted: Vec<_> = self.accept.iter().map(|code| code.word()).collect();
            let (code, accepted) = (code.word(), accepted.join(" or "));
            let detail = format!("acknowledged with {code}, expected {accepted}");
            return Err(Fault::new(Reason::Status, detail));
        }
    }
}
