//! The monitor checks itself before it blames a target: a bad sample is held until a check that began after it has
//! answered. Samples that fail at once share one check. A good sample passes at once.
//!
//! | check | fails if | then a bad sample |
//! | --- | --- | --- |
//! | network | no target of `[self_check]` answers | is `inconclusive` |
//! | resolver | it answers for no other name | is `inconclusive` if its own name did not resolve |

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::sample::{Outcome, Reason, Sample};
use probes::self_check::{self, NAMES, Resolver};
use tokio::sync::{Mutex, Notify};

use super::snapshot::{Check, CheckState, SharedState};
use crate::clock::Clock;
use crate::config;

/// How often the monitor checks itself without a bad sample, so that a wrong target shows before it is needed.
const EVERY: Duration = Duration::from_secs(60);
/// How often while a check fails.
const EVERY_FAILING: Duration = Duration::from_secs(5);
/// The longest that a sample is held: a check under way ends, and the next one answers.
const HELD: Duration = Duration::from_secs(4);

/// The last check of one kind: when it began, since boot, and its result.
type Last<T> = Mutex<Option<(Duration, T)>>;

/// Checks the monitor itself.
pub struct SelfCheck {
    clock: Clock,
    shared: Arc<SharedState>,
    settings: ArcSwap<config::SelfCheck>,
    /// The names that probes resolve.
    names: ArcSwap<Vec<Arc<str>>>,
    resolver: Resolver,
    network: Last<Result<(), String>>,
    known: Last<Result<BTreeSet<Arc<str>>, String>>,
    /// The settings have changed, or a check has begun to fail.
    changed: Notify,
}

/// The result for one bad sample.
enum Verdict {
    /// The sample stands as it is.
    Stands,
    /// The resolver works: the name of this target does not resolve.
    NameFails,
    /// The monitor's own network failed.
    NetworkFails(String),
}

impl SelfCheck {
    pub fn new(clock: Clock, shared: Arc<SharedState>, resolver: Resolver) -> Self {
        Self {
            clock,
            shared,
            settings: ArcSwap::default(),
            names: ArcSwap::default(),
            resolver,
            network: Mutex::default(),
            known: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Replaces the settings. The states of the checks are not known until they have answered again.
    pub fn configure(&self, settings: config::SelfCheck) {
        self.settings.store(Arc::new(settings));
        for check in Check::ALL {
            self.shared.self_check(check).store(None);
        }
        self.changed.notify_one();
    }

    /// Replaces the names that probes resolve.
    pub fn set_names(&self, names: BTreeSet<Arc<str>>) {
        self.names.store(Arc::new(names.into_iter().collect()));
    }

    /// Checks once a minute until aborted, more often while a check fails.
    pub async fn keep_checking(&self) {
        loop {
            let now = self.clock.read().up;
            if !self.settings.load().targets.is_empty() {
                // The result is published.
                let _ = self.network_works(now).await;
            }
            if self.settings.load().name.is_some() || self.fails(Check::Resolver) {
                let _ = self.resolver_knows(now).await;
            }
            let fails = Check::ALL.into_iter().any(|check| self.fails(check));
            let pause = if fails { EVERY_FAILING } else { EVERY };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// The sample as it counts. Holds a bad one until a check that began after it has answered, at most one and a half
    /// intervals of the probe: its coverage must not end meanwhile. `unresolved` is the name for which this machine's
    /// resolver failed.
    pub async fn judge(
        &self,
        mut sample: Sample,
        unresolved: Option<&str>,
        interval_ms: i64,
    ) -> Sample {
        let is_bad = sample.outcome == Outcome::Down || unresolved.is_some();
        if !is_bad || (unresolved.is_none() && self.settings.load().targets.is_empty()) {
            return sample;
        }
        let interval = Duration::from_millis(interval_ms.unsigned_abs());
        let held = HELD.min(interval + interval / 2);
        match tokio::time::timeout(held, self.verdict(unresolved)).await {
            Ok(Verdict::Stands) => {}
            Ok(Verdict::NameFails) => {
                sample.outcome = Outcome::Down;
                sample.reason = Some(Reason::Dns);
            }
            Ok(Verdict::NetworkFails(why)) => {
                let seen = sample.detail.unwrap_or_default();
                let detail = format!("the monitor's own network fails: {why} (seen: {seen})");
                sample.detail = Some(cut(&detail));
                sample.outcome = Outcome::Inconclusive;
                sample.reason = Some(Reason::Monitor);
            }
            Err(_) => {
                sample.outcome = Outcome::Inconclusive;
                sample.reason = Some(Reason::Monitor);
                sample.detail = Some("the monitor's self-check gave no answer in time".to_owned());
            }
        }
        sample
    }

    async fn verdict(&self, unresolved: Option<&str>) -> Verdict {
        let after = self.clock.read().up;
        if let Err(why) = self.network_works(after).await {
            return Verdict::NetworkFails(why);
        }
        let Some(unresolved) = unresolved else {
            return Verdict::Stands;
        };
        let known = self.resolver_knows(after).await.unwrap_or_default();
        if known.iter().any(|name| **name != *unresolved) {
            return Verdict::NameFails;
        }
        Verdict::Stands
    }

    /// The result of a check of the targets that began at or after `after`. Without targets the network counts as working.
    async fn network_works(&self, after: Duration) -> Result<(), String> {
        let settings = self.settings.load_full();
        if settings.targets.is_empty() {
            return Ok(());
        }
        let check = async {
            let result = self_check::network(&settings.targets).await;
            self.publish(Check::Network, result.as_ref().err());
            result
        };
        self.shared_answer(&self.network, after, check).await
    }

    /// The names for which the resolver answers, by a check that began at or after `after`.
    async fn resolver_knows(&self, after: Duration) -> Result<BTreeSet<Arc<str>>, String> {
        let check = async {
            let names = self.names();
            let result = self.resolver.knows(&names).await;
            // Without a name to ask for, the resolver's state is not known.
            if !names.is_empty() {
                self.publish(Check::Resolver, result.as_ref().err());
            }
            result
        };
        self.shared_answer(&self.known, after, check).await
    }

    /// The names to ask the resolver for. A name without a dot is often answered without any server.
    fn names(&self) -> Vec<Arc<str>> {
        let settings = self.settings.load();
        let names = self.names.load();
        let others = names
            .iter()
            .filter(|name| name.contains('.') && Some(*name) != settings.name.as_ref());
        let all = settings.name.iter().chain(others);
        all.take(NAMES).cloned().collect()
    }

    /// The last answer if its check began at or after `after`; else that of a new check. Callers that wait meanwhile
    /// share the next one.
    async fn shared_answer<T: Clone>(
        &self,
        last: &Last<T>,
        after: Duration,
        check: impl Future<Output = T>,
    ) -> T {
        let mut last = last.lock().await;
        if let Some((began, answer)) = &*last
            && *began >= after
        {
            return answer.clone();
        }
        let began = self.clock.read().up;
        let answer = check.await;
        *last = Some((began, answer.clone()));
        answer
    }

    fn fails(&self, check: Check) -> bool {
        let state = self.shared.self_check(check).load();
        state.as_ref().is_some_and(|state| state.failure.is_some())
    }

    fn publish(&self, check: Check, failure: Option<&String>) {
        let shared = self.shared.self_check(check);
        let before = shared.load_full();
        let failed = before.as_ref().is_some_and(|state| state.failure.is_some());
        let changed = before.is_none() || failed != failure.is_some();
        let since = match before {
            Some(state) if !changed => state.since,
            _ => self.clock.now(),
        };
        let failure = failure.cloned();
        match &failure {
            Some(why) if changed => {
                let check = check.word();
                tracing::warn!(
                    check,
                    why,
                    "the self-check fails: bad samples are inconclusive"
                );
                self.changed.notify_one();
            }
            None if failed => tracing::info!(check = check.word(), "the self-check answers again"),
            _ => {}
        }
        shared.store(Some(Arc::new(CheckState { since, failure })));
    }
}

/// At most as long as a detail may be.
fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let mut cut: String = chars.by_ref().take(probes::DETAIL_LIMIT).collect();
    if chars.next().is_some() {
        cut.pop();
        cut.push('…');
    }
    cut
}
