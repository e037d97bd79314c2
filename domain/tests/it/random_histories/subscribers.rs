//! Messages to subscribers, which the record forgets when nothing is open for them.

use domain::event::{Delivery, Fact};
use domain::record::Outgoing;

use crate::service::Service;

impl Service {
    /// Keeps a message to a subscriber as it is after its attempt.
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
