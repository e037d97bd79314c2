//! Finds protected health information in a text by its form: a cue word with a number or a date beside it, and pasted
//! HL7 segments and FHIR resources.
//!
//! It finds no names, and no finding does not mean that a text is free of them. A scan reads a text a fixed number of
//! times and never goes back by more than a few words, so its time grows with the length of the text only.

mod contacts;
mod cues;
mod dates;
mod numbers;
mod pasted;
mod tokens;

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use contacts::{Contacts, contacts};

use tokens::Tokens;

/// A kind of protected health information.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    SocialSecurityNumber,
    /// The number of a medical record, a chart or a patient index.
    MedicalRecordNumber,
    /// Of a health plan: member, subscriber, Medicare, Medicaid.
    MemberNumber,
    /// Of an account, a visit, an encounter or an image of a patient.
    AccountNumber,
    DateOfBirth,
    /// A PID, NK1, IN1, IN2 or GT1 segment.
    Hl7Segment,
    /// In JSON or XML.
    FhirPatient,
}

impl Kind {
    pub const ALL: [Kind; 7] = [
        Kind::SocialSecurityNumber,
        Kind::MedicalRecordNumber,
        Kind::MemberNumber,
        Kind::AccountNumber,
        Kind::DateOfBirth,
        Kind::Hl7Segment,
        Kind::FhirPatient,
    ];

    /// The kind in a sentence, with its article.
    pub fn words(self) -> &'static str {
        match self {
            Kind::SocialSecurityNumber => "a social security number",
            Kind::MedicalRecordNumber => "a medical record number",
            Kind::MemberNumber => "a health plan member number",
            Kind::AccountNumber => "a patient's account or encounter number",
            Kind::DateOfBirth => "a date of birth",
            Kind::Hl7Segment => "an HL7 segment about a person",
            Kind::FhirPatient => "a FHIR Patient resource",
        }
    }

    /// True if a person may confirm that it is something else. A pasted segment or resource cannot be.
    pub fn is_confirmable(self) -> bool {
        !matches!(self, Kind::Hl7Segment | Kind::FhirPatient)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A place of a text that looks like protected health information. Both spans are in bytes, on character boundaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    /// The number, the date, the segment or the resource.
    pub span: Range<usize>,
    /// The cue word, if there is one.
    pub cue: Option<Range<usize>>,
}

/// Finds protected health information, in order of the text and without overlaps.
pub fn check(text: &str) -> Vec<Finding> {
    let pasted = pasted::find(text);
    let tokens = Tokens::of(text);
    let mut found = numbers::find(&tokens);
    found.extend(dates::find(&tokens));
    // A pasted segment stands for the numbers in it.
    let inside = |finding: &Finding| {
        pasted
            .iter()
            .any(|whole| overlap(&whole.span, &finding.span))
    };
    found.retain(|finding| !inside(finding));
    found.extend(pasted.iter().cloned());
    found.sort_by_key(|finding| (finding.span.start, finding.kind));
    found.dedup_by(|next, last| overlap(&last.span, &next.span));
    found
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The finding as its writer may see it again: the cue word, and a star for each letter and digit of the value.
pub fn excerpt(text: &str, finding: &Finding) -> String {
    let value = match finding.kind.is_confirmable() {
        true => stars(text.get(finding.span.clone()).unwrap_or_default()),
        // The name of the segment or resource; nothing of its content.
        false => {
            let start = text.get(finding.span.clone()).unwrap_or_default();
            let name: String = start
                .chars()
                .take_while(|c| !matches!(c, '|' | '>' | '\n'))
                .take(24)
                .collect();
            return match finding.kind {
                Kind::Hl7Segment => format!("{name}|…"),
                _ => "Patient {…}".to_owned(),
            };
        }
    };
    let Some(cue) = &finding.cue else {
        return value;
    };
    let word = text.get(cue.clone()).unwrap_or_default();
    if cue.start > finding.span.start {
        return format!("{value} … {word}");
    }
    let between = text.get(cue.end..finding.span.start).unwrap_or(" … ");
    // Words between may be a name.
    match between.chars().any(char::is_alphanumeric) {
        true => format!("{word} … {value}"),
        false => format!("{word}{between}{value}"),
    }
}

/// `text` with a star for each letter and digit of the findings, as [`check`] returns them.
pub fn masked(text: &str, findings: &[Finding]) -> String {
    let (mut masked, mut from) = (String::with_capacity(text.len()), 0);
    for finding in findings {
        masked.push_str(text.get(from..finding.span.start).unwrap_or_default());
        masked.push_str(&stars(text.get(finding.span.clone()).unwrap_or_default()));
        from = finding.span.end.max(from);
    }
    masked + text.get(from..).unwrap_or_default()
}

fn stars(value: &str) -> String {
    value
        .chars()
        .map(|c| if c.is_alphanumeric() { '*' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        check(text)
            .into_iter()
            .map(|finding| finding.kind)
            .collect()
    }

    #[test]
    fn a_number_of_the_form_of_a_social_security_number_needs_no_cue() {
        assert_eq!(kinds("for 123-45-6789 too"), [Kind::SocialSecurityNumber]);
        // Areas and serials that are never assigned, and parts of longer numbers.
        for other in [
            "000-12-3456",
            "666-12-3456",
            "901-12-3456",
            "123-00-4567",
            "123-45-0000",
            "1-123-45-6789",
            "123-45-67890",
            "716-555-0100",
        ] {
            assert!(kinds(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn every_number_of_a_list_is_found() {
        let text = "MRNs 1234567, 1234568 and 1234569 fail";
        assert_eq!(
            masked(text, &check(text)),
            "MRNs *******, ******* and ******* fail"
        );
    }

    #[test]
    fn an_excerpt_repeats_neither_the_number_nor_words_between() {
        let text = "ssn 123-45-6789; DOB of Maria Jones is 3/14/1962; MRN: A1234567";
        let shown: Vec<String> = check(text).iter().map(|f| excerpt(text, f)).collect();
        assert_eq!(
            shown,
            ["ssn ***-**-****", "DOB … */**/****", "MRN: ********"]
        );
        let segment = "x\nPID|1||123||Jones^Maria";
        let shown: Vec<String> = check(segment).iter().map(|f| excerpt(segment, f)).collect();
        assert_eq!(shown, ["PID|…"]);
    }

    #[test]
    fn other_forms_of_digits_hyphens_and_blanks_are_read_like_the_usual_ones() {
        for text in [
            "SSN 123\u{2011}45\u{2013}6789",
            "\u{ff2d}\u{ff32}\u{ff2e} \u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}",
            "MRN\u{a0}12\u{200b}34567",
        ] {
            assert_eq!(kinds(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_segment_or_resource_needs_content() {
        assert_eq!(kinds("\u{b}PID|1||77^^^H||Jones^M\r"), [Kind::Hl7Segment]);
        assert_eq!(
            kinds("MSH|^~\\&|A\\rPID|1||77||Jones\\r"),
            [Kind::Hl7Segment]
        );
        for other in [
            "PID|",
            "the PID|3 field",
            "PID|||||",
            "RAPID|1||2||3",
            "PID-3 and PID-5",
        ] {
            assert!(kinds(other).is_empty(), "{other}");
        }
        assert_eq!(
            kinds(r#"{"id":"1","resourceType":"Patient"}"#),
            [Kind::FhirPatient]
        );
        for other in [
            r#"wants "resourceType": "Patient""#,
            r#"{"resourceType":"PatientList","id":1}"#,
            "<Patient> is refused",
            "<PatientName>",
        ] {
            assert!(kinds(other).is_empty(), "{other}");
        }
    }
}
