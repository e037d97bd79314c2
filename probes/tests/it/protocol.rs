//! Peers that break off, send garbage, send too much, or do not listen.

use std::time::Duration;

use domain::sample::{Outcome, Reason};
use tokio::net::TcpListener;

use crate::servers::{
    answer, ask, check, check_down, check_up, for_ever, head, say, says, serve, spec,
};

#[tokio::test]
async fn a_port_without_a_listener_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let finding = ask(spec(format!("http://{at}/?token=${{TOKEN}}"))).await;
    check_down(&finding, Reason::Refused, "connection refused");
    assert_eq!(finding.status, None);
}

#[tokio::test]
async fn a_connection_closed_before_an_answer_is_a_broken_protocol() {
    let after_request = says("").await;
    let at_once = serve("127.0.0.1:0", |stream| async move {
        stream.set_zero_linger().unwrap();
        drop(stream);
    })
    .await;
    let finding = ask(spec(format!("http://{after_request}/"))).await;
    check_down(&finding, Reason::Protocol, "closed before an answer");
    let finding = ask(spec(format!("http://{at_once}/"))).await;
    check_down(&finding, Reason::Protocol, "before an answer");
}

#[tokio::test]
async fn half_an_answer_is_a_broken_protocol() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc";
    let cases = [
        (
            "HTTP/1.1 200 OK\r\nContent-Le".to_string(),
            "broke off within its head",
        ),
        (
            answer(200, "secret hello")[..45].to_string(),
            "broke off after",
        ),
        (chunked.to_string(), "broke off after"),
    ];
    for (text, words) in cases {
        let at = says(text).await;
        let finding = ask(spec(format!("http://{at}/"))).await;
        check_down(&finding, Reason::Protocol, words);
    }
}

#[tokio::test]
async fn garbage_is_a_broken_protocol() {
    let cases = [
        "SSH-2.0-secret\r\n\r\n",
        "\0\u{1}secret\r\n\r\n",
        "HTTP/1.1 two OK\r\n\r\n",
        "<html>secret</html>\r\n\r\n",
    ];
    for text in cases {
        let at = says(text).await;
        let finding = ask(spec(format!("http://{at}/"))).await;
        check_down(&finding, Reason::Protocol, "not HTTP");
    }
    let at = says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n").await;
    let finding = ask(spec(format!("http://{at}/"))).await;
    check_down(&finding, Reason::Protocol, "malformed");
}

#[tokio::test]
async fn odd_headers_are_read_as_browsers_read_them() {
    for odd in [
        "X-Thing : a",
        "X-Long: a\r\n b",
        "Set-Cookie: a=\u{c}b",
        "no colon here",
        "X-Place: M\u{fc}nchen",
        "Bad Name: a",
        ": a",
    ] {
        let at = says(format!(
            "HTTP/1.1 200\r\n{odd}\r\nContent-Length: 7\r\n\r\nSign in"
        ))
        .await;
        let finding =
            ask(spec(format!("http://{at}/")).with("expect.body_matches", "^Sign in$")).await;
        assert_eq!(finding.detail, None, "{odd}");
    }
}

#[tokio::test]
async fn a_malformed_header_is_named() {
    for (odd, words) in [
        (
            "Via: x\r\nX-Trace: secret\0\r\n",
            "the header `X-Trace` of the answer is malformed",
        ),
        (
            "Via: x\r\nsecret secret\0: x\r\n",
            "header 2 of the answer is malformed",
        ),
        ("X-Trace: secret\rx\r\n", "the header `X-Trace` of"),
        (
            "Content-Length: secret\r\n",
            "the header `content-length` of",
        ),
        (
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "the header `content-length` of",
        ),
    ] {
        let at = says(format!("HTTP/1.1 200 OK\r\n{odd}\r\n")).await;
        let finding = ask(spec(format!("http://{at}/"))).await;
        check_down(&finding, Reason::Protocol, words);
    }
}

#[tokio::test]
async fn the_limits_of_a_head_are_bytes_and_headers() {
    let many = |count: usize, line: &str| format!("HTTP/1.1 204 X\r\n{}\r\n", line.repeat(count));
    let limit = probes::http::HEADERS_LIMIT;
    check_up(
        &ask(spec(format!(
            "http://{}/",
            says(many(limit, "X: y\r\n")).await
        )))
        .await,
    );
    let at = says(many(limit + 1, "X: y\r\n")).await;
    let finding = ask(spec(format!("http://{at}/"))).await;
    check_down(&finding, Reason::Protocol, "more than 1000 headers");
    let at = says(many(70, &format!("X: {}\r\n", "y".repeat(1000)))).await;
    let finding = ask(spec(format!("http://{at}/"))).await;
    check_down(&finding, Reason::Protocol, "longer than 64 KiB");
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    for keep in [false, true] {
        let at = serve("127.0.0.1:0", |mut stream| async move {
            head(&mut stream).await;
            say(&mut stream, "HTTP/1.1 200 OK\r\n\r\n").await;
            let block = vec![b'x'; 64 * 1024];
            // Twice the limit, so that the test ends even if the probe reads on.
            for _ in 0..(2 * probes::http::BODY_LIMIT / block.len()) {
                say(&mut stream, &block).await;
            }
            for_ever(stream).await;
        })
        .await;
        let mut spec = spec(format!("http://{at}/"));
        if keep {
            spec.set("expect.body_lacks", "never");
        }
        let finding = ask(spec).await;
        if keep {
            check_down(&finding, Reason::Protocol, "longer than 4 MiB");
        } else {
            // Nothing that is expected depends on the rest.
            check_up(&finding);
        }
        assert_eq!(finding.status, Some(200));
    }
}

#[tokio::test]
async fn an_announced_body_that_is_too_long_is_not_waited_for() {
    let length = probes::http::BODY_LIMIT + 1;
    let at = serve("127.0.0.1:0", move |mut stream| async move {
        head(&mut stream).await;
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        say(&mut stream, text).await;
        for_ever(stream).await;
    })
    .await;
    let mut spec = spec(format!("http://{at}/"));
    spec.set("expect.body_contains", "x");
    check_down(&ask(spec).await, Reason::Protocol, "longer than 4 MiB");
}

#[tokio::test]
async fn an_endless_head_is_cut_off() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\nX: ").await;
        say(&mut stream, vec![b'x'; 4 * probes::http::HEAD_LIMIT]).await;
        for_ever(stream).await;
    })
    .await;
    let finding = ask(spec(format!("http://{at}/"))).await;
    check_down(&finding, Reason::Protocol, "longer than 64 KiB");
}

/// The process is stopped (by a signal or a suspend) during a run.
#[test]
fn a_run_of_a_stopped_process_is_inconclusive() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let at = serve("127.0.0.1:0", |mut stream| async move {
            head(&mut stream).await;
            // This blocks the only thread, like a stopped process.
            let held_up = probes::STALL + Duration::from_millis(300);
            std::thread::sleep(held_up); // scripted delay
            say(&mut stream, answer(200, "")).await;
        })
        .await;
        let mut spec = spec(format!("http://{at}/"));
        spec.timeout = Duration::from_millis(200);
        let finding = ask(spec).await;
        check(&finding, Outcome::Inconclusive, Reason::Monitor, "held up");
    });
}

#[test]
fn a_name_that_waited_for_a_thread_until_the_timeout_is_inconclusive() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || wait.recv());
        let mut spec = spec("http://localhost/");
        spec.timeout = Duration::from_millis(100);
        let finding = ask(spec).await;
        check(
            &finding,
            Outcome::Inconclusive,
            Reason::Monitor,
            "no thread",
        );
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
    });
}

#[tokio::test]
async fn one_probe_may_run_many_times_at_once() {
    let at = says(answer(200, "hello")).await;
    let mut spec = spec(format!("http://{at}/"));
    spec.set("expect.body_contains", "hello");
    let probe = std::sync::Arc::new(spec.probe());
    let mut runs = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let probe = std::sync::Arc::clone(&probe);
        runs.spawn(async move { probe.run().await });
    }
    while let Some(finding) = runs.join_next().await {
        crate::servers::check_up(&finding.unwrap());
    }
}
