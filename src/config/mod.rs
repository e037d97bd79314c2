//! The configuration: reads the files, reports all mistakes at once, and makes the [`Catalogue`] and
//! the settings that only effects need. No rule of the service is here. Secrets leave it only in the
//! fields made for them.

mod certificate;
mod changes;
mod console;
mod diagnostics;
#[cfg(test)]
mod documentation;
mod fields;
mod files;
mod heartbeat;
mod kinds;
mod listen;
mod locate;
mod mail;
mod outbound;
mod policy;
mod probe;
mod public;
mod read;
mod redact;
mod reporting;
mod schema;
mod service;
mod syntax;
mod system;
mod templates;
#[cfg(test)]
mod tests;
mod types;
mod validate;
mod warnings;
mod webhook;
mod window;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::catalogue::Catalogue;
use domain::id::{ProbeId, VantageId};
use secrecy::SecretString;
use values::Format as _;

pub use certificate::CertificateFiles;
pub use changes::Fingerprint;
pub use console::{CALLBACK, ConsoleSetup, OpenId};
pub use diagnostics::{Mistake, Mistakes, Warnings};
pub use heartbeat::{HeartbeatSetup, TokenHash};
pub use listen::Listen;
pub use locate::{Location, locate};
pub use outbound::OutboundHeartbeat;
pub use public::{ProblemReports, PublicGroup, PublicPages};
pub use read::document;
pub use schema::{SchemaKind, schema, schema_of};
pub use service::{KeptSamples, Log, LogFormat, LogLevel};
pub use templates::{Found, Templates};
pub use values::Scheme;
pub use values::suggest::unknown;
pub use webhook::Webhook;

/// A configuration without mistakes.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub catalogue: Catalogue,
    /// The probes to run, in order of their ids: one for each probe of the catalogue that is no heartbeat.
    pub probes: Vec<ProbeSetup>,
    /// The feeds that call Nines.
    pub heartbeats: Vec<HeartbeatSetup>,
    /// The public pages, if there are any.
    pub public: Option<PublicPages>,
    pub console: ConsoleSetup,
    pub self_check: SelfCheck,
    /// Whom the service tells that it works.
    pub outbound_heartbeat: Option<OutboundHeartbeat>,
    pub listen: Listen,
    pub mail: Option<Mail>,
    /// The webhooks of customers and contacts, each URL once.
    pub webhooks: Vec<Webhook>,
    pub log: Log,
    /// The samples that are kept. A reload changes it.
    pub samples: KeptSamples,
    /// The folder of the ledger and the samples. It may not exist yet.
    pub data: PathBuf,
    pub look: Look,
    /// The parts of the files, to compare two configurations.
    pub fingerprint: Fingerprint,
    /// What the environment variables that name proxies do, a sentence each.
    pub proxies: Vec<String>,
    /// Likely slips.
    pub warnings: Warnings,
    /// The group of the operating system whose members may use the socket.
    pub socket_group: Option<String>,
}

/// How texts and reports look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Templates to use in place of the built-in ones.
    pub templates: Option<Templates>,
    /// The language of the texts, as `de` or `pt-br`. English if there is none.
    pub language: Option<String>,
    /// A folder of fonts for PDF reports, in addition to the built-in ones.
    pub fonts: Option<PathBuf>,
    pub paper: Paper,
}

/// The paper of a PDF report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Paper {
    #[default]
    A4,
    Letter,
}

impl Loaded {
    /// The parts of the configuration that have no effect in this version, a sentence each.
    pub fn unused(&self) -> Vec<String> {
        let mut unused = Vec::new();
        if let Some(public) = self.listen.public
            && self.heartbeats.is_empty()
            && self.public.is_none()
        {
            unused.push(format!(
                "`public` ({public}) of `[listen]` answers nothing: there is neither a `[public]` page nor a heartbeat"
            ));
        }
        if self.listen.public.is_none() && self.public.is_some() {
            unused.push(
                "nothing shows the `[public]` pages: `[listen]` has no `public` address".to_owned(),
            );
        }
        let policies = self
            .catalogue
            .systems
            .iter()
            .filter_map(|s| s.policy.as_ref());
        let mut policies = policies.filter_map(|id| self.catalogue.policy(id.as_str()));
        let escalates = policies.any(|policy| !policy.commitments.escalation.is_empty());
        let contacts = self.catalogue.contacts.len();
        let mut committees = self.catalogue.committees.iter();
        let drafts = committees.any(|c| c.reporting.draft.is_some());
        let mut systems = self.catalogue.systems.iter();
        let responsible =
            !self.catalogue.operators.is_empty() || systems.any(|s| s.owner.is_some());
        if contacts > 0 && !drafts && !escalates && !responsible {
            unused.push(format!(
                "the {contacts} entries of `[[contact]]` get no notice: no committee has a `draft`, no policy escalates, and \
                 no contact is an operator or owns a system"
            ));
        }
        unused
    }
}

/// How the monitor checks itself.
#[derive(Clone, Debug, Default)]
pub struct SelfCheck {
    /// At least one of them answers while the monitor's network works. Empty: the network is not checked.
    pub targets: Vec<probes::self_check::Target>,
    /// A name for which the resolver answers while it works.
    pub name: Option<Arc<str>>,
}

/// A probe that is ready to run.
#[derive(Clone, Debug)]
pub struct ProbeSetup {
    /// `system/name`.
    pub id: ProbeId,
    pub vantage: VantageId,
    pub probe: Arc<probes::Probe>,
    /// Milliseconds between starts.
    pub interval_ms: i64,
    /// Milliseconds between starts while a bad run is pending.
    pub retry_interval_ms: i64,
}

/// How notices are sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// In order of preference; never empty.
    pub relays: Vec<Relay>,
}

/// A mail server that accepts our notices.
#[derive(Clone, Debug)]
pub struct Relay {
    pub scheme: Scheme,
    /// A name or an address; IPv6 without brackets. With TLS its certificate must name it.
    pub host: String,
    pub port: u16,
    /// Set if and only if `password` is.
    pub user: Option<String>,
    pub password: Option<SecretString>,
    /// The file that held `password`. It is read again for each connection.
    pub password_file: Option<PathBuf>,
    /// Certificate authorities (PEM) beside those of the machine.
    pub ca_file: Option<PathBuf>,
    /// The name in EHLO, if it is configured.
    pub ehlo_name: Option<String>,
}

/// Reads the service's file and all files that it names, secrets included.
///
/// # Errors
///
/// All mistakes of all files.
pub fn load(file: &Path) -> Result<Loaded, Mistakes> {
    files::load(file, &|name| std::env::var(name).ok(), crate::clock::now())
}

/// Parses a length of time as configurations write it: `30s`, `5m`, `1h30m`, `7d`.
///
/// # Errors
///
/// The message for its writer.
pub fn length(text: &str) -> Result<Duration, String> {
    values::Length::parse(text)
}

/// Parses a length of time in whole seconds.
///
/// # Errors
///
/// The message for its writer.
pub fn seconds(text: &str) -> Result<i64, String> {
    values::Seconds::parse(text)
}

/// A percentage in parts per million.
///
/// # Errors
/// The reason why the text is none.
pub fn share(text: &str) -> Result<u32, String> {
    values::Percent::parse(text)
}

/// The folder of a file; `.` for a bare name.
fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
