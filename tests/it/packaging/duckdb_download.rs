//! `scripts/duckdb` when one of its steps fails: it leaves a whole library or asks for a build. Fake tools
//! replace its downloads.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

const SCRIPT: &str = include_str!("../../../scripts/duckdb");

/// Puts a fake tool before the real one.
fn tool(tools: &Path, name: &str, text: &str) {
    let path = tools.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs the script with `tar` and `mv` as given; what it prints, and the files that it leaves.
fn run(tar: &str, mv: &str) -> (String, Vec<String>) {
    let (ran, left) = run_on(checked(), tar, mv);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    (String::from_utf8(ran.stdout).unwrap(), left)
}

/// The checksum that the script has pinned.
fn checked() -> &'static str {
    let mut lines = SCRIPT.lines();
    let found = lines.find_map(|line| line.strip_prefix("integrity='")?.strip_suffix('\''));
    found.unwrap()
}

/// The same with a package of that checksum, however it ends.
fn run_on(checksum: &str, tar: &str, mv: &str) -> (Output, Vec<String>) {
    run_for("Linux x86_64", checksum, tar, mv)
}

/// The same on a machine of that kind. Nothing that it needed for a while stays.
fn run_for(machine: &str, checksum: &str, tar: &str, mv: &str) -> (Output, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (tools, library) = (folder.path().join("tools"), folder.path().join("library"));
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&tools).unwrap();
    std::fs::create_dir(&scratch).unwrap();
    tool(&tools, "uname", &format!("echo {machine}"));
    tool(&tools, "npm", ": >\"$4/package.tgz\"");
    tool(&tools, "node", &format!("printf %s '{checksum}'"));
    tool(&tools, "tar", tar);
    tool(&tools, "mv", mv);
    let path = std::env::var("PATH").unwrap();
    let ran = Command::new("bash")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/duckdb"))
        .env("DUCKDB_LIB_DIR", &library)
        .env("TMPDIR", &scratch)
        .env("PATH", format!("{}:{path}", tools.display()))
        .output()
        .unwrap();
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    let left = std::fs::read_dir(&library).map_or(Vec::new(), |entries| {
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    });
    (ran, left)
}

const UNPACKS: &str = "mkdir \"$4/package\" && : >\"$4/package/libduckdb.so\"";
const MOVES: &str = "exec /bin/mv \"$@\"";
const BUNDLED: &str = "--features nines/bundled\n";

#[test]
fn only_a_whole_prebuilt_library_is_used() {
    let (wanted, left) = run(UNPACKS, MOVES);
    assert_eq!(wanted, "");
    assert_eq!(left, ["libduckdb.so", "version"]);

    let (wanted, left) = run("exit 1", MOVES);
    assert_eq!((wanted.as_str(), left), (BUNDLED, vec![]));

    let (wanted, left) = run(UNPACKS, "exit 1");
    assert_eq!((wanted.as_str(), left), (BUNDLED, vec![]));
}

#[test]
fn a_package_with_a_wrong_checksum_is_refused() {
    let other = checked().replace("sha512-IX", "sha512-IY");
    assert_ne!(other, checked());
    let (ran, left) = run_on(&other, UNPACKS, MOVES);
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!((ran.stdout.as_slice(), left), (&b""[..], vec![]));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("has the wrong checksum"), "{said}");
}

#[test]
fn another_platform_builds_from_source() {
    let (ran, left) = run_for("Linux aarch64", checked(), UNPACKS, MOVES);
    assert!(ran.status.success());
    assert_eq!((ran.stdout.as_slice(), left), (BUNDLED.as_bytes(), vec![]));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(
        said.contains("no prebuilt library for Linux aarch64"),
        "{said}"
    );
}
