//! The mistakes as a person sees them.

use expect_test::{Expect, expect};

use super::Files;

fn check(files: &Files, expected: Expect) {
    let refused = files.load().expect_err("a mistake was made");
    let shown = refused.rendered();
    let trimmed: Vec<&str> = shown.lines().map(str::trim_end).collect();
    expected.assert_eq(&trimmed.join("\n"));
}

#[test]
fn a_misspelt_key() {
    let files = Files::shipped().replace(
        "systems/portal.toml",
        "interval = \"30s\"",
        "intervall = \"30s\"",
    );
    check(
        &files,
        expect![[r#"
            error: unknown key `intervall`, did you mean `interval`?
              --> config/systems/portal.toml:13:1
               |
            13 | intervall = "30s"
               | ^^^^^^^^^

            1 mistake in 1 file"#]],
    );
}

#[test]
fn a_value_of_the_wrong_type_and_a_missing_key() {
    let files = Files::shipped()
        .replace(
            "systems/results-interface.toml",
            "port           = 2575",
            "port = \"2575\"",
        )
        .replace("nines.toml", "id      = \"operations\"", "");
    check(
        &files,
        expect![[r#"
            error: `[[committee]]` lacks `id`, an id in quotes, as "results-interface"
              --> config/nines.toml:25:1
               |
            25 | [[committee]]
               | ^^^^^^^^^^^^^

            error: `port` is a whole number, not text
              --> config/systems/results-interface.toml:14:8
               |
            14 | port = "2575"
               |        ^^^^^^

            2 mistakes in 2 files"#]],
    );
}

#[test]
fn a_zone_that_never_observes_daylight_time() {
    let files = Files::shipped().replace(
        "nines.toml",
        "zone     = \"America/Chicago\"",
        "zone = \"EST\"",
    );
    check(
        &files,
        expect![[r#"
            error: `EST` never observes daylight time: name a place, as `America/New_York`
              --> config/nines.toml:39:8
               |
            39 | zone = "EST"
               |        ^^^^^

            1 mistake in 1 file"#]],
    );
}

/// Common mistakes, and the one line that explains each.
#[test]
fn a_syntax_error_is_explained_in_plain_words() {
    let portal = |from: &str, to: &str| {
        let reported = Files::shipped()
            .replace("systems/portal.toml", from, to)
            .reported();
        let [(path, line, message)] = reported.as_slice() else {
            panic!("{to}: {reported:#?}")
        };
        format!("{path}:{line} {message}")
    };
    let interval = "interval = \"30s\"";
    let agreed = "agreed       = 2024-03-01";
    let reported = [
        portal(interval, "interval = \"30s\"\ninterval = \"40s\""),
        portal(interval, "interval = \u{201c}30s\u{201d}"),
        portal(interval, "interval = 30s"),
        portal(interval, "interval = \"30s"),
        portal(interval, "interval: \"30s\""),
        portal(interval, "interval = half an hour"),
        portal(agreed, "agreed = 2024-02-30"),
        portal(agreed, "agreed = 2024-13-01"),
        portal(agreed, "agreed = 2024-03-01T09:00:00Z"),
        portal("\"https://portal.example.org/login\"", "\"https://\""),
        portal("\"https://portal.example.org/login\"", "\"https:///login\""),
        portal("\"https://portal.example.org/login\"", "\"https://:443/\""),
    ];
    expect![[r#"
        systems/portal.toml:14 `interval` is already in this table
        systems/portal.toml:13 use straight quotes, as "this", not typographic ones
        systems/portal.toml:13 put text in quotes, as "this"
        systems/portal.toml:13 this text lacks its closing quote
        systems/portal.toml:13 write `=` between a key and its value, not `:`
        systems/portal.toml:13 put text in quotes, as "this"
        systems/portal.toml:34 there is no such date or time: use a day between 01 and 29
        systems/portal.toml:34 there is no such date or time: use a month between 01 and 12
        systems/portal.toml:34 `agreed` is a date without quotes, as 2024-03-01, not a date with a time
        systems/portal.toml:12 `https://` is not such a URL: it has no host
        systems/portal.toml:12 `https:///login` is not such a URL: it has no host
        systems/portal.toml:12 `https://:443/` is not such a URL: it has no host"#]].assert_eq(&reported.join("\n"));
}

#[test]
fn a_folder_in_the_place_of_a_file_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    Files::shipped().write(folder.path());
    let place = folder.path().join("systems/pharmacy.toml");
    std::fs::create_dir(&place).unwrap();
    let reported =
        crate::config::files::load(&folder.path().join("nines.toml"), &|_| None, super::now());
    let reported = reported.unwrap_err();
    let messages: Vec<_> = reported
        .iter()
        .map(|m| (&m.path, m.message.as_str()))
        .collect();
    assert_eq!(messages, [(&place, "this is a folder, not a file")]);
}

#[test]
fn a_file_with_a_syntax_error_has_no_other_mistake_and_hides_none_of_other_files() {
    let files = Files::shipped()
        .replace(
            "nines.toml",
            "public  = \"127.0.0.1:8080\"",
            "public = 127.0.0.1:8080\nx = = y\nprivat = \"127.0.0.1:8081\"",
        )
        .replace(
            "systems/portal.toml",
            "committee       = \"operations\"",
            "committee = \"unknown-as-yet\"\ncolour = 1",
        );
    check(
        &files,
        expect![[r#"
            error: put text in quotes, as "this" (invalid float)
              --> config/nines.toml:14:15
               |
            14 | public = 127.0.0.1:8080
               |               ^^^^^^^^^

            error: unknown key `colour`: this file knows `committee`, `depends_on`, `downtime_advice`, `flap_hold`, `flap_limit`, `group_within`, `kind`, `maintenance`, `name`, `owner`, `policy`, `probe` and `target`
             --> config/systems/portal.toml:4:1
              |
            4 | colour = 1
              | ^^^^^^

            2 mistakes in 2 files"#]],
    );
}

#[test]
fn a_key_of_another_kind_a_misspelt_kind_and_keys_of_later_versions() {
    let files = Files::shipped()
        .replace(
            "systems/results-interface.toml",
            "failures       = 3",
            "url = \"https://x.example.org\"",
        )
        .replace(
            "systems/portal.toml",
            "kind     = \"http\"",
            "kind = \"htpp\"",
        )
        .replace(
            "systems/portal.toml",
            "agreed       = 2024-03-01",
            "systems = [\"portal\"]",
        );
    check(
        &files,
        expect![[r#"
            error: `htpp` is not a kind of probe, did you mean `http`?
              --> config/systems/portal.toml:11:8
               |
            11 | kind = "htpp"
               |        ^^^^^^

            error: `systems` is not supported yet: remove it
              --> config/systems/portal.toml:34:1
               |
            34 | systems = ["portal"]
               | ^^^^^^^

            error: `url` belongs to `http` probes, and this one is `tcp`
              --> config/systems/results-interface.toml:18:1
               |
            18 | url = "https://x.example.org"
               | ^^^

            3 mistakes in 2 files"#]],
    );
}

#[test]
fn lengths_of_reminders() {
    let announce = |list: &str| {
        Files::shipped().replace(
            "systems/portal.toml",
            "agreed       = 2024-03-01",
            &format!("announce = [{list}]"),
        )
    };
    check(
        &announce("\"7d\", \"0s\", \"168h\", \"91d\""),
        expect![[r#"
            error: this is too short: at least 1s
              --> config/systems/portal.toml:34:19
               |
            34 | announce = ["7d", "0s", "168h", "91d"]
               |                   ^^^^

            error: this is already in the list
              --> config/systems/portal.toml:34:25
               |
            34 | announce = ["7d", "0s", "168h", "91d"]
               |                         ^^^^^^

            error: a reminder is sent at most 90d before the start
              --> config/systems/portal.toml:34:33
               |
            34 | announce = ["7d", "0s", "168h", "91d"]
               |                                 ^^^^^

            3 mistakes in 1 file"#]],
    );
    check(
        &announce(""),
        expect![[r#"
        error: `announce` is an empty list
          --> config/systems/portal.toml:34:12
           |
        34 | announce = []
           |            ^^

        1 mistake in 1 file"#]],
    );
}

#[test]
fn a_reference_to_an_unknown_id() {
    let files = Files::shipped()
        .replace(
            "systems/portal.toml",
            "committee       = \"operations\"",
            "committee = \"operation\"",
        )
        .replace(
            "systems/portal.toml",
            "policy          = \"standard\"",
            "policy = \"gold\"",
        )
        .replace(
            "nines.toml",
            "systems  = [\"portal\"]",
            "systems = [\"portals\"]",
        );
    check(
        &files,
        expect![[r#"
            error: there is no system `portals`, did you mean `portal`?
              --> config/nines.toml:48:12
               |
            48 | systems = ["portals"]
               |            ^^^^^^^^^

            error: there is no committee `operation`, did you mean `operations`?
             --> config/systems/portal.toml:3:13
              |
            3 | committee = "operation"
              |             ^^^^^^^^^^^

            error: there is no policy `gold`
             --> config/systems/portal.toml:4:10
              |
            4 | policy = "gold"
              |          ^^^^^^

            3 mistakes in 2 files"#]],
    );
}

#[test]
fn a_key_below_the_wrong_header() {
    let files = Files::shipped()
        .replace(
            "systems/results-interface.toml",
            "target    = \"99.5%\"\n",
            "",
        )
        .replace(
            "systems/results-interface.toml",
            "failures       = 3",
            "target = \"99.5%\"",
        );
    check(
        &files,
        expect![[r#"
        error: `target` belongs to the top of the file, before the first `[table]`, not to `[[probe]]`
          --> config/systems/results-interface.toml:17:1
           |
        17 | target = "99.5%"
           | ^^^^^^

        1 mistake in 1 file"#]],
    );
}

#[test]
fn a_missing_file() {
    let mut files = Files::shipped();
    files.0.remove("nines.toml");
    check(
        &files,
        expect![[r#"
        error: there is no such file: name yours with --config FILE; docs/first-day.md begins with a small one
        --> config/nines.toml

        1 mistake in 1 file"#]],
    );
}

#[test]
fn colours_are_used_only_on_request() {
    let files = Files::shipped().replace("nines.toml", "[mail]", "[male]");
    let refused = files.load().expect_err("a mistake was made");
    assert!(!refused.mistakes.render(false).contains('\u{1b}'));
    assert!(refused.mistakes.render(true).contains('\u{1b}'));
    assert_eq!(refused.mistakes.to_string(), refused.mistakes.render(false));
}

/// Makes a named pipe. A reader of it would wait until a writer opens it.
fn pipe(path: &std::path::Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn a_pipe_a_device_or_a_socket_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str| folder.path().join(name);
    let files = Files::shipped()
        .replace(
            "systems/portal.toml",
            "url      = \"https://portal.example.org/login\"",
            "url = \"https://portal.example.org/login\"\nca_file = \"authorities.pem\"",
        )
        .replace(
            "systems/portal.toml",
            "[[probe]]",
            "[[probe]]\nbearer_token_file = \"password\"",
        );
    files.write(folder.path());
    pipe(&in_folder("systems/authorities.pem"));
    pipe(&in_folder("systems/password"));
    pipe(&in_folder("systems/z.toml"));
    std::os::unix::fs::symlink(in_folder("systems/z.toml"), in_folder("systems/link.toml"))
        .unwrap();
    std::os::unix::fs::symlink("/dev/zero", in_folder("systems/device.toml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(in_folder("systems/socket.toml")).unwrap();
    let reported =
        crate::config::files::load(&in_folder("nines.toml"), &|_| None, super::now()).unwrap_err();
    let prefix = format!("{}/", folder.path().display());
    let reported: Vec<String> = reported
        .iter()
        .map(|m| format!("{}: {}", m.path.display(), m.message).replace(&prefix, ""))
        .collect();
    expect![[r#"
        systems/device.toml: this is a device, not a file
        systems/link.toml: this is a named pipe, not a file
        systems/portal.toml: `systems/password` cannot be read: it is a named pipe, not a file
        systems/portal.toml: `systems/authorities.pem` cannot be read: it is a named pipe, not a file
        systems/socket.toml: this is a socket, not a file
        systems/z.toml: this is a named pipe, not a file"#]]
    .assert_eq(&reported.join("\n"));
}
