//! Opens a month's file that may be damaged. A damaged file can crash the process, so a child
//! process opens it first. A damaged file is renamed, never removed, and an empty file replaces it:
//! samples are evidence, and the monitoring must continue.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Error;
use super::file::{self, File};

/// The argument that makes the program check one file and end: `nines preflight FILE`.
pub const PREFLIGHT: &str = "preflight";

/// The name of a file that was set aside holds this, and the time.
const ASIDE: &str = ".damaged-";

/// The exit status for a damaged file.
const DAMAGED: u8 = 65;

/// The interval and the number of polls until a child counts as stuck: two minutes in all.
const ASK_EVERY: Duration = Duration::from_millis(20);
const ASK_TIMES: u32 = 6_000;

/// A file that another process has locked is tried again so often, and after so long: five seconds in all.
pub(super) const LOCKED_TIMES: u32 = 50;
pub(super) const LOCKED_FOR: Duration = Duration::from_millis(100);

/// How a file is checked before it is opened.
#[derive(Clone, Debug)]
pub enum Check {
    /// By this process. If damage makes DuckDB abort, the process ends.
    Here,
    /// By a child process that calls [`preflight`] and ends with its status.
    Child {
        /// The program to start.
        program: PathBuf,
        /// Its arguments before the file, which is the last.
        arguments: Vec<OsString>,
    },
}

impl Check {
    /// Checks with a child of the given program: `PROGRAM preflight FILE`.
    pub fn child(program: PathBuf) -> Check {
        Check::Child {
            program,
            arguments: vec![PREFLIGHT.into()],
        }
    }

    /// Lets the child, if configured, check a file. The error says how the file is damaged.
    pub(super) fn look(&self, path: &Path) -> Result<(), String> {
        match self {
            Check::Here => Ok(()),
            Check::Child { program, arguments } => {
                in_child(Command::new(program).args(arguments).arg(path))
            }
        }
    }
}

/// A damaged file after it was renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its new path.
    pub path: PathBuf,
    /// The damage.
    pub why: String,
}

/// Opens a file in the child process. Returns the exit status: 0 if the file is good, 65 if it is
/// damaged, 1 for another error, which the parent will meet itself.
pub fn preflight(path: &Path) -> u8 {
    match File::open(path).and_then(File::close) {
        Ok(()) => 0,
        Err(error) if is_damage(&error) => DAMAGED,
        Err(_) => 1,
    }
}

/// Opens a month's file to write. If it is damaged, renames first its log and then, if needed, the
/// file.
pub(super) fn open(
    path: &Path,
    check: &Check,
    now: Timestamp,
    aside: &mut Vec<SetAside>,
) -> Result<File, Error> {
    let mut tries = 0;
    loop {
        let why = match attempt(path, check) {
            Ok(file) => return Ok(file),
            // A query, or the check of a life that was killed, reads the file for a moment.
            Err(Refused::Otherwise(error)) if is_locked(&error) && tries < LOCKED_TIMES => {
                tries += 1;
                std::thread::sleep(LOCKED_FOR);
                continue;
            }
            Err(Refused::Otherwise(error)) => return Err(error),
            Err(Refused::Damaged(why)) => why,
        };
        // Each round renames a file, so there are at most two.
        let log = file::log_of(path);
        let damaged = if log.exists() {
            log
        } else {
            path.to_path_buf()
        };
        aside.push(SetAside {
            path: set_aside(&damaged, now)?,
            why,
        });
    }
}

/// True if another process has locked the file.
pub(super) fn is_locked(error: &Error) -> bool {
    matches!(error, Error::DuckDb(error) if error.to_string().contains(SET_LOCK))
}

enum Refused {
    Damaged(String),
    Otherwise(Error),
}

fn attempt(path: &Path, check: &Check) -> Result<File, Refused> {
    let exists = path.exists();
    if exists {
        // An error of the operating system is not damage.
        std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|error| Refused::Otherwise(error.into()))?;
        if let Err(why) = check.look(path) {
            // DuckDB can die of a failing disk, too.
            disk_works(path).map_err(|error| Refused::Otherwise(error.into()))?;
            return Err(Refused::Damaged(why));
        }
    }
    File::open(path).map_err(|error| {
        if exists && is_damage(&error) {
            Refused::Damaged(error.to_string())
        } else {
            Refused::Otherwise(error)
        }
    })
}

/// Reads all of a file and its log, and writes beside them.
fn disk_works(path: &Path) -> std::io::Result<()> {
    let log = file::log_of(path);
    for path in [path, &log] {
        if path.exists() {
            crate::files::digest(path)?;
        }
    }
    let tried = path.with_file_name("disk-check");
    crate::files::replace_private(&tried, &[0; 4096])?;
    std::fs::remove_file(tried)
}

/// Words of DuckDB's errors that mean that the disk fails: they end with the system's own words. DuckDB names a failed
/// `fsync` without a reason.
const OF_DISK: [&str; 8] = [
    "No space left",
    "Disk quota exceeded",
    "Stale file handle",
    "Transport endpoint is not connected",
    "Read-only file system",
    "Input/output error",
    "Interrupted system call",
    "fsync",
];

/// DuckDB's words for a file that another process has locked.
const SET_LOCK: &str = "set lock";

/// Other errors of DuckDB that do not mean damage.
const NOT_DAMAGE: [&str; 5] = [
    SET_LOCK,
    "Permission denied",
    "Too many open files",
    "Out of Memory",
    "version number",
];

/// True if the disk fails, so that the same may work later.
pub(super) fn is_of_disk(error: &Error) -> bool {
    let words = error.to_string();
    matches!(error, Error::DuckDb(_) | Error::Io(_))
        && OF_DISK.iter().any(|other| words.contains(other))
}

pub(super) fn is_damage(error: &Error) -> bool {
    match error {
        Error::DuckDb(error) => {
            let words = error.to_string();
            let other = OF_DISK.iter().chain(&NOT_DAMAGE);
            !other.into_iter().any(|other| words.contains(other))
        }
        _ => false,
    }
}

fn in_child(command: &mut Command) -> Result<(), String> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    // If the child cannot start, the opening itself reports errors.
    let Ok(mut child) = child else { return Ok(()) };
    match wait(&mut child) {
        Some(status) if status.code() == Some(i32::from(DAMAGED)) => {
            Err("DuckDB refuses to open it".into())
        }
        Some(status) if status.code().is_none() => {
            Err(format!("DuckDB dies of opening it ({status})"))
        }
        Some(_) => Ok(()),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            Err("DuckDB does not come to an end with opening it".into())
        }
    }
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    for _ in 0..ASK_TIMES {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(ASK_EVERY),
            Ok(status) => return status,
            Err(_) => return None,
        }
    }
    None
}

/// The names of damaged files that were set aside in a folder of samples, in order.
///
/// # Errors
/// The folder cannot be read.
pub fn set_aside_in(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.contains(ASIDE) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Renames a damaged file to an unused name that says so.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, Error> {
    let stamp = now
        .to_zoned(TimeZone::UTC)
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    for again in 0..1_000 {
        let mut name = path.as_os_str().to_os_string();
        name.push(format!("{ASIDE}{stamp}"));
        if again > 0 {
            name.push(format!("-{again}"));
        }
        let aside = PathBuf::from(name);
        if !aside.exists() {
            crate::files::rename(path, &aside)?;
            return Ok(aside);
        }
    }
    Err(Error::Unreadable(format!(
        "{} and a thousand damaged files beside it",
        path.display()
    )))
}
