//! The checks of the script: each waits for an effect in Nines, and is counted.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;

use crate::console::{Console, Source};
use crate::follow::Event;
use crate::mails::Mails;
use crate::program::Program;
use crate::systems::Systems;

/// How long a check waits. Three seconds is usual; a machine that builds something may need more.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest pause between two lists of the notices.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The allowed delay of an edge: probes run once a second and start late on a busy machine.
const LATE: Duration = Duration::from_secs(5);

/// The checks that passed and failed so far.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub passed: usize,
    pub failed: Vec<String>,
    /// True once the script has come to its end.
    pub over: bool,
}

/// Everything that the script needs.
pub struct Checks {
    pub systems: Systems,
    pub outcome: Outcome,
    console: Arc<Console>,
    program: Program,
    events: watch::Receiver<Vec<Event>>,
    mails: Arc<Mails>,
}

/// A line of `nines notice list --json`.
#[derive(Debug, Deserialize)]
struct Notice {
    message_id: String,
    kind: String,
    recipient: String,
    systems: Vec<String>,
    result: String,
}

impl Notice {
    fn concerns(&self, system: &str) -> bool {
        self.systems.iter().any(|s| s == system)
    }
}

impl Checks {
    pub fn new(
        console: Arc<Console>,
        program: Program,
        events: watch::Receiver<Vec<Event>>,
        mails: Arc<Mails>,
        systems: Systems,
    ) -> Self {
        Self {
            systems,
            outcome: Outcome::default(),
            console,
            program,
            events,
            mails,
        }
    }

    /// Prints a line of the script.
    pub fn say(&self, text: &str) {
        self.console.say(Source::Demo, text);
    }

    /// The present instant by the wall clock.
    pub fn now(&self) -> Timestamp {
        self.console.now()
    }

    /// The local time, as the console prints it.
    pub fn time(&self, at: Timestamp) -> String {
        self.console.time(at)
    }

    /// Runs a command as a user would. A failed command is a failed check.
    pub async fn type_in(&mut self, words: &[&str]) {
        if let Err(why) = self.program.type_in(&self.console, words).await {
            self.fail(why);
        }
    }

    /// Waits until `holds` is true of the events.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&[Event]) -> bool) {
        let wait = self.events.wait_for(|events| holds(events));
        let came = matches!(tokio::time::timeout(PATIENCE, wait).await, Ok(Ok(_)));
        self.check(what, came);
    }

    /// Waits until each of `recipients` has got a notice of `kind` about `system`: the ledger says
    /// that it was sent, and the mail server has it.
    pub async fn until_mailed(
        &mut self,
        what: &str,
        kind: &str,
        system: &str,
        recipients: &[&str],
    ) {
        let (program, mails) = (&self.program, &self.mails);
        let events = &mut self.events;
        let wait = async {
            loop {
                let notices = notices(program).await.unwrap_or_default();
                let arrived = |to: &&str| {
                    notices.iter().any(|n| {
                        n.kind == kind
                            && n.recipient == *to
                            && n.concerns(system)
                            && n.result == "sent"
                            && mails.with_id(&n.message_id).is_some_and(|m| m.to == *to)
                    })
                };
                if recipients.iter().all(arrived) {
                    return;
                }
                let _ = tokio::time::timeout(LOOK_EVERY, events.changed()).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, wait).await.is_ok();
        self.check(what, came);
    }

    /// Checks that there is no notice about `systems` of any of `kinds`. If `kinds` is empty,
    /// checks all kinds.
    pub async fn none_notified(&mut self, what: &str, systems: &[&str], kinds: &[&str]) {
        let found = notices(&self.program).await.map(|notices| {
            let mut about = notices
                .iter()
                .filter(|n| kinds.is_empty() || kinds.contains(&n.kind.as_str()));
            about.all(|n| !systems.iter().any(|system| n.concerns(system)))
        });
        match found {
            Ok(none) => self.check(what, none),
            Err(why) => self.result(what, Err(why)),
        }
    }

    /// Counts a success if `holds`, else a failure.
    pub fn check(&mut self, what: &str, holds: bool) {
        if holds {
            self.outcome.passed += 1;
        } else {
            self.fail(format!("This should have happened and did not: {what}"));
        }
    }

    /// Counts a success; prints and counts a failure with its reason.
    pub fn result(&mut self, what: &str, result: Result<(), String>) {
        match result {
            Ok(()) => self.outcome.passed += 1,
            Err(why) => self.fail(format!("This should be true and is not: {what} ({why})")),
        }
    }

    /// Counts a failure.
    pub fn fail(&mut self, what: String) {
        self.say(&what);
        self.outcome.failed.push(what);
    }
}

async fn notices(program: &Program) -> Result<Vec<Notice>, String> {
    let listed = program.run(&["notice", "list", "--json"]).await?;
    serde_json::from_slice(&listed).map_err(|error| error.to_string())
}

/// True if Nines found an edge at the right time: soon after the real one, and never before it.
pub fn is_at(found: Timestamp, truth: Timestamp) -> bool {
    let after = found.duration_since(truth);
    !after.is_negative() && after.unsigned_abs() <= LATE
}
