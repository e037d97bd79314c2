//! The report as comma-separated values: RFC 4180, and safe to open in a spreadsheet.
//!
//! A cell of text that a spreadsheet would take for a formula gets an apostrophe before it.
//! Numbers, instants and percentages are ours and stay as they are.

use domain::report::{
    AbsenceLine, Day, IncidentLine, MeasureState, Moment, OpenMeasure, OutageLine, Refused, Report,
    SystemLine, Telling, Told, ToldByPerson, UnknownSpan, Verdict, WindowLine,
};
use domain::text::visible;
use serde::Serialize;

/// One cell.
enum Cell {
    /// A number, an instant, a truth: never quoted.
    Bare(String),
    /// Words, ours or people's.
    Text(String),
    /// Nothing.
    Empty,
}

/// The whole file.
pub(super) fn render(report: &Report) -> Vec<u8> {
    let mut out = Sections::default();
    out.section(
        "report",
        &[
            "committee",
            "month",
            "from",
            "to",
            "zone",
            "status",
            "revision",
            "as_of",
            "so_far",
            "ledger_seq",
            "ledger_head",
            "headline",
        ],
        std::iter::once(about(report)),
    );
    out.section("system", &SYSTEM, report.systems.iter().map(system));
    out.section(
        "day",
        &DAY,
        report
            .systems
            .iter()
            .flat_map(|s| s.days.iter().map(|d| day(&s.system, d))),
    );
    out.section("outage", &OUTAGE, report.outages.iter().map(outage));
    out.section("incident", &INCIDENT, report.incidents.iter().map(incident));
    out.section(
        "maintenance",
        &WINDOW,
        report.maintenance.iter().map(window),
    );
    out.section(
        "told",
        &TOLD,
        report
            .incidents
            .iter()
            .flat_map(|i| i.told.iter().map(|t| told(&i.incident, t))),
    );
    out.section(
        "told_of_window",
        &TOLD_OF_WINDOW,
        report
            .maintenance
            .iter()
            .flat_map(|w| w.told_by_people.iter().map(|t| told_of(&w.window, t))),
    );
    out.section("refused", &REFUSED, report.refused.iter().map(refused));
    out.section(
        "absence",
        &ABSENCE,
        report.monitor.absences.iter().map(absence),
    );
    out.section("unknown", &UNKNOWN, report.unknown.iter().map(unknown));
    out.section(
        "measure",
        &MEASURE,
        report.open_measures.iter().map(measure),
    );
    out.text.into_bytes()
}

#[derive(Default)]
struct Sections {
    text: String,
}

impl Sections {
    /// A header row and its rows, after an empty line unless it is the first.
    fn section(&mut self, name: &str, header: &[&str], rows: impl Iterator<Item = Vec<Cell>>) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        self.row(
            "section",
            header.iter().map(|h| Cell::Bare((*h).to_owned())),
        );
        for row in rows {
            debug_assert_eq!(row.len(), header.len(), "a cell for each column of {name}");
            self.row(name, row.into_iter());
        }
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

/// Quotes text, its quotes doubled, and disarms what a spreadsheet would calculate or a terminal
/// obey.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    if formula(text) {
        out.push('\'');
    }
    out.push_str(&visible(text).replace('"', "\"\""));
    out.push('"');
}

/// Whether a spreadsheet might calculate it: spreadsheets skip spaces before a formula, and some
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

fn number(n: impl ToString) -> Cell {
    Cell::Bare(n.to_string())
}

fn maybe(n: Option<i64>) -> Cell {
    n.map_or(Cell::Empty, number)
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

fn words(text: &Option<String>) -> Cell {
    text.clone().map_or(Cell::Empty, Cell::Text)
}

/// The word or instant that JSON prints for it: one wording for every format.
fn printed(value: &impl Serialize) -> Cell {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Cell::Bare(text),
        Ok(serde_json::Value::Null) | Err(_) => Cell::Empty,
        Ok(other) => Cell::Bare(other.to_string()),
    }
}

fn instant(at: &Option<Moment>) -> Cell {
    at.as_ref().map_or(Cell::Empty, printed)
}

fn percent(text: &Option<String>) -> Cell {
    text.clone().map_or(Cell::Empty, Cell::Bare)
}

fn about(r: &Report) -> Vec<Cell> {
    vec![
        text(&r.committee),
        Cell::Bare(r.month.clone()),
        printed(&r.from),
        printed(&r.to),
        text(&r.zone),
        printed(&r.status),
        number(r.revision),
        printed(&r.as_of),
        number(r.so_far),
        number(r.ledger.seq),
        text(&r.ledger.head),
        text(&r.headline),
    ]
}

const SYSTEM: [&str; 36] = [
    "system",
    "name",
    "kind",
    "policy",
    "agreed_s",
    "up_s",
    "degraded_s",
    "planned_s",
    "excluded_s",
    "unplanned_s",
    "unknown_s",
    "unknown_as_down_s",
    "contract_availability",
    "experienced_availability",
    "coverage",
    "target",
    "target_exact",
    "verdict",
    "on_measured_time",
    "within_measurement_error",
    "availability_at_best",
    "availability_at_worst",
    "budget_s",
    "budget_left_s",
    "blips",
    "blip_s",
    "outages",
    "mtrs_s",
    "mtbf_s",
    "longest_s",
    "added",
    "removed",
    "unplanned_unseen_s",
    "unplanned_degraded_s",
    "mtrs_at_least",
    "longest_at_least",
];

fn system(s: &SystemLine) -> Vec<Cell> {
    let verdict: &Verdict = &s.verdict;
    vec![
        text(&s.system),
        text(&s.name),
        printed(&s.kind),
        words(&s.policy),
        number(s.agreed_s),
        number(s.up_s),
        number(s.degraded_s),
        number(s.planned_s),
        number(s.excluded_s),
        number(s.unplanned_s),
        number(s.unknown_s),
        number(s.unknown_as_down_s),
        percent(&s.contract_availability),
        percent(&s.experienced_availability),
        percent(&s.coverage),
        percent(&s.target),
        percent(&s.target_exact),
        printed(verdict),
        number(s.on_measured_time),
        number(s.within_measurement_error),
        percent(&s.availability_at_best),
        percent(&s.availability_at_worst),
        maybe(s.budget_s),
        maybe(s.budget_left_s),
        number(s.blips),
        number(s.blip_s),
        number(s.outages),
        maybe(s.mtrs_s),
        maybe(s.mtbf_s),
        maybe(s.longest_s),
        instant(&s.added),
        instant(&s.removed),
        number(s.unplanned_unseen_s),
        number(s.unplanned_degraded_s),
        number(s.mtrs_at_least),
        number(s.longest_at_least),
    ]
}

const DAY: [&str; 11] = [
    "system",
    "date",
    "mark",
    "length_s",
    "agreed_s",
    "up_s",
    "degraded_s",
    "planned_s",
    "excluded_s",
    "unplanned_s",
    "unknown_s",
];

fn day(system: &str, d: &Day) -> Vec<Cell> {
    vec![
        text(system),
        printed(&d.date),
        printed(&d.mark),
        number(d.length_s),
        number(d.agreed_s),
        number(d.up_s),
        number(d.degraded_s),
        number(d.planned_s),
        number(d.excluded_s),
        number(d.unplanned_s),
        number(d.unknown_s),
    ]
}

const OUTAGE: [&str; 34] = [
    "outage",
    "system",
    "name",
    "start",
    "end",
    "end_observed",
    "detected",
    "declared",
    "planned_s",
    "excluded_s",
    "unplanned_s",
    "unknown_s",
    "counted",
    "ignored",
    "incident",
    "windows",
    "reason",
    "detail",
    "edge_s",
    "detect_s",
    "tell_first_s",
    "tell_last_s",
    "acknowledge_s",
    "restore_s",
    "reclassified",
    "why_unplanned",
    "restore_at_least",
    "told_before",
    "customers_told",
    "customers",
    "stretch_from",
    "stretch_to",
    "stretch_outages",
    "stretch_unplanned_s",
];

fn outage(o: &OutageLine) -> Vec<Cell> {
    let stretch = o.stretch.as_ref();
    vec![
        text(&o.outage),
        text(&o.system),
        text(&o.name),
        printed(&o.start),
        instant(&o.end),
        number(o.end_observed),
        printed(&o.detected),
        number(o.declared),
        number(o.planned_s),
        number(o.excluded_s),
        number(o.unplanned_s),
        number(o.unknown_s),
        number(o.counted),
        number(o.ignored),
        words(&o.incident),
        text(o.windows.join(" ")),
        words(&o.reason),
        words(&o.detail),
        number(o.edge_s),
        maybe(o.detect_s),
        maybe(o.tell_first_s),
        maybe(o.tell_last_s),
        maybe(o.acknowledge_s),
        maybe(o.restore_s),
        words(&o.reclassified),
        text(o.why_unplanned.join("; ")),
        number(o.restore_at_least),
        instant(&o.told_before),
        o.customers_told.map_or(Cell::Empty, number),
        o.customers.map_or(Cell::Empty, number),
        stretch.map_or(Cell::Empty, |s| printed(&s.from)),
        instant(&stretch.and_then(|s| s.to)),
        stretch.map_or(Cell::Empty, |s| text(s.outages.join(" "))),
        maybe(stretch.map(|s| s.unplanned_s)),
    ]
}

const INCIDENT: [&str; 22] = [
    "incident",
    "severity",
    "systems",
    "outages",
    "cause",
    "opened",
    "acknowledged",
    "acknowledged_by",
    "resolved",
    "closed",
    "closed_by",
    "summary",
    "root_cause",
    "root_cause_certainty",
    "resolution",
    "missing",
    "customers_told",
    "customers_not_told",
    "unstable",
    "merged_into",
    "acknowledged_recorded",
    "acknowledged_approved_by",
];

fn incident(i: &IncidentLine) -> Vec<Cell> {
    let told = i.told.iter().filter(|t| t.result == Telling::Sent).count();
    vec![
        text(&i.incident),
        words(&i.severity),
        text(i.systems.join(" ")),
        text(i.outages.join(" ")),
        printed(&i.cause),
        printed(&i.opened),
        instant(&i.acknowledged),
        words(&i.acknowledged_by),
        instant(&i.resolved),
        instant(&i.closed),
        words(&i.closed_by),
        words(&i.summary),
        words(&i.root_cause),
        printed(&i.root_cause_certainty),
        words(&i.resolution),
        text(i.missing.join(", ")),
        number(told),
        number(i.told.len() - told),
        printed(&i.unstable),
        words(&i.merged_into),
        instant(&i.acknowledged_recorded),
        words(&i.acknowledged_approved_by),
    ]
}

const WINDOW: [&str; 14] = [
    "window",
    "title",
    "systems",
    "start",
    "end",
    "announced",
    "earned",
    "why",
    "cancelled",
    "max_downtime_s",
    "downtime_s",
    "planned_s",
    "overrun_s",
    "recurring",
];

fn window(w: &WindowLine) -> Vec<Cell> {
    vec![
        text(&w.window),
        text(&w.title),
        text(w.systems.join(" ")),
        printed(&w.start),
        printed(&w.end),
        w.announced.clone().map_or(Cell::Empty, Cell::Bare),
        number(w.earned),
        text(&w.why),
        number(w.cancelled),
        maybe(w.max_downtime_s),
        number(w.downtime_s),
        number(w.planned_s),
        number(w.overrun_s),
        number(w.recurring),
    ]
}

const TOLD: [&str; 8] = [
    "incident",
    "customer",
    "name",
    "first",
    "last",
    "result",
    "only_afterwards",
    "contacts",
];

fn told(incident: &str, t: &Told) -> Vec<Cell> {
    let contacts: Vec<String> = t.contacts.iter().map(|(r, n)| format!("{n} {r}")).collect();
    vec![
        text(incident),
        text(&t.customer),
        text(&t.name),
        instant(&t.first),
        instant(&t.last),
        printed(&t.result),
        number(t.only_afterwards),
        text(contacts.join(", ")),
    ]
}

const TOLD_OF_WINDOW: [&str; 8] = [
    "window",
    "customer",
    "name",
    "at",
    "recorded",
    "by",
    "approved_by",
    "how",
];

fn told_of(window: &str, t: &ToldByPerson) -> Vec<Cell> {
    vec![
        text(window),
        text(&t.customer),
        text(&t.name),
        printed(&t.at),
        instant(&t.recorded),
        text(&t.by),
        words(&t.approved_by),
        text(&t.how),
    ]
}

const REFUSED: [&str; 7] = [
    "notice", "kind", "about", "customer", "name", "at", "result",
];

fn refused(n: &Refused) -> Vec<Cell> {
    vec![
        text(&n.notice),
        text(&n.kind),
        text(n.about.join(" ")),
        text(&n.customer),
        text(&n.name),
        printed(&n.at),
        text(n.result.word()),
    ]
}

const ABSENCE: [&str; 5] = ["from", "to", "length_s", "cause", "why"];

fn absence(a: &AbsenceLine) -> Vec<Cell> {
    vec![
        printed(&a.from),
        instant(&a.to),
        maybe(a.length_s),
        printed(&a.cause),
        text(a.why),
    ]
}

const UNKNOWN: [&str; 5] = ["systems", "from", "to", "unknown_s", "why"];

fn unknown(u: &UnknownSpan) -> Vec<Cell> {
    vec![
        text(u.systems.join(" ")),
        printed(&u.from),
        printed(&u.to),
        number(u.unknown_s),
        text(&u.why),
    ]
}

const MEASURE: [&str; 7] = [
    "incident", "opened", "systems", "text", "owner", "due", "state",
];

fn measure(m: &OpenMeasure) -> Vec<Cell> {
    let state: &MeasureState = &m.state;
    vec![
        text(&m.incident),
        printed(&m.opened),
        text(m.systems.join(" ")),
        text(&m.text),
        text(&m.owner),
        printed(&m.due),
        printed(state),
    ]
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
        out.section(
            "x",
            &["n", "t"],
            std::iter::once(vec![maybe(Some(-12)), text("-12")]),
        );
        assert_eq!(out.text, "section,n,t\r\nx,-12,\"'-12\"\r\n");
    }
}
