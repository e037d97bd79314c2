//! A second language needs templates only: every mail in a made-up language, from the facts beside the English
//! words of a notice.

use std::path::Path;

use domain::catalogue::Catalogue;
use domain::notice::Kind;

use super::render_tests::{CONTACT, at, notice, portal};
use super::{Preview, Renderer, sample};
use crate::config::Templates;

/// The language of the tests: weekdays, months, and a line for each fact of a notice.
const WORDS: &str = r#"
{% set months = ["kanu", "febu", "karu", "kapu", "kaju", "kunu", "kulu", "kagu", "kepu", "koku", "kovu", "kezu"] %}
{% set weekdays = ["zolu", "zamu", "zemu", "zodu", "zivu", "zasu", "zenu"] %}
{% set reasons = {"refused": "nema spoju", "timeout": "nema odgu"} %}
{% macro when(m) %}{{ weekdays[m.local.weekday - 1] }} {{ m.local.day }} {{ months[m.local.month - 1] }} {{ m.local.year }}, {{ m.local.clock }} {{ m.local.zone }} ({{ m.utc.clock }} {{ m.utc.zone }}){% endmacro %}
"#;

const BODY: &str = r#"{% import "notices/parts/earlier.txt.j2" as w %}
{% for s in systems %}
Sustav: {{ s.name }}
{% if s.since %}Od: {{ w.when(s.since) }}
{% endif %}{% if s.until %}Do: {{ w.when(s.until) }}
{% endif %}{% if s.down %}Traje: {{ s.down }}
{% endif %}{% if s.reason %}Vidi: {{ w.reasons[s.reason] or s.reason }}
{% endif %}
{% endfor %}
{% if work %}Rad: {{ w.when(work.start) }}
{% endif %}{% if report %}Odbor: {{ report.committee }}, {{ report.key }}, {{ report.revision }}
{% for m in report.missing %}Treba: {{ m.id }}, {{ w.when(m.opened) }}, {{ m.lacks | count }}
{% endfor %}{% endif %}
Broj: {{ incident or "nema" }} {{ outages | join(" ") }}
"#;

/// A folder of templates whose folder `xx` has the language.
fn translated(folder: &Path) -> Templates {
    let language = folder.join("xx/notices");
    let write = |name: String, text: &str| {
        let file = language.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    // The macros of the text parts: the built-in names, with other content.
    write("parts/earlier.txt.j2".to_owned(), WORDS);
    for kind in Kind::ALL {
        let kind = kind.word();
        let subject = r#"Javi: {{ systems | map(attribute="name") | join(", ") }}"#;
        write(format!("{kind}/subject.txt.j2"), subject);
        write(format!("{kind}/body.txt.j2"), BODY);
        write(format!("{kind}/body.html.j2"), BODY);
    }
    let test = r"{{ service }} {{ customer }}";
    for part in ["subject.txt", "body.txt", "body.html"] {
        write(format!("test/{part}.j2"), test);
    }
    Templates::new(folder, Some("xx".to_owned()))
}

fn said(renderer: &Renderer, kind: Kind) -> Preview {
    let notice = sample::notice(kind, &Catalogue::default(), at("2026-10-07T06:14:10Z"));
    renderer.say(&notice, "Primjer", "000").unwrap()
}

#[test]
fn a_second_language_needs_templates_only() {
    let folder = tempfile::tempdir().unwrap();
    let renderer = Renderer::new(Some(&translated(folder.path()))).unwrap();
    let downtime = said(&renderer, Kind::Downtime);
    assert_eq!(downtime.subject, "Javi: A System");
    expect_test::expect![[r#"
        Sustav: A System
        Od: zemu 7 koku 2026, 06:14:10 UTC (06:14:10 UTC)
        Vidi: nema spoju
        Broj: I-1 O-1
    "#]]
    .assert_eq(&downtime.text);
    // Names of the samples, and nothing else, are English.
    let data = ["System", "Committee"];
    let own = format!("{WORDS}{BODY} Javi UTC");
    for kind in Kind::ALL {
        let said = said(&renderer, kind);
        let text = format!("{} {} {}", said.subject, said.text, said.html);
        for word in text
            .split(|c: char| !c.is_alphabetic())
            .filter(|w| w.len() > 3)
        {
            assert!(
                own.contains(word) || data.contains(&word),
                "{kind}: {word} in {text}"
            );
        }
    }
}

#[test]
fn a_file_that_the_language_lacks_is_that_of_the_folder_and_then_the_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("xx/notices/downtime/subject.txt.j2", "Javi");
    write("notices/downtime/subject.txt.j2", "of the folder");
    write("notices/uptime/subject.txt.j2", "of the folder");
    let templates = Templates::new(folder.path(), Some("xx".to_owned()));
    let renderer = Renderer::new(Some(&templates)).unwrap();
    assert_eq!(said(&renderer, Kind::Downtime).subject, "Javi");
    assert_eq!(said(&renderer, Kind::Uptime).subject, "of the folder");
    let cancelled = said(&renderer, Kind::MaintenanceCancelled).subject;
    assert!(
        cancelled.starts_with("MAINTENANCE CANCELLED"),
        "{cancelled}"
    );
}

#[test]
fn a_template_that_fails_on_a_real_notice_gives_way_to_the_shipped_one() {
    let folder = tempfile::tempdir().unwrap();
    let kind = folder.path().join("notices/downtime");
    std::fs::create_dir_all(&kind).unwrap();
    let trap = "{% if customer == 'St. Elsewhere Hospital' %}{{ nothing }}{% endif %}x";
    std::fs::write(kind.join("subject.txt.j2"), trap).unwrap();
    let own = Templates::new(folder.path(), None);
    let renderer = Renderer::new(Some(&own)).unwrap();
    let said = renderer.say(&notice(Kind::Downtime, vec![portal()]), "Example", CONTACT);
    assert_eq!(
        said.unwrap().subject,
        "DOWN: Clinical Portal (since 02:14 EDT)"
    );
}
