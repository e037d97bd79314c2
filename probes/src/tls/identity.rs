//! The client certificate of a probe. It must never be presented to another host than the configured one.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use values::{FilePath, Parsed, Source};

use super::provider;
use super::verifier::PRESENTED;

/// A certificate with its intermediates, and its key, both in PEM.
///
/// # Errors
///
/// The reason why they cannot be used.
pub(super) fn certified(certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, String> {
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| format!("the client certificate is not PEM: {e}"))?;
    if chain.is_empty() {
        return Err("the file of the client certificate holds no certificate in PEM form".into());
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        "the file of the client key holds no private key in PEM form without a password".to_string()
    })?;
    CertifiedKey::from_der(chain, key, &provider())
        .map_err(|e| format!("the client key is not that of the client certificate: {e}"))
}

/// The files of the keys `client_certificate_file` and `client_key_file`. Mistakes are noted in `source`.
pub(crate) fn files(
    certificate: Option<&Parsed<FilePath>>,
    key: Option<&Parsed<FilePath>>,
    source: &mut Source<'_>,
) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return None,
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(certificate), None) => {
            source.wrong(&certificate.at, "this needs `client_key_file`");
            return None;
        }
        (None, Some(key)) => {
            source.wrong(&key.at, "this needs `client_certificate_file`");
            return None;
        }
    };
    let mut contents = Vec::new();
    for file in [certificate, key] {
        let path = source.resolve(file);
        let read = (source.environment.file)(&path);
        let read = read.map_err(|why| {
            let why = format!("`{}` cannot be read: {why}", path.display());
            source.wrong(&file.at, why);
        });
        contents.push(read.ok()?);
    }
    let found = certified(contents.first()?, contents.last()?);
    found
        .map_err(|why| source.wrong(&certificate.at, why))
        .ok()?;
    Some((source.resolve(certificate), source.resolve(key)))
}

/// Presents the certificate if the server asks, and records that it asked.
#[derive(Debug)]
pub(super) struct Identity(pub(super) Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // Fails only outside of a probe's handshake.
        let _ = PRESENTED.try_with(|slot| {
            let mut slot = slot.borrow_mut();
            slot.client_certificate = Some(self.0.is_some());
        });
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}
