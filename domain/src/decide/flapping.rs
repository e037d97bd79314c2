//! Systems that fail again and again: when one becomes unstable, which outages and incidents are
//! then one, and when it has been up for long enough.

use jiff::{SignedDuration, Timestamp};

use super::Draft;
use crate::due;
use crate::event::Fact;
use crate::id::{IncidentId, OutageId, SystemId};
use crate::incident::Cause;
use crate::record::{Outage, Record};
use crate::span::{Spans, second};

/// How long back outages count.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl Draft<'_> {
    /// Gives an outage that counts its incident: that of its unstable system, or of the system that
    /// it makes unstable, or else its own.
    pub(super) fn incident_for(
        &mut self,
        at: Timestamp,
        system: &SystemId,
        outage: OutageId,
        cause: Cause,
    ) {
        let record = self.record();
        let Some(known) = record.outages.get(&outage) else {
            return;
        };
        let own = known.incident;
        if let Some(episode) = record.episode(system) {
            if episode.outages().any(|o| o == outage) {
                return;
            }
            let since = first_start(record, episode.outages());
            // A person may declare one that was over before.
            if since.is_none_or(|since| since <= known.began_at()) {
                let incident = episode.incident;
                self.flaps(at, system, incident, vec![outage]);
                return;
            }
        }
        let outages = crossing(record, system, known);
        if outages.is_empty() {
            if own.is_none() && !self.join(at, system, outage) {
                self.open_incident(at, system, outage, cause);
            }
            return;
        }
        // The earliest goes on, unless a person has closed it.
        let goes_on = outages
            .iter()
            .filter_map(|o| record.outages.get(o)?.incident)
            .filter(|i| record.incidents.get(*i).is_some_and(|i| i.closed.is_none()))
            .min();
        let incident = goes_on.unwrap_or_else(|| self.open_incident(at, system, outage, cause));
        self.flaps(at, system, incident, outages);
    }

    fn flaps(
        &mut self,
        at: Timestamp,
        system: &SystemId,
        incident: IncidentId,
        outages: Vec<OutageId>,
    ) {
        let system = system.clone();
        self.emit(
            at,
            Fact::Flapping {
                system,
                incident,
                outages,
            },
        );
    }

    /// Unstable systems that have been up for as long as they must are stable again.
    pub(super) fn settle(&mut self, at: Timestamp) {
        if self.record().unstable.is_empty() || !self.alive {
            return;
        }
        let settled: Vec<(SystemId, IncidentId)> = due::settling(self.record(), &self.doubted)
            .filter(|(_, due)| *due <= at)
            .filter_map(|(s, _)| Some((s.clone(), self.record().episode(s)?.incident)))
            .collect();
        for (system, incident) in settled {
            let fact = Fact::FlappingEnded {
                system: system.clone(),
                incident,
            };
            self.emit(at, fact);
        }
    }
}

fn first_start(record: &Record, outages: impl Iterator<Item = OutageId>) -> Option<Timestamp> {
    outages
        .filter_map(|o| record.outages.get(&o))
        .map(|o| o.began_at())
        .min()
}

/// The outages of the hour up to the start of `newest`, if they are too many. The hour is
/// half-open, as every span: what began a whole hour before is outside. Outages that overlap
/// or touch are counted as one. Planned downtime does not count, nor does an outage that a person
/// declared after it was over.
fn crossing(record: &Record, system: &SystemId, newest: &Outage) -> Vec<OutageId> {
    let configured = record.catalogue.system(system.as_str());
    let limit = configured.map_or(0, |s| s.flapping.limit);
    let (Some(until), false) = (newest.counts_since(), limit == 0) else {
        return Vec::new();
    };
    if newest.end.is_some() {
        return Vec::new();
    }
    let after = until.checked_sub(HOUR).unwrap_or(Timestamp::MIN);
    let known = record.systems.get(system).map(|s| s.outages.as_slice());
    let mut counted: Vec<(Timestamp, &Outage)> = known
        .unwrap_or_default()
        .iter()
        .filter_map(|o| record.outages.get(o))
        .filter_map(|o| Some((o.counts_since()?, o.as_ref())))
        // One that began later and goes on overlaps the newest, and so is the same.
        .filter(|(from, o)| after < *from && (*from <= until || o.end.is_none()))
        .collect();
    counted.sort_by_key(|(from, o)| (*from, o.id));
    let spans: Spans = counted
        .iter()
        .map(|(from, o)| {
            let end = o.ended_at().map_or(i64::MAX, second);
            (second(*from), end.max(second(*from) + 1))
        })
        .collect();
    let count = u32::try_from(spans.iter().count()).unwrap_or(u32::MAX);
    if count < limit {
        return Vec::new();
    }
    counted.into_iter().map(|(_, o)| o.id).collect()
}
