//! Pasted HL7 version 2 segments about a person, and FHIR Patient resources.

use std::ops::Range;

use super::{Finding, Kind};

/// The segments about a patient, the next of kin, the insurance and the guarantor (HL7 v2, chapters 3 and 6).
const SEGMENTS: [&str; 5] = ["pid", "nk1", "in1", "in2", "gt1"];

/// Keys of a Patient resource (FHIR R4, 8.1), and the ones of every resource.
const ELEMENTS: [&str; 9] = [
    "id",
    "identifier",
    "name",
    "telecom",
    "gender",
    "birthdate",
    "address",
    "contact",
    "text",
];

/// The tags of a text that are read. A resource that was pasted begins long before.
const TAGS: usize = 2_000;

pub(super) fn find(text: &str) -> Vec<Finding> {
    // Only ASCII letters change: bytes stay in their places.
    let text = text.to_ascii_lowercase();
    let mut found = segments(&text);
    found.extend(json(&text));
    found.extend(xml(&text));
    found
}

fn finding(kind: Kind, span: Range<usize>) -> Finding {
    Finding {
        kind,
        span,
        cue: None,
    }
}

fn segments(text: &str) -> Vec<Finding> {
    let (mut found, mut from) = (Vec::new(), 0);
    for (at, _) in text.match_indices('|') {
        // A line is read once: the first segment of it has the fields of the others.
        let Some(start) = at.checked_sub(3).filter(|start| *start >= from) else {
            continue;
        };
        let is_segment = text
            .get(start..at)
            .is_some_and(|name| SEGMENTS.contains(&name));
        if !is_segment || !begins(text, start) {
            continue;
        }
        from = line_end(text, at);
        if has_fields(&text[at..from]) {
            found.push(finding(Kind::Hl7Segment, start..from));
        }
    }
    found
}

/// True if no letter or digit stands before `start`. `\r` and `\n` may be written as two characters.
fn begins(text: &str, start: usize) -> bool {
    let before = &text[..start];
    let escaped = ["\\r", "\\n", "\\x0d", "\\u000d", "\\x0a"];
    escaped.iter().any(|end| before.ends_with(end))
        || !before
            .chars()
            .next_back()
            .is_some_and(char::is_alphanumeric)
}

fn line_end(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let escaped = rest[..end].find("\\r").unwrap_or(end);
    from + escaped
}

/// True if a field after the first has content, and there are three fields or more.
fn has_fields(fields: &str) -> bool {
    let mut fields = fields.split('|').skip(2);
    let has_content = |field: &str| field.chars().any(char::is_alphanumeric);
    fields.clone().count() >= 2 && fields.any(has_content)
}

/// `"resourceType": "Patient"` with another key beside it. The quotation marks may be escaped.
fn json(text: &str) -> Vec<Finding> {
    let (mut found, mut from) = (Vec::new(), 0);
    let mut has_key = None;
    for (at, key) in text.match_indices("resourcetype") {
        let mut rest = text[at + key.len()..]
            .chars()
            .filter(|c| !matches!(c, '\\' | '"' | '\'') && !c.is_whitespace());
        if at < from || rest.next() != Some(':') {
            continue;
        }
        let value: String = rest.take_while(char::is_ascii_alphabetic).take(8).collect();
        if value == "patient" && *has_key.get_or_insert_with(|| self::has_key(text)) {
            let span = whole(text, at, ('{', '}'));
            from = span.end;
            found.push(finding(Kind::FhirPatient, span));
        }
    }
    found
}

/// True if a text has one of the keys of a resource, in quotation marks and with a colon.
fn has_key(text: &str) -> bool {
    ELEMENTS.iter().any(|element| {
        text.match_indices(element).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let mut after = text[at + element.len()..]
                .chars()
                .filter(|c| *c != '\\' && !c.is_whitespace());
            matches!(before, Some('"' | '\''))
                && matches!(after.next(), Some('"' | '\''))
                && after.next() == Some(':')
        })
    })
}

/// `<Patient>`, perhaps with a prefix such as `f:`, and one of its elements.
fn xml(text: &str) -> Vec<Finding> {
    let (mut found, mut from) = (Vec::new(), 0);
    for (start, _) in text.match_indices('<').take(TAGS) {
        let tag: &str = &text[start + 1..];
        let name_end = tag
            .find(|c: char| !c.is_ascii_alphanumeric() && c != ':')
            .unwrap_or(tag.len());
        let (prefix, name) = match tag[..name_end].split_once(':') {
            Some((prefix, name)) => (format!("{prefix}:"), name),
            None => (String::new(), &tag[..name_end]),
        };
        if name != "patient" || start < from {
            continue;
        }
        let after = &tag[name_end..];
        if ELEMENTS
            .iter()
            .any(|element| has_tag(after, &format!("{prefix}{element}")))
        {
            let close = after
                .find("patient>")
                .map_or(after.len(), |end| end + "patient>".len());
            from = start + 1 + name_end + close;
            found.push(finding(Kind::FhirPatient, start..from));
        }
    }
    found
}

fn has_tag(text: &str, name: &str) -> bool {
    let mut places = text.match_indices(name);
    places.any(|(at, name)| {
        let ends = |c: char| matches!(c, '>' | '/') || c.is_whitespace();
        text[..at].ends_with('<') && text[at + name.len()..].starts_with(ends)
    })
}

/// From the last `open` before `at` to the last `close` after it.
fn whole(text: &str, at: usize, (open, close): (char, char)) -> Range<usize> {
    let start = text[..at].rfind(open).unwrap_or(at);
    let end = text[at..]
        .rfind(close)
        .map_or(text.len(), |end| at + end + 1);
    start..end
}
