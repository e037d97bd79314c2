//! One conversation with one relay, verb by verb, each under its own time limit.
//!
//! It must never send a password in clear text beyond this machine, nor a message over a connection
//! that should be encrypted and is not. It must never try again after the message's first byte has
//! left.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::ehlo;
use super::smtp_io::{ByLine, Shared};
use super::text;
use crate::config::{Relay, Scheme};

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The time limit of each part of a conversation. The defaults are the minimum of RFC 5321
/// §4.5.3.2, which has no limits for connecting and TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To resolve the name, and for each connection to one of its addresses.
    pub connect: Duration,
    /// For a TLS handshake.
    pub tls: Duration,
    /// For the greeting and the answer to EHLO together.
    pub greeting: Duration,
    /// For AUTH, all of it.
    pub auth: Duration,
    /// For MAIL.
    pub mail: Duration,
    /// For RCPT.
    pub rcpt: Duration,
    /// For DATA.
    pub data: Duration,
    /// For the message and the answer to its final dot: three minutes to take it, ten to answer. A
    /// shorter limit would repeat messages that were delivered (RFC 1047).
    pub message: Duration,
    /// For QUIT. Its result does not matter.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        Self {
            connect: MINUTE / 2,
            tls: MINUTE / 2,
            greeting: 10 * MINUTE,
            auth: 5 * MINUTE,
            mail: 5 * MINUTE,
            rcpt: 5 * MINUTE,
            data: 2 * MINUTE,
            message: 13 * MINUTE,
            quit: MINUTE / 12,
        }
    }
}

impl Timeouts {
    /// For a person who waits, and for a mail that nobody loses.
    pub fn impatient() -> Self {
        const SECONDS: Duration = Duration::from_secs(15);
        Self {
            connect: SECONDS,
            tls: SECONDS,
            greeting: SECONDS,
            auth: SECONDS,
            mail: SECONDS,
            rcpt: SECONDS,
            data: SECONDS,
            message: 2 * SECONDS,
            quit: SECONDS / 5,
        }
    }
}

/// The number of addresses of a relay's name that are tried.
const ADDRESSES: usize = 4;

/// The largest password file that is read, in bytes.
const LARGEST_PASSWORD_FILE: u64 = 64 * 1024;

/// The parts of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Tls,
    Greeting,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Message,
}

impl Step {
    pub(super) fn word(self) -> &'static str {
        match self {
            Step::Connect => "connecting",
            Step::Tls => "connecting over TLS",
            Step::Greeting => "greeting and EHLO",
            Step::StartTls => "STARTTLS",
            Step::Auth => "AUTH",
            Step::Mail => "MAIL",
            Step::Rcpt => "RCPT",
            Step::Data => "DATA",
            Step::Message => "the message",
        }
    }
}

/// The reason why a conversation ended before the relay accepted the message.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The step that failed.
    pub step: Step,
    /// The code of the relay's reply, if it applies to this step.
    pub code: Option<u16>,
    /// The reply or the error.
    pub text: String,
    /// True if there was no reply: the connection broke, or the time limit passed.
    pub lost: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{code} {} (to {})", self.text, self.step.word()),
            None => write!(f, "{} (at {})", self.text, self.step.word()),
        }
    }
}

/// The sender, the recipient and the bytes of one transaction.
pub(super) struct Transaction<'a> {
    pub from: &'a Address,
    pub to: &'a Address,
    /// Checked by `text::wire_safe`.
    pub bytes: &'a [u8],
}

/// A conversation after its message was accepted. It can be ended with QUIT.
pub(super) struct Farewell {
    connection: AsyncSmtpConnection,
    limit: Duration,
}

impl Farewell {
    /// Sends QUIT. Its result changes nothing: the message was accepted.
    pub async fn say(mut self) {
        let _ = timeout(self.limit, self.connection.quit()).await;
    }
}

impl Relay {
    /// Hands one message to this relay. Returns the relay's reply if it accepted the message.
    pub(super) async fn hand_over(
        &self,
        what: &Transaction<'_>,
        limits: &Timeouts,
    ) -> Result<(String, Farewell), Refusal> {
        let (mut connection, _) = self.open(limits).await?;
        match transact(&mut connection, what, limits).await {
            Ok(reply) => Ok((
                reply,
                Farewell {
                    connection,
                    limit: limits.quit,
                },
            )),
            Err(refusal) => {
                // After a reply the relay still listens. After another error the connection may be
                // broken.
                if refusal.code.is_some() {
                    Farewell {
                        connection,
                        limit: limits.quit,
                    }
                    .say()
                    .await;
                }
                Err(refusal)
            }
        }
    }

    /// Connects, greets, encrypts and logs in, then ends the conversation. Sends no mail. Returns the
    /// steps that succeeded, for an operator.
    ///
    /// # Errors
    /// The step that failed, and the relay's reply.
    pub async fn try_out(&self, limits: &Timeouts) -> Result<String, String> {
        let opened = self.open(limits).await;
        let (connection, hello) = opened.map_err(|refusal| refusal.to_string())?;
        let server = connection.server_info().name();
        let mut steps = vec![format!("{} answers EHLO {hello}", text::one_line(server))];
        steps.push(match self.scheme {
            Scheme::Smtp => "no TLS".to_owned(),
            Scheme::StartTls => "STARTTLS with a trusted certificate".to_owned(),
            Scheme::Smtps => "TLS with a trusted certificate".to_owned(),
        });
        steps.push(match &self.user {
            Some(user) => format!("logged in as {user}"),
            None => "no login".to_owned(),
        });
        let limit = limits.quit;
        Farewell { connection, limit }.say().await;
        Ok(steps.join(", "))
    }

    /// Connects, greets, encrypts and authenticates. The result is ready for MAIL. Returns the name in EHLO, too.
    async fn open(&self, limits: &Timeouts) -> Result<(AsyncSmtpConnection, ClientId), Refusal> {
        let (stream, peer, local) = self.reach(limits).await?;
        let hello = ehlo::name(self.ehlo_name.as_deref(), local.ip());
        let connection = self.begin(stream, peer, &hello, limits).await?;
        Ok((connection, hello))
    }

    /// Encrypts a new connection as `scheme` says, greets and authenticates.
    pub(super) async fn begin<S>(
        &self,
        stream: S,
        peer: SocketAddr,
        hello: &ClientId,
        limits: &Timeouts,
    ) -> Result<AsyncSmtpConnection, Refusal>
    where
        S: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug + 'static,
    {
        let ready: Box<dyn AsyncTokioStream> = match self.scheme {
            Scheme::Smtp => Box::new(ByLine::new(stream, peer)),
            Scheme::Smtps => Box::new(ByLine::new(self.secure(stream, limits).await?, peer)),
            Scheme::StartTls => {
                let stream = ask_for_tls(stream, peer, hello, limits).await?;
                Box::new(ByLine::greeted(self.secure(stream, limits).await?, peer))
            }
        };
        let mut connection = greet(ready, hello, limits).await?;
        if let Some(user) = &self.user {
            if self.scheme == Scheme::Smtp && !peer.ip().to_canonical().is_loopback() {
                let text = "the password is not sent in clear text beyond this machine".to_owned();
                return Err(broken(Step::Auth, text));
            }
            let password = self.current_password().await;
            let known = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            within(
                Step::Auth,
                limits.auth,
                connection.auth(&mechanisms, &known),
            )
            .await?;
        }
        Ok(connection)
    }

    /// The password as its file holds it now. If the file cannot be used, the password of the last load.
    async fn current_password(&self) -> SecretString {
        let known = || self.password.clone().unwrap_or_default();
        let Some(path) = self.password_file.clone() else {
            return known();
        };
        let read = tokio::task::spawn_blocking(move || {
            let content = values::file::read(&path, LARGEST_PASSWORD_FILE);
            let content = content.map_err(|error| error.to_string());
            let secret = content.and_then(|content| values::secret_line(&content));
            secret.map_err(|why| tracing::warn!(path = %path.display(), why, "the password file cannot be used"))
        });
        read.await.ok().and_then(Result::ok).unwrap_or_else(known)
    }

    /// Connects. Returns the connection with the addresses of the relay and of this machine.
    async fn reach(
        &self,
        limits: &Timeouts,
    ) -> Result<(TcpStream, SocketAddr, SocketAddr), Refusal> {
        let name = (self.host.as_str(), self.port);
        let found = match timeout(limits.connect, tokio::net::lookup_host(name)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(broken(Step::Connect, error.to_string())),
            Err(_) => return Err(too_slow(Step::Connect, limits.connect)),
        };
        let mut last = broken(Step::Connect, "the name has no address".to_owned());
        for address in found.take(ADDRESSES) {
            match timeout(limits.connect, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // A mail ends with a short write, which would wait 40 ms for the relay's delayed acknowledgement.
                    let at_once = stream.set_nodelay(true);
                    at_once.map_err(|error| broken(Step::Connect, error.to_string()))?;
                    let local = stream.local_addr();
                    let local = local.map_err(|error| broken(Step::Connect, error.to_string()))?;
                    return Ok((stream, address, local));
                }
                Ok(Err(error)) => last = broken(Step::Connect, error.to_string()),
                Err(_) => last = too_slow(Step::Connect, limits.connect),
            }
        }
        Err(last)
    }

    /// Does the TLS handshake with the trust of the probes. Reads the trusted certificates for each connection,
    /// so that a renewed file applies at once.
    async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        limits: &Timeouts,
    ) -> Result<TlsStream<S>, Refusal> {
        let secured = probes::secure(stream, &self.host, self.ca_file.as_deref());
        match timeout(limits.tls, secured).await {
            Ok(Ok(secured)) => Ok(secured),
            Ok(Err(why)) => Err(broken(Step::Tls, text::one_line(&why))),
            Err(_) => Err(too_slow(Step::Tls, limits.tls)),
        }
    }
}

/// Reads the greeting and sends EHLO.
async fn greet(
    stream: Box<dyn AsyncTokioStream>,
    hello: &ClientId,
    limits: &Timeouts,
) -> Result<AsyncSmtpConnection, Refusal> {
    let greeted = AsyncSmtpConnection::connect_with_transport(stream, hello);
    within(Step::Greeting, limits.greeting, greeted).await
}

/// Greets in clear text and asks for TLS. Returns the stream with the handshake as the next thing on it.
async fn ask_for_tls<S>(
    stream: S,
    peer: SocketAddr,
    hello: &ClientId,
    limits: &Timeouts,
) -> Result<S, Refusal>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
{
    let stream = Shared::new(stream);
    let clear = Box::new(ByLine::byte_by_byte(stream.handle(), peer));
    let mut connection = greet(clear, hello, limits).await?;
    if !connection.can_starttls() {
        let text = "the relay does not offer STARTTLS".to_owned();
        return Err(broken(Step::StartTls, text));
    }
    let reply = connection.command(Starttls);
    let reply = within(Step::StartTls, limits.greeting, reply).await?;
    in_step(Step::StartTls, &reply, 2)?;
    drop(connection);
    stream.into_inner().ok_or_else(|| {
        let text = "the connection is still in use".to_owned();
        broken(Step::StartTls, text)
    })
}

/// Sends MAIL, RCPT, DATA and the message. Returns the relay's reply to the message.
pub(super) async fn transact(
    connection: &mut AsyncSmtpConnection,
    what: &Transaction<'_>,
    limits: &Timeouts,
) -> Result<String, Refusal> {
    let mut options = Vec::new();
    let plain = |a: &Address| AsRef::<str>::as_ref(a).is_ascii();
    if !plain(what.from) || !plain(what.to) {
        if !connection
            .server_info()
            .supports_feature(Extension::SmtpUtfEight)
        {
            let text = "the address is not ASCII, and the relay does not offer SMTPUTF8";
            return Err(broken(Step::Mail, text.to_owned()));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    if !what.bytes.is_ascii() {
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let mail = Mail::new(Some(what.from.clone()), options);
    let reply = within(Step::Mail, limits.mail, connection.command(mail)).await?;
    in_step(Step::Mail, &reply, 2)?;
    let rcpt = Rcpt::new(what.to.clone(), Vec::new());
    let reply = within(Step::Rcpt, limits.rcpt, connection.command(rcpt)).await?;
    in_step(Step::Rcpt, &reply, 2)?;
    let reply = within(Step::Data, limits.data, connection.command(Data)).await?;
    in_step(Step::Data, &reply, 3)?;
    // lettre writes CRLF before the final dot; the message's own last CRLF is that one.
    let body = what.bytes.strip_suffix(b"\r\n").unwrap_or(what.bytes);
    let reply = within(Step::Message, limits.message, connection.message(body)).await?;
    in_step(Step::Message, &reply, 2)?;
    Ok(words(&reply))
}

/// Runs one step under its limit.
async fn within<T>(
    step: Step,
    limit: Duration,
    doing: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, Refusal> {
    match timeout(limit, doing).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(refused(step, &error)),
        Err(_) => Err(too_slow(step, limit)),
    }
}

/// lettre accepts any 2xx or 3xx reply. Each step allows only one of these classes.
fn in_step(step: Step, reply: &Response, class: u16) -> Result<(), Refusal> {
    let code = u16::from(reply.code());
    if code / 100 == class {
        return Ok(());
    }
    Err(broken(
        step,
        format!("the relay is out of step: {}", words(reply)),
    ))
}

fn words(reply: &Response) -> String {
    let text = reply.message().collect::<Vec<_>>().join(" ");
    format!("{} {text}", u16::from(reply.code()))
}

fn refused(step: Step, error: &lettre::transport::smtp::Error) -> Refusal {
    // The kind of the error repeats the code, so only its sources are used.
    let mut texts = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        texts.push(text::one_line(&found.to_string()));
        cause = found.source();
    }
    texts.dedup();
    if texts.is_empty() {
        texts.push(error.to_string());
    }
    let code = error.status().map(u16::from);
    Refusal {
        step,
        code,
        text: texts.join(": "),
        lost: code.is_none(),
    }
}

fn broken(step: Step, text: String) -> Refusal {
    Refusal {
        step,
        code: None,
        text,
        lost: false,
    }
}

fn too_slow(step: Step, limit: Duration) -> Refusal {
    let text = format!("no answer within {} s", limit.as_secs_f32());
    Refusal {
        lost: true,
        ..broken(step, text)
    }
}
