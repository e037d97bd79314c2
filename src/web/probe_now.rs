//! One configured probe, asked now because somebody wants to know: what `/probe` answers. Nothing
//! of it is stored, and nobody is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::catalogue::Catalogue;
use domain::id::ProbeId;
use domain::sample::Sample;
use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;

use crate::engine::runner::Setup;
use crate::metrics;

/// The probes that may be asked: those of the configuration in force.
#[derive(Default)]
pub(super) struct Targets(Mutex<BTreeMap<ProbeId, Arc<Target>>>);

struct Target {
    setup: Setup,
    /// Held while it is being asked.
    turn: AsyncMutex<()>,
}

/// Why a probe was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unasked {
    /// None of that name is configured.
    Unknown,
    /// Somebody else is waiting for its answer: no target is asked twice at once.
    Busy,
}

impl Targets {
    /// These and no others from now on.
    pub(super) fn replace(&self, setups: &[Setup]) {
        let target = |setup: &Setup| {
            let (setup, turn) = (setup.clone(), AsyncMutex::new(()));
            (setup.id.clone(), Arc::new(Target { setup, turn }))
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            setups.iter().map(target).collect();
    }

    /// Runs a probe once, under its own timeout, and answers its metrics.
    pub(super) async fn ask(
        &self,
        id: &ProbeId,
        catalogue: &Catalogue,
        now: Timestamp,
    ) -> Result<String, Unasked> {
        let target = {
            let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.get(id).cloned().ok_or(Unasked::Unknown)?
        };
        let probe = catalogue.probe(id).ok_or(Unasked::Unknown)?;
        let _turn = target.turn.try_lock().map_err(|_| Unasked::Busy)?;
        let found = target.setup.probe.run().await;
        let sample = Sample {
            probe: id.clone(),
            at: now,
            late_us: 0,
            outcome: found.outcome,
            reason: found.reason,
            detail: None,
            took_us: u64::try_from(found.took.as_micros()).unwrap_or(u64::MAX),
            phases: found.phases,
            status: found.status,
            certificate_ends_at: found.certificate_ends_at,
        };
        Ok(metrics::probe_page(catalogue, probe, sample))
    }
}

#[cfg(test)]
mod tests {
    // A test that cannot build its own input should fail at once.
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::engine::tests::fixtures::{self, catalogue, portal};

    /// Longer than anything here takes on a busy machine.
    const LONG: Duration = Duration::from_secs(30);

    /// A page of that server, wanted within `timeout`.
    fn page(id: ProbeId, server: &TcpListener, timeout: Duration) -> Setup {
        Setup {
            id,
            probe: fixtures::page(server, timeout),
            interval_ms: 1_000,
            retry_ms: 1_000,
            timeout,
        }
    }

    #[tokio::test]
    async fn a_target_is_not_asked_twice_at_once_and_then_again() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let targets = Arc::new(Targets::default());
        targets.replace(&[page(portal(), &server, LONG)]);
        let first = tokio::spawn({
            let targets = Arc::clone(&targets);
            async move {
                targets
                    .ask(&portal(), &catalogue(), Timestamp::UNIX_EPOCH)
                    .await
            }
        });
        // It has connected, and waits for an answer.
        let (connection, _) = server.accept().await.unwrap();
        let ask = || async {
            targets
                .ask(&portal(), &catalogue(), Timestamp::UNIX_EPOCH)
                .await
        };
        assert_eq!(ask().await.err(), Some(Unasked::Busy));
        drop(connection);
        let is_down = |page: String| {
            let line = page.lines().find(|line| line.starts_with("probe_success"));
            assert!(line.unwrap().ends_with(" 0"), "{page}");
        };
        is_down(first.await.unwrap().unwrap());
        drop(server);
        is_down(ask().await.unwrap());
    }

    #[tokio::test]
    async fn what_may_be_asked_follows_the_configuration() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let short = Duration::from_millis(50);
        let targets = Targets::default();
        let mut both = catalogue();
        let mut new = both.systems[0].probes[0].clone();
        new.id = ProbeId::from("portal/new");
        both.systems[0].probes.push(new.clone());
        for wanted in [portal(), new.id.clone(), portal()] {
            targets.replace(&[page(wanted.clone(), &server, short)]);
            for id in [portal(), new.id.clone()] {
                let asked = targets.ask(&id, &both, Timestamp::UNIX_EPOCH).await;
                let why = (id != wanted).then_some(Unasked::Unknown);
                assert_eq!(asked.err(), why, "{id} where {wanted} is offered");
            }
        }
    }
}
