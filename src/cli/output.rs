//! Prints the answer on standard output and everything else on standard error. A closed pipe is not an
//! error. Control characters in people's texts never reach the terminal.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write as _};

use anyhow::{Context as _, Result};
use domain::text;
use serde::Serialize;

use super::{End, Failure};

/// Prints text for people.
pub(super) fn print(words: &str) -> Result<()> {
    print_as(words, false)
}

/// Prints a document for programs.
pub(super) fn json(document: &impl Serialize) -> Result<()> {
    print_as(
        &format!("{}\n", serde_json::to_string_pretty(document)?),
        true,
    )
}

/// Prints a document for programs as the whole answer.
pub(super) fn answer(document: &impl Serialize) -> Result<End, Failure> {
    json(document)?;
    Ok(End::Done)
}

/// Prints text or JSON without control characters. JSON escapes them, so its meaning stays the same.
pub(super) fn print_as(words: &str, as_json: bool) -> Result<()> {
    bytes(sanitized(words, as_json).as_bytes())
}

/// The same text or JSON without characters that a terminal obeys.
fn sanitized(words: &str, as_json: bool) -> String {
    if !as_json {
        return text::visible(words);
    }
    let mut safe = String::with_capacity(words.len());
    for c in words.chars() {
        if c != '\n' && text::is_obeyed(c) {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Like [`print_as`]. Returns false if the reader has closed the pipe.
pub(super) fn print_if_read(words: &str, as_json: bool) -> Result<bool> {
    write(sanitized(words, as_json).as_bytes())
}

/// Prints bytes unchanged.
pub(super) fn bytes(bytes: &[u8]) -> Result<()> {
    write(bytes).map(|_| ())
}

fn write(bytes: &[u8]) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // A closed pipe, as by `nines status | head`, is not an error.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        other => other
            .map(|()| true)
            .context("standard output cannot be written"),
    }
}

/// Prints lines on standard error.
pub(super) fn print_error(words: impl Display) {
    print_coloured(&text::visible(&words.to_string()));
}

/// True if `stream` is a terminal with colours and `NO_COLOR` is not set.
pub fn supports_colour(stream: &impl IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    stream.is_terminal()
        && set("NO_COLOR").is_none()
        && set("TERM").is_none_or(|term| term != "dumb")
}

/// [`print_error`] for text that may contain colours and no person's text.
pub(super) fn print_coloured(words: &str) {
    // If standard error is closed or full, there is no other place to report it.
    let _ = writeln!(std::io::stderr().lock(), "{}", words.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_that_a_terminal_obeys_is_printed_as_words_or_as_json() {
        let hand = "it\u{1b}[2K is\u{9b}2J \u{202e}well\u{7f}\nindeed";
        let obeyed = |c: char| c != '\n' && text::is_obeyed(c);
        let words = sanitized(hand, false);
        assert!(!words.contains(obeyed), "{words:?}");
        assert!(words.contains("[2K is\u{fffd}2J"), "{words:?}");
        let document = serde_json::to_string_pretty(&[hand]).unwrap();
        assert!(document.contains('\u{9b}') && document.contains('\u{202e}'));
        let json = sanitized(&document, true);
        assert!(!json.contains(obeyed), "{json:?}");
        // The escaped JSON has the same value.
        let read: Vec<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(read, [hand]);
    }
}
