//! Properties that hold in every history.

use std::collections::BTreeMap;

use domain::accounting;
use domain::catalogue::Affects;
use domain::event::Fact;
use domain::id::SystemId;
use domain::record::{Outage, Record};
use domain::span::Span;

use crate::service::Service;

pub fn spans_are_in_order(service: &Service) {
    let ordered = |name: &str, what: &str, spans: &[(jiff::Timestamp, Option<jiff::Timestamp>)]| {
        for span in spans {
            assert!(
                span.1.is_none_or(|to| span.0 <= to),
                "{name} {what} {span:?}"
            );
        }
        for pair in spans.windows(2) {
            let end = pair[0].1;
            assert!(
                end.is_some_and(|end| end <= pair[1].0),
                "{name} {what} {pair:?}"
            );
        }
    };
    for (name, known) in service.record.probes.all() {
        let silent: Vec<_> = known.silent.iter().map(|s| (s.0, s.1)).collect();
        ordered(name.as_str(), "life", &known.life);
        ordered(name.as_str(), "down", &known.down);
        ordered(name.as_str(), "degraded", &known.degraded);
        ordered(name.as_str(), "silent", &silent);
    }
    for (name, known) in &service.record.systems {
        ordered(name.as_str(), "life", &known.life);
        // One that was over before the clock was set back stays where people were told it was.
        let overtaken = |o: &Outage| o.closed_at.is_some();
        let set_back = !service.record.monitoring.repeated().is_empty();
        let outages: Vec<_> = known
            .outages
            .iter()
            .map(|o| service.record.outages.get(o).unwrap())
            .filter(|o| o.declared.is_none() && !(set_back && overtaken(o)))
            .map(|o| (o.start, o.end))
            .collect();
        ordered(name.as_str(), "outages", &outages);
    }
}

/// Every second has one class, and time that occurs twice is unknown.
pub fn every_second_has_one_class(service: &Service) {
    let late = service.events.iter().map(|(_, e)| e.at).max().unwrap();
    let period = Span::new(service.second(-600), late.max(service.now));
    for system in service.record.systems.keys() {
        let zone = service.record.zone_of(system).unwrap();
        let policy = service.record.policy_of(system);
        let history = service.record.history(system, period);
        let f = accounting::account(&history, period, &zone, policy, None, service.now);
        let sum = f.up_s + f.planned_s + f.excluded_s + f.unplanned_s + f.unknown_s;
        assert_eq!(sum, f.agreed_s, "{system}");
        for outage in history.outages.iter().filter(|o| !o.declared) {
            assert!(
                outage.end.is_none_or(|end| outage.start <= end),
                "{outage:?}"
            );
        }
        if history.outages.iter().any(|o| o.declared) {
            continue;
        }
        for twice in service.record.monitoring.repeated().iter() {
            let over = Span::new(twice.from, twice.to.min(service.now));
            let f = accounting::account(&history, over, &zone, policy, None, service.now);
            assert_eq!(f.unknown_s, f.agreed_s, "{system} {twice}");
        }
    }
}

/// An outage that is over was seen to end, or is said to be no longer watched; and of the second
/// nobody is told that its system is up before all of it was heard.
pub fn a_configuration_makes_nothing_available(service: &Service) {
    let set_back = !service.record.monitoring.repeated().is_empty();
    let mut record = Record::default();
    let mut ends: BTreeMap<jiff::Timestamp, u64> = BTreeMap::new();
    for (seq, event) in &service.events {
        match &event.fact {
            Fact::ProbeUp { to, .. } => {
                ends.insert(*to, *seq);
            }
            Fact::OutageClosed {
                outage,
                end,
                unobserved: None,
            } => {
                // Where a probe began to decide while it was down, it may have been up before.
                let begun = record.outages.get(outage).unwrap().start == *end;
                let before = || ends.range(..*end).any(|(_, seen)| *seen > outage.0);
                let seen = ends.contains_key(end) || (begun && before());
                assert!(set_back || seen, "#{seq} {outage} ends {end}");
            }
            _ => {}
        }
        record.apply(*seq, event);
    }
}

/// No outage is said to have been over for certain before the last of its probes was seen to be good.
pub fn no_end_is_surer_than_what_was_seen(service: &Service) {
    let mut record = Record::default();
    let mut seen: BTreeMap<&SystemId, Vec<Option<Span>>> = BTreeMap::new();
    for (seq, event) in &service.events {
        match &event.fact {
            Fact::OutageOpened { system, .. } => {
                seen.insert(system, Vec::new());
            }
            // One that began to decide while it was silent was not seen down since: of its end
            // the rest is as sure as ever.
            Fact::Configured { .. } => seen.clear(),
            Fact::ProbeUp {
                source, unobserved, ..
            } => {
                let decides = record.catalogue.probe(&source.probe);
                let decides = decides.is_some_and(|p| p.affects == Affects::Availability);
                let seen = seen.iter_mut();
                let mut seen = seen.filter(|(s, _)| decides && s.as_str() == source.probe.system());
                if let Some((_, all)) = seen.next() {
                    all.push(*unobserved);
                }
            }
            Fact::OutageClosed {
                outage,
                end,
                unobserved,
            } => {
                let all = seen.remove(&record.outages.get(outage).unwrap().system);
                let last = all.into_iter().flatten().flatten().map(|span| span.to);
                let sure = unobserved.map_or(*end, |span| span.to);
                // Where the clock was set back, what was seen by its former time is no later.
                let set_back = !record.monitoring.repeated().is_empty();
                let surer = last.max().filter(|last| sure < *last && !set_back);
                assert_eq!(surer, None, "#{seq} {outage} ends {end}");
            }
            _ => {}
        }
        record.apply(*seq, event);
    }
}
