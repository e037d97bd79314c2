//! A stream that ends after a limit, and records the time of its first byte. The library would take a message of any
//! length.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::endpoint::Stream;
use crate::trace::FirstByte;

/// The most bytes of a session.
const LIMIT: usize = 4 * 1024 * 1024;

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
}

impl<'a> Limited<'a> {
    pub(super) fn new(stream: Stream, first_byte: &'a FirstByte) -> Self {
        Self {
            stream,
            first_byte,
            left: LIMIT,
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
