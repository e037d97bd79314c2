//! Takes the calls of feeds. A beat is a sample of its probe, dated when it came.

use std::sync::{Arc, Mutex, PoisonError};

use domain::id::ProbeId;
use domain::sample::{Outcome, Phases, Sample};

use crate::config::{HeartbeatSetup, TokenHash};
use crate::engine::EngineHandle;

/// The heartbeats of the configuration in force.
#[derive(Default)]
pub struct Beats(Mutex<Arc<[HeartbeatSetup]>>);

impl Beats {
    /// Takes the beats of these heartbeats and no others.
    pub fn replace(&self, setups: &[HeartbeatSetup]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = setups.into();
    }

    /// The heartbeat with that token. Every hash is compared, so that the time tells nothing.
    fn find(&self, token: &str) -> Option<ProbeId> {
        let all = Arc::clone(&*self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let hash = TokenHash::of(token);
        let found = all
            .iter()
            .fold(None, |found, setup| match setup.token.matches(&hash) {
                true => Some(setup),
                false => found,
            });
        found.map(|setup| setup.id.clone())
    }

    /// Gives a beat to the engine. False if no heartbeat has that token.
    pub(super) async fn take(&self, engine: &EngineHandle, token: &str) -> bool {
        let Some(id) = self.find(token) else {
            return false;
        };
        let catalogue = Arc::clone(&engine.snapshot().record.catalogue);
        if catalogue.probe(&id).is_none() {
            return false;
        }
        let sample = Sample {
            source: catalogue.source(&id),
            at: engine.clock().now(),
            late_us: 0,
            outcome: Outcome::Up,
            reason: None,
            detail: None,
            took_us: 0,
            phases: Phases::default(),
            status: None,
            certificate_ends_at: None,
            certificate_ends_soon: false,
            clock_offset_us: None,
        };
        engine.sample(sample).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_one() {
        let beats = Beats::default();
        let setup = |id: &str, token: &str| HeartbeatSetup {
            id: id.into(),
            token: TokenHash::of(token),
        };
        beats.replace(&[
            setup("feed/nightly", "first-token-1234"),
            setup("feed/live", "second-token-123"),
        ]);
        assert_eq!(beats.find("first-token-1234"), Some("feed/nightly".into()));
        assert_eq!(beats.find("second-token-123"), Some("feed/live".into()));
        for wrong in [
            "",
            "first-token-123",
            "first-token-1234 ",
            "FIRST-TOKEN-1234",
        ] {
            assert_eq!(beats.find(wrong), None, "{wrong}");
        }
        beats.replace(&[]);
        assert_eq!(beats.find("first-token-1234"), None);
    }
}
