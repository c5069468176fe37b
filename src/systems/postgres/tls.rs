//! TLS to a database: as strict as its `sslmode`, and what the password is bound to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::net::handshake;
use crate::systems::net::trust::Roots;

/// What is asked of a server's certificate.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// Whom we trust; none where it does not matter whose certificate it is.
    pub(super) roots: Option<Arc<Roots>>,
    /// Whether the certificate must name the host.
    pub(super) named: bool,
    /// The host.
    pub(super) host: String,
    /// The time at which certificates are judged.
    pub(super) now: Timestamp,
}

/// A secured connection.
pub(super) struct Secured {
    pub(super) stream: TlsStream<TcpStream>,
    /// `tls-server-end-point` (RFC 5929); none where the certificate's signature names no digest.
    pub(super) end_point: Option<Vec<u8>>,
}

/// Shakes hands with `address` over `stream`.
pub(super) async fn shake(
    stream: TcpStream,
    address: SocketAddr,
    terms: &Terms,
    until: Instant,
) -> Result<Secured, Obstacle> {
    let Terms { roots, named, host, now } = terms.clone();
    let name = ServerName::try_from(host.clone()).map_err(|_| {
        Obstacle::ours(Reason::TLS_FAILED, format!("`{host}` can't be the name in a certificate"))
    })?;
    let provider = aws_lc_rs::default_provider();
    let verifier = Arc::new(Verifier { roots, named, now, provider, distrust: Mutex::default() });
    let mut config = ClientConfig::builder_with_provider(Arc::new(verifier.provider.clone()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Obstacle::ours(Reason::TLS_FAILED, error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Verifier>::clone(&verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let result = timeout_at(until, connecting).await;
    let distrust = verifier.distrust.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (distrust, result) {
        (Some(Obstacle { reason, because, ours }), _) => {
            Err(Obstacle { reason, because: format!("{address} {because}"), ours })
        }
        (None, Ok(Ok(stream))) => {
            let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let end_point = leaf.and_then(|leaf| end_point(leaf));
            Ok(Secured { stream, end_point })
        }
        (None, Ok(Err(error))) => Err(handshake::obstacle(address, &error)),
        (None, Err(_)) => {
            let because = format!("{address} does not finish the TLS handshake in time");
            Err(Obstacle::new(Reason::TIMED_OUT, because))
        }
    }
}

/// The digest of a certificate by the hash of its own signature; MD5 and SHA-1 count as SHA-256.
fn end_point(leaf: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, read) = X509Certificate::from_der(leaf).ok()?;
    let signature = read.signature_algorithm.algorithm.to_id_string();
    match signature.as_str() {
        // MD5, SHA-1 and SHA-256, with RSA and ECDSA.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => Some(Sha256::digest(leaf).to_vec()),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(Sha384::digest(leaf).to_vec()),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(Sha512::digest(leaf).to_vec()),
        _ => None,
    }
}

/// Verifies what the mode asks for, and keeps what it found wrong.
#[derive(Debug)]
struct Verifier {
    roots: Option<Arc<Roots>>,
    named: bool,
    now: Timestamp,
    provider: CryptoProvider,
    distrust: Mutex<Option<Obstacle>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        _system_time: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        let algorithms = &self.provider.signature_verification_algorithms;
        let distrust = roots.judge(leaf, others, name, algorithms, self.now).distrust;
        // A wrong name is told only of a chain that is trusted.
        let distrust = distrust.filter(|found| self.named || found.reason != Reason::NAME_MISMATCH);
        if distrust.is_none() {
            return Ok(ServerCertVerified::assertion());
        }
        *self.distrust.lock().unwrap_or_else(PoisonError::into_inner) = distrust;
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
