//! The fault of a run: a reason from the closed set, and one line for people. It must never hold a
//! response body, a query string or a credential.

use std::error::Error;
use std::io;

use domain::sample::Reason;

/// The longest detail, in characters.
pub const DETAIL_LIMIT: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
    /// The target answers, but is impaired.
    pub(crate) is_degraded: bool,
}

impl Fault {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Fault {
            reason,
            detail: detail.into(),
            is_degraded: false,
        }
    }

    pub(crate) fn degraded(reason: Reason, detail: impl Into<String>) -> Self {
        Fault {
            is_degraded: true,
            ..Fault::new(reason, detail)
        }
    }

    pub(crate) fn protocol(detail: impl Into<String>) -> Self {
        Fault::new(Reason::Protocol, detail)
    }

    /// The monitor itself failed: the run says nothing about its target.
    pub(crate) fn monitor(detail: impl Into<String>) -> Self {
        Fault::new(Reason::Monitor, detail)
    }
}

/// One line of at most [`DETAIL_LIMIT`] characters. A character that breaks a line, controls a
/// terminal or changes the reading direction becomes a space. A longer text ends in `…`.
pub(crate) fn one_line(text: &str) -> String {
    let clean = |c: char| match c {
        c if c.is_control() => ' ',
        '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        c => c,
    };
    let mut chars = text.chars().map(clean);
    let mut line: String = chars.by_ref().take(DETAIL_LIMIT).collect();
    if chars.next().is_some() {
        line.pop();
        line.push('…');
    }
    line
}

// `io::ErrorKind` has no names for these. The numbers are those of Linux.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOBUFS: i32 = 105;

/// The fault if this machine lacks file descriptors, memory or ports.
pub(crate) fn local_shortage(error: &io::Error) -> Option<Fault> {
    let what = match (error.raw_os_error(), error.kind()) {
        (Some(EMFILE), _) => "this process has no file descriptor left",
        (Some(ENFILE), _) => "this machine has no file descriptor left",
        (Some(ENOBUFS), _) => "this machine has no buffer left",
        (_, io::ErrorKind::OutOfMemory) => "this machine has no memory left",
        (_, io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse) => {
            "this machine has no local address or port left"
        }
        _ => return None,
    };
    Some(Fault::monitor(what))
}

/// The first error of type `T` in a chain of causes. Also looks inside `io::Error`, whose wrapped
/// error is not its `source`.
pub(crate) fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    // Bounded: a chain may refer to itself.
    for _ in 0..16 {
        let here = next?;
        if let Some(found) = here.downcast_ref::<T>() {
            return Some(found);
        }
        next = match here
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => here.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_one_line_of_at_most_200_characters() {
        let long = "é\r\nx\u{1b}[31m\u{202e}".repeat(100);
        let line = one_line(&long);
        assert_eq!(line.chars().count(), DETAIL_LIMIT);
        assert!(line.ends_with('…'));
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'));
        assert_eq!(one_line(&"a".repeat(200)), "a".repeat(200));
    }

    #[test]
    fn a_shortage_of_local_resources_is_a_monitor_fault() {
        for errno in [12, 23, 24, 98, 99, 105] {
            let fault = local_shortage(&io::Error::from_raw_os_error(errno)).unwrap();
            assert_eq!(fault.reason, Reason::Monitor, "errno {errno}");
        }
        for errno in [104, 110, 111, 113] {
            let lack = local_shortage(&io::Error::from_raw_os_error(errno));
            assert_eq!(lack, None, "errno {errno}");
        }
    }
}
