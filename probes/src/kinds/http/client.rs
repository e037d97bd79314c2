//! Asks for a URL, and follows redirects with the cookies that servers set. Each request has a fresh connection.

use domain::sample::Reason;
use tokio::time::Instant;

use crate::dial::{self, Host};
use crate::fault::Fault;
use crate::kinds::http::HTTP1;
use crate::kinds::http::cookies::Jar;
use crate::kinds::http::exchange::{self, Answer, Want};
use crate::kinds::http::hop::Hop;
use crate::tls;
use crate::trace::{Phase, Trace};

#[derive(Debug)]
pub(crate) struct Client {
    /// `None` for plain URLs alone, or if this machine trusts no authority.
    pub(crate) tls: Option<tls::Client>,
}

impl Client {
    /// Sends the request of `first` and follows at most `redirects` redirects. Returns the last answer, and the
    /// last hop unless it is `first`.
    pub(crate) async fn follow(
        &self,
        first: &Hop,
        want: &Want,
        redirects: u8,
        jar: &mut Jar,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<(Answer, Option<Hop>), Fault> {
        let mut followed: Vec<Hop> = Vec::new();
        trace.redirected = false;
        loop {
            let hop = followed.last().unwrap_or(first);
            trace.note(|| format!("{} {}", hop.method(), hop.shown()));
            let answer = self.hop(hop, want, deadline, trace).await?;
            let Some(location) = &answer.location else {
                trace.note(|| answer.in_words());
                return Ok((answer, followed.pop()));
            };
            hop.keep_cookies(jar, &answer.headers, trace);
            let mut next = hop.follow(answer.status, location)?;
            trace.note(|| format!("status {}, leads to {}", answer.status, next.shown()));
            next.send_cookies(jar);
            if followed.len() >= usize::from(redirects) {
                return Err(too_many_redirects(redirects, first, &followed, &next));
            }
            followed.push(next);
            trace.redirected = true;
            trace.leave_hop();
        }
    }

    async fn hop(
        &self,
        hop: &Hop,
        want: &Want,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<Answer, Fault> {
        if hop.secure.is_none() {
            return self.plain(hop, want, deadline, trace).await;
        }
        let Some(tls) = &self.tls else {
            let detail = "this machine trusts no certificate authority";
            return Err(Fault::monitor(detail));
        };
        let anonymous;
        let tls = if hop.is_configured_host() {
            tls
        } else {
            anonymous = tls.anonymous();
            &anonymous
        };
        if let Some(answer) = self.secure(hop, tls, want, deadline, trace).await? {
            return Ok(answer);
        }
        // The server asks for HTTP/1.1.
        trace.leave_hop();
        let tls = tls.offering(HTTP1);
        let answer = self.secure(hop, &tls, want, deadline, trace).await?;
        answer.ok_or_else(|| Fault::protocol("the server speaks HTTP/2, which was not offered"))
    }

    async fn plain(
        &self,
        hop: &Hop,
        want: &Want,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<Answer, Fault> {
        let tcp = match &hop.proxy {
            Some(proxy) => {
                check_behind_proxy(&hop.host, trace)?;
                proxy.dial(deadline, trace).await?
            }
            None => dial::dial(&hop.host, hop.port, deadline, trace).await?,
        };
        trace.enter(Phase::Processing);
        // Nagle's delay needs a second segment, which only a request body causes.
        if hop.has_body() {
            // Fails only if the peer has already reset the connection.
            tcp.set_nodelay(true)
                .map_err(|_| Fault::protocol("the connection was reset before an answer"))?;
        }
        let answer = exchange::http1(tcp, hop, want, trace).await?;
        match &hop.proxy {
            Some(proxy) if answer.status == 407 => Err(proxy.refuses(407)),
            _ => Ok(answer),
        }
    }

    /// `None` if the server refuses HTTP/2 for this request.
    async fn secure(
        &self,
        hop: &Hop,
        client: &tls::Client,
        want: &Want,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<Option<Answer>, Fault> {
        let Some(secure) = &hop.secure else {
            return Ok(None);
        };
        let tcp = match &hop.proxy {
            Some(proxy) => {
                check_behind_proxy(&hop.host, trace)?;
                proxy.tunnel(&hop.host, hop.port, deadline, trace).await?
            }
            None => dial::dial(&hop.host, hop.port, deadline, trace).await?,
        };
        let tls = client.handshake(secure.name.clone(), tcp, trace).await?;
        trace.enter(Phase::Processing);
        if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
            exchange::http2(tls, hop, secure, want, trace).await
        } else {
            exchange::http1(tls, hop, want, trace).await.map(Some)
        }
    }
}

/// A proxy resolves names itself, so only an address can be checked.
fn check_behind_proxy(host: &Host, trace: &Trace<'_>) -> Result<(), Fault> {
    match host {
        Host::Address(ip) => dial::may_reach(*ip, trace),
        Host::Name(_) => Ok(()),
    }
}

fn too_many_redirects(most: u8, first: &Hop, followed: &[Hop], next: &Hop) -> Fault {
    let shown = next.shown();
    let before = std::iter::once(first).chain(followed);
    let detail = if before.into_iter().any(|hop| hop.equals(next)) {
        format!("redirects in a circle, back to {shown}")
    } else {
        format!("more than {most} redirects, the last to {shown}")
    };
    Fault::new(Reason::Redirect, detail)
}
