//! Every mistake of a configuration, each with its place, and how they are shown. It must never
//! show a secret: what is marked as hidden is starred out of every source line.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::words::{As, At, Word, Written};

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file it stands in.
    pub path: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
    /// What is wrong and what would be right, in one line.
    pub message: String,
    /// The text concerned, for the underline.
    at: At,
    /// The source as it may be shown; empty where the file could not be read.
    source: Option<usize>,
}

/// All mistakes of one configuration; never empty. `Display` shows them without colour.
#[derive(Clone, Debug)]
pub struct Mistakes {
    list: Vec<Mistake>,
    /// The files' texts, secrets starred out.
    sources: Vec<String>,
}

impl Mistakes {
    /// Those of one file beside the configuration: each a place in its `text`, in bytes, and a sentence.
    pub fn of(path: &Path, text: &str, found: Vec<(Range<usize>, String)>) -> Self {
        let mut sheet = Sheet::default();
        let page = sheet.page(path.to_owned(), Some(text.into()));
        for (at, message) in found {
            sheet.on(page).wrong(&at, message);
        }
        sheet.into_mistakes()
    }

    /// The mistakes, in order of files and places.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Mistake> {
        self.list.iter()
    }

    /// Shows each with its place and its text underlined; with ANSI colours only if asked.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut out = String::new();
        for mistake in &self.list {
            out.push_str(&self.render_one(&renderer, mistake));
            out.push_str("\n\n");
        }
        let mut files: Vec<&Path> = self.list.iter().map(|m| m.path.as_path()).collect();
        files.sort_unstable();
        files.dedup();
        out.push_str(&format!(
            "{} in {}",
            counted(self.list.len(), "mistake"),
            counted(files.len(), "file")
        ));
        out
    }

    fn render_one(&self, renderer: &Renderer, mistake: &Mistake) -> String {
        let path = mistake.path.display().to_string();
        let title = Level::ERROR.primary_title(mistake.message.as_str());
        match mistake.source.and_then(|index| self.sources.get(index)) {
            Some(source) => {
                let snippet = Snippet::source(source.as_str())
                    .path(path)
                    .annotation(AnnotationKind::Primary.span(mistake.at.clone()));
                renderer.render(&[title.element(snippet)])
            }
            None => renderer.render(&[title.element(annotate_snippets::Origin::path(path))]),
        }
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Mistakes {}

/// One file that was read.
struct Source {
    path: PathBuf,
    text: Option<Rc<str>>,
    hidden: Vec<At>,
}

/// Where mistakes are collected while files are read.
#[derive(Default)]
pub(super) struct Sheet {
    sources: Vec<Source>,
    found: Vec<(usize, At, String)>,
    /// Keys that were taken out, by file and place of their table: they are not missing.
    spoilt: BTreeSet<(usize, usize, String)>,
}

impl Sheet {
    /// Opens a page for a file, in the order in which mistakes are to be shown.
    pub fn page(&mut self, path: PathBuf, text: Option<Rc<str>>) -> usize {
        self.sources.push(Source {
            path,
            text,
            hidden: Vec::new(),
        });
        self.sources.len() - 1
    }

    /// The page of that number, to write on.
    pub fn on(&mut self, number: usize) -> Page<'_> {
        Page {
            sheet: self,
            number,
        }
    }

    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    /// All that was found, secrets starred out.
    pub fn into_mistakes(self) -> Mistakes {
        let sources: Vec<String> = self
            .sources
            .iter()
            .map(|source| starred(source.text.as_deref().unwrap_or_default(), &source.hidden))
            .collect();
        let mut found = self.found;
        found.sort_by_key(|(number, at, _)| (*number, at.start, at.end));
        found.dedup();
        let list = found
            .into_iter()
            .map(|(number, at, message)| {
                let source = &self.sources[number];
                let text = source.text.as_deref().unwrap_or_default();
                let at = within(text, &at);
                let (line, column) = position(text, at.start);
                let path = source.path.clone();
                let source = source.text.is_some().then_some(number);
                Mistake {
                    path,
                    line,
                    column,
                    message,
                    at,
                    source,
                }
            })
            .collect();
        Mistakes { list, sources }
    }
}

/// One file's page on the sheet.
pub(super) struct Page<'a> {
    sheet: &'a mut Sheet,
    number: usize,
}

impl Page<'_> {
    /// Notes a mistake at a place of this file.
    pub fn wrong(&mut self, at: &At, message: impl Into<String>) {
        self.sheet
            .found
            .push((self.number, at.clone(), message.into()));
    }

    /// Keeps this text out of everything that is shown.
    pub fn hide(&mut self, at: &At) {
        self.sheet.sources[self.number].hidden.push(at.clone());
    }

    /// Remembers that a key of the table there was taken out for a mistake already told (of a
    /// list: that an entry was, under an empty key).
    pub fn spoil(&mut self, table: &At, key: &str) {
        self.sheet
            .spoilt
            .insert((self.number, table.start, key.to_owned()));
    }

    /// Whether it was.
    pub fn spoilt(&self, table: &At, key: &str) -> bool {
        self.sheet
            .spoilt
            .contains(&(self.number, table.start, key.to_owned()))
    }

    /// Reads a word where it stands, or tells why it cannot be read.
    pub fn read<W: Word>(&mut self, written: Option<&Written<As<W>>>) -> Option<W::Value> {
        let written = written?;
        match W::read(&written.value.0) {
            Ok(value) => Some(value),
            Err(why) => {
                self.wrong(&written.at, why);
                None
            }
        }
    }

    /// The folder that this file's paths start from.
    pub fn folder(&self) -> PathBuf {
        folder_of(&self.sheet.sources[self.number].path)
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: &At) -> usize {
        let text = self.sheet.sources[self.number]
            .text
            .as_deref()
            .unwrap_or_default();
        position(text, within(text, at).start).0
    }

    /// How many mistakes were found so far, in all files.
    pub fn count(&self) -> usize {
        self.sheet.found.len()
    }
}

/// The folder a file lies in; `.` for a bare name.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The span cut to the text and moved outwards to character boundaries.
fn within(text: &str, at: &At) -> Range<usize> {
    let mut start = at.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = at.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

/// The text with every byte of the hidden spans turned into a star, quotes and line ends kept, so
/// that all places stay where they are.
fn starred(text: &str, hidden: &[At]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for at in hidden {
        for byte in &mut bytes[within(text, at)] {
            if !matches!(byte, b'\n' | b'\r' | b'"' | b'\'') {
                *byte = b'*';
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
