//! The meaning of a relay's refusal: about the recipient's address, about Nines itself, or temporary.
//!
//! Only a refusal of the address ends a notice. A wrong guess in this direction loses a notice after one
//! attempt; a wrong guess in the other direction is tried for 48 hours and alerts the operator. All that is
//! not clearly about the address is therefore not about it.

use super::relay::{Refusal, Step};

/// Whom or what a relay refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is no such mailbox.
    Address,
    /// The greeting, the sender, the login, missing TLS, relaying, the message: an operator can repair it.
    Us,
    /// For now: 4xx, no reply, a full mailbox.
    Later,
}

/// Words of refusals that carry no enhanced status code and are not about the recipient. Postfix, Exim,
/// sendmail and qmail report a refused greeting, client or sender only at RCPT.
const ABOUT_US: &str = "relay rcpthosts access denied authent login helo hello sender client host tls encrypt \
    policy prohibit permi allowed block blacklist denylist listed spam junk reputation spf dkim dmarc callback \
    callout";

/// Words of refusals that are about Nines although their status code is 5.1.x. Postfix answers
/// `550 5.1.0 <…>: Sender address rejected` at RCPT.
const SENDER_OR_CLIENT: &[&str] = &["sender address", "sender verify", "helo", "client host"];

/// Classifies a refusal.
///
/// | reply | verdict |
/// | --- | --- |
/// | none, or 4xx | later |
/// | 5xx before RCPT | us |
/// | 5.1.7 and 5.1.8 (the sender's address) | us |
/// | any other 5.1.x, and 5.2.1 (mailbox disabled) | address |
/// | any other 5.2.x, and 552 without an enhanced status (mailbox full) | later |
/// | any other enhanced status (RFC 3463) | us |
/// | 550, 551, 553 at RCPT without an enhanced status, and without a word of [`ABOUT_US`] | address |
/// | any other 5xx | us |
pub(super) fn verdict(refusal: &Refusal) -> Verdict {
    let Some(code) = refusal.code.filter(|code| *code >= 500) else {
        return Verdict::Later;
    };
    if !matches!(refusal.step, Step::Rcpt | Step::Data | Step::Message) {
        return Verdict::Us;
    }
    let text = without_addresses(&refusal.text);
    let is_about_us = || ABOUT_US.split_whitespace().any(|word| text.contains(word));
    let is_address = match (enhanced_status(&text), code) {
        _ if SENDER_OR_CLIENT.iter().any(|words| text.contains(words)) => false,
        // RFC 4954, RFC 3207 and a refused greeting (RFC 5321, 4.2.2), whatever the relay adds.
        (_, 504 | 530 | 534 | 535 | 538) => false,
        (Some((1, detail)), _) => !matches!(detail, 7 | 8),
        (Some((2, 1)), _) => true,
        (Some((2, _)), _) | (None, 552) => return Verdict::Later,
        (Some(_), _) => false,
        (None, 550 | 551 | 553) => refusal.step == Step::Rcpt && !is_about_us(),
        (None, _) => false,
    };
    if is_address {
        Verdict::Address
    } else {
        Verdict::Us
    }
}

/// The text in lower case without what stands in angle brackets: an address `access@clinic.example`
/// says nothing about access.
fn without_addresses(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, after)) = rest.split_once('<') {
        let Some((_, after)) = after.split_once('>') else {
            break;
        };
        kept.push_str(before);
        rest = after;
    }
    kept.push_str(rest);
    kept.to_ascii_lowercase()
}

/// Subject and detail of the first permanent enhanced status code: `5.1.1 …`, or qmail's `(#5.1.1)`.
fn enhanced_status(text: &str) -> Option<(u16, u16)> {
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    words.into_iter().find_map(|word| {
        let mut parts = word.trim_end_matches('.').split('.');
        let class = parts.next()?;
        let subject = parts.next()?.parse().ok()?;
        let detail = parts.next()?.parse().ok()?;
        (class == "5" && parts.next().is_none()).then_some((subject, detail))
    })
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Address, Later, Us};
    use super::*;

    /// Verdict and reply at RCPT, as the servers write it.
    const AT_RCPT: &str = "
        # Postfix
        address 550 5.1.1 <x@c.example>: Recipient address rejected: User unknown in local recipient table
        address 550 5.1.1 <access@relay.example>: Recipient address rejected: User unknown in relay recipient table
        address 550 5.1.2 <x@c.example>: Recipient address rejected: Domain not found
        address 501 5.1.3 Bad recipient address syntax
        us      504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname
        us      501 5.5.2 <[x]>: Helo command rejected: Invalid name
        us      550 5.7.1 <vm.example>: Helo command rejected: Host not found
        us      554 5.7.1 <x@c.example>: Relay access denied
        us      554 5.7.1 <x@c.example>: Recipient address rejected: Access denied
        us      554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied
        us      554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example
        us      550 5.1.0 <s@o.example>: Sender address rejected: User unknown in local recipient table
        us      553 5.7.1 <s@o.example>: Sender address rejected: not owned by user nines
        us      553 5.7.1 <s@o.example>: Sender address rejected: not logged in
        us      550 5.1.8 <s@o.example>: Sender address rejected: Domain not found
        us      530 5.7.0 Must issue a STARTTLS command first
        later   552 5.2.2 <x@c.example>: mailbox full
        later   450 4.1.1 <x@c.example>: Recipient address rejected: unverified address
        later   454 4.7.1 <x@c.example>: Relay access denied
        # Exchange
        address 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
        address 550 5.1.1 User unknown
        us      550 5.7.1 Unable to relay
        us      550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain
        us      530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM
        us      550 5.7.60 SMTP; Client does not have permissions to send as this sender
        us      550 5.4.1 Recipient address rejected: Access denied.
        us      550 5.1.7 Sender not found
        # Exim, without enhanced status codes
        address 550 Unknown user
        address 550 Unrouteable address
        address 550 no such user here
        us      550 relay not permitted
        us      550 Administrative prohibition
        us      550 Verification failed for <s@o.example> No Such User Here Sender verify failed
        us      550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)
        us      550 authentication required
        us      550 192.0.2.1 is listed at zen.example
        # Gmail
        address 550 5.1.1 The email account that you tried to reach does not exist. Please try 5.1.1 double-checking the recipient's email address for typos
        address 550 5.2.1 The email account that you tried to reach is disabled.
        address 553 5.1.2 We weren't able to find the recipient domain.
        later   552 5.2.2 The email account that you tried to reach is over quota.
        us      550 5.7.1 Invalid credentials for relay [192.0.2.1].
        us      550 5.7.26 This mail has been blocked because the sender is unauthenticated.
        us      535 5.7.8 Username and Password not accepted.
        # OpenSMTPD, sendmail, qmail
        address 550 Invalid recipient: <x@c.example>
        address 550 5.1.1 <x@c.example>... User unknown
        us      550 5.7.1 <x@c.example>... Relaying denied
        address 551 User not local; please try <x@d.example>
        address 550 sorry, no mailbox here by that name (#5.1.1)
        us      553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
        us      553 sorry, that domain isn't in my list of allowed rcpthosts
        us      554 Transaction failed
        later   421 4.7.0 too many connections
    ";

    fn refused(step: Step, code: u16, text: &str) -> Refusal {
        Refusal {
            step,
            code: Some(code),
            text: text.to_owned(),
            lost: false,
        }
    }

    #[test]
    fn only_a_refusal_of_the_address_is_about_the_recipient() {
        let rows = AT_RCPT.lines().map(str::trim);
        for row in rows.filter(|row| !row.is_empty() && !row.starts_with('#')) {
            let (expected, reply) = row.split_once(' ').unwrap();
            let (code, text) = reply.trim().split_once(' ').unwrap();
            let found = verdict(&refused(Step::Rcpt, code.parse().unwrap(), text));
            assert_eq!(format!("{found:?}").to_lowercase(), expected, "{row}");
        }
    }

    #[test]
    fn a_refusal_before_rcpt_is_never_about_the_recipient() {
        for step in [
            Step::Connect,
            Step::Greeting,
            Step::StartTls,
            Step::Auth,
            Step::Mail,
        ] {
            let found = verdict(&refused(step, 550, "5.1.1 User unknown"));
            assert_eq!(found, Us, "{step:?}");
        }
    }

    #[test]
    fn a_refused_message_says_nothing_about_the_address_unless_its_status_does() {
        for (code, text, expected) in [
            (550, "message looks odd", Us),
            (554, "5.7.1 spam", Us),
            (552, "5.3.4 Message too big", Us),
            (550, "5.1.1 User unknown", Address),
            (451, "4.3.0 later", Later),
        ] {
            let found = verdict(&refused(Step::Message, code, text));
            assert_eq!(found, expected, "{code} {text}");
        }
    }
}
