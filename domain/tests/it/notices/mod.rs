//! Section 9: who is notified, when, and what happens to mail that fails.

mod delivery;
mod receipts;
mod relays_away;
mod sent_again;
mod staff;
mod subscribers;
mod updates;
mod webhooks;
