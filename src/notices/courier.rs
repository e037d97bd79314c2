//! Takes what is due from the outbox, has each attempt recorded before it connects, delivers, and
//! gives the outcome back. It keeps nothing of its own: killed at any moment, it finds in the
//! outbox what it needs.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::id::NoticeId;
use domain::mailbox::Mailbox;
use domain::outbox;
use domain::record::{Outgoing, Record};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::delivery::{Ended, attempt};
use super::relay::Timeouts;
use super::{Letter, Renderer};
use crate::config::Relay;

/// How many messages are on their way at once, so that one stalled relay blocks no one.
const CONNECTIONS: usize = 8;

/// How many notices are in hand at once: under way, waiting for a connection, or resting.
const CARRIED: usize = 1024;

/// The outbox is looked at this often even when nobody says that it changed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long a notice rests whose attempt could not be recorded.
const AFTER_REFUSAL: Duration = Duration::from_secs(3);

/// How long a notice rests that could not be rendered.
const AFTER_ERROR: Duration = Duration::from_secs(60);

/// How long the messages under way may take when the service stops; a message cut off after its
/// first byte is ambiguous, and goes out once more.
const GRACE: Duration = Duration::from_secs(20);

/// The outbox will not have an attempt begin: it is not due, or cannot be recorded now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// In whose name notices are sent: all of it is in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The ledger's identity.
    pub identity: String,
    /// The operator's name.
    pub service: String,
    pub mail_from: Mailbox,
    /// The `Message-ID` of the first message of the same matter, if there was one.
    pub thread: Option<String>,
}

impl Sender {
    /// As the record has it: the thread is the one that was begun, whoever was the sender then.
    pub fn of(record: &Record, outgoing: &Outgoing) -> Self {
        let first = outgoing.notice.thread;
        Self {
            identity: record.identity.clone(),
            service: record.catalogue.service.clone(),
            mail_from: record.catalogue.mail_from.clone(),
            thread: first.map(|first| outbox::message_id(record, first)),
        }
    }
}

/// The outbox, as the courier needs it. The engine has one.
pub trait Outbox: Send + Sync + 'static {
    /// In whose name a notice is sent, and in which thread.
    fn sender(&self, outgoing: &Outgoing) -> Sender;

    /// What may leave now, in order of the ids. May be out of date by a moment: `attempt` is
    /// asked in any case, and knows.
    fn due(&self) -> Vec<(NoticeId, Arc<Outgoing>)>;

    /// The bytes kept from the first attempt, if there was one.
    ///
    /// # Errors
    /// It cannot be told now: whoever rendered it anew might send something else.
    fn letter(&self, notice: NoticeId) -> Result<Option<Vec<u8>>, Refused>;

    /// Records that an attempt begins, with the letter's bytes, durably; its number, from 1.
    fn attempt(
        &self,
        notice: NoticeId,
        letter: Letter,
    ) -> impl Future<Output = Result<u32, Refused>> + Send;

    /// Records how an attempt ended.
    fn ended(
        &self,
        notice: NoticeId,
        attempt: u32,
        ended: Ended,
    ) -> impl Future<Output = ()> + Send;

    /// Waits until something may be due. A change since the last `due` must end it at once.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}

/// Delivers.
pub struct Courier {
    relays: ArcSwap<Vec<Relay>>,
    renderer: ArcSwap<Renderer>,
    limits: Timeouts,
}

impl Courier {
    /// A courier that renders with `renderer` and delivers through the first of `relays` that
    /// takes a message.
    pub fn new(relays: Vec<Relay>, renderer: Arc<Renderer>, limits: Timeouts) -> Self {
        Self {
            relays: ArcSwap::from_pointee(relays),
            renderer: ArcSwap::new(renderer),
            limits,
        }
    }

    /// Other relays and templates from now on; what is under way ends with the old ones.
    pub fn replace(&self, relays: Vec<Relay>, renderer: Arc<Renderer>) {
        self.relays.store(Arc::new(relays));
        self.renderer.store(renderer);
    }

    /// Delivers what is due until `stop`; then gives what is under way a few seconds to end.
    pub async fn run(self: Arc<Self>, outbox: Arc<impl Outbox>, stop: impl Future<Output = ()>) {
        let lines = Arc::new(Semaphore::new(CONNECTIONS));
        let mut under_way = JoinSet::new();
        let mut resting = JoinSet::new();
        let mut carried: BTreeMap<NoticeId, AbortHandle> = BTreeMap::new();
        tokio::pin!(stop);
        loop {
            for (id, outgoing) in outbox.due() {
                if carried.len() >= CARRIED {
                    break;
                }
                carried.entry(id).or_insert_with(|| {
                    let (courier, outbox) = (Arc::clone(&self), Arc::clone(&outbox));
                    let lines = Arc::clone(&lines);
                    under_way.spawn(async move {
                        // Closed lines mean that the service stops.
                        let Ok(_line) = lines.acquire().await else {
                            return (id, None);
                        };
                        (id, courier.carry(&*outbox, id, &outgoing).await)
                    })
                });
            }
            tokio::select! {
                () = &mut stop => break,
                Some(done) = under_way.join_next(), if !under_way.is_empty() => match done {
                    Ok((id, Some(rest))) => {
                        carried.insert(id, resting.spawn(sleep(rest)));
                    }
                    Ok((_, None)) => {}
                    Err(error) => tracing::error!(%error, "a delivery broke off"),
                },
                Some(_) = resting.join_next(), if !resting.is_empty() => {}
                _ = timeout(LOOK_AGAIN, outbox.changed()), if carried.len() < CARRIED => {}
            }
            carried.retain(|_, task| !task.is_finished());
        }
        lines.close();
        let all_ended = async { while under_way.join_next().await.is_some() {} };
        if timeout(GRACE, all_ended).await.is_err() {
            tracing::warn!("stopped with messages under way: each is ambiguous until tried again");
        }
    }

    /// One attempt, from rendering to its recorded end; how long the notice is left alone where
    /// none could begin.
    async fn carry(
        &self,
        outbox: &impl Outbox,
        id: NoticeId,
        outgoing: &Outgoing,
    ) -> Option<Duration> {
        let sender = outbox.sender(outgoing);
        let letter = match outbox.letter(id) {
            Ok(Some(bytes)) => Letter::kept(bytes),
            Ok(None) => match self.renderer.load().letter(id, outgoing, &sender) {
                Ok(letter) => letter,
                Err(error) => {
                    log_unrendered(id, &error);
                    return Some(AFTER_ERROR);
                }
            },
            Err(error) => {
                tracing::error!(%error, notice = %id, "a kept message cannot be read; it waits");
                return Some(AFTER_REFUSAL);
            }
        };
        let bytes = letter.bytes.clone();
        let number = match outbox.attempt(id, letter).await {
            Ok(number) => number,
            Err(refused) => {
                // Most often only late news: it was folded or sent a moment ago.
                tracing::debug!(%refused, notice = %id, "an attempt to deliver did not begin");
                return Some(AFTER_REFUSAL);
            }
        };
        let relays = self.relays.load_full();
        let to = &outgoing.notice.recipient;
        let (ended, farewell) = attempt(&relays, &sender.mail_from.address, to, &bytes, &self.limits).await;
        outbox.ended(id, number, ended).await;
        if let Some(farewell) = farewell {
            farewell.say().await;
        }
        None
    }
}

fn log_unrendered(id: NoticeId, error: &super::Error) {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, notice = %id, "a notice cannot be rendered");
}
