//! TCP connections that are accepted, refused, or wait.

use std::time::Duration;

use domain::sample::Reason;
use probes::Finding;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::servers::{PATIENCE, Spec, ask, check_down, check_up, for_ever, head, say, serve};

async fn connect(host: &str, port: u16, timeout: Duration) -> Finding {
    let mut spec = Spec::of("tcp")
        .with("host", host)
        .with("port", i64::from(port));
    spec.timeout = timeout;
    ask(spec).await
}

#[tokio::test]
async fn an_accepted_connection_is_up() {
    for host in ["127.0.0.1", "::1", "localhost"] {
        let bound = if host == "::1" {
            "[::1]:0"
        } else {
            "127.0.0.1:0"
        };
        let listener = TcpListener::bind(bound).await.unwrap();
        let finding = connect(host, listener.local_addr().unwrap().port(), PATIENCE).await;
        check_up(&finding);
        assert!(finding.phases.connect_us.is_some());
        assert_eq!(finding.phases.resolve_us.is_some(), host == "localhost");
        assert_eq!(finding.phases.processing_us, None);
    }
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let finding = connect("127.0.0.1", port, PATIENCE).await;
    check_down(&finding, Reason::Refused, "connection refused");
}

#[tokio::test]
async fn a_connection_that_is_not_accepted_times_out() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let at = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    for _ in 0..2 {
        queue.push(TcpStream::connect(at).await.unwrap());
    }
    let finding = connect("127.0.0.1", at.port(), Duration::from_millis(100)).await;
    check_down(
        &finding,
        Reason::Timeout,
        "within 100 ms, stopped while connecting",
    );
}

#[tokio::test]
async fn the_expected_text_is_found_in_the_answer() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        say(&mut stream, "220 mail ready\r\n").await;
        let asked = head(&mut stream).await;
        say(&mut stream, format!("221 {asked}")).await;
        for_ever(stream).await;
    })
    .await;
    let spec = Spec::of("tcp")
        .with("host", "127.0.0.1")
        .with("port", i64::from(at.port()));
    check_up(&ask(spec.clone().with("expect", "220 mail")).await);
    let mut spec = spec.with("send", "QUIT\r\n\r\n");
    spec.set("expect", "221 QUIT");
    let finding = ask(spec.clone()).await;
    check_up(&finding);
    assert!(finding.phases.processing_us.is_some());
    spec.set("expect", "250 ");
    spec.timeout = Duration::from_secs(1);
    let finding = ask(spec).await;
    check_down(&finding, Reason::Body, "the answer lacks `250 `");
}
