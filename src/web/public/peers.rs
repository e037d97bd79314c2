//! Limits for each client's address: how many connections it has at once, and how many requests it makes. An IPv6
//! client counts by its /64, since it may choose any address of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Connections of one address at once.
const CONNECTIONS: u32 = 128;
/// Requests that an address may make at once.
const BURST: f64 = 60.0;
/// Requests a second that it may make in the long run.
const PER_SECOND: f64 = 10.0;
/// Addresses that are remembered. Beyond it, those that have not asked for long are forgotten.
const REMEMBERED: usize = 65_536;

#[derive(Default)]
pub(super) struct Peers {
    connected: Mutex<HashMap<IpAddr, u32>>,
    asked: Mutex<HashMap<IpAddr, Bucket>>,
}

/// The requests that an address may still make.
#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    as_of: Duration,
}

impl Bucket {
    fn at(self, now: Duration) -> Self {
        let since = now.saturating_sub(self.as_of).as_secs_f64();
        Self {
            left: (self.left + since * PER_SECOND).min(BURST),
            as_of: now,
        }
    }
}

/// A place among the connections of an address.
pub(super) struct Place {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connected = locked(&self.peers.connected);
        if let Some(count) = connected.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                connected.remove(&self.peer);
            }
        }
    }
}

impl Peers {
    /// A place for one more connection; `None` if the address has too many.
    pub(super) fn place(peers: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = network(peer);
        let mut connected = locked(&peers.connected);
        let count = connected.entry(peer).or_default();
        if *count >= CONNECTIONS {
            return None;
        }
        *count += 1;
        drop(connected);
        Some(Place {
            peers: Arc::clone(peers),
            peer,
        })
    }

    /// True if the address may make a request `now`, by a clock that only runs forward. It is counted.
    pub(super) fn admits(&self, peer: IpAddr, now: Duration) -> bool {
        let mut asked = locked(&self.asked);
        if asked.len() >= REMEMBERED {
            asked.retain(|_, bucket| bucket.at(now).left < BURST);
        }
        // Of still more addresses, some get a new allowance.
        if asked.len() >= REMEMBERED {
            asked.clear();
        }
        let full = Bucket {
            left: BURST,
            as_of: now,
        };
        let bucket = asked.entry(network(peer)).or_insert(full);
        *bucket = bucket.at(now);
        let admitted = bucket.left >= 1.0;
        if admitted {
            bucket.left -= 1.0;
        }
        admitted
    }
}

fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// A panic while it is locked leaves whole entries.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_that_asks_too_often_waits_and_others_do_not() {
        let peers = Peers::default();
        let now = Duration::from_secs(100);
        let admitted = (0..100)
            .filter(|_| peers.admits(peer("192.0.2.1"), now))
            .count();
        assert_eq!(admitted, 60);
        assert!(peers.admits(peer("192.0.2.2"), now));
        let later = now + Duration::from_millis(150);
        assert!(peers.admits(peer("192.0.2.1"), later));
        assert!(!peers.admits(peer("192.0.2.1"), later));
    }

    #[test]
    fn addresses_of_one_network_share_an_allowance() {
        let peers = Peers::default();
        let now = Duration::from_secs(1);
        let each = (0..100).map(|n| peer(&format!("2001:db8::{n:x}")));
        assert_eq!(each.filter(|p| peers.admits(*p, now)).count(), 60);
        assert!(peers.admits(peer("2001:db8:0:1::1"), now));
    }

    #[test]
    fn the_connections_of_an_address_are_limited_and_freed() {
        let peers = Arc::new(Peers::default());
        let place = || Peers::place(&peers, peer("192.0.2.1"));
        let mut held: Vec<_> = (0..128).filter_map(|_| place()).collect();
        assert_eq!(held.len(), 128);
        assert!(place().is_none());
        held.pop();
        assert!(place().is_some());
        drop(held);
        assert!(locked(&peers.connected).is_empty());
    }
}
