//! TLS handshakes that tell what the peer showed, whether or not it could be trusted.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::trust::{Presented, Roots};
use crate::model::duration::spoken;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::secrets::Secrets;

/// A certificate to show to the server, with its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate and its intermediates, PEM.
    pub certificate: SecretSource,
    /// Its private key, PEM.
    pub key: SecretSource,
}

/// Who we expect, and who we are. Cheap to clone: what it takes to read is read once a look.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The name that the certificate must be for; sent as SNI unless it is an address.
    pub name: ServerName<'static>,
    /// Whom we trust.
    pub roots: Arc<Roots>,
    /// Our own certificate, if the server asks.
    pub identity: Option<Arc<Identity>>,
    /// The protocol that is offered, if any.
    pub protocol: Option<&'static [u8]>,
    /// The time at which certificates are judged.
    pub now: Timestamp,
}

/// Our own certificate and its key.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    place: String,
}

impl Identity {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// An obstacle of ours.
    pub async fn read(secrets: &Secrets, from: &ClientCertificate) -> Result<Self, Obstacle> {
        let ClientCertificate { certificate, key } = from;
        let useless = |source: &SecretSource, what: &str| {
            let because = format!("{} holds no {what} in PEM", source.place());
            Obstacle::ours(Reason::SECRET_MISSING, because)
        };
        let pem = secrets.read(certificate).await?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.expose_secret().as_bytes())
            .filter_map(Result::ok)
            .collect();
        if chain.is_empty() {
            return Err(useless(certificate, "certificate"));
        }
        let pem = secrets.read(key).await?;
        let private = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| useless(key, "private key"))?;
        Ok(Self { chain, key: private, place: key.place() })
    }
}

/// What came of a handshake over some stream.
#[derive(Debug)]
pub struct Handshake<S = TcpStream> {
    /// What the peer showed, once it showed anything.
    pub presented: Option<Presented>,
    /// The secured connection and how long it took, or why there is none.
    pub outcome: Result<(TlsStream<S>, Duration), Obstacle>,
}

/// Shakes hands with `peer` over `stream`.
pub async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: impl fmt::Display,
    terms: Terms,
    until: Instant,
) -> Handshake<S> {
    let Terms { name, roots, identity, protocol, now } = terms;
    let verifier = Arc::new(Verifier {
        roots,
        now,
        provider: aws_lc_rs::default_provider(),
        seen: Mutex::default(),
    });
    let config = match config(Arc::clone(&verifier), identity, protocol) {
        Ok(config) => config,
        Err(obstacle) => return Handshake { presented: None, outcome: Err(obstacle) },
    };
    let started = Instant::now();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let result = timeout_at(until, connecting).await;
    let presented = verifier.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let distrust = presented.as_ref().and_then(|presented| presented.distrust.clone());
    let outcome = match (distrust, result) {
        (Some(Obstacle { reason, because, ours }), _) => {
            Err(Obstacle { reason, because: format!("{peer} {because}"), ours })
        }
        (None, Ok(Ok(secured))) => Ok((secured, started.elapsed())),
        (None, Ok(Err(error))) => Err(obstacle(&peer, &error)),
        (None, Err(_)) => {
            let waited = spoken(started.elapsed());
            let because = format!("{peer} does not finish the TLS handshake within {waited}");
            Err(Obstacle::new(Reason::TIMED_OUT, because))
        }
    };
    Handshake { presented, outcome }
}

fn config(
    verifier: Arc<Verifier>,
    identity: Option<Arc<Identity>>,
    protocol: Option<&'static [u8]>,
) -> Result<ClientConfig, Obstacle> {
    let ours = |because: String| Obstacle::ours(Reason::SECRET_MISSING, because);
    let builder = ClientConfig::builder_with_provider(Arc::new(verifier.provider.clone()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Obstacle::ours(Reason::TLS_FAILED, error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let Identity { chain, key, place } = &*identity;
            builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| ours(format!("{place} can't be used: {error}")))?
        }
    };
    config.resumption = Resumption::disabled();
    config.alpn_protocols = protocol.map(<[u8]>::to_vec).into_iter().collect();
    Ok(config)
}

/// Verifies as strictly as any client, and keeps what it saw.
#[derive(Debug)]
struct Verifier {
    roots: Arc<Roots>,
    now: Timestamp,
    provider: CryptoProvider,
    seen: Mutex<Option<Presented>>,
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
        let algorithms = &self.provider.signature_verification_algorithms;
        let presented = self.roots.judge(leaf, others, name, algorithms, self.now);
        let trusted = presented.distrust.is_none();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(presented);
        if trusted {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
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

/// Whether an error of a TLS connection is one of TLS, not of the socket below.
pub fn is_of_tls(error: &io::Error) -> bool {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some()
}

/// Reads an error of a TLS connection: what is not a socket's is TLS that can't be.
pub fn obstacle(peer: impl fmt::Display, error: &io::Error) -> Obstacle {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let said = if let Some(rustls::Error::AlertReceived(alert)) = inner {
        format!("breaks TLS off with the alert `{alert:?}`")
    } else if let Some(rustls::Error::InvalidMessage(_)) = inner {
        "answers something that is not TLS".to_owned()
    } else if let Some(error) = inner {
        format!("does not speak TLS with us: {}", legible(&error.to_string(), 200))
    } else if error.kind() == ErrorKind::UnexpectedEof {
        "hangs up in the middle of the TLS handshake".to_owned()
    } else {
        return super::dial::obstacle(peer, error);
    };
    Obstacle::new(Reason::TLS_FAILED, format!("{peer} {said}"))
}
