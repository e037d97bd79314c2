//! The fact that a change of a probe amounts to.

use jiff::Timestamp;

use crate::detection::Change;
use crate::event::{Fact, Silence};
use crate::record::Record;
use crate::watch::Transition;

/// The fact that a change records which is decided at `at`; `None` if it records none.
pub(super) fn fact_of(record: &Record, at: Timestamp, transition: &Transition) -> Option<Fact> {
    let source = transition.source.clone();
    let silent = record.probes.get(&source.probe)?.is_silent();
    Some(match transition.change.clone() {
        // A start, a stop or an absence silences every probe at once, by its own event.
        Change::Silent {
            cause: Silence::Stopped | Silence::MonitoringGap,
            ..
        } => return None,
        Change::Silent { .. } if silent => return None,
        Change::Silent { from, cause } => Fact::ProbeSilent {
            source,
            from,
            cause,
        },
        // Heard by a clock that was set back since: nothing of what passes again was heard yet.
        Change::FirstResult { from } if from > at => return None,
        Change::FirstResult { from } => Fact::ProbeFirstResult { source, from },
        Change::Down {
            from,
            reason,
            detail,
            samples,
            before,
        } => Fact::ProbeDown {
            source,
            from,
            reason,
            detail,
            samples,
            before,
        },
        Change::Up {
            to,
            unobserved,
            samples,
            before,
        } => Fact::ProbeUp {
            source,
            to,
            unobserved,
            samples,
            before,
        },
        Change::Degraded {
            from,
            reason,
            detail,
            samples,
        } => Fact::ProbeDegraded {
            source,
            from,
            reason,
            detail,
            samples,
        },
        Change::Cleared { to } => Fact::ProbeCleared { source, to },
        Change::Doubted | Change::Bad { .. } | Change::Slow => return None,
        Change::Blip { span, samples } => Fact::Blip {
            source,
            span,
            bad_samples: samples,
        },
    })
}
