//! The grammar of the command line. The commands that ask for an act are in `acts`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::act::Selector;
use domain::calendar::Month;
use domain::id::IncidentId;
use domain::policy::{Flag, Request};
use domain::written_time::WrittenTime;
use jiff::civil::Date;

use super::acts::{Asked, IncidentActs, MaintenanceActs, NOT_PHI_HELP, NoticeActs};
use super::client;
use crate::config::SchemaKind;
use crate::reports::Format;

/// Monitor the systems that customers depend on, distinguish planned maintenance from unplanned
/// outages, notify customers, and report to operating committees
#[derive(Debug, Parser)]
#[command(name = "nines", version, max_term_width = 100)]
pub struct Line {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub common: Common,
}

/// The options of every command.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Configuration file of the service
    #[arg(
        long,
        global = true,
        env = "NINES_CONFIG",
        hide_env_values = true,
        default_value = "config/nines.toml",
        value_name = "FILE"
    )]
    pub config: PathBuf,
    /// Data directory, instead of the one in the configuration
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Name recorded as the actor (default: your login name)
    #[arg(long, global = true, value_name = "NAME", value_parser = name)]
    pub by: Option<String>,
    /// Service on another machine, such as https://nines.example.org; needs a token
    #[arg(
        long,
        global = true,
        env = "NINES_SERVER",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub server: Option<String>,
    /// File (PEM) with the certificate authority of --server, beside those that this machine trusts
    #[arg(
        long,
        global = true,
        env = "NINES_SERVER_CA",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub server_ca: Option<PathBuf>,
    /// File with the token for --server (default: the variable NINES_TOKEN)
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

impl Common {
    /// The name recorded as the actor.
    pub fn actor(&self) -> String {
        self.by.clone().unwrap_or_else(client::user)
    }
}

/// A monitor whose definitions can be imported.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Monitor {
    /// The configuration of Gatus, one YAML file
    Gatus,
    /// The database of Uptime Kuma, kuma.db, or its JSON backup
    UptimeKuma,
    /// The modules of blackbox_exporter, with --targets
    Blackbox,
}

#[derive(Debug, Args)]
pub struct ImportFrom {
    /// The monitor that the file is of
    #[arg(value_enum)]
    pub monitor: Monitor,
    /// Its file, as config.yaml, kuma.db or blackbox.yml
    pub file: PathBuf,
    /// For blackbox: the configuration of Prometheus, whose jobs name the targets
    #[arg(long, value_name = "FILE", required_if_eq("monitor", "blackbox"))]
    pub targets: Option<PathBuf>,
    /// Directory for the files of systems; no file is overwritten
    #[arg(long, value_name = "DIR", default_value = "imported")]
    pub out: PathBuf,
    /// The id of the committee of the systems
    #[arg(long, value_name = "ID", default_value = "operations")]
    pub committee: String,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service until it is stopped
    Run {
        /// Stop when the process that started this one ends; for the demo.
        #[arg(long, hide = true)]
        with_parent: bool,
    },
    /// Check the whole configuration and report every mistake
    Check {
        /// Also connect to each mail relay (greeting, TLS, login), each webhook (TLS) and the OpenID Connect
        /// provider (its document); no mail is sent and nothing is posted
        #[arg(long)]
        connect: bool,
    },
    /// Write a small working configuration; asks for what the options leave out
    Init(Init),
    /// Print the completions of the command line for a shell
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory
    Man {
        /// Directory for the pages
        dir: PathBuf,
    },
    /// Print the JSON Schema of a kind of configuration file
    Schema {
        #[arg(value_enum)]
        kind: SchemaKind,
    },
    /// Demonstrate the service on this machine: small systems that fail and recover, mails, a report
    Demo {
        /// Stop after this many seconds (default: run until stopped)
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
        /// Directory for the configuration, the ledger and the mails
        #[arg(long, value_name = "DIR", default_value = "nines-demo")]
        dir: PathBuf,
    },
    /// Turn the definitions of another monitor into files of systems, and list what was left out
    Import(ImportFrom),
    /// Run a scenario on a virtual clock
    Simulate {
        /// Scenario file
        scenario: PathBuf,
        /// Directory for the timeline, notices, mails, reports, ledger and samples
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Run a system's probes, or one probe, once and print the results
    Probe {
        /// `SYSTEM` or `SYSTEM/PROBE`
        target: String,
    },
    /// Show what is wrong now
    Status,
    /// Reload the configuration; if it has mistakes, the old one stays in force
    Reload,
    /// List, acknowledge, review, close, declare or correct incidents and outages
    #[command(subcommand)]
    Incident(Incident),
    /// List, schedule, extend or cancel maintenance windows, or record who was notified
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// Print the monthly report of a committee; approve, revise, list, show or verify reports
    Report(Report),
    /// Explain a figure of a report: its formula and numbers, and the facts behind them
    Explain(Explain),
    /// List or preview notices, send a rejected one again, list who is notified, or send a test mail
    #[command(subcommand)]
    Notice(Notice),
    /// List, approve or withdraw the acts that wait for a second person; needs --server
    #[command(subcommand)]
    Proposal(Proposal),
    /// Explain a policy, compute the deadlines of its clocks, or list its business days
    #[command(subcommand)]
    Policy(Policy),
    /// Import the calls of a service desk
    #[command(subcommand)]
    Desk(Desk),
    /// Print the events of the ledger, one plain sentence each
    Events(Events),
    /// Query samples, outages, incidents, maintenance, notices and availability in SQL, also while the service runs
    Sql(Sql),
    /// Write a table of samples, outages, incidents, maintenance, notices or availability to a file
    Export(Export),
    /// Copy the whole data directory into a new directory, also while the service runs
    Backup {
        /// Directory to create
        dir: PathBuf,
    },
    /// Check a backup and copy it into a new data directory
    Restore {
        /// Directory that `nines backup` wrote
        dir: PathBuf,
    },
    /// Check that nothing in the ledger was changed or removed
    Verify {
        /// Also replay every event and check the resulting state
        #[arg(long)]
        replay: bool,
    },
}

#[derive(Debug, Args)]
pub struct Init {
    /// Name of the organisation, as mails print it
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Time zone, such as America/New_York
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Mail address that gets the monthly report
    #[arg(long, value_name = "ADDRESS")]
    pub member: Option<String>,
    /// Name of the first system, such as "Patient Portal"
    #[arg(long, value_name = "NAME")]
    pub system: Option<String>,
    /// Address that the first system's probe asks, such as https://portal.example.org/
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Mail relay, such as smtp+starttls://relay.example.org:587 (default: no mail is sent)
    #[arg(long, value_name = "URL")]
    pub relay: Option<String>,
    /// Sender of mails (default: the address of --member)
    #[arg(long, value_name = "ADDRESS", requires = "relay")]
    pub from: Option<String>,
}

#[derive(Debug, Args)]
pub struct Sql {
    /// The query, such as "SELECT system, sum(unplanned_s) FROM outages GROUP BY system"; - reads standard input
    pub query: String,
    /// Print at most this many rows
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    pub rows: usize,
    /// Stop the query after this many seconds
    #[arg(long, value_name = "NUMBER", default_value_t = 60)]
    pub seconds: u64,
    /// First month of the tables that come from the ledger (default: thirteen months)
    #[arg(long, value_name = "MONTH")]
    pub since: Option<Month>,
}

#[derive(Debug, Args)]
pub struct Export {
    /// Table: samples, outages, incidents, maintenance, notices, availability_daily or availability_monthly
    pub table: String,
    /// File to write; it must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Format of the file (default: by its ending, else Parquet)
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// First month of a table that comes from the ledger (default: thirteen months)
    #[arg(long, value_name = "MONTH")]
    pub since: Option<Month>,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Parquet,
    Csv,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Desk {
    /// Import a CSV file of calls with the columns time, seconds_to_answer and abandoned; the report counts them
    Import(ImportDesk),
}

#[derive(Debug, Args)]
pub struct ImportDesk {
    /// CSV file with the header `time,seconds_to_answer,abandoned`
    pub file: PathBuf,
    /// Policy with the objective; may be omitted if only one has one
    #[arg(long)]
    pub policy: Option<String>,
    /// Record nothing; print what would happen
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum Incident {
    /// List incidents
    List {
        /// List only incidents that are not closed
        #[arg(long)]
        open: bool,
    },
    /// Show an incident with its outages, texts and notices
    Show {
        /// Incident id (I-12), or a system: its open incident, else its last
        incident: Selector<IncidentId>,
    },
    /// Erase the name and addresses of the people who reported an incident by the public form
    EraseReporter {
        /// Incident id (I-12), or a system: its open incident, else its last
        incident: Selector<IncidentId>,
    },
    #[command(flatten)]
    Act(Asked<IncidentActs>),
}

#[derive(Debug, Subcommand)]
pub enum Maintenance {
    /// List current windows and those of the next month, with the customers still to be notified
    List,
    /// Write the windows of the next thirteen months as an iCalendar file, from the ledger
    Export(ExportMaintenance),
    #[command(flatten)]
    Act(Asked<MaintenanceActs>),
}

#[derive(Debug, Args)]
pub struct ExportMaintenance {
    /// System id (default: all systems)
    #[arg(long)]
    pub system: Option<String>,
    /// File to write (default: standard output)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Only cancelled windows, as a file that removes them from a calendar
    #[arg(long)]
    pub cancelled: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Report {
    #[command(subcommand)]
    pub command: Option<ReportCommand>,
    #[command(flatten)]
    pub print: Option<PrintReport>,
}

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Approve the report of a month, as you read its draft; it is stored and sent to the committee
    Approve(Approve),
    /// Approve a revision of a report after later facts; it says which figures changed
    Revise(Revise),
    /// List the reports that were announced or approved, with their mails
    List,
    /// Print an approved report as it was sent
    Show(ShowReport),
    /// Check that stored reports are unchanged and that the ledger gives the same figures
    Verify(VerifyReports),
}

#[derive(Debug, Args)]
pub struct Approve {
    /// Month, such as 2026-10
    pub month: Month,
    /// Committee id; may be omitted if there is only one
    #[arg(long)]
    pub committee: Option<String>,
    /// Ledger number of the draft that you read (default: the last one that was printed)
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub as_of: Option<u64>,
    /// Reason why texts are missing; the report prints it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[arg(long, value_name = "REASON", help = NOT_PHI_HELP)]
    pub not_phi: Option<String>,
}

#[derive(Debug, Args)]
pub struct Revise {
    /// Month, such as 2026-10
    pub month: Month,
    /// Committee id; may be omitted if there is only one
    #[arg(long)]
    pub committee: Option<String>,
    /// Ledger number of the draft that you read (default: the last one that was printed)
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub as_of: Option<u64>,
    /// Reason for the revision; it prints it
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[arg(long, value_name = "REASON", help = NOT_PHI_HELP)]
    pub not_phi: Option<String>,
}

#[derive(Debug, Args)]
pub struct ShowReport {
    /// Month, such as 2026-10
    pub month: Month,
    /// Committee id; may be omitted if there is only one
    #[arg(long)]
    pub committee: Option<String>,
    /// Revision to print, 0 for the first approved report (default: the last)
    #[arg(long, value_name = "NUMBER")]
    pub revision: Option<u32>,
    /// Format of the report (default: html)
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// File to write (default: standard output)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct VerifyReports {
    /// Check only this month
    pub month: Option<Month>,
    /// Check only this committee
    #[arg(long)]
    pub committee: Option<String>,
}

#[derive(Debug, Args)]
pub struct PrintReport {
    /// Month, such as 2026-10
    #[arg(required_unless_present = "from")]
    pub month: Option<Month>,
    /// First day of another period, such as 2026-10-01, in the committee's zone
    #[arg(long, value_name = "DATE", requires = "to", conflicts_with = "month")]
    pub from: Option<Date>,
    /// Day before which that period ends: it is not part of it
    #[arg(long, value_name = "DATE", requires = "from")]
    pub to: Option<Date>,
    /// Make the report of one customer: only its systems, and nothing about other customers
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    /// Committee id; may be omitted if there is only one
    #[arg(long)]
    pub committee: Option<String>,
    /// Use the ledger only up to this event, as an earlier report prints it (default: all of it)
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub seq: Option<u64>,
    /// Format of the report (default: html)
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// File to write (default: standard output)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// Month, such as 2026-10
    pub month: Month,
    /// System, outage (O-1), window or incident; or the whole key of a figure. Without it, the
    /// subjects are listed
    pub subject: Option<String>,
    /// Key of the figure, as in the report's JSON, such as `contract_availability`. Without it, the
    /// subject's figures are listed
    pub figure: Option<String>,
    /// Committee id; may be omitted if there is only one
    #[arg(long)]
    pub committee: Option<String>,
    /// Use the ledger only up to this event (default: the approval of the last approved report of
    /// the month; without one, all of it)
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub seq: Option<u64>,
}

#[derive(Debug, Args)]
pub struct Events {
    /// Continue to print new events as they are recorded, until interrupted
    #[arg(long)]
    pub follow: bool,
    /// Print only events from this time on
    #[arg(long, value_name = "TIME")]
    pub since: Option<WrittenTime>,
    /// Print only the last N events; with --follow, of those already recorded
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub enum Notice {
    /// List all notices with the state of their delivery, newest last
    List,
    /// Send a test mail through the configured relays, or a test to a configured webhook, now, and print the answer
    Test {
        /// Mail address of the recipient, or the URL of a configured webhook
        address: String,
    },
    /// List the customers and the addresses that are notified about each system
    Recipients {
        /// System id (default: all systems)
        system: Option<String>,
    },
    /// Print a notice of a kind, made with the templates in force
    Preview {
        /// Kind of notice, such as `downtime`
        kind: String,
        /// Preview the notice of a flapping system; only for `downtime` and `uptime`
        #[arg(long)]
        unstable: bool,
        /// Print the HTML part instead of the text
        #[arg(long)]
        html: bool,
        /// Print the body that a webhook gets instead of the text
        #[arg(long, conflicts_with = "html")]
        webhook: bool,
    },
    #[command(flatten)]
    Act(Asked<NoticeActs>),
}

#[derive(Debug, Subcommand)]
pub enum Proposal {
    /// List the acts that wait for a second person, with what each would record
    List,
    /// Approve a proposal of another account; its act is recorded
    Approve {
        /// Number of the proposal
        id: i64,
    },
    /// Withdraw a proposal; nothing is recorded
    Withdraw {
        /// Number of the proposal
        id: i64,
    },
}

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Explain in plain sentences what a policy measures and promises
    Explain {
        /// Policy id: the name of its file
        policy: String,
    },
    /// Print when each clock of an incident is due, with the steps of the calculation
    Clock(PolicyClock),
    /// Print the business days and the holidays of a year
    Calendar {
        /// Policy id: the name of its file
        policy: String,
        /// Year, such as 2027
        #[arg(value_parser = clap::value_parser!(i16).range(1970..=2199))]
        year: i16,
    },
}

#[derive(Debug, Args)]
pub struct PolicyClock {
    /// Policy id: the name of its file
    pub policy: String,
    /// Time at which the clocks start, such as "2026-11-25 19:59" in the service's zone, or with an offset
    #[arg(long, value_name = "TIME")]
    pub at: WrittenTime,
    /// Severity of the incident
    #[arg(long, value_name = "ID", conflicts_with_all = ["state", "flags", "customers", "share",
        "not_critical", "workaround", "prevents_access"])]
    pub severity: Option<String>,
    /// State of the system: picks the severity, as do the options below
    #[arg(long, value_enum)]
    pub state: Option<StateArgument>,
    /// Type of the customer's request: general, task, change, access, problem or breach
    #[arg(long, value_name = "TYPE", value_parser = request)]
    pub request: Option<Request>,
    /// Affected customers (default: all, at least two)
    #[arg(long, value_name = "NUMBER")]
    pub customers: Option<u32>,
    /// Share of users affected, such as 5.1%
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub share: Option<u32>,
    /// Flag of the incident: security, revenue or regulatory; may be repeated
    #[arg(long = "flag", value_name = "FLAG", value_parser = flag)]
    pub flags: Vec<Flag>,
    /// The system is a partner's
    #[arg(long)]
    pub partner: bool,
    /// Only a component is affected that is not critical
    #[arg(long)]
    pub not_critical: bool,
    /// There is a workaround
    #[arg(long)]
    pub workaround: bool,
    /// Access is prevented
    #[arg(long)]
    pub prevents_access: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum StateArgument {
    Down,
    Degraded,
}

/// Reads one of a few words.
fn word<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|one| name(*one) == text);
    let words = all.iter().map(|one| name(*one));
    found.ok_or_else(|| format!("write {}", domain::suggest::list(words, "or")))
}

fn request(text: &str) -> Result<Request, String> {
    word(text, &Request::ALL, Request::word)
}

fn flag(text: &str) -> Result<Flag, String> {
    word(text, &Flag::ALL, Flag::word)
}

fn percent(text: &str) -> Result<u32, String> {
    <values::Percent as values::Format>::parse(text)
}

/// Reads a person's name, which is one line.
fn name(text: &str) -> Result<String, String> {
    domain::text::line(text, "it").map_err(|refusal| refusal.to_string())?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use domain::act::Act;

    use super::*;
    use crate::config::seconds;

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
            let Command::Incident(Incident::Act(asked)) = command else {
                panic!("{command:?}");
            };
            assert!(json);
            let act = asked.act(|| Ok(jiff::tz::TimeZone::UTC)).unwrap();
            assert!(
                matches!(&act, Act::Review { summary, .. } if summary.as_deref() == Some(text)),
                "{act:?}"
            );
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
        read(&["--measure", "- pin it; platform; 2026-12-31"]).unwrap();
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
