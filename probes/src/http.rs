//! HTTP: a fresh connection each time, each phase timed on its own.

use std::path::PathBuf;
use std::time::Duration;

/// What to ask and what to expect. Secrets in here are never printed: `Debug` leaves them out.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// `http://` or `https://`, without user information.
    pub url: String,
    /// `GET` unless named.
    pub method: Option<String>,
    /// Request headers, in order.
    pub headers: Vec<(String, String)>,
    /// Request body.
    pub body: Option<String>,
    /// The whole run, redirects included.
    pub timeout: Duration,
    /// Hops allowed; 0 takes a redirect as the answer.
    pub redirects: u8,
    /// More certificate authorities than the system's (PEM).
    pub ca_file: Option<PathBuf>,
    /// What to expect.
    pub expect: Expect,
}

/// What makes an answer `up`; every field that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Allowed statuses; empty allows 200 to 299.
    pub status: Vec<u16>,
    /// Text that the body must contain.
    pub body_contains: Option<String>,
    /// Text that the body must not contain.
    pub body_lacks: Option<String>,
    /// A regular expression that the body must match.
    pub body_matches: Option<String>,
    /// JSON pointers (RFC 6901) into the body and the value each must have; `None` only asks for presence.
    pub json: Vec<(String, Option<String>)>,
    /// Headers that must be present, with the text each must contain.
    pub headers: Vec<(String, String)>,
    /// Slower than this is degraded.
    pub degraded_after: Option<Duration>,
    /// A certificate that ends within so many days is degraded.
    pub certificate_days: Option<u32>,
}
