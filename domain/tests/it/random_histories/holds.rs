//! What always holds of a history, however it was lived.

use std::collections::{BTreeMap, BTreeSet};

use domain::accounting;
use domain::catalogue::Affects;
use domain::event::Fact;
use domain::heard::Heard;
use domain::id::{NoticeId, OutageId, SystemId};
use domain::notice::{Affected, Kind};
use domain::record::{Outage, Outgoing, Record, Standing};
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
    for (name, known) in &service.record.probes {
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
        let set_back = !service.record.repeated.is_empty();
        let outages: Vec<_> = known
            .outages
            .iter()
            .map(|o| &service.record.outages[o])
            .filter(|o| o.declared.is_none() && !(set_back && overtaken(o)))
            .map(|o| (o.start, o.end))
            .collect();
        ordered(name.as_str(), "outages", &outages);
    }
}

pub fn about(out: &Outgoing, outage: OutageId) -> Option<&Affected> {
    let mut said = out.notice.affected.iter();
    said.find(|a| a.outage == Some(outage))
}

/// The notice that says instead what this one was to say of an outage.
pub fn said_instead(service: &Service, out: &Outgoing, outage: OutageId) -> bool {
    match &out.standing {
        Standing::Folded(Some(into)) => {
            let mut said = service.record.notices[into].notice.affected.iter();
            said.any(|a| a.outages().any(|o| o == outage))
        }
        _ => false,
    }
}

/// Whether a notice of a later outage says what this one was to say and might not bring.
fn taken_over(service: &Service, id: NoticeId) -> bool {
    let mut notices = service.record.notices.values().map(|o| &o.notice);
    notices.any(|n| n.kind != Kind::Uptime && n.after.contains(&id))
}

/// Every second has one class, and what passed twice vouches for nothing.
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
        for twice in service.record.repeated.iter() {
            let over = Span::new(twice.from, twice.to.min(service.now));
            let f = accounting::account(&history, over, &zone, policy, None, service.now);
            assert_eq!(f.unknown_s, f.agreed_s, "{system} {twice}");
        }
    }
}

/// At no event after which something was sent, and not at the end, when nothing waits any more.
pub fn nobody_is_left_with_what_is_not_so(service: &Service) {
    let mut record = Record::default();
    let mut heard = Heard::default();
    for (n, (seq, event)) in service.events.iter().enumerate() {
        record.apply(*seq, event);
        heard.take_in(&record, event);
        // What a fact entails comes after it in the same turn: what folds after the end of an
        // attempt, all of it before the next attempt.
        let next = service.events.get(n + 1).map(|(_, e)| &e.fact);
        let ended = matches!(event.fact, Fact::DeliveryEnded { .. });
        if match next {
            Some(Fact::NoticeFolded { .. }) => false,
            Some(Fact::DeliveryAttempted { .. }) | None => true,
            Some(_) => ended,
        } {
            let found = heard.contradictions(&record);
            assert_eq!(
                found,
                [],
                "after event {seq} of\n{}",
                service.timeline_without_probes()
            );
        }
    }
    // That work is completed is not said while the system is down.
    let down = |o: &Outgoing| {
        o.notice.kind == Kind::MaintenanceCompleted
            && o.notice.systems().any(|s| record.has_open_outage(s))
    };
    let waits = |o: &&Outgoing| !o.standing.is_final() && !down(o);
    for waiting in record.notices.values().map(|o| &**o).filter(waits) {
        // Only what was put off and is not due again may still wait, and what must follow it.
        let put_off = |id: &NoticeId| {
            let known = record.notices.get(id);
            known.is_some_and(|o| !o.standing.is_final() && o.attempts > 0)
        };
        let follows = waiting.notice.after.iter().any(put_off);
        let key = &waiting.notice.key;
        assert!(waiting.attempts > 0 || follows, "never tried: {key}");
    }
}

/// Up follows down: of no outage's end anybody is told while what told of it is still to come.
pub fn no_recovery_leaves_before_what_it_answers(service: &Service) {
    let mut record = Record::default();
    for (seq, event) in &service.events {
        if let Fact::DeliveryAttempted { notice, .. } = &event.fact {
            let sent = &record.notices[notice].notice;
            let down = |s: &SystemId| record.has_open_outage(s);
            let available = sent.kind == Kind::MaintenanceCompleted;
            assert!(
                !available || !sent.systems().any(down),
                "#{seq} {}",
                sent.key
            );
            let said = sent.affected.iter().flat_map(Affected::outages);
            for outage in said.filter(|_| sent.kind == Kind::Uptime) {
                let told = record.outages[&outage].told.iter();
                let told = told.map(|n| &record.notices[n]);
                for before in told.filter(|o| o.notice.recipient == sent.recipient) {
                    let over = before.standing.is_final();
                    assert!(over, "#{seq} {} before {}", sent.key, before.notice.key);
                }
            }
            // Of two on their way at once nobody knows which is read last.
            let down = |a: &&Affected| sent.kind != Kind::Uptime && a.to.is_none();
            for affected in sent
                .affected
                .iter()
                .filter(|a| a.outage.is_some())
                .filter(down)
            {
                // While it lasts: that work is completed is true again once it is over, and whichever
                // is read last, the recovery comes after.
                let open = affected.outage.map(|o| record.outages[&o].end.is_none());
                let overtaken = record.notices.values().find(|o| {
                    let completed = o.notice.kind == Kind::MaintenanceCompleted;
                    (o.notice.kind == Kind::Uptime || completed && open == Some(true))
                        && o.notice.recipient == sent.recipient
                        && matches!(o.standing, Standing::Attempting(_))
                        && o.notice.systems().any(|s| *s == affected.system)
                });
                assert!(
                    overtaken.is_none(),
                    "#{seq} {} beside {overtaken:#?}",
                    sent.key
                );
                let outage = affected.outage.map(|o| &record.outages[&o]).unwrap();
                // (Of a system that was taken out nobody knows whether it is up.)
                let watched = record.catalogue.system(outage.system.as_str()).is_some();
                if outage.end.is_some() && watched {
                    let says_over = |n: &NoticeId| {
                        let o = &record.notices[n].notice;
                        o.recipient == sent.recipient && o.after.contains(notice)
                    };
                    let decided = outage.told_up.iter().any(says_over);
                    let known = &record.systems[&outage.system];
                    let follows = decided || known.unanswered.contains(&outage.id);
                    assert!(follows, "#{seq} {}: nothing answers it", sent.key);
                }
            }
        }
        record.apply(*seq, event);
    }
}

/// Whoever is a customer throughout reads of no recovery that was stale when it was sent.
pub fn no_recovery_leaves_while_it_is_known_to_be_down(service: &Service) {
    let mut record = Record::default();
    for (seq, event) in &service.events {
        if let Fact::DeliveryAttempted { notice, .. } = &event.fact {
            let sent = &record.notices[notice].notice;
            let recovery = sent.kind == Kind::Uptime;
            for system in sent.systems().filter(|_| recovery) {
                let known = record.systems[system].outages.iter();
                let open = known
                    .map(|o| &record.outages[o])
                    .find(|o| o.end.is_none() && o.counts_from().is_some());
                assert!(open.is_none(), "#{seq} {}: {open:#?}", sent.key);
            }
        }
        record.apply(*seq, event);
    }
}

pub fn everybody_told_once(service: &Service, configured: bool) {
    let keys: Vec<_> = service
        .record
        .notices
        .values()
        .map(|o| &o.notice.key)
        .collect();
    let unique: BTreeSet<_> = keys.iter().collect();
    assert_eq!(unique.len(), keys.len(), "keys are unique");
    for outage in service.record.outages.values() {
        // That it is unstable is news also to those who know that it is down.
        let mut down: BTreeMap<(&str, bool), usize> = BTreeMap::new();
        let mut up: BTreeMap<&str, usize> = BTreeMap::new();
        let mut answered: BTreeSet<&str> = BTreeSet::new();
        for (id, out) in &service.record.notices {
            let recipient = out.notice.recipient.as_str();
            let mut affected = out.notice.affected.iter();
            if out.notice.kind == Kind::Uptime
                && affected.any(|a| a.outages().any(|o| o == outage.id))
            {
                answered.insert(recipient);
            }
            let Some(said) = about(out, outage.id) else {
                continue;
            };
            match out.notice.kind {
                // Over already: said because a notice of its recovery had not arrived.
                Kind::Downtime | Kind::MaintenanceOverrun if said.to.is_some() => {
                    up.entry(recipient).or_default();
                }
                Kind::Downtime | Kind::MaintenanceOverrun => {
                    let unstable = said.unstable.is_some();
                    *down.entry((recipient, unstable)).or_default() += 1;
                }
                // One that was never sent may be said together with something else.
                Kind::Uptime if said_instead(service, out, outage.id) => {}
                // One that was on its way when the next had to be said may have to be said again.
                Kind::Uptime if taken_over(service, *id) => {
                    up.entry(recipient).or_default();
                }
                Kind::Uptime => *up.entry(recipient).or_default() += 1,
                other => panic!("{other} about an outage"),
            }
        }
        for ((recipient, _), times) in &down {
            assert_eq!(*times, 1, "{recipient} told of {} once", outage.id);
        }
        for (recipient, times) in &up {
            assert!(
                *times <= 1,
                "{recipient} told once that {} is over",
                outage.id
            );
        }
        let over = outage.end.is_some() && !service.record.has_open_outage(&outage.system);
        if !over || configured {
            continue;
        }
        let told_planned = outage.overrun.is_none() && outage.reclassified.is_none();
        let recorded_whole = service.events.iter().any(|(_, e)| {
            matches!(e.fact, Fact::OutageDeclared { outage: o, to: Some(_), .. } if o == outage.id)
        });
        let unstable = service.record.unstable.contains(&outage.system);
        if (outage.planned && told_planned) || recorded_whole || unstable {
            continue;
        }
        for customer in service.record.catalogue.customers_of(&outage.system) {
            for contact in &customer.contacts {
                let told: Vec<_> = outage
                    .told
                    .iter()
                    .map(|n| &service.record.notices[n])
                    .filter(|o| o.notice.recipient == *contact)
                    .collect();
                let refused = !told.is_empty()
                    && told
                        .iter()
                        .all(|o| matches!(o.standing, Standing::Rejected(_)));
                let answered = answered.contains(contact.as_str());
                let reclassified_later = outage.planned && outage.overrun.is_none();
                if reclassified_later && told.is_empty() {
                    continue;
                }
                assert!(
                    answered || refused,
                    "{contact} was never told that {} is over: {outage:#?}",
                    outage.id
                );
            }
        }
    }
}

/// Of a system that is unstable every recipient hears so once, and nothing else until it is over.
pub fn an_unstable_system_is_told_once(service: &Service, configured: bool) {
    let mut unstable: BTreeMap<&SystemId, BTreeSet<&str>> = BTreeMap::new();
    let mut record = Record::default();
    for (seq, event) in &service.events {
        match &event.fact {
            Fact::Flapping { system, .. } => {
                unstable.entry(system).or_default();
            }
            Fact::FlappingEnded { system, .. } => {
                let known = unstable.remove(system);
                assert!(known.is_some(), "#{seq}: {system} was not unstable");
            }
            Fact::Configured { catalogue } => {
                // Of one that nobody watches any more it is over without a word. (One that nobody had
                // watched became so by what people declared.)
                let watched = |s: &domain::catalogue::System| s.deciding().next().is_some();
                let before = |id: &SystemId| {
                    let known = record.catalogue.system(id.as_str());
                    known.is_some_and(watched)
                };
                unstable.retain(|id, _| {
                    let known = catalogue.system(id.as_str());
                    known.is_some_and(|s| watched(s) || !before(id))
                });
            }
            Fact::NoticeQueued { notice } => {
                // It may take over a recovery that was decided before the system became unstable and
                // that did not arrive.
                let decided = |o: OutageId| !record.outages[&o].told_up.is_empty();
                let passed_on = |a: &Affected| a.to.is_some() && a.outages().all(decided);
                let about = notice.affected.iter().filter(|a| a.outage.is_some());
                for affected in about.filter(|a| !passed_on(a)) {
                    let Some(told) = unstable.get_mut(&affected.system) else {
                        continue;
                    };
                    assert_eq!(notice.kind, Kind::Downtime, "#{seq} {}", notice.key);
                    assert!(affected.unstable.is_some(), "#{seq} {}", notice.key);
                    assert!(told.insert(&notice.recipient), "#{seq} {}", notice.key);
                }
            }
            Fact::DeliveryAttempted { notice, .. } => {
                // Nor does what waited leave by itself, or beside the recovery of another system. (Who is
                // no customer any more is owed no other word.)
                let sent = &record.notices[notice].notice;
                let held = |s: &SystemId| unstable.contains_key(s) && sent.kind == Kind::Uptime;
                let leaves = !configured && sent.systems().any(held);
                assert!(!leaves, "#{seq} {}", sent.key);
            }
            _ => {}
        }
        record.apply(*seq, event);
    }
    let left: BTreeSet<&SystemId> = service.record.unstable.iter().collect();
    assert_eq!(left, unstable.keys().copied().collect());
}

/// An outage that is over was seen to end, or is said to be no longer watched; and of the second
/// nobody is told that its system is up before all of it was heard.
pub fn a_configuration_makes_nothing_available(service: &Service) {
    let set_back = !service.record.repeated.is_empty();
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
                let begun = record.outages[outage].start == *end;
                let before = || ends.range(..*end).any(|(_, seen)| *seen > outage.0);
                let seen = ends.contains_key(end) || (begun && before());
                assert!(set_back || seen, "#{seq} {outage} ends {end}");
            }
            Fact::NoticeQueued { notice } if notice.kind == Kind::Uptime => {
                let about = notice.affected.iter().filter_map(|a| a.outage);
                for outage in about.filter_map(|o| record.outages.get(&o)) {
                    let (system, new) = (&outage.system, outage.told_up.is_empty());
                    let configured = record.catalogue.system(system.as_str());
                    if new && outage.is_unwatched() {
                        let watched = configured.is_some_and(|s| s.deciding().next().is_some());
                        let heard = watched && !record.is_unknown(system);
                        assert!(heard, "#{seq} {}", notice.key);
                    }
                }
            }
            _ => {}
        }
        record.apply(*seq, event);
    }
}

/// Who reads that a system is up again has read that it was down, or reads both: as it is when the
/// notice leaves, whatever was on its way when it was decided.
pub fn up_again_says_whether_down_was_heard(service: &Service) {
    let mut record = Record::default();
    for (seq, event) in &service.events {
        if let Fact::DeliveryAttempted {
            notice, attempt, ..
        } = &event.fact
            && *attempt == 1
            && record.notices[notice].notice.kind == Kind::Uptime
        {
            let sent = &record.notices[notice].notice;
            let arrived = |id: &NoticeId| {
                let known = &record.notices[id];
                let sent_off = matches!(known.standing, Standing::Sent(_) | Standing::Ambiguous(_));
                known.notice.recipient == sent.recipient && (sent_off || known.lost > 0)
            };
            let outages = sent.affected.iter().flat_map(Affected::outages);
            let outages: Vec<&Outage> = outages.map(|o| &*record.outages[&o]).collect();
            let unanswered = |o: &&&Outage| !o.told_up.iter().any(arrived);
            let mut heard = outages.iter().filter(unanswered);
            let heard = heard.any(|o| o.told.iter().any(arrived));
            let folded = Standing::Folded(Some(*notice));
            let mut answered = sent.after.iter();
            let unsent = answered.all(|n| record.notices[n].standing == folded);
            assert_eq!(
                sent.folded,
                unsent && !heard,
                "#{seq} {}\n{}",
                sent.key,
                service.timeline_without_probes()
            );
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
                probe, unobserved, ..
            } => {
                let decides = record.catalogue.probe(probe);
                let decides = decides.is_some_and(|p| p.affects == Affects::Availability);
                let seen = seen.iter_mut();
                let mut seen = seen.filter(|(s, _)| decides && s.as_str() == probe.system());
                if let Some((_, all)) = seen.next() {
                    all.push(*unobserved);
                }
            }
            Fact::OutageClosed {
                outage,
                end,
                unobserved,
            } => {
                let all = seen.remove(&record.outages[outage].system);
                let last = all.into_iter().flatten().flatten().map(|span| span.to);
                let sure = unobserved.map_or(*end, |span| span.to);
                // Where the clock was set back, what was seen by its former time is no later.
                let set_back = !record.repeated.is_empty();
                let surer = last.max().filter(|last| sure < *last && !set_back);
                assert_eq!(surer, None, "#{seq} {outage} ends {end}");
            }
            _ => {}
        }
        record.apply(*seq, event);
    }
}

/// What people declare and what probes see of a system at the same time is one downtime: one notice
/// tells of its end, from the first of them to the last.
pub fn one_downtime_has_one_end(service: &Service) {
    let set_back = !service.record.repeated.is_empty();
    let mut record = Record::default();
    for (seq, event) in &service.events {
        if let Fact::NoticeQueued { notice } = &event.fact
            && notice.kind == Kind::Uptime
        {
            let news = |a: &&Affected| {
                let known = a.outage.and_then(|o| record.outages.get(&o));
                known.is_some_and(|o| o.told_up.is_empty())
            };
            for affected in notice.affected.iter().filter(news) {
                let said: BTreeSet<OutageId> = affected.outages().collect();
                let all = &record.systems[&affected.system].outages;
                let all: Vec<&Outage> = all.iter().map(|o| &*record.outages[o]).collect();
                let said_anew = said.iter().map(|o| &*record.outages[o]);
                for one in said_anew.filter(|o| o.told_up.is_empty()) {
                    let meets = |other: &&&Outage| {
                        let declared = one.declared.is_some() || other.declared.is_some();
                        let counts = other.counts_from().is_some() && other.told_up.is_empty();
                        let ends = |o: &Outage| o.end.unwrap_or(jiff::Timestamp::MAX);
                        declared && counts && one.start < ends(other) && other.start < ends(one)
                    };
                    if set_back {
                        continue;
                    }
                    let from = affected.from.unwrap();
                    assert!(from <= one.start, "#{seq} {}: {}", notice.key, one.id);
                    assert!(affected.to >= one.end, "#{seq} {}: {}", notice.key, one.id);
                    for other in all.iter().filter(meets) {
                        let id = other.id;
                        assert!(said.contains(&id), "#{seq} {} not {id}", notice.key);
                    }
                }
            }
        }
        record.apply(*seq, event);
    }
}
