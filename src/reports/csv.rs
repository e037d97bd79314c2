//! The report as comma-separated values: RFC 4180, and safe to open in a spreadsheet.
//!
//! A text that a spreadsheet would take for a formula gets an apostrophe before it. Numbers, instants
//! and percentages are never a person's text and stay as they are.

use domain::report::{
    AbsenceLine, Day, DayLatencies, DeskDay, DeskLine, FigureChange, IncidentLine, OpenMeasure,
    OutageLine, ProbeLatencies, Refused, Report, SystemLine, Telling, Told, ToldByPerson,
    TrendMonth, UnknownSpan, WindowLine,
};
use domain::text::visible;
use serde::Serialize;

/// The name of a column and its cell in a row.
type Column<T> = (&'static str, fn(&T) -> Cell);

/// The whole file: sections one below the other.
pub(super) fn render(report: &Report) -> Vec<u8> {
    let mut out = Sections::default();
    out.section("report", REPORT, std::iter::once(report));
    out.section("system", SYSTEM, &report.systems);
    let months = report.trend.iter().map(|t| (&t.system, &t.months));
    out.section_of("month", "system", MONTH, months);
    let days = report.systems.iter().map(|s| (&s.system, &s.days));
    out.section_of("day", "system", DAY, days);
    out.section("outage", OUTAGE, &report.outages);
    out.section("incident", INCIDENT, &report.incidents);
    out.section("desk", DESK, &report.desk);
    let days = report.desk.iter().map(|d| (&d.policy, &d.days));
    out.section_of("desk_day", "policy", DESK_DAY, days);
    out.section("maintenance", WINDOW, &report.maintenance);
    let told = report.incidents.iter().map(|i| (&i.incident, &i.told));
    out.section_of("told", "incident", TOLD, told);
    let told = report
        .maintenance
        .iter()
        .map(|w| (&w.window, &w.told_by_people));
    out.section_of("told_of_window", "window", TOLD_OF_WINDOW, told);
    out.section("refused", REFUSED, &report.refused);
    out.section("absence", ABSENCE, &report.monitor.absences);
    out.section("unknown", UNKNOWN, &report.unknown);
    out.section("latency", LATENCY, &report.latencies.probes);
    let probes = report.latencies.probes.iter();
    let days = probes.map(|p| (&p.probe, &p.days));
    out.section_of("latency_day", "probe", LATENCY_DAY, days);
    out.section("measure", MEASURE, &report.open_measures);
    if let Some(revises) = &report.revises {
        out.section("change", CHANGE, &revises.changes);
    }
    out.text.into_bytes()
}

const REPORT: &[Column<Report>] = &[
    ("committee", |r| text(&r.committee)),
    ("month", |r| bare(&r.month)),
    ("from", |r| bare(&r.from)),
    ("to", |r| bare(&r.to)),
    ("zone", |r| text(&r.zone)),
    ("status", |r| bare(&r.status)),
    ("revision", |r| bare(&r.revision)),
    ("as_of", |r| bare(&r.as_of)),
    ("so_far", |r| bare(&r.so_far)),
    ("ledger_seq", |r| bare(&r.ledger.seq)),
    ("ledger_head", |r| text(&r.ledger.head)),
    ("headline", |r| text(&r.headline)),
];

const CHANGE: &[Column<FigureChange>] = &[
    ("key", |c| text(&c.key)),
    ("what", |c| text(&c.what)),
    ("before", |c| words(&c.before)),
    ("after", |c| words(&c.after)),
];

const MONTH: &[Column<TrendMonth>] = &[
    ("month", |m| bare(&m.month)),
    ("contract_availability", |m| bare(&m.contract_availability)),
    ("target", |m| bare(&m.target)),
    ("verdict", |m| bare(&m.verdict)),
    ("outages", |m| bare(&m.outages)),
    ("unplanned_s", |m| bare(&m.unplanned_s)),
];

const SYSTEM: &[Column<SystemLine>] = &[
    ("system", |s| text(&s.system)),
    ("name", |s| text(&s.name)),
    ("kind", |s| bare(&s.kind)),
    ("policy", |s| words(&s.policy)),
    ("agreed_s", |s| bare(&s.agreed_s)),
    ("up_s", |s| bare(&s.up_s)),
    ("degraded_s", |s| bare(&s.degraded_s)),
    ("planned_s", |s| bare(&s.planned_s)),
    ("excluded_s", |s| bare(&s.excluded_s)),
    ("unplanned_s", |s| bare(&s.unplanned_s)),
    ("unknown_s", |s| bare(&s.unknown_s)),
    ("unknown_as_down_s", |s| bare(&s.unknown_as_down_s)),
    ("contract_availability", |s| bare(&s.contract_availability)),
    ("experienced_availability", |s| {
        bare(&s.experienced_availability)
    }),
    ("coverage", |s| bare(&s.coverage)),
    ("target", |s| bare(&s.target)),
    ("target_exact", |s| bare(&s.target_exact)),
    ("verdict", |s| bare(&s.verdict)),
    ("on_measured_time", |s| bare(&s.on_measured_time)),
    ("within_measurement_error", |s| {
        bare(&s.within_measurement_error)
    }),
    ("availability_at_best", |s| bare(&s.availability_at_best)),
    ("availability_at_worst", |s| bare(&s.availability_at_worst)),
    ("budget_s", |s| bare(&s.budget_s)),
    ("budget_left_s", |s| bare(&s.budget_left_s)),
    ("blips", |s| bare(&s.blips)),
    ("blip_s", |s| bare(&s.blip_s)),
    ("outages", |s| bare(&s.outages)),
    ("mtrs_s", |s| bare(&s.mtrs_s)),
    ("mtbf_s", |s| bare(&s.mtbf_s)),
    ("longest_s", |s| bare(&s.longest_s)),
    ("added", |s| bare(&s.added)),
    ("removed", |s| bare(&s.removed)),
    ("unplanned_unseen_s", |s| bare(&s.unplanned_unseen_s)),
    ("unplanned_degraded_s", |s| bare(&s.unplanned_degraded_s)),
    ("mtrs_at_least", |s| bare(&s.mtrs_at_least)),
    ("longest_at_least", |s| bare(&s.longest_at_least)),
];

const DESK: &[Column<DeskLine>] = &[
    ("policy", |d| text(&d.policy)),
    ("verdict", |d| bare(&d.verdict)),
    ("share", |d| bare(&d.share)),
    ("target", |d| bare(&d.target)),
    ("answer_within_s", |d| bare(&d.answer_within_s)),
    ("calls", |d| bare(&d.calls)),
    ("answered", |d| bare(&d.answered)),
    ("answered_within", |d| bare(&d.answered_within)),
    ("abandoned", |d| bare(&d.abandoned)),
    ("out_of_hours_calls", |d| bare(&d.out_of_hours_calls)),
];

const DESK_DAY: &[Column<DeskDay>] = &[
    ("date", |d| bare(&d.date)),
    ("calls", |d| bare(&d.calls)),
    ("answered", |d| bare(&d.answered)),
    ("answered_within", |d| bare(&d.answered_within)),
    ("abandoned", |d| bare(&d.abandoned)),
    ("out_of_hours_calls", |d| bare(&d.out_of_hours_calls)),
];

const DAY: &[Column<Day>] = &[
    ("date", |d| bare(&d.date)),
    ("mark", |d| bare(&d.mark)),
    ("length_s", |d| bare(&d.length_s)),
    ("agreed_s", |d| bare(&d.agreed_s)),
    ("up_s", |d| bare(&d.up_s)),
    ("degraded_s", |d| bare(&d.degraded_s)),
    ("planned_s", |d| bare(&d.planned_s)),
    ("excluded_s", |d| bare(&d.excluded_s)),
    ("unplanned_s", |d| bare(&d.unplanned_s)),
    ("unknown_s", |d| bare(&d.unknown_s)),
];

const LATENCY: &[Column<ProbeLatencies>] = &[
    ("probe", |p| text(&p.probe)),
    ("system", |p| text(&p.system)),
    ("name", |p| text(&p.name)),
    ("conclusive", |p| bare(&p.conclusive)),
    ("answered", |p| bare(&p.answered)),
    ("p50_us", |p| bare(&p.p50_us)),
    ("p95_us", |p| bare(&p.p95_us)),
    ("p99_us", |p| bare(&p.p99_us)),
    ("missing", |p| bare(&p.missing)),
];

const LATENCY_DAY: &[Column<DayLatencies>] = &[
    ("date", |d| bare(&d.date)),
    ("conclusive", |d| bare(&d.conclusive)),
    ("answered", |d| bare(&d.answered)),
    ("p50_us", |d| bare(&d.p50_us)),
    ("p95_us", |d| bare(&d.p95_us)),
    ("p99_us", |d| bare(&d.p99_us)),
    ("missing", |d| bare(&d.missing)),
];

const OUTAGE: &[Column<OutageLine>] = &[
    ("outage", |o| text(&o.outage)),
    ("system", |o| text(&o.system)),
    ("name", |o| text(&o.name)),
    ("start", |o| bare(&o.start)),
    ("end", |o| bare(&o.end)),
    ("end_observed", |o| bare(&o.end_observed)),
    ("detected", |o| bare(&o.detected)),
    ("declared", |o| bare(&o.declared)),
    ("planned_s", |o| bare(&o.planned_s)),
    ("excluded_s", |o| bare(&o.excluded_s)),
    ("unplanned_s", |o| bare(&o.unplanned_s)),
    ("unknown_s", |o| bare(&o.unknown_s)),
    ("counted", |o| bare(&o.counted)),
    ("ignored", |o| bare(&o.ignored)),
    ("incident", |o| words(&o.incident)),
    ("windows", |o| text(o.windows.join(" "))),
    ("reason", |o| words(&o.reason)),
    ("detail", |o| words(&o.detail)),
    ("edge_s", |o| bare(&o.edge_s)),
    ("detect_s", |o| bare(&o.detect_s)),
    ("tell_first_s", |o| bare(&o.tell_first_s)),
    ("tell_last_s", |o| bare(&o.tell_last_s)),
    ("acknowledge_s", |o| bare(&o.acknowledge_s)),
    ("restore_s", |o| bare(&o.restore_s)),
    ("reclassified", |o| words(&o.reclassified)),
    ("why_unplanned", |o| text(o.why_unplanned.join("; "))),
    ("restore_at_least", |o| bare(&o.restore_at_least)),
    ("told_before", |o| bare(&o.told_before)),
    ("customers_told", |o| bare(&o.customers_told)),
    ("customers", |o| bare(&o.customers)),
    ("merged_from", |o| bare(&o.merged.as_ref().map(|s| s.from))),
    ("merged_to", |o| bare(&o.merged.as_ref().and_then(|s| s.to))),
    ("merged_outages", |o| {
        words(&o.merged.as_ref().map(|s| s.outages.join(" ")))
    }),
    ("merged_unplanned_s", |o| {
        bare(&o.merged.as_ref().map(|s| s.unplanned_s))
    }),
];

const INCIDENT: &[Column<IncidentLine>] = &[
    ("incident", |i| text(&i.incident)),
    ("severity", |i| words(&i.severity)),
    ("systems", |i| text(i.systems.join(" "))),
    ("outages", |i| text(i.outages.join(" "))),
    ("cause", |i| bare(&i.cause)),
    ("opened", |i| bare(&i.opened)),
    ("acknowledged", |i| bare(&i.acknowledged)),
    ("acknowledged_by", |i| words(&i.acknowledged_by)),
    ("resolved", |i| bare(&i.resolved)),
    ("closed", |i| bare(&i.closed)),
    ("closed_by", |i| words(&i.closed_by)),
    ("summary", |i| words(&i.summary)),
    ("root_cause", |i| words(&i.root_cause)),
    ("root_cause_certainty", |i| bare(&i.root_cause_certainty)),
    ("resolution", |i| words(&i.resolution)),
    ("missing", |i| text(i.missing.join(", "))),
    ("customers_told", |i| bare(&customers_told(i))),
    ("customers_not_told", |i| {
        bare(&(i.told.len() - customers_told(i)))
    }),
    ("unstable", |i| bare(&i.unstable)),
    ("merged_into", |i| words(&i.merged_into)),
    ("acknowledged_recorded", |i| bare(&i.acknowledged_recorded)),
    ("acknowledged_approved_by", |i| {
        words(&i.acknowledged_approved_by)
    }),
];

const WINDOW: &[Column<WindowLine>] = &[
    ("window", |w| text(&w.window)),
    ("title", |w| text(&w.title)),
    ("systems", |w| text(w.systems.join(" "))),
    ("start", |w| bare(&w.start)),
    ("end", |w| bare(&w.end)),
    ("announced", |w| bare(&w.announced)),
    ("earned", |w| bare(&w.earned)),
    ("why", |w| text(&w.why)),
    ("cancelled", |w| bare(&w.cancelled)),
    ("max_downtime_s", |w| bare(&w.max_downtime_s)),
    ("downtime_s", |w| bare(&w.downtime_s)),
    ("planned_s", |w| bare(&w.planned_s)),
    ("overrun_s", |w| bare(&w.overrun_s)),
    ("recurring", |w| bare(&w.recurring)),
];

const TOLD: &[Column<Told>] = &[
    ("customer", |t| text(&t.customer)),
    ("name", |t| text(&t.name)),
    ("first", |t| bare(&t.first)),
    ("last", |t| bare(&t.last)),
    ("result", |t| bare(&t.result)),
    ("only_afterwards", |t| bare(&t.only_afterwards)),
    ("contacts", |t| text(contacts(t))),
];

const TOLD_OF_WINDOW: &[Column<ToldByPerson>] = &[
    ("customer", |t| text(&t.customer)),
    ("name", |t| text(&t.name)),
    ("at", |t| bare(&t.at)),
    ("recorded", |t| bare(&t.recorded)),
    ("by", |t| text(&t.by)),
    ("approved_by", |t| words(&t.approved_by)),
    ("how", |t| text(&t.how)),
];

const REFUSED: &[Column<Refused>] = &[
    ("notice", |n| text(&n.notice)),
    ("kind", |n| text(&n.kind)),
    ("about", |n| text(n.about.join(" "))),
    ("customer", |n| text(&n.customer)),
    ("name", |n| text(&n.name)),
    ("at", |n| bare(&n.at)),
    ("result", |n| text(n.result.word())),
];

const ABSENCE: &[Column<AbsenceLine>] = &[
    ("from", |a| bare(&a.from)),
    ("to", |a| bare(&a.to)),
    ("length_s", |a| bare(&a.length_s)),
    ("cause", |a| bare(&a.cause)),
    ("why", |a| text(a.why)),
];

const UNKNOWN: &[Column<UnknownSpan>] = &[
    ("systems", |u| text(u.systems.join(" "))),
    ("from", |u| bare(&u.from)),
    ("to", |u| bare(&u.to)),
    ("unknown_s", |u| bare(&u.unknown_s)),
    ("why", |u| text(&u.why)),
];

const MEASURE: &[Column<OpenMeasure>] = &[
    ("incident", |m| text(&m.incident)),
    ("opened", |m| bare(&m.opened)),
    ("systems", |m| text(m.systems.join(" "))),
    ("text", |m| text(&m.text)),
    ("owner", |m| text(&m.owner)),
    ("due", |m| bare(&m.due)),
    ("state", |m| bare(&m.state)),
];

fn customers_told(incident: &IncidentLine) -> usize {
    let told = incident.told.iter();
    told.filter(|t| t.result == Telling::Sent).count()
}

fn contacts(told: &Told) -> String {
    let each = told
        .contacts
        .iter()
        .map(|(result, n)| format!("{n} {result}"));
    each.collect::<Vec<_>>().join(", ")
}

#[derive(Default)]
struct Sections {
    text: String,
}

impl Sections {
    /// Adds a header row and a row for each of `rows`.
    fn section<'a, T: 'a>(
        &mut self,
        name: &str,
        columns: &[Column<T>],
        rows: impl IntoIterator<Item = &'a T>,
    ) {
        self.header(columns.iter().map(|(name, _)| *name));
        for row in rows {
            self.row(name, columns.iter().map(|(_, cell)| cell(row)));
        }
    }

    /// Adds a section of rows that belong to others, whose ids are its first column, `owner`.
    fn section_of<'a, T: 'a>(
        &mut self,
        name: &str,
        owner: &str,
        columns: &[Column<T>],
        rows: impl Iterator<Item = (&'a String, &'a Vec<T>)>,
    ) {
        self.header(std::iter::once(owner).chain(columns.iter().map(|(name, _)| *name)));
        for (id, rows) in rows {
            for row in rows {
                let cells = columns.iter().map(|(_, cell)| cell(row));
                self.row(name, std::iter::once(text(id)).chain(cells));
            }
        }
    }

    /// Adds an empty line, unless the file is empty, and the names of columns.
    fn header<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        self.row("section", names.map(|name| Cell::Bare(name.to_owned())));
    }

    fn row(&mut self, first: &str, cells: impl Iterator<Item = Cell>) {
        self.text.push_str(first);
        for cell in cells {
            self.text.push(',');
            match cell {
                Cell::Bare(text) => self.text.push_str(&text),
                Cell::Text(text) => quote(&text, &mut self.text),
                Cell::Empty => {}
            }
        }
        self.text.push_str("\r\n");
    }
}

enum Cell {
    /// A number, an instant or one of our own words: never quoted.
    Bare(String),
    /// A text, ours or a person's: always quoted.
    Text(String),
    Empty,
}

/// A cell with the word, number or instant that the JSON report prints.
fn bare(value: &impl Serialize) -> Cell {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Cell::Bare(text),
        Ok(serde_json::Value::Null) | Err(_) => Cell::Empty,
        Ok(other) => Cell::Bare(other.to_string()),
    }
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

fn words(text: &Option<String>) -> Cell {
    text.clone().map_or(Cell::Empty, Cell::Text)
}

/// Quotes text and doubles its quotes. Disarms formulas and the terminal's control characters.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    if formula(text) {
        out.push('\'');
    }
    out.push_str(&visible(text).replace('"', "\"\""));
    out.push('"');
}

/// True if a spreadsheet might calculate the text. Spreadsheets skip spaces before a formula, and some
/// read the full-width forms of its first character.
fn formula(text: &str) -> bool {
    if text.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let first = text.trim_start().chars().next();
    matches!(
        first,
        Some('=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = String::new();
        quote(text, &mut out);
        out
    }

    #[test]
    fn what_a_spreadsheet_would_calculate_is_disarmed() {
        for armed in [
            "=cmd()",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\n=1",
            "  =1",
            "\u{a0}=1",
            "\u{ff1d}1",
        ] {
            assert_eq!(quoted(armed), format!("\"'{armed}\""), "of {armed:?}");
        }
        assert_eq!(quoted("a=1, \"b\"\nc"), "\"a=1, \"\"b\"\"\nc\"");
        assert_eq!(quoted("\r=1\u{1b}[m"), "\"'\u{fffd}=1\u{fffd}[m\"");
        assert_eq!(quoted(""), "\"\"");
    }

    #[test]
    fn a_negative_number_of_ours_stays_a_number() {
        let mut out = Sections::default();
        let columns: &[Column<i64>] = &[("n", |n| bare(n)), ("t", |n| text(n.to_string()))];
        out.section("x", columns, &[-12]);
        assert_eq!(out.text, "section,n,t\r\nx,-12,\"'-12\"\r\n");
    }
}
