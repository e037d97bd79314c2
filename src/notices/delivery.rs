//! One attempt to deliver one message to one recipient, and what its end means.
//!
//! A relay that took the first byte of the message and then fell silent may have delivered it:
//! that is `ambiguous`, and no other relay is asked. Before that byte, the next relay is.

use domain::event::Delivery;
use lettre::Address;

use super::message::mailbox;
use super::relay::{Farewell, Refusal, Step, Timeouts, Transaction};
use super::text;
use crate::config::Relay;

/// The longest reply that is kept, in characters.
const LONGEST_REPLY: usize = 300;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub result: Delivery,
    /// The relay's words or what went wrong, one line.
    pub reply: String,
    /// Whether no relay came as far as to speak of this message: mail as a whole does not go.
    pub unreached: bool,
}

impl Ended {
    fn new(result: Delivery, reply: &str) -> Self {
        let reply = text::cut(&text::one_line(reply), LONGEST_REPLY);
        Self {
            result,
            reply,
            unreached: false,
        }
    }

    /// Mail does not go, whoever it is for.
    fn nowhere(reply: &str) -> Self {
        Self {
            unreached: true,
            ..Self::new(Delivery::Deferred, reply)
        }
    }
}

/// Delivers `bytes` from `from` (as in a `From` header) to `to` by the first of `relays` that
/// takes them. QUIT is left to be said to that one: the outcome is recorded before.
pub(super) async fn attempt(
    relays: &[Relay],
    from: &str,
    to: &str,
    bytes: &[u8],
    limits: &Timeouts,
) -> (Ended, Option<Farewell>) {
    let (from, to) = match (address("From", from), address("To", to)) {
        (Ok(from), Ok(to)) => (from, to),
        // A sender can be mended by a reload, a recipient is part of the notice.
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
    let mut unreached = true;
    for relay in relays {
        match relay.hand_over(&transaction, limits).await {
            Ok((reply, farewell)) => {
                said.push(format!("{relay}: {reply}"));
                said.reverse();
                let reply = said.join("; before: ");
                return (Ended::new(Delivery::Accepted, &reply), Some(farewell));
            }
            Err(refusal) => {
                said.push(format!("{relay}: {refusal}"));
                unreached &= is_of_the_relay(&refusal);
                let result = meaning(&refusal);
                if result != Delivery::Deferred {
                    said.reverse();
                    return (Ended::new(result, &said.join("; before: ")), None);
                }
            }
        }
    }
    if said.is_empty() {
        said.push("no relay is configured".to_owned());
    }
    let mut ended = Ended::new(Delivery::Deferred, &said.join("; "));
    ended.unreached = unreached;
    (ended, None)
}

/// Whether a temporary refusal is the relay's own state and says nothing of the message: it could not
/// be reached or did no business (421 is what one that closes says, RFC 5321, 3.8). From the recipient's
/// name on a broken connection may be about the recipient.
fn is_of_the_relay(refusal: &Refusal) -> bool {
    match refusal.step {
        Step::Connect | Step::Tls | Step::Greeting | Step::StartTls | Step::Auth => true,
        Step::Mail => refusal.lost || refusal.code == Some(421),
        Step::Rcpt | Step::Data | Step::Message => refusal.code == Some(421),
    }
}

fn address(header: &'static str, given: &str) -> Result<Address, String> {
    mailbox(header, &given.into())
        .map(|m| m.email)
        .map_err(|error| error.to_string())
}

/// What a refusal says of the message.
///
/// Before MAIL the relay refuses us, not the message, whatever its code: a wrong password must
/// not cost a notice. The same holds for the codes of RFC 4954, which speak of the session.
fn meaning(refusal: &Refusal) -> Delivery {
    let permanent = match refusal.code {
        Some(530 | 534 | 535 | 538) => false,
        Some(code) => code >= 500,
        None => false,
    };
    match refusal.step {
        Step::Connect | Step::Tls | Step::Greeting | Step::StartTls | Step::Auth => {
            Delivery::Deferred
        }
        Step::Mail | Step::Rcpt | Step::Data if permanent => Delivery::Rejected,
        Step::Mail | Step::Rcpt | Step::Data => Delivery::Deferred,
        Step::Message if permanent => Delivery::Rejected,
        Step::Message if refusal.code.is_some() => Delivery::Deferred,
        Step::Message => Delivery::Ambiguous,
    }
}
