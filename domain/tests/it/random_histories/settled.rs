//! A later report has the same figures for time that has long passed, unless a person, a new
//! configuration or a clock that was set back says otherwise.

use domain::accounting::{self, Classes};
use domain::id::SystemId;
use domain::record::Record;
use domain::span::Span;
use jiff::{SignedDuration, Timestamp};

use crate::service::Service;

/// After this long nothing that the watch can still learn changes a second: the longest absence, and
/// the longest run that confirms an outage or a recovery.
const SETTLED: SignedDuration = SignedDuration::from_secs(1_200);

pub fn what_has_long_passed_keeps_its_class(service: &Service) {
    let mut record = Record::default();
    let mut said: Vec<(SystemId, Span, Classes)> = Vec::new();
    let every = (service.events.len() / 8).max(1);
    for (n, (seq, event)) in service.events.iter().enumerate() {
        record.apply(*seq, event);
        if n % every != 0 {
            continue;
        }
        let past = Span::new(service.origin, event.at - SETTLED);
        if past.is_empty() {
            continue;
        }
        for system in record.systems.keys() {
            if has_silent_feed(&record, system) {
                continue;
            }
            said.push((
                system.clone(),
                past,
                classes(&record, system, past, event.at),
            ));
        }
    }
    for (system, past, said) in said {
        let now = classes(&service.record, &system, past, service.now);
        assert_eq!(said, now, "{system} over {past}\n{}", service.timeline());
    }
}

/// True while a heartbeat of the system is down. If restarts follow each other, the end of its outage may be dated back as
/// far as to its last missing beat, however long ago that is.
fn has_silent_feed(record: &Record, system: &SystemId) -> bool {
    let configured = record.catalogue.system(system.as_str());
    let mut feeds = configured
        .iter()
        .flat_map(|s| &s.probes)
        .filter(|probe| probe.active().is_none());
    feeds.any(|feed| {
        let known = record.probes.get(&feed.id);
        known.is_some_and(|known| known.down.last().is_some_and(|down| down.1.is_none()))
    })
}

fn classes(record: &Record, system: &SystemId, past: Span, as_of: Timestamp) -> Classes {
    let zone = record.zone_of(system).unwrap();
    let policy = record.policy_of(system);
    let history = record.history(system, past);
    accounting::classify(&history, past, &zone, policy, as_of)
}
