//! The arithmetic of SPEC section 6: every second of the agreed time has exactly one class, and
//! every figure is an exact integer or a ratio of two.
//!
//! [`ground`] finds what was down, up and unknown; [`excuse`] what section 5 excuses of it;
//! [`classes`] puts both together; [`figures`] counts. Nothing here rounds before it prints, and
//! nothing counts seconds one by one.

use jiff::Timestamp;

use crate::catalogue::Affects;
use crate::id::{IncidentId, OutageId};
use crate::span::Span;
use crate::windows::Occurrence;

mod classes;
mod excuse;
mod figures;
mod ground;
mod ratio;
mod readings;
mod stretches;
mod unexcused;

pub use classes::{Classes, DaySeconds, classify, day_strip};
pub use excuse::{Excused, excused_until};
pub use figures::{Figures, OutageFigures, WindowFigures, account};
pub use ratio::{Ratio, Verdict};
#[doc(hidden)]
pub use readings::{Readings, account_by};
pub use stretches::Stretch;
pub use unexcused::{Unexcused, Unplanned, unexcused};

/// Everything that one system's figures rest on. `None` as an end means: still so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The spans in which the system was configured.
    pub life: Vec<(Timestamp, Option<Timestamp>)>,
    /// Its probes.
    pub probes: Vec<ProbeHistory>,
    /// Its outages, observed and declared.
    pub outages: Vec<OutageHistory>,
    /// Faults of the monitor.
    pub faults: Vec<Span>,
    /// Exclusions that a second person approved.
    pub exclusions: Vec<Span>,
    /// Its windows in order of their start: those that touch the period, and those before it that may
    /// have excused the beginning of an outage in it or share a month's allowance with it; more of
    /// them do no harm.
    pub windows: Vec<Occurrence>,
    /// Bad runs that were never confirmed.
    pub blips: Vec<BlipHistory>,
}

/// A bad run that was never confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlipHistory {
    /// First bad sample to the good one that ended it.
    pub span: Span,
    /// How many bad samples.
    pub samples: u32,
}

/// What is known of one probe. Each list is in order and disjoint; only the last may be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeHistory {
    /// What its failure does.
    pub affects: Affects,
    /// When it was configured.
    pub life: Vec<(Timestamp, Option<Timestamp>)>,
    /// Confirmed down.
    pub down: Vec<(Timestamp, Option<Timestamp>)>,
    /// Confirmed degraded or down.
    pub degraded: Vec<(Timestamp, Option<Timestamp>)>,
    /// Nothing vouches. Beats `down` where both hold.
    pub silent: Vec<(Timestamp, Option<Timestamp>)>,
}

/// One outage of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutageHistory {
    /// Its id.
    pub id: OutageId,
    /// Its start.
    pub start: Timestamp,
    /// Its end.
    pub end: Option<Timestamp>,
    /// Whether a person declared it.
    pub declared: bool,
    /// Whether a person took its planned time back.
    pub reclassified: bool,
    /// How exactly its edges are known, in seconds: the longest interval of its probes.
    pub edge_s: i64,
    /// The incident of a system that failed again and again, if it belongs to one.
    pub flapping: Option<IncidentId>,
}
