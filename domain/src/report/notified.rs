//! Whom the notices of an incident reached, when, and whom they did not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::model::{Moment, Telling, Told};
use super::scope::Scope;
use super::words::{floor, list};
use crate::event::Delivery;
use crate::id::{CustomerId, NoticeId};
use crate::incident::Incident;
use crate::notice::Kind;
use crate::record::{Outage, Outgoing, Standing};

/// How many customers a line of a timeline names before it only counts them.
const NAMED: usize = 6;

/// The notices that told people of an outage: `downtime` and `maintenance-overrun`, and an
/// `uptime` that says both because the first was never sent. For one that was folded into a later
/// one, that one: what became of it is what became of the telling.
pub(super) fn telling<'a>(
    scope: &Scope<'a>,
    outage: &Outage,
) -> impl Iterator<Item = (NoticeId, &'a Outgoing)> {
    let record = scope.record;
    let first = outage.told.iter().chain(&outage.told_up);
    let first: BTreeSet<NoticeId> = first.copied().collect();
    let wanted = first.into_iter().filter(move |id| {
        record.notices.get(id).is_some_and(|n| {
            matches!(n.notice.kind, Kind::Downtime | Kind::MaintenanceOverrun) || n.notice.folded
        })
    });
    let said: BTreeSet<NoticeId> = wanted.map(|id| said_by(scope, id)).collect();
    said.into_iter()
        .filter_map(move |id| Some((id, &**record.notices.get(&id)?)))
}

/// The notice that says what this one was to say.
fn said_by(scope: &Scope<'_>, mut id: NoticeId) -> NoticeId {
    // A notice is folded into a later one, so this comes to an end.
    while let Some(Standing::Folded(Some(into))) =
        scope.record.notices.get(&id).map(|n| &n.standing)
        && *into > id
        && scope.record.notices.contains_key(into)
    {
        id = *into;
    }
    id
}

/// When a notice was delivered, if it was.
pub(super) fn sent(notice: &Outgoing) -> Option<Timestamp> {
    match notice.standing {
        Standing::Sent(at) => Some(at),
        _ => None,
    }
}

/// What became of a notice.
pub(super) fn standing(notice: &Outgoing) -> Telling {
    match notice.standing {
        Standing::Sent(_) => Telling::Sent,
        Standing::Ambiguous(_) => Telling::Ambiguous,
        Standing::Due(_) | Standing::Attempting(_) => Telling::Queued,
        Standing::Folded(_) => Telling::Folded,
        // A refusal for the time being ends a notice only by having gone on for too long.
        Standing::Rejected(_) => match notice.last {
            Some((Delivery::Deferred, _)) => Telling::GivenUp,
            _ => Telling::Rejected,
        },
    }
}

/// What became of telling one customer, and when that was settled.
pub(super) struct Word {
    at: Timestamp,
    result: Telling,
    /// Whether it was the message that told of the end, too.
    afterwards: bool,
    name: String,
}

/// Every customer of the incident's systems, in order of their ids, and what became of telling
/// it; and the settled ones of these for a timeline, in order of time, then name.
pub(super) fn of(
    scope: &Scope<'_>,
    incident: &Incident,
    outages: &[&Outage],
) -> (Vec<Told>, Vec<Word>) {
    let mut customers: BTreeMap<CustomerId, Told> = BTreeMap::new();
    let catalogue = scope.record.in_force_at(incident.opened_at);
    for system in incident
        .systems
        .iter()
        .filter(|s| scope.systems.contains_key(s))
    {
        for customer in catalogue.customers_of(system) {
            customers.insert(customer.id.clone(), nobody(&customer.id, &customer.name));
        }
    }
    let mut contacts: BTreeMap<(CustomerId, &str), Telling> = BTreeMap::new();
    // A later notice may say an outage once more: a contact is told by the first that does.
    let mut heard: BTreeMap<(CustomerId, &str), Moment> = BTreeMap::new();
    let mut words: BTreeMap<CustomerId, Word> = BTreeMap::new();
    for (_, outgoing) in outages.iter().flat_map(|o| telling(scope, o)) {
        let notice = &outgoing.notice;
        let told = customers
            .entry(notice.customer.clone())
            .or_insert_with(|| nobody(&notice.customer, &notice.customer_name));
        let result = standing(outgoing);
        contacts
            .entry((notice.customer.clone(), &notice.recipient))
            .and_modify(|known| *known = result.min(*known))
            .or_insert(result);
        told.result = told.result.min(result);
        if let Some(at) = sent(outgoing).map(|at| Moment::of(at, &scope.zone)) {
            told.first = Some(told.first.map_or(at, |first| first.min(at)));
            let contact = (notice.customer.clone(), &*notice.recipient);
            heard
                .entry(contact)
                .and_modify(|known: &mut Moment| *known = at.min(*known))
                .or_insert(at);
        }
        if let Some(word) = word(outgoing, &told.name) {
            let better = |known: &Word| (word.result, word.at) < (known.result, known.at);
            if words.get(&notice.customer).is_none_or(better) {
                words.insert(notice.customer.clone(), word);
            }
        }
    }
    for ((customer, _), at) in &heard {
        if let Some(told) = customers.get_mut(customer) {
            told.last = told.last.max(Some(*at));
        }
    }
    for ((customer, _), result) in &contacts {
        if let Some(told) = customers.get_mut(customer) {
            *told.contacts.entry(result.word()).or_insert(0) += 1;
        }
    }
    for (customer, told) in &mut customers {
        told.only_afterwards = words.get(customer).is_some_and(|w| w.afterwards);
        // What is still under way is not settled by a contact that was refused.
        if words.get(customer).is_some_and(|w| w.result != told.result) {
            words.remove(customer);
        }
    }
    let mut words: Vec<Word> = words.into_values().collect();
    words.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    (customers.into_values().collect(), words)
}

fn nobody(id: &CustomerId, name: &str) -> Told {
    Told {
        customer: id.to_string(),
        name: name.to_owned(),
        first: None,
        last: None,
        result: Telling::NotTold,
        only_afterwards: false,
        contacts: BTreeMap::new(),
    }
}

fn word(outgoing: &Outgoing, name: &str) -> Option<Word> {
    let (Standing::Sent(at) | Standing::Ambiguous(at) | Standing::Rejected(at)) = outgoing.standing
    else {
        return None;
    };
    Some(Word {
        at,
        result: standing(outgoing),
        afterwards: outgoing.notice.folded && sent(outgoing).is_some(),
        name: name.to_owned(),
    })
}

/// The lines of a timeline: one for each second and result, that names the customers or, of many,
/// counts them. `customers` is how many there are in all.
pub(super) fn steps(words: &[Word], customers: usize) -> Vec<(Timestamp, String)> {
    let mut seconds: BTreeMap<(Timestamp, Telling, bool), Vec<&str>> = BTreeMap::new();
    for word in words {
        let key = (floor(word.at), word.result, word.afterwards);
        seconds.entry(key).or_default().push(&word.name);
    }
    let mut so_far = 0;
    let lines = seconds
        .into_iter()
        .map(|((at, result, afterwards), names)| {
            let who = named(&names);
            let line = match result {
                Telling::Ambiguous => {
                    format!("Unconfirmed, connection lost before the relay answered: {who}")
                }
                Telling::GivenUp => {
                    format!("Given up after 48 hours, not notified: {who}")
                }
                Telling::Rejected => format!("Rejected by the mail relay, not notified: {who}"),
                _ => {
                    so_far += names.len();
                    let when = if afterwards {
                        "Customers notified only after recovery"
                    } else {
                        "Customers notified"
                    };
                    format!("{when}: {who} ({so_far} of {customers})")
                }
            };
            (at, line)
        });
    lines.collect()
}

/// `A, B and C`; of more than [`NAMED`], the first three and how many others.
fn named(names: &[&str]) -> String {
    if names.len() <= NAMED {
        return list(names);
    }
    let (first, rest) = names.split_at(3);
    format!("{} and {} others", first.join(", "), rest.len())
}
