//! The stream under an SMTP conversation: gives at most one line per read.
//!
//! lettre reads replies through a buffer that it keeps across STARTTLS. An attacker on the network
//! could add replies to the clear-text answer to STARTTLS, and lettre would treat them as replies
//! over TLS. Reading line by line leaves this buffer empty. Injected bytes then go to the TLS
//! handshake, which fails.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The size of one read from the socket, in bytes.
const CHUNK: usize = 4096;

/// A connection that is read line by line.
pub struct ByLine {
    stream: TcpStream,
    /// Bytes that arrived and were not read yet.
    held: Vec<u8>,
}

impl ByLine {
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            held: Vec::new(),
        }
    }
}

impl fmt::Debug for ByLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByLine")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

impl AsyncRead for ByLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.held.is_empty() {
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            self.held.extend_from_slice(read.filled());
        }
        let line = self
            .held
            .iter()
            .position(|b| *b == b'\n')
            .map_or(self.held.len(), |i| i + 1);
        let taken = line.min(out.remaining());
        out.put_slice(&self.held[..taken]);
        self.held.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ByLine {
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

impl AsyncTokioStream for ByLine {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
