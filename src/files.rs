//! Writes files so that a crash leaves the old file or the new one, never half of one. Locks a data
//! directory against a second service. When a call returns, its bytes are on the disk.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
pub use values::file::{ReadError, read};

/// The mode of a new file, before the mask of the process takes bits away.
const USUAL: u32 = 0o666;

/// The mode of a file that only the own user may read and write.
const PRIVATE: u32 = 0o600;

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{path} is held by {holder}: only one Nines may use this data directory")]
    Held {
        path: PathBuf,
        /// `process 4711`, or `another process` if the lock file does not name one.
        holder: String,
    },
    #[error("cannot lock {path}")]
    Io { path: PathBuf, source: io::Error },
}

/// Holds a data directory until dropped. The operating system releases the lock when the process ends, so
/// a file left behind by a crash does not block the next start.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes `data/lock` and creates the file if it is missing. Does not wait.
    pub fn take(data: &Path) -> Result<Lock, LockError> {
        let path = data.join("lock");
        let io = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        make_private_file(&path).map_err(io)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
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
        // The number is only for the error message of the next process; it is not the lock.
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Lock { _file: file, path })
    }

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

/// Replaces the file at `path`: writes a new file beside it, syncs it, renames it and syncs the
/// directory. Readers see the whole old file or the whole new one, also after a crash. A symbolic link
/// stays and its target is replaced. A pipe or a device is written to.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, bytes, USUAL)
}

/// As [`replace`]; only the own user may read and write the new file (mode 0600).
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, bytes, PRIVATE)
}

fn replace_with(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let path = &real(path)?;
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let parent = parent_of(path);
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(
        ".{}-{}.tmp",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    let beside = parent.join(beside);
    let written = write_new(&beside, bytes, mode).and_then(|()| std::fs::rename(&beside, path));
    if let Err(error) = written {
        // Report the first error. A file that stays behind has a name of its own and does no harm.
        let _ = std::fs::remove_file(&beside);
        return Err(error);
    }
    sync_dir(parent)
}

/// Follows symbolic links to the file, which need not exist.
fn real(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // Linux follows at most 40 links, too.
    for _ in 0..40 {
        let leads_on = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink());
        match std::fs::metadata(&path) {
            // The target of a link to a pipe may have no name that can be opened.
            Ok(found) if !found.is_file() => return Ok(path),
            _ if !leads_on => return Ok(path),
            _ => path = parent_of(&path).join(std::fs::read_link(&path)?),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Writes a new file.
///
/// # Errors
/// The path is taken, or cannot be written.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_new(path, bytes, USUAL)?;
    sync_dir(parent_of(path))
}

/// The length and the SHA-256 of a file, in hexadecimal digits.
pub fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut part = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            break;
        }
        hash.update(&part[..read]);
        bytes += read as u64;
    }
    let hash = hash.finalize();
    let digits = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, digits))
}

/// Renames within one directory and syncs the directory.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_dir(parent_of(to))
}

/// Creates a directory and its parents, and syncs the parent.
pub fn make_dir(path: &Path) -> io::Result<()> {
    make(path, &mut std::fs::DirBuilder::new())
}

/// As [`make_dir`]; only the own user may look into what is created (mode 0700).
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    make(path, &mut builder)
}

fn make(path: &Path, builder: &mut std::fs::DirBuilder) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let made = builder.recursive(true).create(path);
    made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => io::Error::new(
            error.kind(),
            format!("`{}` exists and is not a directory", path.display()),
        ),
        _ => error,
    })?;
    sync_dir(parent_of(path))
}

/// Creates an empty file that only the own user may read and write (mode 0600), unless the file
/// exists.
pub fn make_private_file(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, PRIVATE);
    options.open(path).map(drop)
}

/// Writes created, renamed and removed names of a directory to the disk.
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
    use super::*;

    #[test]
    fn a_file_in_place_of_a_directory_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("samples");
        std::fs::write(&path, "").unwrap();
        let said = make_dir(&path).unwrap_err().to_string();
        assert_eq!(
            said,
            format!("`{}` exists and is not a directory", path.display())
        );
        std::fs::remove_file(&path).unwrap();
        make_dir(&path).unwrap();
        assert!(path.is_dir());
    }

    #[test]
    fn a_second_lock_on_a_directory_fails_and_names_the_holder() {
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
    fn a_lock_file_left_behind_does_not_block_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        replace(&dir.path().join("lock"), b"4711\n and more than a number").unwrap();
        let lock = Lock::take(dir.path()).unwrap();
        let text = std::fs::read_to_string(lock.path()).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
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
    fn private_directories_and_files_are_for_the_own_user_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("data/more");
        make_private_dir(&deep).unwrap();
        let file = deep.join("ledger");
        make_private_file(&file).unwrap();
        std::fs::write(&file, b"kept").unwrap();
        make_private_file(&file).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"kept");
        let replaced = deep.join("number");
        std::fs::write(&replaced, b"old").unwrap();
        replace_private(&replaced, b"new").unwrap();
        let lock = Lock::take(&deep).unwrap();
        let wanted = [
            (file, 0o600),
            (replaced, 0o600),
            (lock.path().to_owned(), 0o600),
            (deep, 0o700),
            (dir.path().join("data"), 0o700),
        ];
        for (path, mode) in wanted {
            let found = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode, "{}", path.display());
        }
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("inside"), b"x").unwrap();
        replace(&path, b"no").unwrap_err();
        assert_eq!(std::fs::read(path.join("inside")).unwrap(), b"x");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
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
    fn a_directory_is_created_with_its_parents() {
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
