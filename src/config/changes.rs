//! Compares two versions of the configuration files, for the answer to a reload.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use toml::{Table, Value};
use values::Source;

/// The lists of the service's file whose entries have ids.
const LISTS: [(&str, &str); 3] = [
    ("customer", "customers"),
    ("committee", "committees"),
    ("contact", "contacts"),
];

/// Hashes of the parts of a configuration as written. Comments do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// By the word for one part, then by id.
    parts: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// The rest of the service's file.
    rest: u64,
}

impl Fingerprint {
    /// Of files without mistakes.
    pub(super) fn of(
        service: &Source<'_>,
        policies: &[Source<'_>],
        systems: &[Source<'_>],
    ) -> Self {
        let mut own = Self::default();
        for (word, sources) in [("system", systems), ("policy", policies)] {
            let files = sources.iter().map(|source| {
                let id = source.path.file_stem().unwrap_or_default();
                (id.to_string_lossy().into_owned(), hash(&table(source)))
            });
            own.parts.insert(word, files.collect());
        }
        let mut service = table(service);
        for (word, _) in LISTS {
            let list = service.remove(word);
            let entries = list
                .as_ref()
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let entries = entries.filter_map(|entry| {
                let entry = entry.as_table()?;
                Some((entry.get("id")?.as_str()?.to_owned(), hash(entry)))
            });
            own.parts.insert(word, entries.collect());
        }
        own.rest = hash(&service);
        own
    }

    /// What the files of `next` change, as in "1 system changed, 2 customers added".
    pub fn changes(&self, next: &Self) -> String {
        let mut changes = Vec::new();
        let words = [("system", "systems"), ("policy", "policies")];
        for (one, many) in words.into_iter().chain(LISTS) {
            let (Some(old), Some(new)) = (self.parts.get(one), next.parts.get(one)) else {
                continue;
            };
            let added = new.keys().filter(|id| !old.contains_key(*id)).count();
            let removed = old.keys().filter(|id| !new.contains_key(*id)).count();
            let differs =
                |(id, hash): &(&String, &u64)| old.get(*id).is_some_and(|was| was != *hash);
            let changed = new.iter().filter(differs).count();
            for (count, how) in [(added, "added"), (changed, "changed"), (removed, "removed")] {
                match count {
                    0 => {}
                    1 => changes.push(format!("1 {one} {how}")),
                    _ => changes.push(format!("{count} {many} {how}")),
                }
            }
        }
        if self.rest != next.rest {
            changes.push("other settings changed".to_owned());
        }
        match changes.is_empty() {
            true => "no setting changed".to_owned(),
            false => changes.join(", "),
        }
    }
}

fn table(source: &Source<'_>) -> Table {
    let text = source.text.as_deref().unwrap_or_default();
    toml::from_str(text).unwrap_or_default()
}

/// A table is sorted, so its text does not depend on the order of its keys.
fn hash(table: &Table) -> u64 {
    let mut hasher = DefaultHasher::new();
    table.to_string().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(service: &str, systems: &[(&str, &str)]) -> Fingerprint {
        let environment = values::Environment {
            variable: &|_| None,
            file: &|_| Ok(Vec::new()),
            proxy_from_environment: false,
            commands: &[],
            reach: &values::reach::BUILT_IN,
        };
        let source = |name: &str, text: &str| {
            Source::new(
                format!("{name}.toml").into(),
                Some(text.into()),
                environment,
            )
        };
        let systems: Vec<_> = systems
            .iter()
            .map(|(name, text)| source(name, text))
            .collect();
        Fingerprint::of(&source("nines", service), &[], &systems)
    }

    #[test]
    fn additions_changes_and_removals_are_counted_and_comments_are_not() {
        let customer = |name: &str| format!("[[customer]]\nid = \"{name}\"\n");
        let before = fingerprint(
            &customer("a"),
            &[("x", "name = \"X\""), ("y", "a = 1\nb = 2")],
        );
        let same = fingerprint(
            &customer("a"),
            &[("x", "# note\nname = \"X\""), ("y", "b = 2\na = 1")],
        );
        assert_eq!(before.changes(&same), "no setting changed");
        let one = fingerprint(
            &customer("a"),
            &[("x", "name = \"Z\""), ("y", "a = 1\nb = 2")],
        );
        assert_eq!(before.changes(&one), "1 system changed");
        let service = customer("b") + &customer("c") + "[mail]\n";
        let other = fingerprint(&service, &[("x", "name = \"X\"")]);
        assert_eq!(
            before.changes(&other),
            "1 system removed, 2 customers added, 1 customer removed, other settings changed"
        );
    }
}
