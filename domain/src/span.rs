//! Half-open spans of time `[from, to)`, as instants and as whole seconds.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `[from, to)` in exact instants. Empty when `from >= to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The first instant inside.
    pub from: Timestamp,
    /// The first instant no longer inside.
    pub to: Timestamp,
}

impl Span {
    /// `[from, to)`.
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to }
    }

    /// Whether `at` lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether nothing lies inside.
    pub fn is_empty(&self) -> bool {
        self.from >= self.to
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.from, self.to)
    }
}
