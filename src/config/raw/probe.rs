//! `[[probe]]`: the keys of every kind, and the keys of each.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde_json::Value;

use crate::config::values::{
    FilePath, HeaderText, Host, HttpUrl, Id, Length, Line, Method, Pattern, Secret, Text,
};
use crate::config::words::{As, Must, OneOrMany, Scalar, Written};

/// A probe of any kind, as the schema describes it. Its table is read once per kind and once for
/// the keys that all share, since serde loses all places in a tagged enum.
#[derive(Clone, Debug)]
pub(in crate::config) struct AnyProbe;

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
        let http = of_kind("http", &common, Http::json_schema(generator));
        let tcp = of_kind("tcp", &common, Tcp::json_schema(generator));
        json_schema!({ "type": "object", "oneOf": [http, tcp] })
    }
}

/// The schema of one kind: the common keys and its own.
fn of_kind(kind: &str, common: &Schema, own: Schema) -> Value {
    let mut whole = Value::from(own);
    for part in ["properties", "required", "x-later"] {
        match (whole.get_mut(part), common.get(part)) {
            (Some(Value::Object(own)), Some(Value::Object(more))) => {
                own.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            (Some(Value::Array(own)), Some(Value::Array(more))) => {
                own.extend(more.iter().cloned());
            }
            (None, Some(more)) => whole[part] = more.clone(),
            _ => {}
        }
    }
    whole["properties"]["kind"]["const"] = kind.into();
    whole["properties"]["kind"]["x-is"] = "a kind in quotes, as \"http\" or \"tcp\"".into();
    whole["additionalProperties"] = false.into();
    whole
}

/// The keys that every kind has.
#[derive(Clone, Debug, Default, serde::Deserialize, JsonSchema)]
#[schemars(extend("x-later" = ["customers", "quorum", "vantages", "expected", "grace", "period"]))]
pub(in crate::config) struct Common {
    /// Its name, unique within the system.
    pub name: Must<As<Id>>,
    /// What it asks by.
    pub kind: Must<As<Line>>,
    /// From one start to the next.
    pub interval: Must<As<Length>>,
    /// How long one run may take. Default: 10s, at most the interval.
    pub timeout: Option<Written<As<Length>>>,
    /// From one start to the next after a first bad sample. Default: 5s, at most the interval.
    pub retry_interval: Option<Written<As<Length>>>,
    /// Bad samples in a row that confirm. Default: 3.
    #[schemars(range(min = 1, max = 100))]
    pub failures: Option<Written<u32>>,
    /// Good samples in a row that clear. Default: 2.
    #[schemars(range(min = 1, max = 100))]
    pub recoveries: Option<Written<u32>>,
    /// "degradation" if the system is only impaired without it. Default: "availability".
    pub affects: Option<Written<Affects>>,
}

#[derive(Clone, Copy, Debug, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Affects {
    Availability,
    Degradation,
}

/// A probe that asks by HTTP.
#[derive(Clone, Debug, Default, serde::Deserialize, JsonSchema)]
#[schemars(extend("x-later" = ["client_certificate_file", "client_key_file", "http2"]))]
pub(in crate::config) struct Http {
    /// What it asks: http:// or https://.
    pub url: Must<As<HttpUrl>>,
    /// Default: GET.
    pub method: Option<Written<As<Method>>>,
    /// Request headers. A secret stands as "${NAME}", from the environment.
    pub headers: Option<Written<BTreeMap<String, Written<As<HeaderText>>>>>,
    /// The request's body.
    pub body: Option<Written<As<Text>>>,
    /// How many redirects it follows. Default: 0, which takes a redirect as the answer.
    #[schemars(range(min = 0, max = 20))]
    pub redirects: Option<Written<u8>>,
    /// More certificate authorities (PEM) than the machine's.
    pub ca_file: Option<Written<As<FilePath>>>,
    /// The file with the token of an Authorization: Bearer header.
    pub bearer_token_file: Option<Written<As<FilePath>>>,
    /// The user and password of an Authorization: Basic header.
    pub basic: Option<Written<Basic>>,
    /// What makes an answer good. Without it, any status from 200 to 299.
    pub expect: Option<Written<Expect>>,
}

/// A user and a password.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Basic {
    /// The user.
    pub user: Must<As<Line>>,
    /// The password, from the environment.
    pub password: Option<Written<As<Secret>>>,
    /// The password, from a file.
    pub password_file: Option<Written<As<FilePath>>>,
}

/// What makes an answer good: all that is named.
#[derive(Clone, Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Expect {
    /// The allowed statuses. Default: 200 to 299.
    pub status: Option<Written<OneOrMany<Status>>>,
    /// Text that the body must contain.
    pub body_contains: Option<Written<As<Text>>>,
    /// Text that the body must not contain.
    pub body_lacks: Option<Written<As<Text>>>,
    /// A regular expression that the body must match.
    pub body_matches: Option<Written<As<Pattern>>>,
    /// JSON pointers into the body, and the value that each must have.
    pub json: Option<Written<BTreeMap<String, Written<Scalar>>>>,
    /// JSON pointers that must lead to something, whatever it is.
    #[schemars(length(min = 1))]
    pub json_present: Option<Written<Vec<Written<As<Text>>>>>,
    /// Headers of the answer, and the text that each must contain.
    pub headers: Option<Written<BTreeMap<String, Written<As<Text>>>>>,
    /// A slower answer is degraded.
    pub degraded_after: Option<Written<As<Length>>>,
    /// A certificate that ends within so many days is degraded.
    #[schemars(range(min = 1, max = 3650))]
    pub certificate_days: Option<Written<u32>>,
}

/// An HTTP status.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Status(pub u16);

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u16::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Status {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Status".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer", "minimum": 100, "maximum": 599,
            "x-is": "an HTTP status, as 200",
        })
    }
}

/// A probe that opens a TCP connection.
#[derive(Clone, Debug, Default, serde::Deserialize, JsonSchema)]
#[schemars(extend("x-later" = ["send", "expect"]))]
pub(in crate::config) struct Tcp {
    /// A name or an address.
    pub host: Must<As<Host>>,
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Must<u16>,
    /// A slower connection is degraded.
    pub degraded_after: Option<Written<As<Length>>>,
}
