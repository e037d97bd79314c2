//! The types that the API reads and writes. They hold text, numbers and instants and no type of the domain, so that a
//! change of the domain never changes an answer unseen.

mod act;
mod event;
mod incident;
mod maintenance;
mod notice;
mod people;
mod problem;
mod proposal;
mod report;

pub use act::{Act, ActRequest};
pub use event::{Event, Receipt, Recorded};
pub use incident::{
    Acknowledged, Clock, Incident, IncidentLine, Level, MeasureLine, Outage, Review, Update,
};
pub use maintenance::Window;
pub use notice::{Mail, Notice};
pub use people::{
    Account, AccountChange, Created, CreatedToken, InvitationRequest, Token, TokenRequest,
};
pub use problem::Problem;
pub use proposal::{ProbeRun, Proposal, ProposalRequest, Proposed};
pub use report::{MissingTexts, Report, ReportFile, ReportLine, Revision, SystemFigures};

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A part of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The `cursor` of the next part. Null after the last one.
    pub next: Option<String>,
}

/// The part of a list that a request wants.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The `next` of the part before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The most items of the answer, 100 by default.
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
}

/// A thing with its id and its name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Named {
    pub id: String,
    pub name: String,
}
