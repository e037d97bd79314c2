//! A configuration of Gatus becomes systems that Nines accepts, and a list of what was left out.
#![allow(clippy::unwrap_used)] // A failed test may stop at once.

mod accepted;

use import::{Imported, gatus};

const FILE: &str = include_str!("gatus.yaml");

fn imported() -> Imported {
    gatus(FILE, "operations").unwrap()
}

#[test]
fn each_endpoint_becomes_a_system_with_one_probe() {
    let systems = imported().systems;
    let all: Vec<_> = systems
        .iter()
        .map(|s| (s.id.as_str(), s.probe["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(
        all,
        [
            ("portal-front-end", "http"),
            ("api", "http"),
            ("api-2", "http"),
            ("interface", "tcp"),
            ("directory", "tls"),
            ("relay", "smtp"),
            ("gateway", "icmp"),
            ("health", "grpc"),
            ("shell", "ssh"),
            ("resolver", "dns"),
            ("chat", "websocket"),
            ("rzte", "http"),
            ("system", "http"),
            ("page", "http"),
            ("other-page", "http"),
            ("counter", "tcp"),
        ]
    );
    assert_eq!(
        systems[0].text,
        "# Imported from the endpoint of line 12 of a configuration of Gatus.\n\
         name = \"portal / front end\"\n\
         committee = \"operations\"\n\n\
         [[probe]]\n\
         name = \"check\"\n\
         kind = \"http\"\n\
         url = \"https://portal.example.org/login?next=home\"\n\
         interval = \"30s\"\n\
         expect = { body_contains = \"Sign in\", certificate_days = 10, degraded_after = \"800ms\", status = [200, 204] }\n\
         failures = 5\n\
         headers = { Accept = \"text/html\", X-Api-Key = \"${PORTAL_FRONT_END_X_API_KEY}\" }\n\
         recoveries = 1\n\
         redirects = 10\n\
         timeout = \"5s\"\n"
    );
}

#[test]
fn the_written_probes_are_ones_that_nines_accepts() {
    accepted::check(&imported());
}

#[test]
fn what_is_left_out_is_listed_with_its_line_and_a_reason() {
    let left: Vec<_> = imported()
        .left
        .into_iter()
        .map(|left| format!("{}: {}: {}", left.line.unwrap(), left.key, left.why))
        .collect();
    for wanted in [
        "alerting: write `[mail]`",
        "endpoints[0].headers.X-Api-Key: put its value into the environment variable PORTAL_FRONT_END_X_API_KEY",
        "endpoints[0].conditions[2]: `[RESPONSE_TIME] < 800`: a slower answer is degraded, not down",
        "endpoints[0].conditions[4]: `len([BODY]) > 5` was not carried over",
        "endpoints[1].url: put the password of the URL into the environment variable API_PASSWORD",
        "endpoints[1].client.insecure: Nines always checks certificates",
        "endpoints[2].conditions: Gatus accepts any status here, Nines expects 200 to 299",
        "endpoints[4].interval: `0.5h` is not a time",
        "endpoints[8].ssh: Nines awaits the begin of the key exchange and does not sign in",
        "endpoints[13].url: not imported: Nines has no probe of `udp`",
        "endpoints[11]: not imported: it is not enabled",
        "endpoints[12]: not imported: it needs `name` and `url`",
        "endpoints[14].conditions[2]: `[RESPONSE_TIME] < 15000` was not carried over: the timeout of 10s comes first",
        "endpoints[15].conditions[0]: `[STATUS] == 200 || [STATUS] == 404` was not carried over: Gatus knows neither",
        "endpoints[16].url: not imported: it holds a variable: put its value into the file",
        "endpoints[17].insecure and 1 more: Gatus ignores it here: it belongs into `client`",
        "endpoints[17].alerts and 1 more: only the thresholds",
        "endpoints[19].body: not carried over: a probe sends a text only to compare the answer",
        "suites: write a probe of kind `journey`",
    ] {
        let found = left.iter().find(|line| line.contains(wanted));
        let line: usize = found
            .and_then(|l| l.split(':').next())
            .map_or(0, |n| n.parse().unwrap());
        assert!(line > 0, "{wanted}: {left:#?}");
    }
}

#[test]
fn two_systems_never_share_the_variable_of_a_secret() {
    let text = "endpoints:\n\
        - { name: API, url: \"https://me:x@a.example.org\" }\n\
        - { name: api, url: \"https://me:x@b.example.org\" }\n\
        - { name: Бюро, url: \"https://me:x@c.example.org\" }\n\
        - { name: Почта, url: \"https://me:x@d.example.org\" }\n";
    let systems = gatus(text, "operations").unwrap().systems;
    let all: Vec<_> = systems
        .iter()
        .map(|s| s.probe["basic"]["password"].as_str().unwrap())
        .collect();
    let wanted = ["API", "API_2", "SYSTEM", "SYSTEM_2"].map(|id| format!("${{{id}_PASSWORD}}"));
    assert_eq!(all, wanted);
}

#[test]
fn no_secret_is_written_or_listed() {
    let all = imported();
    for text in all
        .systems
        .iter()
        .map(|s| &s.text)
        .chain(all.left.iter().map(|l| &l.why))
    {
        assert!(!text.contains("never-printed"), "{text}");
    }
}

#[test]
fn another_file_is_refused_with_a_reason() {
    for (text, why) in [
        ("modules: {}\n", "the key `endpoints` is missing"),
        ("endpoints: [", "not YAML"),
        ("", "the file is empty"),
    ] {
        let error = gatus(text, "operations").unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}
