//! Arguments that look like options.

use crate::support::program::{ends, err, json, rehearsed};

#[test]
fn a_text_may_begin_with_a_hyphen() {
    let folder = rehearsed();
    let folder = folder.path();
    let review = [
        "incident", "review", "portal", "--data", "data", "--by", "kim",
    ];
    ends(
        folder,
        &[&review[..], &["--summary", "- restarted"]].concat(),
        0,
    );
    let shown = json(folder, &["incident", "show", "portal", "--data", "data"], 0);
    assert!(shown.to_string().contains("\"- restarted\""), "{shown}");
    let swallowed = ends(folder, &[&review[..], &["--summary", "--json"]].concat(), 2);
    assert!(
        err(&swallowed).contains("reads like an option"),
        "{}",
        err(&swallowed)
    );
}
