//! Passwords: argon2id with the parameters of OWASP's Password Storage Cheat Sheet (19 MiB, two passes), and a check by
//! guessability. Length counts, not composition (NIST SP 800-63B, section 3.1.1).

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::Error;

/// In characters.
const SHORTEST: usize = 12;
/// In bytes: a longer one costs time to hash and to guess.
const LONGEST: usize = 256;
/// Of zxcvbn's scores 0 to 4: "safely unguessable" starts at 3.
const LEAST_SCORE: u8 = 3;

/// Why a password is refused, for the person who chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weak(pub String);

/// Refuses a password that is short, or that a guess would find: words, names of the account, keyboard rows.
pub(crate) fn check(password: &str, about: &[&str]) -> Result<(), Weak> {
    if password.chars().count() < SHORTEST {
        return Err(Weak(format!(
            "the password needs at least {SHORTEST} characters; several words are easy to remember"
        )));
    }
    if password.len() > LONGEST {
        return Err(Weak(format!("the password has more than {LONGEST} bytes")));
    }
    let estimate = zxcvbn::zxcvbn(password, about);
    if u8::from(estimate.score()) >= LEAST_SCORE {
        return Ok(());
    }
    let warning = estimate.feedback().and_then(|f| f.warning());
    let because = warning.map_or_else(String::new, |w| {
        format!(" ({})", w.to_string().trim_end_matches('.').to_lowercase())
    });
    Err(Weak(format!(
        "the password is easy to guess{because}; choose a longer one, for example four unrelated words"
    )))
}

/// A PHC string with a salt of its own.
pub(crate) fn hash(password: &str) -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::Random)?;
    let salt = SaltString::encode_b64(&bytes).map_err(|_| Error::Random)?;
    let hash = argon2id().hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(|_| Error::Random)?.to_string())
}

/// True if the password has that hash. Without a hash the same work is done, so that the time does not tell whether an
/// account exists.
pub(crate) fn verify(password: &str, hash: Option<&str>) -> bool {
    let parsed = PasswordHash::new(hash.unwrap_or(NO_ACCOUNT));
    let Ok(parsed) = parsed else { return false };
    let is_right = argon2id()
        .verify_password(password.as_bytes(), &parsed)
        .is_ok();
    is_right && hash.is_some()
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash of a password that no account has.
const NO_ACCOUNT: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_verified_and_its_hash_says_how_it_was_made() {
        let hash = hash("correct horse battery staple").unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(verify("correct horse battery staple", Some(&hash)));
        assert!(!verify("correct horse battery stable", Some(&hash)));
        assert!(!verify("correct horse battery staple", None));
    }

    #[test]
    fn what_is_short_or_easily_guessed_is_refused_with_a_way_out() {
        for (password, why) in [
            ("short", "at least 12 characters"),
            ("passwordpassword", "easy to guess"),
            ("ann.miller2026", "easy to guess"),
            ("qwertyuiopasdf", "easy to guess"),
        ] {
            let weak = check(password, &["ann.miller", "Ann Miller"]).unwrap_err();
            assert!(weak.0.contains(why), "{password}: {}", weak.0);
        }
        assert!(check(&"long enough ".repeat(30), &[]).is_err());
        assert_eq!(check("quartz lantern meadow fifty", &[]), Ok(()));
    }
}
