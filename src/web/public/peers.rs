//! Limits for each client's address: how many connections it has at once, and how many requests it makes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::allowance::{Allowance, network};

/// Connections of one address at once.
const CONNECTIONS: u32 = 128;
/// Calls of feeds that an address may make at once.
const BURST: f64 = 60.0;
/// Calls a second that it may make in the long run.
const PER_SECOND: f64 = 10.0;

pub(super) struct Peers {
    connected: Mutex<HashMap<IpAddr, u32>>,
    asked: Allowance,
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            connected: Mutex::default(),
            asked: Allowance::new(BURST, PER_SECOND),
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

    /// True if the address may call `now`, by a clock that only runs forward. It is counted.
    pub(super) fn admits(&self, peer: IpAddr, now: Duration) -> bool {
        self.asked.admits(peer, now)
    }
}

/// A panic while it is locked leaves whole entries.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connections_of_an_address_are_limited_and_freed() {
        let peers = Arc::new(Peers::default());
        let place = || Peers::place(&peers, "192.0.2.1".parse().unwrap());
        let mut held: Vec<_> = (0..128).filter_map(|_| place()).collect();
        assert_eq!(held.len(), 128);
        assert!(place().is_none());
        held.pop();
        assert!(place().is_some());
        drop(held);
        assert!(locked(&peers.connected).is_empty());
    }
}
