//! The password of a probe that signs in, from the environment or from a file that is read again when it changes.

use secrecy::SecretString;
use values::{FilePath, Parsed, SecretName, Source, secret_line};

use crate::files::Current;

/// `Some(None)` without a password, `None` after a mistake.
pub(crate) fn password(
    variable: Option<&Parsed<SecretName>>,
    file: Option<&Parsed<FilePath>>,
    source: &mut Source<'_>,
) -> Option<Option<Current<SecretString>>> {
    let secret = source.password(variable, file);
    let Some(file) = file else {
        return Some(secret.map(Current::fixed));
    };
    let path = source.resolve(file);
    // The mistake in a file is noted above.
    let content = (source.environment.file)(&path).ok()?;
    let made = Current::of_files(vec![(path, content)], |contents| {
        secret_line(contents.first().map_or(&[][..], Vec::as_slice))
    });
    Some(Some(made.ok()?))
}
