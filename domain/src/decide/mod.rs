//! Decides what follows from an input: pure, in one place.
//!
//! [`decide`] reads the watch and the record, and answers with events; it changes nothing. Inside,
//! a [`Draft`] applies each event to its own copy of the record, so that the next decision of the
//! same turn sees it.

mod acts;
mod changes;
mod clocks;
mod deliveries;
mod flapping;
mod maintenance;
mod outages;
mod reports;
mod rollups;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::acts::health_information::Confirmed;
use crate::act::Refusal;
use crate::actor::Actor;
use crate::detection::Change;
use crate::due::{self, next_due};
use crate::event::{Delivery, Event, Fact, GapCause, SubscriptionCause, is_set_back};
use crate::id::{ProbeId, Source, SubscriberId, SystemId, WindowId};
use crate::incident::Cause;
use crate::input::Input;
use crate::record::{Held, Record};
use crate::span::Span;
use crate::watch::{Transition, Watch};
use crate::windows::Occurrence;

/// The events that follow from `input`, received at `at`; none where nothing follows. What fell
/// due up to `at` comes first, in order, each at its own due time.
///
/// `watch` has already observed the input ([`Watch::observe`]).
///
/// # Errors
/// An act that cannot be done is refused with the reason.
pub fn decide(
    watch: &Watch,
    record: &Record,
    at: Timestamp,
    input: &Input,
) -> Result<Vec<Event>, Refusal> {
    if let Input::Sampled(_) | Input::Tick = input
        && watch.waiting().is_empty()
        && !concerned(watch, record, at)
    {
        // Nearly every sample ends here: nothing changed, nobody waits for it.
        return Ok(Vec::new());
    }
    let mut draft = Draft {
        base: record,
        next: None,
        watch,
        now: at,
        // Its last act is to decide what fell due before it.
        alive: watch.is_alive() || matches!(input, Input::Stop),
        waiting: watch.waiting(),
        doubted: watch.doubted().clone(),
        last_bad: BTreeMap::new(),
        events: Vec::new(),
        looked_at: 0,
    };
    match input {
        // After a crash, decide what fell due before it. Nothing was monitored afterwards.
        Input::Start { .. } | Input::Crashed { .. } => {
            draft.catch_up_until(watch.died_at().unwrap_or(at));
        }
        _ => draft.catch_up(at),
    }
    draft.take(at, input)?;
    draft.consequences(at);
    // The state of a system is known as of the last sample only, so this comes last.
    draft.complete_windows(at);
    Ok(draft.events)
}

/// True if something may follow from a sample or a tick that changed nothing: something has fallen due, a
/// notice waits for a run to end, or a window for its systems to be up.
fn concerned(watch: &Watch, record: &Record, at: Timestamp) -> bool {
    watch.may_be_due(record, at)
        || record
            .maintenance
            .all_held()
            .any(|(_, held)| held.span.to <= at)
}

/// The events decided so far, and the record as it will be with them.
struct Draft<'a> {
    base: &'a Record,
    next: Option<Record>,
    watch: &'a Watch,
    /// When the input came.
    now: Timestamp,
    /// True if the service monitors, and so decides what falls due.
    alive: bool,
    /// Observations of the watch that are not decided yet.
    waiting: &'a [Transition],
    /// The probes with a bad run towards down that is not confirmed, as of what is being decided:
    /// the watch itself is ahead of that by everything that waits.
    doubted: BTreeSet<Source>,
    /// The last bad sample of each probe that was confirmed down in this turn.
    last_bad: BTreeMap<ProbeId, Timestamp>,
    events: Vec<Event>,
    /// How many of the events are known to end no incident.
    looked_at: usize,
}

impl Draft<'_> {
    /// Decides what follows from the input itself.
    fn take(&mut self, at: Timestamp, input: &Input) -> Result<(), Refusal> {
        match input {
            Input::CreateLedger { identity, tzdb } => {
                self.emit(
                    at,
                    Fact::LedgerCreated {
                        identity: identity.clone(),
                        tzdb: tzdb.clone(),
                    },
                );
            }
            Input::Configure { by, catalogue } => {
                self.emit_by(
                    at,
                    by,
                    Fact::Configured {
                        catalogue: catalogue.clone(),
                    },
                );
                if self.alive {
                    self.windows_running(at);
                    self.late_reminders(at);
                    self.late_drafts(at);
                }
                self.all_systems(at);
                self.updates_delivered(at);
            }
            Input::Start { alive_until } => self.start(at, *alive_until),
            Input::Stop => {
                self.emit(at, Fact::Stopped);
            }
            Input::Crashed { .. } => {
                if let Some(alive_until) = self
                    .watch
                    .shown()
                    .filter(|_| self.base.monitoring.is_watching())
                {
                    self.emit(at, Fact::Crashed { alive_until });
                }
            }
            Input::MonitoringGap { span, cause } => {
                let (mut span, cause) = (*span, *cause);
                if is_set_back(at, span, cause) {
                    // Time that it was set back over before passes another time.
                    span = passing_twice(self.record(), at, span.to);
                }
                self.emit(at, Fact::MonitoringGap { span, cause });
            }
            Input::Sampled(_) | Input::Tick => {}
            Input::Act { by, act, not_phi } => {
                let confirmed = acts::health_information::checked(by, act, not_phi.as_deref())?;
                let fact = acts::fact_of(self.record(), at, by, act)?;
                let about = fact.subject();
                self.act(at, by, fact);
                if let Some(Confirmed { found, reason }) = confirmed {
                    let fact = Fact::TextConfirmed {
                        about,
                        found,
                        reason,
                    };
                    self.emit_by(at, by, fact);
                }
                self.updates_delivered(at);
            }
            Input::FileReport(filed) => {
                let fact = reports::filed(self.record(), filed)?;
                self.emit(at, fact);
            }
            Input::RollUp(stored) => {
                let fact = rollups::stored(self.record(), stored)?;
                self.emit(at, fact);
            }
            Input::ArchiveSamples(archived) => {
                let fact = rollups::archived(self.record(), archived)?;
                self.emit(at, fact);
            }
            Input::DeleteSamples(month) => {
                let fact = rollups::deleted(self.record(), *month)?;
                self.emit(at, fact);
            }
            Input::Attempt {
                notice,
                message_id,
                sha256,
            } => {
                let record = self.record();
                let fact =
                    deliveries::attempt(record, &self.doubted, at, notice, message_id, sha256)?;
                self.emit(at, fact);
            }
            Input::Subscription {
                subscriber,
                systems,
                cause,
            } => self.subscription(at, *subscriber, systems, *cause),
            Input::Delivered {
                notice,
                attempt,
                result,
                reply,
                unreached,
                retry_after_s,
            } => {
                let ended = Fact::DeliveryEnded {
                    notice: *notice,
                    attempt: *attempt,
                    result: *result,
                    reply: reply.clone(),
                    unreached: *unreached,
                    retry_after_s: *retry_after_s,
                };
                deliveries::under_way(self.record(), *notice, *attempt)?;
                let message = self.record().notices.message(*notice);
                let subscriber = message.and_then(|o| o.notice.recipient.address.subscriber());
                self.emit(at, ended);
                // The mailbox does not exist. A notice that was given up after 48 hours ends no subscription.
                if let (Some(id), Delivery::Rejected) = (subscriber, result) {
                    self.subscription(at, id, &[], SubscriptionCause::Rejected);
                }
                self.updates_delivered(at);
            }
        }
        Ok(())
    }

    /// Records the systems of a subscriber, if they are others than before.
    fn subscription(
        &mut self,
        at: Timestamp,
        subscriber: SubscriberId,
        systems: &[SystemId],
        cause: SubscriptionCause,
    ) {
        let record = self.record();
        let configured = systems.iter();
        let configured = configured.filter(|s| record.catalogue.system(s.as_str()).is_some());
        let now: BTreeSet<SystemId> = configured.cloned().collect();
        let before = record.subscribers.systems(subscriber);
        let before: BTreeSet<SystemId> = before.into_iter().flatten().cloned().collect();
        if now != before {
            let fact = Fact::SubscriptionChanged {
                subscriber,
                systems: now.into_iter().collect(),
                cause,
            };
            self.emit(at, fact);
        }
    }

    /// Records an act, and what follows from it at once.
    fn act(&mut self, at: Timestamp, by: &Actor, fact: Fact) {
        if let Fact::ProblemReported { incident, problem } = &fact
            && self.record().incidents.get(*incident).is_none()
        {
            let opened = Fact::IncidentOpened {
                incident: *incident,
                systems: problem.systems.clone(),
                outages: Vec::new(),
                cause: Cause::Reported,
            };
            self.emit_by(at, by, opened);
        }
        self.emit_by(at, by, fact.clone());
        match fact {
            Fact::OutageDeclared { outage, system, .. } => {
                self.incident_for(at, &system, outage, Cause::Declared);
            }
            Fact::IncidentAssessed { incident, .. } | Fact::WorkaroundFound { incident, .. } => {
                self.rate(at, incident);
            }
            Fact::ProblemReported { incident, .. } => self.rate(at, incident),
            Fact::IncidentMerged { incident, into, .. } => self.rate_merged(at, by, incident, into),
            Fact::OutageReclassified { outage, .. } => {
                let system = self.record().outages.get(&outage);
                if let Some(system) = system.map(|o| o.system.clone()) {
                    // The outage is unplanned now, so it needs an incident.
                    self.incident_for(at, &system, outage, Cause::Outage);
                }
            }
            Fact::WindowScheduled { window } => {
                let occurrence = self.record().occurrence(&window.id);
                if let Some(occurrence) = occurrence.filter(|o| o.span.contains(at)) {
                    self.start_window(at, &occurrence);
                }
            }
            _ => {}
        }
    }

    fn record(&self) -> &Record {
        self.next.as_ref().unwrap_or(self.base)
    }

    fn emit(&mut self, at: Timestamp, fact: Fact) -> u64 {
        self.emit_by(at, &Actor::service(), fact)
    }

    fn emit_by(&mut self, at: Timestamp, by: &Actor, fact: Fact) -> u64 {
        let event = Event {
            at,
            by: by.clone(),
            fact,
        };
        let record = self.next.get_or_insert_with(|| self.base.clone());
        let seq = record.next_seq();
        record.apply(seq, &event);
        self.events.push(event);
        seq
    }

    /// Everything that fell due and every change that waits, up to `at`, in order of time: what
    /// falls due at an instant goes before what was seen at it. What waits is decided in any case.
    fn catch_up(&mut self, at: Timestamp) {
        self.catch_up_until(at);
        while !self.waiting.is_empty() {
            self.change_next(at);
        }
    }

    /// The same, but what came after `until` goes on waiting.
    fn catch_up_until(&mut self, until: Timestamp) {
        let mut stuck = false;
        loop {
            let seen = self.waiting.first().map(|t| t.at).filter(|s| *s <= until);
            let due = next_due(self.record(), &self.doubted)
                .filter(|due| *due <= until && self.alive && !stuck);
            match (due, seen) {
                (Some(due), seen) if seen.is_none_or(|seen| due <= seen) => {
                    let before = self.events.len();
                    self.fall_due(due);
                    // Each due decision leaves a trace, or it would fall due for ever.
                    stuck = self.events.len() == before;
                }
                (_, Some(_)) => {
                    self.change_next(until);
                    stuck = false;
                }
                (_, None) => break,
            }
        }
    }

    /// Everything that falls due at exactly `at`.
    pub(super) fn fall_due(&mut self, at: Timestamp) {
        let Some(ahead) = due::ahead(self.record()) else {
            return;
        };
        let midnight = due::midnights(self.record(), ahead).contains(&at);
        let starting: Vec<Occurrence> = due::windows_ahead(self.record())
            .into_values()
            .filter(|o| o.span.from == at)
            .collect();
        let mut reminders = due::reminders(self.record());
        reminders.retain(|due| due.at == at);
        if midnight {
            self.emit(at, Fact::DayClosed);
        }
        for occurrence in starting {
            self.start_window(at, &occurrence);
        }
        for due in reminders {
            self.remind(at, due);
        }
        self.undelivered(at);
        let reports = due::reports(self.record(), ahead);
        for due in reports.into_iter().filter(|due| due.at == at) {
            self.report_due(at, &due);
        }
        self.consequences(at);
        // No sample can show that these systems are up.
        let unwatched = |held: &Held| !due::is_watched(self.record(), held);
        let over: Vec<WindowId> = self
            .record()
            .maintenance
            .all_held()
            .filter(|(_, held)| held.span.to == at && unwatched(held))
            .map(|(id, _)| id.clone())
            .collect();
        for window in over {
            self.complete_window(at, window);
        }
    }

    /// Takes the changes of one sample together: between two confirmations of a probe nothing may
    /// be concluded.
    fn change_next(&mut self, until: Timestamp) {
        let Some(first) = self.waiting.first() else {
            return;
        };
        let same = |t: &&Transition| t.at == first.at && t.source == first.source;
        let count = self.waiting.iter().take_while(same).count();
        let (now, later) = self.waiting.split_at(count);
        self.waiting = later;
        self.changed(first.at.min(until), &first.source, now);
    }

    fn changed(&mut self, at: Timestamp, source: &Source, transitions: &[Transition]) {
        let mut bad_at = None;
        for transition in transitions {
            match &transition.change {
                Change::Doubted => {
                    self.doubted.insert(source.clone());
                }
                Change::Blip { .. } => {
                    self.doubted.remove(source);
                }
                Change::Down { samples, .. } => {
                    self.doubted.remove(source);
                    bad_at = samples.last().map(|s| s.at);
                }
                Change::Bad { at } => bad_at = Some(*at),
                _ => {}
            }
            if let Some(fact) = changes::fact_of(self.record(), at, transition) {
                self.emit(at, fact);
            }
        }
        if let Some(bad_at) = bad_at {
            self.last_bad.insert(source.probe.clone(), bad_at);
        }
        self.system(at, &SystemId::from(source.probe.system()));
        if let Some(bad_at) = bad_at {
            self.outlasted(at, &source.probe, bad_at);
        }
        if transitions.iter().any(|t| t.change.is_bad()) {
            self.degraded(at, &source.probe);
        }
        self.consequences(at);
    }

    fn all_systems(&mut self, at: Timestamp) {
        let systems: Vec<SystemId> = self.record().systems.keys().cloned().collect();
        for system in systems {
            self.system(at, &system);
        }
    }

    fn start(&mut self, at: Timestamp, alive_until: Option<Timestamp>) {
        // A service that was stopped in order said itself when it ended.
        // Before the start, as of the life that the clock was set back over.
        if let Some(shown) = self.watch.shown().filter(|shown| at < *shown) {
            let span = passing_twice(self.record(), at, shown);
            let cause = GapCause::ClockStepped;
            self.emit(at, Fact::MonitoringGap { span, cause });
        }
        let alive_until = if self.base.monitoring.is_watching() {
            self.watch.died_at()
        } else {
            alive_until.map(|until| until.min(at))
        };
        self.emit(at, Fact::Started { alive_until });
        // Decisions that waited when the service stopped are dated now.
        self.consequences(at);
        self.catch_up(at);
        for lost in deliveries::lost_attempts(self.record()) {
            self.emit(at, lost);
        }
        self.windows_running(at);
        self.late_reminders(at);
        self.late_drafts(at);
        self.all_systems(at);
    }

    /// Decides what follows for incidents and customers.
    fn consequences(&mut self, at: Timestamp) {
        self.settle(at);
        self.resolve_incidents(at);
        self.clocks_due(at);
    }
}

/// The span that passes twice when the clock, having shown `shown`, is set back to `at`: from the
/// first instant of it that was shown.
fn passing_twice(record: &Record, at: Timestamp, shown: Timestamp) -> Span {
    let spans = record.monitoring.shown_since(at, shown);
    Span::new(spans.iter().map(|s| s.from).min().unwrap_or(at), shown)
}
