//! Where everything is, said at the top and again at the end, with the commands to try next.

use std::path::{Path, PathBuf};

use domain::calendar::Month;
use domain::report::Report;

use super::closing;
use super::commands::program_from;
use super::settings::Addresses;
use super::stage::Account;
use super::voice::{Voice, count, shown};

/// Everything that a user may want to find.
pub struct Place {
    /// The demo's folder, as the user named it.
    pub folder: PathBuf,
    /// The configuration.
    pub config: PathBuf,
    /// The ledger and the samples.
    pub data: PathBuf,
    /// This program.
    pub program: PathBuf,
    /// This month.
    pub month: Month,
    /// The report of the month before.
    pub last_report: PathBuf,
    /// The addresses.
    pub at: Addresses,
    /// The page of the mails.
    pub page: std::net::SocketAddr,
}

impl Place {
    /// What runs where, before anything happens.
    pub fn introduce(&self, voice: &Voice) {
        voice.heading("Nines, a demonstration");
        voice.paragraph(
            "Four small systems run on this machine now, and Nines watches them. A script breaks \
             and mends them. The mails that customers would get are kept here; nothing leaves \
             this machine.",
        );
        voice.heading("Watched");
        voice.row(
            "Clinical Portal",
            &format!("http://{}/login", self.at.portal),
        );
        voice.row(
            "Results interface",
            &format!("{} (takes connections)", self.at.interface),
        );
        voice.row("FHIR server", &format!("http://{}/metadata", self.at.fhir));
        voice.row(
            "Referral registry",
            &format!("http://{}/health (a partner's)", self.at.partner),
        );
        voice.heading("Where to look");
        voice.row("mails", &format!("http://{}/", self.page));
        voice.row("", &format!("{}/", shown(&self.folder.join("mails"))));
        self.services(voice);
        self.files(voice);
        voice.heading("What happens");
        voice.paragraph(&format!(
            "Times are New York's ({}), as in the mails.",
            voice.zone()
        ));
        voice.gap();
    }

    fn services(&self, voice: &Voice) {
        voice.row("metrics", &format!("http://{}/metrics", self.at.private));
    }

    fn files(&self, voice: &Voice) {
        voice.row("configuration", &shown(&self.config));
        voice.row("report, last month", &shown(&self.last_report));
        voice.row(
            "report, this month",
            &shown(&closing::path(&self.folder, self.month)),
        );
        voice.row("the service's log", &shown(&self.folder.join("nines.log")));
    }

    /// Where to look, while it runs on.
    pub fn look(&self, voice: &Voice) {
        voice.heading("Where to look");
        voice.row("mails", &format!("http://{}/", self.page));
        self.services(voice);
        self.files(voice);
    }

    /// Where to look once everything has stopped.
    pub fn left(&self, voice: &Voice) {
        voice.heading("What is left to look at");
        voice.row("mails", &format!("{}/", shown(&self.folder.join("mails"))));
        self.files(voice);
    }

    /// What to try, whether the service runs or not.
    pub fn suggest(&self, voice: &Voice) {
        let here = std::env::current_dir().unwrap_or_default();
        let program = program_from(&self.program, &here);
        let month = self.month;
        voice.heading("What to try next");
        voice.command(
            &format!("alias n='{program} --config {}'", quoted(&self.config)),
            "",
        );
        voice.command("n status", "what is wrong now");
        voice.command("n incident show portal", "what happened, and who was told");
        voice.command(
            "n incident review portal --summary 'Restarted by mistake.'",
            "",
        );
        voice.command(
            &format!("n report {month} --format md"),
            "this month so far",
        );
        voice.command("n verify --replay", "is the ledger as it was written?");
        let history = self.folder.join("history/config/nines.toml");
        voice.command(
            &format!("alias m='{program} --config {}'", quoted(&history)),
            "",
        );
        voice.command("m incident list", "of the month that was played");
        voice.command("m notice list", "its mails, with their delivery");
    }
}

/// A path as a word within the single quotes of an alias.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("\"{text}\"")
    }
}

/// How the script went.
pub fn judge(voice: &Voice, account: &Account) {
    let (met, failed) = (account.met.len(), account.failed.len());
    if failed > 0 {
        let all = met + failed;
        voice.heading(&format!(
            "Of {all} things that the script checks, {failed} did not come true:"
        ));
        for what in &account.failed {
            voice.paragraph(what);
        }
    } else if account.over {
        voice.heading(&format!(
            "That was the script. All {met} things that it checks came true."
        ));
    } else {
        let what = count(met, "thing");
        voice.heading(&format!(
            "Stopped before the script was over; {what} had come true."
        ));
    }
}

/// The month's figures in a few lines.
pub fn figures(voice: &Voice, report: &Report) {
    voice.heading(&format!("{} so far, from the ledger", report.month_name));
    let head = [
        "",
        "available",
        "target",
        "unplanned",
        "planned",
        "degraded",
    ];
    let line = |cells: [&str; 6]| {
        let [name, a, t, u, p, d] = cells;
        format!("{name:<20}{a:>11}{t:>10}{u:>11}{p:>10}{d:>10}")
    };
    voice.table(&line(head));
    for system in &report.systems {
        let percent = |p: &Option<String>| {
            p.as_ref()
                .map_or_else(|| "-".to_owned(), |p| format!("{p} %"))
        };
        let seconds = |s: i64| format!("{s} s");
        let partner = system.kind == domain::catalogue::Kind::Partner;
        let whose = if partner { " *" } else { "" };
        voice.table(&line([
            &format!("{}{whose}", system.name),
            &percent(&system.contract_availability),
            &percent(&system.target),
            &seconds(system.unplanned_s),
            &seconds(system.planned_s),
            &seconds(system.degraded_s),
        ]));
    }
    voice.table("* a partner's: shown, and held against nobody");
}
