//! How mistakes look to the person who made them.

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
          --> config/systems/portal.toml:12:1
           |
        12 | intervall = "30s"
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
          --> config/nines.toml:20:1
           |
        20 | [[committee]]
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
          --> config/nines.toml:29:8
           |
        29 | zone = "EST"
           |        ^^^^^

        1 mistake in 1 file"#]],
    );
}

/// What a tired hand writes, and the one line that it is told.
#[test]
fn what_the_parser_refuses_is_told_in_plain_words() {
    let portal = |from: &str, to: &str| {
        let told = Files::shipped()
            .replace("systems/portal.toml", from, to)
            .told();
        let [(path, line, message)] = told.as_slice() else {
            panic!("{to}: {told:#?}")
        };
        format!("{path}:{line} {message}")
    };
    let interval = "interval = \"30s\"";
    let agreed = "agreed       = 2024-03-01";
    let told = [
        portal(interval, "interval = \"30s\"\ninterval = \"40s\""),
        portal(interval, "interval = \u{201c}30s\u{201d}"),
        portal(interval, "interval = 30s"),
        portal(interval, "interval = \"30s"),
        portal(agreed, "agreed = 2024-02-30"),
        portal(agreed, "agreed = 2024-13-01"),
        portal(agreed, "agreed = 2024-03-01T09:00:00Z"),
        portal("\"https://portal.example.org/login\"", "\"https://\""),
        portal("\"https://portal.example.org/login\"", "\"https:///login\""),
        portal("\"https://portal.example.org/login\"", "\"https://:443/\""),
    ];
    expect![[r#"
        systems/portal.toml:13 `interval` stands in this table already
        systems/portal.toml:12 text stands in straight quotes, as "this"; these are typographic ones
        systems/portal.toml:12 this is not TOML: string values must be quoted
        systems/portal.toml:12 this is not TOML: invalid basic string, expected `"`
        systems/portal.toml:33 there is no such date or time: it wants a day between 01 and 29
        systems/portal.toml:33 there is no such date or time: it wants a month between 01 and 12
        systems/portal.toml:33 `agreed` is a date without quotes, as 2024-03-01, not a date with a time
        systems/portal.toml:11 `https://` is not such a URL: it has no host
        systems/portal.toml:11 `https:///login` is not such a URL: it has no host
        systems/portal.toml:11 `https://:443/` is not such a URL: it has no host"#]].assert_eq(&told.join("\n"));
}

#[test]
fn a_folder_in_the_place_of_a_file_is_told_as_one() {
    let folder = tempfile::tempdir().unwrap();
    Files::shipped().write(folder.path());
    let place = folder.path().join("systems/pharmacy.toml");
    std::fs::create_dir(&place).unwrap();
    let told = crate::config::files::load(&folder.path().join("nines.toml"), &|_| None);
    let told = told.unwrap_err();
    let messages: Vec<_> = told.iter().map(|m| (&m.path, m.message.as_str())).collect();
    assert_eq!(messages, [(&place, "this is a folder, not a file")]);
}

#[test]
fn a_slip_of_syntax_hides_no_other_mistake_of_its_file() {
    let files = Files::shipped().replace(
        "nines.toml",
        "public  = \"127.0.0.1:8080\"",
        "public = 127.0.0.1:8080\nx = = y\nprivat = \"127.0.0.1:8081\"",
    );
    check(
        &files,
        expect![[r#"
        error: this is not TOML: invalid float; text stands in quotes
          --> config/nines.toml:12:15
           |
        12 | public = 127.0.0.1:8080
           |               ^^^^^^^^^

        error: unknown key `x`: `[listen]` knows `private` and `public`
          --> config/nines.toml:13:1
           |
        13 | x = = y
           | ^

        error: this is not TOML: extra `=`
          --> config/nines.toml:13:5
           |
        13 | x = = y
           |     ^

        error: unknown key `privat`, and `private` is already given
          --> config/nines.toml:14:1
           |
        14 | privat = "127.0.0.1:8081"                         # nothing listens here yet: its pages come later
           | ^^^^^^

        4 mistakes in 1 file"#]],
    );
}

fn told(files: &Files) -> String {
    let told: Vec<String> = files
        .told()
        .iter()
        .map(|(path, line, message)| format!("{path}:{line} {message}"))
        .collect();
    told.join("\n")
}

#[test]
fn slips_of_syntax_and_mistakes_of_meaning_are_told_together() {
    let system = r#"
name = "Portal"
committee = "c"
policy = "gold"

[[probe]]
name = "login"
kind = "http"
url = "https://portal.example.org/login"
interval = 30s
expect = { status = 999 }

[[probe]]
name = "port"
kind = tcp
host = "portal.example.org"
port = 443
interval = "30s"

[[maintenance]]
title = "Weekly update"
days = ["sunn"]
start = 02:00
length = 2 hours
zone = "UTC"
agreed = 2024-03-01
"#;
    expect![[r#"
        systems/portal.toml:4 there is no policy `gold`
        systems/portal.toml:10 this is not TOML: string values must be quoted
        systems/portal.toml:11 `status` goes from 100 to 599
        systems/portal.toml:15 this is not TOML: invalid boolean, expected `true`; text stands in quotes
        systems/portal.toml:22 `sunn` is not a weekday, did you mean `sun`?
        systems/portal.toml:23 `start` is a time of day in quotes, as "21:00", not a time without quotes
        systems/portal.toml:24 this is not TOML: string values must be quoted"#]].assert_eq(&told(&Files::with_system(system)));
}

#[test]
fn slips_that_cannot_be_taken_out_are_told_and_come_to_an_end() {
    let headless = "[service\nname = \"Test\"\na.b = 1\na.b = 2\na.b.c = 3\n[x]\n\
                    c = { d = 1, d = 2 }\n\"é\" = 1\n\"é\" = 2\né = 3\n";
    let told = told(&Files::shipped().replace("nines.toml", "[service]\n", headless));
    assert!(
        told.starts_with("nines.toml:4 this is not TOML: unclosed table, expected `]`"),
        "{told}"
    );
}

#[test]
fn what_a_slip_makes_unknowable_is_not_guessed_at() {
    let portal =
        |from: &str, to: &str| told(&Files::shipped().replace("systems/portal.toml", from, to));
    // A header that is none: its keys belong nowhere, and nothing is missing. Other slips are told.
    let header = portal("[[probe]]", "[[probe]\ntimeout = 5s");
    // A list without its end has swallowed what follows.
    let list = portal(
        "interval = \"30s\"",
        "interval = [\"30s\"\nretry_interval = 5s",
    );
    // What the service's file does not say is not held against the systems.
    let service = |from: &str, to: &str| told(&Files::shipped().replace("nines.toml", from, to));
    let committee = service("id      = \"operations\"", "id = operations");
    let folder = service("policies = \"policies\"", "policies = agreements");
    expect![[r#"
        systems/portal.toml:8 this is not TOML: unclosed array table, expected `]`
        systems/portal.toml:9 this is not TOML: string values must be quoted

        systems/portal.toml:13 this is not TOML: missing comma between array elements, expected `,`

        nines.toml:21 this is not TOML: string values must be quoted

        nines.toml:9 this is not TOML: string values must be quoted"#]]
    .assert_eq(&[header, list, committee, folder].join("\n\n"));
}

#[test]
fn a_key_of_another_kind_a_kind_of_later_and_a_key_of_later() {
    let files = Files::shipped()
        .replace(
            "systems/results-interface.toml",
            "failures       = 3",
            "url = \"https://x.example.org\"",
        )
        .replace(
            "systems/portal.toml",
            "kind     = \"http\"",
            "kind = \"dns\"",
        )
        .replace(
            "systems/portal.toml",
            "agreed       = 2024-03-01",
            "announce = [\"7d\"]",
        )
        .replace(
            "policies/standard.toml",
            "[planned_hours]",
            "[[severity]]\nid = \"critical\"\n[planned_hours]",
        );
    check(
        &files,
        expect![[r#"
        error: `severity` is not supported yet: this version must do without
          --> config/policies/standard.toml:16:3
           |
        16 | [[severity]]
           |   ^^^^^^^^

        error: `dns` probes are not supported yet: this version knows `http` and `tcp`
          --> config/systems/portal.toml:10:8
           |
        10 | kind = "dns"
           |        ^^^^^

        error: `announce` is not supported yet: this version must do without
          --> config/systems/portal.toml:33:1
           |
        33 | announce = ["7d"]
           | ^^^^^^^^

        error: `url` belongs to `http` probes, and this one is `tcp`
          --> config/systems/results-interface.toml:18:1
           |
        18 | url = "https://x.example.org"
           | ^^^

        4 mistakes in 3 files"#]],
    );
}

#[test]
fn a_reference_that_leads_nowhere() {
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
          --> config/nines.toml:38:12
           |
        38 | systems = ["portals"]
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
fn a_file_that_is_not_there() {
    let mut files = Files::shipped();
    files.0.remove("nines.toml");
    check(
        &files,
        expect![[r#"
        error: this file cannot be read: No such file or directory (os error 2)
        --> config/nines.toml

        1 mistake in 1 file"#]],
    );
}

#[test]
fn colour_only_if_asked() {
    let files = Files::shipped().replace("nines.toml", "[mail]", "[male]");
    let refused = files.load().expect_err("a mistake was made");
    assert!(!refused.mistakes.render(false).contains('\u{1b}'));
    assert!(refused.mistakes.render(true).contains('\u{1b}'));
    assert_eq!(refused.mistakes.to_string(), refused.mistakes.render(false));
}

/// Makes a named pipe: opened, it would hold its reader until somebody writes.
fn pipe(path: &std::path::Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn what_is_no_file_is_never_waited_for() {
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
    let told = crate::config::files::load(&in_folder("nines.toml"), &|_| None).unwrap_err();
    let prefix = format!("{}/", folder.path().display());
    let told: Vec<String> = told
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
    .assert_eq(&told.join("\n"));
}
