//! The kind `ldap`: a directory accepts a bind and shows its root entry (RFC 4511, RFC 4512 §5.1). The probe reads nothing
//! else. The protocol is written here: three requests of a few fields need no library.

mod ber;
mod message;

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
use message::Answer;

/// The most bytes of all answers.
const LIMIT: usize = 256 * 1024;

/// The keys of an `ldap` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Ldap {
    /// The port. Default: 389, with TLS 636.
    #[schemars(range(min = 1, max = 65535))]
    port: Option<u16>,
    /// The name that the probe binds as, as "cn=nines,dc=example,dc=org". Default: an anonymous bind.
    user: Option<Parsed<Line>>,
    /// The password, from the environment.
    password: Option<Parsed<SecretName>>,
    /// The password, from a file.
    password_file: Option<Parsed<FilePath>>,
    /// A naming context that the directory must have, as "dc=example,dc=org". Default: any root entry is good.
    base: Option<Parsed<Line>>,
    /// True if the directory speaks TLS from the start.
    #[serde(default)]
    tls: bool,
}

impl ServerSpec for Ldap {
    fn prepare(
        self,
        server: &ServerKeys,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Probe> {
        let port = self.port.unwrap_or(if self.tls { 636 } else { 389 });
        let way = Way::new(port, self.tls);
        let prepared = server.prepare(&way, timeout, source);
        let variable = self.password.as_ref();
        let file = self.password_file.as_ref();
        if let (Some(user), None, None) = (&self.user, variable, file) {
            // A server takes a name without a password for an anonymous bind (RFC 4513 §5.1.2).
            source.wrong(&user.at, "a user needs a password");
        }
        let password = password_of(self.user.as_ref(), variable, file, source);
        let ((endpoint, settings), password) = (prepared?, password?);
        let files = password.as_ref().and_then(Current::files);
        let target = Target {
            endpoint,
            user: self.user.map(|user| user.value).unwrap_or_default(),
            password,
            base: self.base.map(|base| base.value),
        };
        Some(settings.probe(target, files))
    }
}

struct Target {
    endpoint: Endpoint,
    /// Empty for an anonymous bind.
    user: String,
    password: Option<Current<SecretString>>,
    base: Option<String>,
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
            let verdict = self.ask(&mut stream, trace).await;
            // The verdict does not depend on it.
            let _ = send(&mut stream, &message::UNBIND, true).await;
            part(&mut stream, deadline, trace).await;
            verdict
        })
    }
}

impl Target {
    async fn ask(&self, stream: &mut Stream, trace: &mut Trace<'_>) -> Result<(), Fault> {
        let mut answers = Answers::default();
        let password = self.password.as_ref().map(Current::get);
        let secret = password
            .as_ref()
            .map_or("", |secret| secret.expose_secret());
        trace.note(|| match self.user.as_str() {
            "" => "binds anonymously".to_owned(),
            user => format!("binds as {user}"),
        });
        send(stream, &message::bind(&self.user, secret), false).await?;
        let bound = answers.next(stream, trace).await?;
        let Answer::Bound { code } = bound else {
            return Err(unexpected(&bound));
        };
        if code != 0 {
            let detail = format!("the bind was refused: {}", message::result(code));
            return Err(Fault::new(Reason::Status, detail));
        }
        trace.note(|| "reads the root entry".to_owned());
        send(stream, &message::read_root(), true).await?;
        let mut contexts = None;
        loop {
            match answers.next(stream, trace).await? {
                Answer::Entry { naming_contexts } => contexts = Some(naming_contexts),
                Answer::Done { code: 0 } => break,
                Answer::Done { code } => {
                    let detail = format!("the root entry was refused: {}", message::result(code));
                    return Err(Fault::new(Reason::Status, detail));
                }
                Answer::Other => {}
                other => return Err(unexpected(&other)),
            }
        }
        let Some(contexts) = contexts else {
            let detail = "the directory shows no root entry";
            return Err(Fault::new(Reason::Body, detail));
        };
        trace.note(|| format!("the root entry has {} naming contexts", contexts.len()));
        let has = |base: &String| contexts.iter().any(|context| same(context, base));
        match self.base.as_ref().filter(|base| !has(base)) {
            None => Ok(()),
            Some(base) => {
                let detail = format!("the directory has no naming context `{base}`");
                Err(Fault::new(Reason::Body, detail))
            }
        }
    }
}

fn unexpected(answer: &Answer) -> Fault {
    match answer {
        Answer::Disconnects { code } => {
            let detail = format!("the server disconnects: {}", message::result(*code));
            Fault::new(Reason::Status, detail)
        }
        _ => Fault::protocol("the server answered another request"),
    }
}

/// Names differ neither by capitals nor by spaces after commas (RFC 4514).
fn same(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.to_lowercase().replace(", ", ",");
    plain(one) == plain(other)
}

/// The bytes that have arrived and are not read yet.
#[derive(Default)]
struct Answers {
    received: Vec<u8>,
    total: usize,
}

impl Answers {
    async fn next(&mut self, stream: &mut Stream, trace: &mut Trace<'_>) -> Result<Answer, Fault> {
        loop {
            match message::take(&mut self.received) {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) if self.total <= LIMIT => {}
                Ok(None) => {
                    let limit = LIMIT / 1024;
                    let detail = format!("the answer is longer than {limit} KiB");
                    return Err(Fault::protocol(detail));
                }
                Err(why) => return Err(Fault::protocol(why)),
            }
            self.total += receive(stream, &mut self.received, self.total > 0, trace).await?;
        }
    }
}
