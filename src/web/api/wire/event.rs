//! Events, and the answer to an act.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Mail;

/// An event of the ledger.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Event {
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// When it was written.
    pub recorded: Timestamp,
    pub kind: String,
    /// An incident, an outage, a system, a window, a report, a notice; empty for the service itself.
    pub subject: String,
    /// A person, or `nines`.
    pub by: String,
    /// `service`, `cli`, `api`, `console` or `scenario`.
    pub how: String,
    /// The event in a sentence.
    pub text: String,
    /// The stored content. Null for viewers, because it has addresses of customers.
    #[schema(value_type = Option<Object>)]
    pub data: Value,
    /// The SHA-256 of the chain up to this event.
    pub hash: String,
}

/// An event that an act recorded, or that its dry run would record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Recorded {
    pub seq: u64,
    pub at: Timestamp,
    pub kind: String,
    pub subject: String,
    pub by: String,
    /// The event in a sentence.
    pub text: String,
    #[schema(value_type = Option<Object>)]
    pub data: Value,
}

/// The answer to an act or a reload. Its events are on the disk, unless it was a dry run.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    pub events: Vec<Recorded>,
    /// The steps that are left for a person.
    pub left: Vec<String>,
    /// The mails that a dry run would send.
    pub notices: Vec<Mail>,
    /// The changes of a reload, as in `1 system changed`.
    #[serde(default)]
    pub changes: Option<String>,
    /// The service's zone (IANA), in which people read times.
    pub zone: String,
}
