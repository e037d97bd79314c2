//! The ledger against people who change it and versions that do not know it.

use std::path::Path;

use domain::actor::Actor;
use domain::event::{Event, Fact};
use domain::id::NoticeId;
use jiff::Timestamp;
use rusqlite::Connection;

use super::*;
use crate::digest::{hex, sha256};

mod copies;
mod golden;

fn at(second: i64) -> Timestamp {
    Timestamp::new(1_793_500_000 + second, 123_456_789).unwrap()
}

fn event(second: i64, fact: Fact) -> Event {
    Event {
        at: at(second),
        by: Actor::service(),
        fact,
    }
}

/// One event of every kind, in a ledger of its own; the message of notice 14 among them.
fn filled(data: &Path) -> Vec<Event> {
    let message = b"Subject: hello\r\n\r\nworld\r\n".to_vec();
    let hash = sha256(&message);
    let mut events: Vec<Event> = golden::all()
        .into_iter()
        .zip(0..)
        .map(|((_, fact), second)| event(second, fact))
        .collect();
    for event in &mut events {
        if let Fact::DeliveryAttempted { sha256, .. } = &mut event.fact {
            sha256.clone_from(&hash);
        }
    }
    let mut ledger = Ledger::open(data).unwrap();
    assert!(ledger.is_new());
    let (first, rest) = events.split_at(3);
    ledger.append(at(100), first, &[]).unwrap();
    ledger
        .append(at(200), rest, &[(NoticeId(14), message)])
        .unwrap();
    events
}

fn replayed(ledger: &Ledger, upto: Option<u64>) -> Result<Vec<Stored>, Error> {
    let mut all = Vec::new();
    ledger.replay(upto, &mut |stored| all.push(stored))?;
    Ok(all)
}

/// Verifies, and looks at what its progress is told: every step once, to the end where it gets there.
fn verified(data: &Path) -> Result<Verification, Error> {
    let mut steps = Vec::new();
    let found = verify(data, &mut |done, of| steps.push((done, of)))?;
    let of = steps.first().map_or(0, |(_, of)| *of);
    let counted: Vec<(u64, u64)> = (1..).map(|n| (n, of)).take(steps.len()).collect();
    assert_eq!(steps, counted);
    if found.is_clean() {
        assert_eq!(of, found.head.seq + found.messages);
        assert_eq!(steps.len() as u64, of);
    }
    Ok(found)
}

/// Opens the file past everything that guards it.
fn raw(data: &Path) -> Connection {
    let connection = Connection::open(data.join(FILE)).unwrap();
    let guards: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for guard in guards {
        connection
            .execute_batch(&format!("DROP TRIGGER {guard}"))
            .unwrap();
    }
    connection
}

/// Puts a row in as it is, with the hash that follows from the one before; gives that hash.
fn put(connection: &Connection, row: &row::Row, before: &row::Hash) -> row::Hash {
    let hash = row.hash_after(before);
    let values = params![
        row.seq,
        row.at,
        row.recorded,
        row.kind,
        row.v,
        row.subject,
        row.by,
        row.how,
        row.data,
        hash
    ];
    connection.execute(row::INSERT, values).unwrap();
    hash
}

/// The faults of rows and messages that verification finds after `sql`.
fn after(sql: &str) -> Vec<Fault> {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    raw(dir.path()).execute_batch(sql).unwrap();
    let mut faults = verified(dir.path()).unwrap().faults;
    let before = faults.len();
    faults.retain(|fault| !matches!(fault, Fault::Schema { .. }));
    assert_eq!(before - faults.len(), 6, "the removed guards are named too");
    faults
}

#[test]
fn what_is_written_is_read_again_exactly_also_after_opening_anew() {
    let dir = tempfile::tempdir().unwrap();
    let events = filled(dir.path());
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let stored = replayed(&ledger, None).unwrap();
    assert_eq!(
        stored.iter().map(|s| s.event.clone()).collect::<Vec<_>>(),
        events
    );
    assert_eq!(stored[2].recorded, at(100));
    assert_eq!(stored[3].recorded, at(200));
    assert_eq!(
        stored.iter().map(|s| s.seq).collect::<Vec<_>>(),
        (1..=events.len() as u64).collect::<Vec<_>>()
    );
    assert_eq!(ledger.head().hash, stored.last().unwrap().hash);
    assert_eq!(replayed(&ledger, Some(4)).unwrap(), stored[..4]);
    let head = ledger
        .append(at(300), &[event(300, Fact::Stopped)], &[])
        .unwrap();
    assert_eq!(head.seq, events.len() as u64 + 1);
    assert_eq!(verified(dir.path()).unwrap().head, head);
    assert!(verified(dir.path()).unwrap().is_clean());
}

#[test]
fn the_same_events_give_the_same_head_and_the_hash_is_the_one_that_is_documented() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let heads = dirs.each_ref().map(|dir| {
        filled(dir.path());
        Ledger::open_read_only(dir.path()).unwrap().head()
    });
    assert_eq!(heads[0], heads[1]);

    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(ledger.head().hash, "0".repeat(64));
    let head = ledger
        .append(at(1), &[event(0, Fact::Stopped)], &[])
        .unwrap();
    let mut bytes = vec![0; 32];
    for column in [
        "1",
        "2026-11-01T02:26:40.123456789Z",
        "2026-11-01T02:26:41.123456789Z",
        "stopped",
        "1",
        "",
        "nines",
        "service",
        "null",
    ] {
        bytes.extend([0, 0, 0, 0, 0, 0, 0, u8::try_from(column.len()).unwrap()]);
        bytes.extend(column.bytes());
    }
    assert_eq!(head.hash, sha256(&bytes));
}

#[test]
fn a_changed_row_is_named() {
    let change = |sql: &str| after(&format!("UPDATE events SET {sql} WHERE seq = 9"));
    for sql in [
        "data = replace(data, 'portal', 'partal')",
        "at = '2026-11-01T00:00:00.000000000Z'",
        "recorded = '2026-11-01T00:00:00.000000000Z'",
        "by = 'dana'",
        "subject = 'results/web'",
        "kind = 'probe-up'",
        "v = 2",
        "hash = zeroblob(32)",
        "hash = x'00'",
        "data = CAST(x'ff' AS TEXT)",
    ] {
        assert_eq!(change(sql), [Fault::Changed { seq: 9 }], "{sql}");
    }
    // Moving bytes from one column to the next changes the lengths.
    assert_eq!(
        after("UPDATE events SET by = subject || by, subject = '' WHERE seq = 9"),
        [Fault::Changed { seq: 9 }]
    );
}

#[test]
fn a_removed_row_is_named() {
    assert_eq!(
        after("DELETE FROM events WHERE seq = 9"),
        [Fault::Missing { seq: 9, found: 10 }]
    );
    assert_eq!(
        after("DELETE FROM events WHERE seq = 1"),
        [Fault::Missing { seq: 1, found: 2 }]
    );
    // Closing the gap by renumbering is seen from the same place on.
    let renumbered =
        after("DELETE FROM events WHERE seq = 9; UPDATE events SET seq = seq - 1 WHERE seq > 9");
    let every = (9..).map(|seq| Fault::Changed { seq });
    let every: Vec<Fault> = every.take(renumbered.len()).collect();
    assert!(renumbered.len() > 20);
    assert_eq!(renumbered, every);
}

#[test]
fn of_very_many_rows_the_first_are_named_and_the_others_counted_up_to_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let events: Vec<Event> = (0..250).map(|s| event(s, Fact::Stopped)).collect();
    ledger.append(at(300), &events, &[]).unwrap();
    let whole = replayed(&ledger, Some(20)).unwrap();
    drop(ledger);
    raw(dir.path())
        .execute_batch("UPDATE events SET by = 'dana' WHERE seq > 20 AND seq <= 245")
        .unwrap();
    let found = verified(dir.path()).unwrap();
    let last = whole.last().unwrap();
    let held = (last.seq, &last.hash);
    assert_eq!((found.head.seq, &found.head.hash), held);
    let rows = found.faults.iter();
    let rows: Vec<&Fault> = rows
        .filter(|fault| !matches!(fault, Fault::Schema { .. }))
        .collect();
    let named = (21..=120).map(|seq| Fault::Changed { seq });
    let more = Fault::More {
        more: 125,
        last: 245,
    };
    let wanted: Vec<Fault> = named.chain([more]).collect();
    assert_eq!(rows, wanted.iter().collect::<Vec<_>>());
}

#[test]
fn a_damaged_page_hides_no_row_that_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let events = filled(dir.path());
    let mut ledger = Ledger::open(dir.path()).unwrap();
    // Messages of several pages, so that theirs is not the page of an event.
    let messages: Vec<_> = (500..540)
        .map(|n| (NoticeId(n), vec![b'x'; 3_000]))
        .collect();
    ledger
        .append(at(300), &[event(500, Fact::Stopped)], &messages)
        .unwrap();
    drop(ledger);
    raw(dir.path())
        .execute_batch("UPDATE events SET by = 'dana' WHERE seq = 9")
        .unwrap();
    let file = dir.path().join(FILE);
    let mut bytes = std::fs::read(&file).unwrap();
    let root: usize = Connection::open(&file)
        .unwrap()
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'messages'",
            [],
            |row| row.get::<_, i64>(0),
        )
        .unwrap()
        .try_into()
        .unwrap();
    let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    bytes[(root - 1) * page..][..page].fill(0xff);
    std::fs::write(&file, &bytes).unwrap();
    let found = verify(dir.path(), &mut |_, _| {}).unwrap();
    assert_eq!(found.head.seq, 8, "of {}", events.len() + 1);
    assert!(
        found.faults.contains(&Fault::Changed { seq: 9 }),
        "{:?}",
        found.faults
    );
    let damaged = |fault: &Fault| matches!(fault, Fault::Damaged(_));
    assert!(found.faults.iter().any(damaged), "{:?}", found.faults);
}

#[test]
fn of_very_many_rows_that_cannot_be_read_the_first_are_named_too() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let mut before = ledger.hash;
    for seq in 1..=130 {
        let mut row = row::Row::of(seq, at(1), &event(1, Fact::Stopped)).unwrap();
        row.kind = "of-a-later-nines".into();
        before = put(&ledger.connection, &row, &before);
    }
    drop(ledger);
    let faults = verified(dir.path()).unwrap().faults;
    let (named, more) = faults.split_at(100);
    let unreadable =
        |fault: &Fault, at: u64| matches!(fault, Fault::Unreadable { seq, .. } if *seq == at);
    assert!(
        named
            .iter()
            .zip(1..)
            .all(|(fault, seq)| unreadable(fault, seq)),
        "{named:?}"
    );
    assert_eq!(
        more,
        [Fault::More {
            more: 30,
            last: 130
        }]
    );
}

#[test]
fn rows_that_changed_places_are_named() {
    assert_eq!(
        after(
            "UPDATE events SET seq = -1 WHERE seq = 9; UPDATE events SET seq = 9 WHERE seq = 10; \
             UPDATE events SET seq = 10 WHERE seq = -1"
        ),
        // The eleventh follows from neither of them where they stand now.
        [9, 10, 11].map(|seq| Fault::Changed { seq })
    );
}

#[test]
fn every_changed_or_removed_row_is_named_and_no_other() {
    assert_eq!(
        after(
            "UPDATE events SET by = 'dana' WHERE seq IN (3, 7, 8); \
             UPDATE events SET hash = zeroblob(32) WHERE seq IN (11, 12); \
             DELETE FROM events WHERE seq IN (5, 14, 15)"
        ),
        [
            Fault::Changed { seq: 3 },
            Fault::Missing { seq: 5, found: 6 },
            Fault::Changed { seq: 7 },
            Fault::Changed { seq: 8 },
            Fault::Changed { seq: 11 },
            Fault::Changed { seq: 12 },
            Fault::Missing { seq: 14, found: 16 },
        ]
    );
    let gap = Fault::Missing { seq: 14, found: 16 };
    assert_eq!(
        gap.to_string(),
        "events 14 to 15 are missing: event 16 is in their place"
    );
}

#[test]
fn a_forged_row_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let last = filled(dir.path()).len();
    let forged = format!(
        "INSERT INTO events SELECT seq + 1, at, recorded, kind, v, subject, by, how, data, hash \
         FROM events WHERE seq = {last}"
    );
    assert_eq!(
        after(&forged),
        [Fault::Changed {
            seq: last as u64 + 1
        }]
    );
    assert_eq!(
        after(
            "INSERT INTO events SELECT -4, at, recorded, kind, v, subject, by, how, data, hash FROM events WHERE seq = 2"
        ),
        [Fault::Missing { seq: 1, found: -4 }]
    );
}

#[test]
fn a_row_rewritten_with_a_fitting_hash_shows_in_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let events = filled(dir.path());
    let before: row::Hash = raw(dir.path())
        .query_row("SELECT hash FROM events WHERE seq = 8", [], |row| {
            row.get(0)
        })
        .unwrap();
    let mut forged = events[8].clone();
    forged.by.person = "somebody".into();
    let hash = row::Row::of(9, at(200), &forged)
        .unwrap()
        .hash_after(&before);
    let hash = hex(&hash);
    assert_eq!(
        after(&format!(
            "UPDATE events SET by = 'somebody', hash = x'{hash}' WHERE seq = 9"
        )),
        [Fault::Changed { seq: 10 }]
    );
}

#[test]
fn a_changed_missing_or_added_letter_is_named() {
    let notice = NoticeId(14);
    let Fault::MessageChanged { seq, .. } = after("UPDATE messages SET message = x'20'")[0].clone()
    else {
        panic!("a changed message is a changed message")
    };
    assert_eq!(
        after("DELETE FROM messages"),
        [Fault::MessageMissing { notice, seq }]
    );
    assert_eq!(
        after("INSERT INTO messages VALUES (99, x'00')"),
        [Fault::MessageUnknown {
            notice: NoticeId(99)
        }]
    );
    // A cut tail leaves the message of an attempt that no event knows any more.
    assert_eq!(
        after(&format!("DELETE FROM events WHERE seq >= {seq}")),
        [Fault::MessageUnknown { notice }]
    );
}

#[test]
fn a_flipped_bit_is_never_read_as_something_else() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let path = dir.path().join(FILE);
    raw(dir.path())
        .execute_batch("PRAGMA journal_mode = DELETE")
        .unwrap();
    let whole = std::fs::read(&path).unwrap();
    let truth = replayed(&Ledger::open_read_only(dir.path()).unwrap(), None).unwrap();
    let mut refused = 0;
    for place in (100..whole.len()).step_by(499) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), &bytes).unwrap();
        match Ledger::open(dir.path()).and_then(|ledger| replayed(&ledger, None)) {
            Ok(events) => assert!(events == truth, "byte {place}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn the_guards_refuse_changes_to_rows_and_letters() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let connection = Connection::open(dir.path().join(FILE)).unwrap();
    for sql in [
        "UPDATE events SET by = 'x'",
        "DELETE FROM events WHERE seq = 2",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 2",
        "INSERT INTO events SELECT 900, at, recorded, kind, v, subject, by, how, data, hash FROM events WHERE seq = 2",
        "UPDATE messages SET message = x''",
        "DELETE FROM messages",
        "INSERT OR REPLACE INTO messages VALUES (14, x'00')",
    ] {
        connection.execute_batch(sql).expect_err(sql);
    }
    assert!(verified(dir.path()).unwrap().is_clean());
}

#[test]
fn an_event_of_an_unknown_kind_or_newer_version_is_refused_by_name() {
    for (change, words) in [
        (("kind", "meteor"), "event 2 (kind `meteor`, v 1)"),
        (
            ("v", "7"),
            "event 2 (kind `stopped`, v 7) cannot be read by this Nines: the latest version known here is 1",
        ),
        (("data", "{\"extra\":1}"), "event 2 (kind `stopped`, v 1)"),
        (
            ("at", "yesterday"),
            "event 2 (kind `stopped`, v 1) cannot be read by this Nines: its time",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(dir.path()).unwrap();
        ledger
            .append(at(1), &[event(0, Fact::Stopped)], &[])
            .unwrap();
        let mut row = row::Row::of(2, at(1), &event(1, Fact::Stopped)).unwrap();
        match change {
            ("kind", kind) => row.kind = kind.into(),
            ("v", v) => row.v = v.parse().unwrap(),
            ("data", data) => row.data = data.into(),
            (_, at) => row.at = at.into(),
        }
        put(&ledger.connection, &row, &ledger.hash);
        let ledger = Ledger::open(dir.path()).unwrap();
        let error = replayed(&ledger, None).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
        assert!(replay_record(&ledger, None).is_err());
        let faults = verified(dir.path()).unwrap().faults;
        assert!(
            matches!(faults[..], [Fault::Unreadable { seq: 2, .. }]),
            "{faults:?}"
        );
    }
}

#[test]
fn a_batch_is_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let head = ledger.head();
    let other = (NoticeId(14), b"another message".to_vec());
    let refused = ledger.append(at(300), &[event(300, Fact::Stopped)], &[other]);
    assert!(matches!(refused, Err(Error::MessageDiffers(NoticeId(14)))));
    assert_eq!(ledger.head(), head);
    assert_eq!(verified(dir.path()).unwrap().head, head);
    // The same bytes again, as a second attempt has them, are fine.
    let same = ledger.message(NoticeId(14)).unwrap().unwrap();
    ledger
        .append(
            at(300),
            &[event(300, Fact::Stopped)],
            &[(NoticeId(14), same)],
        )
        .unwrap();
    assert!(verified(dir.path()).unwrap().is_clean());
    assert_eq!(ledger.message(NoticeId(15)).unwrap(), None);
    assert_eq!(ledger.message(NoticeId(u64::MAX)).unwrap(), None);
}

#[test]
fn a_second_writer_is_noticed_before_it_forks_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let mut one = Ledger::open(dir.path()).unwrap();
    let mut two = Ledger::open(dir.path()).unwrap();
    one.append(at(1), &[event(0, Fact::Stopped)], &[]).unwrap();
    let refused = two.append(at(1), &[event(0, Fact::Stopped)], &[]);
    assert!(matches!(
        refused,
        Err(Error::HeadMoved {
            expected: 0,
            found: 1
        })
    ));
    assert_eq!(replayed(&one, None).unwrap().len(), 1);
}

#[test]
fn readers_see_what_a_running_service_wrote_and_never_write() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(
        Ledger::open_read_only(dir.path()),
        Err(Error::Absent(_))
    ));
    let mut ledger = Ledger::open(dir.path()).unwrap();
    ledger
        .append(at(1), &[event(0, Fact::Stopped)], &[])
        .unwrap();
    let mut reader = Ledger::open_read_only(dir.path()).unwrap();
    assert_eq!(reader.head(), ledger.head());
    ledger
        .append(at(2), &[event(1, Fact::DayClosed)], &[])
        .unwrap();
    assert_eq!(replayed(&reader, None).unwrap().len(), 2);
    assert!(
        reader
            .append(at(3), &[event(2, Fact::Stopped)], &[])
            .is_err()
    );
    assert!(verified(dir.path()).unwrap().is_clean());
}

#[test]
fn the_mark_moves_and_is_no_event() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(ledger.marked().unwrap(), None);
    ledger.mark(at(60)).unwrap();
    ledger.mark(at(120)).unwrap();
    assert_eq!(
        Ledger::open(dir.path()).unwrap().marked().unwrap(),
        Some(at(120))
    );
    assert!(ledger.is_new());
    assert!(verified(dir.path()).unwrap().is_clean());
}

#[test]
fn a_file_of_another_program_or_a_later_nines_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Ledger::open(dir.path()), Err(Error::Foreign(_))));
    other.execute_batch("DROP TABLE theirs").unwrap();
    drop(other);
    std::fs::write(
        &path,
        "not a database, but a message to whoever looks in here",
    )
    .unwrap();
    assert!(matches!(Ledger::open(dir.path()), Err(Error::Foreign(_))));
    std::fs::remove_file(&path).unwrap();
    drop(Ledger::open(dir.path()).unwrap());
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    assert!(matches!(
        Ledger::open(dir.path()),
        Err(Error::Newer { found: 2, .. })
    ));
    assert!(matches!(
        Ledger::open_read_only(dir.path()),
        Err(Error::Newer { .. })
    ));
}

#[test]
fn the_journal_and_its_durability_are_the_promised_ones() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let mode: String = ledger
        .connection
        .query_row("PRAGMA journal_mode", [], |r| r.get(0))
        .unwrap();
    let synchronous: i64 = ledger
        .connection
        .query_row("PRAGMA synchronous", [], |r| r.get(0))
        .unwrap();
    assert_eq!((mode.as_str(), synchronous), ("wal", 2));
}
