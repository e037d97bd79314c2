//! Opens a TCP connection: resolves the name afresh, then tries each address in order. It must never
//! blame the target for a shortage on this machine, and never cache an address.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::sample::Reason;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};
use values::reach::Refusal;
use values::{Format, IpAddress, Parsed, Place, Source, Written};

use crate::fault::{Fault, local_shortage};
use crate::trace::{Phase, Trace};

/// The most addresses of one name that a connection tries.
const ADDRESSES: usize = 8;

/// The most addresses of one name that a run asks if it asks each of them.
pub(crate) const ALL_ADDRESSES: usize = 16;

/// The host that a probe connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Address(IpAddr),
    /// Resolved at every run.
    Name(Arc<str>),
}

impl Format for Host {
    type Value = Self;
    const IS: &'static str = values::Host::IS;
    const EXAMPLE: &'static str = values::Host::EXAMPLE;

    fn parse(text: &str) -> Result<Self, String> {
        let text = values::Host::parse(text)?;
        if let Ok(address) = text.parse() {
            return Ok(Host::Address(address));
        }
        match url::Host::parse(&text) {
            Ok(url::Host::Domain(name)) => Ok(Host::Name(Arc::from(name))),
            // Programs disagree on addresses in unusual notation (one number, octal).
            Ok(_) => Err("write the address in its usual form".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Host {
    /// The name, unless it is an address.
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        match self {
            Host::Address(_) => None,
            Host::Name(name) => Some(Arc::clone(name)),
        }
    }

    /// The phase in which a run to this host begins.
    pub(crate) fn first_phase(&self) -> Phase {
        match self {
            Host::Address(_) => Phase::Connect,
            Host::Name(_) => Phase::Resolve,
        }
    }
}

/// The host to connect to if `resolve` gives a fixed address for `host`, which is written at `at`.
pub(crate) fn fixed(
    host: &Host,
    at: &Place,
    resolve: Option<&Parsed<IpAddress>>,
    source: &mut Source<'_>,
) -> Host {
    let Some(resolve) = resolve else {
        check_host(host, at, source);
        return host.clone();
    };
    if let Host::Address(_) = host {
        let why = "this has no effect: the host is an address already";
        source.wrong(&resolve.at, why);
    }
    let fixed = Host::Address(resolve.value);
    check_host(&fixed, &resolve.at, source);
    fixed
}

/// Notes a mistake if no probe may reach `host`, which is written at `at`. A name is checked once it is resolved.
pub(crate) fn check_host(host: &Host, at: &Place, source: &mut Source<'_>) {
    if let Host::Address(ip) = host
        && let Some(refusal) = source.environment.reach.refuses(*ip)
    {
        source.wrong(at, refusal.in_words(*ip));
    }
}

/// The fault if this run may not reach an address that was not resolved from a name.
pub(crate) fn may_reach(ip: IpAddr, trace: &Trace<'_>) -> Result<(), Fault> {
    let refusal = trace.reach.as_ref().and_then(|reach| reach.refuses(ip));
    refusal.map_or(Ok(()), |refusal| Err(refused(ip, refusal, false, trace)))
}

/// The addresses of a name that this run may reach. A name that has none is a fault.
fn reachable(addresses: Vec<SocketAddr>, trace: &mut Trace<'_>) -> Result<Vec<SocketAddr>, Fault> {
    let Some(reach) = trace.reach.clone() else {
        return Ok(addresses);
    };
    let mut first = None;
    let mut open = Vec::new();
    for address in addresses {
        let ip = address.ip();
        match reach.refuses(ip) {
            None => open.push(address),
            Some(refusal) => {
                trace.note(|| format!("does not connect: {}", refusal.in_words(ip)));
                first = first.or(Some((ip, refusal)));
            }
        }
    }
    match first {
        Some((ip, refusal)) if open.is_empty() => Err(refused(ip, refusal, true, trace)),
        _ => Ok(open),
    }
}

/// A server that redirects there leads customers astray, and so does a name. A range that the operator denies says
/// nothing about the target.
fn refused(ip: IpAddr, refusal: Refusal, by_name: bool, trace: &Trace<'_>) -> Fault {
    let words = refusal.in_words(ip);
    match refusal {
        _ if trace.redirected => Fault::new(
            Reason::Redirect,
            format!("a redirect leads astray: {words}"),
        ),
        Refusal::Never(_) if by_name => {
            Fault::new(Reason::Dns, format!("the name leads astray: {words}"))
        }
        Refusal::Never(_) | Refusal::Denied => Fault::monitor(words),
    }
}

/// The key `all_addresses` of a probe that connects to `host`.
pub(crate) fn asks_each(
    all_addresses: Option<&Written<bool>>,
    host: &Host,
    source: &mut Source<'_>,
) -> bool {
    let asked = all_addresses.filter(|asked| asked.value);
    if let (Some(asked), Host::Address(_)) = (asked, host) {
        let why = "this has no effect: the probe connects to one address";
        source.wrong(&asked.at, why);
    }
    asked.is_some()
}

/// Connects before `deadline`; on return the trace is still in the phase `Connect`.
pub(crate) async fn dial(
    host: &Host,
    port: u16,
    deadline: Instant,
    trace: &mut Trace<'_>,
) -> Result<TcpStream, Fault> {
    trace.enter(host.first_phase());
    let stream = match host {
        Host::Address(ip) => {
            may_reach(*ip, trace)?;
            let address = SocketAddr::new(*ip, port);
            let connected = connect(address).await;
            connected.map_err(|e| classify(&e, address).1)?
        }
        Host::Name(name) => {
            let addresses = resolve(name, port, trace).await?;
            trace.note(|| format!("{name} is {}", list(&addresses)));
            trace.enter(Phase::Connect);
            connect_any(&addresses, deadline).await?
        }
    };
    trace.note(|| match stream.peer_addr() {
        Ok(peer) => format!("connected to {peer}"),
        Err(_) => "connected".to_owned(),
    });
    Ok(stream)
}

fn list(addresses: &[SocketAddr]) -> String {
    let all: Vec<_> = addresses.iter().map(|at| at.ip().to_string()).collect();
    all.join(", ")
}

/// The first addresses of a name, or the one that this run asks, without those that it may not reach.
pub(crate) async fn resolve(
    name: &Arc<str>,
    port: u16,
    trace: &mut Trace<'_>,
) -> Result<Vec<SocketAddr>, Fault> {
    let pinned = trace.pinned.as_ref().filter(|pinned| pinned.name == *name);
    let mut addresses = match pinned {
        Some(pinned) => vec![SocketAddr::new(pinned.address, port)],
        None => resolve_all(name, port, trace).await?,
    };
    addresses.truncate(ADDRESSES);
    reachable(addresses, trace)
}

/// The addresses of a name. Like tokio's lookup, but records if the blocking thread has started. A name that waited for a thread
/// until the timeout says nothing about its server. Nor does a resolver that fails: the trace then names the name.
pub(crate) async fn resolve_all(
    name: &Arc<str>,
    port: u16,
    trace: &mut Trace<'_>,
) -> Result<Vec<SocketAddr>, Fault> {
    let begun = Arc::new(AtomicBool::new(false));
    trace.resolving = Some(Arc::clone(&begun));
    trace.unresolved = Some(Arc::clone(name));
    let asked = Arc::clone(name);
    let lookup = tokio::task::spawn_blocking(move || {
        begun.store(true, Ordering::Relaxed);
        look_up(&asked, port)
    });
    let found = match lookup.await {
        Ok(found) => found,
        // Cancelled at shutdown, or a panic in the resolver.
        Err(_) => return Err(Fault::monitor("the resolver's thread was lost")),
    };
    let result = match found {
        Ok(addresses) if addresses.is_empty() => {
            Err(Fault::new(Reason::Dns, format!("{name} has no address")))
        }
        Ok(addresses) => Ok(addresses),
        Err(error) => match local_shortage(&error).or(lacks_sockets().await) {
            Some(fault) => Err(fault),
            None if is_no_such_name(&error) => {
                let words = resolver_words(&error);
                Err(Fault::new(Reason::Dns, format!("{name}: {words}")))
            }
            // The trace keeps the unresolved name.
            None => return Err(resolver_failed(name, &resolver_words(&error))),
        },
    };
    trace.unresolved = None;
    result
}

/// Asks this machine's resolver, which may list an address twice.
fn look_up(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    #[cfg(test)]
    if let Some(found) = tests::pool(name) {
        let found = found.iter().map(|ip| SocketAddr::new(*ip, port));
        return Ok(found.take(ALL_ADDRESSES).collect());
    }
    let mut found = Vec::new();
    for address in (name, port).to_socket_addrs()? {
        if found.len() < ALL_ADDRESSES && !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}

/// The C library's resolver also reports "temporary failure" if it cannot open a socket. Opening one
/// here tells if this machine is short of them.
async fn lacks_sockets() -> Option<Fault> {
    match UdpSocket::bind(SocketAddr::from(([0, 0, 0, 0], 0))).await {
        Ok(_) => None,
        Err(error) => local_shortage(&error),
    }
}

/// The fault of this machine's own resolver.
pub(crate) fn resolver_failed(name: &str, words: &str) -> Fault {
    Fault::new(
        Reason::Dns,
        format!("this machine's resolver failed for {name}: {words}"),
    )
}

/// The C libraries' messages for "the name, or an address of it, does not exist": `EAI_NONAME` and `EAI_NODATA` of glibc,
/// then of musl. The standard library keeps no code. It never sets a locale, so they are in English.
const NO_SUCH_NAME: [&str; 4] = [
    "Name or service not known",
    "No address associated with hostname",
    "Name does not resolve",
    "Name has no usable address",
];

/// False if the resolver itself failed: no answer, SERVFAIL, `EAI_AGAIN`.
fn is_no_such_name(error: &io::Error) -> bool {
    NO_SUCH_NAME.contains(&resolver_words(error).as_str())
}

/// The resolver's message without the standard library's preamble.
fn resolver_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("failed to lookup address information: ") {
        Some(words) => words.to_string(),
        None => text,
    }
}

/// Each address gets an equal share of the remaining time, so that one dead path (often IPv6) does not
/// use up the run.
async fn connect_any(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Fault> {
    let mut worst: Option<(u8, Fault)> = None;
    for (i, address) in addresses.iter().enumerate() {
        let share = share(deadline, addresses.len() - i);
        let (rank, fault) = match timeout(share, connect(*address)).await {
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

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
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
            "no route to the network",
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
pub(crate) mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use domain::sample::Outcome;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// The addresses of a name that lists them, as `127.0.0.1_127.0.0.2.pool.test`; `-` is a colon. A name in
    /// `rebind.test` has another one of them at each look.
    pub(crate) fn pool(name: &str) -> Option<Vec<IpAddr>> {
        static LOOKS: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
        let parse = |ip: &str| ip.replace('-', ":").parse().unwrap();
        let parse_all = |list: &str| list.split('_').map(parse).collect::<Vec<IpAddr>>();
        if let Some(list) = name.strip_suffix(".pool.test") {
            return Some(parse_all(list));
        }
        let all = parse_all(name.strip_suffix(".rebind.test")?);
        let mut looks = LOOKS.lock().unwrap();
        let look = looks.entry(name.to_owned()).or_default();
        let now = all[*look % all.len()];
        *look += 1;
        Some(vec![now])
    }

    fn run(kind: &str, keys: &str) -> Running {
        let environment = values::Environment {
            variable: &|_| None,
            file: &|_| Err("there are no files here".to_owned()),
            proxy_from_environment: false,
            commands: &[],
            reach: &values::reach::BUILT_IN,
        };
        let probe = crate::prepare(kind, keys, Duration::from_secs(20), environment).unwrap();
        Box::pin(async move { probe.run_with_notes().await })
    }

    type Running = std::pin::Pin<Box<dyn Future<Output = (crate::Finding, Vec<crate::Note>)>>>;

    #[tokio::test]
    async fn a_name_that_leads_to_metadata_is_down_and_not_asked() {
        for name in [
            "169.254.169.254.pool.test",
            "0--ffff-169.254.169.254_0.0.0.0_ff02--1.pool.test",
        ] {
            let (finding, notes) = run("tcp", &format!("host = \"{name}\"\nport = 80")).await;
            assert_eq!(finding.outcome, Outcome::Down);
            assert_eq!(finding.reason, Some(Reason::Dns));
            let detail = finding.detail.unwrap();
            assert!(
                detail.starts_with("the name leads astray: ")
                    && detail.contains("a metadata service"),
                "{detail}"
            );
            assert!(notes[0].text.starts_with("does not connect: "), "{notes:?}");
            assert_eq!(finding.phases.connect_us, None);
        }
    }

    #[tokio::test]
    async fn of_mixed_answers_only_the_good_ones_are_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host =
            format!("host = \"169.254.169.254_127.0.0.1_0.0.0.0.pool.test\"\nport = {port}\n");
        let (finding, notes) = run("tcp", &host).await;
        assert_eq!(finding.outcome, Outcome::Up);
        assert!(
            notes
                .iter()
                .any(|note| note.text.contains("169.254.169.254 is a metadata service"))
        );
        let (finding, _) = run("tcp", &format!("{host}all_addresses = true")).await;
        assert_eq!(finding.reason, Some(Reason::Dns));
        let detail = finding.detail.unwrap();
        assert!(
            detail.starts_with("2 of 3 addresses fail (169.254.169.254, 0.0.0.0)"),
            "{detail}"
        );
    }

    #[tokio::test]
    async fn a_name_that_changes_after_the_check_gains_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = format!("127.0.0.1_169.254.169.254.rebind.test:{port}");
        let location = format!("http://{host}/again");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let answer =
                format!("HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        // One look for each connection: the address that was checked is the one that is asked.
        let (finding, notes) =
            run("http", &format!("url = \"http://{host}/\"\nredirects = 1")).await;
        assert!(
            notes
                .iter()
                .any(|note| note.text == format!("connected to 127.0.0.1:{port}")),
            "{notes:?}"
        );
        assert_eq!(
            (finding.outcome, finding.reason),
            (Outcome::Down, Some(Reason::Redirect))
        );
        assert!(
            finding
                .detail
                .unwrap()
                .contains("169.254.169.254 is a metadata service")
        );
    }

    #[test]
    fn a_host_is_a_name_or_an_address_without_brackets_or_port() {
        assert_eq!(
            Host::parse("::1"),
            Ok(Host::Address(std::net::Ipv6Addr::LOCALHOST.into()))
        );
        assert_eq!(
            Host::parse("Results.example.org"),
            Ok(Host::Name("results.example.org".into()))
        );
        for bad in ["", "[::1]", "host:80", "a b", "http://x", "2130706433"] {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_an_answer_that_there_is_no_name_is_about_the_name() {
        let failed = |words: &str| {
            io::Error::other(format!("failed to lookup address information: {words}"))
        };
        for words in NO_SUCH_NAME {
            assert!(is_no_such_name(&failed(words)), "{words}");
        }
        for words in [
            "Temporary failure in name resolution",
            "Non-recoverable failure in name resolution",
            "System error",
        ] {
            assert!(!is_no_such_name(&failed(words)), "{words}");
        }
    }

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
        let stream = connect_any(&[closed_port().await, open], soon())
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
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
        let stream = connect_any(&[silent_at, open], deadline).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
    }

    #[tokio::test]
    async fn of_several_failures_a_refusal_is_reported() {
        let closed = [closed_port().await, closed_port().await];
        let fault = connect_any(&closed, soon()).await.unwrap_err();
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
