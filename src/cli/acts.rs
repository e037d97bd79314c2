//! The commands that ask for an act: one row of a table each.
//!
//! A row names the act as scenarios do, and its arguments under the act's keys. The arguments
//! become JSON, and the JSON becomes the [`Act`]: nothing here lists an act's fields again.

use std::fmt::Debug;
use std::marker::PhantomData;

use clap::error::ErrorKind;
use clap::{ArgMatches, FromArgMatches, Subcommand};
use domain::act::Act;
use domain::written_time::WrittenTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::Failure;
use super::argument::{
    Argument, audience, certainty, component, flag, measure_json, phase, plain, request, yes_or_no,
};
use crate::config::share;

/// A group of act commands, such as those of `nines incident`.
pub trait Group: Debug {
    const COMMANDS: &'static [Command];
}

#[derive(Debug)]
pub struct IncidentActs;

impl Group for IncidentActs {
    const COMMANDS: &'static [Command] = &[
        Command {
            name: "ack",
            act: "acknowledge",
            about: "Acknowledge an incident",
            arguments: &[INCIDENT, COUNTS_FROM, EARLIER_APPROVED_BY],
        },
        Command {
            name: "update",
            act: "update",
            about: "Write an update; the customers of the incident's systems are told",
            arguments: &[INCIDENT, UPDATE, PHASE, AUDIENCE, ESTIMATE],
        },
        Command {
            name: "respond",
            act: "respond",
            about: "Record a call or a visit in which you answered the reporter or a customer",
            arguments: &[
                INCIDENT,
                WHOM,
                ANSWERED,
                ESTIMATE,
                COUNTS_FROM,
                EARLIER_APPROVED_BY,
            ],
        },
        Command {
            name: "impact",
            act: "impact",
            about: "Record how far a failure reaches; the severity follows from it",
            arguments: &[INCIDENT, SHARE, CUSTOMERS, FLAGS, PREVENTS, COMPONENT],
        },
        Command {
            name: "severity",
            act: "severity",
            about: "Choose the severity yourself; the policy's rules no longer change it",
            arguments: &[INCIDENT, SEVERITY, REASON],
        },
        Command {
            name: "workaround",
            act: "workaround",
            about: "Record how users can work until it is corrected; then it waits for `resolve`",
            arguments: &[INCIDENT, WORKAROUND],
        },
        Command {
            name: "pause",
            act: "pause",
            about: "Stop the clocks of an incident",
            arguments: &[INCIDENT, REASON],
        },
        Command {
            name: "resume",
            act: "resume",
            about: "Let the clocks of an incident run again",
            arguments: &[INCIDENT],
        },
        Command {
            name: "escalate",
            act: "escalate",
            about: "Notify the next level of escalation at once",
            arguments: &[INCIDENT, REASON],
        },
        Command {
            name: "disaster",
            act: "declare_disaster",
            about: "Declare a disaster: the clock of disaster recovery starts",
            arguments: &[INCIDENT, REASON],
        },
        Command {
            name: "merge",
            act: "merge",
            about: "Merge an incident into an earlier one",
            arguments: &[INCIDENT, INTO, REASON],
        },
        Command {
            name: "report-problem",
            act: "report_problem",
            about: "Record a customer's report; it belongs to an open incident of its systems, or opens one",
            arguments: &[
                CUSTOMER,
                ABOUT_SYSTEMS,
                REQUEST,
                REPORTED,
                REPORTER,
                RECEIVED,
                PHONE,
            ],
        },
        Command {
            name: "resolve",
            act: "resolve",
            about: "Resolve a report without an outage, or an incident that has a workaround",
            arguments: &[INCIDENT, RESOLVED],
        },
        Command {
            name: "correct",
            act: "correct",
            about: "Withdraw a false alarm; every recipient of a notice about it gets a correction. The figures stay as they are",
            arguments: &[INCIDENT, REASON],
        },
        Command {
            name: "review",
            act: "review",
            about: "Write or amend the review; omitted texts are unchanged",
            arguments: &[
                INCIDENT, SUMMARY, ROOT_CAUSE, CERTAINTY, RESOLUTION, MEASURES,
            ],
        },
        Command {
            name: "done",
            act: "measure_done",
            about: "Record that a preventive measure was carried out",
            arguments: &[INCIDENT, MEASURE, NOTE],
        },
        Command {
            name: "close",
            act: "close",
            about: "Close an incident",
            arguments: &[INCIDENT, WITHOUT, CONFIRMED_BY],
        },
        Command {
            name: "declare",
            act: "declare_outage",
            about: "Declare an outage that the probes did not see",
            arguments: &[SYSTEM, FROM, OPEN_TO, EVIDENCE],
        },
        Command {
            name: "end",
            act: "change_declaration",
            about: "End a declared outage, or move its end",
            arguments: &[OUTAGE, TO, REASON, APPROVED_BY.optional()],
        },
        Command {
            name: "fault",
            act: "monitor_fault",
            about: "Declare a period unknown, because the monitor itself was wrong",
            arguments: &[SYSTEM, FROM, TO, EVIDENCE, APPROVED_BY.optional()],
        },
        Command {
            name: "exclude",
            act: "exclude",
            about: "Exclude a part of an outage from the contract's figure; \
                    without a second person it still counts as unplanned",
            arguments: &[OUTAGE, FROM, TO, REASON, EVIDENCE, APPROVED_BY.optional()],
        },
        Command {
            name: "reclassify",
            act: "reclassify",
            about: "Count an outage's planned time as unplanned",
            arguments: &[OUTAGE, REASON],
        },
    ];
}

#[derive(Debug)]
pub struct NoticeActs;

impl Group for NoticeActs {
    const COMMANDS: &'static [Command] = &[Command {
        name: "resend",
        act: "resend_notice",
        about: "Send a rejected notice again: its recipient gets what is true now of what it told",
        arguments: &[NOTICE, REASON],
    }];
}

#[derive(Debug)]
pub struct MaintenanceActs;

impl Group for MaintenanceActs {
    const COMMANDS: &'static [Command] = &[
        Command {
            name: "schedule",
            act: "schedule_maintenance",
            about: "Schedule a maintenance window",
            arguments: &[
                ID,
                SYSTEMS,
                TITLE,
                IMPACT,
                START,
                END,
                MAX_DOWNTIME,
                MIN_NOTICE,
                START_GRACE,
                ANNOUNCE,
                OVERRIDE,
            ],
        },
        Command {
            name: "extend",
            act: "extend_maintenance",
            about: "Change a window's end or allowance; an earlier end ends it early",
            arguments: &[WINDOW, END, NEW_MAX_DOWNTIME, REASON.optional()],
        },
        Command {
            name: "cancel",
            act: "cancel_maintenance",
            about: "Cancel a window that has not begun",
            arguments: &[WINDOW, REASON],
        },
        Command {
            name: "told",
            act: "told",
            about: "Record that you notified a customer of a window yourself",
            arguments: &[WINDOW, CUSTOMER, HOW, COUNTS_FROM, EARLIER_APPROVED_BY],
        },
    ];
}

const INCIDENT: Argument = Argument::position(
    "incident",
    "INCIDENT",
    "Incident id (I-12), or a system: its open incident, else its last",
);
const OUTAGE: Argument = Argument::position(
    "outage",
    "OUTAGE",
    "Outage id (O-12), or a system: its open outage, else its last",
);
const SYSTEM: Argument = Argument::position("system", "SYSTEM", "System id");
const ID: Argument = Argument::position(
    "id",
    "ID",
    "Window id, unique among all windows, such as database-move",
);
const WINDOW: Argument = Argument::position("window", "WINDOW", "Window id");
const CUSTOMER: Argument = Argument::position("customer", "CUSTOMER", "Customer id");
const MEASURE: Argument = Argument::position(
    "measure",
    "MEASURE",
    "The measure: its number as `incident show` prints it, or its whole text",
);

const START_HELP: &str =
    "Start, such as \"2026-11-30 22:00\" in the service's zone, or with an offset";
const COUNTS_FROM: Argument = Argument::time(
    "at",
    "counts_from",
    "Effective time, if earlier than now; needs --approved-by or --propose",
)
.optional()
.with(SECOND_PERSON);
const EARLIER_APPROVED_BY: Argument = APPROVED_BY.optional().with("counts_from");
const APPROVED_BY: Argument = Argument::option(
    "approved-by",
    "approved_by",
    "NAME",
    "Second person, who approves this",
    plain,
);
const FROM: Argument = Argument::time("from", "from", START_HELP);
const TO: Argument = Argument::time("to", "to", "End");
const OPEN_TO: Argument =
    Argument::time("to", "to", "End; omit it if the outage continues").optional();
const START: Argument = Argument::time("start", "start", START_HELP);
const END: Argument = Argument::time("end", "end", "End");

const UPDATE: Argument = Argument::text("text", "text", "What customers should know now");
const PHASE: Argument = Argument::option(
    "state",
    "phase",
    "STATE",
    "State as customers see it: investigating, identified, monitoring, resolved",
    phase,
)
.optional();
const AUDIENCE: Argument = Argument::option(
    "to",
    "public",
    "AUDIENCE",
    "Who is told: customers (the default), or staff for a note that stays inside",
    audience,
)
.optional();
const ESTIMATE: Argument = Argument::time(
    "estimate",
    "estimate",
    "When the problem is expected to be solved",
)
.optional();
const WHOM: Argument = Argument::option("to", "whom", "NAME", "Who was answered", plain);
const ANSWERED: Argument = Argument::text("how", "how", "How, such as \"by telephone\"");
const SHARE: Argument = Argument::option(
    "share",
    "share_ppm",
    "PERCENT",
    "Share of users affected, such as 5.1%",
    |text| share(text).map(Value::from),
)
.optional();
const CUSTOMERS: Argument = Argument::option(
    "customer",
    "customers",
    "CUSTOMER",
    "Affected customer; repeatable",
    plain,
)
.optional()
.repeatable();
const FLAGS: Argument = Argument::option(
    "flag",
    "flags",
    "FLAG",
    "What is at stake: security, revenue, regulatory; repeatable",
    flag,
)
.optional()
.repeatable();
const PREVENTS: Argument = Argument::option(
    "prevents-access",
    "prevents_access",
    "YES_OR_NO",
    "Whether users cannot reach a major function: yes, no",
    yes_or_no,
)
.optional();
const COMPONENT: Argument = Argument::option(
    "component",
    "component",
    "COMPONENT",
    "What failed: critical, or minor if the service can do without it",
    component,
)
.optional();
const SEVERITY: Argument =
    Argument::position("severity", "SEVERITY", "Severity, as the policy names it");
const WORKAROUND: Argument = Argument::text("text", "text", "How users can work meanwhile");
const INTO: Argument = Argument::position("into", "INTO", "The incident that goes on (I-12)");
const ABOUT_SYSTEMS: Argument = Argument::option(
    "system",
    "systems",
    "SYSTEM",
    "System that the report is about; repeatable",
    plain,
)
.optional()
.repeatable();
const REQUEST: Argument = Argument::option(
    "type",
    "request",
    "TYPE",
    "Type: general, task, change, access, problem, breach",
    request,
);
const REPORTED: Argument = Argument::text("text", "text", "The reporter's words");
const REPORTER: Argument =
    Argument::option("reporter", "reporter", "NAME", "Who reported it", plain);
const RECEIVED: Argument = Argument::time(
    "received",
    "received",
    "When it was received, if earlier than now",
)
.optional();
const PHONE: Argument = Argument::option(
    "by-phone",
    "phone",
    "YES_OR_NO",
    "Whether it came by telephone: yes, no (the default)",
    yes_or_no,
)
.optional();
const RESOLVED: Argument = Argument::text("text", "text", "What solved it").optional();
const CONFIRMED_BY: Argument = Argument::text(
    "confirmed-by",
    "confirmed_by",
    "Which reporter confirmed that it is settled, and how",
)
.optional();
const SUMMARY: Argument =
    Argument::text("summary", "summary", "What happened, in two sentences").optional();
const ROOT_CAUSE: Argument = Argument::text("root-cause", "root_cause", "Root cause").optional();
const RESOLUTION: Argument = Argument::text("resolution", "resolution", "What ended it").optional();
const CERTAINTY: Argument = Argument::option(
    "certainty",
    "certainty",
    "CERTAINTY",
    "How certain the root cause is: unknown, suspected, confirmed",
    certainty,
)
.optional();
const MEASURES: Argument = Argument {
    hyphens: true,
    ..Argument::option(
        "measure",
        "measures",
        "TEXT;OWNER;DATE",
        "Preventive measure as `TEXT;OWNER;2026-12-31`; repeatable. The same text again changes owner and date",
        measure_json,
    )
    .optional()
    .repeatable()
};
const NOTE: Argument = Argument::text("note", "note", "What was done").optional();
const WITHOUT: Argument = Argument::text(
    "without",
    "without",
    "Reason why texts, or a reporter's confirmation, are missing",
)
.optional();
const EVIDENCE: Argument = Argument::text("evidence", "evidence", "Evidence");
const NOTICE: Argument = Argument::position(
    "notice",
    "NOTICE",
    "Rejected notice, such as N-14 (`nines notice list`)",
);
const REASON: Argument = Argument::text("reason", "reason", "Reason");

const SYSTEMS: Argument = Argument::option(
    "system",
    "systems",
    "SYSTEM",
    "Affected system; repeatable",
    plain,
)
.repeatable();
const TITLE: Argument = Argument::text("title", "title", "Title of the work");
const IMPACT: Argument =
    Argument::text("impact", "impact", "What customers will notice").optional();
const MAX_DOWNTIME: Argument = Argument::length(
    "max-downtime",
    "max_downtime",
    "Allowed downtime, such as 5m (default: the whole window)",
);
const NEW_MAX_DOWNTIME: Argument = Argument::length(
    "max-downtime",
    "max_downtime",
    "Allowed downtime, such as 5m (default: unchanged)",
);
const MIN_NOTICE: Argument = Argument::length(
    "min-notice",
    "min_notice",
    "How long before the start customers must be notified, such as 7d (default: what the policy demands)",
);
const START_GRACE: Argument = Argument::length(
    "start-grace",
    "start_grace",
    "How early the work may begin, such as 30s",
);
const ANNOUNCE: Argument = Argument::length(
    "announce",
    "announce",
    "Remind customers so long before the start, such as 24h; repeatable",
)
.repeatable();
const OVERRIDE: Argument = Argument::text(
    "override",
    "override",
    "Reason for scheduling outside the hours that the policy allows",
)
.optional();
const HOW: Argument = Argument::text("how", "how", "How they were notified");

#[derive(Debug)]
pub struct Command {
    name: &'static str,
    /// The act's name in scenarios and on the socket.
    act: &'static str,
    about: &'static str,
    arguments: &'static [Argument],
}

impl Command {
    fn command(&self) -> clap::Command {
        let flag = |id: &'static str, long: &'static str, help: &'static str| {
            clap::Arg::new(id)
                .long(long)
                .help(help)
                .action(clap::ArgAction::SetTrue)
        };
        let command = clap::Command::new(self.name)
            .about(self.about)
            .args(self.arguments.iter().map(Argument::arg))
            .arg(flag(
                DRY_RUN,
                "dry-run",
                "Record and send nothing; print what would happen and the mails",
            ))
            .arg(
                clap::Arg::new(NOT_PHI)
                    .long("not-phi")
                    .value_name("REASON")
                    .help(NOT_PHI_HELP)
                    .allow_hyphen_values(true),
            );
        let command = match self.takes_second_person() {
            true => command
                .arg(flag(
                    PROPOSE,
                    "propose",
                    "Propose it to a second person, who approves with an account; needs --server",
                ))
                .group(clap::ArgGroup::new(SECOND_PERSON).args(["approved_by", PROPOSE])),
            false => command,
        };
        match self.makes_window() {
            true => command.arg(flag(
                ANYWAY,
                "anyway",
                "Accept that the window no longer counts as planned",
            )),
            false => command,
        }
    }

    /// True if it makes or widens a maintenance window.
    fn makes_window(&self) -> bool {
        matches!(self.act, "schedule_maintenance" | "extend_maintenance")
    }

    /// True if a second person may or must approve it.
    fn takes_second_person(&self) -> bool {
        self.arguments.iter().any(|a| a.key == "approved_by")
    }

    fn keys(&self, matches: &ArgMatches) -> Map<String, Value> {
        let mut keys = Map::from_iter([("do".to_owned(), json!(self.act))]);
        for argument in self.arguments {
            let Some(values) = matches.get_many::<Value>(argument.key) else {
                continue;
            };
            let values: Vec<Value> = values.cloned().collect();
            let value = match argument.repeatable {
                true => Value::Array(values),
                false => values.into_iter().next().unwrap_or_default(),
            };
            keys.insert(argument.key.to_owned(), value);
        }
        keys
    }

    /// The keys whose values are times.
    fn times(&self) -> Vec<&'static str> {
        let times = self.arguments.iter().filter(|a| a.value_name == "TIME");
        times.map(|argument| argument.key).collect()
    }
}

const DRY_RUN: &str = "dry_run";
const ANYWAY: &str = "anyway";
const PROPOSE: &str = "propose";
/// The second person, by name or by a proposal.
const SECOND_PERSON: &str = "second_person";
pub(super) const NOT_PHI: &str = "not_phi";
/// The help of `--not-phi`.
pub(super) const NOT_PHI_HELP: &str = "Reason why a text that looks like protected health information is something else; it is recorded";

/// The act that one of a group's commands asks for.
#[derive(Debug)]
pub struct Asked<G> {
    /// The act's keys. Local times are as written.
    keys: Map<String, Value>,
    times: Vec<&'static str>,
    pub options: Options,
    group: PhantomData<G>,
}

/// What a person says about the command rather than about the act.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Record and send nothing.
    pub dry_run: bool,
    /// Accept a window that does not count as planned.
    pub anyway: bool,
    /// Propose it to a second person.
    pub propose: bool,
    /// Why a text that looks like protected health information is something else.
    pub not_phi: Option<String>,
}

impl<G> Asked<G> {
    /// The act. `zone` gives the service's zone, and is asked only if a local time was written.
    ///
    /// # Errors
    /// The zone is unknown, or a clock change makes a local time mean none or two.
    pub fn act(mut self, zone: impl FnOnce() -> Result<TimeZone, Failure>) -> Result<Act, Failure> {
        let read = |value: &Value| match value.as_str()?.parse().ok()? {
            WrittenTime::Instant(_) => None,
            local @ WrittenTime::Local(..) => Some(local),
        };
        let locals: Vec<(&str, WrittenTime)> = self
            .times
            .iter()
            .filter_map(|key| Some((*key, read(self.keys.get(*key)?)?)))
            .collect();
        if !locals.is_empty() {
            let zone = zone()?;
            for (key, local) in locals {
                let at = local.instant(&zone);
                let at = at.map_err(|error| Failure::Usage(error.to_string()))?;
                self.keys.insert(key.to_owned(), json!(at));
            }
        }
        serde_json::from_value(Value::Object(self.keys))
            .map_err(|error| Failure::Usage(error.to_string()))
    }
}

impl<G: Group> Subcommand for Asked<G> {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        command.subcommands(G::COMMANDS.iter().map(Command::command))
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        G::COMMANDS.iter().any(|command| command.name == name)
    }
}

impl<G: Group> FromArgMatches for Asked<G> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let asked = matches.subcommand().and_then(|(name, matches)| {
            let command = G::COMMANDS.iter().find(|command| command.name == name)?;
            Some((command, matches))
        });
        let Some((command, matches)) = asked else {
            return Err(clap::Error::new(ErrorKind::MissingSubcommand));
        };
        Ok(Self {
            keys: command.keys(matches),
            times: command.times(),
            options: Options {
                dry_run: matches.get_flag(DRY_RUN),
                anyway: command.makes_window() && matches.get_flag(ANYWAY),
                propose: command.takes_second_person() && matches.get_flag(PROPOSE),
                not_phi: matches.get_one::<String>(NOT_PHI).cloned(),
            },
            group: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
