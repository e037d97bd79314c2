//! The texts of updates and corrections.

use domain::incident::Phase;
use domain::notice::{Affected, Kind, Notice, Words};

use super::render_tests::{at, html, notice, portal, said};

fn posted(kind: Kind, words: Vec<Words>) -> Notice {
    let named = Affected {
        outage: None,
        from: None,
        to: None,
        reason: None,
        ..portal()
    };
    Notice {
        words,
        ..notice(kind, vec![named])
    }
}

fn words(number: u32, at_: &str, text: &str, phase: Option<Phase>) -> Words {
    Words {
        number,
        at: at(at_),
        text: text.to_owned(),
        phase,
    }
}

#[test]
fn updates_that_waited_are_printed_in_their_order() {
    let notice = posted(
        Kind::Update,
        vec![
            words(1, "2026-10-07T02:20:00-04:00", "We look at it.", None),
            words(
                2,
                "2026-10-07T02:31:00-04:00",
                "A disk is full. We make space.\nNext update by 03:00.",
                Some(Phase::Identified),
            ),
        ],
    );
    insta::assert_snapshot!(said(&notice));
    insta::assert_snapshot!(html(&notice));
}

#[test]
fn a_receipt_has_the_number_and_none_of_the_reporters_words() {
    let mut notice = posted(
        Kind::ProblemReceipt,
        vec![words(0, "2026-10-07T08:00:00-04:00", "Signing in", None)],
    );
    notice.affected.clear();
    insta::assert_snapshot!(said(&notice));
}

#[test]
fn an_update_to_a_reporter_names_the_report() {
    let mut notice = posted(
        Kind::Update,
        vec![words(
            1,
            "2026-10-07T08:00:00-04:00",
            "We look at it.",
            None,
        )],
    );
    notice.affected.clear();
    notice.recipient.name = "you".to_owned();
    insta::assert_snapshot!(said(&notice));
}

#[test]
fn a_correction_says_that_it_was_a_false_alarm_and_why() {
    let text = "A password of our own check had expired. The portal was available.";
    let notice = posted(
        Kind::Correction,
        vec![words(0, "2026-10-07T08:00:00-04:00", text, None)],
    );
    insta::assert_snapshot!(said(&notice));
}
