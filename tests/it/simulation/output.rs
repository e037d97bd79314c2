//! The files of a rehearsal have the keys that other programs rely on, and a mistake in a scenario is shown at its place.

use std::collections::BTreeSet;

use crate::support::program::{configure, ends, err, json};
use crate::support::rehearsal::play;

#[test]
fn every_line_of_a_rehearsal_has_the_promised_keys() {
    let played = play("plain-outage");
    for (file, keys) in [
        ("timeline.jsonl", "seq at recorded kind subject by data"),
        (
            "notices.jsonl",
            "notice kind systems incident window recipient decided delivered attempts message_id result",
        ),
    ] {
        let lines = played.lines(file);
        assert!(!lines.is_empty());
        for line in lines {
            let has: BTreeSet<&str> = line.as_object().unwrap().keys().map(|k| &**k).collect();
            for key in keys.split(' ') {
                assert!(has.contains(key), "{key} in {file}: {line}");
            }
        }
    }
}

#[test]
fn a_rehearsal_that_names_what_is_not_there_is_shown_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let scenario = "config = \"nines.toml\"\nstart = \"2026-10-01T00:00:00Z\"\nend = \"2026-10-02T00:00:00Z\"\n\
        [[fault]]\nsystem = \"protal\"\nfrom = \"2026-10-01T02:00:00Z\"\nto = \"2026-10-01T03:00:00Z\"\n\
        outcome = \"down\"\n";
    std::fs::write(folder.join("month.toml"), scenario).unwrap();
    let line = ["simulate", "month.toml", "--out", "out"];
    let run = ends(folder, &line, 2);
    let said = err(&run);
    for part in [
        "error: there is no system `protal`, did you mean `portal`?",
        "month.toml:5:10",
        "^^^^^^^^",
        "1 mistake in 1 file",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let mistake = &json(folder, &line, 2)["mistakes"][0];
    assert_eq!(mistake["file"], "month.toml");
    assert_eq!(
        (&mistake["line"], &mistake["column"]),
        (&5.into(), &10.into())
    );
    std::fs::write(
        folder.join("month.toml"),
        scenario.replace("[[fault]]", "[[falt]]"),
    )
    .unwrap();
    let run = ends(folder, &line, 2);
    assert!(err(&run).contains("month.toml:4:"), "{}", err(&run));
    assert!(!folder.join("out/ledger.sqlite").exists());
}
