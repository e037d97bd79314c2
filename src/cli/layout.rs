//! Lays lists out: a few lines for each entry. An instant, an id and an address are never broken.

use comfy_table::Table;
use domain::report::words;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The width if there is no terminal or its width is unknown.
const DEFAULT_WIDTH: usize = 80;
/// A blank at which no line is broken. It is printed as a space.
pub const NO_BREAK_SPACE: char = '\u{a0}';

/// The width of the terminal in columns.
pub fn width() -> usize {
    or_default(Table::new().width())
}

fn or_default(columns: Option<u16>) -> usize {
    columns
        .filter(|columns| *columns > 0)
        .map_or(DEFAULT_WIDTH, usize::from)
}

/// Prints instants in the service's zone.
#[derive(Clone, Debug)]
pub struct Times(TimeZone);

impl Times {
    pub fn new(zone: TimeZone) -> Self {
        Self(zone)
    }

    /// An instant with its zone, to the second, that stays on one line; `None` is an empty text.
    pub fn at(&self, at: impl Into<Option<Timestamp>>) -> String {
        let at: Option<Timestamp> = at.into();
        at.map_or_else(String::new, |at| {
            words::instant(at, &self.0).replace(' ', "\u{a0}")
        })
    }
}

/// The text with ordinary spaces.
pub fn plain(text: &str) -> String {
    text.replace(NO_BREAK_SPACE, " ")
}

/// A list with a few lines for each entry. It looks the same for every content and width.
#[derive(Default)]
pub struct Listing {
    entries: Vec<Vec<String>>,
}

impl Listing {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry. Its first line is at the margin, the others are indented.
    pub fn entry(&mut self, lines: Vec<String>) {
        self.entries.push(lines);
    }

    /// The entries, in lines of at most `width` columns.
    pub fn render(&self, width: usize) -> String {
        let mut text = String::new();
        for lines in &self.entries {
            for (n, line) in lines.iter().enumerate() {
                let margin = if n == 0 { 0 } else { 2 };
                text.push_str(&wrap(line, margin, width));
            }
        }
        text
    }
}

/// Breaks `text` into lines of at most `width`. Each is indented by `margin`, and by two more after the
/// first. A word longer than a line gets a line of its own.
pub fn wrap(text: &str, margin: usize, width: usize) -> String {
    let mut out = String::new();
    let mut line = " ".repeat(margin);
    let mut used = margin;
    let mut is_bare = true;
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if !is_bare && used + 1 + length > width {
            out.push_str(&line);
            out.push('\n');
            line = " ".repeat(margin + 2);
            used = margin + 2;
            is_bare = true;
        }
        if !is_bare {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
        is_bare = false;
    }
    plain(&format!("{out}{line}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_does_not_say_how_wide_it_is_is_taken_as_the_usual() {
        assert_eq!(
            [None, Some(0), Some(132)].map(or_default),
            [DEFAULT_WIDTH, DEFAULT_WIDTH, 132]
        );
    }

    #[test]
    fn lines_break_between_words_and_never_in_an_instant_or_an_id() {
        let text = wrap(
            "since 2026-10-01\u{a0}02:14:10Z by a-very-long-id/probe ok",
            2,
            26,
        );
        assert_eq!(
            text,
            "  since\n    2026-10-01 02:14:10Z\n    by\n    a-very-long-id/probe\n    ok\n"
        );
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        assert_eq!(wrap("a abcdefghij b", 0, 6), "a\n  abcdefghij\n  b\n");
    }

    #[test]
    fn a_list_has_one_layout_for_every_width() {
        let mut list = Listing::new();
        list.entry(vec!["first".to_owned(), "a few words".to_owned()]);
        assert_eq!(list.render(30), "first\n  a few words\n");
        assert_eq!(list.render(12), "first\n  a few\n    words\n");
    }

    #[test]
    fn a_time_is_local_and_names_its_zone() {
        let at: Timestamp = "2026-12-01T03:00:00Z".parse().unwrap();
        let zone = domain::calendar::zone("America/New_York").unwrap();
        assert_eq!(plain(&Times::new(zone).at(at)), "2026-11-30 22:00:00 EST");
        assert_eq!(Times::new(TimeZone::UTC).at(None), "");
    }
}
