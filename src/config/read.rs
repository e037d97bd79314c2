//! Reads files into the structs as they are written. Every mistake of form is told here; what it
//! returns holds all that could be read, for the checks of meaning to go on.

use std::path::Path;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, ValueDeserializer};

use super::hide;
use super::mistakes::Sheet;
use super::raw::probe::{Common, Http, Tcp};
use super::schema::{SchemaKind, marked};
use super::slips::mended;
use super::walk::walk;
use super::words::At;
use crate::files::{self, ReadError};

/// The largest file that is read, in bytes.
pub(super) const LARGEST: u64 = 4 << 20;

/// One probe as written.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    /// Its header.
    pub at: At,
    /// The keys that all kinds have.
    pub common: Common,
    /// The keys of its kind.
    pub own: Own,
}

/// The keys of one kind.
#[derive(Clone, Debug)]
pub(super) enum Own {
    /// `kind = "http"`.
    Http(Box<Http>),
    /// `kind = "tcp"`.
    Tcp(Tcp),
    /// The kind could not be read, which was told.
    Unknown,
}

/// A file as written.
pub(super) struct File<T> {
    /// Its page on the sheet.
    pub page: usize,
    /// What it says, without what is not TOML; nothing if it cannot be told what belongs where.
    pub raw: T,
    /// The probes of a system's file.
    pub probes: Vec<Probe>,
    /// Whether it could be told: otherwise all is absent and nothing is missing.
    pub whole: bool,
    /// Of the service's file, the folders of systems and policies, even if its syntax is broken.
    pub folders: [Option<String>; 2],
}

/// Reads one file.
pub(super) fn read<T: DeserializeOwned + Default>(
    sheet: &mut Sheet,
    path: &Path,
    kind: SchemaKind,
) -> File<T> {
    let empty = |page| File {
        page,
        raw: T::default(),
        probes: Vec::new(),
        whole: false,
        folders: [None, None],
    };
    let text: Rc<str> = match text_of(path) {
        Ok(text) => Rc::from(text),
        Err(Unreadable { text, at, why }) => {
            let number = sheet.page(path.to_owned(), text.clone().map(Rc::from));
            let mut page = sheet.on(number);
            hide::in_lines(&mut page, &text.unwrap_or_default());
            page.wrong(&at, why);
            return empty(number);
        }
    };
    let number = sheet.page(path.to_owned(), Some(Rc::clone(&text)));
    let mut page = sheet.on(number);
    let mended = mended(&text);
    if !mended.slips.is_empty() {
        hide::in_lines(&mut page, &text);
    }
    for (at, message) in mended.slips {
        page.wrong(&at, message);
    }
    let (mut tree, _) = DeTable::parse_recoverable(&mended.text);
    if !mended.whole {
        return File {
            folders: folders_of(tree.get_ref()),
            ..empty(number)
        };
    }
    hide::in_tree(&mut page, tree.get_ref());
    let before = page.count();
    walk(&mut page, &mut tree, mended.broken, marked(kind));
    let folders = folders_of(tree.get_ref());
    let probes = if kind == SchemaKind::System {
        probes_of(tree.get_ref())
    } else {
        Vec::new()
    };
    let raw = T::deserialize(Deserializer::from(tree)).unwrap_or_else(|error| {
        // The walk knows all that serde refuses. If it ever did not, this is what is told.
        if page.count() == before {
            let at = error.span().unwrap_or(0..0);
            page.wrong(&at, one_line(error.message()));
        }
        T::default()
    });
    File {
        page: number,
        raw,
        probes,
        whole: true,
        folders,
    }
}

/// Why the text of a file cannot be had, with what there is of it.
pub(super) struct Unreadable {
    /// The text as far as it is one.
    pub text: Option<String>,
    /// Where it stops being one.
    pub at: At,
    /// Why.
    pub why: String,
}

/// The text of a file of the configuration.
pub(super) fn text_of(path: &Path) -> Result<String, Unreadable> {
    let without_text = |why| Unreadable {
        text: None,
        at: 0..0,
        why,
    };
    let bytes = files::read(path, LARGEST).map_err(|error| {
        without_text(match error {
            ReadError::Other(what) => format!("this is {what}, not a file"),
            error => format!("this file cannot be read: {error}"),
        })
    })?;
    String::from_utf8(bytes).map_err(|error| {
        // Up to the first wrong byte the replacement changes nothing, so the place holds.
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        Unreadable {
            text: Some(text),
            at: good..good + 1,
            why: "this is not UTF-8: save the file as UTF-8".to_owned(),
        }
    })
}

/// What the parser says of this piece of a file, without what says nothing, and with the usual
/// cause.
pub(super) fn not_toml(message: &str, piece: &str) -> String {
    let said = one_line(message);
    let said = said.strip_suffix(", expected nothing").unwrap_or(&said);
    let said = said
        .strip_suffix(", expected literal string")
        .unwrap_or(said);
    if said == "duplicate key" {
        return format!("`{piece}` stands in this table already");
    }
    if said.starts_with("invalid date") || said.starts_with("invalid time") {
        let expected = said.split_once("expected ").map(|(_, expected)| expected);
        if let Some(range) = expected.filter(|expected| expected.contains("between")) {
            // The piece may be a secret without its quotes: it is underlined where it is none.
            return format!("there is no such date or time: it wants a {range}");
        }
    }
    if piece.starts_with(['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}']) {
        return "text stands in straight quotes, as \"this\"; these are typographic ones"
            .to_owned();
    }
    let number = [
        "integer", "float", "boolean", "date", "time", "mantissa", "number",
    ];
    let quotes = said.starts_with("invalid") && number.iter().any(|kind| said.contains(kind));
    let hint = if quotes {
        "; text stands in quotes"
    } else {
        ""
    };
    format!("this is not TOML: {said}{hint}")
}

fn one_line(message: &str) -> String {
    message
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(", ")
}

fn folders_of(tree: &DeTable<'_>) -> [Option<String>; 2] {
    let service = tree
        .get("service")
        .and_then(|value| value.get_ref().as_table());
    ["systems", "policies"].map(|key| {
        let value = service?.get(key)?;
        value.get_ref().as_str().map(str::to_owned)
    })
}

fn probes_of(tree: &DeTable<'_>) -> Vec<Probe> {
    let Some(list) = tree
        .get("probe")
        .and_then(|value| value.get_ref().as_array())
    else {
        return Vec::new();
    };
    list.iter().map(probe_of).collect()
}

fn probe_of(table: &Spanned<DeValue<'_>>) -> Probe {
    let kind = table
        .get_ref()
        .get("kind")
        .and_then(|kind| kind.get_ref().as_str());
    let own = match kind {
        Some("http") => Own::Http(Box::new(part(table))),
        Some("tcp") => Own::Tcp(part(table)),
        _ => Own::Unknown,
    };
    Probe {
        at: table.span(),
        common: part(table),
        own,
    }
}

/// One part of a probe's keys. After the walk it can be read; were it not so, all its keys would
/// be absent, and the checks tell that a probe could not be read.
fn part<T: DeserializeOwned + Default>(table: &Spanned<DeValue<'_>>) -> T {
    T::deserialize(ValueDeserializer::from(table.clone())).unwrap_or_default()
}
