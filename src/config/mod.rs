//! The configuration: raw structs as written, then the typed [`Catalogue`] and what only the
//! effects need. All mistakes of all files are told at once. It parses; no rule of the service
//! lives here, and no secret leaves it but in the fields made for one.

mod check;
mod files;
mod hide;
mod kinds;
mod mistakes;
mod near;
mod place;
mod raw;
mod read;
mod schema;
mod slips;
#[cfg(test)]
mod tests;
mod types;
mod values;
mod walk;
mod words;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::catalogue::Catalogue;
use domain::id::ProbeId;
use secrecy::SecretString;

pub use mistakes::{Mistake, Mistakes};
pub use near::nowhere;
pub use place::{Place, place};
pub use schema::{SchemaKind, schema};

/// A configuration without a mistake.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What every decision reads.
    pub catalogue: Catalogue,
    /// What to ask, in order of ids: one for every probe of the catalogue.
    pub probes: Vec<ProbeSetup>,
    /// Where to listen.
    pub listen: Listen,
    /// How to send mail.
    pub mail: Option<Mail>,
    /// The folder of the ledger and the samples; it need not exist yet.
    pub data: PathBuf,
    /// A folder of templates to use in place of the built-in ones.
    pub templates: Option<PathBuf>,
}

impl Loaded {
    /// What the files say that this version does nothing with yet, a sentence each.
    pub fn idle(&self) -> Vec<String> {
        let mut idle = Vec::new();
        if let Some(public) = self.listen.public {
            idle.push(format!(
                "nothing listens on `public` ({public}) yet: public pages come with a later version"
            ));
        }
        let contacts = self.catalogue.contacts.len();
        if contacts > 0 {
            idle.push(format!(
                "nobody is told as a `[[contact]]` yet ({contacts} are named): escalation comes with a later version"
            ));
        }
        idle
    }
}

/// A probe with all that running it needs.
#[derive(Clone, Debug)]
pub struct ProbeSetup {
    /// `system/name`.
    pub id: ProbeId,
    /// What to ask, with its secrets.
    pub spec: probes::Spec,
    /// From one start to the next.
    pub interval: Duration,
    /// From one start to the next after a first bad sample.
    pub retry_interval: Duration,
    /// How long one run may take.
    pub timeout: Duration,
}

/// Where the service listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// For everybody.
    pub public: Option<SocketAddr>,
    /// For staff and metrics.
    pub private: SocketAddr,
}

/// How notices are sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The sender, as in a `From` header.
    pub from: String,
    /// The relays, the first before the others; never empty.
    pub relays: Vec<Relay>,
}

/// How a connection to a relay is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Not at all.
    Smtp,
    /// By STARTTLS, which must succeed.
    StartTls,
    /// By TLS from the first byte.
    Smtps,
}

/// A mail server that takes our notices.
#[derive(Clone, Debug)]
pub struct Relay {
    /// How the connection is secured.
    pub scheme: Scheme,
    /// A name or an address; IPv6 without brackets. With TLS its certificate must name it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user; there is a password if and only if there is one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// The certificates (PEM) that alone vouch for it, instead of the machine's.
    pub ca_file: Option<PathBuf>,
}

/// Reads the service's file and all that it names, secrets included.
///
/// # Errors
///
/// All mistakes of all files, each once.
pub fn load(file: &Path) -> Result<Loaded, Mistakes> {
    files::load(file, &|name| std::env::var(name).ok())
}

/// Reads a length of time as configurations write it: `30s`, `5m`, `1h30m`, `7d`.
///
/// # Errors
///
/// What is wrong with it, in words for its writer.
pub fn length(text: &str) -> Result<Duration, String> {
    <values::Length as words::Word>::read(text)
}

/// The same in whole seconds.
///
/// # Errors
///
/// What is wrong with it, in words for its writer.
pub fn seconds(text: &str) -> Result<i64, String> {
    let length = length(text)?;
    if length.subsec_millis() != 0 {
        return Err(format!("`{text}` is not in whole seconds"));
    }
    // Ten years at most.
    i64::try_from(length.as_secs()).map_err(|error| error.to_string())
}
