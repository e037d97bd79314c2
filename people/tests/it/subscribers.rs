//! Subscribers: double opt-in, links, and what is erased.

use std::collections::BTreeSet;

use people::{People, Requested, Secret, Subscriber};

use crate::{at, file};

fn systems(names: &str) -> BTreeSet<String> {
    names.split(' ').map(str::to_owned).collect()
}

fn requested(people: &People, address: &str, names: &str, hours: i64) -> Option<Secret> {
    let asked = people.request_subscription(address, &systems(names), at(hours));
    match asked.unwrap() {
        Requested::Confirm(secret) => Some(secret),
        Requested::Waits | Requested::Full => None,
    }
}

fn subscriber(people: &People, address: &str, names: &str) -> Subscriber {
    let secret = requested(people, address, names, 0).unwrap();
    let confirmed = people.confirm_subscription(secret.reveal(), at(0));
    confirmed.unwrap().unwrap()
}

#[test]
fn nobody_is_subscribed_before_the_link_in_the_mail_is_followed() {
    let file = file();
    let people = &file.people;
    let secret = requested(people, "a@b.example", "portal", 0).unwrap();
    assert_eq!(people.subscribers().unwrap(), []);
    assert_eq!(people.unconfirmed_subscriptions().unwrap(), 1);
    assert_eq!(people.confirm_subscription("guess", at(1)).unwrap(), None);
    let confirmed = people
        .confirm_subscription(secret.reveal(), at(48))
        .unwrap();
    assert_eq!(people.subscribers().unwrap(), [confirmed.unwrap()]);
    assert_eq!(people.unconfirmed_subscriptions().unwrap(), 0);
    // The link works once.
    assert_eq!(
        people
            .confirm_subscription(secret.reveal(), at(48))
            .unwrap(),
        None
    );
}

#[test]
fn an_address_gets_one_confirmation_a_day_and_forgotten_ones_are_deleted() {
    let file = file();
    let people = &file.people;
    let first = requested(people, "a@b.example", "portal", 0).unwrap();
    assert!(requested(people, "A@B.example", "portal", 23).is_none());
    let second = requested(people, "a@b.example", "portal", 24).unwrap();
    assert_eq!(
        people.confirm_subscription(first.reveal(), at(24)).unwrap(),
        None
    );
    assert_eq!(
        people
            .confirm_subscription(second.reveal(), at(73))
            .unwrap(),
        None
    );
    // Two days after the last request nothing is left of it.
    requested(people, "c@d.example", "portal", 73).unwrap();
    assert!(requested(people, "a@b.example", "portal", 73).is_some());
}

#[test]
fn a_subscriber_who_asks_again_keeps_the_old_choice_until_the_new_one_is_confirmed() {
    let file = file();
    let people = &file.people;
    let before = subscriber(people, "a@b.example", "portal");
    let secret = requested(people, "a@b.example", "results", 30).unwrap();
    assert_eq!(people.subscribers().unwrap(), std::slice::from_ref(&before));
    let after = people
        .confirm_subscription(secret.reveal(), at(31))
        .unwrap()
        .unwrap();
    assert_eq!((after.id, after.systems), (before.id, systems("results")));
}

#[test]
fn the_link_of_every_mail_stays_the_same_and_belongs_to_one_subscriber() {
    let file = file();
    let people = &file.people;
    let [ann, bob] = ["ann@b.example", "bob@b.example"].map(|a| subscriber(people, a, "portal"));
    let link = people.manage_secret(ann.id).unwrap();
    assert_eq!(people.manage_secret(ann.id).unwrap(), link);
    assert_eq!(people.managed(&link).unwrap().as_ref(), Some(&ann));
    let stolen = link.replacen(&ann.id.0.to_string(), &bob.id.0.to_string(), 1);
    for wrong in [&*stolen, "1", "x-y", "", "1-"] {
        assert_eq!(people.managed(wrong).unwrap(), None, "{wrong}");
    }
    people
        .choose_systems(ann.id, &systems("portal results"))
        .unwrap();
    assert_eq!(people.managed(&link).unwrap().unwrap().systems.len(), 2);
    people.unsubscribe(ann.id).unwrap();
    assert_eq!(people.managed(&link).unwrap(), None);
    assert_eq!(people.subscribers().unwrap(), [bob]);
}

#[test]
fn an_erased_address_leaves_no_trace_in_the_file() {
    let file = file();
    let ann = subscriber(&file.people, "very-private@b.example", "portal");
    file.people.unsubscribe(ann.id).unwrap();
    // The last connection moves the log into the file.
    drop(file.people);
    let bytes = std::fs::read(file.folder.path().join("people.sqlite")).unwrap();
    assert!(!bytes.windows(12).any(|w| w == b"very-private"));
}

#[test]
fn a_request_whose_mail_was_not_delivered_can_be_made_again() {
    let file = file();
    let people = &file.people;
    let lost = requested(people, "a@b.example", "portal", 0).unwrap();
    people.forget_request(&lost).unwrap();
    let again = requested(people, "a@b.example", "portal", 0).unwrap();
    let confirmed = people.confirm_subscription(again.reveal(), at(0)).unwrap();
    // The lost mail of a new choice ends no subscription.
    let choice = requested(people, "a@b.example", "results", 24).unwrap();
    people.forget_request(&choice).unwrap();
    assert_eq!(people.subscribers().unwrap(), [confirmed.unwrap()]);
}

#[test]
fn a_link_names_its_subscriber_after_the_end_of_the_subscription() {
    let file = file();
    let ann = subscriber(&file.people, "ann@b.example", "portal");
    let link = file.people.manage_secret(ann.id).unwrap();
    file.people.unsubscribe(ann.id).unwrap();
    assert_eq!(file.people.subscriber_of_link(&link).unwrap(), Some(ann.id));
    assert_eq!(file.people.managed(&link).unwrap(), None);
}

#[test]
fn requests_beyond_the_limit_are_not_taken_and_leave_no_row() {
    let file = file();
    let people = &file.people;
    let one = systems("portal");
    let rows = rusqlite::Connection::open(file.folder.path().join("people.sqlite")).unwrap();
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO subscriber (address, systems, requested, pending, confirm)
        SELECT i || '@b.example', '', ?2, 'portal', CAST(i AS BLOB) FROM n";
    rows.execute(many, (people::MOST_SUBSCRIBERS, at(0).as_second()))
        .unwrap();
    let ask = |address: &str, hours| {
        people
            .request_subscription(address, &one, at(hours))
            .unwrap()
    };
    assert_eq!(ask("one-more@b.example", 0), Requested::Full);
    assert_eq!(ask("7@b.example", 0), Requested::Waits);
    // Two days later the old ones are gone.
    assert!(matches!(
        ask("one-more@b.example", 49),
        Requested::Confirm(_)
    ));
}
