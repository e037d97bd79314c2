//! One run at a time for a listener that serves one client only. A second run waits for the first, also for one
//! of another process on this machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use crate::fault::Fault;

/// Ends the exclusive use of a listener when it is dropped.
#[derive(Debug)]
pub(crate) struct Exclusive {
    _here: OwnedMutexGuard<()>,
    _elsewhere: Option<elsewhere::Lock>,
}

/// The pause between two looks at the lock of another process.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until no other run uses this listener, at most half of the time until `deadline`.
///
/// # Errors
///
/// It is still in use: this says nothing about the listener.
pub(crate) async fn exclusive(name: &str, deadline: Instant) -> Result<Exclusive, Fault> {
    static LOCKS: Mutex<BTreeMap<String, Arc<AsyncMutex<()>>>> = Mutex::new(BTreeMap::new());

    let lock = {
        let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
        // A lock that nobody holds or waits for is only in the map.
        locks.retain(|held, lock| held == name || Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(name.to_owned()).or_default())
    };
    let now = Instant::now();
    let patience = now + deadline.saturating_duration_since(now) / 2;
    let busy = || Fault::monitor("another probe of this listener is still running");
    let here = timeout_at(patience, lock.lock_owned()).await;
    let here = here.map_err(|_| busy())?;
    loop {
        match elsewhere::lock(name) {
            elsewhere::Taken::Yes(lock) => {
                return Ok(Exclusive {
                    _here: here,
                    _elsewhere: lock,
                });
            }
            elsewhere::Taken::Busy if Instant::now() >= patience => return Err(busy()),
            elsewhere::Taken::Busy => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// A lock among processes: a name in the kernel that ends with its process.
#[cfg(target_os = "linux")]
mod elsewhere {
    use std::io::ErrorKind;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    pub(super) type Lock = UnixDatagram;

    pub(super) enum Taken {
        /// `None`: this machine has no such locks.
        Yes(Option<Lock>),
        Busy,
    }

    pub(super) fn lock(name: &str) -> Taken {
        // A name has at most 107 bytes. A longer one would be the same as its neighbour's.
        let name = format!("nines listener {name}");
        let bound = SocketAddr::from_abstract_name(name.as_bytes());
        match bound.and_then(|address| UnixDatagram::bind_addr(&address)) {
            Ok(lock) => Taken::Yes(Some(lock)),
            Err(error) if error.kind() == ErrorKind::AddrInUse => Taken::Busy,
            Err(_) => Taken::Yes(None),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    pub(super) type Lock = ();

    pub(super) enum Taken {
        Yes(Option<Lock>),
        Busy,
    }

    pub(super) fn lock(_: &str) -> Taken {
        Taken::Yes(None)
    }
}

#[cfg(test)]
mod tests {
    use domain::sample::Reason;

    use super::*;

    #[tokio::test]
    async fn a_second_run_waits_for_the_first() {
        let name = "first.example.org:2575";
        let deadline = Instant::now() + Duration::from_secs(20);
        let first = exclusive(name, deadline).await.unwrap();
        let fault = exclusive(name, Instant::now() + Duration::from_millis(50)).await;
        assert_eq!(fault.unwrap_err().reason, Reason::Monitor);
        assert!(exclusive("second.example.org:2575", deadline).await.is_ok());
        let second = tokio::spawn(exclusive(name, deadline));
        tokio::task::yield_now().await;
        drop(first);
        assert!(second.await.unwrap().is_ok());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_run_of_another_process_is_waited_for() {
        let name = "other.example.org:2575";
        let elsewhere::Taken::Yes(held) = elsewhere::lock(name) else {
            panic!("the lock is free");
        };
        let fault = exclusive(name, Instant::now() + Duration::from_millis(50)).await;
        assert_eq!(fault.unwrap_err().reason, Reason::Monitor);
        drop(held);
        let deadline = Instant::now() + Duration::from_secs(20);
        assert!(exclusive(name, deadline).await.is_ok());
    }
}
