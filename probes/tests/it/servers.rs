//! Scripted servers on the loopback, and the checks of every finding.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::{Outcome, Phases, Reason};
use probes::{Finding, Probe};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Long enough for a loaded machine, short enough for a test that waits for it by mistake.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Serves each connection with `script` until the test's runtime ends.
pub async fn serve<F, Fut>(at: &str, script: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(at).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(script(stream));
        }
    });
    address
}

/// Reads the head of a request, sends `answer`, and closes.
pub async fn says(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer: Vec<u8> = answer.into();
    serve("127.0.0.1:0", move |mut stream| {
        let answer = answer.clone();
        async move {
            head(&mut stream).await;
            say(&mut stream, &answer).await;
        }
    })
    .await
}

/// A complete answer.
pub fn answer(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Reads the head of a request. Requests here have no body.
pub async fn head<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Writes, even if the probe has closed the connection.
pub async fn say<S: AsyncWrite + Unpin>(stream: &mut S, bytes: impl AsRef<[u8]>) {
    let _ = stream.write_all(bytes.as_ref()).await;
    let _ = stream.flush().await;
}

/// A pause of the server, which the test measures.
pub async fn pause(length: Duration) {
    tokio::time::sleep(length).await; // scripted delay
}

/// Never returns.
pub async fn for_ever<T>(kept: T) {
    std::future::pending::<()>().await;
    drop(kept);
}

/// The keys of a probe. In the environment of a test every variable is `secret`.
#[derive(Clone)]
pub struct Spec {
    kind: &'static str,
    keys: toml::Table,
    pub timeout: Duration,
    pub reach: values::Reach,
}

impl Spec {
    pub fn of(kind: &'static str) -> Self {
        Self {
            kind,
            keys: toml::Table::new(),
            timeout: PATIENCE,
            reach: values::Reach::default(),
        }
    }

    /// Sets a key. A dot leads into a table.
    pub fn set(&mut self, key: &str, value: impl Into<toml::Value>) {
        let mut keys = &mut self.keys;
        let mut key = key;
        while let Some((outer, inner)) = key.split_once('.') {
            let table = keys.entry(outer).or_insert(toml::Table::new().into());
            keys = table.as_table_mut().unwrap();
            key = inner;
        }
        keys.insert(key.to_owned(), value.into());
    }

    /// Removes a key.
    pub fn clear(&mut self, key: &str) {
        self.keys.remove(key);
    }

    pub fn with(mut self, key: &str, value: impl Into<toml::Value>) -> Self {
        self.set(key, value);
        self
    }

    /// The probe, or the text and the message of each mistake.
    pub fn prepare(&self) -> Result<Probe, Vec<(String, String)>> {
        let environment = values::Environment {
            variable: &|_| Some("secret".to_owned()),
            file: &|path| std::fs::read(path).map_err(|error| error.to_string()),
            proxy_from_environment: false,
            commands: &["/bin/".to_owned()],
            reach: &self.reach,
        };
        let keys = self.keys.to_string();
        probes::prepare(self.kind, &keys, self.timeout, environment)
    }

    pub fn probe(&self) -> Probe {
        self.prepare().unwrap()
    }
}

/// An `http` probe of `url`.
pub fn spec(url: impl Into<String>) -> Spec {
    Spec::of("http").with("url", url.into())
}

/// Writes a file that a probe names.
#[expect(
    clippy::disallowed_methods,
    reason = "half a file would fail this one test and nothing else"
)]
pub fn write(path: impl AsRef<std::path::Path>, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Runs the probe once, and checks the properties of every finding.
pub async fn ask(spec: Spec) -> Finding {
    ask_probe(&spec.probe()).await
}

/// The same with a probe that is prepared already.
pub async fn ask_probe(probe: &Probe) -> Finding {
    let finding = probe.run().await;
    assert_eq!(
        u128::from(sum(finding.phases)),
        finding.took.as_micros(),
        "the phases add up: {finding:?}"
    );
    assert_eq!(finding.outcome == Outcome::Up, finding.reason.is_none());
    assert_eq!(finding.reason.is_none(), finding.detail.is_none());
    if let Some(detail) = &finding.detail {
        assert!(detail.chars().count() <= probes::DETAIL_LIMIT, "{detail}");
        assert!(!detail.chars().any(char::is_control), "{detail:?}");
        assert!(!detail.contains("secret"), "{detail}");
    }
    finding
}

/// All phases together, in microseconds.
pub fn sum(p: Phases) -> u64 {
    [
        p.resolve_us,
        p.connect_us,
        p.tls_us,
        p.processing_us,
        p.transfer_us,
    ]
    .into_iter()
    .flatten()
    .sum()
}

/// Checks the outcome, the reason and a part of the detail.
#[track_caller]
pub fn check(finding: &Finding, outcome: Outcome, reason: Reason, detail: &str) {
    assert_eq!(
        (finding.outcome, finding.reason),
        (outcome, Some(reason)),
        "{finding:?}"
    );
    let said = finding.detail.as_deref().unwrap();
    assert!(said.contains(detail), "{said:?} lacks {detail:?}");
}

#[track_caller]
pub fn check_down(finding: &Finding, reason: Reason, detail: &str) {
    check(finding, Outcome::Down, reason, detail);
}

#[track_caller]
pub fn check_up(finding: &Finding) {
    assert_eq!(finding.outcome, Outcome::Up, "{finding:?}");
}
