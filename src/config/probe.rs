//! `[[probe]]`: the keys of every kind, and the probe to run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::catalogue::{Active, Affects, Method, Probe};
use domain::id::{CustomerId, ProbeId, SystemId, VantageId};
use probes::{Egress, Family, KINDS, Kind};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use values::suggest::list;
use values::{Id, IpAddress, Length, Line, Parsed, Place, STAND_IN, Source, Written, spell_length};

use super::fields::{Names, reference, unique};
use super::read::unexpected;
use super::{HeartbeatSetup, ProbeSetup, heartbeat};

const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// A shorter interval gets a warning.
const USUAL_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(86_400);
const TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
const FAILURES: u32 = 3;
const RECOVERIES: u32 = 2;

/// A probe of any kind, for the schema. Serde loses all places in a tagged enum, so each table is
/// read twice instead: the common keys, and those of its kind.
pub(super) struct AnyProbe;

impl<'de> Deserialize<'de> for AnyProbe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for AnyProbe {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Probe".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let common = Common::json_schema(generator);
        let names = KINDS.iter().map(|kind| kind.name);
        let names = list(names.chain([heartbeat::KIND]), "or");
        let is = format!("a kind in quotes: {names}");
        let kinds = KINDS
            .iter()
            .map(|kind| of_kind(kind.name, &is, &common, (kind.schema)(generator)));
        let mut kinds: Vec<Value> = kinds.collect();
        kinds.push(heartbeat::schema(generator, &is));
        json_schema!({ "type": "object", "oneOf": kinds })
    }
}

/// The schema of one kind: the common keys and its own.
fn of_kind(kind: &str, is: &str, common: &Schema, own: Schema) -> Value {
    let mut whole = Value::from(own);
    for part in ["properties", "required", "x-later"] {
        match (whole.get_mut(part), common.get(part)) {
            (Some(Value::Object(own)), Some(Value::Object(more))) => {
                own.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            (Some(Value::Array(own)), Some(Value::Array(more))) => own.extend(more.iter().cloned()),
            (None, Some(more)) => whole[part] = more.clone(),
            _ => {}
        }
    }
    whole["properties"]["kind"]["const"] = kind.into();
    whole["properties"]["kind"]["x-is"] = is.into();
    whole["additionalProperties"] = false.into();
    whole
}

/// The keys that every kind has, except `heartbeat`.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("x-later" = ["quorum", "vantages"]))]
struct Common {
    /// A name, unique within the system.
    name: Parsed<Id>,
    /// The kind of probe.
    kind: Parsed<Line>,
    /// The time from one start to the next.
    interval: Parsed<Length>,
    /// How long one run may take. Default: 10s, at most the interval.
    timeout: Option<Parsed<Length>>,
    /// The time from one start to the next after a first bad sample. Default: 5s, at most the interval.
    retry_interval: Option<Parsed<Length>>,
    /// The version of IP whose addresses are tried first, "ipv4" or "ipv6". Default: in the order of the machine's resolver.
    #[schemars(with = "Option<String>", extend("enum" = ["ipv4", "ipv6"]))]
    prefer: Option<Written<Family>>,
    /// The address of this machine to connect from, as "192.0.2.10". Addresses of the other version of IP are left out.
    /// Default: the system chooses.
    source_address: Option<Parsed<IpAddress>>,
    /// The bad samples in a row that confirm an outage. Default: 3.
    #[schemars(range(min = 1, max = 100))]
    failures: Option<u32>,
    /// The good samples in a row that confirm a recovery. Default: 2.
    #[schemars(range(min = 1, max = 100))]
    recoveries: Option<u32>,
    /// "degradation" if the system is only impaired when the probe fails. Default: "availability".
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["availability", "degradation"]))]
    affects: Affects,
    /// The customers whom a failure affects, for rules of severity that count customers. Default: all customers of the
    /// system. Notices go to all of them all the same.
    #[serde(default)]
    customers: Vec<Parsed<Id>>,
}

/// The probes of a system's file.
#[derive(Default)]
pub(super) struct Probes {
    /// As detection sees them, in order of their ids.
    pub all: Vec<Probe>,
    /// The probes that Nines runs.
    pub setups: Vec<ProbeSetup>,
    /// The feeds that call Nines, each with the place of its token.
    pub heartbeats: Vec<(Place, HeartbeatSetup)>,
}

pub(super) fn probes(
    source: &mut Source<'_>,
    tree: &DeTable<'_>,
    system: &SystemId,
    vantage: &VantageId,
    customers: &Names,
) -> Probes {
    let list = tree
        .get("probe")
        .and_then(|value| value.get_ref().as_array());
    let tables = list
        .into_iter()
        .flatten()
        .filter(|table| table.span() != STAND_IN);
    let (beating, tables): (Vec<_>, Vec<_>) =
        tables.partition(|table| heartbeat::is_heartbeat(table));
    let beating = beating.into_iter();
    let beating: Vec<_> = beating
        .filter_map(|table| heartbeat::read(source, table, system))
        .collect();
    let tables: Vec<_> = tables
        .into_iter()
        .filter_map(|table| Some((common(source, table)?, table)))
        .collect();
    let names = tables.iter().map(|(common, _)| &common.name);
    let names = names.chain(beating.iter().map(|read| &read.name));
    let mut names: Vec<_> = names.map(|name| (name.value.as_str(), &name.at)).collect();
    names.sort_by_key(|(_, at)| at.start);
    unique(source, "probe", names.into_iter());
    let named = tables.iter().flat_map(|(common, _)| &common.customers);
    for id in named.chain(beating.iter().flat_map(|read| &read.customers)) {
        reference(source, id, "customer", customers);
    }
    let read = tables
        .iter()
        .filter_map(|(common, table)| probe(source, common, table, system, vantage));
    let (mut all, setups): (Vec<Probe>, Vec<ProbeSetup>) = read.unzip();
    let mut heartbeats = Vec::new();
    for read in beating {
        all.push(read.probe);
        heartbeats.push((read.token_at, read.setup));
    }
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Probes {
        all,
        setups,
        heartbeats,
    }
}

fn common(source: &mut Source<'_>, table: &Spanned<DeValue<'_>>) -> Option<Common> {
    Common::deserialize(ValueDeserializer::from(table.clone()))
        .map_err(|error| unexpected(source, &error))
        .ok()
}

/// `None` if the kind has a mistake, or its own keys leave nothing to run.
fn probe(
    source: &mut Source<'_>,
    common: &Common,
    table: &Spanned<DeValue<'_>>,
    system: &SystemId,
    vantage: &VantageId,
) -> Option<(Probe, ProbeSetup)> {
    let times = times(source, common);
    let kind = Kind::named(&common.kind.value).filter(|_| !common.kind.is_stand_in())?;
    let runnable = kind.prepare(table, &times.timeout, source)?;
    let id = ProbeId::of(system, &common.name.value);
    let active = Active {
        kind: kind.name.to_owned(),
        interval_ms: ms(times.interval),
        retry_interval_ms: ms(times.retry_interval),
        timeout_ms: ms(times.timeout.value),
        failures: common.failures.unwrap_or(FAILURES),
        recoveries: common.recoveries.unwrap_or(RECOVERIES),
    };
    let setup = ProbeSetup {
        id: id.clone(),
        vantage: vantage.clone(),
        probe: Arc::new(runnable.leaving_by(egress(source, common, kind))),
        interval_ms: active.interval_ms,
        retry_interval_ms: active.retry_interval_ms,
    };
    let probe = Probe {
        id,
        affects: common.affects,
        customers: ids(&common.customers),
        method: Method::Active(active),
    };
    Some((probe, setup))
}

/// How the probe connects. A kind that does not connect by itself refuses the keys.
fn egress(source: &mut Source<'_>, common: &Common, kind: &Kind) -> Egress {
    let written = [
        common.prefer.as_ref().map(|prefer| &prefer.at),
        common.source_address.as_ref().map(|address| &address.at),
    ];
    if ["command", "dns"].contains(&kind.name) {
        for at in written.into_iter().flatten() {
            let why = format!("this has no effect for the kind `{}`", kind.name);
            source.wrong(at, why);
        }
    }
    Egress {
        prefer: common.prefer.as_ref().map(|prefer| prefer.value),
        source: common.source_address.as_ref().map(|address| address.value),
    }
}

pub(super) fn ids(written: &[Parsed<Id>]) -> BTreeSet<CustomerId> {
    let ids = written.iter().map(|id| CustomerId::from(id.value.clone()));
    ids.collect()
}

/// Milliseconds of a length that is at most ten years.
pub(super) fn ms(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

struct Times {
    interval: Duration,
    timeout: Written<Duration>,
    retry_interval: Duration,
}

fn times(source: &mut Source<'_>, common: &Common) -> Times {
    let Parsed {
        value: interval,
        at,
    } = &common.interval;
    let interval = *interval;
    if interval < SHORTEST_INTERVAL {
        too_short(source, at, SHORTEST_INTERVAL);
    }
    if (SHORTEST_INTERVAL..USUAL_INTERVAL).contains(&interval) {
        let why = format!(
            "every {} is a load for the system and fills the disk: {} or longer is usual",
            spell_length(interval),
            spell_length(USUAL_INTERVAL)
        );
        source.warn(at, why);
    }
    if interval > LONGEST_INTERVAL {
        source.wrong(
            at,
            format!(
                "this is too long: at most {}",
                spell_length(LONGEST_INTERVAL)
            ),
        );
    }
    let limit = (!common.interval.is_stand_in()).then_some(interval);
    let shortest = Duration::from_millis(1);
    within_interval(source, common.timeout.as_ref(), shortest, limit);
    within_interval(
        source,
        common.retry_interval.as_ref(),
        SHORTEST_INTERVAL,
        limit,
    );
    let of = |length: &Option<Parsed<Length>>, default| {
        length
            .as_ref()
            .map_or(default, |length| length.value)
            .min(interval)
    };
    // A threshold is not compared with a timeout that has a mistake itself.
    let has_mistake = common
        .timeout
        .as_ref()
        .map_or(limit.is_none(), Parsed::is_stand_in);
    Times {
        interval,
        timeout: Written {
            value: of(&common.timeout, TIMEOUT),
            at: if has_mistake { STAND_IN } else { at.clone() },
        },
        retry_interval: of(&common.retry_interval, RETRY_INTERVAL),
    }
}

fn within_interval(
    source: &mut Source<'_>,
    length: Option<&Parsed<Length>>,
    shortest: Duration,
    interval: Option<Duration>,
) {
    let Some(Parsed { value, at }) = length else {
        return;
    };
    if *value < shortest {
        too_short(source, at, shortest);
    }
    if let Some(interval) = interval.filter(|interval| value > interval) {
        let interval = spell_length(interval);
        source.wrong(at, format!("this is longer than the interval, {interval}"));
    }
}

fn too_short(source: &mut Source<'_>, at: &Place, least: Duration) {
    source.wrong(
        at,
        format!("this is too short: at least {}", spell_length(least)),
    );
}
