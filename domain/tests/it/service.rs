//! A service in miniature: one or two systems, drawn samples, and the events that follow, so that a
//! rule can be read as a picture. The same turn as the engine's, without stores.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)] // Several test files share it; a failed test may stop at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use domain::accounting::{self, Figures};
use domain::act::{Act, Refusal, Selector};
use domain::actor::Actor;
use domain::catalogue::{
    Active, Affects, Catalogue, Committee, Customer, Days, End, Flapping, GROUP_WITHIN_S, Kind,
    Method, Probe, Rule, System,
};
use domain::decide::decide;
use domain::event::{Delivery, Event, Fact, GapCause};
use domain::id::{IncidentId, NoticeId, ProbeId, Source, SystemId};
use domain::incident::Review;
use domain::input::Input;
use domain::notice::{Kind as NoticeKind, Notice};
use domain::notices;
use domain::policy::{Commitments, Policy};
use domain::record::{Outgoing, Record};
use domain::sample::{Outcome, Phases, Reason, Sample, Seen};
use domain::span::Span;
use domain::watch::Watch;
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};

/// Somebody takes an incident on, now.
pub fn acknowledge(incident: Selector<IncidentId>) -> Act {
    Act::Acknowledge {
        incident,
        counts_from: None,
        approved_by: None,
    }
}

pub fn review(incident: Selector<IncidentId>, review: Review) -> Act {
    Act::Review {
        incident,
        summary: review.summary,
        root_cause: review.root_cause,
        certainty: review.certainty,
        resolution: review.resolution,
        measures: review.measures,
    }
}

/// Somebody has just told a customer of a window by telephone.
pub fn told(window: &str, customer: &str) -> Act {
    Act::Told {
        window: window.into(),
        customer: customer.into(),
        how: "by telephone".into(),
        counts_from: None,
        approved_by: None,
    }
}

/// The events of a service that begins: founded, configured, started.
const SET_UP: u64 = 3;

/// An agreement that chooses nothing but the planned downtime of a month.
pub fn policy(id: &str, monthly_allowance_s: Option<i64>) -> Policy {
    Policy {
        min_notice_s: None,
        id: id.into(),
        name: id.to_uppercase(),
        unknown_is_down: false,
        degraded_is_down: false,
        ignore_shorter_s: 0,
        min_coverage_ppm: 990_000,
        target: None,
        monthly_allowance_s,
        service_hours: None,
        planned_hours: None,
        commitments: Commitments::default(),
    }
}

/// Seconds between samples in a drawing.
pub const STEP_S: i64 = 30;

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub struct Service {
    pub record: Record,
    pub watch: Watch,
    pub events: Vec<(u64, Event)>,
    /// Every message that became due, once for each change of its content: what a courier sees that
    /// looks at every instant.
    pub due: Vec<Due>,
    pub origin: Timestamp,
    pub now: Timestamp,
    /// While true no event can be stored.
    pub disk_full: bool,
    pub forgotten: BTreeMap<NoticeId, Outgoing>,
    /// Every sample that was ever taken: the sample store.
    pub samples: Vec<Sample>,
}

/// A weekly rule of the day on which the drawings begin (2026-10-01, a Thursday), agreed long ago.
pub fn rule(id: &str, start: &str, length_s: i64, max_downtime_s: Option<i64>) -> Rule {
    Rule {
        id: id.into(),
        title: format!("Work {id}"),
        impact: None,
        days: Days::Weekdays(vec![Weekday::Thursday]),
        start: start.parse().unwrap(),
        end: End::After(length_s),
        zone: "UTC".into(),
        max_downtime_s,
        min_notice_s: None,
        start_grace_s: None,
        agreed: Some("2024-03-01".parse().unwrap()),
        tell: false,
        announce_s: Vec::new(),
    }
}

pub fn probe(system: &str, name: &str) -> Probe {
    Probe {
        id: ProbeId::from(format!("{system}/{name}")),
        affects: Affects::Availability,
        customers: std::collections::BTreeSet::new(),
        method: Method::Active(Active {
            kind: "http".into(),
            interval_ms: STEP_S * 1000,
            retry_interval_ms: 5_000,
            timeout_ms: 10_000,
            failures: 3,
            recoveries: 2,
        }),
    }
}

/// Weekdays by their offsets from Monday.
pub fn weekdays(offsets: impl IntoIterator<Item = i8>) -> Vec<Weekday> {
    let day = |offset| Weekday::from_monday_zero_offset(offset).unwrap();
    offsets.into_iter().map(day).collect()
}

/// The schedule and limits of a probe that is not a heartbeat.
pub fn active(probe: &mut Probe) -> &mut Active {
    match &mut probe.method {
        Method::Active(active) => active,
        Method::Heartbeat(_) => panic!("a heartbeat has no schedule"),
    }
}

pub fn system(id: &str) -> System {
    System {
        id: SystemId::from(id),
        name: id.to_uppercase(),
        kind: Kind::Provided,
        committee: "ops".into(),
        policy: None,
        target: None,
        downtime_advice: None,
        probes: vec![probe(id, "p")],
        windows: Vec::<Rule>::new(),
        flapping: NEVER,
        owner: None,
        depends_on: Vec::new(),
        group_within_s: GROUP_WITHIN_S,
    }
}

/// Most drawings are of systems that may fail as often as they like.
const NEVER: Flapping = Flapping {
    limit: 0,
    hold_s: 0,
};

pub fn catalogue(systems: Vec<System>) -> Catalogue {
    Catalogue {
        service: "Test".into(),
        contact: None,
        zone: "UTC".into(),
        vantage: "main".into(),
        mail_from: "Test <status@example.org>".into(),
        gather_s: 30,
        committees: vec![Committee {
            id: "ops".into(),
            name: "Operations".into(),
            zone: "UTC".into(),
            members: vec![],
            reporting: domain::catalogue::Reporting::default(),
        }],
        customers: vec![Customer {
            id: "clinic".into(),
            name: "Clinic".into(),
            zone: "UTC".into(),
            phone: None,
            webhook: None,
            contacts: vec!["it@clinic.example".into()],
            systems: systems.iter().map(|s| s.id.clone()).collect(),
        }],
        contacts: vec![],
        operators: vec![],
        policies: vec![],
        systems,
    }
}

impl Service {
    /// A service that starts to watch `systems` at `origin`.
    pub fn new(origin: &str, systems: Vec<System>) -> Self {
        Self::with(origin, catalogue(systems))
    }

    pub fn with(origin: &str, catalogue: Catalogue) -> Self {
        let origin = at(origin);
        let mut service = Self {
            record: Record::default(),
            watch: Watch::default(),
            events: Vec::new(),
            due: Vec::new(),
            origin,
            now: origin,
            disk_full: false,
            forgotten: BTreeMap::new(),
            samples: Vec::new(),
        };
        service.input(
            origin,
            Input::CreateLedger {
                identity: "test".into(),
                tzdb: "x".into(),
            },
        );
        service.configure(origin, catalogue);
        service.input(origin, Input::Start { alive_until: None });
        service
    }

    pub fn configure(&mut self, at: Timestamp, catalogue: Catalogue) {
        self.input(
            at,
            Input::Configure {
                by: Actor::cli("ann"),
                catalogue: Box::new(catalogue),
            },
        );
    }

    pub fn input(&mut self, at: Timestamp, input: Input) {
        self.try_input(at, input).unwrap();
    }

    pub fn try_input(&mut self, at: Timestamp, input: Input) -> Result<(), Refusal> {
        // A message that falls due before the input is due at its own instant.
        while let Some(wake) = notices::next_wake(&self.record, self.watch.doubted(), self.now)
            && self.now < wake
            && wake < at
        {
            self.now = wake;
            self.note_due();
        }
        let result = self.turn(at, input);
        self.note_due();
        result
    }

    fn note_due(&mut self) {
        for notice in self.due() {
            let address = &notice.recipient.address;
            let mut noted = self.due.iter().rev();
            let last = noted.find(|d| d.notice.recipient.address == *address);
            let same = |last: &Due| key(&last.notice) == key(&notice);
            if !last.is_some_and(same) {
                let (at, after) = (self.now, self.record.seq);
                self.due.push(Due { at, after, notice });
            }
        }
    }

    /// Every message that may leave now.
    pub fn due(&self) -> Vec<Notice> {
        notices::due(&self.record, self.watch.doubted(), self.now)
    }

    /// True if no message is due, and none will be if nothing happens.
    pub fn is_quiet(&self) -> bool {
        let wake = notices::next_wake(&self.record, self.watch.doubted(), self.now);
        self.due().is_empty() && wake.is_none() && self.record.notices.unsent().next().is_none()
    }

    /// The only message that may leave now.
    pub fn only_due(&self) -> Notice {
        let mut due = self.due();
        assert_eq!(due.len(), 1, "{due:#?}\n{}", self.timeline_without_probes());
        due.remove(0)
    }

    /// A message of which an attempt began.
    pub fn message(&self, id: NoticeId) -> &Outgoing {
        let known = self.record.notices.message(id).map(|outgoing| &**outgoing);
        known.unwrap_or_else(|| &self.forgotten[&id])
    }

    /// The messages of which an attempt began, in order.
    pub fn messages(&self) -> Vec<&Outgoing> {
        self.record.notices.messages().map(|(_, o)| &**o).collect()
    }

    pub fn turn(&mut self, at: Timestamp, input: Input) -> Result<(), Refusal> {
        self.now = at;
        self.watch.observe(&self.record, at, &input);
        let events = decide(&self.watch, &self.record, at, &input)?;
        if self.disk_full && !events.is_empty() {
            // What the watch saw waits there; everything else asks again.
            return Ok(());
        }
        for event in events {
            let seq = self.record.next_seq();
            self.keep_forgotten(&event.fact);
            self.record.apply(seq, &event);
            self.events.push((seq, event));
        }
        self.watch.settle(&self.record);
        Ok(())
    }

    pub fn act(&mut self, at: Timestamp, by: &str, act: Act) -> Result<(), Refusal> {
        let by = Actor::cli(by);
        let not_phi = None;
        self.try_input(at, Input::Act { by, act, not_phi })
    }

    pub fn second(&self, offset_s: i64) -> Timestamp {
        self.origin + SignedDuration::from_secs(offset_s)
    }

    pub fn sample(&mut self, probe: &str, offset_s: i64, letter: char) {
        self.sample_late(probe, offset_s, letter, 0);
    }

    /// A sample that comes in so many seconds after its probe has ended.
    pub fn sample_late(&mut self, probe: &str, offset_s: i64, letter: char, late_s: i64) {
        let start = self.second(offset_s);
        let (outcome, reason) = match letter {
            'U' => (Outcome::Up, None),
            'S' => (Outcome::Degraded, Some(Reason::Slow)),
            'D' => (Outcome::Down, Some(Reason::Refused)),
            '?' => (Outcome::Inconclusive, Some(Reason::Monitor)),
            other => panic!("no such sample: {other}"),
        };
        let sample = Sample {
            source: Source::new(probe, "main"),
            at: start,
            late_us: 0,
            outcome,
            reason,
            detail: None,
            took_us: 1_000,
            phases: Phases::default(),
            status: None,
            certificate_ends_at: None,
            certificate_ends_soon: false,
            clock_offset_us: None,
        };
        self.samples.push(sample.clone());
        self.input(
            start + SignedDuration::from_millis(late_s * 1000 + 1),
            Input::Sampled(sample),
        );
    }

    /// Time passes until then.
    pub fn tick(&mut self, offset_s: i64) {
        self.input(self.second(offset_s), Input::Tick);
    }

    /// Somebody does something, at an offset.
    pub fn act_at(&mut self, offset_s: i64, by: &str, act: Act) {
        self.act(self.second(offset_s), by, act).unwrap();
    }

    /// Why it is refused.
    pub fn refusal(&mut self, offset_s: i64, by: &str, act: Act) -> String {
        let before = self.events.len();
        let refusal = self.act(self.second(offset_s), by, act).unwrap_err();
        assert_eq!(self.events.len(), before, "a refusal changes nothing");
        refusal.0
    }

    pub fn absent(&mut self, from_s: i64, to_s: i64) {
        let span = Span::new(self.second(from_s), self.second(to_s));
        let cause = GapCause::Stalled;
        self.input(span.to, Input::MonitoringGap { span, cause });
    }

    /// At `from_s` the wall clock is set to `to_s`: back, or forward.
    pub fn set_clock(&mut self, from_s: i64, to_s: i64) {
        let (from, to) = (self.second(from_s), self.second(to_s));
        let span = Span::new(from.min(to), from.max(to));
        let cause = GapCause::ClockStepped;
        self.input(to, Input::MonitoringGap { span, cause });
    }

    pub fn stop(&mut self, offset_s: i64) {
        self.input(self.second(offset_s), Input::Stop);
    }

    /// Starts after an orderly stop, with all samples read back.
    pub fn start(&mut self, offset_s: i64) {
        self.watch = Watch::rebuild(&self.record, &self.stored());
        self.input(self.second(offset_s), Input::Start { alive_until: None });
    }

    /// Draws samples of each probe, a letter a step: `U`p, `S`low, `D`own, `?` inconclusive, `.`
    /// none. A step without a sample still ticks.
    pub fn draw(&mut self, from_s: i64, rows: &[(&str, &str)]) {
        let steps = rows.iter().map(|r| r.1.chars().count()).max().unwrap_or(0);
        for step in 0..steps {
            let offset = from_s + i64::try_from(step).unwrap() * STEP_S;
            self.input(self.second(offset), Input::Tick);
            for (probe, row) in rows {
                if let Some(letter) = row.chars().nth(step).filter(|c| *c != '.') {
                    self.sample(probe, offset, letter);
                }
            }
        }
    }

    /// Delivers everything that may leave now, with that result, and what may leave after it.
    pub fn deliver_due(&mut self, result: Delivery) -> Vec<NoticeId> {
        let mut sent = Vec::new();
        loop {
            let due = self.due();
            if due.is_empty() {
                return sent;
            }
            for notice in due {
                let id = self.begin_attempt(&notice);
                self.end_attempt(id, result);
                sent.push(id);
            }
            assert!(sent.len() < 1_000, "one message leads to the next");
        }
    }

    /// The courier begins an attempt.
    pub fn begin_attempt(&mut self, notice: &Notice) -> NoticeId {
        self.try_attempt(notice).unwrap()
    }

    /// As `begin_attempt`; refused if the message is no longer due.
    pub fn try_attempt(&mut self, notice: &Notice) -> Result<NoticeId, Refusal> {
        let mut hasher = DefaultHasher::new();
        format!("{notice:?}").hash(&mut hasher);
        let message_id = format!("<{:016x}@example.org>", hasher.finish());
        self.try_input(
            self.now,
            Input::Attempt {
                notice: Box::new(notice.clone()),
                message_id,
                sha256: "00".into(),
            },
        )?;
        let begun = self.record.notices.current(&notice.recipient.address);
        Ok(begun.unwrap().0)
    }

    /// The courier's attempt ends.
    pub fn end_attempt(&mut self, notice: NoticeId, result: Delivery) {
        self.end_attempt_as(notice, result, false);
    }

    /// No relay can be reached for anything that may leave now.
    pub fn fail_to_connect(&mut self) -> Vec<NoticeId> {
        let due = self.due().into_iter();
        due.map(|notice| {
            let id = self.begin_attempt(&notice);
            self.end_attempt_as(id, Delivery::Deferred, true);
            id
        })
        .collect()
    }

    /// The courier's attempt ends, where no relay came as far as to speak of the notice or one did.
    pub fn end_attempt_as(&mut self, notice: NoticeId, result: Delivery, unreached: bool) {
        let attempt = self.message(notice).attempts;
        let reply = "as drawn".to_owned();
        self.input(
            self.now,
            Input::Delivered {
                notice,
                attempt,
                result,
                reply,
                unreached,
                retry_after_s: None,
            },
        );
    }

    /// Every sample, in the order in which the store gives them.
    fn stored(&self) -> Vec<Sample> {
        let mut samples = self.samples.clone();
        samples.sort_by(|a, b| (a.at, &a.source).cmp(&(b.at, &b.source)));
        samples
    }

    /// Ends without a word and starts again, with all samples read back.
    pub fn crash(&mut self, alive_s: i64, start_s: i64) {
        let samples = self.stored();
        self.crash_with(alive_s, start_s, &samples);
    }

    /// Ends without a word and starts again, with these samples read back.
    pub fn crash_with(&mut self, alive_s: i64, start_s: i64, recent: &[Sample]) {
        self.watch = Watch::rebuild(&self.record, recent);
        let alive_until = Some(self.second(alive_s));
        self.input(self.second(start_s), Input::Start { alive_until });
    }

    /// Ended without a word, and found so by somebody who writes into the ledger at `found_s`.
    pub fn record_death(&mut self, alive_s: i64, found_s: i64) {
        self.watch = Watch::rebuild(&self.record, &self.stored());
        let alive_until = Some(self.second(alive_s));
        self.input(self.second(found_s), Input::Crashed { alive_until });
    }

    /// The figures of a system between two offsets, as a report counts them.
    pub fn figures_of(&self, system: &str, from_s: i64, to_s: i64) -> Figures {
        let id = SystemId::from(system);
        let period = Span::new(self.second(from_s), self.second(to_s));
        let zone = self.record.zone_of(&id).unwrap();
        let policy = self
            .record
            .configurations
            .policy_of_month(&id, period.from, &zone);
        let history = self.record.history(&id, period);
        let as_of = self.now;
        accounting::account(&history, period, &zone, policy, None, as_of)
    }

    /// The seconds of a system between two offsets, by class.
    pub fn figures(&self, system: &str, from_s: i64, to_s: i64) -> String {
        let f = self.figures_of(system, from_s, to_s);
        format!(
            "up {} degraded {} planned {} excluded {} unplanned {} unknown {}",
            f.up_s, f.degraded_s, f.planned_s, f.excluded_s, f.unplanned_s, f.unknown_s
        )
    }

    fn offset(&self, at: Timestamp) -> String {
        format!("{}", at.duration_since(self.origin).as_secs())
    }

    /// The samples that each `probe-down` lists: when, what, why.
    pub fn confirming_samples(&self) -> Vec<Vec<(i64, Outcome, Option<Reason>)>> {
        let s = |seen: &Seen| seen.at.duration_since(self.origin).as_secs();
        let facts = self.events.iter().map(|(_, event)| &event.fact);
        facts
            .filter_map(|fact| match fact {
                Fact::ProbeDown { samples, .. } => Some(samples),
                _ => None,
            })
            .map(|all| all.iter().map(|x| (s(x), x.outcome, x.reason)).collect())
            .collect()
    }

    /// The events, one a line, in seconds since the origin; the set-up left out.
    pub fn timeline(&self) -> String {
        self.timeline_of(|_| true)
    }

    /// The outline, and under it the figures of a system over its first seconds.
    pub fn timeline_and_figures(&self, system: &str, to_s: i64) -> String {
        format!(
            "{}{}\n",
            self.timeline_without_probes(),
            self.figures(system, 0, to_s)
        )
    }

    /// The story without what each probe saw.
    pub fn timeline_without_probes(&self) -> String {
        self.timeline_of(|fact| {
            !matches!(
                fact,
                Fact::ProbeSilent { .. }
                    | Fact::ProbeFirstResult { .. }
                    | Fact::ProbeDown { .. }
                    | Fact::ProbeUp { .. }
                    | Fact::ProbeDegraded { .. }
                    | Fact::ProbeCleared { .. }
                    | Fact::Blip { .. }
            )
        })
    }

    fn timeline_of(&self, wanted: impl Fn(&Fact) -> bool) -> String {
        let mut text = String::new();
        let told = |(seq, event): &&(u64, Event)| *seq > SET_UP && wanted(&event.fact);
        let mut due = self.due.iter().peekable();
        let line = |due: &Due| format!("{:<5} due {}\n", self.offset(due.at), key(&due.notice));
        for (seq, event) in self.events.iter().filter(told) {
            while let Some(due) = due.next_if(|due| due.after < *seq) {
                text.push_str(&line(due));
            }
            if let Some(line) = self.line(&event.fact) {
                writeln!(text, "{:<5} #{seq} {line}", self.offset(event.at)).unwrap();
            }
        }
        due.for_each(|due| text.push_str(&line(due)));
        text
    }

    fn line(&self, fact: &Fact) -> Option<String> {
        let o = |at: &Timestamp| self.offset(*at);
        Some(match fact {
            Fact::LedgerCreated { .. } => return None,
            Fact::Configured { .. } => "configured".to_owned(),
            Fact::Started { alive_until } => match alive_until {
                Some(alive_until) => format!("started, alive until {}", o(alive_until)),
                None => "started".to_owned(),
            },
            Fact::Stopped => "stopped".to_owned(),
            Fact::Crashed { alive_until } => format!("died, alive until {}", o(alive_until)),
            Fact::DayClosed => "witnessed".to_owned(),
            Fact::LatenciesRolledUp { date, .. } => format!("rolled up {date}"),
            Fact::SamplesArchived { month, .. } => format!("archived {month}"),
            Fact::SamplesDeleted { month } => format!("deleted {month}"),
            Fact::MonitoringGap { span, .. } => {
                format!("absent {}..{}", o(&span.from), o(&span.to))
            }
            Fact::ProbeSilent {
                source,
                from,
                cause,
            } => {
                format!("{source} silent from {} ({cause:?})", o(from))
            }
            Fact::ProbeFirstResult { source, from } => format!("{source} heard from {}", o(from)),
            Fact::ProbeDown {
                source,
                from,
                samples,
                ..
            } => {
                format!(
                    "{source} down from {} on {} samples",
                    o(from),
                    samples.len()
                )
            }
            Fact::ProbeUp {
                source,
                to,
                unobserved,
                ..
            } => match unobserved {
                Some(s) => format!(
                    "{source} up from {} (between {} and {})",
                    o(to),
                    o(&s.from),
                    o(&s.to)
                ),
                None => format!("{source} up from {}", o(to)),
            },
            Fact::ProbeDegraded { source, from, .. } => {
                format!("{source} degraded from {}", o(from))
            }
            Fact::ProbeCleared { source, to } => format!("{source} cleared from {}", o(to)),
            Fact::Blip {
                source,
                span,
                bad_samples,
            } => {
                format!(
                    "{source} blip {}..{} of {bad_samples}",
                    o(&span.from),
                    o(&span.to)
                )
            }
            Fact::OutageOpened {
                outage,
                system,
                start,
                planned,
            } => {
                format!(
                    "outage {outage} of {system} from {}{}",
                    o(start),
                    if *planned { " planned" } else { "" }
                )
            }
            Fact::OutageClosed {
                outage,
                end,
                unobserved,
            } => match unobserved {
                Some(s) => format!(
                    "{outage} ends {} (between {} and {})",
                    o(end),
                    o(&s.from),
                    o(&s.to)
                ),
                None => format!("{outage} ends {}", o(end)),
            },
            Fact::Overrun {
                outage,
                from,
                window,
            } => format!("{outage} overruns {window} from {}", o(from)),
            Fact::IncidentOpened {
                incident, cause, ..
            } => format!("incident {incident} ({cause:?})"),
            Fact::Flapping {
                system,
                incident,
                outages,
            } => {
                let outages: Vec<String> = outages.iter().map(ToString::to_string).collect();
                format!("{system} flaps: {} of {incident}", outages.join(" "))
            }
            Fact::FlappingEnded { system, incident } => format!("{system} settled, {incident}"),
            Fact::DeliveryAttempted {
                notice, attempt, ..
            } => format!("attempt {attempt} of {notice}"),
            Fact::DeliveryEnded { notice, result, .. } => format!("{notice} {result:?}"),
            other => format!("{} {}", kind(other), other.subject()),
        })
    }
}

/// A message that became due: when, and after which event.
pub struct Due {
    pub at: Timestamp,
    pub after: u64,
    pub notice: Notice,
}

/// Kind, subject and address of a message.
pub fn key(notice: &Notice) -> String {
    let outages: Vec<String> = notice
        .affected
        .iter()
        .filter_map(|a| a.outage)
        .map(|o| o.to_string())
        .collect();
    let window = notice.window.iter().map(|w| w.id.to_string());
    let subject: Vec<String> = match notice.kind {
        NoticeKind::Downtime | NoticeKind::Uptime | NoticeKind::MaintenanceOverrun => outages,
        _ => window.collect(),
    };
    let both = if notice.includes_downtime {
        " (both)"
    } else {
        ""
    };
    format!(
        "{}/{}/{}{both}",
        notice.kind,
        subject.join("+"),
        notice.recipient.address
    )
}

/// What a message says: of each system from when to when, in seconds.
pub fn notice_line(service: &Service, id: NoticeId) -> String {
    line_of(service, &service.message(id).notice)
}

/// What a message says: of each system from when to when, in seconds.
pub fn line_of(service: &Service, notice: &Notice) -> String {
    let seconds = |at: Option<Timestamp>| {
        at.map_or_else(String::new, |at| {
            at.duration_since(service.origin).as_secs().to_string()
        })
    };
    let said: Vec<String> = notice
        .affected
        .iter()
        .map(|a| format!("{} {}..{}", a.system, seconds(a.from), seconds(a.to)))
        .collect();
    let words = notice.words.iter().map(|w| format!(" {:?}", w.text));
    let words: String = words.collect();
    format!("{}: {}{}", notice.kind, said.join(", "), words)
}

/// What leaves now if mail goes, in order.
pub fn send_due(service: &mut Service) -> Vec<String> {
    let sent = service.deliver_due(Delivery::Accepted);
    sent.iter().map(|id| notice_line(service, *id)).collect()
}

fn kind(fact: &Fact) -> String {
    let text = format!("{fact:?}");
    let end = text.find(|c: char| !c.is_alphanumeric());
    text[..end.unwrap_or(text.len())].to_owned()
}
