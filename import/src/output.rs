//! The result of an import: the files of systems, and the list of what was left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use toml::{Table, Value};

/// All that was imported.
#[derive(Debug, Default)]
pub struct Imported {
    pub systems: Vec<System>,
    /// In the order of the file.
    pub left: Vec<Left>,
    /// The file that is being read.
    pub(crate) input: Input,
    /// The ids of `systems`, and the last number of each that was taken.
    ids: BTreeMap<String, usize>,
    names: BTreeSet<String>,
}

/// A system with one probe.
#[derive(Debug)]
pub struct System {
    /// The name of its file without the ending.
    pub id: String,
    pub name: String,
    /// The content of its file.
    pub text: String,
    /// The keys of the probe.
    pub probe: Table,
    /// Its recurring maintenance windows.
    pub maintenance: Vec<Table>,
}

/// A definition or a key that was not carried over, or that means something else in Nines.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    /// The file that has it.
    pub input: Input,
    /// From 1. `None` if the input has no lines, as a database.
    pub line: Option<usize>,
    /// As `endpoints[2].ssh`.
    pub key: String,
    pub why: String,
}

/// The file that a remark is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// The file that was named first.
    #[default]
    Definitions,
    /// The list of targets, for monitors that keep it in a file of its own.
    Targets,
}

/// `.alerts` of `endpoints[2].alerts`.
fn after_index(key: &str) -> &str {
    key.split_once(']').map_or(key, |(_, rest)| rest)
}

/// One definition in the words of Nines.
pub(crate) struct Draft {
    pub(crate) name: String,
    /// The keys of the probe, without `name`.
    pub(crate) probe: Table,
    pub(crate) maintenance: Vec<Table>,
}

/// A name as Nines takes it: one line of at most 200 characters.
pub(crate) fn one_line(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| match c {
            c if c.is_control() => ' ',
            '\u{2028}' | '\u{2029}' => ' ',
            c => c,
        })
        .take(200)
        .collect();
    line.trim().to_owned()
}

impl Imported {
    pub(crate) fn reading(input: Input) -> Self {
        Self {
            input,
            ..Self::default()
        }
    }

    /// Keeps one of the remarks that an alias or a merge key repeats for each entry of a list: they have one line and one
    /// reason.
    pub(crate) fn join_repeated(&mut self) {
        let mut kept: Vec<(Left, usize)> = Vec::new();
        for left in std::mem::take(&mut self.left) {
            let same = |(other, _): &&mut (Left, usize)| {
                (other.input, other.line, &other.why) == (left.input, left.line, &left.why)
                    && after_index(&other.key) == after_index(&left.key)
            };
            match kept.iter_mut().find(same) {
                Some((_, more)) if left.line.is_some() => *more += 1,
                _ => kept.push((left, 0)),
            }
        }
        self.left = kept
            .into_iter()
            .map(|(mut left, more)| {
                if more > 0 {
                    left.key.push_str(&format!(" and {more} more"));
                }
                left
            })
            .collect();
    }

    pub(crate) fn leave(
        &mut self,
        line: impl Into<Option<usize>>,
        key: impl Into<String>,
        why: impl Into<String>,
    ) {
        self.left.push(Left {
            input: self.input,
            line: line.into(),
            key: key.into(),
            why: why.into(),
        });
    }

    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The id that the next system gets: made of its name, with a number if it is taken.
    pub(crate) fn free_id(&self, name: &str) -> String {
        let base = id(name);
        let Some(last) = self.ids.get(&base) else {
            return base;
        };
        let mut numbered = (last + 1..).map(|n| format!("{base}-{n}"));
        numbered
            .find(|id| !self.ids.contains_key(id))
            .unwrap_or(base)
    }

    /// Adds a system.
    pub(crate) fn add(&mut self, draft: Draft, committee: &str, from: &str) {
        let id = self.free_id(&draft.name);
        let base = self::id(&draft.name);
        let number = id.strip_prefix(&base).and_then(|end| end.strip_prefix('-'));
        let number = number.and_then(|n| n.parse().ok()).unwrap_or(1);
        self.ids.insert(base, number);
        self.ids.entry(id.clone()).or_insert(1);
        self.names.insert(draft.name.clone());
        let mut probe = Table::new();
        probe.insert("name".to_owned(), "check".into());
        probe.extend(draft.probe.clone());
        let text = text(&draft, committee, from, &probe);
        self.systems.push(System {
            id,
            name: draft.name,
            text,
            probe,
            maintenance: draft.maintenance,
        });
    }
}

/// The file of a system.
fn text(draft: &Draft, committee: &str, from: &str, probe: &Table) -> String {
    let mut text = format!("# Imported from {from}.\n");
    line(&mut text, "name", &draft.name.as_str().into());
    line(&mut text, "committee", &committee.into());
    text.push_str("\n[[probe]]\n");
    lines(&mut text, probe);
    for window in &draft.maintenance {
        text.push_str("\n[[maintenance]]\n");
        lines(&mut text, window);
    }
    text
}

/// Keys stand in the order of people: what it is, what it asks, what it expects.
fn lines(text: &mut String, table: &Table) {
    const FIRST: [&str; 9] = [
        "name", "title", "kind", "url", "host", "port", "interval", "days", "start",
    ];
    for key in FIRST {
        if let Some(value) = table.get(key) {
            line(text, key, value);
        }
    }
    for (key, value) in table {
        if !FIRST.contains(&key.as_str()) {
            line(text, key, value);
        }
    }
}

fn line(text: &mut String, key: &str, value: &Value) {
    let _ = writeln!(text, "{} = {value}", quoted(key));
}

fn quoted(key: &str) -> String {
    match key
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    {
        true => key.to_owned(),
        false => Value::from(key).to_string(),
    }
}

/// An id of Nines: small letters, digits and single hyphens, at most 64 characters.
pub(crate) fn id(name: &str) -> String {
    let mut id = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => id.push(c.to_ascii_lowercase()),
            _ if id.is_empty() || id.ends_with('-') => {}
            _ => id.push('-'),
        }
    }
    id.truncate(56);
    let id = id.trim_end_matches('-');
    match id {
        "" => "system".to_owned(),
        id => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_of_names_and_stay_apart() {
        for (name, wanted) in [
            ("Core / Front End", "core-front-end"),
            ("  ", "system"),
            ("Überwachung", "berwachung"),
            (&"x".repeat(90), &"x".repeat(56)),
        ] {
            assert_eq!(id(name), wanted);
        }
        let mut all = Imported::default();
        for _ in 0..3 {
            let draft = Draft {
                name: "Portal".to_owned(),
                probe: Table::new(),
                maintenance: Vec::new(),
            };
            all.add(draft, "operations", "a test");
        }
        let ids: Vec<_> = all.systems.iter().map(|s| s.id.as_str()).collect();
        assert_eq!(ids, ["portal", "portal-2", "portal-3"]);
    }
}
