//! The ledger's file in unusual states: copied, read-only, or left behind by a process that was
//! killed in the middle of its first transaction.

use std::path::Path;

use domain::event::Fact;
use rusqlite::Connection;

use super::{at, event, filled, replayed, verified};
use crate::ledger::*;

/// A copy of the one file, as somebody makes it who does not know that there may be a log.
fn copied(data: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(data.join(FILE), copy.path().join(FILE)).unwrap();
    copy
}

#[test]
fn a_writer_that_ends_leaves_the_whole_ledger_in_its_file() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mut ledger = Ledger::open(dir.path()).unwrap();
    // As the service has one for the messages; it outlives the writer.
    let reader = Ledger::open_read_only(dir.path()).unwrap();
    let head = ledger
        .append(at(300), &[event(500, Fact::Stopped)], &[])
        .unwrap();
    drop(ledger);
    let found = verified(copied(dir.path()).path()).unwrap();
    assert_eq!(found.head, head);
    assert!(found.is_clean());
    drop(reader);
}

/// Calls `read` on a thread that may write in no folder that is closed to its owner: root
/// may, and tests may be root's.
fn without_privileges<T: Send>(read: impl FnOnce() -> T + Send) -> T {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let powers = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut own = capabilities(None).unwrap();
            own.effective -= powers;
            set_capabilities(None, own).unwrap();
            read()
        });
        reader.join().unwrap()
    })
}

fn close(folder: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_auditor_reads_a_copy_that_may_not_be_written() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let head = Ledger::open(dir.path()).unwrap().head();
    let copy = copied(dir.path());
    // A name that means something in the address of a file.
    let odd = copy.path().join("50%25 of what?#");
    std::fs::create_dir(&odd).unwrap();
    std::fs::rename(copy.path().join(FILE), odd.join(FILE)).unwrap();
    close(&odd, 0o555);
    let (found, replayed) = without_privileges(|| {
        assert!(std::fs::File::create(odd.join("new")).is_err());
        let ledger = Ledger::open_read_only(&odd).unwrap();
        (verified(&odd).unwrap(), replayed(&ledger, None).unwrap())
    });
    close(&odd, 0o755);
    assert_eq!(found.head, head);
    assert!(found.is_clean());
    assert_eq!(u64::try_from(replayed.len()).unwrap(), head.seq);
    assert_eq!(
        std::fs::read_dir(&odd).unwrap().count(),
        1,
        "it left nothing"
    );
}

#[test]
fn a_copy_with_a_log_that_may_not_be_written_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mut ledger = Ledger::open(dir.path()).unwrap();
    ledger
        .append(at(300), &[event(500, Fact::Stopped)], &[])
        .unwrap();
    // Taken while the service runs.
    let copy = copied(dir.path());
    let log = format!("{FILE}-wal");
    std::fs::copy(dir.path().join(&log), copy.path().join(&log)).unwrap();
    close(copy.path(), 0o555);
    let found = without_privileges(|| verified(copy.path()).map(|v| v.head));
    close(copy.path(), 0o755);
    let error = found.unwrap_err();
    assert!(matches!(error, Error::LogUnreadable { .. }), "{error}");
    // And that it says the truth.
    assert_eq!(verified(copy.path()).unwrap().head, ledger.head());
}

#[test]
fn a_whole_copy_that_may_not_be_written_is_read_with_its_log() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let head = ledger
        .append(at(300), &[event(500, Fact::Stopped)], &[])
        .unwrap();
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    assert!(copy.path().join(format!("{FILE}-shm")).exists());
    close(copy.path(), 0o555);
    let found = without_privileges(|| verified(copy.path()).map(|v| v.head));
    close(copy.path(), 0o755);
    assert_eq!(found.unwrap(), head);
}

/// A data directory as `kill -9` leaves it in the middle of `sql`, the first transaction after
/// `before`: part of it is in the file already, and what takes it back is in the journal beside it.
/// SQLite writes at the commit, or before it where it runs out of memory for pages, as here.
fn cut_off(before: impl FnOnce(&Path), sql: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    before(dir.path());
    let path = dir.path().join(FILE);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN")
        .unwrap();
    connection.execute_batch(sql).unwrap();
    let left = tempfile::tempdir().unwrap();
    for name in [FILE.to_owned(), format!("{FILE}-journal")] {
        std::fs::copy(dir.path().join(&name), left.path().join(&name)).unwrap();
    }
    left
}

/// The first start, cut off while it made the tables.
fn cut_off_at_the_tables() -> tempfile::TempDir {
    let numbered = format!(
        "{} PRAGMA application_id = 1313427013; PRAGMA user_version = 1;",
        schema::TABLES
    );
    let left = cut_off(|_| {}, &numbered);
    let file = std::fs::metadata(left.path().join(FILE)).unwrap();
    assert!(file.len() > 0, "nothing of it is in the file");
    left
}

/// A transaction cut off in a ledger that has rows, and where the ledger stood before it.
fn cut_off_with_rows() -> (tempfile::TempDir, Head) {
    let mut head = None;
    let left = cut_off(
        |data| {
            filled(data);
            head = Some(Ledger::open(data).unwrap().head());
            let connection = Connection::open(data.join(FILE)).unwrap();
            connection
                .execute_batch("PRAGMA journal_mode = DELETE")
                .unwrap();
        },
        "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 300) \
         INSERT INTO messages SELECT i, randomblob(3000) FROM n",
    );
    (left, head.unwrap())
}

#[test]
fn a_first_start_that_was_cut_off_begins_anew() {
    let left = cut_off_at_the_tables();
    let ledger = Ledger::open(left.path()).unwrap();
    assert!(ledger.is_new());
    drop(ledger);
    assert!(verified(left.path()).unwrap().is_clean());
    assert!(!left.path().join(format!("{FILE}-journal")).exists());
}

#[test]
fn a_reader_takes_back_what_was_cut_off_where_it_may_write() {
    let left = cut_off_at_the_tables();
    let found = Ledger::open_read_only(left.path()).map(|ledger| ledger.head());
    assert!(matches!(found, Err(Error::Absent(_))), "{found:?}");

    let (left, head) = cut_off_with_rows();
    assert_eq!(verified(left.path()).unwrap().head, head);
    assert!(verified(left.path()).unwrap().is_clean());
    let names: Vec<_> = std::fs::read_dir(left.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, [FILE], "the journal did its work");
}

#[test]
fn a_reader_that_may_not_write_refuses_what_was_cut_off() {
    for left in [cut_off_at_the_tables(), cut_off_with_rows().0] {
        let file = left.path().join(FILE);
        let before = std::fs::read(&file).unwrap();
        close(left.path(), 0o555);
        let open_file = without_privileges(|| verified(left.path()).map(|v| v.head));
        close(&file, 0o444);
        let closed_file = without_privileges(|| verified(left.path()).map(|v| v.head));
        close(left.path(), 0o755);
        for found in [open_file, closed_file] {
            assert!(matches!(found, Err(Error::CutOff { .. })), "{found:?}");
        }
        assert!(std::fs::read(&file).unwrap() == before, "it was changed");
    }
}
