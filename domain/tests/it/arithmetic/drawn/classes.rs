//! Section 6: the class of every second.

use domain::span::Span;
use expect_test::expect;

use super::{draw, draw_from};

#[test]
fn down_on_both_sides_of_a_gap_is_one_outage_and_the_gap_stays_unknown() {
    draw(60, "uuuDDD....DDDuu").check(expect![[r#"
             seen |uuuDDD....DDDuu|
                  |uuuddd????ddduu|
        O-1: planned 0 excluded 0 unplanned 360 unknown 240
    "#]]);
}

#[test]
fn a_monitor_that_comes_back_to_a_system_that_is_up_leaves_the_gap_unknown() {
    draw(60, "uuuDDD....uuuuu").check(expect![[r#"
             seen |uuuDDD....uuuuu|
                  |uuuddd????uuuuu|
        O-1: planned 0 excluded 0 unplanned 180 unknown 0
    "#]]);
}

#[test]
fn down_degraded_down_is_two_outages() {
    draw(60, "uuDDDgggDDDuu").check(expect![[r#"
             seen |uuDDDgggDDDuu|
                  |uudddgggddduu|
        O-1: planned 0 excluded 0 unplanned 180 unknown 0
        O-2: planned 0 excluded 0 unplanned 180 unknown 0
    "#]]);
}

#[test]
fn a_declared_outage_is_unplanned_at_once_whatever_window_and_probe_say() {
    draw(60, "uuuuDDDDuu..uu")
        .window("   =========", None)
        .declared("      dddddd")
        .check(expect![[r#"
                 seen |uuuuDDDDuu..uu|
             window-1 |   =========  |
             declared |      dddddd  |
                      |uuuuppdddddduu|
            window-1: downtime 480 planned 120 overrun 0
            O-1: planned 120 excluded 0 unplanned 120 unknown 0
            O-2: planned 0 excluded 0 unplanned 360 unknown 0
        "#]]);
}

#[test]
fn overlapping_outages_are_united_and_counted_once() {
    let drawing = draw(60, "uuuuDDDDuuuuuu").declared("  dddd    d   ");
    drawing.check(expect![[r#"
             seen |uuuuDDDDuuuuuu|
         declared |  dddd    d   |
                  |uudddddduuduuu|
        O-1: planned 0 excluded 0 unplanned 240 unknown 0
        O-2: planned 0 excluded 0 unplanned 240 unknown 0
        O-3: planned 0 excluded 0 unplanned 60 unknown 0
    "#]]);
    drawing.check_figures(expect![[r#"
        contract 50.000 experienced 50.000 coverage 100.000
        no_target: 50.000 to 50.000, budget none left none
        outages 2 mtrs 210 mtbf 210 longest 360
    "#]]);
}

#[test]
fn a_fault_of_the_monitor_is_unknown_and_never_up() {
    draw(60, "uuuDDDDDuuuuu")
        .fault("    ffffff")
        .check(expect![[r#"
                 seen |uuuDDDDDuuuuu|
                fault |    ffffff   |
                      |uuud??????uuu|
            O-1: planned 0 excluded 0 unplanned 60 unknown 240
        "#]]);
}

#[test]
fn a_declaration_beats_a_fault() {
    draw(60, "uuuuuuuuuu")
        .fault("  ffffff")
        .declared("     ddd")
        .check(expect![[r#"
                 seen |uuuuuuuuuu|
                fault |  ffffff  |
             declared |     ddd  |
                      |uu???ddduu|
            O-1: planned 0 excluded 0 unplanned 180 unknown 0
        "#]]);
}

#[test]
fn an_approved_exclusion_moves_unplanned_time_only() {
    draw(60, "uuDDDDDDDDDDuu")
        .window("  ====", None)
        .exclusion("    xxxx")
        .check(expect![[r#"
                 seen |uuDDDDDDDDDDuu|
             window-1 |  ====        |
            exclusion |    xxxx      |
                      |uuppppxxdddduu|
            window-1: downtime 240 planned 240 overrun 240
            O-1: planned 240 excluded 120 unplanned 240 unknown 0
        "#]]);
}

#[test]
fn a_short_outage_is_ignored_by_its_whole_length() {
    draw(60, "uuDDuuDDDDuu")
        .policy(|p| p.ignore_shorter_s = 180)
        .check(expect![[r#"
                 seen |uuDDuuDDDDuu|
                      |uuxxuudddduu|
            O-1: planned 0 excluded 120 unplanned 0 unknown 0 ignored
            O-2: planned 0 excluded 0 unplanned 240 unknown 0
        "#]]);
    // The planned part counts for its length.
    draw(60, "uuDDDDDuu")
        .window("  ===", None)
        .policy(|p| p.ignore_shorter_s = 180)
        .check(expect![[r#"
                 seen |uuDDDDDuu|
             window-1 |  ===    |
                      |uupppdduu|
            window-1: downtime 180 planned 180 overrun 120
            O-1: planned 180 excluded 0 unplanned 120 unknown 0
        "#]]);
}

#[test]
fn the_outages_of_one_flapping_incident_are_short_or_long_together() {
    // By their sum, three minutes here and two below, not by the time around them.
    let drawn = || draw(60, "uuDuDDuDuu").policy(|p| p.ignore_shorter_s = 180);
    drawn().flapping(&[0, 1]).check(expect![[r#"
             seen |uuDuDDuDuu|
                  |uududduxuu|
        O-1: planned 0 excluded 0 unplanned 60 unknown 0
        O-2: planned 0 excluded 0 unplanned 120 unknown 0
        O-3: planned 0 excluded 60 unplanned 0 unknown 0 ignored
    "#]]);
    drawn().flapping(&[0, 2]).check(expect![[r#"
             seen |uuDuDDuDuu|
                  |uuxuxxuxuu|
        O-1: planned 0 excluded 60 unplanned 0 unknown 0 ignored
        O-2: planned 0 excluded 120 unplanned 0 unknown 0 ignored
        O-3: planned 0 excluded 60 unplanned 0 unknown 0 ignored
    "#]]);
}

#[test]
fn a_flapping_incident_across_a_months_end_is_tested_whole_in_both_months() {
    let drawn = draw_from(1_793_505_300, 60, "uuDDuuuDDu");
    let mut drawing = drawn.policy(|p| p.ignore_shorter_s = 180).flapping(&[0, 1]);
    let midnight = drawing.at(5);
    let (from, to) = (drawing.at(0), drawing.at(10));
    drawing.period = Some(Span::new(from, midnight));
    drawing.check(expect![[r#"
             seen |uuDDuuuDDu|
                  |uuddu-----|
        O-1: planned 0 excluded 0 unplanned 120 unknown 0
    "#]]);
    drawing.period = Some(Span::new(midnight, to));
    drawing.check(expect![[r#"
             seen |uuDDuuuDDu|
                  |-----uuddu|
        O-2: planned 0 excluded 0 unplanned 120 unknown 0
    "#]]);
}

#[test]
fn an_outage_across_a_months_end_is_long_in_both_months() {
    // Two minutes in October, two in November, in New York.
    let mut drawing =
        draw_from(1_793_505_300, 60, "uuuDDDDuuu").policy(|p| p.ignore_shorter_s = 200);
    drawing.check(expect![[r#"
             seen |uuuDDDDuuu|
                  |uuudddduuu|
        O-1: planned 0 excluded 0 unplanned 240 unknown 0
    "#]]);
    let midnight = drawing.at(5);
    let (from, to) = (drawing.at(0), drawing.at(10));
    drawing.period = Some(Span::new(from, midnight));
    drawing.check(expect![[r#"
             seen |uuuDDDDuuu|
                  |uuudd-----|
        O-1: planned 0 excluded 0 unplanned 120 unknown 0
    "#]]);
    drawing.check_figures(expect![[r#"
        contract 60.000 experienced 60.000 coverage 100.000
        no_target: 60.000 to 60.000, budget none left none
        outages 1 mtrs none mtbf 180 longest 120
    "#]]);
    drawing.period = Some(Span::new(midnight, to));
    drawing.check(expect![[r#"
             seen |uuuDDDDuuu|
                  |-----dduuu|
        O-1: planned 0 excluded 0 unplanned 120 unknown 0
    "#]]);
    drawing.check_figures(expect![[r#"
        contract 60.000 experienced 60.000 coverage 100.000
        no_target: 60.000 to 60.000, budget none left none
        outages 0 mtrs 240 mtbf none longest 120
    "#]]);
}

#[test]
fn a_gap_at_midnight_of_a_months_end_is_unknown_in_both_months() {
    let mut drawing = draw_from(1_793_505_300, 60, "uuuD....Duu");
    let midnight = drawing.at(5);
    let (from, to) = (drawing.at(0), drawing.at(11));
    drawing.period = Some(Span::new(from, midnight));
    drawing.check(expect![[r#"
             seen |uuuD....Duu|
                  |uuud?------|
        O-1: planned 0 excluded 0 unplanned 60 unknown 60
    "#]]);
    drawing.check_figures(expect![[r#"
        contract 75.000 experienced 75.000 coverage 80.000
        no_target: 60.000 to 80.000, budget none left none
        outages 1 mtrs none mtbf 180 longest 60
    "#]]);
    drawing.period = Some(Span::new(midnight, to));
    drawing.check(expect![[r#"
             seen |uuuD....Duu|
                  |-----???duu|
        O-1: planned 0 excluded 0 unplanned 60 unknown 180
    "#]]);
    drawing.check_figures(expect![[r#"
        contract 66.666 experienced 66.666 coverage 50.000
        no_target: 33.333 to 83.333, budget none left none
        outages 0 mtrs 120 mtbf none longest 60
    "#]]);
}

#[test]
fn a_system_added_on_the_fifteenth_is_agreed_from_then_on() {
    let drawing = draw(3600, "     .uuuuuDuuuuuuu");
    drawing.check(expect![[r#"
             seen |     .uuuuuDuuuuuuu|
                  |-----?uuuuuduuuuuuu|
        O-1: planned 0 excluded 0 unplanned 3600 unknown 0
    "#]]);
    drawing.check_figures(expect![[r#"
        contract 92.307 experienced 92.307 coverage 92.857
        no_target: 85.714 to 92.857, budget none left none
        outages 1 mtrs 3600 mtbf 43200 longest 3600
    "#]]);
}

#[test]
fn degraded_is_up_unless_the_policy_counts_it_as_down() {
    let drawing = draw(60, "uugggguuDDgguu").window("  ===", None);
    drawing.check(expect![[r#"
             seen |uugggguuDDgguu|
         window-1 |  ===         |
                  |uugggguuddgguu|
        window-1: downtime 0 planned 0 overrun 0
        O-1: planned 0 excluded 0 unplanned 120 unknown 0
    "#]]);
    drawing
        .policy(|p| p.degraded_is_down = true)
        .check(expect![[r#"
                 seen |uugggguuDDgguu|
             window-1 |  ===         |
                      |uupppduudddduu|
            window-1: downtime 180 planned 180 overrun 60
            O-1: planned 0 excluded 0 unplanned 120 unknown 0
        "#]]);
}

#[test]
fn unknown_counts_as_down_where_the_policy_says_so_and_coverage_still_shows_it() {
    let drawing = draw(60, "uu....uuDD..uu")
        .window(" ====", None)
        .policy(|p| p.unknown_is_down = true);
    drawing.check(expect![[r#"
             seen |uu....uuDD..uu|
         window-1 | ====         |
                  |uudddduudddduu|
        window-1: downtime 0 planned 0 overrun 0
        O-1: planned 0 excluded 0 unplanned 120 unknown 0
    "#]]);
    drawing.check_figures(expect![[r#"
        contract 42.857 experienced 42.857 coverage 57.142
        no_target: 42.857 to 85.714, budget none left none
        outages 1 mtrs 120 mtbf 360 longest 120
    "#]]);
}
