//! TCP: a connection is accepted.

use std::time::Duration;

/// What to connect to.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The whole run.
    pub timeout: Duration,
    /// Slower than this is degraded.
    pub degraded_after: Option<Duration>,
}
