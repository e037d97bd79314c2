//! The PDF: what a template gets, what it may not reach, and what people wrote.

use super::*;
use crate::config::Paper;

fn pdf(report: &Report, look: &Look) -> Rendered {
    render(report, Format::Pdf, look).unwrap()
}

fn with_template(typst: &str) -> (tempfile::TempDir, Look) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::File::create(folder.path().join("monthly.typ"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, typst.as_bytes()))
        .unwrap();
    let look = own_look(folder.path());
    (folder, look)
}

#[test]
fn a_month_with_one_of_everything_is_typeset_alike_on_both_papers_and_twice() {
    for paper in [Paper::A4, Paper::Letter] {
        let look = Look {
            paper,
            ..Look::default()
        };
        let first = pdf(&report(), &look);
        assert_eq!(first.warnings, [""; 0]);
        assert!(first.bytes.starts_with(b"%PDF-1.7"));
        assert_eq!(first, pdf(&report(), &look));
    }
}

#[test]
fn an_empty_month_of_a_committee_without_systems_is_typeset() {
    let mut report = report();
    report.systems.clear();
    report.trend.clear();
    report.outages.clear();
    report.incidents.clear();
    report.maintenance.clear();
    report.unknown.clear();
    report.changes.clear();
    report.open_measures.clear();
    report.refused.clear();
    report.notices.clear();
    pdf(&report, &Look::default());
}

#[test]
fn what_people_wrote_never_becomes_code_and_never_stops_the_report() {
    let mut report = report();
    let nasty = "#read(\"secret.txt\") #import \"@preview/x:1.0.0\" =HYPERLINK(\"x\") <script>alert(1)</script> \
                 $x$ *b* _i_ @ref <label> \\ // `raw` \u{202e}\u{0}";
    report.incidents[0].summary = Some(nasty.to_owned());
    report.systems[0].name = format!("{nasty} {}", "long ".repeat(40));
    report.committee_name = nasty.to_owned();
    assert_eq!(pdf(&report, &Look::default()).warnings, [""; 0]);
}

#[test]
fn a_character_that_no_font_has_is_a_warning_that_says_what_to_do() {
    let mut report = report();
    report.systems[0].name = "門診 portal".to_owned();
    let warnings = pdf(&report, &Look::default()).warnings;
    assert_eq!(
        warnings,
        [
            "no font has 診 (U+8A3A), 門 (U+9580): the PDF prints a replacement; add a font with `fonts` in `[service]`"
        ]
    );
}

#[test]
fn the_operator_s_own_template_gets_the_same_data() {
    let (_folder, look) = with_template(
        "#set document(title: \"t\")\n#let d = json(\"data.json\")\n\
         #assert.eq(d.report.committee, \"operations\")\n#assert.eq(d.paper, \"a4\")\n\
         #assert.eq(d.instants.at(d.report.from).instant, \"2026-10-01 00:00:00\u{a0}EDT\")\n\
         #for p in d.pictures { image(p.name, alt: p.alt) }",
    );
    pdf(&report(), &look);
}

#[test]
fn a_mistake_in_a_template_has_its_line_and_reaches_nothing_outside() {
    for (typst, said) in [
        (
            "fine\n#no-such-name",
            "the report template monthly.typ, line 2, column 2: unknown variable: no-such-name",
        ),
        (
            "#read(\"/etc/hostname\")",
            "the report template monthly.typ, line 1, column 7: failed to load file (a report cannot read etc/hostname",
        ),
    ] {
        let (_folder, look) = with_template(typst);
        let error = render(&report(), Format::Pdf, &look)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn a_folder_of_fonts_that_holds_another_file_by_a_font_s_name_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::File::create(folder.path().join("x.ttf")).unwrap();
    let look = Look {
        fonts: Some(folder.path().to_owned()),
        ..Look::default()
    };
    let error = render(&report(), Format::Pdf, &look)
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("x.ttf holds no TrueType or OpenType font"),
        "{error}"
    );
}
