//! Suggests what a misspelt word was meant to be. A suggestion only makes a message helpful: a
//! configuration with a misspelt word is refused.

/// The word of `known` that is closest to `written`, if it is close enough to be a typing mistake.
/// The first of equally close words wins.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A comparison takes time by the product of the lengths.
    if written.len() > 100 {
        return None;
    }
    let lower = written.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= tolerated(candidate))
        // Two different words of one letter have nothing in common.
        .filter(|(distance, candidate)| *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(written: &str, candidate: &str) -> usize {
    strsim::osa_distance(&written.replace('-', "_"), &candidate.replace('-', "_"))
}

/// One wrong letter in three, at least one, at most three.
fn tolerated(candidate: &str) -> usize {
    (candidate.chars().count() / 3).clamp(1, 3)
}

/// The message for an id that does not exist, with the nearest of those `known`.
pub fn unknown<'a>(what: &str, id: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let id = shorten(id);
    match nearest(&id, known) {
        Some(near) => format!("there is no {what} `{id}`, did you mean `{near}`?"),
        None => format!("there is no {what} `{id}`"),
    }
}

/// `a`, `b` and `c`, each in backquotes.
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// Text from a file shortened for a message: at most 61 characters, without control characters.
pub fn shorten(text: &str) -> String {
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
    fn a_typing_mistake_gets_a_suggestion_and_garbage_does_not() {
        let known = ["interval", "retry_interval", "id", "url"];
        assert_eq!(nearest("intervall", known), Some("interval"));
        assert_eq!(nearest("retry-interval", known), Some("retry_interval"));
        assert_eq!(nearest("di", known), Some("id"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }

    #[test]
    fn a_text_in_a_message_is_one_short_line() {
        assert_eq!(shorten("a\nb\u{1b}[31m"), "a\u{fffd}b\u{fffd}[31m");
        assert_eq!(shorten(&"é".repeat(90)).chars().count(), 61);
    }
}
