//! Composes messages about outages that go on, about systems and about windows.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::accounting;
use crate::catalogue::Customer;
use crate::id::{IncidentId, NoticeId, OutageId, Source, SystemId};
use crate::months::Months;
use crate::notice::{
    Address, Affected, Alert, Declared, Flapping, Kind, Notice, Overran, Recipient, Report, Role,
    Window, Words,
};
use crate::record::notices::{Channel, Known};
use crate::record::{Outage, Record};
use crate::sample::Reason;
use crate::span::{Span, instant, second};
use crate::windows::{Earned, Occurrence};

/// The state as one address sees it.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub record: &'a Record,
    /// The probes with a bad run that is not confirmed.
    pub doubted: &'a BTreeSet<Source>,
    pub address: &'a Address,
    pub channel: &'a Channel,
}

/// A message without its recipient.
pub(super) struct Content {
    pub kind: Kind,
    pub affected: Vec<Affected>,
    pub window: Option<Window>,
    pub incident: Option<IncidentId>,
    pub includes_downtime: bool,
    pub report: Option<Report>,
    pub words: Vec<Words>,
    pub alert: Option<Alert>,
}

impl Content {
    /// Adds rows about outages that the message does not cover yet, in order of systems and outages.
    pub fn with(mut self, rows: Vec<Affected>) -> Content {
        for row in rows {
            let said: BTreeSet<OutageId> =
                self.affected.iter().flat_map(Affected::outages).collect();
            if !row.outages().all(|o| said.contains(&o)) {
                self.affected.push(row);
            }
        }
        self.affected
            .sort_by(|a, b| (&a.system, a.outage).cmp(&(&b.system, b.outage)));
        self
    }
}

impl Look<'_> {
    /// The message to the address: its recipient, and the earlier messages of the same matter.
    pub fn addressed(&self, content: Content) -> Notice {
        let outages = content.affected.iter().flat_map(Affected::outages);
        let entries = outages.filter_map(|o| self.record.notices.outage_entry(o, self.address));
        let outages = entries.flat_map(|e| [e.began, e.ended]);
        let windows = content.window.iter();
        let windows = windows.flat_map(|w| self.record.notices.window(&w.id, self.address));
        let report = content.report.iter().flat_map(|r| {
            let key = (r.committee.clone(), r.month);
            self.record.notices.report(&key, self.address).iter()
        });
        let posts = match content.alert {
            Some(_) => self.alerted(&content),
            None => self.posted(&content),
        };
        let all = outages.chain(windows.map(|w| w.known)).chain(posts);
        let all = all.chain(report.filter(|e| e.kind == content.kind).map(|e| e.known));
        // A lost message may be sent once more as it was: it cannot refer to itself.
        let sent = all.filter(|known| matches!(known, Known::Yes(_) | Known::Perhaps(_)));
        let references: BTreeSet<NoticeId> = sent.filter_map(Known::notice).collect();
        let reader = content
            .report
            .as_ref()
            .map(|r| self.reader(content.kind, r));
        let reader = reader.or_else(|| content.alert.is_some().then(|| self.colleague()));
        Notice {
            recipient: reader.unwrap_or_else(|| self.recipient(&content)),
            kind: content.kind,
            affected: content.affected,
            window: content.window,
            incident: content.incident,
            references: references.into_iter().collect(),
            includes_downtime: content.includes_downtime,
            report: content.report,
            words: content.words,
            alert: content.alert,
        }
    }

    /// The address with its present roles. A customer that left is named as it was when it was
    /// last notified.
    fn recipient(&self, content: &Content) -> Recipient {
        if let Some(id) = self.address.subscriber() {
            return Recipient {
                address: self.address.clone(),
                who: BTreeSet::from([Role::Subscriber(id)]),
                name: self.address.to_string(),
                zone: self.record.catalogue.zone.clone(),
            };
        }
        let mut customers = self.customers();
        let concerned = |c: &&Customer| {
            let mut systems = content.affected.iter().map(|a| &a.system);
            systems.any(|s| c.systems.contains(s))
        };
        if customers.iter().any(&concerned) {
            customers.retain(|c| concerned(c));
        }
        if let Some(first) = customers.first() {
            return Recipient {
                address: self.address.clone(),
                who: customers
                    .iter()
                    .map(|c| Role::Customer(c.id.clone()))
                    .collect(),
                name: first.name.clone(),
                zone: first.zone.clone(),
            };
        }
        if let Address::Reporter(number) = self.address {
            return Recipient {
                address: self.address.clone(),
                who: [Role::Reporter(*number)].into(),
                // The name is in people.sqlite.
                name: "you".to_owned(),
                zone: self.record.catalogue.zone.clone(),
            };
        }
        let earlier = self
            .record
            .notices
            .messages()
            .filter(|(_, o)| o.notice.recipient.address == *self.address);
        earlier.last().map_or_else(
            || Recipient {
                address: self.address.clone(),
                who: BTreeSet::new(),
                name: self.address.to_string(),
                zone: self.record.catalogue.zone.clone(),
            },
            |(_, o)| o.notice.recipient.clone(),
        )
    }

    /// True if the address may read of the system: a subscriber chose it.
    pub fn may_read(&self, system: &SystemId) -> bool {
        let subscriber = self.address.subscriber();
        subscriber.is_none_or(|id| self.record.subscribers.has(id, system))
    }

    /// The customers that have the address, in order of their ids.
    pub(super) fn customers(&self) -> Vec<&Customer> {
        let all = self.record.catalogue.customers.iter();
        all.filter(|c| c.has(self.address)).collect()
    }

    /// A `downtime` or `maintenance-overrun` about outages that go on.
    pub fn down(&self, kind: Kind, outages: &[OutageId]) -> Content {
        let mut affected: Vec<Affected> = Vec::new();
        for outage in outages {
            if kind == Kind::MaintenanceOverrun {
                affected.extend(self.affected(*outage));
            } else if !affected.iter().any(|a| a.joined.contains(outage)) {
                affected.extend(self.affected_together(*outage));
            }
        }
        affected.sort_by(|a, b| a.system.cmp(&b.system));
        let first = outages.first().and_then(|o| self.record.outages.get(o));
        let work = match kind {
            Kind::MaintenanceOverrun => outages.iter().find_map(|o| self.work_of(*o)),
            _ => self.unearned_work_of(outages),
        };
        let systems: BTreeSet<SystemId> = affected.iter().map(|a| a.system.clone()).collect();
        let content = Content {
            kind,
            affected,
            window: work,
            incident: first.and_then(|o| o.incident),
            includes_downtime: false,
            report: None,
            words: Vec::new(),
            alert: None,
        };
        // The recipient was not told of these recoveries, and they are no longer the last word.
        let earlier = systems.iter().flat_map(|s| self.earlier(s)).collect();
        content.with(earlier)
    }

    /// One row about an outage that goes on and the outages that are one downtime with it: since
    /// the first of them began.
    fn affected_together(&self, id: OutageId) -> Option<Affected> {
        let said = self.affected(id)?;
        let together = self.record.same_downtime(id, self.address);
        if together.len() == 1 {
            return Some(said);
        }
        let began = |o: &OutageId| self.record.outages.get(o)?.counts_since();
        let flapping = said.flapping.iter().flat_map(|f| &f.outages);
        let flapping: BTreeSet<OutageId> = flapping.chain([&id]).copied().collect();
        let all = || together.iter().filter_map(|o| self.record.outages.get(o));
        // The downtime goes on while any of them does.
        let last = all().max_by_key(|o| (o.end.is_none(), o.end));
        Some(Affected {
            joined: together.difference(&flapping).copied().collect(),
            declared: self.declared(&together),
            from: together.iter().filter_map(began).min().or(said.from),
            to: last.map_or(said.to, |o| o.end),
            unobserved: last.map_or(said.unobserved, |o| o.unobserved),
            reason: said.reason.or_else(|| self.seen_in(&together)),
            ..said
        })
    }

    /// How much of these outages rests on a person's declaration.
    pub fn declared(&self, outages: &BTreeSet<OutageId>) -> Option<Declared> {
        let mut all = outages.iter().filter_map(|o| self.record.outages.get(o));
        let declared = all.clone().any(|o| o.declared.is_some());
        let how = if all.all(|o| o.declared.is_some()) {
            Declared::Wholly
        } else {
            Declared::Partly
        };
        declared.then_some(how)
    }

    /// The last reason that probes gave in these outages.
    pub fn seen_in(&self, outages: &BTreeSet<OutageId>) -> Option<Reason> {
        let known = outages.iter().rev();
        known
            .filter_map(|o| self.record.outages.get(o)?.reason)
            .next()
    }

    /// One row about one outage.
    pub fn affected(&self, id: OutageId) -> Option<Affected> {
        let outage = self.record.outages.get(&id)?;
        let system = self.record.catalogue.system(outage.system.as_str());
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
            impaired: self.record.is_degraded(&outage.system),
            advice: system.and_then(|s| s.downtime_advice.clone()),
            flapping: self.flapping(outage),
            overran: overran(outage),
        })
    }

    /// The row's part about flapping, if the outage belongs to it now.
    fn flapping(&self, outage: &Outage) -> Option<Flapping> {
        let episode = self.record.episode(&outage.system)?;
        let outages: Vec<OutageId> = episode.outages().collect();
        let part = outages.contains(&outage.id);
        part.then(|| self.unstable(&outage.system, outages))?
    }

    /// The flapping of a system in these outages.
    pub fn unstable(&self, system: &SystemId, mut outages: Vec<OutageId>) -> Option<Flapping> {
        let start = |o: &OutageId| self.record.outages.get(o).and_then(|o| o.counts_since());
        outages.sort_by_key(|o| (start(o), *o));
        Some(Flapping {
            since: outages.iter().filter_map(start).min()?,
            hold_s: self
                .record
                .catalogue
                .system(system.as_str())?
                .flapping
                .hold_s,
            outages,
        })
    }

    /// The window that an overrun grew out of.
    fn work_of(&self, id: OutageId) -> Option<Window> {
        let outage = self.record.outages.get(&id)?;
        let (from, window) = outage.overrun.as_ref()?;
        let windows = self.windows_at(outage);
        let occurrence = windows.iter().find(|o| o.id == *window)?;
        let mut said = Window::of(occurrence);
        if *from < occurrence.span.to {
            said.monthly_allowance_s = self.month_spent(&outage.system, *from);
        }
        Some(said)
    }

    /// The policy's monthly allowance, if all of it was spent at `at`.
    fn month_spent(&self, system: &SystemId, at: Timestamp) -> Option<i64> {
        let months = self.record.months_of(system)?;
        let policy = self
            .record
            .configurations
            .policy_of_month(system, at, &months)?;
        let allowance_s = policy.monthly_allowance_s?;
        let month = Span::new(months.around(at).from, at);
        let history = self.record.history(system, month);
        let figures = accounting::account(&history, month, &months, Some(policy), None, at);
        (figures.planned_s >= allowance_s).then_some(allowance_s)
    }

    /// The window in which all of these outages began and which excuses none of them.
    fn unearned_work_of(&self, outages: &[OutageId]) -> Option<Window> {
        let mut works = outages.iter().map(|o| self.unearned_work(*o));
        let first = works.next()??;
        let same = |other: Option<Window>| other.is_some_and(|w| w.id == first.id);
        works.all(same).then_some(first)
    }

    /// The window in which an outage began that does not make it planned. A window that earned something
    /// also excuses an outage that began within its grace.
    fn unearned_work(&self, id: OutageId) -> Option<Window> {
        let outage = self.record.outages.get(&id)?;
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
        uncancelled.find(|o| began_in(o)).map(Window::of)
    }

    /// The windows of its system that touch an outage, the second of its detection included.
    fn windows_at(&self, outage: &Outage) -> Vec<Occurrence> {
        let now = self.record.as_of.unwrap_or(outage.start).max(outage.start);
        let over = Span::new(outage.start, instant(second(now).saturating_add(1)));
        self.record.windows_of(&outage.system, over)
    }
}

/// The parts of a downtime that began as planned maintenance and overran.
fn overran(outage: &Outage) -> Option<Overran> {
    let (unplanned_from, _) = outage.overrun.as_ref()?;
    let planned_s = unplanned_from.duration_since(outage.start).as_secs();
    (planned_s > 0).then_some(Overran {
        began: outage.start,
        unplanned_from: *unplanned_from,
        planned_s,
    })
}
