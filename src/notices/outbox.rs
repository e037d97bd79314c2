//! The outbox of the engine: the courier takes due messages from it and returns the results.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::event::{Delivery, SubscriptionCause};
use domain::id::{NoticeId, SubscriberId};
use domain::notice::{Address, Notice};
use domain::notices;
use jiff::Timestamp;
use tokio::time::sleep;

use super::courier::SHARE;
use super::{Due, Ended, Outbox, Refused, Rendered};
use crate::clock;
use crate::engine::EngineHandle;
use crate::engine::snapshot::Snapshot;

/// The pause before a result that could not be recorded is sent to the engine again.
const AGAIN: Duration = Duration::from_secs(1);

/// The shortest and the longest pause after a look at all subscribers.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(2));

/// The engine's outbox.
pub struct EngineOutbox {
    engine: Arc<EngineHandle>,
    look: Mutex<Look>,
}

/// The look at one subscriber after the other. There may be thousands.
#[derive(Default)]
struct Look {
    /// The last one of this round.
    after: Option<Address>,
    /// A message of this round was due.
    found: bool,
    took: Duration,
    /// The earliest instant at which one of this round gets a message that may not leave now.
    wake: Option<Timestamp>,
    /// No look before then.
    rests_until: Duration,
    /// The state at which no message was due, and until when.
    idle_at: Option<(u64, Option<Timestamp>)>,
    /// The state at the beginning of this round.
    seq: u64,
}

impl EngineOutbox {
    pub fn new(engine: Arc<EngineHandle>) -> Self {
        Self {
            engine,
            look: Mutex::default(),
        }
    }
}

impl Look {
    fn on(&mut self, snapshot: &Snapshot, now: Timestamp, room: usize) -> (Vec<Due>, Duration) {
        let (record, began) = (&snapshot.record, clock::elapsed());
        let until = |at: Option<Timestamp>| {
            let wait = at.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
            wait.unwrap_or(Duration::MAX)
        };
        if let Some((seq, wake)) = self.idle_at
            && seq == record.seq
            && wake.is_none_or(|wake| now < wake)
        {
            return (Vec::new(), until(wake));
        }
        if began < self.rests_until {
            return (Vec::new(), self.rests_until - began);
        }
        if self.after.is_none() {
            self.seq = record.seq;
        }
        let after = self.after.take();
        let found =
            notices::due_to_subscribers(record, &snapshot.doubted, now, after.as_ref(), room);
        let due = found
            .notices
            .into_iter()
            .map(|notice| Due::of(record, notice));
        let due: Vec<Due> = due.collect();
        self.found |= !due.is_empty();
        self.wake = self.wake.into_iter().chain(found.wake).min();
        self.after = found.looked_until;
        self.took += clock::elapsed().saturating_sub(began);
        if self.after.is_some() {
            return (due, Duration::MAX);
        }
        let pause = (self.took * SHARE).clamp(PAUSES.0, PAUSES.1);
        let idle_at = (!self.found).then_some((self.seq, self.wake));
        *self = Self {
            rests_until: clock::elapsed() + pause,
            idle_at,
            ..Self::default()
        };
        (due, pause)
    }
}

impl Outbox for EngineOutbox {
    fn due(&self, carried: &dyn Fn(&Address) -> bool, room: usize) -> (Vec<Due>, Duration) {
        self.engine.shared().counters.pulse.courier.beat();
        let snapshot = self.engine.snapshot();
        let now = self.engine.clock().now();
        let (record, doubted) = (&snapshot.record, &snapshot.doubted);
        let wanted = |address: &Address| !carried(address);
        let (due, wake) = notices::due_to_some(record, doubted, now, wanted, room);
        let due = due.into_iter();
        let due = due.map(|notice| Due::of(record, notice)).collect();
        let wait = wake.and_then(|wake| Duration::try_from(wake.duration_since(now)).ok());
        (due, wait.unwrap_or(Duration::MAX))
    }

    fn due_to_subscribers(&self, room: usize) -> (Vec<Due>, Duration) {
        let snapshot = self.engine.snapshot();
        let now = self.engine.clock().now();
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        look.on(&snapshot, now, room)
    }

    async fn unknown_subscriber(&self, id: SubscriberId) {
        let ended = self
            .engine
            .subscribe(id, Vec::new(), SubscriptionCause::Restored);
        if let Err(error) = ended.await {
            tracing::warn!(error = %chain(&error), subscriber = %id, "the end of a subscription was not recorded");
        }
    }

    fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    fn kept(&self, notice: NoticeId) -> Result<Option<Vec<u8>>, Refused> {
        self.engine
            .message(notice)
            .map_err(|error| Refused(chain(&error)))
    }

    async fn attempt(
        &self,
        notice: &Notice,
        message: Rendered,
    ) -> Result<(NoticeId, u32), Refused> {
        self.engine
            .attempt(notice, message.message_id, message.sha256, message.bytes)
            .await
            .map_err(|error| Refused(chain(&error)))
    }

    async fn ended(&self, notice: NoticeId, attempt: u32, ended: Ended) {
        let Ended {
            result,
            reply,
            unreached,
            refused_us,
            retry_after_s,
        } = ended;
        if refused_us {
            self.engine.count_relay_refusal();
        }
        if result == Delivery::Accepted {
            self.engine.shared().counters.pulse.accepted.beat();
        }
        // If the disk fails, the engine keeps the result and writes it later. A stopped engine
        // takes no result; then the next start counts the attempt as ambiguous.
        while let Err(error) = self
            .engine
            .delivered(
                notice,
                attempt,
                result,
                reply.clone(),
                unreached,
                retry_after_s,
            )
            .await
        {
            match error {
                crate::engine::Error::Store(_) => sleep(AGAIN).await,
                other => {
                    tracing::warn!(error = %chain(&other), %notice, "a delivery's end was not taken");
                    return;
                }
            }
        }
    }

    async fn changed(&self) {
        self.engine.outbox_changed().await;
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
