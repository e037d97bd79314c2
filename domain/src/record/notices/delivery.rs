//! The fold of deliveries: attempts, how they ended, pauses, and what the address knows then.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Channel, Known, NotSent, OutageEntry, Outgoing, Standing, replaces};
use crate::event::{Delivery, Fact};
use crate::id::{NoticeId, OutageId};
use crate::notice::{Address, Kind, Notice};
use crate::record::Record;

/// The pauses after the first, second, … deferral in a row, in seconds; the last one repeats.
const PAUSES_S: [i64; 7] = [30, 60, 120, 300, 600, 900, 1800];

/// How long an address may defer before the message counts as rejected.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(48);

/// The longest pause that a receiver may ask for, in seconds.
const LONGEST_ASKED_S: i64 = 3600;

/// How soon a message is sent once more that was lost after its first byte.
const LOST_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// How an attempt ended.
struct Answer {
    result: Delivery,
    unreached: bool,
    /// The pause that the receiver asked for, in seconds; 0 if it asked for none.
    asked_s: i64,
}

impl Known {
    /// The knowledge after one more message: certain knowledge stays, and so does the first message
    /// that the address may have read.
    pub(super) fn after(self, new: Known) -> Known {
        match (self, new) {
            (Known::Yes(_), _)
            | (Known::Perhaps(_), Known::Lost(_) | Known::Perhaps(_) | Known::Refused(_))
            | (Known::Lost(_), Known::Lost(_)) => self,
            (Known::Lost(id), Known::Perhaps(_) | Known::Refused(_)) => Known::Perhaps(id),
            (_, new) => new,
        }
    }
}

impl Record {
    pub(in crate::record) fn delivery_fact(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::DeliveryAttempted {
                notice,
                attempt,
                message,
                message_id,
                ..
            } => {
                if let Some(message) = message {
                    self.first_attempt(*notice, at, message, message_id);
                }
                self.notices.with_message(*notice, |o| {
                    o.attempts = *attempt;
                    o.standing = Standing::Attempting(at);
                });
            }
            Fact::DeliveryEnded {
                notice,
                result,
                reply,
                unreached,
                retry_after_s,
                ..
            } => {
                let last = (*result, reply.clone());
                self.notices.with_message(*notice, |o| o.last = Some(last));
                let asked = retry_after_s.map_or(0, |s| s.clamp(0, LONGEST_ASKED_S));
                let answer = Answer {
                    result: *result,
                    unreached: *unreached,
                    asked_s: asked,
                };
                self.attempt_ended(*notice, at, answer);
            }
            _ => {}
        }
    }

    /// A new message replaces the one that was not delivered.
    fn first_attempt(&mut self, id: NoticeId, at: Timestamp, notice: &Notice, message_id: &str) {
        let address = &notice.recipient.address;
        self.notices.supersede(address, at, Some(id));
        let outgoing = Outgoing {
            notice: notice.clone(),
            decided_at: self.decided_at(notice).unwrap_or(at),
            standing: Standing::Attempting(at),
            attempts: 0,
            message_id: message_id.to_owned(),
            lost: 0,
            last: None,
            sent_again_at: None,
        };
        self.notices.add(id, outgoing);
    }

    /// When the last of the facts was known that a message tells of.
    fn decided_at(&self, notice: &Notice) -> Option<Timestamp> {
        let address = &notice.recipient.address;
        if notice.report.is_some() {
            return self.report_decided_at(notice);
        }
        if !notice.words.is_empty() {
            return self.post_decided_at(notice);
        }
        if let Some(alert) = &notice.alert {
            return Some(alert.at);
        }
        if let Some(work) = notice
            .window
            .as_ref()
            .filter(|_| is_announcement(notice.kind))
        {
            let entries = self.notices.window(&work.id, address).iter();
            let owed = entries.filter(|e| e.known.is_owed() && e.window.announces_same(work));
            let reminds = notice.kind == Kind::MaintenanceReminder;
            let owed = owed.filter(|e| (e.kind == Kind::MaintenanceReminder) == reminds);
            return owed.map(|e| e.owed_at).max();
        }
        let outages = || notice.outages().filter_map(|o| self.outages.get(&o));
        if notice.kind == Kind::Uptime {
            let over = outages().filter_map(|o| o.closed_at.max(self.settled_at(o)));
            return over.max();
        }
        let entries = outages().filter(|o| o.end.is_none());
        let entries = entries.filter_map(|o| self.notices.outage_entry(o.id, address));
        entries.map(|e| e.owed_at).max()
    }

    fn attempt_ended(&mut self, id: NoticeId, at: Timestamp, answer: Answer) {
        let Answer {
            result,
            unreached,
            asked_s,
        } = answer;
        let Some(outgoing) = self.notices.message(id).cloned() else {
            return;
        };
        let address = outgoing.notice.recipient.address.clone();
        let (standing, known) = match result {
            Delivery::Accepted => (Standing::Sent(at), Some(Known::Yes(id))),
            Delivery::Rejected => (Standing::Rejected(at), Some(Known::Refused(id))),
            // A receiver knows a repeated webhook by its id, so it is tried like a deferred one.
            Delivery::Ambiguous if matches!(address, Address::Webhook(_)) => {
                self.notices.with_message(id, |o| o.lost += 1);
                match self.notices.deferred(&address, at, asked_s) {
                    Some(next) => (Standing::Due(next), Some(Known::Lost(id))),
                    None => (Standing::Ambiguous(at), Some(Known::Perhaps(id))),
                }
            }
            Delivery::Ambiguous if outgoing.lost > 0 => {
                (Standing::Ambiguous(at), Some(Known::Perhaps(id)))
            }
            Delivery::Ambiguous => {
                self.notices.with_message(id, |o| o.lost += 1);
                let next = at.checked_add(LOST_PAUSE).unwrap_or(at);
                (Standing::Due(next), Some(Known::Lost(id)))
            }
            Delivery::Deferred => match self.notices.deferred(&address, at, asked_s) {
                Some(next) => (Standing::Due(next), None),
                None => (Standing::Rejected(at), Some(Known::Refused(id))),
            },
        };
        self.notices.with_channel(&address, |channel| {
            if let Standing::Due(next) = standing {
                channel.not_before = Some(next);
                channel.unreached = unreached;
            } else {
                channel.rest();
            }
        });
        self.notices.with_message(id, |o| o.standing = standing);
        if let Some(known) = known {
            self.learn(&outgoing.notice, known, at);
            if known.is_possible() {
                self.correct_late_notice(&outgoing.notice, at);
            }
        }
        if result == Delivery::Accepted && address.is_mail() {
            self.notices.mail_goes_again(at);
        }
        if let Some(work) = &outgoing.notice.window {
            self.drop_cancelled(&work.id, &address);
        }
        self.drop_late_reminders_to(&address, at);
        self.drop_pointless_alerts(at);
        self.drop_pointless(&address, at);
    }

    /// The address knows what the message says, as certainly as `known` says.
    fn learn(&mut self, notice: &Notice, known: Known, at: Timestamp) {
        let address = &notice.recipient.address;
        if notice.report.is_some() {
            self.learn_report(notice, known);
            return;
        }
        if !notice.words.is_empty() {
            self.learn_post(notice, known);
            return;
        }
        if notice.alert.is_some() {
            self.learn_alert(at, notice, known);
            return;
        }
        if is_announcement(notice.kind) {
            self.learn_window(notice, known, at);
            return;
        }
        let refused = matches!(known, Known::Refused(_));
        for row in &notice.affected {
            if !self.is_reader(address, &row.system) {
                continue;
            }
            // A flapping system's earlier outages are over; their recovery is told at the end.
            let episode = self.episode(&row.system);
            let episode = episode.filter(|e| e.outages().any(|o| Some(o) == row.outage));
            let flapping = episode.map(|e| e.seq);
            for outage in row.outages() {
                let over = match notice.kind {
                    Kind::Uptime => true,
                    // The recipient of a refused downtime is still owed earlier recoveries.
                    _ => !refused && flapping.is_none() && row.says_over(outage),
                };
                self.notices.or_open(outage, notice, self.seq, at);
                self.notices.with_outage(outage, address, |entry| {
                    entry.began = entry.began.after(known);
                    if over {
                        entry.ended = entry.ended.after(known);
                    }
                });
            }
            if let Some(seq) = flapping.filter(|_| notice.kind == Kind::Downtime) {
                self.notices.with_channel(address, |channel| {
                    let before = channel.flapping.get(&row.system);
                    let before = before.filter(|(other, _)| *other == seq);
                    let before = before.map_or(Known::No, |(_, known)| *known);
                    let after = (seq, before.after(known));
                    channel.flapping.insert(row.system.clone(), after);
                });
            }
        }
        let systems: Vec<_> = notice.systems().cloned().collect();
        for system in systems {
            match address.subscriber() {
                // No other address has learned anything.
                Some(_) => self.share_knowledge_of(&system, address),
                None => self.share_knowledge(&system),
            }
        }
    }

    /// The announcement that the message made; earlier ones that it replaces are not needed.
    fn learn_window(&mut self, notice: &Notice, known: Known, at: Timestamp) {
        let Some(work) = &notice.window else {
            return;
        };
        let address = &notice.recipient.address;
        let said = |kind: Kind| {
            kind == notice.kind
                || (kind, notice.kind) == (Kind::MaintenanceChanged, Kind::MaintenanceScheduled)
        };
        let mut customers: Vec<_> = notice.recipient.customers().cloned().collect();
        self.notices.with_window(&work.id, address, |entries| {
            let told = entries
                .iter_mut()
                .rev()
                .find(|e| said(e.kind) && e.known.is_owed() && e.window.announces_same(work));
            let Some(told) = told else {
                return;
            };
            told.known = told.known.after(known);
            customers.extend(told.customers.iter().cloned());
            let (cause, kind) = (told.cause, told.kind);
            for earlier in entries
                .iter_mut()
                .filter(|e| e.cause < cause && e.known.is_owed())
            {
                if replaces(kind, earlier.kind) {
                    earlier.drop_because(match kind {
                        Kind::MaintenanceStarted | Kind::MaintenanceCompleted => {
                            NotSent::WindowBegan
                        }
                        Kind::MaintenanceCancelled => NotSent::WindowCancelled,
                        _ => NotSent::Replaced,
                    });
                }
            }
            // An announcement that was delivered late says what the reminders would say.
            if matches!(known, Known::Yes(_) | Known::Perhaps(_)) {
                let reminders = entries.iter_mut().filter(|e| e.is_owed_reminder());
                for reminder in reminders.filter(|e| e.window.announces_same(work)) {
                    reminder.drop_because(NotSent::Replaced);
                }
            }
        });
        if matches!(known, Known::Yes(_)) {
            self.announced(notice, &customers, at);
        }
    }

    /// A delivered announcement earns a one-off window for its customers.
    fn announced(&mut self, notice: &Notice, customers: &[crate::id::CustomerId], at: Timestamp) {
        let announces = matches!(
            notice.kind,
            Kind::MaintenanceScheduled | Kind::MaintenanceChanged | Kind::MaintenanceReminder
        );
        let Some(work) = notice.window.as_ref().filter(|_| announces) else {
            return;
        };
        let version = self.maintenance.one_off(&work.id).and_then(|entry| {
            entry.versions.iter().rposition(|(_, w)| {
                w.start == work.span.from
                    && w.end == work.span.to
                    && w.max_downtime_s == work.max_downtime_s
            })
        });
        if let Some(version) = version {
            for customer in customers {
                self.maintenance.told(&work.id, version, customer, at);
            }
        }
    }
}

/// True for the kinds about a window that are not about an outage.
fn is_announcement(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Downtime | Kind::Uptime | Kind::MaintenanceOverrun
    )
}

impl Channel {
    /// The last message is final: nothing fails any more.
    fn rest(&mut self) {
        self.current = None;
        self.not_before = None;
        self.failing_since = None;
        self.failures = 0;
        self.unreached = false;
    }
}

impl super::Notices {
    /// One more deferral in a row: when to try again, or `None` if 48 hours have passed. The pause is
    /// at least `asked_s`.
    fn deferred(&mut self, address: &Address, at: Timestamp, asked_s: i64) -> Option<Timestamp> {
        let mut next = None;
        self.with_channel(address, |channel| {
            let pause_s = PAUSES_S[channel.failures.min(PAUSES_S.len() - 1)].max(asked_s);
            channel.failures += 1;
            let since = *channel.failing_since.get_or_insert(at);
            let again = at.checked_add(SignedDuration::from_secs(pause_s)).ok();
            next = again.filter(|again| again.duration_since(since) <= GIVE_UP);
        });
        next
    }

    /// A relay accepted a message: addresses that no relay could be reached for wait no longer.
    fn mail_goes_again(&mut self, at: Timestamp) {
        for address in self.unreached.clone() {
            let channel = self.channels.get(&address);
            let waits = channel.is_some_and(|c| c.not_before.is_some_and(|until| at < until));
            if !waits || !self.active.contains(&address) {
                continue;
            }
            self.with_channel(&address, |channel| {
                channel.not_before = Some(at);
                channel.unreached = false;
            });
            if let Some(current) = self.channels.get(&address).and_then(|c| c.current) {
                self.with_message(current, |o| o.standing = Standing::Due(at));
            }
        }
    }

    /// The undelivered message to the address is dropped, in favour of `by` if there is one.
    pub(super) fn supersede(&mut self, address: &Address, at: Timestamp, by: Option<NoticeId>) {
        let Some((id, outgoing)) = self.current(address) else {
            return;
        };
        let standing = if outgoing.lost > 0 {
            Standing::Ambiguous(at)
        } else {
            Standing::Superseded(by)
        };
        self.with_message(id, |o| o.standing = standing);
        self.with_channel(address, |channel| channel.current = None);
    }

    /// A message may cover outages about which its address was owed nothing by itself.
    fn or_open(&mut self, outage: OutageId, notice: &Notice, cause: u64, at: Timestamp) {
        let key = (outage, notice.recipient.address.clone());
        self.outages.entry(key).or_insert_with(|| {
            Arc::new(OutageEntry {
                cause,
                owed_at: at,
                customers: notice.recipient.customers().cloned().collect(),
                began: Known::No,
                ended: Known::No,
                told_by: None,
            })
        });
    }

    pub(super) fn with_message(&mut self, id: NoticeId, change: impl FnOnce(&mut Outgoing)) {
        let known = self.messages.get_mut(&id);
        if let Some(outgoing) = known.or_else(|| self.to_subscribers.get_mut(&id)) {
            change(Arc::make_mut(outgoing));
        }
    }

    /// The clock was set back by `back` to `at`: pauses last as long as before. Addresses that know of outages that go on
    /// were told no later than now: these begin no later than now, too.
    pub(in crate::record) fn rewind(
        &mut self,
        at: Timestamp,
        back: SignedDuration,
        going_on: &[OutageId],
    ) {
        self.untold.rewind(at, back);
        for outage in going_on {
            let told = self.everyone_of_outage(*outage).filter(|(_, entry)| {
                let message = entry.began.notice().and_then(|id| self.message(id));
                message.is_some_and(|outgoing| matches!(outgoing.standing, Standing::Sent(_)))
            });
            let told: Vec<Address> = told.map(|(address, _)| address.clone()).collect();
            for address in told {
                self.with_outage(*outage, &address, |entry| {
                    entry.told_by = Some(entry.told_by.unwrap_or(at).min(at));
                });
            }
        }
        for address in self.active.clone() {
            let earlier = |until: Timestamp| until.checked_sub(back).unwrap_or(at).min(until);
            self.with_channel(&address, |channel| {
                channel.not_before = channel.not_before.map(earlier);
                channel.failing_since = channel.failing_since.map(earlier);
            });
            if let Some((id, _)) = self.current(&address) {
                self.with_message(id, |o| {
                    if let Standing::Due(until) = &mut o.standing {
                        *until = earlier(*until);
                    }
                });
            }
        }
    }
}
