//! The beginning of SSH's transport: the server's identification (RFC 4253 §4.2), and packets before any key (§6).

use domain::sample::Reason;
use tokio::time::{Instant, timeout_at};

use crate::endpoint::{Stream, receive};
use crate::fault::Fault;
use crate::trace::Trace;

/// The most bytes before and in the identification. A server may send lines before it, each of at most 255 bytes.
const LINES: usize = 16 * 1024;
/// The longest packet that every implementation must take (RFC 4253 §6.1).
const PACKET: usize = 35_000;
/// The message numbers of the transport (RFC 4250 §4.1.2).
const DISCONNECT: u8 = 1;
const KEXINIT: u8 = 20;
/// Disconnected "by application": a server does not log it as an attack.
const BY_APPLICATION: u8 = 11;

/// The bytes that have arrived and are not read yet.
#[derive(Default)]
pub(super) struct Received(Vec<u8>);

impl Received {
    /// The name of the server's software. Lines before the identification are skipped.
    pub(super) async fn identification(
        &mut self,
        stream: &mut Stream,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<String, Fault> {
        let mut read = 0;
        loop {
            while let Some(length) = self.0.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.0.drain(..=length).collect();
                read += line.len();
                let line = String::from_utf8_lossy(&line);
                if let Some(rest) = line.trim_end().strip_prefix("SSH-") {
                    return software(rest);
                }
            }
            if read + self.0.len() > LINES {
                return Err(Fault::protocol("the answer is not SSH"));
            }
            let more = self.more(stream, read > 0, trace);
            match timeout_at(deadline, more).await {
                Ok(read) => read?,
                // A server of another protocol spoke first, and waits.
                Err(_) if read > 0 || !may_begin(&self.0) => {
                    return Err(Fault::protocol("the answer is not SSH"));
                }
                // The timeout of the whole run ends this one.
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Reads a packet, which must begin the key exchange.
    pub(super) async fn key_exchange(
        &mut self,
        stream: &mut Stream,
        trace: &mut Trace<'_>,
    ) -> Result<(), Fault> {
        while self.0.len() < 6 {
            self.more(stream, true, trace).await?;
        }
        let [a, b, c, d, padding, message, ..] = self.0[..] else {
            return Err(Fault::protocol("the answer broke off"));
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > PACKET || length < usize::from(padding) + 2 {
            return Err(Fault::protocol("the server sent no packet of SSH"));
        }
        while self.0.len() < 4 + length {
            self.more(stream, true, trace).await?;
        }
        match message {
            KEXINIT => Ok(()),
            DISCONNECT => {
                let detail = "the server disconnected before the key exchange";
                Err(Fault::new(Reason::Status, detail))
            }
            other => Err(Fault::protocol(format!(
                "the server sent message {other}, expected {KEXINIT}, the begin of a key exchange"
            ))),
        }
    }

    async fn more(
        &mut self,
        stream: &mut Stream,
        begun: bool,
        trace: &mut Trace<'_>,
    ) -> Result<(), Fault> {
        let begun = begun || !self.0.is_empty();
        receive(stream, &mut self.0, begun, trace).await?;
        Ok(())
    }
}

/// True if the bytes may be the begin of an identification.
fn may_begin(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"SSH-";
    let length = bytes.len().min(BEGIN.len());
    bytes[..length] == BEGIN[..length]
}

/// `2.0-OpenSSH_9.2p1 Debian`: the version of the protocol, the software, a comment.
fn software(rest: &str) -> Result<String, Fault> {
    let parts = rest.split_once('-');
    let (version, software) = parts.ok_or_else(|| Fault::protocol("the answer is not SSH"))?;
    // A server of 1.99 also speaks 2.0 (RFC 4253 §5.1).
    if !matches!(version, "2.0" | "1.99") {
        let detail = format!("the server speaks SSH {version}, expected 2.0");
        return Err(Fault::protocol(detail));
    }
    let visible = |c: char| (' '..='~').contains(&c);
    let name = software.split(' ').next().unwrap_or_default();
    Ok(name.chars().filter(|c| visible(*c)).take(100).collect())
}

/// A packet before any key: its length, its padding to a multiple of eight, the message (RFC 4253 §6, §11.1).
pub(super) fn goodbye() -> Vec<u8> {
    let mut payload = vec![DISCONNECT, 0, 0, 0, BY_APPLICATION];
    // An empty description and an empty language.
    payload.extend([0; 8]);
    let padding = 8 - (payload.len() + 5) % 8;
    let padding = if padding < 4 { padding + 8 } else { padding };
    let length = u32::try_from(payload.len() + padding + 1).unwrap_or(0);
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).unwrap_or(0));
    packet.extend(payload);
    packet.extend(vec![0; padding]);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_a_multiple_of_eight_with_padding() {
        let packet = goodbye();
        assert_eq!(packet.len() % 8, 0);
        let padding = usize::from(packet[4]);
        assert!(padding >= 4);
        assert_eq!(packet.len(), 5 + 13 + padding);
    }

    #[test]
    fn software_is_told_without_its_comment() {
        assert_eq!(
            software("2.0-OpenSSH_9.2p1 Debian-2").unwrap(),
            "OpenSSH_9.2p1"
        );
        assert_eq!(software("1.99-x\u{1b}[31m").unwrap(), "x[31m");
        assert!(software("1.5-old").is_err());
        assert!(software("nothing").is_err());
    }
}
