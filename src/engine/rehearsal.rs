//! An act tried on a copy of the state: what would be recorded, and who would be notified. Nothing is
//! written and nothing is sent.

use std::borrow::Cow;
use std::collections::BTreeSet;

use domain::act::{Act, Refusal};
use domain::actor::Actor;
use domain::caution;
use domain::event::{Event, Fact};
use domain::id::NoticeId;
use domain::input::Input;
use domain::notice::{Address, Notice};
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
    /// Subscribers who would get a mail because of the act. They may be thousands, so they are counted and not listed.
    pub subscribers: usize,
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
    let (before, then) = (watching(record, now), watching(&after, now));
    let due = |record: &Record| notices::due_to_others(record, &BTreeSet::new(), now).0;
    let known = due(&before);
    let mut notices = due(&then);
    notices.retain(|notice| !known.contains(notice));
    let subscribers = newly_due_subscribers(&before, &then, now);
    drop((before, then));
    Ok(Rehearsal {
        events,
        record: after,
        notices,
        subscribers,
    })
}

/// How many subscribers get a mail after the act that they do not get without it.
fn newly_due_subscribers(before: &Record, after: &Record, now: Timestamp) -> usize {
    let doubted = BTreeSet::new();
    let is_new = |address: &Address| {
        let next = notices::next(after, &doubted, address, now);
        let sends = matches!(next, notices::Next::Send(_));
        sends && next != notices::next(before, &doubted, address, now)
    };
    let active = after.notices.active_subscribers(None);
    active.filter(is_new).count()
}

/// The record as it is while the service runs: notices of a stopped one are due when it starts.
fn watching(record: &Record, now: Timestamp) -> Cow<'_, Record> {
    if record.monitoring.is_watching() {
        return Cow::Borrowed(record);
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
    Cow::Owned(started)
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
