//! Where the service's file says that the stores and templates are, however wrong the rest of the
//! configuration is: at a running service or a ledger a slip in some file is no reason not to
//! look. It tells no mistakes beyond its own trouble; `nines check` tells all.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::mistakes::folder_of;
use super::read::{not_toml, text_of};
use super::values::FilePath;
use super::words::Word as _;

/// What commands need that do not start anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The folder of the ledger and the samples; the default where the file does not say.
    pub data: PathBuf,
    /// The folder of the operator's own templates.
    pub templates: Option<PathBuf>,
    /// Why the file could not be read as a whole, in one line with its name.
    pub trouble: Option<String>,
}

/// Reads the service's file leniently.
pub fn place(file: &Path) -> Place {
    let own = folder_of(file);
    let mut trouble = None;
    let mut say = |line: Option<usize>, why: &str| {
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        trouble.get_or_insert(format!("{}{line}: {why}", file.display()));
    };
    let text = text_of(file).unwrap_or_else(|unreadable| {
        say(None, &unreadable.why);
        unreadable.text.unwrap_or_default()
    });
    let (tree, errors) = DeTable::parse_recoverable(&text);
    let at = |error: &toml::de::Error| error.span().map_or(0, |at| at.start);
    if let Some(error) = errors.iter().min_by_key(|error| at(error)) {
        let before = text.get(..at(error)).unwrap_or_default();
        say(
            Some(before.matches('\n').count() + 1),
            &not_toml(
                error.message(),
                error.span().and_then(|at| text.get(at)).unwrap_or_default(),
            ),
        );
    }
    let service = tree
        .get_ref()
        .get("service")
        .and_then(|value| value.get_ref().as_table());
    let mut folder = |key: &str| {
        let value = service?.get(key)?;
        let path = value.get_ref().as_str().map(FilePath::read);
        if let Some(Ok(path)) = path {
            return Some(own.join(path));
        }
        say(None, &format!("`{key}` is not a path"));
        None
    };
    let data = folder("data");
    let templates = folder("templates");
    Place {
        data: data.unwrap_or_else(|| own.join("data")),
        templates,
        trouble,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a test may panic, and write files

    use super::*;

    fn placed(text: &str) -> (PathBuf, Option<PathBuf>, Option<String>) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("nines.toml");
        std::fs::write(&file, text).unwrap();
        let below = |path: PathBuf| path.strip_prefix(dir.path()).unwrap().to_owned();
        let place = place(&file);
        let prefix = format!("{}/", dir.path().display());
        (
            below(place.data),
            place.templates.map(below),
            place.trouble.map(|trouble| trouble.replace(&prefix, "")),
        )
    }

    #[test]
    fn a_slip_elsewhere_does_not_hide_where_the_stores_are() {
        let text = "[service]\nnam = 5\ndata = \"store\"\ntemplates = \"own\"\n[lissten]\n";
        assert_eq!(placed(text), ("store".into(), Some("own".into()), None));
        assert_eq!(placed(""), ("data".into(), None, None));
    }

    #[test]
    fn a_file_that_is_not_toml_says_where() {
        let (data, _, trouble) = placed("[service]\ndata = \"store\"\nzone = \n");
        assert_eq!(data, PathBuf::from("store"));
        let trouble = trouble.unwrap();
        assert!(
            trouble.starts_with("nines.toml:3: this is not TOML"),
            "{trouble}"
        );
        let (data, _, trouble) = placed("[service]\ndata = 5\n");
        assert_eq!(data, PathBuf::from("data"));
        assert_eq!(trouble.as_deref(), Some("nines.toml: `data` is not a path"));
    }

    #[test]
    fn a_file_that_is_not_there_says_so() {
        let place = place(Path::new("/nowhere/nines.toml"));
        assert_eq!(place.data, Path::new("/nowhere/data"));
        assert!(place.trouble.unwrap().contains("cannot be read"));
    }
}
