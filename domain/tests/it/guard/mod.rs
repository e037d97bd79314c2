//! The guard against a corpus of made texts: how much it finds, and how often it is wrong.
//!
//! `tuned` has the templates that the guard was adjusted to, `held_out` others that it was not. Print the figures and
//! the templates that fail with `cargo test -p nines-domain --test it guard -- --nocapture`.

mod acts;
mod corpus;
mod held_out;
mod tuned;

use std::collections::BTreeMap;

use domain::guard;

/// Texts of each half.
const TEXTS: u32 = 5_000;

/// The share of texts with a finding, in hundredths of a percent, and how often a template decided otherwise than
/// `wanted`.
fn found(
    seed: u64,
    templates: &'static [&'static str],
    wanted: bool,
) -> (u32, BTreeMap<&'static str, u32>) {
    let mut draw = corpus::Draw::new(seed);
    let (mut hits, mut failed) = (0, BTreeMap::new());
    for _ in 0..TEXTS {
        let template = draw.one(templates);
        let text = corpus::text(&mut draw, template);
        let is_found = !guard::check(&text).is_empty();
        hits += u32::from(is_found);
        if is_found != wanted {
            *failed.entry(template).or_default() += 1;
        }
    }
    (hits * 10_000 / TEXTS, failed)
}

fn measure(
    name: &str,
    with: &'static [&'static str],
    without: &'static [&'static str],
) -> (u32, u32) {
    let (recall, missed) = found(1, with, true);
    let (alarms, wrong) = found(2, without, false);
    let percent = |share: u32| format!("{}.{:02} %", share / 100, share % 100);
    println!(
        "{name}: {TEXTS} texts with, found in {}; {TEXTS} without, false alarms in {}",
        percent(recall),
        percent(alarms)
    );
    for (kind, templates) in [("missed", missed), ("false alarm", wrong)] {
        for (template, times) in templates {
            println!("  {kind}, {times} times: {template}");
        }
    }
    (recall, alarms)
}

#[test]
fn at_least_99_percent_is_found_and_at_most_1_percent_is_a_false_alarm() {
    let parts = [
        measure("tuned", tuned::WITH, tuned::WITHOUT),
        measure("held out", held_out::WITH, held_out::WITHOUT),
    ];
    for (recall, alarms) in parts {
        assert!(recall >= 9_900, "{recall}");
        assert!(alarms <= 100, "{alarms}");
    }
}
