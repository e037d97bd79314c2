//! The catalogue and the settings of a configuration without mistakes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use domain::catalogue::{Active, Affects, Days, End, Flapping, Kind, LAST_DAY, Method};
use domain::policy::{Hours, Target};
use jiff::civil::{Time, Weekday, date};

use super::Files;
use crate::config::schema::{SchemaKind, schema};
use crate::config::{Loaded, Scheme, load};

fn shipped() -> Loaded {
    Files::shipped()
        .load()
        .expect("the shipped configuration is good")
}

const SYSTEM: &str = "name = \"Portal\"\ncommittee = \"c\"\n";
const PROBE: &str =
    "[[probe]]\nname = \"p\"\nkind = \"tcp\"\nhost = \"::1\"\nport = 1\ninterval = \"30s\"\n";

#[test]
fn the_shipped_folder_itself_is_good() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/nines.toml");
    let loaded = load(&file).expect("good");
    assert_eq!(loaded.data, file.parent().unwrap().join("data"));
    assert_eq!(loaded.look.templates, None);
    assert_eq!(
        loaded.listen.public,
        Some(SocketAddr::from(([127, 0, 0, 1], 8080)))
    );
    assert_eq!(
        loaded.listen.private,
        SocketAddr::from(([127, 0, 0, 1], 8081))
    );
    let from = "Example HIE Status <status@example.org>";
    assert_eq!(loaded.catalogue.mail_from.to_string(), from);
    let mail = loaded.mail.unwrap();
    let [relay] = mail.relays.as_slice() else {
        panic!("{:?}", mail.relays)
    };
    assert_eq!(
        (relay.scheme, relay.host.as_str(), relay.port),
        (Scheme::Smtp, "127.0.0.1", 2525)
    );
}

#[test]
fn every_list_is_in_order_of_ids() {
    let catalogue = shipped().catalogue;
    let customers: Vec<&str> = catalogue.customers.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(customers, ["lakeside", "st-elsewhere"]);
    let contacts: Vec<&str> = catalogue.contacts.iter().map(|c| c.id.as_str()).collect();
    let escalated = ["program-leads", "project-team", "support-director"];
    assert_eq!(contacts[..3], ["executive-team", "level-2", "on-call"]);
    assert_eq!(contacts[3..], escalated);
    let systems: Vec<&str> = catalogue.systems.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(systems, ["portal", "results-interface"]);
    let rules: Vec<&str> = catalogue.systems[0]
        .windows
        .iter()
        .map(|w| w.id.as_str())
        .collect();
    assert_eq!(rules, ["monthly-patches", "weekly-application-update"]);
    let probes: Vec<String> = shipped().probes.iter().map(|p| p.id.to_string()).collect();
    assert_eq!(
        probes,
        [
            "portal/login-page",
            "portal/search",
            "results-interface/listener"
        ]
    );
}

#[test]
fn a_system_is_what_its_file_says() {
    let catalogue = shipped().catalogue;
    let portal = catalogue.system("portal").unwrap();
    assert_eq!(portal.name, "Clinical Portal");
    assert_eq!(portal.kind, Kind::Provided);
    assert_eq!(portal.target, Some(Target { ppm: 999_000 }));
    assert_eq!(
        portal.policy.as_ref().map(|id| id.as_str()),
        Some("standard")
    );
    let login = &portal.probes[0];
    let expected = Active {
        kind: "http".to_owned(),
        interval_ms: 30_000,
        retry_interval_ms: 5_000,
        timeout_ms: 10_000,
        failures: 3,
        recoveries: 2,
    };
    assert_eq!(login.method, Method::Active(expected));
    assert_eq!(login.affects, Affects::Availability);
    let patient = Files::shipped()
        .replace(
            "systems/portal.toml",
            "interval = \"30s\"",
            "interval = \"30s\"\nrecoveries = 4\nfailures = 5",
        )
        .load()
        .unwrap()
        .catalogue;
    let login_of_patient = &patient.system("portal").unwrap().probes[0];
    assert_eq!(
        (login_of_patient.failures(), login_of_patient.recoveries()),
        (5, 4)
    );
    assert_eq!(portal.probes[1].affects, Affects::Degradation);
    let monthly = &portal.windows[0];
    assert_eq!(
        monthly.days,
        Days::NthWeekday {
            nth: 1,
            weekday: Weekday::Sunday
        }
    );
    assert_eq!(monthly.start, Time::constant(2, 0, 0, 0));
    assert_eq!(monthly.end, End::Local(Time::constant(4, 0, 0, 0)));
    assert_eq!(monthly.zone, "America/New_York");
    assert_eq!(monthly.min_notice_s, Some(604_800));
    assert_eq!(monthly.announce_s, [604_800, 86_400, 3_600]);
    assert!(monthly.tells());
    let weekly = &portal.windows[1];
    assert_eq!(
        weekly.days,
        Days::Weekdays(vec![Weekday::Wednesday, Weekday::Sunday])
    );
    assert_eq!(
        (weekly.end, weekly.max_downtime_s),
        (End::After(3_600), Some(300))
    );
    assert_eq!(
        (weekly.agreed, weekly.tells()),
        (Some(date(2024, 3, 1)), false)
    );
    assert_eq!(weekly.start, Time::constant(21, 0, 0, 0));
    assert_eq!(weekly.zone, "America/Los_Angeles");
}

#[test]
fn the_self_check_has_targets_and_a_name() {
    assert!(shipped().self_check.targets.is_empty());
    let with = |table: &str| {
        let files = Files::with_system(&format!("{SYSTEM}{PROBE}"));
        let service = files.0["nines.toml"].clone();
        files.with("nines.toml", format!("{service}[self_check]\n{table}"))
    };
    let written = with("targets = [\"192.0.2.1:443\", \"192.0.2.53\"]\nname = \"example.org\"\n");
    let check = written.load().unwrap().self_check;
    let targets: Vec<_> = check.targets.iter().map(ToString::to_string).collect();
    assert_eq!(targets, ["192.0.2.1:443", "192.0.2.53:53"]);
    assert_eq!(check.name.as_deref(), Some("example.org"));
    for (table, part) in [
        ("", "lacks `targets` or `name`"),
        ("targets = []\n", "`targets`"),
        ("target = [\"192.0.2.1:443\"]\n", "did you mean `targets`?"),
        ("targets = [\"192.0.2.1\", \"192.0.2.1:53\"]\n", "already"),
        ("targets = [\"gateway\"]\n", "write \"192.0.2.1:443\""),
        ("name = \"192.0.2.1\"\n", "write a name to resolve"),
    ] {
        let reported = with(table).reported();
        assert!(
            reported.iter().any(|(_, _, said)| said.contains(part)),
            "{table}: {reported:#?}"
        );
    }
}

#[test]
fn a_policy_is_what_its_file_says() {
    let catalogue = shipped().catalogue;
    let policy = catalogue.policy("standard").unwrap();
    assert!(!policy.unknown_is_down && !policy.degraded_is_down);
    assert_eq!(
        (policy.ignore_shorter_s, policy.min_coverage_ppm),
        (60, 990_000)
    );
    assert_eq!(policy.monthly_allowance_s, Some(28_800));
    let hours = |zone: &str, open, close| {
        let at = |hour| Time::constant(hour, 0, 0, 0);
        let week = Weekday::Monday.cycle_forward().take(7);
        Hours::on(week, at(open), at(close), zone)
    };
    let (all_day, nights) = (
        hours("America/New_York", 0, 0),
        hours("America/New_York", 21, 6),
    );
    assert_eq!(policy.service_hours, Some(all_day));
    assert_eq!(policy.planned_hours, Some(nights));
    let strict = Files::shipped()
        .replace("policies/standard.toml", "\"00:00\"", "\"07:00\"")
        .replace("policies/standard.toml", "\"00:00\"", "\"19:00\"")
        .replace(
            "policies/standard.toml",
            "America/New_York",
            "America/Chicago",
        )
        .replace("policies/standard.toml", "\"99%\"", "\"95%\"")
        .replace("policies/standard.toml", "= \"unknown\"", "= \"down\"")
        .replace("policies/standard.toml", "= \"up\"", "= \"down\"");
    let strict = strict.load().unwrap().catalogue;
    let strict = strict.policy("standard").unwrap();
    assert!(strict.unknown_is_down && strict.degraded_is_down);
    assert_eq!(strict.min_coverage_ppm, 950_000);
    assert_eq!(strict.service_hours, Some(hours("America/Chicago", 7, 19)));
    let silent = Files::shipped().with("policies/standard.toml", "name = \"Standard\"\n");
    let silent = silent.load().unwrap().catalogue;
    let silent = silent.policy("standard").unwrap();
    assert_eq!(
        (silent.min_coverage_ppm, silent.monthly_allowance_s),
        (990_000, None)
    );
    assert_eq!(
        (&silent.service_hours, &silent.planned_hours),
        (&None, &None)
    );
}

#[test]
fn a_system_without_a_target_takes_its_policys() {
    let files =
        Files::shipped().replace("systems/portal.toml", "target          = \"99.9%\"\n", "");
    let catalogue = files.load().unwrap().catalogue;
    assert_eq!(
        catalogue.system("portal").unwrap().target,
        Some(Target { ppm: 995_000 })
    );
}

#[test]
fn the_least_configuration_has_defaults() {
    let loaded = Files::with_system(&format!("{SYSTEM}{PROBE}"))
        .load()
        .unwrap();
    assert_eq!(loaded.listen.public, None);
    assert_eq!(
        loaded.listen.private,
        SocketAddr::from(([127, 0, 0, 1], 8081))
    );
    assert!(loaded.mail.is_none());
    let catalogue = &loaded.catalogue;
    assert_eq!(
        (catalogue.vantage.as_str(), catalogue.gather_s),
        ("local", 30)
    );
    assert_eq!(catalogue.mail_from, Default::default());
    assert_eq!(catalogue.systems[0].target, None);
    assert_eq!(catalogue.systems[0].policy, None);
}

#[test]
fn a_short_interval_shortens_timeout_and_retry() {
    let system = format!("{SYSTEM}{}", PROBE.replace("30s", "2s"));
    let probe = &Files::with_system(&system).load().unwrap().probes[0];
    assert_eq!((probe.interval_ms, probe.retry_interval_ms), (2_000, 2_000));
    assert_eq!(probe.probe.timeout(), Duration::from_secs(2));
}

#[test]
fn windows_recur_by_days_of_the_month_and_by_dates() {
    let window =
        "[[maintenance]]\ntitle = \"A\"\nstart = \"01:00\"\nlength = \"1h\"\nzone = \"UTC\"\n";
    let days = |days: &str| {
        let system = format!("{SYSTEM}{PROBE}{window}{days}\n");
        Files::with_system(&system)
            .load()
            .unwrap()
            .catalogue
            .systems[0]
            .windows[0]
            .days
            .clone()
    };
    assert_eq!(days("days = [15, 1]"), Days::DaysOfMonth(vec![1, 15]));
    assert_eq!(days("days = 31"), Days::DaysOfMonth(vec![31]));
    assert_eq!(
        days("days = \"last day\""),
        Days::DaysOfMonth(vec![LAST_DAY])
    );
    assert_eq!(
        days("days = [15, \"last day\"]"),
        Days::DaysOfMonth(vec![LAST_DAY, 15])
    );
    assert_eq!(
        days("days = \"last friday\""),
        Days::NthWeekday {
            nth: -1,
            weekday: Weekday::Friday
        }
    );
    assert_eq!(
        days("days = [\"last friday\"]"),
        Days::NthWeekday {
            nth: -1,
            weekday: Weekday::Friday
        }
    );
    assert_eq!(
        days("days = \"sunday\""),
        Days::Weekdays(vec![Weekday::Sunday])
    );
    let dates = vec![date(2026, 10, 4), date(2026, 12, 6)];
    assert_eq!(days("dates = [2026-12-06, 2026-10-04]"), Days::Dates(dates));
}

#[test]
fn every_example_of_a_probe_can_be_configured() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("probes/examples");
    let authority = rcgen::generate_simple_self_signed(["example.org".to_owned()]).unwrap();
    let system = schema(SchemaKind::System);
    for branch in system["properties"]["probe"]["items"]["oneOf"]
        .as_array()
        .unwrap()
    {
        let kind = branch["properties"]["kind"]["const"].as_str().unwrap();
        let text = std::fs::read_to_string(folder.join(format!("{kind}.toml"))).unwrap();
        // The files that an example names are written beside the configuration.
        let text: String = text
            .lines()
            .map(|line| {
                let line = beside(line, "ca_file", "ca.pem");
                let line = beside(&line, "client_certificate_file", "ca.pem");
                let line = beside(&line, "client_key_file", "ca.key");
                let line = beside(&line, "password_file", "secret");
                let line = beside(&line, "secret_files", "secret");
                let line = beside(&line, "message_file", "message");
                beside(&line, "token_file", "secret") + "\n"
            })
            .collect();
        let files = Files::with_system(&format!("{SYSTEM}{text}"))
            .replace(
                "nines.toml",
                "[service]",
                "[service]\ncommands = [\"/usr/lib/nagios/plugins/\"]",
            )
            .with("systems/ca.pem", authority.cert.pem())
            .with("systems/ca.key", authority.signing_key.serialize_pem())
            .with(
                "systems/message",
                "MSH|^~\\&|NINES||||{now}||ADT^A08|{control_id}|T|2.5\nPID|1\n",
            )
            .with("systems/secret", "hunter2-hunter2-hunter2\n");
        let files = files.replace(
            "nines.toml",
            "[[committee]]",
            "[listen]\npublic = \"127.0.0.1:8080\"\n[[committee]]",
        );
        let loaded = files.load_with(&|_| Some("hunter2".to_owned()));
        let loaded = loaded.map_err(|refused| refused.list());
        let loaded = loaded.unwrap_or_else(|reported| panic!("{kind}: {reported:?}"));
        let probes = &loaded.catalogue.systems[0].probes;
        assert!(probes.iter().all(|probe| probe.kind() == kind), "{kind}");
    }
}

/// The line with the path that `key` names replaced.
fn beside(line: &str, key: &str, file: &str) -> String {
    let Some(at) = line.find(key) else {
        return line.to_owned();
    };
    let quoted: Vec<&str> = line[at..].splitn(3, '"').collect();
    match quoted.as_slice() {
        [before, _, after] => format!("{}{before}\"{file}\"{after}", &line[..at]),
        _ => line.to_owned(),
    }
}

#[test]
fn the_schemas_are_for_editors() {
    for kind in [SchemaKind::Service, SchemaKind::System, SchemaKind::Policy] {
        let schema = schema(kind);
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["additionalProperties"], false);
        let text = schema.to_string();
        for plumbing in ["$ref", "x-is", "x-later", "\"null\""] {
            assert!(!text.contains(plumbing), "{kind:?} has {plumbing}");
        }
    }
    let system = schema(SchemaKind::System);
    let kinds = &system["properties"]["probe"]["items"]["oneOf"];
    assert_eq!(kinds[0]["properties"]["kind"]["const"], "http");
    assert!(
        kinds[1]["required"]
            .as_array()
            .unwrap()
            .iter()
            .any(|key| key == "interval")
    );
    assert!(system["properties"]["target"]["description"].is_string());
}

#[test]
fn a_system_has_its_own_flapping_limits_or_the_defaults() {
    let systems = shipped().catalogue.systems;
    let flapping: Vec<Flapping> = systems.iter().map(|s| s.flapping).collect();
    let own = Flapping {
        limit: 4,
        hold_s: 1800,
    };
    assert_eq!(flapping, [Flapping::USUAL, own]);
    let never = format!("{SYSTEM}flap_limit = 0\n{PROBE}");
    let loaded = Files::with_system(&never).load().expect("good");
    let expected = Flapping {
        limit: 0,
        hold_s: 900,
    };
    assert_eq!(loaded.catalogue.systems[0].flapping, expected);
}

const FEED: &str = "[[probe]]\nname = \"feed\"\nkind = \"heartbeat\"\n";

/// The mistakes of a heartbeat with these keys.
fn heartbeat_mistakes(keys: &str) -> Vec<String> {
    let files = Files::with_system(&format!("{SYSTEM}{FEED}{keys}")).replace(
        "nines.toml",
        "[[committee]]",
        "[listen]\npublic = \"127.0.0.1:8080\"\n[[committee]]",
    );
    let mistakes = files.reported().into_iter();
    mistakes
        .map(|(_, line, why)| format!("{line}: {why}"))
        .collect()
}

#[test]
fn a_heartbeat_is_checked_as_a_whole() {
    let hash = "0".repeat(63) + "1";
    let good = format!("period = \"1h\"\ngrace = \"5m\"\ntoken_sha256 = \"{hash}\"\n");
    assert_eq!(heartbeat_mistakes(&good), Vec::<String>::new());
    expect_test::expect![[r#"
        3: this heartbeat lacks a token: name it with `token`, `token_file` or `token_sha256`
        6: this is too short: at least 10s
        7: this is too long: at most 40d"#]]
    .assert_eq(&heartbeat_mistakes("period = \"5s\"\ngrace = \"60d\"\n").join("\n"));
    expect_test::expect![[r#"
        3: `[[probe]]` lacks `period`, a length of time in quotes, as "30s" or "1h30m"
        3: `[[probe]]` lacks `grace`, a length of time in quotes, as "30s" or "1h30m"
        6: a SHA-256 has 64 hexadecimal digits, as `sha256sum` prints them
        7: a secret must not be in this file: name the environment variable that holds it, as "${SMTP_PASSWORD}", or a file, as `password_file`
        8: `interval` belongs to `http` probes, and this one is `heartbeat`"#]].assert_eq(
        &heartbeat_mistakes("token_sha256 = \"abc\"\ntoken = \"secret\"\ninterval = \"30s\"\n")
            .join("\n"),
    );
    expect_test::expect![[r#"
        10: probe `feed` is already defined on line 4
        14: `portal/feed` has the same token: each feed needs its own"#]]
    .assert_eq(&heartbeat_mistakes(&format!("{good}{FEED}{good}")).join("\n"));
    expect_test::expect!["6: unknown key `perod`, did you mean `period`?"]
        .assert_eq(&heartbeat_mistakes(&good.replace("period", "perod")).join("\n"));
    let alone = Files::with_system(&format!("{SYSTEM}{FEED}{good}"));
    assert_eq!(
        alone.reported()[0].2,
        "the heartbeat `portal/feed` needs the public listener: this file lacks `public` in `[listen]`"
    );
}

#[test]
fn parts_without_effect_are_reported() {
    assert_eq!(shipped().unused(), [""; 0]);
    let pages = "[public]\nsystems = [\"portal\", \"results-interface\"]";
    let no_pages = Files::shipped().replace("nines.toml", pages, "");
    assert_eq!(
        no_pages.load().expect("good").unused(),
        [
            "`public` (127.0.0.1:8080) of `[listen]` answers nothing: there is neither a `[public]` page nor a heartbeat",
        ]
    );
    let public = "public  = \"127.0.0.1:8080\"";
    let unheard = Files::shipped().replace("nines.toml", public, "");
    assert_eq!(
        unheard.load().expect("good").unused(),
        ["nothing shows the `[public]` pages: `[listen]` has no `public` address"]
    );
    let drafts = Files::shipped()
        .replace("nines.toml", "draft   =", "# draft =")
        .replace("nines.toml", "meeting =", "# meeting =")
        .replace("nines.toml", "remind  =", "# remind =")
        .replace("nines.toml", "operators =", "# operators =")
        .replace("systems/portal.toml", "owner  ", "# owner  ")
        .with("policies/standard.toml", "name = \"Standard\"\n");
    let unused = drafts.load().expect("good").unused();
    assert!(
        unused[0].starts_with("the 6 entries of `[[contact]]` get no notice"),
        "{unused:?}"
    );
    let least = Files::with_system(&format!("{SYSTEM}{PROBE}"));
    assert_eq!(least.load().expect("good").unused(), [""; 0]);
}

#[test]
fn proxies_of_the_environment_are_used_only_if_the_file_says_so() {
    let files = Files::with_system(&format!("{SYSTEM}{PROBE}"));
    let zone = "zone = \"UTC\"\n";
    let on = files.replace(
        "nines.toml",
        zone,
        &format!("{zone}proxy_from_environment = true\n"),
    );
    let variable =
        |value: &'static str| move |name: &str| (name == "https_proxy").then(|| value.to_owned());
    let good = variable("http://nines:hunter2@proxy.example:3128");
    assert_eq!(
        on.load_with(&good).expect("good").proxies,
        [
            "`http` probes of https:// URLs use the proxy proxy.example:3128 of the environment variable https_proxy"
        ]
    );
    assert_eq!(
        files.load_with(&good).expect("good").proxies,
        [
            "the environment variable https_proxy has no effect: `proxy_from_environment = true` in `[service]` \
             makes `http` probes use it"
        ]
    );
    assert_eq!(files.load().expect("good").proxies, [""; 0]);
    let bad = variable("socks5://proxy.example");
    assert!(files.load_with(&bad).is_ok());
    let told = on.load_with(&bad).unwrap_err().list();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].2.contains("https_proxy is not a proxy"), "{told:?}");
}

#[test]
fn a_proxy_is_refused_for_other_kinds() {
    let keys = "kind = \"tcp\"\nhost = \"x.example\"\nport = 80\nproxy = \"http://proxy.example\"";
    let system = format!("{SYSTEM}[[probe]]\nname = \"p\"\ninterval = \"1m\"\n{keys}\n");
    let told = Files::with_system(&system).reported();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].2.contains("`proxy` belongs to `http` probes"),
        "{told:?}"
    );
}

#[test]
fn the_files_of_the_first_day_are_a_configuration_without_warnings() {
    let page = include_str!("../../../docs/first-day.md");
    let blocks = page.split("```toml\n# config/").skip(1);
    let files = blocks.map(|block| {
        let (name, text) = block.split_once('\n').unwrap();
        let (text, _) = text.split_once("```").unwrap();
        (name.to_owned(), text.to_owned())
    });
    let files = Files(files.collect());
    assert_eq!(files.0.len(), 3);
    let loaded = files.load().expect("good");
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(loaded.unused(), Vec::<String>::new());
}
