//! `nines status`: prints what is wrong now, the worst first.

use domain::report::words;
use jiff::Timestamp;

use super::args::Common;
use super::client::Client;
use super::layout::{self, Listing, Times, wrap};
use super::output::{self, print};
use super::{End, Failure};
use crate::engine::status as engine;

/// Prints what is wrong now. A stopped service is bad news, too.
pub fn run(common: &Common) -> Result<End, Failure> {
    let (status, runs) = Client::new(common)?.status()?;
    if common.json {
        output::json(&status)?;
    } else {
        print(&text(&status, runs, layout::width()))?;
    }
    Ok(End::bad_news_if(status.is_bad() || !runs))
}

fn text(status: &engine::Status, runs: bool, width: usize) -> String {
    let times = &Times::new(status.zone());
    let mut text = wrap(
        &format!(
            "{}: {}; ledger at {} ({}…)",
            status.service,
            if runs {
                "the service is running"
            } else {
                "the service is NOT running"
            },
            status.seq,
            status.head.get(..12).unwrap_or(&status.head),
        ),
        0,
        width,
    );
    let mut say = |line: &str| text.push_str(&wrap(line, 0, width));
    if status.behind {
        say("The ledger cannot be written: changes are kept in memory, and no notices are sent.");
    }
    for check in &status.self_checks {
        if let Some(why) = &check.failure {
            say(&self_check_line(&check.check, check.since, why, times));
        }
    }
    if let Some(refused) = &status.refused_reload {
        say(&format!(
            "The configuration in force is not the one in the files: a reload was refused at {}: {}.",
            times.at(refused.since),
            refused.why
        ));
    }
    for unusable in &status.unusable_certificates {
        say(&format!(
            "The {} listener uses an older certificate than its files hold, since {}: {}.",
            unusable.listener,
            times.at(unusable.since),
            unusable.why
        ));
    }
    let mut list = Listing::new();
    let mut systems: Vec<&engine::System> = status.systems.iter().collect();
    systems.sort_by_key(|s| urgency(s));
    for system in &systems {
        list_system(&mut list, system, times);
    }
    text.push_str(&list.render(width));
    let mut say = |line: &str| text.push_str(&wrap(line, 0, width));
    for system in systems {
        if let Some(unstable) = &system.unstable {
            say(&unstable_line(&system.system, unstable, times));
        }
        for probe in system.probes.iter().filter(|p| p.certificate_ends_soon) {
            let Some(ends) = probe.certificate_ends else {
                continue;
            };
            let (system, probe) = (&system.system, &probe.probe);
            let end = probes::certificate_end(ends, status.at);
            say(&format!("{system}/{probe}: {end}. Renew it."));
        }
    }
    for incident in &status.incidents {
        say(&incident_line(incident, times));
    }
    for window in &status.maintenance {
        say(&format!("maintenance {window} is in progress"));
    }
    if status.outbox.depth > 0 {
        say(&outbox_line(&status.outbox, status.at, runs, times));
    }
    if status.subscribers != engine::Subscribers::default() {
        say(&subscribers_line(&status.subscribers));
    }
    for lost in &status.outbox.undelivered {
        say(&format!(
            "{} {} could not be delivered to {} ({}), given up at {}: {}. Notify them in another way.",
            lost.kind,
            lost.notice,
            lost.recipient,
            lost.customer,
            times.at(lost.at),
            lost.reply.as_deref().unwrap_or("no reason was given"),
        ));
    }
    text
}

/// Explains why bad samples are inconclusive.
fn self_check_line(check: &str, since: Timestamp, why: &str, times: &Times) -> String {
    let since = times.at(since);
    match check {
        "network" => format!(
            "The monitor's own network fails since {since}: {why}. Bad samples are inconclusive meanwhile, and \
             no outage begins."
        ),
        _ => format!(
            "The monitor's own resolver fails since {since}: {why}. Samples of names that do not resolve are \
             inconclusive meanwhile."
        ),
    }
}

/// How many people subscribed on the public page.
fn subscribers_line(subscribers: &engine::Subscribers) -> String {
    let mut line = match subscribers.count {
        1 => "1 person is subscribed by mail".to_owned(),
        n => format!("{n} people are subscribed by mail"),
    };
    match subscribers.waiting {
        0 => {}
        1 => line.push_str("; 1 mail to them waits"),
        n => line.push_str(&format!("; {n} mails to them wait")),
    }
    match subscribers.rejected {
        0 => {}
        1 => line.push_str("; 1 subscription ended because its address was rejected"),
        n => line.push_str(&format!(
            "; {n} subscriptions ended because their addresses were rejected"
        )),
    }
    line + "."
}

/// How many notices wait, since when, and for what.
fn outbox_line(outbox: &engine::Outbox, at: Timestamp, runs: bool, times: &Times) -> String {
    let wait = match outbox.depth {
        1 => "1 notice waits".to_owned(),
        n => format!("{n} notices wait"),
    };
    let since = match (outbox.depth, outbox.oldest) {
        (_, None) => String::new(),
        (1, oldest) => format!(", since {}", times.at(oldest)),
        (_, oldest) => format!(", the oldest since {}", times.at(oldest)),
    };
    let then = match (outbox.in_delivery, outbox.next) {
        _ if !runs => "no attempt is made while the service is stopped".to_owned(),
        (0, Some(next)) if next > at => format!("the next attempt is at {}", times.at(next)),
        (0, _) => "the next attempt is due now".to_owned(),
        (n, _) if n == outbox.depth => "being delivered now".to_owned(),
        (n, Some(next)) if next > at => format!(
            "{n} being delivered now, the next attempt of another is at {}",
            times.at(next)
        ),
        (n, _) => format!("{n} being delivered now, the next attempt of another is due now"),
    };
    format!("{wait}{since}; {then}")
}

/// The order of systems: lower comes first.
fn urgency(system: &engine::System) -> u8 {
    match &*system.state {
        "down" => 0,
        "unknown" => 1,
        _ if system.unstable.is_some() => 2,
        "degraded" => 3,
        _ => 4,
    }
}

fn list_system(list: &mut Listing, system: &engine::System, times: &Times) {
    // Pad the state, so that states and systems form columns.
    let state = format!("{:<8}", system.state).replace(' ', "\u{a0}");
    let mut lines = vec![format!("{state} {}", system.system)];
    if let (Some(outage), Some(since)) = (&system.outage, system.since) {
        lines[0].push_str(&format!(": {outage} since {}", times.at(since)));
    }
    if system.unstable.is_some() {
        lines[0].push_str(", unstable");
    }
    for probe in &system.probes {
        let took = probe
            .took_us
            .map_or_else(String::new, |us| format!("{:.1} ms", us as f64 / 1e3));
        let why = match (&probe.reason, &probe.detail) {
            (Some(reason), Some(detail)) => format!("{reason}: {detail}"),
            (Some(reason), None) => reason.clone(),
            _ => String::new(),
        };
        let state = last_said(probe);
        let mut line = format!("{}: {state}", probe.probe);
        if probe.next_beat_due.is_some() {
            let (at, due) = (times.at(probe.at), times.at(probe.next_beat_due));
            line.push_str(&format!(", last beat at {at}, next due at {due}"));
        } else if probe.at.is_some() {
            let at = times.at(probe.at);
            line.push_str(&format!(", at {at} in {}", took.replace(' ', "\u{a0}")));
        }
        if !why.is_empty() {
            line.push_str(&format!(", {why}"));
        }
        lines.push(line);
    }
    list.entry(lines);
}

/// A probe's state, and its last outcome if that is not confirmed yet: otherwise the reason beside it
/// would read as the reason for the state.
fn last_said(probe: &engine::Probe) -> String {
    match &probe.outcome {
        Some(last) if *last != probe.state && probe.state != "unknown" => {
            format!("{} (last: {last})", probe.state)
        }
        _ => probe.state.clone(),
    }
}

/// Explains why customers get no notice of each outage of a flapping system.
fn unstable_line(system: &str, unstable: &engine::Unstable, times: &Times) -> String {
    let since = match unstable.since {
        Some(since) => format!(" since {}", times.at(since)),
        None => String::new(),
    };
    let held = words::length(unstable.hold_s);
    let next = match unstable.settles {
        Some(settles) => format!("at {}, unless it fails before", times.at(settles)),
        None => "it is not up now".to_owned(),
    };
    format!(
        "{system} is unstable{since}: {} outages, one incident, {}. Customers get one notice \
         about that, not one about each outage. The recovery is announced after {held} without a \
         failure: {next}",
        unstable.outages, unstable.incident,
    )
}

fn incident_line(incident: &engine::Incident, times: &Times) -> String {
    let taken = match &incident.acknowledged {
        Some((at, by)) => format!("acknowledged by {by} at {}", times.at(*at)),
        None => "not acknowledged".to_owned(),
    };
    let state = match incident.resolved {
        Some(at) => format!("resolved at {}", times.at(at)),
        None => "open".to_owned(),
    };
    format!(
        "{} {}: {state}, {taken}{}",
        incident.incident,
        incident.systems.join(", "),
        if incident.missing.is_empty() {
            String::new()
        } else {
            format!("; still missing: {}", incident.missing.join(", "))
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(name: &str, state: &str, why: Option<(&str, &str)>) -> engine::Probe {
        engine::Probe {
            probe: name.to_owned(),
            state: state.to_owned(),
            at: Some("2026-10-07T06:14:10Z".parse().unwrap()),
            outcome: Some(state.to_owned()),
            reason: why.map(|(reason, _)| reason.to_owned()),
            detail: why.map(|(_, detail)| detail.to_owned()),
            took_us: Some(12_345),
            certificate_ends: Some("2027-01-01T00:00:00Z".parse().unwrap()),
            certificate_ends_soon: false,
            next_beat_due: None,
        }
    }

    /// A probe without samples.
    fn silent(name: &str) -> engine::Probe {
        engine::Probe {
            at: None,
            outcome: None,
            took_us: None,
            ..probe(name, "unknown", None)
        }
    }

    fn system(id: &str, state: &str, probes: Vec<engine::Probe>) -> engine::System {
        let is_down = state == "down";
        engine::System {
            system: id.to_owned(),
            name: id.to_owned(),
            state: state.to_owned(),
            outage: is_down.then(|| "O-1234567".to_owned()),
            since: is_down.then(|| "2026-10-07T06:14:10Z".parse().unwrap()),
            unstable: None,
            probes,
        }
    }

    fn night() -> engine::Status {
        let refused = Some((
            "refused",
            "connection refused by 127.0.0.1 after four attempts",
        ));
        let archive = "image-archive-of-the-regional-imaging-exchange";
        engine::Status {
            refused_reload: None,
            unusable_certificates: Vec::new(),
            service: "Example Health Information Exchange of the Capital Region".to_owned(),
            zone: "America/New_York".to_owned(),
            at: "2026-10-07T06:15:00Z".parse().unwrap(),
            watching: true,
            behind: true,
            self_checks: Vec::new(),
            seq: 4711,
            head: "0123456789abcdef".to_owned(),
            systems: vec![
                system("portal", "up", vec![probe("login-page", "up", None)]),
                system(
                    archive,
                    "down",
                    vec![
                        probe("a-rather-long-name-of-a-probe", "down", refused),
                        probe("echo", "up", None),
                    ],
                ),
                system("registry", "unknown", vec![silent("lookup")]),
            ],
            incidents: vec![engine::Incident {
                incident: "I-1234568".to_owned(),
                systems: vec![archive.to_owned(), "portal".to_owned()],
                opened: "2026-10-07T06:14:20Z".parse().unwrap(),
                acknowledged: Some((
                    "2026-10-07T06:20:00Z".parse().unwrap(),
                    "on-call".to_owned(),
                )),
                resolved: None,
                missing: vec!["summary".to_owned(), "root cause".to_owned()],
            }],
            maintenance: vec![format!("{archive}/weekly-application-update@2026-10-07")],
            subscribers: engine::Subscribers::default(),
            outbox: engine::Outbox {
                depth: 3,
                in_delivery: 0,
                oldest: Some("2026-10-07T06:14:21Z".parse().unwrap()),
                next: Some("2026-10-07T06:24:21Z".parse().unwrap()),
                undelivered: vec![engine::Undelivered {
                    notice: "N-1234500".to_owned(),
                    kind: "uptime".to_owned(),
                    customer: "lakeside".to_owned(),
                    recipient: "office@lakeside.example".to_owned(),
                    at: "2026-10-06T18:02:11Z".parse().unwrap(),
                    reply: Some("550 5.1.1 no such mailbox".to_owned()),
                }],
            },
        }
    }

    #[test]
    fn at_three_in_the_morning_eighty_columns_show_the_worst_first_and_whole() {
        insta::assert_snapshot!(text(&night(), true, 80));
    }

    #[test]
    fn a_certificate_that_ends_soon_is_a_warning_about_a_system_that_is_up() {
        let mut probe = probe("login-page", "up", None);
        probe.certificate_ends = Some("2026-10-12T07:00:00Z".parse().unwrap());
        probe.certificate_ends_soon = true;
        let status = engine::Status {
            systems: vec![system("portal", "up", vec![probe])],
            ..night()
        };
        assert!(!status.is_bad());
        let said = text(&status, true, 80);
        let warning = "portal/login-page: the certificate ends in 5 days (2026-10-12). Renew it.\n";
        assert!(said.contains(warning), "{said}");
    }

    #[test]
    fn a_failing_check_of_the_monitor_itself_is_bad_news() {
        let check = |check: &str, failure: Option<&str>| engine::SelfCheck {
            check: check.to_owned(),
            since: "2026-10-07T06:10:00Z".parse().unwrap(),
            failure: failure.map(str::to_owned),
        };
        let portal = system("portal", "up", vec![probe("login-page", "up", None)]);
        let mut status = engine::Status {
            systems: vec![portal],
            self_checks: vec![check("network", None), check("resolver", None)],
            ..night()
        };
        assert!(!status.is_bad());
        assert!(!text(&status, true, 80).contains("own"));
        status.self_checks[0] = check("network", Some("192.0.2.1:443: no answer"));
        assert!(status.is_bad());
        let said = text(&status, true, 400);
        let line = "The monitor's own network fails since 2026-10-07 02:10:00 EDT: 192.0.2.1:443: no answer.";
        assert!(said.contains(line), "{said}");
    }

    #[test]
    fn waiting_notices_are_a_whole_sentence_in_each_case() {
        let at: Timestamp = "2026-10-07T06:15:00Z".parse().unwrap();
        let later = at + jiff::SignedDuration::from_secs(30);
        let line = |depth, in_delivery, next, runs| {
            let outbox = engine::Outbox {
                depth,
                in_delivery,
                oldest: Some(at),
                next,
                undelivered: Vec::new(),
            };
            outbox_line(&outbox, at, runs, &Times::new(jiff::tz::TimeZone::UTC))
        };
        let since = "2026-10-07 06:15:00 UTC";
        for (said, expected) in [
            (
                line(1, 0, Some(later), true),
                format!(
                    "1 notice waits, since {since}; the next attempt is at 2026-10-07 06:15:30 UTC"
                ),
            ),
            (
                line(2, 0, Some(at), true),
                format!("2 notices wait, the oldest since {since}; the next attempt is due now"),
            ),
            (
                line(2, 2, None, true),
                format!("2 notices wait, the oldest since {since}; being delivered now"),
            ),
            (
                line(3, 1, Some(later), true),
                format!(
                    "3 notices wait, the oldest since {since}; 1 being delivered now, the next attempt \
                     of another is at 2026-10-07 06:15:30 UTC"
                ),
            ),
            (
                line(1, 0, Some(later), false),
                format!(
                    "1 notice waits, since {since}; no attempt is made while the service is stopped"
                ),
            ),
        ] {
            assert_eq!(said.replace('\u{a0}', " "), expected);
        }
    }

    fn unstable(up: bool) -> engine::Unstable {
        let since = |at: &str| at.parse().unwrap();
        engine::Unstable {
            since: Some(since("2026-10-07T05:20:10Z")),
            outages: 4,
            incident: "I-1234560".to_owned(),
            hold_s: 900,
            up_since: up.then(|| since("2026-10-07T06:14:40Z")),
            settles: up.then(|| since("2026-10-07T06:29:40Z")),
        }
    }

    #[test]
    fn an_unstable_system_is_said_to_be_with_what_customers_hear_of_it() {
        let mut night = night();
        night.systems[0].unstable = Some(unstable(true));
        night.systems[1].unstable = Some(unstable(false));
        night.systems.push(system(
            "lab",
            "degraded",
            vec![probe("t", "degraded", None)],
        ));
        insta::assert_snapshot!(text(&night, true, 80));
    }

    #[test]
    fn a_bad_answer_that_nothing_has_confirmed_is_no_reason_for_being_up() {
        let mut night = night();
        let refused = Some(("refused", "connection refused"));
        let mut doubted = probe("login-page", "up", refused);
        doubted.outcome = Some("down".to_owned());
        night.systems[0].probes = vec![doubted];
        for width in [80, 300] {
            let text = text(&night, true, width);
            assert!(text.contains("up (last: down)"), "{text}");
        }
        night.systems[0].probes[0].state = "unknown".to_owned();
        let text = text(&night, true, 80);
        assert!(!text.contains("last: down"), "{text}");
    }

    #[test]
    fn a_wide_terminal_gets_the_same_list() {
        let wide = text(&night(), true, 300);
        let row = wide.lines().find(|l| l.contains("a-rather-long-name"));
        assert!(row.unwrap().contains("2026-10-07 02:14:10 EDT"), "{wide}");
    }
}
