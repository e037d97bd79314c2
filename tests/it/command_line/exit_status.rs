//! 0: good news. 1: bad news or a refused act. 2: wrong arguments or configuration. 3: it could not be done.

use crate::support::program::{Running, configure, ends, rehearsed, shows};

#[test]
fn the_exit_status_says_what_it_was() {
    let folder = rehearsed();
    let folder = folder.path();
    let ledger = |line: &[&str], code| ends(folder, &[line, &["--data", "data"]].concat(), code);
    // 1: the answer is bad news; what was named is not in the ledger, or an act is refused.
    ledger(&["status"], 1);
    ledger(&["incident", "show", "I-99"], 1);
    ledger(&["incident", "ack", "I-99"], 1);
    ledger(&["incident", "show", "nobody"], 1);
    ledger(&["incident", "reclassify", "O-99", "--reason", "x"], 1);
    let reason = ["--reason", "The part is late."];
    ledger(
        &[&["maintenance", "cancel", "nothing"][..], &reason].concat(),
        1,
    );
    ledger(&["report", "2026-10", "--committee", "nobody"], 1);
    ledger(&["report", "2024-01"], 1);
    // 2: the words or the configuration are wrong.
    ledger(&["incident", "review", "portal", "--measure", "bad"], 2);
    ledger(&["incident", "ack", "portal", "--by", "a\nb"], 2);
    ledger(&["report", "2026-10", "--json", "--format", "csv"], 2);
    ledger(&["nonsense"], 2);
    // Customers read the reason.
    ledger(&["maintenance", "cancel", "nothing"], 2);
    // A day alone is no time.
    let declare = ["incident", "declare", "portal", "--evidence", "x", "--from"];
    ledger(&[&declare[..], &["2026-10-20"]].concat(), 2);
    ledger(&[&declare[..], &["2026-10-20T10:00:00-04:00"]].concat(), 0);
    ends(folder, &["status"], 2);
    ends(folder, &["check"], 2);
    // 3: it could not.
    for line in [
        &["incident", "show", "I-99"][..],
        &["incident", "ack", "I-99"],
        &["report", "2026-10", "--committee", "nobody"],
        &["verify"],
    ] {
        ends(folder, &[line, &["--data", "nowhere"]].concat(), 3);
    }
    ledger(&["reload"], 3);
    ledger(&["report", "2026-10", "--out", "nowhere/x"], 3);
}

#[test]
fn good_news_leaves_with_0_and_bad_news_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let system = folder.join("systems/portal.toml");
    let often = std::fs::read_to_string(&system).unwrap();
    let often = often.replace("30s", "1s") + "failures = 1\n";
    std::fs::write(&system, &often).unwrap();
    let _running = Running::start(folder);
    let leaves = |line: &[&str], code| {
        ends(folder, &[line, &["--config", "nines.toml"]].concat(), code);
    };
    shows(folder, "portal", "up");
    leaves(&["status"], 0);
    leaves(&["probe", "portal"], 0);
    // Nothing listens on the first port.
    let port = often.split("port     = ").nth(1).unwrap();
    let port = port.lines().next().unwrap();
    let gone = often.replace(port, "1");
    std::fs::write(folder.join("systems/gone.toml"), gone).unwrap();
    leaves(&["reload"], 0);
    shows(folder, "gone", "down");
    leaves(&["status"], 1);
    leaves(&["probe", "gone"], 1);
    // A rehearsal of which nothing was refused, and one with an act that was.
    let quiet = "config = \"nines.toml\"\nstart = \"2026-10-01T00:00:00Z\"\nend = \"2026-10-01T02:00:00Z\"\n";
    let act = "[[act]]\nat = \"2026-10-01T01:00:00Z\"\nby = \"kim\"\ndo = \"acknowledge\"\nsystem = \"portal\"\n";
    for (name, scenario, code) in [("quiet", quiet, 0), ("act", &[quiet, act].concat(), 1)] {
        let file = format!("{name}.toml");
        std::fs::write(folder.join(&file), scenario).unwrap();
        ends(folder, &["simulate", &file, "--out", name], code);
    }
}
