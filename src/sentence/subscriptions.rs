//! The sentence about a subscription. It names the subscriber by number: the ledger does not know the address.

use domain::event::SubscriptionCause;
use domain::id::{SubscriberId, SystemId};

pub(super) fn subscription_changed(
    subscriber: SubscriberId,
    systems: &[SystemId],
    cause: SubscriptionCause,
) -> String {
    let names: Vec<&str> = systems.iter().map(SystemId::as_str).collect();
    let why = match cause {
        SubscriptionCause::Confirmed => "confirmed by the mailed link",
        SubscriptionCause::Chosen => "chosen on the public page",
        SubscriptionCause::Unsubscribed => "the subscriber unsubscribed",
        SubscriptionCause::Rejected => "a mail server rejected the address for good",
        SubscriptionCause::Private => "systems became private",
        SubscriptionCause::Restored => "the file of subscribers says so",
    };
    match names.is_empty() {
        true => format!("The subscription of {subscriber} ended: {why}."),
        false => format!(
            "Subscriber {subscriber} gets mails about {}: {why}.",
            names.join(", ")
        ),
    }
}
