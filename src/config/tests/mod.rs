//! Tests of whole configurations: the shipped files with changes.

mod console;
mod every_key;
mod loaded;
mod many;
mod mutations;
mod policies;
mod rendered;
mod reporting;
mod secrets;
mod warnings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Loaded, Mistakes, files};

/// The time at which the tests read a configuration.
fn now() -> jiff::Timestamp {
    "2026-10-01T00:00:00Z".parse().unwrap()
}

/// A configuration in memory, by paths relative to its folder.
#[derive(Clone)]
struct Files(BTreeMap<String, String>);

/// A mistake without what differs from run to run: path, line, message.
type Reported = (String, usize, String);

impl Files {
    /// The shipped files.
    fn shipped() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let mut files = BTreeMap::new();
        for folder in ["", "systems", "policies"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let name = path
                        .strip_prefix(&root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned();
                    files.insert(name, std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        Self(files)
    }

    /// The least that is a configuration, with one system of the given text.
    fn with_system(system: &str) -> Self {
        let service = "[service]\nname = \"Example\"\nzone = \"UTC\"\n[[committee]]\nid = \"c\"\n\
                       name = \"C\"\nzone = \"UTC\"\nmembers = [\"c@example.org\"]\n";
        Self(BTreeMap::from([
            ("nines.toml".to_owned(), service.to_owned()),
            ("systems/portal.toml".to_owned(), system.to_owned()),
        ]))
    }

    /// With one file changed.
    fn with(&self, name: &str, text: impl Into<String>) -> Self {
        let mut files = self.clone();
        files.0.insert(name.to_owned(), text.into());
        files
    }

    /// With a piece of one file replaced, which must be there.
    fn replace(&self, name: &str, from: &str, to: &str) -> Self {
        let text = &self.0[name];
        assert!(text.contains(from), "{name} has no {from}");
        self.with(name, text.replacen(from, to, 1))
    }

    fn load(&self) -> Result<Loaded, Refused> {
        self.load_with(&|_| None)
    }

    fn load_with(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Refused> {
        let folder = tempfile::tempdir().unwrap();
        self.write(folder.path());
        files::load(&folder.path().join("nines.toml"), variable, now()).map_err(|mistakes| {
            Refused {
                mistakes,
                folder: folder.path().to_owned(),
            }
        })
    }

    fn write(&self, folder: &Path) {
        for (name, text) in &self.0 {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut file = std::fs::File::create(path).unwrap();
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        }
    }

    /// The mistakes, in order; none if the configuration is good.
    fn reported(&self) -> Vec<Reported> {
        match self.load() {
            Ok(_) => Vec::new(),
            Err(reported) => reported.list(),
        }
    }
}

/// Mistakes, and the folder they were made in.
#[derive(Debug)]
struct Refused {
    mistakes: Mistakes,
    folder: PathBuf,
}

impl Refused {
    fn list(&self) -> Vec<Reported> {
        let folder = format!("{}/", self.folder.display());
        self.mistakes
            .iter()
            .map(|mistake| {
                let path = mistake.path.strip_prefix(&self.folder).unwrap();
                let message = mistake.message.replace(&folder, "");
                (path.to_str().unwrap().to_owned(), mistake.line, message)
            })
            .collect()
    }

    /// As shown, with the folder named `config`.
    fn rendered(&self) -> String {
        self.mistakes
            .render(false)
            .replace(&self.folder.display().to_string(), "config")
    }
}
