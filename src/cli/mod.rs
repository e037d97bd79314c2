//! The command line: standard output is the answer, standard error the rest. Exit status 0 is
//! done, 1 the answer is bad news, 2 wrong usage or configuration, 3 could not.

mod acts;
mod args;
mod layout;
mod office;
mod read;
mod status;
mod verify;

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use domain::act::Act;
use domain::catalogue::Catalogue;
use domain::id::ProbeId;
use domain::notice::Kind;
use domain::report;

use crate::config::{self, Mistakes, SchemaKind};
use crate::reports::{self, Format};
use crate::samples::{self, Check};
use crate::web::Reply;
use crate::{app, clock, demo, notices, simulate};
use args::{Command, Common, Line};
use office::Office;

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
    let line = match Line::try_parse_from(line) {
        Ok(line) => line,
        Err(error) => {
            // Help goes to standard output with status 0, a mistake to standard error with 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match carry_out(line) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::BadNews) => ExitCode::from(1),
        Err(Failure::Config(mistakes)) => {
            eprint!("{}", mistakes.render(std::io::stderr().is_terminal()));
            ExitCode::from(2)
        }
        Err(Failure::Usage(why)) => {
            eprintln!("nines: {why}");
            ExitCode::from(2)
        }
        Err(Failure::Could(error)) => {
            eprintln!("nines: {error:#}");
            ExitCode::from(3)
        }
    }
}

fn carry_out(line: Line) -> Result<End, Failure> {
    let common = &line.common;
    match line.command {
        Command::Run => run(common),
        Command::Check => check(common),
        Command::Schema { kind } => {
            let kind = kind_of_file(kind);
            print(&format!(
                "{}\n",
                serde_json::to_string_pretty(&config::schema(kind))?
            ))?;
            Ok(End::Done)
        }
        Command::Demo { seconds, dir } => {
            // It keeps the service's log in a file, so that its story stays readable.
            let colour = std::io::stdout().is_terminal();
            demo::run(demo::Options {
                dir,
                seconds,
                colour,
            })?;
            Ok(End::Done)
        }
        Command::Simulate { scenario, out } => {
            log_to_stderr("warn");
            simulation(&scenario, &out, common)
        }
        Command::Probe { target } => probe(common, &target),
        Command::Status => status_now(common),
        Command::Incident(words) => match acts::of_incident(&words)? {
            Some(act) => do_act(common, act),
            None => incidents(common, &words),
        },
        Command::Maintenance(words) => match acts::of_maintenance(&words) {
            Some(act) => do_act(common, act),
            None => {
                let (record, _) = Office::of(common)?.record()?;
                let width = layout::width();
                print(&read::maintenance(
                    &record,
                    clock::now(),
                    common.json,
                    width,
                )?)?;
                Ok(End::Done)
            }
        },
        Command::Report {
            month,
            committee,
            format,
            out,
        } => report(common, month, committee.as_deref(), format, out.as_deref()),
        Command::Notice(words) => notice(common, words),
        Command::Verify { replay } => verify::run(&Office::of(common)?, replay, common.json),
        Command::Reload => match Office::of(common)?.reload()? {
            Some(reply) => say(common, reply),
            None => Err(anyhow::anyhow!("no service runs on this data directory").into()),
        },
    }
}

fn kind_of_file(kind: args::SchemaKind) -> SchemaKind {
    match kind {
        args::SchemaKind::Service => SchemaKind::Service,
        args::SchemaKind::System => SchemaKind::System,
        args::SchemaKind::Policy => SchemaKind::Policy,
    }
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `nines status | head` has had enough, which is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output cannot be written"),
    }
}

fn log_to_stderr(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("NINES_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    // A second call within one process (a test) keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}

fn by(common: &Common) -> String {
    common.by.clone().unwrap_or_else(office::user)
}

fn run(common: &Common) -> Result<End, Failure> {
    log_to_stderr("info");
    let start = app::Start {
        config: common.config.clone(),
        data: common.data.clone(),
        by: by(common),
        check: Check::Child {
            program: std::env::current_exe().context("this program cannot find itself")?,
            arguments: vec!["preflight".into()],
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Names are resolved on these; a slow resolver must not make probes wait for each other.
        .max_blocking_threads(1_024)
        .build()?;
    match runtime.block_on(app::run(start, stopped())) {
        Ok(()) => Ok(End::Done),
        Err(app::Error::Config(mistakes)) => Err(Failure::Config(mistakes)),
        Err(error) => Err(error.into()),
    }
}

/// Ends with SIGTERM or SIGINT.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
        }
        // Then only killing it stops it; a start after that finds an end without a word.
        _ => std::future::pending().await,
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
        let found = serde_json::json!({
            "systems": systems.len(), "probes": probes, "policies": policies.len(),
            "customers": customers.len(), "committees": committees.len(),
            "idle": loaded.idle(),
        });
        print(&format!("{found}\n"))?;
    } else {
        print(&format!(
            "{}: no mistakes ({} systems, {probes} probes, {} policies, {} customers, {} committees)\n",
            common.config.display(),
            systems.len(),
            policies.len(),
            customers.len(),
            committees.len(),
        ))?;
        for idle in loaded.idle() {
            print(&format!("  {idle}\n"))?;
        }
    }
    Ok(End::Done)
}

fn simulation(scenario: &Path, out: &Path, common: &Common) -> Result<End, Failure> {
    let bar = indicatif::ProgressBar::new(0);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let played = simulate::run(scenario, out, &mut |scenario, at| {
        let seconds = |from: jiff::Timestamp, to: jiff::Timestamp| {
            u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
        };
        bar.set_length(seconds(scenario.start, scenario.end));
        bar.set_position(seconds(scenario.start, at));
    });
    bar.finish_and_clear();
    let summary = match played {
        Ok(summary) => summary,
        Err(simulate::Error::Mistakes(mistakes)) => return Err(Failure::Config(mistakes)),
        Err(error @ simulate::Error::Scenario(_)) => return Err(Failure::Usage(chain(&error))),
        Err(error) => return Err(error.into()),
    };
    let refused: Vec<String> = summary
        .refused
        .iter()
        .map(|r| format!("line {}: {} at {}: {}", r.line, r.by, r.at, r.reason))
        .collect();
    if common.json {
        let value = serde_json::json!({
            "seq": summary.head.seq, "head": summary.head.hash, "samples": summary.samples,
            "outages": summary.outages, "incidents": summary.incidents,
            "notices": summary.notices, "refused": refused, "reports": summary.reports,
        });
        print(&format!("{}\n", serde_json::to_string_pretty(&value)?))?;
    } else {
        let mut text = format!(
            "{} samples, {} outages, {} incidents, {} notices; ledger at {}, head {}\n",
            summary.samples,
            summary.outages,
            summary.incidents,
            summary.notices,
            summary.head.seq,
            summary.head.hash,
        );
        for why in &refused {
            text.push_str(&format!("refused: {why}\n"));
        }
        for report in &summary.reports {
            text.push_str(&format!("{}\n", report.display()));
        }
        print(&text)?;
    }
    Ok(if refused.is_empty() {
        End::Done
    } else {
        End::BadNews
    })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

fn probe(common: &Common, target: &str) -> Result<End, Failure> {
    probes::install_crypto();
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    let wanted: Vec<_> = loaded
        .probes
        .into_iter()
        .filter(|p| p.id.as_str() == target || p.id.system() == target)
        .collect();
    if wanted.is_empty() {
        let known: Vec<&str> = loaded
            .catalogue
            .systems
            .iter()
            .map(|s| s.id.as_str())
            .collect();
        let known = known.join(", ");
        return Err(Failure::Usage(format!(
            "there is no system or probe `{target}` (systems: {known})"
        )));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut end = End::Done;
    for setup in wanted {
        let probe = probes::Probe::new(setup.spec)?;
        let found = runtime.block_on(probe.run());
        if found.outcome != domain::sample::Outcome::Up {
            end = End::BadNews;
        }
        print(&found_text(&setup.id, &found, common.json))?;
    }
    Ok(end)
}

fn found_text(id: &ProbeId, found: &probes::Finding, as_json: bool) -> String {
    let ms = |us: Option<u64>| us.map(|us| us as f64 / 1e3);
    let phases = [
        ("resolve", found.phases.resolve_us),
        ("connect", found.phases.connect_us),
        ("tls", found.phases.tls_us),
        ("processing", found.phases.processing_us),
        ("transfer", found.phases.transfer_us),
    ];
    if as_json {
        let phases: serde_json::Map<_, _> = phases
            .iter()
            .map(|(n, us)| ((*n).to_owned(), serde_json::json!(ms(*us))))
            .collect();
        let value = serde_json::json!({
            "probe": id, "outcome": found.outcome, "reason": found.reason,
            "detail": found.detail, "took_ms": found.took.as_secs_f64() * 1e3,
            "phases_ms": phases, "status": found.status,
            "certificate_ends": found.certificate_ends_at,
        });
        return format!("{value}\n");
    }
    let mut text = format!("{}: {}", id, found.outcome);
    if let Some(reason) = found.reason {
        text.push_str(&format!(" ({reason})"));
    }
    if let Some(detail) = &found.detail {
        text.push_str(&format!(": {detail}"));
    }
    text.push_str(&format!(
        "\n  took {:.3} ms",
        found.took.as_secs_f64() * 1e3
    ));
    for (name, us) in phases {
        if let Some(ms) = ms(us) {
            text.push_str(&format!(", {name} {ms:.3}"));
        }
    }
    if let Some(status) = found.status {
        text.push_str(&format!("\n  status {status}"));
    }
    if let Some(ends) = found.certificate_ends_at {
        text.push_str(&format!("\n  a certificate of the chain ends {ends}"));
    }
    format!("{text}\n")
}

fn do_act(common: &Common, act: Act) -> Result<End, Failure> {
    let reply = Office::of(common)?.act(&by(common), act)?;
    say(common, reply)
}

fn say(common: &Common, reply: Reply) -> Result<End, Failure> {
    match reply {
        Reply::Done(receipt) => {
            if common.json {
                print(&format!(
                    "{}\n",
                    serde_json::to_string_pretty(&receipt.events)?
                ))?;
            } else if receipt.events.is_empty() {
                print("done\n")?;
            } else {
                for row in receipt.events {
                    print(&format!(
                        "#{} {} {} by {}\n",
                        row.seq, row.kind, row.subject, row.by
                    ))?;
                }
            }
            Ok(End::Done)
        }
        Reply::Refused(why) => {
            eprintln!("refused: {why}");
            Ok(End::BadNews)
        }
        Reply::Failed(why) => Err(anyhow::anyhow!(why).into()),
    }
}

fn status_now(common: &Common) -> Result<End, Failure> {
    let (status, runs) = Office::of(common)?.status()?;
    print(&if common.json {
        format!("{}\n", serde_json::to_string_pretty(&status)?)
    } else {
        status::text(&status, runs, layout::width())
    })?;
    Ok(if status.is_bad() || !runs {
        End::BadNews
    } else {
        End::Done
    })
}

fn incidents(common: &Common, words: &args::Incident) -> Result<End, Failure> {
    let (record, _) = Office::of(common)?.record()?;
    match words {
        args::Incident::List { open } => {
            print(&read::incidents(
                &record,
                *open,
                common.json,
                layout::width(),
            )?)?;
        }
        args::Incident::Show(which) => {
            print(&read::incident(
                &record,
                &acts::incident(which),
                common.json,
                layout::width(),
            )?)?;
        }
        // Everything else is an act, carried out elsewhere.
        _ => {}
    }
    Ok(End::Done)
}

fn report(
    common: &Common,
    month: domain::calendar::Month,
    committee: Option<&str>,
    format: args::Format,
    out: Option<&Path>,
) -> Result<End, Failure> {
    let (record, head) = Office::of(common)?.record()?;
    let committees = &record.catalogue.committees;
    let committee = match (committee, committees.as_slice()) {
        (Some(id), _) => id.to_owned(),
        (None, [only]) => only.id.to_string(),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|c| c.id.as_str()).collect();
            return Err(Failure::Usage(format!(
                "name one with --committee: {}",
                names.join(", ")
            )));
        }
    };
    let made = report::monthly(&record, &committee, month, &head.hash)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let format = match (common.json, format) {
        (true, _) | (_, args::Format::Json) => Format::Json,
        (_, args::Format::Html) => Format::Html,
        (_, args::Format::Md) => Format::Markdown,
        (_, args::Format::Csv) => Format::Csv,
    };
    // Templates of the operator's own, where the configuration can be read; a report can be made
    // from a data directory alone.
    let templates = config::load(&common.config).ok().and_then(|l| l.templates);
    let bytes = reports::render(&made, format, templates.as_deref())?;
    match out {
        Some(file) => {
            crate::files::replace(file, &bytes)
                .with_context(|| format!("{} cannot be written", file.display()))?;
            eprintln!("{}", file.display());
        }
        None => std::io::stdout().lock().write_all(&bytes)?,
    }
    Ok(End::Done)
}

fn notice(common: &Common, words: args::Notice) -> Result<End, Failure> {
    match words {
        args::Notice::List => {
            let (record, _) = Office::of(common)?.record()?;
            print(&read::notices(&record, common.json, layout::width())?)?;
            Ok(End::Done)
        }
        args::Notice::Preview {
            kind,
            unstable,
            html,
        } => preview(common, &kind, unstable, html),
    }
}

fn preview(common: &Common, kind: &str, unstable: bool, html: bool) -> Result<End, Failure> {
    let Some(kind) = Kind::ALL.into_iter().find(|k| k.word() == kind) else {
        let known: Vec<&str> = Kind::ALL.iter().map(|k| k.word()).collect();
        return Err(Failure::Usage(format!(
            "`{kind}` is not one of {}",
            known.join(", ")
        )));
    };
    if unstable && !matches!(kind, Kind::Downtime | Kind::Uptime) {
        return Err(Failure::Usage(format!(
            "`{kind}` never speaks of an unstable system; downtime and uptime do"
        )));
    }
    let loaded = config::load(&common.config).map_err(Failure::Config)?;
    let renderer = notices::Renderer::new(loaded.templates.as_deref())?;
    let said = renderer.preview(kind, unstable, &loaded.catalogue, clock::now())?;
    print(&if common.json {
        format!("{}\n", serde_json::to_string_pretty(&said)?)
    } else if html {
        said.html
    } else {
        format!("Subject: {}\n\n{}", said.subject, said.text)
    })?;
    Ok(End::Done)
}
