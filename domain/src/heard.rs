//! What each recipient heard last of each system, and whether that is still so: the one thing that
//! a reader of our mails goes by. A fold over the same events as the record; never decides.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::event::{Delivery, Event, Fact};
use crate::id::{CustomerId, NoticeId, OutageId, SystemId};
use crate::notice::{Affected, Kind, Notice};
use crate::record::{Outage, Outgoing, Record, Standing};

/// What the last notice about a system told its recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Down,
    Up,
    /// It may have arrived or not: nobody knows what was heard.
    Unsure,
}

/// What each recipient heard last of each system, by the answers of the relays in their order.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    last: BTreeMap<(String, SystemId), (NoticeId, Last)>,
    /// What was said to somebody who knew it already.
    twice: Vec<Contradiction>,
    /// Every configuration, by its number in the ledger: times say nothing of order where the clock
    /// was set back.
    configured: Vec<(u64, Arc<Catalogue>)>,
}

/// A recipient was left with something that is not so, or not told something at all, and nothing
/// waits that would mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Told last that a system is down, which is up.
    StillDown {
        /// Who.
        recipient: String,
        /// Which system.
        system: SystemId,
        /// The last notice.
        notice: NoticeId,
    },
    /// Told last that a system is up, or nothing, and it is down.
    StillUp {
        /// Who.
        recipient: String,
        /// Which system.
        system: SystemId,
        /// The outage.
        outage: OutageId,
        /// The last notice, if any.
        notice: Option<NoticeId>,
    },
    /// Told that a system is down, and told so again of another outage that is part of the same
    /// downtime.
    DownTwice {
        /// The second notice.
        notice: NoticeId,
        /// The first.
        before: NoticeId,
        /// The outage that the second one tells of.
        outage: OutageId,
    },
    /// A notice was folded into one that leaves out one of its outages.
    FoldedAway {
        /// Which.
        notice: NoticeId,
        /// Into which.
        into: NoticeId,
        /// What nobody says.
        outage: OutageId,
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contradiction::StillDown {
                recipient,
                system,
                notice,
            } => write!(
                f,
                "{system} is up, and notice {notice}, the last to {recipient}, says that it is down"
            ),
            Contradiction::StillUp {
                recipient,
                system,
                outage,
                notice: Some(notice),
            } => write!(
                f,
                "{system} is down ({outage}), and notice {notice}, the last to {recipient}, says \
                 that it is up"
            ),
            Contradiction::StillUp {
                recipient,
                system,
                outage,
                notice: None,
            } => write!(
                f,
                "{system} is down ({outage}), and {recipient} was not told"
            ),
            Contradiction::DownTwice {
                notice,
                before,
                outage,
            } => write!(
                f,
                "notice {notice} tells of {outage}, and {before} had told its address that the \
                 system is down"
            ),
            Contradiction::FoldedAway {
                notice,
                into,
                outage,
            } => write!(
                f,
                "notice {notice} is folded into {into}, which does not say what became of {outage}"
            ),
        }
    }
}

impl Heard {
    /// Takes in an event; `record` has applied it, and nothing after it.
    pub fn take_in(&mut self, record: &Record, event: &Event) {
        if matches!(event.fact, Fact::Configured { .. }) {
            let catalogue = Arc::clone(&record.catalogue);
            self.configured.push((record.seq, catalogue));
        }
        if let Fact::NoticeQueued { notice } = &event.fact {
            let told = notice.affected.iter();
            let id = record.notices.get_max().map(|(id, _)| *id);
            let twice = told.filter_map(|a| told_twice(record, id?, notice, a));
            self.twice.extend(twice);
        }
        let Fact::DeliveryEnded { notice, result, .. } = &event.fact else {
            return;
        };
        let Some(outgoing) = record.notices.get(notice) else {
            return;
        };
        let notice_of = &outgoing.notice;
        for system in notice_of.systems() {
            let Some(said) = says(notice_of, system) else {
                continue;
            };
            let last = match result {
                Delivery::Accepted => said,
                Delivery::Ambiguous => Last::Unsure,
                Delivery::Deferred | Delivery::Rejected => continue,
            };
            let key = (notice_of.recipient.clone(), system.clone());
            self.last.insert(key, (*notice, last));
        }
    }

    /// Everything that is wrong at the record's position: what recipients heard last, against the
    /// systems' states; and what folded notices leave unsaid.
    ///
    /// Nothing is wrong while a notice waits that would mend it or one is still to be decided (other
    /// systems are waited for, a bad run is pending). Downtime that stays planned is told to nobody.
    /// A refused address is owed nothing, and who was not a customer throughout no word of a beginning.
    pub fn contradictions(&self, record: &Record) -> Vec<Contradiction> {
        let told_down = self
            .last
            .iter()
            .filter(|(_, (_, last))| *last == Last::Down);
        let mut found: Vec<Contradiction> = told_down
            .filter(|((recipient, system), (notice, _))| {
                self.is_still_down(record, recipient, system, *notice)
            })
            .map(
                |((recipient, system), (notice, _))| Contradiction::StillDown {
                    recipient: recipient.clone(),
                    system: system.clone(),
                    notice: *notice,
                },
            )
            .collect();
        // Of a system that is unstable nobody is told of each outage.
        let steady = |s: &&SystemId| !record.unstable.contains(*s);
        let systems = record.systems.iter().filter(|(s, _)| steady(s));
        for (system, known) in systems {
            let outages = known.outages.iter().filter_map(|o| record.outages.get(o));
            for outage in outages.filter(|o| is_owed(o)) {
                found.extend(self.untold(record, system, outage));
            }
        }
        found.extend(folded_away(record));
        found.extend(self.twice.iter().cloned());
        found
    }

    /// The recipients who should have heard that this outage goes on and did not.
    fn untold<'a>(
        &'a self,
        record: &'a Record,
        system: &'a SystemId,
        outage: &'a Outage,
    ) -> impl Iterator<Item = Contradiction> + 'a {
        let waits = |customer: &CustomerId| {
            let owed = (customer.clone(), outage.id);
            record.untold.contains(&owed)
        };
        let customers = record.catalogue.customers_of(system);
        let recipients = customers
            .filter(move |c| !waits(&c.id))
            .flat_map(|c| c.contacts.iter().map(move |contact| (&c.id, contact)));
        recipients.filter_map(move |(customer, recipient)| {
            let key = (recipient.clone(), system.clone());
            let last = self.last.get(&key);
            let known = last.is_some_and(|(_, last)| *last != Last::Up);
            let owed = self.since(outage.id.0, |catalogue| {
                let customer = catalogue.customer(customer.as_str());
                customer
                    .is_some_and(|c| c.contacts.contains(recipient) && c.systems.contains(system))
            });
            // One that waits will say so, of this outage or of one that is one downtime with it;
            // where one was refused, or may have arrived, no more is known than that.
            let said = |o: &Outgoing| {
                let down = |a: &Affected| a.system == *system && a.to.is_none();
                o.notice.recipient == *recipient
                    && o.notice.affected.iter().any(down)
                    && !matches!(o.standing, Standing::Sent(_) | Standing::Folded(_))
            };
            let told = outage.told.iter().filter_map(|n| record.notices.get(n));
            let mended = told.clone().any(|o| said(o));
            (!known && owed && !mended).then(|| Contradiction::StillUp {
                recipient: recipient.clone(),
                system: system.clone(),
                outage: outage.id,
                notice: last.map(|(notice, _)| *notice),
            })
        })
    }

    /// Whether somebody who heard last that a system is down hears nothing of its being up.
    fn is_still_down(
        &self,
        record: &Record,
        recipient: &str,
        system: &SystemId,
        last: NoticeId,
    ) -> bool {
        let Some(told) = record.notices.get(&last) else {
            return false;
        };
        let to_be_decided = record
            .systems
            .get(system)
            .is_some_and(|s| !s.unanswered.is_empty());
        if record.has_open_outage(system) || to_be_decided {
            return false;
        }
        let begun = told.notice.affected.iter().filter(|a| a.system == *system);
        let begun = begun.filter_map(|a| a.outage).min();
        let owed = self.since(begun.map_or(last.0, |outage| outage.0), |catalogue| {
            catalogue.system(system.as_str()).is_some()
        });
        // One that waits will say so; where one was refused, or may have arrived, no more is known.
        let mended = record.notices.range(last..).any(|(id, o)| {
            *id != last
                && o.notice.recipient == recipient
                && o.notice.systems().any(|s| s == system)
                && says(&o.notice, system) == Some(Last::Up)
                && !matches!(o.standing, Standing::Sent(_) | Standing::Folded(_))
        });
        owed && !mended
    }

    /// Whether that held of every configuration that was in force at an event or later.
    fn since(&self, seq: u64, holds: impl Fn(&Catalogue) -> bool) -> bool {
        let earlier = self.configured.iter().rposition(|(from, _)| *from <= seq);
        let in_force = &self.configured[earlier.unwrap_or(0)..];
        in_force.iter().all(|(_, catalogue)| holds(catalogue))
    }
}

/// What a notice tells of a system; nothing where it only tells of work.
fn says(notice: &Notice, system: &SystemId) -> Option<Last> {
    let about = || notice.affected.iter().filter(|a| a.system == *system);
    match notice.kind {
        Kind::Uptime | Kind::MaintenanceCompleted => Some(Last::Up),
        // What it says of an outage that is over, it says instead of an uptime.
        Kind::Downtime | Kind::MaintenanceOverrun if about().all(|a| a.to.is_some()) => {
            Some(Last::Up)
        }
        Kind::Downtime | Kind::MaintenanceOverrun => Some(Last::Down),
        Kind::MaintenanceScheduled
        | Kind::MaintenanceChanged
        | Kind::MaintenanceCancelled
        | Kind::MaintenanceStarted => None,
    }
}

/// An earlier notice that told the same address that the system is down, by an outage which overlaps
/// the one that this notice tells of and of whose end nobody was told. That a system is unstable, and that
/// work takes longer than agreed, is told all the same.
fn told_twice(
    record: &Record,
    id: NoticeId,
    notice: &Notice,
    affected: &Affected,
) -> Option<Contradiction> {
    let news = notice.kind == Kind::Downtime && affected.to.is_none();
    let outage = record.outages.get(&affected.outage?)?;
    if !news || affected.unstable.is_some() {
        return None;
    }
    let known = record.systems.get(&affected.system)?;
    let overlaps = |other: &&Outage| {
        let declared = outage.declared.is_some() || other.declared.is_some();
        let goes_on = other.told_up.is_empty() && other.counts_from().is_some();
        let ends = |o: &Outage| o.ended_at().unwrap_or(jiff::Timestamp::MAX);
        let meet = outage.began_at() < ends(other) && other.began_at() < ends(outage);
        other.id != outage.id && declared && goes_on && meet
    };
    let others = known.outages.iter().filter_map(|o| record.outages.get(o));
    let others = others.map(|o| &**o).filter(overlaps);
    let told = others.flat_map(|o| o.told.iter()).find(|before| {
        let earlier = record.notices.get(*before).filter(|_| **before < id);
        earlier.is_some_and(|o| {
            let to_same =
                o.notice.recipient == notice.recipient && o.notice.customer == notice.customer;
            to_same && !matches!(o.standing, Standing::Rejected(_) | Standing::Folded(_))
        })
    });
    told.map(|before| Contradiction::DownTwice {
        notice: id,
        before: *before,
        outage: outage.id,
    })
}

/// Whether an outage goes on of which customers should know.
fn is_owed(outage: &Outage) -> bool {
    let excused = outage.planned && outage.overrun.is_none() && outage.reclassified.is_none();
    outage.end.is_none() && !excused
}

/// What is not sent because a later notice says it is said by that notice; what was on its way meanwhile
/// may be said by several.
fn folded_away(record: &Record) -> Vec<Contradiction> {
    let mut found = Vec::new();
    for (notice, out) in &record.notices {
        let Standing::Folded(Some(into)) = out.standing else {
            continue;
        };
        let instead = record
            .notices
            .get(&into)
            .filter(|instead| into > *notice && instead.notice.recipient == out.notice.recipient);
        let says = |o: &Outgoing, outage| o.notice.affected.iter().any(|a| a.says_over(outage));
        let outages = || out.notice.affected.iter().filter_map(|a| a.outage);
        let any = instead.is_some_and(|o| outages().any(|outage| says(o, outage)));
        let by_others = |outage| {
            let mut later = record.notices.range(*notice..).map(|(_, o)| o);
            any && out.attempts > 0
                && later.any(|o| {
                    let to_same = o.notice.recipient == out.notice.recipient;
                    to_same && o.standing != Standing::Folded(None) && says(o, outage)
                })
        };
        for outage in outages() {
            if !instead.is_some_and(|o| says(o, outage)) && !by_others(outage) {
                found.push(Contradiction::FoldedAway {
                    notice: *notice,
                    into,
                    outage,
                });
            }
        }
    }
    found
}
