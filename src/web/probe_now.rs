//! Runs one configured probe on request, for `/probe`, the console and the API. The result is not stored and sends no notice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::catalogue::Catalogue;
use domain::id::ProbeId;
use domain::sample::Sample;
use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;

use crate::config::ProbeSetup;
use crate::metrics;

/// The probes of the configuration in force.
#[derive(Default)]
pub(super) struct Targets(Mutex<BTreeMap<ProbeId, Arc<Target>>>);

/// Locked while the probe runs.
type Target = AsyncMutex<ProbeSetup>;

/// Why a probe did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotRun {
    /// No such probe is configured.
    Unknown,
    /// Another request already runs it.
    Busy,
}

impl Targets {
    /// Allows these probes and no others.
    pub(super) fn replace(&self, setups: &[ProbeSetup]) {
        let target = |setup: &ProbeSetup| {
            let target = AsyncMutex::new(setup.clone());
            (setup.id.clone(), Arc::new(target))
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            setups.iter().map(target).collect();
    }

    /// Runs a probe once, under its own timeout, and returns its metrics.
    pub(super) async fn run(
        &self,
        id: &ProbeId,
        catalogue: &Catalogue,
        now: Timestamp,
    ) -> Result<String, NotRun> {
        let target = self.target(id)?;
        let probe = catalogue.probe(id).ok_or(NotRun::Unknown)?;
        let setup = target.try_lock().map_err(|_| NotRun::Busy)?;
        let found = setup.probe.run().await;
        let sample = Sample {
            source: catalogue.source(id),
            at: now,
            late_us: 0,
            outcome: found.outcome,
            reason: found.reason,
            detail: None,
            took_us: u64::try_from(found.took.as_micros()).unwrap_or(u64::MAX),
            phases: found.phases,
            status: found.status,
            certificate_ends_at: found.certificate_ends_at,
            certificate_ends_soon: found.certificate_ends_soon,
            clock_offset_us: found.clock_offset_us,
        };
        Ok(metrics::probe_page(catalogue, probe, sample))
    }

    /// Runs a probe once, under its own timeout. True if it is up, and what happened, for people.
    pub(super) async fn transcript(
        &self,
        id: &ProbeId,
        now: Timestamp,
    ) -> Result<(bool, String), NotRun> {
        let target = self.target(id)?;
        let setup = target.try_lock().map_err(|_| NotRun::Busy)?;
        let (found, notes) = setup.probe.run_with_notes().await;
        let is_up = found.outcome == domain::sample::Outcome::Up;
        Ok((is_up, probes::transcript(id.as_str(), &found, &notes, now)))
    }

    fn target(&self, id: &ProbeId) -> Result<Arc<Target>, NotRun> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(id).cloned().ok_or(NotRun::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::engine::tests::fixtures::{self, catalogue, portal};

    /// Longer than anything here takes on a busy machine.
    const LONG: Duration = Duration::from_secs(30);

    /// A probe of that server's page.
    fn page(id: ProbeId, server: &TcpListener, timeout: Duration) -> ProbeSetup {
        ProbeSetup {
            id,
            vantage: "here".into(),
            probe: fixtures::page(server, timeout),
            interval_ms: 1_000,
            retry_interval_ms: 1_000,
        }
    }

    #[tokio::test]
    async fn a_probe_does_not_run_twice_at_once_and_then_runs_again() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let targets = Arc::new(Targets::default());
        targets.replace(&[page(portal(), &server, LONG)]);
        let first = tokio::spawn({
            let targets = Arc::clone(&targets);
            async move {
                targets
                    .run(&portal(), &catalogue(), Timestamp::UNIX_EPOCH)
                    .await
            }
        });
        // The probe has connected and waits for an answer.
        let (connection, _) = server.accept().await.unwrap();
        let run = || async {
            targets
                .run(&portal(), &catalogue(), Timestamp::UNIX_EPOCH)
                .await
        };
        assert_eq!(run().await.err(), Some(NotRun::Busy));
        drop(connection);
        let is_down = |page: String| {
            let line = page.lines().find(|line| line.starts_with("probe_success"));
            assert!(line.unwrap().ends_with(" 0"), "{page}");
        };
        is_down(first.await.unwrap().unwrap());
        drop(server);
        is_down(run().await.unwrap());
    }

    #[tokio::test]
    async fn the_probes_that_may_run_follow_the_configuration() {
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
                let result = targets.run(&id, &both, Timestamp::UNIX_EPOCH).await;
                let why = (id != wanted).then_some(NotRun::Unknown);
                assert_eq!(result.err(), why, "{id} while {wanted} is configured");
            }
        }
    }
}
