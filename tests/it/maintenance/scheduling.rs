//! Scheduling on the command line: a window that customers hear of too late counts as unplanned, and the command says so.

use jiff::SignedDuration;
use serde_json::Value;

use crate::support::program::{Running, append, configure, ends, json, out};

#[test]
fn what_is_scheduled_or_added_too_late_is_said_to_earn_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let customer = "\n[mail]\nfrom = \"status@example.org\"\nrelays = [\"smtp://127.0.0.1:1\"]\n\
        [[customer]]\nid = \"clinic\"\nname = \"Clinic\"\nzone = \"UTC\"\n\
        contacts = [\"it@clinic.example\"]\nsystems = [\"portal\"]\n";
    append(&folder.join("nines.toml"), customer);
    drop(Running::start(folder));
    let now = nines::clock::now();
    let after = |hours: i64| (now + SignedDuration::from_hours(hours)).to_string();
    let schedule_with = |hours: i64, id: &str, notice: &str, more: &[&str], code: i32| -> Value {
        let (start, end) = (after(hours), after(hours + 2));
        let line = [
            "maintenance",
            "schedule",
            id,
            "--system",
            "portal",
            "--title",
            "- Move",
            "--start",
            &start,
            "--end",
            &end,
            "--max-downtime",
            "5m",
            "--min-notice",
            notice,
            "--by",
            "kim",
            "--config",
            "nines.toml",
        ];
        json(folder, &[&line[..], more].concat(), code)
    };
    let schedule_in = |hours: i64, id: &str, notice: &str| schedule_with(hours, id, notice, &[], 0);
    let schedule = |id: &str, notice: &str| schedule_in(24, id, notice);
    // A dry run says the same, with the mail, and changes nothing.
    let dry = schedule_with(24, "in-time", "1h", &["--dry-run"], 0);
    assert_eq!(dry["events"][0]["kind"], "window-scheduled");
    assert_eq!(dry["notices"][0]["recipient"], "it@clinic.example");
    let text = dry["notices"][0]["text"].as_str().unwrap();
    assert!(text.contains("- Move"), "{text}");
    // What nobody needs is refused.
    let needless = schedule_with(24, "in-time", "1h", &["--override", "x"], 1);
    let why = needless["refused"].as_str().unwrap();
    assert!(why.contains("leave out --override"), "{why}");
    let in_time = schedule("in-time", "1h");
    assert_eq!(in_time["events"][0]["kind"], "window-scheduled");
    let left = in_time["left"][0].as_str().unwrap();
    assert!(
        left.starts_with("counts as planned if all customers are notified"),
        "{left}"
    );
    assert!(left.contains("still to be notified: clinic"), "{left}");
    let refused = schedule_with(24, "late", "7d", &[], 1);
    let why = refused["refused"].as_str().unwrap();
    assert!(
        why.contains("can no longer count as planned") && why.contains("--anyway"),
        "{why}"
    );
    let late = schedule_with(24, "late", "7d", &["--anyway"], 0);
    let left = late["left"][0].as_str().unwrap();
    assert!(
        left.starts_with("too late to count as planned: customers had to be notified by"),
        "{left}"
    );
    let overlap = "warning: it overlaps the window in-time of portal, ";
    assert!(
        late["left"][1].as_str().unwrap().starts_with(overlap),
        "{late}"
    );
    assert!(
        !in_time["left"].to_string().contains("overlaps"),
        "{in_time}"
    );
    let bad = schedule_with(24, "Bad Id", "1h", &[], 1);
    let why = bad["refused"].as_str().unwrap();
    assert!(
        why.starts_with("`Bad Id` cannot be the id of a window: use"),
        "{why}"
    );
    let longer = after(28);
    let line = [
        "maintenance",
        "extend",
        "late",
        "--end",
        &longer,
        "--by",
        "kim",
        "--anyway",
        "--config",
        "nines.toml",
    ];
    let run = ends(folder, &line, 0);
    assert!(
        out(&run).contains("\nToo late to count as planned: customers had"),
        "{}",
        out(&run)
    );
    // The list says the same, also of what is far ahead.
    schedule_in(60 * 24, "far", "7d");
    let list = json(
        folder,
        &["maintenance", "list", "--config", "nines.toml"],
        0,
    );
    let said = |n: usize| (list[n]["window"].clone(), list[n]["why"].to_string());
    assert_eq!(list.as_array().unwrap().len(), 3, "{list}");
    let (late, in_time, far) = (said(1), said(0), said(2));
    assert_eq!((&late.0, &far.0), (&"late".into(), &"far".into()));
    assert!(in_time.1.contains("still to be notified by"), "{list}");
    assert!(
        late.1.contains("\"not notified in time: clinic\""),
        "{list}"
    );
    assert!(far.1.contains("still to be notified by"), "{list}");
    assert_eq!(list[2]["untold"][0], "clinic");
}
