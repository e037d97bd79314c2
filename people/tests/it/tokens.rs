//! Tokens of programs.

use people::{Error, Role};

use crate::{at, file};

#[test]
fn a_token_has_a_role_until_it_expires_or_is_revoked() {
    let file = file();
    let people = &file.people;
    let secret = people
        .create_token("backup job", Role::Operator, at(24), "ann", at(0))
        .unwrap();
    assert!(secret.reveal().starts_with("nines_"));
    let used = |hours| people.token(secret.reveal(), at(hours)).unwrap();
    let token = used(1).unwrap();
    assert_eq!(
        (token.name.as_str(), token.role),
        ("backup job", Role::Operator)
    );
    assert_eq!(used(24), None);
    let listed = people.tokens().unwrap();
    assert_eq!(listed[0].used_at, Some(at(1)));
    people.revoke(token.id).unwrap();
    assert_eq!(used(2), None);
    assert!(matches!(people.revoke(token.id), Err(Error::Refused(_))));
    assert_eq!(people.token("nines_guess", at(0)).unwrap(), None);
    let over = people.create_token("late", Role::Viewer, at(0), "ann", at(0));
    assert!(matches!(over, Err(Error::Refused(why)) if why.contains("future")));
}
