//! Redirects: followed as far as allowed, resolved anew, without credentials for strangers.

use std::net::SocketAddr;

use domain::sample::Reason;
use tokio::sync::mpsc;

use crate::servers::{answer, ask, check_down, check_up, head, say, serve, spec};

fn to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

/// `/0` leads to `/1`, and so on; `/last` answers.
async fn redirecting(last: usize) -> SocketAddr {
    serve("127.0.0.1:0", move |mut stream| async move {
        let asked = head(&mut stream).await;
        let path = asked.split(' ').nth(1).unwrap();
        let step: usize = path.trim_start_matches('/').parse().unwrap();
        let said = if step == last {
            answer(200, "landed")
        } else {
            to(&format!("/{}", step + 1))
        };
        say(&mut stream, said).await;
    })
    .await
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_allowed() {
    let at = redirecting(3).await;
    let mut spec = spec(format!("http://{at}/0"));
    spec.set("redirects", 3);
    spec.set("expect.body_contains", "landed");
    let finding = ask(spec.clone()).await;
    check_up(&finding);
    assert_eq!(finding.status, Some(200));
    spec.set("redirects", 2);
    let finding = ask(spec).await;
    check_down(&finding, Reason::Redirect, "more than 2 redirects");
    assert_eq!(finding.status, Some(302));
}

#[tokio::test]
async fn a_redirect_that_is_not_followed_is_the_answer() {
    let at = redirecting(1).await;
    let mut spec = spec(format!("http://{at}/0"));
    check_down(&ask(spec.clone()).await, Reason::Status, "status 302");
    spec.set("expect.status", vec![302]);
    spec.set("expect.headers.location", "/1");
    check_up(&ask(spec.clone()).await);
    // A redirect with an expected status is not followed either.
    spec.set("redirects", 5);
    check_up(&ask(spec).await);
}

#[tokio::test]
async fn a_circle_of_redirects_is_named_as_one() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        let asked = head(&mut stream).await;
        let next = if asked.starts_with("GET /a") {
            "/b"
        } else {
            "/a?token=secret"
        };
        say(&mut stream, to(next)).await;
    })
    .await;
    let mut spec = spec(format!("http://{at}/a?token=${{TOKEN}}"));
    spec.set("redirects", 10);
    let finding = ask(spec).await;
    let words = format!("redirects in a circle, back to http://{at}/b");
    check_down(&finding, Reason::Redirect, &words);
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_down() {
    for location in ["ftp://portal.example/?token=secret", "http://", "mailto:x"] {
        let location = location.to_string();
        let at = serve("127.0.0.1:0", move |mut stream| {
            let location = location.clone();
            async move {
                head(&mut stream).await;
                say(&mut stream, to(&location)).await;
            }
        })
        .await;
        let mut spec = spec(format!("http://{at}/"));
        spec.set("redirects", 1);
        check_down(&ask(spec).await, Reason::Redirect, "status 302 leads");
    }
    let at = crate::servers::says("HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n").await;
    let mut spec = spec(format!("http://{at}/"));
    spec.set("redirects", 1);
    check_down(
        &ask(spec).await,
        Reason::Redirect,
        "status 301 has no `Location`",
    );
}

#[tokio::test]
async fn a_cookie_is_sent_back_after_a_redirect() {
    let setting = |location: &str, cookies: &str| {
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n");
        format!("{head}{cookies}Content-Length: 0\r\n\r\n")
    };
    let at = serve("127.0.0.1:0", move |mut stream| async move {
        let asked = head(&mut stream).await;
        let has = |cookie: &str| asked.contains(&format!("\r\ncookie: {cookie}\r\n"));
        let said = if asked.starts_with("GET /app") && has("secret; s=2") {
            answer(200, "landed")
        } else if asked.starts_with("GET /check") && has("secret; s=1") {
            let more = "Set-Cookie: s=2; Path=/app\r\nSet-Cookie: s=; Path=/; Max-Age=0\r\n";
            setting("/app", more)
        } else {
            setting("/check", "Set-Cookie: s=1; Path=/\r\n")
        };
        say(&mut stream, said).await;
    })
    .await;
    let spec = spec(format!("http://{at}/"))
        .with("headers.Cookie", "${COOKIE}")
        .with("redirects", 2)
        .with("expect.body_contains", "landed");
    check_up(&ask(spec).await);
}

#[tokio::test]
async fn credentials_are_not_sent_to_another_host() {
    let (tell, mut told) = mpsc::channel(4);
    let stranger = serve("127.0.0.2:0", move |mut stream| {
        let tell = tell.clone();
        async move {
            tell.send(head(&mut stream).await).await.unwrap();
            say(&mut stream, answer(200, "")).await;
        }
    })
    .await;
    let away = format!("http://{stranger}/landing");
    let at = serve("127.0.0.1:0", move |mut stream| {
        let away = away.clone();
        async move {
            head(&mut stream).await;
            say(&mut stream, to(&away)).await;
        }
    })
    .await;
    let mut spec = spec(format!("http://{at}/"));
    spec.set("redirects", 1);
    for header in ["Authorization", "Cookie", "X-Api-Key"] {
        spec.set(&format!("headers.{header}"), "${TOKEN}");
    }
    check_up(&ask(spec).await);
    let asked = told.recv().await.unwrap();
    assert!(asked.starts_with("GET /landing "), "{asked}");
    assert!(asked.contains(&format!("host: {stranger}\r\n")), "{asked}");
    assert!(!asked.contains("secret"), "{asked}");
}
