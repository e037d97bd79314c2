//! Accounts: invitations, signing in, sessions and second factors.

use std::os::unix::fs::PermissionsExt as _;

use people::{Error, People, Refused, Role, SecondFactor, SignedIn};
use totp_rs::{Algorithm, TOTP};

use crate::{PASSWORD, account, administrator, at, file, minutes};

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn signed_in(people: &People, login: &str, hours: i64) -> SignedIn {
    people
        .sign_in(login, PASSWORD, None, at(hours))
        .unwrap()
        .unwrap()
}

fn who(people: &People, session: &SignedIn, hours: i64) -> Option<String> {
    let found = people.session(session.session.reveal(), at(hours)).unwrap();
    found.map(|session| session.account.login)
}

#[test]
fn the_file_is_for_its_owner_and_keeps_no_secret() {
    let file = file();
    let people = &file.people;
    administrator(people);
    let session = signed_in(people, "ann", 1);
    for name in ["people.sqlite", "people.sqlite-wal"] {
        let path = file.folder.path().join(name);
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let bytes = std::fs::read(path).unwrap();
        for secret in [PASSWORD, session.session.reveal()] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
        }
    }
}

#[test]
fn only_a_service_without_an_administrator_prints_an_invitation() {
    let file = file();
    let people = &file.people;
    let first = people.first_administrator(at(0)).unwrap().unwrap();
    // A restart prints another, and the first one is over.
    let second = people.first_administrator(at(1)).unwrap().unwrap();
    assert_eq!(people.invitation(first.reveal(), at(1)).unwrap(), None);
    let ann = people
        .accept(second.reveal(), "ann", "Ann Miller", PASSWORD, at(2))
        .unwrap();
    assert_eq!((ann.login.as_str(), ann.role), ("ann", Role::Admin));
    assert_eq!(people.first_administrator(at(3)).unwrap(), None);
    let again = people.accept(second.reveal(), "eve", "Eve", PASSWORD, at(3));
    assert!(refusal(again).contains("was used"));
}

#[test]
fn an_invitation_has_its_role_and_login_and_ends_after_48_hours() {
    let file = file();
    let people = &file.people;
    administrator(people);
    let secret = people
        .invite(Role::Operator, Some("bob"), "ann", at(0))
        .unwrap();
    assert_eq!(people.invitation(secret.reveal(), at(49)).unwrap(), None);
    let bob = people
        .accept(secret.reveal(), "root", "Bob", PASSWORD, at(48))
        .unwrap();
    assert_eq!((bob.login.as_str(), bob.role), ("bob", Role::Operator));
    let taken = people.invite(Role::Viewer, Some("BOB"), "ann", at(0));
    assert!(refusal(taken).contains("is taken"));
    for login in ["", "two words", "a/b", "läsa", &"x".repeat(65)] {
        let why = refusal(people.invite(Role::Viewer, Some(login), "ann", at(0)));
        assert!(why.contains("1 to 64 letters"), "{login}: {why}");
    }
}

#[test]
fn a_wrong_password_and_an_unknown_login_have_the_same_answer() {
    let file = file();
    let people = &file.people;
    let ann = administrator(people);
    account(people, "bob", Role::Admin);
    let attempt = |login, password| people.sign_in(login, password, None, at(1)).unwrap();
    assert_eq!(attempt("ann", "wrong"), Err(Refused::Wrong));
    assert_eq!(attempt("nobody", PASSWORD), Err(Refused::Wrong));
    assert!(attempt("ANN", PASSWORD).is_ok());
    people.disable(ann.id, at(1)).unwrap();
    assert_eq!(attempt("ann", PASSWORD), Err(Refused::Wrong));
    people.enable(ann.id).unwrap();
    assert!(attempt("ann", PASSWORD).is_ok());
}

#[test]
fn ten_wrong_attempts_make_the_account_wait_for_a_quarter_of_an_hour() {
    let file = file();
    let people = &file.people;
    administrator(people);
    let attempt = |password, at| people.sign_in("ann", password, None, minutes(at)).unwrap();
    for _ in 0..10 {
        assert_eq!(attempt("wrong", 0), Err(Refused::Wrong));
    }
    assert_eq!(attempt(PASSWORD, 14), Err(Refused::Waits));
    // Attempts while it waits do not make it longer.
    assert!(attempt(PASSWORD, 15).is_ok());
}

#[test]
fn a_session_ends_when_it_is_idle_when_it_is_old_and_when_its_person_signs_out() {
    let file = file();
    let people = &file.people;
    administrator(people);
    let session = signed_in(people, "ann", 0);
    assert_eq!(who(people, &session, 11).as_deref(), Some("ann"));
    assert_eq!(who(people, &session, 22).as_deref(), Some("ann"));
    assert_eq!(
        who(people, &session, 34),
        None,
        "12 hours without a request"
    );
    let busy = signed_in(people, "ann", 0);
    for hours in (0..168).step_by(6) {
        assert!(who(people, &busy, hours).is_some(), "{hours}");
    }
    assert_eq!(who(people, &busy, 168), None, "a week");
    let left = signed_in(people, "ann", 0);
    people.end_session(left.session.reveal()).unwrap();
    assert_eq!(who(people, &left, 0), None);
}

#[test]
fn a_new_password_another_role_and_a_second_factor_end_every_session() {
    let file = file();
    let people = &file.people;
    administrator(people);
    let bob = account(people, "bob", Role::Operator);
    let ended = |change: &dyn Fn()| {
        let session = signed_in(people, "bob", 0);
        change();
        assert_eq!(who(people, &session, 0), None);
    };
    ended(&|| people.set_role(bob.id, Role::Approver).unwrap());
    ended(&|| people.set_password(bob.id, PASSWORD).unwrap());
    ended(&|| {
        let factor = people.new_second_factor("bob", "Nines").unwrap();
        let code = code(&factor.url, 0);
        people
            .confirm_second_factor(bob.id, &factor, &code, at(0))
            .unwrap();
    });
    let weak = people.set_password(bob.id, "bob bob bob bob");
    assert!(refusal(weak).contains("easy to guess"));
}

#[test]
fn the_last_administrator_stays() {
    let file = file();
    let people = &file.people;
    let ann = administrator(people);
    for refused in [
        people.set_role(ann.id, Role::Viewer),
        people.disable(ann.id, at(0)),
        people.erase(ann.id),
    ] {
        assert!(refusal(refused).contains("only administrator"));
    }
    let bob = account(people, "bob", Role::Admin);
    people.erase(ann.id).unwrap();
    assert_eq!(people.accounts().unwrap(), [bob]);
}

/// The code that a telephone shows.
fn code(url: &str, hours: i64) -> String {
    let text = url.split("secret=").nth(1).unwrap();
    let text = text.split('&').next().unwrap().to_owned();
    let secret = totp_rs::Secret::Encoded(text).to_bytes().unwrap();
    let totp = TOTP::new_unchecked(Algorithm::SHA1, 6, 1, 30, secret);
    totp.generate(at(hours).as_second().try_into().unwrap())
}

#[test]
fn a_second_factor_is_asked_for_and_each_code_works_once() {
    let file = file();
    let people = &file.people;
    let ann = administrator(people);
    let factor = people
        .new_second_factor("ann", "Example HIE: status")
        .unwrap();
    assert!(
        factor
            .url
            .starts_with("otpauth://totp/Example%20HIE%20%20status:ann?secret="),
        "{}",
        factor.url
    );
    let wrong = people.confirm_second_factor(ann.id, &factor, "000000", at(0));
    assert!(refusal(wrong).contains("this code"));
    people
        .confirm_second_factor(ann.id, &factor, &code(&factor.url, 0), at(0))
        .unwrap();
    let attempt = |code: Option<&str>, hours| {
        let done = people.sign_in("ann", PASSWORD, code, at(hours)).unwrap();
        done.map(|_| ())
    };
    assert_eq!(attempt(None, 1), Err(Refused::NeedsCode));
    let right = code(&factor.url, 1);
    assert_eq!(attempt(Some("000000"), 1), Err(Refused::Wrong));
    assert_eq!(attempt(Some(&right), 1), Ok(()));
    assert_eq!(attempt(Some(&right), 1), Err(Refused::Wrong), "used");
    assert_eq!(attempt(Some(&right), 2), Err(Refused::Wrong), "old");
    let again = SecondFactor::from_text(&factor.text).unwrap();
    let code = code(&factor.url, 3);
    people
        .confirm_second_factor(ann.id, &again, &code, at(3))
        .unwrap();
    assert!(SecondFactor::from_text("AAAA").is_none());
    people.remove_second_factor(ann.id).unwrap();
    assert_eq!(attempt(None, 3), Ok(()));
}

#[test]
fn a_file_of_another_program_or_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.sqlite");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE x (y)").unwrap();
    assert!(matches!(People::open(&path), Err(Error::Foreign(_))));
    std::fs::remove_file(&path).unwrap();
    drop(People::open(&path).unwrap());
    let ours = rusqlite::Connection::open(&path).unwrap();
    ours.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(People::open(&path), Err(Error::Newer(99))));
}
