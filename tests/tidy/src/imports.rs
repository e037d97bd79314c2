//! Which module may use which. The table lists what each module of the service may import; libraries
//! belong to one module each; the modules of `domain` import each other without circles.

use std::collections::{BTreeMap, BTreeSet};

use crate::{File, Problem};

/// A module below `src/` and the modules that it may import. Every module may import [`LEAVES`].
const MODULES: &[(&str, &str)] = &[
    ("main", "app"),
    (
        "app",
        "cli config engine ledger notices reports samples subscriptions web",
    ),
    (
        "cli",
        "calendar_feed config desk engine ledger notices reports samples simulate web",
    ),
    (
        "simulate",
        "config desk engine ledger notices reports samples",
    ),
    (
        "web",
        "calendar_feed config engine ledger metrics notices reports samples subscriptions",
    ),
    ("metrics", "engine ledger samples"),
    ("subscriptions", "engine notices"),
    ("notices", "config engine"),
    ("reports", "config engine ledger samples"),
    ("engine", "config ledger samples"),
    ("calendar_feed", ""),
    ("ledger", ""),
    ("samples", ""),
    ("config", ""),
    ("desk", ""),
    ("clock", ""),
    ("digest", ""),
    ("files", ""),
    ("sentence", ""),
];

const LEAVES: &[&str] = &["clock", "digest", "files", "sentence"];

/// Text that only some places below `src/` may contain: libraries, and the call that decides.
const OWNED: &[(&str, &str)] = &[
    ("duckdb::", "src/samples"),
    // An import reads tables of another monitor's database; it never opens the ledger.
    ("rusqlite::", "src/ledger src/cli/import/database.rs"),
    ("lettre::", "src/notices"),
    (
        "reqwest::",
        "src/notices src/cli/remote.rs src/web/console/openid",
    ),
    ("openidconnect::", "src/web/console/openid"),
    ("icalendar::", "src/calendar_feed"),
    ("chrono::", "src/calendar_feed"),
    ("prometheus::", "src/metrics"),
    ("minijinja::", "src/notices src/reports src/web"),
    ("typeset::", "src/reports"),
    ("anyhow::", "src/cli"),
    (
        "probes::",
        "src/engine src/config src/cli src/app src/notices src/web",
    ),
    ("decide::decide", "src/engine/turn.rs"),
];

/// Every forbidden import of one file.
pub fn check(file: &File) -> Vec<Problem> {
    let Some(module) = module(&file.path, "src/") else {
        return Vec::new();
    };
    let Some((_, allowed)) = MODULES.iter().find(|(name, _)| *name == module) else {
        let message = format!("add `{module}` to the import table in tests/tidy/src/imports.rs");
        return vec![file.problem(1, message)];
    };
    let is_module = |name: &str| MODULES.iter().any(|(module, _)| *module == name);
    let mut problems = Vec::new();
    for (line, used) in imported(file, "src/") {
        let free = used == module
            || LEAVES.contains(&&*used)
            || allowed.split(' ').any(|name| name == used);
        if is_module(&used) && !free {
            problems.push(file.problem(line, format!("`{module}` must not import `{used}`")));
        }
    }
    for (line, text) in file.code() {
        for (owned, owners) in OWNED {
            let is_owner = owners.split(' ').any(|owner| file.path.starts_with(owner));
            if !is_owner && text.contains(owned) {
                let message = format!("only {} may use `{owned}`", owners);
                problems.push(file.problem(line, message));
            }
        }
    }
    problems
}

/// Imports of one crate that close a circle among its modules.
pub fn circles(root: &str, files: &[File]) -> Vec<Problem> {
    let mut graph: BTreeMap<&str, BTreeMap<String, Problem>> = BTreeMap::new();
    for file in files {
        let Some(module) = module(&file.path, root) else {
            continue;
        };
        for (line, used) in imported(file, root) {
            if used != module {
                let problem = file.problem(line, "");
                let used_by = graph.entry(module).or_default();
                used_by.entry(used).or_insert(problem);
            }
        }
    }
    let mut problems = Vec::new();
    for (module, imports) in &graph {
        for (used, place) in imports {
            if *module < used.as_str() && reaches(&graph, used, module) {
                let message = format!("`{module}` imports `{used}`, which leads back to it");
                problems.push(Problem {
                    message,
                    path: place.path.clone(),
                    line: place.line,
                });
            }
        }
    }
    problems
}

/// True if following imports from `from` leads to `to`.
fn reaches(graph: &BTreeMap<&str, BTreeMap<String, Problem>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        if module == to {
            return true;
        }
        if seen.insert(module) {
            let used = graph.get(module).into_iter().flatten();
            open.extend(used.map(|(used, _)| used.as_str()));
        }
    }
    false
}

/// The top-level module that a file belongs to; `None` outside of the crate and for its `lib.rs`.
fn module<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let inside = path.strip_prefix(root)?;
    let module = inside.split('/').next()?.trim_end_matches(".rs");
    (module != "lib").then_some(module)
}

/// The first name of each path from the crate's root, with its line: `crate::x`, `nines::x` (in
/// `main.rs`), `super::` up to the root, and each of `crate::{x, y::z}`, also over several lines.
fn imported(file: &File, root: &str) -> Vec<(usize, String)> {
    let depth = file.path[root.len()..].trim_end_matches("/mod.rs");
    let up = "super::".repeat(depth.matches('/').count() + 1);
    let code: Vec<(usize, &str)> = file.code().collect();
    let mut found = Vec::new();
    for (index, (line, text)) in code.iter().enumerate() {
        for prefix in ["crate::", "nines::", &up] {
            for (at, _) in text.match_indices(prefix) {
                if text[..at].ends_with(|c| is_name(c) || c == ':') {
                    continue;
                }
                let rest = &text[at + prefix.len()..];
                if let Some(group) = rest.strip_prefix('{') {
                    let later = code[index + 1..].iter().map(|(_, text)| *text);
                    let group: String = std::iter::once(group).chain(later).collect();
                    found.extend(first_names(&group).map(|name| (*line, name)));
                } else {
                    found.push((*line, name(rest).to_owned()));
                }
            }
        }
    }
    found
}

/// The first name of each entry of an import group, which starts behind its opening brace.
fn first_names(group: &str) -> impl Iterator<Item = String> {
    let mut nested = 0;
    let mut outer = String::new();
    for c in group.chars() {
        match c {
            '{' => nested += 1,
            '}' if nested == 0 => break,
            '}' => nested -= 1,
            c if nested == 0 => outer.push(c),
            _ => {}
        }
    }
    let entries: Vec<String> = outer
        .split(',')
        .map(|entry| name(entry.trim()).to_owned())
        .collect();
    entries.into_iter().filter(|name| !name.is_empty())
}

fn name(text: &str) -> &str {
    &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())]
}

pub fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{file, shown};

    fn problems(path: &str, code: &str) -> Vec<String> {
        shown(check(&file(path, code)))
    }

    #[test]
    fn a_module_imports_what_the_table_allows_and_nothing_else() {
        assert!(problems("src/engine/turn.rs", "use crate::ledger::Ledger;").is_empty());
        assert_eq!(
            problems(
                "src/ledger/mod.rs",
                "fn f() {}\nlet x = crate::engine::y();"
            ),
            ["src/ledger/mod.rs:2: `ledger` must not import `engine`"]
        );
        assert_eq!(problems("src/unlisted.rs", "").len(), 1);
        assert!(problems("src/lib.rs", "pub mod unlisted;").is_empty());
    }

    #[test]
    fn groups_of_imports_are_followed_over_lines() {
        let code = "use crate::{\n    files,\n    notices::{Courier, web},\n    engine,\n};";
        assert_eq!(
            problems("src/reports/html.rs", code),
            ["src/reports/html.rs:1: `reports` must not import `notices`"]
        );
    }

    #[test]
    fn the_way_up_to_the_root_is_followed() {
        let up = |path, code| problems(path, code).len();
        assert_eq!(up("src/ledger/mod.rs", "use super::engine::X;"), 1);
        assert_eq!(up("src/ledger/row.rs", "use super::super::engine::X;"), 1);
        assert_eq!(up("src/ledger/row.rs", "use super::engine::X;"), 0);
    }

    #[test]
    fn comments_and_test_modules_import_what_they_like() {
        let code = "// crate::engine\n#[cfg(test)]\nmod tests {\n    use crate::engine::X;\n}";
        assert!(problems("src/ledger/mod.rs", code).is_empty());
        assert!(problems("src/ledger/tests.rs", "use crate::engine::X;").is_empty());
    }

    #[test]
    fn a_library_belongs_to_one_module_and_one_file_decides() {
        assert!(problems("src/samples/writer.rs", "use duckdb::Connection;").is_empty());
        assert_eq!(
            problems("src/web/mod.rs", "use duckdb::Connection;").len(),
            1
        );
        let call = "domain::decide::decide(&watch, &record, at, &input)?;";
        assert!(problems("src/engine/turn.rs", call).is_empty());
        assert_eq!(problems("src/engine/handle.rs", call).len(), 1);
    }

    #[test]
    fn a_circle_of_imports_is_found_however_long() {
        let files = [
            file("domain/src/a.rs", "use crate::b::B;"),
            file("domain/src/b/mod.rs", "use super::c;"),
            file("domain/src/c.rs", "//! c\nuse crate::a::A;"),
            file("domain/src/d.rs", "use crate::a;"),
        ];
        assert!(!circles("domain/src/", &files).is_empty());
        assert!(circles("domain/src/", &files[1..]).is_empty());
    }
}
