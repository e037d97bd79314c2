//! The fold of a wall clock that was set back: what happened twice is known in neither of its
//! times, so the record goes on from the instant to which the clock was set. Never decides.
//!
//! Events keep the times they were recorded with; only what is folded from them is moved, and only
//! where it would reach into a time that is still to come.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::apply::close;
use super::Record;
use crate::incident::Incident;
use crate::span::Span;

impl Record {
    /// The clock shows what follows `at`; what it showed before ended at `until`.
    pub(super) fn show_from(&mut self, until: Timestamp, at: Timestamp) {
        let shown = Arc::make_mut(&mut self.shown);
        close(shown, until);
        shown.push((at, None));
    }

    /// What was shown already when the clock, having shown `until`, is set back to `at`.
    pub(crate) fn shown_since(&self, at: Timestamp, until: Timestamp) -> Vec<Span> {
        let all = self.shown.iter();
        all.map(|(from, to)| Span::new((*from).max(at), to.unwrap_or(until).min(until)))
            .filter(|span| !span.is_empty())
            .collect()
    }

    /// The clock was set back to `at` from the end of `back`. What it had shown of that passes
    /// again; the rest it had been set forward over, or nobody watched.
    pub(super) fn rewind(&mut self, at: Timestamp, back: Span) {
        let twice = self.shown_since(at, back.to);
        Arc::make_mut(&mut self.repeated).extend(twice);
        let shown = Arc::make_mut(&mut self.shown);
        shown.retain(|(from, _)| *from < at);
        cut(shown, at);
        if self.watching {
            self.show_from(at, at);
        }
        self.as_of = Some(at);
        self.resumed_at = self.resumed_at.map(|resumed_at| resumed_at.min(at));
        self.watched_until = self.watched_until.map(|until| until.min(at));
        let probes: Vec<_> = self.probes.keys().cloned().collect();
        for id in probes {
            let Some(probe) = self.probes.get_mut(&id).map(Arc::make_mut) else {
                continue;
            };
            cut(&mut probe.life, at);
            cut(&mut probe.down, at);
            cut(&mut probe.degraded, at);
            probe.blip_until = probe.blip_until.map(|until| until.min(at));
            for (from, _) in &mut probe.affects {
                *from = (*from).min(at);
            }
            for (from, to, _) in &mut probe.silent {
                *from = (*from).min(at);
                *to = to.map(|to| to.min(at));
            }
        }
        let systems: Vec<_> = self.systems.keys().cloned().collect();
        for id in systems {
            let Some(system) = self.systems.get_mut(&id).map(Arc::make_mut) else {
                continue;
            };
            cut(&mut system.life, at);
            for rule in &mut system.rules {
                rule.entered_at = rule.entered_at.min(at);
                rule.left_at = rule.left_at.map(|left_at| left_at.min(at));
            }
        }
        self.rewind_outages(at);
        let back = back.to.duration_since(at);
        self.step(-back);
        self.notices.rewind(at, back);
    }

    /// The clock was set by so much, and what is over is as long ago as before.
    pub(super) fn step(&mut self, by: SignedDuration) {
        let all = self.outages.values();
        let over: Vec<_> = all.filter(|o| o.end.is_some()).map(|o| o.id).collect();
        for id in over {
            self.with_outage(id, |outage| outage.moved = outage.moved.saturating_add(by));
        }
        let faulty = self.systems.iter().filter(|(_, s)| !s.faults.is_empty());
        let faulty: Vec<_> = faulty.map(|(id, _)| id.clone()).collect();
        for id in faulty {
            if let Some(system) = self.systems.get_mut(&id).map(Arc::make_mut) {
                for fault in &mut system.faults {
                    fault.moved = fault.moved.saturating_add(by);
                }
            }
        }
    }

    /// What goes on began no later than now, and nobody waits for a time that has been.
    fn rewind_outages(&mut self, at: Timestamp) {
        let owed = self.notices.open_outages();
        let all = self.outages.values();
        let open: Vec<_> = all.filter(|o| o.end.is_none()).map(|o| o.id).collect();
        for id in &open {
            self.with_outage(*id, |outage| {
                outage.start = outage.start.min(at);
                if let Some((from, _)) = &mut outage.overrun {
                    *from = (*from).min(at);
                }
            });
        }
        let all = owed.iter().filter_map(|o| self.outages.get(o));
        let unwatched: Vec<_> = all.filter(|o| o.is_unwatched()).map(|o| o.id).collect();
        for id in unwatched {
            // Whether it is over is for what is heard from now on to say.
            self.with_outage(id, |outage| {
                outage.start = outage.start.min(at);
                outage.end = outage.end.map(|end| end.min(at));
                outage.unobserved = outage.end.map(|end| Span::new(end, end));
            });
        }
        for id in open.into_iter().chain(owed) {
            self.with_outage(id, |outage| outage.detected_at = outage.detected_at.min(at));
        }
        for id in self.unresolved.clone() {
            self.with_incident(id, |incident: &mut Incident| {
                incident.opened_at = incident.opened_at.min(at);
                if let Some(acknowledged) = &mut incident.acknowledged {
                    acknowledged.at = acknowledged.at.min(at);
                }
            });
        }
    }

    /// Whether that instant passed twice, or will: the clock was set back over it.
    pub(crate) fn passes_twice(&self, at: Timestamp) -> bool {
        self.repeated.iter().any(|span| span.contains(at))
    }
}

/// Nothing reaches beyond `at`; what was open goes on.
fn cut(spans: &mut [(Timestamp, Option<Timestamp>)], at: Timestamp) {
    for (from, to) in spans {
        *from = (*from).min(at);
        *to = to.map(|to| to.min(at));
    }
}
