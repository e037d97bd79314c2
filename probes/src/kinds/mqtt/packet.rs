//! The packets of MQTT 3.1.1 that begin and end a connection.

/// §3.14.
pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];

/// The protocol's name and level (§3.1.2.1, §3.1.2.2).
const PROTOCOL: &[u8] = b"\0\x04MQTT\x04";

/// The flags of CONNECT (§3.1.2.3).
const USER: u8 = 0b1000_0000;
const PASSWORD: u8 = 0b0100_0000;
const CLEAN_SESSION: u8 = 0b0000_0010;

/// CONNECT without a will and without keep-alive (§3.1).
pub(super) fn connect(client_id: &str, user: Option<&str>, password: Option<&str>) -> Vec<u8> {
    let mut flags = CLEAN_SESSION;
    let mut payload = Vec::new();
    text(client_id, &mut payload);
    for (value, flag) in [(user, USER), (password, PASSWORD)] {
        if let Some(value) = value {
            flags |= flag;
            text(value, &mut payload);
        }
    }
    let mut body = PROTOCOL.to_vec();
    body.extend([flags, 0, 0]);
    body.extend(payload);
    let mut packet = vec![0x10];
    length(body.len(), &mut packet);
    packet.extend(body);
    packet
}

/// A text with its length in two bytes (§1.5.3). A longer one is cut.
fn text(value: &str, packet: &mut Vec<u8>) {
    let mut end = value.len().min(usize::from(u16::MAX));
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    let value = &value.as_bytes()[..end];
    packet.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
    packet.extend(value);
}

/// The length of what follows, seven bits a byte (§2.2.3).
fn length(mut left: usize, packet: &mut Vec<u8>) {
    loop {
        let byte = u8::try_from(left % 128).unwrap_or(0);
        left /= 128;
        packet.push(if left > 0 { byte | 128 } else { byte });
        if left == 0 {
            return;
        }
    }
}

/// True if an answer that begins so can be CONNACK: its type, its length, the flag of a session (§3.2).
pub(super) fn may_be_connack(begun: &[u8]) -> bool {
    let wanted = [0x20, 2];
    begun
        .iter()
        .zip(wanted)
        .all(|(byte, wanted)| *byte == wanted)
        && begun.get(2).is_none_or(|flags| flags & !1 == 0)
}

/// The return codes of CONNACK (§3.2.2.3).
pub(super) fn refusal(code: u8) -> String {
    let words = match code {
        1 => "it does not speak MQTT 3.1.1",
        2 => "it does not take this client id",
        3 => "it is not available",
        4 => "the user or the password is wrong",
        5 => "the client may not connect",
        _ => return format!("return code {code}"),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_is_that_of_the_standard() {
        assert_eq!(
            connect("", None, None),
            [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 0]
        );
        assert_eq!(
            connect("n", Some("u"), Some("pw")),
            *b"\x10\x14\0\x04MQTT\x04\xc2\0\0\0\x01n\0\x01u\0\x02pw"
        );
    }

    #[test]
    fn a_length_takes_as_many_bytes_as_it_needs() {
        for (given, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (16_384, &[0x80, 0x80, 1]),
        ] {
            let mut packet = Vec::new();
            length(given, &mut packet);
            assert_eq!(packet, bytes);
        }
    }
}
