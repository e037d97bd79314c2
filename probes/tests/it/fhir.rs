//! FHIR servers that describe themselves well, partly, wrongly or not at all. `tests/peers/probe_fhir.py` asks one
//! with documents that we did not write.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use probes::http::BODY_LIMIT;
use tokio::net::TcpStream;

use crate::servers::{
    PATIENCE, Spec, answer, ask, check_down, check_up, for_ever, head, pause, say, serve, write,
};

const STATEMENT: &str = r#"{"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1",
    "rest": [{"mode": "server", "resource": [{"type": "Patient"}, {"type": "Observation"}]}]}"#;
const SMART: &str =
    r#"{"token_endpoint": "http://login.example.org/token", "capabilities": ["client-public"]}"#;

fn spec(at: SocketAddr) -> Spec {
    let mut spec = Spec::of("fhir").with("url", format!("http://{at}/r4"));
    spec.timeout = PATIENCE;
    spec
}

/// A server of these documents. `/token` grants `granted-token-1` to the client `nines` with the test's secret.
async fn server(statement: &'static str, smart: &'static str, wants_token: bool) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| async move {
        let head = head(&mut stream).await;
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let is_allowed = !wants_token || head.contains("authorization: Bearer granted-token-1\r\n");
        let said = match path.as_str() {
            // nines:secret
            "/token" if head.contains("authorization: Basic bmluZXM6c2VjcmV0\r\n") => answer(
                200,
                r#"{"access_token": "granted-token-1", "token_type": "bearer", "expires_in": 60}"#,
            ),
            "/token" => answer(401, r#"{"error": "invalid_client"}"#),
            "/r4/metadata" if is_allowed => {
                assert!(head.contains("accept: application/fhir+json\r\n"), "{head}");
                answer(200, statement)
            }
            "/r4/metadata" => answer(401, ""),
            "/r4/.well-known/smart-configuration" if !smart.is_empty() => {
                assert!(!head.contains("authorization"), "{head}");
                answer(200, smart)
            }
            _ => answer(404, ""),
        };
        say(&mut stream, said).await;
    })
    .await
}

#[tokio::test]
async fn a_server_that_describes_itself_is_up() {
    let at = server(STATEMENT, SMART, false).await;
    for base in ["/r4", "/r4/"] {
        let spec = spec(at)
            .with("url", format!("http://{at}{base}"))
            .with("version", "4.0.1")
            .with("resources", vec!["Observation"])
            .with("smart", true);
        let finding = ask(spec.clone()).await;
        check_up(&finding);
        assert_eq!(finding.status, Some(200));
        let (_, notes) = spec.probe().run_with_notes().await;
        let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
        assert!(
            told.contains(&"FHIR version 4.0.1, 2 resources"),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn the_detail_names_the_document_and_its_fault() {
    let at = server(STATEMENT, "", false).await;
    for (key, value, reason, detail) in [
        (
            "version",
            "5.0.0".into(),
            Reason::Body,
            "metadata: FHIR version 4.0.1, expected 5.0.0",
        ),
        (
            "resources",
            vec!["Patient", "Encounter"].into(),
            Reason::Body,
            "metadata: the server does not name the resource Encounter",
        ),
        (
            "smart",
            toml::Value::from(true),
            Reason::Status,
            "SMART configuration: status 404, expected 200",
        ),
        (
            "url",
            format!("http://{at}/r5").into(),
            Reason::Status,
            "metadata: status 404",
        ),
    ] {
        check_down(&ask(spec(at).with(key, value)).await, reason, detail);
    }
    for (statement, detail) in [
        (
            "{\"resourceType\": \"OperationOutcome\"}",
            "metadata: the server answers with an OperationOutcome",
        ),
        (
            "{\"resourceType\": \"Capab",
            "metadata: the body is JSON that ends too early",
        ),
        ("<html></html>", "metadata: the body is not JSON"),
    ] {
        let at = server(statement, "", false).await;
        check_down(&ask(spec(at)).await, Reason::Body, detail);
    }
    let at = server(STATEMENT, "{\"capabilities\": [\"x\"]}", false).await;
    let finding = ask(spec(at).with("smart", true)).await;
    check_down(
        &finding,
        Reason::Body,
        "SMART configuration: it has no `token_endpoint`",
    );
}

#[tokio::test]
async fn a_token_is_fetched_for_each_run() {
    let at = server(STATEMENT, SMART, true).await;
    check_down(
        &ask(spec(at)).await,
        Reason::Status,
        "metadata: status 401, expected 200",
    );
    let mut granted = spec(at).with("smart", true);
    granted.set("token.url", format!("http://{at}/token"));
    granted.set("token.client", "nines");
    granted.set("token.password", "${FHIR_SECRET}");
    check_up(&ask(granted.clone()).await);
    let (_, notes) = granted.probe().run_with_notes().await;
    let told = format!("{notes:?}");
    assert!(
        told.contains("a token was granted") && !told.contains("granted-token-1"),
        "{told}"
    );
    granted.set("token.client", "other");
    check_down(
        &ask(granted).await,
        Reason::Status,
        "token: status 401, expected 200",
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    write(&file, "granted-token-1\n");
    check_up(&ask(spec(at).with("bearer_token_file", file.to_str().unwrap())).await);
}

#[tokio::test]
async fn a_misbehaving_server_is_reported_with_the_phase() {
    let mut silent = spec(serve("127.0.0.1:0", for_ever::<TcpStream>).await);
    silent.timeout = Duration::from_millis(300);
    let detail = "metadata: no answer within 300 ms, stopped while waiting for the first byte";
    check_down(&ask(silent).await, Reason::Timeout, detail);
    let slow = serve("127.0.0.1:0", |mut stream| async move {
        head(&mut stream).await;
        say(
            &mut stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n",
        )
        .await;
        loop {
            pause(Duration::from_millis(50)).await;
            say(&mut stream, " ").await;
        }
    });
    let mut slow = spec(slow.await);
    slow.timeout = Duration::from_millis(300);
    check_down(
        &ask(slow).await,
        Reason::Timeout,
        "metadata: no answer within 300 ms, stopped while receiving",
    );
    let cut = serve("127.0.0.1:0", |mut stream| async move {
        head(&mut stream).await;
        say(
            &mut stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"resourceType\"",
        )
        .await;
    })
    .await;
    check_down(
        &ask(spec(cut)).await,
        Reason::Protocol,
        "metadata: the answer broke off after 15 bytes",
    );
    let endless = serve("127.0.0.1:0", |mut stream| async move {
        head(&mut stream).await;
        let long = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            2 * BODY_LIMIT
        );
        say(&mut stream, long).await;
        for_ever(stream).await;
    })
    .await;
    check_down(
        &ask(spec(endless)).await,
        Reason::Protocol,
        "metadata: the answer is longer than 4 MiB",
    );
}

#[test]
fn mistakes_are_found_before_a_run() {
    let good = spec("127.0.0.1:80".parse().unwrap());
    for (key, value, why) in [
        (
            "url",
            "http://fhir.example.org/r4/metadata",
            "without `/metadata`",
        ),
        ("url", "http://fhir.example.org/r4?x=1", "has no query"),
        ("version", "R4", "write \"4.0.1\" for R4"),
        ("ca_file", "ca.pem", "has no TLS"),
    ] {
        let mistakes = good.clone().with(key, value).prepare().unwrap_err();
        assert!(
            mistakes.iter().any(|(_, said)| said.contains(why)),
            "{why}: {mistakes:?}"
        );
    }
}
