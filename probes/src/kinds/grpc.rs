//! The kind `grpc`: a server says that a service is healthy (`grpc.health.v1.Health/Check`). One call with one field
//! is written here over HTTP/2: a client library would bring a runtime of its own.

mod health;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::sample::Reason;
use h2::RecvStream;
use h2::client::SendRequest;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request, Uri, header};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use values::{Line, Parsed, Source, Written};

use super::ServerSpec;
use crate::endpoint::{Endpoint, ServerKeys, Way, broken, closed};
use crate::fault::Fault;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};

/// The most bytes of an answer.
const LIMIT: usize = 64 * 1024;

/// The keys of a `grpc` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Grpc {
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    port: u16,
    /// The name of the service. Default: the server as a whole.
    service: Option<Parsed<Line>>,
    /// True if the server speaks TLS.
    #[serde(default)]
    tls: bool,
}

impl ServerSpec for Grpc {
    fn prepare(
        self,
        server: &ServerKeys,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Probe> {
        let way = Way {
            protocols: &[b"h2"],
            ..Way::new(self.port, self.tls)
        };
        let (endpoint, settings) = server.prepare(&way, timeout, source)?;
        let host = endpoint.url_host();
        let scheme = if self.tls { "https" } else { "http" };
        let uri = format!(
            "{scheme}://{host}:{}/grpc.health.v1.Health/Check",
            self.port
        );
        let uri = uri.parse::<Uri>();
        let uri = uri.map_err(|error| source.wrong(&server.host.at, format!("this host {error}")));
        let target = Target {
            endpoint,
            uri: uri.ok()?,
            service: self
                .service
                .map(|service| service.value)
                .unwrap_or_default(),
            timeout: timeout.value,
        };
        Some(settings.probe(target, None))
    }
}

#[derive(Debug)]
struct Target {
    endpoint: Endpoint,
    uri: Uri,
    service: String,
    timeout: Duration,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        self.endpoint.first_phase()
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.endpoint.resolves()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(self.ask(deadline, trace))
    }
}

impl Target {
    async fn ask(&self, deadline: Instant, trace: &mut Trace<'_>) -> Result<(), Fault> {
        let stream = self.endpoint.connect(deadline, trace).await?;
        trace.enter(Phase::Processing);
        let mut builder = h2::client::Builder::new();
        builder
            .max_header_list_size(u32::try_from(LIMIT).unwrap_or(u32::MAX))
            .enable_push(false);
        let handshake = builder.handshake::<_, Bytes>(stream).await;
        let (sender, connection) = handshake.map_err(|error| fault(&error, false))?;
        let mut connection = pin!(connection);
        let mut call = pin!(self.call(sender, trace));
        let early = tokio::select! {
            done = &mut call => Some(done),
            ended = &mut connection => match ended {
                Ok(()) => None,
                Err(error) => return Err(fault(&error, false)),
            },
        };
        match early {
            Some(done) => done,
            // The answer has arrived, or the call fails.
            None => call.await,
        }
    }

    async fn call(
        &self,
        mut sender: SendRequest<Bytes>,
        trace: &mut Trace<'_>,
    ) -> Result<(), Fault> {
        futures_util::future::poll_fn(|cx| sender.poll_ready(cx))
            .await
            .map_err(|error| fault(&error, false))?;
        let sent = sender.send_request(self.request(), false);
        let (answer, mut body) = sent.map_err(|error| fault(&error, false))?;
        let message = Bytes::from(health::request(&self.service));
        body.send_data(message, true)
            .map_err(|error| fault(&error, false))?;
        trace.note(|| match self.service.as_str() {
            "" => "asks for the health of the server".to_owned(),
            service => format!("asks for the health of {service}"),
        });
        let answer = answer.await.map_err(|error| fault(&error, false))?;
        trace.first_byte.stamp();
        trace.answered();
        let status = answer.status().as_u16();
        trace.status = Some(status);
        if status != 200 {
            let detail = format!("HTTP status {status}, expected 200");
            return Err(Fault::new(Reason::Status, detail));
        }
        let is_grpc = |value: &HeaderValue| value.as_bytes().starts_with(b"application/grpc");
        if !answer
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(is_grpc)
        {
            return Err(Fault::protocol("the answer is not gRPC"));
        }
        // An answer without a message has its status in the head.
        check_status(answer.headers())?;
        let is_alone = answer.headers().contains_key("grpc-status");
        let mut body = answer.into_body();
        let message = receive(&mut body).await?;
        let trailers = body.trailers().await.map_err(|error| fault(&error, true))?;
        match &trailers {
            Some(trailers) if trailers.contains_key("grpc-status") => check_status(trailers)?,
            _ if is_alone => {}
            _ => return Err(Fault::protocol("the answer ended without a status")),
        }
        let health = health::answer(&message)?;
        trace.note(|| format!("the service is {}", health.word()));
        if health == health::Health::Serving {
            return Ok(());
        }
        let detail = format!("the service is {}", health.word());
        Err(Fault::new(Reason::Status, detail))
    }

    fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        let texts = [
            (header::TE, "trailers"),
            (header::CONTENT_TYPE, "application/grpc"),
            (header::USER_AGENT, "nines/1 (availability monitor)"),
        ];
        for (name, value) in texts {
            headers.insert(name, HeaderValue::from_static(value));
        }
        // At most eight digits.
        let milliseconds = self.timeout.as_millis().min(99_999_999);
        if let Ok(value) = HeaderValue::from_str(&format!("{milliseconds}m")) {
            headers.insert("grpc-timeout", value);
        }
        request
    }
}

async fn receive(body: &mut RecvStream) -> Result<Vec<u8>, Fault> {
    let mut message = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.map_err(|error| fault(&error, true))?;
        message.extend_from_slice(&data);
        if message.len() > LIMIT {
            let limit = LIMIT / 1024;
            return Err(Fault::protocol(format!(
                "the answer is longer than {limit} KiB"
            )));
        }
        // Fails only if more is released than was received.
        let _ = body.flow_control().release_capacity(data.len());
    }
    Ok(message)
}

/// The status of a call, unless it is OK or there is none here.
fn check_status(headers: &HeaderMap) -> Result<(), Fault> {
    let Some(value) = headers.get("grpc-status") else {
        return Ok(());
    };
    let code = value.to_str().ok().and_then(|text| text.parse::<u8>().ok());
    let Some(code) = code else {
        return Err(Fault::protocol("the status of the answer is malformed"));
    };
    if code == 0 {
        return Ok(());
    }
    let detail = format!("gRPC status {}", health::status(code));
    Err(Fault::new(Reason::Status, detail))
}

fn fault(error: &h2::Error, begun: bool) -> Fault {
    if let Some(io) = error.get_io() {
        return match io.kind() {
            std::io::ErrorKind::UnexpectedEof => closed(begun),
            // The library keeps only the words of a TLS alert, which may come after the handshake.
            std::io::ErrorKind::InvalidData => {
                Fault::new(Reason::Tls, format!("TLS failed after the handshake: {io}"))
            }
            _ => broken(io, begun),
        };
    }
    match error.reason() {
        Some(h2::Reason::PROTOCOL_ERROR | h2::Reason::FRAME_SIZE_ERROR) if error.is_library() => {
            Fault::protocol("the server does not speak HTTP/2")
        }
        Some(reason) => Fault::protocol(format!(
            "the server ended the call: {}",
            reason.description()
        )),
        None => closed(begun),
    }
}
