//! The tests of the tests: each sentence that a slip would get wrong is read wrongly on purpose,
//! and the comparison with the oracle must notice.

use domain::accounting::{Readings, account_by};
use domain::span::Spans;

use super::histories::{Windows, case, judge};
use super::properties::agrees;

/// Fails unless some history tells the mutant from the SPEC.
fn is_noticed(name: &str, mutant: Readings) {
    let noticed = judge(12_000, 0, &case(Windows::Any), |case| {
        let zone = case.tz();
        let policy = case.policy.as_ref();
        let figures = account_by(
            &mutant,
            &case.history,
            case.period,
            &zone,
            policy,
            case.target,
            case.as_of,
        );
        agrees(&case, &figures)
    });
    assert!(noticed.is_err(), "nothing noticed: {name}");
}

const SPEC: Readings = Readings::SPEC;

#[test]
fn the_spec_itself_is_not_a_mutant() {
    let accepted = judge(200, 0, &case(Windows::Any), |case| {
        agrees(&case, &case.figures())
    });
    assert_eq!(accepted, Ok(()));
}

#[test]
fn less_than_for_at_most_start_grace_early() {
    let mutant = Readings {
        early_enough: |early_s, grace_s| early_s < grace_s,
        ..SPEC
    };
    is_noticed("`<` for `<=` in the grace", mutant);
}

#[test]
fn a_run_that_begins_at_the_windows_first_second_taken_for_early() {
    let mutant = Readings {
        began_inside: |start, (from, to)| from < start && start < to,
        ..SPEC
    };
    is_noticed("`<` for `<=` at the window's start", mutant);
}

#[test]
fn a_run_that_begins_before_the_window_taken_for_inside() {
    let mutant = Readings {
        began_inside: |start, (_, to)| start < to,
        ..SPEC
    };
    is_noticed("every run begins inside", mutant);
}

#[test]
fn an_allowance_off_by_a_second() {
    let mutant = Readings {
        allowed: |eligible, left| eligible.first(left.saturating_add(1)),
        ..SPEC
    };
    is_noticed("one second more", mutant);
    let mutant = Readings {
        allowed: |eligible, left| eligible.first(left.saturating_sub(1)),
        ..SPEC
    };
    is_noticed("one second less", mutant);
}

#[test]
fn a_union_skipped() {
    let mutant = Readings {
        united: |_, more| more.clone(),
        ..SPEC
    };
    is_noticed("the last window alone", mutant);
}

#[test]
fn a_grace_ignored() {
    let mutant = Readings {
        early_enough: |_, _| false,
        ..SPEC
    };
    is_noticed("no grace", mutant);
}

#[test]
fn unknown_time_not_subtracted() {
    let mutant = Readings {
        measured: |agreed, planned, excluded, _| agreed - planned - excluded,
        ..SPEC
    };
    is_noticed("unknown in the denominator", mutant);
}

#[test]
fn a_months_allowance_not_applied() {
    let mutant = Readings {
        capped: |planned, _| planned.clone(),
        ..SPEC
    };
    is_noticed("no monthly allowance", mutant);
}

#[test]
fn a_months_allowance_off_by_a_second() {
    let mutant = Readings {
        capped: |planned, allowance| planned.first(allowance - 1),
        ..SPEC
    };
    is_noticed("a second less in the month", mutant);
}

#[test]
fn a_silent_probe_believed() {
    let mutant = Readings {
        vouched: |down: &Spans, _| down.clone(),
        ..SPEC
    };
    is_noticed("down although silent", mutant);
}

#[test]
fn an_outage_of_a_flapping_incident_tested_alone() {
    let mutant = Readings {
        tested: |alone, _| alone.seconds(),
        ..SPEC
    };
    is_noticed("each of its outages by itself", mutant);
}

#[test]
fn a_flapping_incident_tested_by_the_time_around_its_outages() {
    let mutant = Readings {
        tested: |_, together| match (together.start(), together.end()) {
            (Some(start), Some(end)) => end - start,
            _ => 0,
        },
        ..SPEC
    };
    is_noticed("the span for the sum", mutant);
}
