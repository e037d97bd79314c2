//! What went wrong in an exchange, in the closed set's reasons and words for people. It must never
//! repeat what the peer sent.

use std::io;

use domain::sample::Reason;

use crate::fault::{Fault, cause, own_lack};
use crate::kinds::http::{BODY_LIMIT, HEAD_LIMIT};
use crate::tls;

/// Before the head was whole; `begun` if some of it had come.
pub(super) fn before(error: &hyper::Error, begun: bool) -> Fault {
    if let Some(fault) = underneath(error) {
        return fault;
    }
    if error.is_parse_too_large() {
        let limit = HEAD_LIMIT / 1024;
        return Fault::protocol(format!("the head of the answer is longer than {limit} KiB"));
    }
    if error.is_parse() {
        return Fault::protocol("the answer is not HTTP");
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

/// After the head, with `length` bytes of the body received.
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

/// The connection ended, and nothing else is wrong.
pub(super) fn is_mere_end(error: &hyper::Error) -> bool {
    cause::<io::Error>(error).is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof)
}

pub(super) fn too_long() -> Fault {
    let limit = BODY_LIMIT / (1024 * 1024);
    Fault::protocol(format!("the answer is longer than {limit} MiB"))
}

/// A redirect without a `Location`.
pub(super) fn nowhere(status: u16) -> Fault {
    let detail = format!("status {status} says not where to go");
    Fault::new(Reason::Redirect, detail)
}

/// What is not HTTP's fault: the monitor's own, or TLS's.
fn underneath(error: &hyper::Error) -> Option<Fault> {
    cause::<io::Error>(error)
        .and_then(own_lack)
        .or_else(|| tls::later_failure(error))
}

/// HTTP/2 explains itself one level down.
fn chain(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
