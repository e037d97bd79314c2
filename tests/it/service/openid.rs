//! Signing in to the console of a running service at an OpenID Connect provider: who gets in, and what is refused.

use std::path::Path;

use people::{People, Role};
use serde_json::json;

use super::console::{Answer, cookie, person, post, send};
use crate::support::openid::{CLIENT, Provider, SECRET, Signer};
use crate::support::program::{Running, append, configure, ends, log, until};

const BEGIN: &str = "/console/sign-in/openid";
/// The address of the console in the configuration; the requests of these tests have another one in `Host`.
const CONSOLE: &str = "https://console.example.org";

fn configured(issuer: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    std::fs::write(folder.path().join("secret"), SECRET).unwrap();
    append(
        &folder.path().join("nines.toml"),
        &format!(
            "\n[console]\nurl = \"{CONSOLE}\"\n\n[console.openid]\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT}\"\n\
             client_secret_file = \"secret\"\nname = \"Our <Login>\"\nroles = {{ ops = \"operator\", chiefs = \"approver\" }}\n"
        ),
    );
    folder
}

fn running() -> (Provider, tempfile::TempDir, Running) {
    let provider = Provider::start();
    let folder = configured(&provider.issuer());
    let running = Running::start(folder.path());
    (provider, folder, running)
}

/// The page of the provider to which the console leads, and the cookie of the browser.
fn begin(folder: &Path) -> (String, String) {
    let begun = get(folder, BEGIN, &[]);
    assert_eq!(begun.status, 303, "{}", begun.body);
    let mut lines = begun.head.lines();
    let page = lines.find_map(|line| line.strip_prefix("location: "));
    (page.unwrap().to_owned(), cookie(&begun))
}

fn get(folder: &Path, path: &str, cookies: &[&str]) -> Answer {
    let cookies: Vec<String> = cookies.iter().map(|&cookie| cookie.to_owned()).collect();
    send(folder, "GET", path, &cookies, "")
}

fn finish(folder: &Path, query: &str, browser: &str) -> Answer {
    get(folder, &format!("{BEGIN}/callback?{query}"), &[browser])
}

/// Goes the whole way, as a person who agrees at the provider.
fn sign_in(provider: &Provider, folder: &Path) -> Answer {
    let (page, browser) = begin(folder);
    finish(folder, &provider.agree(&page), &browser)
}

fn signed_in(provider: &Provider, folder: &Path) -> String {
    let done = sign_in(provider, folder);
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(
        done.head.contains("location: /console\r\n"),
        "{}",
        done.head
    );
    cookie(&done)
}

fn is_open(folder: &Path, session: &str) -> bool {
    get(folder, "/console", &[session]).status == 200
}

fn accounts(folder: &Path) -> Vec<(String, Role)> {
    let people = People::open(&folder.join("data/people.sqlite")).unwrap();
    let accounts = people.accounts().unwrap().into_iter();
    accounts
        .map(|account| (account.login, account.role))
        .collect()
}

#[test]
fn a_person_who_signs_in_at_the_provider_gets_the_role_of_the_groups() {
    let (provider, folder, _running) = running();
    let folder = folder.path();
    let page = get(folder, "/console/sign-in", &[]);
    assert!(
        page.body.contains("Sign in with Our &lt;Login&gt;"),
        "{}",
        page.body
    );
    // No address in a request decides where the way leads.
    let begun = get(
        folder,
        &format!("{BEGIN}?next=https://evil.example&redirect_uri=https://evil.example"),
        &[],
    );
    assert!(!begun.head.contains("evil"), "{}", begun.head);
    let (page, browser) = begin(folder);
    let asked: std::collections::HashMap<_, _> = url::Url::parse(&page)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect();
    assert_eq!(asked["redirect_uri"], format!("{CONSOLE}{BEGIN}/callback"));
    assert_eq!(
        (&*asked["response_type"], &*asked["client_id"]),
        ("code", CLIENT)
    );
    assert_eq!(
        (&*asked["scope"], &*asked["code_challenge_method"]),
        ("openid profile", "S256")
    );
    assert!(
        asked["state"].len() >= 22 && asked["nonce"].len() >= 22,
        "{page}"
    );
    provider.says().claims = json!({ "groups": ["staff", "chiefs", "ops"] });
    let done = finish(folder, &provider.agree(&page), &browser);
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(
        done.head.contains("location: /console\r\n"),
        "{}",
        done.head
    );
    let shown = get(folder, "/console/account", &[&cookie(&done)]);
    assert!(
        shown.body.contains("Kim Lee") && shown.body.contains("approver"),
        "{}",
        shown.body
    );
    assert!(!shown.body.contains("New password"), "{}", shown.body);
    assert_eq!(accounts(folder), [("kim".to_owned(), Role::Approver)]);
    // The code and the secret are in no log.
    let log = log(folder);
    assert!(!log.contains(SECRET) && !log.contains("code-0"), "{log}");
}

#[test]
fn a_sign_in_works_once_and_in_its_own_browser() {
    let (provider, folder, _running) = running();
    let folder = folder.path();
    let refused = |query: &str, browser: &str| {
        let answer = finish(folder, query, browser);
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert!(answer.body.contains("Begin again"), "{}", answer.body);
        assert!(!answer.head.contains("__Host-nines="), "{}", answer.head);
    };
    let (page, browser) = begin(folder);
    let (_, other) = begin(folder);
    let query = provider.agree(&page);
    refused(&query, &other);
    refused(&query, "X-None: 0");
    refused("code=code-0&state=guess", &browser);
    refused("code=code-0", &browser);
    refused("state=a&state=b", &browser);
    // A link from elsewhere shows no text of its own.
    let forged = finish(
        folder,
        "state=guess&error=x&error_description=Call+0800",
        &browser,
    );
    assert!(
        forged.status == 400 && !forged.body.contains("0800"),
        "{}",
        forged.body
    );
    assert_eq!(finish(folder, &query, &browser).status, 303);
    refused(&query, &browser);
    assert_eq!(provider.says().asked["/token"], 1);
}

#[test]
fn an_answer_that_proves_nobody_is_refused() {
    let (provider, folder, _running) = running();
    let folder = folder.path();
    let usual = || {
        let mut says = provider.says();
        (says.claims, says.tokens, says.user_info) = (json!({}), json!({}), json!({}));
        says.signer = Signer::Own;
    };
    let refused = |why: &str| {
        let answer = sign_in(&provider, folder);
        assert_eq!(answer.status, 403, "{why}: {}", answer.body);
        assert!(answer.body.contains(why), "{why}: {}", answer.body);
        assert!(!answer.head.contains("__Host-nines="), "{}", answer.head);
        usual();
    };
    for (claims, why) in [
        (json!({ "nonce": "another" }), "for another sign-in"),
        (json!({ "nonce": null }), "for another sign-in"),
        (json!({ "aud": "another" }), "for another client"),
        (json!({ "aud": [CLIENT, "another"] }), "for another client"),
        (json!({ "iss": "http://127.0.0.1:1" }), "of another issuer"),
        (json!({ "exp": 1_700_000_000 }), "has expired"),
        (
            json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }),
            "no valid ID token",
        ),
        (json!({ "sub": "" }), "1 to 255 characters"),
    ] {
        provider.says().claims = claims;
        refused(why);
    }
    for signer in [Signer::Stranger, Signer::Secret, Signer::Nobody] {
        provider.says().signer = signer;
        refused("not signed with a key of the provider");
    }
    provider.says().tokens = json!({ "id_token": null });
    refused("no valid ID token");
    // The user info of another person is not mixed in.
    provider.says().claims = json!({ "groups": null });
    provider.says().user_info = json!({ "sub": "s-2", "groups": ["chiefs"] });
    refused("the user info is of another person");
    // The answer of another provider (RFC 9207).
    let (page, browser) = begin(folder);
    let query = format!("{}&iss=https://evil.example", provider.agree(&page));
    let mixed = finish(folder, &query, &browser);
    assert!(
        mixed.body.contains("names another issuer"),
        "{}",
        mixed.body
    );
    let (page, browser) = begin(folder);
    let query = format!("{}&iss={}", provider.agree(&page), provider.issuer());
    assert_eq!(accounts(folder), []);
    assert_eq!(finish(folder, &query, &browser).status, 303);
}

#[test]
fn an_answer_names_its_issuer_if_the_provider_says_so() {
    let (provider, folder, _running) = running();
    let folder = folder.path();
    provider.says().document = json!({ "authorization_response_iss_parameter_supported": true });
    let refused = sign_in(&provider, folder);
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.contains("does not name it as the issuer"),
        "{}",
        refused.body
    );
    let (page, browser) = begin(folder);
    let query = format!("{}&iss={}", provider.agree(&page), provider.issuer());
    assert_eq!(finish(folder, &query, &browser).status, 303);
}

#[test]
fn the_provider_says_in_its_own_words_why_nobody_is_signed_in() {
    let (_provider, folder, _running) = running();
    let folder = folder.path();
    let (page, browser) = begin(folder);
    let state = page
        .split("state=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let query =
        format!("state={state}&error=access_denied&error_description=%3Cscript%3Enot+today");
    let answer = finish(folder, &query, &browser);
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .body
            .contains("access_denied (&lt;script&gt;not today)"),
        "{}",
        answer.body
    );
    let (page, browser) = begin(folder);
    let state = page
        .split("state=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let unknown = finish(folder, &format!("state={state}&code=unknown"), &browser);
    assert!(
        unknown
            .body
            .contains("did not accept the code: invalid_grant"),
        "{}",
        unknown.body
    );
}

#[test]
fn a_new_key_of_the_provider_is_fetched_when_it_is_first_seen() {
    let (provider, folder, _running) = running();
    let folder = folder.path();
    signed_in(&provider, folder);
    signed_in(&provider, folder);
    assert_eq!(provider.says().asked["/keys"], 1);
    provider.says().rotate();
    signed_in(&provider, folder);
    assert_eq!(provider.says().asked["/keys"], 2);
}

#[test]
fn groups_that_the_id_token_lacks_come_from_the_user_info() {
    let (provider, folder, _running) = running();
    let folder = folder.path();
    provider.says().claims = json!({ "groups": null, "preferred_username": null });
    provider.says().user_info =
        json!({ "sub": "s-1", "groups": "chiefs", "preferred_username": "lee" });
    signed_in(&provider, folder);
    assert_eq!(accounts(folder), [("lee".to_owned(), Role::Approver)]);
}

#[test]
fn access_ends_with_the_group_the_role_or_the_account() {
    let (provider, folder, _running) = running();
    let folder = folder.path();
    // A local account with the login that the person has there stays another account.
    let people = People::open(&folder.join("data/people.sqlite")).unwrap();
    let admin = person(folder, Role::Admin);
    let secret = people.invite(Role::Admin, Some("kim"), "admin", nines::clock::now());
    people
        .accept(
            secret.unwrap().reveal(),
            "",
            "The other Kim",
            "quartz lantern meadow fifty",
            nines::clock::now(),
        )
        .unwrap();
    let old = signed_in(&provider, folder);
    assert_eq!(
        accounts(folder)[1..],
        [
            ("kim".to_owned(), Role::Admin),
            ("kim-2".to_owned(), Role::Operator)
        ]
    );
    provider.says().claims = json!({ "groups": ["chiefs"] });
    let new = signed_in(&provider, folder);
    assert!(!is_open(folder, &old) && is_open(folder, &new));
    provider.says().claims = json!({ "groups": ["staff"] });
    let refused = sign_in(&provider, folder);
    assert_eq!(refused.status, 403);
    assert!(
        refused
            .body
            .contains("none of your groups there may use this console"),
        "{}",
        refused.body
    );
    assert!(!is_open(folder, &new), "the group is gone");
    provider.says().claims = json!({});
    let session = signed_in(&provider, folder);
    let id = people
        .accounts()
        .unwrap()
        .into_iter()
        .find(|account| account.has_provider)
        .unwrap()
        .id
        .0
        .to_string();
    assert_eq!(
        post(
            folder,
            "/console/people",
            &admin,
            &[("change", "disable"), ("id", &id)]
        )
        .status,
        200
    );
    assert!(!is_open(folder, &session));
    let refused = sign_in(&provider, folder);
    assert!(
        refused.status == 403 && refused.body.contains("account is disabled"),
        "{}",
        refused.body
    );
}

#[test]
fn a_provider_that_is_down_holds_nothing_up() {
    // The address of a provider that does not run yet.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let folder = configured(&format!("http://{address}"));
    let _running = Running::start(folder.path());
    let folder = folder.path();
    let page = get(folder, BEGIN, &[]);
    assert_eq!(page.status, 503);
    for part in [
        "Our &lt;Login&gt; cannot be reached",
        "could not be reached at the last attempt",
        "name=\"password\"",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(log(folder).contains("the OpenID Connect provider cannot be used"));
    let local = person(folder, Role::Viewer);
    assert!(is_open(folder, &local));
    let provider = Provider::start_at(address);
    provider.says().document = json!({ "issuer": "http://127.0.0.1:1" });
    let is_back = || (get(folder, BEGIN, &[]).status == 303).then_some(());
    until("a wrong document is not refused", || {
        log(folder)
            .contains("unexpected issuer")
            .then_some(())
            .or_else(|| is_back().and(None))
    });
    provider.says().document = json!({ "token_endpoint": "http://login.example.org/token" });
    until("the provider is not asked again", is_back);
    // A document may not lead to an address without TLS.
    let refused = sign_in(&provider, folder);
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(log(folder).contains("needs https://"), "{}", log(folder));
}

#[test]
fn a_reload_changes_the_provider_and_may_remove_it() {
    let (provider, folder, _running) = running();
    let folder = folder.path();
    signed_in(&provider, folder);
    let config = folder.join("nines.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        text.replace("ops = \"operator\"", "ops = \"viewer\""),
    )
    .unwrap();
    ends(folder, &["reload", "--config", "nines.toml"], 0);
    signed_in(&provider, folder);
    assert_eq!(accounts(folder), [("kim".to_owned(), Role::Viewer)]);
    let without = text.split("\n[console.openid]").next().unwrap();
    std::fs::write(&config, without).unwrap();
    ends(folder, &["reload", "--config", "nines.toml"], 0);
    assert_eq!(get(folder, BEGIN, &[]).status, 404);
    assert!(!get(folder, "/console/sign-in", &[]).body.contains("Our"));
}
