//! Journeys against a small portal that checks cookies and a token, and against servers that fail one step.

use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::{Outcome, Reason};
use probes::http::BODY_LIMIT;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::servers::{
    Spec, answer, ask, check, check_down, check_up, for_ever, head, pause, say, serve, write,
};

/// The journey of these keys.
fn journey(keys: &str) -> Spec {
    let mut spec = Spec::of("journey");
    for (key, value) in keys.parse::<toml::Table>().unwrap() {
        spec.set(&key, value);
    }
    spec
}

/// A request: its first line and headers, and its body.
async fn request(stream: &mut TcpStream) -> (String, String) {
    let head = head(stream).await;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// An answer with these headers.
fn with(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

const PAGE: &str = r#"<form method="post"><input type="hidden" name="token" value="4&amp;f1c0ffee">
<input name="user"><input name="word" type="password"></form>"#;

/// `/login` gives a cookie and a token; with both and the password it opens a session at `/home`.
async fn portal() -> SocketAddr {
    serve("127.0.0.1:0", |mut stream| async move {
        let (head, body) = request(&mut stream).await;
        let has = |text: &str| head.contains(text);
        let said = match head.split(' ').take(2).collect::<Vec<_>>().as_slice() {
            ["GET", "/login"] => with(
                200,
                "Content-Type: text/html\r\nSet-Cookie: csrf=anonymous1; Path=/\r\n",
                PAGE,
            ),
            ["POST", "/login"]
                if has("cookie: csrf=anonymous1\r\n")
                    && has("content-type: application/x-www-form-urlencoded\r\n")
                    && has("referer: http://127.0.0.1:")
                    && body == "token=4%26f1c0ffee&user=nines&word=secret" =>
            {
                with(
                    302,
                    "Location: /home\r\nSet-Cookie: session=rotated-2; Path=/\r\n\
                     Set-Cookie: csrf=x; Max-Age=0; Path=/\r\n",
                    "",
                )
            }
            ["POST", "/login"] => with(403, "", "Forbidden"),
            ["GET", "/home"] if has("cookie: session=rotated-2\r\n") => with(
                200,
                "Content-Type: text/html\r\nX-Order: 4711\r\n",
                r#"Welcome <a href="/orders/4711?from=home&amp;x=1">order</a>"#,
            ),
            ["GET", "/orders/4711?from=home&x=1"] if has("cookie: session=rotated-2\r\n") => {
                with(200, "", r#"{"order": 4711, "state": "sent"}"#)
            }
            ["GET", "/state/sent?id=4711"] => answer(200, "sent it"),
            _ => with(404, "", "Not found"),
        };
        say(&mut stream, said).await;
    })
    .await
}

fn sign_in(at: SocketAddr) -> String {
    format!(
        r#"
[[step]]
name    = "sign-in page"
url     = "http://{at}/login"
capture = {{ token = {{ field = "token" }} }}
[[step]]
name   = "sign in"
url    = "http://{at}/login"
form   = {{ user = "nines", word = "${{PORTAL_PASSWORD}}", token = "{{token}}" }}
expect = {{ body_contains = "Welcome" }}
capture = {{ link = {{ matches = 'href="([^"]+)"' }}, order = {{ header = "x-order", show = true }} }}
[[step]]
name    = "order"
url     = "{{link}}"
capture = {{ number = {{ json = "/order" }}, state = {{ json = "/state" }} }}
[[step]]
name = "state"
url  = "http://{at}/state/{{state}}?id={{number}}"
expect = {{ body_contains = "sent it" }}
"#
    )
}

#[tokio::test]
async fn a_journey_signs_in_with_cookies_and_captured_values() {
    let at = portal().await;
    let spec = journey(&sign_in(at));
    let finding = ask(spec.clone()).await;
    check_up(&finding);
    assert_eq!(finding.status, Some(200));
    assert!(finding.phases.connect_us.is_some() && finding.phases.processing_us.is_some());
    let (_, notes) = spec.probe().run_with_notes().await;
    let told: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    for line in [
        "step 1 `sign-in page`",
        "cookie `csrf` set",
        "captured `token` from the form field `token`: 10 characters, not shown",
        "step 2 `sign in`",
        "the form sends token, user, word",
        "cookie `session` set",
        "cookie `csrf` deleted",
        "captured `order` from the header `x-order`: `4711`",
        "step 4 `state`",
    ] {
        assert!(told.contains(&line), "{line}: {told:#?}");
    }
    assert!(
        told.contains(&format!("connected to {at}").as_str()),
        "{told:#?}"
    );
    let home = format!("status 302, leads to http://{at}/home");
    assert!(told.contains(&home.as_str()), "{told:#?}");
    let all = told.join("\n");
    for secret in [
        "secret",
        "f1c0ffee",
        "anonymous1",
        "rotated-2",
        "state/sent",
    ] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    assert!(notes.is_sorted_by_key(|note| note.at));
}

#[tokio::test]
async fn the_detail_names_the_step_that_failed() {
    let at = portal().await;
    let good = sign_in(at);
    for (from, to, reason, detail) in [
        (
            "{ field = \"token\" }",
            "{ field = \"csrf\" }",
            Reason::Body,
            "step 1 `sign-in page`: the page has no form field `csrf`",
        ),
        (
            "token = \"{token}\"",
            "tokn = \"{token}\"",
            Reason::Status,
            "step 2 `sign in`: status 403, expected 200 to 299",
        ),
        (
            "\"Welcome\"",
            "\"Hello\"",
            Reason::Body,
            "step 2 `sign in`: the body lacks `Hello`",
        ),
        (
            "url     = \"{link}\"",
            "url     = \"http://127.0.0.1:@/orders/{order}\"",
            Reason::Status,
            "step 3 `order`: status 404",
        ),
        (
            "json = \"/state\"",
            "json = \"/sate\"",
            Reason::Body,
            "step 3 `order`: the body has no `/sate`",
        ),
        (
            "/state/{state}",
            "/state/{order}",
            Reason::Status,
            "step 4 `state`: status 404",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let bad = good
            .replace(from, to)
            .replace(":@/", &format!(":{}/", at.port()));
        check_down(&ask(journey(&bad)).await, reason, detail);
    }
}

#[tokio::test]
async fn a_redirect_with_an_expected_status_is_not_followed() {
    let at = portal().await;
    let [page, rest] = ["sign-in page", "order"].map(|name| {
        let start = format!("[[step]]\nname    = \"{name}\"");
        sign_in(at).find(&start).unwrap()
    });
    let page = &sign_in(at)[page..rest];
    let page = page.split("expect").next().unwrap();
    let home = "expect = { status = [302] }\ncapture = { home = { header = \"Location\" } }\n\
                [[step]]\nname = \"home\"\nurl = \"{home}\"";
    check_up(&ask(journey(&format!("{page}{home}"))).await);
    let finding = ask(journey(&format!("{page}redirects = 0"))).await;
    check_down(&finding, Reason::Status, "step 2 `sign in`: status 302");
}

/// The first page is good; `script` serves the second.
async fn second<F, Fut>(script: F) -> Spec
where
    F: Fn(TcpStream) -> Fut + Copy + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let at = serve("127.0.0.1:0", move |mut stream| async move {
        let (head, _) = request(&mut stream).await;
        match head.starts_with("GET /one") {
            true => say(&mut stream, answer(200, "hello")).await,
            false => script(stream).await,
        }
    })
    .await;
    let mut spec = journey(&format!(
        "[[step]]\nname = \"one\"\nurl = \"http://{at}/one\"\n[[step]]\nname = \"two\"\n\
         url = \"http://{at}/two\"\nexpect = {{ body_contains = \"world\" }}"
    ));
    spec.timeout = Duration::from_secs(1);
    spec
}

#[tokio::test]
async fn a_misbehaving_server_is_reported_with_step_and_phase() {
    let silent = second(for_ever).await;
    check_down(
        &ask(silent).await,
        Reason::Timeout,
        "step 2 `two`: no answer within 1 s, stopped while waiting for the first byte",
    );
    let dribble = second(|mut stream| async move {
        say(
            &mut stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n",
        )
        .await;
        loop {
            pause(Duration::from_millis(100)).await;
            say(&mut stream, "x").await;
        }
    });
    check_down(
        &ask(dribble.await).await,
        Reason::Timeout,
        "step 2 `two`: no answer within 1 s, stopped while receiving the answer",
    );
    let cut = second(|mut stream| async move {
        say(
            &mut stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwor",
        )
        .await;
    });
    check_down(
        &ask(cut.await).await,
        Reason::Protocol,
        "step 2 `two`: the answer broke off after 3 bytes of its body",
    );
    let wrong = second(|mut stream| async move { say(&mut stream, "SSH-2.0-x\r\n").await });
    check_down(
        &ask(wrong.await).await,
        Reason::Protocol,
        "step 2 `two`: the answer is not HTTP",
    );
    let closed = second(|stream| async move { drop(stream) });
    check_down(
        &ask(closed.await).await,
        Reason::Protocol,
        "step 2 `two`: the connection was closed before an answer",
    );
    let mut endless = second(|mut stream| async move {
        say(&mut stream, "HTTP/1.1 200 OK\r\n\r\n").await;
        let chunk = vec![b'x'; 64 * 1024];
        for _ in 0..2 * BODY_LIMIT / chunk.len() {
            if stream.write_all(&chunk).await.is_err() {
                return;
            }
        }
        for_ever(stream).await;
    })
    .await;
    endless.timeout = crate::servers::PATIENCE;
    check_down(
        &ask(endless).await,
        Reason::Protocol,
        "step 2 `two`: the answer is longer than 4 MiB",
    );
}

#[tokio::test]
async fn a_captured_address_leads_to_configured_hosts_alone() {
    let there = serve("127.0.0.2:0", |mut stream| async move {
        let (head, _) = request(&mut stream).await;
        assert!(!head.contains("cookie"), "{head}");
        say(&mut stream, answer(200, "there")).await;
    })
    .await;
    let here = serve("127.0.0.1:0", move |mut stream| async move {
        request(&mut stream).await;
        let headers =
            format!("X-Next: http://u:p@{there}/next?token=x\r\nSet-Cookie: s=12345678\r\n");
        say(&mut stream, with(200, &headers, "")).await;
    })
    .await;
    let keys = format!(
        "[[step]]\nname = \"one\"\nurl = \"http://{here}/\"\ncapture = {{ next = {{ header = \"x-next\" }} }}\n\
         [[step]]\nname = \"two\"\nurl = \"{{next}}\"\nform = {{ a = \"b\" }}"
    );
    let finding = ask(journey(&keys)).await;
    let detail = format!(
        "step 2 `two`: the captured address leads to http://{there}/next: if that is right"
    );
    check_down(&finding, Reason::Redirect, &detail);
    check_up(&ask(journey(&format!("hosts = [\"127.0.0.2\"]\n{keys}"))).await);
}

#[tokio::test]
async fn a_slow_step_and_a_slow_journey_are_degraded() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        let (head, _) = request(&mut stream).await;
        if head.starts_with("GET /two") {
            pause(Duration::from_millis(50)).await;
        }
        say(&mut stream, answer(200, "")).await;
    })
    .await;
    let keys = format!(
        "[[step]]\nname = \"one\"\nurl = \"http://{at}/one\"\n[[step]]\nname = \"two\"\n\
         url = \"http://{at}/two\"\nexpect = {{ degraded_after = \"20ms\" }}\n"
    );
    let finding = ask(journey(&keys)).await;
    check(
        &finding,
        Outcome::Degraded,
        Reason::Slow,
        "step 2 `two` took ",
    );
    let keys = format!("degraded_after = \"10ms\"\n{}", keys.replace("20ms", "9s"));
    let finding = ask(journey(&keys)).await;
    check(&finding, Outcome::Degraded, Reason::Slow, "took ");
    assert!(!finding.detail.unwrap().contains("step"));
}

#[tokio::test]
async fn a_secret_may_come_from_a_file_that_changes() {
    let at = serve("127.0.0.1:0", |mut stream| async move {
        let (_, body) = request(&mut stream).await;
        let status = if body == r#"{"word": "new & secret"}"# {
            200
        } else {
            401
        };
        say(&mut stream, answer(status, "")).await;
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    write(&file, "old secret\n");
    let spec = journey(&format!(
        "secret_files = {{ word = \"{}\" }}\n[[step]]\nname = \"sign in\"\nurl = \"http://{at}/\"\n\
         body = '{{\"word\": \"{{word}}\"}}'",
        file.display()
    ));
    let probe = spec.probe();
    let finding = probe.run().await;
    check_down(&finding, Reason::Status, "step 1 `sign in`: status 401");
    write(&file, "new & secret\n");
    check_up(&crate::files::later(&probe).await);
}

#[test]
fn mistakes_are_found_before_a_run() {
    let step = "[[step]]\nname = \"one\"\nurl = \"http://portal.example.org/\"\n";
    for (keys, at, why) in [
        (
            format!("{step}headers = {{ x-a = \"{{tokn}}\" }}"),
            "{tokn}",
            "no earlier step captures `tokn`",
        ),
        (
            format!(
                "{step}capture = {{ token = {{ field = \"t\" }} }}\n{step}form = {{ t = \"{{tokn}}\" }}"
            ),
            "{tokn}",
            "did you mean `token`?",
        ),
        (
            format!("{step}form = {{ password = \"hunter2\" }}"),
            "hunter2",
            "a secret must not be in this file",
        ),
        (
            format!("{step}headers = {{ Authorization = \"Bearer abc\" }}"),
            "Bearer abc",
            "a secret must not be in this file",
        ),
        (
            step.replace("org/", "org/?token=abc"),
            "abc",
            "`token` is a secret",
        ),
        (
            format!("{step}capture = {{ a = {{ }} }}"),
            "capture",
            "captured by one of",
        ),
        (
            format!("{step}capture = {{ A = {{ field = \"a\" }} }}"),
            "capture",
            "lower-case letters",
        ),
        (
            format!("{step}form = {{ a = \"b\" }}\nbody = \"c\""),
            "\"c\"",
            "either `form` or `body`",
        ),
        (
            format!("{step}form = {{ a = \"b\" }}\nmethod = \"GET\""),
            "GET",
            "sends no form",
        ),
        (
            "[[step]]\nname = \"one\"\nurl = \"{next}\"".to_owned(),
            "{next}",
            "the first step has no captured address",
        ),
        (step.repeat(21), "http://portal", "at most 20 steps"),
    ] {
        let mistakes = journey(&keys).prepare().unwrap_err();
        let found = mistakes
            .iter()
            .any(|(text, said)| text.contains(at) && said.contains(why));
        assert!(found, "{keys}: {mistakes:?}");
    }
}
