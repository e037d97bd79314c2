//! The encoding of LDAP: fields of a tag, a length and a content (X.690, restricted by RFC 4511 §5.1).

// Tags of X.690.
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;

pub(super) const NOT_LDAP: &str = "the answer is not LDAP";

pub(super) fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 128 => field.push(length),
        _ => {
            // Four bytes hold every length that this process can have in memory here.
            let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
            field.push(0x84);
            field.extend(length.to_be_bytes());
        }
    }
    field.extend(content);
    field
}

/// The bytes that a length takes, and the length; `None` if more must arrive.
pub(super) fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, &'static str> {
    let Some(first) = bytes.first() else {
        return Ok(None);
    };
    let count = usize::from(first & 0x7f);
    match (first & 0x80, count) {
        (0, short) => Ok(Some((1, short))),
        (_, 1..=4) => {
            let Some(digits) = bytes.get(1..=count) else {
                return Ok(None);
            };
            let length = digits
                .iter()
                .fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
            match length <= super::LIMIT {
                true => Ok(Some((1 + count, length))),
                false => Err("the server announced an answer that is too long"),
            }
        }
        // An indefinite length is forbidden (§5.1).
        _ => Err(NOT_LDAP),
    }
}

/// The content of the first field if it has this tag, and the rest.
pub(super) fn split(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    if *bytes.first()? != tag {
        return None;
    }
    let (start, length) = length(&bytes[1..]).ok()??;
    let (start, end) = (1 + start, 1 + start + length);
    Some((bytes.get(start..end)?, &bytes[end..]))
}
