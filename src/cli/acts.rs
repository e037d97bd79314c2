//! From words on the command line to acts.

use domain::act::{Act, Which};
use domain::catalogue::Single;
use domain::id::{IncidentId, SystemId, WindowId};
use domain::incident::{Measure, Review};

use super::args;

/// The act that the words ask for; `None` where they only ask for something to read.
pub fn of_incident(words: &args::Incident) -> Option<Act> {
    use args::Incident as I;
    Some(match words {
        I::List { .. } | I::Show(_) => return None,
        I::Ack { which, earlier } => Act::Acknowledge {
            incident: incident(which),
            counts_from: earlier.at,
            approved_by: earlier.approved_by.clone(),
        },
        I::Done {
            which,
            measure,
            note,
        } => Act::MeasureDone {
            incident: incident(which),
            measure: measure.clone(),
            note: note.clone(),
        },
        I::Review {
            which,
            summary,
            root_cause,
            certainty,
            resolution,
            measures,
        } => Act::Review {
            incident: incident(which),
            review: Review {
                summary: summary.clone(),
                root_cause: root_cause.clone(),
                certainty: *certainty,
                resolution: resolution.clone(),
                measures: measures.clone(),
            },
        },
        I::Close { which, without } => Act::Close {
            incident: incident(which),
            without: without.clone(),
        },
        words => return on_outage(words),
    })
}

/// The acts on outages.
fn on_outage(words: &args::Incident) -> Option<Act> {
    use args::Incident as I;
    Some(match words {
        I::Declare {
            system,
            from,
            to,
            evidence,
        } => Act::DeclareOutage {
            system: system.clone(),
            from: *from,
            to: *to,
            evidence: evidence.clone(),
        },
        I::End {
            outage,
            to,
            reason,
            approved_by,
        } => Act::ChangeDeclaration {
            outage: *outage,
            to: *to,
            reason: reason.clone(),
            approved_by: approved_by.clone(),
        },
        I::Fault {
            system,
            from,
            to,
            evidence,
            approved_by,
        } => Act::MonitorFault {
            system: system.clone(),
            from: *from,
            to: *to,
            evidence: evidence.clone(),
            approved_by: approved_by.clone(),
        },
        I::Exclude {
            outage,
            from,
            to,
            reason,
            evidence,
            approved_by,
        } => Act::Exclude {
            outage: *outage,
            from: *from,
            to: *to,
            reason: reason.clone(),
            evidence: evidence.clone(),
            approved_by: approved_by.clone(),
        },
        I::Reclassify { outage, reason } => Act::Reclassify {
            outage: *outage,
            reason: reason.clone(),
        },
        I::List { .. }
        | I::Show(_)
        | I::Ack { .. }
        | I::Review { .. }
        | I::Done { .. }
        | I::Close { .. } => return None,
    })
}

/// The act that the words ask for; `None` where they only ask for something to read.
pub fn of_maintenance(words: &args::Maintenance) -> Option<Act> {
    use args::Maintenance as M;
    Some(match words {
        M::List => return None,
        M::Schedule {
            id,
            systems,
            title,
            impact,
            start,
            end,
            max_downtime,
            min_notice,
            start_grace,
            override_reason,
        } => Act::ScheduleMaintenance {
            window: Single {
                id: WindowId::from(id.as_str()),
                systems: systems.clone(),
                title: title.clone(),
                impact: impact.clone(),
                start: *start,
                end: *end,
                max_downtime_s: *max_downtime,
                min_notice_s: *min_notice,
                start_grace_s: *start_grace,
                override_reason: override_reason.clone(),
            },
        },
        M::Extend {
            window,
            end,
            max_downtime,
            reason,
        } => Act::ExtendMaintenance {
            window: window.clone(),
            end: *end,
            max_downtime_s: *max_downtime,
            reason: reason.clone(),
        },
        M::Cancel { window, reason } => Act::CancelMaintenance {
            window: window.clone(),
            reason: reason.clone(),
        },
        M::Told {
            window,
            customer,
            how,
            earlier,
        } => Act::Told {
            window: window.clone(),
            customer: customer.clone(),
            how: how.clone(),
            counts_from: earlier.at,
            approved_by: earlier.approved_by.clone(),
        },
    })
}

/// An incident by its id, else by its system. A system's id has only lower-case letters, so the
/// two are never confused.
pub fn incident(which: &args::Which) -> Which {
    match which.incident.parse::<IncidentId>() {
        Ok(id) => Which::Incident(id),
        Err(_) => Which::System(SystemId::from(which.incident.as_str())),
    }
}

/// A preventive measure as it is written on the command line.
pub fn measure(text: &str) -> Result<Measure, String> {
    let parts: Vec<&str> = text.split(';').map(str::trim).collect();
    let [what, owner, due] = parts[..] else {
        return Err("a measure reads `TEXT;OWNER;2026-12-31`".to_owned());
    };
    let date = due.parse();
    Ok(Measure {
        text: what.to_owned(),
        owner: owner.to_owned(),
        due: date.map_err(|_| format!("`{due}` is not a date like 2026-12-31"))?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    #[test]
    fn a_measure_has_a_text_an_owner_and_a_date() {
        let read = measure("Pin the certificate; platform; 2026-12-31").unwrap();
        assert_eq!(
            (read.text.as_str(), read.owner.as_str()),
            ("Pin the certificate", "platform")
        );
        assert!(measure("no owner").is_err());
        assert!(measure("a;b;soon").is_err());
    }

    #[test]
    fn an_incident_is_named_by_its_id_or_its_system() {
        let which = |text: &str| {
            incident(&args::Which {
                incident: text.to_owned(),
            })
        };
        assert_eq!(which("I-12"), Which::Incident(IncidentId(12)));
        assert_eq!(which("portal"), Which::System(SystemId::from("portal")));
    }
}
