//! The thirteen months that end with the report's, and the year so far.

use super::model::{TrendLine, TrendMonth, YearToDate};
use super::scope::{Overseen, Period, Scope};
use super::systems::Accounts;
use super::words;
use crate::accounting::{self, Figures, Ratio};
use crate::calendar::Month;
use crate::id::SystemId;

/// The report's month and the twelve before it: a year to compare with, and its own month last year.
pub(super) const MONTHS: usize = 13;

/// One month of one system.
pub(super) struct MonthFigures {
    pub month: Month,
    pub figures: Figures,
}

/// One line for each system of the report, in the same order, and the months that had agreed time.
pub(super) fn lines(
    scope: &Scope<'_>,
    committee: &str,
    month: Month,
    accounts: &Accounts<'_>,
) -> (Vec<TrendLine>, Vec<Vec<MonthFigures>>) {
    let mut months = vec![month];
    while months.len() < MONTHS {
        months.push(months[months.len() - 1].prev());
    }
    // A month before the ledger has no scope.
    let earlier: Vec<(Month, Option<Scope<'_>>)> = months[1..]
        .iter()
        .rev()
        .map(|month| {
            (
                *month,
                Scope::of(scope.record, committee, Period::Month(*month)).ok(),
            )
        })
        .collect();
    scope
        .systems
        .iter()
        .filter_map(|(id, overseen)| {
            let own = &accounts.get(id)?.figures;
            let mut sums = Sums::default();
            let mut all: Vec<MonthFigures> = Vec::new();
            let mut keep = |month: Month, figures: Figures| {
                if figures.agreed_s > 0 {
                    all.push(MonthFigures { month, figures });
                }
            };
            let mut months: Vec<TrendMonth> = earlier
                .iter()
                .map(|(then, then_scope)| {
                    let known = then_scope.as_ref().and_then(|then| figures(then, id));
                    if let Some((figures, _)) = &known
                        && then.year() == month.year()
                    {
                        sums.add(figures);
                    }
                    let line = line(scope, *then, known.as_ref().map(|(f, o)| (f, *o)));
                    if let Some((figures, _)) = known {
                        keep(*then, figures);
                    }
                    line
                })
                .collect();
            sums.add(own);
            months.push(line(scope, month, Some((own, overseen))));
            keep(month, own.clone());
            let line = TrendLine {
                system: id.to_string(),
                name: overseen.name.to_owned(),
                months,
                year: sums.year(month.year()),
            };
            Some((line, all))
        })
        .unzip()
}

fn figures<'s, 'a>(scope: &'s Scope<'a>, id: &SystemId) -> Option<(Figures, &'s Overseen<'a>)> {
    let overseen = scope.systems.get(id)?;
    let history = scope.record.history(id, scope.period);
    let (policy, target) = (overseen.policy, overseen.target);
    let figures = accounting::account(
        &history,
        scope.period,
        &scope.zones,
        policy,
        target,
        scope.as_of,
    );
    Some((figures, overseen))
}

fn line(scope: &Scope<'_>, month: Month, known: Option<(&Figures, &Overseen<'_>)>) -> TrendMonth {
    let reports = scope.record.reports.get(&scope.committee.id, month);
    let revised = reports.is_some_and(|known| known.revisions.len() > 1);
    let Some((figures, overseen)) = known.filter(|(figures, _)| figures.agreed_s > 0) else {
        return TrendMonth {
            month: month.to_string(),
            contract_availability: None,
            target: None,
            verdict: None,
            unplanned_s: None,
            outages: None,
            revised,
        };
    };
    let ratio = figures.contract_availability;
    TrendMonth {
        month: month.to_string(),
        contract_availability: ratio.map(|r| r.percent_truncated(3)),
        target: overseen.target.map(words::target_truncated),
        verdict: Some(figures.verdict),
        unplanned_s: Some(figures.unplanned_s),
        outages: Some(figures.outages),
        revised,
    }
}

/// Seconds of several months, each by the agreement of its own month.
#[derive(Default)]
struct Sums {
    months: u32,
    agreed_s: i64,
    planned_s: i64,
    excluded_s: i64,
    unplanned_s: i64,
    unknown_s: i64,
    outages: i64,
}

impl Sums {
    fn add(&mut self, figures: &Figures) {
        self.months += u32::from(figures.agreed_s > 0);
        self.agreed_s += figures.agreed_s;
        self.planned_s += figures.planned_s;
        self.excluded_s += figures.excluded_s;
        self.unplanned_s += figures.unplanned_s;
        self.unknown_s += figures.unknown_s;
        self.outages += figures.outages;
    }

    /// The formulas of a month (`accounting::figures`) over the sums.
    fn year(&self, year: i16) -> YearToDate {
        let percent = |lost: i64, of: i64| Ratio::of(of - lost, of).map(|r| r.percent_truncated(3));
        let measured = self.agreed_s - self.unknown_s;
        YearToDate {
            year,
            months: self.months,
            contract_availability: percent(
                self.unplanned_s,
                measured - self.planned_s - self.excluded_s,
            ),
            experienced_availability: percent(
                self.planned_s + self.excluded_s + self.unplanned_s,
                measured,
            ),
            unplanned_s: self.unplanned_s,
            planned_s: self.planned_s,
            unknown_s: self.unknown_s,
            outages: self.outages,
        }
    }
}
