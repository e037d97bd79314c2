//! The sentences of the operator's work on incidents: severity, impact, answers, pauses, clocks and escalation.

use domain::clocks::State;
use domain::event::Fact;
use domain::handling::{ClockRun, Component, Impact, Problem};
use domain::policy::Target;
use domain::report::words;
use jiff::Timestamp;

use super::{Writer, approved, ended, list};

impl Writer<'_> {
    pub(super) fn handling(&self, fact: &Fact) -> String {
        let by = self.by;
        match fact {
            Fact::UpdateDelivered { incident, number } => {
                format!("Update {number} of incident {incident} reached all its recipients.")
            }
            Fact::IncidentRated {
                incident,
                policy,
                severity,
                reason,
            } => match reason {
                Some(reason) => format!(
                    "{by} gave incident {incident} severity {severity} of {policy}: {}",
                    ended(reason)
                ),
                None => format!("Incident {incident} has severity {severity} of {policy}."),
            },
            Fact::OutageJoined {
                incident,
                system,
                outage,
            } => format!("Outage {outage} of {system} belongs to incident {incident}."),
            Fact::ProblemReported { incident, problem } => self.problem(incident, problem),
            Fact::IncidentResponded {
                incident,
                to,
                how,
                estimate,
                counts_from,
                approved_by,
            } => format!(
                "{by} answered {to} about incident {incident} {how}{}{}{}.",
                self.estimate(*estimate),
                self.counts_from(*counts_from),
                approved(approved_by.as_deref())
            ),
            Fact::IncidentAssessed { incident, impact } => {
                format!("{by} assessed incident {incident}: {}.", assessed(impact))
            }
            Fact::WorkaroundFound { incident, text } => {
                format!(
                    "{by} gave a workaround for incident {incident}: {}",
                    ended(text)
                )
            }
            Fact::TextConfirmed {
                about,
                found,
                reason,
            } => {
                let kinds: Vec<&str> = found.iter().map(|kind| kind.words()).collect();
                let about = match about.is_empty() {
                    true => String::new(),
                    false => format!(" about {about}"),
                };
                format!(
                    "{by} confirmed that a text{about} that looks like {} is something else: {}",
                    kinds.join(" and "),
                    ended(reason)
                )
            }
            Fact::IncidentPaused { incident, reason } => format!(
                "{by} paused the clocks of incident {incident}: {}",
                ended(reason)
            ),
            Fact::IncidentResumed { incident } => {
                format!("{by} let the clocks of incident {incident} run again.")
            }
            Fact::IncidentEscalated { incident, reason } => {
                format!("{by} escalated incident {incident}: {}", ended(reason))
            }
            Fact::DisasterDeclared { incident, reason } => format!(
                "{by} declared a disaster in incident {incident}: {}",
                ended(reason)
            ),
            Fact::IncidentMerged {
                incident,
                into,
                reason,
            } => format!(
                "{by} merged incident {incident} into {into}: {}",
                ended(reason)
            ),
            Fact::LevelReached {
                incident,
                level,
                severity,
                state,
                contacts,
            } => format!(
                "Incident {incident}, severity {severity}, {}.",
                match state {
                    State::Skipped => format!("skips escalation level {level}"),
                    State::PassedOn => format!(
                        "reaches escalation level {level}, because no mail to the level below arrived within five \
                         minutes: {}",
                        contacts.join(", ")
                    ),
                    State::Notified | State::ByPerson | State::Pending => {
                        format!("reaches escalation level {level}: {}", contacts.join(", "))
                    }
                }
            ),
            Fact::ClockWarned { incident, run } => format!(
                "The {} of incident {incident}{}; 80 % of its time are used up.",
                named(run),
                self.due(" is due at", run)
            ),
            Fact::ClockMet {
                incident,
                run,
                answered,
            } => format!(
                "The {} of incident {incident} was met at {}{}.",
                named(run),
                self.time(*answered),
                self.due(", due at", run)
            ),
            Fact::ClockMissed { incident, run } => format!(
                "The {} of incident {incident} was missed{}.",
                named(run),
                self.due(": it was due at", run)
            ),
            _ => String::new(),
        }
    }

    fn problem(&self, incident: &domain::id::IncidentId, problem: &Problem) -> String {
        let about = match problem.systems.is_empty() {
            true => String::new(),
            false => format!(" about {}", list(&problem.systems)),
        };
        format!(
            "{} recorded a report ({}) by {}{about}, received at {}{} (incident {incident}): {}",
            self.by,
            problem.request.word(),
            problem.by(),
            self.time(problem.received),
            if problem.phone { " by telephone" } else { "" },
            ended(&problem.text)
        )
    }

    /// When a clock is due. One that is answered while it is paused has no such time.
    fn due(&self, words: &str, run: &ClockRun) -> String {
        let said = |due| format!("{words} {}", self.time(due));
        run.due
            .map_or_else(|| ", while it was paused".to_owned(), said)
    }

    pub(super) fn estimate(&self, estimate: Option<Timestamp>) -> String {
        let said = |at| format!(", expected to be solved at {}", self.time(at));
        estimate.map_or_else(String::new, said)
    }
}

fn named(run: &ClockRun) -> String {
    let clock = run.clock.word();
    match run.number {
        1 => format!("{clock} clock (severity {})", run.severity),
        n => format!("{clock} clock {n} (severity {})", run.severity),
    }
}

fn assessed(impact: &Impact) -> String {
    let mut said = Vec::new();
    if let Some(share) = impact.share_ppm {
        said.push(format!(
            "{} % of the users",
            words::target(Target { ppm: share })
        ));
    }
    if let Some(customers) = &impact.customers {
        let ids: Vec<_> = customers.iter().collect();
        said.push(format!("customers {}", list(&ids)));
    }
    if let Some(flags) = &impact.flags {
        let flags: Vec<&str> = flags.iter().map(|flag| flag.word()).collect();
        said.push(format!("flags {}", flags.join(", ")));
    }
    said.extend(impact.prevents_access.map(|prevents| match prevents {
        true => "access is prevented".to_owned(),
        false => "access is possible".to_owned(),
    }));
    said.extend(impact.component.map(|component| match component {
        Component::Critical => "a critical component".to_owned(),
        Component::Minor => "a minor component".to_owned(),
    }));
    said.join("; ")
}
