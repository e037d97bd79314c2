//! How everything is said: the answer on standard output, the rest on standard error. Whoever has
//! stopped reading has had enough, and a place that takes no words is no reason to fail. Nothing
//! that people wrote steers the terminal it is shown on.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write as _};

use anyhow::{Context as _, Result};
use domain::text;
use serde::Serialize;

use super::{End, Failure};

/// Prints words for people.
pub(super) fn print(words: &str) -> Result<()> {
    made(words, false)
}

/// Prints a document for programs.
pub(super) fn json(document: &impl Serialize) -> Result<()> {
    made(
        &format!("{}\n", serde_json::to_string_pretty(document)?),
        true,
    )
}

/// Prints a document for programs as the whole answer.
pub(super) fn answer(document: &impl Serialize) -> Result<End, Failure> {
    json(document)?;
    Ok(End::Done)
}

/// Prints what was made as words or as JSON. In JSON a character that a terminal obeys is
/// escaped, which changes nothing of what it says.
pub(super) fn made(words: &str, as_json: bool) -> Result<()> {
    bytes(harmless(words, as_json).as_bytes())
}

/// Words or JSON in which no character is left that a terminal obeys.
fn harmless(words: &str, as_json: bool) -> String {
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

/// The same as [`made`]. False if the reader has closed the pipe, so that there is no use in
/// printing more.
pub(super) fn made_if_read(words: &str, as_json: bool) -> Result<bool> {
    write(harmless(words, as_json).as_bytes())
}

/// Prints a file as it is.
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

/// Tells what is not the answer, as lines of their own.
pub(super) fn complain(words: impl Display) {
    painted(&text::visible(&words.to_string()));
}

/// Whether there may be colours: on a terminal that knows them, unless `NO_COLOR` asks for none.
pub fn coloured(stream: &impl IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    stream.is_terminal()
        && set("NO_COLOR").is_none()
        && set("TERM").is_none_or(|term| term != "dumb")
}

/// [`complain`] for words that are ours, colours included.
pub(super) fn painted(words: &str) {
    // Where standard error is closed or full there is nobody left to be told.
    let _ = writeln!(std::io::stderr().lock(), "{}", words.trim_end());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use super::*;

    #[test]
    fn no_character_that_a_terminal_obeys_is_printed_as_words_or_as_json() {
        let hand = "it\u{1b}[2K is\u{9b}2J \u{202e}well\u{7f}\nindeed";
        let obeyed = |c: char| c != '\n' && text::is_obeyed(c);
        let words = harmless(hand, false);
        assert!(!words.contains(obeyed), "{words:?}");
        assert!(words.contains("[2K is\u{fffd}2J"), "{words:?}");
        let document = serde_json::to_string_pretty(&[hand]).unwrap();
        assert!(document.contains('\u{9b}') && document.contains('\u{202e}'));
        let json = harmless(&document, true);
        assert!(!json.contains(obeyed), "{json:?}");
        // It says what it said.
        let read: Vec<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(read, [hand]);
    }
}
