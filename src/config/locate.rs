//! Finds the folders of the stores and templates, even if the configuration has mistakes: commands
//! that only look at a ledger or a running service must still work. `nines check` reports mistakes.

use std::path::{Path, PathBuf};

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer as _};
use toml::de::DeTable;
use values::{FilePath, Format as _};

use super::read::text_of;
use super::syntax::explain;
use super::{Log, Look, Paper, Templates, folder_of};

/// The places that commands need that do not start a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The folder of the ledger and the samples; the default if the file does not say.
    pub data: PathBuf,
    /// How the operator wants texts and reports to look, as far as the file says it.
    pub look: Look,
    /// The log; the default for what is missing or wrong.
    pub log: Log,
    /// The first reason why the file could not be read as a whole, in one line with its name.
    pub trouble: Option<String>,
}

/// Reads the service's file as far as possible.
pub fn locate(file: &Path) -> Location {
    let own = folder_of(file);
    let name = file.display();
    let mut troubles = Vec::new();
    let text = text_of(file).unwrap_or_else(|unreadable| {
        troubles.push(format!("{name}: {}", unreadable.why));
        unreadable.text.unwrap_or_default()
    });
    let (tree, errors) = DeTable::parse_recoverable(&text);
    if let Some((at, message)) = explain(&text, &errors) {
        let before = text.get(..at.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        troubles.push(format!("{name}:{line}: {message}"));
    }
    let service = tree.get_ref().get("service");
    let service = service.and_then(|value| value.get_ref().as_table());
    let language = service.and_then(|table| table.get("language")?.get_ref().as_str());
    let language = language.map(str::to_owned);
    let mut folder = |key: &str| {
        let text = service?.get(key)?.get_ref().as_str();
        let path = text.and_then(|text| FilePath::parse(text).ok());
        if path.is_none() {
            troubles.push(format!("{name}: `{key}` is not a path"));
        }
        path.map(|path| own.join(path))
    };
    Location {
        data: folder("data").unwrap_or_else(|| own.join("data")),
        look: Look {
            templates: folder("templates").map(|t| Templates::new(t, language.clone())),
            language,
            fonts: folder("fonts"),
            paper: match service.and_then(|table| table.get("paper")?.get_ref().as_str()) {
                Some("letter") => Paper::Letter,
                _ => Paper::A4,
            },
        },
        log: Log {
            level: log_word(tree.get_ref(), "level").unwrap_or_default(),
            format: log_word(tree.get_ref(), "format").unwrap_or_default(),
        },
        trouble: troubles.into_iter().next(),
    }
}

/// A word of `[log]`, if it is one of those that are known.
fn log_word<T: DeserializeOwned>(tree: &DeTable<'_>, key: &str) -> Option<T> {
    let table = tree.get("log")?.get_ref().as_table()?;
    let word: StrDeserializer<'_, Error> = table.get(key)?.get_ref().as_str()?.into_deserializer();
    T::deserialize(word).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LogFormat, LogLevel};

    fn located(text: &str) -> (PathBuf, Option<PathBuf>, Option<String>) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("nines.toml");
        std::fs::write(&file, text).unwrap();
        let below = |path: PathBuf| path.strip_prefix(dir.path()).unwrap().to_owned();
        let found = locate(&file);
        let prefix = format!("{}/", dir.path().display());
        (
            below(found.data),
            found.look.templates.map(|t| below(t.folder().to_owned())),
            found.trouble.map(|trouble| trouble.replace(&prefix, "")),
        )
    }

    #[test]
    fn a_mistake_elsewhere_does_not_hide_the_stores() {
        let text = "[service]\nnam = 5\ndata = \"store\"\ntemplates = \"own\"\n[lissten]\n";
        assert_eq!(located(text), ("store".into(), Some("own".into()), None));
        assert_eq!(located(""), ("data".into(), None, None));
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        let (data, _, trouble) = located("[service]\ndata = \"store\"\nzone = \n");
        assert_eq!(data, PathBuf::from("store"));
        let trouble = trouble.unwrap();
        assert!(
            trouble.starts_with("nines.toml:3: there is no value after `=`"),
            "{trouble}"
        );
        let (data, _, trouble) = located("[service]\ndata = 5\n");
        assert_eq!(data, PathBuf::from("data"));
        assert_eq!(trouble.as_deref(), Some("nines.toml: `data` is not a path"));
    }

    #[test]
    fn the_log_is_known_before_the_rest_is_checked() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("nines.toml");
        std::fs::write(
            &file,
            "[log]\nlevel = \"debug\"\nformat = \"jsom\"\n[lissten]\n",
        )
        .unwrap();
        let expected = Log {
            level: LogLevel::Debug,
            format: LogFormat::Text,
        };
        assert_eq!(locate(&file).log, expected);
    }

    #[test]
    fn a_missing_file_is_reported() {
        let found = locate(Path::new("/nowhere/nines.toml"));
        assert_eq!(found.data, Path::new("/nowhere/data"));
        assert!(found.trouble.unwrap().contains("there is no such file"));
    }
}
