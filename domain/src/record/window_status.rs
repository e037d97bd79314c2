//! The status of a one-off window: which parts count as planned, and which customers must still be
//! told by when.

use jiff::Timestamp;

use super::Record;
use crate::calendar;
use crate::id::{CustomerId, WindowId};
use crate::span::{Span, Spans, instant};
use crate::windows::{self, Earned};

/// The status of a one-off window that is scheduled or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowStatus {
    /// The deadline for notices.
    pub tell_by: Timestamp,
    /// True if the deadline has passed.
    pub late: bool,
    /// The customers who were not told in time about the latest version.
    pub not_yet_told: Vec<CustomerId>,
    /// The parts inside the allowed hours that are not earned, disjoint and in order.
    pub unearned: Vec<Span>,
    /// The parts outside the hours in which the policies allow planned work.
    pub outside_hours: Vec<Span>,
    /// The allowance that was announced in time, in seconds, if the latest version allows more.
    pub announced_s: Option<i64>,
}

impl Record {
    /// `None` if there is no such window, or it was cancelled or is over at `now`.
    pub fn window_status(&self, id: &WindowId, now: Timestamp) -> Option<WindowStatus> {
        let entry = self.maintenance.one_off(id)?;
        let (_, window) = entry.versions.last()?;
        let span = Span::new(window.start, window.end);
        if span.to <= now {
            return None;
        }
        let whole: Spans = [span].into_iter().collect();
        let (mut unearned, mut outside) = (Spans::new(), Spans::new());
        let mut announced_s = None;
        for system in &window.systems {
            let found = self.windows_of(system, span);
            let held = found.into_iter().find(|o| o.id == *id)?;
            if held.why == Earned::Cancelled {
                return None;
            }
            let hours = self
                .policy_of(system)
                .and_then(|p| p.planned_hours.as_ref());
            let agreed = match hours {
                Some(hours) => whole.intersection(&calendar::open(hours, span).unwrap_or_default()),
                None => whole.clone(),
            };
            let earning: Spans = held.earned_parts.iter().map(|part| part.span).collect();
            unearned = unearned.union(&agreed.difference(&earning));
            outside = outside.union(&whole.difference(&agreed));
            let less = |limit: &i64| window.max_downtime_s.is_none_or(|wanted| *limit < wanted);
            // Without an earned part no allowance counts.
            let limit = held
                .max_downtime_s
                .filter(|_| !held.earned_parts.is_empty());
            announced_s = announced_s.or(limit.filter(less));
        }
        let tell_by = windows::notice_deadline(window);
        let version = entry.versions.len() - 1;
        let told = |customer: &CustomerId| entry.told.get(&(version, customer.clone()));
        let customers = self.configurations.customers_of_window(entry).into_iter();
        Some(WindowStatus {
            tell_by,
            late: now > tell_by,
            not_yet_told: customers
                .filter(|c| told(c).is_none_or(|at| *at > tell_by))
                .collect(),
            unearned: parts(&unearned),
            outside_hours: parts(&outside),
            announced_s,
        })
    }
}

fn parts(spans: &Spans) -> Vec<Span> {
    let each = spans
        .iter()
        .map(|(from, to)| Span::new(instant(from), instant(to)));
    each.collect()
}
