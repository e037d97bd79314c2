//! Backups, restored copies and questions in SQL, of a stopped and of a running service.

use std::path::Path;

use crate::support::program::{
    Running, ends, err, every_second, goes_on, json, out, rehearsed, run,
};

/// The report's bytes in every format that needs no configuration.
fn reports(folder: &Path, data: &str) -> Vec<Vec<u8>> {
    let formats = ["json", "html", "md", "csv"];
    let report = |format| ["report", "2026-10", "--data", data, "--format", format];
    formats
        .map(|format| ends(folder, &report(format), 0).stdout)
        .into()
}

#[test]
fn a_restored_copy_reports_the_same_bytes() {
    let folder = rehearsed();
    let folder = folder.path();
    let made = json(folder, &["backup", "copy", "--data", "data"], 0);
    let restored = json(folder, &["restore", "copy", "--data", "again"], 0);
    assert_eq!(
        (&made["seq"], &made["head"]),
        (&restored["seq"], &restored["head"])
    );
    ends(folder, &["verify", "--replay", "--data", "again"], 0);
    assert_eq!(reports(folder, "data"), reports(folder, "again"));
    let count = [
        "sql",
        "SELECT count(*) AS n, max(started_at) AS last FROM samples",
    ];
    let count = |data| json(folder, &[&count[..], &["--data", data]].concat(), 0);
    assert_eq!(count("data"), count("again"));
    assert!(count("data")["rows"][0]["n"].as_u64() > Some(1_000));
    // Neither command overwrites anything.
    for line in [
        ["backup", "copy", "--data", "data"],
        ["restore", "copy", "--data", "again"],
    ] {
        let refused = ends(folder, &line, 2);
        assert!(err(&refused).contains("name a"), "{}", err(&refused));
    }
}

#[test]
fn a_damaged_backup_is_refused_and_the_file_is_named() {
    let folder = rehearsed();
    let folder = folder.path();
    ends(folder, &["backup", "copy", "--data", "data"], 0);
    let ledger = folder.join("copy/ledger.sqlite");
    let mut bytes = std::fs::read(&ledger).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&ledger, bytes).unwrap();
    let refused = ends(folder, &["restore", "copy", "--data", "again"], 3);
    assert!(
        err(&refused).contains("ledger.sqlite has"),
        "{}",
        err(&refused)
    );
    assert!(!folder.join("again").exists());
    // A list that names a file elsewhere is refused, too.
    let list = folder.join("copy/backup.json");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(
        &list,
        text.replace("\"ledger.sqlite\"", "\"../ledger.sqlite\""),
    )
    .unwrap();
    let refused = ends(folder, &["restore", "copy", "--data", "again"], 3);
    assert!(err(&refused).contains("outside"), "{}", err(&refused));
}

#[test]
fn the_tables_hold_the_figures_of_the_report() {
    let folder = rehearsed();
    let folder = folder.path();
    let report = json(folder, &["report", "2026-10", "--data", "data"], 0);
    let ask = |query: &str| {
        let line = ["sql", query, "--data", "data", "--since", "2026-10"];
        json(folder, &line, 0)["rows"].clone()
    };
    let systems = report["systems"].as_array().unwrap();
    let sums = ask(
        "SELECT system, sum(unplanned_s) AS unplanned_s, sum(up_s) AS up_s FROM availability_daily \
         WHERE month = '2026-10' GROUP BY system ORDER BY system",
    );
    assert_eq!(sums.as_array().unwrap().len(), systems.len());
    for sum in sums.as_array().unwrap() {
        let system = systems
            .iter()
            .find(|s| s["system"] == sum["system"])
            .unwrap();
        let seconds = |value: &serde_json::Value| value.as_f64().unwrap();
        for key in ["unplanned_s", "up_s"] {
            assert!(
                (seconds(&sum[key]) - seconds(&system[key])).abs() < 0.5,
                "{key} of {sum}"
            );
        }
    }
    let outages = ask("SELECT outage FROM outages WHERE month = '2026-10' ORDER BY start, outage");
    assert_eq!(
        outages.as_array().unwrap().len(),
        report["outages"].as_array().unwrap().len()
    );
    let refused = ends(folder, &["sql", "DELETE FROM outages", "--data", "data"], 2);
    assert!(
        err(&refused).contains("only a query that reads"),
        "{}",
        err(&refused)
    );
    let listed = ends(
        folder,
        &[
            "sql",
            "SELECT outage, system FROM outages LIMIT 1",
            "--data",
            "data",
        ],
        0,
    );
    assert!(
        out(&listed).starts_with("outage  system"),
        "{}",
        out(&listed)
    );
    let written = json(
        folder,
        &[
            "export",
            "outages",
            "--out",
            "outages.csv",
            "--data",
            "data",
        ],
        0,
    );
    let text = std::fs::read_to_string(folder.join("outages.csv")).unwrap();
    assert_eq!(
        written["rows"].as_u64(),
        Some(text.lines().count() as u64 - 1)
    );
}

#[test]
fn a_running_service_is_copied_and_queried() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    let _running = Running::start(folder);
    goes_on(folder);
    let config = ["--config", "nines.toml"];
    let line = |words: &[&'static str]| [words, &config].concat();
    let count = line(&["sql", "SELECT count(*) AS n FROM samples"]);
    let counted = json(folder, &count, 0);
    assert!(counted["rows"][0]["n"].as_u64() > Some(0), "{counted}");
    json(folder, &line(&["backup", "copy"]), 0);
    let data = ["restore", "copy", "--data", "again"];
    json(folder, &data, 0);
    let restored = json(
        folder,
        &[
            "sql",
            "SELECT count(*) AS n FROM samples",
            "--data",
            "again",
        ],
        0,
    );
    assert!(restored["rows"][0]["n"].as_u64() >= counted["rows"][0]["n"].as_u64());
    // No copy is left in the folder of the samples.
    let left = run(folder, &["sql", "SELECT 1", "--data", "again"]);
    assert!(left.status.success());
    let names = std::fs::read_dir(folder.join("again/samples")).unwrap();
    let copies = names.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".copy.parquet")
    });
    assert_eq!(copies.count(), 0);
}
