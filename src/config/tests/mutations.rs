//! Files with random changes: no panic, and no mistake reported twice.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::Files;
use crate::config::files;

/// The first character of an ANSI colour.
const ESCAPE: char = '\u{1b}';

/// One change at a place that is given as a share of the text, in 1/65536.
#[derive(Clone, Debug)]
enum Change {
    Byte(u16, u8),
    Remove(u16, u8),
    Insert(u16, &'static str),
    Double(u16, u8),
}

const PIECES: [&str; 22] = [
    "\"",
    "'",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "=",
    "\n",
    "\n[probe]\n",
    "\n[[probe]]\n",
    "#",
    ",",
    " = 3.5",
    "\"\"\"",
    ".",
    "\u{feff}",
    "é",
    "\r",
    "${X}",
    "kind = \"tcp\"\n",
    "\nx.y.z = 1\n",
];

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<u16>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (any::<u16>(), any::<u8>()).prop_map(|(at, length)| Change::Remove(at, length)),
        (any::<u16>(), 0..PIECES.len()).prop_map(|(at, piece)| Change::Insert(at, PIECES[piece])),
        (any::<u16>(), any::<u8>()).prop_map(|(at, length)| Change::Double(at, length)),
    ]
}

fn apply(text: &mut Vec<u8>, change: &Change) {
    let place = |at: u16| usize::from(at) * text.len() / 65_536;
    match change {
        Change::Byte(at, byte) => {
            let at = place(*at);
            if let Some(old) = text.get_mut(at) {
                *old = *byte;
            }
        }
        Change::Remove(at, length) => {
            let at = place(*at);
            let end = text.len().min(at + usize::from(*length));
            text.drain(at..end);
        }
        Change::Insert(at, piece) => {
            let at = place(*at);
            text.splice(at..at, piece.bytes());
        }
        Change::Double(at, length) => {
            let at = place(*at);
            let end = text.len().min(at + usize::from(*length));
            let piece = text[at..end].to_vec();
            text.splice(at..at, piece);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_file_never_makes_it_panic(
        file in any::<prop::sample::Index>(),
        changes in proptest::collection::vec(change(), 1..5),
    ) {
        let shipped = Files::shipped();
        let name = file.get(&shipped.0.keys().collect::<Vec<_>>()).to_string();
        let mut bytes = shipped.0[&name].clone().into_bytes();
        for change in &changes {
            apply(&mut bytes, change);
        }
        let folder = tempfile::tempdir().unwrap();
        shipped.write(folder.path());
        let mut out = std::fs::File::create(folder.path().join(&name)).unwrap();
        std::io::Write::write_all(&mut out, &bytes).unwrap();
        if let Err(mistakes) = files::load(&folder.path().join("nines.toml"), &|_| None, super::now()) {
            let lines = 2 + bytes.iter().filter(|byte| **byte == b'\n').count();
            prop_assert!(mistakes.iter().len() > 0);
            let mut seen = BTreeSet::new();
            for mistake in mistakes.iter() {
                let place = (&mistake.path, mistake.line, mistake.column, &mistake.message);
                prop_assert!(seen.insert(place), "twice: {mistake:?}");
                prop_assert!(mistake.column >= 1 && mistake.line >= 1);
                if mistake.path.ends_with(&name) {
                    prop_assert!(mistake.line <= lines, "{mistake:?}");
                }
                prop_assert!(!mistake.message.contains('\n'), "{mistake:?}");
            }
            let plain = mistakes.render(false);
            prop_assert!(!plain.contains(ESCAPE));
            prop_assert!(!mistakes.render(true).is_empty());
        }
    }
}
