//! Output to pipes, links, devices, terminals and closed readers.

use std::fs::File;
use std::os::unix::fs::FileTypeExt as _;

use crate::support::program::{Running, append, configure, ends, err, out, rehearsed, words};

#[test]
fn a_report_goes_through_links_and_pipes_and_leaves_devices_alone() {
    let folder = rehearsed();
    let folder = folder.path();
    let report = ["report", "2026-10", "--data", "data", "--format", "csv"];
    let plain = ends(folder, &report, 0).stdout;
    std::os::unix::fs::symlink("real.csv", folder.join("link.csv")).unwrap();
    std::os::unix::fs::symlink("/dev/null", folder.join("null")).unwrap();
    for name in ["link.csv", "null", "/dev/stdout"] {
        let run = ends(folder, &[&report[..], &["--out", name]].concat(), 0);
        assert_eq!(run.stdout.is_empty(), name != "/dev/stdout");
    }
    assert!(folder.join("link.csv").is_symlink() && folder.join("null").is_symlink());
    assert_eq!(std::fs::read(folder.join("real.csv")).unwrap(), plain);
    let null = std::fs::metadata("/dev/null").unwrap();
    assert!(null.file_type().is_char_device());
}

#[test]
fn a_reader_who_has_gone_is_no_failure_and_a_full_standard_error_no_panic() {
    let folder = rehearsed();
    let folder = folder.path();
    for line in [&["report", "2026-10"][..], &["notice", "list"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = words(folder, &[line, &["--data", "data"]].concat());
        let run = command.stdout(writer).output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{}", err(&run));
        assert!(!err(&run).contains("pipe"), "{}", err(&run));
    }
    for (line, code) in [
        (&["status", "--config", "nope"][..], 1),
        (&["status", "--config", "no/pe"], 2),
        (&["check", "--config", "nope"], 2),
        (&["report", "2026-10", "--data", "data", "--out", "x"], 0),
        (&["incident", "ack", "I-99", "--data", "data"], 1),
        (&["verify", "--data", "nowhere"], 3),
        (&["run", "--config", "nope"], 2),
    ] {
        let full = File::create("/dev/full").unwrap();
        let status = words(folder, line).stderr(full).output().unwrap().status;
        assert_eq!(status.code(), Some(code), "{line:?}");
    }
}

#[test]
fn nothing_that_people_write_steers_a_terminal() {
    let folder = rehearsed();
    let folder = folder.path();
    let review = |summary: &str, code| {
        let line = [
            "incident",
            "review",
            "portal",
            "--data",
            "data",
            "--summary",
        ];
        ends(
            folder,
            &[&line[..], &[summary, "--by", "ann"]].concat(),
            code,
        )
    };
    let refused = review("\u{1b}[2Kall is well", 1);
    assert_eq!(
        err(&refused),
        "refused: the summary holds the control character U+001B\n"
    );
    review("A disk filled up.\n  root cause: none", 0);
    let shown = ends(folder, &["incident", "show", "portal", "--data", "data"], 0);
    assert!(
        out(&shown).contains("summary: A disk filled up.\n    | root cause: none\n"),
        "{}",
        out(&shown)
    );
    let unknown = ends(
        folder,
        &["incident", "show", "\u{1b}[2K", "--data", "data"],
        1,
    );
    assert!(!err(&unknown).contains('\u{1b}'), "{:?}", err(&unknown));
}

#[test]
fn a_cause_is_said_once() {
    let folder = rehearsed();
    let folder = folder.path();
    std::fs::remove_file(folder.join("data/lock")).unwrap_or_default();
    std::fs::create_dir(folder.join("data/lock")).unwrap();
    let act = ["incident", "ack", "portal", "--data", "data"];
    let run = ends(folder, &act, 3);
    assert_eq!(
        err(&run).matches("Is a directory").count(),
        1,
        "{}",
        err(&run)
    );
}

#[test]
fn what_is_no_terminal_gets_no_colour() {
    let folder = rehearsed();
    let folder = folder.path();
    configure(folder);
    append(&folder.join("systems/portal.toml"), "intervall = 5\n");
    let plain = |said: &str| assert!(!said.is_empty() && !said.contains('\u{1b}'), "{said:?}");
    for (line, code) in [
        (&["check", "--config", "nines.toml"][..], 2),
        (&["status", "--data", "data"], 1),
        (&["incident", "list", "--data", "data"], 0),
    ] {
        let run = ends(folder, line, code);
        plain(&[out(&run), err(&run)].concat());
    }
    configure(folder);
    drop(Running::start(folder));
    plain(&std::fs::read_to_string(folder.join("log")).unwrap());
}
