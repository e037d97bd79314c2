//! Decides about attempts to deliver: which may begin, which may end, which were lost, and when staff is told of
//! customers who were not reached.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Draft;
use crate::act::Refusal;
use crate::due::{self, UndeliveredDue};
use crate::event::{Delivery, Fact};
use crate::id::{CustomerId, NoticeId, OutageId, Source};
use crate::notice::Notice;
use crate::notices::{self, Next};
use crate::record::{Record, Standing};

impl Draft<'_> {
    /// Staff is told of customers who were not reached about an outage that goes on.
    pub(super) fn undelivered(&mut self, at: Timestamp) {
        while let Some(due) = due::undelivered(self.record(), at) {
            let record = self.record();
            let UndeliveredDue {
                customer,
                outages,
                since,
            } = due;
            let systems = outages.iter().filter_map(|o| record.outages.get(o));
            let systems: Vec<_> = systems.map(|o| o.system.clone()).collect();
            let fact = Fact::NoticeUndelivered {
                contacts: reachable(record, &customer, record.staff_of(&systems)),
                reply: last_reply(record, &customer, &outages),
                customer,
                outages,
                since,
            };
            self.emit(at, fact);
        }
    }
}

/// The contacts without those who have no other address than one that did not get the notice.
fn reachable(record: &Record, customer: &CustomerId, contacts: Vec<String>) -> Vec<String> {
    let catalogue = &record.catalogue;
    let failed = catalogue.customer(customer.as_str());
    let has_failed = |id: &String| {
        let mut own = catalogue.contacts.iter().filter(|c| c.id == *id);
        let own = own.next().map(|c| c.addresses().collect::<Vec<_>>());
        let own = own.unwrap_or_default();
        !own.is_empty() && own.iter().all(|a| failed.is_some_and(|c| c.has(a)))
    };
    contacts.into_iter().filter(|id| !has_failed(id)).collect()
}

/// The last answer to a notice of these outages to the customer.
fn last_reply(record: &Record, customer: &CustomerId, outages: &[OutageId]) -> Option<String> {
    let messages = record.notices.messages();
    let own = messages.filter(|(_, o)| {
        let mut said = o.notice.outages();
        o.notice.recipient.customers().any(|c| c == customer) && said.any(|o| outages.contains(&o))
    });
    let (_, reply) = own.last()?.1.last.clone()?;
    Some(reply)
}

/// The start of an attempt, if its message is still due.
pub(super) fn attempt(
    record: &Record,
    doubted: &BTreeSet<Source>,
    at: Timestamp,
    notice: &Notice,
    message_id: &str,
    sha256: &str,
) -> Result<Fact, Refusal> {
    let address = &notice.recipient.address;
    let next = notices::next(record, doubted, address, at);
    if !matches!(&next, Next::Send(due) if **due == *notice) {
        let refusal = format!("this {} is no longer due", notice.kind);
        return Err(Refusal(refusal));
    }
    let again = record.notices.current(address);
    let again = again.filter(|(_, o)| o.notice == *notice);
    match again {
        Some((id, _)) if again.is_some_and(|(_, o)| o.message_id != message_id) => {
            Err(Refusal(format!("{id} has another Message-ID")))
        }
        Some((id, o)) => Ok(Fact::DeliveryAttempted {
            notice: id,
            attempt: o.attempts + 1,
            message: None,
            message_id: message_id.to_owned(),
            sha256: sha256.to_owned(),
        }),
        None => Ok(Fact::DeliveryAttempted {
            notice: record.notices.next_id(),
            attempt: 1,
            message: Some(Box::new(notice.clone())),
            message_id: message_id.to_owned(),
            sha256: sha256.to_owned(),
        }),
    }
}

/// Checks that an attempt is under way, so that it can end.
pub(super) fn under_way(record: &Record, id: NoticeId, attempt: u32) -> Result<(), Refusal> {
    let known = record.notices.message(id);
    let under_way = known
        .is_some_and(|o| o.attempts == attempt && matches!(o.standing, Standing::Attempting(_)));
    if !under_way {
        let refusal = format!("attempt {attempt} of {id} is not under way");
        return Err(Refusal(refusal));
    }
    Ok(())
}

/// The end of each attempt that the service did not outlive: its message may have been delivered.
pub(super) fn lost_attempts(record: &Record) -> Vec<Fact> {
    let subscribers = record.notices.to_subscribers();
    let unsent = record.notices.unsent().chain(subscribers);
    let lost = unsent.filter(|(_, o)| matches!(o.standing, Standing::Attempting(_)));
    lost.map(|(notice, o)| Fact::DeliveryEnded {
        notice,
        attempt: o.attempts,
        result: Delivery::Ambiguous,
        reply: "the service ended during the attempt".to_owned(),
        unreached: false,
        retry_after_s: None,
    })
    .collect()
}
