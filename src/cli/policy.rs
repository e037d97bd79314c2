//! `nines policy`: explains a policy, computes deadlines and lists business days, from the configuration alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::calendar;
use domain::deadlines::{self, Deadline, Escalation};
use domain::explain;
use domain::policy::{DayOff, Facts, Policy, Request, State};
use domain::report::words;
use domain::span::Span;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::args::{self, Common, PolicyClock, StateArgument};
use super::layout::{plain, width, wrap};
use super::output::{self, print};
use super::{End, Failure};
use crate::config::{self, unknown};

pub fn run(common: &Common, wanted: args::Policy) -> Result<End, Failure> {
    let catalogue = config::load(&common.config)
        .map_err(Failure::Config)?
        .catalogue;
    let zone = calendar::zone(&catalogue.zone)?;
    let find = |id: &str| {
        let known = catalogue.policies.iter().map(|policy| policy.id.as_str());
        catalogue
            .policy(id)
            .ok_or_else(|| Failure::Usage(unknown("policy", id, known)))
    };
    match wanted {
        args::Policy::Explain { policy } => explain(common, find(&policy)?),
        args::Policy::Clock(wanted) => clock(common, find(&wanted.policy)?, &wanted, &zone),
        args::Policy::Calendar { policy, year } => calendar_of(common, find(&policy)?, year),
    }
}

fn explain(common: &Common, policy: &Policy) -> Result<End, Failure> {
    let sections = explain::policy(policy);
    if common.json {
        let sections = sections.iter().map(|section| {
            let sentences: Vec<String> = section.sentences.iter().map(|s| plain(s)).collect();
            json!({ "title": section.title, "sentences": sentences })
        });
        return output::answer(&json!({
            "policy": policy.id, "name": policy.name, "sections": sections.collect::<Vec<_>>(),
        }));
    }
    let mut text = format!("{}\n", policy.name);
    for section in &sections {
        let _ = writeln!(text, "\n{}", section.title);
        for sentence in &section.sentences {
            text.push_str(&wrap(sentence, 2, width()));
        }
    }
    print(&text)?;
    Ok(End::Done)
}

fn clock(
    common: &Common,
    policy: &Policy,
    wanted: &PolicyClock,
    zone: &TimeZone,
) -> Result<End, Failure> {
    let (text, list) = clock_answer(policy, wanted, zone)?;
    match common.json {
        true => output::answer(&list),
        false => {
            print(&text)?;
            Ok(End::Done)
        }
    }
}

/// The deadlines for people and for programs.
fn clock_answer(
    policy: &Policy,
    wanted: &PolicyClock,
    zone: &TimeZone,
) -> Result<(String, Value), Failure> {
    let at = wanted.at.instant(zone);
    let at = at.map_err(|why| Failure::Usage(why.to_string()))?;
    let severity = severity(policy, wanted, &facts(wanted))?;
    let commitments = &policy.commitments;
    let (deadlines, escalation) = match wanted.partner {
        // An incident of a partner has no clocks.
        true => (Vec::new(), Vec::new()),
        false => (
            deadlines::of_incident(commitments, &severity, wanted.request, at)?,
            deadlines::escalation(commitments, &severity, at)?,
        ),
    };
    let list = deadlines.iter().map(|d| deadline_json(d, policy, zone));
    let named = commitments.severity(&severity);
    let name = named.and_then(|severity| severity.name.as_ref());
    let called = name.map_or(severity.clone(), |name| format!("{severity} ({name})"));
    let from = plain(&words::instant(at, zone));
    let mut text = format!("{}: severity {called}, from {from}\n", policy.name);
    if let Some(request) = wanted.request.filter(|r| is_own(policy, *r)) {
        let _ = writeln!(text, "Clocks of requests of the type {}", request.word());
    }
    if wanted.partner {
        text.push_str("The outage of a partner has no clocks and no escalation.\n");
    }
    for deadline in &deadlines {
        text.push_str(&deadline_text(deadline, policy, zone));
    }
    for level in &escalation {
        text.push_str(&escalation_text(level, zone));
    }
    Ok((text, Value::from_iter(list)))
}

fn is_own(policy: &Policy, request: Request) -> bool {
    policy.commitments.request_rule(request).is_some()
}

/// The facts that the command line gives. Without a number of customers there are several.
fn facts(wanted: &PolicyClock) -> Facts {
    let mut facts = match (wanted.state, wanted.request) {
        (Some(StateArgument::Down), _) => Facts::of_outage(State::Down, 2),
        (Some(StateArgument::Degraded), _) => Facts::of_outage(State::Degraded, 2),
        (None, request) => Facts::of_request(request.unwrap_or(Request::Problem)),
    };
    facts.request = wanted.request.or(facts.request);
    facts.customers = wanted.customers.unwrap_or(facts.customers);
    facts.share_ppm = wanted.share.unwrap_or(facts.share_ppm);
    facts.flags = wanted.flags.iter().copied().collect();
    facts.is_partner = wanted.partner;
    facts.is_minor_component = wanted.not_critical;
    facts.has_workaround = wanted.workaround;
    facts.prevents_access = wanted.prevents_access;
    facts
}

/// The severity that is named, else the one that the facts pick.
fn severity(policy: &Policy, wanted: &PolicyClock, facts: &Facts) -> Result<String, Failure> {
    let commitments = &policy.commitments;
    let known = || commitments.severities.iter().map(|s| s.id.as_str());
    if let Some(id) = &wanted.severity {
        return match commitments.severity(id) {
            Some(severity) => Ok(severity.id.clone()),
            None => Err(Failure::Usage(unknown("severity", id, known()))),
        };
    }
    let has_facts = wanted.state.is_some() || wanted.request.is_some() || !wanted.flags.is_empty();
    match commitments.severity_of(facts) {
        None => Err(Failure::Usage(format!(
            "the policy `{}` has no severities",
            policy.id
        ))),
        Some(severity) if has_facts => Ok(severity.id.clone()),
        Some(_) => Err(Failure::Usage(format!(
            "name the severity, as `--severity {}`, or what happened, as `--state down`",
            known().next().unwrap_or_default()
        ))),
    }
}

fn deadline_json(deadline: &Deadline, policy: &Policy, zone: &TimeZone) -> Value {
    let hours = policy.commitments.business_hours.as_ref();
    let at = |at: Timestamp| instant(at, zone);
    let steps = deadline
        .steps
        .iter()
        .map(|step| plain(&step.text(hours, zone)));
    json!({
        "clock": deadline.clock.word(), "severity": deadline.severity,
        "started": at(deadline.started), "due": deadline.due.map(at),
        "steps": steps.collect::<Vec<_>>(),
    })
}

/// RFC 3339 with the zone's offset.
fn instant(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn deadline_text(deadline: &Deadline, policy: &Policy, zone: &TimeZone) -> String {
    let hours = policy.commitments.business_hours.as_ref();
    let clock = deadline.clock.word();
    let steps: Vec<String> = deadline
        .steps
        .iter()
        .map(|step| plain(&step.text(hours, zone)))
        .collect();
    match deadline.due {
        None => format!("{clock}: {}\n", steps.join("; ")),
        Some(due) => {
            let due = plain(&words::instant(due, zone));
            format!("{clock}: due {due}\n    {}\n", steps.join("\n    "))
        }
    }
}

fn escalation_text(level: &Escalation, zone: &TimeZone) -> String {
    let when = match level.due {
        None => "only when a person escalates".to_owned(),
        Some(due) => plain(&words::instant(due, zone)),
    };
    let unless = level
        .unless
        .map(|until| format!(", unless {}", until.word()));
    format!(
        "escalation level {}: {when}{}: {}\n",
        level.level,
        unless.unwrap_or_default(),
        level.contacts.join(", ")
    )
}

fn calendar_of(common: &Common, policy: &Policy, year: i16) -> Result<End, Failure> {
    let Some(hours) = &policy.commitments.business_hours else {
        return Err(Failure::Unknown(format!(
            "the policy `{}` names no business hours",
            policy.id
        )));
    };
    let (first, last) = (Date::constant(year, 1, 1), Date::constant(year, 12, 31));
    let days = calendar::openings(hours, first, last)?;
    let off = hours.days_off(first, last);
    let edge = hours.weekly.first();
    let zone = |name: Option<&String>| calendar::zone(name.map_or("UTC", String::as_str));
    let (opens, closes) = (
        zone(edge.map(|day| &day.open.zone))?,
        zone(edge.map(|day| &day.close.zone))?,
    );
    if common.json {
        let days = days.iter().map(|(date, span)| {
            json!({ "date": date, "open": instant(span.from, &opens), "close": instant(span.to, &closes) })
        });
        return output::answer(&json!({
            "policy": policy.id, "year": year, "business_days": days.collect::<Vec<_>>(),
            "holidays": off.values().map(holiday_json).collect::<Vec<_>>(),
        }));
    }
    let mut text = format!(
        "{}: {} business days in {year}\n\n",
        policy.name,
        days.len()
    );
    text.push_str(&months(&days));
    text.push_str("\nHolidays\n");
    for day in off.values() {
        let weekday = day.on.strftime("%a");
        let of = match day.on == day.date {
            true => String::new(),
            false => format!(", observed for {}", day.date),
        };
        let _ = writeln!(text, "  {} {weekday}  {}{of}", day.on, day.name);
    }
    print(&text)?;
    Ok(End::Done)
}

fn holiday_json(day: &DayOff) -> Value {
    json!({ "date": day.on, "name": day.name, "holiday": day.date })
}

/// A line for each month: its name, the number of its business days, their hours, and the days.
fn months(days: &[(Date, Span)]) -> String {
    let mut months: BTreeMap<i8, Vec<&(Date, Span)>> = BTreeMap::new();
    for day in days {
        months.entry(day.0.month()).or_default().push(day);
    }
    let mut text = String::new();
    for days in months.values() {
        let Some((first, _)) = days.first() else {
            continue;
        };
        let hours: i64 = days.iter().map(|(_, span)| span.seconds()).sum();
        let list: Vec<String> = days
            .iter()
            .map(|(date, _)| date.day().to_string())
            .collect();
        let line = format!(
            "{} {:>2} days, {}: {}",
            first.strftime("%b"),
            days.len(),
            words::length(hours),
            list.join(" ")
        );
        text.push_str(&wrap(&line, 0, width()));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;
    use expect_test::{Expect, expect};

    use super::*;
    use crate::cli::args::{Command, Line};

    /// The answer to `nines policy clock` with these words.
    fn answer(words: &[&str]) -> Result<(String, Value), String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/nines.toml");
        let catalogue = config::load(&file).unwrap().catalogue;
        let line = ["nines", "policy", "clock"].iter().chain(words);
        let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        let Command::Policy(args::Policy::Clock(wanted)) = line.command else {
            panic!("{:?}", line.command);
        };
        let policy = catalogue.policy(&wanted.policy).unwrap();
        let zone = calendar::zone(&catalogue.zone).unwrap();
        clock_answer(policy, &wanted, &zone).map_err(|failure| format!("{failure:?}"))
    }

    #[track_caller]
    fn text(words: &[&str], expected: &Expect) {
        expected.assert_eq(&answer(words).unwrap().0);
    }

    #[test]
    fn deadlines_have_the_steps_of_their_calculation() {
        text(
            &[
                "emr-link",
                "--severity",
                "1",
                "--at",
                "2026-11-25T16:59:00-08:00",
            ],
            &expect![[r#"
                EMR-Link Service Level Agreement: severity 1 (System down), from 2026-11-25 19:59:00 EST
                response: due 2026-11-30 08:59:00 EST
                    2026-11-25 19:59:00 EST to 2026-11-25 17:00:00 PST: 1 min, 59 min left
                    2026-11-25 17:00:00 PST to 2026-11-30 08:00:00 EST: closed
                    2026-11-30 08:00:00 EST to 2026-11-30 08:59:00 EST: 59 min, due
                update: not promised
                resolution: not promised
                escalation level 1: only when a person escalates, unless resolved: support-director
            "#]],
        );
    }

    #[test]
    fn facts_pick_the_severity() {
        text(
            &[
                "rx-health",
                "--state",
                "degraded",
                "--share",
                "5%",
                "--at",
                "2026-10-02 22:00",
            ],
            &expect![[r#"
                Rx.Health Support: severity low (Low impact), from 2026-10-02 22:00:00 EDT
                response: due 2026-10-03 14:00:00 EDT
                    2026-10-02 22:00:00 EDT to 2026-10-03 14:00:00 EDT: 16 h, due
                update: due 2026-10-03 14:00:00 EDT
                    2026-10-02 22:00:00 EDT to 2026-10-03 14:00:00 EDT: 16 h, due
                resolution: not promised
                escalation level 1: 2026-10-02 22:00:00 EDT: on-call
                escalation level 2: 2026-10-03 14:00:00 EDT, unless responded: on-call, project-team
            "#]],
        );
        text(
            &["rx-health", "--request", "task", "--at", "2026-10-02 22:00"],
            &expect![[r#"
                Rx.Health Support: severity medium (Medium impact), from 2026-10-02 22:00:00 EDT
                Clocks of requests of the type task
                response: due 2026-10-03 06:00:00 EDT
                    2026-10-02 22:00:00 EDT to 2026-10-03 06:00:00 EDT: 8 h, due
                update: not promised
                resolution: not promised
                escalation level 1: 2026-10-02 22:00:00 EDT: on-call
                escalation level 2: 2026-10-03 06:00:00 EDT, unless responded: on-call, project-team
                escalation level 3: 2026-10-03 14:00:00 EDT, unless responded: on-call, project-team, program-leads
            "#]],
        );
        text(
            &[
                "emr-link",
                "--state",
                "down",
                "--partner",
                "--at",
                "2026-10-02 22:00",
            ],
            &expect![[r#"
                EMR-Link Service Level Agreement: severity 3 (Non-critical), from 2026-10-02 22:00:00 EDT
                The outage of a partner has no clocks and no escalation.
            "#]],
        );
    }

    #[test]
    fn a_program_gets_each_clock_with_its_offset_and_its_steps() {
        let words = [
            "emr-link",
            "--severity",
            "2",
            "--at",
            "2026-11-25T16:59:00-08:00",
        ];
        let list = answer(&words).unwrap().1;
        assert_eq!(list[0]["clock"], "response");
        assert_eq!(list[0]["severity"], "2");
        assert_eq!(list[0]["started"], "2026-11-25T19:59:00-05:00");
        assert_eq!(list[0]["due"], "2026-11-30T08:59:00-05:00");
        assert_eq!(list[0]["steps"].as_array().unwrap().len(), 3);
        assert_eq!(list[1]["due"], Value::Null);
        assert_eq!(list[1]["steps"], json!(["not promised"]));
        assert_eq!(list.as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_wrong_severity_or_none_is_refused_with_the_right_ones() {
        for (words, part) in [
            (
                &["healthelink", "--severity", "critcal"][..],
                "did you mean `critical`?",
            ),
            (&["emr-link"], "--severity 1"),
            (
                &["emr-link", "--severity", "1", "--state", "down"],
                "cannot be used with",
            ),
            (&["emr-link", "--request", "tsk"], "`general`, `task`"),
            (
                &["emr-link", "--state", "down", "--flag", "secret"],
                "`security`",
            ),
            (
                &["emr-link", "--state", "down", "--share", "5"],
                "percent sign",
            ),
        ] {
            let words: Vec<&str> = [words, &["--at", "2026-10-02 22:00"]].concat();
            let why = answer(&words).unwrap_err();
            assert!(why.contains(part), "{words:?}: {why}");
        }
    }
}
