//! The kind `mqtt`: a broker accepts a client (MQTT 3.1.1, §3.1 and §3.2). Nothing is published and nothing is subscribed.
//! The protocol is written here: three packets of a few bytes need no library.

mod packet;

use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use values::{FilePath, Line, Parsed, SecretName, Source, Written};

use super::ServerSpec;
use crate::endpoint::{Endpoint, ServerKeys, Stream, Way, part, receive, send};
use crate::fault::Fault;
use crate::files::Current;
use crate::password::password_of;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};

/// The keys of an `mqtt` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Mqtt {
    /// The port. Default: 1883, with TLS 8883.
    #[schemars(range(min = 1, max = 65535))]
    port: Option<u16>,
    /// The name by which the broker knows the client; two clients of one name disconnect each other. Default: the broker
    /// makes one.
    client_id: Option<Parsed<Line>>,
    /// The user.
    user: Option<Parsed<Line>>,
    /// The password, from the environment.
    password: Option<Parsed<SecretName>>,
    /// The password, from a file.
    password_file: Option<Parsed<FilePath>>,
    /// True if the broker speaks TLS.
    #[serde(default)]
    tls: bool,
}

impl ServerSpec for Mqtt {
    fn prepare(
        self,
        server: &ServerKeys,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Probe> {
        let port = self.port.unwrap_or(if self.tls { 8883 } else { 1883 });
        let way = Way::new(port, self.tls);
        let prepared = server.prepare(&way, timeout, source);
        // MQTT 3.1.1 §3.1.2.9 forbids a password without a user.
        let password = password_of(
            self.user.as_ref(),
            self.password.as_ref(),
            self.password_file.as_ref(),
            source,
        );
        let ((endpoint, settings), password) = (prepared?, password?);
        let files = password.as_ref().and_then(Current::files);
        let target = Target {
            endpoint,
            client_id: self.client_id.map(|id| id.value).unwrap_or_default(),
            user: self.user.map(|user| user.value),
            password,
        };
        Some(settings.probe(target, files))
    }
}

struct Target {
    endpoint: Endpoint,
    client_id: String,
    user: Option<String>,
    password: Option<Current<SecretString>>,
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
            let mut stream = self.endpoint.connect(deadline, trace).await?;
            trace.enter(Phase::Processing);
            let password = self.password.as_ref().map(Current::get);
            let password = password.as_ref().map(|secret| secret.expose_secret());
            let connect = packet::connect(&self.client_id, self.user.as_deref(), password);
            trace.note(|| match &self.user {
                Some(user) => format!("asks to connect as {user}"),
                None => "asks to connect without a user".to_owned(),
            });
            send(&mut stream, &connect, false).await?;
            let code = answer(&mut stream, trace).await?;
            trace.note(|| format!("the broker answered {code}"));
            if code == 0 {
                // The verdict does not depend on it.
                let _ = send(&mut stream, &packet::DISCONNECT, true).await;
            }
            part(&mut stream, deadline, trace).await;
            match code {
                0 => Ok(()),
                code => {
                    let detail = format!("the broker refused: {}", packet::refusal(code));
                    Err(Fault::new(Reason::Status, detail))
                }
            }
        })
    }
}

/// The return code of the answer to CONNECT.
async fn answer(stream: &mut Stream, trace: &mut Trace<'_>) -> Result<u8, Fault> {
    let mut answer = Vec::new();
    loop {
        let has_begun = !answer.is_empty();
        receive(stream, &mut answer, has_begun, trace).await?;
        if !packet::may_be_connack(&answer) {
            return Err(Fault::protocol("the answer is not MQTT"));
        }
        // Packets of the broker may follow at once.
        if let [_, _, _, code, ..] = answer[..] {
            return Ok(code);
        }
    }
}
