//! Where commands are carried out: over the local socket while the service runs, and on the same
//! engine when it does not. No store is opened for writing twice.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use domain::act::Act;
use domain::actor::Actor;
use domain::decide::Input;
use domain::event::{Event, Fact};
use domain::record::Record;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::Failure;
use super::args::Common;
use super::output::complain;
use super::progress::Progress;
use crate::clock;
use crate::config;
use crate::engine;
use crate::engine::status::Status;
use crate::engine::turn::{self, Turn};
use crate::files::{Lock, LockError};
use crate::ledger::{self, Head, Ledger};
use crate::samples::Instance;
use crate::web::{self, Asked, Receipt, Reply, Row};

/// How long the running service may take to do what it was asked for.
const ANSWER: Duration = Duration::from_secs(90);
/// How long it may take to say how it is: that waits for nothing.
const LOOK: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// The data directory that a command is about.
pub struct Client {
    /// Where it is.
    pub data: PathBuf,
}

impl Client {
    /// A client for the data directory that is named, else configured.
    ///
    /// A mistake in the configuration is no reason not to look at a service that runs well: of
    /// all of it only the place of the stores is read.
    ///
    /// # Errors
    /// The service's file cannot be read, and no ledger lies at the default place.
    pub fn of(common: &Common) -> Result<Self, Failure> {
        if let Some(data) = &common.data {
            return Ok(Self { data: data.clone() });
        }
        let config::Location { data, trouble, .. } = config::locate(&common.config);
        if let Some(trouble) = trouble {
            if !data.join(ledger::FILE).exists() {
                return Err(Failure::Usage(format!(
                    "{trouble}; and there is no ledger in {}: name the configuration with \
                     --config, or the data directory with --data",
                    data.display()
                )));
            }
            complain(format!(
                "nines: {trouble}; the data directory is taken to be {}",
                data.display()
            ));
        }
        Ok(Self { data })
    }

    /// The present state, or that after the event of number `upto` (of the last, where there is no
    /// such event), from the ledger alone; also while the service runs.
    ///
    /// # Errors
    /// There is no ledger, or it cannot be read.
    pub fn record(&self, upto: Option<u64>) -> Result<(Record, Head)> {
        fold(&self.ledger()?, upto).context("the ledger cannot be read")
    }

    /// The ledger, to read.
    ///
    /// # Errors
    /// There is none, or it cannot be opened.
    pub fn ledger(&self) -> Result<Ledger> {
        match Ledger::open_read_only(&self.data) {
            Err(ledger::Error::Absent(_)) => bail!(
                "there is no ledger in {} yet: `nines run` makes one",
                self.data.display()
            ),
            other => other
                .with_context(|| format!("the ledger in {} cannot be opened", self.data.display())),
        }
    }

    /// Does what a person asks for: by the running service, or here while none runs.
    ///
    /// # Errors
    /// It could not be tried.
    pub fn act(&self, by: &str, act: Act) -> Result<Reply> {
        let asked = Asked {
            by: by.to_owned(),
            act,
        };
        let unsure = format!(
            "it was asked, and may record this yet: look with `{}` before you ask again",
            shown_by(&asked.act)
        );
        let request = (Method::POST, "/api/v1/acts", ANSWER);
        if let Some(reply) = self.ask(request, Some(&asked), Some(&unsure))? {
            return Ok(reply);
        }
        self.ledger()?;
        let _lock = match Lock::take(&self.data) {
            Ok(lock) => lock,
            Err(LockError::Held { holder, .. }) => {
                bail!(
                    "{holder} holds {} but does not answer; try again",
                    self.data.display()
                )
            }
            Err(error) => return Err(error.into()),
        };
        let mut turn = self.engine()?;
        let input = Input::Act {
            by: Actor::cli(asked.by),
            act: asked.act,
        };
        match turn.step(clock::now(), input, None).result {
            Ok(events) => {
                let rows: Result<_, _> = events
                    .iter()
                    .map(|(seq, event)| Row::of(*seq, event))
                    .collect();
                Ok(Reply::Done(Receipt {
                    events: rows?,
                    left: Vec::new(),
                }))
            }
            Err(turn::Error::Refused(refusal)) => Ok(Reply::Refused(refusal.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// The engine on the stores of a service that does not run.
    fn engine(&self) -> Result<Turn> {
        let ledger = Ledger::open(&self.data)?;
        let (record, _) = fold(&ledger, None)?;
        if !record.watching {
            return Ok(Turn::new(ledger, record, &[]));
        }
        // It was killed: its last samples tell until when it lived, and what it saw last.
        let now = clock::now();
        let samples = Instance::open(&self.data, now).context("the samples cannot be opened")?;
        let turn = engine::open_unwatched(ledger, &samples, now)?;
        samples.close()?;
        Ok(turn)
    }

    /// What is wrong now, and whether the service runs.
    ///
    /// # Errors
    /// Neither the service nor the ledger can be asked.
    pub fn status(&self) -> Result<(Status, bool)> {
        let request = (Method::GET, "/api/v1/status", LOOK);
        if let Some(status) = self.ask::<(), Status>(request, None, None)? {
            return Ok((status, true));
        }
        let ledger = self.ledger()?;
        let (mut record, head) = fold(&ledger, None).context("the ledger cannot be read")?;
        if let Some(alive_until) = ledger.marked()?.max(record.watched_until)
            && record.watching
        {
            // It was killed, and nobody has written so yet: nothing vouches for anything now.
            let died = Event {
                at: alive_until,
                by: Actor::service(),
                fact: Fact::Crashed { alive_until },
            };
            record.apply(record.seq, &died);
        }
        Ok((
            Status::of(&record, &head, clock::now(), false, |_| None),
            false,
        ))
    }

    /// Has the running service take its configuration over; `None` where none runs.
    ///
    /// # Errors
    /// It does not answer.
    pub fn reload(&self) -> Result<Option<Reply>> {
        let unsure = "it was asked, and may take the configuration over yet: its log will say so";
        let request = (Method::POST, "/api/v1/reload", ANSWER);
        self.ask::<(), Reply>(request, None, Some(unsure))
    }

    /// Asks the running service, which may take so long; `None` where none runs. What is `unsure`
    /// where it was asked and gives no answer is said with the reason.
    fn ask<A: Serialize, R: DeserializeOwned>(
        &self,
        (method, path, patience): (Method, &str, Duration),
        body: Option<&A>,
        unsure: Option<&str>,
    ) -> Result<Option<R>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let body = match body {
            Some(body) => Bytes::from(serde_json::to_vec(body)?),
            None => Bytes::new(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(body))?;
        let late = || {
            anyhow!(
                "the service does not answer within {} s",
                patience.as_secs()
            )
        };
        runtime.block_on(async {
            let connect = web::socket::connect(&self.data);
            let stream = match tokio::time::timeout(patience, connect).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) if error.kind() == ErrorKind::InvalidInput => {
                    return Err(error).context("whether the service runs cannot be told");
                }
                // Refused: left by a process that was killed. Absent: no service.
                Ok(Err(_)) => return Ok(None),
                Err(_) => return Err(late()),
            };
            let answer = match tokio::time::timeout(patience, answered(stream, request)).await {
                Ok(answer) => answer,
                Err(_) => Err(late()),
            };
            answer.map(Some).map_err(|error| match unsure {
                Some(unsure) => anyhow!("{error:#}; {unsure}"),
                None => error,
            })
        })
    }
}

/// The state that the events of a ledger amount to, up to one of them or all, with its position.
fn fold(ledger: &Ledger, upto: Option<u64>) -> Result<(Record, Head), ledger::Error> {
    let progress = Progress::of("reading the ledger");
    let last = ledger.head().seq;
    let of = upto.map_or(last, |upto| upto.min(last));
    ledger::replay_head(ledger, upto, &mut |seq| progress.rows(seq, of))
}

/// What the service answers on a connection.
async fn answered<R: DeserializeOwned>(
    stream: UnixStream,
    request: Request<Full<Bytes>>,
) -> Result<R> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await;
    let response = response.context("the service broke the connection off")?;
    let status = response.status();
    let bytes = Limited::new(response.into_body(), LARGEST)
        .collect()
        .await
        .map_err(|error| anyhow!("the answer broke off: {error}"))?
        .to_bytes();
    drop(sender);
    connection.abort();
    serde_json::from_slice(&bytes).with_context(|| {
        let text = String::from_utf8_lossy(&bytes);
        format!("the service answered {status}: {}", text.trim())
    })
}

/// The command that shows, from the ledger alone, whether an act was recorded.
fn shown_by(act: &Act) -> &'static str {
    match act {
        Act::ScheduleMaintenance(_)
        | Act::ExtendMaintenance { .. }
        | Act::CancelMaintenance { .. }
        | Act::Told { .. } => "nines maintenance list",
        _ => "nines incident list",
    }
}

/// The user of the operating system, by name where it has one.
pub fn user() -> String {
    use std::os::unix::fs::MetadataExt as _;
    let uid = std::fs::metadata("/proc/self").map(|m| m.uid());
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = |uid: u32| {
        known.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
        })
    };
    match uid {
        Ok(uid) => name(uid).unwrap_or_else(|| format!("uid {uid}")),
        Err(_) => std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    // A test that cannot build its own input should fail at once.
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_service_that_does_not_answer_may_do_it_yet_and_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let client = Client {
            data: folder.path().to_owned(),
        };
        let patience = Duration::from_millis(50);
        let ask = |unsure| {
            let request = (Method::GET, "/api/v1/status", patience);
            client.ask::<(), Status>(request, None, unsure)
        };
        assert!(ask(None).unwrap().is_none(), "none runs");
        // It takes connections, as a stopped process does, and reads nothing.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let within = runtime.enter();
        let listener = web::socket::bind(folder.path()).unwrap();
        drop(within);
        let why = |unsure| format!("{:#}", ask(unsure).err().unwrap());
        assert_eq!(why(None), "the service does not answer within 0 s");
        assert_eq!(
            why(Some("it may do it yet")),
            "the service does not answer within 0 s; it may do it yet"
        );
        drop(listener);
    }
}
