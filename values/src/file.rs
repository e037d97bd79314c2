//! Reads files that a configuration names.

use std::fs::{FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("it is {0}, not a file")]
    Other(&'static str),
    /// The largest size that is accepted, in bytes.
    #[error("it is larger than {} {}", if *.0 < MIB { .0 >> 10 } else { .0 >> 20 }, if *.0 < MIB { "KiB" } else { "MiB" })]
    Long(u64),
    #[error(transparent)]
    Io(#[from] io::Error),
}

const MIB: u64 = 1 << 20;

/// Reads a regular file of at most `most` bytes. Opens nothing else: a pipe without a writer would block
/// the reader, and a device may never end.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    regular(std::fs::metadata(path)?.file_type())?;
    // The file may have been replaced by a pipe since then: open it without blocking.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
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

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "half a file would fail one test and nothing else"
)]
mod tests {
    use super::*;

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
    fn a_file_that_reports_no_length_has_the_same_limit() {
        let path = Path::new("/proc/self/status");
        let said = std::fs::metadata(path).unwrap();
        assert_eq!((said.is_file(), said.len()), (true, 0));
        let longer = read(path, 16).unwrap_err();
        assert!(matches!(longer, ReadError::Long(16)), "{longer}");
    }
}
