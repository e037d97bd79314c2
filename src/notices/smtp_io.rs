//! The stream under an SMTP conversation: gives at most one line per read.
//!
//! lettre greets and encrypts on its own only with its own TLS settings. Nines gives it streams that are
//! ready: over TLS, and after STARTTLS with the greeting that the relay sent before.
//!
//! An attacker on the network could add replies to the clear-text answer to STARTTLS. A stream that will be
//! encrypted is read byte by byte until then, so that the added bytes stay in the socket. They go to the TLS
//! handshake, which fails.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The size of one read from the socket, in bytes.
const CHUNK: usize = 4096;

/// A connection that is read line by line.
pub struct ByLine<S> {
    stream: S,
    peer: SocketAddr,
    chunk: usize,
    /// Bytes that arrived and were not read yet.
    held: Vec<u8>,
}

impl<S> ByLine<S> {
    pub fn new(stream: S, peer: SocketAddr) -> Self {
        Self {
            stream,
            peer,
            chunk: CHUNK,
            held: Vec::new(),
        }
    }

    /// Takes no byte from the socket before it is needed.
    pub fn byte_by_byte(stream: S, peer: SocketAddr) -> Self {
        Self {
            chunk: 1,
            ..Self::new(stream, peer)
        }
    }

    /// A stream after STARTTLS. The relay does not greet again (RFC 3207, 4.2), and lettre expects a greeting.
    pub fn greeted(stream: S, peer: SocketAddr) -> Self {
        Self {
            held: b"220 ready\r\n".to_vec(),
            ..Self::new(stream, peer)
        }
    }
}

impl<S> fmt::Debug for ByLine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByLine")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ByLine<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.held.is_empty() {
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk[..this.chunk]);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
            this.held.extend_from_slice(read.filled());
        }
        let line = this
            .held
            .iter()
            .position(|b| *b == b'\n')
            .map_or(this.held.len(), |i| i + 1);
        let taken = line.min(out.remaining());
        out.put_slice(&this.held[..taken]);
        this.held.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ByLine<S> {
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

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for ByLine<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

/// A stream that lettre may use for a while. lettre does not give its stream back, so it gets a second handle.
#[derive(Debug)]
pub struct Shared<S>(Arc<Mutex<S>>);

impl<S> Shared<S> {
    pub fn new(stream: S) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    /// A second handle of the same stream.
    pub fn handle(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// The stream, once every other handle is gone.
    pub fn into_inner(self) -> Option<S> {
        let stream = Arc::into_inner(self.0)?;
        Some(stream.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Shared<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_read(cx, out)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Shared<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_shutdown(cx)
    }
}
