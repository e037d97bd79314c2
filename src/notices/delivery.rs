//! One attempt to deliver one message to one recipient, and the meaning of its result.
//!
//! A relay that accepted the first byte of the message and does not reply may have delivered it.
//! The result is `ambiguous`, and no other relay is tried. Before that byte, the next relay is
//! tried.

use domain::event::Delivery;
use lettre::Address;

use super::message::mailbox;
use super::relay::{Farewell, Refusal, Step, Timeouts, Transaction};
use super::text;
use super::verdict::{Verdict, verdict};
use crate::config::Relay;

/// The length to which replies are cut, in characters.
const LONGEST_REPLY: usize = 300;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub result: Delivery,
    /// The relay's reply or the error, on one line.
    pub reply: String,
    /// True if no relay got as far as this message: no mail can be delivered now.
    pub unreached: bool,
    /// A relay refused Nines itself, even if another one took the message: an operator must act.
    pub refused_us: bool,
    /// The pause that the receiver asked for, in seconds.
    pub retry_after_s: Option<i64>,
}

impl Ended {
    pub(super) fn new(result: Delivery, reply: &str) -> Self {
        let reply = text::cut(&text::one_line(reply), LONGEST_REPLY);
        Self {
            result,
            reply,
            unreached: false,
            refused_us: false,
            retry_after_s: None,
        }
    }

    /// No mail can be delivered, to any recipient.
    fn nowhere(reply: &str) -> Self {
        Self {
            unreached: true,
            ..Self::new(Delivery::Deferred, reply)
        }
    }
}

/// Delivers `bytes` from `from` (as in a `From` header) to `to` through the first of `relays` that
/// accepts them. The caller records the result before it sends QUIT to that relay.
pub(super) async fn attempt(
    relays: &[Relay],
    from: &str,
    to: &str,
    bytes: &[u8],
    limits: &Timeouts,
) -> (Ended, Option<Farewell>) {
    let (from, to) = match (address("From", from), address("To", to)) {
        (Ok(from), Ok(to)) => (from, to),
        // A reload can correct the sender. The recipient is part of the notice.
        (Err(wrong), _) => return (Ended::nowhere(&wrong), None),
        (_, Err(wrong)) => return (Ended::new(Delivery::Rejected, &wrong), None),
    };
    if let Err(what) = text::wire_safe(bytes) {
        let reply = format!("not sent: the kept message holds {what}");
        return (Ended::new(Delivery::Rejected, &reply), None);
    }
    let transaction = Transaction {
        from: &from,
        to: &to,
        bytes,
    };
    let mut said = Vec::new();
    let (mut unreached, mut refused_us) = (true, false);
    for relay in relays {
        match relay.hand_over(&transaction, limits).await {
            Ok((reply, farewell)) => {
                said.push(format!("{relay}: {reply}"));
                said.reverse();
                let reply = said.join("; before: ");
                let ended = Ended::new(Delivery::Accepted, &reply);
                return (
                    Ended {
                        refused_us,
                        ..ended
                    },
                    Some(farewell),
                );
            }
            Err(refusal) => {
                said.push(format!("{relay}: {refusal}"));
                unreached &= is_of_the_relay(&refusal);
                if verdict(&refusal) == Verdict::Us {
                    refused_us = true;
                    // The text of the reply may quote the recipient; `nines notice list` shows it.
                    let (code, step) = (refusal.code, refusal.step.word());
                    tracing::warn!(%relay, code, step, "a relay refuses Nines, not the recipient");
                }
                let result = result(&refusal);
                if result != Delivery::Deferred {
                    said.reverse();
                    let ended = Ended::new(result, &said.join("; before: "));
                    return (
                        Ended {
                            refused_us,
                            ..ended
                        },
                        None,
                    );
                }
            }
        }
    }
    if said.is_empty() {
        said.push("no relay is configured".to_owned());
    }
    let mut ended = Ended::new(Delivery::Deferred, &said.join("; "));
    ended.unreached = unreached;
    ended.refused_us = refused_us;
    (ended, None)
}

/// True if a refusal says nothing about this message: the relay could not be reached, was closing (421,
/// RFC 5321, 3.8), or refused the greeting, the login or the sender. A connection that breaks at RCPT may
/// break because of the recipient, and a relay may deny relaying to some recipients only.
fn is_of_the_relay(refusal: &Refusal) -> bool {
    let code = refusal.code;
    match refusal.step {
        Step::Connect | Step::Tls | Step::Greeting | Step::StartTls | Step::Auth => true,
        Step::Mail => refusal.lost || code == Some(421) || code.is_some_and(|code| code >= 500),
        Step::Rcpt | Step::Data | Step::Message => {
            matches!(code, Some(421 | 504 | 530 | 534 | 535 | 538))
        }
    }
}

fn address(header: &'static str, given: &str) -> Result<Address, String> {
    mailbox(header, &given.into())
        .map(|m| m.email)
        .map_err(|error| error.to_string())
}

/// The result of an attempt that ended with this refusal.
pub(super) fn result(refusal: &Refusal) -> Delivery {
    if refusal.step == Step::Message && refusal.code.is_none() {
        return Delivery::Ambiguous;
    }
    match verdict(refusal) {
        Verdict::Address => Delivery::Rejected,
        Verdict::Us | Verdict::Later => Delivery::Deferred,
    }
}
