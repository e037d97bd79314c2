//! The outbox as the engine has it: what the courier takes from and hands back to.

use std::sync::Arc;
use std::time::Duration;

use domain::id::NoticeId;
use domain::outbox;
use domain::record::Outgoing;
use tokio::time::sleep;

use super::{Ended, Letter, Outbox, Refused, Sender};
use crate::engine::EngineHandle;

/// How long to wait before an end that could not be recorded is handed in once more.
const AGAIN: Duration = Duration::from_secs(1);

/// The engine's outbox.
pub struct Post {
    engine: Arc<EngineHandle>,
}

impl Post {
    /// The outbox behind `engine`.
    pub fn new(engine: Arc<EngineHandle>) -> Self {
        Self { engine }
    }
}

impl Outbox for Post {
    fn sender(&self, outgoing: &Outgoing) -> Sender {
        Sender::of(&self.engine.snapshot().record, outgoing)
    }

    fn due(&self) -> Vec<(NoticeId, Arc<Outgoing>)> {
        let snapshot = self.engine.snapshot();
        outbox::due(&snapshot.record, self.engine.clock().now())
            .into_iter()
            .filter_map(|id| Some((id, Arc::clone(snapshot.record.notices.get(&id)?))))
            .collect()
    }

    fn letter(&self, notice: NoticeId) -> Result<Option<Vec<u8>>, Refused> {
        self.engine
            .letter(notice)
            .map_err(|error| Refused(chain(&error)))
    }

    async fn attempt(&self, notice: NoticeId, letter: Letter) -> Result<u32, Refused> {
        self.engine
            .attempt(notice, letter.sha256, letter.bytes)
            .await
            .map_err(|error| Refused(chain(&error)))
    }

    async fn ended(&self, notice: NoticeId, attempt: u32, ended: Ended) {
        let Ended {
            result,
            reply,
            unreached,
        } = ended;
        // The engine keeps what its disk refuses and writes it later; only an engine that has
        // stopped takes nothing, and then the next start finds the attempt as ambiguous.
        while let Err(error) = self
            .engine
            .delivered(notice, attempt, result, reply.clone(), unreached)
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
