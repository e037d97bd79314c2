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
fn broken_syntax_is_one_mistake_of_its_file() {
    let files = Files::shipped().replace(
        "nines.toml",
        "public  = \"127.0.0.1:8080\"",
        "public = 127.0.0.1:8080\nx = = y",
    );
    check(
        &files,
        expect![[r#"
            error: this is not TOML: invalid float; text stands in quotes
              --> config/nines.toml:12:15
               |
            12 | public = 127.0.0.1:8080
               |               ^^^^^^^^^

            1 mistake in 1 file"#]],
    );
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
