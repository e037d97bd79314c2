//! Opening a month's file that may be damaged. A damaged file can take the whole process down, so
//! a child opens it first; what cannot be opened is set aside, never removed, and an empty file
//! takes its place: samples are evidence, and the watching must go on.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Error;
use super::file::{self, File};

/// The argument with which the program looks at one file and ends: `nines preflight FILE`.
pub const PREFLIGHT: &str = "preflight";

/// The exit status that says: damaged.
const DAMAGED: u8 = 65;

/// How often a child is asked whether it is done, and how many times before it counts as stuck:
/// two minutes in all.
const ASK_EVERY: Duration = Duration::from_millis(20);
const ASK_TIMES: u32 = 6_000;

/// Who opens a file first.
#[derive(Clone, Debug)]
pub enum Check {
    /// This process itself. Damage that makes DuckDB abort ends it.
    Here,
    /// A child, which calls [`preflight`] and ends with the status that it returns.
    Child {
        /// The program to start.
        program: PathBuf,
        /// Its arguments before the last one, which is the file.
        arguments: Vec<OsString>,
    },
}

impl Check {
    /// A child of the given program: `PROGRAM preflight FILE`.
    pub fn child(program: PathBuf) -> Check {
        Check::Child {
            program,
            arguments: vec![PREFLIGHT.into()],
        }
    }

    /// Has the child, if there is to be one, look at a file; says why the file is damaged.
    pub(super) fn look(&self, path: &Path) -> Result<(), String> {
        match self {
            Check::Here => Ok(()),
            Check::Child { program, arguments } => {
                in_child(Command::new(program).args(arguments).arg(path))
            }
        }
    }
}

/// A file that could not be opened, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it lies now.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// Opens a file and ends, for a child of its own. Returns the exit status: 0 where the file is
/// fine, 65 where it is damaged, 1 where something else was wrong (which the parent meets itself).
pub fn preflight(path: &Path) -> u8 {
    match File::open(path).and_then(File::close) {
        Ok(()) => 0,
        Err(error) if is_damage(&error) => DAMAGED,
        Err(_) => 1,
    }
}

/// Opens a month's file to write. Sets aside first its log and then, if need be, the file.
pub(super) fn open(
    path: &Path,
    check: &Check,
    now: Timestamp,
    aside: &mut Vec<SetAside>,
) -> Result<File, Error> {
    loop {
        let why = match attempt(path, check) {
            Ok(file) => return Ok(file),
            Err(Refused::Otherwise(error)) => return Err(error),
            Err(Refused::Damaged(why)) => why,
        };
        // Each turn moves a file away, so there are at most two.
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

enum Refused {
    Damaged(String),
    Otherwise(Error),
}

fn attempt(path: &Path, check: &Check) -> Result<File, Refused> {
    let exists = path.exists();
    if exists {
        // What the operating system refuses is no damage.
        std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|error| Refused::Otherwise(error.into()))?;
        check.look(path).map_err(Refused::Damaged)?;
    }
    File::open(path).map_err(|error| {
        if exists && is_damage(&error) {
            Refused::Damaged(error.to_string())
        } else {
            Refused::Otherwise(error)
        }
    })
}

/// Errors of DuckDB that a file is not to blame for.
const NOT_DAMAGE: [&str; 7] = [
    "set lock",
    "No space left",
    "Permission denied",
    "Too many open files",
    "Read-only file system",
    "Out of Memory",
    "version number",
];

pub(super) fn is_damage(error: &Error) -> bool {
    match error {
        Error::DuckDb(error) => {
            let words = error.to_string();
            !NOT_DAMAGE.iter().any(|other| words.contains(other))
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
    // Without a child there is nothing to learn; the opening itself then says what is wrong.
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

/// Gives a damaged file a name that says so and that nothing has yet.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, Error> {
    let stamp = now
        .to_zoned(TimeZone::UTC)
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    for again in 0..1_000 {
        let mut name = path.as_os_str().to_os_string();
        name.push(format!(".damaged-{stamp}"));
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
