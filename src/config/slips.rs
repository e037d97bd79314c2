//! What of a text is not TOML, line by line. Each slip is taken out of the text and nothing else
//! moves, so that the rest can be read where it stands: one slip hides no other mistake.

use std::collections::BTreeSet;

use toml::de::{DeTable, Error};

use super::read::not_toml;
use super::words::At;

/// After so many slips the text is some other kind of file, and no more of them are told.
const MOST: usize = 20;

/// A text with its slips taken out.
pub(super) struct Mended {
    /// As long as before, all else in its place.
    pub text: String,
    /// What was wrong: where, and a sentence.
    pub slips: Vec<(At, String)>,
    /// Where values stand now that are none: they were slips.
    pub broken: BTreeSet<usize>,
    /// Whether the rest can be read. Otherwise nobody knows which part of it belongs to what.
    pub whole: bool,
}

/// Takes the slips out of a text.
pub(super) fn mended(text: &str) -> Mended {
    let mut mended = Mended {
        text: text.to_owned(),
        slips: Vec::new(),
        broken: BTreeSet::new(),
        whole: true,
    };
    // Each round tells of a slip or leaves one out, so this many are never needed.
    for _ in 0..4 * MOST {
        let Some(error) = first_error(&mended.text) else {
            return mended;
        };
        let at = error.span().unwrap_or(0..0);
        let piece = text.get(at.clone()).unwrap_or_default();
        let message = not_toml(error.message(), piece);
        let again = error.message().starts_with("duplicate key");
        // What stands twice may do so only because the header between is a slip.
        if mended.whole || !again {
            mended.slips.push((at.clone(), message));
        }
        let before = mended.text.clone();
        let taken_out = mended.take_out(&at, again);
        // What is still there is found again for ever.
        if mended.slips.len() >= MOST || !taken_out || mended.text == before {
            break;
        }
    }
    mended.whole = false;
    mended
}

fn first_error(text: &str) -> Option<Error> {
    let (_, errors) = DeTable::parse_recoverable(text);
    errors
        .into_iter()
        .min_by_key(|error| error.span().map_or(0, |at| at.start))
}

impl Mended {
    /// Takes out the line of a slip, or its value; `false` if the slip reaches further than its
    /// line, so that what follows is not what it seems.
    fn take_out(&mut self, at: &At, again: bool) -> bool {
        let Some(line) = self.line_of(at.start) else {
            return false;
        };
        let written = &self.text[line.clone()];
        if written.trim_start().starts_with('[') {
            // What stands below belongs nowhere from now on.
            self.whole = false;
            self.blank(line);
            return true;
        }
        let indent = written.len() - written.trim_start().len();
        if again && at.start == line.start + indent {
            // The first of its kind stays.
            let ends = ends_on_its_line(written);
            self.blank(line);
            return ends;
        }
        let Some(equals) = written.find('=').filter(|at| is_key(&written[..*at])) else {
            self.whole = false;
            self.blank(line);
            return true;
        };
        if !ends_on_its_line(&written[equals..]) {
            return false;
        }
        let mut value = line.start + equals + 1;
        if value == line.end {
            // There is room for a value only where the sign stood after a space.
            if !written[..equals].ends_with([' ', '\t']) {
                self.whole = false;
                self.blank(line);
                return true;
            }
            self.put(value - 2, "=");
            value -= 1;
        }
        self.blank(value..line.end);
        self.put(value, "0");
        self.broken.insert(value);
        true
    }

    /// The line around a place, if it does not lie within a list, a table or a text of many lines.
    fn line_of(&self, place: usize) -> Option<At> {
        let place = place.min(self.text.len());
        let before = self.text.get(..place)?;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let length = self.text[start..].find('\n');
        let end = length.map_or(self.text.len(), |length| start + length);
        let end = start + self.text[start..end].trim_end_matches('\r').len();
        first_error(&self.text[..start])
            .is_none()
            .then_some(start..end)
    }

    fn blank(&mut self, at: At) {
        let spaces = " ".repeat(at.len());
        self.text.replace_range(at, &spaces);
    }

    fn put(&mut self, at: usize, one: &str) {
        self.text.replace_range(at..at + one.len(), one);
    }
}

/// Whether this is a key, or keys with points between.
fn is_key(text: &str) -> bool {
    !text.trim().is_empty() && first_error(&format!("{text}= 0")).is_none()
}

/// Whether a value that begins on this line surely ends on it: as many brackets open as close, and
/// no text of many lines begins.
fn ends_on_its_line(text: &str) -> bool {
    let count = |one: char| text.matches(one).count();
    count('[') == count(']')
        && count('{') == count('}')
        && !text.contains("\"\"\"")
        && !text.contains("'''")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (Vec<usize>, bool) {
        let mended = mended(text);
        assert_eq!(mended.text.len(), text.len());
        if mended.whole {
            assert!(first_error(&mended.text).is_none(), "{}", mended.text);
        }
        let line = |at: &At| text[..at.start].matches('\n').count() + 1;
        (
            mended.slips.iter().map(|(at, _)| line(at)).collect(),
            mended.whole,
        )
    }

    #[test]
    fn each_line_has_its_slip_and_the_rest_stays_where_it_is() {
        let text =
            "a = 30s\nb = \"x\"\r\nc = é # \nd = [1, x]\ne = \"open\nf =\ng = = 1\na = 5\nh = 7";
        assert_eq!(lines(text), (vec![1, 3, 4, 5, 6, 7, 8], true));
        let mended = mended(text);
        assert!(mended.text.contains("b = \"x\"\r\n") && mended.text.ends_with("h = 7"));
        let values: Vec<&str> = mended
            .broken
            .iter()
            .map(|at| &mended.text[*at..=*at])
            .collect();
        assert_eq!(values, ["0"; 6]);
    }

    #[test]
    fn what_a_slip_has_swallowed_is_not_judged() {
        assert_eq!(lines("a = [1,\nb = 30s\nc = 30s\n"), (vec![2], false));
        assert!(!lines("a = \"\"\"\nb = 30s\n").1);
        assert_eq!(lines("a = [x,\n 1]\nb = 30s\n"), (vec![1], false));
        // Below a header that is none, other slips are told, and nothing is twice.
        assert_eq!(
            lines("[[p]\na = 1\n[[p]\na = 2\nb = 30s\n"),
            (vec![1, 3, 5], false)
        );
        assert_eq!(lines("a=\nb = 30s\n"), (vec![1, 2], false));
        assert_eq!(lines("some words\nb = 30s\n"), (vec![1, 2], false));
    }

    #[test]
    fn what_cannot_be_taken_out_is_told_once() {
        // A key of its own cannot be told from the one that it opens.
        let text = "a.b = 1\na.b.c = 3\nc = { d = 1, d = 2 }\n";
        let (told, whole) = lines(text);
        assert_eq!((told.len(), whole), (2, false), "{told:?}");
    }

    #[test]
    fn what_stands_twice_below_a_broken_header_is_looked_through_no_longer_than_is_told() {
        let text = format!("[p\n{}", "a = 1\n".repeat(1_000));
        let mended = mended(&text);
        assert_eq!((mended.slips.len(), mended.whole), (1, false));
        let left = mended.text.matches("a = 1").count();
        assert!(left > 1_000 - 4 * MOST, "{left}");
    }

    #[test]
    fn another_kind_of_file_is_not_told_line_by_line() {
        let text = "To whom it may concern,\n".repeat(1_000);
        assert_eq!(lines(&text).0.len(), MOST);
    }
}
