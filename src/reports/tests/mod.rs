//! The report in each format, compared whole.

mod language;
mod large;
mod model;
mod pdf;
mod sample;

use std::sync::Arc;

use domain::id::SystemId;
use domain::incident::{Acknowledged, Done};
use domain::record::{Exclusion, Fault, Record};
use domain::span::Span;

use super::*;
use sample::{at, october};

const HEAD: &str = "9f2c4b7a1d0e8f6c5b3a29187f6e5d4c3b2a190887f6e5d4c3b2a19f0e1d2c3b";

fn of(record: &Record, month: &str) -> Report {
    let month = month.parse().unwrap();
    let mut made = domain::report::monthly(record, "operations", month, HEAD).unwrap();
    sample::read_rollups(&mut made);
    made
}

fn report() -> Report {
    of(&october(), "2026-10")
}

fn rendered(report: &Report, format: Format) -> String {
    String::from_utf8(render(report, format, &Look::default()).unwrap().bytes).unwrap()
}

fn own_look(folder: &std::path::Path) -> Look {
    Look {
        templates: Some(crate::config::Templates::new(folder, None)),
        ..Look::default()
    }
}

#[test]
fn the_json_of_a_month_with_one_of_everything() {
    insta::assert_snapshot!(rendered(&report(), Format::Json));
}

#[test]
fn the_markdown_of_a_month_with_one_of_everything() {
    insta::assert_snapshot!(rendered(&report(), Format::Markdown));
}

#[test]
fn the_csv_of_a_month_with_one_of_everything() {
    insta::assert_snapshot!(rendered(&report(), Format::Csv));
}

#[test]
fn the_html_of_a_month_with_one_of_everything() {
    insta::assert_snapshot!(rendered(&report(), Format::Html));
}

/// The page without the links of its figures.
fn without_links(page: &str) -> String {
    let mut parts = page.split("<a class=\"x\" ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let shown = part.split_once('>').map_or(part, |(_, shown)| shown);
        text.push_str(&shown.replacen("</a>", "", 1));
    }
    text
}

/// Every page for people has the qualifications of a figure beside it.
#[test]
fn a_page_says_what_makes_up_a_figure_and_how_far_it_is_known() {
    let mut report = report();
    let strict = report.systems.iter_mut().find(|s| s.system == "portal");
    let strict = strict.unwrap();
    (strict.unknown_s, strict.unknown_as_down_s) = (0, 18_000);
    (strict.unplanned_unseen_s, strict.unplanned_degraded_s) = (18_000, 60);
    (strict.mtrs_at_least, strict.longest_at_least) = (true, true);
    let outage = &mut report.outages[0];
    outage.merged = Some(domain::report::MergedLine {
        from: outage.start,
        to: None,
        outages: vec![outage.outage.clone(), "O-999".to_owned()],
        counted_as: outage.outage.clone(),
        unplanned_s: 4_321,
    });
    outage.told_before = Some(outage.start);
    outage.restore_at_least = true;
    outage.ignored = true;
    for format in [Format::Markdown, Format::Html] {
        let page = without_links(&rendered(&report, format)).replace('\u{a0}', " ");
        for words in [
            "of which 5 h not observed and 1 min degraded, counted as down",
            "counted as down",
            "at least 37 min 30 s",
            "O-120, O-999",
            "art of one continuous downtime from 2026-10-07 02:14:10 EDT, still ongoing (O-120, \
             O-999): 1 h 12 min 01 s unplanned this month",
            "by the notice of 2026-10-07 02:14:10 EDT",
            "ignored: shorter than the agreement counts",
        ] {
            assert!(page.contains(words), "{words:?} in {format:?}");
        }
        assert_eq!(
            page.matches("at least 37 min 30 s").count(),
            3,
            "{format:?}"
        );
    }
}

/// Every key that other programs may read, in its object.
#[test]
fn the_json_has_every_key_that_other_programs_rely_on() {
    let json: serde_json::Value = serde_json::from_str(&rendered(&report(), Format::Json)).unwrap();
    let wanted: [(&str, &[&str]); 9] = [
        (
            "",
            &[
                "schema",
                "committee",
                "month",
                "from",
                "to",
                "zone",
                "status",
                "revision",
                "ledger",
                "systems",
                "outages",
                "incidents",
                "maintenance",
                "notices",
                "open_measures",
            ],
        ),
        ("/ledger", &["seq", "head"]),
        (
            "/systems/0",
            &[
                "system",
                "policy",
                "agreed_s",
                "up_s",
                "degraded_s",
                "planned_s",
                "excluded_s",
                "unplanned_s",
                "unknown_s",
                "contract_availability",
                "experienced_availability",
                "coverage",
                "target",
                "verdict",
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
            ],
        ),
        (
            "/outages/0",
            &[
                "outage",
                "system",
                "start",
                "end",
                "end_observed",
                "detected",
                "declared",
                "planned_s",
                "excluded_s",
                "unplanned_s",
                "incident",
                "windows",
            ],
        ),
        (
            "/incidents/0",
            &[
                "incident",
                "severity",
                "systems",
                "opened",
                "acknowledged",
                "resolved",
                "closed",
                "summary",
                "root_cause",
                "resolution",
                "measures",
                "clocks",
                "told",
                "missing",
            ],
        ),
        (
            "/incidents/0/measures/0",
            &["text", "owner", "due", "state"],
        ),
        (
            "/incidents/0/told/0",
            &["customer", "first", "last", "result"],
        ),
        (
            "/maintenance/0",
            &[
                "window",
                "title",
                "systems",
                "start",
                "end",
                "announced",
                "earned",
                "why",
                "max_downtime_s",
                "downtime_s",
                "planned_s",
                "overrun_s",
            ],
        ),
        (
            "/open_measures/0",
            &["incident", "text", "owner", "due", "state"],
        ),
    ];
    for (place, keys) in wanted {
        let object = json.pointer(place).unwrap().as_object().unwrap();
        for key in keys {
            assert!(object.contains_key(*key), "`{key}` is missing at `{place}`");
        }
    }
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    for format in Format::ALL {
        assert_eq!(
            render(&report(), format, &Look::default()).unwrap(),
            render(&report(), format, &Look::default()).unwrap()
        );
    }
}

#[test]
fn a_running_month_says_so_far_on_every_page() {
    let mut record = october();
    record.as_of = Some(at("10-21 08:00:00"));
    let report = of(&record, "2026-10");
    assert!(report.so_far);
    let portal = report
        .systems
        .iter()
        .find(|s| s.system == "portal")
        .unwrap();
    assert_eq!(portal.agreed_s, (20 * 24 + 8) * 3600);
    for format in [Format::Html, Format::Markdown] {
        let page = rendered(&report, format);
        assert!(page.contains("The month is still running"));
        assert!(page.contains("So far, as of 2026-10-21 08:00:00\u{a0}EDT: "));
    }
}

/// The sample's October with these words wherever people write any.
fn written_by(hand: &str) -> Report {
    let mut record = october();
    let id = domain::id::IncidentId(121);
    let mut incident = record.incidents.get(id).unwrap().clone();
    incident.review.summary = Some(hand.to_owned());
    incident.review.root_cause = Some(hand.to_owned());
    incident.review.resolution = Some(hand.to_owned());
    for measure in &mut incident.review.measures {
        measure.text = hand.to_owned();
        measure.owner = hand.to_owned();
    }
    incident.acknowledged = Some(Acknowledged {
        at: incident.opened_at,
        by: hand.to_owned(),
        recorded_at: incident.opened_at,
        approved_by: Some(hand.to_owned()),
    });
    incident.closed = Some((incident.opened_at, hand.to_owned()));
    incident.closed_without = Some(format!("{hand} closed-without"));
    let done = Done {
        at: incident.opened_at,
        by: format!("{hand} done-by"),
        note: Some(format!("{hand} done-note")),
    };
    incident.done = [(hand.to_owned(), done)].into();
    record.incidents.insert(incident);
    let id = domain::id::OutageId(160);
    let mut outage = (**record.outages.get(&id).unwrap()).clone();
    outage.exclusions.push(Exclusion {
        span: Span::new(outage.start, at("10-22 13:50:00")),
        reason: format!("{hand} exclusion-reason"),
        evidence: format!("{hand} exclusion-evidence"),
        by: format!("{hand} exclusion-by"),
        approved_by: Some(format!("{hand} exclusion-approved")),
    });
    record.outages.insert(outage);
    work_by(&mut record, hand);
    let id = domain::id::OutageId(120);
    let mut outage = (**record.outages.get(&id).unwrap()).clone();
    outage.detail = Some(hand.to_owned());
    outage.declared = Some((hand.to_owned(), hand.to_owned()));
    outage.reclassified = Some(hand.to_owned());
    record.outages.insert(outage);
    let before = std::mem::take(&mut record.configurations);
    for (from, _, catalogue) in before.all() {
        let mut catalogue = (**catalogue).clone();
        catalogue.service = hand.to_owned();
        catalogue.committees[0].name = hand.to_owned();
        for system in &mut catalogue.systems {
            system.name = hand.to_owned();
        }
        for customer in &mut catalogue.customers {
            customer.name = hand.to_owned();
        }
        record
            .configurations
            .enter(*from, hand.to_owned(), Arc::new(catalogue));
    }
    of(&record, "2026-10")
}

/// The same of windows, of who was told of one, and of a fault of the monitor.
fn work_by(record: &mut Record, hand: &str) {
    let mut single = record
        .maintenance
        .one_off(&"archive-move".into())
        .unwrap()
        .clone();
    single.versions[0].1.title = format!("{hand} single-title");
    single.versions[0].1.override_reason = Some(format!("{hand} single-override"));
    for word in &mut single.told_by_people {
        word.how = format!("{hand} told-how");
        word.by = format!("{hand} told-by");
        word.approved_by = Some(format!("{hand} told-approved"));
    }
    record.maintenance.insert(single);
    for id in ["portal", "results"].map(SystemId::from) {
        let mut system = (*record.systems[&id]).clone();
        for entry in &mut system.rules {
            entry.rule.title = format!("{hand} rule-title");
        }
        system.faults.push(Fault {
            span: Span::new(at("10-21 10:00:00"), at("10-21 11:00:00")),
            evidence: format!("{hand} fault-evidence"),
            by: (format!("{hand} fault-by"), format!("{hand} fault-approved")),
            moved: jiff::SignedDuration::ZERO,
        });
        record.systems.insert(id, Arc::new(system));
    }
}

#[test]
fn nothing_a_person_wrote_becomes_markup_in_html() {
    let hand = "<script>alert(1)</script>\"' onload=x <img src=//evil.example/x>";
    let page = rendered(&written_by(hand), Format::Html);
    assert!(!page.contains("<script"));
    assert!(!page.contains("<img"));
    assert!(!page.contains("\"' onload"));
    assert!(page.contains("&lt;script&gt;alert(1)"));
    for place in [
        "closed-without",
        "done-by",
        "done-note",
        "exclusion-reason",
        "exclusion-evidence",
        "exclusion-by",
        "exclusion-approved",
        "single-title",
        "single-override",
        "told-how",
        "told-by",
        "told-approved",
        "rule-title",
        "fault-evidence",
        "fault-by",
        "fault-approved",
    ] {
        assert!(page.contains(&format!("&gt; {place}")), "{place}");
    }
}

#[test]
fn an_end_that_nobody_observed_is_printed_as_that() {
    let mut record = october();
    let id = domain::id::OutageId(120);
    let mut outage = (**record.outages.get(&id).unwrap()).clone();
    let (from, to) = (at("10-07 02:40:00"), at("10-07 02:51:40"));
    outage.unobserved = Some(Span::new(from, to));
    record.outages.insert(outage);
    let report = of(&record, "2026-10");
    for format in [Format::Markdown, Format::Html] {
        let page = rendered(&report, format);
        let line = page
            .lines()
            .find(|l| l.contains("O-120") && l.contains("between "));
        let line = line.unwrap_or_else(|| panic!("{format:?} says no span"));
        let said = line.split_once("between ").map(|(_, rest)| rest);
        let said = said.and_then(|rest| rest.split_once(", not observed"));
        let (span, _) = said.unwrap_or_else(|| panic!("{format:?}: {line}"));
        assert!(
            span.contains("02:40:00") && span.contains("02:51:40"),
            "{span}"
        );
    }
}

#[test]
fn the_html_loads_nothing_and_runs_nothing() {
    // The namespace of a picture is a name that no browser fetches, and its patterns are in the page.
    let page = rendered(&report(), Format::Html)
        .replace("http://www.w3.org/2000/svg", "")
        .replace("url(#", "");
    for word in [
        "<script", "src=", "url(", "@import", "<link", "http://", "https://",
    ] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn a_table_in_markdown_keeps_its_columns_whatever_people_write() {
    let hand = "a | b\n| c |\r\n# d <script>alert(1)</script> `e` [f](javascript:g)";
    let page = rendered(&written_by(hand), Format::Markdown);
    assert!(!page.contains("<script"));
    assert!(!page.contains("\n# d"));
    assert!(!page.contains("[f]("));
    let (mut columns, mut tables) = (None, 0);
    for line in page.lines() {
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        let bars = line.replace("\\|", "").matches('|').count();
        if columns.is_none() {
            tables += 1;
        }
        assert_eq!(*columns.get_or_insert(bars), bars, "{line}");
    }
    assert!(tables > 10, "the page has its tables");
}

#[test]
fn no_cell_of_the_csv_is_a_formula_whatever_people_write() {
    for hand in [
        "=cmd()",
        "+1",
        "-1",
        "@x",
        "\t=1",
        "  =1",
        "a\",=1\r\n=2,\"",
        "\u{1b}]0;x\u{7}\0",
    ] {
        let text = rendered(&written_by(hand), Format::Csv);
        for row in rows(&text) {
            for cell in row {
                assert!(!cell.contains(['\r', '\u{1b}', '\0']), "{cell:?}");
                let armed = cell.trim_start().starts_with(['=', '+', '@', '\t'])
                    || (cell.starts_with('-') && cell.parse::<i64>().is_err());
                assert!(!armed, "{cell:?} of {hand:?}");
            }
        }
    }
}

#[test]
fn every_row_of_a_csv_section_has_the_columns_of_its_header() {
    let mut header: Vec<String> = Vec::new();
    let mut sections = Vec::new();
    for row in rows(&rendered(&report(), Format::Csv)) {
        if row.len() == 1 {
            continue; // the empty line between sections
        }
        if row[0] == "section" {
            header = row;
        } else {
            assert_eq!(row.len(), header.len(), "{row:?}");
            sections.push(row[0].clone());
        }
    }
    sections.dedup();
    assert_eq!(
        sections,
        [
            "report",
            "system",
            "month",
            "day",
            "outage",
            "incident",
            "desk",
            "desk_day",
            "maintenance",
            "told",
            "told_of_window",
            "refused",
            "absence",
            "unknown",
            "latency",
            "latency_day",
            "measure"
        ]
    );
}

/// A reader of RFC 4180, apart from the writer.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut letters = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = letters.next() {
        match c {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                assert_eq!(letters.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    rows
}

#[test]
fn the_operator_s_own_template_replaces_the_built_in_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::File::create(dir.path().join("monthly.md.j2"))
        .and_then(|mut f| {
            std::io::Write::write_all(&mut f, b"{{ r.committee_name }}: {{ r.month }}")
        })
        .unwrap();
    let own = |format| {
        String::from_utf8(
            render(&report(), format, &own_look(dir.path()))
                .unwrap()
                .bytes,
        )
        .unwrap()
    };
    assert_eq!(own(Format::Markdown), "Operating Committee: 2026-10");
    assert_eq!(own(Format::Html), rendered(&report(), Format::Html));
}

#[test]
fn a_wrong_template_names_its_line_and_its_mistake() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::File::create(dir.path().join("monthly.md.j2"))
        .and_then(|mut f| std::io::Write::write_all(&mut f, b"fine\n{{ r.no_such_key }}"))
        .unwrap();
    let error = render(&report(), Format::Markdown, &own_look(dir.path())).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("monthly.md.j2") && text.contains(":2"),
        "{text}"
    );
}

#[test]
fn what_is_no_file_in_the_place_of_a_template_is_told_and_never_waited_for() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("monthly.md.j2");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    std::os::unix::fs::symlink("/dev/zero", dir.path().join("monthly.html.j2")).unwrap();
    for (format, what) in [
        (Format::Markdown, "a named pipe"),
        (Format::Html, "a device"),
    ] {
        let error = render(&report(), format, &own_look(dir.path())).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, format!("it is {what}, not a file"));
    }
}

#[test]
fn a_template_that_is_too_large_or_no_text_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let write = |bytes: &[u8]| {
        std::fs::File::create(dir.path().join("monthly.md.j2"))
            .and_then(|mut f| std::io::Write::write_all(&mut f, bytes))
            .unwrap();
        let error = render(&report(), Format::Markdown, &own_look(dir.path())).unwrap_err();
        std::error::Error::source(&error).unwrap().to_string()
    };
    assert_eq!(write(&vec![b'x'; 257 * 1024]), "it is larger than 256 KiB");
    assert_eq!(write(b"\xff"), "it is not UTF-8");
}

#[test]
fn many_quiet_windows_share_a_paragraph_and_none_is_lost() {
    let mut record = october();
    for id in ["portal", "results"] {
        let id = domain::id::SystemId::from(id);
        let mut system = (*record.systems[&id]).clone();
        system.rules[0].rule.days = domain::catalogue::Days::DaysOfMonth((1..=28).collect());
        record.systems.insert(id, Arc::new(system));
    }
    let report = of(&record, "2026-10");
    assert_eq!(report.maintenance.len(), 57);
    for format in [Format::Html, Format::Markdown] {
        let page = rendered(&report, format);
        let (_, rest) = page
            .split_once("54 recurring windows passed without downtime.")
            .unwrap();
        let paragraph = rest.lines().next().unwrap();
        let days = paragraph.matches(" Oct").count();
        assert_eq!(days, 54, "{format:?}: {paragraph}");
    }
}
