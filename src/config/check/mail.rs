//! How mail is sent: the relays, each with its own access or the one that all share.

use std::net::IpAddr;
use std::path::PathBuf;

use secrecy::SecretString;

use super::{Around, ca_file, secret, secret_file};
use crate::config::mistakes::Page;
use crate::config::raw::service::{Mail as RawMail, Relay as RawRelay};
use crate::config::values::{FilePath, Line, Secret};
use crate::config::words::{As, At, Written};
use crate::config::{Mail, Relay, Scheme};

/// The access to a relay: its own, or what the table `[mail]` says for all.
struct Access {
    user: Option<String>,
    password: Option<SecretString>,
    ca_file: Option<PathBuf>,
}

/// How mail is sent, if all of it could be read.
pub(super) fn mail(
    page: &mut Page<'_>,
    written: &Written<RawMail>,
    around: &Around<'_>,
) -> Option<Mail> {
    let raw = &written.value;
    let from = page.read(raw.from.get());
    let keys = Keys {
        user: raw.user.as_ref(),
        password: raw.password.as_ref(),
        file: raw.password_file.as_ref(),
        ca: raw.ca_file.as_ref(),
    };
    let shared = access(page, &written.at, keys, around);
    let list = raw
        .relays
        .get()
        .map(|list| list.value.as_slice())
        .unwrap_or_default();
    let relays: Vec<Option<Relay>> = list
        .iter()
        .map(|written| relay(page, written, &shared, around))
        .collect();
    let relays: Vec<Relay> = relays.into_iter().collect::<Option<_>>()?;
    if relays.is_empty() {
        return None;
    }
    Some(Mail {
        from: from?,
        relays,
    })
}

/// The keys of an access, in `[mail]` or in a relay's own table.
struct Keys<'a> {
    user: Option<&'a Written<As<Line>>>,
    password: Option<&'a Written<As<Secret>>>,
    file: Option<&'a Written<As<FilePath>>>,
    ca: Option<&'a Written<As<FilePath>>>,
}

fn access(page: &mut Page<'_>, at: &At, keys: Keys<'_>, around: &Around<'_>) -> Access {
    let Keys {
        user,
        password,
        file,
        ca,
    } = keys;
    if let (Some(_), Some(file)) = (password, file) {
        page.wrong(
            &file.at,
            "there is a `password` or a `password_file`, not both",
        );
    }
    let has_password = password.is_some() || file.is_some();
    let spoilt = ["user", "password", "password_file"]
        .iter()
        .any(|key| page.spoilt(at, key));
    let given = password
        .map(|password| &password.at)
        .or(file.map(|file| &file.at));
    match (user, given) {
        (Some(user), None) if !spoilt => {
            page.wrong(
                &user.at,
                "this user lacks `password_file`, or `password` as \"${NAME}\"",
            );
        }
        (None, Some(given)) if !spoilt => page.wrong(given, "this password lacks its `user`"),
        _ => {}
    }
    let from_env = secret(page, password, around.variable);
    let from_file = secret_file(page, file);
    let user = page.read(user);
    Access {
        user: user.filter(|_| has_password),
        password: from_env.or(from_file),
        ca_file: ca_file(page, ca),
    }
}

fn relay(
    page: &mut Page<'_>,
    written: &Written<RawRelay>,
    shared: &Access,
    around: &Around<'_>,
) -> Option<Relay> {
    let (url, own) = match &written.value {
        RawRelay::Url(url) => (
            Some(Written {
                value: url.clone(),
                at: written.at.clone(),
            }),
            None,
        ),
        RawRelay::Table(table) => {
            let keys = Keys {
                user: table.user.as_ref(),
                password: table.password.as_ref(),
                file: table.password_file.as_ref(),
                ca: table.ca_file.as_ref(),
            };
            let own = access(page, &written.at, keys, around);
            (table.url.get().cloned(), Some(own))
        }
    };
    let (scheme, host, port) = page.read(url.as_ref())?;
    let named = own
        .as_ref()
        .filter(|own| own.user.is_some())
        .unwrap_or(shared);
    let (user, password) = (named.user.clone(), named.password.clone());
    let local = host
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    if let (Scheme::Smtp, true, false, Some(url)) = (scheme, user.is_some(), local, &url) {
        let why = "a password only goes over smtp+starttls:// or smtps://";
        page.wrong(&url.at, why);
    }
    let ca_file = own
        .and_then(|own| own.ca_file)
        .or_else(|| shared.ca_file.clone());
    Some(Relay {
        scheme,
        host,
        port,
        user,
        password,
        ca_file,
    })
}
