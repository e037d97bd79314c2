//! Takes the picture that `/metrics` is made from: the engine's snapshot, its counters and the
//! sample store's. What costs more than a look (a month's figures, a count over all notices) is
//! kept and made anew only when it may have changed. It must never wait for the engine.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use domain::accounting::{self, Figures, Ratio};
use domain::calendar;
use domain::event::Cause;
use domain::id::SystemId;
use domain::months::Months as _;
use domain::notice::Kind;
use domain::record::{Outage, Record, Standing};
use domain::span::Span;
use jiff::{SignedDuration, Timestamp};

use super::view::{
    Clock, Configuration, Ended, Latest, Ledger, Month, OpenIncidents, Outbox, Probe, Samples,
    System, Taken, View,
};
use crate::engine::counters::Counters;
use crate::engine::snapshot::{ProbeState, SharedState};
use crate::samples::Stats;

/// A month's figures are at most so old, unless something happens.
const AGE: SignedDuration = SignedDuration::from_secs(30);

/// Takes pictures.
#[derive(Debug)]
pub struct Camera {
    version: String,
    kept: Mutex<Option<Kept>>,
}

/// What is kept from one picture to the next.
#[derive(Clone, Debug)]
struct Kept {
    /// The position in the ledger.
    seq: u64,
    /// When it was made.
    at: Timestamp,
    months: BTreeMap<SystemId, Month>,
    notices: BTreeMap<(Kind, Ended), u64>,
    open_incidents: OpenIncidents,
}

impl Camera {
    /// A camera that names `version` as the program's.
    pub fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            kept: Mutex::new(None),
        }
    }

    /// The service at this moment, as far as the engine has come.
    pub fn take(
        &self,
        shared: &SharedState,
        samples: &Stats,
        configuration: Configuration,
    ) -> View {
        let snapshot = shared.snapshot();
        let record = &snapshot.record;
        let turned_at = instant(shared.counters.turned_us.load(Relaxed));
        // Up to the engine's last turn everything that fell due has been decided.
        let at = turned_at.map_or(snapshot.at, |turned| turned.max(snapshot.at));
        let refused = shared.counters.samples_refused.load(Relaxed);
        let mut kept = self.kept(record, at);
        View {
            version: self.version.clone(),
            tzdb: calendar::tzdb_version().to_owned(),
            probes: probes(shared, record),
            systems: systems(record, at, &mut kept.months),
            open_incidents: kept.open_incidents,
            notices: kept.notices,
            outbox: outbox(record),
            schedule_lag: shared.counters.late.read(),
            turned_at,
            ledger: ledger(record, &shared.counters),
            samples: Samples {
                written: samples.written,
                dropped: samples.dropped + samples.lost + refused,
                waiting: samples.waiting,
                committed_to: samples.committed_to,
            },
            clock: Clock {
                steps: shared.counters.clock_steps.load(Relaxed),
                stalls: shared.counters.stalls.load(Relaxed),
            },
            configuration,
        }
    }

    fn kept(&self, record: &Record, at: Timestamp) -> Kept {
        // What a panic left behind is a whole picture or none: it is replaced at once.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = kept
            .as_ref()
            .filter(|kept| kept.seq == record.seq && at.duration_since(kept.at) < AGE);
        if let Some(fresh) = fresh {
            return fresh.clone();
        }
        let new = Kept {
            seq: record.seq,
            at,
            months: months(record, at),
            notices: ended(record),
            open_incidents: open_incidents(record),
        };
        *kept = Some(new.clone());
        new
    }
}

fn probes(shared: &SharedState, record: &Record) -> Vec<Probe> {
    let states = shared.probes();
    let configured = record.catalogue.systems.iter().flat_map(|s| &s.probes);
    configured
        .map(|probe| {
            let state = states.get(&probe.id);
            let silent = record.probes.get(&probe.id).is_none_or(|p| p.is_silent());
            let counts = state.map(|state| state.counts()).unwrap_or_default();
            Probe {
                system: probe.id.system().to_owned(),
                name: probe.id.name().to_owned(),
                kind: probe.kind.clone(),
                vantage: record.catalogue.vantage.clone(),
                latest: state.and_then(|state| latest(state, silent)),
                taken: Taken {
                    up: counts.up,
                    degraded: counts.degraded,
                    down: counts.down,
                    inconclusive: counts.inconclusive,
                },
                missed_slots: counts.missed,
            }
        })
        .collect()
}

fn latest(state: &ProbeState, silent: bool) -> Option<Latest> {
    let sample = state.latest()?;
    Some(Latest {
        at: sample.at,
        vouches: !silent,
        outcome: sample.outcome,
        took_us: sample.took_us,
        phases: sample.phases,
        status: sample.status,
        certificate_ends_at: sample.certificate_ends_at,
    })
}

fn systems(record: &Record, at: Timestamp, months: &mut BTreeMap<SystemId, Month>) -> Vec<System> {
    let system = |configured: &domain::catalogue::System| {
        let id = &configured.id;
        let open = record.systems.get(id).and_then(|s| s.open);
        System {
            id: id.to_string(),
            state: record.state(id),
            outage_since: open.and_then(|o| Some(record.outages.get(&o)?.start)),
            is_unstable: record.unstable.contains(id),
            in_maintenance: excused(record, id, at),
            month: months.remove(id),
        }
    };
    record.catalogue.systems.iter().map(system).collect()
}

/// Whether a window of the system earns at this moment, and excuses what goes on: an outage that
/// began before it, overran it or was declared is alarmed of like any other.
fn excused(record: &Record, system: &SystemId, at: Timestamp) -> bool {
    let excuses = |o: &Outage| o.planned && o.overrun.is_none() && o.reclassified.is_none();
    let known = record.systems.get(system).map(|s| s.outages.as_slice());
    let outages = known.unwrap_or_default().iter();
    let mut open = outages
        .filter_map(|o| record.outages.get(o))
        .filter(|o| o.end.is_none());
    if !open.all(|o| excuses(o)) {
        return false;
    }
    let Ok(after) = at.checked_add(SignedDuration::from_nanos(1)) else {
        return false;
    };
    let windows = record.windows_of(system, Span::new(at, after));
    windows
        .iter()
        .flat_map(|window| &window.earning)
        .any(|earning| earning.span.contains(at))
}

/// The running month of each system, as its committee's months follow one another.
fn months(record: &Record, at: Timestamp) -> BTreeMap<SystemId, Month> {
    let figures = |system: &domain::catalogue::System| {
        let figures = account(record, &system.id, at)?;
        Some((system.id.clone(), month(&figures)))
    };
    record
        .catalogue
        .systems
        .iter()
        .filter_map(figures)
        .collect()
}

/// As in the month's report: by what held at the month's first instant, or what the system came
/// with, and a partner's against no target.
fn account(record: &Record, system: &SystemId, at: Timestamp) -> Option<Figures> {
    let months = record.months_of(system)?;
    let period = months.around(at);
    let agreed = record.accounted_by(system, period.from)?;
    let history = record.history(system, period);
    Some(accounting::account(
        &history,
        period,
        &months,
        agreed.policy,
        agreed.target,
        at,
    ))
}

fn month(figures: &Figures) -> Month {
    Month {
        up_s: figures.up_s,
        degraded_s: figures.degraded_s,
        planned_s: figures.planned_s,
        excluded_s: figures.excluded_s,
        unplanned_s: figures.unplanned_s,
        unknown_s: figures.unknown_s,
        contract_availability: figures.contract_availability.map(share),
        experienced_availability: figures.experienced_availability.map(share),
        coverage: figures.coverage.map(share),
        target: figures.target.map(|target| f64::from(target.ppm) / 1e6),
        budget_s: figures.budget_s,
        budget_left_s: figures.budget_left_s,
    }
}

/// For a drawing, not for a verdict: reports compare the exact ratio.
fn share(ratio: Ratio) -> f64 {
    ratio.num as f64 / ratio.den as f64
}

fn ended(record: &Record) -> BTreeMap<(Kind, Ended), u64> {
    let mut counts = BTreeMap::new();
    for outgoing in record.notices.values() {
        let ended = match outgoing.standing {
            Standing::Due(_) | Standing::Attempting(_) => continue,
            Standing::Sent(_) => Ended::Sent,
            Standing::Rejected(_) => Ended::Rejected,
            Standing::Ambiguous(_) => Ended::Ambiguous,
            Standing::Folded(_) => Ended::Folded,
        };
        *counts.entry((outgoing.notice.kind, ended)).or_default() += 1;
    }
    counts
}

fn open_incidents(record: &Record) -> OpenIncidents {
    let mut open = OpenIncidents::default();
    let unresolved = record
        .incidents
        .values()
        .filter(|incident| incident.resolved_at.is_none() && incident.closed.is_none())
        .filter(|incident| incident.merged.is_none());
    for incident in unresolved {
        match incident.cause {
            Cause::Outage => open.outage += 1,
            Cause::Overrun => open.overrun += 1,
            Cause::Declared => open.declared += 1,
        }
    }
    open
}

fn outbox(record: &Record) -> Outbox {
    let waiting = record.unsent.iter().filter_map(|id| record.notices.get(id));
    Outbox {
        depth: record.unsent.len() as u64,
        oldest_at: waiting.map(|outgoing| outgoing.decided_at).min(),
    }
}

fn ledger(record: &Record, counters: &Counters) -> Ledger {
    Ledger {
        seq: record.seq,
        as_of: record.as_of,
        marked_at: instant(counters.marked_us.load(Relaxed)),
        commits: counters.commits_took.read(),
        failures: counters.commit_failures.load(Relaxed),
    }
}

/// The instant of Unix microseconds, where 0 stands for none.
fn instant(us: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(us).ok().filter(|_| us != 0)
}

#[cfg(test)]
mod tests;
