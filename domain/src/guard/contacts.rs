//! Phone numbers and mail addresses of the person who reports a problem: they belong in the fields for them, not in
//! the description.

use std::ops::Range;

use super::tokens::{Form, Tokens};

/// What was taken out of a description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    /// The description without them.
    pub text: String,
    pub emails: Vec<String>,
    pub phones: Vec<String>,
}

/// Stands where a phone number or a mail address was.
const MOVED: &str = "[moved to contact]";

/// Takes phone numbers and mail addresses out of a text.
pub fn contacts(text: &str) -> Contacts {
    let mut places: Vec<(Range<usize>, bool)> = emails(text)
        .into_iter()
        .map(|place| (place, true))
        .collect();
    for place in phones(text) {
        if !places
            .iter()
            .any(|(other, _)| place.start < other.end && other.start < place.end)
        {
            places.push((place, false));
        }
    }
    places.sort_by_key(|(place, _)| place.start);
    let (mut taken, mut from) = (Contacts::default(), 0);
    for (place, is_email) in places {
        let found = text.get(place.clone()).unwrap_or_default().to_owned();
        match is_email {
            true => taken.emails.push(found),
            false => taken.phones.push(found),
        }
        taken
            .text
            .push_str(text.get(from..place.start).unwrap_or_default());
        taken.text.push_str(MOVED);
        from = place.end;
    }
    taken.text.push_str(text.get(from..).unwrap_or_default());
    taken
}

fn emails(text: &str) -> Vec<Range<usize>> {
    let is_local = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-' | '%');
    let is_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let local = text[..at].trim_end_matches(is_local).len();
        let rest = &text[at + 1..];
        let domain = rest.find(|c| !is_domain(c)).unwrap_or(rest.len());
        let domain = rest[..domain].trim_end_matches(['.', '-']);
        if local < at && domain.contains('.') && found.last().is_none_or(|last| last.end <= local) {
            found.push(local..at + 1 + domain.len());
        }
    }
    found
}

/// Numbers of ten digits in three groups (North America), with or without `1`, and numbers that begin with `+`.
fn phones(text: &str) -> Vec<Range<usize>> {
    let tokens = Tokens::of(text);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        match phone(&tokens, at) {
            Some(end) => {
                found.push(tokens.span(at..end));
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// The token after a phone number that begins at `at`.
fn phone(tokens: &Tokens, start: usize) -> Option<usize> {
    let is_joined = start > 0
        && tokens.close(start).is_some()
        && !matches!(
            tokens.sign(start - 1),
            Some('(' | ':' | ',' | '"' | '\'' | '=' | '<')
        );
    if is_joined {
        return None;
    }
    let plus = tokens.sign(start) == Some('+');
    let (mut groups, mut at) = (Vec::new(), start + usize::from(plus));
    while let Some(token) = tokens.get(at) {
        match &token.form {
            Form::Number if !token.breaks => groups.push(token.text.len()),
            Form::Sign('(' | ')' | '-' | '.' | '/') if is_inside(tokens, at) => {}
            _ => break,
        }
        at += 1;
        if groups.len() == 6 {
            break;
        }
    }
    let digits: usize = groups.iter().sum();
    let american = matches!(groups.as_slice(), [3, 3, 4] | [1, 3, 3, 4]);
    let international = plus && (8..=15).contains(&digits);
    if !(american || international) {
        return None;
    }
    Some(extension(tokens, at).unwrap_or(at))
}

/// True if the sign at `at` stands before a number of the same phone number.
fn is_inside(tokens: &Tokens, at: usize) -> bool {
    let next = tokens.number(at + 1).is_some();
    match tokens.sign(at) {
        Some('(') => next,
        Some(')') => next || tokens.number(at + 2).is_some(),
        _ => next && tokens.close(at + 1).is_some(),
    }
}

/// `ext. 12`, `x12`.
fn extension(tokens: &Tokens, at: usize) -> Option<usize> {
    matches!(tokens.word(at), Some("ext" | "x" | "extension")).then_some(())?;
    let dot = usize::from(tokens.sign(at + 1) == Some('.'));
    tokens.number(at + 1 + dot).map(|_| at + 2 + dot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_and_addresses_are_taken_out() {
        let taken = contacts(
            "Call me at (716) 555-0100 ext. 12, or 1-716-555-0199, or ann.lee+hie@clinic.example.org. Port 10.0.0.1:8443.",
        );
        assert_eq!(
            taken,
            Contacts {
                text: "Call me at [moved to contact], or [moved to contact], or [moved to contact]. Port 10.0.0.1:8443.".to_owned(),
                emails: vec!["ann.lee+hie@clinic.example.org".to_owned()],
                phones: vec!["(716) 555-0100 ext. 12".to_owned(), "1-716-555-0199".to_owned()],
            }
        );
        let abroad = contacts("+44 20 7946 0958 and 716.555.0100");
        assert_eq!(abroad.phones, ["+44 20 7946 0958", "716.555.0100"]);
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "123-45-6789",
            "2026-10-07 at 14:00",
            "10.20.30.40",
            "INC-716-555-0100",
            "@portal",
            "a@b",
            "code 716 555",
        ] {
            assert_eq!(contacts(text).text, text);
        }
    }
}
