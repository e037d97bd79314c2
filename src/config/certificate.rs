//! The certificate of a listener and its key, which are files that may change.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use schemars::JsonSchema;
use serde::Deserialize;
use values::{FilePath, Parsed, Source, Watched, Written};

/// The certificate of a listener, which then speaks HTTPS only.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateTable {
    /// The certificate (PEM). Its intermediates follow it.
    certificate_file: Parsed<FilePath>,
    /// Its private key (PEM), without a password.
    key_file: Parsed<FilePath>,
}

/// The files of a certificate and of its key, and their contents when the configuration was read.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    certificate: (PathBuf, Vec<u8>),
    key: (PathBuf, Vec<u8>),
}

/// Shows the paths: the content is secret.
impl fmt::Debug for CertificateFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries([&self.certificate.0, &self.key.0])
            .finish()
    }
}

impl CertificateFiles {
    /// The settings of TLS, made again when the files change.
    ///
    /// # Errors
    /// The reason why the files cannot be used. `read` has checked these contents.
    pub fn watched(self) -> Result<Watched<ServerConfig>, String> {
        Watched::new(
            vec![self.certificate, self.key],
            |contents| match contents {
                [certificate, key] => server_config(certificate, key),
                _ => Err("a certificate and its key are two files".to_owned()),
            },
        )
    }
}

pub(super) fn read(
    source: &mut Source<'_>,
    written: Option<Written<CertificateTable>>,
) -> Option<CertificateFiles> {
    let Written { value: table, at } = written?;
    let mut file = |written: &Parsed<FilePath>| {
        let path = source.resolve(written);
        match (source.environment.file)(&path) {
            Ok(content) => Some((path, content)),
            Err(why) => {
                let why = format!("`{}` cannot be read: {why}", path.display());
                source.wrong(&written.at, why);
                None
            }
        }
    };
    let (certificate, key) = (file(&table.certificate_file), file(&table.key_file));
    let files = CertificateFiles {
        certificate: certificate?,
        key: key?,
    };
    if let Err(why) = server_config(&files.certificate.1, &files.key.1) {
        source.wrong(&at, why);
    }
    Some(files)
}

/// TLS 1.2 and 1.3, and HTTP/2 or HTTP/1.1 as the client prefers.
fn server_config(certificate: &[u8], key: &[u8]) -> Result<ServerConfig, String> {
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("`certificate_file` is not PEM: {error}"))?;
    if chain.is_empty() {
        return Err("`certificate_file` holds no certificate in PEM form".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| "`key_file` holds no private key in PEM form without a password".to_owned())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| {
            format!("`key_file` is not the key of the certificate in `certificate_file`: {error}")
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    fn made() -> (Vec<u8>, Vec<u8>) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (cert.pem().into(), signing_key.serialize_pem().into())
    }

    #[test]
    fn a_certificate_needs_its_own_key() {
        let ((certificate, key), (_, other)) = (made(), made());
        assert!(server_config(&certificate, &key).is_ok());
        for (certificate, key, why) in [
            (&certificate, &other, "is not the key of the certificate"),
            (&certificate, &certificate, "holds no private key"),
            (&key, &key, "holds no certificate"),
            (&b"text".to_vec(), &key, "holds no certificate"),
        ] {
            let error = server_config(certificate, key).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
