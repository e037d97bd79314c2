//! Echo requests, and the answers to them. Pure: a test needs no socket.

use std::sync::atomic::{AtomicU64, Ordering};

const HEADER: usize = 8;

/// The length of the data, as of common programs.
const DATA: usize = 56;

/// The echoes of one run.
#[derive(Debug)]
pub(super) struct Echo {
    is_v6: bool,
    is_raw: bool,
    /// Tells the answers to this run from those to others, which a raw socket also sees.
    mark: [u8; 8],
    number: u16,
}

impl Echo {
    pub(super) fn new(is_v6: bool, is_raw: bool) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mark = u64::from(std::process::id()) << 32 | (count & 0xffff_ffff);
        Self {
            is_v6,
            is_raw,
            mark: mark.to_be_bytes(),
            number: 0,
        }
    }

    /// The number of the last request.
    pub(super) fn number(&self) -> u16 {
        self.number
    }

    pub(super) fn next_request(&mut self) -> Vec<u8> {
        self.number += 1;
        let mut packet = vec![if self.is_v6 { 128 } else { 8 }, 0, 0, 0];
        // The kernel replaces the identifier of an unprivileged socket.
        packet.extend_from_slice(&self.mark[6..]);
        packet.extend_from_slice(&self.number.to_be_bytes());
        packet.extend_from_slice(&self.mark);
        packet.resize(HEADER + DATA, b'n');
        if !self.is_v6 {
            let sum = checksum(&packet).to_be_bytes();
            packet[2..4].copy_from_slice(&sum);
        }
        packet
    }

    /// The number of the request of this run that a packet answers.
    pub(super) fn answers(&self, packet: &[u8]) -> Option<u16> {
        let message = match packet.first() {
            // A raw socket gives the head of IPv4, too.
            Some(first) if self.is_raw && !self.is_v6 => {
                packet.get(usize::from(first & 0x0f) * 4..)?
            }
            _ => packet,
        };
        let kind = if self.is_v6 { 129 } else { 0 };
        let [own, 0, _, _, _, _, high, low, data @ ..] = message else {
            return None;
        };
        let number = u16::from_be_bytes([*high, *low]);
        let is_ours = *own == kind && data.starts_with(&self.mark);
        (is_ours && (1..=self.number).contains(&number)).then_some(number)
    }
}

/// The checksum of the internet (RFC 1071).
fn checksum(packet: &[u8]) -> u16 {
    let words = packet.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer to a request, as the kernel makes it.
    fn answer(request: &[u8], kind: u8) -> Vec<u8> {
        let mut answer = request.to_vec();
        answer[0] = kind;
        answer
    }

    #[test]
    fn only_answers_to_this_run_count() {
        for (is_v6, kind) in [(false, 0), (true, 129)] {
            let mut echo = Echo::new(is_v6, false);
            let mut other = Echo::new(is_v6, false);
            let first = echo.next_request();
            echo.next_request();
            assert_eq!(echo.answers(&answer(&first, kind)), Some(1));
            assert_eq!(echo.answers(&first), None, "our own request");
            assert_eq!(echo.answers(&answer(&other.next_request(), kind)), None);
            let mut later = answer(&first, kind);
            later[7] = 9;
            assert_eq!(echo.answers(&later), None, "a number that was not sent");
            for length in 0..16 {
                assert_eq!(
                    echo.answers(&answer(&first, kind)[..length]),
                    None,
                    "{length}"
                );
            }
            // Destination unreachable quotes the request.
            assert_eq!(echo.answers(&answer(&first, 3)), None);
        }
    }

    #[test]
    fn a_raw_socket_gives_the_head_of_ipv4_too() {
        let mut echo = Echo::new(false, true);
        let packet = answer(&echo.next_request(), 0);
        let head = [&[0x45][..], &[0; 19]].concat();
        assert_eq!(echo.answers(&[head, packet.clone()].concat()), Some(1));
        let longer = [&[0x46][..], &[0; 23]].concat();
        assert_eq!(echo.answers(&[longer, packet].concat()), Some(1));
        assert_eq!(echo.answers(&[0x4f]), None);
        assert_eq!(echo.answers(&[]), None);
    }

    #[test]
    fn the_checksum_of_a_packet_with_it_is_zero() {
        let packet = Echo::new(false, true).next_request();
        assert_eq!(checksum(&packet), 0);
        assert_eq!(packet.len(), 64);
        assert_eq!(checksum(&[1]), !0x0100);
    }
}
