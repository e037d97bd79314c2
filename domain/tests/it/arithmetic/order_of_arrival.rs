//! A system has the same figures alone and among a hundred, and whatever the order in which facts
//! arrive: through samples, acts and events, as they come in service.

use crate::service::{Service, active, catalogue, probe, rule, system};
use domain::accounting::{Figures, account};
use domain::act::{Act, Selector};
use domain::catalogue::{Affects, Catalogue, Customer, Rule, Single, System};
use domain::event::Delivery;
use domain::id::{OutageId, PolicyId, SystemId};
use domain::policy::{Policy, Target};
use domain::record::Record;
use domain::span::Span;
use jiff::{SignedDuration, Timestamp};

/// A Thursday, on which the weekly rules hold.
const ORIGIN: &str = "2026-10-01T00:00:00Z";
const HOUR_S: i64 = 3600;
/// An hour, a sample of each probe every minute.
const ROUNDS: i64 = 60;
const ROUND_S: i64 = 60;

/// Numbers that look random and are the same on every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn of(seed: u64, what: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ what.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    fn below(&mut self, n: u64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((z ^ (z >> 31)) % n).unwrap()
    }
}

/// Ids of which one often begins another: `s1`, `s10`, `s100`.
fn id(n: u64) -> String {
    format!("s{}", n + 1)
}

fn policy(name: &str, allowance_s: Option<i64>, shorter_s: i64, degraded: bool) -> Policy {
    Policy {
        name: name.into(),
        degraded_is_down: degraded,
        ignore_shorter_s: shorter_s,
        ..crate::service::policy(name, allowance_s)
    }
}

fn made(seed: u64, n: u64) -> System {
    let mut dice = Dice::of(seed, n);
    let mut made = system(&id(n));
    made.probes = ["p", "q", "r"][..usize::try_from(1 + dice.below(3)).unwrap()]
        .iter()
        .map(|name| {
            let mut probe = probe(&id(n), name);
            let limits = active(&mut probe);
            limits.interval_ms = ROUND_S * 1000;
            limits.failures = u32::try_from(1 + dice.below(3)).unwrap();
            limits.recoveries = u32::try_from(1 + dice.below(2)).unwrap();
            probe
        })
        .collect();
    if let Some(last) = made.probes[1..].last_mut().filter(|_| dice.below(2) == 0) {
        last.affects = Affects::Degradation;
    }
    let start = format!("00:{:02}:00", 10 + dice.below(40));
    made.windows = match dice.below(3) {
        0 => vec![],
        1 => vec![Rule {
            tell: true,
            ..rule("told", &start, 1_200, Some(300))
        }],
        _ => vec![rule("quiet", &start, 2_400, None)],
    };
    made.policy = [None, Some("capped"), Some("lenient")][usize::try_from(dice.below(3)).unwrap()]
        .map(PolicyId::from);
    made.target = Some(Target { ppm: 990_000 });
    made
}

/// These systems with five customers. Each depends on every fifth system, the last on all.
fn configured(seed: u64, systems: &[u64]) -> Catalogue {
    let mut made: Vec<System> = systems.iter().map(|n| made(seed, *n)).collect();
    made.sort_by(|a, b| a.id.cmp(&b.id));
    let mut service = catalogue(made);
    service.policies = vec![
        policy("capped", Some(600), 0, true),
        policy("lenient", None, 200, false),
    ];
    service.customers = (0..5)
        .map(|c| Customer {
            id: format!("c{c}").as_str().into(),
            name: format!("Customer {c}"),
            zone: "UTC".into(),
            phone: None,
            webhook: None,
            contacts: vec![format!("it@c{c}.example")],
            systems: systems
                .iter()
                .filter(|n| c == 4 || **n % 5 == c)
                .map(|n| SystemId::from(id(*n)))
                .collect(),
        })
        .collect();
    service
}

/// The samples of a system's probes, round by round.
fn letters(seed: u64, n: u64, probe: u64) -> Vec<char> {
    let mut dice = Dice::of(seed ^ 77, n * 8 + probe);
    let mut letters = Vec::new();
    while i64::try_from(letters.len()).unwrap() < ROUNDS {
        let well = 5 + dice.below(40);
        let ill = if dice.below(3) == 0 {
            1
        } else {
            1 + dice.below(12)
        };
        let letter = ['D', 'D', 'D', 'S', '?', '.'][usize::try_from(dice.below(6)).unwrap()];
        letters.extend((0..well).map(|_| 'U').chain((0..ill).map(|_| letter)));
    }
    letters
}

/// Something that somebody does about one system, by a fresh number of it.
fn acts(record: &Record, seed: u64, n: u64, round: i64, now: Timestamp) -> Option<Act> {
    let mut dice = Dice::of(seed ^ 991, n * 1_000 + u64::try_from(round).unwrap());
    let back = |s: i64| now.checked_sub(SignedDuration::from_secs(s)).unwrap();
    let ahead = |s: i64| now.checked_add(SignedDuration::from_secs(s)).unwrap();
    let system = SystemId::from(id(n));
    let last = || -> Option<&domain::record::Outage> {
        let known = record.systems.get(&system)?;
        record.outages.get(known.outages.last()?).map(|o| &**o)
    };
    let approved_by = Some("lee".to_owned());
    let length = 60 + dice.below(600);
    Some(match dice.below(90) {
        0 => Act::DeclareOutage {
            system,
            from: back(length),
            to: Some(back(length / 3)),
            evidence: "calls".into(),
        },
        1 => Act::MonitorFault {
            system,
            from: back(length),
            to: back(length / 3),
            evidence: "expired".into(),
            approved_by: "lee".into(),
        },
        2 => Act::Exclude {
            outage: Selector::Id(last()?.id),
            from: last()?.start,
            to: last()?.end?,
            reason: "theirs".into(),
            evidence: "mail".into(),
            approved_by,
        },
        3 => Act::Reclassify {
            outage: Selector::Id(last()?.id),
            reason: "not agreed".into(),
        },
        4 => Act::ScheduleMaintenance(Single {
            id: format!("w-{}-{round}", id(n)).as_str().into(),
            systems: vec![system],
            title: "Move".into(),
            impact: None,
            start: ahead(300),
            end: ahead(300 + 2 * length),
            max_downtime_s: Some(length),
            min_notice_s: None,
            start_grace_s: None,
            override_reason: None,
            announce_s: Vec::new(),
        }),
        _ => return None,
    })
}

/// An hour of those systems, everything at the same instants whoever else is there. One of the
/// customers cannot be reached.
fn played(seed: u64, systems: &[u64]) -> Service {
    let mut service = Service::with(ORIGIN, configured(seed, systems));
    let of = |n: &u64| {
        let probes = made(seed, *n).probes;
        let rows = (0..)
            .zip(probes)
            .map(|(p, probe)| (probe.id, letters(seed, *n, p)));
        (*n, rows.collect::<Vec<_>>())
    };
    let rows: Vec<_> = systems.iter().map(of).collect();
    for round in 0..ROUNDS {
        let offset = round * ROUND_S;
        service.tick(offset);
        for p in 0..3 {
            for (probe, row) in rows.iter().filter_map(|(_, probes)| probes.get(p)) {
                let letter = row[usize::try_from(round).unwrap()];
                if letter != '.' {
                    service.sample(probe.as_str(), offset + i64::try_from(p).unwrap(), letter);
                }
            }
        }
        for n in systems {
            let now = service.second(offset + 30);
            if let Some(act) = acts(&service.record, seed, *n, round, now) {
                // A refusal must be the same too; whether it is one does not matter.
                let _ = service.act(now, "kim", act);
            }
        }
        service.tick(offset + 40);
        while let Some(notice) = service.due().into_iter().next() {
            let to = notice.recipient.address.to_string();
            let refused = seed % 5 < 4 && to == format!("it@c{}.example", seed % 5);
            let id = service.begin_attempt(&notice);
            let result = if refused {
                Delivery::Rejected
            } else {
                Delivery::Accepted
            };
            service.end_attempt(id, result);
        }
    }
    // Both ledgers speak up to the same instant.
    service.stop(3 * HOUR_S);
    service
}

/// Everything that a report counts of a system; its outages in their order, without the numbers
/// that the ledger gave them.
fn figures(service: &Service, n: u64) -> (Figures, Vec<String>) {
    let id = SystemId::from(id(n));
    let record = &service.record;
    let period = Span::new(service.origin, service.second(3 * HOUR_S));
    let history = record.history(&id, period);
    let zone = record.zone_of(&id).unwrap();
    let target = record.catalogue.system(id.as_str()).unwrap().target;
    let as_of = record.as_of.unwrap();
    let mut figures = account(
        &history,
        period,
        &zone,
        record.policy_of(&id),
        target,
        as_of,
    );
    let known: Vec<OutageId> = history.outages.iter().map(|o| o.id).collect();
    let renamed = |id: &mut OutageId| {
        let position = known.iter().position(|k| k == id).unwrap();
        *id = OutageId(position as u64 + 1);
    };
    figures
        .by_outage
        .iter_mut()
        .for_each(|o| renamed(&mut o.id));
    for outage in &mut figures.merged {
        outage.outages.iter_mut().for_each(renamed);
        renamed(&mut outage.representative);
    }
    let windows = history.windows.iter().map(|w| format!("{w:?}"));
    (figures, windows.collect())
}

#[test]
fn a_system_has_the_same_figures_alone_and_among_a_hundred() {
    let all: Vec<u64> = (0..100).collect();
    let among = played(7, &all);
    let mut seen = Figures::default();
    for n in all {
        let together = figures(&among, n);
        let alone = figures(&played(7, &[n]), n);
        assert_eq!(alone, together, "{}", id(n));
        seen.planned_s += alone.0.planned_s;
        seen.excluded_s += alone.0.excluded_s;
        seen.unplanned_s += alone.0.unplanned_s;
        seen.unknown_s += alone.0.unknown_s;
        seen.blips += alone.0.blips;
    }
    // Every class is there to be mixed up.
    let least = [
        seen.planned_s,
        seen.excluded_s,
        seen.unplanned_s,
        seen.unknown_s,
    ];
    assert!(
        least.iter().all(|s| *s > 1_000) && seen.blips > 5,
        "{least:?}"
    );
}

/// Both probes of a system fail; of each two samples of one instant, `p` or `q` comes in first, and
/// those of `q` that late.
fn seen(first: &str, second: &str, q_late_s: i64) -> Service {
    let mut a = system("a");
    a.probes = vec![probe("a", "p"), probe("a", "q")];
    // `q` fails first and is confirmed last.
    active(&mut a.probes[1]).failures = 5;
    let mut service = Service::new(ORIGIN, vec![a]);
    let rows = [
        ("a/p", "UUUDDDDDUUUUUUDDDDSSSUUDUU"),
        ("a/q", "UDDDDDDUUUU...DDDDDSSUUUUU"),
    ];
    for (step, offset_s) in (0..26).zip((0..).step_by(30)) {
        service.tick(offset_s);
        for name in [first, second] {
            let (probe, row) = rows.iter().find(|row| row.0 == name).unwrap();
            let late_s = if name == "a/q" { q_late_s } else { 0 };
            match row.as_bytes()[step] {
                b'.' => {}
                letter => service.sample_late(probe, offset_s, char::from(letter), late_s),
            }
        }
    }
    // Both ledgers speak up to the same instant.
    service.stop(HOUR_S);
    service
}

#[test]
fn the_order_in_which_the_samples_of_one_instant_arrive_does_not_matter() {
    let told = |service: &Service| {
        let f = service.figures_of("a", 0, HOUR_S);
        let s = |at: Timestamp| at.duration_since(service.origin).as_secs();
        let outages = service.record.outages.all();
        let outages: Vec<_> = outages.map(|o| (s(o.start), o.end.map(s))).collect();
        (f.classes, (f.blips, f.blip_s), f.mtrs_s, outages)
    };
    let once = told(&seen("a/p", "a/q", 0));
    assert_eq!(once.3, [(30, Some(240)), (420, Some(570))]);
    assert!(once.0.degraded.seconds() > 0 && once.0.unknown.seconds() > 0 && once.1.0 == 1);
    assert_eq!(told(&seen("a/q", "a/p", 0)), once);
    assert_eq!(told(&seen("a/p", "a/q", 10)), once);
}

/// Three persons' acts about a day that is over, in that order.
fn said(order: &[usize]) -> Service {
    let mut all = configured(7, &[0]);
    // So that there is planned time to be taken back.
    let work = rule("outage", "00:09:00", 900, None);
    all.systems[0].windows.push(work);
    let mut service = Service::with(ORIGIN, all);
    let name = made(7, 0).probes[0].id.clone();
    for round in 0..60 {
        service.tick(round * ROUND_S);
        let letter = if matches!(round, 10..=19 | 30..=44) {
            'D'
        } else {
            'U'
        };
        service.sample(name.as_str(), round * ROUND_S, letter);
    }
    let outages: Vec<OutageId> = service.record.outages.all().map(|o| o.id).collect();
    let system = || SystemId::from(id(0));
    let at = |s| service.second(s);
    let acts = [
        Act::DeclareOutage {
            system: system(),
            from: at(500),
            to: Some(at(900)),
            evidence: "calls".into(),
        },
        Act::DeclareOutage {
            system: system(),
            from: at(800),
            to: Some(at(1_300)),
            evidence: "calls".into(),
        },
        Act::MonitorFault {
            system: system(),
            from: at(1_100),
            to: at(2_100),
            evidence: "expired".into(),
            approved_by: "lee".into(),
        },
        Act::Exclude {
            outage: Selector::Id(outages[1]),
            from: at(1_900),
            to: at(2_400),
            reason: "theirs".into(),
            evidence: "mail".into(),
            approved_by: Some("lee".into()),
        },
        Act::Reclassify {
            outage: Selector::Id(outages[0]),
            reason: "not agreed".into(),
        },
    ];
    for (n, act) in (0..).zip(order) {
        service.act_at(4_000 + n, "kim", acts[*act].clone());
    }
    // Both ledgers speak up to the same instant.
    service.stop(3 * HOUR_S);
    service
}

#[test]
fn the_order_in_which_people_speak_of_the_past_does_not_matter() {
    let mut orders = vec![vec![]];
    for _ in 0..5 {
        orders = orders
            .iter()
            .flat_map(|o: &Vec<usize>| {
                (0..5)
                    .filter(|n| !o.contains(n))
                    .map(|n| [&o[..], &[n]].concat())
            })
            .collect();
    }
    assert_eq!(orders.len(), 120);
    let counted = |order: &[usize]| {
        let mut figures = figures(&said(order), 0).0;
        figures.by_outage.clear();
        for outage in &mut figures.merged {
            outage.outages.iter_mut().for_each(|id| *id = OutageId(0));
            outage.representative = OutageId(0);
        }
        figures
    };
    let first = counted(&orders[0]);
    assert!(
        first.excluded_s > 0 && first.unknown_s > 0 && first.unplanned_s > 0,
        "{first:?}"
    );
    for order in &orders {
        assert_eq!(counted(order), first, "{order:?}");
    }
}
