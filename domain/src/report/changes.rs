//! Configuration changes of the month that concern this committee: its systems with their
//! agreements, customers and windows, and its members.

use std::collections::BTreeSet;

use super::model::{Change, Moment};
use super::scope::{Scope, in_force};
use super::words;
use crate::catalogue::{Catalogue, Customer, Flapping, Probe, Rule, System};
use crate::id::SystemId;
use crate::policy::{Policy, Target};

/// The configurations that came into force in the month, each with its changes.
pub(super) fn lines(scope: &Scope<'_>) -> Vec<Change> {
    let all = in_force(scope.record);
    all.iter()
        .enumerate()
        .filter(|(_, entry)| scope.period.contains(entry.from))
        .map(|(i, entry)| {
            let before = i
                .checked_sub(1)
                .and_then(|i| all.get(i))
                .map(|e| e.catalogue);
            Change {
                at: Moment::of(entry.from, &scope.zone),
                by: entry.by.to_owned(),
                what: match before {
                    None => vec!["First configuration".to_owned()],
                    Some(before) => difference(scope, before, entry.catalogue),
                },
            }
        })
        .collect()
}

/// The changes from `before` to `after` in words. One line says so if none concerns this committee.
fn difference(scope: &Scope<'_>, before: &Catalogue, after: &Catalogue) -> Vec<String> {
    let mut what = Vec::new();
    let ids: BTreeSet<&SystemId> = scope.systems.keys().copied().collect();
    for id in &ids {
        system(
            before.system(id.as_str()),
            after.system(id.as_str()),
            &mut what,
        );
    }
    policies(scope, before, after, &mut what);
    for id in &ids {
        customers(id, &scope.name(id), before, after, &mut what);
    }
    contacts(scope, before, after, &mut what);
    let committee = scope.committee.id.as_str();
    if let (Some(b), Some(a)) = (before.committee(committee), after.committee(committee)) {
        changed("Committee's zone", &b.zone, &a.zone, &mut what);
        changed("Committee's name", &b.name, &a.name, &mut what);
        if b.members != a.members {
            what.push("Committee's members changed".to_owned());
        }
    }
    if what.is_empty() {
        what.push("No change to these systems".to_owned());
    }
    what
}

fn changed(what: &str, before: &str, after: &str, to: &mut Vec<String>) {
    if before != after {
        to.push(format!("{what}: {before} \u{2192} {after}"));
    }
}

fn system(before: Option<&System>, after: Option<&System>, what: &mut Vec<String>) {
    let (before, after) = match (before, after) {
        (None, None) => return,
        (None, Some(new)) => {
            what.push(format!(
                "{}: added, target {}",
                new.name,
                target(new.target)
            ));
            return;
        }
        (Some(old), None) => {
            what.push(format!("{}: removed", old.name));
            return;
        }
        (Some(before), Some(after)) => (before, after),
    };
    let name = &after.name;
    changed(&format!("{name}: name"), &before.name, name, what);
    changed(
        &format!("{name}: committee"),
        before.committee.as_str(),
        after.committee.as_str(),
        what,
    );
    if before.target != after.target {
        what.push(format!(
            "{name}: target {} \u{2192} {}, from next month",
            target(before.target),
            target(after.target)
        ));
    }
    let policy = |s: &System| {
        s.policy
            .as_ref()
            .map_or("none".to_owned(), ToString::to_string)
    };
    changed(
        &format!("{name}: policy"),
        &policy(before),
        &policy(after),
        what,
    );
    if before.kind != after.kind {
        what.push(format!("{name}: kind changed"));
    }
    changed(
        &format!("{name}: unstable from"),
        &flapping(before),
        &flapping(after),
        what,
    );
    probes(name, &before.probes, &after.probes, what);
    rules(name, &before.windows, &after.windows, what);
}

fn flapping(system: &System) -> String {
    let Flapping { limit, hold_s } = system.flapping;
    match limit {
        0 => "never".to_owned(),
        _ => format!(
            "{limit} outages in an hour, until up for {}",
            words::length(hold_s)
        ),
    }
}

fn target(target: Option<Target>) -> String {
    target.map_or("none".to_owned(), |t| format!("{} %", words::target(t)))
}

fn probes(system: &str, before: &[Probe], after: &[Probe], what: &mut Vec<String>) {
    for probe in before {
        match after.iter().find(|p| p.id == probe.id) {
            None => what.push(format!("{system}: probe {} removed", probe.id.name())),
            Some(now) if now != probe => {
                what.push(format!(
                    "{system}: probe {} changed{}",
                    probe.id.name(),
                    interval(probe, now)
                ));
            }
            Some(_) => {}
        }
    }
    for probe in after
        .iter()
        .filter(|p| !before.iter().any(|b| b.id == p.id))
    {
        what.push(format!("{system}: probe {} added", probe.id.name()));
    }
}

fn interval(before: &Probe, after: &Probe) -> String {
    if before.interval_ms() == after.interval_ms() {
        String::new()
    } else {
        format!(
            ", every {} \u{2192} {}",
            words::length(before.interval_ms() / 1000),
            words::length(after.interval_ms() / 1000)
        )
    }
}

fn rules(system: &str, before: &[Rule], after: &[Rule], what: &mut Vec<String>) {
    for rule in before {
        match after.iter().find(|r| r.id == rule.id) {
            None => what.push(format!(
                "{system}: maintenance \u{201c}{}\u{201d} removed",
                rule.title
            )),
            Some(now) if now != rule => {
                what.push(format!(
                    "{system}: maintenance \u{201c}{}\u{201d} changed",
                    now.title
                ));
            }
            Some(_) => {}
        }
    }
    for rule in after
        .iter()
        .filter(|r| !before.iter().any(|b| b.id == r.id))
    {
        what.push(format!(
            "{system}: maintenance \u{201c}{}\u{201d} added",
            rule.title
        ));
    }
}

fn policies(scope: &Scope<'_>, before: &Catalogue, after: &Catalogue, what: &mut Vec<String>) {
    let used: BTreeSet<&str> = scope
        .systems
        .keys()
        .flat_map(|id| [before, after].map(|c| c.system(id.as_str())))
        .flatten()
        .filter_map(|s| s.policy.as_ref())
        .map(|p| p.as_str())
        .collect();
    for id in used {
        if let (Some(b), Some(a)) = (before.policy(id), after.policy(id))
            && b != a
        {
            what.push(policy(b, a));
        }
    }
}

fn policy(before: &Policy, after: &Policy) -> String {
    let mut parts = Vec::new();
    if before.target != after.target {
        parts.push(format!(
            "target {} \u{2192} {}, from next month",
            target(before.target),
            target(after.target)
        ));
    }
    if super::method::choices(before) != super::method::choices(after) {
        parts.push("accounting rules changed, from next month".to_owned());
    }
    if parts.is_empty() {
        parts.push("changed".to_owned());
    }
    format!("Policy {}: {}", after.name, parts.join("; "))
}

fn customers(
    system: &SystemId,
    called: &str,
    before: &Catalogue,
    after: &Catalogue,
    what: &mut Vec<String>,
) {
    let names = |c: &Catalogue| -> BTreeSet<String> {
        c.customers_of(system).map(|c| c.name.clone()).collect()
    };
    let (was, is) = (names(before), names(after));
    for name in is.difference(&was) {
        what.push(format!("{called}: customer {name} added"));
    }
    for name in was.difference(&is) {
        what.push(format!("{called}: customer {name} removed"));
    }
}

/// Changes of customers' contacts and zones. A report names no address, only that it changed.
fn contacts(scope: &Scope<'_>, before: &Catalogue, after: &Catalogue, what: &mut Vec<String>) {
    let ours = |c: &&Customer| c.systems.iter().any(|s| scope.systems.contains_key(s));
    for now in after.customers.iter().filter(ours) {
        let Some(was) = before.customer(now.id.as_str()).filter(|c| ours(c)) else {
            continue;
        };
        if was.contacts != now.contacts || was.webhook != now.webhook {
            what.push(format!("Contacts of customer {} changed", now.name));
        }
        let zone = format!("Time zone of customer {}", now.name);
        changed(&zone, &was.zone, &now.zone, what);
    }
}
