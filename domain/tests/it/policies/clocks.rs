//! The clocks of one incident as drawn timelines. Times of day are UTC on Monday 2026-10-05 unless a date is given.

use super::{at, eastern_day};
use domain::clocks::{Event, Incident, Outcome, Run, State, escalation, history};
use domain::policy::{
    Clock, Commitment, Commitments, Level, Measure, Period, Severity, Until, Workaround,
};
use jiff::Timestamp;

const HOUR: i64 = 3_600;

fn within(hours: i64, measure: Measure) -> Option<Commitment> {
    Some(Commitment {
        within_s: hours * HOUR,
        measure,
        during: Period::Always,
        estimate: false,
    })
}

/// Rx.Health: responses and updates after 1, 8 and 16 h. `low` may be resolved within 40 h.
fn three_impacts() -> Commitments {
    let severity = |id: &str, hours| Severity {
        id: id.to_owned(),
        respond: within(hours, Measure::Elapsed),
        update: within(hours, Measure::Elapsed),
        ..Severity::default()
    };
    Commitments {
        business_hours: Some(eastern_day()),
        severities: vec![
            severity("high", 1),
            severity("medium", 8),
            severity("low", 16),
        ],
        ..Commitments::default()
    }
}

/// A time of day, or an instant.
fn time(text: &str) -> Timestamp {
    match text.len() {
        5 => at(&format!("2026-10-05T{text}:00Z")),
        8 => at(&format!("2026-10-05T{text}Z")),
        _ => at(text),
    }
}

fn event(word: &str) -> Event {
    match word {
        "respond" => Event::Responded {
            with_estimate: false,
        },
        "estimate" => Event::Responded {
            with_estimate: true,
        },
        "update" => Event::Updated,
        "workaround" => Event::Workaround,
        "pause" => Event::Paused,
        "resume" => Event::Resumed,
        "recover" => Event::Recovered,
        "resolve" => Event::Resolved,
        "merge" => Event::Merged,
        "acknowledge" => Event::Acknowledged,
        "escalate" => Event::Escalated,
        "1 undelivered" => Event::Undelivered { level: 1 },
        "2 undelivered" => Event::Undelivered { level: 2 },
        severity => Event::Severity(severity.to_owned()),
    }
}

fn incident(severity: &str, started: &str, events: &[(&str, &str)]) -> Incident {
    Incident {
        started: time(started),
        severity: severity.to_owned(),
        request: None,
        events: events
            .iter()
            .map(|(at, word)| (time(at), event(word)))
            .collect(),
    }
}

fn line(run: &Run) -> String {
    let short = |at: Timestamp| {
        let day = at.strftime("%d").to_string();
        let clock = at.strftime("%H:%M:%S").to_string();
        let clock = clock.strip_suffix(":00").unwrap_or(&clock).to_owned();
        if day == "05" {
            clock
        } else {
            format!("{day} {clock}")
        }
    };
    let mut text = format!("{} from {}", run.severity, short(run.started));
    text.push_str(
        &run.due
            .map_or(" not due".to_owned(), |due| format!(" due {}", short(due))),
    );
    let parts = [("warned", run.warned), ("answered", run.answered)];
    for (word, instant) in parts {
        text.push_str(&instant.map_or(String::new(), |at| format!(" {word} {}", short(at))));
    }
    if run.paused.seconds() > 0 {
        text.push_str(&format!(" paused {} s", run.paused.seconds()));
    }
    let result = match run.result {
        Outcome::Running => "running",
        Outcome::Met => "met",
        Outcome::Missed => "missed",
        Outcome::NotNeeded => "not needed",
        Outcome::Merged => "merged",
    };
    format!("{text}: {result}")
}

fn runs(rules: &Commitments, incident: &Incident, clock: Clock, until: &str) -> Vec<String> {
    let all = history(rules, incident, time(until)).unwrap();
    all.iter()
        .filter(|run| run.clock == clock)
        .map(line)
        .collect()
}

#[track_caller]
fn response(severity: &str, events: &[(&str, &str)], until: &str, expected: &[&str]) {
    let incident = incident(severity, "10:00", events);
    let shown = runs(&three_impacts(), &incident, Clock::Response, until);
    assert_eq!(shown, expected);
}

#[track_caller]
fn update(severity: &str, events: &[(&str, &str)], until: &str, expected: &[&str]) {
    let incident = incident(severity, "10:00", events);
    let shown = runs(&three_impacts(), &incident, Clock::Update, until);
    assert_eq!(shown, expected);
}

#[test]
fn a_response_is_met_at_the_due_instant_and_missed_a_second_later() {
    // 80 % of 1 h are 48 min.
    response(
        "high",
        &[],
        "10:30",
        &["high from 10:00 due 11:00: running"],
    );
    response(
        "high",
        &[],
        "10:48",
        &["high from 10:00 due 11:00 warned 10:48: running"],
    );
    response(
        "high",
        &[("11:00", "respond")],
        "12:00",
        &["high from 10:00 due 11:00 warned 10:48 answered 11:00: met"],
    );
    response(
        "high",
        &[],
        "11:00",
        &["high from 10:00 due 11:00 warned 10:48: running"],
    );
    response(
        "high",
        &[],
        "11:00:01",
        &["high from 10:00 due 11:00 warned 10:48: missed"],
    );
    response(
        "high",
        &[("11:00:01", "respond")],
        "12:00",
        &["high from 10:00 due 11:00 warned 10:48 answered 11:00:01: missed"],
    );
    response(
        "high",
        &[("10:20", "respond"), ("10:40", "respond")],
        "12:00",
        &["high from 10:00 due 11:00 answered 10:20: met"],
    );
}

#[test]
fn an_outage_that_heals_itself_before_the_due_instant_needs_no_response() {
    response(
        "high",
        &[("10:59:59", "recover")],
        "12:00",
        &["high from 10:00 due 11:00 warned 10:48: not needed"],
    );
    // Recovery is not before the due instant if it is at it.
    response(
        "high",
        &[("11:00", "recover")],
        "12:00",
        &["high from 10:00 due 11:00 warned 10:48: missed"],
    );
    response(
        "high",
        &[("11:30", "recover")],
        "12:00",
        &["high from 10:00 due 11:00 warned 10:48: missed"],
    );
    update(
        "high",
        &[("10:30", "recover")],
        "14:00",
        &["high from 10:00 due 11:00: not needed"],
    );
}

#[test]
fn every_period_without_an_update_is_a_miss_of_its_own() {
    // An update restarts the clock where it was delivered.
    update(
        "high",
        &[("10:40", "update"), ("13:00", "update")],
        "13:10",
        &[
            "high from 10:00 due 11:00 answered 10:40: met",
            "high from 10:40 due 11:40 warned 11:28: missed",
            "high from 11:40 due 12:40 warned 12:28: missed",
            "high from 12:40 due 13:40 answered 13:00: met",
            "high from 13:00 due 14:00: running",
        ],
    );
}

#[test]
fn a_severity_raised_half_way_keeps_the_earlier_due_instant() {
    // Low is due at 02:00 on the 6th. Raised at 18:00: 18:00 + 1 h is earlier.
    // 80 % of the 9 h from 10:00 to 19:00 are 7 h 12 min: 17:12, which is past, so the warning comes at once.
    update(
        "low",
        &[("18:00", "high")],
        "18:30",
        &["high from 10:00 due 19:00 warned 18:00: running"],
    );
    // Medium is due at 18:00. Raised at 17:30: 18:30 is later, so 18:00 stays.
    response(
        "medium",
        &[("17:30", "high")],
        "19:00",
        &["high from 10:00 due 18:00 warned 16:24: missed"],
    );
}

#[test]
fn a_severity_lowered_counts_its_length_from_the_start_or_the_last_update() {
    // High from 10:00, lowered at 10:30: 10:00 + 8 h.
    response(
        "high",
        &[("10:30", "medium")],
        "12:00",
        &["medium from 10:00 due 18:00: running"],
    );
    // The last update was delivered at 10:50: 10:50 + 8 h.
    update(
        "high",
        &[("10:50", "update"), ("11:20", "medium")],
        "12:00",
        &[
            "high from 10:00 due 11:00 warned 10:48 answered 10:50: met",
            "medium from 10:50 due 18:50: running",
        ],
    );
}

#[test]
fn an_update_clock_that_is_lowered_counts_from_the_last_period_without_an_update() {
    // High from 10:00: nine periods end without an update, the last one at 19:00. 19:00 + 8 h.
    let incident = incident("high", "10:00", &[("19:30", "medium")]);
    let shown = runs(&three_impacts(), &incident, Clock::Update, "20:00");
    assert_eq!(shown.len(), 10);
    assert_eq!(shown[9], "medium from 19:00 due 06 03:00: running");
}

/// `high` is answered within 1 h of business time, `medium` within 24 h.
fn in_two_measures() -> Commitments {
    let mut rules = three_impacts();
    rules.severities[0].respond = within(1, Measure::Business);
    rules.severities[1].respond = within(24, Measure::Elapsed);
    rules
}

#[test]
fn a_change_from_business_to_elapsed_time_starts_the_clock_anew() {
    // Saturday. In business time it would start on Monday; in elapsed time it is due on Sunday, and 80 % of 24 h are
    // 19 h 12 min.
    let started = "2026-10-03T14:00:00Z";
    let incident = incident("high", started, &[("2026-10-03T15:00:00Z", "medium")]);
    assert_eq!(
        runs(
            &in_two_measures(),
            &incident,
            Clock::Response,
            "2026-10-04T10:00:00Z"
        ),
        ["medium from 03 14:00 due 04 14:00 warned 04 09:12: running"]
    );
}

#[test]
fn the_warning_is_in_the_measure_of_the_due_instant() {
    // Raised on Saturday: 1 h of business time ends on Monday, so the 24 elapsed hours stay due on Sunday.
    let started = "2026-10-03T14:00:00Z";
    let incident = incident("medium", started, &[("2026-10-03T16:00:00Z", "high")]);
    assert_eq!(
        runs(
            &in_two_measures(),
            &incident,
            Clock::Response,
            "2026-10-04T10:00:00Z"
        ),
        ["high from 03 14:00 due 04 14:00 warned 04 09:12: running"]
    );
}

#[test]
fn a_decided_clock_does_not_change_with_the_severity() {
    response(
        "high",
        &[("10:20", "respond"), ("10:30", "low"), ("12:00", "high")],
        "20:00",
        &["high from 10:00 due 11:00 answered 10:20: met"],
    );
    response(
        "high",
        &[("11:30", "low")],
        "20:00",
        &["high from 10:00 due 11:00 warned 10:48: missed"],
    );
}

#[test]
fn a_pause_shifts_the_due_instant_by_the_clocks_own_time() {
    // Paused from 10:30 to 12:00: 11:00 + 1 h 30 min. 80 % of the hour are used up at 12:18.
    response(
        "high",
        &[("10:30", "pause"), ("12:00", "resume")],
        "12:20",
        &["high from 10:00 due 12:30 warned 12:18 paused 5400 s: running"],
    );
    response(
        "high",
        &[("10:30", "pause")],
        "20:00",
        &["high from 10:00 not due paused 34200 s: running"],
    );
    response(
        "high",
        &[
            ("10:30", "pause"),
            ("12:00", "resume"),
            ("12:30", "respond"),
        ],
        "13:00",
        &["high from 10:00 due 12:30 warned 12:18 answered 12:30 paused 5400 s: met"],
    );
    // A pause that begins at the due instant or after it changes nothing.
    response(
        "high",
        &[("11:00", "pause")],
        "12:00",
        &["high from 10:00 due 11:00 warned 10:48: missed"],
    );
}

#[test]
fn a_pause_outside_business_hours_shifts_nothing() {
    let mut rules = three_impacts();
    rules.severities[0].respond = within(2, Measure::Business);
    // New York closes at 23:00 UTC and opens at 11:00 UTC. From 22:00: 1 h today, 1 h tomorrow until 12:00.
    let paused = |from: &str, to: &str| {
        let (from, to) = (format!("2026-10-{from}:00Z"), format!("2026-10-{to}:00Z"));
        let incident = incident("high", "22:00", &[(&from, "pause"), (&to, "resume")]);
        runs(&rules, &incident, Clock::Response, "2026-10-06T14:00:00Z")
    };
    // At night: nothing is lost. 80 % of 2 h are 1 h 36 min: 11:36.
    assert_eq!(
        paused("06T02:00", "06T09:00"),
        ["high from 22:00 due 06 12:00 warned 06 11:36: missed"]
    );
    // From the night until 11:30: half an hour.
    assert_eq!(
        paused("06T02:00", "06T11:30"),
        ["high from 22:00 due 06 12:30 warned 06 12:06 paused 1800 s: missed"]
    );
}

#[test]
fn a_clock_in_business_time_starts_at_the_opening() {
    let mut rules = three_impacts();
    rules.severities[0].respond = within(1, Measure::Business);
    // 03:00 UTC is 23:00 in New York; the day opens at 11:00 UTC.
    let incident = incident("high", "03:00", &[("11:30", "respond")]);
    assert_eq!(
        runs(&rules, &incident, Clock::Response, "13:00"),
        ["high from 11:00 due 12:00 answered 11:30: met"]
    );
}

#[test]
fn a_response_without_the_estimate_that_is_asked_for_is_none() {
    let mut rules = three_impacts();
    rules.severities[1].respond = Some(Commitment {
        estimate: true,
        ..rules.severities[1].respond.unwrap()
    });
    let shown = |events: &[(&str, &str)]| {
        runs(
            &rules,
            &incident("medium", "10:00", events),
            Clock::Response,
            "19:00",
        )
    };
    assert_eq!(
        shown(&[("11:00", "respond")]),
        ["medium from 10:00 due 18:00 warned 16:24: missed"]
    );
    assert_eq!(
        shown(&[("11:00", "respond"), ("12:00", "estimate")]),
        ["medium from 10:00 due 18:00 answered 12:00: met"]
    );
}

#[test]
fn a_workaround_lowers_the_severity_or_answers_the_resolution() {
    let mut rules = three_impacts();
    rules.severities[0].workaround = Some(Workaround::LowersTo("low".to_owned()));
    rules.severities[1].workaround = Some(Workaround::Resolves);
    rules.severities[1].resolve = within(8, Measure::Elapsed);
    let lowered = incident("high", "10:00", &[("10:30", "workaround")]);
    assert_eq!(
        runs(&rules, &lowered, Clock::Update, "12:00"),
        ["low from 10:00 due 06 02:00: running"]
    );
    let answered = incident("medium", "10:00", &[("10:30", "workaround")]);
    assert_eq!(
        runs(&rules, &answered, Clock::Resolution, "12:00"),
        ["medium from 10:00 due 18:00 answered 10:30: met"]
    );
    let resolved = incident("medium", "10:00", &[("18:00", "resolve")]);
    assert_eq!(
        runs(&rules, &resolved, Clock::Resolution, "20:00"),
        ["medium from 10:00 due 18:00 warned 16:24 answered 18:00: met"]
    );
}

#[test]
fn a_merge_ends_running_clocks_and_leaves_decided_ones() {
    response(
        "high",
        &[("10:10", "merge")],
        "12:00",
        &["high from 10:00 due 11:00: merged"],
    );
    response(
        "high",
        &[("10:05", "respond"), ("10:10", "merge")],
        "12:00",
        &["high from 10:00 due 11:00 answered 10:05: met"],
    );
}

#[test]
fn a_clock_that_the_new_severity_lacks_is_not_needed_and_one_that_it_has_starts() {
    let mut rules = three_impacts();
    rules.severities[2].update = None;
    let shown = |severity: &str, events: &[(&str, &str)]| {
        runs(
            &rules,
            &incident(severity, "10:00", events),
            Clock::Update,
            "15:00",
        )
    };
    assert_eq!(
        shown("high", &[("10:30", "low")]),
        ["high from 10:00 due 11:00: not needed"]
    );
    assert_eq!(
        shown("low", &[("14:30", "high")]),
        ["high from 14:30 due 15:30: running"]
    );
}

/// Rx.Health: each level one committed time after the one below, unless there was a response.
fn with_levels() -> Commitments {
    let level = |level: u8, severity: &str, hours: i64| Level {
        level,
        severities: vec![severity.to_owned()],
        during: Period::Always,
        after_s: Some(hours * HOUR),
        measure: Measure::Elapsed,
        unless: Some(Until::Responded),
        contacts: vec![format!("level-{level}")],
        cumulative: true,
    };
    Commitments {
        escalation: vec![
            level(1, "high", 0),
            level(2, "high", 1),
            level(3, "high", 2),
            level(4, "high", 3),
            level(1, "medium", 0),
            level(2, "medium", 8),
            level(3, "medium", 16),
        ],
        ..three_impacts()
    }
}

#[track_caller]
fn levels(severity: &str, events: &[(&str, &str)], until: &str, expected: &str) {
    let incident = incident(severity, "10:00", events);
    let reached = escalation(&with_levels(), &incident, time(until)).unwrap();
    let shown = reached.iter().map(|reached| {
        let word = match reached.state {
            State::Notified => "",
            State::ByPerson => " by hand",
            State::PassedOn => " passed on",
            State::Skipped => " skipped",
            State::Pending => " pending",
        };
        let due = reached.due.unwrap();
        format!("{} {}{word}", reached.level, due.strftime("%H:%M"))
    });
    assert_eq!(shown.collect::<Vec<_>>().join(", "), expected);
    let mut levels = reached.iter();
    let notified = levels.rfind(|reached| reached.state == State::Notified);
    if let Some(last) = notified {
        assert_eq!(last.contacts.len(), usize::from(last.level), "cumulative");
    }
}

#[test]
fn levels_are_notified_one_after_the_other_until_there_is_a_response() {
    levels(
        "high",
        &[],
        "12:30",
        "1 10:00, 2 11:00, 3 12:00, 4 13:00 pending",
    );
    levels(
        "high",
        &[("11:30", "respond")],
        "14:00",
        "1 10:00, 2 11:00, 3 12:00 skipped, 4 13:00 skipped",
    );
    // At the instant of a level a response is in time.
    levels(
        "high",
        &[("11:00", "respond")],
        "11:00",
        "1 10:00, 2 11:00 skipped, 3 12:00 pending, 4 13:00 pending",
    );
    // An acknowledgement is no response; the resolution is more than one.
    levels(
        "high",
        &[("10:10", "acknowledge")],
        "11:00",
        "1 10:00, 2 11:00, 3 12:00 pending, 4 13:00 pending",
    );
    levels(
        "high",
        &[("10:10", "resolve")],
        "13:00",
        "1 10:00, 2 11:00 skipped, 3 12:00 skipped, 4 13:00 skipped",
    );
}

#[test]
fn delays_run_from_a_change_of_the_severity_and_no_level_is_notified_twice() {
    // Medium: level 2 would be due at 18:00. Raised at 12:00: level 2 at 13:00.
    levels(
        "medium",
        &[("12:00", "high")],
        "13:30",
        "1 10:00, 2 13:00, 3 14:00 pending, 4 15:00 pending",
    );
    levels(
        "high",
        &[("11:30", "medium")],
        "12:00",
        "1 10:00, 2 11:00, 3 03:30 pending",
    );
}

#[test]
fn a_level_that_no_mail_reached_in_five_minutes_goes_on_to_the_next() {
    levels(
        "high",
        &[("10:05", "1 undelivered"), ("10:10", "2 undelivered")],
        "12:30",
        "1 10:00, 2 10:05 passed on, 3 10:10 passed on, 4 13:00 pending",
    );
    // A person who acknowledged it knows already.
    levels(
        "high",
        &[("10:03", "acknowledge"), ("10:05", "1 undelivered")],
        "10:30",
        "1 10:00, 2 11:00 pending, 3 12:00 pending, 4 13:00 pending",
    );
    // A person who went up a level did not wait.
    levels(
        "high",
        &[("10:02", "escalate"), ("10:05", "1 undelivered")],
        "10:06",
        "1 10:00, 2 10:02 by hand, 3 12:00 pending, 4 13:00 pending",
    );
    // The highest level has none above it.
    levels(
        "high",
        &[
            ("10:01", "escalate"),
            ("10:02", "escalate"),
            ("10:03", "escalate"),
            ("10:05", "1 undelivered"),
        ],
        "10:30",
        "1 10:00, 2 10:01 by hand, 3 10:02 by hand, 4 10:03 by hand",
    );
}

#[test]
fn a_person_escalates_to_the_next_level_at_once() {
    levels(
        "high",
        &[("10:20", "escalate"), ("10:30", "escalate")],
        "11:30",
        "1 10:00, 2 10:20 by hand, 3 10:30 by hand, 4 13:00 pending",
    );
    // Also after a response.
    levels(
        "high",
        &[("10:20", "respond"), ("12:10", "escalate")],
        "12:30",
        "1 10:00, 2 11:00 skipped, 3 12:00 skipped, 2 12:10 by hand, 4 13:00 pending",
    );
    levels("medium", &[("10:10", "merge")], "20:00", "1 10:00");
}

mod properties {
    use super::*;
    use domain::span::{instant, second};
    use proptest::collection::vec;
    use proptest::prelude::*;

    const WORDS: [&str; 13] = [
        "acknowledge",
        "escalate",
        "respond",
        "estimate",
        "update",
        "workaround",
        "pause",
        "resume",
        "recover",
        "high",
        "medium",
        "low",
        "update",
    ];

    fn rules() -> Commitments {
        let mut rules = three_impacts();
        rules.severities[0].respond = within(2, Measure::Business);
        rules.severities[1].resolve = within(5, Measure::Business);
        rules.severities[2].resolve = within(30, Measure::Elapsed);
        rules.severities[1].workaround = Some(Workaround::LowersTo("low".to_owned()));
        rules
    }

    fn incidents() -> impl Strategy<Value = Incident> {
        let events = vec((0..200_000_i64, 0..WORDS.len()), 0..12);
        (0..3_usize, 0..600_000_i64, events).prop_map(|(severity, offset, mut events)| {
            let started = second(time("00:00")) + offset;
            events.sort_unstable();
            Incident {
                started: instant(started),
                severity: ["high", "medium", "low"][severity].to_owned(),
                request: None,
                events: events
                    .into_iter()
                    .map(|(after, word)| (instant(started + after), event(WORDS[word])))
                    .collect(),
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_decided_clock_never_changes(incident in incidents(), early_s in 0..250_000_i64, more_s in 0..100_000_i64) {
            let early = instant(second(incident.started) + early_s);
            let late = instant(second(early) + more_s);
            let rules = rules();
            // Later facts are not known yet.
            let mut known = incident.clone();
            known.events.retain(|(at, _)| *at <= early);
            let before = history(&rules, &known, early).unwrap();
            prop_assert_eq!(&before, &history(&rules, &incident, early).unwrap());
            let after = history(&rules, &incident, late).unwrap();
            for clock in Clock::ALL {
                let of = |runs: &[Run]| runs.iter().filter(|r| r.clock == clock).cloned().collect::<Vec<_>>();
                for (old, new) in of(&before).into_iter().zip(of(&after)) {
                    if old.result == Outcome::Running {
                        prop_assert_eq!(old.warned.or(new.warned), new.warned);
                        continue;
                    }
                    // A missed clock may still be answered.
                    prop_assert_eq!(Run { answered: old.answered.or(new.answered), ..old.clone() }, new);
                }
            }
        }

        #[test]
        fn a_decided_level_never_changes_and_none_is_notified_twice(incident in incidents(), early_s in 0..250_000_i64, more_s in 0..100_000_i64) {
            let early = instant(second(incident.started) + early_s);
            let late = instant(second(early) + more_s);
            let decided = |at| {
                let mut levels = escalation(&with_levels(), &incident, at).unwrap();
                levels.retain(|level| level.state != State::Pending);
                levels
            };
            let (before, after) = (decided(early), decided(late));
            prop_assert_eq!(&before[..], &after[..before.len()]);
            let told: Vec<u8> = after.iter().filter(|l| l.state != State::Skipped).map(|l| l.level).collect();
            prop_assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{after:?}");
        }

        #[test]
        fn runs_are_in_order_and_their_results_follow_from_their_instants(incident in incidents(), until_s in 0..300_000_i64) {
            let until = instant(second(incident.started) + until_s);
            for run in history(&rules(), &incident, until).unwrap() {
                if let Some(due) = run.due {
                    prop_assert!(run.started <= due, "{run:?}");
                    let is_late = run.answered.is_some_and(|at| at > due);
                    match run.result {
                        Outcome::Met => prop_assert!(run.answered.is_some() && !is_late, "{run:?}"),
                        Outcome::Missed => prop_assert!(due <= until && (run.answered.is_none() || is_late), "{run:?}"),
                        Outcome::Running => prop_assert!(due >= until, "{run:?}"),
                        Outcome::NotNeeded | Outcome::Merged => {}
                    }
                    prop_assert!(run.warned.is_none_or(|warned| warned <= due && warned <= until), "{run:?}");
                }
                prop_assert!(run.result != Outcome::Running || run.answered.is_none());
            }
        }
    }
}
