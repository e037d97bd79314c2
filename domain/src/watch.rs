//! Per-probe runs: volatile, rebuilt at start from the last samples.

use jiff::Timestamp;

use crate::decide::Input;
use crate::record::Record;
use crate::sample::Sample;

/// The runs of every configured probe, and their transitions that no event records yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watch {}

impl Watch {
    /// As the record has it, with `recent` samples (in order of time) read back for the runs.
    pub fn rebuild(_record: &Record, _recent: &[Sample]) -> Self {
        Self::default()
    }

    /// Takes in an input before [`crate::decide::decide`] is asked.
    pub fn observe(&mut self, _record: &Record, _at: Timestamp, _input: &Input) {}

    /// Forgets the transitions that `record` now holds; called after a commit was applied.
    pub fn settle(&mut self, _record: &Record) {}

    /// Whether the probe has a bad run pending: it is then asked at its retry interval.
    pub fn retrying(&self, _probe: &crate::id::ProbeId) -> bool {
        false
    }
}

/// The next instant at which something falls due although nothing comes in: the engine ticks at
/// (or after) it.
pub fn next_wake(_watch: &Watch, _record: &Record) -> Option<Timestamp> {
    None
}
