//! The first minute of every user: small real systems on loopback that break and mend on a script,
//! the service itself watching them, a mail server whose messages can be read, a month of history,
//! and both reports. Nothing leaves this machine; nothing is deleted that a demo did not make.

mod closing;
mod commands;
mod eyes;
mod folder;
mod history;
mod http;
mod mails;
mod page;
mod place;
mod script;
mod settings;
pub mod sink;
mod stage;
mod systems;
mod voice;

use std::fs::File;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::calendar::{self, Month, UnknownZone};
use domain::report::Report;
use jiff::tz::TimeZone;
use tokio::sync::oneshot;

use crate::app::chain;
use crate::samples::Check;
use crate::{app, clock, files, ledger};
use commands::Typist;
use eyes::Eyes;
use folder::Folder;
use history::History;
use mails::Mails;
use page::Page;
use place::Place;
use settings::Addresses;
use sink::{Sink, Tls};
use stage::{Account, Stage, Systems};
use systems::{Kind, System};
use voice::{Speaker, Voice};

/// The zone of the demo's organisation, and of every time that it prints.
const ZONE: &str = "America/New_York";

/// How much longer than its usual length the script may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything goes; made, or emptied if a demo made it.
    pub dir: PathBuf,
    /// How long to run, in seconds; until stopped unless given.
    pub seconds: Option<u64>,
    /// Whether standard output takes colours.
    pub colour: bool,
}

/// Why the demo ended badly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] folder::Error),
    /// A file could not be written.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// The system refused something.
    #[error("the system refused")]
    Io(#[from] io::Error),
    /// The time zone database is not what it should be.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// The service did not start, or ended.
    #[error("the service ended: {0}")]
    Service(String),
    /// This month's report could not be made.
    #[error("this month's report could not be made")]
    Closing(#[from] closing::Error),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Something did not come about.
    #[error("{0} of the things that the demo checks did not come true; they are listed above")]
    Unfulfilled(usize),
}

/// Shows it all, until the time is up or somebody stops it.
///
/// # Errors
/// It could not be shown, or something that the script expects did not happen.
pub fn run(options: Options) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(show(&options))
}

async fn show(options: &Options) -> Result<(), Error> {
    let stopped = interrupted()?;
    let folder = Folder::fresh(&options.dir)?;
    log_to(&folder.path().join("nines.log"))?;
    let zone = calendar::zone(ZONE)?;
    let voice = Arc::new(Voice::new(
        Box::new(io::stdout()),
        options.colour,
        zone.clone(),
    ));
    let set = Set::up(folder.path(), &zone, &voice).await?;
    let Set {
        place,
        systems,
        mails,
        mut history,
        ..
    } = set;
    place.introduce(&voice);

    let eyes = Eyes::open(&place.data, Arc::clone(&voice), Arc::clone(&mails))?;
    let typist = Typist::new(place.program.clone(), place.config.clone());
    let mut stage = Stage::new(Arc::clone(&voice), systems, typist, eyes.record(), mails);
    let account = stage.account();
    let (tell_stop, stop) = oneshot::channel();
    let mut service = pin!(app::run(start(&place), told(stop)));
    let story = tell(&mut stage, &mut history, &place, &zone, options.seconds);
    let early = tokio::select! {
        ended = &mut service => Some(ended),
        () = story => None,
        () = stopped => None,
        () = voice.unheard() => None,
    };
    let ended = match early {
        // Nobody has stopped it yet.
        Some(ended) => ended.and(Err(app::Error::Broken)),
        None => {
            // A service that has just ended by itself is waited for below all the same.
            let _ = tell_stop.send(());
            service.await
        }
    };
    // Its last events are said before the last words.
    tokio::task::spawn_blocking(move || eyes.close())
        .await
        .map_err(io::Error::other)?;
    ended.map_err(|error| Error::Service(app::describe(&error)))?;
    let account = account
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let suggested = account.over && options.seconds.is_none();
    leave(&voice, &place, &account, suggested)
}

fn start(place: &Place) -> app::Start {
    app::Start {
        config: place.config.clone(),
        data: None,
        by: "demo".to_owned(),
        check: Check::child(place.program.clone()),
    }
}

/// Everything that stands before the service starts. What is dropped stops.
struct Set {
    place: Place,
    systems: Systems,
    mails: Arc<Mails>,
    history: History,
    _page: Page,
    _collecting: Collecting,
}

impl Set {
    async fn up(folder: &Path, zone: &TimeZone, voice: &Arc<Voice>) -> Result<Self, Error> {
        let systems = Systems {
            portal: System::start(Kind::Portal).await?,
            interface: System::start(Kind::Interface).await?,
            fhir: System::start(Kind::Fhir).await?,
            partner: System::start(Kind::Partner).await?,
        };
        let mails = folder.join("mails");
        files::make_dir(&mails)?;
        let mails = Arc::new(Mails::new(&mails));
        let sink = Sink::listen((Ipv4Addr::LOCALHOST, 0).into(), Tls::None).await?;
        let sink = Arc::new(sink);
        let page = Page::start(Arc::clone(&mails), zone.clone()).await?;
        let at = Addresses {
            private: free_address()?,
            relay: sink.address(),
            portal: systems.portal.address(),
            interface: systems.interface.address(),
            fhir: systems.fhir.address(),
            partner: systems.partner.address(),
        };
        let collecting = Arc::clone(&mails).collect(sink);
        let collecting = Collecting(tokio::spawn(collecting).abort_handle());
        let config = settings::write(folder, &at)?;
        let program = std::env::current_exe()?;
        let month = Month::of(clock::now(), zone);
        let voice = Arc::clone(voice);
        let history = History::start(&program, folder, month.prev(), zone, voice)?;
        let place = Place {
            folder: folder.to_owned(),
            config,
            data: folder.join("data"),
            program,
            month,
            last_report: history.report().to_owned(),
            at,
            page: page.address(),
        };
        Ok(Self {
            place,
            systems,
            mails,
            history,
            _page: page,
            _collecting: collecting,
        })
    }
}

/// The taking in of mails, until dropped.
struct Collecting(tokio::task::AbortHandle);

impl Drop for Collecting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An address of loopback that nobody listens on.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The script, the report, and then whatever time is left; for ever where no end was named.
async fn tell(
    stage: &mut Stage,
    history: &mut History,
    place: &Place,
    zone: &TimeZone,
    seconds: Option<u64>,
) {
    let began = clock::elapsed();
    let limit = seconds.map(Duration::from_secs);
    let voice = Arc::clone(&stage.voice);
    let account = stage.account();
    let script = async {
        script::play(stage, zone).await;
        if history.is_playing() {
            stage.say("That was all to break. Last month is still being played, and waited for.");
        }
        let played = history.finish().await;
        stage.count("last month was played", played);
        stage.count("the ledger is as it was written", verified(place).await);
        stage.count(
            "this month's report says what happened",
            reported(&voice, place).await,
        );
        stage.over();
    };
    // Who gives it its length wants it whole; a shorter time ends it where it then is.
    let whole = limit.is_none_or(|limit| limit >= script::LENGTH);
    let most = limit.map(|limit| if whole { limit + PATIENCE } else { limit });
    let over = match most {
        Some(most) => tokio::time::timeout(most, script).await.is_ok(),
        None => {
            script.await;
            true
        }
    };
    if !over && whole {
        let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
        account
            .failed
            .push("The script did not come to its end in time.".to_owned());
    }
    if over {
        let account = account
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        place::judge(&voice, &account);
    }
    let Some(limit) = limit else {
        place.look(&voice);
        place.suggest(&voice);
        voice.heading("Everything goes on, until you stop it with Ctrl-C.");
        return std::future::pending().await;
    };
    let left = limit.saturating_sub(clock::elapsed().saturating_sub(began));
    if over && left >= Duration::from_secs(1) {
        let seconds = left.as_secs();
        voice.say(
            Speaker::Demo,
            &format!("Everything goes on for another {seconds} s."),
        );
    }
    tokio::time::sleep(left).await;
}

async fn verified(place: &Place) -> Result<(), String> {
    let data = place.data.clone();
    let found = tokio::task::spawn_blocking(move || ledger::verify(&data, &mut |_, _| {})).await;
    let found = found.map_err(|e| chain(&e))?.map_err(|e| chain(&e))?;
    let fault = found.faults.first();
    fault.map_or(Ok(()), |fault| Err(fault.to_string()))
}

async fn reported(voice: &Voice, place: &Place) -> Result<(), String> {
    let (folder, data, month) = (place.folder.clone(), place.data.clone(), place.month);
    let made = tokio::task::spawn_blocking(move || closing::report(&folder, &data, month)).await;
    let report: Report = made.map_err(|e| chain(&e))?.map_err(|e| chain(&e))?;
    place::figures(voice, &report);
    if closing::is_as_played(&report) {
        Ok(())
    } else {
        Err("it has other figures".to_owned())
    }
}

/// The last words: the report once more, with all that the user did, and where everything is.
fn leave(voice: &Voice, place: &Place, account: &Account, suggested: bool) -> Result<(), Error> {
    // Stopped in its first second, a service has nothing to report yet.
    let report = closing::report(&place.folder, &place.data, place.month);
    if !account.over {
        place::judge(voice, account);
    }
    place.left(voice);
    if suggested {
        voice.gap();
        voice.paragraph("The commands above still work: on the same files, with nothing running.");
    } else {
        place.suggest(voice);
    }
    voice.gap();
    if !account.failed.is_empty() {
        return Err(Error::Unfulfilled(account.failed.len()));
    }
    match report {
        Err(error) if account.over => Err(error.into()),
        _ => Ok(()),
    }
}

/// What the service logs is for those who look for it; the story stays readable.
fn log_to(path: &Path) -> io::Result<()> {
    let file = File::create(path)?;
    // Where somebody has set up a log already, that one is kept.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("info"))
        .with_writer(Mutex::new(file))
        .with_ansi(false)
        .with_target(false)
        .try_init();
    Ok(())
}

/// Ends with SIGINT (Ctrl-C), SIGTERM, or SIGHUP: the terminal has been closed.
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Whoever ignores it (`nohup`) wants the demo to outlive the terminal; heard, it no longer is.
    let outlives = ignores_hangups();
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv(), if !outlives => {}
        }
    })
}

/// Whether this process was started to ignore SIGHUP: the lowest bit of `SigIgn` (proc(5)).
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| {
        mask.trim_end()
            .ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f'])
    })
}

/// Ends when the service is told to stop, or nobody is left to tell it.
async fn told(stop: oneshot::Receiver<()>) {
    let _ = stop.await;
}
