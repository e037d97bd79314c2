//! Verifies a chain as rustls does and records it, because rustls drops a refused chain. It must never
//! accept more than the rustls verifier, except a certificate that the operator put into `ca_file`.

use std::cell::RefCell;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, VerifierBuilderError};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use webpki::{EndEntityCert, KeyUsage};

use crate::tls::chain;
use crate::trace::Certificate;

/// The record of one handshake.
#[derive(Debug, Default)]
pub(super) struct Presented {
    pub(super) certificate: Option<Certificate>,
    /// Why the chain was refused.
    pub(super) refused: Option<String>,
    /// A line for each certificate of the chain, if somebody reads them.
    pub(super) chain: Option<Vec<String>>,
    /// Set if the server asked for a client certificate: true if it got one.
    pub(super) client_certificate: Option<bool>,
}

tokio::task_local! {
    /// The record of the handshake that is being polled. All handshakes share the verifier, which does
    /// not learn for which connection it works.
    pub(super) static PRESENTED: RefCell<Presented>;
}

#[derive(Debug)]
pub(super) struct Recorder {
    verifier: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
    pinned: Vec<CertificateDer<'static>>,
}

impl Recorder {
    pub(super) fn new(
        roots: RootCertStore,
        pinned: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let roots = Arc::new(roots);
        let shared = Arc::clone(&roots);
        let builder = WebPkiServerVerifier::builder_with_provider(shared, Arc::clone(provider));
        Ok(Recorder {
            verifier: builder.build()?,
            roots,
            algorithms: provider.signature_verification_algorithms,
            pinned,
        })
    }

    /// Accepts or refuses. Returns the first expiry on the verified path.
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<Option<Timestamp>, rustls::Error> {
        if let Ok(end) = self.path_end(end_entity, intermediates, server_name, now) {
            return Ok(end);
        }
        // Only rustls can make an error of its own kind.
        let refused = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let error = match refused {
            Err(error) => error,
            Ok(_) => CertificateError::ApplicationVerificationFailure.into(),
        };
        // Most tools mark a self-signed certificate as an authority, which rustls refuses as a
        // server's. If the operator named exactly this certificate, it is trusted.
        if !self.pinned.contains(end_entity) {
            return Err(error);
        }
        let at_s = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        match chain::validity_s(end_entity) {
            Some((from_s, _)) if at_s < from_s => Err(CertificateError::NotValidYet.into()),
            Some((_, to_s)) if at_s > to_s => Err(CertificateError::Expired.into()),
            Some(_) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(chain::end(end_entity))
            }
            None => Err(error),
        }
    }

    /// Verifies as the verifier of rustls does, which does not tell the path that it found. Returns the
    /// first expiry on that path. Certificates that the server sends without need are not on it.
    fn path_end(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<Option<Timestamp>, webpki::Error> {
        let server = EndEntityCert::try_from(end_entity)?;
        let path = server.verify_for_usage(
            self.algorithms.all,
            &self.roots.roots,
            intermediates,
            now,
            KeyUsage::server_auth(),
            None,
            None,
        )?;
        server.verify_is_valid_for_subject_name(server_name)?;
        let above = path.intermediate_certificates().map(|above| above.der());
        let ends = above.filter_map(|der| chain::end(&der));
        Ok(ends.chain(chain::end(end_entity)).min())
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.verify(end_entity, intermediates, server_name, ocsp_response, now);
        let checked_at = i64::try_from(now.as_secs())
            .ok()
            .and_then(|s| Timestamp::from_second(s).ok())
            .unwrap_or(Timestamp::MAX);
        let (end, refused) = match &verified {
            Ok(end) => (*end, None),
            Err(error) => {
                let name = server_name.to_str();
                let chain = chain::Chain {
                    end_entity,
                    intermediates,
                };
                let why = chain.refusal(error, &name, checked_at);
                (chain::end(end_entity), Some(why))
            }
        };
        let certificate = end.map(|ends_at| Certificate {
            ends_at,
            checked_at,
        });
        // Fails only outside of a probe's handshake.
        let _ = PRESENTED.try_with(|slot| {
            let mut slot = slot.borrow_mut();
            if let Some(lines) = &mut slot.chain {
                *lines = chain::in_words(end_entity, intermediates);
            }
            slot.certificate = certificate;
            slot.refused = refused;
        });
        verified.map(|_| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
