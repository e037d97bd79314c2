//! What the page of promises names as evidence is there: a test that was renamed or taken away
//! would leave its promise shown by nothing, and nobody would notice for a year.

use crate::papers::quoted;
use crate::table::FOLDERS;
use crate::{Breach, Paper};

/// The page.
pub const PAGE: &str = "docs/promises.md";

/// Evidence in the page's tables that there is not: `file::name`, where a name without its file
/// belongs to the file before it on the line, and files in commands, whatever their ending.
pub fn check(papers: &[Paper], exists: impl Fn(&str) -> bool) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let Some(page) = papers.iter().find(|paper| paper.path == PAGE) else {
        return breaches;
    };
    let rows = page.text.lines().enumerate();
    for (line, row) in rows.filter(|(_, row)| row.starts_with('|')) {
        let mut last = "";
        for (file, name) in quoted(row).filter_map(|quoted| quoted.rsplit_once("::")) {
            if !file.is_empty() {
                last = file;
            }
            let message = match papers.iter().find(|paper| paper.path == last) {
                None => format!("`{last}` does not exist"),
                Some(paper) if !has(paper, name) => format!("`{last}` has no test `{name}`"),
                Some(_) => continue,
            };
            breaches.push(Breach::new(PAGE, line, message));
        }
        let words = quoted(row).flat_map(str::split_whitespace);
        for path in words.filter(|word| is_ours(word) && !exists(word)) {
            let message = format!("`{path}` does not exist");
            breaches.push(Breach::new(PAGE, line, message));
        }
    }
    breaches
}

/// Whether a word is a path below one of our folders, and no test.
fn is_ours(word: &str) -> bool {
    let folder = word.split_once('/').map(|(folder, _)| folder);
    folder.is_some_and(|folder| FOLDERS.contains(&folder)) && !word.contains("::")
}

/// Whether the file has a test of this name: a Rust function that the harness runs, or a function
/// of a script.
fn has(paper: &Paper, name: &str) -> bool {
    if paper.path.ends_with(".py") {
        let head = format!("def {name}(");
        return paper.text.lines().any(|line| line.starts_with(&head));
    }
    let head = format!("fn {name}(");
    let lines: Vec<&str> = paper.text.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let above = lines[..at].iter().rev();
        let mut attributes =
            above.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        let named = line.strip_prefix("async ").unwrap_or(line);
        named.starts_with(&head)
            && attributes
                .any(|line| line.starts_with("#[test") || line.starts_with("#[tokio::test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(path: &str, text: &str) -> Paper {
        Paper {
            path: path.into(),
            text: text.into(),
        }
    }

    fn told(row: &str) -> Vec<String> {
        let rust = "#[test]\nfn kept() {}\n\n    #[tokio::test]\n    // Why.\n    async fn waits() {}\n\nfn helper() {}\n";
        let papers = [
            paper("a/tests/x.rs", rust),
            paper("b/y.py", "def seen(house):\n    def inner():\n"),
            paper(PAGE, row),
        ];
        check(&papers, |path| path == "benches/run")
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_test_that_the_page_names_must_be_a_test_of_that_file() {
        assert!(told("| it | `a/tests/x.rs::kept` `::waits` `b/y.py::seen` |").is_empty());
        assert_eq!(
            told("head\n| it | `a/tests/x.rs::kept` `::gone` |"),
            ["docs/promises.md:2: `a/tests/x.rs` has no test `gone`"]
        );
        // Neither a part of a name, nor what no harness runs, nor another file's.
        for name in ["kep", "helper", "seen"] {
            assert_eq!(told(&format!("| it | `a/tests/x.rs::{name}` |")).len(), 1);
        }
        assert_eq!(told("| it | `b/y.py::seen` `::inner` |").len(), 1);
        assert_eq!(
            told("| it | `a/z.rs::kept` |"),
            ["docs/promises.md:1: `a/z.rs` does not exist"]
        );
    }

    #[test]
    fn a_file_that_a_command_names_must_exist() {
        assert!(told("| it | `benches/run --seconds 4`, `a/b`, `make test` |").is_empty());
        assert_eq!(
            told("| it | `FEW=1 scripts/gone --all` |"),
            ["docs/promises.md:1: `scripts/gone` does not exist"]
        );
    }

    #[test]
    fn words_outside_of_the_tables_name_no_evidence() {
        assert!(told("* `path/to/file.rs::name` is a test").is_empty());
        assert!(told("| a `make test` | of `x` and nothing |").is_empty());
    }
}
