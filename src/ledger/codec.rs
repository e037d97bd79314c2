//! The stored form of a fact: its kind, the version `v` of that kind's shape, and its content as JSON.
//!
//! A changed shape is a new `v`. It adds one line to [`UPCASTS`], which turns the old content into
//! the new one; the latest version of a kind follows from that table.

use domain::event::Fact;
use serde_json::Value;

use super::Error;

/// Turns the content of `kind` from version `v` into version `v + 1`.
struct Upcast {
    kind: &'static str,
    v: i64,
    raise: fn(Value) -> Value,
}

/// One entry for each shape that the ledger can hold and that is not the latest of its kind.
const UPCASTS: &[Upcast] = &[];

/// The version in which a fact of that kind is written.
pub(super) fn latest(kind: &str) -> i64 {
    latest_by(UPCASTS, kind)
}

fn latest_by(upcasts: &[Upcast], kind: &str) -> i64 {
    let raised = upcasts.iter().filter(|u| u.kind == kind).map(|u| u.v + 1);
    raised.max().unwrap_or(1)
}

/// The fact of that kind, version and content. The error says why it cannot be read.
pub(super) fn decode(kind: &str, v: i64, data: &str) -> Result<Fact, String> {
    decode_by(UPCASTS, kind, v, data)
}

fn decode_by(upcasts: &[Upcast], kind: &str, v: i64, data: &str) -> Result<Fact, String> {
    let latest = latest_by(upcasts, kind);
    if !(1..=latest).contains(&v) {
        return Err(format!("the latest version known here is {latest}"));
    }
    let read = |error: serde_json::Error| error.to_string();
    if v == latest {
        return join(kind, data).map_err(read);
    }
    let mut content: Value = serde_json::from_str(data).map_err(read)?;
    for v in v..latest {
        let upcast = upcasts.iter().find(|u| u.kind == kind && u.v == v);
        content = (upcast.ok_or("its version is unknown here")?.raise)(content);
    }
    join(kind, &content.to_string()).map_err(read)
}

/// The content of a fact without content.
const NOTHING: &str = "null";

const TAG: &str = "{\"kind\":\"";
const CONTENT: &str = "\",\"data\":";

/// The kind of a fact and its content as compact JSON, keys in the order of the type. It is cut out
/// of the text, since a tree of JSON values does not keep that order.
pub(super) fn encode(fact: &Fact) -> Result<(String, String), Error> {
    let text = serde_json::to_string(fact).map_err(|error| Error::Unstorable(error.to_string()))?;
    let cut = || -> Option<(String, String)> {
        let rest = text.strip_prefix(TAG)?.strip_suffix('}')?;
        // A kind is a word in kebab case, without quotes.
        match rest.split_once(CONTENT) {
            Some((kind, data)) if !kind.contains('"') => Some((kind.into(), data.into())),
            _ => Some((rest.strip_suffix('"')?.into(), NOTHING.into())),
        }
    };
    cut().ok_or_else(|| Error::Unstorable(format!("`{text}` has no kind")))
}

fn join(kind: &str, data: &str) -> Result<Fact, serde_json::Error> {
    let kind = serde_json::to_string(kind)?;
    serde_json::from_str(&if data == NOTHING {
        format!("{{\"kind\":{kind}}}")
    } else {
        format!("{{\"kind\":{kind},\"data\":{data}}}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the invented version 1 of `crashed`, `alive_until` was called `since`; in version 2
    /// it was called `start`.
    const OLDER: &[Upcast] = &[
        Upcast {
            kind: "crashed",
            v: 2,
            raise: |content| renamed(content, "start", "alive_until"),
        },
        Upcast {
            kind: "crashed",
            v: 1,
            raise: |content| renamed(content, "since", "start"),
        },
    ];

    fn renamed(mut content: Value, old: &str, new: &str) -> Value {
        content[new] = content[old].take();
        content.as_object_mut().unwrap().remove(old);
        content
    }

    fn read(v: i64, key: &str) -> Result<Fact, String> {
        let data = format!("{{\"{key}\":\"2026-11-01T06:00:00Z\"}}");
        decode_by(OLDER, "crashed", v, &data)
    }

    #[test]
    fn an_older_version_is_read_as_the_latest() {
        let latest = read(3, "alive_until").unwrap();
        assert!(matches!(latest, Fact::Crashed { .. }));
        assert_eq!(read(1, "since"), Ok(latest.clone()));
        assert_eq!(read(2, "start"), Ok(latest));
        // Each version is read by its own shape only.
        assert!(read(1, "alive_until").is_err());
        assert!(read(3, "since").is_err());
        assert_eq!(latest_by(OLDER, "crashed"), 3);
        assert_eq!(latest_by(OLDER, "stopped"), 1);
    }

    #[test]
    fn an_unknown_version_or_kind_is_refused() {
        for v in [0, 4] {
            let why = read(v, "alive_until").unwrap_err();
            assert_eq!(why, "the latest version known here is 3");
        }
        assert!(decode("stopped", 1, "null").is_ok());
        assert!(decode("stopped", 2, "null").is_err());
        let why = decode("rained", 1, "null").unwrap_err();
        assert!(why.starts_with("unknown variant `rained`"), "{why}");
    }
}
