//! Resolves names by this machine's resolver. Its own failure must never be told as "no such name".

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::sample::Reason;
use tokio::net::UdpSocket;

use super::reach::reachable;
use crate::fault::{Fault, local_shortage};
use crate::trace::Trace;

/// The most addresses of one name that a connection tries.
const ADDRESSES: usize = 8;

/// The most addresses of one name that a run asks if it asks each of them.
pub(crate) const ALL_ADDRESSES: usize = 16;

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
    trace.egress.order(result?)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;
    use std::sync::Mutex;

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
}
