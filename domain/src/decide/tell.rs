//! Who is told what: notices are decided here, each in the commit of the fact that caused it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::flapping::Recovery;
use super::{Draft, due};
use crate::accounting;
use crate::catalogue::Customer;
use crate::event::Fact;
use crate::id::{CustomerId, IncidentId, NoticeId, OutageId, SystemId};
use crate::months::Months;
use crate::notice::{Affected, Declared, Kind, Notice, Work};
use crate::policy::Policy;
use crate::record::Outage;
use crate::sample::Reason;
use crate::span::{Span, instant, second};
use crate::windows::{Earned, Occurrence};

/// Everything of a notice but the recipient.
#[derive(Clone)]
pub(super) struct Content {
    pub(super) kind: Kind,
    /// The middle part of the key.
    pub(super) subject: String,
    pub(super) affected: Vec<Affected>,
    pub(super) work: Option<Work>,
    pub(super) incident: Option<IncidentId>,
}

impl Content {
    /// With what was said of other outages, each once, in order of systems and outages.
    fn with(&self, earlier: Vec<Affected>) -> Content {
        let mut all = self.clone();
        for affected in earlier {
            let said = |o: OutageId| {
                let mut all = all.affected.iter().flat_map(Affected::outages);
                all.any(|said| said == o)
            };
            if !affected.outages().all(said) {
                all.affected.push(affected);
            }
        }
        all.affected
            .sort_by(|a, b| (&a.system, a.outage).cmp(&(&b.system, b.outage)));
        all
    }
}

impl Draft<'_> {
    /// Queues `maintenance-overrun` and `downtime` for customers who are owed one: at once, but a
    /// `downtime` waits while another system of the same customer has a bad run that may soon be
    /// confirmed.
    pub(super) fn tell_downtime(&mut self, at: Timestamp) {
        if self.record().untold.is_empty() {
            return;
        }
        let until = due::gathering(self.record());
        let mut owed: BTreeMap<CustomerId, Vec<OutageId>> = BTreeMap::new();
        for (customer, outage) in &self.record().untold {
            // It is over, and whether its system is up is not known: nothing true can be said yet.
            let known = self.record().outages.get(outage);
            if known.is_some_and(|o| o.is_unwatched()) {
                continue;
            }
            owed.entry(customer.clone()).or_default().push(*outage);
        }
        for (id, outages) in owed {
            let Some(customer) = self.record().catalogue.customer(id.as_str()).cloned() else {
                continue;
            };
            let (overruns, outages): (Vec<_>, Vec<_>) = outages.into_iter().partition(|o| {
                self.record()
                    .outages
                    .get(o)
                    .is_some_and(|o| o.overrun.is_some() && self.unstable(o).is_none())
            });
            for overrun in overruns {
                self.tell_down(at, &customer, Kind::MaintenanceOverrun, &[overrun]);
            }
            // Who has heard of the overrun may know by that that the system is down.
            let mut outages = outages;
            outages.retain(|o| self.record().untold.contains(&(id.clone(), *o)));
            let waited = until.get(&id).is_none_or(|u| *u <= at);
            if !outages.is_empty() && (waited || !self.others_pending(&customer)) {
                self.tell_down(at, &customer, Kind::Downtime, &outages);
            }
        }
    }

    /// Whether a system of the customer that is not down yet has a bad run pending.
    fn others_pending(&self, customer: &Customer) -> bool {
        let down = |system: &SystemId| {
            let known = self.record().systems.get(system);
            known.is_some_and(|s| s.open.is_some())
        };
        customer
            .systems
            .iter()
            .any(|system| self.pending(system) && !down(system))
    }

    fn tell_down(&mut self, at: Timestamp, customer: &Customer, kind: Kind, outages: &[OutageId]) {
        for recipient in customer.contacts.clone() {
            // One of several contacts may know already.
            let news = |o: &&OutageId| {
                let known = || self.record().knows(**o, &customer.id, &recipient);
                let outage = self.record().outages.get(*o);
                let unstable = outage.is_some_and(|o| self.unstable(o).is_some());
                kind == Kind::MaintenanceOverrun || unstable || !known()
            };
            let outages: Vec<OutageId> = outages.iter().filter(news).copied().collect();
            if outages.is_empty() {
                continue;
            }
            let content = self.downtime(kind, &outages);
            // What was to be said of an earlier recovery is no longer true of all its systems:
            // this notice says instead what it would have said, and nothing is lost.
            let mut stale = self.unsent_uptimes(&recipient, &content.affected);
            let content = content.with(self.said_by(&stale));
            // What is on its way now arrives first, or is folded when it comes back.
            let mut under_way = self.under_way(&stale);
            stale.retain(|n| !under_way.contains(n));
            under_way.extend(self.completions_under_way(&recipient, &content.affected));
            let id = self.queue(at, customer, &recipient, &content, under_way, false);
            for notice in stale {
                self.emit(
                    at,
                    Fact::NoticeFolded {
                        notice,
                        into: Some(id),
                    },
                );
            }
        }
    }

    /// What is said of outages that go on; of those that are one downtime together, once.
    fn downtime(&self, kind: Kind, outages: &[OutageId]) -> Content {
        let record = self.record();
        let mut affected: Vec<Affected> = Vec::new();
        for outage in outages {
            if kind == Kind::MaintenanceOverrun {
                affected.extend(self.affected(*outage));
            } else if !affected.iter().any(|a| a.joined.contains(outage)) {
                affected.extend(self.affected_together(*outage));
            }
        }
        affected.sort_by(|a, b| a.system.cmp(&b.system));
        let incident = outages
            .first()
            .and_then(|o| record.outages.get(o)?.incident);
        let work = match kind {
            Kind::MaintenanceOverrun => outages.iter().find_map(|o| self.work_of(*o)),
            _ => self.unearned_work_of(outages),
        };
        let subject: Vec<String> = outages.iter().map(OutageId::to_string).collect();
        Content {
            kind,
            subject: subject.join("+"),
            affected,
            work,
            incident,
        }
    }

    /// What is said of an outage that goes on and of those that are one downtime with it: since the
    /// first of them began.
    fn affected_together(&self, id: OutageId) -> Option<Affected> {
        let record = self.record();
        let said = self.affected(id)?;
        let stretch = record.stretch(id);
        let began = |o: &OutageId| record.outages.get(o)?.counts_since();
        let told_together = said.unstable.iter().flat_map(|u| &u.outages);
        let told_together: BTreeSet<OutageId> = told_together.chain([&id]).copied().collect();
        if stretch.len() == 1 {
            return Some(said);
        }
        let all = || stretch.iter().filter_map(|o| record.outages.get(o));
        let last = all().max_by_key(|o| (o.end.is_none(), o.end));
        Some(Affected {
            joined: stretch.difference(&told_together).copied().collect(),
            declared: self.declared(&stretch),
            from: stretch.iter().filter_map(began).min().or(said.from),
            // It goes on while any of them does.
            to: last.map_or(said.to, |o| o.end),
            unobserved: last.map_or(said.unobserved, |o| o.unobserved),
            reason: said.reason.or_else(|| self.seen_in(&stretch)),
            ..said
        })
    }

    /// How much of these outages is a person's word.
    pub(super) fn declared(&self, outages: &BTreeSet<OutageId>) -> Option<Declared> {
        let known = |o: &OutageId| self.record().outages.get(o);
        let mut all = outages.iter().filter_map(known);
        let declared = all.clone().any(|o| o.declared.is_some());
        let how = if all.all(|o| o.declared.is_some()) {
            Declared::Wholly
        } else {
            Declared::Partly
        };
        declared.then_some(how)
    }

    /// What the probes saw last in these outages.
    pub(super) fn seen_in(&self, outages: &BTreeSet<OutageId>) -> Option<Reason> {
        let known = outages.iter().rev();
        known
            .filter_map(|o| self.record().outages.get(o)?.reason)
            .next()
    }

    pub(super) fn affected(&self, id: OutageId) -> Option<Affected> {
        let record = self.record();
        let outage = record.outages.get(&id)?;
        let system = record.catalogue.system(outage.system.as_str());
        Some(Affected {
            system: outage.system.clone(),
            name: system.map_or_else(|| outage.system.to_string(), |s| s.name.clone()),
            outage: Some(id),
            joined: Vec::new(),
            declared: self.declared(&BTreeSet::from([id])),
            from: Some(outage.overrun.as_ref().map_or(outage.start, |o| o.0)),
            to: outage.end,
            down_s: None,
            unobserved: outage.unobserved,
            reason: outage.reason,
            impaired: record.is_degraded(&outage.system),
            advice: system.and_then(|s| s.downtime_advice.clone()),
            unstable: self.unstable(outage),
        })
    }

    /// The window that an overrun grew out of.
    fn work_of(&self, id: OutageId) -> Option<Work> {
        let outage = self.record().outages.get(&id)?;
        let (from, window) = outage.overrun.as_ref()?;
        let windows = self.windows_at(outage);
        let occurrence = windows.iter().find(|o| o.id == *window)?;
        let mut said = work(occurrence);
        if *from < occurrence.span.to {
            said.month_allowance_s = self.month_spent(&outage.system, *from);
        }
        Some(said)
    }

    /// The agreement's allowance of a month, if all of it was spent at `at`.
    fn month_spent(&self, system: &SystemId, at: Timestamp) -> Option<i64> {
        let record = self.record();
        let months = record.months_of(system)?;
        let policy = record.policy_of_month(system, at, &months)?;
        let allowance_s = policy.monthly_allowance_s?;
        let month = Span::new(months.around(at).from, at);
        let history = record.history(system, month);
        let figures = accounting::account(&history, month, &months, Some(policy), None, at);
        (figures.planned_s >= allowance_s).then_some(allowance_s)
    }

    /// The work within which all of these outages began and which excuses none of them. Of a notice
    /// that tells also of others nobody could say whose work it is.
    fn unearned_work_of(&self, outages: &[OutageId]) -> Option<Work> {
        let mut works = outages.iter().map(|o| self.unearned_work(*o));
        let first = works.next()??;
        let same = |other: Option<Work>| other.is_some_and(|w| w.window == first.window);
        works.all(same).then_some(first)
    }

    /// The window in which an outage began that it does not excuse. One that earned something
    /// excuses, from its start on, what began just before it.
    fn unearned_work(&self, id: OutageId) -> Option<Work> {
        let outage = self.record().outages.get(&id)?;
        if outage.overrun.is_some() {
            return None;
        }
        let began_in = |o: &Occurrence| {
            let early_s = if o.earned_parts.is_empty() {
                o.start_grace_s
            } else {
                0
            };
            let from = o.span.from.checked_sub(SignedDuration::from_secs(early_s));
            Span::new(from.unwrap_or(o.span.from), o.span.to).contains(outage.start)
        };
        let windows = self.windows_at(outage);
        let mut uncancelled = windows.iter().filter(|o| o.why != Earned::Cancelled);
        uncancelled.find(|o| began_in(o)).map(work)
    }

    /// The windows of its system that touch an outage, the present second included.
    fn windows_at(&self, outage: &Outage) -> Vec<Occurrence> {
        let record = self.record();
        let now = record.as_of.unwrap_or(outage.start).max(outage.start);
        let over = Span::new(outage.start, instant(second(now).saturating_add(1)));
        record.windows_of(&outage.system, over)
    }

    /// Queues `uptime` about every outage of the system that is over and of whose end nobody was
    /// told: as soon as none goes on, no availability probe has a bad run pending and it is not
    /// unstable. Of a system that is no longer configured nobody knows that it is up, nor of one that
    /// has lost what found it down, or was taken away meanwhile, until all of it is heard.
    pub(super) fn tell_recovery(&mut self, at: Timestamp, system: &SystemId) {
        let record = self.record();
        let unanswered = match record.systems.get(system) {
            Some(known) if !known.unanswered.is_empty() => known.unanswered.clone(),
            _ => return,
        };
        if record.catalogue.system(system.as_str()).is_none()
            || record.has_open_outage(system)
            || self.pending(system)
            || record.unstable.contains(system)
        {
            return;
        }
        // While nobody knows of one whether it is over, none of the others' ends says that it is up.
        let known = |o: &OutageId| {
            let outage = record.outages.get(o);
            outage.is_some_and(|o| record.ended_up(o) || (self.alive && record.heard_up(o, at)))
        };
        if !unanswered.iter().all(known) {
            return;
        }
        for recovery in self.recoveries(system, unanswered) {
            self.tell_uptime(at, &recovery);
        }
    }

    /// Queues `uptime` for everyone who was told of one of the outages, or still should have been.
    /// Nobody was told that it was down whose every notice was refused: nobody is told that it is up.
    fn tell_uptime(&mut self, at: Timestamp, recovery: &Recovery) {
        let record = self.record();
        let outages = &recovery.over;
        let mut recipients: BTreeMap<(CustomerId, String), Vec<NoticeId>> = BTreeMap::new();
        for (customer, _) in record.untold.iter().filter(|(_, o)| outages.contains(o)) {
            if let Some(customer) = record.catalogue.customer(customer.as_str()) {
                for contact in &customer.contacts {
                    recipients
                        .entry((customer.id.clone(), contact.clone()))
                        .or_default();
                }
            }
        }
        let Some(mut affected) = self.recovered(recovery) else {
            return;
        };
        // As the notices of downtime named it.
        let begun = outages.iter().min().and_then(|o| record.outages.get(o));
        let incident = begun.and_then(|o| o.incident);
        // Nobody watched until it was heard again.
        if let Some(unobserved) = affected.unobserved.filter(Span::is_empty) {
            affected.unobserved = Some(Span::new(unobserved.from, at.max(unobserved.from)));
        }
        let told: BTreeSet<NoticeId> = outages
            .iter()
            .filter_map(|o| record.outages.get(o))
            .flat_map(|o| o.told.iter().copied())
            .collect();
        for notice in told {
            if let Some(told) = record.notices.get(&notice) {
                let key = (told.notice.customer.clone(), told.notice.recipient.clone());
                recipients.entry(key).or_default().push(notice);
            }
        }
        // Who was told as a customer that has another id by now is that customer.
        let gone = |id: &CustomerId| record.catalogue.customer(id.as_str()).is_none();
        let old = recipients.keys().filter(|(id, _)| gone(id)).cloned();
        for key in old.collect::<Vec<_>>() {
            let now = recipients.keys().find(|(id, to)| !gone(id) && *to == key.1);
            if let Some(now) = now.cloned() {
                let told = recipients.remove(&key).unwrap_or_default();
                let all = recipients.entry(now).or_default();
                all.extend(told);
                all.sort_unstable();
            }
        }
        let refused = |n: &NoticeId| self.is_refused_whole(*n, &affected.system);
        recipients.retain(|_, told| told.is_empty() || !told.iter().all(refused));
        for ((customer, recipient), told) in recipients {
            let content = Content {
                kind: Kind::Uptime,
                subject: String::new(),
                incident,
                affected: vec![affected.clone()],
                work: None,
            };
            self.tell_up(at, content, &customer, &recipient, &told);
        }
    }

    /// Whether an outage of the system goes on, or is over and no `uptime` has said so yet.
    fn may_be_down(&self, system: &SystemId) -> bool {
        let record = self.record();
        let known = record.systems.get(system);
        record.has_open_outage(system) || known.is_some_and(|s| !s.unanswered.is_empty())
    }

    /// The seconds of an outage that is over, by class under a policy.
    pub(super) fn figures(
        &self,
        outage: &Outage,
        policy: Option<&Policy>,
    ) -> Option<accounting::OutageFigures> {
        let record = self.record();
        let system = &outage.system;
        let period = Span::new(outage.start, outage.end?);
        let zone = record.months_of(system)?;
        let history = record.history(system, period);
        let as_of = record.as_of?;
        let figures = accounting::account(&history, period, &zone, policy, None, as_of);
        figures.by_outage.into_iter().find(|o| o.id == outage.id)
    }

    fn tell_up(
        &mut self,
        at: Timestamp,
        content: Content,
        customer: &CustomerId,
        recipient: &str,
        told: &[NoticeId],
    ) {
        let Some(affected) = content.affected.first() else {
            return;
        };
        let Some(customer) = self.told_customer(customer, told) else {
            return;
        };
        let told = self.told_before(recipient, told, affected);
        let over: Vec<NoticeId> = told
            .iter()
            .filter(|n| self.can_fold(**n))
            .copied()
            .collect();
        // Other recoveries that waited for the same notice are said together with this one.
        let together = self.waiting_for(recipient, &over);
        // So is what a notice that has not arrived was to say of earlier outages.
        let unarrived: Vec<NoticeId> = told
            .iter()
            .filter(|n| self.is_all_over(**n) || self.is_refused_in_part(**n, &affected.system))
            .copied()
            .collect();
        // Of a system that is down again, or of which nobody knows yet whether it is up again, nobody
        // says that it is up: what was to say so is sent, too.
        let mut earlier = self.left_to_say(&unarrived);
        earlier.retain(|a| a.system == affected.system || !self.may_be_down(&a.system));
        let mut content = content.with(self.said_by(&together)).with(earlier);
        let outages: Vec<String> = content
            .affected
            .iter()
            .filter_map(|a| a.outage)
            .map(|outage| outage.to_string())
            .collect();
        content.subject = outages.join("+");
        // Of a system that was taken away nobody says that it is up: what tells of it is sent.
        let mut pointless = over;
        pointless.retain(|n| self.is_said(*n, &content.affected));
        let said = content.affected.iter().flat_map(Affected::outages);
        let folded = told.iter().all(|n| pointless.contains(n))
            && !self.record().may_have_heard(said, recipient);
        let into = self.queue(at, &customer, recipient, &content, told, folded);
        for notice in pointless.into_iter().chain(together) {
            self.emit(
                at,
                Fact::NoticeFolded {
                    notice,
                    into: Some(into),
                },
            );
        }
    }

    /// A customer as configured; who was told and then left is known from what told it.
    fn told_customer(&self, id: &CustomerId, told: &[NoticeId]) -> Option<Customer> {
        let record = self.record();
        if let Some(known) = record.catalogue.customer(id.as_str()) {
            return Some(known.clone());
        }
        let last = told.iter().rev().find_map(|n| record.notices.get(n))?;
        Some(Customer {
            id: id.clone(),
            name: last.notice.customer_name.clone(),
            zone: last.notice.zone.clone(),
            contacts: vec![last.notice.recipient.clone()],
            systems: Vec::new(),
        })
    }

    pub(super) fn queue(
        &mut self,
        at: Timestamp,
        customer: &Customer,
        recipient: &str,
        content: &Content,
        after: Vec<NoticeId>,
        folded: bool,
    ) -> NoticeId {
        let mut notice = Notice {
            kind: content.kind,
            key: String::new(),
            customer: customer.id.clone(),
            customer_name: customer.name.clone(),
            zone: customer.zone.clone(),
            recipient: recipient.to_owned(),
            affected: content.affected.clone(),
            work: content.work.clone(),
            incident: content.incident,
            thread: None,
            after,
            folded,
        };
        let record = self.record();
        notice.thread = notice.subjects().into_iter().find_map(|subject| {
            record
                .threads
                .get(&(subject, recipient.to_owned()))
                .copied()
        });
        let stem = format!("{}/{}/{}", content.kind, content.subject, recipient);
        let ordinal = 1 + record.keys.get(&stem).copied().unwrap_or(0);
        notice.key = format!("{stem}/{ordinal}");
        let id = record.next_notice();
        self.emit(at, Fact::NoticeQueued { notice });
        id
    }
}

pub(super) fn work(occurrence: &Occurrence) -> Work {
    Work {
        window: occurrence.id.clone(),
        title: occurrence.title.clone(),
        impact: occurrence.impact.clone(),
        span: occurrence.span,
        max_downtime_s: occurrence.max_downtime_s,
        before: None,
        month_allowance_s: None,
    }
}
