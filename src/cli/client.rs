//! Carries commands out: over the local socket if the service runs, else on an engine of its own. No
//! store is opened for writing twice.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use domain::act::{Act, Refusal};
use domain::actor::Actor;
use domain::event::{Event, Fact};
use domain::input::Input;
use domain::record::Record;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::Failure;
use super::access;
use super::args::Common;
use super::output::print_error;
use super::progress::Progress;
use super::remote::Remote;
use crate::clock;
use crate::config::{self, Look};
use crate::engine;
use crate::engine::rehearsal::rehearse;
use crate::engine::status::Status;
use crate::engine::turn::{self, Turn};
use crate::files::{Lock, LockError};
use crate::ledger::{self, Head, Ledger, Stored};
use crate::reports::filing;
use crate::samples::{self, Instance};
use crate::web::{self, ActRequest, CopyReply, Receipt, Reply};

/// How long the running service may take for an act or a reload.
const ACT_TIMEOUT: Duration = Duration::from_secs(90);
/// How long the running service may take for its status.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the running service may take to copy the samples of a month.
const COPY_TIMEOUT: Duration = Duration::from_secs(600);
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A copy of the running month's samples, which is removed when this is dropped.
pub struct SamplesCopy(PathBuf);

impl SamplesCopy {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SamplesCopy {
    fn drop(&mut self) {
        // A copy that stays is removed at the next start of the service.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Access to a data directory and its service.
pub struct Client {
    pub data: PathBuf,
    /// The service on another machine, if the command line names one. Then nothing on this machine is used.
    remote: Option<Remote>,
}

impl Client {
    /// A client for the data directory that is named, else configured.
    ///
    /// Only the data directory is read from the configuration. Other mistakes in it do not matter here.
    ///
    /// # Errors
    /// The configuration cannot be read, and the default data directory has no ledger.
    pub fn new(common: &Common) -> Result<Self, Failure> {
        if let Some(remote) = Remote::named(common)? {
            let (data, remote) = (PathBuf::new(), Some(remote));
            return Ok(Self { data, remote });
        }
        if let Some(data) = &common.data {
            return Ok(Self::of(data.clone()));
        }
        let config::Location { data, trouble, .. } = config::locate(&common.config);
        if let Some(trouble) = trouble {
            if access::may_look(&data, ledger::FILE) && !data.join(ledger::FILE).exists() {
                return Err(Failure::Usage(format!(
                    "{trouble}; and there is no ledger in {}: name the configuration with \
                     --config, or the data directory with --data",
                    data.display()
                )));
            }
            print_error(format!(
                "nines: {trouble}; the data directory is taken to be {}",
                data.display()
            ));
        }
        Ok(Self::of(data))
    }

    /// A client for a data directory on this machine.
    pub fn of(data: PathBuf) -> Self {
        let remote = None;
        Self { data, remote }
    }

    /// True if the service is on another machine.
    pub fn is_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// The service on another machine, if the command line names one.
    pub(super) fn remote(&self) -> Option<&Remote> {
        self.remote.as_ref()
    }

    /// Passes the events after `head` to `f`, in order. The ledger is open only meanwhile.
    ///
    /// # Errors
    /// There is no ledger, or it cannot be read.
    pub fn replay_after(&self, head: &Head, f: &mut dyn FnMut(Stored)) -> Result<()> {
        match &self.remote {
            Some(remote) => remote.replay_after(head, f),
            None => Ok(self.ledger()?.replay_after(head, f)?),
        }
    }

    /// The state after event `upto`, or after the last event, from the ledger alone. The service may run.
    ///
    /// # Errors
    /// There is no ledger, or it cannot be read.
    pub fn record(&self, upto: Option<u64>) -> Result<(Record, Head)> {
        match &self.remote {
            Some(remote) => remote.record(upto),
            None => replay(&self.ledger()?, upto).context("the ledger cannot be read"),
        }
    }

    /// Opens the ledger on this machine to read it.
    ///
    /// # Errors
    /// There is no ledger, or it cannot be opened.
    pub fn ledger(&self) -> Result<Ledger> {
        if !access::may_look(&self.data, ledger::FILE) {
            bail!(access::no_ledger(&self.data));
        }
        match Ledger::open_read_only(&self.data) {
            Err(ledger::Error::Absent(_)) => bail!(
                "there is no ledger in {} yet: `nines run` makes one",
                self.data.display()
            ),
            other => other
                .with_context(|| format!("the ledger in {} cannot be opened", self.data.display())),
        }
    }

    /// Carries out an act: by the running service, else on the ledger directly.
    ///
    /// # Errors
    /// The act could not be tried. A refused act is a `Reply`.
    pub fn act(&self, asked: &ActRequest, look: &Look) -> Result<Reply> {
        if let Some(remote) = &self.remote {
            return remote.act(asked);
        }
        let approves = filing::is_approval(&asked.act);
        let asked = &ActRequest {
            act: match approves {
                true => filing::with_figures(&self.ledger()?, asked.act.clone())?,
                false => asked.act.clone(),
            },
            by: asked.by.clone(),
            not_phi: asked.not_phi.clone(),
            ..*asked
        };
        let uncertain = format!(
            "the service may still record it: check with `{}` before you try again",
            shown_by(&asked.act)
        );
        let request = (Method::POST, "/api/v1/acts", ACT_TIMEOUT);
        if let Some(reply) = self.ask(request, Some(asked), Some(&uncertain))? {
            return Ok(reply);
        }
        self.ledger()?;
        let _lock = match asked.dry_run {
            true => None,
            false => Some(self.lock()?),
        };
        let (record, _) = self.record(None)?;
        let (by, now) = (Actor::cli(asked.by.clone()), clock::now());
        let rehearsal = match rehearse(
            &record,
            now,
            &by,
            &asked.act,
            asked.anyway,
            asked.not_phi.as_deref(),
        ) {
            Ok(rehearsal) => rehearsal,
            Err(unable) => return Ok(Reply::Refused(Refusal::from(unable).to_string())),
        };
        if asked.dry_run {
            return Ok(Reply::Done(Receipt::of(asked, now, rehearsal, &[])?));
        }
        let mut turn = self.engine()?;
        let input = Input::Act {
            by,
            act: asked.act.clone(),
            not_phi: asked.not_phi.clone(),
        };
        match turn.step(now, input, None).result {
            Ok(mut events) => {
                let filed = match approves {
                    true => self.file_reports(&mut turn, look),
                    false => Ok(turn::Events::new()),
                };
                let left = match filed {
                    Ok(filed) => {
                        events.extend(filed);
                        None
                    }
                    Err(error) => Some(format!(
                        "approved, but its files are not written yet and no mail leaves: {error:#}; the next start tries again"
                    )),
                };
                let mut receipt = Receipt::of(asked, now, rehearsal, &events)?;
                receipt.left.extend(left);
                Ok(Reply::Done(receipt))
            }
            Err(turn::Error::Refused(refusal)) => Ok(Reply::Refused(refusal.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// Has the committed samples of the running month copied as Parquet: by the running service, else by this
    /// process. `None` if there are no samples. Dropping the copy removes it.
    ///
    /// # Errors
    /// The samples cannot be read now, or the data directory is in use.
    pub fn copy_samples(&self) -> Result<Option<SamplesCopy>> {
        let request = (Method::POST, "/api/v1/samples/copy", COPY_TIMEOUT);
        if let Some(reply) = self.ask::<(), CopyReply>(request, None, None)? {
            return match reply {
                CopyReply::Done(path) => Ok(Some(SamplesCopy(path))),
                CopyReply::Failed(why) => bail!("the service cannot copy the samples: {why}"),
            };
        }
        if !self.data.join(samples::FOLDER).is_dir() {
            return Ok(None);
        }
        let _lock = self.lock()?;
        let samples =
            Instance::open(&self.data, clock::now()).context("the samples cannot be opened")?;
        let copy = samples.archiver().copy_running();
        samples.close()?;
        Ok(Some(SamplesCopy(copy?)))
    }

    /// Writes the files of approved reports on the ledger of a stopped service.
    fn file_reports(&self, turn: &mut Turn, look: &Look) -> Result<turn::Events> {
        let mut events = turn::Events::new();
        for (committee, month, revision) in turn.record().reports.unfiled() {
            let ledger = turn.journal();
            let filed = filing::write(ledger, &self.data, look, &committee, month, &revision)?;
            let input = Input::FileReport(Box::new(filed));
            events.extend(turn.step(clock::now(), input, None).result?);
        }
        Ok(events)
    }

    /// Locks the data directory of a stopped service.
    fn lock(&self) -> Result<Lock> {
        match Lock::take(&self.data) {
            Ok(lock) => Ok(lock),
            Err(LockError::Held { holder, .. }) => {
                bail!(
                    "{holder} uses {} but does not answer; try again",
                    self.data.display()
                )
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The engine on the stores of a stopped service.
    fn engine(&self) -> Result<Turn> {
        let ledger = Ledger::open(&self.data)?;
        let (record, _) = replay(&ledger, None)?;
        if !record.monitoring.is_watching() {
            return Ok(Turn::new(ledger, record, &[]));
        }
        // The service was killed: its last samples tell when, and what the probes saw last.
        let now = clock::now();
        let samples = Instance::open(&self.data, now).context("the samples cannot be opened")?;
        let turn = engine::open_unwatched(ledger, &samples, now)?;
        samples.close()?;
        Ok(turn)
    }

    /// The status, and true if the service runs.
    ///
    /// # Errors
    /// Neither the service nor the ledger answers.
    pub fn status(&self) -> Result<(Status, bool)> {
        if let Some(remote) = &self.remote {
            return Ok((remote.status()?, true));
        }
        let request = (Method::GET, "/api/v1/status", STATUS_TIMEOUT);
        if let Some(status) = self.ask::<(), Status>(request, None, None)? {
            return Ok((status, true));
        }
        let ledger = self.ledger()?;
        let (mut record, head) = replay(&ledger, None).context("the ledger cannot be read")?;
        if let Some(alive_until) = ledger.marked()?.max(record.monitoring.watched_until())
            && record.monitoring.is_watching()
        {
            // The service was killed and no event says so yet: nothing is known after that.
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

    /// The service's zone, in which people write times.
    ///
    /// # Errors
    /// Neither the service nor the ledger answers.
    pub fn zone(&self) -> Result<TimeZone> {
        if let Some(remote) = &self.remote {
            return Ok(remote.status()?.zone());
        }
        let request = (Method::GET, "/api/v1/status", STATUS_TIMEOUT);
        match self.ask::<(), Status>(request, None, None)? {
            Some(status) => Ok(status.zone()),
            None => Ok(self.record(None)?.0.zone()),
        }
    }

    /// Asks the service to reload its configuration; `None` if no service runs.
    ///
    /// # Errors
    /// The service does not answer.
    pub fn reload(&self) -> Result<Option<Reply>> {
        if let Some(remote) = &self.remote {
            return remote.reload().map(Some);
        }
        let uncertain = "the service may still reload: its log will tell";
        let request = (Method::POST, "/api/v1/reload", ACT_TIMEOUT);
        self.ask::<(), Reply>(request, None, Some(uncertain))
    }

    /// Sends a request to the running service; `None` if no service runs. `uncertain` is added to the
    /// error if the service got the request and did not answer.
    fn ask<A: Serialize, R: DeserializeOwned>(
        &self,
        (method, path, timeout_after): (Method, &str, Duration),
        body: Option<&A>,
        uncertain: Option<&str>,
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
                timeout_after.as_secs()
            )
        };
        runtime.block_on(async {
            let connect = web::socket::connect(&self.data);
            let stream = match tokio::time::timeout(timeout_after, connect).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) if error.kind() == ErrorKind::InvalidInput => {
                    return Err(error).context("cannot tell if the service runs");
                }
                Ok(Err(error)) if error.kind() == ErrorKind::PermissionDenied => {
                    bail!(access::no_socket(&self.data));
                }
                // Refused: a killed process left the socket. Not found: no service.
                Ok(Err(_)) => return Ok(None),
                Err(_) => return Err(late()),
            };
            let answer = match tokio::time::timeout(timeout_after, exchange(stream, request)).await
            {
                Ok(answer) => answer,
                Err(_) => Err(late()),
            };
            answer.map(Some).map_err(|error| match uncertain {
                Some(uncertain) => anyhow!("{error:#}; {uncertain}"),
                None => error,
            })
        })
    }
}

/// Replays a ledger up to an event, or whole. Returns the state and its position.
fn replay(ledger: &Ledger, upto: Option<u64>) -> Result<(Record, Head), ledger::Error> {
    let progress = Progress::new("reading the ledger");
    let last = ledger.head().seq;
    let of = upto.map_or(last, |upto| upto.min(last));
    ledger::replay_head(ledger, upto, &mut |seq| progress.rows(seq, of))
}

/// Sends a request on a connection and reads the answer.
async fn exchange<R: DeserializeOwned>(
    stream: UnixStream,
    request: Request<Full<Bytes>>,
) -> Result<R> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await;
    let response = response.context("the service closed the connection")?;
    let status = response.status();
    let bytes = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| anyhow!("the answer is incomplete: {error}"))?
        .to_bytes();
    drop(sender);
    connection.abort();
    serde_json::from_slice(&bytes).with_context(|| {
        let text = String::from_utf8_lossy(&bytes);
        format!("the service answered {status}: {}", text.trim())
    })
}

/// The command that shows if an act was recorded.
fn shown_by(act: &Act) -> &'static str {
    match act {
        Act::ScheduleMaintenance(_)
        | Act::ExtendMaintenance { .. }
        | Act::CancelMaintenance { .. }
        | Act::Told { .. } => "nines maintenance list",
        Act::ResendNotice { .. } => "nines notice list",
        Act::ApproveReport { .. } | Act::ReviseReport { .. } => "nines report list",
        _ => "nines incident list",
    }
}

/// The login name of the operating system's user, else its number.
pub fn user() -> String {
    use std::os::unix::fs::MetadataExt as _;
    match std::fs::metadata("/proc/self") {
        Ok(process) => access::user_name(process.uid()),
        Err(_) => std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_does_not_answer_may_do_it_yet_and_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::of(folder.path().to_owned());
        let timeout_after = Duration::from_millis(50);
        let ask = |uncertain| {
            let request = (Method::GET, "/api/v1/status", timeout_after);
            client.ask::<(), Status>(request, None, uncertain)
        };
        assert!(ask(None).unwrap().is_none(), "none runs");
        // It takes connections, as a stopped process does, and reads nothing.
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let within = runtime.enter();
        let listener = web::socket::bind(folder.path(), None).unwrap();
        drop(within);
        let why = |uncertain| format!("{:#}", ask(uncertain).err().unwrap());
        assert_eq!(why(None), "the service does not answer within 0 s");
        assert_eq!(
            why(Some("it may do it yet")),
            "the service does not answer within 0 s; it may do it yet"
        );
        drop(listener);
    }
}
