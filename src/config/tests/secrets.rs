//! Secrets come from the environment or from files, and are never shown.

use std::io::{Read, Write};

use secrecy::ExposeSecret;

use super::Files;
use crate::config::Loaded;

const SECRET: &str = "hunter2";

fn mailing(keys: &str) -> Files {
    Files::shipped()
        .replace(
            "nines.toml",
            "smtp://127.0.0.1:2525",
            "smtps://mail.example.org",
        )
        .replace("nines.toml", "gather = \"30s\"", keys)
}

fn environment(name: &str) -> Option<String> {
    (name == "SMTP_PASSWORD").then(|| SECRET.to_owned())
}

fn password(loaded: &Loaded) -> String {
    let relay = &loaded.mail.as_ref().unwrap().relays[0];
    relay.password.as_ref().unwrap().expose_secret().to_owned()
}

#[test]
fn a_password_comes_from_the_environment_or_a_file() {
    let files = mailing("user = \"me\"\npassword = \"${SMTP_PASSWORD}\"");
    let loaded = files.load_with(&environment).unwrap();
    assert_eq!(password(&loaded), SECRET);
    assert_eq!(
        loaded.mail.as_ref().unwrap().relays[0].user.as_deref(),
        Some("me")
    );
    assert!(!format!("{loaded:?}").contains(SECRET));
    let files = mailing("user = \"me\"\npassword_file = \"smtp\"").with("smtp", "hunter2\n");
    let loaded = files.load().unwrap();
    assert_eq!(password(&loaded), SECRET);
    assert!(
        !serde_json::to_string(&loaded.catalogue)
            .unwrap()
            .contains(SECRET)
    );
}

#[test]
fn a_relay_may_have_access_of_its_own() {
    let relays = "relays = [\"smtp://127.0.0.1:25\", { url = \"smtp+starttls://b.example.org\", \
                  user = \"me\", password_file = \"smtp\" }]";
    let files = Files::shipped()
        .replace("nines.toml", "relays = [\"smtp://127.0.0.1:2525\"]", relays)
        .with("smtp", SECRET);
    let loaded = files.load().unwrap();
    let relays = &loaded.mail.as_ref().unwrap().relays;
    assert_eq!(relays.len(), 2);
    assert!(relays[0].user.is_none() && relays[0].password.is_none());
    assert_eq!(
        (relays[1].user.as_deref(), relays[1].port),
        (Some("me"), 587)
    );
}

#[test]
fn a_variable_that_is_not_set_is_a_mistake() {
    let reported = mailing("user = \"me\"\npassword = \"${SMTP_PASSWORT}\"").reported();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(
        reported[0].2.contains("`SMTP_PASSWORT` is not set"),
        "{reported:?}"
    );
}

#[test]
fn a_password_is_not_sent_without_encryption() {
    let files = mailing("user = \"me\"\npassword = \"${SMTP_PASSWORD}\"").replace(
        "nines.toml",
        "smtps://",
        "smtp://",
    );
    let reported = files.load_with(&environment).unwrap_err().list();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(
        reported[0].2.contains("needs smtp+starttls"),
        "{reported:?}"
    );
}

/// A secret in a file is not shown, whatever the mistake.
#[test]
fn a_secret_in_a_file_is_reported_and_not_shown() {
    for keys in [
        "user = \"me\"\npassword = \"hunter2\"",
        "user = \"me\"\npasword = \"hunter2\"",
        "user = \"me\"\npasswrd = \"hunter2\"\nrelay = 1",
        "password = [\"hunter2\"]",
        "smtp_secret = { a = \"hunter2\" }",
        "user = \"me\"\npassword = hunter2",
        "user = \"me\"\npassword = \"hunter2",
        "user = \"me\"\npassword = \"\"\"\nhunter2\"\"\"",
        "user = \"me\"\nPASSWORD = \"hunter2\" oops",
        "proxy = \"http://me:hunter2@proxy.example.org\"",
        "proxy = http://me:hunter2@proxy.example.org",
    ] {
        let refused = mailing(keys).load().expect_err(keys);
        let shown = refused.rendered();
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(!format!("{:?}", refused.list()).contains(SECRET), "{keys}");
        assert!(!refused.mistakes.render(true).contains(SECRET), "{keys}");
        assert!(
            !format!("{:?}", refused.mistakes).contains(SECRET),
            "{keys}"
        );
    }
}

fn probe(keys: &str) -> Files {
    Files::with_system(&format!(
        "name = \"Portal\"\ncommittee = \"c\"\n[[probe]]\nname = \"p\"\nkind = \"http\"\n\
         url = \"https://x.org\"\ninterval = \"30s\"\n{keys}\n"
    ))
}

/// The request that the first probe sends, with its secrets.
fn request(files: &Files, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).unwrap();
        String::from_utf8(head).unwrap()
    });
    let system =
        files.0["systems/portal.toml"].replace("https://x.org", &format!("http://{address}"));
    let loaded = files
        .with("systems/portal.toml", system)
        .load_with(variable)
        .unwrap();
    assert!(!format!("{loaded:?}").contains(SECRET));
    let stored = serde_json::to_string(&loaded.catalogue).unwrap();
    assert!(!stored.contains(SECRET) && !stored.contains(&address));
    probes::install_crypto();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let finding = runtime.block_on(loaded.probes[0].probe.run());
    assert_eq!(finding.status, Some(200), "{finding:?}");
    server.join().unwrap()
}

#[test]
fn a_probe_authorizes_itself_with_secrets() {
    let sends = |files: &Files, header: &str| {
        let request = request(files, &environment).to_lowercase();
        let header = format!("\r\n{}\r\n", header.to_lowercase());
        assert!(request.contains(&header), "{request} lacks {header}");
    };
    let basic = "basic = { user = \"me\", password = \"${SMTP_PASSWORD}\" }";
    sends(&probe(basic), "authorization: Basic bWU6aHVudGVyMg==");
    let bearer = probe("bearer_token_file = \"token\"").with("systems/token", "hunter2\n");
    sends(&bearer, "authorization: Bearer hunter2");
    let own = "headers = { X-Key = \"${SMTP_PASSWORD}\" }";
    sends(&probe(own), "X-Key: hunter2");
}

#[test]
fn a_probe_has_one_authorization_and_it_is_no_literal() {
    for (keys, part) in [
        (
            "headers = { Authorization = \"Bearer hunter2\" }",
            "must not be in this file",
        ),
        (
            "headers = { Cookie = \"hunter2\" }",
            "must not be in this file",
        ),
        (
            "headers = { X-Api-Key = \"hunter2\" }",
            "must not be in this file",
        ),
        ("headers = { X-Key = \"Bearer ${A}\" }", "a whole value"),
        ("basic = { user = \"me\" }", "lacks `password_file`"),
        (
            "basic = { user = \"me\", password = \"hunter2\" }",
            "must not be in this file",
        ),
        (
            "basic = { user = \"a:b\", password = \"${SMTP_PASSWORD}\" }",
            "no colon",
        ),
        (
            "basic = { user = \"me\", password = \"${SMTP_PASSWORD}\" }\n\
             headers = { authorization = \"${SMTP_PASSWORD}\" }",
            "one authorization",
        ),
    ] {
        let refused = probe(keys).load_with(&environment).expect_err(keys);
        let reported = refused.list();
        assert_eq!(reported.len(), 1, "{reported:?}");
        assert!(reported[0].2.contains(part), "{reported:?} lacks {part}");
        assert!(
            !refused.rendered().contains(SECRET),
            "{}",
            refused.rendered()
        );
    }
}

#[test]
fn a_header_named_like_a_secret_takes_it_from_the_environment() {
    for name in [
        "authorization",
        "Set-Cookie",
        "X-Api-Key",
        "x_api_key",
        "ApiKey",
        "X-Auth-Token",
        "Client-Secret",
        "X-Password",
        "x-credentials",
    ] {
        let refused = probe(&format!("headers = {{ {name} = \"hunter2\" }}"));
        let refused = refused.load_with(&environment).expect_err(name);
        let reported = refused.list();
        assert_eq!(reported.len(), 1, "{name}: {reported:?}");
        assert!(
            reported[0].2.contains("must not be in this file"),
            "{reported:?}"
        );
        let given = probe(&format!("headers = {{ {name} = \"${{SMTP_PASSWORD}}\" }}"));
        assert!(given.load_with(&environment).is_ok(), "{name}");
    }
    let open = probe("headers = { Accept = \"text/html\" }");
    assert!(open.load().is_ok());
}

#[test]
fn a_secret_is_one_line() {
    let environment = |_: &str| Some("a\r\nX: b".to_owned());
    let files = probe("headers = { X-Key = \"${KEY}\" }");
    let reported = files.load_with(&environment).unwrap_err().list();
    assert_eq!(reported.len(), 1, "{reported:?}");
    let files = probe("bearer_token_file = \"token\"").with("systems/token", "a\nb\n");
    assert_eq!(files.reported().len(), 1);
    let files = probe("bearer_token_file = \"token\"").with("systems/token", "\n");
    assert_eq!(files.reported().len(), 1);
}

fn asking(url: &str) -> Files {
    Files::with_system(&format!(
        "name = \"Portal\"\ncommittee = \"c\"\n[[probe]]\nname = \"p\"\nkind = \"http\"\n\
         url = {url}\ninterval = \"30s\"\n"
    ))
}

#[test]
fn a_secret_in_the_query_of_a_url_is_underlined_and_not_shown() {
    for (url, name) in [
        ("\"https://x.org/a?token=hunter2\"", "token"),
        ("\"https://x.org/?a=b&api_key=hunter2&c=d\"", "api_key"),
        (
            "'https://x.org/?X-Amz-Signature=hunter2'",
            "X-Amz-Signature",
        ),
        ("\"https://x.org?key=hunter2\"", "key"),
        ("\"https://x.org/?sig=hunter2\"", "sig"),
        ("\"https://x.org/?clientAuth=hunter2\"", "clientAuth"),
        ("\"https://x.org/?%74oken=hunter2\"", "token"),
        ("\"https://x.org/?pwd=hunter2\"", "pwd"),
        ("\"https://x.org/?user_pass=hunter2\"", "user_pass"),
        // A secret that is written with an escape is underlined whole.
        ("\"https://x.org/\\u003fsecret=hunter2\"", "secret"),
    ] {
        let refused = asking(url).load_with(&environment).expect_err(url);
        let reported = refused.list();
        assert_eq!(reported.len(), 1, "{reported:?}");
        assert!(reported[0].2.contains(&format!("`{name}`")), "{reported:?}");
        assert!(reported[0].2.contains("=${PORTAL_TOKEN}"), "{reported:?}");
        let value = url.find(SECRET).filter(|_| !url.contains('\\'));
        let shown = refused.mistakes.iter().next().unwrap();
        let column = "url = ".len() + value.unwrap_or(0) + 1;
        assert_eq!((shown.line, shown.column), (6, column), "{url}");
        let rendered = refused.rendered();
        assert!(!rendered.contains(SECRET), "{rendered}");
        assert!(!format!("{refused:?}").contains(SECRET), "{url}");
    }
    let two = asking("\"https://x.org/?token=hunter2&page=2&key=hunter2\"").reported();
    assert_eq!(two.len(), 2, "{two:?}");
    for (url, part) in [
        ("\"https://x.org:0/?token=hunter2\"", "the port"),
        ("\"x.org/?token=hunter2\"", "http:// or https://"),
        ("\"https://x.org/?token=hunter2#top\"", "never sent"),
        ("\"https://x.org/?token=hunter2${A}\"", "a whole value"),
        ("https://x.org/?key=hunter2", ""),
        ("\"https://x.org/?key=hunter2", ""),
    ] {
        let refused = asking(url).load().expect_err(url);
        let rendered = refused.rendered();
        assert!(rendered.contains(part), "{rendered}");
        assert!(!rendered.contains(SECRET), "{rendered}");
    }
}

#[test]
fn a_query_without_a_secret_stays_as_it_is() {
    for query in [
        "page=2&author=x&monkey=banana&design=1&keyword=y&authority=z&compass=n",
        "token=&key",
        "a=b?token",
    ] {
        let sent = request(&asking(&format!("\"https://x.org/?{query}\"")), &|_| None);
        assert!(
            sent.starts_with(&format!("GET /?{query} HTTP/1.1\r\n")),
            "{sent}"
        );
    }
}

#[test]
fn a_url_takes_the_values_of_its_query_from_the_environment() {
    let url = "\"https://x.org/a?b=c&token=${TOKEN}&sig=${SIG}\"";
    let variable = |name: &str| match name {
        "TOKEN" => Some("a b+c/&=#é%".to_owned()),
        "SIG" => Some(SECRET.to_owned()),
        _ => None,
    };
    let sent = request(&asking(url), &variable);
    let query = "b=c&token=a%20b%2Bc%2F%26%3D%23%C3%A9%25&sig=hunter2";
    assert!(
        sent.starts_with(&format!("GET /a?{query} HTTP/1.1\r\n")),
        "{sent}"
    );
    let unset = asking(url).reported();
    assert_eq!(unset.len(), 2, "{unset:?}");
    assert!(unset[0].2.contains("`TOKEN` is not set"), "{unset:?}");
    for (url, part) in [
        ("\"https://${HOST}/a\"", "a whole value of the query"),
        ("\"https://x.org/${TOKEN}\"", "a whole value of the query"),
        (
            "\"https://x.org/?a=b${TOKEN}\"",
            "a whole value of the query",
        ),
        ("\"https://x.org/?${TOKEN}\"", "a whole value of the query"),
        (
            "\"https://x.org/?a=${TO KEN}\"",
            "a whole value of the query",
        ),
    ] {
        let reported = asking(url).load_with(&variable).unwrap_err().list();
        assert_eq!(reported.len(), 1, "{reported:?}");
        assert!(reported[0].2.contains(part), "{reported:?}");
    }
}

/// The shipped files, whose first customer has this webhook in place of its mail addresses.
fn hooked(keys: &str) -> Files {
    Files::shipped()
        .replace(
            "nines.toml",
            "contacts = [\"it@st-elsewhere.example\"]",
            &format!("webhook = {{ {keys} }}"),
        )
        .with("hook", "a long secret of the webhook\n")
}

#[test]
fn the_secret_of_a_webhook_comes_from_a_file_and_is_not_shown() {
    let files = hooked("url = \"https://pager.example.org/n\", secret_file = \"hook\"");
    let loaded = files.load().unwrap();
    assert_eq!(loaded.webhooks.len(), 1);
    let webhook = &loaded.webhooks[0];
    assert_eq!(
        webhook.secret.expose_secret(),
        "a long secret of the webhook"
    );
    assert!(!webhook.allow_private);
    let customer = loaded.catalogue.customer("st-elsewhere").unwrap();
    assert_eq!(
        customer.webhook.as_deref(),
        Some("https://pager.example.org/n")
    );
    let catalogue = serde_json::to_string(&loaded.catalogue).unwrap();
    assert!(!format!("{loaded:?}{catalogue}").contains("a long secret"));
    assert!(loaded.warnings.is_empty());
}

#[test]
fn mistakes_of_a_webhook_are_named() {
    for (keys, said) in [
        (
            "url = \"https://pager.example.org/\"",
            "lacks `secret_file`",
        ),
        ("secret_file = \"hook\"", "lacks `url`"),
        (
            "url = \"pager\", secret_file = \"hook\"",
            "write https:// and a host",
        ),
        (
            "url = \"https://pager.example.org/?token=hunter2\", secret_file = \"hook\"",
            "`token` may be a secret",
        ),
        (
            "url = \"https://me:hunter2@pager.example.org/\", secret_file = \"hook\"",
            "must not appear in a URL",
        ),
        (
            "url = \"http://pager.example.org/\", secret_file = \"hook\"",
            "a webhook needs https://",
        ),
        (
            "url = \"https://pager.example.org/\", secret_file = \"none\"",
            "cannot be read",
        ),
        (
            "url = \"https://pager.example.org/\", secret_file = \"hook\", allow_privat = true",
            "did you mean `allow_private`?",
        ),
    ] {
        let files = hooked(keys);
        let reported = files.reported();
        assert_eq!(reported.len(), 1, "{keys}: {reported:?}");
        assert!(reported[0].2.contains(said), "{keys}: {reported:?}");
        let rendered = files.load().unwrap_err().rendered();
        assert!(!rendered.contains(SECRET), "{rendered}");
    }
    let short = hooked("url = \"https://pager.example.org/\", secret_file = \"hook\"");
    let loaded = short.with("hook", "short").load().unwrap();
    assert!(!loaded.warnings.is_empty());
}

#[test]
fn one_webhook_has_one_secret() {
    let contact = |keys: &str| {
        let hook = "url = \"https://pager.example.org/\", secret_file = \"hook\"";
        let files = hooked(hook).replace(
            "nines.toml",
            "email = \"level2@example.org\"",
            &format!("webhook = {{ url = \"https://pager.example.org/\", {keys} }}"),
        );
        files.with("other", "another secret of the webhook")
    };
    assert_eq!(
        contact("secret_file = \"hook\"")
            .load()
            .unwrap()
            .webhooks
            .len(),
        1
    );
    let reported = contact("secret_file = \"other\"").reported();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(
        reported[0].2.contains("has another `secret_file`"),
        "{reported:?}"
    );
}

#[test]
fn a_customer_needs_a_mail_address_or_a_webhook() {
    let files =
        Files::shipped().replace("nines.toml", "contacts = [\"it@st-elsewhere.example\"]", "");
    let reported = files.reported();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(
        reported[0].2.contains("lacks `contacts` or `webhook`"),
        "{reported:?}"
    );
}
