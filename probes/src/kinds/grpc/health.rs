//! The messages of `grpc.health.v1` (grpc-proto, `health.proto`) and their framing.

use crate::fault::Fault;

/// The health of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Unknown,
    Serving,
    NotServing,
    ServiceUnknown,
}

impl Health {
    pub(super) fn word(self) -> &'static str {
        match self {
            Health::Unknown => "UNKNOWN",
            Health::Serving => "SERVING",
            Health::NotServing => "NOT_SERVING",
            Health::ServiceUnknown => "SERVICE_UNKNOWN",
        }
    }
}

/// A framed `HealthCheckRequest`: field 1 is the service.
pub(super) fn request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        varint(service.len(), &mut message);
        message.extend_from_slice(service.as_bytes());
    }
    // Not compressed; the length.
    let mut framed = vec![0];
    framed.extend_from_slice(
        &u32::try_from(message.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    framed.extend(message);
    framed
}

fn varint(mut number: usize, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

/// The health in a framed `HealthCheckResponse`: field 1 is an enum. Other fields are skipped.
pub(super) fn answer(framed: &[u8]) -> Result<Health, Fault> {
    let malformed = || Fault::protocol("the answer is not the health of a service");
    let [compressed, a, b, c, d, message @ ..] = framed else {
        return Err(malformed());
    };
    let length = u32::from_be_bytes([*a, *b, *c, *d]);
    if *compressed != 0 || usize::try_from(length) != Ok(message.len()) {
        return Err(malformed());
    }
    let mut rest = message;
    // A field that is left out is 0.
    let mut health = Health::Unknown;
    while !rest.is_empty() {
        let key = number(&mut rest).ok_or_else(malformed)?;
        let value = match key & 7 {
            0 => number(&mut rest),
            1 => skip(&mut rest, 8),
            2 => number(&mut rest).and_then(|length| skip(&mut rest, length)),
            5 => skip(&mut rest, 4),
            _ => None,
        };
        let value = value.ok_or_else(malformed)?;
        if key == 0x08 {
            health = match value {
                0 => Health::Unknown,
                1 => Health::Serving,
                2 => Health::NotServing,
                3 => Health::ServiceUnknown,
                _ => return Err(malformed()),
            };
        }
    }
    Ok(health)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn skip(rest: &mut &[u8], length: u64) -> Option<u64> {
    *rest = rest.get(usize::try_from(length).ok()?..)?;
    Some(0)
}

/// The name of a status code, and what it means for a check of health.
pub(super) fn status(code: u8) -> String {
    let name = match code {
        1 => "CANCELLED",
        2 => "UNKNOWN",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND: the server does not know this service",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED: the server has no health service",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => "of another number",
    };
    format!("{code} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_framed_and_read() {
        assert_eq!(request(""), [0, 0, 0, 0, 0]);
        assert_eq!(request("ab"), [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
        assert_eq!(request(&"x".repeat(200))[5..8], [0x0a, 0xc8, 1]);
        for (message, health) in [
            (&[][..], Health::Unknown),
            (&[8, 1], Health::Serving),
            (&[8, 2], Health::NotServing),
            (&[8, 3], Health::ServiceUnknown),
            // A field that this version does not know.
            (&[0x12, 2, 8, 2, 8, 1], Health::Serving),
        ] {
            let length = u8::try_from(message.len()).unwrap();
            let framed = [&[0, 0, 0, 0, length], message].concat();
            assert_eq!(answer(&framed).unwrap(), health, "{message:?}");
        }
        for bad in [
            &[][..],
            &[0, 0, 0, 0, 1],
            &[1, 0, 0, 0, 2, 8, 1],
            &[0, 0, 0, 0, 2, 8, 9],
            &[0, 0, 0, 0, 2, 8, 0x81],
            &[0, 0, 0, 0, 1, 8],
            &[0, 0, 0, 0, 3, 0x12, 9, 8],
            &[0, 0, 0, 0, 1, 0x0b],
            &[0, 0, 0, 0, 2, 8, 1, 0],
        ] {
            assert!(answer(bad).is_err(), "{bad:?}");
        }
    }
}
