//! Maintenance windows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Named;

/// A maintenance window that is open or to come.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Window {
    pub id: String,
    /// The number of the last event about it, and the value of `ETag`. Null in a list.
    pub version: Option<u64>,
    pub title: String,
    /// The effect that customers will notice.
    pub impact: Option<String>,
    pub systems: Vec<Named>,
    pub start: Timestamp,
    pub end: Timestamp,
    /// The allowed downtime in seconds. Null allows the whole window.
    pub max_downtime_s: Option<i64>,
    pub recurring: bool,
    /// True if downtime in it counts as planned.
    pub counts: bool,
    /// The reason, in a few words.
    pub why: String,
    /// Until when notices help.
    pub notify_by: Option<Timestamp>,
    /// The customers who are not notified of the last version.
    pub not_notified: Vec<Named>,
}
