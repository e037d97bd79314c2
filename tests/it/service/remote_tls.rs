//! The command line against a service on another machine, over HTTPS with an authority of one's own.

use std::path::Path;
use std::process::Output;

use people::Role;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    date_time_ymd,
};

use super::console::secret;
use crate::support::program::{Running, append, configure, err, facts, out, words};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, key()).unwrap()
}

/// Writes a certificate of `name` and its key for the private listener.
fn certify(folder: &Path, issuer: &Authority, name: &str, last_year: i32) {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    let own = key();
    let certificate = params.signed_by(&own, issuer).unwrap();
    std::fs::write(folder.join("certificate.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), own.serialize_pem()).unwrap();
}

/// A service whose private listener has the certificate of `name`, its authority in `ca.pem`, and a token in `token`.
fn secured(name: &str, last_year: i32) -> (tempfile::TempDir, Running) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    configure(folder);
    let issuer = authority();
    certify(folder, &issuer, name, last_year);
    std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
    std::fs::write(folder.join("other.pem"), authority().pem()).unwrap();
    append(
        &folder.join("nines.toml"),
        "\n[listen.private_tls]\ncertificate_file = \"certificate.pem\"\nkey_file = \"key.pem\"\n",
    );
    let running = Running::start(folder);
    std::fs::write(folder.join("token"), secret(folder, Role::Operator)).unwrap();
    (temporary, running)
}

fn port(folder: &Path) -> String {
    let config = std::fs::read_to_string(folder.join("nines.toml")).unwrap();
    let at = config.split("private = \"127.0.0.1:").nth(1).unwrap();
    at.split('"').next().unwrap().to_owned()
}

/// Asks the service under that host, with these further words.
fn asked(folder: &Path, server: &str, line: &[&str]) -> Output {
    let server = server.replace("PORT", &port(folder));
    let options = ["--server", &server, "--token-file", "token"];
    words(folder, &[&options, line].concat()).output().unwrap()
}

#[track_caller]
fn fails(answer: &Output, code: i32, sentence: &str) {
    let said = err(answer);
    assert_eq!(answer.status.code(), Some(code), "{said}");
    assert!(said.contains(sentence), "{said}");
}

#[test]
fn commands_reach_a_service_over_https_with_an_authority_of_ones_own() {
    let (folder, _running) = secured("localhost", 2049);
    let folder = folder.path();
    let here = "https://localhost:PORT";
    let status = asked(folder, here, &["--server-ca", "ca.pem", "status"]);
    // The system may not be probed yet: then the answer is bad news.
    assert!(
        matches!(status.status.code(), Some(0 | 1)),
        "{}",
        err(&status)
    );
    assert!(out(&status).contains("portal"), "{}", out(&status));
    let declare = [
        "--server-ca",
        "ca.pem",
        "incident",
        "report-problem",
        "nobody",
        "--type",
        "general",
        "--text",
        "a question",
        "--reporter",
        "Lee",
    ];
    // The act reached the service, which answered with its reason.
    fails(&asked(folder, here, &declare), 1, "nobody");
    // The variable says the same as the option.
    let server = here.replace("PORT", &port(folder));
    let line = ["--server", &server, "--token-file", "token", "status"];
    let by_variable = words(folder, &line)
        .env("NINES_SERVER_CA", "ca.pem")
        .output();
    assert!(matches!(by_variable.unwrap().status.code(), Some(0 | 1)));

    let unknown = "this machine does not trust the authority of its certificate; name the file";
    fails(&asked(folder, here, &["status"]), 3, unknown);
    let other = ["--server-ca", "other.pem", "status"];
    fails(&asked(folder, here, &other), 3, unknown);
    let other_name = ["--server-ca", "ca.pem", "status"];
    let not_for = "its certificate is not for 127.0.0.1; write --server with a name that it has";
    fails(
        &asked(folder, "https://127.0.0.1:PORT", &other_name),
        3,
        not_for,
    );
    let absent = ["--server-ca", "absent.pem", "status"];
    fails(
        &asked(folder, here, &absent),
        2,
        "--server-ca: cannot read absent.pem",
    );
    let none = ["--server-ca", "token", "status"];
    fails(&asked(folder, here, &none), 2, "--server-ca: ");
    assert!(!facts(folder).is_empty());
}

#[test]
fn an_expired_certificate_is_named_and_no_token_travels_unencrypted() {
    let (folder, _running) = secured("localhost", 2021);
    let folder = folder.path();
    let line = ["--server-ca", "ca.pem", "status"];
    let expired = "its certificate has expired; renew it on the server";
    fails(&asked(folder, "https://localhost:PORT", &line), 3, expired);
    let unencrypted = "would send the token unencrypted";
    fails(
        &asked(folder, "http://192.0.2.1:PORT", &line),
        2,
        unencrypted,
    );
}

#[test]
fn a_listener_without_a_certificate_is_named() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    configure(folder);
    let _running = Running::start(folder);
    std::fs::write(folder.join("token"), secret(folder, Role::Viewer)).unwrap();
    let answer = asked(folder, "https://127.0.0.1:PORT", &["status"]);
    fails(&answer, 3, "it does not answer in TLS");
}
