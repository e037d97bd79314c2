//! The faults of a scenario, sorted for one probe each. A sample costs a binary search among the faults
//! of its own probe; the faults of other probes cost nothing.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::ProbeId;
use jiff::Timestamp;

use super::scenario::{Effect, Fault, Target};

/// All faults of a scenario, by their target, each list in the order of the file.
pub(super) struct Faults<'a> {
    all: &'a [Fault],
    of_systems: BTreeMap<&'a str, Vec<usize>>,
    of_probes: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Faults<'a> {
    pub(super) fn of(all: &'a [Fault]) -> Self {
        let mut of_systems: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut of_probes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (n, fault) in all.iter().enumerate() {
            match &fault.target {
                Target::System(id) => of_systems.entry(id.as_str()).or_default().push(n),
                Target::Probe(id) => of_probes.entry(id.as_str()).or_default().push(n),
            }
        }
        Self {
            all,
            of_systems,
            of_probes,
        }
    }

    /// The effects of all faults on one probe.
    pub(super) fn on(&self, probe: &ProbeId) -> Effects {
        let of_system = self.of_systems.get(probe.system()).into_iter().flatten();
        let own = self.of_probes.get(probe.as_str()).into_iter().flatten();
        let mut edges: Vec<(Timestamp, usize, bool)> = Vec::new();
        for &n in of_system.chain(own) {
            let span = self.all[n].span;
            edges.extend([(span.from, n, true), (span.to, n, false)]);
        }
        edges.sort_unstable();
        let mut effects = Effects::default();
        let mut active = BTreeSet::new();
        for (at, n, begins) in edges {
            if begins {
                active.insert(n);
            } else {
                active.remove(&n);
            }
            // If two faults overlap, the later one in the file counts.
            let effect = active.last().map(|n| self.all[*n].effect);
            match effects.changes.last_mut() {
                Some((last, now)) if *last == at => *now = effect,
                _ => effects.changes.push((at, effect)),
            }
        }
        effects
    }
}

/// The effects of faults on one probe. Each holds from its instant until the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects {
    changes: Vec<(Timestamp, Option<Effect>)>,
}

impl Effects {
    /// The effect at an instant; `None` without a fault.
    pub(super) fn at(&self, at: Timestamp) -> Option<Effect> {
        let passed = self.changes.partition_point(|(from, _)| *from <= at);
        self.changes[..passed].last()?.1
    }
}

#[cfg(test)]
mod tests {
    use domain::id::SystemId;
    use domain::sample::Outcome;
    use domain::span::Span;
    use jiff::SignedDuration;

    use super::*;

    fn t(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    fn fault(target: Target, from: i64, to: i64, effect: Effect) -> Fault {
        let span = Span::new(t(from), t(to));
        Fault {
            target,
            span,
            effect,
        }
    }

    /// Draws the effects on `portal/page`, one letter a second: Down, slow, no sample.
    fn drawn(faults: &[Fault]) -> String {
        let effects = Faults::of(faults).on(&ProbeId::from("portal/page"));
        let letter = |second| match effects.at(t(second)) {
            None => '.',
            Some(Effect::Nothing) => 'N',
            Some(Effect::Sample(Outcome::Down, _)) => 'D',
            Some(Effect::Sample(..)) => 's',
        };
        (0..12).map(letter).collect()
    }

    #[test]
    fn the_later_fault_in_the_file_counts_while_two_overlap() {
        let portal = || Target::System(SystemId::from("portal"));
        let page = || Target::Probe(ProbeId::from("portal/page"));
        let search = || Target::Probe(ProbeId::from("portal/search"));
        let other = || Target::System(SystemId::from("por"));
        let down = Effect::Sample(Outcome::Down, None);
        let slow = Effect::Sample(Outcome::Degraded, None);
        assert_eq!(drawn(&[]), "............");
        assert_eq!(
            drawn(&[
                fault(portal(), 1, 9, down),
                fault(page(), 3, 5, slow),
                fault(search(), 1, 2, slow),
                fault(other(), 0, 12, slow),
                fault(page(), 9, 10, Effect::Nothing),
            ]),
            ".DDssDDDDN.."
        );
        // The order in the file decides, not the order of time or of targets.
        assert_eq!(
            drawn(&[fault(page(), 3, 5, slow), fault(portal(), 1, 9, down)]),
            ".DDDDDDDD..."
        );
        assert_eq!(
            drawn(&[
                fault(page(), 6, 11, Effect::Nothing),
                fault(portal(), 2, 7, down),
                fault(page(), 2, 4, slow),
            ]),
            "..ssDDDNNNN."
        );
    }
}
