//! Many mistakes at once, and each mistake of meaning by itself.

use super::{Files, Reported};

#[test]
fn twelve_mistakes_in_three_files_are_twelve() {
    let files = Files::shipped()
        .replace("nines.toml", "public  =", "pubic  =")
        .replace("nines.toml", "gather = \"30s\"", "gather = 30")
        .replace(
            "nines.toml",
            "zone     = \"America/Chicago\"",
            "zone = \"CST\"",
        )
        .replace("nines.toml", "[\"office@lakeside.example\"]", "[]")
        .replace("nines.toml", "\"results-interface\"]", "\"results\"]")
        .replace("systems/portal.toml", "\"99.9%\"", "\"99.9\"")
        .replace(
            "systems/portal.toml",
            "interval = \"30s\"",
            "intervall = \"30 s\"",
        )
        .replace("systems/portal.toml", "status = 200", "status = 2000")
        .replace("systems/portal.toml", "length       = \"1h\"\n", "")
        .replace("policies/standard.toml", "\"unknown\"", "\"dwon\"")
        .replace(
            "policies/standard.toml",
            "open  = \"00:00\"",
            "open = \"24:00\"",
        );
    let reported = files.reported();
    let lines: Vec<String> = reported
        .iter()
        .map(|(path, line, message)| format!("{path}:{line} {message}"))
        .collect();
    expect_test::expect![[r#"
        nines.toml:14 unknown key `pubic`, did you mean `public`?
        nines.toml:18 there is no system `results`
        nines.toml:23 `gather` is a length of time in quotes, as "30s" or "1h30m", not a whole number
        nines.toml:39 `CST` never observes daylight time: name a place, as `America/Chicago`
        nines.toml:47 `contacts` is an empty list
        policies/standard.toml:4 `unknown` cannot be `dwon`, did you mean `down`?
        policies/standard.toml:13 write `24:00` as "00:00"; as an end it is midnight of the next day
        systems/portal.toml:5 `99.9` lacks its percent sign: write "99.9%"
        systems/portal.toml:13 unknown key `intervall`, did you mean `interval`?
        systems/portal.toml:13 `30 s` is not a length of time: write it as "30s", "5m", "1h30m" or "7d"
        systems/portal.toml:14 `status` goes from 100 to 599
        systems/portal.toml:26 `[[maintenance]]` lacks `length`, as "1h", or `end`, as "22:00""#]].assert_eq(&lines.join("\n"));
    assert_eq!(lines.len(), 12);
}

const SYSTEM: &str = "name = \"Portal\"\ncommittee = \"c\"\n";
const HTTP: &str = "[[probe]]\nname = \"p\"\nkind = \"http\"\nurl = \"https://x.example.org\"\ninterval = \"30s\"\n";
const WINDOW: &str = "[[maintenance]]\ntitle = \"A\"\nstart = \"01:00\"\nzone = \"UTC\"\n";

/// Checks that there is exactly one mistake, and that its message contains `part`.
fn one(system: &str, part: &str) {
    let reported = Files::with_system(system).reported();
    let [(path, line, message)] = reported.as_slice() else {
        panic!("{part}: {reported:#?}")
    };
    assert_eq!(path, "systems/portal.toml");
    assert!(message.contains(part), "{message} lacks {part}");
    assert!(*line <= system.lines().count(), "{line}");
}

#[test]
fn times_of_a_probe_must_fit_each_other() {
    let with = |more: &str| format!("{SYSTEM}{HTTP}{more}\n");
    one(&with("timeout = \"31s\""), "longer than the interval, 30s");
    one(
        &with("retry_interval = \"1m\""),
        "longer than the interval, 30s",
    );
    one(&with("timeout = \"0s\""), "too short");
    one(&with("failures = 0"), "`failures` goes from 1 to 100");
    one(
        &with("timeout = \"5s\"\nexpect = { degraded_after = \"5s\" }"),
        "the timeout is 5s",
    );
    one(
        &with("timeout = 5\nexpect = { degraded_after = \"15s\" }"),
        "`timeout` is",
    );
    one(
        &with("timeout = \"1x\"\nexpect = { degraded_after = \"15s\" }"),
        "not a length of time",
    );
    one(
        &format!("{SYSTEM}{}", HTTP.replace("30s", "50ms")),
        "at least 100ms",
    );
    one(&format!("{SYSTEM}{}", HTTP.replace("30s", "2d")), "1d");
}

#[test]
fn targets_and_expectations_must_make_sense() {
    let with = |more: &str| format!("{SYSTEM}{HTTP}{more}\n");
    one(
        &with("expect = { body_matches = \"(\" }"),
        "not a regular expression",
    );
    one(
        &with("expect = { json = { \"a\" = 1 } }"),
        "not a JSON pointer",
    );
    one(
        &with("expect = { json = { \"/a\" = nan } }"),
        "JSON has no such number",
    );
    one(
        &with("expect = { json_present = [\"/a~2\"] }"),
        "not a JSON pointer",
    );
    one(
        &with("expect = { status = [200, 99] }"),
        "goes from 100 to 599",
    );
    one(
        &with("expect = { status = [200, 200] }"),
        "already in the list",
    );
    one(&with("method = \"get\""), "not a method");
    one(
        &with("method = \"HEAD\"\nexpect = { body_contains = \"x\" }"),
        "no body",
    );
    one(&with("headers = { \"a b\" = \"x\" }"), "name of a header");
    one(
        &with("headers = { Connection = \"close\" }"),
        "set by the connection itself",
    );
    one(&with("ca_file = \"none.pem\""), "cannot be read");
    let plain = HTTP.replace("https:", "http:");
    one(
        &format!("{SYSTEM}{plain}expect = {{ certificate_days = 3 }}\n"),
        "no certificate",
    );
    one(
        &format!("{SYSTEM}{}", HTTP.replace("x.example.org", "me:pw@x")),
        "must not appear in a URL",
    );
    one(
        &format!("{SYSTEM}{}", HTTP.replace("https:", "ftp:")),
        "http://",
    );
}

#[test]
fn names_are_used_once() {
    one(
        &format!("{SYSTEM}{HTTP}{HTTP}"),
        "probe `p` is already defined on line 4",
    );
    let window = format!("{WINDOW}days = \"sun\"\nlength = \"1h\"\n");
    one(
        &format!("{SYSTEM}{HTTP}{window}{window}"),
        "window `a` is already defined on line 9",
    );
    one(
        &format!("{SYSTEM}{HTTP}{}", window.replace("\"A\"", "\"é\"")),
        "give the window an `id`",
    );
}

#[test]
fn a_window_has_one_beginning_and_one_end() {
    let with = |more: &str| format!("{SYSTEM}{HTTP}{WINDOW}{more}\n");
    one(
        &with("days = \"sun\"\nlength = \"1h\"\nend = \"02:00\""),
        "use either",
    );
    one(
        &with("days = \"sun\"\ndates = [2026-01-01]\nlength = \"1h\""),
        "use either",
    );
    one(&with("days = \"sun\""), "lacks `length`");
    one(&with("length = \"1h\""), "lacks `days`");
    one(
        &with("days = []\nlength = \"1h\""),
        "`days` is an empty list",
    );
    one(&with("days = [\"sun\", 15]\nlength = \"1h\""), "use either");
    one(
        &with("days = [\"sun\", \"sunday\"]\nlength = \"1h\""),
        "already in the list",
    );
    one(
        &with("days = [\"first sun\", \"third sun\"]\nlength = \"1h\""),
        "must be alone",
    );
    one(
        &with("days = \"sixth sunday\"\nlength = \"1h\""),
        "not such a day",
    );
    one(
        &with("days = [\"sum\"]\nlength = \"1h\""),
        "did you mean `sun`?",
    );
    one(&with("days = [32]\nlength = \"1h\""), "from 1 to 31");
    one(
        &with("days = [1.5]\nlength = \"1h\""),
        "an entry of `days` is",
    );
    one(
        &with("days = \"sun\"\nlength = \"1h\"\nmax_downtime = \"2h\""),
        "longer than the window",
    );
    one(
        &with("days = \"sun\"\nlength = \"1500ms\""),
        "whole seconds",
    );
    one(&with("days = \"sun\"\nlength = \"0s\""), "too short");
    one(
        &with("days = \"sun\"\nlength = \"1h\"\nagreed = \"2024-03-01\""),
        "without quotes",
    );
    one(
        &with("days = \"sun\"\nlength = \"1h\"\nagreed = 2024-03-01T00:00:00Z"),
        "without quotes",
    );
}

#[test]
fn a_window_has_a_plausible_year_and_at_most_a_month() {
    let with = |more: &str| format!("{SYSTEM}{HTTP}{WINDOW}{more}\n");
    let years = "the year must be from 1970 to 2099";
    one(
        &with("length = \"1h\"\ndates = [2026-10-04, 2926-10-04]"),
        years,
    );
    one(&with("length = \"1h\"\ndates = [0026-10-04]"), years);
    let sundays = "days = \"sun\"\nlength = \"1h\"\n";
    for slip in ["2924-03-01", "9999-12-31", "2100-01-01", "1969-12-31"] {
        one(&with(&format!("{sundays}agreed = {slip}")), years);
    }
    for fine in ["1970-01-01", "2099-12-31"] {
        let reported = Files::with_system(&with(&format!("{sundays}agreed = {fine}"))).reported();
        assert_eq!(reported, []);
    }
    let month = "at most 31d long";
    one(&with("days = \"sun\"\nlength = \"31d1s\""), month);
    one(&with("dates = [2026-10-04]\nlength = \"3650d\""), month);
    let reported = Files::with_system(&with("days = \"sun\"\nlength = \"31d\"")).reported();
    assert_eq!(reported, []);
}

#[test]
fn a_wrong_kind_is_one_mistake() {
    one(
        &format!("{SYSTEM}{}", HTTP.replace("\"http\"", "\"htp\"")),
        "did you mean `http`?",
    );
    one(
        &format!("{SYSTEM}{}", HTTP.replace("\"http\"", "\"ping\"")),
        "is not a kind of probe: this version knows",
    );
    one(
        &format!("{SYSTEM}{}", HTTP.replace("\"http\"", "7")),
        "`kind` is",
    );
    one(
        &format!("{SYSTEM}{}", HTTP.replace("kind", "knid")),
        "did you mean `kind`?",
    );
}

#[test]
fn single_brackets_for_a_list_are_one_mistake() {
    one(
        &format!("{SYSTEM}{}", HTTP.replace("[[probe]]", "[probe]")),
        "write `[[probe]]`",
    );
    let files = Files::shipped().replace("nines.toml", "[mail]", "[[mail]]");
    let reported = files.reported();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(reported[0].2.contains("write `[mail]`"), "{reported:?}");
}

fn service(from: &str, to: &str, part: &str) {
    let reported = Files::shipped().replace("nines.toml", from, to).reported();
    let [(path, _, message)] = reported.as_slice() else {
        panic!("{part}: {reported:#?}")
    };
    assert_eq!(path, "nines.toml");
    assert!(message.contains(part), "{message} lacks {part}");
}

#[test]
fn the_service_must_make_sense() {
    service("8081", "8080", "are the same");
    service(
        "127.0.0.1:8080",
        "localhost:8080",
        "write \"127.0.0.1:8080\"",
    );
    service(
        "id       = \"lakeside\"",
        "id = \"st-elsewhere\"",
        "is already defined on line 37",
    );
    service(
        "id       = \"lakeside\"",
        "id = \"Lakeside\"",
        "cannot be an id",
    );
    service(
        "systems  = \"systems\"",
        "systems = \"system\"",
        "the folder of systems",
    );
    service(
        "policies = \"policies\"",
        "policies = \"policy\"",
        "the folder of policies",
    );
    service(
        "data     = \"data\"",
        "data = \"nines.toml\"",
        "is not a folder",
    );
    service(
        "data     = \"data\"",
        "templates = \"none\"",
        "does not exist",
    );
    service(
        "data     = \"data\"",
        "language = \"de\"",
        "name a folder with `templates` that has a folder `de`",
    );
    service(
        "data     = \"data\"",
        "templates = \"systems\"\nlanguage = \"de\"",
        "systems/de` does not exist",
    );
    service(
        "data     = \"data\"",
        "language = \"german\"",
        "two or three letters",
    );
    service("smtp://127", "smtp://me@127", "must not appear in a URL");
    service(
        "relays = [",
        "user = \"me\"\nrelays = [",
        "lacks `password_file`",
    );
    service(
        "[\"chair@example.org\"]",
        "[\"chair\"]",
        "not a mail address",
    );
    service(
        "[\"portal\"]",
        "[\"portal\", \"portal\"]",
        "already in the list",
    );
    service(
        "[\"chair@example.org\"]",
        "[\"chair@example.org\", \"chair@example.org\"]",
        "this is already in the list",
    );
    service(
        "[\"chair@example.org\"]",
        "[\"chair@example.org\", \"a@example.org\", \"Chair@Example.ORG\"]",
        "this is the same address as `chair@example.org`",
    );
    service(
        "email = \"level2@example.org\"",
        "",
        "lacks `email`, `webhook` or `phone`",
    );
    service(
        "zone     = \"America/New_York\"",
        "zone = \"America/Newyork\"",
        "`America/New_York`",
    );
    service(
        "[listen]",
        "[listen]\ngather = \"1s\"",
        "`gather` belongs to `[mail]`",
    );
    for (proxies, why) in [
        ("[\"10.1.0.0/8\"]", "write \"10.0.0.0/8\""),
        ("[\"::/0\"]", "name the addresses of the proxies"),
        ("[\"::1\", \"::1/128\"]", "already in the list"),
        ("[]", "is an empty list"),
    ] {
        let list = format!("[listen]\ntrusted_proxies = {proxies}");
        service("[listen]", &list, why);
    }
}

#[test]
fn each_file_has_its_own_mistakes() {
    let files = Files::shipped();
    let reported = files
        .with(
            "systems/Portal_2.toml",
            files.0["systems/portal.toml"].clone(),
        )
        .reported();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(
        reported[0].2.contains("a file's name must be an id"),
        "{reported:?}"
    );
    let reported = files.with("systems/notes.txt", "not TOML").reported();
    assert_eq!(reported, Vec::<Reported>::new());
    let reported = files.with("systems/portal.toml", "[[probe]").reported();
    assert_eq!(reported.len(), 1, "{reported:?}");
    let reported = files
        .with("nines.toml", "[[probe]")
        .with("systems/portal.toml", "[[probe]")
        .reported();
    assert_eq!(
        reported.len(),
        2,
        "a broken service file hides no other: {reported:?}"
    );
    let reported = files.with("systems/portal.toml", "").reported();
    let lacks = ["`name`", "`committee`", "`[[probe]]`"];
    assert_eq!(reported.len(), 3, "{reported:?}");
    assert!(
        lacks
            .iter()
            .all(|key| reported.iter().any(|(.., message)| message.contains(key)))
    );
}

#[test]
fn a_configuration_without_systems_is_a_mistake() {
    let mut files = Files::with_system("");
    files.0.remove("systems/portal.toml");
    let reported = files.with("systems/readme.md", "").reported();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(reported[0].2.contains("there is no system"), "{reported:?}");
    let reported = files.reported();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(
        reported[0].2.contains("the folder of systems"),
        "{reported:?}"
    );
}

#[test]
fn a_policy_that_no_folder_has_is_unknown() {
    one(
        &format!("{SYSTEM}policy = \"gold\"\n{HTTP}"),
        "there is no policy `gold`",
    );
}

#[test]
fn a_file_is_read_as_one_kind() {
    service(
        "policies = \"policies\"",
        "policies = \"\"",
        "this is not a path",
    );
    service(
        "policies = \"policies\"",
        "policies = \".\"",
        "a folder of its own",
    );
    service(
        "systems  = \"systems\"",
        "systems = \"policies\"",
        "a folder of its own",
    );
}

#[test]
fn a_flap_limit_is_at_least_two_or_zero() {
    let with = |line: &str| format!("{SYSTEM}{line}\n{HTTP}");
    one(&with("flap_limit = 1"), "at least 2, or 0 for never");
    one(&with("flap_limit = 101"), "`flap_limit` goes from 0 to 100");
    one(
        &with("flap_limit = \"3\""),
        "`flap_limit` is a whole number",
    );
    one(&with("flap_hold = 900"), "`flap_hold` is a length of time");
    one(&with("flap_hold = \"0s\""), "too short");
    one(&with("flap_hold = \"1500ms\""), "whole seconds");
    one(&with("flap_limt = 3"), "did you mean `flap_limit`?");
}

#[test]
fn every_zone_key_refuses_an_abbreviation() {
    let (policy, portal) = ("policies/standard.toml", "systems/portal.toml");
    let (new_york, est) = ("zone  = \"America/New_York\"", "zone = \"EST\"");
    let planned = "close = \"06:00\"                                         # the next day's\n";
    let pacific = "zone         = \"America/Los_Angeles\"\n";
    let shipped = Files::shipped();
    for (files, file) in [
        (shipped.replace(policy, new_york, est), policy),
        (
            shipped.replace(
                policy,
                &format!("{planned}{new_york}"),
                &format!("{planned}{est}"),
            ),
            policy,
        ),
        (
            shipped.replace(portal, pacific, &format!("{est}\n")),
            portal,
        ),
    ] {
        let reported = files.reported();
        let [(path, _, message)] = reported.as_slice() else {
            panic!("{reported:#?}")
        };
        assert_eq!(path, file);
        assert!(
            message.starts_with("`EST` never observes daylight time"),
            "{message}"
        );
    }
    let reported = shipped.replace(portal, pacific, "").reported();
    let [(path, _, message)] = reported.as_slice() else {
        panic!("{reported:#?}")
    };
    assert_eq!(path, portal);
    assert!(message.contains("lacks `zone`"), "{message}");
}
