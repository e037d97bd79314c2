//! Messages that are not notices: tests of a relay and of a webhook, and the question at a start if any relay answers.

use domain::catalogue::Catalogue;
use jiff::Timestamp;

use super::courier::contact;
use super::delivery::{Ended, attempt};
use super::relay::Timeouts;
use super::webhook::post;
use super::{Error, Renderer, Sender};
use crate::config::{Relay, Webhook};
use crate::digest::sha256;

/// Sends a test mail to `to` through the first of `relays` that accepts it.
///
/// # Errors
/// The message cannot be built.
pub async fn send_test(
    relays: &[Relay],
    renderer: &Renderer,
    catalogue: &Catalogue,
    to: &str,
    at: Timestamp,
) -> Result<Ended, Error> {
    let sender = sender(catalogue, to, at);
    let message = renderer.test_message(&sender, to, at)?;
    let from = catalogue.mail_from.to_string();
    let limits = Timeouts::impatient();
    let (ended, farewell) = attempt(relays, &from, to, &message.bytes, &limits).await;
    if let Some(farewell) = farewell {
        farewell.say().await;
    }
    Ok(ended)
}

/// Sends a test to a webhook.
///
/// # Errors
/// The message cannot be built.
pub async fn send_test_webhook(
    webhook: &Webhook,
    renderer: &Renderer,
    catalogue: &Catalogue,
    at: Timestamp,
) -> Result<Ended, Error> {
    let sender = sender(catalogue, &webhook.url, at);
    let body = renderer.test_webhook(&sender, &webhook.url, at)?;
    Ok(post(webhook, &sender.message_id, &body.bytes, at).await)
}

fn sender(catalogue: &Catalogue, to: &str, at: Timestamp) -> Sender {
    let id = &sha256(format!("{to}\0{}", at.as_nanosecond()))[..24];
    Sender {
        service: catalogue.service.clone(),
        contact: contact(catalogue),
        mail_from: catalogue.mail_from.clone(),
        message_id: format!("<test-{id}@{}>", catalogue.mail_from.domain()),
        references: Vec::new(),
    }
}

/// Logs a warning if no relay answers. Notices are tried all the same.
pub async fn warn_if_no_relay_answers(relays: Vec<Relay>) {
    let limits = Timeouts::impatient();
    let mut failures = Vec::new();
    for relay in &relays {
        match relay.try_out(&limits).await {
            Ok(_) => return,
            Err(why) => failures.push(format!("{relay}: {why}")),
        }
    }
    if !failures.is_empty() {
        let why = failures.join("; ");
        tracing::warn!(
            why,
            "no mail relay answers: notices wait; see `nines check --connect`"
        );
    }
}
