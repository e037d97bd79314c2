//! The calls of service desks, as files of them were imported.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::desk::Day;
use crate::id::PolicyId;

/// The calls of each policy's desk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desks {
    all: OrdMap<PolicyId, Arc<DeskRecord>>,
}

/// The calls of one desk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeskRecord {
    /// In order.
    pub imports: Vec<Imported>,
    /// The calls of each day, and the place of their file in `imports`. A later file replaces the days that it has.
    pub days: BTreeMap<Date, (usize, Day)>,
}

/// A file that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub seq: u64,
    pub at: Timestamp,
    pub by: String,
    pub file: String,
    pub sha256: String,
    pub answer_within_s: i64,
}

impl Desks {
    pub fn get(&self, policy: &PolicyId) -> Option<&DeskRecord> {
        self.all.get(policy).map(|desk| &**desk)
    }

    /// The import of a file with these bytes.
    pub fn import(&self, policy: &PolicyId, sha256: &str) -> Option<&Imported> {
        let mut imports = self.get(policy)?.imports.iter();
        imports.find(|import| import.sha256 == sha256)
    }

    pub(super) fn add(&mut self, policy: &PolicyId, import: Imported, days: &[Day]) {
        let desk = Arc::make_mut(self.all.entry(policy.clone()).or_default());
        let place = desk.imports.len();
        desk.imports.push(import);
        for day in days {
            desk.days.insert(day.date, (place, day.clone()));
        }
    }
}
