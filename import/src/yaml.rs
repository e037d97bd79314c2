//! YAML as a tree that knows its lines. Anchors, aliases and merge keys work; documents that grow without end by
//! aliases are refused.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// The most values of a file, with those that aliases repeat.
const VALUES: usize = 100_000;
/// The deepest nesting.
const DEPTH: usize = 64;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}{why}", .line.map_or(String::new(), |line| format!("line {line}: ")))]
pub struct Error {
    /// From 1, where the input has lines.
    pub line: Option<usize>,
    pub why: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// True if it stands without quotes.
    Text(String, bool),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(String, Node)>),
    /// Bytes in base64, which no key of ours takes.
    Binary,
}

fn wrong(line: usize, why: impl Into<String>) -> Error {
    Error {
        line: Some(line),
        why: why.into(),
    }
}

/// The first document of a text.
pub(crate) fn read(text: &str) -> Result<Node, Error> {
    let mut loader = Loader {
        events: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        left: VALUES,
    };
    loop {
        let (event, line) = loader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd => return Err(wrong(line, "the file is empty")),
            event => return loader.node(event, line, 0),
        }
    }
}

struct Loader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: BTreeMap<usize, (Node, usize)>,
    left: usize,
}

impl<'a> Loader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), Error> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(wrong(
                error.marker().line(),
                format!("not YAML: {}", error.info()),
            )),
            None => Err(wrong(0, "the file ends too early")),
        }
    }

    fn take(&mut self, values: usize, line: usize) -> Result<(), Error> {
        let left = self.left.checked_sub(values);
        self.left = left.ok_or_else(|| wrong(line, format!("more than {VALUES} values")))?;
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Node, Error> {
        if depth > DEPTH {
            return Err(wrong(line, format!("nested deeper than {DEPTH}")));
        }
        let before = self.left;
        self.take(1, line)?;
        let (value, anchor) = match event {
            Event::Scalar(_, _, anchor, Some(tag)) if tag.suffix == "binary" => {
                (Value::Binary, anchor)
            }
            Event::Scalar(text, style, anchor, _) => (
                Value::Text(text.into_owned(), style == ScalarStyle::Plain),
                anchor,
            ),
            Event::SequenceStart(anchor, _) => {
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, line) => list.push(self.node(event, line, depth + 1)?),
                    }
                }
                (Value::List(list), anchor)
            }
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => {
                let found = self.anchors.get(&anchor).cloned();
                let (node, size) =
                    found.ok_or_else(|| wrong(line, "an alias without its anchor"))?;
                self.take(size, line)?;
                return Ok(Node { line, ..node });
            }
            _ => return Err(wrong(line, "not YAML: a value is missing")),
        };
        let node = Node { line, value };
        if anchor != 0 {
            self.anchors
                .insert(anchor, (node.clone(), before - self.left));
        }
        Ok(node)
    }

    fn map(&mut self, depth: usize) -> Result<Value, Error> {
        let mut own: Vec<(String, Node)> = Vec::new();
        let mut merged: Vec<(String, Node)> = Vec::new();
        loop {
            let (event, line) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, line, depth + 1)?;
            let (event, line) = self.next()?;
            let node = self.node(event, line, depth + 1)?;
            let Value::Text(key_text, plain) = key.value else {
                return Err(wrong(key.line, "a key must be text"));
            };
            match (key_text.as_str(), plain, node.value) {
                ("<<", true, Value::Map(more)) => merged.extend(more),
                ("<<", true, Value::List(lists)) => {
                    for node in lists {
                        if let Value::Map(more) = node.value {
                            merged.extend(more);
                        }
                    }
                }
                (_, _, value) => {
                    if own.iter().any(|(known, _)| *known == key_text) {
                        let why = format!("the key `{key_text}` is there twice");
                        return Err(wrong(key.line, why));
                    }
                    own.push((
                        key_text,
                        Node {
                            line: key.line,
                            value,
                        },
                    ));
                }
            }
        }
        for (key, node) in merged {
            if own.iter().all(|(known, _)| *known != key) {
                own.push((key, node));
            }
        }
        Ok(Value::Map(own))
    }
}

impl Node {
    /// A table without keys.
    pub(crate) fn empty(line: usize) -> Self {
        Self {
            line,
            value: Value::Map(Vec::new()),
        }
    }

    pub(crate) fn map(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Map(map) => map,
            _ => &[],
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.map()
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, node)| node)
    }

    pub(crate) fn list(&self) -> &[Node] {
        match &self.value {
            Value::List(list) => list,
            _ => &[],
        }
    }

    /// The text of a value that is there: not `null` and no table or list.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text, true) if matches!(text.as_str(), "" | "~" | "null") => None,
            Value::Text(text, _) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        matches!(self.text(), Some("true" | "True" | "TRUE" | "yes" | "on"))
    }

    pub(crate) fn is_false(&self) -> bool {
        matches!(
            self.text(),
            Some("false" | "False" | "FALSE" | "no" | "off")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_aliases_and_merge_keys_work() {
        let text = "base: &base\n  interval: 5m\n  name: base\nlist:\n  - <<: *base\n    name: own\n  - *base\n";
        let root = read(text).unwrap();
        let list = root.get("list").unwrap().list();
        let said = |node: &Node, key: &str| node.get(key).unwrap().text().unwrap().to_owned();
        assert_eq!(said(&list[0], "name"), "own");
        assert_eq!(said(&list[0], "interval"), "5m");
        assert_eq!(said(&list[1], "name"), "base");
        assert_eq!(list[0].line, 5);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, why) in [
            ("a: [1, 2", 2, "not YAML"),
            ("a: 1\nb: 2\na: 3\n", 3, "the key `a` is there twice"),
            ("", 1, "the file is empty"),
            ("[1]: 2", 1, "a key must be text"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.why.contains(why), "{text:?}: {error}");
            assert!(error.line <= Some(line), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_file_that_grows_by_aliases_is_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for n in 1..12 {
            let alias = format!("*a{},", n - 1).repeat(10);
            text.push_str(&format!("a{n}: &a{n} [{alias}]\n"));
        }
        assert!(
            read(&text)
                .unwrap_err()
                .why
                .contains("more than 100000 values")
        );
        let deep = "[".repeat(5_000);
        assert!(read(&deep).is_err());
    }
}
