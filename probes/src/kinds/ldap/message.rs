//! The messages of LDAP that a probe needs, in the encoding of RFC 4511 §5.1. Texts of the server are never shown.

use super::ber::{BOOLEAN, ENUMERATED, INTEGER, NOT_LDAP, OCTETS, SEQUENCE, field, length, split};

/// The end of a connection (RFC 4511 §4.3).
pub(super) const UNBIND: [u8; 7] = [0x30, 5, 2, 1, 3, 0x42, 0];

const NAMING_CONTEXTS: &[u8] = b"namingContexts";

/// An answer of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Bound {
        code: u8,
    },
    Entry {
        naming_contexts: Vec<String>,
    },
    Done {
        code: u8,
    },
    /// The server ends the connection (RFC 4511 §4.4.1).
    Disconnects {
        code: u8,
    },
    Other,
}

/// A simple bind of version 3 (§4.2); anonymous, if both texts are empty.
pub(super) fn bind(user: &str, password: &str) -> Vec<u8> {
    let fields = [
        field(INTEGER, &[3]),
        field(OCTETS, user.as_bytes()),
        field(0x80, password.as_bytes()),
    ];
    message(1, 0x60, &fields.concat())
}

/// A search for the root entry: its base is empty and its scope is the entry itself (§4.5.1).
pub(super) fn read_root() -> Vec<u8> {
    let fields = [
        field(OCTETS, b""),
        field(ENUMERATED, &[0]),
        field(ENUMERATED, &[0]),
        field(INTEGER, &[1]),
        field(INTEGER, &[0]),
        field(BOOLEAN, &[0]),
        // Every entry has this attribute.
        field(0x87, b"objectClass"),
        field(SEQUENCE, &field(OCTETS, NAMING_CONTEXTS)),
    ];
    message(2, 0x63, &fields.concat())
}

fn message(id: u8, operation: u8, fields: &[u8]) -> Vec<u8> {
    field(
        SEQUENCE,
        &[field(INTEGER, &[id]), field(operation, fields)].concat(),
    )
}

/// Takes a whole message out of what was received. An error says why it cannot be one.
pub(super) fn take(received: &mut Vec<u8>) -> Result<Option<Answer>, &'static str> {
    match received.first() {
        None => return Ok(None),
        Some(&SEQUENCE) => {}
        Some(_) => return Err(NOT_LDAP),
    }
    let Some((start, length)) = length(&received[1..])? else {
        return Ok(None);
    };
    let (start, end) = (1 + start, 1 + start + length);
    if received.len() < end {
        return Ok(None);
    }
    let answer = answer(&received[start..end]).ok_or(NOT_LDAP)?;
    received.drain(..end);
    Ok(Some(answer))
}

fn answer(content: &[u8]) -> Option<Answer> {
    let (id, rest) = split(content, INTEGER)?;
    let tag = *rest.first()?;
    let (operation, _) = split(rest, tag)?;
    let code = || match split(operation, ENUMERATED)?.0 {
        [code] => Some(*code),
        _ => None,
    };
    Some(match (tag, id) {
        (0x61, [1]) => Answer::Bound { code: code()? },
        (0x64, [2]) => Answer::Entry {
            naming_contexts: naming_contexts(operation)?,
        },
        (0x65, [2]) => Answer::Done { code: code()? },
        (0x78, [0]) => Answer::Disconnects { code: code()? },
        _ => Answer::Other,
    })
}

/// The values of that attribute in an entry (§4.5.2).
fn naming_contexts(entry: &[u8]) -> Option<Vec<String>> {
    let (_, rest) = split(entry, OCTETS)?;
    let (mut attributes, _) = split(rest, SEQUENCE)?;
    let mut found = Vec::new();
    while !attributes.is_empty() {
        let (attribute, rest) = split(attributes, SEQUENCE)?;
        attributes = rest;
        let (name, values) = split(attribute, OCTETS)?;
        if !name.eq_ignore_ascii_case(NAMING_CONTEXTS) {
            continue;
        }
        let (mut values, _) = split(values, 0x31)?;
        while !values.is_empty() {
            let (value, rest) = split(values, OCTETS)?;
            values = rest;
            found.push(String::from_utf8_lossy(value).into_owned());
        }
    }
    Some(found)
}

/// A result code in words (RFC 4511, appendix A.2).
pub(super) fn result(code: u8) -> String {
    let words = match code {
        1 => "operations error",
        2 => "protocol error",
        8 => "the server wants TLS or a stronger way to sign in",
        13 => "the server wants TLS",
        48 => "the server takes no such bind",
        49 => "the user or the password is wrong",
        50 => "insufficient rights",
        51 => "the server is busy",
        52 => "the server is not available",
        53 => "the server is unwilling",
        _ => return format!("result code {code}"),
    };
    format!("{words} (result code {code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_the_standard() {
        assert_eq!(
            bind("", ""),
            [0x30, 12, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0]
        );
        let root = read_root();
        assert_eq!(root[..7], [0x30, 53, 2, 1, 2, 0x63, 48]);
        assert!(root.ends_with(b"\x30\x10\x04\x0enamingContexts"));
        // A long name takes more bytes for its length.
        assert!(bind(&"x".repeat(300), "y").starts_with(&[0x30, 0x84, 0, 0]));
    }

    #[test]
    fn answers_are_read_piece_by_piece() {
        let entry = b"\x30\x30\x02\x01\x02\x64\x2b\x04\x00\x30\x27\x30\x25\x04\x0enamingContexts\x31\x13\x04\x11dc=example,dc=org";
        let mut received = Vec::new();
        for byte in &entry[..entry.len() - 1] {
            received.push(*byte);
            assert_eq!(take(&mut received), Ok(None));
        }
        received.push(entry[entry.len() - 1]);
        received.extend([0x30, 12, 2, 1, 2, 0x65, 7, 10, 1, 0, 4, 0, 4, 0]);
        let contexts = vec!["dc=example,dc=org".to_owned()];
        assert_eq!(
            take(&mut received),
            Ok(Some(Answer::Entry {
                naming_contexts: contexts
            }))
        );
        assert_eq!(take(&mut received), Ok(Some(Answer::Done { code: 0 })));
        assert!(received.is_empty());
    }

    #[test]
    fn something_else_is_refused_at_once() {
        for bytes in [
            &b"HTTP/1.1"[..],
            &[0x30, 0x80],
            &[0x30, 0x85, 1, 1, 1, 1, 1],
            &[0x30, 2, 4, 0],
            &[0x30, 5, 2, 1, 1, 0x61, 9],
        ] {
            assert_eq!(take(&mut bytes.to_vec()), Err(NOT_LDAP), "{bytes:?}");
        }
        let long = [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff];
        assert!(take(&mut long.to_vec()).is_err());
    }
}
