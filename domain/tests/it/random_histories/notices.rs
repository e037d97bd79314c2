//! What always holds of the messages of a history: they say what is so, once, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::{Delivery, Event, Fact};
use domain::id::{IncidentId, NoticeId, OutageId, SubscriberId, SystemId};
use domain::input::Input;
use domain::notice::{Address, Kind, Notice};
use domain::record::{Record, Standing};

use crate::service::{Service, key};

/// Calls `check` before each event, with the record as of the event before.
pub(super) fn each(service: &Service, mut check: impl FnMut(&Record, u64, &Event)) {
    let mut record = Record::default();
    for (seq, event) in &service.events {
        check(&record, *seq, event);
        record.apply(*seq, event);
    }
    assert_eq!(record, service.record, "replay gives the same record");
}

/// Calls `check` before the first attempt of each message.
fn each_message(service: &Service, mut check: impl FnMut(&Record, u64, &Notice)) {
    each(service, |record, seq, event| {
        if let Fact::DeliveryAttempted {
            message: Some(notice),
            ..
        } = &event.fact
        {
            check(record, seq, notice);
        }
    });
}

/// When nothing waits any more, each address knows how each of its systems is.
pub fn each_address_knows_the_truth_in_the_end(service: &mut Service) {
    for _ in 0..200 {
        // The service decides what is due before it composes messages.
        service.input(service.now, Input::Tick);
        service.deliver_due(Delivery::Accepted);
        let wake =
            domain::notices::next_wake(&service.record, service.watch.doubted(), service.now);
        match wake {
            Some(wake) => service.now = wake,
            None => break,
        }
    }
    let wake = domain::notices::next_wake(&service.record, service.watch.doubted(), service.now);
    assert!(
        service.due().is_empty() && wake.is_none(),
        "due {:#?}, wake {wake:?}\n{}",
        service.due(),
        service.timeline_without_probes()
    );
    let held: Vec<_> = service.record.notices.unsent().collect();
    let held = held.iter().find(|(_, o)| {
        let mut systems = o.notice.systems();
        !systems.any(|s| !is_heard(&service.record, s) || service.record.has_open_outage(s))
    });
    assert!(
        held.is_none(),
        "unsent {held:#?}\n{}",
        service.timeline_without_probes()
    );
    every_address_knows_the_truth(service);
}

pub fn one_attempt_at_a_time_is_under_way_to_an_address(service: &Service) {
    each(service, |record, seq, event| {
        if let Fact::DeliveryAttempted { notice, .. } = &event.fact {
            let address = &service.message(*notice).notice.recipient.address;
            let all = record.notices.messages();
            let all = all.chain(record.notices.to_subscribers());
            let mut others = all.map(|(_, o)| o);
            let under_way = others.any(|o| {
                o.notice.recipient.address == *address
                    && matches!(o.standing, Standing::Attempting(_))
            });
            assert!(!under_way, "#{seq} {address}");
        }
    });
}

/// No message says that a system is up that is known to be down or flapping.
pub fn no_recovery_leaves_while_the_system_is_down(service: &Service) {
    each_message(service, |record, seq, notice| {
        if !matches!(notice.kind, Kind::Uptime | Kind::MaintenanceCompleted) {
            return;
        }
        for system in notice.systems() {
            let open = record.has_open_outage(system);
            let flapping = record.unstable.contains(system);
            assert!(!open && !flapping, "#{seq} {}", key(notice));
        }
    });
}

/// No update of an incident leaves before the news of its outages, and no address gets one update twice.
pub fn every_update_arrives_once_after_its_downtime(service: &Service) {
    let mut got: BTreeSet<(Address, Option<IncidentId>, u32)> = BTreeSet::new();
    each(service, |record, seq, event| match &event.fact {
        Fact::DeliveryAttempted {
            message: Some(notice),
            ..
        } if matches!(notice.kind, Kind::Update | Kind::Correction) => {
            let address = &notice.recipient.address;
            let incident = record.incidents.get(notice.incident.unwrap()).unwrap();
            for id in &incident.outages {
                let outage = record.outages.get(id).unwrap();
                let entry = record.notices.outage_entry(*id, address);
                let owed = entry.is_some_and(|e| e.is_open() && e.began.is_owed());
                let counts = outage.counts_from().is_some();
                assert!(!(counts && owed), "#{seq} {}", key(notice));
            }
        }
        Fact::DeliveryEnded {
            notice,
            result: Delivery::Accepted,
            ..
        } => {
            let notice = &service.message(*notice).notice;
            for words in &notice.words {
                let said = (
                    notice.recipient.address.clone(),
                    notice.incident,
                    words.number,
                );
                assert!(got.insert(said), "#{seq} {}", key(notice));
            }
        }
        _ => {}
    });
}

/// No reminder leaves once its window has begun, and no address gets one of the same time twice.
pub fn every_reminder_leaves_before_its_window(service: &Service) {
    let mut reminded: BTreeSet<(Address, String, u64)> = BTreeSet::new();
    each(service, |record, seq, event| match &event.fact {
        Fact::DeliveryAttempted { notice, .. } => {
            let notice = &service.message(*notice).notice;
            if notice.kind == Kind::MaintenanceReminder {
                let window = notice.window.as_ref().unwrap();
                let begun = record.maintenance.has_begun(&window.id);
                assert!(
                    event.at < window.span.from && !begun,
                    "#{seq} {}",
                    key(notice)
                );
            }
        }
        Fact::DeliveryEnded {
            notice,
            result: Delivery::Accepted,
            ..
        } => {
            let notice = &service.message(*notice).notice;
            let window = notice.window.as_ref();
            let window = window.filter(|_| notice.kind == Kind::MaintenanceReminder);
            if let Some(window) = window {
                let address = notice.recipient.address.clone();
                let entries = record.notices.window_entries();
                let own = entries.filter(|(to, e)| **to == address && e.window.id == window.id);
                let own = own.filter(|(_, e)| e.kind == notice.kind && e.known.is_owed());
                let cause = own.map(|(_, e)| e.cause).max();
                let said = (address, window.id.to_string(), cause.unwrap_or(0));
                assert!(reminded.insert(said), "#{seq} {}", key(notice));
            }
        }
        _ => {}
    });
}

/// No message says that a system is down that is known to be up.
pub fn no_downtime_leaves_once_it_is_over(service: &Service) {
    each_message(service, |record, seq, notice| {
        if notice.kind != Kind::Downtime {
            return;
        }
        for row in notice.affected.iter().filter(|row| row.to.is_none()) {
            let mut outages = row.outages().filter_map(|o| record.outages.get(&o));
            let open = outages.any(|o| o.end.is_none());
            assert!(open, "#{seq} {}", key(notice));
        }
    });
}

/// An accepted message about an outage is not repeated: neither that it began nor that it is over.
/// Flapping is told to those who know of the outage, too.
pub fn nothing_is_told_twice(service: &Service) {
    let mut said: BTreeSet<(Address, OutageId, &str)> = BTreeSet::new();
    let mut flapping: BTreeMap<NoticeId, BTreeSet<SystemId>> = BTreeMap::new();
    let left = who_left(service);
    each(service, |record, seq, event| {
        if let Fact::DeliveryAttempted { notice, .. } = &event.fact {
            let systems = record.unstable.iter().cloned().collect();
            flapping.entry(*notice).or_insert(systems);
        }
        let Fact::DeliveryEnded {
            notice,
            result: Delivery::Accepted,
            ..
        } = &event.fact
        else {
            return;
        };
        let outgoing = service.message(*notice);
        // A message that was lost may have been followed by one that says both.
        if outgoing.lost > 0 || left.contains(&outgoing.notice.recipient.address) {
            return;
        }
        let flaps = &flapping[notice];
        let notice = &outgoing.notice;
        for row in &notice.affected {
            let Some(outage) = row.outage else { continue };
            let what = match (row.to, &row.flapping) {
                (Some(_), _) if !flaps.contains(&row.system) => "over",
                (_, Some(_)) => "flapping",
                (_, None) => "down",
            };
            let address = notice.recipient.address.clone();
            let news = said.insert((address, outage, what));
            assert!(
                news,
                "#{seq} {} {what} {outage}\n{}",
                key(notice),
                service.timeline_without_probes()
            );
        }
    });
}

/// An `uptime` says both only if no relay accepted a message that one of its outages goes on.
pub fn an_uptime_that_says_both_repeats_nothing(service: &Service) {
    let mut accepted: BTreeSet<(Address, OutageId)> = BTreeSet::new();
    let left = who_left(service);
    each(service, |_, seq, event| match &event.fact {
        Fact::DeliveryEnded { notice, result, .. } => {
            let notice = &service.message(*notice).notice;
            let accepted_now =
                *result == Delivery::Accepted && !left.contains(&notice.recipient.address);
            // After a recovery that was refused or lost twice nothing more is owed about its outages.
            let closed = *result != Delivery::Deferred;
            for row in &notice.affected {
                for outage in row.outages() {
                    let key = (notice.recipient.address.clone(), outage);
                    if row.says_over(outage) && closed {
                        accepted.remove(&key);
                    } else if !row.says_over(outage) && accepted_now {
                        accepted.insert(key);
                    }
                }
            }
        }
        Fact::DeliveryAttempted {
            message: Some(notice),
            ..
        } if notice.includes_downtime => {
            let address = &notice.recipient.address;
            let mut outages = notice.outages();
            let known = outages.find(|o| accepted.contains(&(address.clone(), *o)));
            let timeline = service.timeline_without_probes();
            assert_eq!(known, None, "#{seq} {}\n{timeline}", key(notice));
        }
        _ => {}
    });
}

/// An `uptime` says only that a system is up again if its address may have read that it was down.
pub fn an_uptime_answers_a_downtime_or_says_both(service: &Service) {
    let mut down: BTreeSet<(Address, SystemId)> = BTreeSet::new();
    each(service, |_, seq, event| match &event.fact {
        Fact::DeliveryEnded { notice, result, .. } => {
            let may_have_arrived = matches!(result, Delivery::Accepted | Delivery::Ambiguous);
            let notice = &service.message(*notice).notice;
            let address = &notice.recipient.address;
            for row in notice.affected.iter().filter(|_| may_have_arrived) {
                let key = (address.clone(), row.system.clone());
                match notice.kind {
                    Kind::Downtime | Kind::MaintenanceOverrun => down.insert(key),
                    Kind::Uptime if *result == Delivery::Accepted => down.remove(&key),
                    _ => false,
                };
            }
        }
        Fact::DeliveryAttempted {
            message: Some(notice),
            ..
        } if notice.kind == Kind::Uptime && !notice.includes_downtime => {
            for system in notice.systems() {
                let key = (notice.recipient.address.clone(), system.clone());
                assert!(
                    down.contains(&key),
                    "#{seq} {}\n{}",
                    crate::service::key(notice),
                    service.timeline_without_probes()
                );
            }
        }
        _ => {}
    });
}

/// A row of an `uptime` covers its outages from the first start to the last end.
pub fn one_downtime_has_one_end(service: &Service) {
    if !service.record.monitoring.repeated().is_empty() {
        return;
    }
    each_message(service, |record, seq, notice| {
        if notice.kind != Kind::Uptime {
            return;
        }
        for row in &notice.affected {
            for one in row.outages().map(|o| record.outages.get(&o).unwrap()) {
                let planned = one.counts_from().is_none();
                let covered = row.from.unwrap() <= one.start && row.to >= one.end;
                assert!(covered || planned, "#{seq} {}: {}", key(notice), one.id);
            }
        }
    });
}

/// A configuration makes no system available: the recovery from an outage whose probe was taken
/// away waits until the system was heard.
pub fn a_configuration_is_no_recovery(service: &Service) {
    each_message(service, |record, seq, notice| {
        if notice.kind != Kind::Uptime {
            return;
        }
        let outages = notice.outages().filter_map(|o| record.outages.get(&o));
        for outage in outages.filter(|o| o.is_unwatched()) {
            assert!(is_heard(record, &outage.system), "#{seq} {}", key(notice));
        }
    });
}

fn is_heard(record: &Record, system: &SystemId) -> bool {
    let configured = record.catalogue.system(system.as_str());
    configured.is_some_and(|s| s.deciding().next().is_some()) && !record.is_unknown(system)
}

/// Flapping begins and ends by its events only.
pub fn flapping_is_told_by_its_events(service: &Service) {
    let mut flapping: BTreeSet<SystemId> = BTreeSet::new();
    each(service, |record, seq, event| match &event.fact {
        Fact::Flapping { system, .. } => {
            flapping.insert(system.clone());
        }
        Fact::FlappingEnded { system, .. } => {
            assert!(flapping.remove(system), "#{seq}: {system} was not flapping");
        }
        Fact::Configured { catalogue } => {
            // The flapping of a system that loses its last probe is over.
            let watched = |s: &domain::catalogue::System| s.deciding().next().is_some();
            let before = |id: &SystemId| record.catalogue.system(id.as_str()).is_some_and(watched);
            flapping.retain(|id| {
                let known = catalogue.system(id.as_str());
                known.is_some_and(|s| watched(s) || !before(id))
            });
        }
        _ => {}
    });
    let left: BTreeSet<SystemId> = service.record.unstable.iter().cloned().collect();
    assert_eq!(left, flapping);
}

/// The people who took a system out of their choice. They are not told of its recovery, and what they knew counts no more
/// if they choose it again.
fn who_left(service: &Service) -> BTreeSet<Address> {
    let mut chosen: BTreeMap<SubscriberId, &[SystemId]> = BTreeMap::new();
    let mut left = BTreeSet::new();
    for (_, event) in &service.events {
        if let Fact::SubscriptionChanged {
            subscriber,
            systems,
            ..
        } = &event.fact
        {
            let before = chosen.insert(*subscriber, systems).unwrap_or_default();
            if before.iter().any(|system| !systems.contains(system)) {
                left.insert(Address::Subscriber(*subscriber));
            }
        }
    }
    left
}

/// What each address read last of each system is so: the accepted messages, in their order.
/// An address that a message may have reached twice or never proves nothing.
pub fn every_address_knows_the_truth(service: &Service) {
    let record = &service.record;
    let mut last: BTreeMap<(String, SystemId), bool> = BTreeMap::new();
    let mut uncertain: BTreeSet<String> = BTreeSet::new();
    uncertain.extend(who_left(service).iter().map(Address::to_string));
    let accepted = service.events.iter().filter_map(|(_, e)| match &e.fact {
        Fact::DeliveryEnded { notice, result, .. } => Some((*notice, *result)),
        _ => None,
    });
    for (id, result) in accepted {
        let notice = &service.message(id).notice;
        let address = notice.recipient.address.to_string();
        match result {
            Delivery::Accepted => {}
            Delivery::Deferred => continue,
            Delivery::Ambiguous | Delivery::Rejected => {
                uncertain.insert(address);
                continue;
            }
        }
        for system in notice.systems() {
            let mut rows = notice.affected.iter().filter(|a| a.system == *system);
            let down = match notice.kind {
                Kind::Downtime | Kind::MaintenanceOverrun => {
                    rows.any(|a| a.to.is_none() || a.flapping.is_some())
                }
                Kind::Uptime | Kind::MaintenanceCompleted => false,
                _ => continue,
            };
            last.insert((address.clone(), system.clone()), down);
        }
    }
    for ((address, system), down) in &last {
        let configured = record.catalogue.system(system.as_str()).is_some();
        if uncertain.contains(address) || !configured {
            continue;
        }
        let known = &record.systems[system];
        let outages = known.outages.iter().map(|o| record.outages.get(o).unwrap());
        let open = outages
            .clone()
            .any(|o| o.end.is_none() && o.counts_from().is_some());
        let unknown = outages
            .clone()
            .any(|o| o.end.is_some() && record.notices.open_outages().contains(&o.id));
        let held = record.unstable.contains(system) || unknown || record.has_open_outage(system);
        assert!(
            !*down || open || held,
            "{address} read last that {system} is down\n{}",
            service.timeline_without_probes()
        );
        let has = record.catalogue.customers_of(system);
        let mut has = has.filter(|c| c.contacts.contains(address));
        assert!(
            *down || !open || has.next().is_none(),
            "{address} read last that {system} is up\n{}",
            service.timeline_without_probes()
        );
    }
}
