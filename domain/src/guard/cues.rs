//! Cue words: the words that say what the number or date beside them is.

use super::Kind;
use super::tokens::{Form, Tokens};

/// What a cue needs beside its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// A value.
    Value,
    /// A word such as `number` or `id`.
    Noun,
    /// Such a word, or five digits directly after it.
    NounOrDirect,
    /// Such a word, and the word `patient`.
    Patient,
}

/// Words written as one, what they name, and what they need.
const CUES: &[(&str, Kind, Needs)] = &[
    ("ssn", Kind::SocialSecurityNumber, Needs::Value),
    ("ssns", Kind::SocialSecurityNumber, Needs::Value),
    ("ss", Kind::SocialSecurityNumber, Needs::Noun),
    ("social", Kind::SocialSecurityNumber, Needs::Value),
    ("socialsecurity", Kind::SocialSecurityNumber, Needs::Value),
    ("socialsec", Kind::SocialSecurityNumber, Needs::Value),
    ("socsec", Kind::SocialSecurityNumber, Needs::Value),
    ("socsecurity", Kind::SocialSecurityNumber, Needs::Value),
    ("mrn", Kind::MedicalRecordNumber, Needs::Value),
    ("mrns", Kind::MedicalRecordNumber, Needs::Value),
    ("medicalrecord", Kind::MedicalRecordNumber, Needs::Value),
    ("medicalrecords", Kind::MedicalRecordNumber, Needs::Noun),
    ("medicalrec", Kind::MedicalRecordNumber, Needs::Value),
    ("medrec", Kind::MedicalRecordNumber, Needs::Value),
    ("medrecord", Kind::MedicalRecordNumber, Needs::Value),
    ("healthrecord", Kind::MedicalRecordNumber, Needs::Noun),
    ("patient", Kind::MedicalRecordNumber, Needs::NounOrDirect),
    ("patientrecord", Kind::MedicalRecordNumber, Needs::Noun),
    (
        "patientchart",
        Kind::MedicalRecordNumber,
        Needs::NounOrDirect,
    ),
    ("pt", Kind::MedicalRecordNumber, Needs::Noun),
    ("chart", Kind::MedicalRecordNumber, Needs::Noun),
    ("record", Kind::MedicalRecordNumber, Needs::Patient),
    ("mpi", Kind::MedicalRecordNumber, Needs::Noun),
    ("empi", Kind::MedicalRecordNumber, Needs::Value),
    ("member", Kind::MemberNumber, Needs::Noun),
    ("subscriber", Kind::MemberNumber, Needs::Noun),
    ("beneficiary", Kind::MemberNumber, Needs::Noun),
    ("enrollee", Kind::MemberNumber, Needs::Noun),
    ("insured", Kind::MemberNumber, Needs::Noun),
    ("insurance", Kind::MemberNumber, Needs::Noun),
    ("insurancepolicy", Kind::MemberNumber, Needs::Noun),
    ("healthinsurance", Kind::MemberNumber, Needs::Noun),
    ("policyholder", Kind::MemberNumber, Needs::Noun),
    ("healthplan", Kind::MemberNumber, Needs::Noun),
    ("healthcard", Kind::MemberNumber, Needs::Noun),
    ("medicaid", Kind::MemberNumber, Needs::NounOrDirect),
    ("medicare", Kind::MemberNumber, Needs::NounOrDirect),
    ("mbi", Kind::MemberNumber, Needs::Value),
    ("hicn", Kind::MemberNumber, Needs::Value),
    ("account", Kind::AccountNumber, Needs::Noun),
    ("acct", Kind::AccountNumber, Needs::Noun),
    ("patientaccount", Kind::AccountNumber, Needs::Value),
    ("patientacct", Kind::AccountNumber, Needs::Value),
    ("hospitalaccount", Kind::AccountNumber, Needs::Value),
    ("guarantoraccount", Kind::AccountNumber, Needs::Value),
    ("guarantor", Kind::AccountNumber, Needs::Noun),
    ("visit", Kind::AccountNumber, Needs::Noun),
    ("encounter", Kind::AccountNumber, Needs::Noun),
    ("accession", Kind::AccountNumber, Needs::Noun),
    ("csn", Kind::AccountNumber, Needs::Value),
    ("fin", Kind::AccountNumber, Needs::Noun),
    ("dob", Kind::DateOfBirth, Needs::Value),
    ("dobs", Kind::DateOfBirth, Needs::Value),
    ("dateofbirth", Kind::DateOfBirth, Needs::Value),
    ("datesofbirth", Kind::DateOfBirth, Needs::Value),
    ("dayofbirth", Kind::DateOfBirth, Needs::Value),
    ("birthdate", Kind::DateOfBirth, Needs::Value),
    ("birthdates", Kind::DateOfBirth, Needs::Value),
    ("birthday", Kind::DateOfBirth, Needs::Value),
    ("bdate", Kind::DateOfBirth, Needs::Value),
    ("bday", Kind::DateOfBirth, Needs::Value),
    ("born", Kind::DateOfBirth, Needs::Value),
];

/// Words that say that a number follows.
const NOUNS: &[&str] = &[
    "number",
    "numbers",
    "no",
    "nos",
    "nr",
    "num",
    "id",
    "ids",
    "identifier",
    "identifiers",
    "identification",
];

/// Words before a cue which say that it belongs to a machine or a contract of the operator.
const OTHERS: &[&str] = &[
    "aws", "azure", "gcp", "google", "cloud", "service", "vendor", "carrier", "isp", "support",
    "system", "billing", "supplier", "telecom", "hosting", "provider", "customer", "bank", "etcd",
    "cluster", "raft", "node", "group", "pool", "ring", "ldap", "replica", "kafka", "mqtt",
    "queue", "topic", "feed", "rss", "helm", "grafana", "domain", "storage", "user", "login",
];

/// The number of words that a cue has at most, its noun included.
const LONGEST: usize = 6;

/// A cue at its place.
#[derive(Clone, Debug)]
pub(super) struct Cue {
    pub kind: Kind,
    pub needs: Needs,
    /// Its first token, and the one after its last.
    pub tokens: std::ops::Range<usize>,
    /// `number` or a word like it is part of the cue.
    pub noun: bool,
    pub plural: bool,
}

pub(super) fn is_noun(word: &str) -> bool {
    NOUNS.contains(&word)
}

/// The longest cue that begins with the word at `at`.
pub(super) fn at(tokens: &Tokens, at: usize) -> Option<Cue> {
    let first = tokens.word(at)?;
    let may_begin =
        |(cue, ..): &(&str, Kind, Needs)| cue.starts_with(first) || first.starts_with(cue);
    if !CUES.iter().any(may_begin) {
        return None;
    }
    let (mut joined, mut found, mut next) = (String::new(), None, at);
    for _ in 0..LONGEST {
        let word = tokens.word(next)?;
        joined.push_str(word);
        next += 1;
        if let Some((kind, needs, noun, plural)) = named(&joined) {
            found = Some(Cue {
                kind,
                needs,
                tokens: at..next,
                noun,
                plural,
            });
        }
        match after_joint(tokens, next) {
            Some(word) => next = word,
            None => break,
        }
    }
    found.filter(|cue| !is_of_another(tokens, cue))
}

/// The word that goes on after the one before `next`: after a blank, an underline, a possessive `s`, or the dots and
/// strokes of an abbreviation.
fn after_joint(tokens: &Tokens, mut next: usize) -> Option<usize> {
    let one_letter = |at: usize| {
        tokens
            .word(at)
            .is_some_and(|word| word.chars().count() == 1)
    };
    if tokens.close_sign(next) == Some('\'') && tokens.word(next + 1) == Some("s") {
        next += 2;
    } else if matches!(tokens.close_sign(next), Some('.' | '/' | '_' | '-')) {
        next += 1;
    } else if next > 0 && one_letter(next - 1) && tokens.get(next)?.spaced {
        // `do b` is no abbreviation.
        return None;
    }
    tokens.word(next)?;
    (!tokens.get(next)?.breaks).then_some(next)
}

fn named(joined: &str) -> Option<(Kind, Needs, bool, bool)> {
    let cue = |word: &str| CUES.iter().find(|(cue, ..)| *cue == word);
    if let Some((word, kind, needs)) = cue(joined) {
        let plural = word.ends_with('s') && !word.ends_with("ss");
        return Some((*kind, *needs, false, plural));
    }
    NOUNS.iter().find_map(|noun| {
        let (_, kind, needs) = cue(joined.strip_suffix(noun)?)?;
        // `born no` names nothing.
        (*kind != Kind::DateOfBirth).then_some((*kind, *needs, true, noun.ends_with('s')))
    })
}

/// True if the words before say that the number is no person's.
fn is_of_another(tokens: &Tokens, cue: &Cue) -> bool {
    if !matches!(cue.needs, Needs::Noun) {
        return false;
    }
    let before = (1..=2).filter_map(|back| cue.tokens.start.checked_sub(back));
    before
        .filter_map(|at| tokens.word(at))
        .any(|word| OTHERS.contains(&word))
}

/// Words that may stand between a cue and its value.
const BETWEEN: &[&str] = &[
    "is",
    "was",
    "are",
    "were",
    "of",
    "the",
    "this",
    "that",
    "a",
    "an",
    "for",
    "on",
    "file",
    "patient",
    "patients",
    "pt",
    "her",
    "his",
    "their",
    "s",
    "label",
    "card",
    "wristband",
    "form",
    "shown",
    "shows",
    "show",
    "listed",
    "as",
    "recorded",
    "reads",
    "read",
    "entered",
    "given",
    "appears",
    "ending",
    "ends",
    "in",
    "with",
    "being",
    "value",
    "affected",
    "person",
    "member",
    "caller",
    "used",
    "typed",
    "same",
    "following",
    "these",
    "last",
    "four",
    "digits",
    "stated",
    "says",
    "said",
    "mr",
    "ms",
    "mrs",
    "who",
    "has",
];

/// Tokens between a cue and its value at most.
const GAP: usize = 10;

/// The tokens between a cue and what may be its value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gap {
    /// The token of the value.
    pub value: usize,
    /// `number`, `id` or `#` stands between.
    pub noun: bool,
    /// The word `patient` stands between.
    pub patient: bool,
    /// `last four` or `ending in` stands between.
    pub last: bool,
    /// Words stand between.
    pub words: bool,
}

/// Goes from the end of a cue over words and signs that may stand before its value.
pub(super) fn gap(tokens: &Tokens, cue: &Cue) -> Gap {
    let mut gap = Gap {
        value: cue.tokens.end,
        ..Gap::default()
    };
    for _ in 0..GAP {
        let at = gap.value;
        let Some(token) = tokens.get(at) else { break };
        let before = at.checked_sub(1);
        if token.breaks
            && at != cue.tokens.end
            && before.is_none_or(|b| !matches!(tokens.sign(b), Some(':' | '=')))
        {
            break;
        }
        match &token.form {
            Form::Word if is_noun(&token.text) => gap.noun = true,
            Form::Word if BETWEEN.contains(&token.text.as_str()) => {
                // `A1234567` begins with a letter.
                if tokens
                    .close(at + 1)
                    .is_some_and(|next| next.form == Form::Number)
                {
                    break;
                }
                gap.patient |= matches!(token.text.as_str(), "patient" | "pt");
                gap.last |= matches!(token.text.as_str(), "last" | "ending" | "ends");
                gap.words = true;
            }
            // "last 4".
            Form::Number
                if token.text == "4" && before.is_some_and(|b| tokens.word(b) == Some("last")) => {}
            Form::Sign('#') => gap.noun = true,
            Form::Sign('.') if !ends_sentence(tokens, at) => {}
            Form::Sign(
                ':' | '=' | '-' | '(' | ')' | '[' | '{' | '"' | '\'' | '`' | '~' | ',' | '/' | '\\'
                | '|' | '<' | '>' | '_',
            ) => {}
            _ => break,
        }
        gap.value += 1;
    }
    gap
}

/// True if the dot at `at` ends a sentence: it stands after a whole word, not after an abbreviation.
fn ends_sentence(tokens: &Tokens, at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.word(before));
    let short = [
        "no", "nos", "nr", "num", "acct", "rec", "sec", "id", "pt", "mrn", "dob", "mr", "ms", "mrs",
    ];
    !before.is_some_and(|word| word.chars().count() == 1 || short.contains(&word))
        || (matches!(before, Some("mrn" | "dob" | "id"))
            && tokens.get(at + 1).is_some_and(|next| next.spaced))
}
