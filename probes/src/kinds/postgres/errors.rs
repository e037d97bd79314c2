//! The faults of a session. The server's own message is left out: it may quote a row.

use std::io;

use domain::sample::Reason;
use tokio_postgres::Error;

use super::limited::TooLong;
use crate::endpoint::{broken, closed};
use crate::fault::{Fault, cause};

/// `begun`: part of an answer has arrived.
pub(super) fn fault(error: &Error, begun: bool) -> Fault {
    if cause::<TooLong>(error).is_some() {
        return Fault::protocol(TooLong.to_string());
    }
    if let Some(state) = error.code() {
        return of_state(state.code());
    }
    match cause::<io::Error>(error) {
        Some(io) if io.kind() == io::ErrorKind::UnexpectedEof => closed(false),
        Some(io)
            if matches!(
                io.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
            ) =>
        {
            Fault::protocol("the answer is not PostgreSQL")
        }
        Some(io) => broken(io, begun),
        None if error.is_closed() => closed(false),
        // The library's own words, without any of the server's.
        None => Fault::protocol(format!("no session: {error}")),
    }
}

/// An error by its code (PostgreSQL, appendix A).
fn of_state(state: &str) -> Fault {
    let (reason, words) = match state {
        "28P01" | "28000" => (
            Reason::Status,
            "the server refuses this user, or its password or address",
        ),
        "3D000" => (Reason::Status, "the server has no such database"),
        "53300" => (Reason::Status, "the server has no connection left"),
        "57P01" | "57P02" | "57P03" => (Reason::Status, "the server is starting or stopping"),
        "57014" => (
            Reason::Timeout,
            "the server stopped the query after the timeout",
        ),
        "25006" => (Reason::Status, "the query writes, which a probe may not"),
        "42501" => (Reason::Status, "the user may not read this"),
        "42P01" => (
            Reason::Status,
            "the query names a table that does not exist",
        ),
        _ => (Reason::Status, "the server reports an error"),
    };
    let is_code = state.len() == 5 && state.bytes().all(|b| b.is_ascii_alphanumeric());
    let state = if is_code { state } else { "unknown" };
    Fault::new(reason, format!("{words} (SQLSTATE {state})"))
}
