//! The months of the four shipped policies in one table, as `docs/policies/months.md` prints it. The figures come from the
//! scenarios whose `expected.toml` derives them by hand.

use expect_test::expect_file;
use serde_json::Value;

use crate::support::rehearsal::{list, play, text};

const HEAD: &str = "# A month under each of the four policies

Each row is the report of one committee in a scenario below `tests/scenarios/`, which plays the shipped policy file from end to
end. A test writes this table; the scenarios' own `expected.toml` derive the figures by hand.

| policy | committee, month | outages | unplanned | lowest availability | clocks met | missed | levels notified | incidents | service desk |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

/// The row of one report.
fn row(policy: &str, report: &Value) -> String {
    let systems = list(&report["systems"]);
    let sum = |key: &str| -> i64 { systems.iter().filter_map(|s| s[key].as_i64()).sum() };
    let lowest = systems
        .iter()
        .filter_map(|s| s["contract_availability"].as_str());
    let lowest = lowest.min_by(|a, b| percent(a).total_cmp(&percent(b)));
    let counts = list(&report["clock_counts"]);
    let count = |key: &str| -> u64 { counts.iter().filter_map(|c| c[key].as_u64()).sum() };
    let levels = list(&report["escalations"]).iter();
    let notified = levels.filter(|level| level["state"] != "skipped").count();
    let desk = list(&report["desk"]).iter().map(|desk| {
        let share = desk["share"].as_str().unwrap_or("no calls");
        format!("{share} ({})", text(&desk["verdict"]).replace('_', " "))
    });
    let desk = desk.collect::<Vec<_>>().join(", ");
    format!(
        "| {policy} | {}, {} | {} | {} s | {} | {} | {} | {notified} | {} | {} |\n",
        text(&report["committee"]),
        text(&report["month"]),
        sum("outages"),
        sum("unplanned_s"),
        lowest.unwrap_or("nothing measured"),
        count("met"),
        count("missed"),
        list(&report["incidents"]).len(),
        if desk.is_empty() {
            "not promised"
        } else {
            &desk
        },
    )
}

fn percent(written: &str) -> f64 {
    written.trim_end_matches('%').parse().unwrap()
}

#[test]
fn the_four_policies_run_from_end_to_end() {
    let mut table = HEAD.to_owned();
    for policy in ["healthelink", "emr-link", "rx-health", "healthix"] {
        let played = play(policy);
        for file in played.reports("json") {
            let report: Value = serde_json::from_slice(played.file(&file)).unwrap();
            table.push_str(&row(policy, &report));
        }
    }
    expect_file!["../../../docs/policies/months.md"].assert_eq(&table);
}
