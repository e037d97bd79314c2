//! The mistakes and warnings of a configuration, each with its place, and how they are shown. A place that is
//! hidden as a secret is starred out of every source line.

use std::fmt;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use values::{Place, Source};

/// One mistake, or one warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// One line: what is wrong and how to correct it.
    pub message: String,
    at: Place,
    /// The index of the file's text, if it could be read.
    source: Option<usize>,
}

/// All mistakes of a configuration. `Display` shows them without colour.
#[derive(Clone, Debug)]
pub struct Mistakes {
    list: Vec<Mistake>,
    /// The texts of the files, with secrets starred out.
    texts: Vec<String>,
}

/// The warnings of a configuration that is good: likely slips. `Display` shows them without colour.
#[derive(Clone, Debug)]
pub struct Warnings(Mistakes);

impl Warnings {
    /// The warnings of all files, in the order of the files.
    pub(super) fn collect(sources: &[Source<'_>]) -> Self {
        Self(Mistakes::collect_from(sources, |source| &source.warnings))
    }

    /// The warnings, in the order of files and places.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Mistake> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shows each warning with its place and the text underlined, in ANSI colours if asked.
    pub fn render(&self, colour: bool) -> String {
        self.0.render_as(Level::WARNING, "warning", colour)
    }
}

impl fmt::Display for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl fmt::Display for Mistake {
    /// In one line: the place, then the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.source {
            Some(_) => write!(f, "{path}:{}: {}", self.line, self.message),
            None => write!(f, "{path}: {}", self.message),
        }
    }
}

impl Mistakes {
    /// The mistakes of a file that is not part of the configuration, as places in its text.
    pub fn of(path: &Path, text: &str, found: Vec<(Place, String)>) -> Self {
        let mut mistakes = Self {
            list: Vec::new(),
            texts: Vec::new(),
        };
        mistakes.add(path, Some(text.to_owned()), found);
        mistakes
    }

    /// The mistakes of all files, in the order of the files.
    pub fn collect(sources: &[Source<'_>]) -> Self {
        Self::collect_from(sources, |source| &source.mistakes)
    }

    fn collect_from(
        sources: &[Source<'_>],
        found: impl for<'s> Fn(&'s Source<'_>) -> &'s [(Place, String)],
    ) -> Self {
        let mut mistakes = Self {
            list: Vec::new(),
            texts: Vec::new(),
        };
        for source in sources.iter().filter(|source| !found(source).is_empty()) {
            let text = source.text.as_ref();
            let text = text.map(|text| starred(text, &source.hidden));
            mistakes.add(&source.path, text, found(source).to_vec());
        }
        mistakes
    }

    /// All mistakes in one line: their number, and the first one.
    pub fn summary(&self) -> String {
        match self.list.as_slice() {
            [] => "no mistakes".to_owned(),
            [only] => only.to_string(),
            [first, ..] => format!("{} mistakes, the first in {first}", self.list.len()),
        }
    }

    fn add(&mut self, path: &Path, text: Option<String>, mut found: Vec<(Place, String)>) {
        found.sort_by_key(|(at, _)| (at.start, at.end));
        found.dedup();
        let source = text.as_ref().map(|_| self.texts.len());
        let text = text.unwrap_or_default();
        // The places are in order, so that a file of thousands of mistakes is read once.
        let (mut line, mut read) = (1, 0);
        for (at, message) in found {
            let at = within(&text, &at);
            line += text[read..at.start].matches('\n').count();
            read = at.start;
            self.list.push(Mistake {
                path: path.to_owned(),
                line,
                column: text[line_start(&text, at.start)..at.start].chars().count() + 1,
                message,
                at,
                source,
            });
        }
        if source.is_some() {
            self.texts.push(text);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The mistakes, in the order of files and places.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Mistake> {
        self.list.iter()
    }

    /// Shows each mistake with its place and the text underlined, in ANSI colours if asked.
    pub fn render(&self, colour: bool) -> String {
        self.render_as(Level::ERROR, "mistake", colour)
    }

    fn render_as(&self, level: Level<'_>, word: &str, colour: bool) -> String {
        let renderer = match colour {
            true => Renderer::styled(),
            false => Renderer::plain(),
        };
        let mut out = String::new();
        for mistake in &self.list {
            out.push_str(&render_one(&self.texts, &renderer, level.clone(), mistake));
            out.push_str("\n\n");
        }
        let mut files: Vec<&Path> = self.list.iter().map(|m| m.path.as_path()).collect();
        files.dedup();
        let counted = |n: usize, what| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let (found, files) = (counted(self.list.len(), word), counted(files.len(), "file"));
        format!("{out}{found} in {files}")
    }
}

fn render_one(
    texts: &[String],
    renderer: &Renderer,
    level: Level<'_>,
    mistake: &Mistake,
) -> String {
    let path = mistake.path.display().to_string();
    let title = level.primary_title(mistake.message.as_str());
    let Some(text) = mistake.source.and_then(|index| texts.get(index)) else {
        return renderer.render(&[title.element(Origin::path(path))]);
    };
    // Only its own lines: the renderer reads all that it gets, for each mistake.
    let (start, end) = (mistake.at.start, mistake.at.end);
    let first = line_start(text, start);
    let last = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let underline = AnnotationKind::Primary.span(start - first..end - first);
    let snippet = Snippet::source(&text[first..last])
        .line_start(mistake.line)
        .path(path)
        .annotation(underline);
    renderer.render(&[title.element(snippet)])
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Mistakes {}

/// The start of the line in which a place begins.
fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// The place cut to the text and extended to character boundaries.
fn within(text: &str, at: &Place) -> Place {
    let start = text.floor_char_boundary(at.start);
    start..text.ceil_char_boundary(at.end.max(start))
}

/// The text with stars for all bytes of the hidden places but quotes and line ends, so that all
/// places stay valid.
fn starred(text: &str, hidden: &[Place]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for at in hidden {
        for byte in &mut bytes[within(text, at)] {
            if !b"\n\r\"'".contains(byte) {
                *byte = b'*';
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
