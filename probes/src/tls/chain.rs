//! Describes a presented chain to people: the expiry of a certificate, and why a chain was refused. It must never decide if a
//! chain is good.

use jiff::Timestamp;
use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name, X509Version};

use crate::format;

/// The most names of a certificate that a detail line lists.
const NAMES: usize = 2;

pub(super) struct Chain<'a> {
    pub(super) end_entity: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
}

/// The first and the last second of validity, since 1970.
pub(super) fn validity_s(der: &CertificateDer<'_>) -> Option<(i64, i64)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some((
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    ))
}

/// The expiry. `None` if the certificate is unreadable.
pub(super) fn end(der: &CertificateDer<'_>) -> Option<Timestamp> {
    validity_s(der).map(|(_, to_s)| instant(to_s))
}

/// A certificate without an expiry says 9999-12-31, which is beyond `Timestamp::MAX`.
fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

impl Chain<'_> {
    /// One line that continues "certificate": why it was refused for `name` at `at`.
    pub(super) fn refusal(&self, error: &rustls::Error, name: &str, at: Timestamp) -> String {
        use CertificateError as C;
        let rustls::Error::InvalidCertificate(cause) = error else {
            return error.to_string();
        };
        match cause {
            C::Expired | C::ExpiredContext { .. } => {
                self.expired(at).unwrap_or_else(|| "expired".into())
            }
            C::NotValidYet | C::NotValidYetContext { .. } => self
                .not_valid_yet(at)
                .unwrap_or_else(|| "not valid yet".into()),
            C::NotValidForName | C::NotValidForNameContext { .. } => self.other_name(name),
            C::UnknownIssuer => self.unknown_issuer(),
            C::BadSignature => self.bad_signature(),
            C::InvalidPurpose | C::InvalidPurposeContext { .. } => "not meant for servers".into(),
            C::BadEncoding => "cannot be read".into(),
            C::Revoked => "revoked".into(),
            other => self.other_reason(at).unwrap_or_else(|| match other {
                C::Other(cause) => format!("invalid: {cause}"),
                other => format!("invalid: {other}"),
            }),
        }
    }

    /// A plain reason if rustls only gives a general one. Certificates that a tool made in one step are
    /// often self-signed and an authority's at once.
    fn other_reason(&self, at: Timestamp) -> Option<String> {
        let (_, certificate) = X509Certificate::from_der(self.end_entity).ok()?;
        let dated = self.expired(at).or_else(|| self.not_valid_yet(at));
        if let Some(dated) = dated {
            return Some(dated);
        }
        if certificate.issuer().as_raw() == certificate.subject().as_raw() {
            return Some("self-signed".into());
        }
        if certificate.version() != X509Version::V3 {
            return Some("of an old version (X.509 before v3), which is not accepted".into());
        }
        let is_ca = certificate.is_ca();
        is_ca.then(|| "an authority's own, not a server's".into())
    }

    /// The presented certificates that a path may need: their subject is the issuer of the server's
    /// certificate, or of another one of them.
    fn issuers(&self) -> Vec<&CertificateDer<'_>> {
        let parse = |der| Some(X509Certificate::from_der(der).ok()?.1);
        let Some(server) = parse(self.end_entity) else {
            return Vec::new();
        };
        let mut left: Vec<_> = self
            .intermediates
            .iter()
            .filter_map(|der| Some((der, parse(der)?)))
            .collect();
        let mut wanted = vec![server.issuer().as_raw().to_vec()];
        let mut found = Vec::new();
        while let Some(name) = wanted.pop() {
            left.retain(|(der, certificate)| {
                let issued = certificate.subject().as_raw() == name;
                if issued {
                    wanted.push(certificate.issuer().as_raw().to_vec());
                    found.push(*der);
                }
                !issued
            });
        }
        found
    }

    fn expired(&self, at: Timestamp) -> Option<String> {
        let past = |der| {
            validity_s(der)
                .map(|(_, to)| to)
                .filter(|to| *to < at.as_second())
        };
        let say = |to: i64| {
            let ago = format::largest_unit(at.as_second().saturating_sub(to));
            format!("expired {ago} ago ({})", format::date(instant(to)))
        };
        if let Some(to) = past(self.end_entity) {
            return Some(say(to));
        }
        let to = self.issuers().into_iter().find_map(past)?;
        Some(format!("an intermediate certificate {}", say(to)))
    }

    fn not_valid_yet(&self, at: Timestamp) -> Option<String> {
        let all = std::iter::once(self.end_entity).chain(self.issuers());
        let from = all
            .filter_map(|der| validity_s(der).map(|(from, _)| from))
            .find(|from| *from > at.as_second())?;
        let left = format::largest_unit(from.saturating_sub(at.as_second()));
        let day = format::date(instant(from));
        Some(format!("not valid until {day}, in {left}"))
    }

    fn other_name(&self, name: &str) -> String {
        let names = names(self.end_entity);
        match names.as_slice() {
            [] => format!("names no host, so not {name}"),
            _ => {
                let listed = names.iter().take(NAMES).map(String::as_str);
                let listed = listed.collect::<Vec<_>>().join(", ");
                let more = match names.len().saturating_sub(NAMES) {
                    0 => String::new(),
                    n => format!(" and {n} more"),
                };
                format!("is for {listed}{more}, not {name}")
            }
        }
    }

    fn unknown_issuer(&self) -> String {
        let Ok((_, certificate)) = X509Certificate::from_der(self.end_entity) else {
            return "cannot be read".into();
        };
        if certificate.issuer().as_raw() == certificate.subject().as_raw() {
            return "self-signed".into();
        }
        format!("issued by {}, not trusted here", issuer(&certificate))
    }

    fn bad_signature(&self) -> String {
        match X509Certificate::from_der(self.end_entity) {
            Ok((_, certificate)) => format!(
                "not signed with the key of {} that is trusted here",
                issuer(&certificate)
            ),
            Err(_) => "cannot be read".into(),
        }
    }
}

/// The most certificates of a chain that a transcript lists.
const LISTED: usize = 10;

/// A line for each certificate as presented: its names, its issuer, and its validity.
pub(super) fn in_words(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Vec<String> {
    let total = intermediates.len() + 1;
    let all = std::iter::once(end_entity).chain(intermediates);
    let lines = all.take(LISTED).enumerate().map(|(index, der)| {
        let number = index + 1;
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return format!("certificate {number} of {total} cannot be read");
        };
        let subject = match names(der).as_slice() {
            [] => said(certificate.subject(), "an unnamed holder"),
            [name] => name.clone(),
            [name, rest @ ..] => format!("{name} and {} more", rest.len()),
        };
        let validity = certificate.validity();
        let day = |second| format::date(instant(second));
        format!(
            "certificate {number} of {total}: {subject}, issued by {}, valid from {} to {}",
            issuer(&certificate),
            day(validity.not_before.timestamp()),
            day(validity.not_after.timestamp()),
        )
    });
    lines.collect()
}

/// The issuer that the certificate names.
fn issuer(certificate: &X509Certificate<'_>) -> String {
    said(certificate.issuer(), "an unnamed authority")
}

/// The common name or the organization.
fn said(name: &X509Name<'_>, unnamed: &str) -> String {
    name.iter_common_name()
        .chain(name.iter_organization())
        .find_map(|part| part.as_str().ok())
        .map_or_else(|| unnamed.to_owned(), shortened)
}

/// The hosts that the certificate names.
fn names(der: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Vec::new();
    };
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    alternatives
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(shortened(name)),
            GeneralName::IPAddress(octets) => address(octets),
            _ => None,
        })
        .collect()
}

/// Keeps a hostile certificate from filling the whole line.
fn shortened(text: &str) -> String {
    const LIMIT: usize = 60;
    if text.chars().count() <= LIMIT {
        return text.to_string();
    }
    let mut cut: String = text.chars().take(LIMIT - 1).collect();
    cut.push('…');
    cut
}

fn address(octets: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let six = <[u8; 16]>::try_from(octets).ok()?;
    Some(std::net::Ipv6Addr::from(six).to_string())
}
