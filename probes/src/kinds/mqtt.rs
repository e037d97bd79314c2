//! The kind `mqtt`: a broker accepts a client (MQTT 3.1.1, §3.1 and §3.2). Nothing is published and nothing is subscribed.
//! The protocol is written here: three packets of a few bytes need no library.

mod packet;

use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use values::{FilePath, IpAddress, Length, Line, Parsed, SecretName, Source, Written};

use super::Spec;
use crate::dial::Host;
use crate::endpoint::{Endpoint, Keys, Stream, broken, part};
use crate::fault::Fault;
use crate::files::Current;
use crate::password::password;
use crate::tls::TlsVersion;
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running};

/// The keys of an `mqtt` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Mqtt {
    /// A name or an address.
    host: Parsed<Host>,
    /// The address to connect to. Default: the addresses of the host.
    resolve: Option<Parsed<IpAddress>>,
    /// True if one run asks each address of the host, and is down if one of them is. Default: it tries them in turn until
    /// one accepts the connection.
    all_addresses: Option<Written<bool>>,
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
    /// The name that the certificate must have; it is also sent (SNI). Default: the host.
    server_name: Option<Parsed<Host>>,
    /// Certificate authorities (PEM) beside those of the machine.
    ca_file: Option<Parsed<FilePath>>,
    /// The client certificate (PEM), for a broker that wants one. Its intermediates follow it.
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

impl Spec for Mqtt {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let keys = Keys {
            host: &self.host,
            resolve: self.resolve.as_ref(),
            all_addresses: self.all_addresses.as_ref(),
            port: self.port.unwrap_or(if self.tls { 8883 } else { 1883 }),
            tls: self.tls,
            switch: "tls = true",
            protocols: &[],
            server_name: self.server_name.as_ref(),
            ca_file: self.ca_file.as_ref(),
            client_certificate_file: self.client_certificate_file.as_ref(),
            client_key_file: self.client_key_file.as_ref(),
            min_tls_version: self.min_tls_version.as_ref(),
            certificate_days: self.certificate_days,
            degraded_after: self.degraded_after.as_ref(),
        };
        let prepared = keys.prepare(timeout, source);
        let variable = self.password.as_ref();
        let file = self.password_file.as_ref();
        let at = variable.map(|p| &p.at).or(file.map(|p| &p.at));
        if let (Some(at), None) = (at, &self.user) {
            // MQTT 3.1.1 §3.1.2.9 forbids it.
            source.wrong(at, "a password needs a `user`");
        }
        let password = password(variable, file, source);
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
            write(&mut stream, &connect).await?;
            let code = answer(&mut stream, trace).await?;
            trace.note(|| format!("the broker answered {code}"));
            if code == 0 {
                // The verdict does not depend on it.
                let _ = write(&mut stream, &packet::DISCONNECT).await;
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

async fn write(stream: &mut Stream, bytes: &[u8]) -> Result<(), Fault> {
    let sent = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    sent.await.map_err(|error| broken(&error, false))
}

/// The return code of the answer to CONNECT.
async fn answer(stream: &mut Stream, trace: &mut Trace<'_>) -> Result<u8, Fault> {
    let mut answer = [0; 4];
    let mut length = 0;
    while length < answer.len() {
        let read = match stream.read(&mut answer[length..]).await {
            // Many servers end TLS without a close alert.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            read => read.map_err(|error| broken(&error, length > 0))?,
        };
        if read == 0 {
            return Err(Fault::protocol(match length {
                0 => "the connection was closed before an answer",
                _ => "the answer broke off",
            }));
        }
        length += read;
        trace.first_byte.stamp();
        trace.answered();
        if !packet::may_be_connack(&answer[..length]) {
            return Err(Fault::protocol("the answer is not MQTT"));
        }
    }
    Ok(answer[3])
}
