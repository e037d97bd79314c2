//! Finds possible secrets in a file by the names of keys and the form of values. Messages and
//! source lines then hide them. It hides too much rather than too little.

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use values::suggest::nearest;
use values::url::{has_user, is_secret, part, secrets};
use values::{Source, variable};

/// The value of a key that may be one of these, misspelt, is hidden.
const SECRET_WORDS: [&str; 4] = ["password", "secret", "token", "authorization"];

fn has_secret_part(lower: &str) -> bool {
    is_secret(lower) || lower.contains("pass") || lower.contains("pwd")
}

/// Hides the secrets of a table; all its values if it `is_secret` itself.
pub(super) fn table(source: &mut Source<'_>, table: &DeTable<'_>, is_secret: bool) {
    for (key, value) in table.iter() {
        let key = key.get_ref().to_lowercase();
        let names_secret = has_secret_part(&key) || nearest(&key, SECRET_WORDS).is_some();
        self::value(
            source,
            value,
            is_secret || names_secret && !key.ends_with("file"),
        );
    }
}

fn value(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>, is_secret: bool) {
    let at = value.span();
    match value.get_ref() {
        // The place of a table may be its header alone.
        DeValue::Table(table) => self::table(source, table, is_secret),
        DeValue::Array(list) => list
            .iter()
            .for_each(|item| self::value(source, item, is_secret)),
        DeValue::String(text) if is_secret && variable(text).is_some() => {}
        _ if is_secret => source.hide(&at),
        DeValue::String(text) if has_user(text) => source.hide(&at),
        DeValue::String(text) => {
            for secret in secrets(text) {
                source.hide(&part(text, &at, &secret.value));
            }
        }
        _ => {}
    }
}

/// Hides the possible secrets of a text that is not TOML: the rest of a line after a key that names
/// a secret, and lines with a URL that holds one.
pub(super) fn lines(source: &mut Source<'_>, text: &str) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        let mut words = line.split(|c: char| !c.is_alphanumeric());
        let in_url = line.contains("://") && line.contains('@');
        if in_url || secrets(line.trim_end()).next().is_some() {
            source.hide(&(start..end));
        } else if has_secret_part(&line.to_lowercase())
            || words.any(|word| nearest(word, SECRET_WORDS).is_some())
        {
            let value = line.find(['=', '"', '\'', ':']).unwrap_or(0);
            source.hide(&(start + value..end));
        }
        start = end;
    }
}
