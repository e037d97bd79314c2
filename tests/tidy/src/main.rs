//! Checks of the repository that neither clippy nor cargo-deny can make. Prints `file:line: message` for
//! each problem and exits with 1 if there is one. Reads text line by line; it does not parse Rust.

mod documents;
mod imports;
mod metrics;
mod wire;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

/// Folders that hold no text of this repository.
const SKIPPED: &[&str] = &[".git", ".duckdb", "target", "data", "dist", "nines-demo"];

const FILE_LINES: usize = 800;

/// Text that no file may contain. Each is written in two parts so that this file passes.
const BANNED: &[(&str, &str, &str)] = &[
    ("tod", "o!(", "finish it before it is merged"),
    ("#[ign", "ore", "a test that never runs proves nothing"),
    ("serde(flat", "ten", "it loses spans and unknown keys"),
    ("serde(unta", "gged", "it loses spans and reasons"),
    ("/ro", "ot/", "a path of one machine"),
    ("/wo", "rk/", "a path of one machine"),
    ("/ho", "me/", "a path of one machine"),
    ("/t", "mp/", "use a temporary folder"),
];

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    path: String,
    /// Counts from 1.
    line: usize,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A text file of the repository. The path is relative to the root and uses `/`.
#[derive(Debug)]
struct File {
    path: String,
    text: String,
}

impl File {
    fn problem(&self, line: usize, message: impl Into<String>) -> Problem {
        Problem {
            path: self.path.clone(),
            line,
            message: message.into(),
        }
    }

    /// The lines with their numbers, which count from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(n, text)| (n + 1, text))
    }

    /// The lines of production code, without comments: nothing of a test file, and nothing after
    /// the line that opens a test module.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.path.contains("tests/") || self.path.ends_with("tests.rs");
        let end = self.text.find("#[cfg(test)]\nmod tests {");
        let end = end.map_or(usize::MAX, |at| self.text[..at].lines().count());
        self.lines()
            .take_while(move |(line, _)| !is_test && *line <= end)
            .map(|(line, text)| (line, text.split("//").next().unwrap_or(text)))
    }
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = match read(&root) {
        Ok(files) => files,
        Err(error) => {
            eprintln!("tidy: {error}");
            return ExitCode::from(3);
        }
    };
    let problems = check(&files);
    for problem in &problems {
        println!("{problem}");
    }
    eprintln!("tidy: {} files, {} problems", files.len(), problems.len());
    ExitCode::from(u8::from(!problems.is_empty()))
}

/// Every problem, sorted by file and line.
fn check(files: &[File]) -> BTreeSet<Problem> {
    let mut problems = BTreeSet::new();
    for file in files {
        problems.extend(contents(file));
        if file.path.ends_with(".rs") {
            problems.extend(imports::check(file));
            problems.extend(wire::check(file));
        }
    }
    problems.extend(imports::circles("domain/src/", files));
    problems.extend(documents::check(files));
    problems.extend(metrics::check(files));
    problems
}

/// Banned text, files that are too long, and Rust files that do not say what they are for.
fn contents(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (line, text) in file.lines() {
        for (start, end, why) in BANNED {
            let banned = format!("{start}{end}");
            if text.contains(&banned) {
                problems.push(file.problem(line, format!("`{banned}`: {why}")));
            }
        }
    }
    if file.path.ends_with(".rs") {
        if !file.text.starts_with("//! ") {
            problems.push(file.problem(1, "start the file with `//!` and its purpose"));
        }
        let lines = file.text.lines().count();
        if lines > FILE_LINES {
            let message = format!("{lines} lines; split it below {FILE_LINES}");
            problems.push(file.problem(lines, message));
        }
    }
    problems
}

/// Every text file, sorted by path.
fn read(root: &Path) -> io::Result<Vec<File>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if SKIPPED.contains(&&*name) || name == "Cargo.lock" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    let relative = |path: &PathBuf| {
        let inside = path.strip_prefix(root).unwrap_or(path);
        inside.to_string_lossy().replace('\\', "/")
    };
    let mut files = Vec::new();
    for path in &found {
        // A file that is not UTF-8 is a picture or a test input.
        if let Ok(text) = String::from_utf8(fs::read(path)?) {
            files.push(File {
                path: relative(path),
                text,
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn file(path: &str, text: &str) -> File {
        File {
            path: path.into(),
            text: text.into(),
        }
    }

    pub(crate) fn shown(problems: impl IntoIterator<Item = Problem>) -> Vec<String> {
        problems.into_iter().map(|p| p.to_string()).collect()
    }

    #[test]
    fn this_repository_is_read_whole_and_has_no_problem() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let files = read(&root).unwrap_or_default();
        for path in ["README.md", "domain/src/lib.rs", "src/lib.rs", ".ci/run"] {
            assert!(files.iter().any(|file| file.path == path), "{path}");
        }
        assert_eq!(shown(check(&files)), [""; 0]);
    }

    #[test]
    fn banned_text_long_files_and_missing_purposes_are_found() {
        let unfinished = ["//! A.\nfn f() { tod", "o!() }"].concat();
        assert_eq!(contents(&file("src/a.rs", &unfinished)).len(), 1);
        let elsewhere = ["see /wo", "rk/x"].concat();
        assert_eq!(contents(&file("docs/a.md", &elsewhere)).len(), 1);
        assert_eq!(contents(&file("src/a.rs", "use x;\n")).len(), 1);
        let long = |lines: usize| format!("//! A.\n{}", "\n".repeat(lines - 1));
        assert!(contents(&file("src/a.rs", &long(800))).is_empty());
        assert_eq!(contents(&file("src/a.rs", &long(801))).len(), 1);
    }

    #[test]
    fn code_ends_where_the_test_module_begins() {
        let text = "//! A.\nuse a; // why\n#[cfg(test)]\nmod tests {\nuse b;\n}\n";
        let file = file("src/a.rs", text);
        let code: Vec<_> = file.code().map(|(_, text)| text).collect();
        assert_eq!(code, ["", "use a; "]);
        let test = super::File {
            path: "src/tests/a.rs".into(),
            ..file
        };
        assert_eq!(test.code().count(), 0);
    }
}
