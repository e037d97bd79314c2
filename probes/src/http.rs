//! HTTP: a fresh connection each time, each phase timed on its own, redirects followed only as far
//! as allowed. It must never send a credential to another host than the configured one, nor let
//! anything of a body out.

mod exchange;
mod expect;
mod hop;
mod request;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use domain::sample::Reason;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::fault::Fault;
use crate::trace::{Phase, Trace};
use crate::{SpecError, dial, tls};
use exchange::{Answer, Want};
use hop::Hop;
use request::Request;

/// The most bytes that an answer's body may have; a longer or endless one is a broken protocol.
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// The most bytes that an answer's head may have.
pub const HEAD_LIMIT: usize = 64 * 1024;

/// What to ask and what to expect. Secrets in here are never printed: `Debug` leaves them out.
#[derive(Clone, Default)]
pub struct Spec {
    /// `http://` or `https://`, without user information.
    pub url: String,
    /// `GET` unless named.
    pub method: Option<String>,
    /// Request headers, in order.
    pub headers: Vec<(String, String)>,
    /// Request body.
    pub body: Option<String>,
    /// The whole run, redirects included.
    pub timeout: Duration,
    /// Hops allowed; 0 takes a redirect as the answer.
    pub redirects: u8,
    /// More certificate authorities than the system's (PEM).
    pub ca_file: Option<PathBuf>,
    /// What to expect.
    pub expect: Expect,
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        // A query may carry a key, and so may user information, which is refused only later.
        let shown = Url::parse(&self.url).map(|url| hop::shown(&url));
        f.debug_struct("Spec")
            .field("url", &shown.as_deref().unwrap_or("(not a URL)"))
            .field("method", &self.method)
            .field("headers", &names)
            .field("body_len", &self.body.as_ref().map(String::len))
            .field("timeout", &self.timeout)
            .field("redirects", &self.redirects)
            .field("ca_file", &self.ca_file)
            .field("expect", &self.expect)
            .finish()
    }
}

/// What makes an answer `up`; every field that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Allowed statuses; empty allows 200 to 299.
    pub status: Vec<u16>,
    /// Text that the body must contain.
    pub body_contains: Option<String>,
    /// Text that the body must not contain.
    pub body_lacks: Option<String>,
    /// A regular expression that the body must match.
    pub body_matches: Option<String>,
    /// JSON pointers (RFC 6901) into the body and the value each must have; `None` only asks for presence.
    pub json: Vec<(String, Option<String>)>,
    /// Headers that must be present, with the text each must contain.
    pub headers: Vec<(String, String)>,
    /// Slower than this is degraded.
    pub degraded_after: Option<Duration>,
    /// A certificate that ends within so many days is degraded.
    pub certificate_days: Option<u32>,
}

/// A checked [`Spec`].
#[derive(Debug)]
pub(crate) struct Ready {
    first: Hop,
    redirects: u8,
    tls: Option<Tls>,
    want: Want,
    expect: expect::Ready,
}

/// `TlsConnector` does not say what it is.
struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Ready {
    pub(crate) fn new(spec: &Spec) -> Result<Self, SpecError> {
        let wrong = |message: &str| SpecError::new("url", message);
        let url = Url::parse(&spec.url).map_err(|e| wrong(&e.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("holds a user name or password: use `basic` instead"));
        }
        let secure = url.scheme() == "https";
        if spec.expect.certificate_days.is_some() && !secure && spec.redirects == 0 {
            let message = "never comes: the url is not https";
            return Err(SpecError::new("expect.certificate_days", message));
        }
        let first = Hop::new(url, Request::new(spec)?).map_err(|e| wrong(&e))?;
        let expect = expect::Ready::new(spec)?;
        Ok(Ready {
            tls: trusted(spec, secure)?,
            want: Want {
                body: expect.reads_body(),
                redirect: spec.redirects > 0,
                statuses: spec.expect.status.clone(),
            },
            redirects: spec.redirects,
            first,
            expect,
        })
    }

    pub(crate) fn first_phase(&self) -> Phase {
        self.first.host.first_phase()
    }

    /// Asks, follows redirects, judges the last answer.
    pub(crate) async fn ask(&self, deadline: Instant, trace: &mut Trace<'_>) -> Result<(), Fault> {
        let mut followed: Vec<Hop> = Vec::new();
        loop {
            let hop = followed.last().unwrap_or(&self.first);
            let answer = self.hop(hop, deadline, trace).await?;
            let Some(location) = &answer.location else {
                return self.expect.judge(&answer);
            };
            let next = hop.follow(answer.status, location)?;
            if followed.len() >= usize::from(self.redirects) {
                return Err(self.astray(&followed, &next));
            }
            followed.push(next);
            trace.leave_hop();
        }
    }

    async fn hop(
        &self,
        hop: &Hop,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<Answer, Fault> {
        let tcp = dial::dial(&hop.host, hop.port, deadline, trace).await?;
        let Some(secure) = &hop.secure else {
            trace.enter(Phase::Processing);
            // One segment out, one answer back: Nagle's delay cannot arise unless a body follows.
            if hop.has_body() {
                no_delay(&tcp)?;
            }
            return exchange::http1(tcp, hop, &self.want, trace).await;
        };
        let Some(Tls(connector)) = &self.tls else {
            let detail = "this machine trusts no certificate authority";
            return Err(Fault::monitor(detail));
        };
        trace.enter(Phase::Tls);
        no_delay(&tcp)?;
        let tls = tls::handshake(connector, secure.name.clone(), tcp, trace).await?;
        trace.enter(Phase::Processing);
        if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
            exchange::http2(tls, hop, secure, &self.want, trace).await
        } else {
            exchange::http1(tls, hop, &self.want, trace).await
        }
    }

    fn astray(&self, followed: &[Hop], next: &Hop) -> Fault {
        let shown = next.shown();
        let before = std::iter::once(&self.first).chain(followed);
        let detail = if before.into_iter().any(|hop| hop.asks_the_same_as(next)) {
            format!("redirects in a circle, back to {shown}")
        } else {
            format!(
                "more than {} redirects, the last to {shown}",
                self.redirects
            )
        };
        Fault::new(Reason::Redirect, detail)
    }
}

/// Whom TLS trusts. A plain URL needs nobody, unless a redirect leads to one that does.
fn trusted(spec: &Spec, secure: bool) -> Result<Option<Tls>, SpecError> {
    if !secure && spec.redirects == 0 && spec.ca_file.is_none() {
        return Ok(None);
    }
    match tls::connector(spec.ca_file.as_deref()) {
        Ok(connector) => Ok(Some(Tls(connector))),
        Err(_) if !secure && spec.ca_file.is_none() => Ok(None),
        Err(e) => Err(e),
    }
}

fn no_delay(tcp: &TcpStream) -> Result<(), Fault> {
    // Fails only where the peer has reset the connection already.
    tcp.set_nodelay(true)
        .map_err(|_| Fault::protocol("the connection was reset before an answer"))
}
