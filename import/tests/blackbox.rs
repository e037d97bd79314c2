//! Modules of blackbox_exporter and targets of Prometheus become systems that Nines accepts, and a list of what was left
//! out.
#![allow(clippy::unwrap_used)] // A failed test may stop at once.

mod accepted;

use import::{Imported, Input, blackbox};

const MODULES: &str = include_str!("blackbox.yml");
const TARGETS: &str = include_str!("prometheus.yml");

fn imported() -> Imported {
    blackbox(MODULES, TARGETS, "operations").unwrap()
}

fn listed(imported: &Imported) -> Vec<String> {
    let line = |left: &import::Left| {
        let line = left.line.unwrap();
        format!("{:?} {line} {}: {}", left.input, left.key, left.why)
    };
    imported.left.iter().map(line).collect()
}

#[test]
fn each_target_becomes_a_system_with_one_probe() {
    let all = imported();
    let kinds: Vec<_> = all
        .systems
        .iter()
        .map(|s| (s.name.as_str(), s.probe["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("portal.example.org/login", "http"),
            ("portal.example.org", "http"),
            ("api.example.org/orders", "http"),
            ("api.example.org/orders (http_token)", "http"),
            ("interface.example.org:2575", "tcp"),
            ("directory.example.org:636", "tls"),
            ("shell.example.org:22", "ssh"),
            ("queue.example.org:6379", "tcp"),
            ("mail.example.org:587", "smtp"),
            ("192.0.2.1", "icmp"),
            ("192.0.2.53", "dns"),
            ("192.0.2.54:5353", "dns"),
            ("orders.example.org:443", "grpc"),
            ("192.0.2.3", "icmp"),
        ]
    );
    let text = |id: &str| {
        let found = all.systems.iter().find(|s| s.id == id);
        found.unwrap().text.split_once("[[probe]]\n").unwrap().1
    };
    assert_eq!(
        text("portal-example-org-login"),
        "name = \"check\"\n\
         kind = \"http\"\n\
         url = \"https://portal.example.org/login\"\n\
         interval = \"30s\"\n\
         ca_file = \"/etc/ssl/hospital.pem\"\n\
         expect = { body_contains = \"Sign in\", body_lacks = \"maintenance\", body_matches = \"v[0-9]+\", headers = { Content-Type = \"text/html\" } }\n\
         prefer = \"ipv4\"\n\
         redirects = 10\n\
         timeout = \"5s\"\n"
    );
    assert!(!text("portal-example-org").contains("ca_file"));
    assert_eq!(
        text("api-example-org-orders"),
        "name = \"check\"\n\
         kind = \"http\"\n\
         url = \"https://api.example.org/orders?token=${API_EXAMPLE_ORG_ORDERS_TOKEN}\"\n\
         interval = \"1m\"\n\
         basic = { password = \"${API_EXAMPLE_ORG_ORDERS_PASSWORD}\", user = \"me\" }\n\
         body = '{\"order\": 1}'\n\
         expect = { status = [200, 201] }\n\
         headers = { Content-Type = \"application/json\", X-Api-Key = \"${HTTP_POST_X_API_KEY}\" }\n\
         http = \"1.1\"\n\
         method = \"POST\"\n\
         timeout = \"8s\"\n"
    );
    for (id, wanted) in [
        (
            "directory-example-org-636",
            "server_name = \"directory.example.org\"",
        ),
        ("shell-example-org-22", "port = 22"),
        ("queue-example-org-6379", "expect = \"+PONG\""),
        ("mail-example-org-587", "tls = \"starttls\""),
        ("192-0-2-54-5353", "server = \"192.0.2.54\""),
        ("192-0-2-54-5353", "port = 5353"),
        ("orders-example-org-443", "tls = true"),
    ] {
        assert!(text(id).contains(wanted), "{}", text(id));
    }
}

#[test]
fn the_written_probes_are_ones_that_nines_accepts() {
    let mut all = imported();
    // The authority's file is not on this machine.
    all.systems.retain(|s| !s.text.contains("ca_file"));
    accepted::check(&all);
}

#[test]
fn what_is_left_out_is_listed_once_with_its_file_and_line() {
    let left = listed(&imported());
    for wanted in [
        "Targets 5 scrape_configs: left out 1 of 4 jobs",
        "Targets 63 scrape_configs[3].file_sd_configs: not carried over",
        "Targets 16 scrape_configs[1] `portal.example.org`: `fail_if_not_ssl` was not carried over",
        "Targets 28 scrape_configs[2] `https://api.example.org/orders`: put the password of the URL into",
        "Targets 42 scrape_configs[2] `db.example.org:5432`: not imported: Nines does STARTTLS with mail",
        "Targets 48 scrape_configs[2] `192.0.2.53`: not imported: Nines asks for A, AAAA",
        "Targets 52 scrape_configs[2] `192.0.2.2`: not imported: there is no module `missing`",
        "Definitions 11 modules.http_2xx.http.fail_if_body_matches_regexp: `a|b` was not carried over",
        "Definitions 18 modules.http_2xx.http.tls_config.insecure_skip_verify: Nines always checks",
        "Definitions 26 modules.http_post.http.headers.X-Api-Key: put its value into the environment variable HTTP_POST_X_API_KEY",
        "Definitions 29 modules.http_post.http.basic_auth: put the password into the environment variable",
        "Definitions 36 modules.http_token.http.authorization: put `Bearer`, a space and the credentials",
        "Definitions 38 modules.http_token.http.fail_if_body_json_not_matches_cel: not carried over",
        "Definitions 59 modules.queue.tcp.query_response: `more` was not carried over",
        "Definitions 80 modules.icmp.icmp.payload_size: not carried over",
        "Definitions 87 modules.dns_portal.dns.transport_protocol: not carried over",
        "Definitions 88 modules.dns_portal.dns.validate_answer_rrs: not carried over",
        "Definitions 100 modules.unused: no target uses it",
    ] {
        let count = left.iter().filter(|line| line.starts_with(wanted)).count();
        assert_eq!(count, 1, "{wanted}: {left:#?}");
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

#[test]
fn another_file_is_refused_with_its_name_and_a_reason() {
    for (modules, targets, input, why) in [
        (
            "a: 1",
            TARGETS,
            Input::Definitions,
            "the key `modules` is missing",
        ),
        (
            MODULES,
            "a: 1",
            Input::Targets,
            "the key `scrape_configs` is missing",
        ),
        (MODULES, "a: [", Input::Targets, "not YAML"),
    ] {
        let (at, error) = blackbox(modules, targets, "operations").unwrap_err();
        assert_eq!(at, input);
        assert!(error.to_string().contains(why), "{error}");
    }
}
