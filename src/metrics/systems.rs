//! Metrics of each configured system: its state, and the figures of the current month.

use domain::accounting::{self, Figures};
use domain::id::SystemId;
use domain::months::Months as _;
use domain::record::{Outage, Record, State};
use domain::span::Span;
use jiff::{SignedDuration, Timestamp};

use super::Source;
use super::page::{Page, Value};

pub fn add_states(page: &mut Page, source: &Source) {
    let record = source.record;
    let ids = || source.systems().map(|system| &system.id);
    page.gauge(
        "nines_system_state",
        "1 for the confirmed state of the system, 0 for the other states.",
        |series| {
            for id in ids() {
                let current = record.state(id);
                for state in [State::Up, State::Degraded, State::Down, State::Unknown] {
                    let labels = [("system", id.as_str()), ("state", state.word())];
                    series.add(&labels, state == current);
                }
            }
        },
    );
    page.gauge(
        "nines_system_flapping",
        "1 while the system is flapping: its customers get no notice of single outages.",
        |series| {
            for id in ids() {
                series.add(&[("system", id.as_str())], record.unstable.contains(id));
            }
        },
    );
    page.gauge(
        "nines_system_in_maintenance",
        "1 while a maintenance window covers all current downtime of the system.",
        |series| {
            for id in ids() {
                let in_maintenance = in_maintenance(record, id, source.at);
                series.add(&[("system", id.as_str())], in_maintenance);
            }
        },
    );
    page.gauge(
        "nines_system_outage_start_timestamp_seconds",
        "Start of each open outage, observed or declared. Absent without an open outage.",
        |series| {
            let open = record.outages.all().filter(|outage| outage.end.is_none());
            for outage in open.filter(|o| ids().any(|id| *id == o.system)) {
                let id = outage.id.to_string();
                let labels = [("system", outage.system.as_str()), ("outage", &id)];
                series.add(&labels, outage.start);
            }
        },
    );
}

/// True while a window counts downtime of the system as planned and no open outage is unplanned: one
/// that began before the window, overran it or was declared must still raise an alert.
fn in_maintenance(record: &Record, system: &SystemId, at: Timestamp) -> bool {
    let is_planned = |o: &Outage| o.planned && o.overrun.is_none() && o.reclassified.is_none();
    let known = record.systems.get(system).map(|s| s.outages.as_slice());
    let outages = known.unwrap_or_default().iter();
    let mut open = outages
        .filter_map(|outage| record.outages.get(outage))
        .filter(|outage| outage.end.is_none());
    if !open.all(|outage| is_planned(outage)) {
        return false;
    }
    let Ok(after) = at.checked_add(SignedDuration::from_nanos(1)) else {
        return false;
    };
    let windows = record.windows_of(system, Span::new(at, after));
    windows
        .iter()
        .flat_map(|window| &window.earned_parts)
        .any(|earning| earning.span.contains(at))
}

/// The current month of each system up to `at`, as its report would show it.
pub fn add_months(page: &mut Page, source: &Source) {
    let (record, at) = (source.record, source.at);
    let months: Vec<(&str, Figures)> = source
        .systems()
        .filter_map(|system| Some((system.id.as_str(), account(record, &system.id, at)?)))
        .collect();
    page.gauge(
        "nines_system_month_seconds",
        "Seconds of agreed time in the current month by class. The classes add up.",
        |series| {
            for (system, month) in &months {
                for (class, seconds) in [
                    ("up", month.up_s),
                    ("planned", month.planned_s),
                    ("excluded", month.excluded_s),
                    ("unplanned", month.unplanned_s),
                    ("unknown", month.unknown_s),
                ] {
                    series.add(&[("system", system), ("class", class)], seconds);
                }
            }
        },
    );
    per_month(
        page,
        &months,
        "nines_system_month_degraded_seconds",
        "Seconds of the class up in which the system was degraded.",
        |month| month.degraded_s,
    );
    per_month(
        page,
        &months,
        "nines_system_contract_availability_ratio",
        "Contract availability of the current month, 0 to 1. Reports are authoritative.",
        |month| month.contract_availability,
    );
    per_month(
        page,
        &months,
        "nines_system_experienced_availability_ratio",
        "Availability of the current month as customers experienced it, 0 to 1.",
        |month| month.experienced_availability,
    );
    per_month(
        page,
        &months,
        "nines_system_coverage_ratio",
        "Share of the current month that samples cover, 0 to 1.",
        |month| month.coverage,
    );
    per_month(
        page,
        &months,
        "nines_system_target_ratio",
        "Availability target of the current month, 0 to 1. Absent without a target.",
        |month| month.target.map(|target| f64::from(target.ppm) / 1e6),
    );
    per_month(
        page,
        &months,
        "nines_system_error_budget_seconds",
        "Seconds of unplanned downtime that the target allows in the current month.",
        |month| month.budget_s,
    );
    per_month(
        page,
        &months,
        "nines_system_error_budget_remaining_seconds",
        "Seconds of the error budget that remain. Negative once the target is missed.",
        |month| month.budget_left_s,
    );
}

fn per_month<V: Value>(
    page: &mut Page,
    months: &[(&str, Figures)],
    name: &str,
    help: &str,
    value: impl Fn(&Figures) -> V,
) {
    page.gauge(name, help, |series| {
        for (system, month) in months {
            series.add(&[("system", system)], value(month));
        }
    });
}

/// As in the report: with the policy and target of the start of the month or of the system's first
/// day, and without a target for a partner's system.
fn account(record: &Record, system: &SystemId, at: Timestamp) -> Option<Figures> {
    let months = record.months_of(system)?;
    let period = months.around(at);
    let agreed = record.configurations.accounted_by(system, period.from)?;
    let history = record.history(system, period);
    Some(accounting::account(
        &history,
        period,
        &months,
        agreed.policy,
        agreed.target,
        at,
    ))
}
