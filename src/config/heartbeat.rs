//! `[[probe]]` of kind `heartbeat`: a job or feed calls Nines. It has no interval and no timeout, so its keys are its own.

use std::time::Duration;

use domain::catalogue::{Affects, Heartbeat, Method, Probe};
use domain::id::{ProbeId, SystemId};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};
use values::{
    FilePath, Id, Length, Line, Parsed, Place, SecretName, Sha256Hex, Source, Written, spell_length,
};

use super::policy::hours::{WeeklyHours, weekly};
use super::probe::{ids, ms};
use super::read::unexpected;

/// The value of the key `kind`.
pub(super) const KIND: &str = "heartbeat";

const SHORTEST_PERIOD: Duration = Duration::from_secs(10);
const LONGEST_PERIOD: Duration = Duration::from_secs(40 * 86_400);
const SHORTEST_GRACE: Duration = Duration::from_secs(1);
/// A shorter token can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// The SHA-256 of a heartbeat's token. The token itself is kept nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        std::hint::black_box(pairs.fold(0, |difference, (a, b)| difference | (a ^ b))) == 0
    }
}

/// A feed whose calls the public listener takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatSetup {
    /// `system/name`.
    pub id: ProbeId,
    pub token: TokenHash,
}

/// A job or feed that calls Nines: its silence beyond period and grace is an outage.
#[derive(Deserialize, JsonSchema)]
struct Table {
    /// A name, unique within the system.
    name: Parsed<Id>,
    /// The kind of probe.
    #[expect(dead_code, reason = "read before the table")]
    kind: Parsed<Line>,
    /// The longest time between two beats. With `expected`, time outside those hours does not count.
    period: Parsed<Length>,
    /// How much later than due a beat may come without an outage.
    grace: Parsed<Length>,
    /// The hours in which beats are expected. At least one must come in them, or up to half a period before they open.
    /// Default: all hours.
    expected: Option<Written<WeeklyHours>>,
    /// The variable of the environment with the secret token that the feed calls, at least 16 letters, digits, `-`, `_`.
    token: Option<Parsed<SecretName>>,
    /// A file with the token, in place of `token`.
    token_file: Option<Parsed<FilePath>>,
    /// The SHA-256 of the token, in place of `token`: then the token itself is on no disk of this machine.
    token_sha256: Option<Parsed<Sha256Hex>>,
    /// "degradation" if the system is only impaired when the feed is silent. Default: "availability".
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["availability", "degradation"]))]
    affects: Affects,
    /// The customers whom a failure affects, for rules of severity that count customers. Default: all customers of the
    /// system. Notices go to all of them all the same.
    #[serde(default)]
    customers: Vec<Parsed<Id>>,
}

/// The schema of the kind. `kinds` names every kind for messages.
pub(super) fn schema(generator: &mut SchemaGenerator, kinds: &str) -> Value {
    let schema: Schema = Table::json_schema(generator);
    let mut whole = Value::from(schema);
    whole["properties"]["kind"]["const"] = KIND.into();
    whole["properties"]["kind"]["x-is"] = kinds.into();
    whole["additionalProperties"] = false.into();
    whole["x-later"] = vec!["quorum", "vantages"].into();
    // The keys that other kinds share are no help for a table of an unknown kind.
    whole["x-alone"] = true.into();
    whole
}

/// True if the table is meant as a heartbeat, even if its kind is misspelt.
pub(super) fn is_heartbeat(table: &Spanned<DeValue<'_>>) -> bool {
    let Some(keys) = table.get_ref().as_table() else {
        return false;
    };
    let kind = keys.get("kind").and_then(|kind| kind.get_ref().as_str());
    kind == Some(KIND) || keys.contains_key("period") && !keys.contains_key("interval")
}

/// A heartbeat as detection sees it, its setup, and the places of its name and its token.
pub(super) struct Read {
    pub probe: Probe,
    pub setup: HeartbeatSetup,
    pub name: Parsed<Id>,
    pub customers: Vec<Parsed<Id>>,
    pub token_at: Place,
}

/// Reads a table that conforms to the schema. `None` if it cannot be read.
pub(super) fn read(
    source: &mut Source<'_>,
    table: &Spanned<DeValue<'_>>,
    system: &SystemId,
) -> Option<Read> {
    let whole = table.span();
    let table = Table::deserialize(ValueDeserializer::from(table.clone()))
        .map_err(|error| unexpected(source, &error))
        .ok()?;
    within(source, &table.period, SHORTEST_PERIOD, LONGEST_PERIOD);
    within(source, &table.grace, SHORTEST_GRACE, LONGEST_PERIOD);
    let (token, token_at) = token(source, &table, whole);
    let id = ProbeId::of(system, &table.name.value);
    let expected = table.expected.map(|hours| weekly(source, hours));
    let heartbeat = Heartbeat {
        every_ms: ms(table.period.value),
        grace_ms: ms(table.grace.value),
        expected: expected.filter(|hours| !hours.is_always()),
    };
    Some(Read {
        probe: Probe {
            id: id.clone(),
            affects: table.affects,
            customers: ids(&table.customers),
            method: Method::Heartbeat(heartbeat),
        },
        setup: HeartbeatSetup { id, token },
        name: table.name,
        customers: table.customers,
        token_at,
    })
}

pub(super) fn within(
    source: &mut Source<'_>,
    length: &Parsed<Length>,
    least: Duration,
    most: Duration,
) {
    if length.is_stand_in() {
        return;
    }
    if length.value < least {
        let why = format!("this is too short: at least {}", spell_length(least));
        source.wrong(&length.at, why);
    }
    if length.value > most {
        let why = format!("this is too long: at most {}", spell_length(most));
        source.wrong(&length.at, why);
    }
}

/// The hash of the token, and the place that names it.
fn token(source: &mut Source<'_>, table: &Table, whole: Place) -> (TokenHash, Place) {
    let variable = table.token.as_ref().map(|token| &token.at);
    let file = table.token_file.as_ref().map(|file| &file.at);
    let hash = table.token_sha256.as_ref().map(|hash| &hash.at);
    let given: Vec<Place> = [variable, file, hash]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let at = match given.as_slice() {
        [] => {
            let why = "this heartbeat lacks a token: name it with `token`, `token_file` or `token_sha256`";
            source.wrong(&whole, why);
            return (TokenHash::default(), whole);
        }
        [one] => one.clone(),
        [_, second, ..] => {
            let why = "use one of `token`, `token_file` and `token_sha256`";
            source.wrong(second, why);
            return (TokenHash::default(), second.clone());
        }
    };
    if let Some(hash) = &table.token_sha256 {
        return (TokenHash(hash.value), at);
    }
    let from_file = table
        .token_file
        .as_ref()
        .map(|file| source.secret_file(file));
    let from_variable = table.token.as_ref().map(|name| source.secret(name));
    let token = from_file.or(from_variable).unwrap_or_default();
    (hashed(source, &token, &at), at)
}

fn hashed(source: &mut Source<'_>, token: &SecretString, at: &Place) -> TokenHash {
    let token = token.expose_secret();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if token.len() < SHORTEST_TOKEN || !token.bytes().all(allowed) {
        let why = format!(
            "a token has at least {SHORTEST_TOKEN} letters, digits, `-` and `_`: make one with `openssl rand -hex 24`"
        );
        source.wrong_once(at, why);
    }
    TokenHash::of(token)
}
