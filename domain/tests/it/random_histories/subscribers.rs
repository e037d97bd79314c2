//! People who subscribe, choose and leave in histories. They get notices, and change nothing that was agreed.

use domain::event::{Delivery, Fact, SubscriptionCause};
use domain::id::{CustomerId, SubscriberId, SystemId};
use domain::input::Input;
use domain::notice::Address;
use domain::notices::Next;
use domain::record::Outgoing;
use domain::report;
use proptest::prelude::*;

use super::{difference, facts, notices};
use crate::service::Service;

/// The people of a history, numbered from 1.
pub const PEOPLE: u64 = 3;

impl Service {
    /// Keeps a message to a subscriber as it is after its attempt: the record forgets it when nothing is open.
    pub fn keep_forgotten(&mut self, fact: &Fact) {
        let Fact::DeliveryEnded { notice, result, .. } = fact else {
            return;
        };
        let known = self.record.notices.message(*notice);
        if let Some(outgoing) = known.filter(|o| o.notice.recipient.address.subscriber().is_some())
        {
            let mut kept = Outgoing::clone(outgoing);
            kept.lost += u32::from(*result == Delivery::Ambiguous);
            self.forgotten.insert(*notice, kept);
        }
    }
}

/// A person chooses `a` if the first bit is set, and `b` if the second is.
pub fn choose(service: &mut Service, id: u64, choice: u8) {
    let subscriber = SubscriberId(id);
    let systems = [("a", 1), ("b", 2)].into_iter();
    let systems = systems.filter(|(_, bit)| choice & bit != 0);
    let systems: Vec<SystemId> = systems.map(|(system, _)| system.into()).collect();
    let is_known = service.record.subscribers.systems(subscriber).is_some();
    let cause = match (systems.is_empty(), is_known) {
        (true, _) => SubscriptionCause::Unsubscribed,
        (false, true) => SubscriptionCause::Chosen,
        (false, false) => SubscriptionCause::Confirmed,
    };
    let input = Input::Subscription {
        subscriber,
        systems,
        cause,
    };
    service.input(service.now, input);
}

/// A person who is not subscribed is owed no notice, and no attempt of one begins.
pub fn nothing_is_owed_after_the_end(service: &Service) {
    let doubted = std::collections::BTreeSet::new();
    notices::each(service, |record, seq, event| {
        let people = (1..=PEOPLE).map(SubscriberId);
        for id in people.filter(|id| record.subscribers.systems(*id).is_none()) {
            let address = Address::Subscriber(id);
            let next = domain::notices::next(record, &doubted, &address, event.at);
            assert_eq!(next, Next::Idle, "before #{seq}");
            if let Fact::DeliveryAttempted { notice, .. } = &event.fact {
                let to = &service.message(*notice).notice.recipient.address;
                assert_ne!(*to, address, "#{seq}");
            }
        }
    });
}

/// Two histories that differ by subscribers alone have the same facts and reports, and each window counts as planned
/// in both or in neither.
pub fn nothing_that_was_agreed_differs(
    mut with: Service,
    mut without: Service,
) -> Result<(), TestCaseError> {
    // A report is made as of the last event, and that is one in both.
    for service in [&mut with, &mut without] {
        let end = service.now.duration_since(service.origin).as_secs() + 1;
        service.stop(end);
    }
    let (with, without) = (&with, &without);
    let mut own = facts(with, false);
    own.retain(|line| !line.contains("SubscriptionChanged"));
    if let Some(difference) = difference(&own, &facts(without, false)) {
        return Err(TestCaseError::fail(difference));
    }
    let windows = |service: &Service| -> Vec<String> {
        let all = service.record.maintenance.all_one_off();
        let status = all.map(|(id, _)| {
            let status = service.record.window_status(id, service.now);
            format!("{id} {status:?}")
        });
        status.collect()
    };
    prop_assert_eq!(windows(with), windows(without));
    let untold = |service: &Service| -> Vec<CustomerId> {
        let all = service.record.untold_customers();
        all.map(|(_, customer)| customer.clone()).collect()
    };
    prop_assert_eq!(untold(with), untold(without));
    let (own, others) = (figures(with), figures(without));
    match difference(&own, &others) {
        Some(difference) => Err(TestCaseError::fail(difference)),
        None => Ok(()),
    }
}

/// The lines of the month's report without the numbers of events and notices, and so without explanations.
fn figures(service: &Service) -> Vec<String> {
    let month = "2026-10".parse().unwrap();
    let mut report = report::monthly(&service.record, "ops", month, "").unwrap();
    report.ledger.seq = 0;
    report.explanations = Default::default();
    for refused in &mut report.refused {
        refused.notice.clear();
    }
    format!("{report:#?}").lines().map(str::to_owned).collect()
}
