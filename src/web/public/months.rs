//! The months of the pages: those that have a page of their history, and the figures of a system by month.

use domain::calendar::Month;
use domain::id::SystemId;
use domain::months::Months as _;
use domain::record::Record;
use domain::report::words;
use domain::span::Span;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::archive::Archive;
use super::days;
use super::model::Shown;
use super::words::length;

/// The months of a system's page, the running one included.
const MONTHS: usize = 13;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct SystemMonth {
    /// `October 2026`
    pub name: String,
    pub availability: Option<String>,
    pub target: Option<String>,
    pub down: String,
    pub planned: String,
    /// The figures are those of the report that the committee approved.
    pub approved: bool,
    pub running: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct HistoryMonth {
    /// `2026-10`
    pub id: String,
    /// `October 2026`
    pub name: String,
    #[serde(skip)]
    pub span: Option<Span>,
}

/// The months of a system. The figures of an approved report win.
pub(super) fn of_system(
    record: &Record,
    archive: &Archive,
    id: &SystemId,
    at: Timestamp,
) -> Vec<SystemMonth> {
    let Some(months) = record.months_of(id) else {
        return Vec::new();
    };
    let committee = record
        .catalogue
        .system(id.as_str())
        .map(|system| &system.committee);
    let zone = record.zone_of(id).unwrap_or(TimeZone::UTC);
    let mut found = Vec::new();
    let mut month = Month::of(at, &zone);
    for n in 0..MONTHS {
        let period = months.around(month.span(&zone).from);
        let figures = days::figures(record, id, period, at);
        let Some(figures) = figures.filter(|figures| figures.agreed_s > 0) else {
            break;
        };
        let agreed = record.configurations.accounted_by(id, period.from);
        let target = agreed.and_then(|agreed| agreed.target);
        let percent = |text: &String| format!("{text}%");
        let approved = committee.and_then(|committee| archive.approved(committee, month, id));
        found.push(match approved {
            Some(approved) => SystemMonth {
                name: name_of(month),
                availability: approved.contract_availability.as_ref().map(percent),
                target: approved.target.as_ref().map(percent),
                down: length(approved.unplanned_s + approved.excluded_s),
                planned: length(approved.planned_s),
                approved: true,
                running: n == 0,
            },
            None => SystemMonth {
                name: name_of(month),
                availability: days::availability(&figures),
                target: target.map(|target| format!("{}%", words::target_truncated(target))),
                down: length(figures.unplanned_s + figures.excluded_s),
                planned: length(figures.planned_s),
                approved: false,
                running: n == 0,
            },
        });
        month = month.prev();
    }
    found
}

/// The months from the first public system's beginning until now, at most 25.
pub(super) fn of_history(record: &Record, shown: &Shown<'_>, at: Timestamp) -> Vec<HistoryMonth> {
    let lives = shown.systems().filter_map(|id| record.systems.get(id));
    let began = lives
        .filter_map(|known| known.life.first().map(|(from, _)| *from))
        .min();
    let mut month = Month::of(at, &shown.zone);
    let mut found = Vec::new();
    while found.len() < 25 {
        let span = month.span(&shown.zone);
        if began.is_none_or(|began| span.to <= began) {
            break;
        }
        found.push(HistoryMonth {
            id: month.to_string(),
            name: name_of(month),
            span: Some(span),
        });
        month = month.prev();
    }
    found
}

/// `October 2026`
fn name_of(month: Month) -> String {
    let first = Date::new(month.year(), month.number(), 1);
    first.map_or_else(
        |_| month.to_string(),
        |first| first.strftime("%B %Y").to_string(),
    )
}
