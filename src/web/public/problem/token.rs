//! The token of a form: it says when the form was opened, and tells two sendings of one form from two reports. The key
//! is new at each start, so a form that was open across a start is shown again.

use std::sync::OnceLock;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use people::Secret;
use sha2::Sha256;

use crate::clock;

/// Stands in the empty form for the token of its reader.
pub const STAND_IN: &str = "token-of-this-form";

/// A form that has been open for longer is shown again.
const VALID: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Default)]
pub struct Tokens(OnceLock<Secret>);

/// A token that is genuine.
pub struct Opened {
    pub nonce: String,
    /// How long the form has been open.
    pub since: Duration,
}

impl Tokens {
    /// A new token. `None` if the system has no random numbers.
    pub fn fresh(&self) -> Option<String> {
        self.at(clock::elapsed())
    }

    fn at(&self, now: Duration) -> Option<String> {
        let nonce = Secret::random().ok()?;
        let head = format!("{}.{}", nonce.reveal(), now.as_millis());
        let code = self.code(&head)?.finalize().into_bytes();
        let code: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("{head}.{code}"))
    }

    /// `None` if the token is not one of ours, or too old.
    pub fn open(&self, token: &str) -> Option<Opened> {
        self.open_at(token, clock::elapsed())
    }

    fn open_at(&self, token: &str, now: Duration) -> Option<Opened> {
        let (head, code) = token.rsplit_once('.')?;
        let code = (code.len() == 64).then(|| bytes(code))??;
        self.code(head)?.verify_slice(&code).ok()?;
        let (nonce, at) = head.split_once('.')?;
        let since = now.saturating_sub(Duration::from_millis(at.parse().ok()?));
        (since <= VALID).then(|| Opened {
            nonce: nonce.to_owned(),
            since,
        })
    }

    fn code(&self, head: &str) -> Option<Hmac<Sha256>> {
        if self.0.get().is_none() {
            // Another reader may set it first.
            let _ = self.0.set(Secret::random().ok()?);
        }
        let key = self.0.get()?;
        let mut code = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()).ok()?;
        code.update(head.as_bytes());
        Some(code)
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_how_long_its_form_was_open() {
        let tokens = Tokens::default();
        let token = tokens.at(Duration::from_secs(100)).unwrap();
        let opened = tokens.open_at(&token, Duration::from_secs(107)).unwrap();
        assert_eq!(opened.since, Duration::from_secs(7));
        let other = tokens.at(Duration::from_secs(100)).unwrap();
        let other = tokens.open_at(&other, Duration::from_secs(107)).unwrap();
        assert_ne!(opened.nonce, other.nonce);
    }

    #[test]
    fn tokens_that_are_forged_old_or_of_another_start_open_nothing() {
        let tokens = Tokens::default();
        let token = tokens.at(Duration::from_secs(100)).unwrap();
        let now = Duration::from_secs(110);
        let earlier = token.replacen(".100000.", ".000000.", 1);
        let short = &token[..token.len() - 1];
        for wrong in ["", ".", "..", "a.b.c", earlier.as_str(), short, "é.1.é"] {
            assert!(tokens.open_at(wrong, now).is_none(), "{wrong}");
        }
        assert!(Tokens::default().open_at(&token, now).is_none());
        assert!(tokens.open_at(&token, now + VALID).is_none());
        assert!(tokens.open_at(&token, now).is_some());
    }
}
