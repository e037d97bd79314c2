//! `nines.toml`: the service itself, and who belongs to it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::config::values::{
    Email, FilePath, Id, Length, Line, RelayUrl, Secret, Sender, Socket, Zone,
};
use crate::config::words::{As, Must, Written};

/// The service: who runs it, where it listens, how it sends mail, whom it serves.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["self_check", "vantages", "agent", "desk", "webhook", "command"]))]
pub(in crate::config) struct ServiceFile {
    /// The service itself.
    pub service: Must<Service>,
    /// Where the service listens.
    pub listen: Option<Written<Listen>>,
    /// How notices are sent. Without it none is.
    pub mail: Option<Written<Mail>>,
    /// Who receives reports; every system has one.
    #[schemars(length(min = 1))]
    pub committee: Must<Vec<Written<Committee>>>,
    /// Who receives notices.
    pub customer: Option<Written<Vec<Written<Customer>>>>,
    /// Staff. Nobody of them is told anything yet.
    pub contact: Option<Written<Vec<Written<Contact>>>>,
}

/// The service itself. Paths are relative to this file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["quorum", "flap_limit", "flap_hold", "group_within", "tzdb", "retention"]))]
pub(in crate::config) struct Service {
    /// The operator's name, as it appears in notices and reports.
    pub name: Must<As<Line>>,
    /// The operator's time zone, an IANA name.
    pub zone: Must<As<Zone>>,
    /// The folder of the ledger and the samples. Default: data.
    pub data: Option<Written<As<FilePath>>>,
    /// The folder with one file per system. Default: systems.
    pub systems: Option<Written<As<FilePath>>>,
    /// The folder with the agreements. Default: policies.
    pub policies: Option<Written<As<FilePath>>>,
    /// A folder of templates to use in place of the built-in ones.
    pub templates: Option<Written<As<FilePath>>>,
    /// The name of the place the probes run from. Default: local.
    pub vantage: Option<Written<As<Id>>>,
}

/// Where the service listens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Listen {
    /// The address for everybody. Nothing listens there yet.
    pub public: Option<Written<As<Socket>>>,
    /// The address for staff and metrics. Default: 127.0.0.1:8081.
    pub private: Option<Written<As<Socket>>>,
}

/// How notices are sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Mail {
    /// The sender, as in a From header.
    pub from: Must<As<Sender>>,
    /// The mail servers, the first before the others: smtp://, smtp+starttls:// or smtps://.
    #[schemars(length(min = 1))]
    pub relays: Must<Vec<Written<Relay>>>,
    /// The user at all relays that name none.
    pub user: Option<Written<As<Line>>>,
    /// The user's password, from the environment.
    pub password: Option<Written<As<Secret>>>,
    /// The user's password, from a file.
    pub password_file: Option<Written<As<FilePath>>>,
    /// The certificate authorities (PEM) that alone vouch for relays that name none, instead of the
    /// machine's.
    pub ca_file: Option<Written<As<FilePath>>>,
    /// How long a downtime notice waits for other systems of the same customer. Default: 30s.
    pub gather: Option<Written<As<Length>>>,
}

/// A relay: its address alone, or a table.
#[derive(Clone, Debug)]
pub(in crate::config) enum Relay {
    /// `"smtp://…"`.
    Url(As<RelayUrl>),
    /// `{ url = "smtp://…", … }`.
    Table(RelayTable),
}

/// A mail server with its own access.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RelayTable {
    /// smtp://, smtp+starttls:// or smtps://, a host, and a port if not the usual one.
    pub url: Must<As<RelayUrl>>,
    /// The user.
    pub user: Option<Written<As<Line>>>,
    /// The user's password, from the environment.
    pub password: Option<Written<As<Secret>>>,
    /// The user's password, from a file.
    pub password_file: Option<Written<As<FilePath>>>,
    /// The certificate authorities (PEM) that alone vouch for it, instead of the machine's.
    pub ca_file: Option<Written<As<FilePath>>>,
}

impl<'de> Deserialize<'de> for Relay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Relay;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an address or a table")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Relay, E> {
                let text: serde::de::value::StrDeserializer<'_, E> =
                    serde::de::IntoDeserializer::into_deserializer(text);
                As::deserialize(text).map(Relay::Url)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Relay, A::Error> {
                RelayTable::deserialize(MapAccessDeserializer::new(map)).map(Relay::Table)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Relay {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Relay".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let url = As::<RelayUrl>::json_schema(generator);
        let table = RelayTable::json_schema(generator);
        json_schema!({
            "anyOf": [url, table],
            "x-is": "a relay's address, as \"smtps://mail.example.org\", or a table with its `url`",
        })
    }
}

/// Who receives reports.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Committee {
    /// Its id, which systems name.
    pub id: Must<As<Id>>,
    /// Its name.
    pub name: Must<As<Line>>,
    /// The time zone its months are counted in.
    pub zone: Must<As<Zone>>,
    /// The mail addresses of its members.
    #[schemars(length(min = 1))]
    pub members: Must<Vec<Written<As<Email>>>>,
}

/// Who receives notices.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Customer {
    /// Its id.
    pub id: Must<As<Id>>,
    /// Its name.
    pub name: Must<As<Line>>,
    /// The time zone its notices print.
    pub zone: Must<As<Zone>>,
    /// The mail addresses that are told.
    #[schemars(length(min = 1))]
    pub contacts: Must<Vec<Written<As<Email>>>>,
    /// The systems it depends on, by their ids.
    #[schemars(length(min = 1))]
    pub systems: Must<Vec<Written<As<Id>>>>,
}

/// Staff.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["webhook", "pager"]))]
pub(in crate::config) struct Contact {
    /// Its id.
    pub id: Must<As<Id>>,
    /// Its mail address.
    pub email: Option<Written<As<Email>>>,
    /// A number to print.
    pub phone: Option<Written<As<Line>>>,
}
