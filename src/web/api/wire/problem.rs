//! Problem details (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Event;

/// The reason why a request failed.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// The reason in a sentence, and what would be right.
    pub detail: String,
    /// After a conflict with `If-Match`: the present version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// After a conflict with `If-Match`: the events since the version that the request names, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Event>,
}
