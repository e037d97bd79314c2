//! Which notices may leave, and when: read from the record, not remembered by timers.

use jiff::{SignedDuration, Timestamp};

use crate::catalogue::Affects;
use crate::event::Delivery;
use crate::id::{NoticeId, SystemId};
use crate::notice::{self, Kind, Notice};
use crate::record::{Outgoing, Record, Standing};

/// The pauses after the first, second, … attempt, in seconds; the last one repeats.
const PAUSES_S: [i64; 7] = [30, 60, 120, 300, 600, 900, 1800];

/// How long a notice is tried before it counts as refused for good.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(48);

/// How soon a notice that was lost after its first byte is sent once more.
const LOST_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// The `Message-ID` of a notice: the one of its first attempt, whatever the sender is called since;
/// before that the one that it would have now.
pub fn message_id(record: &Record, id: NoticeId) -> String {
    let kept = record.notices.get(&id).and_then(|o| o.message_id.clone());
    kept.unwrap_or_else(|| notice::message_id(&record.identity, id, &record.catalogue.mail_from))
}

impl Standing {
    /// Whether nothing more will be done.
    pub fn is_final(&self) -> bool {
        match self {
            Standing::Due(_) | Standing::Attempting(_) => false,
            Standing::Sent(_)
            | Standing::Rejected(_)
            | Standing::Ambiguous(_)
            | Standing::Folded(_) => true,
        }
    }

    /// The word of SPEC's appendix.
    pub fn word(&self) -> &'static str {
        match self {
            Standing::Due(_) | Standing::Attempting(_) => "queued",
            Standing::Sent(_) => "sent",
            Standing::Rejected(_) => "rejected",
            Standing::Ambiguous(_) => "ambiguous",
            Standing::Folded(_) => "folded",
        }
    }
}

/// Takes in how an attempt ended: the one place that says what follows from it.
///
/// `once_more` is [`is_once_more`] as it was decided: older ledgers gave such a notice up.
pub(crate) fn ended(
    outgoing: &mut Outgoing,
    at: Timestamp,
    result: Delivery,
    reply: &str,
    once_more: bool,
) {
    outgoing.last = Some((result, reply.to_owned()));
    outgoing.standing = match result {
        Delivery::Accepted => Standing::Sent(at),
        Delivery::Rejected => Standing::Rejected(at),
        Delivery::Deferred => {
            let tried = usize::try_from(outgoing.attempts)
                .unwrap_or(usize::MAX)
                .max(1);
            let pause = PAUSES_S[(tried - 1).min(PAUSES_S.len() - 1)];
            again(
                outgoing,
                at,
                SignedDuration::from_secs(pause),
                Standing::Rejected(at),
            )
        }
        Delivery::Ambiguous => {
            outgoing.lost += 1;
            if outgoing.lost > 1 {
                Standing::Ambiguous(at)
            } else if once_more {
                Standing::Due(at.saturating_add(LOST_PAUSE).unwrap_or(at))
            } else {
                again(outgoing, at, LOST_PAUSE, Standing::Ambiguous(at))
            }
        }
    };
}

/// Whether a notice that is lost now is sent once more although time is up for it: it is lost for
/// the first time, however long nobody was there to find that out.
pub(crate) fn is_once_more(outgoing: &Outgoing, at: Timestamp, result: Delivery) -> bool {
    let given_up = Standing::Ambiguous(at);
    result == Delivery::Ambiguous
        && outgoing.lost == 0
        && again(outgoing, at, LOST_PAUSE, given_up.clone()) == given_up
}

fn again(outgoing: &Outgoing, at: Timestamp, pause: SignedDuration, end: Standing) -> Standing {
    match at.checked_add(pause) {
        Ok(next) if next.duration_since(outgoing.decided_at) <= GIVE_UP => Standing::Due(next),
        _ => end,
    }
}

/// Whether everything that `outgoing` must follow has ended. A `maintenance-completed` was followed
/// because it was on its way; come back, it waits itself until the system is up.
fn unblocked(record: &Record, outgoing: &Outgoing) -> bool {
    let came_back = |before: &Outgoing| {
        before.notice.kind == Kind::MaintenanceCompleted
            && matches!(before.standing, Standing::Due(_))
            && is_stale(record, &before.notice)
    };
    outgoing.notice.after.iter().all(|id| {
        record
            .notices
            .get(id)
            .is_none_or(|before| before.standing.is_final() || came_back(before))
    })
}

/// Whether a notice says that a system is available which is known to be down again. An `uptime`
/// waits for the `downtime` that the customer is owed, which is about to say all of it. That work is
/// completed is said by nothing else: it waits until it is so again.
fn is_stale(record: &Record, notice: &Notice) -> bool {
    if notice.kind == Kind::MaintenanceCompleted {
        let mut systems = notice.systems();
        return systems.any(|s| {
            record.has_open_outage(s)
                || record.unstable.contains(s)
                || is_in_doubt(record, notice, s)
        });
    }
    notice.kind == Kind::Uptime
        && record.untold.iter().any(|(customer, outage)| {
            let outage = record.outages.get(outage);
            *customer == notice.customer
                && outage.is_some_and(|o| notice.systems().any(|s| *s == o.system))
        })
}

/// Whether the recipient was told that the system is down, by an outage of which nobody knows yet
/// whether the system was up after it.
fn is_in_doubt(record: &Record, notice: &Notice, system: &SystemId) -> bool {
    let unanswered = record.systems.get(system).map(|s| &s.unanswered);
    let mut outages = unanswered
        .into_iter()
        .flatten()
        .filter_map(|o| record.outages.get(o));
    record.catalogue.system(system.as_str()).is_some()
        && outages
            .any(|o| !record.ended_up(o) && record.knows(o.id, &notice.customer, &notice.recipient))
}

/// Until when nobody can say whether a system is down still that a notice says is down, because
/// the service did not watch since that was seen. By then its probes have been heard, or should have
/// been; if they say that it is up again, that has been confirmed, and is told instead.
fn unheard_until(record: &Record, notice: &Notice) -> Option<Timestamp> {
    if !matches!(notice.kind, Kind::Downtime | Kind::MaintenanceOverrun) {
        return None;
    }
    let resumed_at = record.resumed_at?;
    let going_on = notice.affected.iter().filter_map(|a| a.outage);
    let going_on = going_on.filter_map(|id| record.outages.get(&id));
    going_on
        .filter(|o| o.end.is_none() && o.declared.is_none() && o.detected_at <= resumed_at)
        .filter_map(|o| confirmed_by(record, &o.system, resumed_at))
        .max()
}

/// When it is known of a system whether it is down still, having been down before the service watched
/// again at `resumed_at`: when the first of the probes that saw it so has been heard for as long as it
/// takes to confirm that it is up, or should have been.
fn confirmed_by(record: &Record, system: &SystemId, resumed_at: Timestamp) -> Option<Timestamp> {
    let configured = record.catalogue.system(system.as_str())?;
    let deciding = configured.probes.iter();
    let deciding = deciding.filter(|p| p.affects == Affects::Availability);
    let known_by = deciding.filter_map(|probe| {
        let known = record.probes.get(&probe.id)?;
        known.down.last().filter(|(_, to)| to.is_none())?;
        let later = |at: Timestamp, ms| at.saturating_add(SignedDuration::from_millis(ms)).ok();
        let latest = later(resumed_at, probe.interval_ms + probe.timeout_ms)?;
        let heard_at = known.silent.last().and_then(|(_, heard_at, _)| *heard_at);
        let more = i64::from(probe.recoveries.saturating_sub(1));
        let confirm_ms = more * (probe.retry_interval_ms + probe.timeout_ms);
        later(heard_at.unwrap_or(latest).min(latest), confirm_ms)
    });
    known_by.min()
}

/// Whether nothing but time keeps a notice that is due.
pub(crate) fn may_leave(record: &Record, outgoing: &Outgoing) -> bool {
    unblocked(record, outgoing) && !is_stale(record, &outgoing.notice)
}

/// The notices that may leave at `now`, in order of their ids: due, with everything they must
/// follow ended, and not known to be stale.
pub fn due(record: &Record, now: Timestamp) -> Vec<NoticeId> {
    record
        .unsent
        .iter()
        .filter(|id| {
            record.notices.get(*id).is_some_and(|o| {
                matches!(o.standing, Standing::Due(at) if at <= now)
                    && may_leave(record, o)
                    && unheard_until(record, &o.notice).is_none_or(|until| until <= now)
            })
        })
        .copied()
        .collect()
}

/// When the next notice may leave, if nothing else happens; `None` if none waits.
pub fn next_due(record: &Record) -> Option<Timestamp> {
    record
        .unsent
        .iter()
        .filter_map(|id| record.notices.get(id))
        .filter(|o| may_leave(record, o))
        .filter_map(|o| match o.standing {
            Standing::Due(at) => Some(unheard_until(record, &o.notice).map_or(at, |u| u.max(at))),
            _ => None,
        })
        .min()
}
