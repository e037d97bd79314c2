//! Who may use whom: the rooms of the service by the table, libraries by the room that owns them,
//! the clock and the decision by the one file each. Tests may use what they like.

use crate::Breach;
use crate::source::{Source, closing, is_name};
use crate::table;

/// Every breach of the import table in one file.
pub fn check(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if let Some(room) = room_of(&source.path) {
        breaches.extend(rooms(source, room));
    }
    breaches.extend(libraries(source));
    breaches.extend(decision(source));
    breaches.extend(clocks(source));
    breaches.retain(|breach| !source.test[breach.line - 1]);
    breaches
}

/// The room of a file under `src/`, none for `lib.rs`, which only declares them.
fn room_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let room = inside.split('/').next()?.trim_end_matches(".rs");
    (room != "lib").then_some(room)
}

fn rooms(source: &Source, room: &str) -> Vec<Breach> {
    let Some((_, allowed)) = table::ROOMS.iter().find(|(name, _)| *name == room) else {
        let message = format!("the room `{room}` is not in the import table of tests/tidy");
        return vec![Breach::new(&source.path, 0, message)];
    };
    let is_room = |name: &str| table::ROOMS.iter().any(|(room, _)| *room == name);
    let mut breaches = Vec::new();
    for (at, used) in roots(source) {
        let free = used == room || table::LEAVES.contains(&used) || allowed.contains(&used);
        if is_room(used) && !free {
            let message = format!("`{room}` may not use `{used}` (see tests/tidy/src/table.rs)");
            breaches.push(Breach::new(&source.path, source.line(at), message));
        }
        if used == "app" && room != "app" && reaches_inside(&source.code[at..]) {
            let message = "the insides of `app` are its own: use what `app` itself offers";
            breaches.push(Breach::new(&source.path, source.line(at), message));
        }
    }
    breaches
}

/// The first name after every path to the root of the crate, with its place: `crate::x`,
/// `nines::x` (from `main.rs`), `super::super::x`, and each of `crate::{x, y::z}`.
fn roots(source: &Source) -> Vec<(usize, &str)> {
    let code = &source.code;
    let up = format!("{}::", vec!["super"; depth(&source.path)].join("::"));
    let mut found = Vec::new();
    for prefix in ["crate::", "nines::", &up] {
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| is_name(c) || c == ':') {
                continue;
            }
            let start = at + prefix.len();
            if code[start..].starts_with('{') {
                found.extend(group(code, start));
            } else {
                found.push((start, name_at(code, start)));
            }
        }
    }
    found
}

/// How many modules a file lies below the root of its crate.
fn depth(path: &str) -> usize {
    let below = path.matches('/').count();
    if path.ends_with("/mod.rs") {
        below - 1
    } else {
        below
    }
}

/// The first names of `{a::b, c, d::{e, f}}`.
fn group(code: &str, open: usize) -> Vec<(usize, &str)> {
    let Some(close) = closing(code, open) else {
        return Vec::new();
    };
    let mut depth = 0;
    let mut expected = true;
    let mut names = Vec::new();
    for (offset, c) in code[open + 1..close].char_indices() {
        let at = open + 1 + offset;
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => expected = true,
            c if expected && is_name(c) => {
                names.push((at, name_at(code, at)));
                expected = false;
            }
            _ => {}
        }
    }
    names
}

fn name_at(code: &str, at: usize) -> &str {
    let rest = &code[at..];
    &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())]
}

/// Whether a path that starts with `app` goes through a module within it.
fn reaches_inside(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("app::") else {
        return false;
    };
    let next = name_at(rest, 0);
    next.starts_with(char::is_lowercase) && rest[next.len()..].starts_with("::")
}

fn libraries(source: &Source) -> Vec<Breach> {
    if !source.path.starts_with("src/") {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for (library, homes) in table::LIBRARIES {
        if homes.iter().any(|home| source.path.starts_with(home)) {
            continue;
        }
        for at in source.words(library) {
            let is_path = source.code[at + library.len()..].starts_with("::");
            let is_inner = source.code[..at].ends_with("::") || source.code[..at].ends_with('.');
            if is_path && !is_inner {
                let message = format!("only {} may name `{library}`", homes.join(", "));
                breaches.push(Breach::new(&source.path, source.line(at), message));
            }
        }
    }
    breaches
}

/// `domain::decide::Input` is a word that many need; the function `decide` is for one.
fn decision(source: &Source) -> Vec<Breach> {
    if !source.path.starts_with("src/") || source.path == table::DECIDES {
        return Vec::new();
    }
    source
        .words("decide")
        .filter(|at| {
            let before = &source.code[..*at];
            let after = &source.code[at + "decide".len()..];
            let called = after.starts_with('(') && !before.ends_with("fn ");
            let imported = before.ends_with("decide::") && !after.starts_with("::");
            let grouped = in_group_of(before, "decide::{");
            called || imported || grouped
        })
        .map(|at| {
            let message = format!("only {} may ask for a decision", table::DECIDES);
            Breach::new(&source.path, source.line(at), message)
        })
        .collect()
}

/// Whether the last brace opened in `before` is that of `opening`, and still open.
fn in_group_of(before: &str, opening: &str) -> bool {
    before
        .rfind(opening)
        .is_some_and(|at| !before[at..].contains('}'))
}

fn clocks(source: &Source) -> Vec<Breach> {
    let ours = ["src/", "domain/", "probes/"];
    if source.path == table::CLOCK || !ours.iter().any(|crate_| source.path.starts_with(crate_)) {
        return Vec::new();
    }
    let mut breaches = Vec::new();
    for clock in ["Timestamp", "Zoned", "SystemTime", "Instant"] {
        if clock == "Instant" && source.path.starts_with(table::MEASURES) {
            continue;
        }
        let call = format!("{clock}::now");
        for at in source.words(&call) {
            let message = format!("only {} may read a clock", table::CLOCK);
            breaches.push(Breach::new(&source.path, source.line(at), message));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, code: &str) -> Vec<String> {
        check(&Source::new(path, code, false))
            .into_iter()
            .map(|breach| breach.to_string())
            .collect()
    }

    #[test]
    fn a_room_may_use_what_the_table_allows_and_nothing_else() {
        assert!(breaches("src/engine/turn.rs", "use crate::ledger::Ledger;").is_empty());
        let found = breaches("src/ledger/mod.rs", "fn f() {}\nuse crate::engine::handle;");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("src/ledger/mod.rs:2: `ledger` may not use `engine`"));
    }

    #[test]
    fn a_group_of_imports_is_looked_into() {
        let code = "use crate::{\n    files,\n    notices::{Courier, preview},\n    engine,\n};";
        let found = breaches("src/reports/html.rs", code);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("src/reports/html.rs:3:"));
    }

    #[test]
    fn the_way_up_to_the_root_is_followed() {
        assert_eq!(
            breaches("src/ledger/mod.rs", "use super::engine::X;").len(),
            1
        );
        assert_eq!(
            breaches("src/ledger/chain.rs", "use super::super::engine::X;").len(),
            1
        );
        assert!(breaches("src/ledger/chain.rs", "use super::engine::X;").is_empty());
    }

    #[test]
    fn words_in_comments_and_tests_are_free() {
        let code = "// crate::engine\n#[cfg(test)]\nmod tests {\n    use crate::engine::X;\n}";
        assert!(breaches("src/ledger/mod.rs", code).is_empty());
    }

    #[test]
    fn a_room_without_a_row_is_refused() {
        assert_eq!(breaches("src/attic/mod.rs", "").len(), 1);
        assert!(breaches("src/lib.rs", "pub mod attic;").is_empty());
    }

    #[test]
    fn the_insides_of_app_are_its_own() {
        assert!(breaches("src/cli/run.rs", "crate::app::run(options);").is_empty());
        assert!(breaches("src/cli/run.rs", "crate::app::Options::default();").is_empty());
        assert_eq!(
            breaches("src/cli/run.rs", "crate::app::wiring::run();").len(),
            1
        );
    }

    #[test]
    fn a_library_has_one_room() {
        assert!(breaches("src/samples/writer.rs", "use duckdb::Connection;").is_empty());
        assert_eq!(
            breaches("src/reports/gather.rs", "use duckdb::Connection;").len(),
            1
        );
        assert!(breaches("src/reports/gather.rs", "samples.duckdb();").is_empty());
        assert!(breaches("src/reports/gather.rs", "crate::samples::duckdb::x;").is_empty());
    }

    #[test]
    fn one_file_decides() {
        let call = "let events = decide::decide(&watch, &record, at, &input)?;";
        assert!(breaches("src/engine/turn.rs", call).is_empty());
        assert_eq!(breaches("src/engine/handle.rs", call).len(), 1);
        assert_eq!(
            breaches("src/engine/handle.rs", "use domain::decide::decide;").len(),
            1
        );
        assert_eq!(
            breaches(
                "src/engine/handle.rs",
                "use domain::decide::{Input, decide};"
            )
            .len(),
            1
        );
        assert!(breaches("src/engine/handle.rs", "use domain::decide::Input;").is_empty());
    }

    #[test]
    fn one_file_reads_the_clock() {
        assert!(breaches("src/clock.rs", "Timestamp::now()").is_empty());
        assert_eq!(
            breaches("src/web/mod.rs", "jiff::Timestamp::now()").len(),
            1
        );
        assert_eq!(breaches("domain/src/watch.rs", "Zoned::now()").len(), 1);
        assert!(breaches("probes/src/http.rs", "Instant::now()").is_empty());
        assert_eq!(breaches("probes/src/http.rs", "SystemTime::now()").len(), 1);
    }
}
