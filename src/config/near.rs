//! Guesses what was meant by a word that is not one of those known. A guess only words a message
//! and lets the rest of a table be read; nothing is ever accepted because of it.

/// The closest of `known` to `written`, if it is close enough to be a slip of the fingers. Of
/// equally close ones the first wins.
pub(super) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Long garbage cannot be a slip, and comparing it takes time by the product of the lengths.
    if written.len() > 100 {
        return None;
    }
    let lower = written.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= tolerated(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(written: &str, candidate: &str) -> usize {
    strsim::osa_distance(&written.replace('-', "_"), &candidate.replace('-', "_"))
}

/// One slip in three letters, at least one, at most three.
fn tolerated(candidate: &str) -> usize {
    (candidate.chars().count() / 3).clamp(1, 3)
}

/// What to say of a name that is nobody's: `what` it should be, and which of those `known` was meant.
pub fn nowhere<'a>(what: &str, id: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let id = shown(id);
    match nearest(&id, known) {
        Some(near) => format!("there is no {what} `{id}`, did you mean `{near}`?"),
        None => format!("there is no {what} `{id}`"),
    }
}

/// `a`, `b` and `c`, each in backquotes.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// Text from a file as it may stand in a message: one short line without control characters.
pub(super) fn shown(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(60)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(60).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_guessed_and_garbage_is_not() {
        let known = ["interval", "retry_interval", "id", "url"];
        assert_eq!(nearest("intervall", known), Some("interval"));
        assert_eq!(nearest("retry-interval", known), Some("retry_interval"));
        assert_eq!(nearest("di", known), Some("id"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }

    #[test]
    fn what_is_shown_is_one_short_line() {
        assert_eq!(shown("a\nb\u{1b}[31m"), "a\u{fffd}b\u{fffd}[31m");
        assert_eq!(shown(&"é".repeat(90)).chars().count(), 61);
    }
}
