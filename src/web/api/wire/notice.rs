//! Notices and mails.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A notice with its delivery.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    pub id: String,
    pub kind: String,
    /// The recipient's name.
    pub recipient: String,
    /// The mail address or the webhook. Null for viewers.
    pub address: Option<String>,
    pub customers: Vec<String>,
    pub systems: Vec<String>,
    pub incident: Option<String>,
    pub window: Option<String>,
    /// The report, as in `operations 2026-10`.
    pub report: Option<String>,
    /// `due`, `attempting`, `sent`, `rejected`, `ambiguous` or `superseded`.
    pub state: String,
    /// When it was decided.
    pub decided: Timestamp,
    /// Since when it is in its state.
    pub since: Timestamp,
    pub attempts: u32,
    /// When a person sent it again after it was rejected: another notice tells its facts.
    pub sent_again: Option<Timestamp>,
    /// The relay's last answer. Null for viewers.
    pub reply: Option<String>,
    pub message_id: String,
}

/// A mail that a dry run would send, or the text of a notice.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Mail {
    pub kind: String,
    /// The recipient's name.
    pub name: String,
    /// The mail address or the webhook.
    pub recipient: String,
    pub customers: Vec<String>,
    pub subject: String,
    pub text: String,
}
