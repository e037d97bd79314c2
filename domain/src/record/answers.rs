//! Whose end is still to be told: who heard that a system is down must hear that it is up. Never
//! decides.

use super::{Record, Standing};
use crate::id::{NoticeId, OutageId, SystemId};
use crate::notice::Affected;

impl Record {
    /// Whether somebody was told that it began, or still should be, or was to be told by the same
    /// notice, which was refused, of the end of an earlier one.
    pub(super) fn is_answerable(&self, id: OutageId) -> bool {
        let Some(outage) = self.outages.get(&id) else {
            return false;
        };
        let reached = |n: &NoticeId| {
            self.notices.get(n).is_some_and(|o| {
                let refused = matches!(o.standing, Standing::Rejected(_));
                !refused || self.owed_recovery(*n, &outage.system)
            })
        };
        self.untold.iter().any(|(_, untold)| *untold == id) || outage.told.iter().any(reached)
    }

    /// Whether a notice says of an outage of the system that it is over, of which its address heard
    /// or will hear the beginning, and from no other notice the end.
    pub(crate) fn owed_recovery(&self, id: NoticeId, system: &SystemId) -> bool {
        let Some(this) = self.notices.get(&id).map(|o| &o.notice) else {
            return false;
        };
        let theirs = |n: &NoticeId| {
            let known = self.notices.get(n);
            known.filter(|o| o.notice.recipient == this.recipient)
        };
        let arrived = |n: &NoticeId| {
            theirs(n).is_some_and(|o| {
                o.lost > 0 || matches!(o.standing, Standing::Sent(_) | Standing::Ambiguous(_))
            })
        };
        let waits = |n: &NoticeId| theirs(n).is_some_and(|o| !o.standing.is_final());
        let says_over = |n: &NoticeId, outage: OutageId| {
            let known = self.notices.get(n);
            known.is_some_and(|o| o.notice.affected.iter().any(|a| a.says_over(outage)))
        };
        let about = this.affected.iter().filter(|a| a.system == *system);
        let mut outages = about.flat_map(Affected::outages);
        outages.any(|outage| {
            let known = self.outages.get(&outage);
            let Some(known) = known.filter(|_| says_over(&id, outage)) else {
                return false;
            };
            let mut begun = known.told.iter();
            let mut ended = known.told.iter().chain(&known.told_up);
            begun.any(|n| arrived(n) || waits(n))
                && !ended.any(|n| arrived(n) && says_over(n, outage))
        })
    }
}
