//! A service on another machine: the requests of `/api/v1` with a token, over HTTPS.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use domain::act::Act;
use domain::event::Event;
use domain::record::Record;
use reqwest::redirect::Policy;
use reqwest::{Client as Http, Method, RequestBuilder, Response, StatusCode};
use rustls::CertificateError;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::runtime::Runtime;
use url::{Host, Url};

use super::Failure;
use super::args::Common;
use super::progress::Progress;
use crate::engine::status::Status;
use crate::ledger::{Head, Stored};
use crate::web::api::wire;
use crate::web::{ActRequest, Receipt, Reply, Row};

/// How long the service may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(90);
const CONNECT: Duration = Duration::from_secs(10);
/// Events of one answer.
const EVENTS: usize = 1_000;
/// The largest answer in bytes.
const ANSWER: usize = 64 << 20;
/// The largest token file in bytes.
const TOKEN: u64 = 4_096;
/// The variable that has the token, if no file has it.
const VARIABLE: &str = "NINES_TOKEN";

/// The service that `--server` names.
pub struct Remote {
    base: Url,
    token: String,
    http: Http,
    runtime: Runtime,
}

impl Remote {
    /// The service that the command line names; `None` if it names none.
    ///
    /// # Errors
    /// The address or the token cannot be used.
    pub fn named(common: &Common) -> Result<Option<Self>, Failure> {
        let Some(server) = &common.server else {
            return match common.token_file {
                Some(_) => Err(Failure::Usage(
                    "--token-file is for --server: name the service".to_owned(),
                )),
                None => Ok(None),
            };
        };
        if common.by.is_some() {
            let why = "leave --by out with --server: the token names the actor";
            return Err(Failure::Usage(why.to_owned()));
        }
        let base = address(server).map_err(Failure::Usage)?;
        let token = token(common)?;
        probes::install_crypto();
        let builder = Http::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            .user_agent(concat!("nines/", env!("CARGO_PKG_VERSION")));
        let builder = match base.scheme() {
            "https" => {
                let config = probes::client_config(common.server_ca.as_deref())
                    .map_err(|why| Failure::Usage(format!("--server-ca: {why}")))?;
                builder.tls_backend_preconfigured(config)
            }
            // A proxy that the environment names is no part of this machine.
            _ => builder.no_proxy().tls_backend_preconfigured(
                rustls::ClientConfig::builder()
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth(),
            ),
        };
        let http = builder.build().context("no client can be made")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Some(Self {
            base,
            token,
            http,
            runtime,
        }))
    }

    /// # Errors
    /// The service does not answer, or refuses the token.
    pub fn status(&self) -> Result<Status> {
        self.read("/api/v1/status")
    }

    /// Carries out an act. If the answer is lost, it is asked for once more with the same key, so that the act is never
    /// recorded twice.
    ///
    /// # Errors
    /// The act could not be tried. A refused act is a `Reply`.
    pub fn act(&self, asked: &ActRequest) -> Result<Reply> {
        let body = json!({
            "act": asked.act, "dry_run": asked.dry_run, "anyway": asked.anyway, "not_phi": asked.not_phi,
        });
        let response = self.post_once("/api/v1/acts", &body)?;
        self.reply(response)
    }

    /// Proposes an act to a second person. Returns the number of the proposal, or why it is refused.
    ///
    /// # Errors
    /// The service does not answer, or the token may not propose.
    pub fn propose(&self, act: &Act, not_phi: Option<&str>) -> Result<Result<i64, String>> {
        let body = json!({ "act": act, "not_phi": not_phi });
        let response = self.post_once("/api/v1/proposals", &body)?;
        let made: Result<wire::Proposed, String> = self.made(response, StatusCode::CREATED)?;
        Ok(made.map(|made| made.id))
    }

    /// The acts that wait for a second person, the oldest first.
    ///
    /// # Errors
    /// The service does not answer.
    pub fn proposals(&self) -> Result<Vec<wire::Proposal>> {
        let page: wire::Page<wire::Proposal> = self.read("/api/v1/proposals?limit=1000")?;
        Ok(page.items)
    }

    /// Approves a proposal.
    ///
    /// # Errors
    /// The service does not answer.
    pub fn approve(&self, id: i64) -> Result<Reply> {
        let path = format!("/api/v1/proposals/{id}/approval");
        let response = self.send(self.request(Method::POST, &path))?;
        self.reply(response)
    }

    /// Withdraws a proposal; the reason if it is refused.
    ///
    /// # Errors
    /// The service does not answer.
    pub fn withdraw(&self, id: i64) -> Result<Option<String>> {
        let path = format!("/api/v1/proposals/{id}");
        let response = self.send(self.request(Method::DELETE, &path))?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let refused: Result<(), String> = self.made(response, StatusCode::NO_CONTENT)?;
        Ok(refused.err())
    }

    /// Runs a probe of the service once; the reason if it cannot be run now.
    ///
    /// # Errors
    /// The service does not answer.
    pub fn run_probe(&self, system: &str, probe: &str) -> Result<Result<wire::ProbeRun, String>> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            let own = ["api", "v1", "systems", system, "probes", probe, "runs"];
            path.pop_if_empty().extend(own);
        }
        let request = self.http.post(url).bearer_auth(&self.token);
        let response = self.send(request)?;
        self.made(response, StatusCode::OK)
    }

    /// Posts a request with a key of its own, and once more if its answer was lost.
    fn post_once(&self, path: &str, body: &serde_json::Value) -> Result<Response> {
        let body = body.to_string();
        let key = people::Secret::random()?;
        let request = || {
            let request = self.request(Method::POST, path);
            let request = request.header("Content-Type", "application/json");
            request
                .header("Idempotency-Key", key.reveal())
                .body(body.clone())
        };
        match self.send(request()) {
            Err(error) if error.downcast_ref().is_some_and(is_lost) => self.send(request()),
            other => other,
        }
    }

    /// The content of an answer with that status, or the reason of a refusal.
    fn made<T: DeserializeOwned>(
        &self,
        response: Response,
        wanted: StatusCode,
    ) -> Result<Result<T, String>> {
        let status = response.status();
        let bytes = self.body(response)?;
        if status == wanted {
            let made = serde_json::from_slice(&bytes).map_err(|_| self.foreign(status))?;
            return Ok(Ok(made));
        }
        if !is_refusal(status) {
            bail!(self.failed(status, &bytes));
        }
        let problem: wire::Problem =
            serde_json::from_slice(&bytes).map_err(|_| self.foreign(status))?;
        Ok(Err(problem.detail))
    }

    /// # Errors
    /// The service does not answer.
    pub fn reload(&self) -> Result<Reply> {
        let response = self.send(self.request(Method::POST, "/api/v1/reload"))?;
        let forbidden = response.status() == StatusCode::FORBIDDEN;
        Ok(match self.reply(response)? {
            // The configuration has no mistake: the token may not do it.
            Reply::Refused(why) if forbidden => Reply::Failed(why),
            other => other,
        })
    }

    /// Passes the events after `head` to `f`, the oldest first.
    ///
    /// # Errors
    /// The service does not answer, or the token may not see the content of events.
    pub fn replay_after(&self, head: &Head, f: &mut dyn FnMut(Stored)) -> Result<()> {
        let mut after = head.seq;
        loop {
            let path = format!("/api/v1/events?after={after}&limit={EVENTS}");
            let page: wire::Page<wire::Event> = self.read(&path)?;
            let count = page.items.len();
            for event in page.items {
                after = event.seq;
                f(stored(event)?);
            }
            if count < EVENTS {
                return Ok(());
            }
        }
    }

    /// The state after event `upto`, or after the last event.
    ///
    /// # Errors
    /// As [`Remote::replay_after`].
    pub fn record(&self, upto: Option<u64>) -> Result<(Record, Head)> {
        let progress = Progress::new("reading the ledger");
        let last = upto.map_or_else(|| Ok(self.status()?.seq), Ok::<u64, anyhow::Error>)?;
        let (mut record, mut head) = (Record::default(), Head::default());
        self.replay_after(&Head::default(), &mut |stored| {
            if stored.seq > last {
                return;
            }
            record.apply(stored.seq, &stored.event);
            progress.rows(stored.seq, last);
            head = Head {
                seq: stored.seq,
                hash: stored.hash,
            };
        })?;
        Ok((record, head))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let base = self.base.as_str().trim_end_matches('/');
        let request = self.http.request(method, format!("{base}{path}"));
        request.bearer_auth(&self.token)
    }

    fn send(&self, request: RequestBuilder) -> Result<Response> {
        let sent = self.runtime.block_on(async { request.send().await });
        let sent = sent.map_err(reqwest::Error::without_url);
        sent.map_err(|error| match refused_certificate(&error, &self.base) {
            Some(why) => anyhow!("{} cannot be reached safely: {why}", self.base),
            None => anyhow!(error).context(format!("{} cannot be reached", self.base)),
        })
    }

    fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let response = self.send(self.request(Method::GET, path))?;
        let status = response.status();
        let bytes = self.body(response)?;
        match status {
            StatusCode::OK => serde_json::from_slice(&bytes).map_err(|_| self.foreign(status)),
            _ => bail!(self.failed(status, &bytes)),
        }
    }

    fn body(&self, mut response: Response) -> Result<Vec<u8>> {
        self.runtime.block_on(async {
            let mut bytes = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > ANSWER {
                    bail!("{} answered more than {} MiB", self.base, ANSWER >> 20);
                }
            }
            Ok(bytes)
        })
    }

    /// The reply that an answer is.
    fn reply(&self, response: Response) -> Result<Reply> {
        let status = response.status();
        let bytes = self.body(response)?;
        match status {
            StatusCode::OK => {
                let receipt: wire::Receipt =
                    serde_json::from_slice(&bytes).map_err(|_| self.foreign(status))?;
                Ok(Reply::Done(received(receipt)))
            }
            refused if is_refusal(refused) => {
                let problem: wire::Problem =
                    serde_json::from_slice(&bytes).map_err(|_| self.foreign(status))?;
                Ok(Reply::Refused(problem.detail))
            }
            _ => bail!(self.failed(status, &bytes)),
        }
    }

    /// The sentence for an answer that is none.
    fn failed(&self, status: StatusCode, bytes: &[u8]) -> String {
        let Ok(problem) = serde_json::from_slice::<wire::Problem>(bytes) else {
            return self.foreign(status).to_string();
        };
        let detail = problem.detail;
        match status {
            StatusCode::UNAUTHORIZED => format!(
                "{} refused the token: {detail}; an administrator makes tokens on the page People of the console",
                self.base
            ),
            _ => format!("{} answered {status}: {detail}", self.base),
        }
    }

    fn foreign(&self, status: StatusCode) -> anyhow::Error {
        anyhow!(
            "{} answered {status}, but not as the API of Nines does: --server names the private listener, or the proxy \
             in front of it",
            self.base
        )
    }
}

/// True for the statuses by which the API refuses.
fn is_refusal(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::CONFLICT
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// Why the handshake of TLS failed, and what to do.
fn refused_certificate(error: &reqwest::Error, base: &Url) -> Option<String> {
    let error: &(dyn std::error::Error + 'static) = error;
    let sources = std::iter::successors(Some(error), |e| e.source());
    let mut failures = sources.filter_map(|cause| tls_failure(cause));
    Some(match failures.next()? {
        rustls::Error::InvalidCertificate(why) => match why {
            // Another authority of the same name gives a wrong signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "this machine does not trust the authority of its certificate; name the file of your own authority with \
                 --server-ca"
                    .to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired; renew it on the server".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet; compare the clocks of both machines".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                let host = base.host_str().unwrap_or_default();
                format!("its certificate is not for {host}; write --server with a name that it has")
            }
            other => format!("its certificate is refused: {other}"),
        },
        rustls::Error::InvalidMessage(_) => {
            "it does not answer in TLS; is it the address of a listener without a certificate?"
                .to_owned()
        }
        other => format!("the handshake of TLS failed: {other}"),
    })
}

/// The failure of TLS within an error of the operating system, which may hold another such error.
fn tls_failure<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(failure) = cause.downcast_ref::<rustls::Error>() {
        return Some(failure);
    }
    tls_failure(cause.downcast_ref::<std::io::Error>()?.get_ref()?)
}

/// True if the service may have got the request: it was connected.
fn is_lost(error: &reqwest::Error) -> bool {
    !error.is_connect() && !error.is_builder()
}

/// The address of a service. A token never travels unencrypted over a network.
fn address(server: &str) -> Result<Url, String> {
    let like = "write it as https://nines.example.org";
    let url = Url::parse(server).map_err(|why| format!("--server {server}: {why}; {like}"))?;
    let is_here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.username() != "" || url.password().is_some() || url.query().is_some() {
        return Err(format!(
            "--server is an address without a name, a password or a query: {like}"
        ));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        "http" => Err(format!(
            "--server {server} would send the token unencrypted: {like}"
        )),
        other => Err(format!("--server has the scheme {other}: {like}")),
    }
}

/// The token: from the file, else from the environment. Never an argument, which every user of the machine could see.
fn token(common: &Common) -> Result<String, Failure> {
    let text = match &common.token_file {
        Some(path) => {
            let wrong = |why: &dyn std::fmt::Display| {
                Failure::Usage(format!("--token-file {}: {why}", path.display()))
            };
            let size = std::fs::metadata(path).map_err(|error| wrong(&error))?;
            if size.len() > TOKEN {
                return Err(wrong(&"it is larger than a token"));
            }
            std::fs::read_to_string(path).map_err(|error| wrong(&error))?
        }
        None => std::env::var(VARIABLE).map_err(|_| {
            Failure::Usage(format!(
                "--server needs a token: name its file with --token-file, or set {VARIABLE}"
            ))
        })?,
    };
    let token = text.trim();
    if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Failure::Usage(
            "the token is one word, as in `nines_…`: the file or the variable has something else"
                .to_owned(),
        ));
    }
    Ok(token.to_owned())
}

/// An event of the other ledger.
fn stored(event: wire::Event) -> Result<Stored> {
    let (seq, kind) = (event.seq, event.kind.clone());
    let row = Row {
        seq,
        at: event.at,
        kind: event.kind,
        subject: event.subject,
        by: event.by,
        data: event.data,
    };
    let parsed = row.event().with_context(|| {
        format!(
            "event {seq} ({kind}) cannot be read: the token is a viewer's, which shows no content of events, or the \
             service is newer than this program"
        )
    })?;
    let mut by = parsed.by;
    let known = domain::actor::How::ALL.into_iter();
    if let Some(how) = known.into_iter().find(|how| how.word() == event.how) {
        by.how = how;
    }
    Ok(Stored {
        seq,
        recorded: event.recorded,
        event: Event { by, ..parsed },
        hash: event.hash,
    })
}

fn received(receipt: wire::Receipt) -> Receipt {
    let rows = receipt.events.into_iter().map(|event| Row {
        seq: event.seq,
        at: event.at,
        kind: event.kind,
        subject: event.subject,
        by: event.by,
        data: event.data,
    });
    Receipt {
        events: rows.collect(),
        changes: receipt.changes,
        left: receipt.left,
        mails: receipt.notices,
        zone: receipt.zone,
        ..Receipt::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_over_tls_or_within_the_machine() {
        for right in [
            "https://nines.example.org",
            "https://nines.example.org/nines/",
            "http://127.0.0.1:8081",
            "http://[::1]:8081",
            "http://localhost:8081",
        ] {
            address(right).unwrap();
        }
        for (wrong, why) in [
            ("http://nines.example.org", "unencrypted"),
            ("http://127.0.0.1.example.org", "unencrypted"),
            ("nines.example.org", "https://"),
            ("ftp://nines.example.org", "scheme ftp"),
            ("https://ann:pw@nines.example.org", "without a name"),
        ] {
            let said = address(wrong).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
