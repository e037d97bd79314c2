//! The mails in a browser: a list, and each as its reader sees it. Loopback only; everything that
//! a message says is escaped, or shown in a frame that may do nothing.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use super::http::{self, Answer, escaped};
use super::mails::{Mail, Mails};

/// How many clients at once.
const CLIENTS: usize = 32;

/// The page, alive until dropped.
pub struct Page {
    address: SocketAddr,
    task: AbortHandle,
}

impl Page {
    /// Starts it on a free port of loopback, with times of `zone`.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn start(mails: Arc<Mails>, zone: TimeZone) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(serve(listener, mails, zone)).abort_handle();
        Ok(Self { address, task })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, mails: Arc<Mails>, zone: TimeZone) {
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        if clients.len() >= CLIENTS {
            clients.join_next().await;
        }
        // A failed accept is the client's trouble, or passes.
        let Ok((mut stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let (mails, zone) = (Arc::clone(&mails), zone.clone());
        clients.spawn(async move {
            if let Some(path) = http::asked(&mut stream).await {
                http::answer(&mut stream, &page(&path, &mails.all(), &zone)).await;
            }
        });
    }
}

fn page(path: &str, mails: &[Mail], zone: &TimeZone) -> Answer {
    if path == "/" {
        return Answer::html(list(mails, zone));
    }
    let asked = path.trim_start_matches('/');
    let (number, part) = asked.split_once('/').unwrap_or((asked, ""));
    let number: usize = number.parse().unwrap_or(0);
    let mail = number.checked_sub(1).and_then(|n| mails.get(n));
    match (mail, part) {
        (Some(mail), "") => Answer::html(one(number, mail, zone)),
        (Some(mail), "html") => Answer::html(mail.html.clone()),
        _ => Answer::refusal(404, "no such mail"),
    }
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
<meta name=viewport content=\"width=device-width\"><title>Mails of the demo</title>
<style>body{font:16px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em;color:#222;\
background:#fff}table{border-collapse:collapse;width:100%}td,th{text-align:left;\
padding:.4em .8em .4em 0;border-bottom:1px solid #ddd;vertical-align:top}td:not(:last-child){\
white-space:nowrap;font-variant-numeric:tabular-nums}pre{background:#f5f5f5;padding:1em;\
white-space:pre-wrap}iframe{width:100%;height:32em;border:1px solid #ccc}</style>
";

fn list(mails: &[Mail], zone: &TimeZone) -> String {
    let mut html = format!(
        "{HEAD}<meta http-equiv=refresh content=3><h1>Mails of the demo</h1>\
         <p>{} so far, newest first. Nothing has left this machine.</p>\
         <table><tr><th>Arrived<th>To<th>Subject</tr>\n",
        super::voice::count(mails.len(), "mail")
    );
    for (n, mail) in mails.iter().enumerate().rev() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            html,
            "<tr><td>{}<td>{}<td><a href=\"/{}\">{}</a></tr>",
            time(mail, zone),
            escaped(&mail.to),
            n + 1,
            escaped(&mail.subject)
        );
    }
    html + "</table></html>\n"
}

fn one(number: usize, mail: &Mail, zone: &TimeZone) -> String {
    format!(
        "{HEAD}<p><a href=\"/\">All mails</a></p><h1>{}</h1><p>To {}, arrived {}, stored as {}</p>\
         <iframe sandbox src=\"/{number}/html\" title=\"The mail\"></iframe>\
         <h2>Its plain part</h2><pre>{}</pre></html>\n",
        escaped(&mail.subject),
        escaped(&mail.to),
        time(mail, zone),
        escaped(&mail.file),
        escaped(&mail.text)
    )
}

fn time(mail: &Mail, zone: &TimeZone) -> String {
    mail.at
        .to_zoned(zone.clone())
        .strftime("%H:%M:%S %Z")
        .to_string()
}

#[cfg(test)]
mod tests {
    //! Tests may unwrap: a panic is how they fail.
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn mail() -> Mail {
        Mail {
            id: "<N-1@x>".to_owned(),
            at: "2026-10-07T06:14:10Z".parse().unwrap(),
            to: "<b>@example.org".to_owned(),
            subject: "<script>alert(1)</script>".to_owned(),
            file: "001.eml".to_owned(),
            text: "a & b".to_owned(),
            html: "<p>as sent</p>".to_owned(),
        }
    }

    fn text(path: &str) -> (u16, String) {
        let answer = page(path, &[mail()], &TimeZone::UTC);
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    #[test]
    fn mails_are_listed_and_nothing_in_them_is_run() {
        let (_, list) = text("/");
        assert!(list.contains("06:14:10 UTC"), "{list}");
        assert!(
            list.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
            "{list}"
        );
        assert!(list.contains("&lt;b&gt;@example.org"), "{list}");
        assert!(
            !list.contains("<script>") && !list.contains("<b>"),
            "{list}"
        );
        let (_, one) = text("/1");
        assert!(one.contains("<pre>a &amp; b</pre>"), "{one}");
        assert!(one.contains("<iframe sandbox src=\"/1/html\""), "{one}");
        assert!(one.contains("To &lt;b&gt;@example.org"), "{one}");
        assert!(!one.contains("<script>") && !one.contains("<b>"), "{one}");
        assert_eq!(text("/1/html").1, "<p>as sent</p>");
    }

    #[tokio::test]
    async fn no_page_may_run_or_fetch_anything() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let folder = tempfile::tempdir().unwrap();
        let mails = Arc::new(Mails::new(folder.path()));
        let page = Page::start(mails, TimeZone::UTC).await.unwrap();
        let mut stream = tokio::net::TcpStream::connect(page.address())
            .await
            .unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        let policy = "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'";
        for line in ["HTTP/1.1 200 OK", policy, "X-Content-Type-Options: nosniff"] {
            assert!(head.lines().any(|is| is == line), "{line}: {head}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for path in [
            "/0",
            "/2",
            "/x",
            "/1/other",
            "/-1",
            "/99999999999999999999999",
        ] {
            assert_eq!(text(path).0, 404, "{path}");
        }
    }
}
