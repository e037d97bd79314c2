//! A file of Rust, split into what the compiler reads and what people read: enough of a lexer to
//! tell code from comments and strings, and tests from the rest. It never judges.

/// One file.
#[derive(Debug)]
pub struct Source {
    /// From the root of the repository, with forward slashes.
    pub path: String,
    /// As it stands.
    pub text: String,
    /// The same, with every comment and every string's content blanked; lines keep their places.
    pub code: String,
    /// For each line, whether a comment is on it that may explain it (`//!` speaks of the file).
    pub commented: Vec<bool>,
    /// For each line, whether it is compiled for tests only.
    pub test: Vec<bool>,
    /// Where each line starts, in bytes.
    starts: Vec<usize>,
}

impl Source {
    /// Reads `text`. `whole_test` marks a file that is compiled for tests only.
    pub fn new(path: &str, text: &str, whole_test: bool) -> Self {
        let (code, commented) = blank(text);
        let mut test = vec![whole_test; text.lines().count() + 1];
        let starts: Vec<_> = std::iter::once(0)
            .chain(code.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        for (from, to) in test_spans(&code) {
            test[line_of(&starts, from)..=line_of(&starts, to)].fill(true);
        }
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            commented,
            test,
            starts,
        }
    }

    /// The zero-based line of a byte of `code`.
    pub fn line(&self, byte: usize) -> usize {
        line_of(&self.starts, byte)
    }

    /// Whether the line (zero-based) or the one above carries a comment.
    pub fn explained(&self, line: usize) -> bool {
        let carries = |line: usize| self.commented.get(line).copied().unwrap_or(false);
        carries(line) || line.checked_sub(1).is_some_and(carries)
    }

    /// Every place where `word` stands in the code as a word of its own, as byte offsets.
    pub fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(move |at| {
                let before = self.code[..*at].chars().next_back();
                let after = self.code[at + word.len()..].chars().next();
                !before.is_some_and(is_name) && !after.is_some_and(is_name)
            })
    }

    /// The names of the modules that the file declares for tests only, in files of their own.
    pub fn test_modules(&self) -> Vec<String> {
        self.code
            .match_indices("#[cfg(test)]")
            .filter_map(|(at, attribute)| {
                let rest = self.code[at + attribute.len()..].trim_start();
                let name = after_mod(rest)?;
                let end = name.find(|c| !is_name(c))?;
                name[end..]
                    .trim_start()
                    .starts_with(';')
                    .then(|| name[..end].to_owned())
            })
            .collect()
    }
}

/// Whether `c` may be part of a name.
pub fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The byte of the brace that closes the one at `open`, if it is closed.
pub fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            _ => continue,
        }
        if depth == 0 {
            return Some(open + at);
        }
    }
    None
}

/// The first line starts at 0, so at least one start is not beyond `byte`.
fn line_of(starts: &[usize], byte: usize) -> usize {
    starts.partition_point(|start| *start <= byte) - 1
}

/// What follows `mod `, with or without `pub`.
fn after_mod(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix("pub(crate)").unwrap_or(rest).trim_start();
    let rest = rest.strip_prefix("pub ").unwrap_or(rest).trim_start();
    rest.strip_prefix("mod ").map(str::trim_start)
}

/// What `#[cfg(test)]` and `#[test]` stand before, as spans of bytes.
fn test_spans(code: &str) -> Vec<(usize, usize)> {
    ["#[cfg(test)]", "#[test]", "#[tokio::test"]
        .into_iter()
        .flat_map(|attribute| code.match_indices(attribute))
        .filter_map(|(at, _)| {
            let open = at + code[at..].find('{')?;
            let ends_before = code[at..open].contains(';');
            (!ends_before).then_some((at, closing(code, open)?))
        })
        .collect()
}

/// `text` with comments and the contents of strings blanked, and which lines carry a comment.
fn blank(text: &str) -> (String, Vec<bool>) {
    let mut code = String::with_capacity(text.len());
    let mut commented = vec![false; text.lines().count() + 1];
    let mut line = 0;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (keep, hide, comment) = token(rest, code.chars().next_back());
        let taken = &rest[..keep + hide];
        code.push_str(&taken[..keep]);
        for c in taken[keep..].chars() {
            // A blank for every byte keeps the offsets of code and text the same.
            match c {
                '\n' => code.push('\n'),
                c => code.extend(std::iter::repeat_n(' ', c.len_utf8())),
            }
        }
        for c in taken.chars() {
            if comment && c != '\n' {
                commented[line] = true;
            }
            line += usize::from(c == '\n');
        }
        debug_assert!(!taken.is_empty(), "nothing taken before {first:?}");
        rest = &rest[taken.len()..];
    }
    (code, commented)
}

/// The next token of `rest`: how many bytes to keep, how many of those after it to hide, and
/// whether it is a comment that may explain. `before` is the character that came before.
fn token(rest: &str, before: Option<char>) -> (usize, usize, bool) {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    if rest.starts_with("//") {
        let explains = !rest.starts_with("//!");
        return (0, rest.find('\n').unwrap_or(rest.len()), explains);
    }
    if rest.starts_with("/*") {
        return (0, block_comment(rest), true);
    }
    if let Some(content) = rest.strip_prefix('"') {
        return (1, string(content), false);
    }
    let in_name = before.is_some_and(is_name);
    if !in_name
        && rest.starts_with(['r', 'b', 'c'])
        && let Some((open, length)) = raw_string(rest)
    {
        return (open, length, false);
    }
    if let Some(content) = rest.strip_prefix('\'') {
        return (1, character(content), false);
    }
    (first, 0, false)
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of a string's content, without its last quote but with everything up to it; the
/// quote itself is hidden too, so that it does not open another.
fn string(content: &str) -> usize {
    let mut escaped = false;
    for (at, c) in content.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    content.len()
}

/// Of `r#"…"#` and its relatives: the length up to the first quote and that of the rest.
fn raw_string(rest: &str) -> Option<(usize, usize)> {
    let letters = rest.find(|c| !"rbc".contains(c)).filter(|n| *n <= 2)?;
    let hashes = rest[letters..].find(|c| c != '#')?;
    let open = letters + hashes;
    if !rest[open..].starts_with('"') {
        return None;
    }
    let content = &rest[open + 1..];
    if !rest[..letters].contains('r') {
        return (hashes == 0).then(|| (open + 1, string(content)));
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let length = content
        .find(&end)
        .map_or(content.len(), |at| at + end.len());
    Some((open + 1, length))
}

/// The length of a character literal after its first quote, or 0 where it is a lifetime.
fn character(content: &str) -> usize {
    let mut chars = content.char_indices();
    match chars.next() {
        Some((_, '\\')) => {
            // The escaped character itself may be a quote.
            let escaped = chars.next().map_or(1, |(at, c)| at + c.len_utf8());
            content[escaped..]
                .find('\'')
                .map_or(0, |at| escaped + at + 1)
        }
        Some((_, c)) if c != '\'' => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    // A test may panic: that is how it fails.
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn code(text: &str) -> String {
        Source::new("a.rs", text, false).code
    }

    #[test]
    fn strings_and_comments_are_blanked_and_code_stays_in_place() {
        let text = "let a = \"todo!\"; // todo!\nlet b = 1; /* x /* y */ z */ let c = 2;";
        let code = code(text);
        assert!(!code.contains("todo") && !code.contains('x') && !code.contains('z'));
        assert_eq!(code.find("let c"), text.find("let c"));
        assert_eq!(code.len(), text.len());
    }

    #[test]
    fn a_quote_inside_a_string_a_raw_string_or_a_character_opens_nothing() {
        for text in [
            r#"f("a\"b"); end"#,
            r##"f(r#"a"b"#); end"##,
            r#"f('"'); end"#,
            r"f('\''); end",
            r"f('\\'); end",
            r#"f(b"a", b'"', br"\"); end"#,
            "fn f<'a>(x: &'a str) { \"'\" } end",
        ] {
            assert!(code(text).ends_with("end"), "{text}: {}", code(text));
        }
    }

    #[test]
    fn a_name_that_ends_in_r_is_no_raw_string() {
        assert!(code("for_r; x = r; y").contains("x = r; y"));
    }

    #[test]
    fn what_stands_in_a_test_module_is_known_to_be_test() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let source = Source::new("a.rs", text, false);
        assert_eq!(&source.test[..6], [false, true, true, true, true, false]);
    }

    #[test]
    fn a_test_module_in_its_own_file_is_named() {
        let text = "#[cfg(test)]\nmod oracle;\n#[cfg(test)]\nmod tests {}\nmod real;";
        assert_eq!(Source::new("a.rs", text, false).test_modules(), ["oracle"]);
    }

    #[test]
    fn a_comment_explains_its_own_line_and_the_next() {
        let source = Source::new("a.rs", "x;\n// because\ny;\nz; // so\nw;\nv;", false);
        let explained: Vec<_> = (0..6).map(|line| source.explained(line)).collect();
        assert_eq!(explained, [false, true, true, true, true, false]);
    }

    #[test]
    fn a_word_is_not_found_within_another() {
        let source = Source::new("a.rs", "undecided decide; decide_all", false);
        assert_eq!(source.words("decide").count(), 1);
    }
}
