//! The first page: were the targets met, and what happened.

use super::downtime;
use super::model::{SystemLine, Verdict, WindowLine};
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
    let (missed, open) = (of(Verdict::Missed), of(Verdict::NotDeterminable));
    let met = held.len() - missed.len() - open.len();
    let so_far = if scope.so_far() {
        format!("So far, as of {}: ", instant(scope.as_of, &scope.zone))
    } else {
        String::new()
    };
    if held.is_empty() {
        return format!("{so_far}No system has a target.");
    }
    let mut parts = Vec::new();
    if !missed.is_empty() {
        let each: Vec<String> = missed.iter().map(|s| against(s)).collect();
        let (its, target) = if missed.len() == 1 {
            ("its", "target")
        } else {
            ("their", "targets")
        };
        parts.push(format!("{} missed {its} {target}", list(&each)));
    }
    if !open.is_empty() {
        let each: Vec<&str> = open.iter().map(|s| s.name.as_str()).collect();
        parts.push(format!(
            "the result for {} is not determinable",
            list(&each)
        ));
    }
    parts.push(match (met, held.len()) {
        (0, _) => String::new(),
        (1, 1) => format!("{} met its target", held[0].name),
        (2, 2) => "both systems met their targets".to_owned(),
        (n, all) if n == all => format!("all {} systems met their targets", number(n)),
        (1, _) => "the other system met its target".to_owned(),
        (n, _) => format!("the other {} systems met their targets", number(n)),
    });
    parts.retain(|part| !part.is_empty());
    format!("{so_far}{}.", sentence(&parts.join("; ")))
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

/// Two sentences: the unplanned outages; then maintenance and what was not observed.
pub(super) fn happened(
    scope: &Scope<'_>,
    systems: &[SystemLine],
    accounts: &Accounts<'_>,
    windows: &[WindowLine],
) -> Vec<String> {
    vec![
        downtime::sentence(scope, systems, accounts),
        rest(systems, windows),
    ]
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
