//! How lists are laid out: a table where the terminal is wide enough for every row on one line,
//! else a few lines for each entry. An instant, an id and an address are never broken.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;

/// The width where there is no terminal to ask.
const ELSEWHERE: usize = 80;
/// A blank that is printed as one, and where no line is broken.
pub const TIED: char = '\u{a0}';

/// How wide lines may be: as the terminal is, or eighty columns where there is none or it does not
/// say.
pub fn width() -> usize {
    or_usual(Table::new().width())
}

fn or_usual(columns: Option<u16>) -> usize {
    columns
        .filter(|columns| *columns > 0)
        .map_or(ELSEWHERE, usize::from)
}

/// An instant in UTC that stays on one line; nothing for none.
pub fn instant(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| {
        at.strftime("%Y-%m-%d\u{a0}%H:%M:%SZ").to_string()
    })
}

/// The same text where nothing is laid out.
pub fn plain(text: &str) -> String {
    text.replace(TIED, " ")
}

/// Entries that can be shown either way.
pub struct Listing<const N: usize> {
    header: [&'static str; N],
    rows: Vec<[String; N]>,
    entries: Vec<Vec<String>>,
}

impl<const N: usize> Listing<N> {
    /// Nothing yet, under these headings.
    pub fn new(header: [&'static str; N]) -> Self {
        Self {
            header,
            rows: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// One more row, which belongs to the entry that [`Listing::entry`] began last.
    pub fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// One more entry: its first line stands at the margin, the others under it.
    pub fn entry(&mut self, lines: Vec<String>) {
        self.entries.push(lines);
    }

    /// The table, if no line of it is longer than `width`; else the entries.
    pub fn render(&self, width: usize) -> String {
        let table = self.table();
        if table.lines().all(|line| line.chars().count() <= width) {
            return plain(&format!("{table}\n"));
        }
        let mut text = String::new();
        for lines in &self.entries {
            for (n, line) in lines.iter().enumerate() {
                let margin = if n == 0 { 0 } else { 2 };
                text.push_str(&wrapped(line, margin, width));
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

/// `text` in lines of at most `width`, each `margin` blanks in, and two more after the first.
/// A word that is longer than a line gets one of its own.
pub fn wrapped(text: &str, margin: usize, width: usize) -> String {
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
            [None, Some(0), Some(132)].map(or_usual),
            [ELSEWHERE, ELSEWHERE, 132]
        );
    }

    #[test]
    fn lines_break_between_words_and_never_in_an_instant_or_an_id() {
        let text = wrapped(
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
        assert_eq!(wrapped("a abcdefghij b", 0, 6), "a\n  abcdefghij\n  b\n");
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
