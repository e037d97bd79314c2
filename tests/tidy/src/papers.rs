//! What holds for texts that are no code: every path that the map names exists, every metric that
//! a dashboard or a rule names is exported (and every exported one is drawn or watched), and no
//! text names a place that exists on one machine only.

use std::collections::BTreeMap;

use crate::source::is_name;
use crate::{Breach, Paper};

/// Places that no file of ours may name.
pub fn places(paper: &Paper) -> Vec<Breach> {
    // Put together here, so that this file does not name them either.
    let banned = [
        (["/ro", "ot/"].concat(), "a path of one machine"),
        (["/wo", "rk/"].concat(), "a path of one machine"),
        (["/ho", "me/"].concat(), "a path of one machine"),
        (["/t", "mp/"].concat(), "ask for a temporary folder instead"),
        (["crates", ".io"].concat(), "a registry's host"),
        (["npmjs", ".org"].concat(), "a registry's host"),
        (["npmjs", ".com"].concat(), "a registry's host"),
        (["pypi", ".org"].concat(), "a registry's host"),
    ];
    let mut breaches = Vec::new();
    for (line, text) in paper.text.lines().enumerate() {
        for (place, why) in &banned {
            if text.contains(place.as_str()) {
                breaches.push(Breach::new(&paper.path, line, format!("`{place}`: {why}")));
            }
        }
    }
    breaches
}

/// Paths in backquotes in the map and in the decisions, that do not exist.
pub fn paths(papers: &[Paper], exists: impl Fn(&str) -> bool) -> Vec<Breach> {
    let maps = papers.iter().filter(|paper| {
        paper.path == "ARCHITECTURE.md" || paper.path.starts_with("docs/decisions/")
    });
    let mut breaches = Vec::new();
    for paper in maps {
        for (line, text) in paper.text.lines().enumerate() {
            for path in quoted(text).filter(|quoted| is_path(quoted)) {
                if !exists(fixed_part(path)) {
                    let message = format!("`{path}` does not exist");
                    breaches.push(Breach::new(&paper.path, line, message));
                }
            }
        }
    }
    breaches
}

/// What stands in backquotes.
pub fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Whether a quoted text is meant as a path of the repository: one with a folder that ends in a
/// slash or in a file's name, or a file of the root that is written like one.
fn is_path(text: &str) -> bool {
    let plain = |c: char| is_name(c) || "/.-*<>{},".contains(c);
    let ending = [
        ".rs", ".toml", ".md", ".json", ".yml", ".j2", ".sh", ".py", ".svg", ".txt",
    ];
    let served = text.starts_with('/') || text.starts_with("data/");
    !text.is_empty()
        && !served
        && text.chars().all(plain)
        && (text.ends_with('/') || ending.iter().any(|end| text.ends_with(end)))
        && !text.starts_with('.')
        || text.starts_with(".ci/")
        || text.starts_with(".cargo/")
}

/// The path up to its first placeholder.
fn fixed_part(path: &str) -> &str {
    match path.find(['*', '<', '{']) {
        Some(at) => path[..at].rsplit_once('/').map_or("", |(folder, _)| folder),
        None => path,
    }
}

/// Metrics that one side names and the other does not.
pub fn metrics(papers: &[Paper]) -> Vec<Breach> {
    let exported = named(papers, |path| path == "src/metrics.rs", Place::Literal);
    let used = named(
        papers,
        |path| path.starts_with("grafana/") && !path.contains("test"),
        Place::Anywhere,
    );
    let base = |name: &str| {
        ["_bucket", "_sum", "_count"]
            .into_iter()
            .find_map(|end| name.strip_suffix(end))
            .filter(|base| exported.contains_key(*base))
            .unwrap_or(name)
            .to_owned()
    };
    let mut breaches = Vec::new();
    for (name, (path, line)) in &used {
        if !exported.contains_key(&base(name)) {
            let message = format!("`{name}` is not exported by src/metrics.rs");
            breaches.push(Breach::new(path, *line, message));
        }
    }
    for (name, (path, line)) in &exported {
        if !used.keys().any(|used| base(used) == *name) {
            let message = format!("`{name}` is neither drawn nor watched in grafana/");
            breaches.push(Breach::new(path, *line, message));
        }
    }
    breaches
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// A whole literal in double quotes.
    Literal,
    /// A word of its own anywhere.
    Anywhere,
}

/// The metrics that the papers name, each with the first place.
fn named(
    papers: &[Paper],
    wanted: impl Fn(&str) -> bool,
    place: Place,
) -> BTreeMap<String, (String, usize)> {
    let mut names = BTreeMap::new();
    for paper in papers.iter().filter(|paper| wanted(&paper.path)) {
        for (line, text) in paper.text.lines().enumerate() {
            for name in metric_words(text, place) {
                names
                    .entry(name.to_owned())
                    .or_insert_with(|| (paper.path.clone(), line));
            }
        }
    }
    names
}

fn metric_words(line: &str, place: Place) -> impl Iterator<Item = &str> {
    let is_metric = |c: char| is_name(c) || c == ':';
    let mut rest = line;
    let mut before = None;
    std::iter::from_fn(move || {
        let start = rest.find(is_metric)?;
        before = rest[..start].chars().next_back().or(before);
        let word = &rest[start..];
        let end = word.find(|c| !is_metric(c)).unwrap_or(word.len());
        let (word, after) = (&word[..end], &word[end..]);
        let literal = before == Some('"') && after.starts_with('"');
        rest = after;
        before = word.chars().next_back();
        Some((word, literal))
    })
    .filter(move |(word, literal)| {
        // A recorded rule has a colon in its name and is not exported but made.
        let ours = ["nines_", "probe_"].iter().any(|p| word.starts_with(p));
        ours && !word.contains(':')
            && !word.ends_with('_')
            && (*literal || place == Place::Anywhere)
    })
    .map(|(word, _)| word)
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
    fn a_path_that_the_map_names_must_exist() {
        let map = "See `domain/src/decide.rs`, `docs/gone.md` and `src/engine/`, not `a/b`.";
        let found = paths(&[paper("ARCHITECTURE.md", map)], |path| {
            path != "docs/gone.md"
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains("docs/gone.md"));
    }

    #[test]
    fn of_a_pattern_the_folder_must_exist() {
        let map = paper("ARCHITECTURE.md", "`config/systems/*.toml` `a/<kind>/b.j2`");
        let mut asked = Vec::new();
        let asked_of = std::cell::RefCell::new(&mut asked);
        paths(&[map], |path| {
            asked_of.borrow_mut().push(path.to_owned());
            true
        });
        assert_eq!(asked, ["config/systems", "a"]);
    }

    #[test]
    fn routes_and_words_are_no_paths() {
        for text in [
            "/metrics",
            "outage::State",
            "data/lock",
            "a/b",
            "",
            "nines run",
        ] {
            assert!(!is_path(text), "{text}");
        }
        for text in ["README.md", ".ci/run", "src/clock.rs", "grafana/"] {
            assert!(is_path(text), "{text}");
        }
    }

    #[test]
    fn metrics_and_dashboards_name_the_same() {
        let exported = "gauge(\n    \"nines_a\",\n    \"probe_b\", \"nines_h\", \"nines_lost\")";
        let used = r#""expr": "rate(nines_h_bucket[5m]) / nines_a{x=\"probe_b\"} + nines_gone""#;
        let found: Vec<_> = metrics(&[
            paper("src/metrics.rs", exported),
            paper("grafana/rules/a.yml", used),
        ])
        .iter()
        .map(ToString::to_string)
        .collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("grafana/rules/a.yml:1: `nines_gone`"));
        assert!(found[1].starts_with("src/metrics.rs:3: `nines_lost`"));
    }

    #[test]
    fn a_recorded_rule_and_a_prefix_are_no_metrics() {
        let words = |line| metric_words(line, Place::Anywhere).collect::<Vec<_>>();
        assert!(words("`nines_*` system:nines_x:ratio nines_y:sum").is_empty());
        assert_eq!(words("sum(nines_x) by (probe)"), ["nines_x"]);
    }

    #[test]
    fn a_place_of_one_machine_is_found() {
        let text = ["see /wo", "rk/x\nand pypi", ".org"].concat();
        let found = places(&paper("docs/a.md", &text));
        assert_eq!(found.iter().map(|b| b.line).collect::<Vec<_>>(), [1, 2]);
    }
}
