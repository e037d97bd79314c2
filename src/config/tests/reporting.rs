//! The keys about the life of reports: `draft`, `meeting`, `remind`, `approvers`, `second_person`,
//! `owner`, `operators`.

use domain::catalogue::{DayTime, Reporting};
use jiff::civil::time;

use super::Files;

#[test]
fn a_committee_says_when_its_reports_are_drafted_and_who_approves() {
    let loaded = Files::shipped()
        .replace("nines.toml", "# approvers     =", "approvers     =")
        .replace("nines.toml", "# second_person =", "second_person =")
        .load()
        .expect("good");
    let catalogue = &loaded.catalogue;
    let day = |day, hour| {
        Some(DayTime {
            day,
            time: time(hour, 0, 0, 0),
        })
    };
    let expected = Reporting {
        draft: day(1, 8),
        meeting: day(15, 14),
        remind_s: vec![5 * 86_400, 86_400],
        approvers: vec!["level-2".to_owned()],
        second_person: false,
    };
    assert_eq!(catalogue.committees[0].reporting, expected);
    assert_eq!(catalogue.operators, ["on-call"]);
    let portal = catalogue.system("portal").unwrap();
    assert_eq!(portal.owner.as_deref(), Some("on-call"));
}

#[test]
fn nothing_about_reports_needs_to_be_configured() {
    let least = "name = \"Portal\"\ncommittee = \"c\"\n[[probe]]\nname = \"p\"\nkind = \"tcp\"\n\
                 host = \"127.0.0.1\"\nport = 1\ninterval = \"30s\"\n";
    let loaded = Files::with_system(least).load().expect("good");
    assert!(loaded.catalogue.committees[0].reporting.is_usual());
    assert_eq!(loaded.catalogue.systems[0].owner, None);
}

#[test]
fn each_mistake_about_reports_is_named_where_it_is() {
    let draft = "draft   = { day = 1, time = \"08:00\" }";
    let cases = [
        (
            "nines.toml",
            "operators = [\"on-call\"]",
            "operators = [\"on-cal\"]",
            "there is no contact `on-cal`, did you mean `on-call`?",
        ),
        (
            "nines.toml",
            "# approvers     = [\"level-2\"]",
            "approvers = [\"chair\"]",
            "there is no contact `chair`",
        ),
        (
            "nines.toml",
            "# approvers     = [\"level-2\"]",
            "approvers = [\"level-2\", \"level-2\"]",
            "this is already in the list",
        ),
        (
            "nines.toml",
            "email = \"on-call@example.org\"",
            "",
            "this contact gets mail: `on-call` needs an `email`",
        ),
        (
            "nines.toml",
            draft,
            "draft = { day = 32, time = \"08:00\" }",
            "`day` goes from 1 to 31",
        ),
        ("nines.toml", draft, "draft = { day = 1 }", "lacks `time`"),
        (
            "nines.toml",
            "{ day = 15, time = \"14:00\" }",
            "{ day = 1, time = \"07:00\" }",
            "the meeting must come after the draft",
        ),
        (
            "systems/portal.toml",
            "owner           = \"on-call\"",
            "owner = \"nobody\"",
            "there is no contact `nobody`",
        ),
    ];
    for (file, from, to, expected) in cases {
        let reported = Files::shipped().replace(file, from, to).reported();
        let found = reported
            .iter()
            .any(|(_, _, message)| message.contains(expected));
        assert!(found, "{expected}: {reported:#?}");
    }
}

#[test]
fn a_meeting_without_a_draft_is_a_likely_slip() {
    let loaded = Files::shipped()
        .replace("nines.toml", "draft   =", "# draft =")
        .load()
        .expect("good");
    let warned = loaded.warnings.to_string();
    assert!(warned.contains("no effect without a `draft`"), "{warned}");
}
