//! The framing of MLLP: a start byte, a message, and two end bytes (HL7 v2 transport specification, appendix C).

use tokio::io::AsyncReadExt;

use crate::endpoint::{Stream, broken};
use crate::fault::Fault;
use crate::trace::Trace;

const START: u8 = 0x0b;
const END: u8 = 0x1c;

/// The most bytes of an acknowledgement.
const LIMIT: usize = 64 * 1024;

pub(super) fn wrap(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![START];
    frame.extend_from_slice(message);
    frame.extend_from_slice(&[END, b'\r']);
    frame
}

/// The frames that a listener sends.
#[derive(Default)]
pub(super) struct Frames {
    received: Vec<u8>,
}

impl Frames {
    /// The content of the next frame. Line ends between frames are skipped, and the second end byte may be missing:
    /// listeners differ there.
    pub(super) async fn next(
        &mut self,
        stream: &mut Stream,
        trace: &mut Trace<'_>,
    ) -> Result<Vec<u8>, Fault> {
        loop {
            if let Some(content) = self.take()? {
                return Ok(content);
            }
            if self.received.len() > LIMIT {
                let limit = LIMIT / 1024;
                return Err(Fault::protocol(format!(
                    "the acknowledgement is longer than {limit} KiB"
                )));
            }
            let read = stream.read_buf(&mut self.received).await;
            let has_begun = !self.received.is_empty();
            let length = match read {
                // Many listeners end TLS without a close alert.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
                read => read.map_err(|error| broken(&error, has_begun))?,
            };
            if has_begun {
                trace.first_byte.stamp();
                trace.answered();
            }
            if length == 0 {
                return Err(Fault::protocol(match has_begun {
                    true => "the acknowledgement broke off",
                    false => "the connection was closed before an acknowledgement",
                }));
            }
        }
    }

    /// Takes a whole frame out of what was received.
    fn take(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let noise = self
            .received
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'));
        let noise = noise.count();
        self.received.drain(..noise);
        match self.received.first() {
            None => return Ok(None),
            Some(&START) => {}
            Some(_) => {
                let detail = "the answer does not begin with the start byte of MLLP";
                return Err(Fault::protocol(detail));
            }
        }
        let Some(end) = self.received.iter().position(|b| *b == END) else {
            return Ok(None);
        };
        let content = self.received[1..end].to_vec();
        self.received.drain(..=end);
        Ok(Some(content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_one_after_the_other() {
        let mut frames = Frames::default();
        for byte in wrap(b"one").into_iter().chain(*b"\n").chain(wrap(b"two")) {
            frames.received.push(byte);
        }
        assert_eq!(frames.take().unwrap().unwrap(), b"one");
        assert_eq!(frames.take().unwrap().unwrap(), b"two");
        assert_eq!(frames.take().unwrap(), None);
        frames.received.extend_from_slice(b"\x0bthree");
        assert_eq!(frames.take().unwrap(), None);
        frames.received = b"MSH|".to_vec();
        assert!(frames.take().is_err());
    }
}
