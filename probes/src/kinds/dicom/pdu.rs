//! The protocol data units of the upper layer (PS3.8 §9.3) that a verification needs.

use tokio::io::AsyncReadExt;

use crate::endpoint::{Stream, broken, closed};
use crate::fault::Fault;
use crate::trace::Trace;

/// The most bytes of a unit, which the association agrees on.
const LIMIT: u32 = 16 * 1024;

/// The only presentation context.
const CONTEXT: u8 = 1;

const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
pub(super) const VERIFICATION: &str = "1.2.840.10008.1.1";
const IMPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2";

/// Made once of a random UUID (PS3.5 §B.2).
const IMPLEMENTATION: &str = "2.25.218407120365093724316851209443752180197";

/// A unit that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pdu {
    /// With the result of the presentation context.
    Accepted {
        result: u8,
    },
    Rejected(Rejection),
    /// A part of a command.
    Data {
        command: Vec<u8>,
        is_last: bool,
    },
    ReleaseAsked,
    Released,
    Aborted {
        by_provider: bool,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rejection {
    is_transient: bool,
    source: u8,
    reason: u8,
}

impl Rejection {
    /// PS3.8 table 9-21.
    pub(super) fn in_words(&self, called: &str, calling: &str) -> String {
        let why = match (self.source, self.reason) {
            (1, 3) => format!("it does not know the calling title {calling}: register it there"),
            (1, 7) => format!("it does not know the called title {called}"),
            (1, 2) => "it does not know the application context".to_owned(),
            (2, 2) => "it speaks another version of the protocol".to_owned(),
            (3, 1) => "it is congested".to_owned(),
            (3, 2) => "it has as many associations as it allows".to_owned(),
            _ => "it gives no reason".to_owned(),
        };
        let duration = if self.is_transient {
            "for now"
        } else {
            "for good"
        };
        format!("{why} ({duration})")
    }
}

impl Pdu {
    /// The fault of a unit in place of `wanted`.
    pub(super) fn unexpected(&self, wanted: &str) -> Fault {
        let detail = match self {
            Pdu::Aborted { by_provider: true } => {
                "the entity aborted the association: it found a mistake in the protocol".to_owned()
            }
            Pdu::Aborted { by_provider: false } => "the entity aborted the association".to_owned(),
            Pdu::ReleaseAsked => format!("the entity released the association before {wanted}"),
            _ => format!("the entity sent something else than {wanted}"),
        };
        Fault::protocol(detail)
    }

    /// A unit of this kind with this content. The error says what is wrong with it.
    pub(super) fn parse(kind: u8, content: &[u8]) -> Result<Self, &'static str> {
        match kind {
            0x02 => {
                // Version, titles and reserved bytes come first.
                let items = content.get(68..).ok_or("it is too short")?;
                let accepted = items_of(items, 0x21)?;
                let result = match accepted {
                    Some([CONTEXT, _, result, ..]) => *result,
                    _ => return Err("it has no result for the presentation context"),
                };
                Ok(Pdu::Accepted { result })
            }
            0x03 => match content {
                [_, result, source, reason, ..] => Ok(Pdu::Rejected(Rejection {
                    is_transient: *result == 2,
                    source: *source,
                    reason: *reason,
                })),
                _ => Err("it is too short"),
            },
            0x04 => data_of(content),
            0x05 => Ok(Pdu::ReleaseAsked),
            0x06 => Ok(Pdu::Released),
            0x07 => match content {
                [_, _, source, ..] => Ok(Pdu::Aborted {
                    by_provider: *source == 2,
                }),
                _ => Err("it is too short"),
            },
            _ => Err("its kind is not expected"),
        }
    }
}

/// The content of the first item of a kind.
fn items_of(mut items: &[u8], wanted: u8) -> Result<Option<&[u8]>, &'static str> {
    while let [kind, _, high, low, rest @ ..] = items {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (content, after) = rest.split_at_checked(length).ok_or("an item is cut off")?;
        if *kind == wanted {
            return Ok(Some(content));
        }
        items = after;
    }
    match items {
        [] => Ok(None),
        _ => Err("an item is cut off"),
    }
}

/// Joins the parts of a command in one unit.
fn data_of(mut content: &[u8]) -> Result<Pdu, &'static str> {
    let mut command = Vec::new();
    let mut is_last = false;
    while let [a, b, c, d, rest @ ..] = content {
        let length = u32::from_be_bytes([*a, *b, *c, *d]);
        let length = usize::try_from(length).map_err(|_| "a value is cut off")?;
        let (value, after) = rest.split_at_checked(length).ok_or("a value is cut off")?;
        match value {
            [CONTEXT, header, part @ ..] if header & 1 == 1 => {
                command.extend_from_slice(part);
                is_last |= header & 2 == 2;
            }
            _ => return Err("it holds no command of this association"),
        }
        content = after;
    }
    match content {
        [] => Ok(Pdu::Data { command, is_last }),
        _ => Err("a value is cut off"),
    }
}

/// Reads a unit.
pub(super) async fn read(stream: &mut Stream, trace: &mut Trace<'_>) -> Result<Pdu, Fault> {
    let mut head = [0; 6];
    fill(stream, &mut head, false, trace).await?;
    let [kind, _, length @ ..] = head;
    let length = u32::from_be_bytes(length);
    if !(1..=7).contains(&kind) {
        return Err(Fault::protocol("the answer is not DICOM"));
    }
    if length > LIMIT + 6 {
        let limit = LIMIT / 1024;
        return Err(Fault::protocol(format!(
            "a unit of the answer is longer than {limit} KiB"
        )));
    }
    let mut content = vec![0; usize::try_from(length).unwrap_or_default()];
    fill(stream, &mut content, true, trace).await?;
    Pdu::parse(kind, &content)
        .map_err(|why| Fault::protocol(format!("a unit of the answer is malformed: {why}")))
}

/// Reads as many bytes as fit. `within`: in the middle of a unit.
async fn fill(
    stream: &mut Stream,
    bytes: &mut [u8],
    within: bool,
    trace: &mut Trace<'_>,
) -> Result<(), Fault> {
    let mut filled = 0;
    while filled < bytes.len() {
        let has_begun = within || filled > 0;
        let read = stream.read(&mut bytes[filled..]).await;
        let length = match read {
            // Many entities end TLS without a close alert.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            read => read.map_err(|error| broken(&error, has_begun))?,
        };
        if length == 0 {
            return Err(closed(has_begun));
        }
        trace.first_byte.stamp();
        trace.answered();
        filled += length;
    }
    Ok(())
}

fn unit(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut unit = vec![kind, 0];
    unit.extend_from_slice(&length.to_be_bytes());
    unit.extend_from_slice(content);
    unit
}

fn item(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let mut item = vec![kind, 0];
    item.extend_from_slice(&length.to_be_bytes());
    item.extend_from_slice(content);
    item
}

/// A-ASSOCIATE-RQ for verification.
pub(super) fn associate(called: &str, calling: &str) -> Vec<u8> {
    let mut content = vec![0, 1, 0, 0];
    for title in [called, calling] {
        content.extend_from_slice(format!("{title:<16}").as_bytes());
    }
    content.extend_from_slice(&[0; 32]);
    content.extend(item(0x10, APPLICATION_CONTEXT.as_bytes()));
    let mut context = vec![CONTEXT, 0, 0, 0];
    context.extend(item(0x30, VERIFICATION.as_bytes()));
    context.extend(item(0x40, IMPLICIT_LITTLE_ENDIAN.as_bytes()));
    content.extend(item(0x20, &context));
    let mut user = item(0x51, &LIMIT.to_be_bytes());
    user.extend(item(0x52, IMPLEMENTATION.as_bytes()));
    user.extend(item(0x55, b"NINES"));
    content.extend(item(0x50, &user));
    unit(0x01, &content)
}

/// P-DATA-TF with a whole command.
pub(super) fn data(command: &[u8]) -> Vec<u8> {
    let length = u32::try_from(command.len() + 2).unwrap_or(u32::MAX);
    let mut content = length.to_be_bytes().to_vec();
    content.extend_from_slice(&[CONTEXT, 3]);
    content.extend_from_slice(command);
    unit(0x04, &content)
}

/// A-RELEASE-RQ.
pub(super) fn release() -> Vec<u8> {
    unit(0x05, &[0; 4])
}

/// The result of a presentation context (PS3.8 table 9-18).
pub(super) fn context(result: u8) -> &'static str {
    match result {
        3 => "it does not know the service",
        4 => "it does not know the transfer syntax",
        _ => "it refuses the service",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_as_it_is_written() {
        let sent = data(b"command");
        assert_eq!(
            Pdu::parse(sent[0], &sent[6..]),
            Ok(Pdu::Data {
                command: b"command".to_vec(),
                is_last: true
            })
        );
        let asked = associate("ARCHIVE", "NINES");
        assert_eq!(
            usize::from(asked[5]) + usize::from(asked[4]) * 256,
            asked.len() - 6
        );
        assert_eq!(&asked[10..42], b"ARCHIVE         NINES           ");
        // The same layout, with the result in place of the syntaxes.
        let mut content = asked[6..74].to_vec();
        content.extend(item(0x10, b"1.2"));
        content.extend(item(0x21, &[1, 0, 3, 0]));
        assert_eq!(Pdu::parse(2, &content), Ok(Pdu::Accepted { result: 3 }));
    }

    #[test]
    fn no_content_is_too_broken() {
        for kind in 0..=8 {
            for length in 0..90 {
                for byte in [0, 1, 2, 0x21, 0xff] {
                    let _ = Pdu::parse(kind, &vec![byte; length]);
                }
            }
        }
        assert!(Pdu::parse(4, &[0, 0, 0, 9, 1, 3]).is_err());
        assert!(Pdu::parse(2, &[0; 68]).is_err());
    }
}
