//! `nines notice preview` uses the operator's templates.

use serde_json::Value;

use crate::support::program::{configure, ends, out};

#[test]
fn a_preview_is_made_with_the_operators_own_templates_and_steers_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let config = folder.join("nines.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("[listen]", "templates = \"own\"\n\n[listen]");
    std::fs::write(&config, text).unwrap();
    let own = folder.join("own/notices/downtime");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("subject.txt.j2"), "Fault: {{ names }}").unwrap();
    let hand = "It is \u{1b}[2Kwell, \u{9b}2J\u{202e}or not.";
    std::fs::write(own.join("body.txt.j2"), hand).unwrap();
    let preview = ["notice", "preview", "downtime", "--config", "nines.toml"];
    let preview = |more: &[&str]| ends(folder, &[&preview[..], more].concat(), 0);
    let steers = |said: &str| said.contains(['\u{1b}', '\u{9b}', '\u{202e}']);
    let words = preview(&[]);
    let said = out(&words);
    assert!(
        said.starts_with("Subject: Fault: Portal\n\nIt is "),
        "{said:?}"
    );
    assert!(said.contains("well, ") && !steers(said), "{said:?}");
    let json = preview(&["--json"]);
    assert!(!steers(out(&json)), "{:?}", out(&json));
    let read: Value = serde_json::from_slice(&json.stdout).unwrap();
    // The preview removes control characters and keeps the rest.
    let text = "It is [2Kwell, 2J\u{202e}or not.";
    assert_eq!(read["text"].as_str().unwrap().trim_end(), text);
    // The file beside it is the shipped one.
    let html = preview(&["--html"]);
    let said = out(&html);
    assert!(
        said.to_lowercase().starts_with("<!doctype html>"),
        "{said:?}"
    );
    assert!(said.contains("Portal"), "{said}");
}
