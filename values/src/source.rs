//! One configuration file while it is checked: its text, the mistakes found in it, and what it
//! takes from the environment and from other files.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use secrecy::SecretString;

use crate::written::{Place, STAND_IN};
use crate::{FilePath, Parsed, Reach, SecretName};

/// Where the values come from that a configuration only names.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a whole file. The error says why it cannot be read.
    pub file: &'a dyn Fn(&Path) -> Result<Vec<u8>, String>,
    /// True if probes use the proxies that environment variables name.
    pub proxy_from_environment: bool,
    /// The programs that `command` probes may run, and the folders of such programs, with a slash at the end.
    pub commands: &'a [String],
    /// The addresses that probes may reach.
    pub reach: &'a Reach,
}

/// A file and the mistakes found in it. A method that finds a mistake notes it and returns a value
/// that must not be used: a configuration with a mistake is never put in force.
pub struct Source<'a> {
    pub path: PathBuf,
    /// `None` if the file could not be read.
    pub text: Option<Rc<str>>,
    /// Places that must not be shown.
    pub hidden: Vec<Place>,
    pub mistakes: Vec<(Place, String)>,
    /// Likely slips, which a configuration may have: it is put in force, and its operator is told.
    pub warnings: Vec<(Place, String)>,
    pub environment: Environment<'a>,
}

impl<'a> Source<'a> {
    pub fn new(path: PathBuf, text: Option<Rc<str>>, environment: Environment<'a>) -> Self {
        Self {
            path,
            text,
            hidden: Vec::new(),
            mistakes: Vec::new(),
            warnings: Vec::new(),
            environment,
        }
    }

    /// Notes a mistake.
    pub fn wrong(&mut self, at: &Place, message: impl Into<String>) {
        if *at != STAND_IN {
            self.mistakes.push((at.clone(), message.into()));
        }
    }

    /// Notes a likely slip.
    pub fn warn(&mut self, at: &Place, message: impl Into<String>) {
        if *at != STAND_IN {
            self.warnings.push((at.clone(), message.into()));
        }
    }

    /// Keeps this part of the file out of all messages.
    pub fn hide(&mut self, at: &Place) {
        self.hidden.push(at.clone());
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: &Place) -> usize {
        let text = self.text.as_deref().unwrap_or_default().as_bytes();
        let before = &text[..at.start.min(text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// The folder that paths in this file are relative to.
    pub fn folder(&self) -> PathBuf {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        }
    }

    /// A path in this file, relative to its folder.
    pub fn resolve(&self, path: &Parsed<FilePath>) -> PathBuf {
        self.folder().join(&path.value)
    }

    /// Notes each value that occurs twice in a list.
    pub fn no_repeats<T: PartialEq>(&mut self, values: &[(T, Place)]) {
        for (index, (value, at)) in values.iter().enumerate() {
            let before = values[..index].iter().filter(|(_, at)| *at != STAND_IN);
            if before.into_iter().any(|(before, _)| before == value) {
                self.wrong(at, "this is already in the list");
            }
        }
    }

    /// The value of an environment variable, which must be set and be one line.
    pub fn variable(&mut self, name: &str, at: &Place) -> String {
        let value = (self.environment.variable)(name).unwrap_or_default();
        if value.is_empty() {
            self.wrong(at, format!("the environment variable `{name}` is not set"));
        }
        if value.chars().any(char::is_control) {
            let why = format!("the environment variable `{name}` must be a single line");
            self.wrong(at, why);
        }
        value
    }

    /// A secret from the environment.
    pub fn secret(&mut self, name: &Parsed<SecretName>) -> SecretString {
        self.variable(&name.value, &name.at).into()
    }

    /// A secret from a file that holds it alone, without the line end after it.
    pub fn secret_file(&mut self, file: &Parsed<FilePath>) -> SecretString {
        let content = self.read(file);
        secret_line(&content).unwrap_or_else(|why| {
            let path = self.resolve(file);
            self.wrong_once(&file.at, format!("`{}` {why}", path.display()));
            SecretString::default()
        })
    }

    /// A secret that is given by a variable or by a file, not by both. `None` if it is not given.
    pub fn password(
        &mut self,
        variable: Option<&Parsed<SecretName>>,
        file: Option<&Parsed<FilePath>>,
    ) -> Option<SecretString> {
        if let (Some(_), Some(file)) = (variable, file) {
            self.wrong(&file.at, "use either `password` or `password_file`");
        }
        let from_file = file.map(|file| self.secret_file(file));
        variable.map(|name| self.secret(name)).or(from_file)
    }

    /// A file of certificate authorities, which must hold at least one certificate.
    pub fn certificates(&mut self, file: &Parsed<FilePath>) -> Option<PathBuf> {
        let content = self.read(file);
        let path = self.resolve(file);
        if String::from_utf8_lossy(&content).contains("-----BEGIN CERTIFICATE-----") {
            return Some(path);
        }
        let why = format!("`{}` holds no certificate in PEM form", path.display());
        self.wrong_once(&file.at, why);
        None
    }

    fn read(&mut self, file: &Parsed<FilePath>) -> Vec<u8> {
        let path = self.resolve(file);
        (self.environment.file)(&path).unwrap_or_else(|why| {
            let why = format!("`{}` cannot be read: {why}", path.display());
            self.wrong(&file.at, why);
            Vec::new()
        })
    }

    /// Notes a mistake unless this place already has one.
    pub fn wrong_once(&mut self, at: &Place, message: impl Into<String>) {
        if self.mistakes.iter().all(|(other, _)| other != at) {
            self.wrong(at, message);
        }
    }
}

/// The secret that a file holds alone, without the line end after it.
///
/// # Errors
///
/// It is not one line: words that follow the name of the file.
pub fn secret_line(content: &[u8]) -> Result<SecretString, String> {
    let text = String::from_utf8_lossy(content);
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() || secret.chars().any(|c| c.is_control() || c == '\u{fffd}') {
        return Err("must hold a single line of UTF-8".to_owned());
    }
    Ok(secret.into())
}
