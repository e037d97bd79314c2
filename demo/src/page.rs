//! The mails in a browser: a list, and each as its reader sees it. Loopback only. Everything in a mail
//! is escaped, or shown in a frame that may not run anything.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::StatusCode;
use jiff::tz::TimeZone;
use minijinja::{Environment, Value, context};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::clients;
use crate::http::{self, Answer};
use crate::mails::{Mail, Mails};

const TEMPLATE: &str = include_str!("../pages/mails.html");

/// The page, until dropped.
pub struct Page {
    address: SocketAddr,
    task: AbortHandle,
}

impl Page {
    /// Starts it on a free port of loopback, with times of `zone`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(mails: Arc<Mails>, zone: TimeZone) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let serve = async move {
            clients::serve(&listener, |stream| {
                let (mails, zone) = (Arc::clone(&mails), zone.clone());
                http::serve(stream, move |path| answer(path, &mails.all(), &zone))
            })
            .await;
        };
        let task = tokio::spawn(serve).abort_handle();
        Ok(Self { address, task })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(path: &str, mails: &[Mail], zone: &TimeZone) -> Answer {
    let shown = |mail: &Mail| {
        let local = mail.at.to_zoned(zone.clone());
        context! {
            time => local.strftime("%H:%M:%S %Z").to_string(),
            to => &mail.to, subject => &mail.subject, file => &mail.file, text => &mail.text,
        }
    };
    let asked = path.trim_start_matches('/');
    if asked.is_empty() {
        let mails: Vec<Value> = mails.iter().map(shown).collect();
        return page(context! { mails });
    }
    let (number, part) = asked.split_once('/').unwrap_or((asked, ""));
    let number: usize = number.parse().unwrap_or(0);
    let mail = number.checked_sub(1).and_then(|n| mails.get(n));
    match (mail, part) {
        (Some(mail), "") => page(context! { number, mail => shown(mail) }),
        (Some(mail), "html") => Answer::html(mail.html.clone()),
        _ => Answer::failure(StatusCode::NOT_FOUND, "no such mail"),
    }
}

fn page(values: Value) -> Answer {
    // The name makes minijinja escape what it fills in.
    match Environment::new().render_named_str("mails.html", TEMPLATE, values) {
        Ok(page) => Answer::html(page),
        Err(error) => Answer::failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    fn mail() -> Mail {
        Mail {
            id: "N-1@x".to_owned(),
            at: "2026-10-07T06:14:10Z".parse().unwrap(),
            to: "<b>@example.org".to_owned(),
            subject: "<script>alert(1)</script>".to_owned(),
            file: "001.eml".to_owned(),
            text: "a & b".to_owned(),
            html: "<p>as sent</p>".to_owned(),
        }
    }

    fn text(path: &str) -> (u16, String) {
        let answer = answer(path, &[mail(), mail()], &TimeZone::UTC);
        (answer.status.as_u16(), answer.body)
    }

    #[test]
    fn mails_are_listed_and_nothing_in_them_is_run() {
        let (status, list) = text("/");
        assert_eq!(status, 200, "{list}");
        assert!(list.contains("06:14:10 UTC"), "{list}");
        let link = "<a href=\"/2\">&lt;script&gt;alert(1)&lt;&#x2f;script&gt;</a>";
        assert!(list.contains(link), "{list}");
        assert!(list.contains("&lt;b&gt;@example.org"), "{list}");
        let (_, one) = text("/1");
        assert!(one.contains("<pre>a &amp; b</pre>"), "{one}");
        assert!(one.contains("<iframe sandbox src=\"/1/html\""), "{one}");
        assert!(one.contains("To &lt;b&gt;@example.org"), "{one}");
        for page in [list, one] {
            assert!(!page.contains("<script>") && !page.contains("<b>"));
        }
        assert_eq!(text("/1/html").1, "<p>as sent</p>");
    }

    #[tokio::test]
    async fn no_page_may_run_or_fetch_anything() {
        let folder = tempfile::tempdir().unwrap();
        let server = crate::smtp_server::SmtpServer::listen(
            (Ipv4Addr::LOCALHOST, 0).into(),
            crate::smtp_server::Tls::None,
        );
        let console = Arc::new(crate::console::testing::console().0);
        let mails = Mails::collect(folder.path(), server.await.unwrap(), console).unwrap();
        let page = Page::start(mails, TimeZone::UTC).await.unwrap();
        let mut stream = TcpStream::connect(page.address()).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        let policy = "content-security-policy: default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'";
        for line in ["HTTP/1.1 200 OK", policy, "x-content-type-options: nosniff"] {
            assert!(head.lines().any(|is| is == line), "{line}: {head}");
        }
    }

    #[test]
    fn a_mail_that_is_not_there_is_not_found() {
        for path in [
            "/0",
            "/3",
            "/x",
            "/1/other",
            "/-1",
            "/99999999999999999999999",
        ] {
            assert_eq!(text(path).0, 404, "{path}");
        }
    }
}
