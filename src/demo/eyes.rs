//! What Nines did: reads the running service's ledger from beside it, as anybody may, and says
//! each fact in a sentence. It never writes, and decides nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::event::{Delivery, Event, Fact, GapCause, Silence};
use domain::id::{OutageId, ProbeId, SystemId};
use domain::outbox;
use domain::record::Record;
use domain::sample::Reason;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::mails::Mails;
use super::voice::{Speaker, Voice, count};
use crate::ledger::Ledger;

/// How often the ledger is read.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Follows a ledger until dropped.
pub struct Eyes {
    record: watch::Receiver<Record>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Eyes {
    /// Follows the ledger of `data`, which need not exist yet.
    ///
    /// # Errors
    /// The system refused a thread.
    pub fn open(data: &Path, voice: Arc<Voice>, mails: Arc<Mails>) -> std::io::Result<Self> {
        let (show, record) = watch::channel(Record::default());
        let stop = Arc::new(AtomicBool::new(false));
        let mut reader = Reader {
            data: data.to_owned(),
            ledger: None,
            record: Record::default(),
            voice,
            mails,
        };
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("nines-demo-eyes".to_owned())
            .spawn(move || {
                loop {
                    let last = stopped.load(Ordering::Relaxed);
                    if reader.look() {
                        show.send_replace(reader.record.clone());
                    }
                    if last {
                        return;
                    }
                    std::thread::sleep(LOOK_EVERY);
                }
            })?;
        Ok(Self {
            record,
            stop,
            thread: Some(thread),
        })
    }

    /// What the ledger amounts to, and every change of it.
    pub fn record(&self) -> watch::Receiver<Record> {
        self.record.clone()
    }

    /// Reads to the end, says what is left to say, and stops.
    pub fn close(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has said so on standard error.
            let _ = thread.join();
        }
    }
}

impl Drop for Eyes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Reader {
    data: PathBuf,
    ledger: Option<Ledger>,
    record: Record,
    voice: Arc<Voice>,
    mails: Arc<Mails>,
}

impl Reader {
    /// Takes in what is new; whether anything was.
    fn look(&mut self) -> bool {
        if self.ledger.is_none() {
            // Until the service has made it there is none.
            self.ledger = Ledger::open_read_only(&self.data).ok();
        }
        let Some(ledger) = &self.ledger else {
            return false;
        };
        let mut new = Vec::new();
        let record = &mut self.record;
        let read = ledger.replay(None, &mut |stored| {
            if stored.seq > record.seq {
                record.apply(stored.seq, &stored.event);
                new.push(stored.event);
            }
        });
        // Said when all of it is known: what is down was degraded in the same commit.
        for event in &new {
            if let Some(text) = letter(record, event, &self.mails) {
                self.voice.say(Speaker::Mail, &text);
            } else if let Some(text) = sentence(record, event, &self.voice) {
                self.voice.say(Speaker::Nines, &text);
            }
        }
        if let Err(error) = read {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the ledger could not be read; tried again");
            self.ledger = None;
        }
        !new.is_empty()
    }
}

/// A delivery in words: to whom, and the subject as the mail server has it.
fn letter(record: &Record, event: &Event, mails: &Mails) -> Option<String> {
    let Fact::DeliveryEnded {
        notice,
        result: Delivery::Accepted,
        ..
    } = &event.fact
    else {
        return None;
    };
    let outgoing = record.notices.get(notice)?;
    let id = outbox::message_id(record, *notice);
    let subject = mails
        .all()
        .into_iter()
        .find(|mail| mail.id == id)
        .map(|mail| mail.subject);
    let subject = subject.unwrap_or_else(|| outgoing.notice.kind.to_string());
    Some(format!("to {}\n{subject}", outgoing.notice.recipient))
}

/// A fact in words, where it is one that a reader of the demo waits for. `record` has it already.
fn sentence(record: &Record, event: &Event, voice: &Voice) -> Option<String> {
    of_systems(record, &event.fact, voice)
        .or_else(|| of_people(event, voice))
        .or_else(|| of_the_monitor(record, &event.fact, voice))
}

/// What became of a system.
fn of_systems(record: &Record, fact: &Fact, voice: &Voice) -> Option<String> {
    match fact {
        Fact::OutageOpened {
            outage,
            start,
            planned,
            ..
        } => opened(record, *outage, *start, *planned, voice),
        Fact::OutageClosed { outage, end, .. } => closed(record, *outage, *end, voice),
        Fact::ProbeDegraded {
            probe,
            from,
            reason,
            ..
        } => {
            let (name, from) = (name(record, probe), voice.time(*from));
            let why = reason.map_or(String::new(), |r| format!(" ({})", words(r)));
            let is_down = record.is_down(&SystemId::from(probe.system()));
            let text = format!("{name} is degraded since {from}{why}: available, but impaired.");
            (!is_down).then_some(text)
        }
        Fact::ProbeCleared { probe, to } => {
            let (name, from) = (name(record, probe), voice.time(*to));
            let is_said = ends_an_outage(record, probe, *to);
            (!is_said).then(|| format!("{name} answers as it should since {from}."))
        }
        Fact::Blip { probe, samples, .. } => {
            let name = name(record, probe);
            let samples = usize::try_from(*samples).unwrap_or(usize::MAX);
            let samples = count(samples, "bad sample");
            Some(format!(
                "{name} had {samples} and was well again: a blip. It is no outage, and the report \
                 counts it."
            ))
        }
        _ => None,
    }
}

/// What people did, and what became of the windows they made.
fn of_people(event: &Event, voice: &Voice) -> Option<String> {
    Some(match &event.fact {
        Fact::IncidentAcknowledged { incident, .. } => {
            format!("Incident {incident} is taken on by {}.", event.by)
        }
        Fact::IncidentReviewed { incident, .. } => {
            format!("{} writes what incident {incident} was.", event.by)
        }
        Fact::IncidentClosed { incident, .. } => {
            format!("Incident {incident} is closed by {}.", event.by)
        }
        Fact::WindowScheduled { window } => {
            let (from, to) = (voice.time(window.start), voice.time(window.end));
            let title = &window.title;
            format!("The window \"{title}\" is scheduled, from {from} to {to}.")
        }
        Fact::MaintenanceStarted { title, .. } => format!("The window \"{title}\" begins."),
        Fact::MaintenanceCompleted { .. } => {
            "The window is over, and everything in it is up.".to_owned()
        }
        Fact::Overrun { from, .. } => {
            let from = voice.time(*from);
            format!("The work takes longer than agreed: unplanned from {from} on.")
        }
        _ => return None,
    })
}

/// What Nines could not see or say.
fn of_the_monitor(record: &Record, fact: &Fact, voice: &Voice) -> Option<String> {
    match fact {
        Fact::ProbeSilent {
            probe,
            from,
            cause: Silence::Missing | Silence::Inconclusive,
        } => {
            let (name, from) = (name(record, probe), voice.time(*from));
            Some(format!(
                "Nothing vouches for {name} since {from}: unknown time."
            ))
        }
        Fact::MonitoringGap { span, cause } => Some(absent(span.from, span.to, *cause, voice)),
        Fact::DeliveryEnded { result, reply, .. } if *result != Delivery::Accepted => {
            Some(format!("A mail was not taken ({reply})."))
        }
        _ => None,
    }
}

fn opened(
    record: &Record,
    outage: OutageId,
    start: Timestamp,
    planned: bool,
    voice: &Voice,
) -> Option<String> {
    let outage = record.outages.get(&outage)?;
    let system = record.catalogue.system(outage.system.as_str())?;
    let failures = system.probes.first().map_or(0, |p| p.failures);
    let why = outage
        .reason
        .map_or(String::new(), |r| format!(" ({})", words(r)));
    let mut text = format!(
        "{} is DOWN since {}{why}: {} in a row, the last at {}. It is outage {}.",
        system.name,
        voice.time(start),
        count(usize::try_from(failures).unwrap_or(0), "bad sample"),
        voice.time(outage.detected_at),
        outage.id,
    );
    if planned {
        text.push_str(" It lies in its window: planned, and no alarm is sent.");
    }
    Some(text)
}

fn closed(record: &Record, outage: OutageId, end: Timestamp, voice: &Voice) -> Option<String> {
    let outage = record.outages.get(&outage)?;
    let system = record.catalogue.system(outage.system.as_str())?;
    Some(format!(
        "{} is UP since {}. Outage {} lasted {}.",
        system.name,
        voice.time(end),
        outage.id,
        seconds(end.duration_since(outage.start))
    ))
}

/// Whether the probe got well because an outage of its system ended: that is said already.
fn ends_an_outage(record: &Record, probe: &ProbeId, to: Timestamp) -> bool {
    let Some(probe) = record.probes.get(probe) else {
        return false;
    };
    probe
        .down
        .iter()
        .any(|(_, end)| end.is_none_or(|end| end == to))
}

fn absent(from: Timestamp, to: Timestamp, cause: GapCause, voice: &Voice) -> String {
    let what = match cause {
        GapCause::Stalled => "This machine slept or was busy",
        GapCause::ClockStepped => "The clock of this machine was set",
    };
    let (from, to) = (voice.time(from), voice.time(to));
    format!("{what}: from {from} to {to} nobody watched, and that is unknown time.")
}

fn name(record: &Record, probe: &ProbeId) -> String {
    let system = record.catalogue.system(probe.system());
    system.map_or_else(|| probe.to_string(), |s| s.name.clone())
}

/// A reason as people say it.
fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::Refused => "connection refused",
        Reason::Status => "an unexpected status",
        Reason::Slow => "slow",
        Reason::Timeout => "no answer in time",
        other => other.word(),
    }
}

fn seconds(length: SignedDuration) -> String {
    let tenths = (length.as_millis() + 50) / 100;
    format!("{}.{}\u{a0}s", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    //! Tests may unwrap: a panic is how they fail.
    #![allow(clippy::unwrap_used)]
    use domain::id::IncidentId;

    use super::super::settings::{self, Addresses};
    use super::super::voice::testing;
    use super::*;
    use crate::config;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn event(second: i64, by: &str, fact: Fact) -> Event {
        let (at, by) = (at(second), by.to_owned());
        Event { at, by, fact }
    }

    fn configured(folder: &Path) -> Fact {
        let free = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let addresses = Addresses {
            private: free,
            relay: free,
            portal: free,
            interface: free,
            fhir: free,
            partner: free,
        };
        let file = settings::write(folder, &addresses).unwrap();
        let catalogue = Box::new(config::load(&file).unwrap().catalogue);
        Fact::Configured { catalogue }
    }

    fn degraded(probe: &str, reason: Reason) -> Fact {
        Fact::ProbeDegraded {
            probe: ProbeId::from(probe),
            from: at(1),
            reason: Some(reason),
            detail: None,
            samples: Vec::new(),
        }
    }

    fn down() -> Fact {
        Fact::ProbeDown {
            probe: ProbeId::from("portal/login-page"),
            from: at(1),
            reason: Some(Reason::Refused),
            detail: None,
            samples: Vec::new(),
        }
    }

    fn outage(planned: bool) -> Fact {
        let (system, start) = (SystemId::from("portal"), at(1));
        Fact::OutageOpened {
            outage: OutageId(1),
            system,
            start,
            planned,
        }
    }

    /// What is said of these, each once, however often the ledger is looked at.
    fn told(facts: Vec<Event>) -> String {
        let dir = tempfile::tempdir().unwrap();
        let (voice, heard) = testing::voice();
        let mut reader = Reader {
            data: dir.path().join("data"),
            ledger: None,
            record: Record::default(),
            voice: Arc::new(voice),
            mails: Arc::new(Mails::new(dir.path())),
        };
        assert!(!reader.look(), "there is no ledger yet");
        let mut ledger = Ledger::open(&reader.data).unwrap();
        let founded = Fact::LedgerCreated {
            identity: "x".to_owned(),
            tzdb: "x".to_owned(),
        };
        let first = [
            event(0, "nines", founded),
            event(0, "demo", configured(dir.path())),
        ];
        ledger.append(at(0), &first, &[]).unwrap();
        assert!(reader.look());
        ledger.append(at(0), &facts, &[]).unwrap();
        assert!(reader.look());
        assert!(!reader.look());
        let text = heard.text();
        let said = text.lines().map(|line| line.get(17..).unwrap_or_default());
        said.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_outage_is_told_once_and_not_as_degraded_first() {
        let facts = [
            degraded("portal/login-page", Reason::Refused),
            down(),
            outage(false),
        ];
        let said = told(facts.map(|fact| event(3, "nines", fact)).to_vec());
        assert_eq!(
            said,
            "Clinical Portal is DOWN since 14:13:21 (connection refused): 3 bad samples in a row, \
             the last at 14:13:23. It is outage O-1."
        );
    }

    #[test]
    fn planned_downtime_is_told_as_such() {
        let said = told(
            [down(), outage(true)]
                .map(|f| event(3, "nines", f))
                .to_vec(),
        );
        assert!(said.ends_with("planned, and no alarm is sent."), "{said}");
    }

    #[test]
    fn the_end_of_an_outage_tells_its_length_and_nothing_else() {
        let probe = ProbeId::from("portal/login-page");
        let (to, end) = (at(5), at(5));
        let up = Fact::ProbeUp {
            probe: probe.clone(),
            to,
            unobserved: None,
            samples: Vec::new(),
        };
        let closed = Fact::OutageClosed {
            outage: OutageId(1),
            end,
            unobserved: None,
        };
        let cleared = Fact::ProbeCleared { probe, to };
        let facts = [down(), outage(false), cleared, up, closed];
        let said = told(facts.map(|fact| event(6, "nines", fact)).to_vec());
        assert!(
            said.ends_with("Clinical Portal is UP since 14:13:25. Outage O-1 lasted 4.0 s."),
            "{said}"
        );
        assert!(!said.contains("answers as it should"), "{said}");
    }

    #[test]
    fn slowness_and_what_people_do_are_told() {
        let slow = event(3, "nines", degraded("fhir/metadata", Reason::Slow));
        let incident = IncidentId(4);
        let ack = event(
            4,
            "Kim",
            Fact::IncidentAcknowledged {
                incident,
                counts_from: None,
                approved_by: None,
            },
        );
        assert_eq!(
            told(vec![slow, ack]),
            "FHIR server is degraded since 14:13:21 (slow): available, but impaired. \
             Incident I-4 is taken on by Kim."
        );
    }
}
