//! The packet of NTP (RFC 5905 §7.3): 48 bytes. Timestamps are seconds since 1900 in 32 bits, and a fraction in 32 bits.

use std::time::Duration;

use jiff::Timestamp;

/// The length of a packet without extensions.
pub(super) const LENGTH: usize = 48;

/// Seconds from 1900 to 1970.
const EPOCH: i64 = 2_208_988_800;

/// No leap second, version 4, mode 3 (a client).
const CLIENT: u8 = 0x23;

/// A time of NTP. It wraps each 136 years, so only differences mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(u64);

impl Time {
    pub(super) fn of(at: Timestamp) -> Self {
        let nanoseconds = at.as_nanosecond() + i128::from(EPOCH) * 1_000_000_000;
        let fixed = (nanoseconds << 32) / 1_000_000_000;
        // Wraps as the era does (RFC 5905 §6).
        Time(u64::try_from(fixed & i128::from(u64::MAX)).unwrap_or(0))
    }

    pub(super) fn plus(self, span: Duration) -> Self {
        let fixed = (span.as_nanos() << 32) / 1_000_000_000;
        Time(
            self.0
                .wrapping_add(u64::try_from(fixed).unwrap_or(u64::MAX)),
        )
    }

    /// Microseconds from `other` to this.
    fn since_us(self, other: Self) -> i64 {
        let fixed = i128::from(self.0.wrapping_sub(other.0).cast_signed());
        i64::try_from((fixed * 1_000_000) >> 32).unwrap_or(i64::MAX)
    }
}

/// The request. A server copies its time into the answer.
pub(super) fn request(sent: Time) -> [u8; LENGTH] {
    let mut packet = [0; LENGTH];
    packet[0] = CLIENT;
    packet[40..].copy_from_slice(&sent.0.to_be_bytes());
    packet
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// 1 is a server with a clock of its own.
    pub(super) stratum: u8,
    /// The server says that its clock is not synchronized.
    pub(super) is_unsynchronized: bool,
    /// The code of a refusal, as RATE (§7.4).
    pub(super) kiss_code: Option<String>,
    received: Time,
    sent: Time,
}

/// The server's answer to the request that was sent at `sent`. An error is a packet that does not answer it.
pub(super) fn answer(packet: &[u8], sent: Time) -> Result<Answer, &'static str> {
    let packet = packet.get(..LENGTH).ok_or("too short")?;
    let time = |at: usize| {
        let bytes = packet[at..at + 8].try_into().unwrap_or([0; 8]);
        Time(u64::from_be_bytes(bytes))
    };
    let (leap, version, mode) = (packet[0] >> 6, (packet[0] >> 3) & 7, packet[0] & 7);
    // Mode 4 is a server.
    if mode != 4 || !(1..=4).contains(&version) {
        return Err("of another kind");
    }
    // It could be forged or late.
    if time(24) != sent {
        return Err("of another request");
    }
    let code = &packet[12..16];
    let is_refusal = packet[1] == 0 && code.iter().all(u8::is_ascii_uppercase);
    Ok(Answer {
        stratum: packet[1],
        // On the wire 0 also stands for 16, "no time".
        is_unsynchronized: leap == 3 || packet[1] == 0 || packet[1] >= 16,
        kiss_code: is_refusal.then(|| String::from_utf8_lossy(code).into_owned()),
        received: time(32),
        sent: time(40),
    })
}

impl Answer {
    /// The server's clock minus ours, in microseconds (RFC 5905 §8). It assumes that both ways take as long.
    pub(super) fn offset_us(&self, sent: Time, arrived: Time) -> i64 {
        let out = self.received.since_us(sent);
        let back = self.sent.since_us(arrived);
        out.midpoint(back)
    }

    /// True if the server told no time.
    pub(super) fn is_empty(&self) -> bool {
        self.sent == Time(0) || self.received == Time(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time::of(Timestamp::from_second(second).unwrap())
    }

    fn packet(first: u8, stratum: u8, times: [Time; 3]) -> Vec<u8> {
        let mut packet = vec![first, stratum];
        packet.resize(12, 0);
        packet.extend(b"RATE");
        packet.extend([0; 8]);
        for time in times {
            packet.extend(time.0.to_be_bytes());
        }
        packet
    }

    #[test]
    fn the_epoch_of_unix_is_that_of_the_standard() {
        assert_eq!(at(0), Time(2_208_988_800 << 32));
        // The second era begins on 7 February 2036.
        assert_eq!(at(2_085_978_496), Time(0));
        assert_eq!(at(2_085_978_497).since_us(at(2_085_978_495)), 2_000_000);
    }

    #[test]
    fn the_offset_is_the_middle_of_both_ways() {
        let sent = at(1_000_000);
        // The server is five seconds ahead; each way takes one second.
        let packet = packet(0x24, 2, [sent, at(1_000_006), at(1_000_006)]);
        let answer = answer(&packet, sent).unwrap();
        let arrived = sent.plus(Duration::from_secs(2));
        assert_eq!(answer.offset_us(sent, arrived), 5_000_000);
        assert!(!answer.is_unsynchronized && !answer.is_empty());
    }

    #[test]
    fn answers_to_others_are_skipped() {
        let times = [at(1), at(2), at(2)];
        let why = |packet: &[u8], sent| answer(packet, sent).unwrap_err();
        assert_eq!(why(&packet(0x24, 2, times), at(3)), "of another request");
        // A client.
        assert_eq!(why(&packet(0x23, 2, times), at(1)), "of another kind");
        assert_eq!(why(&packet(0x24, 2, times)[..47], at(1)), "too short");
        assert!(
            answer(&packet(0xe4, 2, times), at(1))
                .unwrap()
                .is_unsynchronized
        );
        let refused = answer(&packet(0xe4, 0, times), at(1)).unwrap();
        assert_eq!(refused.kiss_code.as_deref(), Some("RATE"));
        let mut without = packet(0xe4, 0, times);
        without[12..16].fill(0);
        let without = answer(&without, at(1)).unwrap();
        assert!(without.is_unsynchronized && without.kiss_code.is_none());
    }
}
