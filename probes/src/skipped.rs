//! The datagrams that a run received and that do not answer it. A connected socket never shows those of other senders.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How many there are, by the reason.
#[derive(Debug, Default)]
pub(crate) struct Skipped(Mutex<BTreeMap<&'static str, u32>>);

impl Skipped {
    /// `why` follows a number, as "too short".
    pub(crate) fn add(&self, why: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(why).or_default();
        *count = count.saturating_add(1);
    }

    /// `skipped 3 datagrams: 1 too short, 2 with another id`; `None` if there are none.
    pub(crate) fn in_words(&self) -> Option<String> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = counts
            .values()
            .fold(0, |sum: u32, n| sum.saturating_add(*n));
        let reasons: Vec<_> = counts.iter().map(|(why, n)| format!("{n} {why}")).collect();
        let reasons = reasons.join(", ");
        match all {
            0 => None,
            1 => Some(format!("skipped 1 datagram: {reasons}")),
            all => Some(format!("skipped {all} datagrams: {reasons}")),
        }
    }
}
