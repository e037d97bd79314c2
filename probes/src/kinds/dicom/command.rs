//! The command C-ECHO and its answer (PS3.7 §9.3.5), in implicit VR little endian.

use super::pdu::VERIFICATION;
use crate::fault::Fault;

/// The most bytes of an answer.
pub(super) const LIMIT: usize = 16 * 1024;

/// The elements of group 0000.
const GROUP_LENGTH: u16 = 0x0000;
const SOP_CLASS: u16 = 0x0002;
const FIELD: u16 = 0x0100;
const MESSAGE_ID: u16 = 0x0110;
const ANSWERED_ID: u16 = 0x0120;
const DATA_SET: u16 = 0x0800;
const STATUS: u16 = 0x0900;

const ECHO: u16 = 0x0030;
const ECHO_ANSWER: u16 = 0x8030;
const NO_DATA_SET: u16 = 0x0101;

/// An association has one message.
const ID: u16 = 1;

fn element(number: u16, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    let mut element = vec![0, 0];
    element.extend_from_slice(&number.to_le_bytes());
    element.extend_from_slice(&length.to_le_bytes());
    element.extend_from_slice(value);
    element
}

/// C-ECHO-RQ.
pub(super) fn echo() -> Vec<u8> {
    // A value has an even length.
    let mut elements = element(SOP_CLASS, format!("{VERIFICATION}\0").as_bytes());
    for (number, value) in [(FIELD, ECHO), (MESSAGE_ID, ID), (DATA_SET, NO_DATA_SET)] {
        elements.extend(element(number, &value.to_le_bytes()));
    }
    let length = u32::try_from(elements.len()).unwrap_or(u32::MAX);
    let mut command = element(GROUP_LENGTH, &length.to_le_bytes());
    command.extend(elements);
    command
}

/// The status of a C-ECHO-RSP.
pub(super) fn status(answer: &[u8]) -> Result<u16, Fault> {
    let malformed = || Fault::protocol("the answer to C-ECHO is malformed");
    let (mut field, mut answered, mut status) = (None, None, None);
    let mut rest = answer;
    while !rest.is_empty() {
        let [g, h, e, f, a, b, c, d, after @ ..] = rest else {
            return Err(malformed());
        };
        let length = u32::from_le_bytes([*a, *b, *c, *d]);
        let length = usize::try_from(length).map_err(|_| malformed())?;
        let (value, after) = after.split_at_checked(length).ok_or_else(malformed)?;
        if let ([0, 0], [low, high]) = ([*g, *h], value) {
            let value = Some(u16::from_le_bytes([*low, *high]));
            match u16::from_le_bytes([*e, *f]) {
                FIELD => field = value,
                ANSWERED_ID => answered = value,
                STATUS => status = value,
                _ => {}
            }
        }
        rest = after;
    }
    if field != Some(ECHO_ANSWER) || answered != Some(ID) {
        return Err(Fault::protocol(
            "the entity answers another command than C-ECHO",
        ));
    }
    status.ok_or_else(malformed)
}

/// PS3.7 annex C.
pub(super) fn in_words(status: u16) -> String {
    let words = match status {
        0x0000 => return "success".to_owned(),
        0x0122 => "the service is not supported",
        0x0124 => "not authorised",
        0x0210 => "a message ID was used twice",
        0x0211 => "the command is not known",
        0x0212 => "the command is malformed",
        _ => "failure",
    };
    format!("{words} (status {status:04X}H)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(elements: &[(u16, &[u8])]) -> Vec<u8> {
        elements
            .iter()
            .flat_map(|(number, value)| element(*number, value))
            .collect()
    }

    #[test]
    fn an_answer_is_read() {
        let good: [(u16, &[u8]); 5] = [
            (GROUP_LENGTH, &[66, 0, 0, 0]),
            (SOP_CLASS, b"1.2.840.10008.1.1\0"),
            (FIELD, &[0x30, 0x80]),
            (ANSWERED_ID, &[1, 0]),
            (STATUS, &[0x22, 0x01]),
        ];
        assert_eq!(status(&answer(&good)).unwrap(), 0x0122);
        assert_eq!(
            in_words(0x0122),
            "the service is not supported (status 0122H)"
        );
        for left_out in 2..5 {
            let mut elements = good.to_vec();
            elements.remove(left_out);
            assert!(status(&answer(&elements)).is_err(), "{left_out}");
        }
        let whole = answer(&good);
        for length in 0..whole.len() {
            assert!(status(&whole[..length]).is_err(), "{length}");
        }
        // Our own command is no answer.
        assert!(status(&echo()).is_err());
        assert_eq!(echo().len(), 68);
    }
}
