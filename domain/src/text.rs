//! What people write, on its way in and on its way out: control characters are refused when they
//! come in, and shown instead of obeyed wherever they stand already. It never changes a word.

use crate::act::Refusal;

/// Whether a terminal, a spreadsheet or a page would obey it instead of showing it: control
/// characters, and those that reorder a line.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// `text` with a sign in place of each character that would be obeyed. Line breaks and tabs stay.
pub fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if is_obeyed(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The same on one line: a line break would let a name look like another line of the answer.
pub fn visible_line(text: &str) -> String {
    visible(text).replace(['\n', '\t'], "\u{fffd}")
}

/// A name, a title or whatever else stands on one line.
///
/// # Errors
/// It holds a control character, a line break among them.
pub fn line(text: &str, what: &str) -> Result<(), Refusal> {
    free_of(text, what, is_obeyed)
}

/// A text, which may have line breaks and tabs.
///
/// # Errors
/// It holds another control character.
pub fn prose(text: &str, what: &str) -> Result<(), Refusal> {
    free_of(text, what, |c| is_obeyed(c) && !matches!(c, '\n' | '\t'))
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
}
