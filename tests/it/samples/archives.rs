//! The service archives finished months, and `nines verify` compares the archives with the ledger.

use std::path::Path;

use crate::support::program::{Running, configure, ends, err, json, out, rehearsed, until};

const COUNT: &str =
    "SELECT count(*) AS n, max(started_at) AS last FROM samples WHERE probe LIKE 'results%'";

fn counted(folder: &Path) -> serde_json::Value {
    json(folder, &["sql", COUNT, "--data", "data"], 0)["rows"].clone()
}

#[test]
fn a_finished_month_becomes_an_archive_that_verify_compares_with_the_ledger() {
    let folder = rehearsed();
    let folder = folder.path();
    let before = counted(folder);
    assert!(before[0]["n"].as_u64() > Some(1_000), "{before}");
    configure(folder);
    let samples = folder.join("data/samples");
    let (archive, month) = (
        samples.join("2026-10.parquet"),
        samples.join("2026-10.duckdb"),
    );
    assert!(month.exists());
    let service = Running::start(folder);
    until("the month is not archived", || {
        (archive.exists() && !month.exists()).then_some(())
    });
    drop(service);
    assert_eq!(counted(folder), before);
    let verify = ["verify", "--replay", "--data", "data"];
    ends(folder, &verify, 0);

    let whole = std::fs::read(&archive).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    std::fs::write(&archive, changed).unwrap();
    let refused = ends(folder, &verify, 1);
    let refused = out(&refused);
    assert!(
        refused.contains("samples/2026-10.parquet: its SHA-256 is "),
        "{refused}"
    );
    let query = ["sql", COUNT, "--data", "data"];
    let refused = ends(folder, &query, 3);
    assert!(
        err(&refused).contains("move it out of the folder"),
        "{}",
        err(&refused)
    );
    std::fs::remove_file(&archive).unwrap();
    let warned = ends(folder, &query, 0);
    assert!(
        err(&warned).contains("this archive is missing"),
        "{}",
        err(&warned)
    );
    let refused = ends(folder, &verify, 1);
    let refused = out(&refused);
    assert!(
        refused.contains("samples/2026-10.parquet: this archive is missing"),
        "{refused}"
    );
    std::fs::write(&archive, whole).unwrap();
    ends(folder, &verify, 0);
}
