//! The contact data of people who reported a problem.

use people::Reporter;

use crate::{at, file};

#[test]
fn a_reporter_is_known_by_a_number_until_erased() {
    let people = file().people;
    let lee = Reporter {
        name: "Lee".into(),
        organisation: "St. Elsewhere".into(),
        email: Some("lee@st-elsewhere.example".into()),
        phone: None,
    };
    let id = people.add_reporter(&lee, at(0)).unwrap();
    assert_eq!(people.reporter(id).unwrap(), Some(lee.clone()));
    people.erase_reporter(id).unwrap();
    assert_eq!(people.reporter(id).unwrap(), None);
    // Its number is not given to another person.
    assert_ne!(people.add_reporter(&lee, at(1)).unwrap(), id);
}
