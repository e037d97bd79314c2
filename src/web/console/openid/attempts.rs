//! Sign-ins that were begun at the provider and have not come back. Each works once, in the browser that began it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier};
use sha2::{Digest, Sha256};

/// How long a person may take at the provider.
const LASTS: Duration = Duration::from_secs(10 * 60);
/// Attempts that are remembered. Beyond it, the oldest is forgotten.
const REMEMBERED: usize = 1_024;

/// A sign-in that has not come back.
pub struct Attempt {
    pub nonce: Nonce,
    pub verifier: PkceCodeVerifier,
    /// By a clock that only runs forward.
    pub begun: Duration,
}

/// The attempts by a digest of state and browser, so that finding one compares no secret.
#[derive(Default)]
pub struct Attempts(Mutex<HashMap<Vec<u8>, Attempt>>);

impl Attempts {
    /// Remembers an attempt with its state. Returns the secret for a cookie of the browser.
    pub fn begin(&self, state: &CsrfToken, attempt: Attempt) -> String {
        let browser = CsrfToken::new_random_len(32).into_secret();
        let mut attempts = self.young(attempt.begun);
        if attempts.len() >= REMEMBERED {
            let oldest = attempts.iter().min_by_key(|(_, attempt)| attempt.begun);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.and_then(|key| attempts.remove(&key));
        }
        attempts.insert(key(state.secret(), &browser), attempt);
        browser
    }

    /// The attempt with that state in that browser. It cannot be taken again.
    pub fn take(&self, state: &str, browser: &str, now: Duration) -> Option<Attempt> {
        self.young(now).remove(&key(state, browser))
    }

    fn young(&self, now: Duration) -> MutexGuard<'_, HashMap<Vec<u8>, Attempt>> {
        // A panic while it is locked leaves whole entries.
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.retain(|_, attempt| now.saturating_sub(attempt.begun) < LASTS);
        attempts
    }
}

/// Both have letters of base 64 only, so that the line end separates them.
fn key(state: &str, browser: &str) -> Vec<u8> {
    Sha256::digest(format!("{state}\n{browser}")).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Attempt {
        Attempt {
            nonce: Nonce::new_random(),
            verifier: PkceCodeVerifier::new("v".repeat(43)),
            begun: Duration::from_secs(seconds),
        }
    }

    fn state(name: impl ToString) -> CsrfToken {
        CsrfToken::new(name.to_string())
    }

    #[test]
    fn an_attempt_works_once_in_the_browser_that_began_it() {
        let attempts = Attempts::default();
        let browser = attempts.begin(&state("a"), at(0));
        let other = attempts.begin(&state("b"), at(0));
        let now = Duration::from_secs(599);
        assert!(attempts.take("a", &other, now).is_none());
        assert!(attempts.take("b", &browser, now).is_none());
        assert!(attempts.take("a", &browser, now).is_some());
        assert!(attempts.take("a", &browser, now).is_none(), "again");
    }

    #[test]
    fn an_attempt_is_forgotten_after_ten_minutes_or_a_thousand_later_ones() {
        let attempts = Attempts::default();
        let late = attempts.begin(&state("late"), at(0));
        let now = Duration::from_secs(600);
        assert!(attempts.take("late", &late, now).is_none());
        let first = attempts.begin(&state("first"), at(600));
        for n in 0..REMEMBERED {
            attempts.begin(&state(n), at(601));
        }
        assert!(attempts.take("first", &first, now).is_none());
    }
}
