//! An act tried on a copy of the state: what would be recorded, and who would be notified. Nothing is
//! written and nothing is sent.

use std::collections::BTreeSet;

use domain::act::{Act, Refusal};
use domain::actor::Actor;
use domain::caution;
use domain::event::{Event, Fact};
use domain::id::NoticeId;
use domain::input::Input;
use domain::notice::Notice;
use domain::notices;
use domain::record::Record;
use jiff::Timestamp;

use super::turn::{self, Journal, Turn};
use crate::ledger::{self, Head};

/// An act that would be recorded.
#[derive(Debug)]
pub struct Rehearsal {
    /// The events, with the numbers that they would have.
    pub events: Vec<(u64, Event)>,
    /// The state with these events.
    pub record: Record,
    /// The notices that would be due and are not due without the act.
    pub notices: Vec<Notice>,
}

/// Why an act was not carried out on the copy.
#[derive(Debug)]
pub enum Unable {
    /// The act is refused.
    Refused(Refusal),
    /// A person must confirm it first.
    Objection(Refusal),
}

impl From<Unable> for Refusal {
    fn from(unable: Unable) -> Self {
        match unable {
            Unable::Refused(refusal) | Unable::Objection(refusal) => refusal,
        }
    }
}

/// Tries an act. `anyway`: the person accepts a window that does not count as planned. `not_phi`: why a text is no
/// protected health information.
///
/// # Errors
/// The act would be refused, or a person must confirm it first.
pub fn rehearse(
    record: &Record,
    now: Timestamp,
    by: &Actor,
    act: &Act,
    anyway: bool,
    not_phi: Option<&str>,
) -> Result<Rehearsal, Unable> {
    let journal = Unwritten { seq: record.seq };
    let input = Input::Act {
        by: by.clone(),
        act: act.clone(),
        not_phi: not_phi.map(str::to_owned),
    };
    let mut turn = Turn::new(journal, record.clone(), &[]);
    let events = match turn.step(now, input, None).result {
        Ok(events) => events,
        Err(turn::Error::Refused(refusal)) => return Err(Unable::Refused(refusal)),
        Err(error) => return Err(Unable::Refused(Refusal(error.to_string()))),
    };
    let mut after = record.clone();
    for (seq, event) in &events {
        after.apply(*seq, event);
    }
    if let Some(objection) = caution::objection(record, &after, now, act, anyway) {
        return Err(Unable::Objection(objection));
    }
    let before = due(record, now);
    let mut notices = due(&after, now);
    notices.retain(|notice| !before.contains(notice));
    Ok(Rehearsal {
        events,
        record: after,
        notices,
    })
}

/// The notices that are due, or will be when a stopped service starts; none to subscribers, who may be thousands.
fn due(record: &Record, now: Timestamp) -> Vec<Notice> {
    if record.monitoring.is_watching() {
        return notices::due_to_others(record, &BTreeSet::new(), now).0;
    }
    let mut started = record.clone();
    let event = Event {
        at: now,
        by: Actor::service(),
        fact: Fact::Started {
            alive_until: Some(now),
        },
    };
    started.apply(record.seq + 1, &event);
    notices::due_to_others(&started, &BTreeSet::new(), now).0
}

/// A journal that counts and writes nothing.
struct Unwritten {
    seq: u64,
}

impl Journal for Unwritten {
    fn append(
        &mut self,
        _: Timestamp,
        events: &[Event],
        _: &[(NoticeId, Vec<u8>)],
    ) -> Result<Head, ledger::Error> {
        self.seq += u64::try_from(events.len()).unwrap_or_default();
        Ok(Head {
            seq: self.seq,
            hash: String::new(),
        })
    }
}
