//! The command line: standard output is the answer, standard error the rest. Exit status 0 is
//! done, 1 the answer is bad news, 2 wrong usage or configuration, 3 could not. Which is which is
//! told in the README.

mod acts;
mod args;
mod client;
mod events;
mod layout;
mod notice;
mod output;
mod probe;
mod progress;
mod report;
mod sentence;
mod simulation;
mod status;
mod verify;
mod views;
mod window_status;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use domain::act::Act;
use domain::catalogue::Catalogue;
use domain::text::visible_line;
use serde_json::json;

use crate::config::{self, Mistake, Mistakes};
use crate::samples::{self, Check};
use crate::web::Reply;
use crate::{app, clock, notices};
use args::{Command, Common, Line};
use client::Client;
use output::{complain, made, print};

/// How a command ended, beside what it printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    BadNews,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The configuration has mistakes.
    Config(Mistakes),
    /// The words were wrong.
    Usage(String),
    /// The ledger knows nothing of what was named.
    Unknown(String),
    /// It could not.
    Could(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Could(error.into())
    }
}

/// Carries out a command line, the program's name included.
pub fn main(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line: Vec<OsString> = line.into_iter().collect();
    // Not for people: a child that opens a samples file before the service does.
    if let [_, word, file] = line.as_slice()
        && word == "preflight"
    {
        return ExitCode::from(samples::preflight(Path::new(file)));
    }
    let wants_json = line
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json");
    let line = match Line::try_parse_from(line) {
        Ok(line) => line,
        Err(error) => return unread(&error, wants_json),
    };
    let as_json = line.common.json;
    match carry_out(line) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::BadNews) => ExitCode::from(1),
        Err(failure) => failed(&failure, as_json),
    }
}

/// Says why the words of the line could not be read, or what they may be.
fn unread(error: &clap::Error, as_json: bool) -> ExitCode {
    // Help goes to standard output with status 0, a mistake to standard error with 2.
    let _ = error.print();
    if as_json && error.use_stderr() {
        let whole = error.to_string();
        // How the command is used is for people.
        let why = whole.split("\n\nUsage:").next().unwrap_or_default();
        let why = why.trim_start_matches("error: ").trim();
        let _ = output::json(&json!({ "error": why }));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Says why not, for people and for programs.
fn failed(failure: &Failure, as_json: bool) -> ExitCode {
    let (code, answer) = match failure {
        Failure::Config(mistakes) => {
            output::painted(&mistakes.render(output::coloured(&std::io::stderr())));
            let all: Vec<_> = mistakes.iter().map(mistake_json).collect();
            (2, json!({ "mistakes": all }))
        }
        Failure::Usage(why) => {
            complain(format!("nines: {why}"));
            (2, json!({ "error": why }))
        }
        Failure::Unknown(what) => {
            complain(format!("nines: {what}"));
            (1, json!({ "error": what }))
        }
        Failure::Could(error) => {
            complain(format!("nines: {error:#}"));
            (3, json!({ "error": format!("{error:#}") }))
        }
    };
    if as_json {
        // What went wrong first is what the status tells.
        let _ = output::json(&answer);
    }
    ExitCode::from(code)
}

fn mistake_json(mistake: &Mistake) -> serde_json::Value {
    json!({
        "file": mistake.path, "line": mistake.line, "column": mistake.column,
        "message": mistake.message,
    })
}

fn carry_out(line: Line) -> Result<End, Failure> {
    let common = &line.common;
    match line.command {
        Command::Run { with_parent } => run(common, with_parent),
        Command::Check => check(common),
        Command::Schema { kind } => {
            output::json(&config::schema(kind))?;
            Ok(End::Done)
        }
        Command::Demo { seconds, dir } => show(common, dir, seconds),
        Command::Simulate { scenario, out } => {
            log_to_stderr("warn");
            simulation::run(&scenario, &out, common)
        }
        Command::Probe { target } => probe::run(common, &target),
        Command::Status => status_now(common),
        Command::Incident(args::Incident::Act(asked)) => do_act(common, asked.act),
        Command::Incident(args::Incident::List { open }) => {
            let (record, _) = Client::of(common)?.record(None)?;
            let listed = views::incidents(&record, open, common.json, layout::width())?;
            made(&listed, common.json)?;
            Ok(End::Done)
        }
        Command::Incident(args::Incident::Show { incident }) => {
            let (record, _) = Client::of(common)?.record(None)?;
            let shown = views::incident(&record, &incident, common.json, layout::width())?;
            made(&shown, common.json)?;
            Ok(End::Done)
        }
        Command::Maintenance(args::Maintenance::Act(asked)) => do_act(common, asked.act),
        Command::Maintenance(args::Maintenance::List) => {
            let (record, _) = Client::of(common)?.record(None)?;
            let width = layout::width();
            let windows = views::maintenance(&record, clock::now(), common.json, width)?;
            made(&windows, common.json)?;
            Ok(End::Done)
        }
        Command::Report {
            month,
            committee,
            seq,
            format,
            out,
        } => {
            let format = report::format(common, format)?;
            let of = report::Of {
                month,
                committee: committee.as_deref(),
                seq,
            };
            report::run(common, &of, format, out.as_deref())
        }
        Command::Notice(words) => notice::run(common, words),
        Command::Events {
            follow,
            since,
            limit,
        } => {
            let wanted = events::Wanted { since, limit };
            events::run(&Client::of(common)?, &wanted, follow, common.json)
        }
        Command::Verify { replay } => verify::run(&Client::of(common)?, replay, common.json),
        Command::Reload => match Client::of(common)?.reload()? {
            // The service has judged it, and its words name every mistake.
            Some(Reply::Refused(why)) => Err(Failure::Usage(not_taken(&why))),
            Some(Reply::Failed(why)) => Err(anyhow::anyhow!(not_taken(&why)).into()),
            Some(reply) => said(common, reply, &[]),
            None => Err(anyhow::anyhow!("no service runs on this data directory").into()),
        },
    }
}

fn not_taken(why: &str) -> String {
    format!("the configuration was NOT taken over, the one before stays in force:\n{why}")
}

fn log_to_stderr(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("NINES_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    // A second call within one process (a test) keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::coloured(&std::io::stderr()))
        // Its own complaint about a standard error that is full would be a panic.
        .log_internal_errors(false)
        .with_target(false)
        .try_init();
}

fn by(common: &Common) -> String {
    common.by.clone().unwrap_or_else(client::user)
}

fn show(common: &Common, dir: PathBuf, seconds: Option<u64>) -> Result<End, Failure> {
    if common.json {
        return Err(Failure::Usage(
            "the demo is a story for people and has no JSON: use --json with the commands that it \
             suggests"
                .to_owned(),
        ));
    }
    // It keeps the service's log in a file, so that its story stays readable.
    let colour = output::coloured(&std::io::stdout());
    demo::run(demo::Options {
        program: this_program()?,
        dir,
        seconds,
        colour,
    })?;
    Ok(End::Done)
}

fn run(common: &Common, with_parent: bool) -> Result<End, Failure> {
    log_to_stderr("info");
    if with_parent {
        use rustix::process::{Signal, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::TERM))?;
    }
    let start = app::Start {
        config: common.config.clone(),
        data: common.data.clone(),
        by: by(common),
        check: Check::Child {
            program: this_program()?,
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
    match runtime.block_on(app::run(start, stopped)) {
        Ok(()) => Ok(End::Done),
        Err(app::Error::Config(mistakes)) => Err(Failure::Config(mistakes)),
        Err(error) => Err(error.into()),
    }
}

fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("this program cannot find itself")
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
            // Then only a kill stops the service; the next start records that it ended.
            _ => std::future::pending().await,
        }
    }
}

fn check(common: &Common) -> Result<End, Failure> {
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    notices::Renderer::new(loaded.templates.as_deref())?;
    let Catalogue {
        systems,
        policies,
        customers,
        committees,
        ..
    } = &loaded.catalogue;
    let probes = loaded.probes.len();
    if common.json {
        output::json(&json!({
            "systems": systems.len(), "probes": probes, "policies": policies.len(),
            "customers": customers.len(), "committees": committees.len(),
            "unused": loaded.unused(),
        }))?;
    } else {
        print(&format!(
            "{}: no mistakes ({} systems, {probes} probes, {} policies, {} customers, {} committees)\n",
            common.config.display(),
            systems.len(),
            policies.len(),
            customers.len(),
            committees.len(),
        ))?;
        for unused in loaded.unused() {
            print(&format!("  {unused}\n"))?;
        }
    }
    Ok(End::Done)
}

fn do_act(common: &Common, act: Act) -> Result<End, Failure> {
    let client = Client::of(common)?;
    let window = match &act {
        Act::ScheduleMaintenance(window) => Some(window.id.clone()),
        Act::ExtendMaintenance { window, .. } => Some(window.clone()),
        _ => None,
    };
    let alone = matches!(
        act,
        Act::Exclude {
            approved_by: None,
            ..
        }
    );
    let reply = client.act(&by(common), act)?;
    let mut notes = Vec::new();
    if matches!(reply, Reply::Done(_)) {
        // One person's word excludes nothing: who reads only "done" would rely on it.
        if alone {
            notes.push(
                "asked for, and without effect: it counts as unplanned until it is recorded again \
                 with --approved-by, by another person's name"
                    .to_owned(),
            );
        }
        if let Some(window) = window {
            let (record, _) = client.record(None)?;
            let outlook = record.window_status(&window, clock::now());
            notes.extend(outlook.iter().flat_map(window_status::words));
        }
    }
    said(common, reply, &notes)
}

/// Tells what came of it; `notes` is what else is to be known of what was done.
fn said(common: &Common, reply: Reply, notes: &[String]) -> Result<End, Failure> {
    match reply {
        Reply::Done(receipt) => {
            for left in &receipt.left {
                complain(format!("nines: {left}"));
            }
            if common.json {
                let left: Vec<&String> = receipt.left.iter().chain(notes).collect();
                output::json(&json!({ "events": receipt.events, "left": left }))?;
                return Ok(End::Done);
            }
            if receipt.events.is_empty() {
                print("done\n")?;
            }
            for row in receipt.events {
                print(&format!(
                    "#{} {} {} by {}\n",
                    row.seq,
                    row.kind,
                    visible_line(&row.subject),
                    visible_line(&row.by)
                ))?;
            }
            for note in notes {
                print(&format!("{}\n", visible_line(note)))?;
            }
            Ok(End::Done)
        }
        Reply::Refused(why) => {
            complain(format!("refused: {why}"));
            if common.json {
                output::json(&json!({ "refused": why }))?;
            }
            Ok(End::BadNews)
        }
        Reply::Failed(why) => Err(anyhow::anyhow!(why).into()),
    }
}

fn status_now(common: &Common) -> Result<End, Failure> {
    let (status, runs) = Client::of(common)?.status()?;
    if common.json {
        output::json(&status)?;
    } else {
        print(&status::text(&status, runs, layout::width()))?;
    }
    Ok(if status.is_bad() || !runs {
        End::BadNews
    } else {
        End::Done
    })
}
