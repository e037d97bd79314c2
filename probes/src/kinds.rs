//! The kinds of probe. A new kind is a file in `kinds/` that implements [`Spec`], and an entry in
//! [`KINDS`]. The configuration, its JSON Schema and the documentation are derived from this table.

mod command;
mod dicom;
pub(crate) mod dns;
mod fhir;
mod grpc;
pub mod http;
mod icmp;
mod journey;
mod ldap;
mod mllp;
mod mqtt;
mod ntp;
mod postgres;
mod smtp;
mod ssh;
mod tcp;
mod tls;
mod websocket;

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error, ValueDeserializer};
use values::{Parsed, STAND_IN, Source, Written};

use crate::Probe;
use crate::endpoint::ServerKeys;

/// Every kind, in the order of the documentation.
pub static KINDS: &[Kind] = &[
    Kind::of::<http::Http>("http"),
    Kind::of::<journey::Journey>("journey"),
    Kind::of::<tcp::Tcp>("tcp"),
    Kind::of_server::<tls::Tls>("tls"),
    Kind::of::<dns::Dns>("dns"),
    Kind::of::<mllp::Mllp>("mllp"),
    Kind::of_server::<dicom::Dicom>("dicom"),
    Kind::of_server::<smtp::Smtp>("smtp"),
    Kind::of::<fhir::Fhir>("fhir"),
    Kind::of_server::<postgres::Postgres>("postgres"),
    Kind::of_server::<grpc::Grpc>("grpc"),
    Kind::of::<ssh::Ssh>("ssh"),
    Kind::of_server::<mqtt::Mqtt>("mqtt"),
    Kind::of_server::<ldap::Ldap>("ldap"),
    Kind::of::<ntp::Ntp>("ntp"),
    Kind::of_server::<websocket::Websocket>("websocket"),
    Kind::of::<icmp::Icmp>("icmp"),
    Kind::of::<command::Command>("command"),
];

/// The keys of one kind of probe, as a `[[probe]]` table writes them.
pub(crate) trait Spec: DeserializeOwned + JsonSchema {
    /// Checks what the schema cannot say, and does the work that all runs share: it reads files,
    /// compiles patterns and renders requests. Mistakes are noted in `source`. `None` if a mistake
    /// leaves nothing to run.
    fn prepare(self, timeout: &Written<Duration>, source: &mut Source<'_>) -> Option<Probe>;
}

/// The keys of a kind that asks one server, beside [`ServerKeys`].
pub(crate) trait ServerSpec: DeserializeOwned + JsonSchema {
    /// Does the same as [`Spec::prepare`].
    fn prepare(
        self,
        server: &ServerKeys,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Probe>;
}

// Both parts are read from one table: serde's `flatten` would lose the places of the values. A doc comment would become
// the description of each kind.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct WithServer<S> {
    #[schemars(flatten)]
    own: S,
    #[schemars(flatten)]
    server: ServerKeys,
}

/// One kind of probe.
pub struct Kind {
    /// The value of the key `kind`.
    pub name: &'static str,
    /// The JSON Schema of the keys that this kind adds to those of every probe.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    prepare: Prepare,
}

type Prepare =
    fn(&Spanned<DeValue<'_>>, &Written<Duration>, &mut Source<'_>) -> Result<Option<Probe>, Error>;

impl Kind {
    const fn of<S: Spec>(name: &'static str) -> Self {
        Self {
            name,
            schema: S::json_schema,
            prepare: |table, timeout, source| {
                let spec = S::deserialize(ValueDeserializer::from(table.clone()))?;
                let probe = spec.prepare(timeout, source);
                Ok(probe.map(|probe| probe.reaching(source.environment.reach)))
            },
        }
    }

    const fn of_server<S: ServerSpec>(name: &'static str) -> Self {
        Self {
            name,
            schema: WithServer::<S>::json_schema,
            prepare: |table, timeout, source| {
                let own = S::deserialize(ValueDeserializer::from(table.clone()))?;
                let server = ServerKeys::deserialize(ValueDeserializer::from(table.clone()))?;
                let probe = own.prepare(&server, timeout, source);
                Ok(probe.map(|probe| probe.reaching(source.environment.reach)))
            },
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Makes a probe of a `[[probe]]` table that conforms to the schema. Mistakes are noted in
    /// `source`: with any of them, the probe must not be run.
    pub fn prepare(
        &self,
        table: &Spanned<DeValue<'_>>,
        timeout: &Written<Duration>,
        source: &mut Source<'_>,
    ) -> Option<Probe> {
        (self.prepare)(table, timeout, source).unwrap_or_else(|error| {
            source.wrong(&error.span().unwrap_or(table.span()), error.message());
            None
        })
    }
}

/// Makes a probe of the keys of its kind, given as TOML without a configuration around them.
///
/// # Errors
///
/// Every mistake: the text it concerns, and what is wrong.
pub fn prepare(
    kind: &str,
    keys: &str,
    timeout: Duration,
    environment: values::Environment<'_>,
) -> Result<Probe, Vec<(String, String)>> {
    let mistake = |text: &str, why: &str| vec![(text.to_owned(), why.to_owned())];
    let kind = Kind::named(kind).ok_or_else(|| mistake(kind, "is not a kind of probe"))?;
    let table = DeTable::parse(keys).map_err(|error| mistake(keys, error.message()))?;
    let table = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let mut source = Source::new("probe.toml".into(), Some(keys.into()), environment);
    let timeout = Written {
        value: timeout,
        at: 0..0,
    };
    let probe = kind.prepare(&table, &timeout, &mut source);
    match probe.filter(|_| source.mistakes.is_empty()) {
        Some(probe) => Ok(probe),
        None => Err(source
            .mistakes
            .into_iter()
            .map(|(at, why)| (keys.get(at).unwrap_or(keys).to_owned(), why))
            .collect()),
    }
}

/// Reads `degraded_after`, which must be shorter than the timeout.
pub(crate) fn degraded_after(
    written: Option<&Parsed<values::Length>>,
    timeout: &Written<Duration>,
    source: &mut Source<'_>,
) -> Option<Duration> {
    let Parsed { value, at } = written?;
    if value.is_zero() {
        source.wrong(at, "this is too short: use at least 1ms");
    } else if timeout.at != STAND_IN && *value >= timeout.value {
        let timeout = values::spell_length(timeout.value);
        let why = format!("this has no effect: the timeout is {timeout}, use less");
        source.wrong(at, why);
    }
    Some(*value)
}

#[cfg(test)]
mod tests {
    use domain::sample::{Outcome, Reason};

    use super::*;

    /// The resolver refuses this name without asking a server: a label has at most 63 characters,
    /// this one 64. A configuration cannot name it.
    const IMPOSSIBLE: &str =
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid";

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_dns() {
        let limit = Duration::from_secs(20);
        for probe in [
            tcp::tests::probe(IMPOSSIBLE, limit),
            http::tests::probe(IMPOSSIBLE, limit),
        ] {
            let finding = probe.run().await;
            assert_eq!(
                (finding.outcome, finding.reason),
                (Outcome::Down, Some(Reason::Dns))
            );
            let detail = finding.detail.unwrap();
            assert!(
                detail.contains(IMPOSSIBLE) && !detail.contains("secret"),
                "{detail}"
            );
            assert!(finding.phases.resolve_us.is_some());
            assert_eq!(finding.phases.connect_us, None);
        }
    }
}
