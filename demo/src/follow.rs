//! Follows `nines events --json`: prints each event on the console, and keeps the events for
//! checks.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::console::{Console, Source};
use crate::mails::Mails;
use crate::program::Program;

/// How long the last event may take once the service has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// A line of `nines events --json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    pub seq: u64,
    pub kind: String,
    pub subject: String,
    pub data: Value,
    pub text: String,
}

impl Event {
    /// An instant of the event's data.
    pub fn time(&self, key: &str) -> Option<Timestamp> {
        self.data[key].as_str()?.parse().ok()
    }
}

/// The events so far and every further one, until dropped.
pub struct Events {
    seen: watch::Receiver<Vec<Event>>,
    task: AbortHandle,
}

impl Events {
    /// Follows the ledger of a service that need not run yet.
    pub fn follow(program: &Program, console: Arc<Console>, mails: Arc<Mails>) -> Self {
        let (show, seen) = watch::channel(Vec::new());
        let follower = Follower {
            program: program.clone(),
            console,
            mails,
            show,
        };
        let task = tokio::spawn(follower.run()).abort_handle();
        Self { seen, task }
    }

    pub fn seen(&self) -> watch::Receiver<Vec<Event>> {
        self.seen.clone()
    }

    /// Waits for the last event of a service that has ended.
    pub async fn finish(&mut self) {
        let ended = |events: &Vec<Event>| events.last().is_some_and(|e| e.kind == "stopped");
        let _ = tokio::time::timeout(PATIENCE, self.seen.wait_for(ended)).await;
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Follower {
    program: Program,
    console: Arc<Console>,
    mails: Arc<Mails>,
    show: watch::Sender<Vec<Event>>,
}

impl Follower {
    /// Runs the command again whenever it ends: at first there is no ledger.
    async fn run(self) {
        loop {
            let mut command = self.program.command(&["events", "--follow", "--json"]);
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .process_group(0);
            if let Ok(mut child) = command.spawn()
                && let Some(out) = child.stdout.take()
            {
                let mut lines = BufReader::new(out).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if let Ok(event) = serde_json::from_str(&line) {
                        self.take(event);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn take(&self, event: Event) {
        let seq = self.show.borrow().last().map_or(0, |last| last.seq);
        if event.seq <= seq {
            return;
        }
        if let Some(mail) = self.mail(&event) {
            self.console.say(Source::Mail, &mail);
        } else if is_shown(&event, &self.show.borrow()) {
            self.console.say(Source::Nines, &event.text);
        }
        self.show.send_modify(|events| events.push(event));
    }

    /// A delivered mail: its recipient, and its subject as the mail server has it.
    fn mail(&self, event: &Event) -> Option<String> {
        if event.kind != "delivery-ended" || event.data["result"] != "accepted" {
            return None;
        }
        let before = self.show.borrow();
        let attempted = before.iter().rfind(|earlier| {
            earlier.kind == "delivery-attempted" && earlier.subject == event.subject
        });
        let mail = self
            .mails
            .with_id(attempted?.data["message_id"].as_str()?)?;
        Some(format!("to {}\n{}", mail.to, mail.subject))
    }
}

/// True for what a reader of the demo waits for. A probe that goes down is also degraded, which says
/// nothing new.
fn is_shown(event: &Event, before: &[Event]) -> bool {
    match event.kind.as_str() {
        "outage-opened"
        | "outage-closed"
        | "blip"
        | "overrun"
        | "absent"
        | "maintenance-reminded"
        | "maintenance-started"
        | "maintenance-completed"
        | "window-scheduled"
        | "window-changed"
        | "window-cancelled"
        | "incident-acknowledged"
        | "incident-updated"
        | "incident-reviewed"
        | "incident-closed"
        | "level-reached"
        | "clock-warned"
        | "clock-met"
        | "clock-missed"
        | "delivery-ended" => true,
        "probe-degraded" => event.data["reason"] == "slow",
        "probe-cleared" => {
            let mut of_probe = before.iter().rev().filter(|e| e.subject == event.subject);
            of_probe.any(|e| e.kind == "probe-degraded" && e.data["reason"] == "slow")
        }
        "probe-silent" => event.data["cause"] == "missing" || event.data["cause"] == "inconclusive",
        _ => false,
    }
}

/// An outage of the events.
#[derive(Debug, PartialEq, Eq)]
pub struct Outage {
    pub start: Timestamp,
    pub end: Option<Timestamp>,
    pub planned: bool,
}

/// The last outage of a system.
pub fn last_outage(events: &[Event], system: &str) -> Option<Outage> {
    let mut last = events.iter().rev();
    let opened = last.find(|e| e.kind == "outage-opened" && e.data["system"] == system)?;
    let closed =
        |e: &&Event| e.kind == "outage-closed" && e.data["outage"] == opened.data["outage"];
    Some(Outage {
        start: opened.time("start")?,
        end: events.iter().find(closed).and_then(|e| e.time("end")),
        planned: opened.data["planned"] == true,
    })
}

/// True if the probe is degraded or down now.
pub fn is_degraded(events: &[Event], probe: &str) -> bool {
    let mut last = events.iter().rev().filter(|e| e.subject == probe);
    let last = last.find(|e| matches!(e.kind.as_str(), "probe-degraded" | "probe-cleared"));
    last.is_some_and(|e| e.kind == "probe-degraded")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, subject: &str, data: Value) -> Event {
        Event {
            seq: 1,
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            data,
            text: String::new(),
        }
    }

    #[test]
    fn an_outage_is_known_by_its_events() {
        let opened = |outage: u64, system: &str| {
            let data = json!({"outage": outage, "system": system,
                "start": "2026-10-07T06:14:10Z", "planned": outage == 2});
            event("outage-opened", system, data)
        };
        let closed = json!({"outage": 1, "end": "2026-10-07T06:15:10Z"});
        let events = [
            opened(1, "portal"),
            opened(2, "fhir"),
            event("outage-closed", "O-1", closed),
        ];
        let start = "2026-10-07T06:14:10Z".parse().unwrap();
        let end = Some("2026-10-07T06:15:10Z".parse().unwrap());
        let outage = |end, planned| {
            Some(Outage {
                start,
                end,
                planned,
            })
        };
        assert_eq!(last_outage(&events, "portal"), outage(end, false));
        assert_eq!(last_outage(&events, "fhir"), outage(None, true));
        assert_eq!(last_outage(&events, "other"), None);
    }

    #[test]
    fn slowness_is_shown_and_a_failing_probe_only_as_its_outage() {
        let degraded = |reason| event("probe-degraded", "a/b", json!({"reason": reason}));
        let cleared = event("probe-cleared", "a/b", json!({}));
        assert!(is_shown(&degraded("slow"), &[]));
        assert!(is_shown(&cleared, &[degraded("slow")]));
        assert!(!is_shown(&degraded("refused"), &[]));
        assert!(!is_shown(&cleared, &[degraded("refused")]));
        assert!(is_degraded(&[degraded("slow")], "a/b"));
        assert!(!is_degraded(&[degraded("slow"), cleared], "a/b"));
    }
}
