//! Section 6: verdicts, bounds, budgets and means.

use domain::span::Span;
use expect_test::expect;

use super::{NOON, draw};

#[test]
fn a_target_is_missed_even_if_all_unknown_time_was_up() {
    draw(60, "uuuuuuuuuuDDDuuuuuuuuuu..")
        .target(900_000)
        .check_figures(expect![[r#"
            contract 86.956 experienced 86.956 coverage 92.000
            missed, within measurement error: 80.000 to 88.000, budget 138 left -42
            outages 1 mtrs 180 mtbf 1200 longest 180
        "#]]);
}

#[test]
fn a_target_is_met_even_if_all_unknown_time_was_down() {
    draw(60, "uuuuuuuuuuDuuuuuuuuuuuuuuuuuuuuuu.")
        .target(900_000)
        .check_figures(expect![[r#"
            contract 96.969 experienced 96.969 coverage 97.058
            met: 94.117 to 97.058, budget 198 left 138
            outages 1 mtrs 60 mtbf 1920 longest 60
        "#]]);
}

#[test]
fn between_its_bounds_the_measured_time_decides_if_there_is_enough_of_it() {
    let drawing = draw(60, "uuuuuuuuuuDuuuuuuuuuuu..").target(900_000);
    drawing.check_figures(expect![[r#"
        contract 95.454 experienced 95.454 coverage 91.666
        not_determinable: 87.500 to 95.833, budget 132 left 72
        outages 1 mtrs 60 mtbf 1260 longest 60
    "#]]);
    drawing
        .policy(|p| p.min_coverage_ppm = 900_000)
        .check_figures(expect![[r#"
            contract 95.454 experienced 95.454 coverage 91.666
            met on measured time: 87.500 to 95.833, budget 132 left 72
            outages 1 mtrs 60 mtbf 1260 longest 60
        "#]]);
}

#[test]
fn edges_that_exceed_what_is_left_are_within_measurement_error() {
    // 1 % of 6000 s is a minute; the outage is half of it, and each edge is known to 30 s.
    let seen: String = (0..200).map(|i| if i == 100 { 'D' } else { 'u' }).collect();
    draw(30, &seen).target(990_000).check_figures(expect![[r#"
            contract 99.500 experienced 99.500 coverage 100.000
            met, within measurement error: 99.500 to 99.500, budget 60 left 30
            outages 1 mtrs 30 mtbf 5970 longest 30
        "#]]);
    let seen: String = (0..2000)
        .map(|i| if i == 100 { 'D' } else { 'u' })
        .collect();
    draw(30, &seen).target(990_000).check_figures(expect![[r#"
            contract 99.950 experienced 99.950 coverage 100.000
            met: 99.950 to 99.950, budget 600 left 570
            outages 1 mtrs 30 mtbf 59970 longest 30
        "#]]);
}

#[test]
fn edges_of_planned_downtime_and_beyond_the_period_are_no_error_of_measurement() {
    // The budget is 3 s; what is planned takes nothing of it.
    let seen: String = (0..200)
        .map(|i| if (50..60).contains(&i) { 'D' } else { 'u' })
        .collect();
    let window: String = (0..200)
        .map(|i| if (40..70).contains(&i) { '=' } else { ' ' })
        .collect();
    draw(30, &seen)
        .window(&window, None)
        .target(999_300)
        .check_figures(expect![[r#"
            contract 100.000 experienced 95.000 coverage 100.000
            met: 100.000 to 100.000, budget 3 left 3
            outages 0 mtrs none mtbf none longest none
        "#]]);
    // One edge of two lies in the period, of which 35 s are left.
    let seen: String = (0..200)
        .map(|i| if i == 100 || i == 101 { 'D' } else { 'u' })
        .collect();
    let mut cut = draw(30, &seen).target(978_500);
    cut.period = Some(Span::new(cut.at(0), cut.at(101)));
    cut.check_figures(expect![[r#"
        contract 99.009 experienced 99.009 coverage 100.000
        met: 99.009 to 99.009, budget 65 left 35
        outages 1 mtrs none mtbf 3000 longest 30
    "#]]);
}

#[test]
fn without_an_outage_there_is_nothing_to_divide_by() {
    draw(60, "uuuuuuuuuu")
        .target(999_000)
        .check_figures(expect![[r#"
            contract 100.000 experienced 100.000 coverage 100.000
            met: 100.000 to 100.000, budget 0 left 0
            outages 0 mtrs none mtbf none longest none
        "#]]);
}

#[test]
fn a_period_that_was_all_planned_says_nothing_of_its_target() {
    draw(60, "DDDDDD")
        .window("======", None)
        .target(999_000)
        .check_figures(expect![[r#"
            contract none experienced 0.000 coverage 100.000
            not_determinable: none to none, budget 0 left 0
            outages 0 mtrs none mtbf none longest none
        "#]]);
}

#[test]
fn a_running_period_counts_what_is_known_against_the_whole_budget() {
    let mut drawing = draw(60, "uuuuuuuuuuDDuuuuuuuu").target(900_000);
    drawing.history.life[0].1 = None;
    drawing.history.probes[0].life[0].1 = None;
    drawing.as_of = Some(NOON + 11 * 60);
    drawing.check(expect![[r#"
             seen |uuuuuuuuuuDDuuuuuuuu|
                  |uuuuuuuuuud---------|
        O-1: planned 0 excluded 0 unplanned 60 unknown 0
    "#]]);
    drawing.check_figures(expect![[r#"
        contract 90.909 experienced 90.909 coverage 100.000
        met: 90.909 to 90.909, budget 120 left 60
        outages 1 mtrs none mtbf 600 longest 60
    "#]]);
}
