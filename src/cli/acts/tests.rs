//! The acts of the command line.

use clap::Parser as _;
use domain::act::Selector;
use domain::id::{IncidentId, OutageId, SystemId};

use super::*;
use crate::cli::args;

/// The act that a command line asks for, without `nines`.
fn act(line: &str) -> Result<Act, clap::Error> {
    let line = std::iter::once("nines").chain(line.split(' '));
    match args::Line::try_parse_from(line)?.command {
        args::Command::Incident(args::Incident::Act(asked)) => Ok(in_utc(asked)),
        args::Command::Maintenance(args::Maintenance::Act(asked)) => Ok(in_utc(asked)),
        args::Command::Notice(args::Notice::Act(asked)) => Ok(in_utc(asked)),
        _ => Err(clap::Error::new(ErrorKind::InvalidSubcommand)),
    }
}

fn in_utc<G>(asked: Asked<G>) -> Act {
    asked.act(|| Ok(TimeZone::UTC)).unwrap()
}

#[test]
fn a_local_time_is_read_in_the_services_zone() {
    let line = [
        "nines",
        "incident",
        "declare",
        "portal",
        "--evidence",
        "x",
        "--from",
    ];
    let read = |time: &str| {
        let line = args::Line::try_parse_from(line.iter().chain([&time]));
        let args::Command::Incident(args::Incident::Act(asked)) = line.unwrap().command else {
            unreachable!()
        };
        asked.act(|| Ok(domain::calendar::zone("America/New_York").unwrap()))
    };
    let from = |time: &str| match read(time).unwrap() {
        Act::DeclareOutage { from, .. } => from.to_string(),
        other => unreachable!("{other:?}"),
    };
    assert_eq!(from("2026-11-30 22:00"), "2026-12-01T03:00:00Z");
    assert_eq!(from("2026-11-30T22:00:00-08:00"), "2026-12-01T06:00:00Z");
    for wrong in ["2026-03-08 02:30", "2026-11-01 01:30"] {
        assert!(matches!(read(wrong), Err(Failure::Usage(_))), "{wrong}");
    }
    let why = args::Line::try_parse_from(line.iter().chain([&"tomorrow"])).unwrap_err();
    assert!(
        why.to_string()
            .contains("`tomorrow` is not a time: write it as"),
        "{why}"
    );
}

/// A value that every parser of the table takes is not to be had; this one fits the key.
fn example(argument: &Argument) -> &'static str {
    match argument.value_name {
        "TIME" => "2026-10-07T02:14:10-04:00",
        "LENGTH" => "5m",
        "CERTAINTY" => "suspected",
        "STATE" => "identified",
        "AUDIENCE" => "staff",
        "PERCENT" => "5.1%",
        "FLAG" => "revenue",
        "YES_OR_NO" => "yes",
        "COMPONENT" => "minor",
        "TYPE" => "task",
        "INTO" => "I-12",
        "NOTICE" => "N-14",
        "TEXT;OWNER;DATE" => "pin it;platform;2026-12-31",
        _ => "x",
    }
}

#[test]
fn every_command_makes_its_act_with_all_arguments_and_with_the_required_ones() {
    let incident = IncidentActs::COMMANDS.iter().map(|c| ("incident", c));
    let maintenance = MaintenanceActs::COMMANDS.iter().map(|c| ("maintenance", c));
    let notice = NoticeActs::COMMANDS.iter().map(|c| ("notice", c));
    for (group, command) in incident.chain(maintenance).chain(notice) {
        for all in [true, false] {
            let mut line = vec!["nines", group, command.name];
            for argument in command.arguments.iter().filter(|a| all || a.required) {
                let option = argument.long.map(|long| format!("--{long}"));
                line.extend(option.map(|option| &*option.leak()));
                line.push(example(argument));
            }
            let parsed = args::Line::try_parse_from(&line).unwrap().command;
            let act = match parsed {
                args::Command::Incident(args::Incident::Act(asked)) => in_utc(asked),
                args::Command::Maintenance(args::Maintenance::Act(asked)) => in_utc(asked),
                args::Command::Notice(args::Notice::Act(asked)) => in_utc(asked),
                other => unreachable!("{other:?}"),
            };
            let written = serde_json::to_value(&act).unwrap();
            assert_eq!(written["do"], command.act);
            for argument in command.arguments.iter().filter(|_| all) {
                let seconds = format!("{}_s", argument.key);
                let reason = format!("{}_reason", argument.key);
                let keys = [argument.key, &seconds, &reason];
                assert!(
                    keys.iter().any(|key| !written[*key].is_null()),
                    "`{}` of {written}",
                    argument.key
                );
            }
        }
    }
}

#[test]
fn an_earlier_time_and_its_second_person_belong_together() {
    assert!(act("incident ack portal --at 2026-10-07T02:14:10Z").is_err());
    assert!(act("incident ack portal --approved-by lee").is_err());
    assert!(act("incident exclude O-1 --from 2026-10-07T02:14:10Z").is_err());
}

#[test]
fn an_incident_or_an_outage_is_named_by_its_id_or_its_system() {
    let incident = |which: &str| match act(&format!("incident ack {which}")).unwrap() {
        Act::Acknowledge { incident, .. } => incident,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(incident("I-12"), Selector::Id(IncidentId(12)));
    assert_eq!(
        incident("portal"),
        Selector::System(SystemId::from("portal"))
    );
    let outage = act("incident reclassify O-7 --reason x").unwrap();
    let reason = "x".to_owned();
    let outage_7 = Selector::Id(OutageId(7));
    assert_eq!(
        outage,
        Act::Reclassify {
            outage: outage_7,
            reason
        }
    );
}
