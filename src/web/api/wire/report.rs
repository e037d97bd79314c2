//! Monthly reports.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A report in a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReportLine {
    pub committee: String,
    pub month: String,
    /// `draft`, `final` or `revised`.
    pub state: String,
    /// When the committee was told of the draft.
    pub drafted: Option<Timestamp>,
    pub approved: Option<Timestamp>,
    pub approved_by: Option<String>,
}

/// The report of a month as it is now.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Report {
    pub committee: String,
    pub committee_name: String,
    pub month: String,
    /// The number of the last event about this report, and the value of `ETag`.
    pub version: u64,
    /// `draft` or `final`.
    pub status: String,
    /// The number of the ledger's last event. An approval names it as `as_of`.
    pub as_of: u64,
    /// True while the month goes on. Such a report cannot be approved.
    pub so_far: bool,
    pub headline: String,
    pub happened: Vec<String>,
    pub systems: Vec<SystemFigures>,
    /// The texts that are missing, by incident.
    pub missing: Vec<MissingTexts>,
    /// Approved editions, the oldest first.
    pub revisions: Vec<Revision>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SystemFigures {
    pub system: String,
    pub name: String,
    /// As in `99.9%`.
    pub target: Option<String>,
    pub availability: Option<String>,
    /// `met`, `missed`, `not determinable` or `no target`.
    pub verdict: String,
    pub outages: i64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MissingTexts {
    pub incident: String,
    pub texts: Vec<String>,
}

/// An approved edition.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Revision {
    /// 0 for the first approval.
    pub revision: u32,
    pub approved: Timestamp,
    pub by: String,
    pub reason: Option<String>,
    /// Empty until they are on the disk.
    pub files: Vec<ReportFile>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReportFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}
