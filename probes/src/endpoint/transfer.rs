//! Sends and receives over a connection, with the faults that the protocols of this crate share.

use std::io;

use domain::sample::Reason;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::fault::{Fault, local_shortage};
use crate::tls;
use crate::trace::Trace;

/// Sends all of `bytes`. `begun`: part of an answer has arrived.
pub(crate) async fn send<S>(stream: &mut S, bytes: &[u8], begun: bool) -> Result<(), Fault>
where
    S: AsyncWrite + Unpin,
{
    let sent = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    sent.await.map_err(|error| broken(&error, begun))
}

/// Adds the bytes that arrive next to `received`, and times the first ones. Returns how many they are, at least one.
/// `begun`: part of the answer has arrived.
pub(crate) async fn receive<S>(
    stream: &mut S,
    received: &mut Vec<u8>,
    begun: bool,
    trace: &mut Trace<'_>,
) -> Result<usize, Fault>
where
    S: AsyncRead + Unpin,
{
    let length = match stream.read_buf(received).await {
        // Many servers end TLS without a close alert.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
        read => read.map_err(|error| broken(&error, begun))?,
    };
    if length == 0 {
        return Err(closed(begun));
    }
    trace.first_byte.stamp();
    trace.answered();
    Ok(length)
}

/// The fault of a connection that the peer closed too early. `begun`: part of the answer has arrived.
pub(crate) fn closed(begun: bool) -> Fault {
    Fault::protocol(match begun {
        true => "the answer broke off",
        false => "the connection was closed before an answer",
    })
}

/// The fault of a failed write or read. `begun`: part of the answer has arrived.
pub(crate) fn broken(error: &io::Error, begun: bool) -> Fault {
    if let Some(fault) = tls::later_failure(error).or_else(|| local_shortage(error)) {
        return fault;
    }
    let when = if begun { "within" } else { "before" };
    match error.kind() {
        io::ErrorKind::TimedOut => {
            Fault::new(Reason::Timeout, "the network gave up on the connection")
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            Fault::protocol(format!("the connection was reset {when} an answer"))
        }
        // The decoder of several libraries has no kind for this.
        _ if error.to_string() == "bytes remaining on stream" => closed(true),
        _ => Fault::protocol(format!("the connection failed {when} an answer: {error}")),
    }
}
