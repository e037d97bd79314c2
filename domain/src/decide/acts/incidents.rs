//! The acts on an incident: acknowledge, post words, withdraw, review, record a measure as done, close.

use jiff::Timestamp;

use super::{earlier_time, given, maybe, named, refuse, shown, unknown_selector};
use crate::act::{Refusal, Selector};
use crate::actor::Actor;
use crate::event::Fact;
use crate::id::IncidentId;
use crate::incident::{Incident, Phase, Review};
use crate::record::Record;
use crate::span::second;

/// The selected incident; for a system, its open incident or else its last.
pub(super) fn selected(record: &Record, which: &Selector<IncidentId>) -> Result<Incident, Refusal> {
    let found = match which {
        Selector::Id(id) => record.incidents.get(*id),
        Selector::System(system) => record.incidents.of_system(system),
    };
    match (found, which) {
        (Some(incident), _) => Ok(incident.clone()),
        (None, Selector::Id(id)) => refuse(format!("there is no incident {id}")),
        (None, Selector::System(system)) => {
            refuse(unknown_selector(record, "incident", "I-12", system))
        }
    }
}

/// The selected incident, unless it was merged into another.
pub(super) fn unmerged(record: &Record, which: &Selector<IncidentId>) -> Result<Incident, Refusal> {
    let incident = selected(record, which)?;
    match incident.merged {
        Some((_, into)) => refuse(format!(
            "{} was merged into {into}: name that one",
            incident.id
        )),
        None => Ok(incident),
    }
}

pub(super) fn acknowledge(
    record: &Record,
    at: Timestamp,
    by: &Actor,
    which: &Selector<IncidentId>,
    earlier: Option<Timestamp>,
    approved_by: Option<&str>,
) -> Result<Fact, Refusal> {
    let incident = unmerged(record, which)?;
    let counts_from = earlier_time(record, at, by, earlier, approved_by)?;
    if let Some((closed_at, _)) = &incident.closed
        && counts_from.is_none_or(|from| *closed_at < from)
    {
        return refuse(format!("{} is closed already", incident.id));
    }
    if let Some(known) = &incident.acknowledged
        && counts_from.is_none_or(|from| known.at <= from)
    {
        return refuse(format!(
            "{} was acknowledged by {} at {}",
            incident.id,
            known.by,
            shown(record, known.at)
        ));
    }
    if counts_from.is_some_and(|from| second(from) < second(incident.opened_at)) {
        return refuse(format!(
            "{} was opened at {}: it cannot have been acknowledged before that",
            incident.id,
            shown(record, incident.opened_at)
        ));
    }
    // People write whole seconds: an earlier second of the same moment counts as the opening.
    let counts_from = counts_from.map(|from| from.max(incident.opened_at));
    Ok(Fact::IncidentAcknowledged {
        incident: incident.id,
        counts_from,
        approved_by: approved_by.map(str::to_owned),
    })
}

pub(super) fn measure_done(
    record: &Record,
    which: &Selector<IncidentId>,
    measure: &str,
    note: Option<&str>,
) -> Result<Fact, Refusal> {
    let incident = selected(record, which)?;
    maybe(note, "the note")?;
    let all = &incident.review.measures;
    let numbered = measure.trim().parse::<usize>().ok();
    let found = numbered
        .and_then(|n| all.get(n.checked_sub(1)?))
        .or_else(|| all.iter().find(|m| m.text == measure));
    let Some(found) = found else {
        return refuse(match all.len() {
            0 => format!("{} has no preventive measure", incident.id),
            n => format!(
                "{} has no preventive measure `{measure}`: give its number, 1 to {n}, or its whole text",
                incident.id
            ),
        });
    };
    if let Some(done) = incident.done.get(&found.text) {
        return refuse(format!(
            "it was done already: {} recorded that at {}",
            done.by,
            shown(record, done.at)
        ));
    }
    Ok(Fact::MeasureDone {
        incident: incident.id,
        measure: found.text.clone(),
        note: note.map(str::to_owned),
    })
}

pub(super) fn review(
    record: &Record,
    which: &Selector<IncidentId>,
    review: Review,
) -> Result<Fact, Refusal> {
    let incident = selected(record, which)?;
    if review == Review::default() {
        return refuse("a review needs at least one text");
    }
    for (text, what) in [
        (&review.summary, "the summary"),
        (&review.root_cause, "the root cause"),
        (&review.resolution, "the resolution"),
    ] {
        if let Some(text) = text {
            given(text, what)?;
        }
    }
    for measure in &review.measures {
        given(&measure.text, "the text of a preventive measure")?;
        named(&measure.owner, "the owner of a preventive measure")?;
    }
    Ok(Fact::IncidentReviewed {
        incident: incident.id,
        review,
    })
}

/// The longest update, in characters. Customers do not read longer mails to the end.
const LONGEST_UPDATE: usize = 4_000;

pub(super) fn update(
    record: &Record,
    which: &Selector<IncidentId>,
    text: &str,
    public: bool,
    phase: Option<Phase>,
) -> Result<Fact, Refusal> {
    let incident = unmerged(record, which)?;
    given(text, "the text of the update")?;
    let length = text.chars().count();
    if length > LONGEST_UPDATE {
        return refuse(format!(
            "the text of the update has {length} characters; write at most {LONGEST_UPDATE}"
        ));
    }
    if let Some((closed_at, _)) = &incident.closed {
        return refuse(format!(
            "{} was closed at {}: an update is for one that is open",
            incident.id,
            shown(record, *closed_at)
        ));
    }
    if phase == Some(Phase::Resolved) && incident.resolved_at.is_none() {
        return refuse(format!(
            "{} is not resolved: a system of it is not up",
            incident.id
        ));
    }
    if public && incident.handling.is_security() {
        return refuse(format!(
            "{} concerns security: its texts stay inside; post it with `public = false`",
            incident.id
        ));
    }
    if phase.is_some() && !public {
        return refuse("the state is what customers see: only a public update can change it");
    }
    Ok(Fact::IncidentUpdated {
        incident: incident.id,
        text: text.trim().to_owned(),
        public,
        phase,
        estimate: None,
    })
}

pub(super) fn correct(
    record: &Record,
    which: &Selector<IncidentId>,
    reason: &str,
) -> Result<Fact, Refusal> {
    let incident = unmerged(record, which)?;
    given(reason, "the reason")?;
    if let Some(before) = &incident.withdrawn {
        return refuse(format!(
            "{} was withdrawn by {} at {}",
            incident.id,
            before.by,
            shown(record, before.at)
        ));
    }
    Ok(Fact::IncidentWithdrawn {
        incident: incident.id,
        reason: reason.trim().to_owned(),
    })
}

pub(super) fn close(
    record: &Record,
    which: &Selector<IncidentId>,
    without: Option<&str>,
    confirmed_by: Option<&str>,
) -> Result<Fact, Refusal> {
    let incident = unmerged(record, which)?;
    if incident.closed.is_some() {
        return refuse(format!("{} is closed already", incident.id));
    }
    if incident.resolved_at.is_none() {
        return refuse(format!(
            "{} is not resolved yet: a system of it is not up",
            incident.id
        ));
    }
    maybe(without, "the reason")?;
    let is_given = |text: Option<&str>| text.is_some_and(|text| !text.trim().is_empty());
    if let Some(confirmed_by) = confirmed_by {
        named(confirmed_by, "the name of the reporter who confirmed")?;
    }
    let is_reported = !incident.handling.problems.is_empty();
    if is_reported && !is_given(confirmed_by) && !is_given(without) {
        return refuse(format!(
            "the reporter of {} has not confirmed that it is settled: say who did, and how, with --confirmed-by, or \
             give the reason why not with --without",
            incident.id
        ));
    }
    let missing = incident.missing();
    if !missing.is_empty() && !is_given(without) {
        return refuse(format!(
            "{} lacks {}: write them with `nines incident review {}`, or give the reason why not with \
             --without",
            incident.id,
            missing.join(", "),
            incident.id
        ));
    }
    Ok(Fact::IncidentClosed {
        incident: incident.id,
        missing_texts_reason: without.map(str::to_owned),
        confirmed_by: confirmed_by.map(|who| who.trim().to_owned()),
    })
}
