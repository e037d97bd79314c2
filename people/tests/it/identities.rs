//! People who sign in at an OpenID Connect provider.

use people::{Account, Error, NotAdmitted, People, ProvenIdentity, Refused, Role, SignedIn};

use crate::{PASSWORD, account, administrator, at, file};

/// A person of the provider, with a subject that is no login.
fn person(subject: &str, login: &str, role: Option<Role>) -> ProvenIdentity {
    ProvenIdentity {
        issuer: "https://login.example.org".to_owned(),
        subject: subject.to_owned(),
        login: login.to_owned(),
        name: "Kim Lee".to_owned(),
        role,
    }
}

fn sign_in(people: &People, person: &ProvenIdentity) -> Result<SignedIn, NotAdmitted> {
    people.sign_in_with_identity(person, at(1)).unwrap()
}

fn of(people: &People, session: &SignedIn) -> Option<Account> {
    let found = people.session(session.session.reveal(), at(2)).unwrap();
    found.map(|session| session.account)
}

#[test]
fn the_first_sign_in_makes_the_account_and_later_ones_find_it() {
    let file = file();
    let people = &file.people;
    let first = sign_in(people, &person("s-1", "kim", Some(Role::Operator))).unwrap();
    let made = of(people, &first).unwrap();
    assert_eq!(
        (made.login.as_str(), made.name.as_str()),
        ("kim", "Kim Lee")
    );
    assert!(made.has_provider && !made.has_password);
    // The login there may change: the account is that of the subject, and the ledger keeps its name for it.
    let mut later = person("s-1", "kim.lee", Some(Role::Operator));
    later.name = "Kim <b>\nLee-Park".to_owned();
    let again = of(people, &sign_in(people, &later).unwrap()).unwrap();
    assert_eq!((again.id, again.login.as_str()), (made.id, "kim"));
    assert_eq!(again.name, "Kim <b>Lee-Park");
    assert_eq!(people.accounts().unwrap().len(), 1);
    // The same subject of another issuer is another person.
    let mut other = person("s-1", "kim", Some(Role::Viewer));
    other.issuer.push('/');
    let other = of(people, &sign_in(people, &other).unwrap()).unwrap();
    assert_eq!(
        (other.login.as_str(), other.id == made.id),
        ("kim-2", false)
    );
}

#[test]
fn a_login_never_leads_to_the_account_of_another_person() {
    let file = file();
    let people = &file.people;
    let ann = administrator(people);
    people
        .invite(Role::Viewer, Some("bob"), "ann", at(0))
        .unwrap();
    for (wished, given) in [
        ("ann", "ann-2"),
        ("ANN", "ANN-3"),
        ("bob", "bob-2"),
        ("Zoë O'Hara", "Zo--O-Hara"),
        ("", "person"),
        (&"x".repeat(300), &"x".repeat(56)),
    ] {
        let session = sign_in(people, &person(given, wished, Some(Role::Viewer))).unwrap();
        let made = of(people, &session).unwrap();
        assert_eq!(made.login, given);
        assert_eq!(made.role, Role::Viewer);
        assert_ne!(made.id, ann.id);
    }
    let still = people.account(ann.id).unwrap().unwrap();
    assert_eq!(still, ann);
    // No password opens the account of a person who has none.
    for password in ["", PASSWORD] {
        let tried = people.sign_in("ann-2", password, None, at(1)).unwrap();
        assert_eq!(tried, Err(Refused::Wrong));
    }
}

#[test]
fn the_role_follows_the_provider_and_ends_sessions_of_the_old_one() {
    let file = file();
    let people = &file.people;
    administrator(people);
    let old = sign_in(people, &person("s-1", "kim", Some(Role::Admin))).unwrap();
    let same = sign_in(people, &person("s-1", "kim", Some(Role::Admin))).unwrap();
    assert_eq!(of(people, &old).unwrap().role, Role::Admin);
    let new = sign_in(people, &person("s-1", "kim", Some(Role::Viewer))).unwrap();
    assert_eq!((of(people, &old), of(people, &same)), (None, None));
    assert_eq!(of(people, &new).unwrap().role, Role::Viewer);
    let kim = of(people, &new).unwrap().id;
    match people.set_role(kim, Role::Admin) {
        Err(Error::Refused(why)) => assert!(why.contains("the provider decides"), "{why}"),
        other => panic!("{other:?}"),
    }
    // Without a group that has a role, nothing is left of what was granted.
    let refused = sign_in(people, &person("s-1", "kim", None));
    assert_eq!(refused, Err(NotAdmitted::NoRole));
    assert_eq!(of(people, &new), None);
    assert_eq!(
        sign_in(people, &person("s-9", "eve", None)),
        Err(NotAdmitted::NoRole)
    );
    assert_eq!(people.accounts().unwrap().len(), 2);
}

#[test]
fn a_disabled_account_stays_out() {
    let file = file();
    let people = &file.people;
    account(people, "ann", Role::Admin);
    let kim = person("s-1", "kim", Some(Role::Operator));
    let session = sign_in(people, &kim).unwrap();
    people.disable(session.account, at(2)).unwrap();
    assert_eq!(of(people, &session), None);
    assert_eq!(sign_in(people, &kim), Err(NotAdmitted::Disabled));
    people.enable(session.account).unwrap();
    assert!(sign_in(people, &kim).is_ok());
}

#[test]
fn a_subject_that_no_provider_may_give_is_refused() {
    let file = file();
    for subject in [String::new(), "s".repeat(256)] {
        let person = person(&subject, "kim", Some(Role::Viewer));
        let refused = file.people.sign_in_with_identity(&person, at(1));
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
}
