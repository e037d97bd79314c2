//! What becomes of notices: attempts and their outcomes, and what delay has made pointless.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Draft;
use crate::act::Refusal;
use crate::event::{Delivery, Fact};
use crate::id::{NoticeId, OutageId, SystemId};
use crate::notice::{Affected, Kind, Notice};
use crate::outbox;
use crate::record::Standing;

impl Draft<'_> {
    /// An attempt is about to begin.
    pub(super) fn attempt(
        &mut self,
        at: Timestamp,
        id: NoticeId,
        sha256: &str,
    ) -> Result<(), Refusal> {
        let record = self.record();
        let Some(outgoing) = record.notices.get(&id) else {
            return Err(Refusal(format!("there is no notice {id}")));
        };
        if !matches!(outgoing.standing, Standing::Due(_)) {
            return Err(Refusal(format!(
                "notice {id} is {}",
                outgoing.standing.word()
            )));
        }
        if !outbox::may_leave(record, outgoing) {
            return Err(Refusal(format!("notice {id} waits for another")));
        }
        let attempt = outgoing.attempts + 1;
        let message_id = outbox::message_id(record, id);
        self.emit(
            at,
            Fact::DeliveryAttempted {
                notice: id,
                attempt,
                message_id,
                sha256: sha256.to_owned(),
            },
        );
        Ok(())
    }

    /// An attempt ended as this fact says.
    pub(super) fn delivered(
        &mut self,
        at: Timestamp,
        id: NoticeId,
        attempt: u32,
        ended: Fact,
    ) -> Result<(), Refusal> {
        let under_way = self.record().notices.get(&id).is_some_and(|o| {
            o.attempts == attempt && matches!(o.standing, Standing::Attempting(_))
        });
        if !under_way {
            return Err(Refusal(format!(
                "attempt {attempt} of notice {id} is not under way"
            )));
        }
        self.ended(at, id, ended);
        Ok(())
    }

    /// Whether a notice is sent once more though it was decided too long ago for that.
    pub(super) fn is_once_more(&self, at: Timestamp, id: NoticeId, result: Delivery) -> bool {
        let known = self.record().notices.get(&id);
        known.is_some_and(|o| outbox::is_once_more(o, at, result))
    }

    pub(super) fn ended(&mut self, at: Timestamp, id: NoticeId, ended: Fact) {
        self.emit(at, ended);
        let Some(outgoing) = self.record().notices.get(&id).cloned() else {
            return;
        };
        let answers: Vec<NoticeId> = self
            .record()
            .unsent
            .iter()
            .filter(|n| {
                self.record()
                    .notices
                    .get(*n)
                    .is_some_and(|o| o.notice.after.contains(&id))
            })
            .copied()
            .collect();
        match outgoing.standing {
            // Nobody was told that it was down, so nobody is told that it is up.
            Standing::Rejected(_) => {
                for notice in answers {
                    if self.answers_nothing(notice) {
                        self.emit(at, Fact::NoticeFolded { notice, into: None });
                    }
                }
            }
            // It is up again meanwhile, or down again, and what says so says all of it.
            Standing::Due(_) => {
                let into = self.successor(id).or_else(|| self.replaced_by(id));
                if into.is_some() {
                    self.emit(at, Fact::NoticeFolded { notice: id, into });
                }
            }
            _ => {}
        }
    }

    /// The first notice after this one to the same address that tells of its outages as over, if
    /// such notices tell so of each of them.
    fn successor(&self, id: NoticeId) -> Option<NoticeId> {
        let this = &self.record().notices.get(&id)?.notice;
        let outages = this.affected.iter().filter_map(|a| a.outage);
        let by: Option<Vec<NoticeId>> = outages.map(|o| self.said_over_since(id, o)).collect();
        by?.into_iter().min()
    }

    /// The first notice after this one to the same address, neither refused nor folded, that tells
    /// of an outage as over.
    fn said_over_since(&self, id: NoticeId, outage: OutageId) -> Option<NoticeId> {
        let record = self.record();
        let recipient = &record.notices.get(&id)?.notice.recipient;
        let says = |later: &NoticeId| {
            record.notices.get(later).is_some_and(|o| {
                *later > id
                    && o.notice.recipient == *recipient
                    && !matches!(o.standing, Standing::Rejected(_) | Standing::Folded(_))
                    && o.notice.affected.iter().any(|a| a.says_over(outage))
            })
        };
        let known = record.outages.get(&outage)?;
        let told = known.told.iter().chain(&known.told_up);
        told.copied().filter(says).min()
    }

    /// What these notices, which have not arrived, say of outages that are over and no later notice
    /// says to the same address.
    pub(super) fn left_to_say(&self, notices: &[NoticeId]) -> Vec<Affected> {
        let said = notices.iter().flat_map(|n| {
            let mut said = self.said_by(&[*n]);
            said.retain(|a| a.outages().any(|o| self.said_over_since(*n, o).is_none()));
            said
        });
        said.collect()
    }

    /// Whether a notice tells of a recovery from what nobody was told.
    fn answers_nothing(&self, id: NoticeId) -> bool {
        let record = self.record();
        record.notices.get(&id).is_some_and(|o| {
            let told = o.notice.kind == Kind::Uptime;
            let refused = |n: &NoticeId| {
                let mut systems = o.notice.systems();
                systems.all(|system| self.is_refused_whole(*n, system))
            };
            told && o.notice.after.iter().all(refused)
        })
    }

    /// Whether a notice was refused that was to say of nothing in `system` that it is over which its
    /// address had heard to be down: nothing is to be answered then.
    pub(super) fn is_refused_whole(&self, id: NoticeId, system: &SystemId) -> bool {
        self.is_refused(id) && !self.record().owed_recovery(id, system)
    }

    /// Whether a notice was refused and was to say what [`Self::is_refused_whole`] means.
    pub(super) fn is_refused_in_part(&self, id: NoticeId, system: &SystemId) -> bool {
        self.is_refused(id) && self.record().owed_recovery(id, system)
    }

    fn is_refused(&self, id: NoticeId) -> bool {
        let known = self.record().notices.get(&id);
        known.is_some_and(|o| matches!(o.standing, Standing::Rejected(_)))
    }

    /// The notices of recoveries of any of these systems to that address that have not arrived.
    pub(super) fn unsent_uptimes(&self, recipient: &str, affected: &[Affected]) -> Vec<NoticeId> {
        let record = self.record();
        let touched = |a: &Affected| affected.iter().any(|b| b.system == a.system);
        record
            .unsent
            .iter()
            .filter(|id| {
                record.notices.get(*id).is_some_and(|o| {
                    o.notice.kind == Kind::Uptime
                        && o.notice.recipient == recipient
                        && o.notice.affected.iter().any(touched)
                })
            })
            .copied()
            .collect()
    }

    /// The notices to that address that say now, on their way, that work on one of these systems is
    /// completed and the system available.
    pub(super) fn completions_under_way(
        &self,
        recipient: &str,
        affected: &[Affected],
    ) -> Vec<NoticeId> {
        let touched = |a: &Affected| affected.iter().any(|b| b.system == a.system);
        let says = |id: &&NoticeId| {
            let known = self.record().notices.get(*id);
            known.is_some_and(|o| {
                o.notice.kind == Kind::MaintenanceCompleted
                    && o.notice.recipient == recipient
                    && o.notice.affected.iter().any(touched)
            })
        };
        let mut found: Vec<NoticeId> = self.record().unsent.iter().copied().collect();
        found.retain(|id| says(&id) && self.is_attempting(*id));
        found
    }

    /// What these notices say of outages that are over.
    pub(super) fn said_by(&self, notices: &[NoticeId]) -> Vec<Affected> {
        let said = notices.iter().filter_map(|n| self.record().notices.get(n));
        said.flat_map(|o| o.notice.affected.iter().filter(|a| a.to.is_some()))
            .cloned()
            .collect()
    }

    /// Whether these say of every outage of a notice that it is over.
    pub(super) fn is_said(&self, id: NoticeId, by: &[Affected]) -> bool {
        let outages = self.record().notices.get(&id).into_iter();
        outages
            .flat_map(|o| o.notice.affected.iter().filter_map(|a| a.outage))
            .all(|outage| by.iter().any(|a| a.says_over(outage)))
    }

    /// Which of these, or of those that they follow, are on their way.
    pub(super) fn under_way(&self, notices: &[NoticeId]) -> Vec<NoticeId> {
        let known = notices.iter().filter_map(|n| self.record().notices.get(n));
        let before = known.flat_map(|o| o.notice.after.iter());
        let mut found: Vec<NoticeId> = notices.iter().chain(before).copied().collect();
        found.retain(|n| self.is_attempting(*n));
        found.sort_unstable();
        found.dedup();
        found
    }

    pub(super) fn is_attempting(&self, id: NoticeId) -> bool {
        let known = self.record().notices.get(&id);
        known.is_some_and(|o| matches!(o.standing, Standing::Attempting(_)))
    }

    /// These notices, and all others to that address that have not ended and tell of downtime of a
    /// system which is to be said as up together with them: a recovery follows all of them.
    pub(super) fn told_before(
        &self,
        recipient: &str,
        these: &[NoticeId],
        affected: &Affected,
    ) -> Vec<NoticeId> {
        let record = self.record();
        let mut told: BTreeSet<NoticeId> = these.iter().copied().collect();
        loop {
            let over = told.iter().copied().filter(|n| self.is_all_over(*n));
            let said = self.said_by(&over.collect::<Vec<_>>());
            let systems: BTreeSet<&SystemId> =
                said.iter().chain([affected]).map(|a| &a.system).collect();
            let down = |n: &NoticeId| {
                record.notices.get(n).is_some_and(|o| {
                    matches!(o.notice.kind, Kind::Downtime | Kind::MaintenanceOverrun)
                        && o.notice.recipient == recipient
                        && o.notice.systems().any(|s| systems.contains(s))
                })
            };
            let before: BTreeSet<NoticeId> = record.unsent.iter().copied().filter(down).collect();
            if before.is_subset(&told) {
                return told.into_iter().collect();
            }
            told.extend(before);
        }
    }

    /// The notices of recoveries to that address that wait for nothing but these and that nobody
    /// has tried to send yet.
    pub(super) fn waiting_for(&self, recipient: &str, these: &[NoticeId]) -> Vec<NoticeId> {
        let record = self.record();
        let waits = |id: &&NoticeId| {
            record.notices.get(*id).is_some_and(|o| {
                o.notice.kind == Kind::Uptime
                    && o.notice.recipient == recipient
                    && matches!(o.standing, Standing::Due(_))
                    && o.attempts == 0
                    && self.waits_for(&o.notice, these)
            })
        };
        record.unsent.iter().filter(waits).copied().collect()
    }

    /// Whether what a notice must follow has ended but for some of these.
    fn waits_for(&self, notice: &Notice, these: &[NoticeId]) -> bool {
        let ended = |before: &NoticeId| {
            let known = self.record().notices.get(before);
            known.is_some_and(|o| o.standing.is_final())
        };
        let after = &notice.after;
        after.iter().any(|before| these.contains(before))
            && after.iter().all(|n| these.contains(n) || ended(n))
    }

    /// Whether a notice of downtime waits to be sent and every outage in it is over.
    pub(super) fn can_fold(&self, id: NoticeId) -> bool {
        self.is_all_over(id) && !self.is_attempting(id)
    }

    /// Whether a notice of downtime has not arrived and every outage that it told of is over, those
    /// included that joined one of its outages later.
    pub(super) fn is_all_over(&self, id: NoticeId) -> bool {
        let record = self.record();
        let goes_on = |system: &SystemId| {
            let known = record.systems.get(system).into_iter();
            let mut outages = known
                .flat_map(|s| &s.outages)
                .filter_map(|o| record.outages.get(o));
            outages.any(|o| o.end.is_none() && o.told.contains(&id))
        };
        record
            .notices
            .get(&id)
            .is_some_and(|o| !o.standing.is_final() && !o.notice.systems().any(goes_on))
    }
}
