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
use domain::notice::{Address, Kind, Notice};
use domain::record::Record;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::delivery::{Ended, attempt};
use super::message::hex;
use super::relay::Timeouts;
use super::{Rendered, Renderer};
use crate::config::Relay;

/// How many messages are on their way at once, so that one stalled relay blocks no one.
const CONNECTIONS: usize = 8;

/// How many notices are in hand at once: under way, waiting for a connection, or resting.
const CARRIED: usize = 1024;

/// The outbox is looked at this often even when nobody says that it changed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long an address rests if an attempt could not be recorded.
const AFTER_REFUSAL: Duration = Duration::from_millis(250);

/// How long an address rests if its kept message could not be read.
const AFTER_UNREADABLE: Duration = Duration::from_secs(3);

/// How long an address rests if its message could not be rendered.
const AFTER_ERROR: Duration = Duration::from_secs(60);

/// How long the messages under way may take when the service stops; a message cut off after its
/// first byte is ambiguous, and goes out once more.
const GRACE: Duration = Duration::from_secs(20);

/// The outbox will not have an attempt begin: it is not due, or cannot be recorded now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// The headers of a message that do not come from its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The operator's name.
    pub service: String,
    pub mail_from: Mailbox,
    /// The `Message-ID`, in angle brackets.
    pub message_id: String,
    /// The `Message-ID`s of earlier messages of the same matter, in their order.
    pub references: Vec<String>,
}

impl Sender {
    /// The sender of the next message to its recipient. A message that is sent once more keeps its
    /// `Message-ID`; a new one has its own, in this ledger and no other.
    pub fn of(record: &Record, notice: &Notice) -> Self {
        let address = &notice.recipient.address;
        let current = record.notices.current(address);
        let again = current.filter(|(_, outgoing)| outgoing.notice == *notice);
        let message_id = again.map_or_else(
            || {
                let count = record.notices.count_to(address);
                let seed = format!("{}\0{address}\0{count}", record.identity);
                let id = &hex(&Sha256::digest(seed))[..24];
                format!("<{id}@{}>", record.catalogue.mail_from.domain())
            },
            |(_, outgoing)| outgoing.message_id.clone(),
        );
        let earlier = notice.references.iter();
        let earlier = earlier.filter_map(|id| record.notices.message(*id));
        Self {
            service: record.catalogue.service.clone(),
            mail_from: record.catalogue.mail_from.clone(),
            message_id,
            references: earlier.map(|o| o.message_id.clone()).collect(),
        }
    }
}

/// A message that may leave now.
#[derive(Clone, Debug)]
pub struct Due {
    pub notice: Notice,
    pub sender: Sender,
    /// The earlier attempts' message, whose bytes were kept.
    pub kept: Option<NoticeId>,
}

impl Due {
    pub fn of(record: &Record, notice: Notice) -> Self {
        let current = record.notices.current(&notice.recipient.address);
        let again = current.filter(|(_, outgoing)| outgoing.notice == notice);
        Self {
            sender: Sender::of(record, &notice),
            kept: again.map(|(id, _)| id),
            notice,
        }
    }
}

/// The outbox, as the courier needs it. The engine has one.
pub trait Outbox: Send + Sync + 'static {
    /// What may leave now, and how long until something else may. May be out of date by a moment:
    /// `attempt` decides.
    fn due(&self) -> (Vec<Due>, Duration);

    /// The time for a `Date` header.
    fn now(&self) -> Timestamp;

    /// The bytes kept from the first attempt.
    ///
    /// # Errors
    /// They cannot be read now. The message must not be rendered anew: it might differ.
    fn kept(&self, notice: NoticeId) -> Result<Option<Vec<u8>>, Refused>;

    /// Records durably that an attempt begins; the message's id and the attempt's number, from 1.
    fn attempt(
        &self,
        notice: &Notice,
        message: Rendered,
    ) -> impl Future<Output = Result<(NoticeId, u32), Refused>> + Send;

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
        let mut carried: BTreeMap<Address, AbortHandle> = BTreeMap::new();
        tokio::pin!(stop);
        loop {
            let (due, wait) = outbox.due();
            for due in due {
                if carried.len() >= CARRIED {
                    break;
                }
                let address = due.notice.recipient.address.clone();
                carried.entry(address.clone()).or_insert_with(|| {
                    let (courier, outbox) = (Arc::clone(&self), Arc::clone(&outbox));
                    let lines = Arc::clone(&lines);
                    under_way.spawn(async move {
                        // Closed lines mean that the service stops.
                        let Ok(_line) = lines.acquire().await else {
                            return (address, None);
                        };
                        let rest = courier.carry(&*outbox, due).await;
                        (address, rest)
                    })
                });
            }
            tokio::select! {
                () = &mut stop => break,
                Some(done) = under_way.join_next(), if !under_way.is_empty() => match done {
                    Ok((address, Some(rest))) => {
                        carried.insert(address, resting.spawn(sleep(rest)));
                    }
                    Ok((_, None)) => {}
                    Err(error) => tracing::error!(%error, "a delivery broke off"),
                },
                Some(_) = resting.join_next(), if !resting.is_empty() => {}
                _ = timeout(wait.min(LOOK_AGAIN), outbox.changed()), if carried.len() < CARRIED => {}
            }
            carried.retain(|_, task| !task.is_finished());
        }
        lines.close();
        let all_ended = async { while under_way.join_next().await.is_some() {} };
        if timeout(GRACE, all_ended).await.is_err() {
            tracing::warn!("stopped with messages under way: each is ambiguous until tried again");
        }
    }

    /// One attempt, from rendering to its recorded end; how long the address is left alone if no
    /// attempt could begin.
    async fn carry(&self, outbox: &impl Outbox, due: Due) -> Option<Duration> {
        let Due {
            notice,
            sender,
            kept,
        } = due;
        let kept = match kept.map_or(Ok(None), |id| outbox.kept(id)) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!(%error, "a kept message cannot be read; it waits");
                return Some(AFTER_UNREADABLE);
            }
        };
        let rendered = match kept {
            Some(bytes) => Ok(Rendered::kept(bytes)),
            None => self.renderer.load().message(&notice, &sender, outbox.now()),
        };
        let message = match rendered {
            Ok(message) => message,
            Err(error) => {
                log_unrendered(notice.kind, &error);
                return Some(AFTER_ERROR);
            }
        };
        let bytes = message.bytes.clone();
        let (id, number) = match outbox.attempt(&notice, message).await {
            Ok(begun) => begun,
            Err(refused) => {
                // Usually the state changed a moment ago.
                tracing::debug!(%refused, "an attempt to deliver did not begin");
                return Some(AFTER_REFUSAL);
            }
        };
        let relays = self.relays.load_full();
        let Address::Mail(to) = &notice.recipient.address;
        let (ended, farewell) =
            attempt(&relays, &sender.mail_from.address, to, &bytes, &self.limits).await;
        outbox.ended(id, number, ended).await;
        if let Some(farewell) = farewell {
            farewell.say().await;
        }
        None
    }
}

fn log_unrendered(kind: Kind, error: &super::Error) {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, %kind, "a notice cannot be rendered");
}
