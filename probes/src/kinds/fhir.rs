//! The kind `fhir`: a server describes itself at `/metadata` with the expected version and resources, and has a SMART
//! configuration where asked. A token is fetched first if the server wants one. It must never ask for a patient, nor
//! show a token.

mod statement;
mod token;

use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;
use values::suggest::shorten;
use values::{FilePath, Format, IpAddress, Length, Parsed, Source, Written};

use super::http::cookies::Jar;
use super::http::exchange::{Answer, Want};
use super::http::formats::{HttpUrl, Version};
use super::http::hop::Hop;
use super::http::proxy::ProxyUrl;
use super::http::request::{Basic, Request, bearer, header_value};
use super::http::route::{Keys, Route};
use super::http::{ANY_VERSION, Client, HTTP1, decode};
use super::{Spec, degraded_after};
use crate::dial::Host;
use crate::fault::Fault;
use crate::files::Current;
use crate::tls::{Paths, TlsVersion};
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running, tls};
use token::Token;

/// The keys of a `fhir` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Fhir {
    /// The base address of the server, http:// or https://, without `/metadata`.
    url: Parsed<HttpUrl>,
    /// The version of FHIR, as "4.0.1". "4.0" accepts each version that begins so. Default: any.
    version: Option<Parsed<FhirVersion>>,
    /// Types of resources that the server must name.
    #[schemars(length(min = 1))]
    resources: Option<Vec<Parsed<Resource>>>,
    /// True if the server must have a SMART configuration.
    #[serde(default)]
    smart: bool,
    /// The file with the token of an Authorization: Bearer header.
    bearer_token_file: Option<Parsed<FilePath>>,
    /// Where to fetch a token with a client's id and secret, in place of `bearer_token_file`.
    token: Option<Written<token::Keys>>,
    /// The name that the host's certificate must have; it is also sent (SNI). Default: the host of the URL.
    server_name: Option<Parsed<Host>>,
    /// The address to connect to. Default: the addresses of the host.
    resolve: Option<Parsed<IpAddress>>,
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
    /// Operators are warned of a certificate that ends within this many days. Default: 14.
    #[schemars(range(min = 1, max = 3650))]
    certificate_days: Option<u32>,
    /// A slower run is degraded.
    degraded_after: Option<Parsed<Length>>,
}

/// A version of FHIR, or its beginning.
struct FhirVersion;

impl Format for FhirVersion {
    type Value = String;
    const IS: &'static str = "a version in quotes, as \"4.0.1\"";
    const EXAMPLE: &'static str = "4.0.1";
    const PATTERN: Option<&'static str> = Some(r"^[0-9]{1,2}(\.[0-9]{1,3}){0,2}$");

    fn parse(text: &str) -> Result<String, String> {
        let is_number =
            |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let parts: Vec<_> = text.split('.').collect();
        if parts.len() <= 3 && parts[0].len() <= 2 && parts.into_iter().all(is_number) {
            return Ok(text.to_owned());
        }
        Err(format!(
            "`{}` is not a version: write \"4.0.1\" for R4, \"4.3.0\" for R4B, \"5.0.0\" for R5",
            shorten(text)
        ))
    }
}

/// The type of a resource.
struct Resource;

impl Format for Resource {
    type Value = String;
    const IS: &'static str = "a type of resource in quotes, as \"Observation\"";
    const EXAMPLE: &'static str = "Observation";
    const PATTERN: Option<&'static str> = Some("^[A-Z][A-Za-z]{1,63}$");

    fn parse(text: &str) -> Result<String, String> {
        let is_type = (2..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.bytes().all(|b| b.is_ascii_alphabetic());
        if is_type {
            return Ok(text.to_owned());
        }
        Err(format!(
            "`{}` is not a type of resource: write \"Observation\"",
            shorten(text)
        ))
    }
}

impl Spec for Fhir {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let limit = degraded_after(self.degraded_after.as_ref(), timeout, source);
        let base = self.base(source);
        let client = Client {
            tls: self.tls(source),
        };
        let authorization = match (&self.bearer_token_file, &self.token) {
            (Some(file), Some(_)) => {
                source.wrong(&file.at, "use either `bearer_token_file` or `token`");
                None
            }
            (Some(file), None) => Some(bearer(file, source)?),
            (None, _) => None,
        };
        let keys = Keys {
            at: &self.url.at,
            server_name: self.server_name.as_ref(),
            resolve: self.resolve.as_ref(),
            proxy: self.proxy.as_ref(),
            proxy_basic: self.proxy_basic.as_ref(),
            own_host: None,
        };
        let base = base?;
        let sample = Hop::new(
            base.clone(),
            Request::of(Method::GET, HeaderMap::new(), String::new()),
        );
        let sample = sample.map_err(|why| source.wrong(&self.url.at, format!("this URL {why}")));
        let sample = Route::apply(&keys, sample.ok()?, source);
        let token = match self.token {
            Some(keys) => Some(Token::new(keys, source)?),
            None => None,
        };
        let resources = self.resources.unwrap_or_default();
        let resources: Vec<_> = resources.into_iter().map(|r| (r.value, r.at)).collect();
        source.no_repeats(&resources);
        let files = [
            authorization.as_ref().and_then(Current::files),
            token.as_ref().and_then(Token::files),
            sample.proxy_files(),
            client.tls.as_ref().and_then(tls::Client::files),
        ];
        let target = Target {
            base,
            client,
            authorization,
            token,
            version: self.version.map(|version| version.value),
            resources: resources.into_iter().map(|(name, _)| name).collect(),
            smart: self.smart,
            first_phase: sample.first_phase(),
            name: sample.host.name(),
            route: sample.route(),
        };
        Some(Probe {
            degraded_after: limit,
            ..Probe::new(target, timeout.value)
                .warning_within(self.certificate_days)
                .with_files(files)
        })
    }
}

impl Fhir {
    /// The base address with a slash at its end.
    fn base(&self, source: &mut Source<'_>) -> Option<Url> {
        let Parsed { value, at } = &self.url;
        let mut text = value.clone();
        if text.contains('?') {
            source.wrong(at, "the base address of a server has no query");
            return None;
        }
        if text.trim_end_matches('/').ends_with("/metadata") {
            source.wrong(at, "write the base address, without `/metadata`");
            return None;
        }
        if !text.ends_with('/') {
            text.push('/');
        }
        let url = Url::parse(&text);
        url.map_err(|error| source.wrong(at, format!("this URL {error}")))
            .ok()
    }

    fn tls(&self, source: &mut Source<'_>) -> Option<tls::Client> {
        let ca_file = self.ca_file.as_ref();
        let certificate = self.client_certificate_file.as_ref();
        let paths = Paths {
            ca_file: ca_file.and_then(|file| source.certificates(file)),
            identity: tls::identity_files(certificate, self.client_key_file.as_ref(), source),
            versions: TlsVersion::of(self.min_tls_version.as_ref()),
        };
        let token = self
            .token
            .as_ref()
            .is_some_and(|token| token.value.is_secure());
        if !self.url.value.starts_with("https://") && !token {
            let tls_only = [
                ca_file.map(|file| &file.at),
                certificate.map(|file| &file.at),
                self.server_name.as_ref().map(|name| &name.at),
            ];
            for at in tls_only.into_iter().flatten() {
                source.wrong(at, "an http:// address has no TLS and no certificate");
            }
            return None;
        }
        let protocols = self.http.as_ref().map_or(ANY_VERSION, |_| HTTP1);
        let client = tls::Client::new(&paths, protocols);
        let at = ca_file.map_or(&self.url.at, |file| &file.at);
        client.map_err(|why| source.wrong_once(at, why)).ok()
    }
}

#[derive(Debug)]
struct Target {
    base: Url,
    client: Client,
    authorization: Option<Current<HeaderValue>>,
    token: Option<Token>,
    version: Option<String>,
    resources: Vec<String>,
    smart: bool,
    first_phase: Phase,
    name: Option<Arc<str>>,
    route: Option<Arc<Route>>,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        match &self.token {
            Some(token) => token.first_phase(),
            None => self.first_phase,
        }
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.name.clone()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(self.ask(deadline, trace))
    }
}

impl Target {
    async fn ask(&self, deadline: Instant, trace: &mut Trace<'_>) -> Result<(), Fault> {
        let mut authorization = None;
        if let Some(current) = &self.authorization {
            authorization = Some(HeaderValue::clone(&current.get()));
        }
        if let Some(token) = &self.token {
            begin("token", trace);
            let hop = token.hop(self.route.clone())?;
            let text = self.fetch(&hop, deadline, trace).await?;
            let granted = token::granted(&text)?;
            trace.hide(&granted);
            trace.note(|| "a token was granted".to_owned());
            let value = header_value(&header::AUTHORIZATION, &format!("Bearer {granted}"));
            authorization = Some(value.map_err(|why| Fault::new(Reason::Body, why))?);
            trace.leave_hop();
        }
        begin("metadata", trace);
        let hop = self.hop("metadata", "application/fhir+json", authorization)?;
        let text = self.fetch(&hop, deadline, trace).await?;
        let found = statement::check(&text, self.version.as_deref(), &self.resources)?;
        trace.note(|| found);
        if self.smart {
            trace.leave_hop();
            begin("SMART configuration", trace);
            let hop = self.hop(".well-known/smart-configuration", "application/json", None)?;
            let text = self.fetch(&hop, deadline, trace).await?;
            statement::check_smart(&text)?;
            trace.note(|| "the SMART configuration is complete".to_owned());
        }
        trace.part = None;
        Ok(())
    }

    fn hop(
        &self,
        path: &str,
        accept: &'static str,
        authorization: Option<HeaderValue>,
    ) -> Result<Hop, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value);
        }
        let request = Request::of(Method::GET, headers, String::new());
        let unfit = |why: String| Fault::protocol(format!("the address {why}"));
        let url = self
            .base
            .join(path)
            .map_err(|error| unfit(error.to_string()))?;
        Ok(Hop::new(url, request)
            .map_err(unfit)?
            .on(self.route.clone()))
    }

    /// The text of a good answer.
    async fn fetch(
        &self,
        hop: &Hop,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<String, Fault> {
        let want = Want {
            body: true,
            redirect: false,
            statuses: Vec::new(),
        };
        let mut jar = Jar::default();
        let asked = self.client.follow(hop, &want, 0, &mut jar, deadline, trace);
        let (answer, _): (Answer, _) = asked.await?;
        if answer.status != 200 {
            let detail = format!("status {}, expected 200", answer.status);
            return Err(Fault::new(Reason::Status, detail));
        }
        let plain = decode::plain(&answer.headers, &answer.body)?;
        Ok(decode::text(&answer.headers, &plain)?.into_owned())
    }
}

/// Begins a part of the run.
fn begin(part: &str, trace: &mut Trace<'_>) {
    trace.part = Some(part.to_owned());
}
