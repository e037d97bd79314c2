//! Counts the samples of a past day for its roll-up.

use std::sync::Arc;

use domain::latency::{LocalDay, Rollup};

use super::month::Month;
use super::writer::{Shared, Writer};
use super::{Error, read};

/// The handle that counts past days. Cloning is cheap. It must be gone before the instance is closed.
#[derive(Clone)]
pub struct Daily {
    shared: Arc<Shared>,
}

impl Daily {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The counts of every probe that has a conclusive sample of the day. A damaged file counts as
    /// without samples. This takes a processor for a second; do not call it on an asynchronous thread.
    ///
    /// # Errors
    /// The samples cannot be written or read now.
    pub fn count(&self, day: LocalDay) -> Result<Rollup, Error> {
        Writer::new(Arc::clone(&self.shared)).flush()?;
        let mut probes = std::collections::BTreeMap::new();
        // A late sample is in the file after that of its month.
        let first = Month::of(day.span.from);
        let last = Month::of(day.span.to).next();
        self.shared.each(
            |month, _| (first..=last).contains(&month),
            &mut |connection| read::count_day(connection, day.span, &mut probes),
        )?;
        Ok(Rollup { day, probes })
    }
}
