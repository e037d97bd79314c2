//! The properties that section 6 calls always true, over random histories.

use std::cell::RefCell;
use std::collections::BTreeSet;

use domain::accounting::{
    Classes, Figures, History, OutageHistory, ProbeHistory, day_strip, planned_until,
};
use domain::catalogue::Affects;
use domain::id::OutageId;
use domain::span::{Span, Spans, instant, second};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::histories::instant as later;
use super::histories::{
    Case, RawWindow, Windows, always, another_span, another_window, case, cases, judge, month,
};
use super::oracle::{self, Answer, Ruling, answer, ruling};

/// The seconds of the period that bear one of the letters.
fn lettered(ruling: &Ruling, period: Span, letters: &[u8]) -> Spans {
    let wanted = oracle::wanted(letters);
    let mut all = Vec::new();
    let mut since = None;
    for (letter, t) in ruling.letters.iter().zip(ruling.lo..) {
        let now = wanted[usize::from(*letter)];
        if now && since.is_none() {
            since = Some(t);
        }
        if !now {
            all.extend(since.take().map(|from| (from, t)));
        }
    }
    let end = ruling.lo + ruling.letters.len() as i64;
    all.extend(since.map(|from| (from, end)));
    let period: Spans = [period].into_iter().collect();
    all.into_iter().collect::<Spans>().intersection(&period)
}

/// The oracle's classes of the period.
fn expected(ruling: &Ruling, period: Span) -> Classes {
    Classes {
        agreed: lettered(ruling, period, b"ugpxdXD?"),
        up: lettered(ruling, period, b"ug"),
        degraded: lettered(ruling, period, b"g"),
        planned: lettered(ruling, period, b"p"),
        excluded: lettered(ruling, period, b"xX"),
        unplanned: lettered(ruling, period, b"dD"),
        unknown: lettered(ruling, period, b"?"),
        unknown_as_down: lettered(ruling, period, b"XD"),
    }
}

/// Compares every class and every figure with the oracle.
pub fn agrees(case: &Case, figures: &Figures) -> TestCaseResult {
    let zone = case.tz();
    let question = case.question(&zone);
    let ruling = ruling(question);
    prop_assert_eq!(&figures.classes, &expected(&ruling, case.period));
    prop_assert_eq!(Answer::of(figures), answer(question, &ruling));
    Ok(())
}

#[test]
fn every_class_and_every_figure_agrees_with_the_oracle() {
    always(cases(), &case(Windows::Any), |case| {
        agrees(&case, &case.figures())
    });
}

/// Contract availability as (numerator, denominator).
fn contract(figures: &Figures) -> Option<(i64, i64)> {
    figures.contract_availability.map(|r| (r.num, r.den))
}

fn lower(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => i128::from(a.0) * i128::from(b.1) < i128::from(b.0) * i128::from(a.1),
        // With nothing left to divide by there is no figure to compare.
        _ => false,
    }
}

#[test]
fn the_classes_add_up_to_agreed_and_no_second_has_two() {
    always(cases(), &case(Windows::Any), |case| {
        let f = case.figures();
        let sum = f.up_s + f.planned_s + f.excluded_s + f.unplanned_s + f.unknown_s;
        prop_assert_eq!(sum, f.agreed_s);
        let c = &f.classes;
        let parts = [&c.up, &c.planned, &c.excluded, &c.unplanned, &c.unknown];
        let all = parts.iter().fold(Spans::new(), |all, part| all.union(part));
        prop_assert_eq!(&all, &c.agreed);
        prop_assert!(c.degraded.within(&c.up));
        let strip = day_strip(c, case.period, &case.tz());
        prop_assert_eq!(strip.iter().map(|d| d.agreed_s).sum::<i64>(), f.agreed_s);
        prop_assert_eq!(
            strip.iter().map(|d| d.unplanned_s).sum::<i64>(),
            f.unplanned_s
        );
        Ok(())
    });
}

#[test]
fn what_is_said_twice_counts_once() {
    always(cases(), &case(Windows::Any), |mut case| {
        let before = case.figures().classes;
        let twice = |h: &mut History| {
            h.outages.extend(h.outages.clone());
            h.probes.extend(h.probes.clone());
            h.faults.extend(h.faults.clone());
            h.exclusions.extend(h.exclusions.clone());
            h.windows.extend(h.windows.clone());
        };
        twice(&mut case.history);
        prop_assert_eq!(case.figures().classes, before);
        Ok(())
    });
}

/// The same case with one more window.
fn with_window(case: &Case, window: &RawWindow) -> Figures {
    let mut more = case.clone();
    more.history.windows.push(window.at(instant(case.domain.0)));
    more.figures()
}

/// A month's allowance is spent in order of time, also on what would have been excluded: so
/// where there is one, nothing can be said of a part of the month, or beside exclusions.
fn spend_on_nothing_else(case: &mut Case) {
    let policy = case.policy.as_mut();
    if let Some(policy) = policy.filter(|p| p.monthly_allowance_s.is_some()) {
        policy.ignore_shorter_s = 0;
        case.history.exclusions.clear();
        whole_domain(case);
    }
}

fn whole_domain(case: &mut Case) {
    case.period = Span::new(instant(case.domain.0), instant(case.domain.1));
}

#[test]
fn an_earned_window_never_lowers_the_contracts_figure() {
    let both = (case(Windows::Unlimited), another_window(Windows::Unlimited));
    always(cases(), &both, |(mut case, window)| {
        spend_on_nothing_else(&mut case);
        let (before, after) = (case.figures(), with_window(&case, &window));
        prop_assert!(after.planned_s >= before.planned_s);
        prop_assert!(
            !lower(contract(&after), contract(&before)),
            "{before:?} {after:?}"
        );
        Ok(())
    });
}

#[test]
fn an_earned_window_with_an_allowance_never_lowers_it_either() {
    let both = (case(Windows::Plain), another_window(Windows::Plain));
    always(cases(), &both, |(mut case, window)| {
        // A window that takes in one run more may spend its allowance there and not on a later
        // run: what is lost is gained, as long as both are counted, neither is taken back or
        // excluded, and no window begins where the later run must be planned to be taken in: within
        // a limited one, or at its end (`a_chain_of_limited_windows_may_lose_by_one_more_window`).
        let windows = case.history.windows.clone();
        let another = window.at(instant(case.domain.0));
        let limited = windows.iter().chain([&another]);
        let limited: Vec<Span> = limited
            .filter(|w| w.max_downtime_s.is_some())
            .map(|w| w.span)
            .collect();
        let chained = |at| limited.iter().any(|l| l.from < at && at <= l.to);
        if chained(another.span.from) {
            return Ok(());
        }
        case.history.windows.retain(|w| !chained(w.span.from));
        whole_domain(&mut case);
        case.history.outages.retain(|o| !o.declared);
        case.history
            .outages
            .iter_mut()
            .for_each(|o| o.reclassified = false);
        case.history.life = vec![(instant(case.domain.0), None)];
        case.history.exclusions.clear();
        if let Some(policy) = &mut case.policy {
            (policy.service_hours, policy.ignore_shorter_s) = (None, 0);
        }
        let (before, after) = (case.figures(), with_window(&case, &window));
        prop_assert!(after.planned_s >= before.planned_s);
        prop_assert!(
            !lower(contract(&after), contract(&before)),
            "{before:?} {after:?}"
        );
        Ok(())
    });
}

#[test]
fn a_declared_outage_never_raises_the_contracts_figure() {
    let both = (case(Windows::Any), another_span());
    always(cases(), &both, |(mut case, (from, to))| {
        spend_on_nothing_else(&mut case);
        let before = case.figures();
        let lo = instant(case.domain.0);
        case.history.outages.push(OutageHistory {
            id: OutageId(99),
            start: later(lo, from),
            end: Some(later(lo, to)),
            declared: true,
            reclassified: false,
            edge_s: 30,
            flapping: None,
        });
        let after = case.figures();
        prop_assert!(
            !lower(contract(&before), contract(&after)),
            "{before:?} {after:?}"
        );
        Ok(())
    });
}

/// Every agreed second of the domain that was down.
fn down_in(case: &Case) -> Spans {
    let mut whole = case.clone();
    whole_domain(&mut whole);
    let c = whole.figures().classes;
    c.planned.union(&c.excluded).union(&c.unplanned)
}

#[test]
fn an_observed_outage_never_raises_the_contracts_figure() {
    let both = (case(Windows::Unlimited), another_span());
    always(cases(), &both, |(mut case, (from, to))| {
        spend_on_nothing_else(&mut case);
        // No window makes unknown time planned that counts as down; observed downtime may be.
        case.policy
            .iter_mut()
            .for_each(|p| p.unknown_is_down = false);
        // An outage begins with a bad sample. One whose beginning is unknown (a fault of the monitor)
        // may be joined to one in an earlier window, since unseen seconds break no chain.
        let down = down_in(&case);
        let seen = |o: &OutageHistory| o.declared || down.contains(second(o.start));
        case.history.outages.retain(seen);
        let before = case.figures();
        let lo = instant(case.domain.0);
        let (from, to) = (later(lo, from), later(lo, to));
        case.history.outages.push(OutageHistory {
            id: OutageId(99),
            start: from,
            end: Some(to),
            declared: false,
            reclassified: false,
            edge_s: 30,
            flapping: None,
        });
        // An existing probe sees it: a new probe would cover time of its own.
        let mut probes = case.history.probes.iter_mut();
        let Some(probe) = probes.find(|p| p.affects == Affects::Availability) else {
            return Ok(());
        };
        probe.down.push((from, Some(to)));
        if !down_in(&case).contains(second(from)) {
            return Ok(());
        }
        let after = case.figures();
        prop_assert!(
            !lower(contract(&before), contract(&after)),
            "{before:?} {after:?}"
        );
        Ok(())
    });
}

#[test]
fn two_halves_of_a_period_add_up_to_the_whole() {
    let both = (case(Windows::Any), 0_i64..=100);
    always(cases(), &both, |(case, percent)| {
        let (from, to) = (case.period.from.as_second(), case.period.to.as_second());
        let cut = instant(from + (to - from) * percent / 100);
        let whole = case.figures();
        let first = case.figures_of(&case.history, Span::new(case.period.from, cut));
        let second = case.figures_of(&case.history, Span::new(cut, case.period.to));
        let numbers = |f: &Figures| {
            [
                f.agreed_s,
                f.up_s,
                f.degraded_s,
                f.planned_s,
                f.excluded_s,
                f.unplanned_s,
                f.unknown_s,
                f.unknown_as_down_s,
                f.blip_s,
                f.blips,
                f.outages,
                f.by_window.iter().map(|w| w.overrun.seconds()).sum(),
            ]
        };
        let sum: Vec<i64> = numbers(&first)
            .iter()
            .zip(numbers(&second))
            .map(|(a, b)| a + b)
            .collect();
        prop_assert_eq!(sum, numbers(&whole).to_vec());
        Ok(())
    });
}

#[test]
fn the_order_in_which_facts_are_listed_does_not_matter() {
    let both = (case(Windows::Any), any::<u64>());
    always(cases(), &both, |(mut case, turn)| {
        let sorted = |mut f: Figures| {
            f.by_outage.sort_by_key(|o| o.id);
            f.by_window.sort_by(|a, b| a.id.cmp(&b.id));
            f.by_outage.iter_mut().for_each(|o| o.windows.sort());
            f
        };
        let before = sorted(case.figures());
        let h = &mut case.history;
        turned(&mut h.probes, turn);
        turned(&mut h.outages, turn / 3);
        turned(&mut h.windows, turn / 5);
        turned(&mut h.faults, turn / 7);
        turned(&mut h.exclusions, turn / 11);
        turned(&mut h.blips, turn / 13);
        prop_assert_eq!(sorted(case.figures()), before);
        Ok(())
    });
}

/// Rotated, and reversed every other time.
fn turned<T>(list: &mut [T], by: u64) {
    if !list.is_empty() {
        list.rotate_left((by % list.len() as u64) as usize);
    }
    if by % 2 == 1 {
        list.reverse();
    }
}

#[test]
fn an_overrun_is_dated_to_the_first_second_that_is_not_planned() {
    always(cases(), &case(Windows::Any), |mut case| {
        let Some(asked) = case.history.outages.iter().position(|o| !o.declared) else {
            return Ok(());
        };
        // As the live engine sees it: an open outage, with no silent probe and no
        // having declared anything over it.
        let h = &mut case.history;
        h.outages[asked].end = None;
        h.outages[asked].reclassified = false;
        h.outages.retain(|o| !o.declared && !o.reclassified);
        h.faults.clear();
        h.probes.retain(|p| p.silent.is_empty());
        h.life = vec![(instant(case.domain.0 - 86_400), None)];
        let outage = h.outages.iter().find(|o| o.end.is_none()).unwrap().clone();
        h.probes.push(ProbeHistory {
            affects: Affects::Availability,
            life: h.life.clone(),
            down: vec![(outage.start, None)],
            degraded: Vec::new(),
            silent: Vec::new(),
        });
        if let Some(policy) = &mut case.policy {
            policy.service_hours = None;
        }
        let excused = planned_until(&case.history, outage.id, &case.tz(), case.policy.as_ref());
        case.as_of = instant(case.domain.1 + 3 * 3600);
        case.period = Span::new(instant(case.domain.0), case.as_of);
        let planned = case.figures().classes.planned;
        let start = second(outage.start);
        match excused {
            None => prop_assert!(planned.clip(start, i64::MAX).is_empty()),
            Some(excused) => {
                let (from, until) = (second(excused.from), second(excused.until));
                prop_assert!(start <= from && from <= until);
                prop_assert!(planned.clip(start, from).is_empty());
                prop_assert!(Spans::one(from, until).within(&planned));
                prop_assert!(!planned.contains(until));
            }
        }
        Ok(())
    });
}

/// Twenty months on every run, each with its facts on all of its days; a hundred with
/// `NINES_CASES` above its usual 2,000.
#[test]
fn whole_months_agree_with_the_oracle() {
    let count = if cases() > 2_000 { 100 } else { 20 };
    let planned = RefCell::new(BTreeSet::new());
    let unplanned = RefCell::new(BTreeSet::new());
    let months = judge(count, 200, &month(), |case| {
        let figures = case.figures();
        for day in day_strip(&figures.classes, case.period, &case.tz()) {
            if day.planned_s > 0 {
                planned.borrow_mut().insert(day.date.day());
            }
            if day.unplanned_s > 0 {
                unplanned.borrow_mut().insert(day.date.day());
            }
        }
        agrees(&case, &figures)
    });
    assert_eq!(months, Ok(()));
    // The days vary: many have planned time, most have unplanned time. Another seed may draw
    // twenty months of which fewer days have any, and is no fault for that.
    let (planned, unplanned) = (planned.take(), unplanned.take());
    if std::env::var_os("NINES_SEED").is_none() {
        assert!(
            planned.len() > 12 && unplanned.len() > 28,
            "{planned:?} {unplanned:?}"
        );
    }
}
