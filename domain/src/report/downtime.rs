//! The sentence of the first page on unplanned downtime.

use jiff::Timestamp;

use super::merged;
use super::model::SystemLine;
use super::scope::Scope;
use super::systems::Accounts;
use super::words::{count, length, list, number, said, sentence as capital};
use crate::accounting::MergedOutage;
use crate::catalogue::Kind;

/// A sentence names this many systems; it only counts more than that.
const NAMED: usize = 4;

/// A merged outage with unplanned seconds in the month.
struct Outage<'a> {
    name: &'a str,
    from: Timestamp,
    over: bool,
    at_least: bool,
    s: i64,
}

impl<'a> Outage<'a> {
    fn of(scope: &Scope<'_>, system: &'a SystemLine, merged: &MergedOutage) -> Self {
        Self {
            name: &system.name,
            from: merged.from,
            over: merged.to.is_some(),
            at_least: merged::ended_between(scope, merged).is_some(),
            s: merged.unplanned_s,
        }
    }

    /// `3 h`, or `at least 3 h` if its end was not observed.
    fn length(&self) -> String {
        let least = if self.at_least { "at least " } else { "" };
        format!("{least}{}", length(self.s))
    }

    fn lasted(&self) -> String {
        if self.over {
            format!("was unplanned for {}", self.length())
        } else {
            "has not ended yet".to_owned()
        }
    }
}

/// One part for each system with unplanned seconds; partners' systems are left out.
pub(super) fn sentence(
    scope: &Scope<'_>,
    systems: &[SystemLine],
    accounts: &Accounts<'_>,
) -> String {
    let (mut began, mut went_on) = (Vec::new(), Vec::new());
    let own: Vec<&SystemLine> = systems
        .iter()
        .filter(|s| s.kind == Kind::Provided)
        .collect();
    for system in &own {
        let account = accounts
            .values()
            .find(|a| a.id.as_str() == system.system.as_str());
        let outages = account.iter().flat_map(|a| &a.figures.merged);
        for merged in outages.filter(|s| s.unplanned_s > 0) {
            let outage = Outage::of(scope, system, merged);
            if merged.counted {
                began.push(outage);
            } else {
                went_on.push(outage);
            }
        }
    }
    let mut parts = vec![match began.as_slice() {
        [] if went_on.is_empty() => "There was no unplanned outage".to_owned(),
        [] => "No unplanned outage began".to_owned(),
        [only] => one(scope, only, went_on.is_empty()),
        many => several(scope, many),
    }];
    parts.extend(older(scope, &went_on));
    let nothing_began = began.is_empty() && !went_on.is_empty();
    let mut text = parts.join(if nothing_began { ": " } else { "; " });
    for clause in by_agreement(&own) {
        text.push_str("; ");
        text.push_str(&clause);
    }
    text.push('.');
    text
}

fn one(scope: &Scope<'_>, outage: &Outage<'_>, all: bool) -> String {
    let cost = if outage.over {
        format!("and caused {} of unplanned downtime", outage.length())
    } else {
        "and has not ended yet".to_owned()
    };
    let word = scope.covers.word();
    let had = if all {
        format!("had the {word}\u{2019}s only unplanned outage")
    } else {
        format!("had the only unplanned outage that began in the {word}")
    };
    format!(
        "{} {had}: it began on {} {cost}",
        outage.name,
        said(outage.from, &scope.zone)
    )
}

fn several(scope: &Scope<'_>, outages: &[Outage<'_>]) -> String {
    let mut names: Vec<&str> = outages.iter().map(|o| o.name).collect();
    names.sort_unstable();
    names.dedup();
    let total_s: i64 = outages.iter().map(|o| o.s).sum();
    let worst = outages
        .iter()
        .max_by_key(|o| (o.s, std::cmp::Reverse(o.from)));
    let longest = worst.map_or(String::new(), |worst| {
        format!(
            "; the longest, of {}, began on {} and {}",
            worst.name,
            said(worst.from, &scope.zone),
            worst.lasted()
        )
    });
    format!(
        "{} had {} with {} of downtime in total{longest}",
        if names.len() > NAMED {
            capital(&count(names.len(), "system", "systems"))
        } else {
            list(&names)
        },
        count(outages.len(), "unplanned outage", "unplanned outages"),
        length(total_s),
    )
}

/// Outages that began in an earlier month and have unplanned seconds in this one.
fn older(scope: &Scope<'_>, outages: &[Outage<'_>]) -> Option<String> {
    let each = |o: &Outage<'_>| {
        format!(
            "an outage of {} that began on {} continued and {}",
            o.name,
            said(o.from, &scope.zone),
            o.lasted()
        )
    };
    match outages {
        [] => None,
        some if some.len() <= NAMED => Some(some.iter().map(each).collect::<Vec<_>>().join("; ")),
        many => {
            let mut names: Vec<&str> = many.iter().map(|o| o.name).collect();
            names.sort_unstable();
            names.dedup();
            Some(format!(
                "{} of {} that had begun earlier continued and were unplanned for {} in total",
                number(many.len()),
                list(&names),
                length(many.iter().map(|o| o.s).sum())
            ))
        }
    }
}

/// The unplanned time of each system that was not observed or only degraded.
fn by_agreement(systems: &[&SystemLine]) -> Vec<String> {
    let counted: Vec<&&SystemLine> = systems
        .iter()
        .filter(|s| s.unplanned_unseen_s + s.unplanned_degraded_s > 0)
        .collect();
    let clause = |s: &&&SystemLine| {
        format!(
            "of the {} of unplanned downtime of {}, {}, counted as down under its agreement",
            length(s.unplanned_s),
            s.name,
            unseen_and_degraded(s.unplanned_unseen_s, s.unplanned_degraded_s)
        )
    };
    if counted.len() <= NAMED {
        return counted.iter().map(clause).collect();
    }
    let sum = |of: fn(&SystemLine) -> i64| counted.iter().map(|s| of(s)).sum::<i64>();
    vec![format!(
        "of the {} of unplanned downtime of {}, {}, counted as down under their agreements",
        length(sum(|s| s.unplanned_s)),
        count(counted.len(), "system", "systems"),
        unseen_and_degraded(
            sum(|s| s.unplanned_unseen_s),
            sum(|s| s.unplanned_degraded_s)
        )
    )]
}

fn unseen_and_degraded(unseen_s: i64, degraded_s: i64) -> String {
    let unseen = (unseen_s > 0).then(|| format!("{} were not observed", length(unseen_s)));
    let degraded = (degraded_s > 0).then(|| format!("{} were only degraded", length(degraded_s)));
    list(&unseen.into_iter().chain(degraded).collect::<Vec<_>>())
}
