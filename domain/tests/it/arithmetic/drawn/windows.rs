//! Section 5: which downtime a window makes planned.

use domain::span::Span;
use domain::windows::EarnedPart;
use expect_test::expect;

use super::{draw, draw_from};

#[test]
fn downtime_from_before_two_overlapping_windows_is_unplanned_to_its_end() {
    draw(60, "uuDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDuu")
        .window("     ==========", Some(300))
        .window("          ==============================", Some(1800))
        .check(expect![[r#"
                 seen |uuDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDuu|
             window-1 |     ==========                                |
             window-2 |          ==============================       |
                      |uuddddddddddddddddddddddddddddddddddddddddddduu|
            window-1: downtime 600 planned 0 overrun 0
            window-2: downtime 1800 planned 0 overrun 0
            O-1: planned 0 excluded 0 unplanned 2580 unknown 0
        "#]]);
}

#[test]
fn downtime_from_within_the_grace_of_two_overlapping_windows_is_excused_by_both() {
    draw(
        10,
        "uuuuDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDuu",
    )
    .window_with("     =================", Some(100), 30, None)
    .window_with(
        "          ===================================",
        Some(300),
        30,
        None,
    )
    .check(expect![[r#"
             seen |uuuuDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDuu|
         window-1 |     =================                                          |
         window-2 |          ===================================                   |
                  |uuuudpppppppppppppppppppppppppppppppppppdddddddddddddddddddddduu|
        window-1: downtime 170 planned 100 overrun 0
        window-2: downtime 350 planned 300 overrun 220
        O-1: planned 350 excluded 0 unplanned 230 unknown 0
    "#]]);
}

#[test]
fn a_service_stopped_ten_seconds_before_its_window_is_unplanned_for_ten_seconds() {
    draw(10, "uuuuDDDDDDDDuuuuuuuu")
        .window_with("     ==========", None, 30, None)
        .check(expect![[r#"
                 seen |uuuuDDDDDDDDuuuuuuuu|
             window-1 |     ==========     |
                      |uuuudpppppppuuuuuuuu|
            window-1: downtime 70 planned 70 overrun 0
            O-1: planned 70 excluded 0 unplanned 10 unknown 0
        "#]]);
}

#[test]
fn a_run_exactly_as_early_as_the_grace_is_taken_in_and_a_longer_one_is_not() {
    draw(10, "uuDDDDDDuuuuu")
        .window_with("     =====", None, 30, None)
        .check(expect![[r#"
                 seen |uuDDDDDDuuuuu|
             window-1 |     =====   |
                      |uudddpppuuuuu|
            window-1: downtime 30 planned 30 overrun 0
            O-1: planned 30 excluded 0 unplanned 30 unknown 0
        "#]]);
    draw(10, "uDDDDDDDuuuuu")
        .window_with("     =====", None, 30, None)
        .check(expect![[r#"
                 seen |uDDDDDDDuuuuu|
             window-1 |     =====   |
                      |uddddddduuuuu|
            window-1: downtime 30 planned 0 overrun 0
            O-1: planned 0 excluded 0 unplanned 70 unknown 0
        "#]]);
}

#[test]
fn downtime_inside_an_earned_window_is_planned_and_beyond_its_end_is_not() {
    draw(60, "uuuuuuDDDDDDDDuuu")
        .window("    ======", None)
        .check(expect![[r#"
                 seen |uuuuuuDDDDDDDDuuu|
             window-1 |    ======       |
                      |uuuuuuppppdddduuu|
            window-1: downtime 240 planned 240 overrun 240
            O-1: planned 240 excluded 0 unplanned 240 unknown 0
        "#]]);
}

#[test]
fn what_exceeds_the_allowance_is_an_overrun_from_that_second() {
    draw(60, "uuuuuuDDDDDDDDDDuuu")
        .window("    ============", Some(270))
        .check(expect![[r#"
                 seen |uuuuuuDDDDDDDDDDuuu|
             window-1 |    ============   |
                      |uuuuuupppp*ddddduuu|
            window-1: downtime 600 planned 270 overrun 330
            O-1: planned 270 excluded 0 unplanned 330 unknown 0
        "#]]);
}

#[test]
fn two_runs_in_one_window_share_its_allowance() {
    draw(60, "uuuuDDDuuuDDDDuuuu")
        .window("   =============", Some(300))
        .check(expect![[r#"
                 seen |uuuuDDDuuuDDDDuuuu|
             window-1 |   =============  |
                      |uuuupppuuuppdduuuu|
            window-1: downtime 420 planned 300 overrun 120
            O-1: planned 180 excluded 0 unplanned 0 unknown 0
            O-2: planned 120 excluded 0 unplanned 120 unknown 0
        "#]]);
}

#[test]
fn a_run_planned_until_the_next_window_is_eligible_there_too() {
    draw(60, "uuuDDDDDDDDDDDDDuuu")
        .window("  ======", None)
        .window("        ======", Some(240))
        .check(expect![[r#"
                 seen |uuuDDDDDDDDDDDDDuuu|
             window-1 |  ======           |
             window-2 |        ======     |
                      |uuupppppppppdddduuu|
            window-1: downtime 300 planned 300 overrun 0
            window-2: downtime 360 planned 240 overrun 240
            O-1: planned 540 excluded 0 unplanned 240 unknown 0
        "#]]);
}

#[test]
fn a_run_that_overran_before_the_next_window_is_not_eligible_there() {
    draw(60, "uuuDDDDDDDDDDDDDuuu")
        .window("  ======", Some(240))
        .window("        ======", None)
        .check(expect![[r#"
                 seen |uuuDDDDDDDDDDDDDuuu|
             window-1 |  ======           |
             window-2 |        ======     |
                      |uuuppppddddddddduuu|
            window-1: downtime 300 planned 240 overrun 540
            window-2: downtime 360 planned 0 overrun 0
            O-1: planned 240 excluded 0 unplanned 540 unknown 0
        "#]]);
}

#[test]
fn a_window_whose_allowance_was_spent_excuses_a_new_run_not_at_all() {
    draw(60, "uuuDDDDDuuDDDuuu")
        .window("  ============", Some(300))
        .check(expect![[r#"
                 seen |uuuDDDDDuuDDDuuu|
             window-1 |  ============  |
                      |uuupppppuuddduuu|
            window-1: downtime 480 planned 300 overrun 180
            O-1: planned 300 excluded 0 unplanned 0 unknown 0
            O-2: planned 0 excluded 0 unplanned 180 unknown 0
        "#]]);
}

#[test]
fn a_window_made_after_its_downtime_began_excuses_none_of_it() {
    draw(60, "uuuuDDDDDDuuDDuuu")
        .window_with("   ==============", None, 0, Some(6))
        .check(expect![[r#"
                 seen |uuuuDDDDDDuuDDuuu|
             window-1 |   ==============|
                      |uuuudddddduuppuuu|
            window-1: downtime 480 planned 120 overrun 0
            O-1: planned 0 excluded 0 unplanned 360 unknown 0
            O-2: planned 120 excluded 0 unplanned 0 unknown 0
        "#]]);
}

#[test]
fn a_window_widened_after_its_downtime_began_excuses_what_it_did_before() {
    let mut drawing = draw(60, "uuuuDDDDDDuuDDuuu").window("  ====", None);
    // While it was down it was made ten minutes longer.
    let span = Span::new(drawing.at(6), drawing.at(16));
    let made_at = drawing.at(5);
    let window = &mut drawing.history.windows[0];
    window.span.to = span.to;
    window.earned_parts.push(EarnedPart { span, made_at });
    drawing.check(expect![[r#"
             seen |uuuuDDDDDDuuDDuuu|
         window-1 |  ====           |
                  |uuuuppdddduuppuuu|
        window-1: downtime 480 planned 240 overrun 240
        O-1: planned 120 excluded 0 unplanned 240 unknown 0
        O-2: planned 120 excluded 0 unplanned 0 unknown 0
    "#]]);
}

#[test]
fn seconds_that_nobody_saw_use_no_allowance_and_break_no_chain() {
    draw(60, "uuuDDD...DDDDDDDDuuu")
        .window("  ========", Some(300))
        .window("          =====", Some(240))
        .check(expect![[r#"
                 seen |uuuDDD...DDDDDDDDuuu|
             window-1 |  ========          |
             window-2 |          =====     |
                      |uuuppp???pppppddduuu|
            window-1: downtime 240 planned 240 overrun 0
            window-2: downtime 300 planned 240 overrun 180
            O-1: planned 480 excluded 0 unplanned 180 unknown 180
        "#]]);
}

#[test]
fn reclassified_time_is_unplanned_and_frees_no_allowance() {
    let mut drawing = draw(60, "uuuDDDDuuDDDDuuu").window("  ============", Some(300));
    drawing.history.outages[0].reclassified = true;
    drawing.check(expect![[r#"
             seen |uuuDDDDuuDDDDuuu|
         window-1 |  ============  |
                  |uuudddduupddduuu|
        window-1: downtime 480 planned 60 overrun 180
        O-1: planned 0 excluded 0 unplanned 240 unknown 0
        O-2: planned 60 excluded 0 unplanned 180 unknown 0
    "#]]);
}

#[test]
fn a_monthly_allowance_caps_planned_time_in_order() {
    draw(60, "uuuDDDDuuDDDDuuu")
        .window("  =====", None)
        .window("        =====", None)
        .policy(|p| p.monthly_allowance_s = Some(330))
        .check(expect![[r#"
                 seen |uuuDDDDuuDDDDuuu|
             window-1 |  =====         |
             window-2 |        =====   |
                      |uuuppppuup*dduuu|
            window-1: downtime 240 planned 240 overrun 0
            window-2: downtime 240 planned 90 overrun 150
            O-1: planned 240 excluded 0 unplanned 0 unknown 0
            O-2: planned 90 excluded 0 unplanned 150 unknown 0
        "#]]);
}

#[test]
fn a_monthly_allowance_begins_anew_at_midnight_of_the_month() {
    // 23:55 in New York on the last of October.
    draw_from(1_793_505_300, 60, "DDDDDDDDDDuu")
        .window("==========", None)
        .policy(|p| p.monthly_allowance_s = Some(120))
        .check(expect![[r#"
                 seen |DDDDDDDDDDuu|
             window-1 |==========  |
                      |ppdddppddduu|
            window-1: downtime 600 planned 240 overrun 360
            O-1: planned 240 excluded 0 unplanned 360 unknown 0
        "#]]);
}

/// The sentences of section 5 let an outage that costs one run its chain free the allowance of
/// the next window for another: so "adding an outage never raises the figure" holds for declared
/// outages and for windows without a limit, and not for a chain of limited ones. Drawn here so
/// as a known surprise.
#[test]
fn a_chain_of_limited_windows_may_gain_by_one_more_outage() {
    let before = draw(60, "uuuuuuuuuuuuuuuuDDDDDDuuuuuuuuuuDDDDDDDDDDDDuu")
        .window("==================", Some(120))
        .window("                  ====================", Some(360))
        .window("                                      ======", None);
    before.check(expect![[r#"
             seen |uuuuuuuuuuuuuuuuDDDDDDuuuuuuuuuuDDDDDDDDDDDDuu|
         window-1 |==================                            |
         window-2 |                  ====================        |
         window-3 |                                      ======  |
                  |uuuuuuuuuuuuuuuuppppppuuuuuuuuuuppdddddddddduu|
        window-1: downtime 120 planned 120 overrun 0
        window-2: downtime 600 planned 360 overrun 600
        window-3: downtime 360 planned 0 overrun 0
        O-1: planned 360 excluded 0 unplanned 0 unknown 0
        O-2: planned 120 excluded 0 unplanned 600 unknown 0
    "#]]);
    let after = draw(60, "uuDDuuuuuuuuuuuuDDDDDDuuuuuuuuuuDDDDDDDDDDDDuu")
        .window("==================", Some(120))
        .window("                  ====================", Some(360))
        .window("                                      ======", None);
    after.check(expect![[r#"
             seen |uuDDuuuuuuuuuuuuDDDDDDuuuuuuuuuuDDDDDDDDDDDDuu|
         window-1 |==================                            |
         window-2 |                  ====================        |
         window-3 |                                      ======  |
                  |uuppuuuuuuuuuuuudddddduuuuuuuuuuppppppppppppuu|
        window-1: downtime 240 planned 120 overrun 360
        window-2: downtime 600 planned 360 overrun 0
        window-3: downtime 360 planned 360 overrun 0
        O-1: planned 120 excluded 0 unplanned 0 unknown 0
        O-2: planned 0 excluded 0 unplanned 360 unknown 0
        O-3: planned 720 excluded 0 unplanned 0 unknown 0
    "#]]);
    assert!(after.figures().unplanned_s < before.figures().unplanned_s);
}

/// The other way round: a window more takes in a run whose seconds then use the next one's allowance
/// up, and the run that loses it there is not taken in by the one after.
#[test]
fn a_chain_of_limited_windows_may_lose_by_one_more_window() {
    let seen = "uuuuuDDDDDDDDDDDDDDDuuDDDDDDDDDDDDDDDDDDuu";
    let drawn = |first: &[&str]| {
        let drawing = draw(60, seen)
            .window("          ====================", Some(600))
            .window("                              ==========", None);
        let more = first.iter().fold(drawing, |d, line| d.window(line, None));
        let f = more.figures();
        (more.classes(&f.classes), f.planned_s)
    };
    let (before, after) = (drawn(&[]), drawn(&["=========="]));
    expect![[r#"
        uuuuuDDDDDDDDDDDDDDDuuDDDDDDDDDDDDDDDDDDuu
        uuuuuddddddddddddddduuppppppppppppppppppuu
        uuuuupppppppppppppppuudddddddddddddddddduu
    "#]]
    .assert_eq(&format!("{seen}\n{}\n{}\n", before.0, after.0));
    assert!(after.1 < before.1);
}

#[test]
fn while_it_lasts_the_windows_say_until_when_an_outage_is_excused() {
    // By the end of the window, or by its allowance.
    let seen = "uuuuDD";
    draw(60, seen)
        .window("  ======", None)
        .check_planned_until(expect!["4 to 8 by window-1"]);
    draw(60, seen)
        .window("  ======", Some(90))
        .check_planned_until(expect!["4 to 5.5 by window-1"]);
    // From the window's start, if it began within the grace; not at all if longer before.
    draw(10, seen)
        .window_with("      ======", None, 20, None)
        .check_planned_until(expect!["6 to 12 by window-1"]);
    draw(10, seen)
        .window_with("       =====", None, 20, None)
        .check_planned_until(expect!["not at all"]);
    // On into the next window.
    draw(60, seen)
        .window("  =====", None)
        .window("     ======", Some(300))
        .check_planned_until(expect!["4 to 10 by window-2"]);
    // From its first second, if an earlier run spent the allowance.
    draw(60, "uDDuDD")
        .window(" =======", Some(120))
        .check_planned_until(expect!["4 to 4 by window-1"]);
    // A month's allowance ends it, too.
    draw(60, seen)
        .window("  ======", None)
        .policy(|p| p.monthly_allowance_s = Some(60))
        .check_planned_until(expect!["4 to 5 by window-1"]);
    // Without a window nothing is planned.
    draw(60, seen).check_planned_until(expect!["not at all"]);
}
