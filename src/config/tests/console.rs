//! `[console]` and its provider.

use people::Role;
use secrecy::ExposeSecret;

use super::Files;

const GOOD: &str = r#"
[console]
url = "https://console.example.org/"

[console.openid]
issuer             = "https://login.example.org/realms/hie"
client_id          = "nines"
client_secret_file = "openid"
roles              = { "nines-admins" = "admin", "Night shift" = "operator" }
"#;

fn files(table: &str) -> Files {
    let files = Files::shipped().with("openid", "hunter2\n");
    let service = format!("{}{table}", files.0["nines.toml"]);
    files.with("nines.toml", service)
}

#[test]
fn a_provider_needs_little_to_be_configured() {
    let loaded = files(GOOD).load().unwrap();
    assert_eq!(
        loaded.console.url.as_deref(),
        Some("https://console.example.org")
    );
    assert!(!format!("{loaded:?}").contains("hunter2"));
    let openid = loaded.console.openid.unwrap();
    assert_eq!(openid.issuer, "https://login.example.org/realms/hie");
    assert_eq!(openid.client_secret.expose_secret(), "hunter2");
    assert_eq!(
        (openid.name.as_str(), openid.claim.as_str()),
        ("login.example.org", "groups")
    );
    assert_eq!(openid.scopes, ["profile"]);
    assert_eq!(openid.roles["Night shift"], Role::Operator);
    let back = "https://console.example.org/console/sign-in/openid/callback";
    assert_eq!(openid.redirect_url, back);
}

#[test]
fn each_mistake_about_the_provider_is_named_where_it_is() {
    for (from, to, line, why) in [
        (
            "url = \"https://console.example.org/\"",
            "",
            5,
            "`[console]` lacks `url`",
        ),
        (
            "https://console",
            "http://console",
            3,
            "browsers keep no session without HTTPS",
        ),
        (
            "https://login",
            "http://login",
            6,
            "for a provider on this machine only",
        ),
        (
            "client_secret_file = \"openid\"",
            "",
            5,
            "`openid` lacks `client_secret_file`",
        ),
        (
            "client_secret_file = \"openid\"",
            "client_secret = \"hunter2\"",
            8,
            "${",
        ),
        (
            "client_secret_file = \"openid\"",
            "client_secret = \"${OPENID}\"",
            8,
            "`OPENID` is not set",
        ),
        ("\"openid\"", "\"missing\"", 8, "cannot be read"),
        (
            "\"operator\"",
            "\"operater\"",
            9,
            "did you mean `operator`?",
        ),
        (
            "{ \"nines-admins\" = \"admin\", \"Night shift\" = \"operator\" }",
            "{}",
            9,
            "lets nobody sign in",
        ),
        ("client_id ", "clientid ", 7, "did you mean `client_id`?"),
        (
            "[console.openid]",
            "[console.openid]\nscopes = [\"profile email\"]",
            6,
            "one word without blanks",
        ),
        (
            "[console.openid]",
            "[console.openid]\nca_file = \"openid\"",
            6,
            "holds no certificate",
        ),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let before = Files::shipped().0["nines.toml"].lines().count();
        let reported = files(&GOOD.replacen(from, to, 1)).reported();
        let [(file, at, message)] = reported.as_slice() else {
            panic!("{to}: {reported:#?}");
        };
        assert_eq!(
            (file.as_str(), *at),
            ("nines.toml", before + line),
            "{to}: {message}"
        );
        assert!(
            message.contains(why) && !message.contains("hunter2"),
            "{to}: {message}"
        );
    }
}

#[test]
fn a_provider_on_this_machine_may_use_plain_http() {
    let local = GOOD
        .replace(
            "https://login.example.org/realms/hie",
            "http://127.0.0.1:8090",
        )
        .replace("https://console.example.org/", "http://127.0.0.1:8081");
    assert_eq!(files(&local).reported(), []);
}
