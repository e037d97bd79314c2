//! What a document may contain and reach, and what comes out.

use super::*;
use serde_json::json;

fn data(text: &str) -> Map<String, Value> {
    Map::from_iter([("text".to_owned(), json!(text))])
}

fn document(template: &str) -> Document<'_> {
    Document {
        template,
        name: "monthly.typ",
        data: data("#read(\"secret.txt\") *bold* $x$ <label> @ref"),
        pictures: BTreeMap::new(),
        date: "2026-11-02T13:00:00Z".parse().unwrap(),
        identity: "operations 2026-10 revision 0",
    }
}

fn fonts() -> Fonts {
    Fonts::built_in()
}

const WHOLE: &str =
    "#set document(title: \"Report\")\n#set text(lang: \"en\")\n#let r = json(\"data.json\")\n";

fn typeset(rest: &str) -> Result<Pdf, Error> {
    pdf(&document(&format!("{WHOLE}{rest}")), &fonts())
}

#[test]
fn what_a_person_wrote_is_text_and_never_code() {
    let pdf = typeset("#r.text").unwrap();
    assert_eq!((pdf.standard, pdf.pages), (Standard::Ua1, 1));
}

#[test]
fn the_tags_of_a_long_table_are_packed() {
    let pdf = typeset("#table(columns: 4, ..range(400).map(str))").unwrap();
    let has = |words: &[u8]| pdf.bytes.windows(words.len()).any(|w| w == words);
    assert!(has(b"/Type/ObjStm") && has(b"/Type/XRef"));
    assert!(!has(b"/StructElem"));
}

#[test]
fn a_template_reaches_no_file_no_package_and_no_clock() {
    for (reach, refused) in [
        (
            "#read(\"secret.txt\")",
            "monthly.typ, line 4, column 7: failed to load file (a report cannot read secret.txt",
        ),
        (
            "#read(\"/etc/passwd\")",
            "monthly.typ, line 4, column 7: failed to load file (a report cannot read etc/passwd",
        ),
        (
            "#import \"@preview/x:1.0.0\": *",
            "monthly.typ, line 4, column 9: failed to load file (a report cannot load @preview/x:1.0.0",
        ),
        (
            "#include \"other.typ\"",
            "monthly.typ, line 4, column 10: failed to load file (a report cannot read other.typ",
        ),
    ] {
        let said = typeset(reach).unwrap_err().to_string();
        assert!(said.starts_with(refused), "{reach}: {said}");
    }
    // The day is the document's.
    assert!(typeset("#assert.eq(datetime.today(), datetime(year: 2026, month: 11, day: 2, hour: 13, minute: 0, second: 0))").is_ok());
}

#[test]
fn each_mistake_of_a_template_has_its_line() {
    let said = typeset("#systms").unwrap_err().to_string();
    assert_eq!(
        said,
        "monthly.typ, line 4, column 2: unknown variable: systms"
    );
}

#[test]
fn a_character_that_no_font_has_is_replaced_and_reported() {
    let mut with = document("");
    let template = format!("{WHOLE}#r.text #assert.eq(r.missing, (\"U+6F22\", \"U+1F600\"))");
    with.template = &template;
    with.data = data("Ωμέγα Привет 漢 \u{1f600} a\u{200d}b");
    let pdf = pdf(&with, &fonts()).unwrap();
    assert_eq!(pdf.missing, BTreeSet::from(['漢', '\u{1f600}']));
    assert_eq!(pdf.standard, Standard::Ua1);
}

#[test]
fn a_picture_without_words_costs_the_name_of_the_standard_and_not_the_report() {
    let picture = BTreeMap::from([(
        "strip.svg".to_owned(),
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>".to_owned(),
    )]);
    let template = |image: &str| format!("{WHOLE}#{image}\n#r.standard");
    for (image, standard) in [
        ("image(\"strip.svg\", alt: \"a square\")", Standard::Ua1),
        ("image(\"strip.svg\")", Standard::Tagged),
    ] {
        let template = template(image);
        let with = Document {
            pictures: picture.clone(),
            ..document(&template)
        };
        assert_eq!(pdf(&with, &fonts()).unwrap().standard, standard, "{image}");
    }
}

#[test]
fn the_same_document_has_the_same_bytes() {
    let twice = [typeset("#r.text"), typeset("#r.text")].map(|pdf| pdf.unwrap().bytes);
    assert_eq!(twice[0], twice[1]);
}

#[test]
fn a_file_without_a_font_is_named() {
    let found = Fonts::new([("notes.ttf".to_owned(), b"no font".to_vec())]);
    assert_eq!(found.unwrap_err(), NotAFont("notes.ttf".to_owned()));
}
