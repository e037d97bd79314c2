//! The sentences after a window was scheduled or changed: does downtime in it count as planned, and who
//! must still be notified?

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

/// One sentence for each open point; none if the whole window counts as planned.
pub fn sentences(outlook: &WindowStatus) -> Vec<String> {
    let mut said = Vec::new();
    let by = at(outlook.tell_by);
    let lacks = !outlook.unearned.is_empty() || outlook.announced_s.is_some();
    if lacks && !outlook.late && !outlook.not_yet_told.is_empty() {
        let untold: Vec<&str> = outlook.not_yet_told.iter().map(|c| c.as_str()).collect();
        said.push(format!(
            "counts as planned if all customers are notified by {by}; still to be notified: {} \
             (record with `nines maintenance told` whom you notified yourself)",
            untold.join(", ")
        ));
    }
    if outlook.late && !outlook.unearned.is_empty() {
        said.push(format!(
            "too late to count as planned: customers had to be notified by {by}; downtime from {} counts as \
             unplanned",
            spans(&outlook.unearned)
        ));
    }
    if let (true, Some(announced_s)) = (outlook.late, outlook.announced_s) {
        said.push(format!(
            "too late for the new allowance: customers had to be notified by {by}; {announced_s} s of \
             downtime count as planned, as announced in time, and the rest as unplanned"
        ));
    }
    if !outlook.outside_hours.is_empty() {
        said.push(format!(
            "outside the hours that the policy allows for maintenance: downtime from {} counts \
             as unplanned",
            spans(&outlook.outside_hours)
        ));
    }
    said
}
