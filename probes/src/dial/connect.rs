//! Connects to one of several addresses, and says which of their failures counts.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use domain::sample::Reason;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use super::egress::Egress;
use crate::fault::{Fault, local_shortage};

/// Each address gets an equal share of the remaining time, so that one dead path (often IPv6) does not
/// use up the run.
pub(super) async fn connect_any(
    addresses: &[SocketAddr],
    egress: Egress,
    deadline: Instant,
) -> Result<TcpStream, Fault> {
    let mut worst: Option<(u8, Fault)> = None;
    for (i, address) in addresses.iter().enumerate() {
        let share = share(deadline, addresses.len() - i);
        let (rank, fault) = match timeout(share, connect(*address, egress)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => classify(&error, *address),
            Err(_) => (RANK_TIMEOUT, no_answer_from(*address)),
        };
        if rank == RANK_OWN {
            return Err(fault);
        }
        if worst.as_ref().is_none_or(|(held, _)| rank > *held) {
            worst = Some((rank, fault));
        }
    }
    Err(match worst {
        Some((_, fault)) => fault,
        None => Fault::new(Reason::Dns, "the name has no address"),
    })
}

/// An equal share of the time until `deadline` if `left` addresses are still to be tried.
pub(crate) fn share(deadline: Instant, left: usize) -> Duration {
    let remaining = deadline.saturating_duration_since(Instant::now());
    if left <= 1 {
        // The last address may use all the time: then the timeout of the whole run ends it.
        return remaining + Duration::from_secs(1);
    }
    remaining / u32::try_from(left).unwrap_or(u32::MAX)
}

fn no_answer_from(address: SocketAddr) -> Fault {
    Fault::new(
        Reason::Timeout,
        format!("no answer while connecting to {}", address.ip()),
    )
}

pub(super) async fn connect(address: SocketAddr, egress: Egress) -> io::Result<TcpStream> {
    let stream = match egress.source {
        None => TcpStream::connect(address).await?,
        Some(_) => {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            socket.bind(egress.local(address.ip()))?;
            socket.connect(address).await?
        }
    };
    // A connection to an unused port in this machine's ephemeral range can connect to itself: both
    // ends are the same socket. It would look like a service that is up.
    if address.port() >= 1024 && is_itself(&stream, address) {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

fn is_itself(stream: &TcpStream, peer: SocketAddr) -> bool {
    stream.local_addr().is_ok_and(|local| local == peer)
}

// If several addresses fail, the failure with the highest rank is reported. A refusal proves a live
// host. Over IPv4 a missing local address means that the ports are used up; then a timeout of other
// addresses proves nothing. Over IPv6 it means that this machine has no IPv6, which says least.
const RANK_OWN: u8 = 5;
const RANK_REFUSED: u8 = 4;
const RANK_NO_PORT: u8 = 3;
const RANK_TIMEOUT: u8 = 2;
const RANK_UNREACHABLE: u8 = 1;
const RANK_NO_IPV6: u8 = 0;

/// The rank of a failure to connect, and its fault.
pub(crate) fn classify(error: &io::Error, address: SocketAddr) -> (u8, Fault) {
    use io::ErrorKind as K;
    let down = |rank, reason, detail: &str| (rank, Fault::new(reason, detail));
    match error.kind() {
        K::AddrNotAvailable | K::AddrInUse => {
            let rank = if address.is_ipv6() {
                RANK_NO_IPV6
            } else {
                RANK_NO_PORT
            };
            (
                rank,
                Fault::monitor("this machine has no local address or port left"),
            )
        }
        K::ConnectionRefused => down(RANK_REFUSED, Reason::Refused, "connection refused"),
        K::ConnectionReset | K::ConnectionAborted => {
            down(RANK_REFUSED, Reason::Refused, "reset while connecting")
        }
        K::TimedOut => down(
            RANK_TIMEOUT,
            Reason::Timeout,
            "the network gave up connecting",
        ),
        K::HostUnreachable => down(RANK_UNREACHABLE, Reason::Unreachable, "host unreachable"),
        K::NetworkUnreachable | K::NetworkDown => down(
            RANK_UNREACHABLE,
            Reason::Unreachable,
            "no egress to the network",
        ),
        K::PermissionDenied => down(
            RANK_UNREACHABLE,
            Reason::Unreachable,
            "forbidden by this machine's firewall",
        ),
        _ => match local_shortage(error) {
            Some(fault) => (RANK_OWN, fault),
            None => (
                RANK_UNREACHABLE,
                Fault::new(Reason::Unreachable, format!("cannot connect: {error}")),
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    async fn closed_port() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    #[tokio::test]
    async fn a_connection_that_meets_itself_is_no_answer() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let own = socket.local_addr().unwrap();
        let stream = socket.connect(own).await.unwrap();
        assert!(is_itself(&stream, own));
    }

    #[tokio::test]
    async fn the_second_address_answers_where_the_first_refuses() {
        let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let stream = connect_any(&[closed_port().await, open], Egress::default(), soon())
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
    }

    #[tokio::test]
    async fn a_connection_comes_from_the_source_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let egress = Egress {
            source: Some([127, 0, 0, 9].into()),
            ..Egress::default()
        };
        let to = listener.local_addr().unwrap();
        let stream = connect(to, egress).await.unwrap();
        assert_eq!(stream.local_addr().unwrap().ip(), egress.source.unwrap());
        // An address that this machine does not have blames the machine.
        let other = Egress {
            source: Some([192, 0, 2, 1].into()),
            ..egress
        };
        let error = connect(to, other).await.unwrap_err();
        assert_eq!(classify(&error, to).1.reason, Reason::Monitor);
    }

    #[tokio::test]
    async fn a_silent_address_leaves_time_for_the_next() {
        // A listener whose queue is full lets further calls wait without an answer.
        let silent = TcpSocket::new_v4().unwrap();
        silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let silent = silent.listen(1).unwrap();
        let silent_at = silent.local_addr().unwrap();
        let mut queue = Vec::new();
        for _ in 0..2 {
            queue.push(TcpStream::connect(silent_at).await.unwrap());
        }
        let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let deadline = Instant::now() + Duration::from_millis(400);
        let stream = connect_any(&[silent_at, open], Egress::default(), deadline)
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
    }

    #[tokio::test]
    async fn of_several_failures_a_refusal_is_reported() {
        let closed = [closed_port().await, closed_port().await];
        let fault = connect_any(&closed, Egress::default(), soon())
            .await
            .unwrap_err();
        assert_eq!(fault.reason, Reason::Refused);
    }

    #[test]
    fn used_up_ports_outweigh_an_unreachable_ipv6_but_no_refusal() {
        let four = "127.0.0.1:1".parse().unwrap();
        let six = "[::1]:1".parse().unwrap();
        let rank = |kind: io::ErrorKind, at| classify(&kind.into(), at).0;
        let ports = rank(io::ErrorKind::AddrNotAvailable, four);
        assert!(ports > rank(io::ErrorKind::NetworkUnreachable, six));
        assert!(ports < rank(io::ErrorKind::ConnectionRefused, six));
        let no_ipv6 = rank(io::ErrorKind::AddrNotAvailable, six);
        assert!(no_ipv6 < rank(io::ErrorKind::HostUnreachable, four));
        let (_, fault) = classify(&io::ErrorKind::AddrNotAvailable.into(), six);
        assert_eq!(fault.reason, Reason::Monitor);
    }

    #[test]
    fn a_process_out_of_descriptors_blames_itself_at_once() {
        let any = "127.0.0.1:1".parse().unwrap();
        let (rank, fault) = classify(&io::Error::from_raw_os_error(24), any);
        assert_eq!((rank, fault.reason), (RANK_OWN, Reason::Monitor));
    }
}
