//! What people.sqlite promises: who may sign in, for how long, and what is forgotten.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A failed test may stop at once.

mod accounts;
mod identities;
mod proposals;
mod reporters;
mod subscribers;
mod tokens;

use jiff::{SignedDuration, Timestamp};
use people::{Account, People, Role};

const PASSWORD: &str = "quartz lantern meadow fifty";

struct File {
    people: People,
    folder: tempfile::TempDir,
}

fn file() -> File {
    let folder = tempfile::tempdir().unwrap();
    let people = People::open(&folder.path().join("people.sqlite")).unwrap();
    File { people, folder }
}

/// Hours after the beginning of the test's time.
fn at(hours: i64) -> Timestamp {
    let begin: Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
    begin + SignedDuration::from_hours(hours)
}

fn minutes(minutes: i64) -> Timestamp {
    at(0) + SignedDuration::from_mins(minutes)
}

/// The first administrator, `ann`.
fn administrator(people: &People) -> Account {
    let secret = people.first_administrator(at(0)).unwrap().unwrap();
    people
        .accept(secret.reveal(), "ann", "Ann Miller", PASSWORD, at(0))
        .unwrap()
}

fn account(people: &People, login: &str, role: Role) -> Account {
    let secret = people.invite(role, Some(login), "ann", at(0)).unwrap();
    people
        .accept(secret.reveal(), "ignored", login, PASSWORD, at(0))
        .unwrap()
}
