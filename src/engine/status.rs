//! What is wrong now, in words for a person or a program: made from a record, and where the
//! service runs from its latest samples too.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::catalogue::Catalogue;
use domain::id::ProbeId;
use domain::outbox;
use domain::record::{Outage, Record, Standing, State};
use domain::sample::Sample;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ledger::Head;

/// How long a notice that could not be delivered is shown at least.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The service at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The operator.
    pub service: String,
    /// When this was looked at.
    pub at: Timestamp,
    /// Whether the service watches now.
    pub watching: bool,
    /// Whether something happened that could not be written to the ledger yet.
    pub behind: bool,
    /// The ledger's last sequence number.
    pub seq: u64,
    /// Its hash.
    pub head: String,
    /// Every configured system.
    pub systems: Vec<System>,
    /// Incidents that are not closed.
    pub incidents: Vec<Incident>,
    /// Windows that are being held: their ids.
    pub maintenance: Vec<String>,
    /// Notices that wait to be delivered.
    pub outbox: Outbox,
}

/// One system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct System {
    /// Its id.
    pub system: String,
    /// What customers call it.
    pub name: String,
    /// up, degraded, down or unknown.
    pub state: String,
    /// The open outage.
    pub outage: Option<String>,
    /// Since when it lasts.
    pub since: Option<Timestamp>,
    /// While it fails again and again: what that means.
    pub unstable: Option<Unstable>,
    /// Its probes.
    pub probes: Vec<Probe>,
}

/// A system that fails again and again: customers are told so once, of none of its outages, and
/// that it is up only when it has been for long enough.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unstable {
    /// When the first of its outages began.
    pub since: Option<Timestamp>,
    /// How many there have been.
    pub outages: usize,
    /// The one incident of all of them.
    pub incident: String,
    /// For how long it must be up without a break, in seconds.
    pub hold_s: i64,
    /// Since when it has been, if it is.
    pub up_since: Option<Timestamp>,
    /// When it will have been for long enough, if nothing fails before.
    pub settles: Option<Timestamp>,
}

/// One probe.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Probe {
    /// Its own name.
    pub probe: String,
    /// up, degraded, down or unknown, as confirmed.
    pub state: String,
    /// The start of its last sample.
    pub at: Option<Timestamp>,
    /// What that said.
    pub outcome: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// In words.
    pub detail: Option<String>,
    /// How long it took, in microseconds.
    pub took_us: Option<u64>,
}

/// One incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub incident: String,
    /// The systems concerned.
    pub systems: Vec<String>,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it was acknowledged, and by whom.
    pub acknowledged: Option<(Timestamp, String)>,
    /// When its systems were up.
    pub resolved: Option<Timestamp>,
    /// The texts that are still owed.
    pub missing: Vec<String>,
}

/// What waits to be delivered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outbox {
    /// How many notices.
    pub depth: usize,
    /// When the oldest was decided.
    pub oldest: Option<Timestamp>,
    /// When the next may leave.
    pub next: Option<Timestamp>,
    /// Notices that will not be delivered: of the last week, and of incidents that are not closed.
    pub undelivered: Vec<Undelivered>,
}

/// A notice that its relay refused for good, or that was tried for as long as one is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Undelivered {
    /// Its id.
    pub notice: String,
    /// What kind.
    pub kind: String,
    /// The customer whom it was for.
    pub customer: String,
    /// The address.
    pub recipient: String,
    /// When it was given up.
    pub at: Timestamp,
    /// What the relay said last.
    pub reply: Option<String>,
}

impl Status {
    /// The status that `record` shows at `at`; `latest` gives a probe's latest sample, where the
    /// service runs.
    pub fn of(
        record: &Record,
        head: &Head,
        at: Timestamp,
        behind: bool,
        latest: impl Fn(&ProbeId) -> Option<Arc<Sample>>,
    ) -> Self {
        let waiting = || record.unsent.iter().filter_map(|id| record.notices.get(id));
        Self {
            service: record.catalogue.service.clone(),
            at,
            watching: record.watching,
            behind,
            seq: head.seq,
            head: head.hash.clone(),
            systems: record
                .catalogue
                .systems
                .iter()
                .map(|s| system(record, s, &latest))
                .collect(),
            incidents: record
                .incidents
                .values()
                .filter(|i| i.closed.is_none() && i.merged.is_none())
                .map(|i| Incident {
                    incident: i.id.to_string(),
                    systems: i.systems.iter().map(ToString::to_string).collect(),
                    opened: i.opened_at,
                    acknowledged: i.acknowledged.as_ref().map(|a| (a.at, a.by.clone())),
                    resolved: i.resolved_at,
                    missing: i.missing().into_iter().map(str::to_owned).collect(),
                })
                .collect(),
            maintenance: record.held.keys().map(ToString::to_string).collect(),
            outbox: Outbox {
                depth: waiting()
                    .filter(|o| !matches!(o.standing, Standing::Sent(_)))
                    .count(),
                oldest: waiting().map(|o| o.decided_at).min(),
                next: outbox::next_due(record),
                undelivered: undelivered(record, at),
            },
        }
    }

    /// Whether anything is down or unknown.
    pub fn is_bad(&self) -> bool {
        self.systems
            .iter()
            .any(|s| s.state == "down" || s.state == "unknown")
    }
}

/// The systems that are down and that `next` would take out: nobody will see them come back, and so
/// nobody will be told. One sentence for each of which customers were told, with their ids.
pub fn taken_out_while_down(record: &Record, next: &Catalogue) -> Vec<String> {
    let leaves = |o: &&Arc<Outage>| o.end.is_none() && next.system(o.system.as_str()).is_none();
    let said = |outage: &Arc<Outage>| {
        let told = outage.told.iter().filter_map(|n| record.notices.get(n));
        let customers: BTreeSet<&str> = told.map(|o| o.notice.customer.as_str()).collect();
        let customers: Vec<&str> = customers.into_iter().collect();
        (!customers.is_empty()).then(|| {
            format!(
                "{} was taken out of the configuration while it is down ({}): whether it comes \
                 back is not watched, and nobody who was told of the outage is told of its end; \
                 write to {} yourself",
                outage.system,
                outage.id,
                customers.join(", "),
            )
        })
    };
    let outages = record.outages.values().filter(leaves);
    outages.filter_map(said).collect()
}

fn undelivered(record: &Record, now: Timestamp) -> Vec<Undelivered> {
    let concerns = |notice: &domain::notice::Notice, at: Timestamp| {
        let incident = notice.incident.and_then(|i| record.incidents.get(&i));
        now.duration_since(at) <= KEPT || incident.is_some_and(|i| i.closed.is_none())
    };
    let all = record.notices.iter().filter_map(|(id, o)| {
        let Standing::Rejected(at) = o.standing else {
            return None;
        };
        concerns(&o.notice, at).then(|| Undelivered {
            notice: id.to_string(),
            kind: o.notice.kind.to_string(),
            customer: o.notice.customer.to_string(),
            recipient: o.notice.recipient.clone(),
            at,
            reply: o.last.as_ref().map(|(_, reply)| reply.clone()),
        })
    });
    all.collect()
}

fn system(
    record: &Record,
    system: &domain::catalogue::System,
    latest: impl Fn(&ProbeId) -> Option<Arc<Sample>>,
) -> System {
    let known = record.systems.get(&system.id);
    // Of an observed and a declared one that go on at once, the one that began first.
    let outages = known
        .into_iter()
        .flat_map(|s| s.open.iter().chain(&s.outages));
    let outage = outages
        .filter_map(|o| record.outages.get(o))
        .filter(|o| o.end.is_none())
        .min_by_key(|o| (o.start, o.id));
    System {
        system: system.id.to_string(),
        name: system.name.clone(),
        state: record.state(&system.id).word().to_owned(),
        outage: outage.map(|o| o.id.to_string()),
        since: outage.map(|o| o.start),
        unstable: unstable(record, system),
        probes: system
            .probes
            .iter()
            .map(|p| probe(record, &p.id, latest(&p.id)))
            .collect(),
    }
}

fn unstable(record: &Record, system: &domain::catalogue::System) -> Option<Unstable> {
    let episode = record.episode(&system.id)?;
    let starts = episode
        .outages()
        .filter_map(|o| record.outages.get(&o)?.counts_from());
    let hold_s = system.flapping.hold_s;
    let up_since = record.steady_since(&system.id);
    Some(Unstable {
        since: starts.min(),
        outages: episode.outages().count(),
        incident: episode.incident.to_string(),
        hold_s,
        up_since,
        settles: up_since
            .and_then(|since| since.checked_add(SignedDuration::from_secs(hold_s)).ok()),
    })
}

fn probe(record: &Record, id: &ProbeId, latest: Option<Arc<Sample>>) -> Probe {
    let known = record.probes.get(id);
    let open =
        |spans: &[(Timestamp, Option<Timestamp>)]| spans.last().is_some_and(|s| s.1.is_none());
    let state = match known {
        Some(p) if p.is_silent() => State::Unknown,
        Some(p) if open(&p.down) => State::Down,
        Some(p) if open(&p.degraded) => State::Degraded,
        Some(_) => State::Up,
        None => State::Unknown,
    };
    Probe {
        probe: id.name().to_owned(),
        state: state.word().to_owned(),
        at: latest.as_ref().map(|s| s.at),
        outcome: latest.as_ref().map(|s| s.outcome.to_string()),
        reason: latest
            .as_ref()
            .and_then(|s| s.reason)
            .map(|r| r.to_string()),
        detail: latest.as_ref().and_then(|s| s.detail.clone()),
        took_us: latest.as_ref().map(|s| s.took_us),
    }
}
