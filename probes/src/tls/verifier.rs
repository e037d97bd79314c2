//! Judges a chain as rustls does and keeps what it was, because rustls forgets a refused one. It
//! must never be more lenient than the judge it wraps, but for a certificate that the operator
//! named in `ca_file` itself.

use std::cell::RefCell;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, VerifierBuilderError};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::tls::chain;
use crate::trace::Certificate;

/// What one handshake showed.
#[derive(Debug, Default)]
pub(super) struct Presented {
    pub(super) certificate: Option<Certificate>,
    /// Why the chain was refused, if it was.
    pub(super) refused: Option<String>,
}

tokio::task_local! {
    /// Where the handshake that is being polled keeps what it was shown. The verifier is shared by
    /// all handshakes and is told nothing of the connection it judges for.
    pub(super) static PRESENTED: RefCell<Presented>;
}

/// The wrapped judge.
#[derive(Debug)]
pub(super) struct Recorder {
    judge: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl Recorder {
    pub(super) fn new(
        roots: RootCertStore,
        pinned: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let roots = Arc::new(roots);
        let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
        Ok(Recorder {
            judge: builder.build()?,
            pinned,
        })
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let judged = self.judge.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let Err(error) = judged else { return Ok(()) };
        // A self-signed certificate as most tools make them is marked as an authority, and such
        // a one may not stand at a chain's end. Named by the operator, it is known byte by byte.
        if !self.pinned.contains(end_entity) {
            return Err(error);
        }
        let at_s = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        match chain::validity_s(end_entity) {
            Some((from_s, _)) if at_s < from_s => Err(CertificateError::NotValidYet.into()),
            Some((_, to_s)) if at_s > to_s => Err(CertificateError::Expired.into()),
            Some(_) => verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name),
            None => Err(error),
        }
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
        let judged = self.judge(end_entity, intermediates, server_name, ocsp_response, now);
        let judged_at = i64::try_from(now.as_secs())
            .ok()
            .and_then(|s| Timestamp::from_second(s).ok())
            .unwrap_or(Timestamp::MAX);
        let certificate = chain::earliest_end(end_entity, intermediates)
            .map(|ends_at| Certificate { ends_at, judged_at });
        let refused = match &judged {
            Ok(()) => None,
            Err(error) => {
                let name = server_name.to_str();
                let chain = chain::Chain {
                    end_entity,
                    intermediates,
                };
                Some(chain.refusal(error, &name, judged_at))
            }
        };
        // Without a slot (no probe is polling) there is nobody to tell.
        let _ = PRESENTED.try_with(|slot| {
            *slot.borrow_mut() = Presented {
                certificate,
                refused,
            };
        });
        judged.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}
