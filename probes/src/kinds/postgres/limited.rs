//! A stream that ends after a limit, and records the time of its first byte. The library would take a message of any
//! length, and wait for the rest of what another protocol says.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::endpoint::Stream;
use crate::trace::FirstByte;

/// The most bytes of a session.
const LIMIT: usize = 4 * 1024 * 1024;

/// The kind and the length of a message.
const HEAD: usize = 5;
/// The kinds of a first message: authentication, error, notice, negotiation of the version.
const FIRST: &[u8] = b"RENv";

#[derive(Debug)]
pub(super) struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer is longer than {} MiB", LIMIT / (1024 * 1024))
    }
}

impl std::error::Error for TooLong {}

pub(super) struct Limited<'a> {
    stream: Stream,
    first_byte: &'a FirstByte,
    left: usize,
    /// The kind and the length of the first message, as far as they have arrived.
    head: Vec<u8>,
}

impl<'a> Limited<'a> {
    pub(super) fn new(stream: Stream, first_byte: &'a FirstByte) -> Self {
        Self {
            stream,
            first_byte,
            left: LIMIT,
            head: Vec::with_capacity(HEAD),
        }
    }

    /// False if a server of PostgreSQL does not begin like this.
    fn may_be_postgres(&mut self, bytes: &[u8]) -> bool {
        let missing = HEAD - self.head.len();
        self.head
            .extend_from_slice(&bytes[..bytes.len().min(missing)]);
        match self.head[..] {
            [] => true,
            [kind, a, b, c, d] if FIRST.contains(&kind) => {
                let length = u32::from_be_bytes([a, b, c, d]);
                usize::try_from(length).is_ok_and(|length| (4..=LIMIT).contains(&length))
            }
            [kind, ..] => FIRST.contains(&kind),
        }
    }
}

impl AsyncRead for Limited<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let length = buf.filled().len() - before;
        if length > 0 {
            self.first_byte.stamp();
        }
        if self.head.len() < HEAD && !self.may_be_postgres(&buf.filled()[before..]) {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        match self.left.checked_sub(length) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::other(TooLong))),
        }
    }
}

impl AsyncWrite for Limited<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
