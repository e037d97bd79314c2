//! Types of the domain stay out of JSON and templates: what `src/web/` writes for others has fields of its own, so that a
//! change of the domain cannot show what a page or an answer must hide.

use std::collections::BTreeSet;

use crate::imports::is_name;
use crate::{File, Problem};

/// A command and the service on the same machine are one program, and exchange acts and notices as they are.
const EXEMPT: &[&str] = &["src/web/state.rs"];

/// Every field of a type of the domain in a type that is written as JSON or into a template.
pub fn check(file: &File) -> Vec<Problem> {
    if !file.path.starts_with("src/web/") || EXEMPT.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let imported = imported(file);
    let mut problems = Vec::new();
    let (mut is_derived, mut is_inside, mut is_skipped) = (false, false, false);
    for (line, text) in file.code() {
        let trimmed = text.trim();
        if trimmed.starts_with("#[derive(") {
            is_derived = ["Serialize", "ToSchema"]
                .iter()
                .any(|d| trimmed.contains(d));
        } else if is_derived && is_type(trimmed) {
            is_inside = !trimmed.ends_with(';');
            is_derived = false;
        } else if trimmed == "}" || trimmed.starts_with("impl") || trimmed.starts_with("fn ") {
            is_inside = false;
        } else if trimmed.starts_with('#') {
            is_skipped |= is_inside && trimmed.contains("serde(skip)");
        } else if std::mem::take(&mut is_skipped) {
            // The program keeps it for itself.
        } else if is_inside {
            let written = trimmed
                .split_once(':')
                .map_or(trimmed, |(_, written)| written);
            let mut words = written.split(|c| !is_name(c)).filter(|w| !w.is_empty());
            if let Some(word) = words.find(|word| *word == "domain" || imported.contains(*word)) {
                let message = format!(
                    "`{word}` is of the domain and would be written out: convert it into a type of this module"
                );
                problems.push(file.problem(line, message));
            }
        }
    }
    problems
}

fn is_type(text: &str) -> bool {
    let text = text.trim_start_matches("pub").trim_start();
    let text = match text.strip_prefix('(') {
        Some(rest) => rest
            .split_once(')')
            .map_or(rest, |(_, rest)| rest)
            .trim_start(),
        None => text,
    };
    text.starts_with("struct ") || text.starts_with("enum ")
}

/// The names that a file imports from the domain.
fn imported(file: &File) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_open = false;
    for (_, text) in file.code() {
        let trimmed = text.trim();
        is_open |= trimmed.starts_with("use domain::");
        if is_open {
            let words = trimmed.split(|c| !is_name(c));
            let types = words.filter(|word| word.starts_with(char::is_uppercase));
            names.extend(types.map(str::to_owned));
            is_open = !trimmed.ends_with(';');
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{file, shown};

    fn problems(code: &str) -> Vec<String> {
        shown(check(&file("src/web/x.rs", code)))
    }

    #[test]
    fn a_type_of_the_domain_in_an_answer_is_found() {
        let code = "use domain::notice::{\n    Kind,\n    Notice,\n};\n#[derive(Debug, Serialize)]\npub(super) struct A {\n    \
                    a: Vec<Notice>,\n    b: String,\n    c: domain::id::SystemId,\n}\n";
        let found = problems(code);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("src/web/x.rs:7: `Notice`"),
            "{found:?}"
        );
        assert!(
            found[1].starts_with("src/web/x.rs:9: `domain`"),
            "{found:?}"
        );
    }

    #[test]
    fn types_that_are_not_written_out_hold_what_they_like() {
        let inside =
            "use domain::notice::Notice;\n#[derive(Debug)]\nstruct A {\n    a: Notice,\n}\n";
        assert!(problems(inside).is_empty());
        let own = "use domain::notice::Notice;\n#[derive(Serialize)]\nstruct A {\n    a: String,\n    #[serde(skip)]\n    b: Notice,\n}\n\n\
                   fn f(a: Notice) {}\n";
        assert!(problems(own).is_empty());
        let elsewhere = file(
            "src/engine/x.rs",
            "use domain::a::B;\n#[derive(Serialize)]\nstruct A {\n    a: B,\n}\n",
        );
        assert!(check(&elsewhere).is_empty());
    }
}
