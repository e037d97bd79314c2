//! Looks for damage in SQLite's write-ahead log (<https://sqlite.org/fileformat2.html#walformat>). SQLite takes a damaged log
//! for a shorter one and says nothing, so that committed events would be gone without a word.

use std::io::{self, ErrorKind};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The magic number of a log; the last bit says in which order of bytes the checksums count.
const MAGIC: u32 = 0x377f_0682;

/// After each use of a log SQLite adds one to the first salt. Frames that are up to so many uses old are told from damage.
const OLDER: u32 = 1 << 20;

/// The first byte that SQLite would not read although it belongs to a transaction whose commit was synced; `None` if there is
/// none. A transaction at the end that a kill or a power cut left incomplete is no damage: SQLite had not reported its commit.
///
/// # Errors
/// The log cannot be read. It may be absent.
pub(super) fn damage(log: &Path) -> io::Result<Option<usize>> {
    let once = || match std::fs::read(log) {
        Ok(bytes) => Ok(damage_in(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    // A service that writes meanwhile may look like damage once, and not twice at the same place.
    match once()? {
        None => Ok(None),
        found => Ok(once()?.filter(|at| Some(*at) == found)),
    }
}

fn damage_in(log: &[u8]) -> Option<usize> {
    // Without a frame there is nothing to lose.
    let (header, frames) = log.split_at_checked(HEADER)?;
    if frames.is_empty() {
        return None;
    }
    let page_size = usize::try_from(number(header, 8)).ok()?;
    let in_big_endian = number(header, 0) & 1 == 1;
    let mut sum = checksum((0, 0), &header[..24], in_big_endian);
    if number(header, 0) & !1 != MAGIC || sum != (number(header, 24), number(header, 28)) {
        return Some(0);
    }
    let salts = &header[16..24];
    let place = |n: usize| HEADER + n * (FRAME_HEADER + page_size);
    let all = || frames.chunks_exact(FRAME_HEADER + page_size);
    let n = all().position(|frame| {
        let (head, page) = frame.split_at(FRAME_HEADER);
        sum = checksum(sum, &head[..8], in_big_endian);
        sum = checksum(sum, page, in_big_endian);
        head[8..16] != *salts || sum != (number(head, 16), number(head, 20))
    })?;
    let is_ours = |frame: &[u8]| frame[8..16] == *salts;
    // A commit has the size of the file.
    let is_commit = |frame: &[u8]| is_ours(frame) && number(frame, 4) != 0;
    let is_of_older_use = |frame: &[u8]| {
        let uses = number(salts, 0).wrapping_sub(number(frame, 8));
        (1..=OLDER).contains(&uses) && frame[12..16] != salts[4..]
    };
    let mut rest = all().skip(n);
    let broken = rest.next()?;
    let is_damage = if is_commit(broken) {
        // It was synced before the next frame was written.
        rest.next().is_some_and(|next| !is_of_older_use(next))
    } else {
        // The first commit that follows may be that of its own transaction, of which a power cut can lose any frame.
        let own = usize::from(is_ours(broken) || is_of_older_use(broken));
        rest.filter(|frame| is_commit(frame)).count() > own
    };
    is_damage.then(|| place(n))
}

/// The number at a place, as SQLite writes it.
fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes[at..at + 4].try_into();
    u32::from_be_bytes(four.unwrap_or_default())
}

/// SQLite's checksum of a multiple of eight bytes, which goes on from one before.
fn checksum(before: (u32, u32), bytes: &[u8], in_big_endian: bool) -> (u32, u32) {
    let words = bytes.chunks_exact(4).map(|four| {
        let four = four.try_into().unwrap_or_default();
        match in_big_endian {
            true => u32::from_be_bytes(four),
            false => u32::from_le_bytes(four),
        }
    });
    let (mut first, mut second) = before;
    for (n, word) in words.enumerate() {
        if n % 2 == 0 {
            first = first.wrapping_add(word).wrapping_add(second);
        } else {
            second = second.wrapping_add(word).wrapping_add(first);
        }
    }
    (first, second)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// The log of a file with `count` transactions, while its writer lives.
    fn log_of(count: i64) -> (tempfile::TempDir, Connection, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let writer = Connection::open(folder.path().join("x")).unwrap();
        writer
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n)")
            .unwrap();
        for n in 0..count {
            writer.execute("INSERT INTO t VALUES (?)", [n]).unwrap();
        }
        let log = std::fs::read(folder.path().join("x-wal")).unwrap();
        (folder, writer, log)
    }

    #[test]
    fn a_log_is_whole_wherever_a_kill_cuts_it() {
        let (_folder, _writer, log) = log_of(5);
        for length in (0..=log.len()).step_by(7) {
            assert_eq!(damage_in(&log[..length]), None, "{length} of {}", log.len());
        }
    }

    #[test]
    fn a_changed_byte_before_the_last_transaction_is_damage_from_its_frame_on() {
        let (_folder, _writer, log) = log_of(5);
        let page_size = usize::try_from(number(&log, 8)).unwrap();
        let frame = FRAME_HEADER + page_size;
        let frames = (log.len() - HEADER) / frame;
        for at in (0..log.len()).step_by(11) {
            let mut changed = log.clone();
            changed[at] ^= 0x10;
            let number = at.checked_sub(HEADER).map(|at| at / frame);
            let wanted = match number {
                None => Some(0),
                // It looks like a transaction that a kill cut off.
                Some(last) if last + 1 == frames => None,
                Some(n) => Some(HEADER + n * frame),
            };
            assert_eq!(damage_in(&changed), wanted, "byte {at}");
        }
    }

    #[test]
    fn damage_of_a_synced_commit_and_of_the_begin_of_the_next_one_is_found() {
        let (_folder, _writer, log) = log_of(5);
        let frame = FRAME_HEADER + usize::try_from(number(&log, 8)).unwrap();
        let last = log.len() - frame;
        let mut changed = log;
        changed[last - 100..last + FRAME_HEADER].fill(0);
        assert_eq!(damage_in(&changed), Some(last - frame));
    }

    #[test]
    fn a_power_cut_can_lose_any_frame_of_the_last_transaction_and_of_no_other() {
        let (folder, writer, older) = log_of(20);
        writer
            .query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
            .unwrap();
        let frame = FRAME_HEADER + usize::try_from(number(&older, 8)).unwrap();
        let read = || std::fs::read(folder.path().join("x-wal")).unwrap();
        // Its second page is not on the disk: the frame of the older use is still there.
        let lost = HEADER + frame..HEADER + 2 * frame;
        let without = |mut log: Vec<u8>| {
            log[lost.clone()].copy_from_slice(&older[lost.clone()]);
            log
        };
        let three_pages = "INSERT INTO t VALUES (zeroblob(3 * 4096))";
        writer.execute(three_pages, []).unwrap();
        let log = read();
        assert!(
            number(&log, HEADER + 4) == 0,
            "a transaction of several frames"
        );
        assert_eq!(damage_in(&log), None);
        assert_eq!(damage_in(&without(log)), None);
        writer.execute("INSERT INTO t VALUES (1)", []).unwrap();
        assert_eq!(damage_in(&without(read())), Some(lost.start));
    }

    #[test]
    fn frames_of_an_older_use_of_the_log_are_no_damage() {
        let (folder, writer, long) = log_of(20);
        writer
            .query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
            .unwrap();
        writer.execute("INSERT INTO t VALUES (99)", []).unwrap();
        // The log begins anew in the same file.
        let log = std::fs::read(folder.path().join("x-wal")).unwrap();
        assert_eq!((log.len(), damage_in(&log)), (long.len(), None));
    }
}
