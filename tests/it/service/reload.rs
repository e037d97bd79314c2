//! A reload takes a good configuration over, keeps the old one otherwise, and says what follows.

use std::process::Command;

use crate::support::program::{
    PORTAL, Running, append, change, configure, ends, err, every_second, get, goes_on, json, log,
    out, poll, run, says, until,
};

#[test]
fn a_hangup_takes_over_what_is_right_and_refuses_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let running = Running::start(folder);
    let hang_up = || {
        let line = format!("kill -HUP {}", running.id());
        let sent = Command::new("sh").args(["-c", &line]).status().unwrap();
        assert!(sent.success());
    };
    let successful = |flag: u8| {
        let line = format!("\nnines_config_last_reload_successful {flag}\n");
        let (_, page) = get(folder, "/metrics");
        assert!(page.contains(&line), "{page}");
    };
    let portal = folder.join("systems/portal.toml");
    let good = std::fs::read_to_string(&portal).unwrap();
    append(&portal, "intervall = 5\n");
    hang_up();
    says(folder, "the configuration was NOT reloaded");
    says(folder, "unknown key `intervall`");
    successful(0);
    // One line of the log, and the status until a reload succeeds.
    let log = log(folder);
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(" ERROR "))
        .collect();
    assert!(
        matches!(lines[..], [line] if line.contains("systems/portal.toml:")),
        "{log}"
    );
    assert!(!log.contains("-->"), "{log}");
    let status = || run(folder, &["status", "--config", "nines.toml"]);
    let shown = out(&status())
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(shown.contains("a reload was refused at 20"), "{shown}");
    assert!(shown.contains("unknown key `intervall`"), "{shown}");
    // The one before stays in force, and goes on.
    assert_eq!(get(folder, "/probe?target=portal/port").0, 200);
    std::fs::write(&portal, good.replace("\"port\"", "\"door\"")).unwrap();
    hang_up();
    until("the new probe does not run", || {
        (get(folder, "/probe?target=portal/door").0 == 200).then_some(())
    });
    says(folder, "configuration reloaded: 1 system changed");
    successful(1);
    assert!(!out(&status()).contains("refused"), "{}", out(&status()));
    let reload = ends(folder, &["reload", "--config", "nines.toml"], 0);
    assert_eq!(out(&reload), "configuration reloaded: no setting changed\n");
    assert_eq!(get(folder, "/probe?target=portal/port").0, 404);
}

#[test]
fn a_slip_in_a_file_disables_no_command_and_the_service_judges_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let _running = Running::start(folder);
    let reload = ["reload", "--config", "nines.toml"];
    ends(folder, &reload, 0);
    append(&folder.join("systems/portal.toml"), "intervall = 5\n");
    append(&folder.join("nines.toml"), "\n[lissten]\n");
    for line in [
        &["maintenance", "list"][..],
        &["notice", "list"],
        &["verify"],
        &["report", "--committee", "operations", &this_month()],
    ] {
        let found = ends(folder, &[line, &["--config", "nines.toml"]].concat(), 0);
        assert!(!err(&found).contains("mistake"), "{}", err(&found));
    }
    let refused = ends(folder, &reload, 2);
    for word in [
        "NOT reloaded",
        "intervall",
        "lissten",
        "2 mistakes in 2 files\n",
    ] {
        assert!(err(&refused).contains(word), "{}", err(&refused));
    }
    let status = ends(
        folder,
        &["incident", "ack", "portal", "--config", "nines.toml"],
        1,
    );
    assert!(
        err(&status).contains("has had no incident"),
        "{}",
        err(&status)
    );
    // Not even TOML: the ledger lies at the default place.
    append(&folder.join("nines.toml"), "zone = \n");
    let lenient = ends(folder, &["verify", "--config", "nines.toml"], 0);
    assert!(
        err(&lenient).contains("there is no value after `=`"),
        "{}",
        err(&lenient)
    );
}

#[test]
fn a_reload_warns_about_no_customer_when_no_downtime_was_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    // Nothing listens on the first port, and no mail leaves.
    let gone = folder.join("systems/gone.toml");
    let down = PORTAL.replace("PORT", "1").replace("30s", "1s") + "failures = 1\n";
    std::fs::write(&gone, down).unwrap();
    let with = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let customer = r#"
[mail]
from   = "status@example.org"
relays = ["smtp://127.0.0.1:1"]

[[customer]]
id       = "lakeside"
name     = "Lakeside"
zone     = "UTC"
contacts = ["office@lakeside.example"]
systems  = ["SYSTEM"]
"#;
    let serve = |system: &str| {
        let text = format!("{with}{}", customer.replace("SYSTEM", system));
        std::fs::write(folder.join("nines.toml"), text).unwrap();
    };
    serve("gone");
    let _running = Running::start(folder);
    let listed = ["notice", "list", "--config", "nines.toml"];
    let has_notice = || {
        out(&run(folder, &listed))
            .contains("downtime")
            .then_some(())
    };
    poll(has_notice, || log(folder));
    std::fs::remove_file(&gone).unwrap();
    serve("portal");
    let reload = ends(folder, &["reload", "--config", "nines.toml"], 0);
    // No message was delivered: nobody waits for a recovery.
    assert_eq!(err(&reload), "");
    assert_eq!(
        out(&reload),
        "configuration reloaded: 1 system removed, 1 customer changed\n"
    );
    let again = ends(folder, &["reload", "--config", "nines.toml"], 0);
    assert_eq!(err(&again), "");
}

#[test]
fn a_reload_says_each_time_what_waits_for_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let file = folder.join("nines.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let _running = Running::start(folder);
    let port = before.split("127.0.0.1:").nth(1).unwrap();
    let port = port.split('"').next().unwrap();
    let other = before.replace(port, "1");
    std::fs::write(&file, other).unwrap();
    let reload = ["reload", "--config", "nines.toml"];
    let expected = format!(
        "`private` of [listen] needs a restart: until then the service listens on 127.0.0.1:{port}, not on 127.0.0.1:1"
    );
    // The second time it waits no less.
    for changes in ["other settings changed", "no setting changed"] {
        let run = ends(folder, &reload, 0);
        assert_eq!(
            (out(&run), err(&run)),
            (
                &*format!("configuration reloaded: {changes}\n"),
                &*format!("nines: {expected}\n")
            )
        );
    }
    let said = json(folder, &reload, 0);
    assert_eq!(said["left"][0], expected);
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.contains(&expected), "{log}");
    std::fs::write(&file, before).unwrap();
    let run = ends(folder, &reload, 0);
    assert_eq!(
        (out(&run), err(&run)),
        ("configuration reloaded: other settings changed\n", "")
    );
}

#[test]
fn a_reload_that_is_refused_stops_no_probe() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    let _running = Running::start(folder);
    goes_on(folder);
    // Another name beside the mistake: nothing of a bad configuration is taken over.
    change(folder, "\"port\"", "\"door\"");
    append(&folder.join("systems/portal.toml"), "intervall = 5\n");
    ends(folder, &["reload", "--config", "nines.toml"], 2);
    goes_on(folder);
    assert_eq!(get(folder, "/probe?target=portal/door").0, 404);
}

fn this_month() -> String {
    nines::clock::now().strftime("%Y-%m").to_string()
}

#[test]
fn a_slip_that_a_reload_brings_is_logged_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    let _running = Running::start(folder);
    let portal = std::fs::read_to_string(folder.join("systems/portal.toml")).unwrap();
    std::fs::write(folder.join("systems/portal-old.toml"), portal).unwrap();
    let logged = |word: &str| log(folder).matches(word).count();
    for added in [true, false, false] {
        let before = logged(" WARN ");
        // A line more moves the slip and is no new one.
        append(&folder.join("systems/portal.toml"), "# more\n");
        ends(folder, &["reload", "--config", "nines.toml"], 0);
        says(folder, "configuration reloaded");
        assert_eq!(logged(" WARN ") > before, added, "{}", log(folder));
    }
    assert_eq!(logged("has the same name"), 1, "{}", log(folder));
}
