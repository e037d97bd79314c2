//! The faults of TLS in plain words. An alert says little: the handshake's progress tells what it is about.

use std::io;

use domain::sample::Reason;
use rustls::{AlertDescription as Alert, Error, PeerIncompatible};

use super::verifier::Presented;
use super::version::Versions;
use crate::fault::{Fault, cause, local_shortage};

const WANTS_CERTIFICATE: &str = "the server wants a client certificate";
/// All that the provider of cryptography has.
const OFFERED: &str = "offered: ECDHE with AES-GCM or ChaCha20-Poly1305";

/// The fault of a handshake that got as far as `presented`.
pub(super) fn handshake(error: &io::Error, presented: &Presented, versions: Versions) -> Fault {
    use io::ErrorKind as K;
    if let Some(tls) = cause::<Error>(error) {
        return Fault::new(Reason::Tls, in_handshake(tls, presented, versions));
    }
    if let Some(own) = local_shortage(error) {
        return own;
    }
    let detail = match error.kind() {
        K::UnexpectedEof => "the connection was closed in the TLS handshake".to_string(),
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => {
            "the connection was reset in the TLS handshake".to_string()
        }
        _ => format!("the TLS handshake failed: {error}"),
    };
    Fault::new(Reason::Tls, detail)
}

/// The fault if an error after the handshake comes from TLS: in TLS 1.3 a server that requires a client
/// certificate reports it only then.
pub(crate) fn later(error: &(dyn std::error::Error + 'static)) -> Option<Fault> {
    let detail = match cause::<Error>(error)? {
        Error::AlertReceived(Alert::CertificateRequired | Alert::NoCertificate) => {
            WANTS_CERTIFICATE.to_string()
        }
        // The handshake is complete, so these are about the client's certificate.
        Error::AlertReceived(
            alert @ (Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA),
        ) => format!("{WANTS_CERTIFICATE} that it trusts ({})", named(*alert)),
        Error::AlertReceived(alert) => {
            format!("the server ended the connection with {}", named(*alert))
        }
        error => other(error),
    };
    Some(Fault::new(Reason::Tls, detail))
}

fn in_handshake(error: &Error, presented: &Presented, versions: Versions) -> String {
    let begun = presented.certificate.is_some();
    match error {
        Error::InvalidMessage(_) if !begun => "the server does not speak TLS".to_string(),
        Error::AlertReceived(Alert::CertificateRequired) => WANTS_CERTIFICATE.to_string(),
        Error::AlertReceived(alert) if begun && presented.client_certificate.is_some() => {
            let trusted = match presented.client_certificate {
                Some(true) => " that it trusts",
                _ => "",
            };
            format!("{WANTS_CERTIFICATE}{trusted} ({})", named(*alert))
        }
        Error::AlertReceived(Alert::ProtocolVersion)
        | Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => {
            let spoken = versions.in_words();
            format!("no protocol version in common: the probe speaks {spoken}")
        }
        Error::AlertReceived(alert @ (Alert::HandshakeFailure | Alert::InsufficientSecurity))
            if !begun =>
        {
            format!(
                "no cipher suite in common, or no curve ({}); {OFFERED}",
                named(*alert)
            )
        }
        Error::AlertReceived(Alert::UnrecognisedName) => {
            "the server does not know this name (SNI)".to_string()
        }
        Error::AlertReceived(Alert::NoApplicationProtocol) => {
            "the server speaks none of the offered protocols (ALPN)".to_string()
        }
        Error::AlertReceived(alert) => {
            format!("the server ended the handshake with {}", named(*alert))
        }
        error => other(error),
    }
}

fn other(error: &Error) -> String {
    match error {
        Error::InvalidMessage(_) => "the server sent a malformed TLS message".to_string(),
        Error::PeerIncompatible(why) => {
            let why = words(&format!("{why:?}"));
            format!("the server's TLS is not compatible: {why}")
        }
        Error::PeerMisbehaved(why) => {
            let why = words(&format!("{why:?}"));
            format!("the server broke the TLS protocol: {why}")
        }
        error => error.to_string(),
    }
}

/// The alert as RFC 8446 names it, with spaces.
fn named(alert: Alert) -> String {
    match alert {
        Alert::Unknown(number) => format!("alert {number}"),
        alert => format!("alert `{}`", words(&format!("{alert:?}"))),
    }
}

/// `HandshakeFailure` as `handshake failure`, `UnknownCA` as `unknown CA`.
fn words(camel: &str) -> String {
    let letters: Vec<char> = camel
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric())
        .collect();
    let upper = |at: usize| letters.get(at).is_some_and(char::is_ascii_uppercase);
    let lower = |at: usize| letters.get(at).is_some_and(|c| !c.is_ascii_uppercase());
    let mut text = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let begins = at > 0 && upper(at) && (lower(at - 1) || lower(at + 1));
        if begins {
            text.push(' ');
        }
        // Several capitals in a row are an abbreviation.
        if upper(at) && !upper(at + 1) && !(at > 0 && upper(at - 1) && !begins) {
            text.push(letter.to_ascii_lowercase());
        } else {
            text.push(*letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_named_in_words() {
        for (alert, name) in [
            (Alert::HandshakeFailure, "alert `handshake failure`"),
            (Alert::UnknownCA, "alert `unknown CA`"),
            (Alert::UnknownPSKIdentity, "alert `unknown PSK identity`"),
            (Alert::InternalError, "alert `internal error`"),
            (Alert::Unknown(200), "alert 200"),
        ] {
            assert_eq!(named(alert), name);
        }
    }
}
