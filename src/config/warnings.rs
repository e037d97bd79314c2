//! Warnings about a configuration without mistakes that need more than one value: likely slips,
//! such as a forgotten copy of a file. Warnings about a single value stand beside its check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::catalogue::{Catalogue, Rule, System};
use domain::id::SystemId;
use domain::policy::{Hours, Policy};
use domain::span::Span;
use domain::windows::{self, RuleVersion};
use jiff::{SignedDuration, Timestamp};
use values::Source;
use values::suggest::list;

use super::system::Placed;

/// How far ahead recurring windows are looked at.
const AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Endings, and beginnings, of the names of copies.
const COPY_WORDS: [&str; 10] = [
    "old", "bak", "backup", "copy", "orig", "original", "save", "saved", "tmp", "disabled",
];

/// The names of ignored files that a warning lists.
const MOST_NAMES: usize = 5;

/// Warns about the systems, each with the index of its source.
pub(super) fn of_systems(
    sources: &mut [Source<'_>],
    systems: &[(usize, Placed)],
    policies: &[Policy],
    service: &Catalogue,
    now: Timestamp,
) {
    let needed: BTreeSet<&SystemId> = service.customers.iter().flat_map(|c| &c.systems).collect();
    let ids: BTreeSet<&str> = systems.iter().map(|(_, s)| s.system.id.as_str()).collect();
    let mut names: BTreeMap<&str, &SystemId> = BTreeMap::new();
    let policies: BTreeMap<_, _> = policies.iter().map(|policy| (&policy.id, policy)).collect();
    let ahead = Span::new(now, now.checked_add(AHEAD).unwrap_or(Timestamp::MAX));
    for (index, placed) in systems {
        let Some(source) = sources.get_mut(*index) else {
            continue;
        };
        let Placed { system, name, .. } = placed;
        if let Some(original) = copied(system.id.as_str(), &ids) {
            let why = format!(
                "this file looks like a copy of `{original}.toml`, and is one more system: rename it to end in \
                 something other than `.toml` if it is not meant"
            );
            source.warn(&(0..0), why);
        } else if !needed.contains(&system.id) {
            let why = match service.customers.is_empty() {
                true => "no customer is notified when it is down: there is no `[[customer]]`",
                false => {
                    "no customer is notified when it is down: no `[[customer]]` lists it in `systems`"
                }
            };
            source.warn(name, why);
        }
        if let Some(other) = names.insert(&system.name, &system.id) {
            let why = format!("`{other}` has the same name: notices and reports show the name");
            source.warn(name, why);
        }
        let policy = system.policy.as_ref().and_then(|id| policies.get(id));
        if let Some(policy) = policy
            && let Some(hours) = &policy.planned_hours
        {
            outside(source, placed, policy, hours, ahead);
        }
        overlapping(source, placed, ahead);
    }
}

/// The file of which `id` is likely a copy.
fn copied<'a>(id: &'a str, ids: &BTreeSet<&str>) -> Option<&'a str> {
    let is_word = |word: &str| {
        let digits: Vec<&str> = word.split('-').collect();
        let is_date = digits.concat().len() >= 6
            && digits
                .iter()
                .all(|part| part.bytes().all(|b| b.is_ascii_digit()));
        COPY_WORDS.contains(&word) || word == "copy-of" || is_date
    };
    let cuts = id
        .match_indices('-')
        .map(|(at, _)| (&id[..at], &id[at + 1..]));
    cuts.flat_map(|(start, end)| [(start, end), (end, start)])
        .find(|(rest, word)| is_word(word) && ids.contains(rest))
        .map(|(rest, _)| rest)
}

/// Warns of each window that is not, or not always, within the hours for planned work.
fn outside(source: &mut Source<'_>, placed: &Placed, policy: &Policy, hours: &Hours, ahead: Span) {
    for rule in &placed.system.windows {
        let version = RuleVersion {
            // Only the hours matter here.
            rule: Rule {
                agreed: None,
                min_notice_s: Some(0),
                ..rule.clone()
            },
            entered_at: Timestamp::MIN,
            left_at: None,
        };
        let held = windows::recurring(&[version], &placed.system.id, 0, Some(hours), ahead);
        let cut = held.iter().find(|window| {
            let within: i64 = window.earned_parts.iter().map(|p| p.span.seconds()).sum();
            // An occurrence that has begun is cut to `ahead`.
            window.span.from >= ahead.from && within < window.span.seconds()
        });
        let (Some(cut), Some(at)) = (cut, placed.windows.get(&rule.id)) else {
            continue;
        };
        let how = match cut.earned_parts.is_empty() {
            true => "is outside",
            false => "is partly outside",
        };
        let date = cut.id.as_str().rsplit('@').next().unwrap_or_default();
        let why = format!(
            "this window {how} `planned_hours` of the policy `{}`, first on {date}: downtime outside them is unplanned",
            policy.id
        );
        source.warn(at, why);
    }
}

/// Warns of each window that overlaps an earlier one of the same system.
fn overlapping(source: &mut Source<'_>, placed: &Placed, ahead: Span) {
    let System { id, windows, .. } = &placed.system;
    let held = |rule| windows::occurrences(rule, id, ahead);
    for (n, rule) in windows.iter().enumerate().skip(1) {
        let own = held(rule);
        let met = windows[..n].iter().find_map(|other| {
            let others = held(other);
            let meets = |span: &Span| others.iter().any(|(_, other)| other.meets(span));
            own.iter()
                .find(|(_, span)| meets(span))
                .map(|(window, _)| (other, window))
        });
        let (Some((other, window)), Some(at)) = (met, placed.windows.get(&rule.id)) else {
            continue;
        };
        let date = window.as_str().rsplit('@').next().unwrap_or_default();
        let why = format!("this window overlaps `{}`, first on {date}", other.id);
        source.warn(at, why);
    }
}

/// True for a file that explains the folder.
pub(super) fn is_document(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.starts_with("readme") || lower.ends_with(".md") || lower.ends_with(".txt")
}

/// The warning about files that are not read.
pub(super) fn ignored(key: &str, folder: &Path, names: &[String]) -> String {
    let (shown, more) = names.split_at(names.len().min(MOST_NAMES));
    let more = match more.len() {
        0 => String::new(),
        more => format!(", nor {more} more"),
    };
    let names = list(shown.iter().map(String::as_str), "or");
    format!(
        "the folder of {key}, `{}`: Nines does not read {names}{more}, since only names that end in `.toml` count",
        folder.display()
    )
}
