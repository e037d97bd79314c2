//! Lays lists out: a table if every row fits on a line of the terminal, else a few lines for each
//! entry. An instant, an id and an address are never broken.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;

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

/// An instant in UTC that stays on one line; `None` is an empty text.
pub fn instant(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| {
        at.strftime("%Y-%m-%d\u{a0}%H:%M:%SZ").to_string()
    })
}

/// The text with ordinary spaces.
pub fn plain(text: &str) -> String {
    text.replace(NO_BREAK_SPACE, " ")
}

/// A list that can be printed as a table or as entries.
pub struct Listing<const N: usize> {
    header: [&'static str; N],
    rows: Vec<[String; N]>,
    entries: Vec<Vec<String>>,
}

impl<const N: usize> Listing<N> {
    pub fn new(header: [&'static str; N]) -> Self {
        Self {
            header,
            rows: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Adds a row to the table.
    pub fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// Adds an entry. Its first line is at the margin, the others are indented.
    pub fn entry(&mut self, lines: Vec<String>) {
        self.entries.push(lines);
    }

    /// The table if it fits into `width`, else the entries.
    pub fn render(&self, width: usize) -> String {
        let table = self.table();
        if table.lines().all(|line| line.chars().count() <= width) {
            return plain(&format!("{table}\n"));
        }
        let mut text = String::new();
        for lines in &self.entries {
            for (n, line) in lines.iter().enumerate() {
                let margin = if n == 0 { 0 } else { 2 };
                text.push_str(&wrap(line, margin, width));
            }
        }
        text
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(self.header);
        for row in &self.rows {
            table.add_row(row);
        }
        table
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
    fn a_list_is_a_table_only_where_every_row_fits() {
        let mut list = Listing::new(["one", "two"]);
        list.row(["first".to_owned(), "a few words".to_owned()]);
        list.entry(vec!["first".to_owned(), "a few words".to_owned()]);
        assert!(list.render(30).contains("one"));
        assert_eq!(list.render(12), "first\n  a few\n    words\n");
    }
}
