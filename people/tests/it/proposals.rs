//! Acts that wait for a second person.

use people::Error;

use crate::{at, file};

#[test]
fn a_proposal_waits_for_seven_days() {
    let people = file().people;
    let id = people
        .propose("{}", ("ann", "ann"), Some("a ticket"), at(0))
        .unwrap();
    let found = people.proposal(id, at(7 * 24)).unwrap().unwrap();
    assert_eq!((found.act.as_str(), found.by.as_str()), ("{}", "ann"));
    assert_eq!(found.account, "ann");
    assert_eq!(found.not_phi.as_deref(), Some("a ticket"));
    assert_eq!(people.proposals(at(7 * 24)).unwrap(), [found]);
    assert_eq!(people.proposals(at(7 * 24 + 1)).unwrap(), []);
    let other = people.propose("{}", ("ann", "ann"), None, at(200)).unwrap();
    assert_ne!(other, id, "a number is not given again");
    people.remove_proposal(other).unwrap();
    assert_eq!(people.proposal(other, at(200)).unwrap(), None);
}

#[test]
fn a_flood_of_proposals_is_refused() {
    let people = file().people;
    for _ in 0..100 {
        people.propose("{}", ("ann", "ann"), None, at(0)).unwrap();
    }
    let refused = people.propose("{}", ("ann", "ann"), None, at(0));
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    assert_eq!(people.proposals(at(0)).unwrap().len(), 100);
}
