//! One probe of each kind, of a peer on the loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use probes::{KINDS, Probe};

use crate::Failure;

type Rows = Vec<(String, Probe)>;

/// On a busy machine a run waits for a processor.
const PATIENCE: Duration = Duration::from_secs(60);

/// The keys of each kind beside the peer. `{at}` is its address, `{ip}` and `{port}` are the parts of it.
const KEYS: &[(&str, &str)] = &[
    (
        "http",
        "url = 'http://{at}/'\nexpect.body_contains = 'ready'",
    ),
    (
        "journey",
        "[[step]]\nname = 'page'\nurl = 'http://{at}/'\ncapture.token = { field = 'token' }\n\
         [[step]]\nname = 'sign in'\nurl = 'http://{at}/next'\nform = { token = '{token}' }",
    ),
    ("tcp", "host = '{ip}'\nport = {port}"),
    (
        "tls",
        "host = 'localhost'\nresolve = '{ip}'\nport = {port}\nca_file = '{ca_file}'",
    ),
    (
        "dns",
        "host = 'portal.example.org'\nserver = '{ip}'\nport = {port}",
    ),
    (
        "mllp",
        "host = '{ip}'\nport = {port}\nmessage = 'MSH|^~\\&|NINES|A|LAB|B|||NMQ^N01|N1|T|2.5'",
    ),
    ("dicom", "host = '{ip}'\nport = {port}\ncalled = 'ARCHIVE'"),
    (
        "smtp",
        "host = '{ip}'\nport = {port}\nextensions = ['SIZE']",
    ),
    (
        "fhir",
        "url = 'http://{at}/r4'\nversion = '4.0'\nresources = ['Patient']",
    ),
    (
        "postgres",
        "host = '{ip}'\nport = {port}\ndatabase = 'results'\nuser = 'nines'\nexpect = '1'",
    ),
    ("grpc", "host = '{ip}'\nport = {port}"),
    ("ssh", "host = '{ip}'\nport = {port}\nsoftware = 'Peer'"),
    ("mqtt", "host = '{ip}'\nport = {port}"),
    (
        "ldap",
        "host = '{ip}'\nport = {port}\nbase = 'dc=example,dc=org'",
    ),
    ("ntp", "host = '{ip}'\nport = {port}\nmax_stratum = 3"),
    (
        "websocket",
        "host = '{ip}'\nport = {port}\nexpect = 'ready'",
    ),
    ("icmp", "host = '127.0.0.1'"),
    ("command", "command = ['/bin/true']"),
];

/// A probe of each kind, and one of an address that begins with `https://`.
pub fn all(at: &BTreeMap<String, SocketAddr>, ca_file: &Path) -> Result<Rows, Failure> {
    let ca_file = ca_file.to_str().ok_or("the folder is not UTF-8")?;
    let mut rows = Vec::new();
    for kind in KINDS {
        let keys = KEYS.iter().find(|(name, _)| *name == kind.name);
        let (_, keys) = keys.ok_or_else(|| format!("no keys of the kind {}", kind.name))?;
        let keys = match at.get(kind.name) {
            None => (*keys).to_owned(),
            Some(at) => keys
                .replace("{at}", &at.to_string())
                .replace("{ip}", &at.ip().to_string())
                .replace("{port}", &at.port().to_string())
                .replace("{ca_file}", ca_file),
        };
        rows.push((kind.name.to_owned(), probe(kind.name, &keys)?));
    }
    let port = at["https"].port();
    let keys = format!(
        "url = 'https://localhost:{port}/'\nresolve = '127.0.0.1'\nca_file = '{ca_file}'\n\
         expect.body_contains = 'ready'"
    );
    rows.push(("https".to_owned(), probe("http", &keys)?));
    Ok(rows)
}

/// The probes of a file.
pub fn of_file(text: &str) -> Result<Rows, Failure> {
    let tables: toml::Table = text.parse()?;
    let mut rows = Vec::new();
    for (name, keys) in tables {
        let mut keys = keys.as_table().ok_or("each entry is a table")?.clone();
        let kind = keys.remove("kind").ok_or("a table has no kind")?;
        let kind = kind.as_str().ok_or("the kind is no text")?.to_owned();
        rows.push((name, probe(&kind, &keys.to_string())?));
    }
    Ok(rows)
}

fn probe(kind: &str, keys: &str) -> Result<Probe, Failure> {
    let environment = values::Environment {
        variable: &|_| Some("secret".to_owned()),
        file: &|path| std::fs::read(path).map_err(|error| error.to_string()),
        proxy_from_environment: false,
        commands: &["/bin/".to_owned()],
        reach: &values::Reach::default(),
    };
    let probe = probes::prepare(kind, keys, PATIENCE, environment);
    probe.map_err(|mistakes| format!("{kind}: {mistakes:?}").into())
}
