//! gRPC servers whose health is good, bad or not told. `tests/peers/probe_grpc.py` asks a real one.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use domain::sample::Reason;
use hyper::{HeaderMap, Response};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::servers::{Spec, ask, check_down, check_up, for_ever, head, say, serve};

fn spec(at: SocketAddr) -> Spec {
    Spec::of("grpc")
        .with("host", at.ip().to_string())
        .with("port", i64::from(at.port()))
}

/// An answer: HTTP status, content type, message and status in the trailers.
#[derive(Clone, Copy)]
struct Answer {
    http: u16,
    kind: &'static str,
    message: &'static [u8],
    status: Option<&'static str>,
}

const SERVING: Answer = Answer {
    http: 200,
    kind: "application/grpc",
    message: &[0, 0, 0, 0, 2, 8, 1],
    status: Some("0"),
};

async fn answering<S>(stream: S, answer: Answer)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, mut reply))) = connection.accept().await {
        assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
        assert_eq!(request.headers()["te"], "trailers");
        let response = Response::builder().status(answer.http);
        let response = response
            .header("content-type", answer.kind)
            .body(())
            .unwrap();
        let mut body = reply.send_response(response, false).unwrap();
        let message = Bytes::from_static(answer.message);
        let Some(status) = answer.status else {
            let _ = body.send_data(message, true);
            continue;
        };
        let _ = body.send_data(message, false);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", status.parse().unwrap());
        let _ = body.send_trailers(trailers);
    }
}

async fn server(answer: Answer) -> SocketAddr {
    serve("127.0.0.1:0", move |stream| answering(stream, answer)).await
}

#[tokio::test]
async fn a_service_that_is_serving_is_up() {
    let at = server(SERVING).await;
    let finding = ask(spec(at).with("service", "matching.v1.Patients")).await;
    check_up(&finding);
    assert!(finding.phases.processing_us.is_some());
    let (_, notes) = spec(at).probe().run_with_notes().await;
    let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        told[1..],
        [
            "asks for the health of the server",
            "the service is SERVING"
        ]
    );
}

#[tokio::test]
async fn another_health_and_other_answers_are_told_apart() {
    let with = |message: &'static [u8], status| Answer {
        message,
        status,
        ..SERVING
    };
    for (answer, reason, detail) in [
        (
            with(&[0, 0, 0, 0, 2, 8, 2], Some("0")),
            Reason::Status,
            "the service is NOT_SERVING",
        ),
        (
            with(&[0, 0, 0, 0, 0], Some("0")),
            Reason::Status,
            "the service is UNKNOWN",
        ),
        (
            with(&[], Some("5")),
            Reason::Status,
            "gRPC status 5 NOT_FOUND: the server does not know",
        ),
        (
            with(&[], Some("12")),
            Reason::Status,
            "12 UNIMPLEMENTED: the server has no health service",
        ),
        (
            with(&[], Some("x")),
            Reason::Protocol,
            "the status of the answer is malformed",
        ),
        (
            with(&[], Some("0")),
            Reason::Protocol,
            "not the health of a service",
        ),
        (
            with(&[0, 0, 0, 0, 2, 8, 1], None),
            Reason::Protocol,
            "ended without a status",
        ),
        (
            Answer {
                http: 502,
                ..SERVING
            },
            Reason::Status,
            "HTTP status 502, expected 200",
        ),
        (
            Answer {
                kind: "text/html",
                ..SERVING
            },
            Reason::Protocol,
            "the answer is not gRPC",
        ),
    ] {
        check_down(&ask(spec(server(answer).await)).await, reason, detail);
    }
}

#[tokio::test]
async fn a_server_without_http2_is_a_broken_protocol() {
    let old = serve("127.0.0.1:0", |mut stream: TcpStream| async move {
        head(&mut stream).await;
        say(
            &mut stream,
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
        for_ever(stream).await;
    })
    .await;
    check_down(
        &ask(spec(old)).await,
        Reason::Protocol,
        "the server does not speak HTTP/2",
    );
    let closed = serve("127.0.0.1:0", |mut stream: TcpStream| async move {
        head(&mut stream).await;
    })
    .await;
    check_down(&ask(spec(closed)).await, Reason::Protocol, "");
    let mut silent = spec(serve("127.0.0.1:0", for_ever::<TcpStream>).await);
    silent.timeout = Duration::from_millis(300);
    check_down(
        &ask(silent).await,
        Reason::Timeout,
        "stopped while waiting for the first byte",
    );
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let at = serve("127.0.0.1:0", |stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        let mut open = Vec::new();
        while let Some(Ok((_, mut reply))) = connection.accept().await {
            let response = Response::builder().header("content-type", "application/grpc");
            let mut body = reply
                .send_response(response.body(()).unwrap(), false)
                .unwrap();
            let _ = body.send_data(Bytes::from(vec![0; 1 << 20]), false);
            open.push(body);
        }
    })
    .await;
    check_down(&ask(spec(at)).await, Reason::Protocol, "longer than 64 KiB");
}

#[tokio::test]
async fn a_server_may_speak_tls() {
    let authority = Authority::new();
    let acceptor = authority.good().acceptor(&["h2"]);
    let at = serve("127.0.0.1:0", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                answering(&mut stream, SERVING).await;
                let _ = stream.shutdown().await;
            }
        }
    })
    .await;
    let spec = spec(at).with("tls", true);
    check_up(&ask(spec.clone().with("ca_file", authority.file())).await);
    check_down(&ask(spec).await, Reason::Certificate, "not trusted here");
}
