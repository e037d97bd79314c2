//! One configured probe, asked now because somebody wants to know: what `/probe` answers. Nothing
//! of it is stored, and nobody is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::catalogue::Catalogue;
use domain::id::ProbeId;
use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;

use crate::engine::runner::Setup;
use crate::metrics::view::{Latest, Probe, Taken};

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

    /// Runs a probe once, under its own timeout, and shows it as [`crate::metrics::asked`] takes it.
    pub(super) async fn ask(
        &self,
        id: &ProbeId,
        catalogue: &Catalogue,
        now: Timestamp,
    ) -> Result<Probe, Unasked> {
        let target = {
            let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.get(id).cloned().ok_or(Unasked::Unknown)?
        };
        let kind = &catalogue.probe(id).ok_or(Unasked::Unknown)?.kind;
        let _turn = target.turn.try_lock().map_err(|_| Unasked::Busy)?;
        let found = target.setup.probe.run().await;
        Ok(Probe {
            system: id.system().to_owned(),
            name: id.name().to_owned(),
            kind: kind.clone(),
            vantage: catalogue.vantage.clone(),
            latest: Some(Latest {
                at: now,
                vouches: true,
                outcome: found.outcome,
                took_us: u64::try_from(found.took.as_micros()).unwrap_or(u64::MAX),
                phases: found.phases,
                status: found.status,
                certificate_ends_at: found.certificate_ends_at,
            }),
            taken: Taken::default(),
            missed_slots: 0,
        })
    }
}
