//! Puts the rooms together: opens the stores, starts engine, probes, courier and listeners, takes
//! other configurations over, and stops it all in order. It decides nothing.

use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::actor::Actor;
use domain::calendar;
use domain::decide::Input;
use jiff::Timestamp;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::clock::{self, Clock};
use crate::config::{self, Loaded, Mistakes, Relay};
use crate::engine::runner::Runner;
use crate::engine::status::removed_while_down;
use crate::engine::turn::{self, Turn};
use crate::engine::{self, EngineHandle, thread};
use crate::files::{self, Lock, LockError};
use crate::ledger::{self, Ledger};
use crate::notices::{self, Courier, Post, Renderer, Timeouts};
use crate::samples::{self, Check, Instance};
use crate::web::{self, NotTaken};

/// How long a reload waits for the files of its configuration: a disk that has gone away may never
/// answer. Shorter than whoever asked for it waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often probes that panicked are restarted.
const MEND_EVERY: Duration = Duration::from_secs(30);

/// What the service starts from.
#[derive(Clone, Debug)]
pub struct Start {
    /// The service's configuration.
    pub config: PathBuf,
    /// The data directory, instead of the one that the configuration names.
    pub data: Option<PathBuf>,
    /// Who starts it: recorded with the configuration.
    pub by: String,
    /// How to open a samples file first: in a child process if the caller can be one.
    pub check: Check,
}

/// Why the service did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration has mistakes.
    #[error("the configuration has mistakes")]
    Config(Mistakes),
    /// The data directory cannot be used.
    #[error("the data directory {path} cannot be used")]
    Data {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process uses it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The ledger cannot be used.
    #[error("the ledger cannot be used")]
    Ledger(#[from] ledger::Error),
    /// The samples cannot be used.
    #[error("the samples cannot be used")]
    Samples(#[from] samples::Error),
    /// The engine did not take its first inputs.
    #[error("the engine did not start")]
    Turn(#[from] turn::Error),
    /// The engine did not take an input.
    #[error("the engine did not take an input")]
    Engine(#[from] engine::Error),
    /// A template is wrong.
    #[error("the templates cannot be used")]
    Templates(#[from] notices::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The socket that commands talk over cannot be made.
    #[error("cannot listen on {path}")]
    Socket {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The system refused something.
    #[error("the system refused")]
    Io(#[from] std::io::Error),
    /// The files of a configuration were waited for long enough.
    #[error(
        "the files of the configuration could not be read within {} s: does a disk hang?",
        .0.as_secs()
    )]
    Slow(Duration),
    /// The engine ended although nobody stopped it.
    #[error("the engine ended unexpectedly; its log says why")]
    Broken,
}

/// Runs the service until `stop` ends. SIGHUP takes the configuration over anew.
///
/// # Errors
/// It could not start, or its engine ended by itself.
pub async fn run(start: Start, stop: impl Future<Output = ()>) -> Result<(), Error> {
    run_with(start, Reader::default(), stop).await
}

async fn run_with(
    start: Start,
    reader: Reader,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    probes::install_crypto();
    // A start waits as long as it takes: nothing is watched meanwhile that could suffer.
    let prepared = reader.read(&start.config, None).await?;
    let loaded = &prepared.loaded;
    let data = start.data.clone().unwrap_or_else(|| loaded.data.clone());
    files::make_dir(&data).map_err(|source| Error::Data {
        path: data.clone(),
        source,
    })?;
    let _lock = Lock::take(&data)?;
    // What may be refused is asked for before anything is committed: a start that fails leaves
    // the ledger as it was.
    let private = listen(loaded.listen.private).await?;
    let socket = bind(&data)?;
    let ready = Ready {
        start,
        reader,
        prepared,
        data,
    };
    let data = ready.data.clone();
    let ended = watch_over(ready, private, socket, stop).await;
    web::socket::remove(&data);
    ended
}

/// What a start has found in order before it commits anything.
struct Ready {
    start: Start,
    reader: Reader,
    prepared: Prepared,
    data: PathBuf,
}

/// The life of the service, from its first commit to its last.
async fn watch_over(
    ready: Ready,
    private: TcpListener,
    socket: UnixListener,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let Ready {
        start,
        reader,
        prepared,
        data,
    } = ready;
    let Prepared { loaded, renderer } = prepared;
    let held = Held::from(&start, &loaded);
    let clock = Clock::start()?;
    let opened = open(&start, &data, &loaded, &clock).await?;
    let samples = opened.samples;
    let (engine, mut running) = thread::start(opened.turn, &data, clock, Some(samples.writer()))?;
    engine.start(opened.alive_until).await?;
    let runner = Runner::start(Arc::clone(&engine))?;
    let courier = Arc::new(Courier::new(relays(&loaded), renderer, Timeouts::default()));

    let (tell_stop, stopped) = watch::channel(false);
    let state = Arc::new(web::AppState::new(
        Arc::clone(&engine),
        samples.writer(),
        clock::now(),
    ));
    state.offer(&loaded.probes);
    runner.replace(loaded.probes.clone());
    let mut tasks = serve(private, socket, &state, &stopped);
    let post = Arc::new(Post::new(Arc::clone(&engine)));
    tasks.spawn(Arc::clone(&courier).run(post, ended(&stopped)));
    log_watching(&loaded, &data);

    let mut service = Service {
        start,
        reader,
        engine,
        runner,
        courier,
        state,
        held,
    };
    let broken = service.supervise(stop, &mut running).await;
    tracing::info!("stopping");
    service.runner.stop().await;
    // Nobody is left to hear it when every task has ended already.
    let _ = tell_stop.send(true);
    while tasks.join_next().await.is_some() {}
    // Every step is done whatever became of the one before; the first failure is told.
    let stopped = match broken {
        true => Err(Error::Broken),
        false => service.engine.stop().await.map(drop).map_err(Error::from),
    };
    drop(service);
    let joined = tokio::task::spawn_blocking(move || running.join().is_ok()).await;
    let closed = tokio::task::spawn_blocking(move || samples.close()).await;
    let joined = match joined {
        Ok(true) => Ok(()),
        _ => Err(Error::Broken),
    };
    let closed = closed.map_or(Err(Error::Broken), |closed| closed.map_err(Error::from));
    stopped.and(joined).and(closed)
}

fn log_watching(loaded: &Loaded, data: &Path) {
    tracing::info!(
        systems = loaded.catalogue.systems.len(),
        probes = loaded.probes.len(),
        private = %loaded.listen.private,
        data = %data.display(),
        "watching"
    );
    for unused in loaded.unused() {
        tracing::warn!("{unused}");
    }
}

/// Starts the listeners.
fn serve(
    private: TcpListener,
    socket: UnixListener,
    state: &Arc<web::AppState>,
    stopped: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(web::private::serve(
        private,
        Arc::clone(state),
        ended(stopped),
    ));
    tasks.spawn(web::socket::serve(
        socket,
        Arc::clone(state),
        ended(stopped),
    ));
    tasks
}

/// What is kept to take another configuration over.
struct Service {
    start: Start,
    reader: Reader,
    engine: Arc<EngineHandle>,
    runner: Runner,
    courier: Arc<Courier>,
    state: Arc<web::AppState>,
    held: Held,
}

/// What a service keeps until its end, whatever a configuration says meanwhile.
struct Held {
    private: SocketAddr,
    data: PathBuf,
    /// Whether the data directory was named on the command line, so that no file says where it is.
    data_named: bool,
}

impl Held {
    fn from(start: &Start, loaded: &Loaded) -> Self {
        Self {
            private: loaded.listen.private,
            data: loaded.data.clone(),
            data_named: start.data.is_some(),
        }
    }

    /// The keys of a configuration that take effect with the next start, a sentence each.
    fn waits(&self, loaded: &Loaded) -> Vec<String> {
        let mut waits = Vec::new();
        if loaded.listen.private != self.private {
            waits.push(format!(
                "`private` of [listen] needs a restart: {} is listened on until then, not {}",
                self.private, loaded.listen.private
            ));
        }
        if loaded.data != self.data && !self.data_named {
            waits.push(format!(
                "`data` of [service] needs a restart: the stores are in {} until then, where commands \
                 find the service with --data",
                self.data.display()
            ));
        }
        waits
    }
}

/// A configuration being read for a reload, and who waits for what becomes of it: nobody where a
/// signal asked.
struct Reading {
    prepared: Pin<Box<dyn Future<Output = Result<Prepared, Error>> + Send>>,
    answers: Vec<web::Reload>,
}

/// What becomes of a reading; for ever nothing where there is none.
async fn read(reading: &mut Option<Reading>) -> Result<Prepared, Error> {
    match reading {
        Some(reading) => reading.prepared.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Tells those who wait behind a reading that has come to nothing. To read for them as well would
/// take longer than they wait.
fn behind(waiting: impl Iterator<Item = web::Reload>, error: &Error) {
    for answer in waiting {
        let why = format!(
            "an earlier reload was still reading, and nothing was read for this one: {error}"
        );
        drop(answer.send(Err(NotTaken::Failed(why))));
    }
}

impl Service {
    /// Waits for the end, and reloads and mends meanwhile. Whether the engine broke.
    async fn supervise(
        &mut self,
        stop: impl Future<Output = ()>,
        running: &mut thread::Running,
    ) -> bool {
        tokio::pin!(stop);
        let mut hangups = hangups();
        let mut mend = tokio::time::interval(MEND_EVERY);
        // One at a time. Who asks meanwhile may have changed a file since, and comes after it: all
        // of them together.
        let mut reading: Option<Reading> = None;
        // At most as many as the socket has connections.
        let mut waiting: Vec<web::Reload> = Vec::new();
        loop {
            let free = reading.is_none();
            tokio::select! {
                () = &mut stop => return false,
                () = running.ended() => return true,
                prepared = read(&mut reading) => {
                    let answers = reading.take().map(|reading| reading.answers);
                    if let Err(error @ Error::Slow(_)) = &prepared {
                        behind(waiting.drain(..), error);
                    }
                    self.reloaded(prepared, answers.unwrap_or_default()).await;
                    if !waiting.is_empty() {
                        reading = Some(self.reading(std::mem::take(&mut waiting)));
                    }
                }
                Some(()) = hangups.recv(), if free => reading = Some(self.reading(Vec::new())),
                Some(answer) = self.state.reload_asked() => match free {
                    true => reading = Some(self.reading(vec![answer])),
                    false => waiting.push(answer),
                },
                _ = mend.tick() => {
                    let restarted = self.runner.restart_panicked();
                    if restarted > 0 {
                        tracing::error!(restarted, "probes panicked and were restarted");
                    }
                }
            }
        }
    }

    fn reading(&self, answers: Vec<web::Reload>) -> Reading {
        let (reader, config) = (self.reader.clone(), self.start.config.clone());
        let patience = Some(reader.patience);
        Reading {
            prepared: Box::pin(async move { reader.read(&config, patience).await }),
            answers,
        }
    }

    /// Takes over what was read, if it can be, and tells who asked.
    async fn reloaded(&mut self, prepared: Result<Prepared, Error>, answers: Vec<web::Reload>) {
        let result = match prepared {
            Ok(prepared) => self.take_over(prepared).await,
            Err(error) => Err(error),
        };
        self.state.reloaded(result.is_ok(), clock::now());
        let result = result.map_err(|error| not_taken(&error));
        match &result {
            _ if !answers.is_empty() => {}
            Ok(_) => tracing::info!("the configuration was taken over"),
            Err(NotTaken::Wrong(why) | NotTaken::Failed(why)) => tracing::error!(
                "the configuration was NOT taken over, the one before stays in force: {why}"
            ),
        }
        for answer in answers {
            // Whoever asked may have gone.
            drop(answer.send(result.clone()));
        }
    }

    /// All of the new configuration, or nothing of it; and what is left for a person to do.
    async fn take_over(&mut self, prepared: Prepared) -> Result<Vec<String>, Error> {
        let Prepared { loaded, renderer } = prepared;
        let mut left = removed_while_down(&self.engine.snapshot().record, &loaded.catalogue);
        left.extend(self.held.waits(&loaded));
        self.engine
            .configure(Actor::cli(&self.start.by), loaded.catalogue.clone())
            .await?;
        self.courier.replace(relays(&loaded), renderer);
        self.state.offer(&loaded.probes);
        self.runner.replace(loaded.probes);
        for left in &left {
            tracing::warn!("{left}");
        }
        Ok(left)
    }
}

/// Why a configuration was not taken over: for what stands in its files, or for something else.
fn not_taken(error: &Error) -> NotTaken {
    let why = describe(error);
    match error {
        Error::Templates(notices::Error::Read { .. }) => NotTaken::Failed(why),
        Error::Config(_) | Error::Templates(_) => NotTaken::Wrong(why),
        _ => NotTaken::Failed(why),
    }
}

/// An error with its causes and, for a configuration, every mistake.
pub fn describe(error: &Error) -> String {
    if let Error::Config(mistakes) = error {
        return mistakes.render(false);
    }
    chain(error)
}

/// An error with its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// A configuration with all that is made of it before it is put in force.
struct Prepared {
    loaded: Loaded,
    renderer: Arc<Renderer>,
}

type Prepare = dyn Fn(&Path) -> Result<Prepared, Error> + Send + Sync;

/// How a configuration is read.
#[derive(Clone)]
struct Reader {
    prepare: Arc<Prepare>,
    /// How long a reload waits for it.
    patience: Duration,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            prepare: Arc::new(prepare),
            patience: PATIENCE,
        }
    }
}

impl Reader {
    /// Reads on a thread of its own, which nothing waits for once it is too late: not the
    /// service, and not the end of the process.
    async fn read(&self, file: &Path, patience: Option<Duration>) -> Result<Prepared, Error> {
        let (tell, told) = oneshot::channel();
        let (prepare, file) = (Arc::clone(&self.prepare), file.to_owned());
        let name = "nines-config".to_owned();
        // Nobody may be left to hear it.
        let work = move || drop(tell.send(prepare(&file)));
        std::thread::Builder::new().name(name).spawn(work)?;
        let told = match patience {
            Some(patience) => tokio::time::timeout(patience, told)
                .await
                .map_err(|_| Error::Slow(patience))?,
            None => told.await,
        };
        // A thread that tells nothing has panicked.
        told.map_err(|_| Error::Broken)?
    }
}

/// Reads all files: of the configuration, of its secrets, certificates and templates.
fn prepare(file: &Path) -> Result<Prepared, Error> {
    let loaded = config::load(file).map_err(Error::Config)?;
    let renderer = Arc::new(Renderer::new(loaded.templates.as_deref())?);
    Ok(Prepared { loaded, renderer })
}

struct Opened {
    turn: Turn,
    samples: Instance,
    alive_until: Option<Timestamp>,
}

/// Opens both stores, reads the last samples back, and puts the configuration in force.
async fn open(start: &Start, data: &Path, loaded: &Loaded, clock: &Clock) -> Result<Opened, Error> {
    let (start, data, catalogue) = (start.clone(), data.to_owned(), loaded.catalogue.clone());
    let now = clock.now();
    let opened = tokio::task::spawn_blocking(move || {
        let ledger = Ledger::open(&data)?;
        let new = ledger.is_new();
        let options = samples::Options {
            check: start.check.clone(),
            elapsed: Some(clock::elapsed),
            ..samples::Options::default()
        };
        let samples = Instance::open_with(&data, now, options)?;
        for aside in samples.set_aside() {
            tracing::error!(
                file = %aside.path.display(),
                why = aside.why,
                "a damaged file of samples was set aside under this name, and a new one begun: what was decided by them is in the ledger, and no figure changes"
            );
        }
        let alive_until = engine::alive_until(&ledger, &samples)?;
        let mut turn = engine::open(ledger, &samples, now)?;
        if new {
            let tzdb = calendar::tzdb_version().to_owned();
            step(
                &mut turn,
                now,
                Input::CreateLedger {
                    identity: identity(),
                    tzdb,
                },
            )?;
        }
        if *turn.record().catalogue != catalogue {
            for left in removed_while_down(turn.record(), &catalogue) {
                tracing::warn!("{left}");
            }
            let (by, catalogue) = (Actor::cli(&start.by), Box::new(catalogue));
            // A life that ended without a word ends before anything else is written.
            step(&mut turn, now, Input::Crashed { alive_until })?;
            step(&mut turn, now, Input::Configure { by, catalogue })?;
        }
        Ok(Opened {
            turn,
            samples,
            alive_until,
        })
    });
    opened.await.map_err(|_| Error::Broken)?
}

fn step(turn: &mut Turn, now: Timestamp, input: Input) -> Result<(), turn::Error> {
    turn.step(now, input, &[]).result.map(|_| ())
}

/// Twelve hexadecimal digits that no other ledger has: the standard library seeds each hasher
/// from the system's randomness.
fn identity() -> String {
    let random = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    format!("{:012x}", random & 0xffff_ffff_ffff)
}

fn relays(loaded: &Loaded) -> Vec<Relay> {
    let mail = loaded.mail.as_ref();
    mail.map(|mail| mail.relays.clone()).unwrap_or_default()
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, Error> {
    let wrong = |source| Error::Listen {
        address: address.to_string(),
        source,
    };
    TcpListener::bind(address).await.map_err(wrong)
}

fn bind(data: &Path) -> Result<UnixListener, Error> {
    web::socket::bind(data).map_err(|source| Error::Socket {
        path: web::socket::path(data),
        source,
    })
}

/// Ends when the service is told to stop.
fn ended(stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stopped = stopped.clone();
    async move {
        // A sender that is gone has stopped as well.
        let _ = stopped.wait_for(|stop| *stop).await;
    }
}

/// SIGHUP, as a channel; where there is no such signal, one that stays silent.
fn hangups() -> tokio::sync::mpsc::Receiver<()> {
    let (tell, hangups) = tokio::sync::mpsc::channel(1);
    #[cfg(unix)]
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        Ok(mut signal) => {
            tokio::spawn(async move {
                while signal.recv().await.is_some() && tell.send(()).await.is_ok() {}
            });
        }
        Err(error) => tracing::warn!(%error, "SIGHUP cannot be heard; use `nines reload`"),
    }
    hangups
}

#[cfg(test)]
mod tests;
