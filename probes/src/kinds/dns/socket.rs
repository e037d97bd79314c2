//! The sockets of a DNS query: tokio's, but those of UDP are connected. The kernel then reports a closed port at once,
//! and drops the datagrams of other senders.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioRuntimeProvider, TokioTime,
};
use hickory_resolver::proto::op::Message;
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;

use crate::skipped::Skipped;

#[derive(Clone)]
pub(super) struct Provider {
    tokio: TokioRuntimeProvider,
    skipped: Option<Arc<Skipped>>,
}

impl Provider {
    /// Its sockets count the datagrams that do not answer their query.
    pub(super) fn counting(skipped: Option<Arc<Skipped>>) -> Self {
        Self {
            tokio: TokioRuntimeProvider::default(),
            skipped,
        }
    }
}

impl RuntimeProvider for Provider {
    type Handle = <TokioRuntimeProvider as RuntimeProvider>::Handle;
    type Timer = TokioTime;
    type Udp = Connected;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.tokio.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        limit: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        self.tokio.connect_tcp(server, local, limit)
    }

    fn bind_udp(
        &self,
        local: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Udp>>>> {
        let skipped = self.skipped.clone();
        Box::pin(async move {
            let socket = UdpSocket::bind(local).await?;
            socket.connect(server).await?;
            Ok(Connected {
                socket,
                server,
                skipped,
                query: Mutex::default(),
            })
        })
    }
}

/// A UDP socket that is connected to its server.
pub(super) struct Connected {
    socket: UdpSocket,
    server: SocketAddr,
    skipped: Option<Arc<Skipped>>,
    /// The query that was sent, if the datagrams are counted that do not answer it.
    query: Mutex<Vec<u8>>,
}

impl Connected {
    /// Counts a datagram that the library skips.
    fn count(&self, datagram: &[u8]) {
        let Some(skipped) = &self.skipped else {
            return;
        };
        let query = self.query.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = mismatch(&query, datagram) {
            skipped.add(why);
        }
    }
}

/// Why a datagram does not answer the query. The library has the same rules and does not tell which one applied.
fn mismatch(query: &[u8], datagram: &[u8]) -> Option<&'static str> {
    let Some(id) = datagram.first_chunk::<2>() else {
        return Some("too short");
    };
    if !query.starts_with(id) {
        return Some("with another id");
    }
    // One that cannot be read is an answer, and ends the query.
    let answer = Message::from_vec(datagram).ok()?;
    let query = Message::from_vec(query).ok()?;
    let is_same = answer.queries.len() == query.queries.len()
        && answer.queries.iter().all(|one| query.queries.contains(one));
    (!is_same).then_some("with another question")
}

impl DnsUdpSocket for Connected {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(buffer);
        let polled = self.socket.poll_recv(cx, &mut buffer);
        polled.map_ok(|()| (buffer.filled().len(), self.server))
    }

    /// Also wakes for an error: the kernel reports a closed port so, and tokio does not take such a socket
    /// for readable.
    fn recv_from<'socket, 'buffer, 'run>(
        &'socket self,
        buffer: &'buffer mut [u8],
    ) -> Pin<Box<dyn Future<Output = io::Result<(usize, SocketAddr)>> + Send + 'run>>
    where
        'socket: 'run,
        'buffer: 'run,
        Self: 'run,
    {
        Box::pin(async move {
            loop {
                let ready = self.socket.ready(Interest::READABLE | Interest::ERROR);
                if ready.await?.is_error()
                    && let Some(error) = self.socket.take_error()?
                {
                    return Err(error);
                }
                match self.socket.try_recv(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                    Ok(length) => {
                        self.count(&buffer[..length]);
                        return Ok((length, self.server));
                    }
                }
                // Neither an error nor a datagram: wait for the next one.
                let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
                let _ = self.socket.try_io(Interest::ERROR, nothing);
            }
        })
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buffer: &[u8],
        _: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        if self.skipped.is_some() {
            let mut query = self.query.lock().unwrap_or_else(PoisonError::into_inner);
            buffer.clone_into(&mut query);
        }
        self.socket.poll_send(cx, buffer)
    }
}
