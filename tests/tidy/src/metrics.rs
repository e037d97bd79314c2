//! The service exports every metric that dashboards, rules and documents name, and dashboards or rules
//! use every metric that it exports. `docs/operating.md` explains every alert, and no alert is unknown.

use std::collections::BTreeMap;

use crate::imports::is_name;
use crate::{File, Problem};

/// Names with the first place that mentions each.
type Names<'a> = BTreeMap<&'a str, (&'a File, usize)>;

/// Metrics that one side names and the other does not.
pub fn check(files: &[File]) -> Vec<Problem> {
    let of = |wanted: fn(&str) -> bool| files.iter().filter(move |file| wanted(&file.path));
    let source = of(|path| path.starts_with("src/metrics") && !path.contains("tests"));
    let exported = names(source, |line| line.split('"').skip(1).step_by(2));
    let grafana = of(|path| path.starts_with("grafana/") && !path.contains("tests"));
    let drawn = names(grafana, words);
    let documented = names(of(|path| path.ends_with(".md")), words);
    let base = |name: &str| {
        let ends = ["_bucket", "_sum", "_count"];
        let base = ends.iter().find_map(|end| name.strip_suffix(end));
        base.filter(|base| exported.contains_key(base))
            .unwrap_or(name)
            .to_owned()
    };
    let mut problems = Vec::new();
    for (name, (file, line)) in drawn.iter().chain(&documented) {
        if !exported.contains_key(&*base(name)) {
            problems.push(file.problem(*line, format!("src/metrics does not export `{name}`")));
        }
    }
    for (name, (file, line)) in &exported {
        if !drawn.keys().any(|drawn| base(drawn) == *name) {
            let message = format!("no dashboard and no rule in grafana/ uses `{name}`");
            problems.push(file.problem(*line, message));
        }
    }
    problems.extend(alerts(files));
    problems
}

/// Alerts that only the rules or only a document names.
fn alerts(files: &[File]) -> Vec<Problem> {
    let in_files = |wanted: fn(&str) -> bool| files.iter().filter(move |file| wanted(&file.path));
    let mut defined = Names::new();
    for file in in_files(|path| path.starts_with("grafana/rules/") && !path.contains("tests")) {
        for (line, text) in file.lines() {
            if let Some(alert) = text.trim_start().strip_prefix("- alert: ") {
                defined.insert(alert, (file, line));
            }
        }
    }
    let mut problems = Vec::new();
    for file in in_files(|path| path.ends_with(".md") && path != "CHANGELOG.md") {
        for (line, text) in file.lines() {
            for word in words(text).filter(|word| is_alert(word) && !defined.contains_key(word)) {
                problems.push(file.problem(line, format!("no rule defines the alert `{word}`")));
            }
        }
    }
    for page in in_files(|path| path == "docs/operating.md") {
        for (alert, (file, line)) in &defined {
            if !page.text.contains(&format!("`{alert}`")) {
                let message = format!("explain the alert `{alert}` in docs/operating.md");
                problems.push(file.problem(*line, message));
            }
        }
    }
    problems
}

fn is_alert(word: &str) -> bool {
    let rest = word.strip_prefix("Nines").unwrap_or_default();
    rest.starts_with(char::is_uppercase)
}

/// The metrics among the words that `split` finds in each line.
fn names<'a, W: Iterator<Item = &'a str>>(
    files: impl Iterator<Item = &'a File>,
    split: fn(&'a str) -> W,
) -> Names<'a> {
    let mut names = Names::new();
    for file in files {
        for (line, text) in file.lines() {
            for word in split(text).filter(|word| is_metric(word)) {
                names.entry(word).or_insert((file, line));
            }
        }
    }
    names
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c| !is_name(c) && c != ':')
}

/// True for an exported name. The name of a recording rule contains a colon.
fn is_metric(word: &str) -> bool {
    let ours = word.starts_with("nines_") || word.starts_with("probe_");
    ours && word.chars().all(is_name) && !word.ends_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{file, shown};

    #[test]
    fn the_service_dashboards_and_documents_name_the_same_metrics() {
        let files = [
            file(
                "src/metrics.rs",
                "gauge(\"nines_a\");\nhistogram(\"nines_h\"); // \"nines_lost\"",
            ),
            file("src/metrics/tests.rs", "\"nines_only_in_a_test\""),
            file(
                "grafana/rules/a.yml",
                r#"rate(nines_h_bucket[5m]) / nines_a{x="1"} + nines_gone"#,
            ),
            file(
                "docs/a.md",
                "`nines_a` `nines_old` `nines_*` `system:nines_x:ratio`",
            ),
        ];
        assert_eq!(
            shown(check(&files)),
            [
                "grafana/rules/a.yml:1: src/metrics does not export `nines_gone`",
                "docs/a.md:1: src/metrics does not export `nines_old`",
                "src/metrics.rs:2: no dashboard and no rule in grafana/ uses `nines_lost`",
            ]
        );
    }

    #[test]
    fn the_rules_and_the_manual_name_the_same_alerts() {
        let files = [
            file("grafana/rules/a.yml", "- alert: NinesA\n  - alert: NinesB"),
            file("docs/operating.md", "`NinesA` `NinesOld` Nines"),
        ];
        assert_eq!(
            shown(check(&files)),
            [
                "docs/operating.md:1: no rule defines the alert `NinesOld`",
                "grafana/rules/a.yml:2: explain the alert `NinesB` in docs/operating.md",
            ]
        );
    }
}
