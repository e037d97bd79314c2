//! Replies of a mail server (RFC 5321 §4.2): a code, and lines of text. The text is never shown.

use tokio::io::AsyncRead;

use crate::endpoint::receive;
use crate::fault::Fault;
use crate::trace::Trace;

/// The most bytes of one reply.
const LIMIT: usize = 64 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    lines: Vec<String>,
}

impl Reply {
    /// True if the answer to EHLO names this extension, which is in upper case.
    pub(super) fn offers(&self, extension: &str) -> bool {
        // The first line is the server's name.
        self.lines.iter().skip(1).any(|line| {
            let keyword = line.split([' ', '=']).next().unwrap_or_default();
            keyword.eq_ignore_ascii_case(extension)
        })
    }
}

/// The bytes that have arrived and are not read yet.
#[derive(Default)]
pub(super) struct Replies {
    received: Vec<u8>,
}

impl Replies {
    pub(super) fn has_more(&self) -> bool {
        !self.received.is_empty()
    }

    pub(super) async fn next<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        trace: &mut Trace<'_>,
    ) -> Result<Reply, Fault> {
        loop {
            if let Some(reply) = self.take()? {
                return Ok(reply);
            }
            if self.received.len() > LIMIT {
                let limit = LIMIT / 1024;
                return Err(Fault::protocol(format!(
                    "the answer is longer than {limit} KiB"
                )));
            }
            let has_begun = !self.received.is_empty();
            receive(stream, &mut self.received, has_begun, trace).await?;
        }
    }

    /// Takes a whole reply out of what was received. A line may end without a carriage return.
    fn take(&mut self) -> Result<Option<Reply>, Fault> {
        let mut lines = Vec::new();
        let mut used = 0;
        let mut code = None;
        while let Some(length) = self.received[used..].iter().position(|b| *b == b'\n') {
            let line = &self.received[used..used + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            used += length + 1;
            let own = number(line).ok_or_else(|| Fault::protocol("the answer is not SMTP"))?;
            if *code.get_or_insert(own) != own {
                return Err(Fault::protocol(
                    "the lines of an answer have different codes",
                ));
            }
            lines.push(String::from_utf8_lossy(line.get(4..).unwrap_or_default()).into_owned());
            if line.get(3) != Some(&b'-') {
                self.received.drain(..used);
                return Ok(Some(Reply { code: own, lines }));
            }
        }
        // Something else often has no line end at all.
        let start = &self.received[used..];
        if start.len() >= 4 && number(start).is_none() {
            return Err(Fault::protocol("the answer is not SMTP"));
        }
        Ok(None)
    }
}

/// The code at the start of a line.
fn number(line: &[u8]) -> Option<u16> {
    let digits = line.get(..3)?;
    let is_code = digits.iter().all(u8::is_ascii_digit)
        && matches!(line.get(3), None | Some(b' ' | b'-' | b'\r'))
        && (b'2'..=b'5').contains(&digits[0]);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_code)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str) -> Result<Option<Reply>, Fault> {
        let received = text.as_bytes().to_vec();
        Replies { received }.take()
    }

    #[test]
    fn replies_are_read_as_servers_write_them() {
        let ehlo =
            take("250-mail.example.org hello\r\n250-SIZE 1000\r\n250-AUTH=LOGIN\n250 starttls\r\n");
        let ehlo = ehlo.unwrap().unwrap();
        for (extension, is_offered) in [
            ("SIZE", true),
            ("AUTH", true),
            ("STARTTLS", true),
            ("MAIL.EXAMPLE.ORG", false),
            ("8BITMIME", false),
        ] {
            assert_eq!(ehlo.offers(extension), is_offered, "{extension}");
        }
        assert_eq!(take("220\r\n").unwrap().unwrap().code, 220);
        for part in ["", "2", "220", "220 ready", "250-one\r\n250-two\r\n"] {
            assert_eq!(take(part).unwrap(), None, "{part}");
        }
        for bad in [
            "SSH-2.0-x",
            "hello\r\n",
            "250-a\r\n251 b\r\n",
            "999 x\r\n",
            "22 x\r\n",
            "\r\n",
        ] {
            assert!(take(bad).is_err(), "{bad}");
        }
    }
}
