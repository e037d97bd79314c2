//! The outbox of the engine: the courier takes due messages from it and returns the results.

use std::sync::Arc;
use std::time::Duration;

use domain::id::NoticeId;
use domain::notice::Notice;
use domain::notices;
use jiff::Timestamp;
use tokio::time::sleep;

use super::{Due, Ended, Outbox, Refused, Rendered};
use crate::engine::EngineHandle;

/// The pause before a result that could not be recorded is sent to the engine again.
const AGAIN: Duration = Duration::from_secs(1);

/// The engine's outbox.
pub struct EngineOutbox {
    engine: Arc<EngineHandle>,
}

impl EngineOutbox {
    pub fn new(engine: Arc<EngineHandle>) -> Self {
        Self { engine }
    }
}

impl Outbox for EngineOutbox {
    fn due(&self) -> (Vec<Due>, Duration) {
        let snapshot = self.engine.snapshot();
        let now = self.engine.clock().now();
        let (record, doubted) = (&snapshot.record, &snapshot.doubted);
        let due = notices::due(record, doubted, now).into_iter();
        let due = due.map(|notice| Due::of(record, notice)).collect();
        let wait = notices::next_wake(record, doubted, now)
            .and_then(|wake| Duration::try_from(wake.duration_since(now)).ok());
        (due, wait.unwrap_or(Duration::MAX))
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
