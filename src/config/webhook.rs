//! `webhook` of a customer or a contact: the URL that gets its notices, signed with a secret.

use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use values::{FilePath, Parsed, Place, Source, WebhookUrl, Written};

/// The least length of a secret that is not warned of, in characters.
const SHORT: usize = 16;

/// A webhook: each notice is posted to its URL as JSON, signed with HMAC-SHA-256.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookTable {
    /// The URL to which notices are posted. It must hold no secret: the ledger and listings show it.
    url: Parsed<WebhookUrl>,
    /// The file with the secret that signs each request, one line. It is read again for each request.
    secret_file: Parsed<FilePath>,
    /// True if the URL may lead to a private address or to this machine, and may be `http://`. Default: false.
    #[serde(default)]
    allow_private: bool,
}

/// A receiver of signed requests.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub url: String,
    /// The secret as it was when the configuration was read.
    pub secret: SecretString,
    /// The file that held it.
    pub secret_file: PathBuf,
    /// True if it may be at a private address.
    pub allow_private: bool,
}

/// The webhooks of a configuration, each URL once.
#[derive(Default)]
pub(super) struct Webhooks {
    known: Vec<(Webhook, Place)>,
}

impl Webhooks {
    /// Reads the webhook of a customer or a contact. Returns its URL.
    pub fn read(
        &mut self,
        source: &mut Source<'_>,
        written: Option<Written<WebhookTable>>,
    ) -> Option<String> {
        let Written { value: table, at } = written?;
        let secret = source.secret_file(&table.secret_file);
        let secret_file = source.resolve(&table.secret_file);
        let url = table.url.value.clone();
        let webhook = Webhook {
            url: url.clone(),
            secret,
            secret_file,
            allow_private: table.allow_private,
        };
        let same = self.known.iter().find(|(known, _)| known.url == url);
        if let Some((known, before)) = same {
            let differs = known.secret_file != webhook.secret_file
                || known.allow_private != webhook.allow_private;
            if differs {
                let line = source.line(before);
                source.wrong(
                    &at,
                    format!(
                        "this webhook has another `secret_file` or `allow_private` on line {line}"
                    ),
                );
            }
            return Some(url);
        }
        if url.starts_with("http://") && !webhook.allow_private {
            let why = "a webhook needs https://, or `allow_private = true` for a receiver in your own network";
            source.wrong(&table.url.at, why);
        }
        warn_if_short(source, &table.secret_file, &webhook.secret);
        self.known.push((webhook, at));
        Some(url)
    }

    pub fn into_list(self) -> Vec<Webhook> {
        self.known.into_iter().map(|(webhook, _)| webhook).collect()
    }
}

/// A short secret can be guessed from one request.
fn warn_if_short(source: &mut Source<'_>, file: &Parsed<FilePath>, secret: &SecretString) {
    use secrecy::ExposeSecret;
    let length = secret.expose_secret().chars().count();
    if (1..SHORT).contains(&length) {
        let why = "this secret is short and can be guessed: use at least 16 characters, as `openssl rand -hex 32` makes";
        source.warn(&file.at, why);
    }
}
