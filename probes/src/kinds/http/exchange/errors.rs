//! The faults of an exchange, with a reason from the closed set. It must never repeat what the peer
//! sent.

use std::io;

use domain::sample::Reason;
use hyper::header::HeaderName;

use crate::fault::{Fault, cause, local_shortage};
use crate::kinds::http::{BODY_LIMIT, HEAD_LIMIT, HEADERS_LIMIT};
use crate::tls;

/// A fault before the end of the head. `begun`: part of it has arrived.
pub(super) fn before(error: &hyper::Error, begun: bool) -> Fault {
    if let Some(fault) = underneath(error) {
        return fault;
    }
    let io = cause::<io::Error>(error).map(io::Error::kind);
    match io {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) if begun => {
            Fault::protocol("the connection was reset within the head of the answer")
        }
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            Fault::protocol("the connection was reset before an answer")
        }
        _ if error.is_incomplete_message() && begun => {
            Fault::protocol("the answer broke off within its head")
        }
        Some(io::ErrorKind::TimedOut) => {
            Fault::new(Reason::Timeout, "the network gave up on the connection")
        }
        Some(io::ErrorKind::UnexpectedEof) => {
            Fault::protocol("the connection was closed before an answer")
        }
        _ if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            Fault::protocol("the connection was closed before an answer")
        }
        _ => Fault::protocol(format!("no whole answer: {}", chain(error))),
    }
}

/// True if the server refuses HTTP/2 for this request.
pub(super) fn asks_for_http1(error: &hyper::Error) -> bool {
    let reason = cause::<h2::Error>(error).and_then(h2::Error::reason);
    reason == Some(h2::Reason::HTTP_1_1_REQUIRED)
}

/// The fault of an HTTP/1.1 head that the parser refused. It names a header, never its value.
pub(super) fn malformed(error: &hyper::Error, head: &[u8]) -> Fault {
    if error.is_parse_too_large() {
        let kept = &head[..head.len().min(HEAD_LIMIT)];
        return match lines(kept).count() {
            lines if lines > HEADERS_LIMIT => too_many_headers(),
            _ => head_too_long(),
        };
    }
    // The library has no other way to tell these, and it has removed the head.
    let told = error.to_string();
    for name in ["content-length", "transfer-encoding"] {
        if told.contains(name) {
            return Fault::protocol(format!("the header `{name}` of the answer is malformed"));
        }
    }
    let is_http = head.trim_ascii_start().starts_with(b"HTTP/1.") && !told.contains("status-code");
    match lines(head).enumerate().find(|(_, line)| is_malformed(line)) {
        Some((at, line)) if is_http => {
            let name = line
                .split(|b| *b == b':')
                .next()
                .unwrap_or_default()
                .trim_ascii();
            let which = match str::from_utf8(name) {
                Ok(name) if is_name(name) => format!("the header `{name}`"),
                _ => format!("header {}", at + 1),
            };
            Fault::protocol(format!("{which} of the answer is malformed"))
        }
        _ => Fault::protocol("the answer is not HTTP"),
    }
}

/// The lines of a head after the first one, up to the empty line.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = head.trim_ascii_start().split(|b| *b == b'\n').skip(1);
    lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take_while(|line| !line.is_empty())
}

/// The parser skips other mistakes.
fn is_malformed(line: &[u8]) -> bool {
    line.contains(&b'\0') || line.contains(&b'\r')
}

fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.parse::<HeaderName>().is_ok()
}

pub(super) fn head_too_long() -> Fault {
    let limit = HEAD_LIMIT / 1024;
    Fault::protocol(format!("the head of the answer is longer than {limit} KiB"))
}

pub(super) fn too_many_headers() -> Fault {
    Fault::protocol(format!("the answer has more than {HEADERS_LIMIT} headers"))
}

/// A fault after the head and `length` bytes of the body.
pub(super) fn within(error: &hyper::Error, length: usize) -> Fault {
    if let Some(fault) = underneath(error) {
        return fault;
    }
    let malformed = cause::<io::Error>(error).is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
        )
    });
    if malformed {
        return Fault::protocol("the body of the answer is malformed");
    }
    Fault::protocol(format!(
        "the answer broke off after {length} bytes of its body"
    ))
}

/// True if the connection ended and nothing else is wrong.
pub(super) fn is_plain_end(error: &hyper::Error) -> bool {
    cause::<io::Error>(error).is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof)
}

pub(super) fn too_long() -> Fault {
    let limit = BODY_LIMIT / (1024 * 1024);
    Fault::protocol(format!("the answer is longer than {limit} MiB"))
}

pub(super) fn no_location(status: u16) -> Fault {
    let detail = format!("status {status} has no `Location`");
    Fault::new(Reason::Redirect, detail)
}

/// The fault if its cause is this machine or TLS.
fn underneath(error: &hyper::Error) -> Option<Fault> {
    cause::<io::Error>(error)
        .and_then(local_shortage)
        .or_else(|| tls::later_failure(error))
}

/// For HTTP/2 the source of the error explains it.
fn chain(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
