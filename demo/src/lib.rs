//! The demonstration: small systems on loopback break and mend on a script, and the `nines` program
//! watches them. This crate knows nothing of the inside of Nines: it starts the program, types its
//! commands and reads what they print, as a user does. Its SMTP server also serves the tests of Nines.

mod checks;
mod clients;
pub mod configuration;
mod console;
mod folder;
mod follow;
mod history;
mod http;
mod mails;
mod page;
mod program;
mod report;
mod script;
mod signals;
pub mod smtp_server;
mod summary;
mod systems;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use checks::{Checks, Outcome};
use configuration::Addresses;
use console::{Console, Source};
use folder::Folder;
use follow::Events;
use history::History;
use mails::Mails;
use page::Page;
use program::{Program, Service};
use report::Month;
use smtp_server::{SmtpServer, Tls};
use summary::Places;
use systems::{Kind, System, Systems};

/// The zone of the demo's organisation, and of every time that it prints.
pub const ZONE: &str = "America/New_York";

/// The extra time that the script gets on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The options of the command line, and the service's clock.
#[derive(Clone, Debug)]
pub struct Options {
    /// The `nines` program.
    pub program: PathBuf,
    /// The folder for everything that the demo writes. It is made, or emptied if a demo made it.
    pub dir: PathBuf,
    /// How long to run, in seconds. Without it the demo runs until it is interrupted.
    pub seconds: Option<u64>,
    /// True if standard output shows colours.
    pub colour: bool,
    /// The wall clock of Nines, so that one file of the program reads the time.
    pub clock: fn() -> Timestamp,
}

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] folder::Error),
    /// A configuration file could not be written.
    #[error(transparent)]
    Configuration(#[from] configuration::Error),
    /// The operating system refused something.
    #[error("the operating system refused: {0}")]
    Io(#[from] io::Error),
    /// The time zone database lacks the demo's zone.
    #[error(transparent)]
    Zone(#[from] jiff::Error),
    /// The service ended by itself or did not stop in order.
    #[error("the service ended ({status}); its log is {log}")]
    Service {
        /// How it ended.
        status: String,
        /// The path of its log.
        log: String,
    },
    /// The report of this month could not be made.
    #[error("the report of this month could not be made: {0}")]
    Report(String),
    /// Some checks failed.
    #[error("{0} of the demo's checks failed; they are listed above")]
    Failed(usize),
}

/// Runs the demo until its time is up, the user stops it, or standard output is closed.
///
/// # Errors
/// The demo could not start, or one of its checks failed.
pub fn run(options: Options) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(show(&options))
}

async fn show(options: &Options) -> Result<(), Error> {
    let interrupted = signals::interrupted()?;
    let folder = Folder::fresh(&options.dir)?;
    let zone = TimeZone::get(ZONE)?;
    let console = Arc::new(Console::new(
        Box::new(io::stdout()),
        options.colour,
        zone.clone(),
        options.clock,
    ));
    let mut demo = Demo::prepare(options, folder.path(), &zone, console).await?;
    demo.places.introduce(&demo.console);

    let log = folder.path().join("nines.log");
    let mut service = Service::start(&demo.program, &log, &folder.path().join("data"))?;
    let console = Arc::clone(&demo.console);
    let early = tokio::select! {
        status = service.ended() => Some(status),
        () = demo.play(options.seconds) => None,
        () = interrupted => None,
        () = console.closed() => None,
    };
    let status = match early {
        Some(status) => status,
        None => service.stop().await,
    };
    demo.events.finish().await;
    if early.is_some() || !status.success() {
        return Err(Error::Service {
            status: status.to_string(),
            log: log.display().to_string(),
        });
    }
    demo.leave(options.seconds.is_none()).await
}

/// Everything that runs beside the service. It stops when it is dropped.
struct Demo {
    zone: TimeZone,
    console: Arc<Console>,
    program: Program,
    places: Places,
    checks: Checks,
    events: Events,
    history: History,
    _page: Page,
}

impl Demo {
    async fn prepare(
        options: &Options,
        folder: &Path,
        zone: &TimeZone,
        console: Arc<Console>,
    ) -> Result<Self, Error> {
        let systems = Systems {
            portal: System::start(Kind::Portal).await?,
            interface: System::start(Kind::Interface).await?,
            fhir: System::start(Kind::Fhir).await?,
            partner: System::start(Kind::Partner).await?,
        };
        let server = SmtpServer::listen((Ipv4Addr::LOCALHOST, 0).into(), Tls::None).await?;
        let addresses = Addresses {
            public: free_address()?,
            private: free_address()?,
            relay: server.address(),
            portal: systems.portal.address(),
            interface: systems.interface.address(),
            fhir: systems.fhir.address(),
            partner: systems.partner.address(),
        };
        let mails = Mails::collect(&folder.join("mails"), server, Arc::clone(&console))?;
        let page = Page::start(Arc::clone(&mails), zone.clone()).await?;
        let config = configuration::write(folder, &addresses)?;
        let program = Program::new(options.program.clone(), config.clone());
        let month = Month::of(console.now(), zone);
        let history = History::start(&program, folder, month.previous(), zone, &console)?;
        let events = Events::follow(&program, Arc::clone(&console), Arc::clone(&mails));
        let checks = Checks::new(
            Arc::clone(&console),
            program.clone(),
            events.seen(),
            mails,
            systems,
        );
        let places = Places {
            folder: folder.to_owned(),
            config,
            program: options.program.clone(),
            month,
            addresses,
            page: page.address(),
        };
        Ok(Self {
            zone: zone.clone(),
            console,
            program,
            places,
            checks,
            events,
            history,
            _page: page,
        })
    }

    /// Plays the script and makes the report, then waits for the rest of the time.
    async fn play(&mut self, seconds: Option<u64>) {
        // Tokio's monotonic clock: only a duration is measured.
        let began = Instant::now();
        let limit = seconds.map(Duration::from_secs);
        // A limit that is shorter than the script cuts it off without a complaint.
        let whole = limit.is_none_or(|limit| limit >= script::LENGTH);
        let over = match limit {
            Some(limit) => {
                let most = if whole { limit + PATIENCE } else { limit };
                tokio::time::timeout(most, self.script()).await.is_ok()
            }
            None => {
                self.script().await;
                true
            }
        };
        if !over && whole {
            self.checks
                .fail("The script did not come to its end in time.".to_owned());
        }
        if over {
            summary::verdict(&self.console, &self.checks.outcome);
        }
        let Some(limit) = limit else {
            self.places.look(&self.console);
            self.places.suggest(&self.console);
            self.console
                .heading("Everything goes on until you stop it with Ctrl-C.");
            return std::future::pending().await;
        };
        let left = limit.saturating_sub(began.elapsed());
        if over && left >= Duration::from_secs(1) {
            let seconds = left.as_secs();
            self.console.say(
                Source::Demo,
                &format!("Everything goes on for another {seconds} s."),
            );
        }
        tokio::time::sleep(left).await;
    }

    async fn script(&mut self) {
        let checks = &mut self.checks;
        script::play(checks, &self.zone).await;
        if self.history.is_playing() {
            checks.say("That was the last fault. Last month is still being simulated.");
        }
        let simulated = self.history.finish().await;
        checks.result("last month was simulated", simulated);
        let verified = self.program.run(&["verify"]).await.map(drop);
        checks.result("the ledger is as it was written", verified);
        let places = &self.places;
        let reported = match report::write(&self.program, &places.folder, places.month).await {
            Ok(report) => {
                summary::figures(&self.console, places.month, &report);
                report.is_as_played()
            }
            Err(error) => Err(error),
        };
        checks.result("this month's report says what happened", reported);
        checks.outcome.over = true;
    }

    /// Writes the report again, so that it includes the user's acts, and prints where everything
    /// is.
    async fn leave(&self, suggested: bool) -> Result<(), Error> {
        let outcome: &Outcome = &self.checks.outcome;
        let (folder, month) = (&self.places.folder, self.places.month);
        let report = report::write(&self.program, folder, month).await;
        if !outcome.over {
            summary::verdict(&self.console, outcome);
        }
        self.places.left(&self.console);
        if suggested && outcome.over {
            self.console.gap();
            self.console.paragraph(
                "The commands above still work: on the same files, with nothing running.",
            );
        } else {
            self.places.suggest(&self.console);
        }
        self.console.gap();
        if !outcome.failed.is_empty() {
            return Err(Error::Failed(outcome.failed.len()));
        }
        match report {
            // A service that was stopped in its first second has no report yet.
            Err(why) if outcome.over => Err(Error::Report(why)),
            _ => Ok(()),
        }
    }
}

/// An address of loopback on which nothing listens.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
