//! Servers that upgrade to WebSocket, refuse, or send something else.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::servers::{Spec, answer, ask, check_down, check_up, for_ever, head, say, says, serve};

fn spec(at: SocketAddr) -> Spec {
    Spec::of("websocket")
        .with("host", "localhost")
        .with("resolve", at.ip().to_string())
        .with("port", i64::from(at.port()))
}

/// A server that upgrades and then does what `script` says.
async fn server<F, Fut>(script: F) -> SocketAddr
where
    F: Fn(WebSocketStream<TcpStream>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    serve("127.0.0.1:0", move |stream| {
        let script = script.clone();
        async move {
            if let Ok(socket) = accept_async(stream).await {
                script(socket).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_server_that_upgrades_is_up() {
    let at = server(|mut socket| async move { while socket.next().await.is_some() {} }).await;
    let (finding, notes) = spec(at).probe().run_with_notes().await;
    check_up(&finding);
    assert_eq!(finding.status, Some(101));
    let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        told[1..],
        ["asks for an upgrade to WebSocket", "status 101"]
    );
}

#[tokio::test]
async fn a_message_is_answered() {
    let at = server(|mut socket| async move {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                let _ = socket.send(Message::text("hello")).await;
                let _ = socket.send(Message::text(format!("got {message}"))).await;
            }
        }
    })
    .await;
    let asked = spec(at).with("send", "a word").with("expect", "got a word");
    let (finding, notes) = asked.probe().run_with_notes().await;
    check_up(&finding);
    assert!(notes.iter().all(|note| !note.text.contains("word")));
    let mut lacking = spec(at).with("send", "a word").with("expect", "other");
    lacking.timeout = Duration::from_millis(500);
    check_down(
        &ask(lacking).await,
        Reason::Body,
        "the messages lack `other`",
    );
    let mut unasked = spec(at).with("expect", "other");
    unasked.timeout = Duration::from_millis(300);
    check_down(
        &ask(unasked).await,
        Reason::Timeout,
        "no message within the timeout",
    );
}

#[tokio::test]
async fn a_server_that_closes_or_talks_too_much_is_down() {
    let at = server(|mut socket| async move {
        let _ = socket.close(None).await;
    })
    .await;
    check_down(
        &ask(spec(at).with("expect", "word")).await,
        Reason::Body,
        "closed the connection before `word`",
    );
    let at = server(|mut socket| async move {
        while socket.send(Message::text("x".repeat(1_000))).await.is_ok() {}
    })
    .await;
    check_down(
        &ask(spec(at).with("expect", "word")).await,
        Reason::Body,
        "the first 64 KiB of messages lack `word`",
    );
    let at = server(|mut socket| async move {
        let _ = socket.send(Message::text("x".repeat(70_000))).await;
        for_ever(socket).await;
    })
    .await;
    check_down(
        &ask(spec(at).with("expect", "word")).await,
        Reason::Protocol,
        "longer than 64 KiB",
    );
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for status in [200, 401, 503] {
        let at = says(answer(status, "never shown")).await;
        let finding = ask(spec(at)).await;
        check_down(
            &finding,
            Reason::Status,
            &format!("status {status}, expected 101"),
        );
        assert_eq!(finding.status, Some(status));
    }
}

#[tokio::test]
async fn something_else_than_websocket_is_a_broken_protocol() {
    for said in [
        "",
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 101 X\r\n\r\n",
        "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
    ] {
        let at = says(said).await;
        check_down(&ask(spec(at)).await, Reason::Protocol, "");
    }
    let at = serve("127.0.0.1:0", for_ever).await;
    let mut silent = spec(at);
    silent.timeout = Duration::from_millis(300);
    check_down(
        &ask(silent).await,
        Reason::Timeout,
        "waiting for the first byte",
    );
}

#[tokio::test]
async fn the_request_says_what_the_keys_say() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        let request = head(&mut stream).await.to_ascii_lowercase();
        let good = request.starts_with("get /live?a=1 http/1.1\r\n")
            && request.contains("\r\norigin: https://portal.example.org\r\n")
            && request.contains("\r\nsec-websocket-protocol: beds\r\n");
        let status = if good { 418 } else { 400 };
        say(&mut stream, answer(status, &request)).await;
    })
    .await;
    let spec = spec(at)
        .with("path", "/live?a=1")
        .with("origin", "https://portal.example.org")
        .with("protocol", "beds");
    check_down(&ask(spec).await, Reason::Status, "status 418");
}

#[test]
fn mistakes_are_told() {
    let at = "127.0.0.1:80".parse().unwrap();
    for (key, value, why) in [
        ("path", "socket", "write a path as"),
        ("protocol", "a b", "without spaces"),
        ("send", "x", "no effect without `expect`"),
    ] {
        let wrong = spec(at).with(key, value).prepare().unwrap_err();
        assert!(wrong[0].1.contains(why), "{wrong:?}");
    }
}
