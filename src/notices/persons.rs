//! The mail addresses of people whom the ledger knows by number alone. They are looked up when a message is sent, and
//! taken out of what the ledger stores.

use std::sync::Arc;

use people::{People, ReporterId};

/// Finds addresses. Without `people.sqlite`, as in a rehearsal, nobody has one.
#[derive(Default)]
pub(super) struct Persons(Option<Arc<People>>);

impl Persons {
    pub fn of(people: Arc<People>) -> Self {
        Self(Some(people))
    }

    /// The mail address of a person who reported a problem; `None` if the person was erased.
    ///
    /// # Errors
    /// The file cannot be read now. The sentence has no address.
    pub async fn mail_of(&self, reporter: i64) -> Result<Option<String>, String> {
        let Some(people) = self.0.clone() else {
            return Ok(None);
        };
        let found = tokio::task::spawn_blocking(move || people.reporter(ReporterId(reporter)));
        match found.await {
            Ok(Ok(reporter)) => Ok(reporter.and_then(|reporter| reporter.email)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("looking up the address broke off".to_owned()),
        }
    }
}

/// A relay's reply without the address, and without the part before its `@`, in any case.
pub(super) fn without_address(reply: &str, address: &str) -> String {
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    let reply = replaced(reply, address, "<address>");
    match local.len() {
        // Short names are parts of other words.
        0..=2 => reply,
        _ => replaced(&reply, local, "<name>"),
    }
}

fn replaced(text: &str, part: &str, by: &str) -> String {
    // Addresses are ASCII, so the lower-case text has the same places.
    let (all, part) = (text.to_ascii_lowercase(), part.to_ascii_lowercase());
    let (mut result, mut from) = (String::with_capacity(text.len()), 0);
    for (at, _) in all.match_indices(&part).filter(|_| !part.is_empty()) {
        result.push_str(text.get(from..at).unwrap_or_default());
        result.push_str(by);
        from = at + part.len();
    }
    result + text.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_quotes_the_address_is_stored_without_it() {
        let reply = "relay:25: RCPT: 550 5.1.1 <Ann.Lee@clinic.example>: user ann.lee is unknown";
        assert_eq!(
            without_address(reply, "ann.lee@clinic.example"),
            "relay:25: RCPT: 550 5.1.1 <<address>>: user <name> is unknown"
        );
        assert_eq!(without_address("250 OK", "ok@a.example"), "250 OK");
    }
}
