//! Secrets of the configuration stay out of logs and stores, and customers' addresses out of the log.

use std::path::Path;

use domain::event::Fact;

use crate::support::program::{Running, append, every_second, facts, until};

/// True if a file in that folder or below it contains the word.
fn found(place: &Path, word: &str) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    // A file may be removed meanwhile.
    let entries = std::fs::read_dir(place).into_iter().flatten();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(found(&path, word));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes())
        {
            all.push(path);
        }
    }
    all
}

#[test]
fn no_secret_reaches_the_log_or_a_store_and_no_customers_address_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    every_second(folder);
    let secrets = ["hunter2-of-the-relay", "hunter3-of-the-probe"];
    for (file, secret) in ["relay", "systems/probe"].into_iter().zip(secrets) {
        std::fs::write(folder.join(file), secret).unwrap();
    }
    append(
        &folder.join("nines.toml"),
        "\n[mail]\nfrom = \"Status <status@example.org>\"\nrelays = [{ url = \
         \"smtp+starttls://127.0.0.1:1\", user = \"me\", password_file = \"relay\" }]\n\
         [[customer]]\nid = \"clinic\"\nname = \"Clinic\"\nzone = \"UTC\"\n\
         contacts = [\"it@clinic.example\"]\nsystems = [\"portal\"]\n",
    );
    append(
        &folder.join("systems/portal.toml"),
        "\n[[probe]]\nname = \"page\"\nkind = \"http\"\nurl = \"http://127.0.0.1:1/\"\n\
         interval = \"1s\"\nfailures = 1\nbearer_token_file = \"probe\"\n",
    );
    let _running = Running::start_with(
        folder,
        "NINES_LOG",
        "trace,hyper=trace,hyper_util=trace,rustls=trace,tokio_util=trace",
    );
    until("no attempt", || {
        let ended = |fact: &Fact| matches!(fact, Fact::DeliveryEnded { .. });
        facts(folder).iter().any(ended).then_some(())
    });
    until("no word of it in the log", || {
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        log.contains("delivery-ended").then_some(())
    });
    // Details for developers may quote an address.
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    let shown = |line: &&str| {
        [" INFO ", " WARN ", "ERROR "]
            .iter()
            .any(|l| line.contains(l))
    };
    let of_customers: Vec<&str> = log
        .lines()
        .filter(shown)
        .filter(|line| line.contains("clinic.example"))
        .collect();
    assert_eq!(of_customers, [""; 0]);
    for (file, secret) in ["relay", "systems/probe"].into_iter().zip(secrets) {
        assert_eq!(found(folder, secret), [folder.join(file)]);
    }
}
