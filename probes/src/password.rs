//! The password of a probe that signs in, from the environment or from a file that is read again when it changes.

use secrecy::SecretString;
use values::{FilePath, Line, Parsed, SecretName, Source, secret_line};

use crate::files::Current;

/// Like [`password`], for a kind whose user may be missing.
pub(crate) fn password_of(
    user: Option<&Parsed<Line>>,
    variable: Option<&Parsed<SecretName>>,
    file: Option<&Parsed<FilePath>>,
    source: &mut Source<'_>,
) -> Option<Option<Current<SecretString>>> {
    let at = variable.map(|name| &name.at).or(file.map(|file| &file.at));
    if let (Some(at), None) = (at, user) {
        source.wrong(at, "a password needs a `user`");
    }
    password(variable, file, source)
}

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
