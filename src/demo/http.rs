//! As much HTTP as the demo's own small servers speak: one request, one answer, and the connection
//! is closed. It is no web server for anybody else.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest head of a request, in bytes.
const LONGEST_HEAD: u64 = 16 * 1024;

/// How long a client may take for its head, and for our answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `Content-Type`.
    pub kind: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A page.
    pub fn html(body: String) -> Self {
        Self {
            status: 200,
            kind: "text/html; charset=utf-8",
            body: body.into_bytes(),
        }
    }

    /// A text with another status than 200.
    pub fn refusal(status: u16, words: &str) -> Self {
        Self {
            status,
            kind: "text/plain; charset=utf-8",
            body: format!("{words}\n").into_bytes(),
        }
    }
}

/// Reads the head of one request: its path. Nothing where the client is gone, slow or talks
/// something else.
pub async fn asked(stream: &mut TcpStream) -> Option<String> {
    tokio::time::timeout(PATIENCE, head(stream)).await.ok()?
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut stream = stream.take(LONGEST_HEAD);
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.ok()?;
        head.push(byte);
    }
    let line = head.split(|b| *b == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    match words.next()? {
        "GET" | "HEAD" => Some(words.next()?.to_owned()),
        _ => None,
    }
}

/// Sends the answer and closes.
pub async fn answer(stream: &mut TcpStream, answer: &Answer) {
    // A client that has gone needs no answer.
    let _ = tokio::time::timeout(PATIENCE, write(stream, answer)).await;
}

async fn write(stream: &mut TcpStream, answer: &Answer) -> io::Result<()> {
    let reason = match answer.status {
        200 => "OK",
        404 => "Not Found",
        503 => "Service Unavailable",
        _ => "Other",
    };
    let head = format!(
        "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'\r\n\
         X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        answer.status,
        answer.kind,
        answer.body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&answer.body).await?;
    stream.shutdown().await
}

/// A text as it may stand in a page.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
