//! A policy's choices.

use domain::catalogue::Target;
use domain::id::PolicyId;
use domain::policy::{DayHours, Hours, Policy};

use super::{no_repeats, seconds};
use crate::config::mistakes::Page;
use crate::config::raw::policy::{Degraded, Hours as RawHours, PolicyFile, Unknown};
use crate::config::read::File;
use crate::config::values::Percent;
use crate::config::words::{As, Written};

/// The coverage that is enough unless the policy says otherwise.
const MIN_COVERAGE_PPM: u32 = 990_000;

/// The policy, if all of it could be read.
pub(in crate::config) fn policy(
    page: &mut Page<'_>,
    file: &File<PolicyFile>,
    id: &str,
) -> Option<Policy> {
    let raw = &file.raw;
    let name = page.read(raw.name.get());
    let target = target(page, raw.target.as_ref());
    let ignore_shorter_s = seconds(page, raw.ignore_outages_shorter_than.as_ref(), 1);
    let min_coverage_ppm = page.read(raw.min_coverage.as_ref());
    let monthly_allowance_s = seconds(page, raw.monthly_allowance.as_ref(), 0);
    let service_hours = hours(page, raw.service_hours.as_ref());
    let planned_hours = hours(page, raw.planned_hours.as_ref());
    Some(Policy {
        id: PolicyId::from(id),
        name: name?,
        target,
        unknown_is_down: matches!(raw.unknown.as_ref().map(|w| w.value), Some(Unknown::Down)),
        degraded_is_down: matches!(raw.degraded.as_ref().map(|w| w.value), Some(Degraded::Down)),
        ignore_shorter_s: ignore_shorter_s.unwrap_or(0),
        min_coverage_ppm: min_coverage_ppm.unwrap_or(MIN_COVERAGE_PPM),
        monthly_allowance_s,
        service_hours,
        planned_hours,
    })
}

/// A target; one of nothing is a slip.
pub(super) fn target(
    page: &mut Page<'_>,
    written: Option<&Written<As<Percent>>>,
) -> Option<Target> {
    let at = &written?.at;
    let ppm = page.read(written)?;
    if ppm == 0 {
        page.wrong(at, "a target of nothing is none: leave the key out");
        return None;
    }
    Some(Target { ppm })
}

fn hours(page: &mut Page<'_>, written: Option<&Written<RawHours>>) -> Option<Hours> {
    let raw = &written?.value;
    let mut days = Vec::new();
    for day in raw
        .days
        .get()
        .map(|list| list.value.as_slice())
        .unwrap_or_default()
    {
        if let Some(weekday) = page.read(Some(day)) {
            days.push((weekday, day.at.clone()));
        }
    }
    no_repeats(page, &days);
    let open = page.read(raw.open.get());
    let close = page.read(raw.close.get());
    let zone = page.read(raw.zone.get());
    let (open, close, zone) = (open?, close?, zone?);
    let mut weekly: Vec<DayHours> = days
        .iter()
        .map(|(day, _)| DayHours {
            weekday: day.to_monday_zero_offset().unsigned_abs(),
            open,
            close,
        })
        .collect();
    weekly.sort_by_key(|hours| hours.weekday);
    Some(Hours { zone, weekly })
}
