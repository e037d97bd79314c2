//! The figures and days of each system.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::model::{Day, Mark, Moment, Part, Standing, SystemLine, Verdict};
use super::scope::{Overseen, Scope};
use super::{merged, words};
use crate::accounting::{
    self, Classes, DaySeconds, Figures, MergedOutage, OutageFigures, Ratio, UnplannedTime,
    WindowFigures,
};
use crate::id::{OutageId, SystemId, WindowId};
use crate::span::{Span, Spans, second};
use crate::windows::Occurrence;

pub(super) struct Account<'a> {
    pub id: &'a SystemId,
    pub figures: Figures,
    /// Windows that touch the month, in order of start.
    pub windows: Vec<Occurrence>,
    /// Unplanned downtime inside or beside windows, with reasons.
    pub unplanned: Vec<UnplannedTime>,
    /// The policy's planned seconds per month.
    pub monthly_allowance_s: Option<i64>,
}

pub(super) type Accounts<'a> = BTreeMap<&'a SystemId, Account<'a>>;

impl Account<'_> {
    pub fn outage(&self, id: OutageId) -> Option<&OutageFigures> {
        self.figures.by_outage.iter().find(|o| o.id == id)
    }

    /// The merged outage that contains the outage.
    pub fn merged(&self, id: OutageId) -> Option<&MergedOutage> {
        let mut all = self.figures.merged.iter();
        all.find(|s| s.outages.contains(&id))
    }

    pub fn window(&self, id: &WindowId) -> Option<&WindowFigures> {
        self.figures.by_window.iter().find(|w| w.id == *id)
    }
}

pub(super) fn accounts<'a>(scope: &Scope<'a>) -> Accounts<'a> {
    scope
        .systems
        .iter()
        .map(|(id, overseen)| (*id, account(scope, id, overseen)))
        .collect()
}

fn account<'a>(scope: &Scope<'a>, id: &'a SystemId, overseen: &Overseen<'a>) -> Account<'a> {
    let (period, months, policy) = (scope.period, &scope.zones, overseen.policy);
    let history = scope.record.history(id, period);
    let figures = accounting::account(
        &history,
        period,
        months,
        policy,
        overseen.target,
        scope.as_of,
    );
    let touching = |w: &Occurrence| w.span.meets(&period);
    let unplanned = if figures.unplanned_s > 0 && !history.windows.is_empty() {
        accounting::unplanned_reasons(&history, period, months, policy, scope.as_of)
    } else {
        Vec::new()
    };
    Account {
        id,
        figures,
        unplanned,
        monthly_allowance_s: policy.and_then(|p| p.monthly_allowance_s),
        windows: history.windows.into_iter().filter(touching).collect(),
    }
}

/// In order of their ids.
pub(super) fn lines(scope: &Scope<'_>, accounts: &Accounts<'_>) -> Vec<SystemLine> {
    scope
        .systems
        .iter()
        .filter_map(|(id, overseen)| Some(line(scope, overseen, accounts.get(id)?)))
        .collect()
}

fn line(scope: &Scope<'_>, overseen: &Overseen<'_>, account: &Account<'_>) -> SystemLine {
    let moment = |at: Timestamp| Moment::of(at, &scope.zone);
    let percent = |ratio: &Option<Ratio>| ratio.map(|r| r.percent_truncated(3));
    let f = &account.figures;
    let at_least = |m: &MergedOutage| merged::ended_between(scope, m).is_some();
    SystemLine {
        system: account.id.to_string(),
        name: overseen.name.to_owned(),
        kind: overseen.system.kind,
        policy: overseen.policy.map(|p| p.id.to_string()),
        agreed_s: f.agreed_s,
        up_s: f.up_s,
        degraded_s: f.degraded_s,
        planned_s: f.planned_s,
        excluded_s: f.excluded_s,
        unplanned_s: f.unplanned_s,
        unknown_s: f.unknown_s,
        unknown_as_down_s: f.unknown_as_down_s,
        unplanned_unseen_s: f.unplanned_unseen_s,
        unplanned_degraded_s: f.unplanned_degraded_s,
        contract_availability: percent(&f.contract_availability),
        experienced_availability: percent(&f.experienced_availability),
        coverage: percent(&f.coverage),
        target: overseen.target.map(words::target_truncated),
        target_exact: overseen.target.map(words::target),
        verdict: f.verdict,
        standing: scope.so_far().then(|| standing(f)).flatten(),
        on_measured_time: f.on_measured_time,
        within_measurement_error: f.within_measurement_error,
        availability_at_best: percent(&f.availability_at_best),
        availability_at_worst: percent(&f.availability_at_worst),
        budget_s: f.budget_s,
        budget_left_s: f.budget_left_s,
        blips: f.blips,
        blip_s: f.blip_s,
        outages: f.outages,
        mtrs_s: f.mtrs_s,
        mtrs_at_least: f.merged.iter().any(|s| s.restored && at_least(s)),
        mtbf_s: f.mtbf_s,
        longest_s: f.longest_s,
        longest_at_least: f
            .merged
            .iter()
            .any(|s| Some(s.unplanned_s) == f.longest_s && at_least(s)),
        added: overseen.added.map(moment),
        removed: overseen.removed.map(moment),
        days: days(scope, f),
    }
}

fn standing(figures: &Figures) -> Option<Standing> {
    match figures.verdict {
        Verdict::Met => Some(Standing::OnTarget),
        Verdict::Missed if figures.budget_left_s.is_some_and(|left| left < 0) => {
            Some(Standing::BudgetSpent)
        }
        Verdict::Missed => Some(Standing::BelowTarget),
        Verdict::NotDeterminable | Verdict::NoTarget => None,
    }
}

/// The local days of the month. If the committee's zone changed, the first day is a part of a day.
fn days(scope: &Scope<'_>, figures: &Figures) -> Vec<Day> {
    let period: Span = scope.period;
    accounting::day_strip(&figures.classes, period, &scope.zone)
        .iter()
        .map(|d| Day {
            date: d.date,
            mark: mark(d),
            length_s: d.span.seconds(),
            agreed_s: d.agreed_s,
            up_s: d.up_s,
            degraded_s: d.degraded_s,
            planned_s: d.planned_s,
            excluded_s: d.excluded_s,
            unplanned_s: d.unplanned_s,
            unknown_s: d.unknown_s,
            parts: parts(&figures.classes, d.span),
        })
        .collect()
}

/// The spans of a day in which the system was not up, in order, without time outside the agreed hours.
fn parts(classes: &Classes, day: Span) -> Vec<Part> {
    let (from, to) = (second(day.from), second(day.to));
    let of = |spans: &Spans, class| {
        let inside = spans.clip(from, to);
        let parts: Vec<Part> = inside
            .iter()
            .map(|(start, end)| Part {
                from_s: start - from,
                to_s: end - from,
                class,
            })
            .collect();
        parts
    };
    let mut parts = [
        of(&classes.degraded, Mark::Degraded),
        of(&classes.unknown, Mark::Unknown),
        of(&classes.planned, Mark::Planned),
        of(&classes.excluded, Mark::Excluded),
        of(&classes.unplanned, Mark::Unplanned),
    ]
    .concat();
    parts.sort_by_key(|part| part.from_s);
    parts
}

/// The worst class of the day.
fn mark(day: &DaySeconds) -> Mark {
    match day {
        d if d.unplanned_s > 0 => Mark::Unplanned,
        d if d.excluded_s > 0 => Mark::Excluded,
        d if d.planned_s > 0 => Mark::Planned,
        d if d.unknown_s > 0 => Mark::Unknown,
        d if d.degraded_s > 0 => Mark::Degraded,
        d if d.up_s > 0 => Mark::Up,
        _ => Mark::None,
    }
}
