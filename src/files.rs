//! Files that must be whole or absent, and the lock that keeps a second service out of a data
//! directory. Whatever is written here is on the disk when the call returns. Never writes in place.

use std::fs::{File, FileType, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why the lock of a data directory was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process (or another part of this one) holds it.
    #[error("{path} is held by {holder}: only one Nines may use this data directory")]
    Held {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote into it: `process 4711`, or `another process`.
        holder: String,
    },
    /// The file could not be made, opened or locked.
    #[error("cannot lock {path}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Something else is there.
    #[error("it is {0}, not a file")]
    Other(&'static str),
    /// It is too large.
    #[error("it is larger than {} {}", if *.0 < MIB { .0 >> 10 } else { .0 >> 20 }, if *.0 < MIB { "KiB" } else { "MiB" })]
    Long(u64),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

const MIB: u64 = 1 << 20;

/// Reads a file of at most `most` bytes. Whatever else the path leads to is not opened: a pipe that
/// nobody writes to would hold its reader for ever, and a device has no end.
///
/// # Errors
/// It is no regular file, is larger, or cannot be read.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    regular(std::fs::metadata(path)?.file_type())?;
    // It may have been replaced since: then it is opened, and still not waited for.
    let unheld = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(unheld.bits().cast_signed())
        .open(path)?;
    let found = file.metadata()?;
    regular(found.file_type())?;
    let mut bytes = Vec::new();
    if found.len() <= most {
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if found.len().max(bytes.len() as u64) > most {
        return Err(ReadError::Long(most));
    }
    Ok(bytes)
}

fn regular(found: FileType) -> Result<(), ReadError> {
    let what = match found {
        found if found.is_file() => return Ok(()),
        found if found.is_dir() => "a folder",
        found if found.is_fifo() => "a named pipe",
        found if found.is_socket() => "a socket",
        _ => "a device",
    };
    Err(ReadError::Other(what))
}

/// Holds a data directory until dropped. The operating system lets go of it when the process ends,
/// however it ends, so a file left behind by a crash locks nobody out.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes `data/lock`, making the file if there is none. Does not wait.
    pub fn take(data: &Path) -> Result<Lock, LockError> {
        let path = data.join("lock");
        let io = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    holder: holder(&mut file),
                    path,
                });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        // Only a word for the person who meets the lock; the lock itself does not rest on it.
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Lock { _file: file, path })
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(id)) => format!("process {id}"),
        _ => "another process".into(),
    }
}

/// Replaces `path` by `bytes`: written beside it, synced, renamed over it, and the directory
/// synced. A reader sees the old file or the new one, whole; so does whoever starts after a crash.
/// A symbolic link stays, and the file that it leads to is replaced; what is no file at all, a
/// pipe or a device, is written to.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let path = &real(path)?;
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        // A pipe or a device is written to; in its place a file would be a loss.
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let parent = parent_of(path);
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path without a file name"))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(
        ".{}-{}.tmp",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    let beside = parent.join(beside);
    let written = write_new(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    if let Err(error) = written {
        // The first error is the one to tell; a leftover is harmless and has its own name.
        let _ = std::fs::remove_file(&beside);
        return Err(error);
    }
    sync_dir(parent)
}

/// Where a path leads: through symbolic links to the file, which need not exist yet.
fn real(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // As many links as the system follows.
    for _ in 0..40 {
        let leads_on = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink());
        match std::fs::metadata(&path) {
            // A link to a pipe or a device may name nothing that can be opened by its name.
            Ok(found) if !found.is_file() => return Ok(path),
            _ if !leads_on => return Ok(path),
            _ => path = parent_of(&path).join(std::fs::read_link(&path)?),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Renames within one directory and syncs it.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_dir(parent_of(to))
}

/// Makes a directory and those above it, and syncs the one that holds it. What stands in its place
/// and is none is said with its path.
pub fn make_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => io::Error::new(
            error.kind(),
            format!("`{}` is there and is no directory", path.display()),
        ),
        _ => error,
    })?;
    sync_dir(parent_of(path))
}

/// Puts names made, renamed or removed in a directory on the disk.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    //! Tests may unwrap (a panic is how they fail) and write files as they need them.
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]
    use super::*;

    #[test]
    fn a_file_in_the_place_of_a_directory_is_said_to_be_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("samples");
        std::fs::write(&path, "").unwrap();
        let said = make_dir(&path).unwrap_err().to_string();
        assert_eq!(
            said,
            format!("`{}` is there and is no directory", path.display())
        );
        std::fs::remove_file(&path).unwrap();
        make_dir(&path).unwrap();
        assert!(path.is_dir());
    }

    #[test]
    fn a_second_lock_on_the_same_directory_is_refused_and_names_the_holder() {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        let refused = Lock::take(dir.path()).unwrap_err();
        let words = refused.to_string();
        assert!(
            words.contains(&format!("process {}", std::process::id())),
            "{words}"
        );
        drop(lock);
        Lock::take(dir.path()).unwrap();
    }

    #[test]
    fn a_lock_file_left_behind_locks_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        replace(&dir.path().join("lock"), b"4711\n and more than a number").unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        let text = std::fs::read_to_string(lock.path()).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"1234").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"1234");
        let longer = read(&path, 3).unwrap_err();
        assert!(matches!(longer, ReadError::Long(3)), "{longer}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_says_it_is_empty_and_is_not_has_the_same_limit() {
        let path = Path::new("/proc/self/status");
        let said = std::fs::metadata(path).unwrap();
        assert_eq!((said.is_file(), said.len()), (true, 0));
        let longer = read(path, 16).unwrap_err();
        assert!(matches!(longer, ReadError::Long(16)), "{longer}");
    }

    #[test]
    fn replacing_leaves_the_new_bytes_and_no_other_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        replace(&path, b"a longer first text").unwrap();
        replace(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file_and_no_leftover() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("inside"), b"x").unwrap();
        replace(&path, b"no").unwrap_err();
        assert_eq!(std::fs::read(path.join("inside")).unwrap(), b"x");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_and_the_file_that_it_leads_to_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::os::unix::fs::symlink("file", &link).unwrap();
        for text in ["made", "replaced"] {
            replace(&link, text.as_bytes()).unwrap();
            assert!(link.is_symlink());
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
        let round = dir.path().join("round");
        std::os::unix::fs::symlink("round", &round).unwrap();
        replace(&round, b"no").unwrap_err();
    }

    #[test]
    fn a_device_is_written_to_and_stays_one() {
        use std::os::unix::fs::FileTypeExt as _;
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        replace(&link, b"gone").unwrap();
        let found = std::fs::metadata(&link).unwrap();
        assert!(link.is_symlink() && found.file_type().is_char_device());
    }

    #[test]
    fn a_directory_is_made_with_those_above_it() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        make_dir(&deep).unwrap();
        make_dir(&deep).unwrap();
        assert!(deep.is_dir());
        let from = deep.join("x");
        replace(&from, b"1").unwrap();
        rename(&from, &deep.join("y")).unwrap();
        assert_eq!(std::fs::read(deep.join("y")).unwrap(), b"1");
    }
}
