//! The states of all probes through time.

use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;

use super::spans::{close, cut, is_open, open};
use crate::catalogue::{Affects, Probe};
use crate::event::{Fact, Silence};
use crate::id::{ProbeId, SystemId};
use crate::sample::Reason;
use crate::span::Span;

/// Every probe that was ever configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    all: OrdMap<ProbeId, Arc<ProbeRecord>>,
}

/// One probe through time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeRecord {
    /// The spans in which it was configured.
    pub life: Vec<(Timestamp, Option<Timestamp>)>,
    /// The effect of its failure, and since when.
    pub affects: Vec<(Timestamp, Affects)>,
    /// Confirmed down.
    pub down: Vec<(Timestamp, Option<Timestamp>)>,
    /// Confirmed degraded or down.
    pub degraded: Vec<(Timestamp, Option<Timestamp>)>,
    /// No coverage, and why.
    pub silent: Vec<(Timestamp, Option<Timestamp>, Silence)>,
    /// Bad runs that were never confirmed.
    pub blips: Vec<(Span, u32)>,
    /// Where the last of them ended, and no later than the clock was set back to since.
    pub blip_until: Option<Timestamp>,
    /// Why it is (was last) down.
    pub reason: Option<Reason>,
    /// The detail of that.
    pub detail: Option<String>,
    /// The span in which it last recovered, if no sample observed the recovery.
    pub unobserved: Option<Span>,
}

impl Probes {
    pub fn get(&self, id: &ProbeId) -> Option<&ProbeRecord> {
        self.all.get(id).map(|probe| &**probe)
    }

    /// All probes, in order of their ids.
    pub fn all(&self) -> impl Iterator<Item = (&ProbeId, &ProbeRecord)> {
        self.all.iter().map(|(id, probe)| (id, &**probe))
    }

    /// All probes that the system ever had.
    pub fn of_system(&self, system: &SystemId) -> impl Iterator<Item = &ProbeRecord> {
        let prefix = ProbeId::of(system, "");
        self.all
            .range(prefix.clone()..)
            .take_while(move |(id, _)| id.as_str().starts_with(prefix.as_str()))
            .map(|(_, probe)| &**probe)
    }

    /// Adds or replaces a probe.
    pub fn insert(&mut self, id: ProbeId, probe: ProbeRecord) {
        self.all.insert(id, Arc::new(probe));
    }

    pub(super) fn configured(&mut self, at: Timestamp, probe: &Probe) {
        let record = Arc::make_mut(self.all.entry(probe.id.clone()).or_default());
        if !is_open(&record.life) {
            record.life.push((at, None));
            record.silent.push((at, None, Silence::New));
        }
        if record.affects.last().map(|a| a.1) != Some(probe.affects) {
            record.affects.push((at, probe.affects));
        }
    }

    pub(super) fn removed(&mut self, at: Timestamp, id: &ProbeId) {
        self.change(id, |record| {
            close(&mut record.life, at);
            close(&mut record.down, at);
            close(&mut record.degraded, at);
            unsilence(record, at);
        });
    }

    /// A probe without a sample is down until its own samples show that it is up.
    pub(super) fn down_unseen(&mut self, at: Timestamp, id: &ProbeId) {
        let known = self.get(id);
        if known.is_some_and(|known| known.is_silent() && !is_open(&known.down)) {
            self.change(id, |known| open(&mut known.down, at));
        }
    }

    /// A start, a stop and a gap make every probe silent; one event says so for all of them. If a
    /// probe was silent before, an earlier event of its own said so.
    ///
    /// A configuration that changed while the service did not run is recorded before the start. A
    /// probe that it removed was watched no longer than the others.
    pub(super) fn all_silent(&mut self, from: Timestamp, cause: Silence) {
        let ids: Vec<ProbeId> = self.all.keys().cloned().collect();
        for id in ids {
            let Some(record) = self.all.get_mut(&id) else {
                continue;
            };
            let Some((born_at, died_at)) = record.life.last().copied() else {
                continue;
            };
            let from = from.max(born_at);
            if died_at.is_none_or(|died_at| from < died_at) {
                let record = Arc::make_mut(record);
                silence(record, from, cause);
                if let Some(died_at) = died_at {
                    unsilence(record, died_at);
                }
            }
        }
    }

    /// Applies what the samples of one probe showed.
    pub(super) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::ProbeSilent {
                source,
                from,
                cause,
            } => {
                self.change(&source.probe, |r| silence(r, *from, *cause));
            }
            Fact::ProbeFirstResult { source, from } => {
                self.change(&source.probe, |r| unsilence(r, *from))
            }
            Fact::ProbeDown {
                source,
                from,
                reason,
                detail,
                ..
            } => {
                self.change(&source.probe, |r| {
                    r.reason = *reason;
                    r.detail.clone_from(detail);
                    open(&mut r.down, *from);
                });
            }
            Fact::ProbeUp {
                source,
                to,
                unobserved,
                ..
            } => self.change(&source.probe, |r| {
                r.unobserved = *unobserved;
                close(&mut r.down, *to);
            }),
            Fact::ProbeDegraded { source, from, .. } => {
                self.change(&source.probe, |r| open(&mut r.degraded, *from));
            }
            Fact::ProbeCleared { source, to } => {
                self.change(&source.probe, |r| close(&mut r.degraded, *to));
            }
            Fact::Blip {
                source,
                span,
                bad_samples,
            } => {
                self.change(&source.probe, |r| {
                    r.blips.push((*span, *bad_samples));
                    r.blip_until = r.blip_until.max(Some(span.to));
                });
            }
            _ => {}
        }
    }

    /// The clock was set back to `at`.
    pub(super) fn rewind(&mut self, at: Timestamp) {
        let ids: Vec<ProbeId> = self.all.keys().cloned().collect();
        for id in ids {
            self.change(&id, |probe| {
                cut(&mut probe.life, at);
                cut(&mut probe.down, at);
                cut(&mut probe.degraded, at);
                probe.blip_until = probe.blip_until.map(|until| until.min(at));
                for (from, _) in &mut probe.affects {
                    *from = (*from).min(at);
                }
                for (from, to, _) in &mut probe.silent {
                    *from = (*from).min(at);
                    *to = to.map(|to| to.min(at));
                }
            });
        }
    }

    fn change(&mut self, id: &ProbeId, change: impl FnOnce(&mut ProbeRecord)) {
        if let Some(record) = self.all.get_mut(id) {
            let record = Arc::make_mut(record);
            change(record);
        }
    }
}

impl ProbeRecord {
    /// The spans in which its failure did one thing, in order; the last is open.
    pub(crate) fn affecting(
        &self,
    ) -> impl Iterator<Item = (Affects, Timestamp, Option<Timestamp>)> {
        let ends = self.affects.iter().skip(1).map(|(at, _)| Some(*at));
        self.affects
            .iter()
            .zip(ends.chain([None]))
            .map(|((from, affects), to)| (*affects, *from, to))
    }

    /// True while it is confirmed degraded, or down.
    pub(crate) fn is_degraded(&self) -> bool {
        is_open(&self.degraded)
    }

    /// Since when it takes its system down, if it does: it is confirmed down, and that affects
    /// availability.
    pub(crate) fn takes_down_since(&self) -> Option<Timestamp> {
        let (from, affects) = *self.affects.last()?;
        let (down_from, down_to) = *self.down.last()?;
        (affects == Affects::Availability && down_to.is_none()).then(|| down_from.max(from))
    }

    /// Where the last of the spans ended in which it took its system down, if all have.
    pub(crate) fn took_down_until(&self) -> Option<Timestamp> {
        self.affecting()
            .filter(|(affects, _, _)| *affects == Affects::Availability)
            .flat_map(|(_, from, to)| {
                let within = move |end: Timestamp| to.map_or(end, |to| end.min(to));
                self.down
                    .iter()
                    .filter(move |(start, _)| to.is_none_or(|to| *start < to))
                    .filter_map(move |(_, end)| end.map(within).or(to))
                    // A probe that took another's place and was good at once was never down.
                    .filter(move |end| from <= *end)
            })
            .max()
    }

    /// True if no sample covers the present.
    pub fn is_silent(&self) -> bool {
        self.silent.last().is_some_and(|span| span.1.is_none())
    }
}

/// Silent since `from`. Where that reaches back into what was heard (the clock was set back, or
/// the service lived less long than its last events), the spans stay disjoint and in order.
fn silence(record: &mut ProbeRecord, mut from: Timestamp, mut cause: Silence) {
    while let Some((start, end, why)) = record.silent.last().copied() {
        if end.is_some_and(|end| end <= from) {
            break;
        }
        if end.is_none() && start <= from {
            return;
        }
        record.silent.pop();
        if start <= from {
            (from, cause) = (start, why);
        }
    }
    record.silent.push((from, None, cause));
}

fn unsilence(record: &mut ProbeRecord, to: Timestamp) {
    if let Some((from, end @ None, _)) = record.silent.last_mut() {
        *end = Some(to.max(*from));
    }
}
