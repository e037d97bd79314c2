//! Paths that documents and comments name in backquotes or links exist.

use crate::imports::is_name;
use crate::{File, Problem};

/// A path is checked if it begins like this; any other belongs to the reader's machine.
const ROOTS: &[&str] = &[
    ".ci/",
    "benches/",
    "demo/",
    "docs/",
    "domain/",
    "grafana/",
    "probes/",
    "report_templates/",
    "scripts/",
    "src/",
    "tests/",
    "values/",
];

/// Paths of this repository that a document or a comment names and that do not exist.
pub fn check(files: &[File]) -> Vec<Problem> {
    let exists = |path: &str| {
        let folder = format!("{}/", path.trim_end_matches('/'));
        files
            .iter()
            .any(|file| file.path == path || file.path.starts_with(&folder))
    };
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.path != "CHANGELOG.md") {
        let is_document = file.path.ends_with(".md");
        for (line, text) in file.lines() {
            if !is_document && !text.trim_start().starts_with("//") {
                continue;
            }
            for path in quoted(text).filter(|path| is_path(path)) {
                if !exists(fixed_part(path)) {
                    problems.push(file.problem(line, format!("`{path}` does not exist")));
                }
            }
        }
    }
    problems
}

/// The text in backquotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_path(text: &str) -> bool {
    let plain = |c: char| is_name(c) || "/.-*<>{},".contains(c);
    let is_root_file = !text.contains('/') && text.ends_with(".md");
    (is_root_file || ROOTS.iter().any(|root| text.starts_with(root))) && text.chars().all(plain)
}

/// The path up to its first placeholder.
fn fixed_part(path: &str) -> &str {
    match path.find(['*', '<', '{']) {
        Some(at) => path[..at].rsplit_once('/').map_or("", |(folder, _)| folder),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{file, shown};

    #[test]
    fn a_named_path_must_exist() {
        let map = "`src/turn.rs`, `src/`, `src/<kind>/x.rs`, `docs/gone.md`, `data/lock`, `NO.md`";
        let files = [
            file("ARCHITECTURE.md", map),
            file("src/turn.rs", "// `src/gone.rs` gone"),
        ];
        assert_eq!(
            shown(check(&files)),
            [
                "ARCHITECTURE.md:1: `docs/gone.md` does not exist",
                "ARCHITECTURE.md:1: `NO.md` does not exist",
                "src/turn.rs:1: `src/gone.rs` does not exist",
            ]
        );
    }

    #[test]
    fn a_placeholder_ends_the_part_that_must_exist() {
        assert_eq!(fixed_part("config/systems/*.toml"), "config/systems");
        assert_eq!(fixed_part("a/<kind>/b.j2"), "a");
    }

    #[test]
    fn routes_types_and_commands_are_no_paths() {
        for text in ["/metrics", "outage::State", "data/lock", "", "docs/a b"] {
            assert!(!is_path(text), "{text}");
        }
    }
}
