//! A rejected notice that a person sends again: the facts that it told are owed to its address once more, as far
//! as they are still true (`docs/decisions/0023-send-a-rejected-notice-again.md`).

use jiff::Timestamp;

use super::reports::reads_report;
use super::staff::is_colleague;
use super::{Known, replaces};
use crate::id::{NoticeId, OutageId, SystemId};
use crate::notice::{Kind, Notice};
use crate::record::Record;

impl Record {
    /// The facts of a rejected notice are owed to its address again. Facts that a later notice told, that are no longer
    /// true or that may have arrived stay as they are. Returns false if nothing is owed because of it.
    pub(crate) fn owe_again(&mut self, at: Timestamp, id: NoticeId) -> bool {
        let Some(outgoing) = self.notices.message(id).cloned() else {
            return false;
        };
        let notice = &outgoing.notice;
        let before = self.owed_facts(notice);
        self.owe_outages_again(id, notice);
        self.owe_announcement_again(at, id, notice);
        self.owe_report_again(at, id, notice);
        self.owe_words_again(id, notice);
        self.owe_alert_again(id, notice);
        self.notices
            .with_message(id, |o| o.sent_again_at = Some(at));
        before < self.owed_facts(notice)
    }

    /// How many facts that the notice told its address is owed.
    fn owed_facts(&self, notice: &Notice) -> usize {
        let address = &notice.recipient.address;
        let notices = &self.notices;
        let outages = notice
            .outages()
            .filter_map(|o| notices.outage_entry(o, address));
        let outages = outages.filter(|e| e.is_open()).count();
        let windows = notice.window.iter();
        let windows = windows.flat_map(|w| notices.window(&w.id, address));
        let windows = windows.filter(|e| e.known.is_owed()).count();
        let reports = notice.report.iter();
        let reports =
            reports.flat_map(|r| notices.report(&(r.committee.clone(), r.month), address));
        let reports = reports.filter(|e| e.known.is_owed()).count();
        let words = notice.incident.iter();
        let words = words.flat_map(|id| notices.posts(*id, address));
        let words = words.filter(|e| e.known.is_owed()).count();
        let alerts = notice.alert.iter();
        let alerts = alerts.filter_map(|a| notices.alert(a.cause, address));
        let alerts = alerts.filter(|e| e.known.is_owed()).count();
        outages + windows + reports + words + alerts
    }

    /// False if the configuration in force has no recipient any more to whom the notice could be sent again.
    pub(crate) fn is_still_recipient(&self, notice: &Notice) -> bool {
        let address = &notice.recipient.address;
        let catalogue = &self.catalogue;
        if let Some(report) = &notice.report {
            let key = (report.committee.clone(), report.month);
            let entries = self.notices.report(&key, address).iter();
            let mut own = entries.filter(|e| e.kind == notice.kind);
            return own.any(|e| reads_report(catalogue, &key, address, e));
        }
        if let Some(alert) = &notice.alert {
            let entry = self.notices.alert(alert.cause, address);
            return entry.is_some_and(|e| is_colleague(catalogue, e, address));
        }
        if !notice.words.is_empty() {
            let incident = notice.incident.and_then(|id| self.incidents.get(id));
            return incident.is_some_and(|i| self.audience_of(i).contains_key(address));
        }
        let systems: Vec<SystemId> = notice.systems().cloned().collect();
        self.audience(&systems).contains_key(address)
    }

    fn owe_outages_again(&mut self, id: NoticeId, notice: &Notice) {
        let address = &notice.recipient.address;
        let refused = Known::Refused(id);
        for outage in notice.outages().collect::<Vec<_>>() {
            let Some(known) = self.outages.get(&outage) else {
                continue;
            };
            let system = std::slice::from_ref(&known.system);
            if !self.audience(system).contains_key(address) {
                continue;
            }
            let is_news = known.counts_from().is_some() && !self.is_withdrawn(outage);
            self.notices.with_outage(outage, address, |entry| {
                if entry.began == refused && is_news {
                    entry.began = Known::No;
                }
                if entry.ended == refused && (entry.began.is_possible() || entry.began.is_owed()) {
                    entry.ended = Known::No;
                }
            });
        }
        for system in notice.systems().cloned().collect::<Vec<_>>() {
            self.notices.with_channel(address, |channel| {
                let said = channel.flapping.get(&system).map(|(_, known)| *known);
                if said == Some(refused) {
                    channel.flapping.remove(&system);
                }
            });
            if self.has_joint_downtime(&system) {
                self.share_knowledge_of(&system, address);
            }
        }
    }

    /// True if a person withdrew the alarm that the outage was part of.
    fn is_withdrawn(&self, outage: OutageId) -> bool {
        let Some(outage) = self.outages.get(&outage) else {
            return false;
        };
        let incident = outage.incident.and_then(|id| self.incidents.get(id));
        let withdrawn = incident.and_then(|i| i.withdrawn.as_ref());
        withdrawn.is_some_and(|w| outage.detected_at <= w.at)
    }

    /// An announcement is owed again until a later one says what is planned, and not once its time has passed.
    fn owe_announcement_again(&mut self, at: Timestamp, id: NoticeId, notice: &Notice) {
        let Some(work) = &notice.window else {
            return;
        };
        let address = &notice.recipient.address;
        let begun = self.maintenance.has_begun(&work.id);
        self.notices.with_window(&work.id, address, |entries| {
            for n in 0..entries.len() {
                let entry = &entries[n];
                let mut later = entries[n + 1..].iter();
                let is_replaced = later.any(|later| replaces(later.kind, entry.kind));
                let span = entry.window.span;
                let is_late = match entry.kind {
                    Kind::MaintenanceStarted => span.to <= at,
                    Kind::MaintenanceCompleted | Kind::MaintenanceCancelled => false,
                    _ => begun || span.from <= at,
                };
                if entry.known == Known::Refused(id) && !is_replaced && !is_late {
                    entries[n].known = Known::No;
                }
            }
        });
        self.drop_cancelled(&work.id, address);
    }

    /// Only the newest revision is sent again; a draft only while its texts can still be written.
    fn owe_report_again(&mut self, at: Timestamp, id: NoticeId, notice: &Notice) {
        let Some(report) = &notice.report else {
            return;
        };
        let key = (report.committee.clone(), report.month);
        let known = self.reports.get(&key.0, key.1);
        let is_drafted = known.is_some_and(|r| {
            r.revisions.is_empty() && r.meeting_at.is_some_and(|meeting| at < meeting)
        });
        let address = &notice.recipient.address;
        self.notices.with_report(&key, address, |entries| {
            let newest = entries.iter_mut().rfind(|e| e.kind == notice.kind);
            let is_news = notice.kind == Kind::Report || is_drafted;
            if let Some(entry) = newest.filter(|e| e.known == Known::Refused(id) && is_news) {
                entry.known = Known::No;
            }
        });
    }

    /// Updates of a false alarm that was withdrawn are not sent again.
    fn owe_words_again(&mut self, id: NoticeId, notice: &Notice) {
        let about = notice.incident.filter(|_| !notice.words.is_empty());
        let Some(incident) = about.and_then(|id| self.incidents.get(id)) else {
            return;
        };
        let (of, is_withdrawn) = (incident.id, incident.withdrawn.is_some());
        let address = &notice.recipient.address;
        self.notices.with_posts(of, address, |entries| {
            let refused = entries.iter_mut();
            let refused = refused.filter(|e| e.known == Known::Refused(id));
            for entry in refused.filter(|e| e.kind != Kind::Update || !is_withdrawn) {
                entry.known = Known::No;
            }
        });
    }

    fn owe_alert_again(&mut self, id: NoticeId, notice: &Notice) {
        let Some(alert) = &notice.alert else {
            return;
        };
        let address = &notice.recipient.address;
        let entry = self.notices.alert(alert.cause, address);
        let refused = entry.filter(|e| e.known == Known::Refused(id));
        if refused.is_some_and(|e| self.pointless(e).is_none()) {
            self.notices
                .with_alert(alert.cause, address, |entry| entry.known = Known::No);
        }
    }
}
