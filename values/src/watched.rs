//! A value that is made from files, and made again when they change. Files that cannot be read or used
//! leave the last good value in force.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use crate::file;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 << 20;

type Make<T> = dyn Fn(&[Vec<u8>]) -> Result<T, String> + Send + Sync;

pub struct Watched<T> {
    paths: Vec<PathBuf>,
    make: Box<Make<T>>,
    latest: Mutex<Arc<T>>,
    /// Locked during a check, which may wait for slow storage.
    seen: Mutex<Seen>,
}

/// The files as they were when the latest value was made.
struct Seen {
    contents: Vec<Vec<u8>>,
    stamps: Vec<Stamp>,
    /// False until a second reading found the same stamps: a file can change twice within one tick of
    /// its timestamps.
    settled: bool,
    /// The reason why the last check failed.
    failure: Option<String>,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing changed, or the files still fail as before, or another thread checks them.
    Same,
    /// The value was made again.
    Changed,
    /// The files began to fail, or fail for another reason. The last good value stays in force.
    Failed(String),
}

impl<T> Watched<T> {
    /// Watches `files`, which had these contents. `make` gets the contents in the same order; its error
    /// says what is wrong with them.
    ///
    /// # Errors
    ///
    /// The error of `make`.
    pub fn new(
        files: Vec<(PathBuf, Vec<u8>)>,
        make: impl Fn(&[Vec<u8>]) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let (paths, contents): (Vec<_>, Vec<_>) = files.into_iter().unzip();
        Ok(Self {
            paths,
            latest: Mutex::new(Arc::new(make(&contents)?)),
            make: Box::new(make),
            seen: Mutex::new(Seen {
                contents,
                stamps: Vec::new(),
                settled: false,
                failure: None,
            }),
        })
    }

    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The last good value. Does not block.
    pub fn latest(&self) -> Arc<T> {
        // The lock is only held while an `Arc` is cloned or replaced.
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&latest)
    }

    /// True if the last check failed. Waits for a check under way.
    pub fn fails(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.failure.is_some()
    }

    /// Reads the files if they have changed. Blocks on the file system.
    pub fn check(&self) -> Check {
        let mut seen = match self.seen.try_lock() {
            Ok(seen) => seen,
            Err(TryLockError::Poisoned(seen)) => seen.into_inner(),
            Err(TryLockError::WouldBlock) => return Check::Same,
        };
        match self.look(&mut seen) {
            Ok(changed) => {
                seen.failure = None;
                if changed { Check::Changed } else { Check::Same }
            }
            Err(why) if seen.failure.as_ref() == Some(&why) => Check::Same,
            Err(why) => {
                seen.failure = Some(why.clone());
                Check::Failed(why)
            }
        }
    }

    /// True if the value was made again. An error leaves `seen` as it is, so the next check reads again.
    fn look(&self, seen: &mut Seen) -> Result<bool, String> {
        let unreadable = |path: &Path, why: &dyn std::fmt::Display| {
            format!("`{}` cannot be read: {why}", path.display())
        };
        let mut stamps = Vec::new();
        for path in &self.paths {
            let found = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
            stamps.push(Stamp::of(&found));
        }
        let known = seen.stamps == stamps;
        if known && seen.settled {
            return Ok(false);
        }
        let mut contents = Vec::new();
        for path in &self.paths {
            let read = file::read(path, LARGEST).map_err(|error| unreadable(path, &error))?;
            contents.push(read);
        }
        let changed = contents != seen.contents;
        if changed {
            let value = Arc::new((self.make)(&contents)?);
            *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = value;
            seen.contents = contents;
        }
        seen.stamps = stamps;
        seen.settled = known;
        Ok(changed)
    }
}

/// Tells one version of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            file: (found.dev(), found.ino()),
            size: found.size(),
            written: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "half a file would fail one test and nothing else"
)]
mod tests {
    use super::*;

    fn text(contents: &[Vec<u8>]) -> Result<String, String> {
        let texts = contents.iter().map(|c| String::from_utf8_lossy(c));
        let text = texts.collect::<Vec<_>>().join("+");
        if text.contains("bad") {
            return Err("is bad".to_owned());
        }
        Ok(text)
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        }

        /// Replaces the file by a new one, as tools do that write no half files.
        fn replace(&self, name: &str, text: &str) {
            let beside = self.write("beside", text);
            std::fs::rename(beside, self.0.path().join(name)).unwrap();
        }
    }

    fn watched(folder: &Folder, names: &[&str]) -> Watched<String> {
        let files = names.iter().map(|name| {
            let content = format!("{name}1");
            (folder.write(name, &content), content.into_bytes())
        });
        Watched::new(files.collect(), text).unwrap()
    }

    #[test]
    fn a_changed_file_makes_a_new_value_once() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let watched = watched(&folder, &["a"]);
        assert_eq!(watched.check(), Check::Same);
        for change in [Folder::replace, |f: &Folder, n: &str, t: &str| {
            f.write(n, t);
        }] {
            for new in ["a2", "a1"] {
                change(&folder, "a", new);
                assert_eq!(watched.check(), Check::Changed);
                assert_eq!(*watched.latest(), new);
                for _ in 0..3 {
                    assert_eq!(watched.check(), Check::Same);
                }
            }
        }
    }

    #[test]
    fn a_second_change_within_one_tick_of_the_timestamps_is_seen() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let watched = watched(&folder, &["a"]);
        folder.write("a", "a2");
        assert_eq!(watched.check(), Check::Changed);
        // As if the clock of the file system had not moved on.
        folder.write("a", "a3");
        let found = std::fs::metadata(&watched.paths()[0]).unwrap();
        watched.seen.lock().unwrap().stamps = vec![Stamp::of(&found)];
        assert_eq!(watched.check(), Check::Changed);
        assert_eq!(*watched.latest(), "a3");
    }

    #[test]
    fn a_file_that_fails_keeps_the_last_good_value_and_is_reported_once() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let watched = watched(&folder, &["a"]);
        let path = watched.paths()[0].clone();
        std::fs::remove_file(&path).unwrap();
        let Check::Failed(why) = watched.check() else {
            panic!("a missing file was not noticed");
        };
        assert!(why.contains("/a` cannot be read: "), "{why}");
        assert_eq!(watched.check(), Check::Same);
        folder.write("a", "bad");
        assert_eq!(watched.check(), Check::Failed("is bad".to_owned()));
        assert_eq!(watched.check(), Check::Same);
        assert!(watched.fails());
        assert_eq!(*watched.latest(), "a1");
        folder.write("a", "a1");
        assert_eq!(watched.check(), Check::Same);
        assert!(!watched.fails(), "the good content is back");
        folder.write("a", "a2");
        assert_eq!(watched.check(), Check::Changed);
        assert_eq!(*watched.latest(), "a2");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(watched.check(), Check::Failed(_)));
    }

    #[test]
    fn the_value_follows_each_of_several_files() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let watched = watched(&folder, &["a", "b"]);
        assert_eq!(*watched.latest(), "a1+b1");
        folder.replace("b", "b2");
        assert_eq!(watched.check(), Check::Changed);
        assert_eq!(*watched.latest(), "a1+b2");
    }

    #[test]
    fn a_check_under_way_does_not_block() {
        let folder = Folder(tempfile::tempdir().unwrap());
        let watched = watched(&folder, &["a"]);
        let under_way = watched.seen.lock().unwrap();
        folder.write("a", "a2");
        assert_eq!(watched.check(), Check::Same);
        assert_eq!(*watched.latest(), "a1");
        drop(under_way);
        assert_eq!(watched.check(), Check::Changed);
    }
}
