//! Monitors of Uptime Kuma become systems that Nines accepts, and a list of what was left out.
#![allow(clippy::unwrap_used)] // A failed test may stop at once.

mod accepted;

use import::{Imported, Tables, uptime_kuma, uptime_kuma_backup};

const BACKUP: &str = include_str!("uptime_kuma.json");

fn imported() -> Imported {
    uptime_kuma_backup(BACKUP, "operations").unwrap()
}

fn listed(imported: &Imported) -> Vec<String> {
    let line = |left: &import::Left| format!("{}: {}", left.key, left.why);
    imported.left.iter().map(line).collect()
}

fn text<'a>(imported: &'a Imported, id: &str) -> &'a str {
    &imported.systems.iter().find(|s| s.id == id).unwrap().text
}

#[test]
fn each_monitor_becomes_a_system_with_one_probe() {
    let all = imported();
    let kinds: Vec<_> = all
        .systems
        .iter()
        .map(|s| (s.id.as_str(), s.probe["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("clinic-portal", "http"),
            ("api", "http"),
            ("listener", "tcp"),
            ("gateway", "icmp"),
            ("resolver", "dns"),
            ("nightly-backup", "heartbeat"),
            ("orders", "grpc"),
            ("database", "postgres"),
            ("sign-in", "http"),
            ("broker", "mqtt"),
            ("time", "ntp"),
            ("live", "websocket"),
        ]
    );
    assert_eq!(
        text(&all, "clinic-portal"),
        "# Imported from monitor 2 \"Portal\" of Uptime Kuma.\n\
         name = \"Clinic / Portal\"\n\
         committee = \"operations\"\n\n\
         [[probe]]\n\
         name = \"check\"\n\
         kind = \"http\"\n\
         url = \"https://portal.example.org/login?key=${CLINIC_PORTAL_KEY}&lang=en\"\n\
         interval = \"1m\"\n\
         basic = { password = \"${CLINIC_PORTAL_PASSWORD}\", user = \"monitor\" }\n\
         body = '{\"order\": 1}'\n\
         expect = { body_contains = \"Sign in\", status = [200, 201, 202, 404] }\n\
         failures = 3\n\
         headers = { Accept = \"text/html\", Content-Type = \"application/json\", X-Api-Key = \"${CLINIC_PORTAL_X_API_KEY}\" }\n\
         method = \"POST\"\n\
         proxy = \"http://proxy.example.org:3128\"\n\
         proxy_basic = { password = \"${CLINIC_PORTAL_PROXY_PASSWORD}\", user = \"monitor\" }\n\
         recoveries = 1\n\
         redirects = 3\n\
         retry_interval = \"20s\"\n\
         timeout = \"12500ms\"\n"
    );
    for (id, wanted) in [
        (
            "api",
            "expect = { json = { \"/checks/0/state\" = \"ok\" } }",
        ),
        ("gateway", "retry_interval = \"20s\""),
        ("resolver", "server = \"192.0.2.53\""),
        ("nightly-backup", "period = \"1440m\""),
        ("nightly-backup", "grace = \"1201s\""),
        ("orders", "service = \"orders\""),
        ("database", "query = \"SELECT count(*) FROM results\""),
        ("database", "tls = true"),
        ("broker", "password = \"${BROKER_PASSWORD}\""),
        ("time", "max_offset = \"250ms\""),
        ("time", "max_stratum = 4"),
        ("live", "path = \"/live?a=1\""),
        ("live", "protocol = \"beds\""),
    ] {
        assert!(text(&all, id).contains(wanted), "{}", text(&all, id));
    }
}

#[test]
fn the_written_probes_are_ones_that_nines_accepts() {
    accepted::check(&imported());
}

#[test]
fn what_is_left_out_is_listed_with_a_reason() {
    let left = listed(&imported());
    for wanted in [
        "monitor 1 \"Clinic\": a group is no probe",
        "monitor 2 \"Portal\".url: put the parameter `key` of the URL into the environment variable CLINIC_PORTAL_KEY",
        "monitor 2 \"Portal\".auth_method: put the password into the environment variable CLINIC_PORTAL_PASSWORD",
        "monitor 2 \"Portal\".ignore_tls: Nines always checks certificates",
        "monitor 2 \"Portal\".resend_interval: not carried over",
        "monitor 3 \"API\".proxy: not carried over: Nines has no proxy that speaks `socks5`",
        "monitor 5 \"Gateway\".packet_size: not carried over",
        "monitor 6 \"Resolver\".dns_resolve_server: a probe asks one server",
        "monitor 7 \"Nightly backup\".push_token: put a new token",
        "monitor 9 \"Stock\": not imported: Nines calls `grpc.health.v1.Health/Check` alone",
        "monitor 10 \"Database\".database_connection_string.sslmode: Nines always checks",
        "monitor 11 \"Old portal\": not imported: it is paused",
        "monitor 12 \"Must be closed\": not imported: it is upside down",
        "monitor 13 \"Container\": not imported: write a plugin",
        "monitor 14 \"Sign in\".body: not carried over: it may hold a secret",
        "monitor 15 \"Broker\".mqtt_topic: not carried over",
        "monitor 16 \"Time\".ntp_root_dispersion_threshold: not carried over",
        "notification \"Mail to operations\": not carried over",
        "tag \"production\": not carried over",
    ] {
        let is_listed = left.iter().any(|line| line.starts_with(wanted));
        assert!(is_listed, "{wanted}: {left:#?}");
    }
}

#[test]
fn no_secret_is_written_or_listed() {
    let all = imported();
    let texts = all.systems.iter().map(|s| s.text.clone());
    for text in texts.chain(listed(&all)) {
        assert!(!text.contains("never-printed"), "{text}");
    }
}

/// The columns as a database has them.
fn tables(maintenance: &str) -> Tables {
    let text = format!(
        r#"{{
          "monitor": [
            {{"id": 1, "name": "Clinic", "type": "group", "active": 1}},
            {{"id": 2, "name": "Portal", "parent": 1, "type": "http", "active": 1, "interval": 60, "maxretries": 0,
              "url": "https://portal.example.org/", "accepted_statuscodes_json": "[\"200-299\"]", "ignore_tls": 0}},
            {{"id": 3, "name": "Lab", "type": "http", "active": 1, "interval": 60, "maxretries": 0,
              "url": "https://lab.example.org/", "accepted_statuscodes_json": "[\"200-299\"]"}}
          ],
          "setting": [{{"id": 1, "key": "serverTimezone", "value": "\"Europe/Vienna\"", "type": null}}],
          "status_page": [{{"id": 1, "title": "Public"}}],
          "maintenance": [{maintenance}],
          "monitor_maintenance": [{{"id": 1, "monitor_id": 1, "maintenance_id": 7}}]
        }}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn plain_maintenance_becomes_windows_of_the_systems_in_a_group() {
    for (row, days, start, length, zone) in [
        (
            r#""strategy": "recurring-weekday", "weekdays": "[0,3]", "start_time": "22:30:00", "end_time": "01:00",
               "timezone": "America/New_York""#,
            r#"["sun", "wed"]"#,
            "22:30",
            "150m",
            "America/New_York",
        ),
        (
            r#""strategy": "recurring-day-of-month", "days_of_month": "[\"1\",15,\"lastDay1\"]", "start_time": "02:00",
               "end_time": "04:00", "timezone": "SAME_AS_SERVER""#,
            r#"[1, 15, "last day"]"#,
            "02:00",
            "120m",
            "Europe/Vienna",
        ),
        (
            r#""strategy": "cron", "cron": "30 3 * * 6", "duration": 3600, "timezone": "UTC""#,
            r#"["sat"]"#,
            "03:30",
            "60m",
            "UTC",
        ),
    ] {
        let row = format!(r#"{{"id": 7, "title": "Updates", "active": 1, {row}}}"#);
        let all = uptime_kuma(&tables(&row), "operations").unwrap();
        let wanted = format!(
            "\n[[maintenance]]\ntitle = \"Updates\"\ndays = {days}\nstart = \"{start}\"\nid = \"updates-7\"\nlength = \"{length}\"\nzone = \"{zone}\"\n"
        );
        let portal = text(&all, "clinic-portal");
        assert!(portal.ends_with(&wanted), "{portal}\n{wanted}");
        assert!(!text(&all, "lab").contains("maintenance"));
    }
}

#[test]
fn other_maintenance_is_listed() {
    for (row, why) in [
        (r#""strategy": "single", "active": 1"#, "schedule it by"),
        (r#""strategy": "manual", "active": 1"#, "it has no times"),
        (
            r#""strategy": "recurring-weekday", "active": 0"#,
            "it is not active",
        ),
        (
            r#""strategy": "recurring-interval", "interval_day": 3, "active": 1"#,
            "Nines repeats by weekdays",
        ),
        (
            r#""strategy": "cron", "cron": "*/5 * * * *", "duration": 60, "active": 1"#,
            "`*/5 * * * *` is not one time",
        ),
    ] {
        let row = format!(r#"{{"id": 7, "title": "Updates", {row}}}"#);
        let left = listed(&uptime_kuma(&tables(&row), "operations").unwrap());
        let wanted = format!("maintenance 7 \"Updates\": not carried over: {why}");
        assert!(
            left.iter().any(|line| line.starts_with(&wanted)),
            "{left:#?}"
        );
    }
}

#[test]
fn a_circle_of_groups_ends() {
    let mut tables = tables("");
    let monitors = tables.get_mut("monitor").unwrap();
    monitors[0].insert("parent".to_owned(), 2.into());
    assert_eq!(uptime_kuma(&tables, "operations").unwrap().systems.len(), 2);
}

#[test]
fn another_file_is_refused_with_a_reason() {
    for (text, why) in [
        ("endpoints: []", "neither a SQLite database nor JSON"),
        ("{}", "the key `monitorList` is missing"),
    ] {
        let error = uptime_kuma_backup(text, "operations").unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let error = uptime_kuma(&Tables::new(), "operations").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the table `monitor` is missing")
    );
}
