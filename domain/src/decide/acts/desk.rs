//! The import of a service desk's calls.

use jiff::Timestamp;

use super::{named, refuse, shown};
use crate::act::Refusal;
use crate::calendar;
use crate::desk::{self, Import};
use crate::event::Fact;
use crate::id::PolicyId;
use crate::record::Record;

pub(super) fn import(
    record: &Record,
    at: Timestamp,
    policy: Option<&PolicyId>,
    file: &str,
    import: Option<&Import>,
) -> Result<Fact, Refusal> {
    let (policy, objective) = desk::policy(&record.catalogue, policy).map_err(Refusal)?;
    named(file, "the name of the file")?;
    let Some(import) = import else {
        return refuse("the file was not read: import it with `nines desk import`");
    };
    desk::check(&import.days).map_err(Refusal)?;
    let Some(last) = import.days.last() else {
        return refuse(format!("{file} has no call"));
    };
    if import.answer_within_s != objective.answer_within_s {
        return refuse("the policy changed while the file was read: import the file again");
    }
    if let Some(known) = record.desks.import(&policy.id, &import.sha256) {
        return refuse(format!(
            "this file was imported at {} by {} as {}",
            shown(record, known.at),
            known.by,
            known.file
        ));
    }
    let zone = desk::zone(&record.catalogue, policy).map_err(|error| Refusal(error.to_string()))?;
    if last.date > calendar::date(at, &zone) {
        return refuse(format!(
            "{file} has calls of {}, which is in the future (it is {})",
            last.date,
            shown(record, at)
        ));
    }
    Ok(Fact::DeskImported {
        policy: policy.id.clone(),
        file: file.trim().to_owned(),
        sha256: import.sha256.clone(),
        answer_within_s: import.answer_within_s,
        days: import.days.clone(),
    })
}
