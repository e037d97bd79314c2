//! Takes the messages that are due from the outbox, has each attempt recorded before it connects,
//! delivers, and returns the result. It has no state of its own: after a kill, the outbox has all
//! that it needs.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::catalogue::Catalogue;
use domain::event::Delivery;
use domain::id::{NoticeId, SubscriberId};
use domain::mailbox::Mailbox;
use domain::notice::{Address, Kind, Notice};
use domain::record::Record;
use jiff::Timestamp;
use people::People;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::delivery::{Ended, attempt};
use super::letter::{self, Reader, Readers};
use super::message::to_person;
use super::persons::{Persons, without_address};
use super::relay::{Farewell, Timeouts};
use super::webhook::post;
use super::{Rendered, Renderer};
use crate::clock;
use crate::config::{Relay, Webhook};
use crate::digest::sha256;

/// The number of messages under way at once, so that one stalled relay does not block the others.
const CONNECTIONS: usize = 8;

/// The number of messages to subscribers under way at once. They take none of the connections for others.
const SUBSCRIBER_CONNECTIONS: usize = 4;

/// The number of messages to subscribers handled at once.
const SUBSCRIBERS_CARRIED: usize = 64;

/// The number of notices handled at once: under way, waiting for a connection, or pausing.
const CARRIED: usize = 1024;

/// The outbox is read this often even without a signal that it changed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// After a look at the outbox, or at all subscribers, the next one waits this many times as long as that took, up to a limit.
/// Looks of up to ten milliseconds take a tenth of the time at most. Messages go on meanwhile.
pub(super) const SHARE: u32 = 10;

/// No pause is shorter than this or longer than that.
const SHORT: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(100);

/// The pause of an address if an attempt could not be recorded.
const AFTER_REFUSAL: Duration = Duration::from_millis(250);

/// The pause of an address if its stored message could not be read.
const AFTER_UNREADABLE: Duration = Duration::from_secs(3);

/// The pause of an address if its message could not be rendered, or its subscriber not be looked up.
const AFTER_ERROR: Duration = Duration::from_secs(60);

/// The time that messages under way get when the service stops. A message cut off after its first
/// byte is ambiguous and is sent once more.
const GRACE: Duration = Duration::from_secs(20);

/// The outbox refuses an attempt: it is not due, or it cannot be recorded now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// The headers of a message that do not come from its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The operator's name.
    pub service: String,
    /// Whom the reader can ask.
    pub contact: String,
    pub mail_from: Mailbox,
    /// The `Message-ID`, in angle brackets.
    pub message_id: String,
    /// The `Message-ID`s of earlier messages about the same outages or window, in order.
    pub references: Vec<String>,
}

impl Sender {
    /// The headers of the next message to its recipient. A message that is sent once more keeps its
    /// `Message-ID`. A new message gets one that is unique across ledgers.
    pub fn of(record: &Record, notice: &Notice) -> Self {
        let address = &notice.recipient.address;
        let current = record.notices.current(address);
        let again = current.filter(|(_, outgoing)| outgoing.notice == *notice);
        let message_id = again.map_or_else(
            || {
                let count = record.notices.count_to(address);
                let seed = format!("{}\0{address}\0{count}", record.identity);
                let id = &sha256(seed)[..24];
                format!("<{id}@{}>", record.catalogue.mail_from.domain())
            },
            |(_, outgoing)| outgoing.message_id.clone(),
        );
        let earlier = notice.references.iter();
        let earlier = earlier.filter_map(|id| record.notices.message(*id));
        Self {
            service: record.catalogue.service.clone(),
            contact: contact(&record.catalogue),
            mail_from: record.catalogue.mail_from.clone(),
            message_id,
            references: earlier.map(|o| o.message_id.clone()).collect(),
        }
    }
}

/// Whom readers of notices can ask: as configured, else the sender's address.
pub fn contact(catalogue: &Catalogue) -> String {
    let configured = catalogue.contact.clone();
    let sender = Some(&catalogue.mail_from.address).filter(|address| !address.is_empty());
    let known = configured.or_else(|| sender.cloned());
    known.unwrap_or_else(|| catalogue.service.clone())
}

/// A message that may be sent now.
#[derive(Clone, Debug)]
pub struct Due {
    pub notice: Notice,
    pub sender: Sender,
    /// The message of the earlier attempts, whose bytes are stored.
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

/// The part of the engine that the courier uses.
pub trait Outbox: Send + Sync + 'static {
    /// At most `room` messages that may be sent now to addresses that are not `carried`, and the time until another one
    /// may be. It may be slightly out of date: `attempt` decides. A thousand addresses may be carried at once, and each
    /// end of a message asks again.
    fn due(&self, carried: &dyn Fn(&Address) -> bool, room: usize) -> (Vec<Due>, Duration);

    /// The same for at most `room` messages to subscribers. A later call goes on with other subscribers.
    fn due_to_subscribers(&self, room: usize) -> (Vec<Due>, Duration);

    /// Records that a subscription has ended, of which the ledger does not know.
    fn unknown_subscriber(&self, id: SubscriberId) -> impl Future<Output = ()> + Send;

    /// The time for a `Date` header.
    fn now(&self) -> Timestamp;

    /// The bytes that were stored at the first attempt.
    ///
    /// # Errors
    /// They cannot be read now. The caller must not render the message again: it might differ.
    fn kept(&self, notice: NoticeId) -> Result<Option<Vec<u8>>, Refused>;

    /// Records durably that an attempt begins. Returns the message's id and the attempt's number,
    /// from 1.
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

    /// Waits until a message may be due. A change since the last `due` must end it at once.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}

/// Delivers the notices of an outbox.
pub struct Courier {
    relays: ArcSwap<Vec<Relay>>,
    webhooks: ArcSwap<Vec<Webhook>>,
    renderer: ArcSwap<Renderer>,
    persons: Persons,
    limits: Timeouts,
    /// The subscribers' addresses; `None` if there are no subscribers.
    readers: Option<Arc<dyn Readers>>,
}

impl Courier {
    /// A courier that renders with `renderer` and delivers mail through the first of `relays` that
    /// accepts a message.
    pub fn new(relays: Vec<Relay>, renderer: Arc<Renderer>, limits: Timeouts) -> Self {
        Self {
            relays: ArcSwap::from_pointee(relays),
            webhooks: ArcSwap::default(),
            renderer: ArcSwap::new(renderer),
            persons: Persons::default(),
            limits,
            readers: None,
        }
    }

    /// The same courier, which finds the addresses of people in `people`.
    pub fn with_people(self, people: Arc<People>) -> Self {
        Self {
            persons: Persons::of(people),
            ..self
        }
    }

    /// The same courier, which finds the addresses of subscribers there.
    pub fn with_readers(mut self, readers: Arc<dyn Readers>) -> Self {
        self.readers = Some(readers);
        self
    }

    /// The same courier with these webhooks.
    pub fn with_webhooks(self, webhooks: Vec<Webhook>) -> Self {
        self.webhooks.store(Arc::new(webhooks));
        self
    }

    /// Replaces the relays, webhooks and templates. Messages under way end with the old ones.
    pub fn replace(&self, relays: Vec<Relay>, webhooks: Vec<Webhook>, renderer: Arc<Renderer>) {
        self.webhooks.store(Arc::new(webhooks));
        self.relays.store(Arc::new(relays));
        self.renderer.store(renderer);
    }

    /// Delivers due messages until `stop`. Then messages under way get `GRACE` to end.
    pub async fn run(self: Arc<Self>, outbox: Arc<impl Outbox>, stop: impl Future<Output = ()>) {
        let lines = Arc::new(Semaphore::new(CONNECTIONS));
        let subscriber_lines = Arc::new(Semaphore::new(SUBSCRIBER_CONNECTIONS));
        let mut under_way = JoinSet::new();
        let mut resting: JoinSet<Address> = JoinSet::new();
        let mut carried: BTreeMap<Address, AbortHandle> = BTreeMap::new();
        tokio::pin!(stop);
        loop {
            let began = clock::elapsed();
            let (subscribers, others) = count(&carried);
            let is_carried = |address: &Address| carried.contains_key(address);
            let (mut due, mut wait) = outbox.due(&is_carried, CARRIED.saturating_sub(others));
            let room = SUBSCRIBERS_CARRIED.saturating_sub(subscribers);
            if room > 0 && self.readers.is_some() {
                let (more, again) = outbox.due_to_subscribers(room);
                due.extend(more);
                wait = wait.min(again);
            }
            for due in due {
                let address = due.notice.recipient.address.clone();
                carried.entry(address.clone()).or_insert_with(|| {
                    let (courier, outbox) = (Arc::clone(&self), Arc::clone(&outbox));
                    let lines = match address.subscriber() {
                        Some(_) => Arc::clone(&subscriber_lines),
                        None => Arc::clone(&lines),
                    };
                    under_way.spawn(async move {
                        // The semaphore is closed when the service stops.
                        let Ok(_line) = lines.acquire().await else {
                            return (address, None);
                        };
                        let rest = courier.carry(&*outbox, due).await;
                        (address, rest)
                    })
                });
            }
            let pause = clock::elapsed().saturating_sub(began) * SHARE;
            if pause > SHORT {
                tokio::select! {
                    () = &mut stop => break,
                    () = sleep(pause.min(LONGEST)) => {}
                }
            }
            tokio::select! {
                () = &mut stop => break,
                Some(done) = under_way.join_next(), if !under_way.is_empty() => {
                    let mut done = Some(done);
                    while let Some(ended) = done {
                        match ended {
                            Ok((address, Some(rest))) => {
                                let rested = address.clone();
                                let rests = async move {
                                    sleep(rest).await;
                                    rested
                                };
                                carried.insert(address, resting.spawn(rests));
                            }
                            Ok((address, None)) => {
                                carried.remove(&address);
                            }
                            Err(error) => {
                                tracing::error!(%error, "a delivery broke off");
                                carried.retain(|_, task| !task.is_finished());
                            }
                        }
                        done = under_way.try_join_next();
                    }
                }
                Some(rested) = resting.join_next(), if !resting.is_empty() => {
                    if let Ok(address) = rested {
                        carried.remove(&address);
                    }
                }
                _ = timeout(wait.min(LOOK_AGAIN), outbox.changed()), if count(&carried).1 < CARRIED => {}
            }
        }
        lines.close();
        subscriber_lines.close();
        let all_ended = async { while under_way.join_next().await.is_some() {} };
        if timeout(GRACE, all_ended).await.is_err() {
            tracing::warn!("stopped with messages under way: each is ambiguous until tried again");
        }
    }

    /// Carries out one attempt, from rendering to its recorded end. Returns the pause of the
    /// address if no attempt could begin.
    async fn carry(&self, outbox: &impl Outbox, due: Due) -> Option<Duration> {
        let subscriber = due.notice.recipient.address.subscriber();
        let reader = match subscriber {
            None => None,
            Some(id) => match self.reader(id).await {
                Ok(Some(reader)) => Some(reader),
                Ok(None) => {
                    outbox.unknown_subscriber(id).await;
                    return Some(AFTER_REFUSAL);
                }
                Err(error) => {
                    tracing::error!(subscriber = %id, error, "a subscriber cannot be looked up; the notice waits");
                    return Some(AFTER_ERROR);
                }
            },
        };
        let kept = match due.kept.map_or(Ok(None), |id| outbox.kept(id)) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!(%error, "a kept message cannot be read; it waits");
                return Some(AFTER_UNREADABLE);
            }
        };
        let rendered = match kept {
            Some(bytes) => Ok(Rendered::kept(&due, bytes)),
            None => {
                let renderer = self.renderer.load();
                renderer.message(&due.notice, &due.sender, outbox.now())
            }
        };
        let Due { notice, sender, .. } = due;
        let message = match rendered {
            Ok(message) => message,
            Err(error) => {
                log_unrendered(notice.kind, &error);
                return Some(AFTER_ERROR);
            }
        };
        let bytes = match &reader {
            None => message.bytes.clone(),
            Some(reader) => match letter::addressed(&message.bytes, reader) {
                Ok(bytes) => bytes,
                Err(error) => {
                    // The text of this error may have the address: it stays out of the log.
                    let error = matches!(error, super::Error::Address { .. });
                    tracing::error!(
                        address_is_wrong = error,
                        ?subscriber,
                        "a mail cannot be addressed"
                    );
                    return Some(AFTER_ERROR);
                }
            },
        };
        let (id, number) = match outbox.attempt(&notice, message).await {
            Ok(begun) => begun,
            Err(refused) => {
                // Usually the state changed after `due` was called.
                tracing::debug!(%refused, "an attempt to deliver did not begin");
                return Some(AFTER_REFUSAL);
            }
        };
        let (ended, farewell) = match &notice.recipient.address {
            Address::Mail(to) => {
                let relays = in_order(&self.relays.load(), notice.kind);
                attempt(&relays, &sender.mail_from.address, to, &bytes, &self.limits).await
            }
            Address::Reporter(number) => self.mail_to_person(*number, &sender, &bytes).await,
            Address::Webhook(url) => {
                let message_id = &sender.message_id;
                (self.post(url, message_id, &bytes, outbox.now()).await, None)
            }
            Address::Subscriber(_) => {
                let to = reader.as_ref().map_or("", |reader| &reader.address);
                let relays = self.relays.load_full();
                let from = &sender.mail_from.address;
                let (mut ended, farewell) = attempt(&relays, from, to, &bytes, &self.limits).await;
                ended.reply = without_address(&ended.reply, to);
                if let (Delivery::Rejected, Some(id)) = (ended.result, subscriber) {
                    tracing::warn!(subscriber = %id, "a relay rejected a subscriber's address for good: the subscription ends");
                }
                (ended, farewell)
            }
        };
        outbox.ended(id, number, ended).await;
        if let Some(farewell) = farewell {
            farewell.say().await;
        }
        None
    }
}

impl Courier {
    /// Mails a message to a person whose address is in `people.sqlite`. The relay's answer is stored without it.
    async fn mail_to_person(
        &self,
        number: i64,
        sender: &Sender,
        bytes: &[u8],
    ) -> (Ended, Option<Farewell>) {
        let to = match self.persons.mail_of(number).await {
            Ok(Some(to)) => to,
            Ok(None) => {
                let why = "the person has no address any more";
                return (Ended::new(Delivery::Rejected, why), None);
            }
            Err(why) => return (Ended::new(Delivery::Deferred, &why), None),
        };
        let bytes = match to_person(bytes, &to) {
            Ok(bytes) => bytes,
            // The error would quote the address.
            Err(_) => {
                let why = "the address of the person is not a mail address";
                return (Ended::new(Delivery::Rejected, why), None);
            }
        };
        let relays = self.relays.load();
        let from = &sender.mail_from.address;
        let (mut ended, farewell) = attempt(&relays, from, &to, &bytes, &self.limits).await;
        ended.reply = without_address(&ended.reply, &to);
        (ended, farewell)
    }

    /// The address and the link of a subscriber, read away from the runtime's threads.
    async fn reader(&self, id: SubscriberId) -> Result<Option<Reader>, String> {
        let Some(readers) = self.readers.clone() else {
            return Ok(None);
        };
        let found = tokio::task::spawn_blocking(move || readers.find(id)).await;
        found.map_err(|error| error.to_string())?
    }

    /// Sends the mail that asks the owner of an address to confirm a subscription to `systems`, by name, with `link`.
    ///
    /// # Errors
    /// The mail cannot be made.
    pub async fn confirm_subscription(
        &self,
        catalogue: &Catalogue,
        to: &str,
        systems: &[String],
        link: &str,
        at: Timestamp,
    ) -> Result<Delivery, super::Error> {
        // The link is a secret that each mail has anew.
        let sender = letter::sender(catalogue, link);
        let renderer = self.renderer.load_full();
        let bytes = renderer.confirmation(&sender, to, systems, link, at)?;
        let relays = self.relays.load_full();
        let from = &sender.mail_from.address;
        let (ended, farewell) = attempt(&relays, from, to, &bytes, &self.limits).await;
        if let Some(farewell) = farewell {
            farewell.say().await;
        }
        Ok(ended.result)
    }

    /// Posts a message to a webhook. A webhook that is no longer configured has no secret.
    async fn post(&self, url: &str, message_id: &str, bytes: &[u8], now: Timestamp) -> Ended {
        let webhooks = self.webhooks.load();
        match webhooks.iter().find(|webhook| webhook.url == url) {
            Some(webhook) => post(webhook, message_id, bytes, now).await,
            None => Ended::new(Delivery::Rejected, "this webhook is no longer configured"),
        }
    }
}

/// The number of subscribers and of other addresses.
fn count(carried: &BTreeMap<Address, AbortHandle>) -> (usize, usize) {
    let subscribers = carried.keys().rev();
    let subscribers = subscribers.take_while(|a| a.subscriber().is_some()).count();
    (subscribers, carried.len() - subscribers)
}

/// The relays in the order in which they are asked. A mail that says that another one was not delivered goes through
/// another relay first.
fn in_order(relays: &[Relay], kind: Kind) -> Vec<Relay> {
    let mut relays = relays.to_vec();
    if kind == Kind::ToldFailed && relays.len() > 1 {
        relays.rotate_left(1);
    }
    relays
}

fn log_unrendered(kind: Kind, error: &super::Error) {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, %kind, "a notice cannot be rendered");
}
