//! The keys of requests that programs may send again, with their answers.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, params};

use crate::{Error, People, seconds};

/// How long a key is known.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// The most keys of one token within that time.
const MOST: i64 = 10_000;

/// The earlier request with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// The key is new. It is known from now on.
    None,
    Answered(KeptAnswer),
    /// The earlier request has no answer: it is being carried out, or the service was killed meanwhile.
    Open,
    /// The key was used for another request.
    Different,
    /// The token has too many keys.
    TooMany,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    pub status: u16,
    /// The media type.
    pub kind: String,
    /// The entity tag.
    pub tag: Option<String>,
    /// `None` if it had a secret or was too long.
    pub body: Option<Vec<u8>>,
}

impl People {
    /// Notes the key of a request that is about to be carried out. `digest` tells requests apart.
    ///
    /// # Errors
    /// The file cannot be used. Then the request must not be carried out.
    pub fn begin_request(
        &self,
        token: i64,
        key: &str,
        digest: &[u8],
        at: Timestamp,
    ) -> Result<Earlier, Error> {
        let mut connection = self.connection();
        let change = connection.transaction()?;
        let oldest = seconds(at.saturating_sub(KEPT).unwrap_or(at));
        change.execute("DELETE FROM request WHERE began < ?1", [oldest])?;
        let found = change
            .query_row(
                "SELECT digest, status, kind, tag, body FROM request WHERE token = ?1 AND key = ?2",
                params![token, key],
                |row| {
                    let status: Option<u16> = row.get(1)?;
                    let answer = match status {
                        Some(status) => Some(KeptAnswer {
                            status,
                            kind: row.get(2)?,
                            tag: row.get(3)?,
                            body: row.get(4)?,
                        }),
                        None => None,
                    };
                    Ok((row.get::<_, Vec<u8>>(0)?, answer))
                },
            )
            .optional()?;
        let earlier = match found {
            Some((known, _)) if known != digest => Earlier::Different,
            Some((_, Some(answer))) => Earlier::Answered(answer),
            Some((_, None)) => Earlier::Open,
            None => {
                let count = "SELECT count(*) FROM request WHERE token = ?1";
                let keys: i64 = change.query_row(count, [token], |row| row.get(0))?;
                if keys >= MOST {
                    Earlier::TooMany
                } else {
                    change.execute(
                        "INSERT INTO request (token, key, digest, began) VALUES (?1, ?2, ?3, ?4)",
                        params![token, key, digest, seconds(at)],
                    )?;
                    Earlier::None
                }
            }
        };
        change.commit()?;
        Ok(earlier)
    }

    /// Keeps the answer to a request.
    ///
    /// # Errors
    /// The file cannot be used. Then the key stays open.
    pub fn end_request(&self, token: i64, key: &str, answer: &KeptAnswer) -> Result<(), Error> {
        self.connection().execute(
            "UPDATE request SET status = ?3, kind = ?4, tag = ?5, body = ?6 WHERE token = ?1 AND key = ?2",
            params![token, key, answer.status, answer.kind, answer.tag, answer.body],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn answer() -> KeptAnswer {
        KeptAnswer {
            status: 200,
            kind: "application/json".to_owned(),
            tag: Some("\"7\"".to_owned()),
            body: Some(b"{}".to_vec()),
        }
    }

    #[test]
    fn a_key_gives_the_first_answer_also_after_a_restart_and_is_forgotten_after_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.sqlite");
        let begin = |people: &People, digest: &[u8], at| {
            people.begin_request(1, "key", digest, at).unwrap()
        };
        let people = People::open(&path).unwrap();
        assert_eq!(begin(&people, b"a", NOW), Earlier::None);
        assert_eq!(begin(&people, b"a", NOW), Earlier::Open);
        drop(people);
        // Killed before the answer was kept: nobody knows what was recorded.
        let people = People::open(&path).unwrap();
        assert_eq!(begin(&people, b"a", NOW), Earlier::Open);
        people.end_request(1, "key", &answer()).unwrap();
        drop(people);
        let people = People::open(&path).unwrap();
        assert_eq!(begin(&people, b"a", NOW), Earlier::Answered(answer()));
        assert_eq!(begin(&people, b"b", NOW), Earlier::Different);
        let other = people.begin_request(2, "key", b"b", NOW).unwrap();
        assert_eq!(other, Earlier::None, "keys belong to a token");
        let late = NOW + KEPT + SignedDuration::from_secs(1);
        assert_eq!(begin(&people, b"b", late), Earlier::None);
    }

    #[test]
    fn a_revoked_token_leaves_no_key_to_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let people = People::open(&folder.path().join("people.sqlite")).unwrap();
        let made = |name| {
            let later = NOW + SignedDuration::from_hours(1);
            people.create_token(name, crate::Role::Operator, later, "ann", NOW)
        };
        made("one").unwrap();
        let id = people.tokens().unwrap()[0].id;
        people.begin_request(id.0, "key", b"a", NOW).unwrap();
        people.revoke(id).unwrap();
        made("two").unwrap();
        let next = people.tokens().unwrap()[0].id;
        let begun = people.begin_request(next.0, "key", b"a", NOW).unwrap();
        assert_eq!(begun, Earlier::None);
    }
}
