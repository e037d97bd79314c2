//! What people do in a scenario: read from one table of keys, each act with those it has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::act::{Act, Which};
use domain::catalogue::Single;
use domain::id::{CustomerId, IncidentId, OutageId, SystemId, WindowId};
use domain::incident::{Certainty, Measure, Review};
use domain::record::Record;
use domain::span::Span;
use jiff::Timestamp;
use serde::Deserialize;
use toml::Spanned;

use super::known::{Named, What};

/// What a scenario can have somebody do.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Says or decides something; the record tells what it is about when it is done.
    Act(Said),
    /// Puts another configuration in force.
    Reload(PathBuf),
    /// Stops the service and starts it again.
    Restart {
        /// How long it stays away.
        down_for: Duration,
        /// Without a word, as a power cut does.
        kill: bool,
    },
}

/// An act whose object may still have to be found.
#[derive(Clone, Debug)]
pub enum Said {
    /// As it is.
    Plain(Act),
    /// Excludes a part of the outage of a system that holds it.
    Exclude {
        /// The system.
        system: SystemId,
        /// The part.
        span: Span,
        /// Why.
        reason: String,
        /// What it rests on.
        evidence: String,
        /// The second person.
        approved_by: Option<String>,
    },
    /// Takes back the planned time of a system's open outage, or its last.
    Reclassify {
        /// The system.
        system: SystemId,
        /// Why.
        reason: String,
    },
    /// Gives the declared outage of a system that is open, or its last, an end.
    ChangeDeclaration {
        /// The system.
        system: SystemId,
        /// The end.
        to: Timestamp,
        /// Why.
        reason: String,
        /// The second person.
        approved_by: Option<String>,
    },
}

impl Said {
    /// The act, with what it is about as the record has it.
    ///
    /// # Errors
    /// There is no such outage.
    pub fn on(&self, record: &Record) -> Result<Act, String> {
        Ok(match self {
            Said::Plain(act) => act.clone(),
            Said::Exclude {
                system,
                span,
                reason,
                evidence,
                approved_by,
            } => Act::Exclude {
                outage: outage(record, system, |o| {
                    o.start < span.to && o.end.is_none_or(|end| span.from < end)
                })?,
                from: span.from,
                to: span.to,
                reason: reason.clone(),
                evidence: evidence.clone(),
                approved_by: approved_by.clone(),
            },
            Said::Reclassify { system, reason } => Act::Reclassify {
                outage: outage(record, system, |o| o.end.is_none())
                    .or_else(|_| outage(record, system, |_| true))?,
                reason: reason.clone(),
            },
            Said::ChangeDeclaration {
                system,
                to,
                reason,
                approved_by,
            } => Act::ChangeDeclaration {
                outage: outage(record, system, |o| o.declared.is_some() && o.end.is_none())
                    .or_else(|_| outage(record, system, |o| o.declared.is_some()))?,
                to: *to,
                reason: reason.clone(),
                approved_by: approved_by.clone(),
            },
        })
    }
}

/// The last outage of a system that fits.
fn outage(
    record: &Record,
    system: &SystemId,
    fits: impl Fn(&domain::record::Outage) -> bool,
) -> Result<OutageId, String> {
    let of_system = record
        .outages
        .values()
        .rev()
        .filter(|o| o.system == *system);
    let found = of_system.into_iter().find(|o| fits(o)).map(|o| o.id);
    found.ok_or_else(|| format!("`{system}` has no such outage"))
}

macro_rules! written {
    ($($key:ident: $type:ty),* $(,)?) => {
        /// An act as written: every key that any act has.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Written {
            at: String,
            by: String,
            r#do: String,
            $($key: Option<$type>,)*
        }

        impl Written {
            /// The keys that are there, beside time, person and act.
            fn keys(&self) -> Vec<&'static str> {
                let mut keys = Vec::new();
                $(if self.$key.is_some() { keys.push(stringify!($key)); })*
                keys
            }
        }
    };
}

written! {
    system: Spanned<SystemId>,
    incident: String,
    window: Spanned<WindowId>,
    id: Spanned<WindowId>,
    customer: Spanned<CustomerId>,
    systems: Vec<Spanned<SystemId>>,
    summary: String,
    root_cause: String,
    certainty: Certainty,
    resolution: String,
    measures: Vec<Measure>,
    without: String,
    from: String,
    to: String,
    evidence: String,
    approved_by: String,
    reason: String,
    title: String,
    impact: String,
    start: String,
    end: String,
    max_downtime: String,
    min_notice: String,
    start_grace: String,
    r#override: String,
    how: String,
    counts_from: String,
    measure: String,
    note: String,
    config: PathBuf,
    down_for: String,
    kill: bool,
}

/// Each act with the keys it needs and those it may have.
pub(super) const ACTS: [(&str, &[&str], &[&str]); 15] = [
    (
        "acknowledge",
        &[],
        &["system", "incident", "counts_from", "approved_by"],
    ),
    (
        "measure_done",
        &["measure"],
        &["system", "incident", "note"],
    ),
    (
        "review",
        &[],
        &[
            "system",
            "incident",
            "summary",
            "root_cause",
            "certainty",
            "resolution",
            "measures",
        ],
    ),
    ("close", &[], &["system", "incident", "without"]),
    ("declare_outage", &["system", "from", "evidence"], &["to"]),
    (
        "change_declaration",
        &["system", "to", "reason"],
        &["approved_by"],
    ),
    (
        "monitor_fault",
        &["system", "from", "to", "evidence", "approved_by"],
        &[],
    ),
    (
        "exclude",
        &["system", "from", "to", "reason", "evidence"],
        &["approved_by"],
    ),
    ("reclassify", &["system", "reason"], &[]),
    (
        "schedule_maintenance",
        &["id", "systems", "title", "start", "end"],
        &[
            "impact",
            "max_downtime",
            "min_notice",
            "start_grace",
            "r#override",
        ],
    ),
    (
        "extend_maintenance",
        &["end"],
        &["id", "window", "max_downtime", "reason"],
    ),
    ("cancel_maintenance", &[], &["id", "window", "reason"]),
    (
        "told",
        &["window", "customer", "how"],
        &["counts_from", "approved_by"],
    ),
    ("reload", &["config"], &[]),
    ("restart", &[], &["down_for", "kill"]),
];

/// Reads an act; paths are relative to `folder`.
pub(super) fn read(w: Written, folder: &Path) -> Result<(Timestamp, String, Deed), String> {
    fits(&w)?;
    let at = instant(&w.at)?;
    let by = w.by.clone();
    let deed = match w.r#do.as_str() {
        "reload" => Deed::Reload(folder.join(w.config.unwrap_or_default())),
        "restart" => Deed::Restart {
            down_for: w
                .down_for
                .as_deref()
                .map_or(Ok(Duration::ZERO), crate::config::length)?,
            kill: w.kill.unwrap_or(false),
        },
        _ => Deed::Act(said(w)?),
    };
    Ok((at, by, deed))
}

/// What an act names, and what it makes.
pub(super) fn names(w: &Written) -> Vec<Named> {
    let systems = w.system.iter().chain(w.systems.iter().flatten());
    let mut names: Vec<Named> = systems.map(|id| Named::new(What::System, id)).collect();
    names.extend(w.customer.iter().map(|id| Named::new(What::Customer, id)));
    let window = match w.r#do.as_str() {
        "schedule_maintenance" => What::NewWindow,
        _ => What::Window,
    };
    let windows = w.window.iter().chain(&w.id);
    names.extend(windows.map(|id| Named::new(window, id)));
    names
}

fn plain<T: Clone>(key: Option<&Spanned<T>>) -> Option<T> {
    key.map(|key| key.get_ref().clone())
}

/// Whether the act is known and has the keys it needs and no others.
fn fits(w: &Written) -> Result<(), String> {
    let name = w.r#do.as_str();
    let Some((_, needs, may)) = ACTS.iter().find(|(known, _, _)| *known == name) else {
        let known: Vec<_> = ACTS.iter().map(|(known, _, _)| *known).collect();
        return Err(format!(
            "unknown act `{name}`; there are {}",
            known.join(", ")
        ));
    };
    let keys = w.keys();
    for key in &keys {
        if !needs.contains(key) && !may.contains(key) {
            return Err(format!(
                "`{name}` has no `{}`",
                key.trim_start_matches("r#")
            ));
        }
    }
    match needs.iter().find(|key| !keys.contains(key)) {
        Some(lacking) => Err(format!("`{name}` needs `{lacking}`")),
        None => Ok(()),
    }
}

fn said(w: Written) -> Result<Said, String> {
    let name = w.r#do.clone();
    let needed = |key: &Option<String>| key.clone().unwrap_or_default();
    let system = || plain(w.system.as_ref()).ok_or_else(|| format!("`{name}` needs `system`"));
    let span = || Ok::<_, String>((instant(&needed(&w.from))?, instant(&needed(&w.to))?));
    Ok(match name.as_str() {
        "exclude" => Said::Exclude {
            system: system()?,
            span: span().map(|(from, to)| Span::new(from, to))?,
            reason: needed(&w.reason),
            evidence: needed(&w.evidence),
            approved_by: w.approved_by.clone(),
        },
        "reclassify" => Said::Reclassify {
            system: system()?,
            reason: needed(&w.reason),
        },
        "change_declaration" => Said::ChangeDeclaration {
            system: system()?,
            to: instant(&needed(&w.to))?,
            reason: needed(&w.reason),
            approved_by: w.approved_by.clone(),
        },
        "acknowledge" | "review" | "measure_done" | "close" => Said::Plain(on_incident(&w)?),
        "declare_outage" => Said::Plain(Act::DeclareOutage {
            system: system()?,
            from: instant(&needed(&w.from))?,
            to: w.to.as_deref().map(instant).transpose()?,
            evidence: needed(&w.evidence),
        }),
        "monitor_fault" => {
            let (from, to) = span()?;
            Said::Plain(Act::MonitorFault {
                system: system()?,
                from,
                to,
                evidence: needed(&w.evidence),
                approved_by: needed(&w.approved_by),
            })
        }
        _ => Said::Plain(maintenance(&w)?),
    })
}

fn on_incident(w: &Written) -> Result<Act, String> {
    Ok(match w.r#do.as_str() {
        "acknowledge" => Act::Acknowledge {
            incident: which(w)?,
            counts_from: w.counts_from.as_deref().map(instant).transpose()?,
            approved_by: w.approved_by.clone(),
        },
        "measure_done" => Act::MeasureDone {
            incident: which(w)?,
            measure: w.measure.clone().unwrap_or_default(),
            note: w.note.clone(),
        },
        "review" => Act::Review {
            incident: which(w)?,
            review: Review {
                summary: w.summary.clone(),
                root_cause: w.root_cause.clone(),
                certainty: w.certainty,
                resolution: w.resolution.clone(),
                measures: w.measures.clone().unwrap_or_default(),
            },
        },
        _ => Act::Close {
            incident: which(w)?,
            without: w.without.clone(),
        },
    })
}

fn maintenance(w: &Written) -> Result<Act, String> {
    let name = w.r#do.as_str();
    let text = |key: &Option<String>| key.clone().unwrap_or_default();
    let seconds = |key: &Option<String>| key.as_deref().map(crate::config::seconds).transpose();
    let window = || {
        let id = w.window.as_ref().or(w.id.as_ref());
        plain(id).ok_or_else(|| format!("`{name}` needs `id`"))
    };
    Ok(match name {
        "schedule_maintenance" => Act::ScheduleMaintenance {
            window: Single {
                id: window()?,
                systems: w
                    .systems
                    .iter()
                    .flatten()
                    .map(|s| s.get_ref().clone())
                    .collect(),
                title: text(&w.title),
                impact: w.impact.clone(),
                start: instant(&text(&w.start))?,
                end: instant(&text(&w.end))?,
                max_downtime_s: seconds(&w.max_downtime)?,
                min_notice_s: seconds(&w.min_notice)?,
                start_grace_s: seconds(&w.start_grace)?,
                override_reason: w.r#override.clone(),
            },
        },
        "extend_maintenance" => Act::ExtendMaintenance {
            window: window()?,
            end: instant(&text(&w.end))?,
            max_downtime_s: seconds(&w.max_downtime)?,
            reason: w.reason.clone(),
        },
        "cancel_maintenance" => Act::CancelMaintenance {
            window: window()?,
            reason: w.reason.clone(),
        },
        _ => Act::Told {
            window: window()?,
            customer: plain(w.customer.as_ref()).ok_or("`told` needs `customer`")?,
            how: text(&w.how),
            counts_from: w.counts_from.as_deref().map(instant).transpose()?,
            approved_by: w.approved_by.clone(),
        },
    })
}

fn which(w: &Written) -> Result<Which, String> {
    match (&w.system, &w.incident) {
        (Some(system), None) => Ok(Which::System(system.get_ref().clone())),
        (None, Some(id)) => Ok(Which::Incident(id.parse::<IncidentId>()?)),
        _ => Err(format!(
            "`{}` names a `system` or an `incident`, one of them",
            w.r#do
        )),
    }
}

/// Reads an instant: RFC 3339 with its offset.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let wrong = |_| {
        format!("`{text}` is not an instant with its offset, such as `2026-10-07T02:14:10-04:00`")
    };
    text.parse().map_err(wrong)
}
