//! Where everything is, printed at the start and at the end, with commands to try and the figures.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::checks::Outcome;
use crate::configuration::Addresses;
use crate::console::{Console, count};
use crate::report::{self, Month, Report};

/// Everything that a user may want to find.
pub struct Places {
    /// The demo's folder, as the user named it.
    pub folder: PathBuf,
    /// The main file of the configuration.
    pub config: PathBuf,
    /// The `nines` program.
    pub program: PathBuf,
    /// This month.
    pub month: Month,
    pub addresses: Addresses,
    /// The page of the mails.
    pub page: SocketAddr,
}

impl Places {
    /// Prints the addresses and paths of all parts, before the script starts.
    pub fn introduce(&self, console: &Console) {
        let at = &self.addresses;
        console.heading("Nines, a demonstration");
        console.paragraph(
            "Four small systems run on this machine now, and Nines watches them. A script breaks \
             and mends them. The mails that customers would get are kept here; nothing leaves \
             this machine.",
        );
        console.heading("Watched");
        for (name, address) in [
            ("Clinical Portal", format!("http://{}/login", at.portal)),
            (
                "Results interface",
                format!("{} (takes connections)", at.interface),
            ),
            ("FHIR server", format!("http://{}/metadata", at.fhir)),
            (
                "Referral registry",
                format!("http://{}/health (a partner's)", at.partner),
            ),
        ] {
            console.row(name, address);
        }
        self.look(console);
        console.heading("What happens");
        console.paragraph(&format!(
            "Times are New York's ({}), as in the mails.",
            console.zone()
        ));
        console.gap();
    }

    /// Where to look while everything runs.
    pub fn look(&self, console: &Console) {
        let metrics = format!("http://{}/metrics", self.addresses.private);
        let pages = format!("http://{}/", self.addresses.public);
        let subscribe = format!("{pages}subscribe");
        console.heading("Where to look");
        console.row("status page", pages);
        console.row("subscribe by mail", subscribe);
        console.row("mails", format!("http://{}/", self.page));
        console.row("console", self.console());
        console.row("metrics", metrics);
        self.files(console);
    }

    /// The console, by the address on which the first administrator makes the account once the service has logged it.
    fn console(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("nines.log")).unwrap_or_default();
        let place = format!("http://{}/console", self.addresses.private);
        // The last one: each start makes another.
        let mut words = log.split_whitespace();
        let link = words.rfind(|word| word.starts_with(&format!("{place}/invitation/")));
        link.map_or(place, str::to_owned)
    }

    /// Where to look once everything has stopped.
    pub fn left(&self, console: &Console) {
        console.heading("What is left to look at");
        self.files(console);
    }

    fn files(&self, console: &Console) {
        let last = report::path(&self.folder.join("history"), self.month.previous());
        let this = report::path(&self.folder, self.month);
        console.row("mails as files", self.folder.join("mails").display());
        console.row("configuration", self.config.display());
        let pdf = last.with_extension("pdf");
        console.row("report, last month", pdf.display());
        if let Some(mail) = report_mail(&self.folder.join("history/notices")) {
            console.row("report mail", mail.display());
        }
        console.row("report, this month", this.display());
        console.row("the service's log", self.folder.join("nines.log").display());
    }

    /// Prints commands to try. They work with and without a running service.
    pub fn suggest(&self, console: &Console) {
        let here = std::env::current_dir().unwrap_or_default();
        let program = program_from(&self.program, &here);
        let history = self.folder.join("history/config/nines.toml");
        let alias = |name: &str, config: &Path| {
            format!("alias {name}='{program} --config {}'", quoted(config))
        };
        let report = format!("n report {} --format md", self.month);
        let explain = format!("n explain {} portal contract_availability", self.month);
        console.heading("What to try next");
        for (command, comment) in [
            (alias("n", &self.config).as_str(), ""),
            ("n status", "what is wrong now"),
            ("n events --limit 20", "the last events, one sentence each"),
            ("n incident show portal", "what happened, who was notified"),
            (
                "n incident review portal --summary 'Restarted by mistake.'",
                "",
            ),
            (report.as_str(), "this month so far"),
            (explain.as_str(), "where a figure comes from"),
            ("n verify --replay", "is the ledger as it was written?"),
            (alias("m", &history).as_str(), ""),
            ("m incident list", "of the month that was simulated"),
            ("m notice list", "its mails, with their delivery"),
        ] {
            console.command(command, comment);
        }
    }
}

/// The mail with last month's report, as a file that a mail program opens.
fn report_mail(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?;
    let paths = files.filter_map(|entry| Some(entry.ok()?.path()));
    let is_report = |path: &PathBuf| path.to_string_lossy().ends_with("-report.eml");
    paths.filter(is_report).min()
}

/// How a shell started in the folder `here` reaches the program: as short as it works.
fn program_from(program: &Path, here: &Path) -> String {
    let shown = path_text(program.strip_prefix(here).unwrap_or(program));
    if shown.contains('/') && is_plain(&shown) {
        shown
    } else {
        format!("\"{}\"", program.display())
    }
}

/// A path as a word within the single quotes of an alias.
fn quoted(path: &Path) -> String {
    let text = path_text(path);
    if is_plain(&text) {
        text
    } else {
        format!("\"{text}\"")
    }
}

fn is_plain(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

/// How the script went.
pub fn verdict(console: &Console, outcome: &Outcome) {
    let (passed, failed) = (outcome.passed, outcome.failed.len());
    if failed > 0 {
        let all = passed + failed;
        console.heading(&format!("{failed} of the {all} checks failed:"));
        for what in &outcome.failed {
            console.paragraph(what);
        }
    } else if outcome.over {
        console.heading(&format!("That was the script. All {passed} checks passed."));
    } else {
        let passed = count(passed, "check");
        console.heading(&format!(
            "Stopped before the end of the script; {passed} had passed."
        ));
    }
}

/// The month's figures as a table.
pub fn figures(console: &Console, month: Month, report: &Report) {
    console.heading(&format!("{} so far, from the ledger", month.name()));
    let line = |cells: [&str; 6]| {
        let [name, a, t, u, p, d] = cells;
        format!("{name:<20}{a:>11}{t:>10}{u:>11}{p:>10}{d:>10}")
    };
    console.table(&line([
        "",
        "available",
        "target",
        "unplanned",
        "planned",
        "degraded",
    ]));
    for system in &report.systems {
        let percent = |p: &Option<String>| {
            p.as_ref()
                .map_or_else(|| "-".to_owned(), |p| format!("{p} %"))
        };
        let seconds = |s: i64| format!("{s} s");
        let star = if system.kind == "partner" { " *" } else { "" };
        console.table(&line([
            &format!("{}{star}", system.name),
            &percent(&system.contract_availability),
            &percent(&system.target),
            &seconds(system.unplanned_s),
            &seconds(system.planned_s),
            &seconds(system.degraded_s),
        ]));
    }
    console.table("* a partner's: shown, but not counted against you");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_named_as_short_as_it_can_be_found() {
        let here = Path::new("/a/b");
        let named = |program: &str| program_from(Path::new(program), here);
        assert_eq!(named("/a/b/target/debug/nines"), "target/debug/nines");
        assert_eq!(named("/opt/nines"), "/opt/nines");
        assert_eq!(named("/my apps/nines"), "\"/my apps/nines\"");
    }
}
