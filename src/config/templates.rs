//! The operator's templates: a folder, and in it the folder of a language.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::files::{self, ReadError};

/// Where templates are looked for. A file of the language comes before the file of the same name in the
/// folder, and that before the built-in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templates {
    folder: PathBuf,
    language: Option<String>,
}

impl Templates {
    /// The folder `folder`, and in it the folder `language`, if one is named.
    pub fn new(folder: impl Into<PathBuf>, language: Option<String>) -> Self {
        Self {
            folder: folder.into(),
            language,
        }
    }

    /// The folder that `templates` in `[service]` names.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The operator's file of that name, such as `monthly.typ`, with its path; `None` if there is none.
    ///
    /// # Errors
    /// The file cannot be read, or has more than `limit` bytes. The path is that of the file.
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Found>, (PathBuf, ReadError)> {
        let of_language = self
            .language
            .as_ref()
            .map(|l| self.folder.join(l).join(name));
        for path in of_language.into_iter().chain([self.folder.join(name)]) {
            match files::read(&path, limit) {
                Ok(bytes) => return Ok(Some(Found { path, bytes })),
                Err(ReadError::Io(error)) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err((path, error)),
            }
        }
        Ok(None)
    }
}

/// A file of the operator.
#[derive(Debug)]
pub struct Found {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}
