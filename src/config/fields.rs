//! Checks of single fields that several tables need.

use std::collections::{BTreeMap, BTreeSet};

use domain::policy::Target;
use values::suggest::unknown;
use values::{Id, Parsed, Place, STAND_IN, Seconds, Source};

/// Ids that may be referred to.
#[derive(Default)]
pub(super) struct Names {
    pub ids: BTreeSet<String>,
    /// False if a mistake hides further ids. Then no reference is called wrong.
    pub is_complete: bool,
}

/// Staff that other tables may name.
#[derive(Default)]
pub(super) struct Contacts {
    pub names: Names,
    /// Those with a mail address.
    pub mailed: BTreeSet<String>,
}

/// The parts of other files that a file refers to.
pub(super) struct References {
    pub committees: Names,
    pub contacts: Contacts,
    pub systems: Names,
    pub policies: Names,
    /// The targets of policies, by their ids.
    pub targets: BTreeMap<String, Target>,
}

/// Notes a reference to an id that does not exist.
pub(super) fn reference(source: &mut Source<'_>, id: &Parsed<Id>, what: &str, names: &Names) {
    if names.is_complete && !names.ids.contains(&id.value) {
        let known = names.ids.iter().map(String::as_str);
        source.wrong(&id.at, unknown(what, &id.value, known));
    }
}

/// Notes a reference to a contact that does not exist or has no mail address.
pub(super) fn mailed(source: &mut Source<'_>, id: &Parsed<Id>, contacts: &Contacts) {
    reference(source, id, "contact", &contacts.names);
    let known = contacts.names.is_complete && contacts.names.ids.contains(&id.value);
    if known && !contacts.mailed.contains(&id.value) {
        let why = format!("this contact gets mail: `{}` needs an `email`", id.value);
        source.wrong(&id.at, why);
    }
}

/// Notes each id that another entry already has.
pub(super) fn unique<'a>(
    source: &mut Source<'_>,
    what: &str,
    ids: impl Iterator<Item = (&'a str, &'a Place)>,
) {
    let mut first: BTreeMap<&str, &Place> = BTreeMap::new();
    for (id, at) in ids.filter(|(_, at)| **at != STAND_IN) {
        if let Some(before) = first.get(id) {
            let line = source.line(before);
            source.wrong(
                at,
                format!("{what} `{id}` is already defined on line {line}"),
            );
        } else {
            first.insert(id, at);
        }
    }
}

/// A length of time of at least so many seconds.
pub(super) fn at_least(
    source: &mut Source<'_>,
    length: Option<&Parsed<Seconds>>,
    least_s: i64,
) -> Option<i64> {
    let length = length?;
    if length.value < least_s {
        source.wrong(
            &length.at,
            format!("this is too short: at least {least_s}s"),
        );
    }
    Some(length.value)
}
