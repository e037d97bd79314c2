//! The kind `http`: a fresh connection each time, each phase timed on its own, redirects followed only
//! as far as allowed. It must never send a credential to another host than the configured one, nor
//! reveal anything of a body.

mod client;
pub(super) mod cookies;
pub(super) mod decode;
pub(super) mod exchange;
pub(super) mod expect;
pub(super) mod formats;
pub(super) mod hop;
pub(super) mod json;
pub mod proxy;
pub(super) mod request;
pub(super) mod route;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;
use values::{FilePath, IpAddress, Parsed, Source, Text, Written};

use super::{Spec, degraded_after};
use crate::dial::{self, Host};
use crate::files::Current;
use crate::tls::{Paths, TlsVersion};
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running, tls};
pub(super) use client::Client;
use cookies::Jar;
use exchange::Want;
use expect::Expect;
use formats::{HeaderText, HttpUrl, Method, Version};
use hop::Hop;
use proxy::ProxyUrl;
use request::{Basic, Request};
use route::{Keys, Route};

/// The most bytes that are read of an answer's body. A longer or endless body is a broken protocol if
/// an expectation reads it; otherwise the rest is left.
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// The most bytes of an answer's head.
pub const HEAD_LIMIT: usize = 64 * 1024;

/// The most headers of an answer.
pub const HEADERS_LIMIT: usize = 1_000;

pub(super) const ANY_VERSION: tls::Protocols = &[b"h2", b"http/1.1"];
pub(super) const HTTP1: tls::Protocols = &[b"http/1.1"];

/// The keys of an `http` probe.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("x-later" = ["http2"]))]
pub(crate) struct Http {
    /// The address, http:// or https://.
    url: Parsed<HttpUrl>,
    /// Default: GET.
    method: Option<Parsed<Method>>,
    /// Request headers. Write a secret as "${NAME}", from the environment.
    #[serde(default)]
    headers: BTreeMap<String, Parsed<HeaderText>>,
    /// The request's body.
    body: Option<Parsed<Text>>,
    /// How many redirects to follow. Default: 0, which takes a redirect as the answer.
    #[serde(default)]
    #[schemars(range(min = 0, max = 20))]
    redirects: u8,
    /// The name that the host's certificate must have; it is also sent (SNI). A redirect to another host is checked by
    /// that host's own name. Default: the host of the URL.
    server_name: Option<Parsed<Host>>,
    /// The address to connect to. The request keeps the URL's host. A redirect to another host is resolved. Default:
    /// the addresses of the host.
    resolve: Option<Parsed<IpAddress>>,
    /// True if one run asks each address of the host, and is down if one of them is. Default: it tries them in turn until
    /// one accepts the connection.
    all_addresses: Option<Written<bool>>,
    /// "1.1" to speak HTTP/1.1 alone. Default: HTTP/2 if the server offers it, else HTTP/1.1.
    http: Option<Parsed<Version>>,
    /// The proxy to ask through, which also resolves the host. "direct" uses none. Default: none, or that of the
    /// environment if `proxy_from_environment` of `[service]` says so.
    proxy: Option<Parsed<ProxyUrl>>,
    /// The user and password for the proxy.
    proxy_basic: Option<Written<Basic>>,
    /// Certificate authorities (PEM) beside those of the machine.
    ca_file: Option<Parsed<FilePath>>,
    /// The client certificate (PEM), for a server that wants one; no other host gets it. Its intermediates follow it.
    client_certificate_file: Option<Parsed<FilePath>>,
    /// The key of the client certificate (PEM, without a password).
    client_key_file: Option<Parsed<FilePath>>,
    /// The oldest version of TLS that is accepted: "1.2" or "1.3". Default: "1.2".
    min_tls_version: Option<Parsed<TlsVersion>>,
    /// The file with the token of an Authorization: Bearer header.
    bearer_token_file: Option<Parsed<FilePath>>,
    /// The user and password of an Authorization: Basic header.
    basic: Option<Written<Basic>>,
    /// Conditions of a good answer. Default: any status from 200 to 299.
    #[serde(default)]
    expect: Expect,
}

impl Spec for Http {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let url = request::url(&self.url, source);
        let (request, authorization) = Request::new(&self, source);
        let tls = self.tls(source);
        let certificate_days = self.expect.certificate_days.as_ref().map(|days| days.value);
        let limit = degraded_after(self.expect.degraded_after.as_ref(), timeout, source);
        let is_head = request.method == hyper::Method::HEAD;
        let first = Url::parse(&url)
            .map_err(|error| error.to_string())
            .and_then(|url| Hop::new(url, request))
            .map_err(|why| source.wrong(&self.url.at, format!("this URL {why}")));
        let first = first
            .ok()
            .map(|hop| Route::apply(&self.route(), hop, source));
        let all = first
            .as_ref()
            .is_some_and(|first| self.asks_each(first, source));
        let expect = self.expect.prepare(is_head, source);
        let first = match authorization {
            None => Current::fixed(first?),
            Some(authorization) => authorization.follow_file(first?, source)?,
        };
        let files = [
            first.files(),
            first.get().proxy_files(),
            tls.as_ref().and_then(tls::Client::files),
        ];
        let target = Target {
            first,
            redirects: self.redirects,
            client: Client { tls },
            want: Want {
                body: expect.reads_body(),
                redirect: self.redirects > 0,
                statuses: expect.statuses().to_vec(),
            },
            expect,
        };
        Some(Probe {
            degraded_after: limit,
            ..Probe::new(target, timeout.value)
                .warning_within(certificate_days)
                .with_files(files)
                .asking_each_address(all)
        })
    }
}

impl Http {
    /// The keys that lead to the host.
    fn route(&self) -> Keys<'_> {
        let mut headers = self.headers.iter();
        let own_host = headers.find(|(name, _)| name.eq_ignore_ascii_case("host"));
        Keys {
            at: &self.url.at,
            server_name: self.server_name.as_ref(),
            resolve: self.resolve.as_ref(),
            proxy: self.proxy.as_ref(),
            proxy_basic: self.proxy_basic.as_ref(),
            own_host: own_host.map(|(_, value)| &value.at),
        }
    }

    /// True if one run asks each address of the host.
    fn asks_each(&self, first: &Hop, source: &mut Source<'_>) -> bool {
        let asked = self.all_addresses.as_ref();
        if let (Some(asked), Some(_)) = (asked.filter(|asked| asked.value), &first.proxy) {
            let why = "the proxy resolves the host: remove this, or write `proxy = \"direct\"`";
            source.wrong(&asked.at, why);
            return false;
        }
        dial::asks_each(asked, &first.host, source)
    }

    /// The TLS client, unless the probe certainly needs none: a redirect may lead to an https:// URL.
    fn tls(&self, source: &mut Source<'_>) -> Option<tls::Client> {
        let secure = self.url.value.starts_with("https://");
        let ca_file = self.ca_file.as_ref();
        let identity = [&self.client_certificate_file, &self.client_key_file].map(Option::as_ref);
        let [certificate, key] = identity;
        let paths = Paths {
            ca_file: ca_file.and_then(|file| source.certificates(file)),
            identity: tls::identity_files(certificate, key, source),
            versions: TlsVersion::of(self.min_tls_version.as_ref()),
        };
        if !secure && self.redirects == 0 {
            let tls_only = [
                ca_file.map(|file| &file.at),
                certificate.map(|file| &file.at),
                self.server_name.as_ref().map(|name| &name.at),
                self.min_tls_version.as_ref().map(|version| &version.at),
                self.expect.certificate_days.as_ref().map(|days| &days.at),
            ];
            for at in tls_only.into_iter().flatten() {
                source.wrong(at, "an http:// address has no TLS and no certificate");
            }
            return None;
        }
        let protocols = self.http.as_ref().map_or(ANY_VERSION, |_| HTTP1);
        match tls::Client::new(&paths, protocols) {
            Ok(client) => Some(client),
            Err(why) => {
                if secure || ca_file.is_some() {
                    source.wrong_once(ca_file.map_or(&self.url.at, |file| &file.at), why);
                }
                None
            }
        }
    }
}

/// An `http` probe that is ready to run.
#[derive(Debug)]
struct Target {
    first: Current<Hop>,
    redirects: u8,
    client: Client,
    want: Want,
    expect: expect::Ready,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        self.first.get().first_phase()
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.first.get().host.name()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(async move {
            let first = self.first.get();
            let mut jar = Jar::default();
            let asked = self.client.follow(
                &first,
                &self.want,
                self.redirects,
                &mut jar,
                deadline,
                trace,
            );
            let (answer, _) = asked.await?;
            self.expect.check(&answer)
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A probe of a name that a configuration could not name.
    pub(crate) fn probe(name: &str, timeout: Duration) -> Probe {
        let environment = values::Environment {
            variable: &|_| None,
            file: &|_| Err("there are no files here".to_owned()),
            proxy_from_environment: false,
            commands: &[],
            reach: &values::reach::BUILT_IN,
        };
        let mut source = Source::new("probe.toml".into(), None, environment);
        let http: Http = toml::from_str("url = \"http://portal.example.org/\"").unwrap();
        let (request, _) = Request::new(&http, &mut source);
        let url = Url::parse(&format!("http://{name}/?token=secret")).unwrap();
        let target = Target {
            first: Current::fixed(Hop::new(url, request).unwrap()),
            redirects: 0,
            client: Client { tls: None },
            want: Want {
                body: false,
                redirect: false,
                statuses: Vec::new(),
            },
            expect: http.expect.prepare(false, &mut source),
        };
        Probe::new(target, timeout)
    }
}
