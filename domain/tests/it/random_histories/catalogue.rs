//! The systems, windows and customers of all histories, and the configurations that a reload may bring.

use domain::catalogue::{Affects, Catalogue, Customer, Days, Flapping, Rule};
use jiff::civil::Weekday;

use super::{ROUND_S, clocks};
use crate::service::{active, catalogue, probe, rule, system};

/// The service of all histories; `change` is one of the configurations that a reload may bring.
pub(super) fn watched(change: u8) -> Catalogue {
    let daily = |mut rule: Rule| {
        rule.days = Days::Weekdays(vec![Weekday::Thursday, Weekday::Friday]);
        rule
    };
    let quick = |mut probe: domain::catalogue::Probe| {
        active(&mut probe).interval_ms = 2 * ROUND_S * 1000;
        probe
    };
    let mut a = system("a");
    let mut slow = quick(probe("a", "slow"));
    active(&mut slow).failures = 6;
    a.probes = vec![quick(probe("a", "p")), quick(probe("a", "q")), slow];
    a.probes.push(crate::heartbeats::beating("a", 60, 25, None));
    a.windows = vec![
        Rule {
            announce_s: vec![86_400, 120],
            ..daily(rule("told", "23:55:00", 400, Some(60)))
        },
        daily(rule("quiet", "00:01:00", 600, Some(120))),
    ];
    let mut b = system("b");
    b.probes = vec![quick(probe("b", "p"))];
    b.windows = vec![Rule {
        agreed: None,
        tell: true,
        ..daily(rule("new", "23:58:00", 300, None))
    }];
    let flapping = |limit, hold_s| Flapping { limit, hold_s };
    a.flapping = flapping(2, if change == 6 { 20 } else { 75 });
    b.flapping = flapping(if change == 6 { 0 } else { 3 }, 150);
    let mut service = catalogue(vec![a, b]);
    service.policies.push(clocks::gold());
    for system in &mut service.systems {
        system.policy = Some("gold".into());
    }
    service.systems[1].depends_on = vec!["a".into()];
    // As long as a slow run may be in doubt, so that notices wait for one another.
    service.gather_s = 80;
    service.customers.push(Customer {
        id: "lab".into(),
        name: "Lab".into(),
        zone: "America/New_York".into(),
        phone: None,
        webhook: None,
        contacts: vec!["one@lab.example".into(), "two@lab.example".into()],
        systems: vec!["b".into()],
    });
    match change {
        1 => {
            service.customers.pop();
        }
        2 => {
            service.systems.pop();
            service.customers.pop();
            service.customers[0].systems.pop();
        }
        3 => {
            service.systems[0].probes.remove(1);
        }
        4 => service.systems[0].probes[1].affects = Affects::Degradation,
        5 => service.customers[0].contacts.clear(),
        // Others take the place of what may be failing.
        7 => service.systems[0].probes[1] = quick(probe("a", "new")),
        8 => service.systems[1].probes[0] = quick(probe("b", "new")),
        9 => {
            service.systems[0].probes = vec![quick(probe("a", "new"))];
            service.systems[1].probes[0].affects = Affects::Degradation;
        }
        // Its state is unknown from now on.
        10 => service.systems[1].probes.clear(),
        _ => {}
    }
    service
}
