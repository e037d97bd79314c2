//! Decides if a person may send a rejected notice again.

use jiff::Timestamp;

use super::{given, refuse};
use crate::act::Refusal;
use crate::event::Fact;
use crate::id::NoticeId;
use crate::record::{Record, Standing};

/// A rejected notice whose facts are owed to its address again.
pub(super) fn resend(
    record: &Record,
    at: Timestamp,
    notice: NoticeId,
    reason: &str,
) -> Result<Fact, Refusal> {
    given(reason, "the reason")?;
    let Some(outgoing) = record.notices.message(notice) else {
        return refuse(format!(
            "no notice {notice} is known; the list of notices has their ids"
        ));
    };
    let address = &outgoing.notice.recipient.address;
    if !matches!(outgoing.standing, Standing::Rejected(_)) {
        return refuse(format!(
            "{notice} is {}, not rejected: only a rejected notice is sent again",
            outgoing.standing.word()
        ));
    }
    if address.subscriber().is_some() {
        return refuse(format!(
            "{notice} was for a subscriber, whose subscription ended with it: the person may subscribe again"
        ));
    }
    if !record.is_still_recipient(&outgoing.notice) {
        return refuse(format!(
            "the configuration no longer has a recipient of {notice} with the address {address}"
        ));
    }
    if !record.clone().owe_again(at, notice) {
        return refuse(format!(
            "nothing that {notice} told is left to send: a later notice tells it, its time has passed, or it may have arrived"
        ));
    }
    Ok(Fact::NoticeOwedAgain {
        notice,
        reason: reason.to_owned(),
    })
}
