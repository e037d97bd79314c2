//! `nines import` reads files of other monitors, and `nines check` accepts the systems that it writes.

use std::path::Path;

use rusqlite::Connection;

use crate::support::program::{configure, ends};

/// Tables as the releases 1.x and 2.x create them, with the columns that the import reads. Rows are written for this test.
const DATABASE: &str = r#"
CREATE TABLE monitor (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(150), active BOOLEAN DEFAULT 1 NOT NULL,
  user_id INTEGER, interval INTEGER DEFAULT 20 NOT NULL, url TEXT, type VARCHAR(20), hostname VARCHAR(255), port INTEGER,
  keyword VARCHAR(255), maxretries INTEGER NOT NULL DEFAULT 0, ignore_tls BOOLEAN NOT NULL DEFAULT 0,
  upside_down BOOLEAN NOT NULL DEFAULT 0, maxredirects INTEGER NOT NULL DEFAULT 10,
  accepted_statuscodes_json TEXT NOT NULL DEFAULT '["200-299"]', dns_resolve_type VARCHAR(5), dns_resolve_server VARCHAR(255),
  retry_interval INTEGER NOT NULL DEFAULT 0, push_token VARCHAR(20), method TEXT NOT NULL DEFAULT 'GET', body TEXT,
  headers TEXT, basic_auth_user TEXT, basic_auth_pass TEXT, proxy_id INTEGER, database_connection_string VARCHAR(2000),
  database_query TEXT, auth_method VARCHAR(250), resend_interval INTEGER NOT NULL DEFAULT 0, packet_size INTEGER DEFAULT 56,
  parent INTEGER, invert_keyword BOOLEAN NOT NULL DEFAULT 0, json_path TEXT, expected_value VARCHAR(255),
  timeout DOUBLE NOT NULL DEFAULT 0);
CREATE TABLE maintenance (id INTEGER PRIMARY KEY, title VARCHAR(150) NOT NULL, description TEXT NOT NULL, active BOOLEAN,
  strategy VARCHAR(50) NOT NULL DEFAULT 'single', start_date DATETIME, end_date DATETIME, start_time TIME, end_time TIME,
  weekdays VARCHAR(250) DEFAULT '[]', days_of_month TEXT DEFAULT '[]', interval_day INTEGER, cron TEXT,
  timezone VARCHAR(255), duration INTEGER);
CREATE TABLE monitor_maintenance (id INTEGER PRIMARY KEY, monitor_id INTEGER, maintenance_id INTEGER);
CREATE TABLE notification (id INTEGER PRIMARY KEY, name VARCHAR(255), config TEXT);
CREATE TABLE setting (id INTEGER PRIMARY KEY, key VARCHAR(200), value TEXT, type VARCHAR(20));
INSERT INTO monitor (name, type) VALUES ('Clinic', 'group');
INSERT INTO monitor (name, type, url, keyword, interval, maxretries, retry_interval, parent, basic_auth_user, basic_auth_pass,
  auth_method, timeout) VALUES ('Front end', 'keyword', 'https://clinic.example.org/?token=never-printed', 'Sign in', 60, 2,
  20, 1, 'monitor', 'never-printed', 'basic', 12);
INSERT INTO monitor (name, type, hostname, port, interval) VALUES ('Listener', 'port', 'interface.example.org', 2575, 30);
INSERT INTO monitor (name, type, hostname, interval) VALUES ('Gateway', 'ping', '192.0.2.1', 20);
INSERT INTO monitor (name, type, hostname, dns_resolve_type, dns_resolve_server, interval)
  VALUES ('Resolver', 'dns', 'clinic.example.org', 'A', '192.0.2.53', 60);
INSERT INTO monitor (name, type, push_token, interval) VALUES ('Backup', 'push', 'never-printed', 86400);
INSERT INTO monitor (name, type, database_connection_string, interval)
  VALUES ('Results', 'postgres', 'postgres://monitor:never-printed@db.example.org/results', 60);
INSERT INTO notification (name, config) VALUES ('Chat', '{"token":"never-printed"}');
INSERT INTO setting (key, value) VALUES ('serverTimezone', '"America/New_York"');
INSERT INTO maintenance (id, title, description, active, strategy, start_time, end_time, weekdays, timezone)
  VALUES (1, 'Updates', '', 1, 'recurring-weekday', '22:00', '23:30', '[0,3]', 'SAME_AS_SERVER');
INSERT INTO monitor_maintenance (monitor_id, maintenance_id) VALUES (1, 1);
"#;

/// Nothing stands beside the systems of `configure` but what was imported.
fn check(folder: &Path) {
    for entry in std::fs::read_dir(folder.join("imported")).unwrap() {
        let from = entry.unwrap().path();
        let to = folder.join("systems").join(from.file_name().unwrap());
        std::fs::copy(&from, to).unwrap();
    }
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nines"));
    command.args(["check", "--config", "nines.toml"]);
    command.current_dir(folder);
    for variable in [
        "CLINIC_FRONT_END_TOKEN",
        "CLINIC_FRONT_END_PASSWORD",
        "BACKUP_TOKEN",
        "RESULTS_PASSWORD",
    ] {
        command.env(variable, "a-secret-of-this-test-0001");
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// All that the command says.
#[track_caller]
fn said(folder: &Path, line: &[&str], code: i32) -> String {
    let output = ends(folder, line, code);
    let out = String::from_utf8_lossy(&output.stdout);
    (out + String::from_utf8_lossy(&output.stderr)).into_owned()
}

fn imported(folder: &Path, file: &str) -> String {
    let line = ["import", "uptime-kuma", file, "--out", "imported"];
    let said = said(folder, &line, 0);
    assert!(!said.contains("never-printed"), "{said}");
    for entry in std::fs::read_dir(folder.join("imported")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("never-printed"), "{text}");
    }
    said
}

#[test]
fn a_database_of_uptime_kuma_becomes_systems_that_check_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder);
    // A heartbeat needs it.
    let service = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let service = service.replace("[listen]\n", "[listen]\npublic = \"127.0.0.1:8080\"\n");
    std::fs::write(folder.join("nines.toml"), service).unwrap();
    let file = folder.join("kuma.db");
    let database = Connection::open(&file).unwrap();
    database.execute_batch(DATABASE).unwrap();
    drop(database);
    let before = std::fs::read(&file).unwrap();
    let said = imported(folder, "kuma.db");
    for wanted in [
        "monitor 1 \"Clinic\": a group is no probe",
        "notification \"Chat\": not carried over",
        "6 systems written",
    ] {
        assert!(said.contains(wanted), "{said}");
    }
    let front = std::fs::read_to_string(folder.join("imported/clinic-front-end.toml")).unwrap();
    assert!(front.contains("zone = \"America/New_York\""), "{front}");
    check(folder);
    // Nothing was written to it or beside it.
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert!(!folder.join("kuma.db-wal").exists() && !folder.join("kuma.db-shm").exists());
}

#[test]
fn the_last_changes_of_a_database_that_is_in_use_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let database = Connection::open(folder.join("kuma.db")).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database.execute_batch(DATABASE).unwrap();
    assert!(folder.join("kuma.db-wal").metadata().unwrap().len() > 0);
    assert!(imported(folder, "kuma.db").contains("6 systems written"));
}

#[test]
fn another_database_and_a_broken_one_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let database = Connection::open(folder.join("other.db")).unwrap();
    database.execute_batch("CREATE TABLE x (a)").unwrap();
    drop(database);
    let said = said(folder, &["import", "uptime-kuma", "other.db"], 2);
    assert!(said.contains("the table `monitor` is missing"), "{said}");
    let broken = [b"SQLite format 3\0", &[7; 4096][..]].concat();
    std::fs::write(folder.join("broken.db"), broken).unwrap();
    ends(folder, &["import", "uptime-kuma", "broken.db"], 3);
    assert!(!folder.join("imported").exists());
}

#[test]
fn blackbox_needs_its_targets() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let modules = "modules: { icmp: { prober: icmp } }\n";
    let targets = "scrape_configs:\n  - params: { module: [icmp] }\n    static_configs: [{ targets: [192.0.2.1, 192.0.2.2] }]\n";
    std::fs::write(folder.join("blackbox.yml"), modules).unwrap();
    std::fs::write(folder.join("prometheus.yml"), targets).unwrap();
    ends(folder, &["import", "blackbox", "blackbox.yml"], 2);
    let line = [
        "import",
        "blackbox",
        "blackbox.yml",
        "--targets",
        "prometheus.yml",
    ];
    let said = said(folder, &line, 0);
    assert!(said.contains("2 systems written, 0 remarks"), "{said}");
    assert!(folder.join("imported/192-0-2-2.toml").exists());
    let line = [
        "import",
        "gatus",
        "blackbox.yml",
        "--targets",
        "prometheus.yml",
    ];
    ends(folder, &line, 2);
}
