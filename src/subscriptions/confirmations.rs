//! The mails that ask for the confirmation of a subscription. They are tried again while a relay defers them, as many
//! relays do with the first mail to an address, and forgotten when the service stops: the person asks again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::event::Delivery;
use people::{Requested, Secret};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::Directory;
use crate::clock;
use crate::engine::EngineHandle;
use crate::notices::Courier;

/// The pauses before further attempts. With them a mail is tried for a day; it is valid for two.
const PAUSES_S: [u64; 7] = [60, 300, 900, 3_600, 10_800, 28_800, 43_200];
/// Mails that wait for an attempt. More are not sent, and the person can ask again at once.
const WAITING: usize = 1_024;
/// Mails under way at once.
const CONNECTIONS: usize = 2;

pub(super) struct Confirmations {
    engine: Arc<EngineHandle>,
    directory: Arc<Directory>,
    courier: Arc<Courier>,
    room: Arc<Semaphore>,
    lines: Arc<Semaphore>,
}

/// A mail to send.
struct Mail {
    address: String,
    systems: BTreeSet<String>,
    secret: Secret,
    _room: OwnedSemaphorePermit,
}

impl Confirmations {
    pub(super) fn new(
        engine: Arc<EngineHandle>,
        directory: Arc<Directory>,
        courier: Arc<Courier>,
    ) -> Self {
        Self {
            engine,
            directory,
            courier,
            room: Arc::new(Semaphore::new(WAITING)),
            lines: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// Notes a request, and sends the mail if the address has not had one within a day.
    pub(super) async fn request(&self, address: String, systems: BTreeSet<String>) {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!(
                "a request for a subscription was dropped: too many mails wait to be sent"
            );
            return;
        };
        let people = self.directory.people();
        let (to, chosen) = (address.clone(), systems.clone());
        let note = move || people.request_subscription(&to, &chosen, clock::now());
        let secret = match tokio::task::spawn_blocking(note).await {
            Ok(Ok(Requested::Confirm(secret))) => secret,
            Ok(Ok(Requested::Waits)) => return,
            Ok(Ok(Requested::Full)) => {
                tracing::warn!("a request for a subscription was dropped: there are too many");
                return;
            }
            Ok(Err(error)) => return super::log(&error, "a request for a subscription was lost"),
            Err(error) => return super::log(&error, "a request for a subscription broke off"),
        };
        let mail = Mail {
            address,
            systems,
            secret,
            _room: room,
        };
        let sender = Sending {
            engine: Arc::clone(&self.engine),
            directory: Arc::clone(&self.directory),
            courier: Arc::clone(&self.courier),
            lines: Arc::clone(&self.lines),
        };
        // It ends with the runtime: nothing waits for it.
        tokio::spawn(async move { sender.send(mail).await });
    }
}

struct Sending {
    engine: Arc<EngineHandle>,
    directory: Arc<Directory>,
    courier: Arc<Courier>,
    lines: Arc<Semaphore>,
}

impl Sending {
    async fn send(&self, mail: Mail) {
        for pause_s in PAUSES_S.into_iter().map(Some).chain([None]) {
            match self.attempt(&mail).await {
                Some(Delivery::Accepted | Delivery::Ambiguous) => return,
                Some(Delivery::Deferred) => {}
                Some(Delivery::Rejected) | None => break,
            }
            if let Some(pause_s) = pause_s {
                sleep(Duration::from_secs(pause_s)).await;
            }
        }
        tracing::warn!("a mail that asks to confirm a subscription was not delivered");
        let people = self.directory.people();
        let forget = move || people.forget_request(&mail.secret);
        match tokio::task::spawn_blocking(forget).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => super::log(&error, "a request for a subscription was not deleted"),
            Err(error) => super::log(&error, "deleting a request for a subscription broke off"),
        }
    }

    /// `None` if the mail cannot be made.
    async fn attempt(&self, mail: &Mail) -> Option<Delivery> {
        let _line = self.lines.acquire().await.ok()?;
        let catalogue = Arc::clone(&self.engine.snapshot().record.catalogue);
        let names = mail.systems.iter().filter_map(|id| catalogue.system(id));
        let names: Vec<String> = names.map(|system| system.name.clone()).collect();
        let link = self.directory.confirmation(mail.secret.reveal());
        let (to, now) = (&mail.address, clock::now());
        let sent = self
            .courier
            .confirm_subscription(&catalogue, to, &names, &link, now)
            .await;
        // The error may name the address: it stays out of the log.
        sent.ok()
    }
}
