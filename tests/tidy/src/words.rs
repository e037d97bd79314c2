//! What must not stand in a file of Rust, and how long files and functions may be.

use crate::Breach;
use crate::source::{Source, closing, is_name};
use crate::table;

/// Every such breach in one file.
pub fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    breaches.extend(opening(source));
    breaches.extend(length(source));
    breaches.extend(functions(source));
    breaches.extend(unfinished(source));
    breaches.extend(panics(source));
    breaches.extend(sleeps(source));
    breaches.extend(half_files(source));
    breaches.extend(names(source));
    breaches
}

fn opening(source: &Source) -> Option<Breach> {
    let says = source.text.starts_with("//! ");
    let message = "a file opens with `//!`: what it is for and what it must never do";
    (!says).then(|| Breach::new(&source.path, 0, message))
}

fn length(source: &Source) -> Option<Breach> {
    let lines = source.text.lines().count();
    let message = format!("{lines} lines; {} are the most", table::FILE_LINES);
    (lines > table::FILE_LINES).then(|| Breach::new(&source.path, lines - 1, message))
}

/// Functions outside of tests, from their `fn` to their closing brace.
fn functions(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for at in source.words("fn") {
        let Some((name, open)) = function(&source.code, at) else {
            continue;
        };
        let Some(close) = closing(&source.code, open) else {
            continue;
        };
        let (first, last) = (source.line(at), source.line(close));
        let lines = last - first + 1;
        if lines > table::FUNCTION_LINES && !source.test[first] {
            let most = table::FUNCTION_LINES;
            let message = format!("`{name}` has {lines} lines; {most} are the most");
            breaches.push(Breach::new(&source.path, first, message));
        }
    }
    breaches
}

/// The name of the function whose `fn` stands at `at`, and its opening brace; none for a pointer
/// to one and for one without a body.
fn function(code: &str, at: usize) -> Option<(&str, usize)> {
    let rest = code[at..].strip_prefix("fn ")?.trim_start();
    let name = &rest[..rest.find(|c| !is_name(c))?];
    if name.is_empty() {
        return None;
    }
    let mut nested = 0usize;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '(' | '[' => nested += 1,
            ')' | ']' => nested = nested.saturating_sub(1),
            ';' if nested == 0 => return None,
            '{' if nested == 0 => return Some((name, at + offset)),
            _ => {}
        }
    }
    None
}

fn unfinished(source: &Source) -> Vec<Breach> {
    let banned = [
        ("todo!", "unfinished work is not merged"),
        ("unimplemented!", "unfinished work is not merged"),
        ("dbg!", "a trace of debugging"),
        ("#[ignore", "a test that does not run proves nothing"),
        ("serde(flatten", "it loses places and unknown keys"),
        ("serde(untagged", "it loses places and reasons"),
    ];
    let mut breaches = Vec::new();
    for (word, why) in banned {
        for (at, _) in source.code.match_indices(word) {
            let message = format!("`{word}`: {why}");
            breaches.push(Breach::new(&source.path, source.line(at), message));
        }
    }
    breaches
}

fn panics(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for call in [".unwrap()", ".expect(", "panic!", "unreachable!"] {
        for (at, _) in source.code.match_indices(call) {
            let line = source.line(at);
            if !source.test[line] && !source.explained(line) {
                let message = format!("`{call}` without a comment that shows why it cannot fire");
                breaches.push(Breach::new(&source.path, line, message));
            }
        }
    }
    breaches
}

/// A test waits for a condition, not for a time; where a slow peer is played, the line says so.
fn sleeps(source: &Source) -> Vec<Breach> {
    let lines: Vec<_> = source.text.lines().collect();
    let said = |line: usize| {
        let from = line.saturating_sub(1);
        lines[from..=line]
            .iter()
            .any(|text| text.contains("// scripted delay"))
    };
    let mut breaches = Vec::new();
    for word in ["sleep", "sleep_until"] {
        for at in source.words(word) {
            let line = source.line(at);
            let called = source.code[at + word.len()..].starts_with('(');
            if called && source.test[line] && !said(line) {
                let message =
                    "a test that sleeps: wait for the condition, or say `// scripted delay`";
                breaches.push(Breach::new(&source.path, line, message));
            }
        }
    }
    breaches
}

/// A crash in the middle of `fs::write` leaves half a file.
fn half_files(source: &Source) -> Vec<Breach> {
    let writes = source.code.match_indices("fs::write(");
    let lines = writes.map(|(at, _)| source.line(at));
    lines
        .filter(|line| source.path != table::WRITES && !source.test[*line])
        .map(|line| {
            let message = format!("use {}: write beside, sync, rename", table::WRITES);
            Breach::new(&source.path, line, message)
        })
        .collect()
}

fn names(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for keyword in ["struct", "enum", "trait", "type", "mod"] {
        for at in source.words(keyword) {
            let rest = source.code[at + keyword.len()..].trim_start();
            let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
            let empty = table::EMPTY_NAMES.iter().find(|word| {
                let small = word.to_lowercase();
                name.contains(*word) || name == small || name == format!("{small}s")
            });
            if let Some(word) = empty {
                let message = format!("`{name}`: `{word}` says nothing of what it is");
                breaches.push(Breach::new(&source.path, source.line(at), message));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(code: &str) -> Vec<String> {
        let text = format!("//! A file.\n{code}");
        check(&Source::new("src/a.rs", &text, false))
            .into_iter()
            .map(|breach| breach.to_string())
            .collect()
    }

    #[test]
    fn a_file_says_first_what_it_is_for() {
        let found = check(&Source::new("src/a.rs", "use x;\n", false));
        assert_eq!(found.len(), 1);
        assert!(breaches("use x;").is_empty());
    }

    #[test]
    fn a_file_of_eight_hundred_lines_is_the_longest() {
        assert!(breaches(&"\n".repeat(799)).is_empty());
        assert_eq!(breaches(&"\n".repeat(800)).len(), 1);
    }

    #[test]
    fn a_function_of_seventy_lines_is_the_longest() {
        let function = |lines: usize| format!("fn f() {{{}}}\n", "\n".repeat(lines - 1));
        assert!(breaches(&function(70)).is_empty());
        assert_eq!(breaches(&function(71)).len(), 1);
        assert!(breaches(&format!("#[test]\n{}", function(71))).is_empty());
    }

    #[test]
    fn a_declaration_without_a_body_has_no_length() {
        let code = format!(
            "trait T {{ fn f(a: [u8; 3]); fn g(); }}\n{}",
            "\n".repeat(80)
        );
        assert!(breaches(&code).is_empty());
    }

    #[test]
    fn unfinished_work_is_found_in_code_and_not_in_words_about_it() {
        assert_eq!(breaches("fn f() { todo!() }").len(), 1);
        assert_eq!(
            breaches("#[test]\n#[ignore = \"slow\"]\nfn f() {}").len(),
            1
        );
        assert!(breaches("// no todo!\nconst A: &str = \"todo!\";").is_empty());
    }

    #[test]
    fn a_panic_needs_its_proof() {
        assert_eq!(breaches("fn f() { x.unwrap(); }").len(), 1);
        assert_eq!(breaches("fn f() { x.expect(\"y\"); }").len(), 1);
        assert!(breaches("// There is always one.\nlet y = x.unwrap();").is_empty());
        assert!(breaches("let y = x.unwrap(); // There is always one.").is_empty());
        assert!(breaches("let y = x.unwrap_or(3);").is_empty());
        assert_eq!(breaches("fn f() { panic!(\"y\"); }").len(), 1);
        assert_eq!(breaches("fn f() { g(|| unreachable!()); }").len(), 1);
        assert!(breaches("// All are named above.\n_ => unreachable!(),").is_empty());
        assert!(breaches("#[test]\nfn f() { panic!(); }").is_empty());
        assert!(breaches("std::panic::catch_unwind(f);").is_empty());
    }

    #[test]
    fn a_test_does_not_sleep_unless_it_plays_a_slow_peer() {
        assert_eq!(breaches("#[test]\nfn f() {\n    sleep(x);\n}").len(), 1);
        assert!(breaches("#[test]\nfn f() {\n    sleep(x); // scripted delay\n}").is_empty());
        assert!(breaches("fn f() { sleep(x); }").is_empty());
    }

    #[test]
    fn a_file_is_written_beside_and_renamed() {
        assert_eq!(breaches("fn f() { std::fs::write(a, b); }").len(), 1);
        assert!(breaches("#[test]\nfn f() { std::fs::write(a, b); }").is_empty());
    }

    #[test]
    fn a_name_that_says_nothing_is_refused() {
        assert_eq!(breaches("struct ProbeManager;").len(), 1);
        assert_eq!(breaches("mod utils;").len(), 1);
        assert!(breaches("struct Courier;").is_empty());
    }
}
