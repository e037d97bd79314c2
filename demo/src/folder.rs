//! The demo's folder: made anew each time, and emptied only if a demo made it. Files that no demo
//! wrote stay, and no link is followed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file that shows that a demo made the folder.
const MARKER: &str = ".made-by-nines-demo";

/// The names that a demo writes; the next one deletes only these.
const OURS: [&str; 6] = ["config", "data", "history", "mails", "reports", "nines.log"];

/// The folders that a service may be using.
const DATA: [&str; 2] = ["data", "history"];

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder holds other files.
    #[error(
        "{0} is not empty and no demo made it: name another folder with --dir, or one that does not exist"
    )]
    Foreign(PathBuf),
    /// Another demo, or a service on a demo's configuration, is using it.
    #[error("{0} is in use by another Nines: stop that first, or name another folder with --dir")]
    InUse(PathBuf),
    /// The operating system refused.
    #[error("cannot prepare {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// A fresh folder, locked until dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder, or empties a folder of an earlier demo.
    ///
    /// # Errors
    /// It holds something else, is in use, or cannot be made.
    pub fn fresh(path: &Path) -> Result<Self, Error> {
        let failed = |what: &Path, source| Error::Io {
            path: what.to_owned(),
            source,
        };
        let marker = path.join(MARKER);
        let is_ours = marker.symlink_metadata().is_ok_and(|m| m.is_file());
        if !is_ours && !is_empty(path).map_err(|e| failed(path, e))? {
            return Err(Error::Foreign(path.to_owned()));
        }
        std::fs::create_dir_all(path).map_err(|e| failed(path, e))?;
        let text = b"`nines demo` made this folder and makes it anew each time it runs.
";
        let written = File::create(&marker).and_then(|mut file| file.write_all(text));
        written.map_err(|e| failed(&marker, e))?;
        let lock = lock(path)?;
        for data in DATA.map(|name| path.join(name)).iter() {
            // A link is removed below without following it.
            if data.symlink_metadata().is_ok_and(|m| m.is_dir()) {
                self::lock(data)?;
            }
        }
        for name in OURS {
            let old = path.join(name);
            remove(&old).map_err(|e| failed(&old, e))?;
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Its path, as the user named it.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Locks `folder/lock`, as the service locks its data directory.
fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(false).open(&path);
    let tried = opened
        .map_err(TryLockError::Error)
        .and_then(|file| file.try_lock().map(|()| file));
    tried.map_err(|error| match error {
        TryLockError::WouldBlock => Error::InUse(folder.to_owned()),
        TryLockError::Error(source) => Error::Io { path, source },
    })
}

/// True if nothing is there, or an empty folder.
fn is_empty(path: &Path) -> io::Result<bool> {
    match std::fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)] // A half-written file of a test harms no user.

    use super::*;

    #[test]
    fn a_folder_is_made_and_made_anew_the_next_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/demo");
        let folder = Folder::fresh(&path).unwrap();
        std::fs::create_dir_all(path.join("config/systems")).unwrap();
        std::fs::write(path.join("config/systems/x.toml"), "x").unwrap();
        std::fs::write(path.join("notes.txt"), "mine").unwrap();
        drop(folder);
        Folder::fresh(&path).unwrap();
        assert!(!path.join("config").exists());
        assert_eq!(
            std::fs::read_to_string(path.join("notes.txt")).unwrap(),
            "mine",
            "a file that no demo wrote stays"
        );
    }

    #[test]
    fn a_folder_that_no_demo_made_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        std::fs::write(dir.path().join("data/ledger.sqlite"), "precious").unwrap();
        let refused = Folder::fresh(dir.path()).unwrap_err();
        assert!(matches!(refused, Error::Foreign(_)), "{refused}");
        assert!(dir.path().join("data/ledger.sqlite").exists());
        assert!(!dir.path().join("lock").exists());
        assert!(!dir.path().join(MARKER).exists());
    }

    #[test]
    fn an_empty_folder_may_be_used_and_a_file_may_not() {
        let dir = tempfile::tempdir().unwrap();
        Folder::fresh(dir.path()).unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(matches!(Folder::fresh(&file), Err(Error::Io { .. })));
    }

    #[test]
    fn two_demos_do_not_share_a_folder_nor_empty_it_under_a_running_service() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("demo");
        let first = Folder::fresh(&path).unwrap();
        assert!(matches!(Folder::fresh(&path), Err(Error::InUse(_))));
        drop(first);
        std::fs::create_dir(path.join("data")).unwrap();
        let service = lock(&path.join("data")).unwrap();
        assert!(matches!(Folder::fresh(&path), Err(Error::InUse(_))));
        assert!(path.join("data").exists());
        drop(service);
        Folder::fresh(&path).unwrap();
    }

    #[test]
    fn a_link_is_removed_and_what_it_leads_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("demo"), dir.path().join("other"));
        drop(Folder::fresh(&path).unwrap());
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(&other, path.join("data")).unwrap();
        Folder::fresh(&path).unwrap();
        assert!(other.join("kept").exists());
        assert!(path.join("data").symlink_metadata().is_err());
    }
}
