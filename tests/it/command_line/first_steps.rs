//! The commands of an operator who has just installed Nines.

use std::path::Path;

use crate::support::program::{Running, ends, err, get, out, until};

fn init<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let line = [
        "init",
        "--config",
        "etc/nines.toml",
        "--name",
        "St. \"Else\" \\ Where",
        "--zone",
        "America/New_York",
        "--member",
        "chair@example.org",
        "--system",
        "Patient Portal",
        "--url",
        "http://127.0.0.1:1/",
    ];
    [&line, more].concat()
}

#[test]
fn init_writes_a_configuration_that_runs_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mail = [
        "--relay",
        "smtp://127.0.0.1:2",
        "--from",
        "nines@example.org",
    ];
    ends(folder, &init(&[&mail[..], &["--data", "data"]].concat()), 0);
    let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (service, system) = (
        file("etc/nines.toml"),
        file("etc/systems/patient-portal.toml"),
    );
    ends(folder, &["check", "--config", "etc/nines.toml"], 0);
    for part in [
        "America/New_York",
        "chair@example.org",
        "smtp://127.0.0.1:2",
        "nines@example.org",
    ] {
        assert!(service.contains(part), "{service}");
    }
    assert!(system.contains("http://127.0.0.1:1/"), "{system}");
    assert_eq!(
        err(&ends(folder, &init(&[]), 2)).matches("exists").count(),
        1
    );
    assert_eq!(file("etc/nines.toml"), service);

    // On a free port it starts.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let service = service.replace("127.0.0.1:8081", &address);
    assert!(service.contains(&address), "{service}");
    std::fs::write(folder.join("nines.toml"), service).unwrap();
    std::fs::rename(folder.join("etc/systems"), folder.join("systems")).unwrap();
    let _running = Running::start(folder);
    until("the first system is not probed", || {
        get(folder, "/metrics")
            .1
            .contains("probe_success{system=\"patient-portal\"")
            .then_some(())
    });
}

#[test]
fn a_mistake_in_an_answer_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut line = init(&[]);
    let zone = line
        .iter()
        .position(|word| *word == "America/New_York")
        .unwrap();
    line[zone] = "America/Atlantis";
    let refused = ends(folder, &line, 2);
    let refused = err(&refused);
    assert!(refused.contains("America/Atlantis"), "{refused}");
    assert!(!folder.join("etc/nines.toml").exists());
    assert!(!folder.join("etc/systems/patient-portal.toml").exists());
}

#[test]
fn completions_and_manual_pages_name_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for shell in ["bash", "zsh", "fish"] {
        let printed = ends(folder, &["completions", shell], 0);
        let text = out(&printed);
        assert!(
            text.contains("maintenance") && text.contains("restore"),
            "{shell}: {text}"
        );
    }
    ends(folder, &["man", "pages"], 0);
    let page = |name: &str| -> String {
        let path = Path::new("pages").join(name);
        std::fs::read_to_string(folder.join(path)).unwrap()
    };
    assert!(
        page("nines.1").contains("nines\\-restore(1)"),
        "{}",
        page("nines.1")
    );
    assert!(
        page("nines-restore.1").contains(".TH"),
        "{}",
        page("nines-restore.1")
    );
}
