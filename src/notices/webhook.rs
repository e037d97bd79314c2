//! One attempt to post one notice to one webhook, signed, and the meaning of the answer.
//!
//! It must never connect to an address that was not checked, follow a redirect, or send a request without a signature.
//! The receiver tells a repeated request by its id.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::event::Delivery;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::{Host, Url};

use super::delivery::Ended;
use super::forbidden::forbidden;
use super::text;
use crate::config::Webhook;
use crate::digest::hex;

/// The header with the id of the notice, the same in each attempt.
const ID: &str = "nines-id";

/// The header with the seconds since 1970 at which the attempt began.
const TIMESTAMP: &str = "nines-timestamp";

/// The header with the signature in hexadecimal.
const SIGNATURE: &str = "nines-signature";

/// The limit for a name to be resolved, and for a connection with its handshake.
const CONNECT: Duration = Duration::from_secs(10);

/// The limit for the whole request and its answer.
const WHOLE: Duration = Duration::from_secs(30);

/// The most of an answer's body that is read, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The length to which an answer's body is cut in the ledger, in characters.
const LONGEST_QUOTE: usize = 120;

/// The largest secret file that is read, in bytes.
const LARGEST_SECRET_FILE: u64 = 64 * 1024;

/// The result that the status of an answer stands for, and if an operator must act.
pub fn meaning(status: u16) -> (Delivery, bool) {
    match status {
        200..=299 => (Delivery::Accepted, false),
        408 | 425 | 429 | 500..=599 => (Delivery::Deferred, false),
        410 => (Delivery::Rejected, false),
        // Another refusal, or a redirect, which is not followed: the URL or the secret is wrong.
        _ => (Delivery::Deferred, true),
    }
}

/// The signature of a body that is sent at `seconds`: HMAC-SHA-256 of `<seconds>.<body>` in hexadecimal.
fn signature(secret: &SecretString, seconds: i64, body: &[u8]) -> Option<String> {
    let key = secret.expose_secret().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(hex(&mac.finalize().into_bytes()))
}

/// Posts `body` to the webhook as the notice `id`.
pub(super) async fn post(webhook: &Webhook, id: &str, body: &[u8], now: Timestamp) -> Ended {
    let Ok(url) = Url::parse(&webhook.url) else {
        return ours("the URL cannot be read");
    };
    let client = match client(&url, webhook.allow_private).await {
        Ok(client) => client,
        Err(ended) => return ended,
    };
    let seconds = now.as_second();
    let secret = current_secret(webhook).await;
    let Some(signature) = signature(&secret, seconds, body) else {
        return ours("the request cannot be signed");
    };
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .header(ID, id)
        .header(TIMESTAMP, seconds)
        .header(SIGNATURE, signature)
        .body(body.to_vec());
    match request.send().await {
        Ok(response) => answered(response, now).await,
        Err(error) => unanswered(&error.without_url()),
    }
}

/// Requests a URL with GET, under the same rules: checked addresses only, and no redirect.
///
/// # Errors
/// No connection, no answer, or a status other than 200 to 299. The text holds no part of the URL but its host.
pub async fn get(url: &str, allow_private: bool) -> Result<(), String> {
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    let client = client(&url, allow_private).await;
    let client = client.map_err(|ended| ended.reply)?;
    let response = client.get(url).send().await;
    let response = response.map_err(|error| chain(&error.without_url()))?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(said(status)),
    }
}

/// Connects to the webhook and does its handshake of TLS. Posts nothing. Returns the steps that succeeded.
///
/// # Errors
/// The step that failed.
pub async fn try_out(webhook: &Webhook) -> Result<String, String> {
    let url = Url::parse(&webhook.url).map_err(|error| error.to_string())?;
    let addresses = checked(&url, webhook.allow_private).await;
    let addresses = addresses.map_err(|ended| ended.reply)?;
    let Some(address) = addresses.first() else {
        return Err("the name has no address".to_owned());
    };
    let connecting = async {
        let tcp = TcpStream::connect(address).await;
        let tcp = tcp.map_err(|error| format!("{address} does not answer: {error}"))?;
        if url.scheme() != "https" {
            return Ok::<String, String>(format!("{address} answers, no TLS"));
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        probes::secure(tcp, host, None).await?;
        Ok(format!("{address} answers, TLS with a trusted certificate"))
    };
    match timeout(CONNECT, connecting).await {
        Ok(done) => done.map(|steps| format!("{steps}; nothing was posted")),
        Err(_) => Err(format!(
            "{address} does not answer within {} s",
            CONNECT.as_secs()
        )),
    }
}

/// A client that connects to checked addresses only.
async fn client(url: &Url, allow_private: bool) -> Result<Client, Ended> {
    let addresses = checked(url, allow_private).await?;
    let config = match url.scheme() {
        "https" => probes::client_config(None).map_err(|why| ours(&why))?,
        _ => ClientConfig::builder()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    };
    let builder = Client::builder()
        .dns_resolver(Arc::new(Checked(addresses)))
        .tls_backend_preconfigured(config)
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .user_agent(concat!("nines/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|error| ours(&chain(&error)))
}

/// Resolves every name to the addresses that were checked, so that none is looked up a second time.
struct Checked(Vec<SocketAddr>);

impl Resolve for Checked {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// The addresses of the URL's host. All are refused if one is forbidden: a name that also leads into a private network
/// is a mistake or an attack.
async fn checked(url: &Url, allow_private: bool) -> Result<Vec<SocketAddr>, Ended> {
    let port = url.port_or_known_default().unwrap_or(443);
    let found: Vec<SocketAddr> = match url.host() {
        Some(Host::Ipv4(ip)) => vec![(IpAddr::V4(ip), port).into()],
        Some(Host::Ipv6(ip)) => vec![(IpAddr::V6(ip), port).into()],
        Some(Host::Domain(name)) => match timeout(CONNECT, lookup_host((name, port))).await {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(error)) => return Err(later(&format!("{name} does not resolve: {error}"))),
            Err(_) => return Err(later(&format!("{name} does not resolve in time"))),
        },
        None => return Err(ours("the URL has no host")),
    };
    for address in &found {
        if let Some(why) = forbidden(address.ip(), allow_private) {
            let hint = match forbidden(address.ip(), true) {
                None => "; `allow_private = true` allows it",
                Some(_) => "",
            };
            return Err(ours(&format!("not sent: {} is {why}{hint}", address.ip())));
        }
    }
    match found.is_empty() {
        true => Err(later("the name has no address")),
        false => Ok(found),
    }
}

/// The secret as its file holds it now. If the file cannot be used, the secret of the last load.
async fn current_secret(webhook: &Webhook) -> SecretString {
    let path = webhook.secret_file.clone();
    let read = tokio::task::spawn_blocking(move || {
        let content = values::file::read(&path, LARGEST_SECRET_FILE);
        let content = content.map_err(|error| error.to_string());
        let secret = content.and_then(|content| values::secret_line(&content));
        secret.map_err(|why| {
            tracing::warn!(path = %path.display(), why, "the secret file of a webhook cannot be used");
        })
    });
    let read = read.await.ok().and_then(Result::ok);
    read.unwrap_or_else(|| webhook.secret.clone())
}

async fn answered(mut response: Response, now: Timestamp) -> Ended {
    let status = response.status();
    let (result, refused_us) = meaning(status.as_u16());
    let retry_after_s = match result {
        Delivery::Deferred => retry_after(&response, now),
        _ => None,
    };
    let mut reply = said(status);
    if result != Delivery::Accepted {
        let body = start_of(&mut response).await;
        let quote = text::cut(&text::one_line(&body), LONGEST_QUOTE);
        if !quote.is_empty() {
            reply = format!("{reply}: {quote}");
        }
    }
    if refused_us {
        tracing::warn!(
            status = status.as_u16(),
            "a webhook refuses Nines, not the notice"
        );
    }
    Ended {
        refused_us,
        retry_after_s,
        ..Ended::new(result, &reply)
    }
}

fn said(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// The body of an answer as far as it is read. An error ends it.
async fn start_of(response: &mut Response) -> String {
    let mut body = Vec::new();
    while body.len() < LONGEST_ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let rest = LONGEST_ANSWER - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(rest)]);
            }
            _ => break,
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// The pause that `Retry-After` asks for, in seconds: a number or a date (RFC 9110, 10.2.3).
fn retry_after(response: &Response, now: Timestamp) -> Option<i64> {
    let value = response.headers().get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<i64>() {
        return (seconds > 0).then_some(seconds);
    }
    static PARSER: DateTimeParser = DateTimeParser::new();
    let at = PARSER.parse_timestamp(value).ok()?;
    let seconds = at.duration_since(now).as_secs();
    (seconds > 0).then_some(seconds)
}

/// Without an answer the receiver may have got the request, unless no connection was made.
fn unanswered(error: &reqwest::Error) -> Ended {
    let why = chain(error);
    if error.is_builder() {
        return ours(&why);
    }
    if error.is_connect() {
        return later(&format!("no connection: {why}"));
    }
    let why = match error.is_timeout() {
        true => format!("no answer within {} s", WHOLE.as_secs()),
        false => format!("no answer: {why}"),
    };
    Ended::new(Delivery::Ambiguous, &why)
}

fn later(why: &str) -> Ended {
    Ended::new(Delivery::Deferred, why)
}

/// An operator must act before this webhook can be delivered to.
fn ours(why: &str) -> Ended {
    tracing::warn!(why, "a webhook cannot be used");
    Ended {
        refused_us: true,
        ..later(why)
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
