//! Turns over a journal in memory: no event is shown before it is written, and no event is lost.

use domain::act::{Act, Selector};
use domain::actor::Actor;
use domain::catalogue::Catalogue;
use domain::event::{Delivery, Event, Fact, GapCause, Silence};
use domain::id::NoticeId;
use domain::input::Input;
use domain::notice::Notice;
use domain::notices;
use domain::policy::{Commitment, Commitments, Measure, Period, Policy, Severity};
use domain::sample::Outcome;
use domain::span::Span;
use jiff::{SignedDuration, Timestamp};

use super::fixtures::{Flaky, catalogue, portal, sample, t};
use crate::engine::status::{Status, removed_while_down};
use crate::engine::turn::{Error, Journal, Turn};
use crate::ledger::{Head, Ledger};

fn started() -> Turn<Flaky> {
    begun(Turn::new(Flaky::default(), Default::default(), &[]))
}

fn begun<J: Journal>(turn: Turn<J>) -> Turn<J> {
    begun_with(turn, catalogue())
}

fn begun_with<J: Journal>(mut turn: Turn<J>, catalogue: Catalogue) -> Turn<J> {
    let found = Input::CreateLedger {
        identity: "test".to_owned(),
        tzdb: "2026a".to_owned(),
    };
    let configure = Input::Configure {
        by: Actor::cli("test"),
        catalogue: Box::new(catalogue),
    };
    for input in [found, configure, Input::Start { alive_until: None }] {
        turn.step(t(0), input, None).result.unwrap();
    }
    turn
}

/// A sample every `step` seconds from `from`, one letter each: `U` up, `D` down, `.` none.
fn play<J: Journal>(turn: &mut Turn<J>, from: i64, step: i64, drawn: &str) {
    for (n, letter) in (0..).zip(drawn.chars()) {
        let at = t(from + n * step);
        let outcome = match letter {
            'U' => Outcome::Up,
            'D' => Outcome::Down,
            _ => continue,
        };
        // The journal fails in some of these tests.
        let _ = turn.step(at, Input::Sampled(sample(at, outcome)), None);
    }
}

/// The message that may leave then.
fn due<J: Journal>(turn: &Turn<J>, at: Timestamp) -> Notice {
    notices::due(turn.record(), turn.doubted(), at).remove(0)
}

fn facts(turn: &Turn<Flaky>, pick: impl Fn(&Fact) -> bool) -> Vec<Event> {
    let events = turn.journal().events.iter().map(|(_, e)| e.clone());
    events.filter(|e| pick(&e.fact)).collect()
}

fn is_down(fact: &Fact) -> bool {
    matches!(fact, Fact::ProbeDown { .. })
}

#[test]
fn an_outage_is_decided_committed_and_applied() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UUDDDUU");
    let outages: Vec<_> = turn.record().outages.all().collect();
    assert_eq!(outages.len(), 1);
    assert_eq!((outages[0].start, outages[0].end), (t(70), Some(t(160))));
    assert_eq!(turn.journal().replay(), *turn.record());
}

#[test]
fn an_outage_its_incident_and_its_notices_are_one_commit() {
    let mut at_once = catalogue();
    at_once.gather_s = 0;
    let mut turn = begun_with(
        Turn::new(Flaky::default(), Default::default(), &[]),
        at_once,
    );
    play(&mut turn, 10, 30, "UUDD");
    let tried = turn.journal().tried;
    play(&mut turn, 130, 30, "D");
    assert_eq!(turn.journal().tried, tried + 1);
    let written = turn.journal().events.iter();
    let facts: Vec<&Fact> = written.map(|(_, e)| &e.fact).collect();
    assert!(
        matches!(
            facts[..],
            [
                ..,
                Fact::ProbeDown { .. },
                Fact::OutageOpened { .. },
                Fact::IncidentOpened { .. }
            ]
        ),
        "{facts:#?}"
    );
}

#[test]
fn while_the_ledger_fails_nothing_is_sent_and_later_the_times_are_true() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UU");
    turn.journal_mut().refuses = true;
    play(&mut turn, 70, 5, "DDDD");
    assert!(turn.behind());
    assert!(
        turn.record().outages.all().next().is_none(),
        "nothing is applied that is not written"
    );
    assert!(!turn.record().notices.is_active());
    turn.journal_mut().refuses = false;
    turn.step(t(100), Input::Tick, None).result.unwrap();
    assert!(!turn.behind());
    let down = facts(&turn, is_down);
    assert_eq!(down.len(), 1);
    assert_eq!(down[0].at, t(80), "decided by the third bad sample");
    assert!(matches!(&down[0].fact, Fact::ProbeDown { from, .. } if *from == t(70)));
    let (recorded, _) = turn
        .journal()
        .events
        .iter()
        .find(|(_, e)| is_down(&e.fact))
        .unwrap();
    assert_eq!(*recorded, t(100), "written when the disk took it");
    assert_eq!(turn.record().outages.all().next().unwrap().start, t(70));
}

#[test]
fn an_outage_that_came_and_went_while_the_ledger_failed_is_still_one() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UU");
    turn.journal_mut().refuses = true;
    play(&mut turn, 70, 30, "DDDDUUU");
    turn.journal_mut().refuses = false;
    turn.step(t(300), Input::Tick, None).result.unwrap();
    let outages: Vec<_> = turn.record().outages.all().collect();
    assert_eq!(outages.len(), 1);
    assert_eq!((outages[0].start, outages[0].end), (t(70), Some(t(190))));
}

#[test]
fn after_a_failed_commit_samples_wait_a_second_and_acts_do_not() {
    let mut turn = started();
    turn.journal_mut().refuses = true;
    play(&mut turn, 10, 1, "DDD");
    let tried = turn.journal().tried;
    let soon = t(12) + SignedDuration::from_millis(100);
    for _ in 0..50 {
        let turned = turn.step(soon, Input::Sampled(sample(soon, Outcome::Up)), None);
        assert!(turned.result.is_ok() && !turned.changed());
    }
    assert_eq!(turn.journal().tried, tried);
    let act = Act::DeclareOutage {
        system: "portal".into(),
        from: t(0),
        to: None,
        evidence: "calls".to_owned(),
    };
    let turned = turn.step(
        soon,
        Input::Act {
            by: Actor::cli("kim"),
            act,
            not_phi: None,
        },
        None,
    );
    assert!(matches!(turned.result, Err(Error::Store(_))));
    assert!(turn.journal().tried > tried);
}

#[test]
fn a_monitoring_gap_while_the_ledger_fails_is_written_later_and_once() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UU");
    turn.journal_mut().refuses = true;
    let span = Span::new(t(50), t(230));
    let turned = turn.step(
        t(230),
        Input::MonitoringGap {
            span,
            cause: GapCause::Stalled,
        },
        None,
    );
    assert!(matches!(turned.result, Err(Error::Store(_))));
    turn.journal_mut().refuses = false;
    turn.step(t(240), Input::Tick, None).result.unwrap();
    turn.step(t(250), Input::Tick, None).result.unwrap();
    let absent = facts(&turn, |f| matches!(f, Fact::MonitoringGap { .. }));
    assert_eq!(absent.len(), 1);
    assert_eq!(absent[0].at, t(230));
}

#[test]
fn instants_within_a_monitoring_gap_are_decided_after_it_is_known() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UU");
    let span = Span::new(t(50), t(230));
    let _ = turn.step(
        t(230),
        Input::MonitoringGap {
            span,
            cause: GapCause::Stalled,
        },
        None,
    );
    play(&mut turn, 250, 30, "UU");
    let silent: Vec<_> = turn.record().probes.get(&portal()).unwrap().silent.clone();
    let last = silent.last().unwrap();
    assert_eq!(
        (last.0, last.1, last.2),
        (t(50), Some(t(250)), Silence::MonitoringGap)
    );
}

#[test]
fn a_killed_service_was_alive_at_the_samples_of_its_events() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UUDDD");
    let journal = std::mem::take(turn.journal_mut());
    let record = journal.replay();
    // The sample of the last second was lost: the last that is stored, and the mark, are older
    // than the event that rests on it.
    let samples: Vec<_> = (0..)
        .zip("UUDD".chars())
        .map(|(n, c)| {
            let outcome = if c == 'U' { Outcome::Up } else { Outcome::Down };
            sample(t(10 + n * 30), outcome)
        })
        .collect();
    let mut turn = Turn::new(journal, record, &samples);
    let start = Input::Start {
        alive_until: Some(t(100)),
    };
    turn.step(t(133), start, None).result.unwrap();
    play(&mut turn, 160, 30, "UU");
    let probe = turn.record().probes.get(&portal()).unwrap();
    let silent: Vec<_> = probe.silent.iter().map(|s| (s.0, s.1)).collect();
    assert_eq!(
        silent,
        [(t(0), Some(t(10))), (t(130), Some(t(160)))],
        "from the last sample that the ledger knows of, and not over what was heard"
    );
    let outage = turn.record().outages.all().next().unwrap();
    assert_eq!((outage.start, outage.end), (t(70), Some(t(130))));
}

#[test]
fn samples_that_were_lost_do_not_end_an_outage_or_begin_it_again() {
    for (drawn, lost_from, down) in [("UUDDD", 2, true), ("UDDDUU", 4, false)] {
        let mut turn = started();
        play(&mut turn, 10, 30, drawn);
        let journal = std::mem::take(turn.journal_mut());
        let record = journal.replay();
        let told = record.notices.outage_entries().count();
        let kept: Vec<_> = (0..)
            .zip(drawn.chars().take(lost_from))
            .map(|(n, c)| {
                let outcome = if c == 'U' { Outcome::Up } else { Outcome::Down };
                sample(t(10 + n * 30), outcome)
            })
            .collect();
        let mut turn = Turn::new(journal, record, &kept);
        let alive_until = kept.last().map(|s| s.at);
        let start = Input::Start { alive_until };
        turn.step(t(170), start, None).result.unwrap();
        assert_eq!(turn.record().is_down(&"portal".into()), down, "{drawn}");
        assert_eq!(turn.record().outages.all().count(), 1, "{drawn}");
        assert_eq!(
            turn.record().notices.outage_entries().count(),
            told,
            "{drawn}"
        );
    }
}

#[test]
fn after_a_crash_everything_since_the_last_sign_of_life_is_unknown() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UU");
    let journal = std::mem::take(turn.journal_mut());
    let record = journal.replay();
    let samples = [sample(t(10), Outcome::Up), sample(t(40), Outcome::Up)];
    let mut turn = Turn::new(journal, record, &samples);
    assert_eq!(
        turn.next_wake(),
        None,
        "nothing falls due in a life that has not begun"
    );
    let start = Input::Start {
        alive_until: Some(t(45)),
    };
    turn.step(t(600), start, None).result.unwrap();
    play(&mut turn, 610, 30, "UU");
    let last = turn
        .record()
        .probes
        .get(&portal())
        .unwrap()
        .silent
        .last()
        .copied()
        .unwrap();
    assert_eq!(
        (last.0, last.1, last.2),
        (t(45), Some(t(610)), Silence::Stopped)
    );
}

/// ```text
/// seconds   30 60 90   105         690              14400
/// sample     D  D  D (later ones are not judged yet)
/// service              |killed                        |an act on the stopped ledger
/// response                          due
/// ```
#[test]
fn a_crash_is_dated_by_the_last_sign_of_life_and_not_by_samples_that_were_read_back() {
    let respond = Commitment {
        within_s: 600,
        measure: Measure::Elapsed,
        during: Period::Always,
        estimate: false,
    };
    let mut catalogue = catalogue();
    catalogue.policies.push(Policy {
        id: "agreement".into(),
        name: "Agreement".to_owned(),
        target: None,
        unknown_is_down: false,
        degraded_is_down: false,
        ignore_shorter_s: 0,
        min_coverage_ppm: 0,
        monthly_allowance_s: None,
        min_notice_s: None,
        service_hours: None,
        planned_hours: None,
        commitments: Commitments {
            severities: vec![Severity {
                id: "down".to_owned(),
                respond: Some(respond),
                ..Severity::default()
            }],
            ..Commitments::default()
        },
    });
    catalogue.systems[0].policy = Some("agreement".into());
    let mut turn = begun_with(
        Turn::new(Flaky::default(), Default::default(), &[]),
        catalogue,
    );
    play(&mut turn, 30, 30, "DDD");
    let journal = std::mem::take(turn.journal_mut());
    let record = journal.replay();
    let read_back = [30, 60, 90, 95, 100].map(|at| sample(t(at), Outcome::Down));
    let mut turn = Turn::new(journal, record, &read_back);
    let alive_until = Some(t(105));
    turn.step(t(14_400), Input::Crashed { alive_until }, None)
        .result
        .unwrap();
    let until =
        |fact: &Fact| matches!(fact, Fact::Crashed { alive_until } if *alive_until == t(105));
    let found = facts(&turn, |fact| matches!(fact, Fact::Crashed { .. }));
    assert!(
        found.iter().all(|event| until(&event.fact)) && found.len() == 1,
        "{found:?}"
    );
}

#[test]
fn an_input_that_waited_is_recorded_when_it_is_written() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UUDD");
    turn.set_clock(t(160));
    play(&mut turn, 130, 30, "D");
    let (recorded, event) = turn.journal().events.last().unwrap();
    assert_eq!((*recorded, event.at), (t(160), t(130)));
}

#[test]
fn silence_falls_due_by_itself_at_its_own_time() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UU");
    assert!(turn.next_wake().is_some_and(|wake| wake <= t(40 + 75 + 10)));
    // The engine is late; the event has its true time.
    turn.step(t(500), Input::Tick, None).result.unwrap();
    let silent = facts(&turn, |f| {
        matches!(
            f,
            Fact::ProbeSilent {
                cause: Silence::Missing,
                ..
            }
        )
    });
    assert_eq!(silent.len(), 1);
    // Two and a half intervals, and the timeout of a run that starts within them.
    assert_eq!(silent[0].at, t(125));
    assert!(matches!(&silent[0].fact, Fact::ProbeSilent { from, .. } if *from == t(115)));
}

#[test]
fn a_refused_act_changes_nothing_and_says_why() {
    let mut turn = started();
    let before = turn.record().clone();
    let act = Act::Acknowledge {
        incident: Selector::System("portal".into()),
        counts_from: None,
        approved_by: None,
    };
    let turned = turn.step(
        t(5),
        Input::Act {
            by: Actor::cli("kim"),
            act,
            not_phi: None,
        },
        None,
    );
    assert!(matches!(turned.result, Err(Error::Refused(_))));
    assert_eq!(*turn.record(), before);
}

/// The stored events without their recording times and sequence numbers.
fn told(turn: &Turn<Flaky>) -> Vec<Event> {
    let mut events: Vec<_> = turn
        .journal()
        .events
        .iter()
        .map(|(_, e)| e.clone())
        .collect();
    events.sort_by_key(|e| e.at);
    events
}

#[test]
fn frequent_and_rare_ticks_give_the_same_events() {
    let drawn = "UUUDDDDUUUUUU....UUUDUUU";
    let every = |ticks: &dyn Fn(i64) -> bool| {
        let mut turn = started();
        let mut letters = drawn.chars();
        for second in 1..=(24 * 3600) {
            let at: Timestamp = t(second);
            if second % 30 == 10
                && let Some(letter) = letters.next()
            {
                play(&mut turn, second, 1, &letter.to_string());
            }
            if ticks(second) {
                turn.step(at, Input::Tick, None).result.unwrap();
            }
        }
        told(&turn)
    };
    let often = every(&|_| true);
    assert!(often.len() > 10);
    assert_eq!(every(&|s| s % 3600 == 0), often);
    assert_eq!(every(&|s| s == 24 * 3600), often);
}

/// Three systems with a probe each.
fn three() -> Catalogue {
    let mut catalogue = catalogue();
    let first = catalogue.systems[0].clone();
    for id in ["registry", "scheduling"] {
        let mut system = first.clone();
        system.id = id.into();
        for probe in &mut system.probes {
            probe.id = format!("{id}/{}", probe.id.name()).as_str().into();
        }
        catalogue.systems.push(system);
    }
    catalogue.systems.sort_by(|a, b| a.id.cmp(&b.id));
    catalogue
}

/// ```text
/// portal      U  D  D  D
/// registry    U  D  D  D     each column: three samples that are seen, then one step
/// scheduling  U  D  D  D
/// ```
#[test]
fn samples_that_are_seen_together_are_one_commit_and_the_same_events() {
    let catalogue = three();
    let probes: Vec<_> = catalogue
        .systems
        .iter()
        .map(|s| s.probes[0].id.clone())
        .collect();
    let begin = || {
        let turn = Turn::new(Flaky::default(), Default::default(), &[]);
        begun_with(turn, catalogue.clone())
    };
    let (mut together, mut apart) = (begin(), begin());
    let before = together.journal().tried;
    for (column, letter) in (0..).zip("UDDDUUU".chars()) {
        for (row, probe) in (0..).zip(&probes) {
            let at = t(10 + 30 * column + row);
            let outcome = if letter == 'U' {
                Outcome::Up
            } else {
                Outcome::Down
            };
            let mut one = sample(at, outcome);
            one.source = domain::id::Source::new(probe.clone(), "here");
            together.see(at, one.clone()).result.unwrap();
            apart.step(at, Input::Sampled(one), None).result.unwrap();
        }
        let at = t(10 + 30 * column + 5);
        together.step(at, Input::Tick, None).result.unwrap();
        apart.step(at, Input::Tick, None).result.unwrap();
    }
    let commits = |turn: &Turn<Flaky>| turn.journal().tried - before;
    assert!(commits(&together) <= 5, "{}", commits(&together));
    assert!(commits(&apart) >= 9, "{}", commits(&apart));
    assert_eq!(told(&together), told(&apart));
    assert_eq!(together.record().outages.all().count(), 3);
}

/// The first attempt to each of these customers.
fn attempts(turn: &Turn<Flaky>, at: Timestamp) -> Vec<(Input, Option<Vec<u8>>)> {
    let due = notices::due(turn.record(), turn.doubted(), at).into_iter();
    let attempt = |notice: Notice| Input::Attempt {
        message_id: format!("<{}@example.org>", notice.recipient.address),
        sha256: "of the message".to_owned(),
        notice: Box::new(notice),
    };
    due.map(|notice| (attempt(notice), Some(b"a mail".to_vec())))
        .collect()
}

#[test]
fn attempts_that_begin_together_are_one_commit_and_each_has_its_own_answer() {
    let mut catalogue = catalogue();
    catalogue.gather_s = 0;
    let more = ["a", "b"].map(|name| format!("{name}@st-elsewhere.example"));
    catalogue.customers[0].contacts.extend(more);
    let down = || {
        let turn = Turn::new(Flaky::default(), Default::default(), &[]);
        let mut turn = begun_with(turn, catalogue.clone());
        play(&mut turn, 10, 30, "UDDD");
        turn
    };
    let (mut together, mut alone) = (down(), down());
    let mut inputs = attempts(&together, t(101));
    assert_eq!(inputs.len(), 3);
    // The same attempt again is not due.
    inputs.push(inputs[1].clone());
    let before = together.journal().tried;
    let answers = together.deliver(t(101), inputs.clone());
    assert_eq!(together.journal().tried, before + 1);
    let given: Vec<usize> = answers.iter().map(|a| a.events().count()).collect();
    assert_eq!(given, [1, 1, 1, 0]);
    assert!(matches!(answers[3].result, Err(Error::Refused(_))));
    for (input, bytes) in inputs {
        let _ = alone.step(t(101), input, bytes.as_deref());
    }
    assert_eq!(alone.journal().events, together.journal().events);
    assert_eq!(alone.record(), together.record());
}

#[test]
fn attempts_that_cannot_be_written_together_have_not_begun() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UDDD");
    let at = t(140);
    let inputs = attempts(&turn, at);
    let before = turn.record().clone();
    turn.journal_mut().refuses = true;
    let answers = turn.deliver(at, inputs.clone());
    assert!(matches!(answers[0].result, Err(Error::Store(_))));
    assert_eq!(*turn.record(), before);
    turn.journal_mut().refuses = false;
    let answers = turn.deliver(t(150), inputs);
    assert!(answers[0].changed());
    assert_eq!(turn.journal().replay(), *turn.record());
}

#[test]
fn instants_due_before_a_sample_are_decided_before_it_is_seen() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UU");
    // Silence was due long before this sample came.
    let turned = turn.see(t(3_600), sample(t(3_599), Outcome::Up));
    assert!(turned.changed());
    let silences = facts(&turn, |f| matches!(f, Fact::ProbeSilent { .. }));
    assert_eq!(silences.len(), 1);
    assert!(silences[0].at < t(200));
}

#[test]
fn a_configuration_before_the_start_does_not_cover_the_time_without_monitoring() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UU");
    let journal = std::mem::take(turn.journal_mut());
    let record = journal.replay();
    let samples = [sample(t(10), Outcome::Up), sample(t(40), Outcome::Up)];
    let mut turn = Turn::new(journal, record, &samples);
    let mut changed = catalogue();
    changed.service = "Another name".to_owned();
    let configure = Input::Configure {
        by: Actor::cli("kim"),
        catalogue: Box::new(changed),
    };
    turn.step(t(600), configure, None).result.unwrap();
    let start = Input::Start {
        alive_until: Some(t(45)),
    };
    turn.step(t(600), start, None).result.unwrap();
    play(&mut turn, 610, 30, "UU");
    let last = turn
        .record()
        .probes
        .get(&portal())
        .unwrap()
        .silent
        .last()
        .copied()
        .unwrap();
    assert_eq!(
        (last.0, last.1, last.2),
        (t(45), Some(t(610)), Silence::Stopped)
    );
}

#[test]
fn a_crashed_service_closes_no_day() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UU");
    let journal = std::mem::take(turn.journal_mut());
    let record = journal.replay();
    let mut turn = Turn::new(journal, record, &[sample(t(40), Outcome::Up)]);
    let start = Input::Start {
        alive_until: Some(t(45)),
    };
    turn.step(t(86_400), start, None).result.unwrap();
    assert_eq!(facts(&turn, |f| matches!(f, Fact::DayClosed)), []);
}

#[test]
fn a_rejected_notice_is_shown_at_once_with_the_reply_of_the_relay() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UUDDD");
    turn.step(t(170), Input::Tick, None).result.unwrap();
    let attempt = Input::Attempt {
        notice: Box::new(due(&turn, t(171))),
        message_id: "<1@nines.example>".to_owned(),
        sha256: "00".to_owned(),
    };
    turn.step(t(171), attempt, None).result.unwrap();
    let notice = NoticeId(1);
    let shown = |turn: &Turn<Flaky>| {
        let head = Head {
            seq: turn.record().seq,
            hash: String::new(),
        };
        let status = Status::of(turn.record(), &head, t(172), false, |_| None);
        status.outbox.undelivered
    };
    assert!(shown(&turn).is_empty());
    let reply = "550 5.1.1 no such mailbox".to_owned();
    let refused = Input::Delivered {
        notice,
        attempt: 1,
        result: Delivery::Rejected,
        reply: reply.clone(),
        unreached: false,
        retry_after_s: None,
    };
    turn.step(t(172), refused, None).result.unwrap();
    let shown = shown(&turn);
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].notice, notice.to_string());
    assert_eq!(shown[0].recipient, "it@st-elsewhere.example");
    assert_eq!((shown[0].reply.clone(), shown[0].at), (Some(reply), t(172)));
}

#[test]
fn a_system_removed_while_down_names_the_customers_that_were_notified() {
    let mut turn = started();
    play(&mut turn, 10, 30, "UUDDD");
    let mut without = catalogue();
    without.systems.clear();
    assert_eq!(removed_while_down(turn.record(), &without), [""; 0]);
    let attempt = Input::Attempt {
        notice: Box::new(due(&turn, t(171))),
        message_id: "<1@nines.example>".to_owned(),
        sha256: "00".to_owned(),
    };
    let accepted = Input::Delivered {
        notice: NoticeId(1),
        attempt: 1,
        result: Delivery::Accepted,
        reply: "250 2.0.0 accepted".to_owned(),
        unreached: false,
        retry_after_s: None,
    };
    for (at, input) in [(170, Input::Tick), (171, attempt), (172, accepted)] {
        turn.step(t(at), input, None).result.unwrap();
    }
    let [warning] = &removed_while_down(turn.record(), &without)[..] else {
        panic!("one system is down")
    };
    assert!(
        warning.contains("write to st-elsewhere yourself"),
        "{warning}"
    );
    assert_eq!(removed_while_down(turn.record(), &catalogue()), [""; 0]);
}

#[test]
fn a_stored_message_that_differs_is_a_refusal_and_no_failure_of_the_disk() {
    let data = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(data.path()).unwrap();
    let mut turn = begun(Turn::new(ledger, Default::default(), &[]));
    play(&mut turn, 10, 30, "UUDDD");
    turn.step(t(170), Input::Tick, None).result.unwrap();
    let notice = NoticeId(1);
    let attempt = |turn: &mut Turn<_>, second, bytes: &[u8]| {
        let input = Input::Attempt {
            notice: Box::new(due(turn, t(second))),
            message_id: "<1@nines.example>".to_owned(),
            sha256: "00".to_owned(),
        };
        turn.step(t(second), input, Some(bytes)).result
    };
    attempt(&mut turn, 170, b"first").unwrap();
    let lost = Input::Delivered {
        notice,
        attempt: 1,
        result: Delivery::Deferred,
        reply: "later".to_owned(),
        unreached: false,
        retry_after_s: None,
    };
    turn.step(t(171), lost, None).result.unwrap();
    let other = attempt(&mut turn, 4_000, b"second");
    assert!(matches!(other, Err(Error::Refused(_))), "{other:?}");
    assert!(!turn.behind(), "nothing waits for a disk");
    assert_eq!(turn.journal().message(notice).unwrap().unwrap(), b"first");
    attempt(&mut turn, 4_001, b"first").unwrap();
}
