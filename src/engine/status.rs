//! The current status, for a person or a program: made of a record, and of the latest samples if the
//! service runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::calendar;
use domain::catalogue::{Catalogue, Heartbeat, Method};
use domain::heartbeat::due_at;
use domain::id::ProbeId;
use domain::record::{Outage, Record, Standing, State};
use domain::sample::{Reason, Sample};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::snapshot::{Check, SharedState};
use crate::ledger::Head;

/// An undelivered notice is shown for at least this long.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The service at one moment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The operator's name.
    pub service: String,
    /// The service's time zone. Times in this document are in UTC.
    #[serde(default)]
    pub zone: String,
    pub at: Timestamp,
    /// True while the service monitors.
    pub watching: bool,
    /// True while the ledger cannot be written.
    pub behind: bool,
    /// The checks of the monitor itself that have answered or failed since the service started.
    #[serde(default)]
    pub self_checks: Vec<SelfCheck>,
    /// The ledger's last sequence number.
    pub seq: u64,
    /// The hash of the last event.
    pub head: String,
    pub systems: Vec<System>,
    /// Incidents that are not closed.
    pub incidents: Vec<Incident>,
    /// The ids of the maintenance windows that are open now.
    pub maintenance: Vec<String>,
    pub outbox: Outbox,
    /// The people who subscribed on the public page.
    #[serde(default)]
    pub subscribers: Subscribers,
    /// Set while an older configuration is in force because the service refused a reload.
    #[serde(default)]
    pub refused_reload: Option<RefusedReload>,
    /// The listeners that use an older certificate than their files hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable_certificates: Vec<UnusableCertificate>,
}

/// The people who subscribed on the public page. Their notices are not among those of the outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subscribers {
    pub count: usize,
    /// Mails to them that were attempted and wait for another attempt.
    pub waiting: usize,
    /// Subscriptions that ended because a mail server rejected the address for good.
    pub rejected: u64,
}

/// A listener whose files hold no certificate that can be used. The last good one stays in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnusableCertificate {
    /// public or private.
    pub listener: String,
    pub since: Timestamp,
    /// The last reason, in one sentence.
    pub why: String,
}

/// A configuration that the service refused to take over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedReload {
    /// The time of the first refusal since the last successful reload.
    pub since: Timestamp,
    /// The last reason, in one sentence.
    pub why: String,
}

/// A check of the monitor itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SelfCheck {
    /// network or resolver.
    pub check: String,
    /// Since when it answers, or fails.
    pub since: Timestamp,
    /// Why it fails.
    pub failure: Option<String>,
}

/// One system.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = SystemStatus)]
pub struct System {
    pub system: String,
    pub name: String,
    /// up, degraded, down or unknown.
    pub state: String,
    pub outage: Option<String>,
    /// The start of the outage.
    pub since: Option<Timestamp>,
    /// Set while the system is flapping.
    pub unstable: Option<Unstable>,
    pub probes: Vec<Probe>,
}

/// A flapping system. Customers get one notice that it is unstable, none for each outage, and a
/// recovery notice when it has been up for long enough.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Unstable {
    /// The start of the first outage of this episode.
    pub since: Option<Timestamp>,
    /// The number of outages of this episode.
    pub outages: usize,
    /// The incident of all these outages.
    pub incident: String,
    /// How long it must be up without a break, in seconds.
    pub hold_s: i64,
    /// The start of the current time without a break, if it is up.
    pub up_since: Option<Timestamp>,
    /// The end of the flapping, if no probe fails before.
    pub settles: Option<Timestamp>,
}

/// One probe.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ProbeStatus)]
pub struct Probe {
    /// The name within the system.
    pub probe: String,
    /// The confirmed state: up, degraded, down or unknown.
    pub state: String,
    /// The start of the last sample.
    pub at: Option<Timestamp>,
    pub outcome: Option<String>,
    pub reason: Option<String>,
    pub detail: Option<String>,
    pub took_us: Option<u64>,
    /// The end of the certificate that the last sample saw.
    pub certificate_ends: Option<Timestamp>,
    /// True if it ends within the probe's `certificate_days`.
    pub certificate_ends_soon: bool,
    /// When the beat after the last one of a heartbeat is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_beat_due: Option<Timestamp>,
}

/// One incident.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = StatusIncident)]
pub struct Incident {
    pub incident: String,
    pub systems: Vec<String>,
    pub opened: Timestamp,
    /// The instant and the person.
    pub acknowledged: Option<(Timestamp, String)>,
    /// When all its systems were up again.
    pub resolved: Option<Timestamp>,
    /// The texts that the review still lacks.
    pub missing: Vec<String>,
}

/// The notices that wait to be delivered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Outbox {
    pub depth: usize,
    /// Those of them that are being delivered at this moment.
    #[serde(default)]
    pub in_delivery: usize,
    /// When the oldest notice was decided. Absent if none waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// When the next attempt is due. Absent if none waits for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// Rejected notices of the last week, and of open incidents, that no person sent again.
    pub undelivered: Vec<Undelivered>,
}

/// A notice that the relay rejected, or that could not be delivered within 48 h.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Undelivered {
    pub notice: String,
    pub kind: String,
    pub customer: String,
    /// The mail address.
    pub recipient: String,
    /// When it was rejected.
    pub at: Timestamp,
    /// The relay's last reply.
    pub reply: Option<String>,
}

impl Status {
    /// The status at `at`. `latest` gives a probe's latest sample if the service runs.
    pub fn of(
        record: &Record,
        head: &Head,
        at: Timestamp,
        behind: bool,
        latest: impl Fn(&ProbeId) -> Option<Arc<Sample>>,
    ) -> Self {
        let waiting = || record.notices.unsent().map(|(_, o)| o);
        Self {
            refused_reload: None,
            unusable_certificates: Vec::new(),
            service: record.catalogue.service.clone(),
            zone: record.catalogue.zone.clone(),
            at,
            watching: record.monitoring.is_watching(),
            behind,
            self_checks: Vec::new(),
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
                .all()
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
            maintenance: record
                .maintenance
                .all_held()
                .map(|(id, _)| id.to_string())
                .collect(),
            outbox: Outbox {
                depth: waiting()
                    .filter(|o| !matches!(o.standing, Standing::Sent(_)))
                    .count(),
                in_delivery: waiting()
                    .filter(|o| matches!(o.standing, Standing::Attempting(_)))
                    .count(),
                oldest: waiting().map(|o| o.decided_at).min(),
                next: record.notices.next_attempt_at(),
                undelivered: undelivered(record, at),
            },
            subscribers: Subscribers {
                count: record.subscribers.count(),
                waiting: record
                    .notices
                    .to_subscribers()
                    .filter(|(_, o)| !o.standing.is_final())
                    .count(),
                rejected: record.subscribers.rejected(),
            },
        }
    }

    /// The zone in which people read times.
    pub fn zone(&self) -> TimeZone {
        calendar::zone(&self.zone).unwrap_or(TimeZone::UTC)
    }

    /// Adds the checks of the monitor itself.
    #[must_use]
    pub fn with_self_checks(self, shared: &SharedState) -> Self {
        let checks = Check::ALL.into_iter().filter_map(|check| {
            let state = shared.self_check(check).load_full()?;
            Some(SelfCheck {
                check: check.word().to_owned(),
                since: state.since,
                failure: state.failure.clone(),
            })
        });
        Self {
            self_checks: checks.collect(),
            ..self
        }
    }

    /// True if a system is down or unknown, or if the monitor's check of itself fails.
    pub fn is_bad(&self) -> bool {
        self.self_checks.iter().any(|check| check.failure.is_some())
            || self
                .systems
                .iter()
                .any(|s| s.state == "down" || s.state == "unknown")
    }
}

/// A warning for each system that is down, that `next` no longer has, and whose outage customers were
/// notified of. Its recovery will not be seen.
pub fn removed_while_down(record: &Record, next: &Catalogue) -> Vec<String> {
    let leaves = |o: &&Outage| o.end.is_none() && next.system(o.system.as_str()).is_none();
    let said = |outage: &Outage| {
        let told = record.notices.of_outage(outage.id);
        let told = told.filter(|(_, entry)| entry.began.is_possible());
        let customers: BTreeSet<&str> = told
            .flat_map(|(_, e)| e.customers.iter().map(|c| c.as_str()))
            .collect();
        let customers: Vec<&str> = customers.into_iter().collect();
        (!customers.is_empty()).then(|| {
            format!(
                "{} was removed from the configuration while it is down ({}): its recovery is not \
                 monitored and sends no notice; write to {} yourself",
                outage.system,
                outage.id,
                customers.join(", "),
            )
        })
    };
    let outages = record.outages.all().filter(leaves);
    outages.filter_map(said).collect()
}

fn undelivered(record: &Record, now: Timestamp) -> Vec<Undelivered> {
    let concerns = |notice: &domain::notice::Notice, at: Timestamp| {
        let incident = notice.incident.and_then(|i| record.incidents.get(i));
        now.duration_since(at) <= SHOWN_FOR || incident.is_some_and(|i| i.closed.is_none())
    };
    let all = record.notices.messages().filter_map(|(id, o)| {
        let Standing::Rejected(at) = o.standing else {
            return None;
        };
        // The message that was sent in its place has a state of its own.
        let is_open = o.sent_again_at.is_none() && concerns(&o.notice, at);
        is_open.then(|| Undelivered {
            notice: id.to_string(),
            kind: o.notice.kind.to_string(),
            customer: o.notice.recipient.name.clone(),
            recipient: o.notice.recipient.address.to_string(),
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
    // If an observed and a declared outage are both open, show the one that began first.
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
    if let Some(Method::Heartbeat(heartbeat)) = record.catalogue.probe(id).map(|p| &p.method) {
        return heartbeat_status(id, heartbeat, state, latest.map(|beat| beat.at));
    }
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
        certificate_ends: latest.as_ref().and_then(|s| s.certificate_ends_at),
        certificate_ends_soon: latest.as_ref().is_some_and(|s| s.certificate_ends_soon),
        next_beat_due: None,
    }
}

/// A beat says only that it came: the silence after it has a reason, and no run took any time.
fn heartbeat_status(
    id: &ProbeId,
    heartbeat: &Heartbeat,
    state: State,
    beat: Option<Timestamp>,
) -> Probe {
    let is_silent = state == State::Down;
    Probe {
        probe: id.name().to_owned(),
        state: state.word().to_owned(),
        at: beat,
        outcome: None,
        reason: is_silent.then(|| Reason::Stale.to_string()),
        detail: None,
        took_us: None,
        certificate_ends: None,
        certificate_ends_soon: false,
        next_beat_due: beat.and_then(|beat| due_at(heartbeat, beat)),
    }
}
