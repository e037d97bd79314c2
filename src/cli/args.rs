//! The words of the command line. Nothing is done here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::calendar::Month;
use domain::id::{CustomerId, OutageId, SystemId, WindowId};
use domain::incident::{Certainty, Measure};
use jiff::Timestamp;

use crate::config::seconds;

/// Watches the systems that customers depend on, tells planned maintenance from unplanned
/// outages, tells customers, and reports to operating committees.
#[derive(Debug, Parser)]
#[command(name = "nines", version, max_term_width = 100)]
pub struct Line {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What holds for every command.
    #[command(flatten)]
    pub common: Common,
}

/// What holds for every command.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// The service's configuration.
    #[arg(
        long,
        global = true,
        default_value = "config/nines.toml",
        value_name = "FILE"
    )]
    pub config: PathBuf,
    /// The data directory, instead of the one that the configuration names.
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Who acts; the user of the operating system unless named.
    #[arg(long, global = true, value_name = "NAME", value_parser = name)]
    pub by: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch, tell and record, until stopped.
    Run,
    /// Check the whole configuration and report every mistake.
    Check,
    /// Print the JSON Schema of a kind of configuration file.
    Schema {
        /// Which kind.
        kind: SchemaKind,
    },
    /// Show it all on this machine: small systems that break and mend, mails, a month, a report.
    Demo {
        /// How long to keep it running, in seconds; until stopped unless given.
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
        /// Where to put its configuration, ledger and mails.
        #[arg(long, value_name = "DIR", default_value = "demo")]
        dir: PathBuf,
    },
    /// Run a scenario on a virtual clock.
    Simulate {
        /// The scenario.
        scenario: PathBuf,
        /// Where to write timeline, notices, mails, reports, ledger and samples.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Run one system's probes, or one probe, once, and say what was found.
    Probe {
        /// `SYSTEM` or `SYSTEM/PROBE`.
        target: String,
    },
    /// What is wrong now.
    Status,
    /// Have the running service take its configuration over; a bad one keeps the good one running.
    Reload,
    /// Incidents and outages: list, acknowledge, write texts, close, declare, correct.
    #[command(subcommand)]
    Incident(Incident),
    /// Single maintenance windows: list, schedule, extend, cancel, record who was told.
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// The monthly report of a committee.
    Report {
        /// The month, as 2026-10.
        month: Month,
        /// Whose report; may be left out where there is only one committee.
        #[arg(long)]
        committee: Option<String>,
        /// As the ledger stood after its event of that number, as an earlier report prints it; all of
        /// it unless given.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
        seq: Option<u64>,
        /// In which form; html unless given.
        #[arg(long, value_enum)]
        format: Option<Format>,
        /// The file to write; standard output unless given.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Notices: list them, or see what one would say.
    #[command(subcommand)]
    Notice(Notice),
    /// Print the events of the ledger, one plain sentence each.
    Events {
        /// Go on: print new events as they are recorded, until interrupted.
        #[arg(long)]
        follow: bool,
        /// Only events from this time on (RFC 3339).
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Only the last N events; with --follow, of those that are there already.
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Check that nothing in the ledger was changed or removed.
    Verify {
        /// Also fold every event again and check what must always hold.
        #[arg(long)]
        replay: bool,
    },
}

/// A kind of configuration file.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaKind {
    /// `nines.toml`.
    Service,
    /// A file in `systems/`.
    System,
    /// A file in `policies/`.
    Policy,
}

/// A form of the report.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// One file, to read and to print.
    Html,
    /// Markdown.
    Md,
    /// Comma-separated values.
    Csv,
    /// The figures for other programs.
    Json,
}

/// Which incident.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// An incident's id (I-12), or a system: its open incident, else its last.
    pub incident: String,
}

/// An earlier time than now, for what counts from when it is recorded.
#[derive(Clone, Debug, Args)]
pub struct Earlier {
    /// From when it counts (RFC 3339), if that is earlier than now; needs a second person.
    #[arg(long, requires = "approved_by")]
    pub at: Option<Timestamp>,
    /// The second person, who vouches for the earlier time.
    #[arg(long, requires = "at")]
    pub approved_by: Option<String>,
}

/// What to do with incidents and outages.
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// All, or the open ones.
    List {
        /// Only those that are not closed.
        #[arg(long)]
        open: bool,
    },
    /// One incident with its outages, texts and notices.
    Show(Which),
    /// Take it on.
    Ack {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Since when, if not since now.
        #[command(flatten)]
        earlier: Earlier,
    },
    /// Write what it was; what is left out stays as it is.
    Review {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// What happened, in two sentences.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        summary: Option<String>,
        /// Why.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        root_cause: Option<String>,
        /// How far the root cause is known: unknown, suspected, confirmed.
        #[arg(long, value_parser = certainty)]
        certainty: Option<Certainty>,
        /// What ended it.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        resolution: Option<String>,
        /// A preventive measure as `TEXT;OWNER;2026-12-31`; may be given several times. It is added to
        /// those before; one of the same text takes another owner and date.
        #[arg(long = "measure", value_name = "TEXT;OWNER;DATE", allow_hyphen_values = true, value_parser = super::acts::measure)]
        measures: Vec<Measure>,
    },
    /// Record that a preventive measure was carried out.
    Done {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// The measure: its number as `incident show` prints it, or its whole text.
        measure: String,
        /// What was done.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        note: Option<String>,
    },
    /// Close it.
    Close {
        /// Which.
        #[command(flatten)]
        which: Which,
        /// Why texts are missing.
        #[arg(long, value_name = "REASON", allow_hyphen_values = true, value_parser = text)]
        without: Option<String>,
    },
    /// Declare an outage that the probes did not see.
    Declare {
        /// The system.
        system: SystemId,
        /// Its start (RFC 3339).
        #[arg(long)]
        from: Timestamp,
        /// Its end, if it is over (RFC 3339).
        #[arg(long)]
        to: Option<Timestamp>,
        /// What it rests on.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        evidence: String,
    },
    /// Give a declared outage its end, or another one.
    End {
        /// The outage (O-12).
        outage: OutageId,
        /// Its end (RFC 3339).
        #[arg(long)]
        to: Timestamp,
        /// Why.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        reason: String,
        /// The second person, whom shortening needs.
        #[arg(long)]
        approved_by: Option<String>,
    },
    /// Declare a span unknown, because the monitor itself was wrong.
    Fault {
        /// The system.
        system: SystemId,
        /// From when (RFC 3339).
        #[arg(long)]
        from: Timestamp,
        /// To when (RFC 3339).
        #[arg(long)]
        to: Timestamp,
        /// What it rests on.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        evidence: String,
        /// The second person.
        #[arg(long)]
        approved_by: String,
    },
    /// Exclude a part of an outage from the contract's figure.
    Exclude {
        /// The outage (O-12).
        outage: OutageId,
        /// From when (RFC 3339).
        #[arg(long)]
        from: Timestamp,
        /// To when (RFC 3339).
        #[arg(long)]
        to: Timestamp,
        /// Why.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        reason: String,
        /// What it rests on.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        evidence: String,
        /// The second person; until there is one it stays unplanned.
        #[arg(long)]
        approved_by: Option<String>,
    },
    /// Take an outage's planned time back.
    Reclassify {
        /// The outage (O-12).
        outage: OutageId,
        /// Why.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        reason: String,
    },
}

/// What to do with single maintenance windows.
#[derive(Debug, Subcommand)]
pub enum Maintenance {
    /// Windows that are held or will be within a month, with who has not been told yet.
    List,
    /// Schedule one.
    Schedule {
        /// Its id, unique among all windows.
        id: String,
        /// A system concerned; may be given several times.
        #[arg(long = "system", required = true)]
        systems: Vec<SystemId>,
        /// What the work is.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        title: String,
        /// What customers will notice.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        impact: Option<String>,
        /// Start (RFC 3339).
        #[arg(long)]
        start: Timestamp,
        /// End (RFC 3339).
        #[arg(long)]
        end: Timestamp,
        /// The downtime it allows, as `5m`; all of it unless given.
        #[arg(long, value_parser = seconds)]
        max_downtime: Option<i64>,
        /// How long ahead customers must have been told, as `7d`.
        #[arg(long, value_parser = seconds)]
        min_notice: Option<i64>,
        /// How early the work may begin, as `30s`.
        #[arg(long, value_parser = seconds)]
        start_grace: Option<i64>,
        /// Why it lies outside the hours that the policy allows.
        #[arg(long = "override", value_name = "REASON", allow_hyphen_values = true, value_parser = text)]
        override_reason: Option<String>,
    },
    /// Give one another end (earlier ends it early) or another allowance.
    Extend {
        /// Which.
        window: WindowId,
        /// The end (RFC 3339).
        #[arg(long)]
        end: Timestamp,
        /// The downtime it allows, as `5m`.
        #[arg(long, value_parser = seconds)]
        max_downtime: Option<i64>,
        /// Why.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        reason: Option<String>,
    },
    /// Cancel one that has not begun.
    Cancel {
        /// Which.
        window: WindowId,
        /// Why.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        reason: Option<String>,
    },
    /// Record that a customer was told.
    Told {
        /// Of which window.
        window: WindowId,
        /// Whom.
        customer: CustomerId,
        /// How.
        #[arg(long, allow_hyphen_values = true, value_parser = text)]
        how: String,
        /// When, if not now.
        #[command(flatten)]
        earlier: Earlier,
    },
}

/// What to do with notices.
#[derive(Debug, Subcommand)]
pub enum Notice {
    /// All, newest last, with how their delivery stands.
    List,
    /// What a notice of a kind would say, by the templates in force.
    Preview {
        /// Which kind, as `downtime`.
        kind: String,
        /// Of a system that fails again and again; for `downtime` and `uptime`.
        #[arg(long)]
        unstable: bool,
        /// Print the HTML part instead of the text.
        #[arg(long)]
        html: bool,
    },
}

/// A person's name, which stands on one line.
fn name(text: &str) -> Result<String, String> {
    domain::text::line(text, "it").map_err(|refusal| refusal.to_string())?;
    Ok(text.to_owned())
}

/// A text of a person's, which may begin with a hyphen, as the first of a list does. What looks like an
/// option is taken for one whose text was forgotten.
fn text(text: &str) -> Result<String, String> {
    let option = text.strip_prefix("--");
    let long = option.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    if long || matches!(text, "-h" | "-V" | "--") {
        return Err("it reads like an option: is the text missing?".to_owned());
    }
    Ok(text.to_owned())
}

fn certainty(text: &str) -> Result<Certainty, String> {
    match text {
        "unknown" => Ok(Certainty::Unknown),
        "suspected" => Ok(Certainty::Suspected),
        "confirmed" => Ok(Certainty::Confirmed),
        other => Err(format!(
            "`{other}` is not one of unknown, suspected, confirmed"
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)] // a test may panic

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Line::command().debug_assert();
    }

    #[test]
    fn a_text_may_begin_with_a_hyphen_and_swallows_no_option() {
        let read = |words: &[&str]| {
            let line = ["nines", "incident", "review", "portal"]
                .iter()
                .chain(words);
            Line::try_parse_from(line).map(|line| (line.common.json, line.command))
        };
        for text in ["- restarted", "-5 degrees", "-", "-- why", "--- a rule"] {
            let (json, command) = read(&["--summary", text, "--json"]).unwrap();
            let Command::Incident(Incident::Review { summary, .. }) = command else {
                panic!("{command:?}");
            };
            assert_eq!((json, summary.as_deref()), (true, Some(text)));
        }
        for wrong in [
            &["--summary", "--json"][..],
            &["--summary", "--resolution", "x"],
            &["--summary", "-h"],
            &["--sumary", "- x"],
            &["--measure", "--json"],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        let (_, command) = read(&["--measure", "- pin it; platform; 2026-12-31"]).unwrap();
        assert!(
            matches!(command, Command::Incident(Incident::Review { measures, .. }) if measures.len() == 1)
        );
    }

    #[test]
    fn lengths_read_as_people_write_them() {
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("1h30m"), Ok(5_400));
        assert_eq!(seconds("7d"), Ok(604_800));
        for wrong in [
            "",
            "5",
            "m",
            "5 m",
            "-5m",
            "5x",
            "99999999999999999999d",
            "1500ms",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
