//! The few sentences of sections 5 and 6 where a slip of one second, or one forgotten word, would
//! give a wrong figure that looks right: one function each. The tests exchange them one by one
//! and demand that a property fails. Nothing else may exchange them.

use jiff::Timestamp;

use crate::catalogue::Target;
use crate::months::Months;
use crate::policy::Policy;
use crate::span::{Span, Spans};

use super::figures::{Figures, count};
use super::{History, classes};

/// How each of these sentences is read.
#[derive(Clone, Copy, Debug)]
pub struct Readings {
    /// "began inside it": the start of a run, and a window `[from, to)`.
    pub began_inside: fn(i64, (i64, i64)) -> bool,
    /// "at most `start_grace` early": how early, and the grace, both in seconds.
    pub early_enough: fn(i64, i64) -> bool,
    /// "the first `max_downtime` seconds".
    pub allowed: fn(&Spans, i64) -> Spans,
    /// "planned time is the union": what other windows excuse, and what one more does.
    pub united: fn(&Spans, &Spans) -> Spans,
    /// "caps the planned seconds, in time order": those of one month, and the allowance.
    pub capped: fn(&Spans, i64) -> Spans,
    /// "agreed − planned − excluded − unknown": those four, in seconds.
    pub measured: fn(i64, i64, i64, i64) -> i64,
    /// "tests the whole outage, and the outages of one flapping incident by their sum": the downtime
    /// of the outage, and of all those that belong together with it.
    pub tested: fn(&Spans, &Spans) -> i64,
    /// "nothing vouches for it" beats a failing probe: what is down, and what is silent.
    pub vouched: fn(&Spans, &Spans) -> Spans,
}

impl Readings {
    /// As the SPEC says.
    pub const SPEC: Readings = Readings {
        began_inside: |start, (from, to)| from <= start && start < to,
        early_enough: |early_s, grace_s| early_s <= grace_s,
        allowed: Spans::first,
        united: Spans::union,
        capped: Spans::first,
        measured: |agreed, planned, excluded, unknown| agreed - planned - excluded - unknown,
        tested: |_, together| together.seconds(),
        vouched: Spans::difference,
    };
}

/// [`super::account`], with the sentences read in another way: for the tests of the tests.
pub fn account_by(
    readings: &Readings,
    history: &History,
    period: Span,
    months: &dyn Months,
    policy: Option<&Policy>,
    target: Option<Target>,
    as_of: Timestamp,
) -> Figures {
    let whole = classes::whole(readings, history, period, months, policy, as_of);
    count(readings, history, period, policy, target, as_of, &whole)
}
