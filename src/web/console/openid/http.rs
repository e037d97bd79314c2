//! The requests to a provider: over HTTPS or to this machine only, without redirects, in bounded time and size.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use reqwest::Client;
use reqwest::redirect::Policy;
use url::Url;
use values::url::is_protected;

/// The limit for a connection with its handshake.
const CONNECT: Duration = Duration::from_secs(5);
/// The limit for a request and its answer.
const WHOLE: Duration = Duration::from_secs(10);
/// The largest answer in bytes: the keys of a large provider have some ten thousand.
const LARGEST_ANSWER: usize = 1 << 20;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    #[error("the provider names `{0}`, which needs https://")]
    Unprotected(String),
    #[error("the request cannot be made")]
    Malformed(#[from] http::Error),
    #[error("no answer from the provider")]
    NoAnswer(#[source] reqwest::Error),
    #[error("an answer of the provider has more than 1 MiB")]
    TooLarge,
}

/// The client for one provider.
pub struct Http(Client);

impl Http {
    /// Trusts the authorities of this machine, and those of `ca_file`. Reads files.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, Error> {
        let tls = probes::client_config(ca_file).map_err(Error::Tls)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            // A redirect could lead into a private network (RFC 9700, section 4.11).
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .user_agent(concat!("nines/", env!("CARGO_PKG_VERSION")));
        client.build().map(Self).map_err(Error::NoAnswer)
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        let (head, body) = request.into_parts();
        let written = head.uri.to_string();
        let url = Url::parse(&written).ok().filter(is_protected);
        let Some(url) = url else {
            return Err(Error::Unprotected(written));
        };
        let request = self.0.request(head.method, url);
        let sent = request.headers(head.headers).body(body).send().await;
        let mut answer = sent.map_err(no_answer)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(Error::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut made = http::Response::builder().status(answer.status());
        if let Some(headers) = made.headers_mut() {
            *headers = std::mem::take(answer.headers_mut());
        }
        Ok(made.body(body)?)
    }
}

/// A URL of a request may hold a secret.
fn no_answer(error: reqwest::Error) -> Error {
    Error::NoAnswer(error.without_url())
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.answer(request))
    }
}
