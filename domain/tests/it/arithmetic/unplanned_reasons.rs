//! The reasons that a report gives for downtime in a window, against the figures themselves.

use domain::accounting::{UnplannedReason, unplanned_reasons};
use domain::span::{Span, Spans};
use proptest::prelude::*;

use super::histories::{Windows, always, case, cases};

#[test]
fn every_unplanned_second_of_downtime_in_a_window_has_one_reason_and_no_other_second_has_any() {
    always(cases(), &case(Windows::Any), |case| {
        let (zone, figures) = (case.tz(), case.figures());
        let all = unplanned_reasons(
            &case.history,
            case.period,
            &zone,
            case.policy.as_ref(),
            case.as_of,
        );
        let classes = &figures.classes;
        // Time without a sample is no downtime here, even if the policy counts it as down.
        let down = classes.unplanned.difference(&classes.unknown_as_down);
        let spans = |span: Span| -> Spans { [span].into_iter().collect() };
        for window in &case.history.windows {
            let inside = spans(window.span);
            let mut reasons = Spans::new();
            for reason in all.iter().filter(|u| u.window == window.id) {
                prop_assert!(reason.seconds.within(&down), "{reason:?}");
                let around = matches!(
                    reason.reason,
                    UnplannedReason::Early | UnplannedReason::Outlasted
                );
                let overlap = reason.seconds.intersection(&inside).seconds();
                prop_assert!(around == (overlap == 0), "{reason:?}");
                prop_assert!(
                    reasons.intersection(&reason.seconds).is_empty(),
                    "{reason:?}"
                );
                reasons = reasons.union(&reason.seconds);
                let limited = window.max_downtime_s.is_some();
                prop_assert!(
                    limited || reason.reason != UnplannedReason::UsedUp,
                    "{reason:?}"
                );
                // A part that holds no whole second earns none.
                let earning: Spans = window.earned_parts.iter().map(|part| part.span).collect();
                let unearned = earning.is_empty();
                prop_assert!(
                    unearned == (reason.reason == UnplannedReason::NotEarned),
                    "{reason:?}"
                );
            }
            let owed = down.intersection(&inside);
            prop_assert_eq!(&reasons.intersection(&inside), &owed, "{:?}", window.id);
        }
        Ok(())
    });
}
