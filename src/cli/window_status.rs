//! What is said of a single window that was scheduled or changed: whether downtime in it will be
//! planned, and who must have been told by when.

use domain::record::WindowStatus;
use domain::span::Span;
use jiff::Timestamp;

use super::layout::{instant, plain};

fn at(at: Timestamp) -> String {
    plain(&instant(Some(at)))
}

fn spans(spans: &[Span]) -> String {
    let each = spans
        .iter()
        .map(|s| format!("{} to {}", at(s.from), at(s.to)));
    each.collect::<Vec<_>>().join(", ")
}

/// A sentence each; none where all of it is planned already.
pub fn words(outlook: &WindowStatus) -> Vec<String> {
    let mut said = Vec::new();
    let by = at(outlook.tell_by);
    let lacks = !outlook.unearned.is_empty() || outlook.announced_s.is_some();
    if lacks && !outlook.late && !outlook.not_yet_told.is_empty() {
        let untold: Vec<&str> = outlook.not_yet_told.iter().map(|c| c.as_str()).collect();
        said.push(format!(
            "planned once every customer has been told of it as it stands now, by {by}; not yet: {} \
             (who is told by other means is recorded with `nines maintenance told`)",
            untold.join(", ")
        ));
    }
    if outlook.late && !outlook.unearned.is_empty() {
        said.push(format!(
            "too late to be planned: customers had to be told by {by}; downtime from {} counts as \
             unplanned",
            spans(&outlook.unearned)
        ));
    }
    if let (true, Some(announced_s)) = (outlook.late, outlook.announced_s) {
        said.push(format!(
            "too late for the allowance: customers had to be told by {by}; {announced_s} s of \
             downtime are excused, as announced in time, and what exceeds them counts as unplanned"
        ));
    }
    if !outlook.outside_hours.is_empty() {
        said.push(format!(
            "outside the hours that the agreement allows for planned work: downtime from {} counts \
             as unplanned",
            spans(&outlook.outside_hours)
        ));
    }
    said
}
