//! The only way to change the state: a bounded queue to the engine's thread. The engine answers a
//! request with a receipt or a refusal once the events are on the disk. It does not answer samples.
//! This file decides nothing.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use domain::act::{Act, Refusal};
use domain::actor::Actor;
use domain::calendar::Month;
use domain::catalogue::Catalogue;
use domain::event::{Delivery, Event, SubscriptionCause};
use domain::id::{NoticeId, SubscriberId, SystemId};
use domain::input::{FiledReport, Input};
use domain::latency::StoredRollup;
use domain::notice::Notice;
use domain::sample::{ArchivedMonth, Sample};
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, oneshot};

use super::snapshot::{SharedState, Snapshot};
use super::turn;
use crate::clock::Clock;
use crate::ledger::{self, Ledger};
use crate::samples::Writer;

/// Inputs that may wait for the engine. Ten thousand probes every 30 s fill the queue in 98 s. Then
/// probes wait, which the metric of their lateness shows.
pub(super) const QUEUE: usize = 32_768;

/// Why a request changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the ledger cannot be written")]
    Store(#[source] ledger::Error),
    #[error("the engine has stopped")]
    Stopped,
}

impl From<turn::Error> for Error {
    fn from(error: turn::Error) -> Self {
        match error {
            turn::Error::Refused(refusal) => Error::Refused(refusal),
            turn::Error::Store(error) => Error::Store(error),
        }
    }
}

/// The result of an input: the events that follow from it. They are on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// In order, with their sequence numbers.
    pub events: Vec<(u64, Event)>,
}

/// An entry of the engine's queue.
#[expect(
    clippy::large_enum_variant,
    reason = "a boxed sample would be allocated for each run of a probe"
)]
pub(super) enum Message {
    /// With the time at which it came.
    Sample(Sample, Timestamp),
    Request(Box<Request>),
}

/// An input whose sender waits for the answer.
pub(super) struct Request {
    /// When it came.
    pub(super) came_at: Timestamp,
    pub(super) input: Input,
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) reply: oneshot::Sender<Result<Receipt, Error>>,
}

impl Request {
    /// An attempt to deliver, or its end.
    pub(super) fn is_delivery(&self) -> bool {
        matches!(self.input, Input::Attempt { .. } | Input::Delivered { .. })
    }
}

/// Sends inputs to the engine and reads its state. Share it in an `Arc`.
pub struct EngineHandle {
    pub(super) inputs: mpsc::Sender<Message>,
    shared: Arc<SharedState>,
    clock: Clock,
    samples: Option<Writer>,
    messages: Mutex<Ledger>,
    wakes: Wakes,
}

/// The signals that end the pauses of the engine and of the courier.
pub(super) struct Wakes {
    /// The engine, for a request.
    pub(super) requests: Arc<Notify>,
    /// The courier, for a change of the outbox.
    pub(super) outbox: Arc<Notify>,
}

impl EngineHandle {
    pub(super) fn new(
        inputs: mpsc::Sender<Message>,
        shared: Arc<SharedState>,
        clock: Clock,
        samples: Option<Writer>,
        messages: Ledger,
        wakes: Wakes,
    ) -> Self {
        let messages = Mutex::new(messages);
        Self {
            inputs,
            shared,
            clock,
            samples,
            messages,
            wakes,
        }
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn shared(&self) -> &Arc<SharedState> {
        &self.shared
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot()
    }

    /// Does what a person asks for. `not_phi`: why a text is no protected health information.
    ///
    /// # Errors
    /// Refused with its reason, or not written: nothing has changed then.
    pub async fn act(
        &self,
        by: Actor,
        act: Act,
        not_phi: Option<String>,
    ) -> Result<Receipt, Error> {
        self.ask(Input::Act { by, act, not_phi }).await
    }

    /// Puts a checked configuration in force. Does nothing if it is in force already.
    ///
    /// # Errors
    /// Not written: the one before stays in force.
    pub async fn configure(&self, by: Actor, catalogue: Catalogue) -> Result<Receipt, Error> {
        if *self.snapshot().record.catalogue == catalogue {
            return Ok(Receipt::default());
        }
        let catalogue = Box::new(catalogue);
        self.ask(Input::Configure { by, catalogue }).await
    }

    /// Starts monitoring.
    ///
    /// # Errors
    /// The start cannot be written. Then the service must not start.
    pub async fn start(&self, alive_until: Option<Timestamp>) -> Result<Receipt, Error> {
        self.ask(Input::Start { alive_until }).await
    }

    /// Stops monitoring. The engine's thread ends.
    ///
    /// # Errors
    /// The stop cannot be written. Then the next start finds that the service ended without it.
    pub async fn stop(&self) -> Result<Receipt, Error> {
        self.ask(Input::Stop).await
    }

    /// Gives a sample to the store and to the engine. Waits only while the engine's queue is full.
    pub async fn sample(&self, sample: Sample) {
        if let Some(writer) = &self.samples
            && writer.offer(sample.clone()).is_err()
        {
            let refused = &self.shared.counters.samples_refused;
            refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        // A stopped engine needs no samples. `Running` reports its end.
        let came_at = self.clock.now();
        let _ = self.inputs.send(Message::Sample(sample, came_at)).await;
    }

    /// Records that an attempt to deliver begins, with the message's bytes; the message's id, and
    /// the attempt's number from 1.
    ///
    /// # Errors
    /// The notice is not due, or the attempt cannot be written. Then the caller must not connect.
    pub async fn attempt(
        &self,
        notice: &Notice,
        message_id: String,
        sha256: String,
        bytes: Vec<u8>,
    ) -> Result<(NoticeId, u32), Error> {
        let input = Input::Attempt {
            notice: Box::new(notice.clone()),
            message_id,
            sha256,
        };
        let receipt = self.send(input, Some(bytes)).await?;
        let mut events = receipt.events.iter();
        let begun = events.find_map(|(_, event)| turn::attempted(&event.fact));
        begun.ok_or_else(|| Refusal(format!("this {} is not due", notice.kind)).into())
    }

    /// Records how an attempt ended. If the end cannot be written now, the engine writes it later.
    ///
    /// # Errors
    /// As for every input. The caller need not try again.
    pub async fn delivered(
        &self,
        notice: NoticeId,
        attempt: u32,
        result: Delivery,
        reply: String,
        unreached: bool,
        retry_after_s: Option<i64>,
    ) -> Result<Receipt, Error> {
        self.ask(Input::Delivered {
            notice,
            attempt,
            result,
            reply,
            unreached,
            retry_after_s,
        })
        .await
    }

    /// Records that the files of an approved report are on the disk.
    ///
    /// # Errors
    /// Refused if the report has its files, or not written.
    pub async fn file_report(&self, filed: FiledReport) -> Result<Receipt, Error> {
        self.ask(Input::FileReport(Box::new(filed))).await
    }

    /// Records that the roll-up of a day is on the disk.
    ///
    /// # Errors
    /// Refused if the day has one, or not written.
    pub async fn roll_up(&self, stored: StoredRollup) -> Result<Receipt, Error> {
        self.ask(Input::RollUp(Box::new(stored))).await
    }

    /// Records that the archive of a month's samples is on the disk.
    ///
    /// # Errors
    /// Not written.
    pub async fn archive_samples(&self, archived: ArchivedMonth) -> Result<Receipt, Error> {
        self.ask(Input::ArchiveSamples(archived)).await
    }

    /// Records that the samples of a month are deleted next.
    ///
    /// # Errors
    /// Not written.
    pub async fn delete_samples(&self, month: Month) -> Result<Receipt, Error> {
        self.ask(Input::DeleteSamples(month)).await
    }

    /// Records the systems of a subscriber; none ends the subscription. No event follows if they are the same as before.
    ///
    /// # Errors
    /// Not written.
    pub async fn subscribe(
        &self,
        subscriber: SubscriberId,
        systems: Vec<SystemId>,
        cause: SubscriptionCause,
    ) -> Result<Receipt, Error> {
        self.ask(Input::Subscription {
            subscriber,
            systems,
            cause,
        })
        .await
    }

    /// Counts an attempt at which a relay refused Nines itself.
    pub fn count_relay_refusal(&self) {
        let refusals = &self.shared.counters.relay_refusals;
        refusals.fetch_add(1, Ordering::Relaxed);
    }

    /// The message of a notice, as rendered for its first attempt.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn message(&self, notice: NoticeId) -> Result<Option<Vec<u8>>, ledger::Error> {
        // A read changes nothing, so a poisoned lock still guards a valid value.
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.message(notice)
    }

    /// Waits until the outbox has changed since the last call.
    pub async fn outbox_changed(&self) {
        self.wakes.outbox.notified().await;
    }

    async fn ask(&self, input: Input) -> Result<Receipt, Error> {
        self.send(input, None).await
    }

    async fn send(&self, input: Input, bytes: Option<Vec<u8>>) -> Result<Receipt, Error> {
        let (reply, answer) = oneshot::channel();
        let request = Request {
            came_at: self.clock.now(),
            input,
            bytes,
            reply,
        };
        let message = Message::Request(Box::new(request));
        let sent = self.inputs.send(message).await;
        sent.map_err(|_| Error::Stopped)?;
        self.wakes.requests.notify_one();
        answer.await.map_err(|_| Error::Stopped)?
    }
}
