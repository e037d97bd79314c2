//! The house rules that a machine can see, in a second and without any library. Prints
//! `file:line: message` for every breach and leaves with 1, or says how much it read and leaves
//! with 0; another folder than this repository can be named. The law itself is in `table.rs`; this
//! program never changes a file.

mod imports;
mod papers;
mod source;
mod table;
mod words;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use source::Source;

/// One breach. The line counts from 1.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    path: String,
    line: usize,
    message: String,
}

impl Breach {
    /// A breach on a zero-based line.
    pub fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: line + 1,
            message: message.into(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A file of ours that is text.
#[derive(Debug)]
pub struct Paper {
    path: String,
    text: String,
}

fn main() -> ExitCode {
    let here = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = std::env::args_os().nth(1).map_or_else(here, PathBuf::from);
    let papers = match read(&root) {
        Ok(papers) => papers,
        Err(error) => {
            eprintln!("tidy: {error}");
            return ExitCode::from(3);
        }
    };
    let breaches = judge(&papers, |path| root.join(path).exists());
    for breach in &breaches {
        println!("{breach}");
    }
    eprintln!("tidy: {} files, {} breaches", papers.len(), breaches.len());
    ExitCode::from(u8::from(!breaches.is_empty()))
}

/// Every breach, in order of files and lines.
fn judge(papers: &[Paper], exists: impl Fn(&str) -> bool) -> BTreeSet<Breach> {
    let sources = sources(papers);
    let mut breaches = BTreeSet::new();
    for source in &sources {
        breaches.extend(imports::check(source));
        breaches.extend(words::check(source));
    }
    for paper in papers {
        breaches.extend(papers::places(paper));
    }
    breaches.extend(papers::paths(papers, &exists));
    breaches.extend(papers::metrics(papers));
    breaches
}

/// The papers that are Rust. A file is a test where its place or its declaration says so.
fn sources(papers: &[Paper]) -> Vec<Source> {
    let rust = || papers.iter().filter(|paper| paper.path.ends_with(".rs"));
    let mut tests = BTreeSet::new();
    for paper in rust() {
        let source = Source::new(&paper.path, &paper.text, false);
        let folder = submodules(&paper.path);
        tests.extend(
            source
                .test_modules()
                .into_iter()
                .map(|name| format!("{folder}/{name}")),
        );
    }
    let is_test = |path: &str| {
        let declared = tests.iter().any(|module| {
            path == format!("{module}.rs") || path.starts_with(&format!("{module}/"))
        });
        let placed = path.starts_with("tests/") && !path.starts_with("tests/tidy/")
            || path.contains("/tests/") && !path.starts_with("tests/");
        declared || placed
    };
    rust()
        .map(|paper| Source::new(&paper.path, &paper.text, is_test(&paper.path)))
        .collect()
}

/// The folder in which the submodules of the file at `path` live.
fn submodules(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        name => format!("{folder}/{}", name.trim_end_matches(".rs")),
    }
}

/// All our text, in order of paths.
fn read(root: &Path) -> io::Result<Vec<Paper>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        // In a worktree `.git` is a file, and no text of ours.
        if path.is_file() && !path.ends_with(".git") {
            files.push(path);
        }
    }
    for folder in table::FOLDERS {
        let folder = root.join(folder);
        if folder.is_dir() {
            walk(&folder, &mut files)?;
        }
    }
    files.sort();
    let mut papers = Vec::new();
    for file in files {
        let path = name_of(root, &file);
        if table::GENERATED.contains(&path.as_str()) {
            continue;
        }
        // What is not UTF-8 is a picture or a fixture of broken bytes, not a text of ours.
        if let Ok(text) = String::from_utf8(fs::read(&file)?) {
            papers.push(Paper { path, text });
        }
    }
    Ok(papers)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn name_of(root: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(root).unwrap_or(file);
    inside.to_string_lossy().replace('\\', "/")
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

    #[test]
    fn a_file_declared_for_tests_only_may_do_what_tests_may() {
        let papers = [
            paper("src/engine/mod.rs", "//! e\n#[cfg(test)]\nmod oracle;\n"),
            paper("src/engine/oracle.rs", "//! o\nfn f() { x.unwrap(); }\n"),
            paper("src/engine/real.rs", "//! r\nfn f() { x.unwrap(); }\n"),
        ];
        let breaches: Vec<_> = judge(&papers, |_| true)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(breaches.len(), 1, "{breaches:?}");
        assert!(breaches[0].starts_with("src/engine/real.rs:2: "));
    }

    #[test]
    fn integration_tests_are_tests_and_this_program_is_not() {
        let papers = [
            paper("tests/it/main.rs", "//! i\nfn f() { x.unwrap(); }\n"),
            paper("tests/tidy/src/main.rs", "//! t\nfn f() { x.unwrap(); }\n"),
        ];
        let breaches = judge(&papers, |_| true);
        assert!(breaches.iter().all(|b| b.path == "tests/tidy/src/main.rs"));
        assert_eq!(breaches.len(), 1);
    }

    #[test]
    fn this_repository_is_read_whole_and_has_no_breach() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let papers = read(&root).unwrap_or_default();
        for path in [
            "ARCHITECTURE.md",
            "domain/src/lib.rs",
            "probes/src/lib.rs",
            "src/lib.rs",
            "tests/it/main.rs",
            "tests/tidy/src/table.rs",
        ] {
            assert!(papers.iter().any(|paper| paper.path == path), "{path}");
        }
        assert_eq!(
            judge(&papers, |path| root.join(path).exists()),
            BTreeSet::new()
        );
    }

    #[test]
    fn a_breach_prints_as_an_editor_can_follow_it() {
        let breach = Breach::new("src/lib.rs", 0, "no first line");
        assert_eq!(breach.to_string(), "src/lib.rs:1: no first line");
    }
}
