//! Subscriptions by mail: requests from the public page, the mails that ask for confirmation, and the agreement of
//! `people.sqlite`, which knows addresses, with the ledger, which knows numbers.
//!
//! Every change goes through [`Subscriptions`], one at a time. If the service ends between the two stores, [`run`]
//! makes them agree again: `people.sqlite` says who is subscribed, and the ledger says who is not any more.

mod confirmations;
mod directory;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::event::SubscriptionCause;
use domain::id::{SubscriberId, SystemId};
use people::{People, Subscriber};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::time::{MissedTickBehavior, interval};

use self::confirmations::Confirmations;
pub use self::directory::Directory;
use crate::clock;
use crate::engine::EngineHandle;
use crate::notices::Courier;

/// Requests that wait to be handled. More are refused.
const WAITING: usize = 256;
/// How often the stores are compared and old requests deleted.
const COMPARE_EVERY: Duration = Duration::from_secs(60);

/// Why a subscription could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("people.sqlite cannot be used")]
    People(#[from] people::Error),
    #[error("the work broke off")]
    Broken(#[from] tokio::task::JoinError),
}

/// A request from the page.
#[derive(Debug)]
struct Asked {
    address: String,
    systems: BTreeSet<String>,
}

/// The subscriptions of the public pages.
pub struct Subscriptions {
    engine: Arc<EngineHandle>,
    directory: Arc<Directory>,
    /// The systems that everyone may see.
    public: ArcSwap<BTreeSet<SystemId>>,
    asked: mpsc::Sender<Asked>,
    waiting: Mutex<mpsc::Receiver<Asked>>,
    confirmations: Confirmations,
    /// Other systems are shown.
    shown: Notify,
    /// Held while both stores change.
    changing: Mutex<()>,
}

impl Subscriptions {
    pub fn new(
        engine: Arc<EngineHandle>,
        directory: Arc<Directory>,
        courier: Arc<Courier>,
    ) -> Self {
        let (asked, waiting) = mpsc::channel(WAITING);
        let confirmations =
            Confirmations::new(Arc::clone(&engine), Arc::clone(&directory), courier);
        Self {
            engine,
            directory,
            public: ArcSwap::default(),
            asked,
            waiting: Mutex::new(waiting),
            confirmations,
            shown: Notify::new(),
            changing: Mutex::new(()),
        }
    }

    /// Everyone may see these systems from now on, at the address `url`. Subscriptions of others end soon.
    pub fn show(&self, systems: impl IntoIterator<Item = SystemId>, url: Option<String>) {
        self.public.store(Arc::new(systems.into_iter().collect()));
        self.directory.set_url(url);
        self.shown.notify_one();
    }

    /// Takes a request. It is handled later, so that the answer tells nothing about the address. False if too many wait.
    pub fn ask(&self, address: String, systems: BTreeSet<String>) -> bool {
        self.asked.try_send(Asked { address, systems }).is_ok()
    }

    /// Confirms a request by the secret of its mail. Returns the subscriber and the secret of its links; `None` if the
    /// secret is unknown, used or too old.
    ///
    /// # Errors
    /// people.sqlite cannot be used.
    pub async fn confirm(&self, secret: String) -> Result<Option<(Subscriber, String)>, Error> {
        let _changing = self.changing.lock().await;
        let confirmed = self.people(move |people| {
            let confirmed = people.confirm_subscription(&secret, clock::now())?;
            let Some(confirmed) = confirmed else {
                return Ok(None);
            };
            let link = people.manage_secret(confirmed.id)?;
            Ok(Some((confirmed, link)))
        });
        let confirmed = confirmed.await?;
        self.count_unconfirmed().await;
        if let Some((subscriber, _)) = &confirmed {
            let public = self.public.load();
            let mut systems = ids(&subscriber.systems);
            // Others became private since the request. The next comparison takes them out of the file.
            systems.retain(|system| public.contains(system));
            self.record(number(subscriber.id), systems, SubscriptionCause::Confirmed)
                .await;
        }
        Ok(confirmed)
    }

    /// The subscriber of a link. `None` if the link is wrong or the subscription has ended.
    ///
    /// # Errors
    /// people.sqlite cannot be used.
    pub async fn of_link(&self, secret: String) -> Result<Option<Subscriber>, Error> {
        self.people(move |people| people.managed(&secret)).await
    }

    /// The subscriber of the link chooses these systems; with none the subscription ends. `None` if the link is wrong,
    /// false if the subscription has ended already.
    ///
    /// # Errors
    /// people.sqlite cannot be used.
    pub async fn choose(
        &self,
        secret: String,
        systems: BTreeSet<String>,
    ) -> Result<Option<bool>, Error> {
        let _changing = self.changing.lock().await;
        let found = self.people(move |people| {
            let id = people.subscriber_of_link(&secret)?;
            let known = id.map(|id| people.subscriber(id)).transpose()?;
            Ok(id.zip(known))
        });
        let (id, is_known) = match found.await? {
            None => return Ok(None),
            Some((id, known)) => (id, known.is_some()),
        };
        if systems.is_empty() {
            // No mail leaves after the event, even if the row cannot be deleted.
            let cause = SubscriptionCause::Unsubscribed;
            self.record(number(id), Vec::new(), cause).await;
            self.people(move |people| people.unsubscribe(id)).await?;
        } else if is_known {
            let chosen = systems.clone();
            self.people(move |people| people.choose_systems(id, &chosen))
                .await?;
            let cause = SubscriptionCause::Chosen;
            self.record(number(id), ids(&systems), cause).await;
        }
        Ok(Some(is_known))
    }

    /// Counts the requests that are not confirmed, for the metrics, which read no file.
    async fn count_unconfirmed(&self) {
        match self.people(People::unconfirmed_subscriptions).await {
            Ok(count) => {
                let counters = &self.engine.shared().counters;
                counters.unconfirmed_subscriptions.store(count, Relaxed);
            }
            Err(error) => log(&error, "requests for subscriptions cannot be counted"),
        }
    }

    /// Makes the stores agree, and ends subscriptions of systems that are not public.
    async fn compare(&self) {
        let record = &self.engine.snapshot().record;
        let known = match self.people(People::subscribers).await {
            Ok(known) => known,
            Err(error) => return log(&error, "subscriptions cannot be compared"),
        };
        let public = self.public.load_full();
        let differs = |subscriber: &&Subscriber| {
            let systems = record.subscribers.systems(number(subscriber.id));
            let is_same =
                systems.is_some_and(|s| s.iter().map(SystemId::as_str).eq(&subscriber.systems));
            !is_same
                || !subscriber
                    .systems
                    .iter()
                    .all(|s| public.contains(s.as_str()))
        };
        let mut different: BTreeSet<i64> = known.iter().filter(differs).map(|s| s.id.0).collect();
        let all: BTreeSet<i64> = known.iter().map(|s| s.id.0).collect();
        let recorded = record.subscribers.all();
        let recorded = recorded.filter_map(|(id, _)| i64::try_from(id.0).ok());
        different.extend(recorded.filter(|id| !all.contains(id)));
        for id in different {
            if let Err(error) = self.compare_one(people::SubscriberId(id)).await {
                return log(&error, "a subscription cannot be compared");
            }
        }
    }

    async fn compare_one(&self, id: people::SubscriberId) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let found = self.people(move |people| people.subscriber(id)).await?;
        let has_ended = self
            .engine
            .snapshot()
            .record
            .subscribers
            .has_ended(number(id));
        let Some(found) = found else {
            self.record(number(id), Vec::new(), SubscriptionCause::Restored)
                .await;
            return Ok(());
        };
        let public = self.public.load_full();
        let mut kept = found.systems.clone();
        kept.retain(|system| public.contains(system.as_str()));
        if has_ended {
            // Its address was rejected, or an old copy of the file was put back: it gets no mail again.
            kept.clear();
        }
        let cause = match kept == found.systems {
            true => SubscriptionCause::Restored,
            false => SubscriptionCause::Private,
        };
        let systems = ids(&kept);
        if kept != found.systems {
            self.people(move |people| people.choose_systems(id, &kept))
                .await?;
        }
        self.record(number(id), systems, cause).await;
        Ok(())
    }

    /// Records the systems of a subscriber. If that fails, the next comparison does it.
    async fn record(&self, id: SubscriberId, systems: Vec<SystemId>, cause: SubscriptionCause) {
        if let Err(error) = self.engine.subscribe(id, systems, cause).await {
            log(&error, "a change of a subscription is not recorded yet");
        }
    }

    /// Works with people.sqlite away from the runtime's threads.
    async fn people<T: Send + 'static>(
        &self,
        work: impl FnOnce(&People) -> Result<T, people::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let people = self.directory.people();
        let done = tokio::task::spawn_blocking(move || work(&people)).await?;
        Ok(done?)
    }
}

/// Handles requests and compares the stores until `stop`.
pub async fn run(subscriptions: Arc<Subscriptions>, stop: impl Future<Output = ()>) {
    let mut waiting = subscriptions.waiting.lock().await;
    let mut compare = interval(COMPARE_EVERY);
    compare.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(stop);
    loop {
        let work = async {
            tokio::select! {
                Some(asked) = waiting.recv() => {
                    let Asked { address, systems } = asked;
                    subscriptions.confirmations.request(address, systems).await;
                }
                () = subscriptions.shown.notified() => subscriptions.compare().await,
                _ = compare.tick() => {
                    let delete = |people: &People| people.delete_unconfirmed(clock::now());
                    if let Err(error) = subscriptions.people(delete).await {
                        log(&error, "old requests for subscriptions cannot be deleted");
                    }
                    subscriptions.compare().await;
                }
            }
        };
        let work = async {
            work.await;
            subscriptions.count_unconfirmed().await;
        };
        tokio::select! {
            () = &mut stop => return,
            () = work => {}
        }
    }
}

fn log(error: &(dyn std::error::Error + 'static), what: &str) {
    tracing::error!(error, "{what}");
}

/// The number of a subscriber in the ledger. Numbers of rows are positive.
fn number(id: people::SubscriberId) -> SubscriberId {
    SubscriberId(id.0.unsigned_abs())
}

fn ids(systems: &BTreeSet<String>) -> Vec<SystemId> {
    systems.iter().map(|id| id.as_str().into()).collect()
}
