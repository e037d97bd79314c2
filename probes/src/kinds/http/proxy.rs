//! Proxies: the one that a request goes through, and the tunnel to an `https://` host. A proxy that cannot be
//! reached or refuses Nines says nothing about the target.

mod environment;

use std::fmt;
use std::sync::Arc;

use domain::sample::Reason;
use hyper::header::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use url::Url;
use values::{Format, Source};

use crate::dial::{self, Host};
use crate::fault::Fault;
use crate::files::{Changing, Current};
use crate::kinds::http::hop::{authority, host};
use crate::kinds::http::request;
use crate::kinds::http::route::Keys;
use crate::trace::{Phase, Trace};
pub use environment::describe;

/// The most bytes of a proxy's answer to CONNECT.
const ANSWER_LIMIT: usize = 16 * 1024;

/// The address of a proxy, or `direct`.
pub(crate) struct ProxyUrl;

impl Format for ProxyUrl {
    /// `None` is `direct`.
    type Value = Option<(Host, u16)>;
    const IS: &'static str =
        "a proxy in quotes, as \"http://proxy.example.org:3128\", or \"direct\"";
    const EXAMPLE: &'static str = "http://proxy.example.org:3128";
    const PATTERN: Option<&'static str> = Some(r"^(direct|http://[^@/?#\s]+/?)$");

    fn parse(text: &str) -> Result<Self::Value, String> {
        if text == "direct" {
            return Ok(None);
        }
        if text.contains('@') {
            return Err(
                "a user or password must not appear in a URL: use `proxy_basic`".to_owned(),
            );
        }
        let wrong = |why| format!("`{}` is not a proxy: {why}", values::suggest::shorten(text));
        let url = Url::parse(text).map_err(|_| wrong("write \"http://proxy.example.org:3128\""))?;
        address(&url).map(Some).map_err(wrong)
    }
}

fn address(url: &Url) -> Result<(Host, u16), &'static str> {
    if url.scheme() != "http" {
        return Err("only a proxy at an http:// address is supported");
    }
    let port = url.port_or_known_default().filter(|port| *port > 0);
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    match (host(url), port) {
        (Ok(host), Some(port)) if is_bare => Ok((host, port)),
        _ => Err("write only a host and a port after http://"),
    }
}

/// The proxies of a probe.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    http: Option<Arc<Proxy>>,
    https: Option<Arc<Proxy>>,
    /// Hosts that are asked directly, in the form of `NO_PROXY`.
    except: Vec<String>,
}

impl Proxies {
    /// The proxies that the keys or the environment name. Mistakes are noted in `source`.
    pub(crate) fn new(keys: &Keys<'_>, source: &mut Source<'_>) -> Self {
        if let (Some(basic), None | Some(None)) =
            (keys.proxy_basic, keys.proxy.map(|proxy| &proxy.value))
        {
            source.wrong(&basic.at, "`proxy_basic` needs the key `proxy`");
        }
        let Some(written) = keys.proxy else {
            // A mistake in a variable is reported once, for the service's file.
            let variable = source.environment.variable;
            return match source.environment.proxy_from_environment {
                true => environment::proxies(variable).unwrap_or_default().proxies,
                false => Self::default(),
            };
        };
        let proxy = written.value.clone().map(|(host, port)| {
            let authorization = keys
                .proxy_basic
                .and_then(|basic| request::proxy_authorization(basic, source));
            Arc::new(Proxy {
                host,
                port,
                authorization,
            })
        });
        Self {
            http: proxy.clone(),
            https: proxy,
            except: Vec::new(),
        }
    }

    /// The proxy of a request to `url`.
    pub(crate) fn of(&self, url: &Url) -> Option<&Arc<Proxy>> {
        let proxy = match url.scheme() {
            "https" => &self.https,
            _ => &self.http,
        };
        let is_excepted = || {
            self.except
                .iter()
                .any(|entry| environment::excepts(entry, url))
        };
        proxy.as_ref().filter(|_| !is_excepted())
    }

    /// The file of the password.
    pub(crate) fn files(&self) -> Option<Arc<dyn Changing>> {
        self.http.as_ref()?.authorization.as_ref()?.files()
    }
}

pub(crate) struct Proxy {
    host: Host,
    port: u16,
    authorization: Option<Current<HeaderValue>>,
}

/// Without the user and the password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&place(&self.host, self.port))
    }
}

/// `portal.example.org:443`, as CONNECT names a target.
fn place(host: &Host, port: u16) -> String {
    match host {
        Host::Address(ip) => std::net::SocketAddr::new(*ip, port).to_string(),
        Host::Name(name) => format!("{}:{port}", name.strip_suffix('.').unwrap_or(name)),
    }
}

impl Proxy {
    pub(crate) fn first_phase(&self) -> Phase {
        self.host.first_phase()
    }

    /// The value of `Proxy-Authorization`.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let current = self.authorization.as_ref()?.get();
        Some(HeaderValue::clone(&current))
    }

    /// The target of a request to an `http://` URL, which names the whole URL.
    pub(crate) fn target(url: &Url, path: &str) -> String {
        format!("http://{}{path}", authority(url))
    }

    /// Connects to the proxy.
    pub(crate) async fn dial(
        &self,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<TcpStream, Fault> {
        let dialled = timeout_at(deadline, dial::dial(&self.host, self.port, deadline, trace));
        match dialled.await {
            Ok(Ok(tcp)) => Ok(tcp),
            Ok(Err(fault)) => Err(self.fault(&fault.detail)),
            Err(_) => Err(self.fault("no answer while connecting")),
        }
    }

    /// Connects to a host through the proxy, which resolves its name.
    pub(crate) async fn tunnel(
        &self,
        host: &Host,
        port: u16,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<TcpStream, Fault> {
        let mut tcp = self.dial(deadline, trace).await?;
        let target = place(host, port);
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        if let Some(value) = self.authorization() {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let unfit = |_| self.fault("the connection broke off before an answer");
        tcp.write_all(&request).await.map_err(unfit)?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            // The target speaks after us: nothing follows the head of a good answer.
            if answer.len() > ANSWER_LIMIT || tcp.read_buf(&mut answer).await.map_err(unfit)? == 0 {
                break;
            }
        }
        match status(&answer) {
            Some(200..=299) if answer.ends_with(b"\r\n\r\n") => Ok(tcp),
            Some(status @ 500..=599) => {
                // The proxy waited for the target.
                let reason = match status {
                    504 => Reason::Timeout,
                    _ => Reason::Unreachable,
                };
                let detail = format!("the proxy {self} cannot reach {target} (status {status})");
                Err(Fault::new(reason, detail))
            }
            Some(status) => Err(self.refuses(status)),
            None => Err(self.fault("its answer is not HTTP")),
        }
    }

    /// The fault of a proxy that refuses Nines with this status.
    pub(crate) fn refuses(&self, status: u16) -> Fault {
        match (status, &self.authorization) {
            (407, None) => self.fault("it asks for a user and a password (status 407)"),
            // Tinyproxy answers 401 to a wrong password. An answer to CONNECT is always the proxy's own.
            (401 | 407, Some(_)) => self.fault(&format!(
                "it refuses the user or the password (status {status})"
            )),
            _ => self.fault(&format!("it refuses to connect (status {status})")),
        }
    }

    /// The way to the target is this monitor's own.
    fn fault(&self, why: &str) -> Fault {
        Fault::monitor(format!("the proxy {self}: {why}"))
    }
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    str::from_utf8(line).ok()?.parse().ok()
}
