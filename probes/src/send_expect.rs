//! Sends a text on an open connection, and waits for a text in the answer. It must never show the sent
//! text or the answer, only the text that the answer lacks.

use std::fmt;
use std::io;

use domain::sample::Reason;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use values::{Parsed, Source, Text};

use crate::endpoint::{broken, closed, send};
use crate::fault::Fault;
use crate::trace::{Phase, Trace};

/// The most bytes of an answer that are searched.
const ANSWER_LIMIT: usize = 64 * 1024;

/// The keys `send` and `expect`. Without `expect` the connection is neither written nor read.
#[derive(Default)]
pub(crate) struct SendExpect {
    send: String,
    expect: Option<String>,
}

/// The texts may hold a secret.
impl fmt::Debug for SendExpect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendExpect")
    }
}

impl SendExpect {
    pub(crate) fn new(
        send: Option<Parsed<Text>>,
        expect: Option<Parsed<Text>>,
        source: &mut Source<'_>,
    ) -> Self {
        if let (Some(send), None) = (&send, &expect) {
            let why = "this has no effect without `expect`: the answer is not read";
            source.wrong(&send.at, why);
        }
        Self {
            send: send.map(|text| text.value).unwrap_or_default(),
            expect: expect.map(|text| text.value),
        }
    }

    /// Sends, and reads until the answer has the expected text, ends, or exceeds the limit. Expects the
    /// trace to be in the phase before `Processing`.
    pub(crate) async fn run<S>(
        &self,
        stream: &mut S,
        deadline: Instant,
        trace: &mut Trace<'_>,
    ) -> Result<(), Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(expect) = &self.expect else {
            return Ok(());
        };
        trace.enter(Phase::Processing);
        let mut answer = Vec::with_capacity(1024);
        send(stream, self.send.as_bytes(), false).await?;
        loop {
            let read = stream.read_buf(&mut answer);
            let end = if trace.phase() == Phase::Processing {
                // The timeout of the whole run ends this wait.
                Ok(read.await)
            } else {
                timeout_at(deadline, read).await
            };
            let open = match end {
                Ok(Ok(length)) => length > 0,
                // Many servers end TLS without a close alert.
                Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => false,
                Ok(Err(error)) => return Err(broken(&error, !answer.is_empty())),
                Err(_) => return Err(lacks("the answer lacks", expect)),
            };
            if !answer.is_empty() {
                trace.first_byte.stamp();
                trace.answered();
            }
            if contains(&answer, expect.as_bytes()) {
                return Ok(());
            }
            if answer.len() > ANSWER_LIMIT {
                let limit = ANSWER_LIMIT / 1024;
                return Err(lacks(
                    &format!("the first {limit} KiB of the answer lack"),
                    expect,
                ));
            }
            if !open && answer.is_empty() {
                return Err(closed(false));
            }
            if !open {
                return Err(lacks("the answer ended and lacks", expect));
            }
        }
    }
}

fn lacks(words: &str, expect: &str) -> Fault {
    Fault::new(Reason::Body, format!("{words} `{expect}`"))
}

fn contains(answer: &[u8], text: &[u8]) -> bool {
    answer.windows(text.len()).any(|part| part == text)
}
