//! Keeps people's texts harmless in a mail. Line ends become one kind, header values have no
//! control characters, and laid-out lines keep their width. A message with other line ends than
//! CRLF is not sent. It must never drop a visible character.

use super::Error;

/// The width of a line of the plain text part, in characters.
pub const WIDTH: usize = 76;

/// The longest line SMTP carries, without its CRLF (RFC 5321 4.5.3.1.6).
const LONGEST_LINE: usize = 998;

/// Replaces every line end (CRLF, CR, LF, NEL, VT, FF, U+2028, U+2029) by one LF. Removes other
/// control characters except the tab, since no mail reader shows them.
pub fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() == Some(&'\n') {
                    chars.next();
                }
                out.push('\n');
            }
            '\n' | '\u{85}' | '\u{b}' | '\u{c}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\t' => out.push('\t'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// The text on one line: line ends and runs of blanks become one space.
pub fn one_line(text: &str) -> String {
    lines(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `most` characters. If the text is longer, the last one is an ellipsis.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
            kept.truncate(kept.trim_end().len());
            kept.push('…');
            kept
        }
    }
}

/// Checks a header's value: C0, DEL, C1 and the Unicode line ends are errors. They are not removed,
/// since an address with one of them is a mistake or an attack.
pub fn header<'a>(name: &'static str, value: &'a str) -> Result<&'a str, Error> {
    let bad = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if value.contains(bad) {
        return Err(Error::Header {
            name,
            value: cut(&value.escape_debug().to_string(), 120),
        });
    }
    Ok(value)
}

/// Breaks lines at blanks so that they fit into [`WIDTH`] if possible. Indents every line but the
/// first by `indent` blanks. Keeps the line ends of `text`.
pub fn hang(text: &str, indent: usize) -> String {
    let room = WIDTH.saturating_sub(indent).max(20);
    let margin = " ".repeat(indent);
    let mut out: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let mut current = String::new();
        for word in line.split(' ') {
            let width = current.chars().count() + 1 + word.chars().count();
            if !current.is_empty() && width > room {
                out.push(std::mem::take(&mut current));
            } else if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        out.push(current);
    }
    out.iter()
        .enumerate()
        .map(|(i, line)| match (i, line.is_empty()) {
            (0, _) | (_, true) => line.clone(),
            _ => format!("{margin}{line}"),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Checks that a relay may get `bytes`: every line ends in CRLF and has a length that RFC 5321
/// allows, and there is no NUL. lettre 0.11.23 does not stuff dots after a bare CR or LF
/// (RUSTSEC-2026-0561), so every message is checked, rendered or stored.
pub fn wire_safe(bytes: &[u8]) -> Result<(), &'static str> {
    let mut length = 0_usize;
    let mut rest = bytes.iter().peekable();
    while let Some(&byte) = rest.next() {
        match byte {
            b'\r' if rest.peek() == Some(&&b'\n') => {
                rest.next();
                length = 0;
                continue;
            }
            b'\r' => return Err("a CR without LF"),
            b'\n' => return Err("a LF without CR"),
            0 => return Err("a NUL"),
            _ => length += 1,
        }
        if length > LONGEST_LINE {
            return Err("a line longer than 998 octets");
        }
    }
    if length > 0 {
        return Err("a last line without CRLF");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_becomes_one() {
        assert_eq!(
            lines("a\r\nb\rc\nd\u{85}e\u{b}f\u{c}g\u{2028}h\u{2029}i"),
            "a\nb\nc\nd\ne\nf\ng\nh\ni"
        );
        assert_eq!(lines("a\r\r\nb"), "a\n\nb");
        assert_eq!(lines("a\u{0}b\u{1b}[31mc\u{7f}\u{9b}d\te"), "ab[31mcd\te");
    }

    #[test]
    fn a_name_with_line_ends_stands_on_one_line() {
        assert_eq!(
            one_line(" Portal\r\nBcc: x@y \u{2028} z"),
            "Portal Bcc: x@y z"
        );
    }

    #[test]
    fn header_values_with_control_characters_are_refused() {
        for bad in [
            "a\rb",
            "a\nb",
            "a\0b",
            "a\u{7f}b",
            "a\u{85}b",
            "a\u{9f}b",
            "a\u{2028}b",
            "a\tb",
        ] {
            assert!(header("To", bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            header("To", "Ü <u@example.org>").unwrap(),
            "Ü <u@example.org>"
        );
    }

    #[test]
    fn only_crlf_goes_to_a_relay() {
        assert_eq!(wire_safe(b"a\r\n.\r\n\r\nb\r\n"), Ok(()));
        for bad in [
            &b"a\nb\r\n"[..],
            b"a\rb\r\n",
            b"a\r\r\n",
            b"a\n\r\n",
            b"a\r",
            b"a\n",
            b"a",
            b"a\0\r\n",
        ] {
            assert!(wire_safe(bad).is_err(), "{bad:?}");
        }
        let mut long = vec![b'x'; 998];
        long.extend(b"\r\n");
        assert_eq!(wire_safe(&long), Ok(()));
        long.insert(0, b'x');
        assert!(wire_safe(&long).is_err());
    }

    #[test]
    fn long_lines_hang_under_their_label_and_keep_their_own_breaks() {
        let text =
            "one two three four five six seven eight nine ten eleven twelve thirteen\n.\nend";
        let hung = hang(text, 20);
        assert_eq!(hung.lines().nth(2), Some("                    ."));
        assert!(hung.lines().all(|l| l.chars().count() <= WIDTH));
        assert_eq!(
            hung.split_whitespace().collect::<Vec<_>>(),
            text.split_whitespace().collect::<Vec<_>>()
        );
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
