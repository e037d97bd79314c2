//! Reports use the operator's templates, and say so when they fall back to the built-in ones.

use crate::support::program::{SERVICE, configure, ends, err, out, rehearsed};

#[test]
fn a_report_made_with_the_built_in_templates_for_want_of_others_says_so() {
    let folder = rehearsed();
    let folder = folder.path();
    let report = [
        "report",
        "2026-10",
        "--data",
        "data",
        "--config",
        "nines.toml",
    ];
    let html = ends(folder, &report, 0);
    assert!(err(&html).contains("built-in templates"), "{}", err(&html));
    let json = ends(folder, &[&report[..], &["--json"]].concat(), 0);
    assert_eq!(err(&json), "");
    configure(folder);
    assert_eq!(err(&ends(folder, &report, 0)), "");
    let text = SERVICE.replace("[listen]", "templates = \"own\"\n\n[listen]");
    std::fs::write(folder.join("nines.toml"), text + "\n[lissten]\n").unwrap();
    let html = ends(folder, &report, 0);
    assert!(
        err(&html).contains("there is no folder ./own"),
        "{}",
        err(&html)
    );
    std::fs::create_dir(folder.join("own")).unwrap();
    std::fs::write(folder.join("own/monthly.html.j2"), "our own").unwrap();
    assert_eq!(out(&ends(folder, &report, 0)), "our own");
}
