//! Text that people write: control characters are refused in input and replaced in output.

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::act::Refusal;

/// True for control characters and for characters that reorder a line. A terminal, a spreadsheet or
/// a page would act on them.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// `text` with a visible sign for each such character. Line breaks and tabs stay.
pub fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if is_obeyed(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The same for one line: line breaks and tabs are replaced too.
pub fn visible_line(text: &str) -> String {
    visible(text).replace(['\n', '\t'], "\u{fffd}")
}

/// Checks a text of one line, such as a name or a title.
///
/// # Errors
/// It contains a control character or a line break.
pub fn line(text: &str, what: &str) -> Result<(), Refusal> {
    free_of(text, what, is_obeyed)
}

/// Checks a text that may have line breaks and tabs.
///
/// # Errors
/// It contains another control character.
pub fn prose(text: &str, what: &str) -> Result<(), Refusal> {
    free_of(text, what, |c| is_obeyed(c) && !matches!(c, '\n' | '\t'))
}

/// True if a text may be an id: lower-case letters, digits and inner hyphens, at most 64.
pub fn is_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A key that tells two persons' names apart: letters and digits, without regard to case, width,
/// punctuation, spaces and invisible characters. `None` if there is no letter. Letters of different
/// alphabets that look alike stay different.
pub fn person(name: &str) -> Option<String> {
    let whole = ComposingNormalizerBorrowed::new_nfkc().normalize(name);
    // Upper case first: `ß` and `SS`, final and other sigma, become the same.
    let folded = whole.chars().flat_map(char::to_uppercase);
    let key: String = folded
        .flat_map(char::to_lowercase)
        // Letters that print as blanks.
        .filter(|c| c.is_alphanumeric() && !matches!(c, '\u{115f}' | '\u{1160}'))
        .collect();
    key.chars().any(char::is_alphabetic).then_some(key)
}

fn free_of(text: &str, what: &str, bad: impl Fn(char) -> bool) -> Result<(), Refusal> {
    match text.chars().find(|c| bad(*c)) {
        Some(c) => Err(Refusal(format!(
            "{what} holds the control character U+{:04X}",
            u32::from(c)
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_letters_and_digits_however_they_are_written() {
        let same = [
            ("root", "Root."),
            ("root", "\u{200b} R\u{ad}oot\u{2060}"),
            ("root", "\u{ff32}\u{ff4f}\u{ff4f}\u{ff54}"),
            ("Zo\u{eb} O'Hara", "zoe\u{308} o\u{2019}HARA"),
            ("STRASSER", "stra\u{df}er"),
            (
                "\u{39f}\u{3b4}\u{3c5}\u{3c3}\u{3c3}\u{3ad}\u{3b1}\u{3c2}",
                "\u{3bf}\u{3b4}\u{3c5}\u{3c3}\u{3c3}\u{3ad}\u{3b1}\u{3c3}",
            ),
            ("\u{5c71}\u{7530}", "\u{5c71}\u{3000}\u{7530}\u{3164}"),
        ];
        for (one, other) in same {
            assert_eq!(person(one), person(other), "{one} {other}");
            assert!(person(one).is_some());
        }
        let apart = [
            ("kim", "kim2"),
            ("\u{5c71}\u{7530}", "\u{7530}\u{5c71}"),
            ("\u{438}\u{432}\u{430}\u{43d}", "ivan"),
            // The vowel signs of Indic scripts are letters.
            ("\u{930}\u{93e}\u{92e}", "\u{930}\u{940}\u{92e}"),
        ];
        for (one, other) in apart {
            assert_ne!(person(one), person(other));
        }
        for nobody in ["", " ", "-", "\u{200b}", "4711", "\u{3164}", "?!"] {
            assert_eq!(person(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn what_would_be_obeyed_is_shown() {
        let hand = "a\u{1b}[2Kb\r\nc\td\u{9b}e\u{202e}f";
        assert_eq!(
            visible(hand),
            "a\u{fffd}[2Kb\u{fffd}\nc\td\u{fffd}e\u{fffd}f"
        );
        assert_eq!(visible_line("ann\nbob"), "ann\u{fffd}bob");
        assert_eq!(visible("Zoë 30\u{a0}s"), "Zoë 30\u{a0}s");
    }

    #[test]
    fn a_name_has_no_line_break_and_a_text_may() {
        assert_eq!(prose("one\n\ttwo", "the summary"), Ok(()));
        assert_eq!(line("Zoë O'Hara", "the name"), Ok(()));
        let refused = |result: Result<(), Refusal>| result.map_err(|r| r.0);
        let name = refused(line("a\nb", "the name"));
        assert_eq!(
            name,
            Err("the name holds the control character U+000A".to_owned())
        );
        let text = refused(prose("a\u{1b}[31m", "the summary"));
        assert_eq!(
            text,
            Err("the summary holds the control character U+001B".to_owned())
        );
    }

    #[test]
    fn ids_are_plain() {
        assert!(is_id("level-2"));
        for text in ["", "Level", "-a", "a-", "a/b", "a_b", "é"] {
            assert!(!is_id(text), "{text}");
        }
    }
}
