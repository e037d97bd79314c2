//! An event as one JSON object on one line: the form of `timeline.jsonl` and `nines events --json`.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Error, Stored, form};

/// A line with the keys that other programs read.
#[derive(Debug, Serialize)]
pub struct Line {
    seq: u64,
    at: Timestamp,
    recorded: Timestamp,
    kind: String,
    subject: String,
    by: String,
    data: Box<RawValue>,
    /// The event as a sentence, if the caller wants one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Line {
    /// A line without a sentence.
    ///
    /// # Errors
    /// The event cannot be written as JSON.
    pub fn of(stored: &Stored) -> Result<Self, Error> {
        let (kind, data) = form(&stored.event.fact)?;
        let data =
            RawValue::from_string(data).map_err(|error| Error::Unstorable(error.to_string()))?;
        Ok(Self {
            seq: stored.seq,
            at: stored.event.at,
            recorded: stored.recorded,
            kind,
            subject: stored.event.fact.subject(),
            by: stored.event.by.to_string(),
            data,
            text: None,
        })
    }
}
