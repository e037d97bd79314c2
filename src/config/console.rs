//! `[console]`: the address of the console, and the OpenID Connect provider at which people sign in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use people::Role;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;
use values::url::is_protected;
use values::{FilePath, IssuerUrl, Line, Parsed, SecretName, SiteUrl, Source, Written};

/// The path, below `url`, to which a provider sends people back.
pub const CALLBACK: &str = "/console/sign-in/openid/callback";

/// The console.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsoleTable {
    /// The address at which staff open the console. Default: the address of the private listener.
    url: Option<Parsed<SiteUrl>>,
    /// The OpenID Connect provider at which people sign in. It needs `url`. Default: people sign in with a password.
    openid: Option<Written<OpenIdTable>>,
    /// Accounts with a password reach no page before they have set up a second factor. Default: false.
    require_second_factor: Option<bool>,
}

/// An OpenID Connect provider.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OpenIdTable {
    /// Its issuer, exactly as it names itself: the address before `/.well-known/openid-configuration`.
    issuer: Parsed<IssuerUrl>,
    /// The id under which this console is registered there.
    client_id: Parsed<Line>,
    /// The secret that belongs to it, from the environment.
    client_secret: Option<Parsed<SecretName>>,
    /// The secret that belongs to it, from a file.
    client_secret_file: Option<Parsed<FilePath>>,
    /// Its name on the sign-in page. Default: the host of the issuer.
    name: Option<Parsed<Line>>,
    /// The scopes to ask for beside `openid`. Default: ["profile"].
    scopes: Option<Vec<Parsed<Line>>>,
    /// The claim that lists a person's groups. A dot leads into a nested claim. Default: groups.
    claim: Option<Parsed<Line>>,
    /// The groups whose members may sign in, each with the role that it gives. The highest one counts.
    roles: Written<BTreeMap<String, RoleWord>>,
    /// Certificate authorities (PEM) beside those of the machine.
    ca_file: Option<Parsed<FilePath>>,
}

/// The word of a role.
#[derive(Clone, Copy, Deserialize)]
#[serde(transparent)]
struct RoleWord(Role);

impl JsonSchema for RoleWord {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Role".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Role::ALL.map(Role::word) })
    }
}

/// The console.
#[derive(Clone, Debug, Default)]
pub struct ConsoleSetup {
    /// Without a slash at its end.
    pub url: Option<String>,
    pub openid: Option<OpenId>,
    /// Accounts with a password need a second factor.
    pub require_second_factor: bool,
}

/// An OpenID Connect provider, and the client that this console is there.
#[derive(Clone, Debug)]
pub struct OpenId {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: SecretString,
    pub name: String,
    /// Beside `openid`.
    pub scopes: Vec<String>,
    /// A dot leads into a nested claim.
    pub claim: String,
    /// By group.
    pub roles: BTreeMap<String, Role>,
    pub ca_file: Option<PathBuf>,
    /// The address to which the provider sends people back.
    pub redirect_url: String,
}

pub(super) fn console(source: &mut Source<'_>, table: ConsoleTable) -> ConsoleSetup {
    if let Some(written) = &table.url
        && !Url::parse(&written.value).is_ok_and(|url| is_protected(&url))
    {
        source.wrong(
            &written.at,
            "browsers keep no session without HTTPS: write https://, or this machine's own address",
        );
    }
    let url = table.url.map(|url| url.value);
    let openid = table
        .openid
        .map(|written| openid(source, written, url.as_deref()));
    ConsoleSetup {
        url,
        openid,
        require_second_factor: table.require_second_factor.unwrap_or_default(),
    }
}

fn openid(source: &mut Source<'_>, written: Written<OpenIdTable>, url: Option<&str>) -> OpenId {
    let Written { value: table, at } = written;
    if url.is_none() {
        source.wrong(
            &at,
            "the provider must know where to send people back: `[console]` lacks `url`, the console's address",
        );
    }
    let issuer = table.issuer.value;
    let host = Url::parse(&issuer).ok();
    let host = host.and_then(|issuer| issuer.host_str().map(str::to_owned));
    let roles = &table.roles;
    if roles.value.is_empty() {
        source.wrong(
            &roles.at,
            "this lets nobody sign in: name a group and its role, as { \"nines-admins\" = \"admin\" }",
        );
    }
    let secret = client_secret(
        source,
        &at,
        table.client_secret.as_ref(),
        table.client_secret_file.as_ref(),
    );
    OpenId {
        client_id: table.client_id.value,
        client_secret: secret,
        name: table
            .name
            .map(|name| name.value)
            .or(host)
            .unwrap_or_default(),
        scopes: scopes(source, table.scopes),
        claim: table
            .claim
            .map_or_else(|| "groups".to_owned(), |claim| claim.value),
        roles: table
            .roles
            .value
            .into_iter()
            .map(|(group, role)| (group, role.0))
            .collect(),
        ca_file: table.ca_file.and_then(|file| source.certificates(&file)),
        redirect_url: format!("{}{CALLBACK}", url.unwrap_or_default()),
        issuer,
    }
}

fn client_secret(
    source: &mut Source<'_>,
    table: &values::Place,
    variable: Option<&Parsed<SecretName>>,
    file: Option<&Parsed<FilePath>>,
) -> SecretString {
    match (variable, file) {
        (Some(variable), None) => source.secret(variable),
        (None, Some(file)) => source.secret_file(file),
        (Some(_), Some(file)) => {
            source.wrong(
                &file.at,
                "use either `client_secret` or `client_secret_file`",
            );
            SecretString::default()
        }
        (None, None) => {
            source.wrong(
                table,
                "`openid` lacks `client_secret_file`, or `client_secret` as \"${NAME}\"",
            );
            SecretString::default()
        }
    }
}

fn scopes(source: &mut Source<'_>, list: Option<Vec<Parsed<Line>>>) -> Vec<String> {
    let Some(list) = list else {
        return vec!["profile".to_owned()];
    };
    // RFC 6749, section 3.3.
    let is_scope = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    for scope in list
        .iter()
        .filter(|scope| !scope.value.chars().all(is_scope))
    {
        source.wrong(
            &scope.at,
            "a scope is one word without blanks: write each as an entry of its own",
        );
    }
    let list: Vec<_> = list
        .into_iter()
        .map(|scope| (scope.value, scope.at))
        .collect();
    source.no_repeats(&list);
    let names = list.into_iter().map(|(scope, _)| scope);
    names.filter(|scope| scope != "openid").collect()
}
