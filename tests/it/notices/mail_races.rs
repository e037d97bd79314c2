//! The mail server holds a mail for minutes without an answer, and meanwhile its content becomes
//! wrong. The last mail that arrives must be right.

use serde_json::Value;

use crate::support::rehearsal::{IT, OFFICE, Played, play, text};

/// The messages about the portal that arrived at an address, in order: the kind, the time, and the
/// number of outages that it says are ongoing.
fn arrived(played: &Played, address: &str) -> Vec<(String, String, usize)> {
    let events = played.events(&["delivery-attempted", "delivery-ended"]);
    let notice = |id: &Value| -> &Value {
        let first = |e: &&Value| e["data"]["notice"] == *id && !e["data"]["message"].is_null();
        &events.iter().find(first).unwrap()["data"]["message"]
    };
    let accepted = events.iter().filter(|e| e["data"]["result"] == "accepted");
    let to_us = accepted
        .filter(|e| notice(&e["data"]["notice"])["recipient"]["address"]["mail"] == address);
    to_us
        .map(|ended| {
            let said = notice(&ended["data"]["notice"]);
            let affected = said["affected"].as_array().unwrap();
            let open = affected.iter().filter(|a| a["to"].is_null()).count();
            let (kind, at) = (text(&said["kind"]), text(&ended["at"]));
            (kind.to_owned(), at.to_owned(), open)
        })
        .collect()
}

/// The last of what arrived before an instant.
fn last_before(played: &Played, address: &str, before: &str) -> (String, usize) {
    let arrived = arrived(played, address);
    let mut earlier = arrived.into_iter().filter(|a| a.1.as_str() < before);
    let (kind, _, open) = earlier.next_back().unwrap();
    (kind, open)
}

#[test]
fn an_uptime_that_was_under_way_is_not_the_last_word_when_it_is_down_again() {
    let played = play("mail-races");
    for address in [OFFICE, IT] {
        // Down again from 02:30:15 to 03:30 in New York; every mail has gone long before its end.
        let last = last_before(&played, address, "2026-10-05T07:29:00");
        assert_eq!(last, ("downtime".to_owned(), 1), "{address}");
        let last = last_before(&played, address, "2026-10-06T00:00:00");
        assert_eq!(last, ("uptime".to_owned(), 0), "{address}");
    }
}

#[test]
fn a_downtime_that_was_under_way_is_not_the_last_word_when_it_is_up_again() {
    let played = play("mail-races");
    for address in [OFFICE, IT] {
        let last = last_before(&played, address, "2026-10-07T04:00:00");
        assert_eq!(last, ("uptime".to_owned(), 0), "{address}");
    }
    assert_eq!(played.summary.refused, []);
}
