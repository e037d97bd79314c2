//! The contact data of people who reported a problem.

use people::{People, Reporter};

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

#[test]
fn no_file_has_an_erased_person_while_the_service_runs_on() {
    let file = file();
    let path = file.folder.path().join("people.sqlite");
    // As a command does beside the running service.
    let command = People::open(&path).unwrap();
    let has = |word: &str| {
        let names = ["people.sqlite", "people.sqlite-wal"];
        let files =
            names.map(|name| std::fs::read(file.folder.path().join(name)).unwrap_or_default());
        files
            .iter()
            .any(|bytes| String::from_utf8_lossy(bytes).contains(word))
    };
    let lee = Reporter {
        name: "Lee Unmistakable".into(),
        organisation: "St. Elsewhere".into(),
        email: Some("lee@st-elsewhere.example".into()),
        phone: Some("+1 716 555 0100".into()),
    };
    let id = file.people.add_reporter(&lee, at(0)).unwrap();
    assert!(has("Unmistakable"));
    command.erase_reporter(id).unwrap();
    for word in ["Unmistakable", "Elsewhere", "lee@", "555 0100"] {
        assert!(!has(word), "{word}");
    }
    assert_eq!(file.people.reporter(id).unwrap(), None);
}
