//! The faults of an exchange, with a reason from the closed set. It must never repeat what the peer
//! sent.

use std::io;

use domain::sample::Reason;

use crate::fault::{Fault, cause, local_shortage};
use crate::kinds::http::{BODY_LIMIT, HEAD_LIMIT};
use crate::tls;

/// A fault before the end of the head. `begun`: part of it has arrived.
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
