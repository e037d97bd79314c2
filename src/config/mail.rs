//! `[mail]`: the relays, each with access data of its own or with those that all share.

use std::net::IpAddr;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::Deserialize;
use values::{EhloName, FilePath, Line, Parsed, RelayUrl, Seconds, SecretName, Sender, Source};

use super::{Mail, Relay, Scheme};

/// How notices are sent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MailTable {
    /// The sender, as in a From header.
    pub from: Parsed<Sender>,
    /// The mail servers, in order of preference: smtp://, smtp+starttls:// or smtps://.
    #[schemars(length(min = 1))]
    relays: Vec<RelayEntry>,
    /// The user at all relays that name none.
    user: Option<Parsed<Line>>,
    /// The user's password, from the environment.
    password: Option<Parsed<SecretName>>,
    /// The user's password, from a file.
    password_file: Option<Parsed<FilePath>>,
    /// Certificate authorities (PEM) beside those of the machine, for relays that name none.
    ca_file: Option<Parsed<FilePath>>,
    /// The qualified name of this machine in EHLO. Default: the machine's own if it is qualified, else its address.
    ehlo_name: Option<Parsed<EhloName>>,
    /// How long a downtime notice waits for other systems of the same customer. Default: 30s.
    pub gather: Option<Parsed<Seconds>>,
}

/// A relay: its URL alone, or a table. The schema walk turns a URL into a table.
#[derive(Deserialize)]
#[serde(transparent)]
struct RelayEntry(RelayTable);

impl JsonSchema for RelayEntry {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Relay".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let url = Parsed::<RelayUrl>::json_schema(generator);
        let table = RelayTable::json_schema(generator);
        json_schema!({
            "anyOf": [url, table],
            "x-is": "a relay's address, as \"smtps://mail.example.org\", or a table with its `url`",
            "x-text-as": "url",
        })
    }
}

/// A mail server with its own access data.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RelayTable {
    /// smtp://, smtp+starttls:// or smtps://, a host, and a port if not the usual one.
    url: Parsed<RelayUrl>,
    /// The user.
    user: Option<Parsed<Line>>,
    /// The user's password, from the environment.
    password: Option<Parsed<SecretName>>,
    /// The user's password, from a file.
    password_file: Option<Parsed<FilePath>>,
    /// Certificate authorities (PEM) beside those of the machine.
    ca_file: Option<Parsed<FilePath>>,
}

/// The user, the password, and the file that holds it.
type Login = (String, SecretString, Option<PathBuf>);

pub(super) fn mail(source: &mut Source<'_>, table: MailTable) -> Mail {
    let MailTable {
        user,
        password,
        password_file,
        ca_file,
        ehlo_name,
        ..
    } = table;
    let ehlo_name = ehlo_name.map(|name| name.value);
    let login = login(source, user, password, password_file);
    let ca_file = ca_file.and_then(|file| source.certificates(&file));
    let relays = table.relays.into_iter();
    Mail {
        relays: relays
            .map(|RelayEntry(entry)| Relay {
                ehlo_name: ehlo_name.clone(),
                ..relay(source, entry, login.clone(), ca_file.clone())
            })
            .collect(),
    }
}

fn login(
    source: &mut Source<'_>,
    user: Option<Parsed<Line>>,
    variable: Option<Parsed<SecretName>>,
    file: Option<Parsed<FilePath>>,
) -> Option<Login> {
    let given = variable.as_ref().map(|variable| &variable.at);
    let given = given.or(file.as_ref().map(|file| &file.at));
    match (&user, given) {
        (Some(user), None) => {
            let why = "this user lacks `password_file`, or `password` as \"${NAME}\"";
            source.wrong(&user.at, why);
        }
        (None, Some(given)) => source.wrong(given, "this password lacks its `user`"),
        _ => {}
    }
    let password = source.password(variable.as_ref(), file.as_ref());
    let file = file.map(|file| source.resolve(&file));
    Some((user?.value, password?, file))
}

/// A relay with its own access data, or else with those of `[mail]`.
fn relay(
    source: &mut Source<'_>,
    entry: RelayTable,
    shared_login: Option<Login>,
    shared_ca_file: Option<PathBuf>,
) -> Relay {
    let login = login(source, entry.user, entry.password, entry.password_file).or(shared_login);
    let ca_file = entry.ca_file.and_then(|file| source.certificates(&file));
    let (scheme, host, port) = entry.url.value;
    let is_local = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if scheme == Scheme::Smtp && login.is_some() && !is_local {
        let why = "a password needs smtp+starttls:// or smtps://";
        source.wrong(&entry.url.at, why);
    }
    let (user, password, password_file) = match login {
        Some((user, password, file)) => (Some(user), Some(password), file),
        None => (None, None, None),
    };
    Relay {
        scheme,
        host,
        port,
        user,
        password,
        password_file,
        ca_file: ca_file.or(shared_ca_file),
        ehlo_name: None,
    }
}
