//! Acts that wait for a second person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Act, Recorded};

/// An act that waits for a second person.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    pub id: i64,
    /// The actor that the ledger will name: a login, or `token deploy`.
    pub by: String,
    /// The account behind it, which may not approve it.
    pub account: String,
    pub at: Timestamp,
    /// The events that an approval would record. Empty if the act is refused by now.
    pub events: Vec<Recorded>,
    /// Why it could no longer be recorded.
    pub refused: Option<String>,
    /// True if this token may approve it.
    pub may_approve: bool,
    /// True if this token may withdraw it.
    pub may_withdraw: bool,
}

/// The request for a proposal.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposalRequest {
    pub act: Act,
    /// Why a text that looks like protected health information is something else.
    #[serde(default)]
    pub not_phi: Option<String>,
}

/// The number of a new proposal.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Proposed {
    pub id: i64,
}

/// A run of a probe.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProbeRun {
    /// As `portal/login-page`.
    pub probe: String,
    /// True if the outcome is `up`.
    pub is_up: bool,
    /// Every phase, and what happened when, as `nines probe` prints it.
    pub transcript: String,
}
