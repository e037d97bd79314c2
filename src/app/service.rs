//! The service: opens the stores, starts the engine, the probes, the courier and the listeners, and
//! stops all of them in order. It decides nothing.

mod alive;
mod load;
mod reload;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::actor::Actor;
use domain::calendar;
use domain::id::SystemId;
use domain::input::Input;
use domain::record::Record;
use jiff::Timestamp;
use people::{People, ReporterId};
use sd_notify::NotifyState;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::alive::Alive;
use self::load::{Prepared, Reader, relays};
use self::reload::{FixedSettings, Service};
use crate::clock::{self, Clock};
use crate::config::{Loaded, Mistakes, PublicPages};
use crate::engine::runner::Runner;
use crate::engine::status::removed_while_down;
use crate::engine::turn::{self, Turn};
use crate::engine::{self, thread};
use crate::files::{self, Lock, LockError};
use crate::ledger::{self, Ledger};
use crate::notices::{self, Courier, EngineOutbox, Timeouts};
use crate::reports::{Filer, filing};
use crate::samples::{self, Check, Instance};
use crate::subscriptions::{self, Directory, Subscriptions};
use crate::web;
use crate::web::console::Console;

#[derive(Clone, Debug)]
pub struct Start {
    pub config: PathBuf,
    /// The data directory, if the command line names one.
    pub data: Option<PathBuf>,
    /// The actor that the ledger records for the configuration.
    pub by: String,
    /// How to check a samples file before it is opened.
    pub check: Check,
}

/// Why the service did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the configuration has mistakes")]
    Config(Mistakes),
    #[error("the data directory {path} cannot be used")]
    Data {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Another process uses the data directory.
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("the ledger cannot be used")]
    Ledger(#[from] ledger::Error),
    #[error("the accounts cannot be used")]
    People(#[from] people::Error),
    #[error("the samples in {folder} cannot be used")]
    Samples {
        folder: PathBuf,
        #[source]
        source: samples::Error,
    },
    #[error("the engine did not start")]
    Turn(#[from] turn::Error),
    #[error("the engine did not take an input")]
    Engine(#[from] engine::Error),
    #[error("the templates cannot be used")]
    Templates(#[from] notices::Error),
    #[error("cannot listen on {address}")]
    Listen {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot listen on {path}")]
    Socket {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the system refused")]
    Io(#[from] std::io::Error),
    #[error(
        "the files of the configuration could not be read within {} s: does a disk hang?",
        .0.as_secs()
    )]
    Slow(Duration),
    #[error("the engine ended unexpectedly; its log says why")]
    Broken,
}

impl Error {
    /// The error of the samples in this data directory.
    fn samples(data: &Path) -> impl FnOnce(samples::Error) -> Error {
        let folder = data.join(samples::FOLDER);
        move |source| Error::Samples { folder, source }
    }
}

/// Runs the service until `stop` completes. SIGHUP reloads the configuration.
///
/// # Errors
/// The service could not start, or its engine ended unexpectedly.
pub async fn run(start: Start, stop: impl Future<Output = ()>) -> Result<(), Error> {
    run_with(start, Reader::default(), stop).await
}

async fn run_with(
    start: Start,
    reader: Reader,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    probes::install_crypto();
    // A start may wait for its files without a limit: no probe is running yet.
    let prepared = reader.read(&start.config, None).await?;
    let loaded = &prepared.loaded;
    let data = start.data.clone().unwrap_or_else(|| loaded.data.clone());
    files::make_private_dir(&data).map_err(|source| Error::Data {
        path: data.clone(),
        source,
    })?;
    let _lock = Lock::take(&data)?;
    // Take the addresses before the first commit: a failed start must leave the ledger unchanged.
    let private = listen(loaded.listen.private).await?;
    let public = match loaded.listen.public {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let group = loaded.socket_group.as_deref();
    let socket = bind(&data, group)?;
    let ready = Ready {
        start,
        reader,
        prepared,
        data,
    };
    let data = ready.data.clone();
    let ended = run_ready(ready, (public, private), socket, stop).await;
    web::socket::remove(&data);
    ended
}

/// Everything that a start needs before its first commit.
struct Ready {
    start: Start,
    reader: Reader,
    prepared: Prepared,
    data: PathBuf,
}

/// Runs the service from its first commit to its last.
async fn run_ready(
    ready: Ready,
    (public, private): (Option<TcpListener>, TcpListener),
    socket: UnixListener,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let Ready {
        start,
        reader,
        prepared,
        data,
    } = ready;
    let Prepared {
        loaded,
        renderer,
        templates,
    } = prepared;
    let fixed = FixedSettings::from(&start, &loaded);
    let clock = Clock::start()?;
    let opened = open(&start, &data, &loaded, &clock).await?;
    let samples = opened.samples;
    let (engine, mut running) = thread::start(opened.turn, &data, clock, Some(samples.writer()))?;
    engine.start(opened.alive_until).await?;
    let runner = Runner::start(Arc::clone(&engine))?;
    renderer.attach_from(data.join(filing::FOLDER));
    let asked = notices::warn_if_no_relay_answers(relays(&loaded));
    let people = Arc::new(open_people(&data, &loaded)?);
    people.keep_reporters(&reporters(&engine.snapshot().record))?;
    let address = loaded
        .listen
        .public
        .map(|address| match loaded.listen.public_tls {
            Some(_) => format!("https://{address}"),
            None => format!("http://{address}"),
        });
    let address = address.unwrap_or_default();
    let directory = Arc::new(Directory::new(Arc::clone(&people), address.clone()));
    let courier = Courier::new(relays(&loaded), renderer, Timeouts::default());
    let courier = courier.with_webhooks(loaded.webhooks.clone());
    let courier = courier.with_people(Arc::clone(&people));
    let courier = Arc::new(courier.with_readers(Arc::clone(&directory) as _));
    let subscriptions = Subscriptions::new(Arc::clone(&engine), directory, Arc::clone(&courier));
    let subscriptions = Arc::new(subscriptions);
    let (systems, url) = public_systems(loaded.public.as_ref());
    subscriptions.show(systems, url);

    let (tell_stop, stopped) = watch::channel(false);
    let filer = Arc::new(Filer::new(
        Arc::clone(&engine),
        data.clone(),
        loaded.look.clone(),
    ));
    let state = Arc::new(web::AppState::new(
        Arc::clone(&engine),
        (samples.writer(), samples.archiver()),
        clock::now(),
        Arc::clone(&filer),
    ));
    state.offer(&loaded.probes);
    let pages = web::public::Public::new(
        Arc::clone(&engine),
        Arc::clone(&people),
        address,
        Arc::clone(&subscriptions),
    );
    let pages = Arc::new(pages);
    pages.beats().replace(&loaded.heartbeats);
    pages.show(loaded.public.clone(), templates);
    runner.check_itself(loaded.self_check.clone());
    runner.replace(loaded.probes.clone());
    let admits_group = loaded.socket_group.is_some();
    let proxies = Arc::new(web::TrustedProxies::default());
    proxies.replace(loaded.listen.trusted_proxies.clone());
    state.public_tls().replace(loaded.listen.public_tls.clone());
    state
        .private_tls()
        .replace(loaded.listen.private_tls.clone());
    let console = Arc::new(Console::new(
        Arc::clone(&state),
        Arc::clone(&people),
        data.clone(),
    ));
    console.configure(loaded.console.clone());
    let listener = |tcp, tls: &Arc<_>| web::Listener {
        tcp,
        proxies: Arc::clone(&proxies),
        tls: Arc::clone(tls),
    };
    let private = listener(private, state.private_tls());
    let mut tasks = serve(private, (socket, admits_group), &state, &console, &stopped);
    if let Some(public) = public {
        let made = web::public::refresh(Arc::clone(&pages), until_stopped(&stopped));
        tasks.spawn(made);
        let read = web::public::archive(Arc::clone(&pages), data.clone(), until_stopped(&stopped));
        tasks.spawn(read);
        let pages = Arc::clone(&pages);
        tasks.spawn(web::public::serve(
            listener(public, state.public_tls()),
            pages,
            until_stopped(&stopped),
        ));
    }
    for tls in [state.public_tls(), state.private_tls()] {
        let (tls, stop) = (Arc::clone(tls), until_stopped(&stopped));
        tasks.spawn(async move { tls.watch(stop).await });
    }
    tasks.spawn(subscriptions::run(
        Arc::clone(&subscriptions),
        until_stopped(&stopped),
    ));
    let post = Arc::new(EngineOutbox::new(Arc::clone(&engine)));
    tasks.spawn(Arc::clone(&courier).run(post, until_stopped(&stopped)));
    tasks.spawn(Arc::clone(&filer).run(until_stopped(&stopped)));
    tasks.spawn(engine::rollups::run(
        Arc::clone(&engine),
        samples.daily(),
        data.clone(),
        until_stopped(&stopped),
    ));
    let kept = Arc::new(engine::archives::Kept::new(loaded.samples.keep_months));
    tasks.spawn(engine::archives::run(
        Arc::clone(&engine),
        samples.archiver(),
        Arc::clone(&kept),
        until_stopped(&stopped),
    ));
    let alive = Arc::new(Alive::new(Arc::clone(&engine), samples.writer()));
    alive.configure(&loaded);
    tasks.spawn(Arc::clone(&alive).feed_watchdog(until_stopped(&stopped)));
    tasks.spawn(Arc::clone(&alive).beat_outbound(until_stopped(&stopped)));
    let stop_asking = until_stopped(&stopped);
    tasks.spawn(async move {
        tokio::select! {
            () = asked => {}
            () = stop_asking => {}
        }
    });
    log_watching(&loaded, &data);
    alive::tell_systemd(&[NotifyState::Ready]);

    let mut service = Service {
        start,
        reader,
        engine,
        runner,
        courier,
        filer,
        state,
        public: pages,
        proxies,
        console: Arc::clone(&console),
        subscriptions,
        kept,
        alive,
        fixed,
        fingerprint: loaded.fingerprint.clone(),
        slips: Slips::of(&loaded),
    };
    let broken = service.supervise(stop, &mut running).await;
    tracing::info!("stopping");
    alive::tell_systemd(&[NotifyState::Stopping]);
    service.runner.stop().await;
    // No task may be left to receive this.
    let _ = tell_stop.send(true);
    while tasks.join_next().await.is_some() {}
    // Every step is done even if an earlier one failed. The first failure is returned.
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
    let closed = closed.map_or(Err(Error::Broken), |closed| {
        closed.map_err(Error::samples(&data))
    });
    stopped.and(joined).and(closed)
}

fn log_watching(loaded: &Loaded, data: &Path) {
    tracing::info!(
        systems = loaded.catalogue.systems.len(),
        probes = loaded.probes.len(),
        heartbeats = loaded.heartbeats.len(),
        public = loaded.listen.public.map(tracing::field::display),
        private = %loaded.listen.private,
        data = %data.display(),
        "watching"
    );
    for proxy in &loaded.proxies {
        tracing::info!("{proxy}");
    }
    log_warnings(&Slips::of(loaded), &Slips::default());
}

/// The likely slips of a configuration: each with the file that has it, if one has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Slips(Vec<(PathBuf, String, String)>);

impl Slips {
    fn of(loaded: &Loaded) -> Self {
        let unused = loaded.unused().into_iter();
        let unused = unused.map(|what| (PathBuf::new(), what.clone(), what));
        let warnings = loaded.warnings.iter();
        // The line says where it is now, not which slip it is.
        let warnings = warnings.map(|w| (w.path.clone(), w.message.clone(), w.to_string()));
        Self(unused.chain(warnings).collect())
    }

    fn has(&self, path: &Path, message: &str) -> bool {
        self.0.iter().any(|(p, m, _)| p == path && m == message)
    }
}

/// Logs the slips that `before` did not have.
fn log_warnings(now: &Slips, before: &Slips) {
    for (path, message, line) in &now.0 {
        if !before.has(path, message) {
            tracing::warn!("{line}");
        }
    }
}

/// Starts the listeners.
fn serve(
    private: web::Listener,
    (socket, admits_group): (UnixListener, bool),
    state: &Arc<web::AppState>,
    console: &Arc<Console>,
    stopped: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(web::private::serve(
        private,
        Arc::clone(state),
        Arc::clone(console),
        until_stopped(stopped),
    ));
    tasks.spawn(web::socket::serve(
        socket,
        admits_group,
        Arc::clone(state),
        until_stopped(stopped),
    ));
    tasks
}

/// The people of whom the ledger has a report.
fn reporters(record: &Record) -> BTreeSet<ReporterId> {
    let incidents = record.incidents.all();
    let problems = incidents.flat_map(|incident| &incident.handling.problems);
    let forms = problems.filter_map(|problem| problem.form.as_ref());
    forms.map(|form| ReporterId(form.reporter)).collect()
}

/// The systems that everyone may see, and the address of their pages.
fn public_systems(pages: Option<&PublicPages>) -> (Vec<SystemId>, Option<String>) {
    let systems = pages.map(|pages| pages.systems.clone());
    let url = pages.and_then(|pages| pages.url.clone());
    (systems.unwrap_or_default(), url)
}

/// Opens the accounts. While no administrator exists, the address on which the first one makes the account is printed; it
/// works once, and each start makes another.
fn open_people(data: &Path, loaded: &Loaded) -> Result<People, Error> {
    let people = People::open(&data.join("people.sqlite"))?;
    if let Some(secret) = people.first_administrator(clock::now())? {
        let (secret, listen) = (secret.reveal(), &loaded.listen);
        let scheme = match listen.private_tls {
            Some(_) => "https",
            None => "http",
        };
        let url = loaded.console.url.clone();
        let url = url.unwrap_or_else(|| format!("{scheme}://{}", listen.private));
        tracing::warn!(
            "the console has no administrator: open {url}/console/invitation/{secret} within 48 hours"
        );
    }
    Ok(people)
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
            open_despite_disk_errors: true,
            ..samples::Options::default()
        };
        let samples = Instance::open_with(&data, now, options).map_err(Error::samples(&data))?;
        for aside in samples.set_aside() {
            tracing::error!(
                file = %aside.path.display(),
                why = aside.why,
                "a damaged samples file was renamed to this name and a new one was created: all decisions are in the ledger, and no figure changes"
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
            // If the service crashed, record that before anything else.
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
    turn.step(now, input, None).result.map(|_| ())
}

/// A random identity of twelve hexadecimal digits. The standard library seeds each hasher from the
/// system's randomness.
fn identity() -> String {
    let random = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    format!("{:012x}", random & 0xffff_ffff_ffff)
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, Error> {
    let wrong = |source| Error::Listen {
        address: address.to_string(),
        source,
    };
    TcpListener::bind(address).await.map_err(wrong)
}

fn bind(data: &Path, group: Option<&str>) -> Result<UnixListener, Error> {
    let group = group.map(web::socket::Group::named).transpose();
    let bound = group.and_then(|group| web::socket::bind(data, group.as_ref()));
    bound.map_err(|source| Error::Socket {
        path: web::socket::path(data),
        source,
    })
}

/// Completes when the service stops.
fn until_stopped(stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stopped = stopped.clone();
    async move {
        // A dropped sender means that the service stopped.
        let _ = stopped.wait_for(|stop| *stop).await;
    }
}
