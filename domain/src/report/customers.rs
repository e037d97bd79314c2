//! How each customer was notified of the month's incidents, over all of them.

use std::collections::BTreeMap;

use super::model::{CustomerLine, IncidentLine, Telling};
use super::words::length;

/// In order of names. Merged incidents count with the one that took them in.
pub(super) fn lines(incidents: &[IncidentLine]) -> Vec<CustomerLine> {
    let mut lines: BTreeMap<(&str, &str), (CustomerLine, i64)> = BTreeMap::new();
    for incident in incidents.iter().filter(|i| i.merged_into.is_none()) {
        for told in &incident.told {
            let key = (told.name.as_str(), told.customer.as_str());
            let (line, slowest_s) = lines.entry(key).or_insert_with(|| {
                let line = CustomerLine {
                    customer: told.customer.clone(),
                    name: told.name.clone(),
                    ..CustomerLine::default()
                };
                (line, -1)
            });
            let id = incident.incident.clone();
            match told.result {
                Telling::Sent if told.only_afterwards => line.afterwards.push(id),
                Telling::Sent => line.notified.push(id),
                Telling::Rejected | Telling::GivenUp => line.rejected.push(id),
                Telling::Ambiguous | Telling::Queued | Telling::Superseded | Telling::NotTold => {
                    line.not_notified.push(id)
                }
            }
            if let Some(first) = told.first {
                let s = first.at().duration_since(incident.opened.at()).as_secs();
                if s > *slowest_s {
                    *slowest_s = s;
                    line.slowest = Some(length(s));
                }
            }
        }
    }
    lines.into_values().map(|(line, _)| line).collect()
}
