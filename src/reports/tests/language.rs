//! The first page of a report in a made-up language, from templates only.

use super::*;
use crate::config::Templates;

/// Page one: who missed the target, what happened, and a row for each system.
const PAGE: &str = r#"<!DOCTYPE html>
{% set months = ["kanu", "febu", "karu", "kapu", "kaju", "kunu", "kulu", "kagu", "kepu", "koku", "kovu", "kezu"] %}
{% set verdicts = {"met": "dobro", "missed": "slabo", "not_determinable": "ne zna", "no_target": "bez cilja"} %}
{% set from = r.from | parts %}
{% set missed = r.systems | selectattr("verdict", "equalto", "missed") | list %}
{% set counted = r.outages | selectattr("counted") | list %}
<h1>{{ months[from.month - 1] }} {{ from.year }}</h1>
<p>Slabo: {{ missed | map(attribute="name") | join(", ") }}.
Ispada {{ counted | count }}, ukupno {{ r.systems | map(attribute="unplanned_s") | sum | lasting }}.</p>
{% for s in r.systems %}
<p>{{ s.name }}: {{ s.contract_availability | percent("nema") }}, {{ s.target_exact | percent("nema") }}, {{ verdicts[s.verdict] }}</p>
{% endfor %}
"#;

const SHEET: &str = r#"#let d = json("data.json")
#let r = d.report
#let months = ("kanu", "febu", "karu", "kapu", "kaju", "kunu", "kulu", "kagu", "kepu", "koku", "kovu", "kezu")
#set document(title: "Raspolozivost")
#set text(lang: d.language)
= #months.at(d.instants.at(r.from).month - 1)
#for s in r.systems [#s.name: #s.contract_availability]
"#;

#[test]
fn a_second_language_needs_templates_only() {
    let folder = tempfile::tempdir().unwrap();
    let language = folder.path().join("xx");
    std::fs::create_dir(&language).unwrap();
    for (name, text) in [("monthly.html.j2", PAGE), ("monthly.typ", SHEET)] {
        std::fs::write(language.join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("monthly.md.j2"), "of the folder").unwrap();
    let look = Look {
        templates: Some(Templates::new(folder.path(), Some("xx".to_owned()))),
        language: Some("xx".to_owned()),
        ..Look::default()
    };
    let page = render(&report(), Format::Html, &look).unwrap().bytes;
    let page = String::from_utf8(page).unwrap().replace('\u{a0}', " ");
    expect_test::expect![[r#"
        <!DOCTYPE html>
        <h1>koku 2026</h1>
        <p>Slabo: Results interface.
        Ispada 4, ukupno 3 h 47 min.</p>
        <p>Image archive: 100.000 %, nema, bez cilja</p>
        <p>Provider directory: 100.000 %, 99.9 %, dobro</p>
        <p>Fax bridge: 100.000 %, 99.0 %, ne zna</p>
        <p>FHIR gateway: 100.000 %, 99.9 %, dobro</p>
        <p>Valley EMR: 99.661 %, nema, bez cilja</p>
        <p>Clinical Portal: 99.915 %, 99.9 %, dobro</p>
        <p>Results interface: 99.910 %, 99.95 %, slabo</p>
        <p>Text reminders: 100.000 %, 99.9 %, dobro</p>
    "#]]
    .assert_eq(&page);
    // A format that the language lacks is that of the folder.
    let text = render(&report(), Format::Markdown, &look).unwrap().bytes;
    assert_eq!(String::from_utf8(text).unwrap(), "of the folder");
    let pdf = render(&report(), Format::Pdf, &look).unwrap();
    assert_eq!(pdf.warnings, [""; 0]);
    assert_ne!(
        pdf,
        render(&report(), Format::Pdf, &Look::default()).unwrap()
    );
}
