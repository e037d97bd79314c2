//! The monitor's questions about itself: does its network work, and does its resolver? They never judge a target.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::rr::Name;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use values::Format;
use values::suggest::shorten;

use crate::dial::{self, Host};
use crate::fault::{Fault, one_line};
use crate::kinds::dns::server;
use crate::trace::{FirstByte, Trace};

/// How long a target, or the resolver, may take to answer.
pub const TIMEOUT: Duration = Duration::from_secs(2);

/// The most names that one check asks the resolver for.
pub const NAMES: usize = 16;

/// The port of DNS servers.
const DNS: u16 = 53;

/// Something that answers while the monitor's network works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// It accepts TCP connections.
    Tcp(Host, u16),
    /// It answers DNS queries over UDP.
    Dns(SocketAddr),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Tcp(Host::Address(ip), port) => SocketAddr::new(*ip, *port).fmt(f),
            Kind::Tcp(Host::Name(name), port) => write!(f, "{name}:{port}"),
            Kind::Dns(server) => server.fmt(f),
        }
    }
}

impl Format for Target {
    type Value = Self;
    const IS: &'static str = "a host with a port, as \"192.0.2.1:443\", or the address of a DNS server, as \"192.0.2.53\"";
    const EXAMPLE: &'static str = "192.0.2.1:443";

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Target(Kind::Dns(SocketAddr::new(ip, DNS))));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return match address.port() {
                0 => Err("a port goes from 1 to 65535".to_owned()),
                DNS => Ok(Target(Kind::Dns(address))),
                port => Ok(Target(Kind::Tcp(Host::Address(address.ip()), port))),
            };
        }
        let split = text.rsplit_once(':');
        match split.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?))) {
            Some((host, port @ 1..)) if !host.contains(':') => {
                Ok(Target(Kind::Tcp(Host::parse(host)?, port)))
            }
            Some((_, 0)) => Err("a port goes from 1 to 65535".to_owned()),
            _ => Err(format!(
                "`{}` is not a host with a port: write \"192.0.2.1:443\"",
                shorten(text)
            )),
        }
    }
}

impl Target {
    async fn answers(&self) -> Result<(), Fault> {
        let until = Instant::now() + TIMEOUT;
        match &self.0 {
            Kind::Tcp(host, port) => {
                let first_byte = FirstByte::new(Instant::now());
                let mut trace = Trace::begin(&first_byte, host.first_phase());
                let dialled = timeout_at(until, dial::dial(host, *port, until, &mut trace));
                let dialled = dialled.await.unwrap_or_else(|_| Err(no_answer()));
                dialled.map(drop)
            }
            // Any answer shows that the network works.
            Kind::Dns(server) => server::knows(*server, &Name::root(), until).await.map(drop),
        }
    }
}

fn no_answer() -> Fault {
    Fault::new(domain::sample::Reason::Timeout, "no answer")
}

/// Asks all targets at once.
///
/// # Errors
/// None of them answers; one line says how each failed.
pub async fn network(targets: &[Target]) -> Result<(), String> {
    let mut asked = JoinSet::new();
    for (n, target) in targets.iter().cloned().enumerate() {
        asked.spawn(async move { (n, target.answers().await) });
    }
    let mut failed = Vec::new();
    while let Some(joined) = asked.join_next().await {
        match joined {
            Ok((_, Ok(()))) => return Ok(()),
            Ok((n, Err(fault))) => failed.push((n, fault.detail)),
            // A panic of one question says nothing about the network.
            Err(_) => {}
        }
    }
    failed.sort();
    let words: Vec<String> = failed
        .iter()
        .filter_map(|(n, detail)| Some(format!("{}: {detail}", targets.get(*n)?)))
        .collect();
    Err(one_line(&words.join("; ")))
}

/// The resolver of this machine: the first `nameserver` of a file in the form of `resolv.conf`. The C library asks
/// it first, and waits for it longer than most probes may take.
#[derive(Clone, Debug)]
pub struct Resolver {
    pub file: PathBuf,
    pub port: u16,
}

impl Default for Resolver {
    fn default() -> Self {
        Self {
            file: "/etc/resolv.conf".into(),
            port: DNS,
        }
    }
}

impl Resolver {
    /// The names for which the resolver now says that they exist, or that they do not. Asks for [`NAMES`] at most.
    ///
    /// # Errors
    /// It answers for none of them; one line says how the first one failed.
    pub async fn knows(&self, names: &[Arc<str>]) -> Result<BTreeSet<Arc<str>>, String> {
        let servers = server::of_this_machine(&self.file, self.port).await;
        let servers = servers.map_err(|fault| fault.detail)?;
        let Some(server) = servers.first().copied() else {
            return Err("there is no DNS server to ask".to_owned());
        };
        let until = Instant::now() + TIMEOUT;
        let mut asked = JoinSet::new();
        for (n, name) in names.iter().take(NAMES).cloned().enumerate() {
            let Ok(query) = Name::from_ascii(format!("{}.", name.trim_end_matches('.'))) else {
                continue;
            };
            asked.spawn(async move { (n, name, server::knows(server, &query, until).await) });
        }
        let mut known = BTreeSet::new();
        let mut failed = Vec::new();
        while let Some(joined) = asked.join_next().await {
            match joined {
                Ok((_, name, Ok(true))) => drop(known.insert(name)),
                Ok((n, name, Ok(false))) => {
                    failed.push((n, format!("{server} answers with an error for {name}")));
                }
                Ok((n, _, Err(fault))) => failed.push((n, fault.detail)),
                Err(_) => {}
            }
        }
        if known.is_empty() {
            let first = failed.into_iter().min().map(|(_, detail)| detail);
            return Err(first.unwrap_or_else(|| "there is no name to ask for".to_owned()));
        }
        Ok(known)
    }
}

/// A name to ask the resolver for.
pub struct ResolverName;

impl Format for ResolverName {
    type Value = Arc<str>;
    const IS: &'static str = "a name in quotes, as \"example.org\"";
    const EXAMPLE: &'static str = "example.org";

    fn parse(text: &str) -> Result<Arc<str>, String> {
        match Host::parse(text.strip_suffix('.').unwrap_or(text))? {
            Host::Name(name) => Ok(name),
            Host::Address(_) => Err("this is an address: write a name to resolve".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tokio::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn a_target_is_a_host_with_a_port_or_a_dns_server() {
        let tcp = |text: &str| match Target::parse(text) {
            Ok(target @ Target(Kind::Tcp(..))) => target.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(tcp("192.0.2.1:443"), "192.0.2.1:443");
        assert_eq!(tcp("[2001:db8::1]:443"), "[2001:db8::1]:443");
        assert_eq!(tcp("gateway.example.org:22"), "gateway.example.org:22");
        for text in ["192.0.2.53", "192.0.2.53:53"] {
            let server = "192.0.2.53:53".parse().unwrap();
            assert_eq!(Target::parse(text), Ok(Target(Kind::Dns(server))));
        }
        for text in [
            "",
            "gateway",
            "gateway:0",
            "192.0.2.1:0",
            "a b:1",
            "a:b:1",
            "http://a:80",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn the_network_works_if_one_target_answers() {
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open_at = open.local_addr().unwrap().to_string();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed_at = closed.local_addr().unwrap().to_string();
        drop(closed);
        let target = |text: &str| Target::parse(text).unwrap();
        let both = [target(&closed_at), target(&open_at)];
        assert_eq!(network(&both).await, Ok(()));
        let why = network(&both[..1]).await.unwrap_err();
        assert_eq!(why, format!("{closed_at}: connection refused"));
    }

    /// Answers each query with this response code, for ever.
    async fn serve(socket: UdpSocket, code_of: fn(&[u8]) -> u8) {
        let mut buffer = [0; 512];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let code = code_of(&buffer[..length]);
            // An answer with the recursion bits of a resolver.
            buffer[2] |= 0x80;
            buffer[3] = 0x80 | code;
            socket.send_to(&buffer[..length], from).await.unwrap();
        }
    }

    /// Names that contain `gone` do not exist; for others the resolver fails.
    fn servfail_or_nxdomain(query: &[u8]) -> u8 {
        let gone = query.windows(4).any(|w| w == b"gone");
        if gone { 3 } else { 2 }
    }

    fn resolv_conf(folder: &tempfile::TempDir, port: u16) -> Resolver {
        let file = folder.path().join("resolv.conf");
        let mut out = std::fs::File::create(&file).unwrap();
        out.write_all(b"nameserver 127.0.0.1\n").unwrap();
        Resolver { file, port }
    }

    #[tokio::test]
    async fn a_resolver_answers_if_it_knows_whether_a_name_exists() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        let server = tokio::spawn(serve(socket, servfail_or_nxdomain));
        let folder = tempfile::tempdir().unwrap();
        let resolver = resolv_conf(&folder, at.port());
        let names: [Arc<str>; 2] = ["portal.example.org".into(), "gone.example.org".into()];
        let known = resolver.knows(&names).await.unwrap();
        assert_eq!(known, BTreeSet::from([Arc::clone(&names[1])]));
        let why = resolver.knows(&names[..1]).await.unwrap_err();
        assert!(why.contains("error for portal.example.org"), "{why}");
        assert!(resolver.knows(&[]).await.is_err());
        // As a target of the network check, an answer with an error is enough.
        let target = Target(Kind::Dns(at));
        assert_eq!(network(std::slice::from_ref(&target)).await, Ok(()));
        server.abort();
        assert!(server.await.is_err());
        let why = resolver.knows(&names).await.unwrap_err();
        assert!(why.contains("refused"), "{why}");
        assert!(network(&[target]).await.is_err());
    }
}
