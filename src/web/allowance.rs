//! The requests that each client's address may make. An IPv6 client counts by its /64, since it may choose any address
//! of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Addresses that are remembered. Beyond it, those that have not asked for long are forgotten.
const REMEMBERED: usize = 65_536;

/// A token bucket for each address.
pub(super) struct Allowance {
    /// Requests that an address may make at once.
    burst: f64,
    /// Requests a second that it may make in the long run.
    per_second: f64,
    asked: Mutex<HashMap<IpAddr, Bucket>>,
}

/// The requests that an address may still make.
#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    as_of: Duration,
}

impl Allowance {
    pub(super) fn new(burst: f64, per_second: f64) -> Self {
        Self {
            burst,
            per_second,
            asked: Mutex::default(),
        }
    }

    /// True if the address may make a request `now`, by a clock that only runs forward. It is counted.
    pub(super) fn admits(&self, peer: IpAddr, now: Duration) -> bool {
        // A panic while it is locked leaves whole entries.
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= REMEMBERED {
            asked.retain(|_, bucket| self.at(*bucket, now).left < self.burst);
        }
        // Of still more addresses, some get a new allowance.
        if asked.len() >= REMEMBERED {
            asked.clear();
        }
        let full = Bucket {
            left: self.burst,
            as_of: now,
        };
        let bucket = asked.entry(network(peer)).or_insert(full);
        *bucket = self.at(*bucket, now);
        let admitted = bucket.left >= 1.0;
        if admitted {
            bucket.left -= 1.0;
        }
        admitted
    }

    fn at(&self, bucket: Bucket, now: Duration) -> Bucket {
        let since = now.saturating_sub(bucket.as_of).as_secs_f64();
        Bucket {
            left: (bucket.left + since * self.per_second).min(self.burst),
            as_of: now,
        }
    }
}

/// The addresses that count as one client.
pub(super) fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_that_asks_too_often_waits_and_others_do_not() {
        let allowance = Allowance::new(60.0, 10.0);
        let now = Duration::from_secs(100);
        let admitted = (0..100)
            .filter(|_| allowance.admits(peer("192.0.2.1"), now))
            .count();
        assert_eq!(admitted, 60);
        assert!(allowance.admits(peer("192.0.2.2"), now));
        let later = now + Duration::from_millis(150);
        assert!(allowance.admits(peer("192.0.2.1"), later));
        assert!(!allowance.admits(peer("192.0.2.1"), later));
    }

    #[test]
    fn addresses_of_one_network_share_an_allowance() {
        let allowance = Allowance::new(60.0, 10.0);
        let now = Duration::from_secs(1);
        let each = (0..100).map(|n| peer(&format!("2001:db8::{n:x}")));
        assert_eq!(each.filter(|p| allowance.admits(*p, now)).count(), 60);
        assert!(allowance.admits(peer("2001:db8:0:1::1"), now));
    }
}
