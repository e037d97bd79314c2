//! The arithmetic of availability (`docs/accounting.md`). Every second of the agreed time has
//! exactly one class, and every figure is a whole number or an exact ratio of two.
//!
//! | file | holds |
//! | --- | --- |
//! | [`observed`] | which seconds were up, down, degraded or unknown |
//! | [`planned`] | which downtime maintenance windows make planned |
//! | [`classes`] | the class of every second |
//! | [`figures`] | the figures of a report, counted from the classes |
//! | [`merged`] | outages that overlap or touch, which count as one |
//! | [`overrun`] | until when an outage is planned, and the seconds beyond |
//! | [`unplanned_reasons`] | why downtime inside or beside a window is unplanned |
//!
//! Nothing here rounds before it prints. Sets of seconds are [`crate::span::Spans`].

use jiff::Timestamp;

use crate::catalogue::Affects;
use crate::id::{IncidentId, OutageId};
use crate::span::Span;
use crate::windows::Occurrence;

mod classes;
mod figures;
mod merged;
mod observed;
mod overrun;
mod planned;
mod ratio;
mod unplanned_reasons;

pub use classes::{Classes, DaySeconds, classify, day_strip};
pub use figures::{Figures, OutageFigures, WindowFigures, account};
pub use merged::MergedOutage;
pub use overrun::{PlannedUntil, planned_until};
pub use ratio::{Ratio, Verdict};
pub use unplanned_reasons::{UnplannedReason, UnplannedTime, unplanned_reasons};

/// The facts from which one system's figures are computed. `None` as an end means "not over".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The spans in which the system was configured.
    pub life: Vec<(Timestamp, Option<Timestamp>)>,
    pub probes: Vec<ProbeHistory>,
    /// Observed and declared outages.
    pub outages: Vec<OutageHistory>,
    /// Monitor faults: their time is unknown.
    pub faults: Vec<Span>,
    /// Exclusions that a second person approved.
    pub exclusions: Vec<Span>,
    /// Windows in order of their start. Earlier windows matter too: they may have made the start of
    /// an outage planned, or share a month's allowance. Additional windows do not change a figure.
    pub windows: Vec<Occurrence>,
    pub blips: Vec<BlipHistory>,
}

/// A run of bad samples that never became a confirmed failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlipHistory {
    /// From the first bad sample to the good sample that ended the run.
    pub span: Span,
    /// The number of bad samples.
    pub samples: u32,
}

/// The states of one probe. Each list is in order and disjoint; only its last entry may be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeHistory {
    pub affects: Affects,
    /// When the probe was configured.
    pub life: Vec<(Timestamp, Option<Timestamp>)>,
    /// When it was confirmed down.
    pub down: Vec<(Timestamp, Option<Timestamp>)>,
    /// When it was confirmed degraded or down.
    pub degraded: Vec<(Timestamp, Option<Timestamp>)>,
    /// When no sample covers the time. Where `down` holds too, the time is unknown.
    pub silent: Vec<(Timestamp, Option<Timestamp>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutageHistory {
    pub id: OutageId,
    pub start: Timestamp,
    pub end: Option<Timestamp>,
    /// True if a person declared it.
    pub declared: bool,
    /// True if a person counted its planned time as unplanned.
    pub reclassified: bool,
    /// The precision of its start and end in seconds: the longest interval of its probes.
    pub edge_s: i64,
    /// The flapping incident that it belongs to.
    pub flapping: Option<IncidentId>,
}
