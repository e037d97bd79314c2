//! The kind `journey`: several requests in a row that share their cookies, as a person signs in. A step can use
//! values that earlier steps captured. The detail of a failure names its step. It must never show a secret or a
//! captured value, nor send either to a host that the configuration does not name.

mod capture;
mod form;
mod step;
mod template;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::sample::Reason;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;
use values::{FilePath, IpAddress, Length, Parsed, Source, Written, secret_line};

use super::http::formats::Version;
use super::http::proxy::ProxyUrl;
use super::http::request::Basic;
use super::http::route::{Keys, Route};
use super::http::{ANY_VERSION, Client, HTTP1, cookies::Jar, hop};
use super::{Spec, degraded_after};
use crate::dial::Host;
use crate::fault::Fault;
use crate::files::Current;
use crate::tls::{Paths, TlsVersion};
use crate::trace::{Phase, Trace};
use crate::{Probe, Protocol, Running, format, tls};
use step::{Known, Step};
use template::is_name;

/// The most steps.
const STEPS: usize = 20;

/// A shorter captured value, as `1`, is part of other words.
const SHORTEST_CAPTURE: usize = 4;

/// The keys of a `journey` probe.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Journey {
    /// The requests in their order, at most 20.
    #[schemars(length(min = 1))]
    step: Vec<step::Keys>,
    /// Files that each hold a secret alone. A step writes it as {name}.
    #[serde(default)]
    secret_files: BTreeMap<String, Parsed<FilePath>>,
    /// Further hosts that a captured address may lead to. Default: the hosts that the steps name.
    #[serde(default)]
    hosts: Vec<Parsed<Host>>,
    /// The name that the certificate of the first step's host must have; it is also sent (SNI). Default: that host.
    server_name: Option<Parsed<Host>>,
    /// The address to connect to for the first step's host. Default: the addresses of the host.
    resolve: Option<Parsed<IpAddress>>,
    /// "1.1" to speak HTTP/1.1 alone. Default: HTTP/2 if the server offers it, else HTTP/1.1.
    http: Option<Parsed<Version>>,
    /// The proxy to ask through, which also resolves the hosts. "direct" uses none. Default: none, or that of the
    /// environment if `proxy_from_environment` of `[service]` says so.
    proxy: Option<Parsed<ProxyUrl>>,
    /// The user and password for the proxy.
    proxy_basic: Option<Written<Basic>>,
    /// Certificate authorities (PEM) beside those of the machine.
    ca_file: Option<Parsed<FilePath>>,
    /// The client certificate (PEM) for the first step's host; no other host gets it. Its intermediates follow it.
    client_certificate_file: Option<Parsed<FilePath>>,
    /// The key of the client certificate (PEM, without a password).
    client_key_file: Option<Parsed<FilePath>>,
    /// The oldest version of TLS that is accepted: "1.2" or "1.3". Default: "1.2".
    min_tls_version: Option<Parsed<TlsVersion>>,
    /// A slower journey is degraded.
    degraded_after: Option<Parsed<Length>>,
}

impl Spec for Journey {
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe> {
        let limit = degraded_after(self.degraded_after.as_ref(), timeout, source);
        let tls = self.tls(source);
        let secrets = self.secrets(source);
        if let Some(beyond) = self.step.get(STEPS) {
            source.wrong(beyond.at(), format!("a journey has at most {STEPS} steps"));
        }
        let days = self.step.iter().filter_map(step::Keys::certificate_days);
        let certificate_days = days.max();
        let mut known = Known::new(self.secret_files.keys());
        let written = self.step.first()?;
        let first = written.sample(source);
        let keys = Keys {
            at: written.url_at(),
            server_name: self.server_name.as_ref(),
            resolve: self.resolve.as_ref(),
            proxy: self.proxy.as_ref(),
            proxy_basic: self.proxy_basic.as_ref(),
            own_host: None,
        };
        let first = Route::apply(&keys, first?, source);
        let named = self.step.iter().filter_map(step::Keys::host);
        let further = self.hosts.iter().map(|host| match &host.value {
            Host::Name(name) => name.to_string(),
            Host::Address(address) => address.to_string(),
        });
        let hosts = named.chain(further).collect();
        let steps: Vec<_> = self
            .step
            .into_iter()
            .enumerate()
            .map(|(index, keys)| keys.prepare(index + 1, &mut known, timeout, source))
            .collect();
        let files = [
            secrets.as_ref().and_then(|(_, secrets)| secrets.files()),
            first.proxy_files(),
            tls.as_ref().and_then(tls::Client::files),
        ];
        let target = Target {
            steps: steps.into_iter().collect::<Option<_>>()?,
            secrets,
            hosts,
            first_phase: first.first_phase(),
            name: first.host.name(),
            route: first.route(),
            client: Client { tls },
        };
        Some(Probe {
            degraded_after: limit,
            ..Probe::new(target, timeout.value)
                .warning_within(certificate_days)
                .with_files(files)
        })
    }
}

impl Journey {
    fn tls(&self, source: &mut Source<'_>) -> Option<tls::Client> {
        let ca_file = self.ca_file.as_ref();
        let certificate = self.client_certificate_file.as_ref();
        let paths = Paths {
            ca_file: ca_file.and_then(|file| source.certificates(file)),
            identity: tls::identity_files(certificate, self.client_key_file.as_ref(), source),
            versions: TlsVersion::of(self.min_tls_version.as_ref()),
        };
        let protocols = self.http.as_ref().map_or(ANY_VERSION, |_| HTTP1);
        let secure = self.step.iter().find(|step| step.is_secure());
        match tls::Client::new(&paths, protocols) {
            Ok(client) => Some(client),
            Err(why) => {
                // A redirect may need TLS, too. Then the run says that this machine trusts no authority.
                let at = ca_file.map(|file| &file.at);
                if let Some(at) = at.or(secure.map(step::Keys::at)) {
                    source.wrong_once(at, why);
                }
                None
            }
        }
    }

    /// The names of the secrets, and their values.
    fn secrets(&self, source: &mut Source<'_>) -> Option<(Vec<String>, Secrets)> {
        let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
        for (name, file) in &self.secret_files {
            if !is_name(name) {
                source.wrong(&file.at, template::NOT_A_NAME);
            }
            // Notes a mistake in the file.
            source.secret_file(file);
            let path = source.resolve(file);
            if let Ok(content) = (source.environment.file)(&path) {
                files.push((path, content));
            }
        }
        if files.is_empty() || files.len() < self.secret_files.len() {
            return None;
        }
        let made = Current::of_files(files, |contents| {
            let secrets = contents.iter().map(|content| secret_line(content));
            secrets.collect::<Result<_, _>>()
        });
        // The mistake is noted above.
        let names = self.secret_files.keys().cloned().collect();
        Some((names, made.ok()?))
    }
}

type Secrets = Current<Vec<SecretString>>;

/// A journey that is ready to run.
#[derive(Debug)]
struct Target {
    steps: Vec<Step>,
    secrets: Option<(Vec<String>, Secrets)>,
    /// The hosts that a captured address may lead to.
    hosts: Vec<String>,
    first_phase: Phase,
    name: Option<Arc<str>>,
    route: Option<Arc<Route>>,
    client: Client,
}

impl Protocol for Target {
    fn first_phase(&self) -> Phase {
        self.first_phase
    }

    fn resolves(&self) -> Option<Arc<str>> {
        self.name.clone()
    }

    fn run<'a>(&'a self, deadline: Instant, trace: &'a mut Trace<'_>) -> Running<'a> {
        Box::pin(self.travel(deadline, trace))
    }
}

impl Target {
    async fn travel(&self, deadline: Instant, trace: &mut Trace<'_>) -> Result<(), Fault> {
        let mut values = self.values(trace);
        let mut jar = Jar::default();
        let mut last: Option<Url> = None;
        let mut slow = None;
        for step in &self.steps {
            if last.is_some() {
                trace.leave_hop();
            }
            trace.part = Some(step.label.clone());
            trace.note(|| step.label.clone());
            let started = Instant::now();
            let first = self.hop(step, &values, last.as_ref(), &jar, trace)?;
            let (answer, end) = self
                .client
                .follow(
                    &first,
                    &step.want,
                    step.redirects,
                    &mut jar,
                    deadline,
                    trace,
                )
                .await?;
            let end = end.unwrap_or(first);
            end.keep_cookies(&mut jar, &answer.headers, trace);
            step.expect.check(&answer)?;
            for (name, capture) in &step.captures {
                let value = capture.take(&answer)?;
                trace.note(|| capture.in_words(name, &value));
                if value.len() >= SHORTEST_CAPTURE && !capture.is_shown() {
                    trace.hide(&value);
                }
                values.insert(name.clone(), value);
            }
            let took = started.elapsed();
            if let Some(limit) = step.degraded_after.filter(|limit| took > *limit) {
                let (took, limit) = (format::duration(took), format::duration(limit));
                slow = slow.or(Some(format!(
                    "{} took {took}, more than {limit}",
                    step.label
                )));
            }
            last = Some(end.url().clone());
        }
        trace.part = None;
        match slow {
            Some(detail) => Err(Fault::new(Reason::Slow, detail)),
            None => Ok(()),
        }
    }

    /// The values that steps use as `{name}`, before the first step.
    fn values(&self, trace: &mut Trace<'_>) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        if let Some((names, secrets)) = &self.secrets {
            for (name, secret) in names.iter().zip(secrets.get().iter()) {
                trace.hide(secret.expose_secret());
                values.insert(name.clone(), secret.expose_secret().to_owned());
            }
        }
        for secret in self.steps.iter().flat_map(Step::secrets) {
            trace.hide(secret.expose_secret());
        }
        values
    }

    /// The first request of a step.
    fn hop(
        &self,
        step: &Step,
        values: &BTreeMap<String, String>,
        last: Option<&Url>,
        jar: &Jar,
        trace: &mut Trace<'_>,
    ) -> Result<hop::Hop, Fault> {
        let unfit = |why: String| Fault::new(Reason::Body, format!("the address {why}"));
        let url = step.url(values, last)?;
        if step.has_captured_url() {
            let host = hop::name(&url);
            let is_downgrade =
                url.scheme() == "http" && last.is_some_and(|last| last.scheme() == "https");
            if !self.hosts.iter().any(|known| known == host) || is_downgrade {
                let shown = hop::shown(&url);
                let detail = format!(
                    "the captured address leads to {shown}: if that is right, add its host to `hosts`"
                );
                return Err(Fault::new(Reason::Redirect, detail));
            }
        }
        let request = step.request(values, last, &url)?;
        if let Some(fields) = step.form_fields() {
            trace.note(|| format!("the form sends {fields}"));
        }
        let mut first = hop::Hop::new(url, request)
            .map_err(unfit)?
            .on(self.route.clone());
        first.send_cookies(jar);
        Ok(first)
    }
}
