//! What the script plays with: the systems, the ledger as it grows, the mails as they arrive. Waits
//! for what should happen, and keeps account of what did and what did not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::notice::Kind;
use domain::outbox;
use domain::record::{Outage, Record, Standing};
use jiff::Timestamp;
use tokio::sync::watch;

use super::commands::Typist;
use super::mails::{Mail, Mails};
use super::systems::System;
use super::voice::{Speaker, Voice};

/// How long anything may take that the script waits for. Usually it is three seconds; a machine
/// that builds something beside the demo may need more.
const PATIENCE: Duration = Duration::from_secs(20);

/// The four systems.
pub struct Systems {
    /// Its login page.
    pub portal: System,
    /// Takes connections.
    pub interface: System,
    /// Says what it can do.
    pub fhir: System,
    /// Somebody else's.
    pub partner: System,
}

/// What came true so far, and what did not.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// What came true.
    pub met: Vec<String>,
    /// What did not, and should have.
    pub failed: Vec<String>,
    /// Whether the script came to its end.
    pub over: bool,
}

/// Everything a script needs.
pub struct Stage {
    /// Who tells.
    pub voice: Arc<Voice>,
    /// What is broken and mended.
    pub systems: Systems,
    /// Who types commands.
    pub typist: Typist,
    /// What the ledger amounts to.
    pub record: watch::Receiver<Record>,
    /// What arrived.
    pub mails: Arc<Mails>,
    account: Arc<Mutex<Account>>,
}

impl Stage {
    /// A stage with nothing played yet.
    pub fn new(
        voice: Arc<Voice>,
        systems: Systems,
        typist: Typist,
        record: watch::Receiver<Record>,
        mails: Arc<Mails>,
    ) -> Self {
        let account = Arc::default();
        Self {
            voice,
            systems,
            typist,
            record,
            mails,
            account,
        }
    }

    /// The account, which goes on being kept.
    pub fn account(&self) -> Arc<Mutex<Account>> {
        Arc::clone(&self.account)
    }

    /// Tells what the script does.
    pub fn say(&self, text: &str) {
        self.voice.say(Speaker::Demo, text);
    }

    /// Types a command; a failure is one of the script.
    pub async fn type_in(&self, words: &[&str]) {
        if let Err(why) = self.typist.run(&self.voice, words).await {
            self.fail(why);
        }
    }

    /// Waits until `come` is true of the record and the mails; one that does not come true in time
    /// is told, and counts against the demo.
    pub async fn until(&mut self, what: &str, come: impl Fn(&Record, &[Mail]) -> bool) {
        let (mut record, mut count) = (self.record.clone(), self.mails.count());
        let mails = Arc::clone(&self.mails);
        let wait = async {
            loop {
                if come(&record.borrow_and_update(), &mails.all()) {
                    return true;
                }
                let changed = tokio::select! {
                    changed = record.changed() => changed,
                    changed = count.changed() => changed,
                };
                if changed.is_err() {
                    return false;
                }
            }
        };
        let came = tokio::time::timeout(PATIENCE, wait).await.unwrap_or(false);
        self.check(what, came);
    }

    /// Counts what is true, or is not, already.
    pub fn check(&self, what: &str, came: bool) {
        if came {
            self.lock().met.push(what.to_owned());
        } else {
            self.fail(format!("This should have happened, and did not: {what}"));
        }
    }

    /// Counts what went well, or says why it did not.
    pub fn count(&self, what: &str, result: Result<(), String>) {
        match result {
            Ok(()) => self.check(what, true),
            Err(why) => self.fail(format!(
                "This should have been, and was not: {what} ({why})"
            )),
        }
    }

    /// The script came to its end.
    pub fn over(&self) {
        self.lock().over = true;
    }

    fn fail(&self, what: String) {
        self.say(&what);
        self.lock().failed.push(what);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last outage of a system.
pub fn last_outage<'a>(record: &'a Record, system: &str) -> Option<&'a Outage> {
    let of = |o: &&Arc<Outage>| o.system.as_str() == system;
    record.outages.values().rev().find(of).map(|o| &**o)
}

/// Whether a notice of `kind` to each of these, about `about` (an outage, a window), was taken by
/// the mail server and lies there: the ledger and the server must agree.
pub fn arrived(record: &Record, mails: &[Mail], kind: Kind, about: &str, to: &[&str]) -> bool {
    to.iter().all(|to| {
        record.notices.iter().any(|(id, outgoing)| {
            let notice = &outgoing.notice;
            let id = outbox::message_id(record, *id);
            notice.kind == kind
                && notice.recipient == *to
                && notice.subjects().iter().any(|subject| subject == about)
                && matches!(outgoing.standing, Standing::Sent(_))
                && mails.iter().any(|mail| mail.id == id && mail.to == *to)
        })
    })
}

/// Whether anybody was to be told anything about a system.
pub fn is_told(record: &Record, system: &str, kinds: &[Kind]) -> bool {
    record.notices.values().any(|outgoing| {
        let notice = &outgoing.notice;
        let concerns = notice.affected.iter().any(|a| a.system.as_str() == system);
        concerns && kinds.contains(&notice.kind)
    })
}

/// Whether an edge that Nines found is that of the truth: never before it, and at most `late`
/// after it.
pub fn is_at(found: Timestamp, truth: Timestamp, late: Duration) -> bool {
    let after = found.duration_since(truth);
    !after.is_negative() && after.unsigned_abs() <= late
}
