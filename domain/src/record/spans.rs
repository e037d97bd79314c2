//! Lists of spans in order of time, of which the last may be open.

use jiff::Timestamp;

/// True if the last span has no end yet.
pub(crate) fn is_open(spans: &[(Timestamp, Option<Timestamp>)]) -> bool {
    spans.last().is_some_and(|span| span.1.is_none())
}

/// Begins a span, unless one is open.
pub(super) fn open(spans: &mut Vec<(Timestamp, Option<Timestamp>)>, from: Timestamp) {
    if !is_open(spans) {
        // After a clock was set back a span may begin before the end of the one before: it says
        // all that the other said from there on.
        if let Some((start, Some(end))) = spans.last_mut() {
            *start = (*start).min(from);
            *end = (*end).min(from);
        }
        spans.push((from, None));
    }
}

/// Ends the open span, if there is one.
pub(super) fn close(spans: &mut [(Timestamp, Option<Timestamp>)], to: Timestamp) {
    if let Some((from, end @ None)) = spans.last_mut() {
        *end = Some(to.max(*from));
    }
}

/// Cuts all spans at `at`. Open spans stay open.
pub(super) fn cut(spans: &mut [(Timestamp, Option<Timestamp>)], at: Timestamp) {
    for (from, to) in spans {
        *from = (*from).min(at);
        *to = to.map(|to| to.min(at));
    }
}
