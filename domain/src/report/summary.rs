//! The first page: were the targets met, and what happened.

use super::clocks::ClockLine;
use super::downtime;
use super::model::{Standing, SystemLine, Verdict, WindowLine};
use super::scope::Scope;
use super::systems::Accounts;
use super::words::{count, instant, length, list, number, sentence};
use crate::catalogue::Kind;

pub(super) fn headline(scope: &Scope<'_>, systems: &[SystemLine]) -> String {
    let held: Vec<&SystemLine> = systems
        .iter()
        .filter(|s| s.kind == Kind::Provided && s.verdict != Verdict::NoTarget)
        .collect();
    let of = |verdict| -> Vec<&SystemLine> {
        held.iter()
            .copied()
            .filter(|s| s.verdict == verdict)
            .collect()
    };
    if scope.so_far() {
        return so_far(scope, &held);
    }
    let (missed, open) = (of(Verdict::Missed), of(Verdict::NotDeterminable));
    let met = held.len() - missed.len() - open.len();
    if held.is_empty() {
        return "No system has a target.".to_owned();
    }
    let mut parts = Vec::new();
    if !missed.is_empty() {
        let (its, target) = if missed.len() == 1 {
            ("its", "target")
        } else {
            ("their", "targets")
        };
        parts.push(format!("{} missed {its} {target}", named(&missed)));
    }
    if !open.is_empty() {
        let names = names(&open);
        parts.push(format!("the result for {names} is not determinable"));
    }
    parts.extend(the_others(
        met,
        &held,
        ["met its target", "met their targets"],
    ));
    format!("{}.", sentence(&parts.join("; ")))
}

/// `all four systems met their targets`, `the other system met its target`; nothing of no system. `did` is
/// what one system did, and what several did.
fn the_others(n: usize, held: &[&SystemLine], did: [&str; 2]) -> Option<String> {
    let [one, several] = did;
    match (n, held) {
        (0, _) => None,
        (_, [only]) => Some(format!("{} {one}", only.name)),
        (2, [_, _]) => Some(format!("both systems {several}")),
        (n, all) if n == all.len() => Some(format!("all {} systems {several}", number(n))),
        (1, _) => Some(format!("the other system {one}")),
        (n, _) => Some(format!("the other {} systems {several}", number(n))),
    }
}

/// A running month has no verdict: what is left of each budget can still be spent or kept.
fn so_far(scope: &Scope<'_>, held: &[&SystemLine]) -> String {
    let as_of = instant(scope.as_of, &scope.zone);
    if held.is_empty() {
        return format!("So far, as of {as_of}: no system has a target.");
    }
    let of = |standing| -> Vec<&SystemLine> {
        let all = held.iter().copied();
        all.filter(|s| s.standing == standing).collect()
    };
    let late = [Standing::BudgetSpent, Standing::BelowTarget].map(|standing| of(Some(standing)));
    let mut parts: Vec<String> = if late.concat().len() > NAMED {
        let period = scope.covers.word();
        let exceeded = format!("have exceeded the budget of the {period}");
        let words = [exceeded.as_str(), "are below target"];
        let each = late.iter().zip(words).filter(|(of, _)| !of.is_empty());
        each.map(|(of, what)| format!("{} {what}", named(of)))
            .collect()
    } else {
        let late = late.concat().into_iter();
        late.filter_map(|system| below(scope, system)).collect()
    };
    let open = of(None);
    if !open.is_empty() {
        let names = names(&open);
        parts.push(format!("the result for {names} is not determinable yet"));
    }
    let on_target = of(Some(Standing::OnTarget)).len();
    let did = ["is on target", "are on target"];
    parts.extend(the_others(on_target, held, did));
    format!("So far, as of {as_of}: {}.", parts.join("; "))
}

/// `Portal (99.512 % against 99.9 %) is below its target: 12 min 54 s of 43 min 12 s budget left`.
fn below(scope: &Scope<'_>, system: &SystemLine) -> Option<String> {
    let (left, budget) = (system.budget_left_s?, system.budget_s?);
    let named = against(system);
    match system.standing? {
        Standing::OnTarget => None,
        Standing::BelowTarget => Some(format!(
            "{named} is below its target, with {} of {} budget left",
            length(left),
            length(budget)
        )),
        Standing::BudgetSpent => Some(format!(
            "{named} has exceeded the {}\u{2019}s budget of {} by {}",
            scope.covers.word(),
            length(budget),
            length(-left)
        )),
    }
}

/// A headline names this many systems; of more it gives their number and the worst.
const NAMED: usize = 4;

/// `Portal (99.512 % against 99.9 %) and Registry (…)`, or `23 systems (the worst: Portal with 99.512 %)`.
fn named(systems: &[&SystemLine]) -> String {
    if systems.len() <= NAMED {
        return list(&systems.iter().map(|s| against(s)).collect::<Vec<_>>());
    }
    let worst = systems.iter().min_by_key(|s| (s.budget_left_s, &s.name));
    let worst = worst.map_or(String::new(), |s| match &s.contract_availability {
        Some(measured) => format!(" (the worst: {} with {measured}\u{a0}%)", s.name),
        None => format!(" (the worst: {})", s.name),
    });
    format!("{} systems{worst}", number(systems.len()))
}

fn names(systems: &[&SystemLine]) -> String {
    if systems.len() > NAMED {
        return format!("{} systems", number(systems.len()));
    }
    list(&systems.iter().map(|s| s.name.as_str()).collect::<Vec<_>>())
}

/// `Portal (99.512 % against 99.9 %)`.
fn against(system: &SystemLine) -> String {
    match (&system.contract_availability, &system.target_exact) {
        (Some(measured), Some(target)) => {
            format!(
                "{} ({measured}\u{a0}% against {target}\u{a0}%)",
                system.name
            )
        }
        _ => system.name.clone(),
    }
}

/// Two sentences: the unplanned outages; then maintenance and what was not observed. A third one if clocks of the
/// agreements fell due.
pub(super) fn happened(
    scope: &Scope<'_>,
    systems: &[SystemLine],
    accounts: &Accounts<'_>,
    windows: &[WindowLine],
    clocks: &[ClockLine],
) -> Vec<String> {
    let mut sentences = vec![
        downtime::sentence(scope, systems, accounts),
        rest(systems, windows),
    ];
    sentences.extend(kept(clocks));
    sentences
}

/// `Of five service level clocks that fell due, one was missed.`
fn kept(clocks: &[ClockLine]) -> Option<String> {
    let of = |result| clocks.iter().filter(|clock| clock.result == result).count();
    let (met, missed) = (of("met"), of("missed"));
    let which = |n| format!("{} service level clocks that fell due", number(n));
    Some(match (met, missed) {
        (0, 0) => return None,
        (1, 0) => "The one service level clock that fell due was met.".to_owned(),
        (0, 1) => "The one service level clock that fell due was missed.".to_owned(),
        (2, 0) => "Both service level clocks that fell due were met.".to_owned(),
        (0, 2) => "Both service level clocks that fell due were missed.".to_owned(),
        (n, 0) => format!("All {} were met.", which(n)),
        (0, n) => format!("All {} were missed.", which(n)),
        (met, 1) => format!("Of {}, one was missed.", which(met + 1)),
        (met, n) => format!("Of {}, {} were missed.", which(met + n), number(n)),
    })
}

fn rest(systems: &[SystemLine], windows: &[WindowLine]) -> String {
    let held: Vec<&WindowLine> = windows.iter().filter(|w| !w.cancelled).collect();
    let planned: i64 = systems.iter().map(|s| s.planned_s).sum();
    let over: Vec<&&WindowLine> = held.iter().filter(|w| w.overrun_s > 0).collect();
    let unearned = held.iter().filter(|w| !w.earned).count();
    let mut text = if held.is_empty() {
        "No maintenance was held".to_owned()
    } else {
        let took = match planned {
            0 => "without planned downtime".to_owned(),
            s => format!("with {} of planned downtime", length(s)),
        };
        format!(
            "{} held {took}",
            sentence(&count(
                held.len(),
                "maintenance window was",
                "maintenance windows were"
            ))
        )
    };
    if !over.is_empty() {
        let s: i64 = over.iter().map(|w| w.overrun_s).sum();
        text.push_str(&format!(
            "; {} by {}",
            match over.len() {
                1 => "one overran".to_owned(),
                n => format!("{} overran", number(n)),
            },
            length(s)
        ));
    }
    if unearned > 0 {
        text.push_str(&format!(
            "{} {} had not been agreed or announced in time",
            if over.is_empty() { ";" } else { "," },
            number(unearned)
        ));
    }
    // Time without a sample that the agreement counts as down was not observed either.
    let unseen_s = |s: &SystemLine| s.unknown_s + s.unknown_as_down_s;
    let mut blind: Vec<&SystemLine> = systems.iter().filter(|s| unseen_s(s) > 0).collect();
    blind.sort_by_key(|s| std::cmp::Reverse(unseen_s(s)));
    text.push_str(&match blind.as_slice() {
        [] => "; every second of agreed time was observed.".to_owned(),
        [most, others @ ..] => {
            let others = match others {
                [] => String::new(),
                [one] => format!(" and {} of {}", length(unseen_s(one)), one.name),
                [next, ..] => format!(
                    " and up to {} of each of {} others",
                    length(unseen_s(next)),
                    number(others.len())
                ),
            };
            let most = format!("{} of {}", length(unseen_s(most)), most.name);
            format!("; {most}{others} were not observed.")
        }
    });
    text
}
