//! Start-up: reads the command line, carries out the command, and turns its end into an exit
//! status.
//!
//! Exit status 0 is done, 1 the answer is bad news, 2 wrong usage or configuration, 3 could not.
//! README lists which answers are bad news.

mod logging;
mod service;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::args::{Command, Common, Desk, Incident, Line, Maintenance, Report, ReportCommand};
use crate::cli::{self, End, Failure};
use crate::config::{self, Log, LogFormat, LogLevel};
use crate::samples::{self, Check};

/// Carries out a command line, the program's name included.
pub fn main(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line: Vec<OsString> = line.into_iter().collect();
    // Internal: the service opens a samples file in a child process first.
    if let [_, word, file] = line.as_slice()
        && word == "preflight"
    {
        return ExitCode::from(samples::preflight(Path::new(file)));
    }
    let wants_json = line
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json");
    let line = match cli::options::parse(line) {
        Ok(line) => line,
        Err(error) => return cli::failure::usage(&error, wants_json),
    };
    let as_json = line.common.json;
    match carry_out(line) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::BadNews) => ExitCode::from(1),
        Err(failure) => failure.report(as_json),
    }
}

fn carry_out(line: Line) -> Result<End, Failure> {
    let common = &line.common;
    if common.server.is_some() && reads_files(&line.command) {
        return Err(Failure::Usage(
            "this command reads the files of the service: run it on its machine, without --server"
                .to_owned(),
        ));
    }
    if fills_data_directory(&line.command) {
        // Libraries create files there, too, with the mode that the mask leaves.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    }
    match line.command {
        Command::Run { with_parent } => run_service(common, with_parent),
        Command::Check { connect } => cli::check::run(common, connect),
        Command::Init(wanted) => cli::init::run(common, &wanted),
        Command::Completions { shell } => cli::shell::completions(shell),
        Command::Man { dir } => cli::shell::manual(&dir),
        Command::Schema { kind } => cli::check::schema(kind),
        Command::Import(from) => cli::import::run(&from, common),
        Command::Demo { seconds, dir } => cli::demo::run(common, dir, seconds),
        Command::Simulate { scenario, out } => {
            logging::start(Log {
                level: LogLevel::Warn,
                ..Log::default()
            });
            cli::simulation::run(&scenario, &out, common)
        }
        Command::Probe { target } => cli::probe::run(common, &target),
        Command::Status => cli::status::run(common),
        Command::Reload => cli::reply::reload(common),
        Command::Incident(Incident::List { open }) => cli::views::incidents::list(common, open),
        Command::Incident(Incident::EraseReporter { incident }) => {
            cli::views::reporters::erase(common, &incident)
        }
        Command::Incident(Incident::Show { incident }) => {
            cli::views::incidents::show(common, &incident)
        }
        Command::Incident(Incident::Act(asked)) => cli::reply::act(common, asked),
        Command::Maintenance(Maintenance::List) => cli::views::maintenance::list(common),
        Command::Maintenance(Maintenance::Export(wanted)) => {
            cli::views::maintenance::export(common, &wanted)
        }
        Command::Maintenance(Maintenance::Act(asked)) => cli::reply::act(common, asked),
        Command::Report(wanted) => report(common, wanted),
        Command::Explain(wanted) => cli::explain::run(common, &wanted),
        Command::Notice(wanted) => cli::views::notices::run(common, wanted),
        Command::Proposal(wanted) => cli::proposals::run(common, wanted),
        Command::Desk(Desk::Import(wanted)) => cli::desk::import(common, wanted),
        Command::Policy(wanted) => cli::policy::run(common, wanted),
        Command::Events(wanted) => cli::events::run(common, &wanted),
        Command::Sql(wanted) => cli::sql::run(common, &wanted),
        Command::Export(wanted) => cli::sql::export(common, &wanted),
        Command::Backup { dir } => cli::backup::run(common, &dir),
        Command::Restore { dir } => cli::restore::run(common, &dir),
        Command::Verify { replay } => cli::verify::run(common, replay),
    }
}

/// True for commands that read the data directory itself, and not only what happened.
fn reads_files(command: &Command) -> bool {
    match command {
        Command::Verify { .. }
        | Command::Explain(_)
        | Command::Sql(_)
        | Command::Export(_)
        | Command::Backup { .. }
        | Command::Restore { .. } => true,
        Command::Report(report) => !matches!(
            report.command,
            Some(ReportCommand::Approve(_) | ReportCommand::Revise(_) | ReportCommand::List)
        ),
        _ => false,
    }
}

/// True for commands that write a whole data directory or a copy of one, and no file for other users.
fn fills_data_directory(command: &Command) -> bool {
    matches!(
        command,
        Command::Run { .. } | Command::Backup { .. } | Command::Restore { .. }
    )
}

fn report(common: &Common, wanted: Report) -> Result<End, Failure> {
    match (wanted.command, wanted.print) {
        (Some(ReportCommand::Approve(wanted)), _) => cli::approval::approve(common, wanted),
        (Some(ReportCommand::Revise(wanted)), _) => cli::approval::revise(common, wanted),
        (Some(ReportCommand::List), _) => cli::views::reports::list(common),
        (Some(ReportCommand::Show(wanted)), _) => cli::views::reports::show(common, &wanted),
        (Some(ReportCommand::Verify(wanted)), _) => cli::views::reports::verify(common, &wanted),
        (None, Some(wanted)) => cli::report::run(common, &wanted),
        (None, None) => Err(Failure::Usage("name a month, such as 2026-10".to_owned())),
    }
}

fn run_service(common: &Common, with_parent: bool) -> Result<End, Failure> {
    if with_parent {
        use rustix::process::{Signal, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::TERM))?;
    }
    let mut log = config::locate(&common.config).log;
    if common.json {
        log.format = LogFormat::Json;
    }
    logging::start(log);
    let start = service::Start {
        config: common.config.clone(),
        data: common.data.clone(),
        by: common.actor(),
        check: Check::Child {
            program: std::env::current_exe()?,
            arguments: vec!["preflight".into()],
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Names are resolved on these; a slow resolver must not make probes wait for each other.
        .max_blocking_threads(1_024)
        .build()?;
    let stopped = {
        let _context = runtime.enter();
        stopped()
    };
    match runtime.block_on(service::run(start, stopped)) {
        Ok(()) => Ok(End::Done),
        Err(service::Error::Config(mistakes)) => Err(Failure::Config(mistakes)),
        Err(error) => Err(error.into()),
    }
}

/// Completes with SIGTERM or SIGINT. Both are caught from here on, also while the service starts.
fn stopped() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    async {
        match (terminate, interrupt) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
            }
            // Without handlers, only SIGKILL stops the service. The next start records that it died.
            _ => std::future::pending().await,
        }
    }
}
