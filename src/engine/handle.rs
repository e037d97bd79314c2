//! The one road into state: a bounded channel into the engine's thread. What people do is
//! answered with a receipt or a refusal once it is on the disk; samples are handed over and
//! forgotten.
//!
//! Nothing here decides anything.

use std::sync::{Arc, Mutex, PoisonError};

use domain::act::{Act, Refusal};
use domain::catalogue::Catalogue;
use domain::decide::Input;
use domain::event::{Delivery, Event};
use domain::id::NoticeId;
use domain::sample::Sample;
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, oneshot};

use super::snapshot::{SharedState, Snapshot};
use super::turn;
use crate::clock::Clock;
use crate::ledger::{self, Ledger};
use crate::samples::Writer;

/// Inputs that may wait for the engine. Ten thousand probes every 30 s fill it in 98 s; then
/// probes wait for the engine, and their lateness shows it.
pub(super) const QUEUE: usize = 32_768;

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be made durable; nothing has changed.
    #[error("the ledger cannot be written")]
    Store(#[source] ledger::Error),
    /// The engine has stopped.
    #[error("the engine has stopped")]
    Gone,
}

impl From<turn::Error> for Error {
    fn from(error: turn::Error) -> Self {
        match error {
            turn::Error::Refused(refusal) => Error::Refused(refusal),
            turn::Error::Store(error) => Error::Store(error),
        }
    }
}

/// What came of an input: the events that follow from it, on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The events with their sequence numbers, in order; none where nothing followed.
    pub events: Vec<(u64, Event)>,
}

/// What waits for the engine.
pub(super) enum Message {
    /// A probe ran.
    Sample(Sample),
    /// Anything that somebody waits for.
    Asked(Box<Asked>),
}

/// An input that somebody waits for.
pub(super) struct Asked {
    pub(super) input: Input,
    pub(super) letters: Vec<(NoticeId, Vec<u8>)>,
    pub(super) reply: oneshot::Sender<Result<Receipt, Error>>,
}

/// The way in. Share it in an `Arc`.
pub struct EngineHandle {
    pub(super) inputs: mpsc::Sender<Message>,
    shared: Arc<SharedState>,
    clock: Clock,
    samples: Option<Writer>,
    letters: Mutex<Ledger>,
    outbox: Arc<Notify>,
}

impl EngineHandle {
    pub(super) fn new(
        inputs: mpsc::Sender<Message>,
        shared: Arc<SharedState>,
        clock: Clock,
        samples: Option<Writer>,
        letters: Ledger,
        outbox: Arc<Notify>,
    ) -> Self {
        let letters = Mutex::new(letters);
        Self {
            inputs,
            shared,
            clock,
            samples,
            letters,
            outbox,
        }
    }

    /// The clocks that the engine goes by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What everybody may read.
    pub fn shared(&self) -> &Arc<SharedState> {
        &self.shared
    }

    /// The latest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot()
    }

    /// Does what a person asks for, durably, or says why not.
    ///
    /// # Errors
    /// Refused with its reason, or not written: nothing has changed then.
    pub async fn act(&self, by: &str, act: Act) -> Result<Receipt, Error> {
        self.ask(Input::Act {
            by: by.to_owned(),
            act,
        })
        .await
    }

    /// Puts a checked configuration in force. One that is in force already leaves no trace.
    ///
    /// # Errors
    /// Not written: the one before stays in force.
    pub async fn configure(&self, by: &str, catalogue: Catalogue) -> Result<Receipt, Error> {
        if *self.snapshot().record.catalogue == catalogue {
            return Ok(Receipt::default());
        }
        let catalogue = Box::new(catalogue);
        self.ask(Input::Configure {
            by: by.to_owned(),
            catalogue,
        })
        .await
    }

    /// Starts to watch.
    ///
    /// # Errors
    /// Not written: then the service must not start.
    pub async fn start(&self, alive_until: Option<Timestamp>) -> Result<Receipt, Error> {
        self.ask(Input::Start { alive_until }).await
    }

    /// Stops watching, in order; the engine's thread ends, and nothing is taken in any more.
    ///
    /// # Errors
    /// Not written: the next start will find a life that ended without a word.
    pub async fn stop(&self) -> Result<Receipt, Error> {
        self.ask(Input::Stop).await
    }

    /// Hands over a sample: to the store, and to the engine. Waits only if the engine is far
    /// behind.
    pub async fn sample(&self, sample: Sample) {
        if let Some(writer) = &self.samples
            && writer.offer(sample.clone()).is_err()
        {
            let refused = &self.shared.counters.samples_refused;
            refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        // An engine that has stopped wants no more samples; whoever supervises it knows.
        let _ = self.inputs.send(Message::Sample(sample)).await;
    }

    /// Records that an attempt to deliver begins, with the message's bytes; its number, from 1.
    ///
    /// # Errors
    /// The notice is not due, or nothing could be written: no connection may be made.
    pub async fn attempt(
        &self,
        notice: NoticeId,
        sha256: String,
        bytes: Vec<u8>,
    ) -> Result<u32, Error> {
        let input = Input::Attempt { notice, sha256 };
        let receipt = self.send(input, vec![(notice, bytes)]).await?;
        let number = receipt
            .events
            .iter()
            .find_map(|(_, event)| match &event.fact {
                domain::event::Fact::DeliveryAttempted {
                    notice: n, attempt, ..
                } if *n == notice => Some(*attempt),
                _ => None,
            });
        number.ok_or_else(|| Refusal(format!("{notice} is not due")).into())
    }

    /// Records how an attempt ended; `unreached` where no relay came as far as to speak of the notice. What cannot be written now is written later, by the engine.
    ///
    /// # Errors
    /// As for every input; the caller has nothing left to do about it.
    pub async fn delivered(
        &self,
        notice: NoticeId,
        attempt: u32,
        result: Delivery,
        reply: String,
        unreached: bool,
    ) -> Result<Receipt, Error> {
        self.ask(Input::Delivered {
            notice,
            attempt,
            result,
            reply,
            unreached,
        })
        .await
    }

    /// The message of a notice as it was rendered for its first attempt.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn letter(&self, notice: NoticeId) -> Result<Option<Vec<u8>>, ledger::Error> {
        // A read leaves nothing halfway, so a poisoned lock is still right.
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.letter(notice)
    }

    /// Waits until the outbox has changed; a change since the last call ends it at once.
    pub async fn outbox_changed(&self) {
        self.outbox.notified().await;
    }

    async fn ask(&self, input: Input) -> Result<Receipt, Error> {
        self.send(input, Vec::new()).await
    }

    async fn send(
        &self,
        input: Input,
        letters: Vec<(NoticeId, Vec<u8>)>,
    ) -> Result<Receipt, Error> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked {
            input,
            letters,
            reply,
        };
        let sent = self.inputs.send(Message::Asked(Box::new(asked))).await;
        sent.map_err(|_| Error::Gone)?;
        answer.await.map_err(|_| Error::Gone)?
    }
}
