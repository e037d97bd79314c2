//! Changed answers for each kind: no run may panic, go on without end, use much memory, or show what it must not. The
//! answers to change are in `probes/tests/corpora/`. Changed keys of a probe must be mistakes, no panics.
//!
//! `NINES_FUZZ_SECONDS=900` fuzzes each kind for so long, with a new seed. A failure prints the seed and the fewest
//! changes that cause it; `NINES_FUZZ_SEED` takes the seed again.

mod mutations;
mod peers;
mod run;

use std::net::SocketAddr;
use std::time::Duration;

use peers::{over_tcp, over_udp};
use run::fuzz;

use crate::servers::Spec;

fn of(kind: &'static str, at: SocketAddr) -> Spec {
    Spec::of(kind)
        .with("host", at.ip().to_string())
        .with("port", i64::from(at.port()))
}

#[test]
fn http() {
    over_tcp("http", |at| {
        Spec::of("http")
            .with("url", format!("http://{at}/"))
            .with("expect.body_contains", "ready")
            .with("expect.body_lacks", "maintenance")
            .with("expect.body_matches", "rea.y")
    });
}

#[test]
fn http_json() {
    over_tcp("http_json", |at| {
        let mut wanted = toml::Table::new();
        wanted.insert("/items/0/state".to_owned(), "ready".into());
        Spec::of("http")
            .with("url", format!("http://{at}/"))
            .with("expect.json", wanted)
            .with("expect.json_present", vec!["/items/1"])
    });
}

/// Each way to capture a value, and each place to use one.
#[test]
fn journey() {
    over_tcp("journey", |at| {
        let keys = format!(
            r#"
            [[step]]
            name = "page"
            url  = "http://{at}/"
            capture.token = {{ field = "token" }}
            capture.word  = {{ matches = "word=([a-z]+)", show = true }}
            capture.etag  = {{ header = "ETag" }}
            [[step]]
            name    = "sign in"
            url     = "http://{at}/next?a={{token}}"
            headers = {{ X-Word = "{{word}}", If-Match = "{{etag}}" }}
            form    = {{ token = "{{token}}" }}
            "#
        );
        journey_of(&keys)
    });
}

#[test]
fn journey_json() {
    over_tcp("journey_json", |at| {
        let keys = format!(
            r#"
            [[step]]
            name = "page"
            url  = "http://{at}/"
            capture.next = {{ json = "/next" }}
            capture.id   = {{ json = "/items/0/id" }}
            [[step]]
            name = "next"
            url  = "{{next}}"
            method = "POST"
            headers = {{ Content-Type = "application/json" }}
            body = '{{"id": "{{id}}"}}'
            "#
        );
        journey_of(&keys)
    });
}

fn journey_of(keys: &str) -> Spec {
    let mut spec = Spec::of("journey");
    for (key, value) in keys.parse::<toml::Table>().unwrap() {
        spec.set(&key, value);
    }
    // A changed address must lead nowhere.
    spec.with("redirects", 0)
}

#[test]
fn mllp() {
    over_tcp("mllp", |at| {
        of("mllp", at).with("message", "MSH|^~\\&|NINES|A|LAB|B|||NMQ^N01|N1|T|2.5\n")
    });
}

#[test]
fn dicom() {
    over_tcp("dicom", |at| of("dicom", at).with("called", "ARCHIVE"));
}

#[test]
fn fhir() {
    over_tcp("fhir", |at| {
        Spec::of("fhir")
            .with("url", format!("http://{at}/r4"))
            .with("version", "4.0")
            .with("resources", vec!["Patient"])
    });
}

#[test]
fn smtp() {
    over_tcp("smtp", |at| of("smtp", at).with("extensions", vec!["SIZE"]));
}

#[test]
fn ldap() {
    over_tcp("ldap", |at| {
        of("ldap", at).with("base", "dc=example,dc=org")
    });
}

#[test]
fn ssh() {
    over_tcp("ssh", |at| of("ssh", at).with("software", "Peer"));
}

#[test]
fn mqtt() {
    over_tcp("mqtt", |at| of("mqtt", at));
}

#[test]
fn grpc() {
    over_tcp("grpc", |at| of("grpc", at));
}

#[test]
fn websocket() {
    over_tcp("websocket", |at| {
        of("websocket", at).with("expect", "ready")
    });
}

#[test]
fn postgres() {
    over_tcp("postgres", |at| {
        of("postgres", at)
            .with("database", "results")
            .with("user", "nines")
            .with("expect", "1")
    });
}

#[test]
fn dns() {
    let spec = |at: SocketAddr| {
        Spec::of("dns")
            .with("host", "portal.example.org")
            .with("server", at.ip().to_string())
            .with("port", i64::from(at.port()))
    };
    over_udp("dns", spec, |request, answer| {
        let mut refusal = request.to_vec();
        // An answer, SERVFAIL.
        (refusal[2], refusal[3]) = (refusal[2] | 0x80, 2);
        if let Some(id) = answer.get_mut(..2) {
            id.copy_from_slice(&request[..2]);
        }
        refusal
    });
}

#[test]
fn ntp() {
    over_udp(
        "ntp",
        |at| of("ntp", at).with("max_stratum", 3),
        |request, answer| {
            let mut refusal = vec![0; 48];
            refusal[0] = 0xe4;
            refusal[12..16].copy_from_slice(b"DENY");
            for bytes in [answer, &mut refusal] {
                if let Some(origin) = bytes.get_mut(24..32) {
                    origin.copy_from_slice(&request[40..48]);
                }
            }
            refusal
        },
    );
}

/// The keys of each example, after the name of their kind.
#[test]
fn keys() {
    let mut corpus = Vec::new();
    for kind in probes::KINDS {
        let file = format!("{}/examples/{}.toml", env!("CARGO_MANIFEST_DIR"), kind.name);
        let example: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
        for probe in example["probe"].as_array().unwrap() {
            let mut keys = probe.as_table().unwrap().clone();
            for common in ["name", "kind", "interval", "timeout"] {
                keys.remove(common);
            }
            corpus.push(format!("{}\n{keys}", kind.name).into_bytes());
        }
    }
    let environment = values::Environment {
        variable: &|_| Some("never-shown".to_owned()),
        file: &|path| match path.extension() {
            None => Ok(b"never-shown".to_vec()),
            Some(_) => Err("no such file".to_owned()),
        },
        proxy_from_environment: false,
        commands: &[],
        reach: &values::reach::BUILT_IN,
    };
    fuzz("keys", &corpus, |bytes| {
        let text = String::from_utf8_lossy(&bytes);
        let (kind, keys) = text.split_once('\n').unwrap_or_default();
        let prepared = probes::prepare(kind, keys, Duration::from_secs(10), environment);
        // A mistake may quote the keys, and never a secret.
        for (_, why) in prepared.err().unwrap_or_default() {
            assert!(!why.contains("never-shown"), "{why}");
        }
    });
}
