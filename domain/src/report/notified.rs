//! Which customers were told about an incident, and when.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::model::{Moment, Telling as Result, Told};
use super::scope::Scope;
use super::words::{floor, list};
use crate::event::Delivery;
use crate::id::CustomerId;
use crate::incident::Incident;
use crate::notice::{Address, Kind};
use crate::record::notices::{Known, OutageEntry};
use crate::record::{Outage, Outgoing, Standing};

/// A line of a timeline names this many customers; it only counts more than that.
const NAMED: usize = 6;

/// The notification of one address about an outage.
pub(super) struct Telling<'a> {
    pub entry: &'a OutageEntry,
    pub address: &'a Address,
    pub result: Result,
    /// When that was settled.
    pub at: Option<Timestamp>,
    /// True if the message also says that the outage is over.
    afterwards: bool,
    /// The message, where there is one.
    outgoing: Option<&'a Outgoing>,
}

impl Telling<'_> {
    /// When the message was delivered, if it was.
    pub fn sent_at(&self) -> Option<Timestamp> {
        self.at.filter(|_| self.result == Result::Sent)
    }
}

/// The notifications of all addresses about the start of an outage.
pub(super) fn telling<'a>(scope: &Scope<'a>, outage: &Outage) -> impl Iterator<Item = Telling<'a>> {
    let notices = &scope.record.notices;
    let entries = notices.of_outage(outage.id);
    entries.map(move |(address, entry)| {
        let outgoing = entry.began.notice().and_then(|id| notices.message(id));
        let outgoing = outgoing.map(|o| &**o);
        let afterwards = outgoing.is_some_and(|o| o.notice.kind == Kind::Uptime);
        let settled_at = outgoing.and_then(settled_at);
        Telling {
            entry,
            address,
            result: result_of(entry.began, outgoing),
            at: settled_at.map(|at| entry.told_by.unwrap_or(at).min(at)),
            afterwards,
            outgoing,
        }
    })
}

fn result_of(began: Known, outgoing: Option<&Outgoing>) -> Result {
    match began {
        Known::Dropped => Result::Superseded,
        Known::No => Result::Queued,
        _ => outgoing.map_or(Result::Queued, standing),
    }
}

fn settled_at(outgoing: &Outgoing) -> Option<Timestamp> {
    match outgoing.standing {
        Standing::Sent(at) | Standing::Ambiguous(at) | Standing::Rejected(at) => Some(at),
        Standing::Due(_) | Standing::Attempting(_) | Standing::Superseded(_) => None,
    }
}

/// The result of a message.
pub(super) fn standing(outgoing: &Outgoing) -> Result {
    match outgoing.standing {
        Standing::Sent(_) => Result::Sent,
        Standing::Ambiguous(_) => Result::Ambiguous,
        Standing::Due(_) | Standing::Attempting(_) => Result::Queued,
        Standing::Superseded(_) => Result::Superseded,
        // A temporary rejection ends a message only after 48 hours.
        Standing::Rejected(_) => match outgoing.last {
            Some((Delivery::Deferred, _)) => Result::GivenUp,
            _ => Result::Rejected,
        },
    }
}

/// The final result for one customer.
pub(super) struct Word {
    at: Timestamp,
    result: Result,
    /// True if the message also says that the outage is over.
    afterwards: bool,
    name: String,
}

/// By customer and result, one text for each contact: the id of its notice, or `no notice`.
pub(super) type Contacts = BTreeMap<(String, &'static str), Vec<String>>;

/// The customers of the incident's systems in order of their ids, the final results in order of
/// time, then name, and the contacts that were counted.
pub(super) fn of(
    scope: &Scope<'_>,
    incident: &Incident,
    outages: &[&Outage],
) -> (Vec<Told>, Vec<Word>, Contacts) {
    let mut customers: BTreeMap<CustomerId, Told> = BTreeMap::new();
    let configurations = &scope.record.configurations;
    let catalogue = configurations.in_force_at(incident.opened_at);
    for system in incident
        .systems
        .iter()
        .filter(|s| scope.systems.contains_key(s))
    {
        for customer in catalogue.into_iter().flat_map(|c| c.customers_of(system)) {
            customers.insert(customer.id.clone(), nobody(&customer.id, &customer.name));
        }
    }
    let mut contacts: BTreeMap<(CustomerId, &Address), (Result, String)> = BTreeMap::new();
    // Several messages may name the same outage. The first that a contact receives counts.
    let mut heard: BTreeMap<(CustomerId, &Address), Moment> = BTreeMap::new();
    let mut words: BTreeMap<CustomerId, Word> = BTreeMap::new();
    for one in outages.iter().flat_map(|o| telling(scope, o)) {
        for customer in &one.entry.customers {
            let named = one.outgoing.map_or("", |o| &*o.notice.recipient.name);
            let told = customers
                .entry(customer.clone())
                .or_insert_with(|| nobody(customer, named));
            let notice = one.entry.began.notice();
            let notice = notice.map_or("no notice".to_owned(), |id| id.to_string());
            let known = contacts.entry((customer.clone(), one.address));
            let known = known.or_insert((one.result, notice.clone()));
            if one.result < known.0 {
                *known = (one.result, notice);
            }
            told.result = told.result.min(one.result);
            if let Some(at) = one.sent_at().map(|at| Moment::of(at, &scope.zone)) {
                told.first = Some(told.first.map_or(at, |first| first.min(at)));
                heard
                    .entry((customer.clone(), one.address))
                    .and_modify(|known: &mut Moment| *known = at.min(*known))
                    .or_insert(at);
            }
            if let Some(word) = word(&one, &told.name) {
                let better = |known: &Word| (word.result, word.at) < (known.result, known.at);
                if words.get(customer).is_none_or(better) {
                    words.insert(customer.clone(), word);
                }
            }
        }
    }
    for ((customer, _), at) in &heard {
        if let Some(told) = customers.get_mut(customer) {
            told.last = told.last.max(Some(*at));
        }
    }
    let mut by_result = Contacts::new();
    for ((customer, _), (result, notice)) in contacts {
        if let Some(told) = customers.get_mut(&customer) {
            *told.contacts.entry(result.word()).or_insert(0) += 1;
        }
        let key = (customer.to_string(), result.word());
        by_result.entry(key).or_default().push(notice);
    }
    for (customer, told) in &mut customers {
        told.only_afterwards = words.get(customer).is_some_and(|w| w.afterwards);
        // A rejected contact does not decide while another notice is on its way.
        if words.get(customer).is_some_and(|w| w.result != told.result) {
            words.remove(customer);
        }
    }
    let mut words: Vec<Word> = words.into_values().collect();
    words.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    (customers.into_values().collect(), words, by_result)
}

fn nobody(id: &CustomerId, name: &str) -> Told {
    Told {
        customer: id.to_string(),
        name: name.to_owned(),
        first: None,
        last: None,
        result: Result::NotTold,
        only_afterwards: false,
        contacts: BTreeMap::new(),
    }
}

fn word(one: &Telling<'_>, name: &str) -> Option<Word> {
    Some(Word {
        at: one.at?,
        result: one.result,
        afterwards: one.afterwards && one.result == Result::Sent,
        name: name.to_owned(),
    })
}

/// Timeline steps: one for each second and result, with the names or the number of customers.
/// `customers` is the number of all.
pub(super) fn steps(words: &[Word], customers: usize) -> Vec<(Timestamp, String)> {
    let mut seconds: BTreeMap<(Timestamp, Result, bool), Vec<&str>> = BTreeMap::new();
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
                Result::Ambiguous => {
                    format!("Unconfirmed, connection lost before an answer: {who}")
                }
                Result::GivenUp => {
                    format!("Given up after 48 hours, not notified: {who}")
                }
                Result::Rejected => {
                    format!("Rejected by the relay or webhook, not notified: {who}")
                }
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

/// `A, B and C`; if there are more than [`NAMED`], the first three and the number of others.
fn named(names: &[&str]) -> String {
    if names.len() <= NAMED {
        return list(names);
    }
    let (first, rest) = names.split_at(3);
    format!("{} and {} others", first.join(", "), rest.len())
}
