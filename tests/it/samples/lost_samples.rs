//! Reports need the ledger only: without the sample files they stay the same.

use crate::support::program::ends;
use crate::support::rehearsal::play_into;

#[test]
fn without_its_samples_a_ledger_gives_the_same_reports() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    play_into("plain-outage", out);
    let samples = out.join("samples");
    let files: Vec<_> = std::fs::read_dir(&samples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!files.is_empty());
    let same = |how: &str| {
        ends(out, &["verify", "--replay", "--data", "."], 0);
        for format in ["json", "html", "md", "csv"] {
            let line = ["report", "2026-10", "--data", ".", "--format", format];
            let written = std::fs::read(out.join(format!("reports/operations-2026-10.{format}")));
            assert!(
                ends(out, &line, 0).stdout == written.unwrap(),
                "{format} {how}"
            );
        }
    };
    for file in &files {
        let whole = std::fs::read(file).unwrap();
        std::fs::write(file, &whole[..whole.len() / 3]).unwrap();
    }
    same("cut off");
    for file in &files {
        std::fs::write(file, "not a database").unwrap();
    }
    same("overwritten");
    std::fs::remove_dir_all(&samples).unwrap();
    same("gone");
}
