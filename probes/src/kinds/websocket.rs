//! The kind `websocket`: a server upgrades a connection to WebSocket (RFC 6455), and answers a message where asked. Neither
//! the message nor the answer is ever shown.

use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use futures_util::{SinkExt, StreamExt};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::http::{Request, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use values::{Format, Line, Parsed, Source, Text, Written};

use super::ServerSpec;
use crate::endpoint::{Endpoint, ServerKeys, Stream, Way, broken, closed, parting};
use crate::fault::Fault;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};

/// The most bytes of all messages that are searched.
const LIMIT: usize = 64 * 1024;

/// The keys of a `websocket` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Websocket {
    /// The port. Default: 80, with TLS 443.
    #[schemars(range(min = 1, max = 65535))]
    port: Option<u16>,
    /// The path, with its query. Default: "/".
    path: Option<Parsed<Path>>,
    /// The header Origin, as "https://portal.example.org". Default: none.
    origin: Option<Parsed<Line>>,
    /// The protocol that the server must choose. Default: none is asked for.
    protocol: Option<Parsed<Token>>,
    /// Text to send. Default: the probe only listens.
    send: Option<Parsed<Text>>,
    /// Text that a message of the server must contain. Default: no message is read.
    expect: Option<Parsed<Text>>,
    /// True if the server speaks TLS (wss://).
    #[serde(default)]
    tls: bool,
}

/// The path and query of a request.
struct Path;

impl Format for Path {
    type Value = String;
    const IS: &'static str = "a path in quotes, as \"/socket\"";
    const EXAMPLE: &'static str = "/socket";
    const PATTERN: Option<&'static str> = Some("^/[!-~]*$");

    fn parse(text: &str) -> Result<String, String> {
        match text.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
            true => Ok(text.to_owned()),
            false => {
                Err("write a path as \"/socket\", with other signs percent-encoded".to_owned())
            }
        }
    }
}

/// The name of a protocol (RFC 6455 §4.1).
struct Token;

impl Format for Token {
    type Value = String;
    const IS: &'static str = "a protocol in quotes, as \"graphql-transport-ws\"";
    const EXAMPLE: &'static str = "graphql-transport-ws";
    const PATTERN: Option<&'static str> = Some("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$");

    fn parse(text: &str) -> Result<String, String> {
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+.^_`|~-".contains(&b);
        match !text.is_empty() && text.bytes().all(is_token) {
            true => Ok(text.to_owned()),
            false => Err("a protocol has letters, digits and signs without spaces".to_owned()),
        }
    }
}

impl ServerSpec for Websocket {
    fn prepare(
        self,
        server: &ServerKeys,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Probe> {
        let port = self.port.unwrap_or(if self.tls { 443 } else { 80 });
        let way = Way {
            // An upgrade needs HTTP/1.1.
            protocols: &[b"http/1.1"],
            ..Way::new(port, self.tls)
        };
        let prepared = server.prepare(&way, timeout, source);
        if let (Some(send), None) = (&self.send, &self.expect) {
            let why = "this has no effect without `expect`: no message is read";
            source.wrong(&send.at, why);
        }
        let (endpoint, settings) = prepared?;
        let target = Target {
            uses_tls: self.tls,
            path: self.path.map_or_else(|| "/".to_owned(), |path| path.value),
            origin: self.origin.map(|origin| origin.value),
            protocol: self.protocol.map(|protocol| protocol.value),
            send: self.send.map(|text| text.value),
            expect: self.expect.map(|text| text.value),
            endpoint,
        };
        if let Err(error) = target.request() {
            source.wrong(&server.host.at, format!("no request can be made: {error}"));
        }
        Some(settings.probe(target, None))
    }
}

/// The path and the texts may hold a secret.
struct Target {
    endpoint: Endpoint,
    uses_tls: bool,
    path: String,
    origin: Option<String>,
    protocol: Option<String>,
    send: Option<String>,
    expect: Option<String>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Target").field(&self.endpoint).finish()
    }
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
            let stream = self.endpoint.connect(deadline, trace).await?;
            trace.enter(Phase::Processing);
            let mut socket = self.upgrade(stream, trace).await?;
            let verdict = self.converse(&mut socket, deadline, trace).await;
            // The verdict does not depend on an orderly end.
            trace.decided();
            let _ = timeout_at(parting(deadline), socket.close(None)).await;
            verdict
        })
    }
}

impl Target {
    fn request(&self) -> Result<Request<()>, tokio_tungstenite::tungstenite::http::Error> {
        let scheme = if self.uses_tls { "wss" } else { "ws" };
        let host = self.endpoint.url_host();
        let is_default = self.endpoint.port == if self.uses_tls { 443 } else { 80 };
        let host = match is_default {
            true => host,
            false => format!("{host}:{}", self.endpoint.port),
        };
        let mut request = Request::builder()
            .uri(format!("{scheme}://{host}{}", self.path))
            .header(header::HOST, host)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::USER_AGENT, "nines/1 (availability monitor)")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, generate_key());
        if let Some(origin) = &self.origin {
            request = request.header(header::ORIGIN, origin);
        }
        if let Some(protocol) = &self.protocol {
            request = request.header(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        request.body(())
    }

    async fn upgrade(
        &self,
        stream: Stream,
        trace: &mut Trace<'_>,
    ) -> Result<WebSocketStream<Stream>, Fault> {
        let request = self.request();
        // Made once already, when the configuration was read.
        let request = request.map_err(|error| Fault::monitor(format!("no request: {error}")))?;
        let limits = WebSocketConfig::default()
            .max_message_size(Some(LIMIT))
            .max_frame_size(Some(LIMIT));
        trace.note(|| "asks for an upgrade to WebSocket".to_owned());
        let answer = client_async_with_config(request, stream, Some(limits)).await;
        trace.first_byte.stamp();
        trace.answered();
        match answer {
            Ok((socket, _)) => {
                trace.status = Some(101);
                trace.note(|| "status 101".to_owned());
                Ok(socket)
            }
            Err(Error::Http(answer)) => {
                let status = answer.status().as_u16();
                trace.status = Some(status);
                let detail = format!("status {status}, expected 101");
                Err(Fault::new(Reason::Status, detail))
            }
            Err(error) => Err(no_upgrade(error)),
        }
    }

    /// Sends, and reads until a message has the expected text.
    async fn converse(
        &self,
        socket: &mut WebSocketStream<Stream>,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<(), Fault> {
        let Some(expect) = &self.expect else {
            return Ok(());
        };
        if let Some(send) = &self.send {
            let sent = socket.send(Message::text(send.as_str())).await;
            sent.map_err(|error| fault(error, true))?;
            trace.note(|| format!("sent a message of {} bytes", send.len()));
        }
        let lacks = |words: &str| Fault::new(Reason::Body, format!("{words} `{expect}`"));
        let mut read = 0;
        let mut count = 0;
        loop {
            let next = timeout_at(deadline, socket.next()).await;
            let message = match next {
                Err(_) if count == 0 => {
                    let detail = "no message within the timeout";
                    return Err(Fault::new(Reason::Timeout, detail));
                }
                Err(_) => return Err(lacks("the messages lack")),
                Ok(None) => return Err(lacks("the server closed the connection before")),
                Ok(Some(message)) => message.map_err(|error| fault(error, true))?,
            };
            match message {
                Message::Close(_) => return Err(lacks("the server closed the connection before")),
                Message::Text(_) | Message::Binary(_) => count += 1,
                _ => {}
            }
            let data = message.into_data();
            trace.note(|| format!("received a message of {} bytes", data.len()));
            let wanted = expect.as_bytes();
            if data.windows(wanted.len()).any(|part| part == wanted) {
                return Ok(());
            }
            read += data.len().max(1);
            if read > LIMIT {
                let limit = LIMIT / 1024;
                return Err(lacks(&format!("the first {limit} KiB of messages lack")));
            }
        }
    }
}

/// The fault of an answer that is no HTTP.
fn no_upgrade(error: Error) -> Fault {
    match error {
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            Fault::protocol("the connection was closed before a whole answer")
        }
        Error::Protocol(ProtocolError::HttparseError(_)) => {
            Fault::protocol("the answer is not HTTP")
        }
        Error::Capacity(_) => Fault::protocol("the head of the answer is too long"),
        error => fault(error, false),
    }
}

fn fault(error: Error, begun: bool) -> Fault {
    match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => closed(begun),
        Error::Io(error) => broken(&error, begun),
        Error::ConnectionClosed | Error::AlreadyClosed => closed(begun),
        Error::Capacity(_) => {
            let limit = LIMIT / 1024;
            Fault::protocol(format!("a message is longer than {limit} KiB"))
        }
        // Its words name a rule of the protocol, never a part of an answer.
        Error::Protocol(error) => Fault::protocol(format!("not WebSocket: {error}")),
        _ => Fault::protocol("the answer is not WebSocket"),
    }
}
