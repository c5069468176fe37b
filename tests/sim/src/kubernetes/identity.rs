//! The server's certificate, and the files by which clients find and trust it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json;
use tokio_rustls::TlsAcceptor;

/// A certificate of an authority of its own.
pub(super) struct Identity {
    pub(super) acceptor: TlsAcceptor,
    /// The authority's certificate.
    pub(super) authority: String,
}

impl Identity {
    /// For `127.0.0.1` and `localhost`.
    pub(super) fn generate() -> io::Result<Self> {
        let authority_key = KeyPair::generate().map_err(io::Error::other)?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "kubernetes");
        let authority_certificate =
            authority.self_signed(&authority_key).map_err(io::Error::other)?;
        let issuer = Issuer::from_params(&authority, &authority_key);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
        let mut own = CertificateParams::new(names).map_err(io::Error::other)?;
        own.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        let certificate = own.signed_by(&key, &issuer).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .map_err(io::Error::other)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            authority: authority_certificate.pem(),
        })
    }
}

/// Writes a kubeconfig with one context.
pub(super) fn write_kubeconfig(
    path: &Path,
    url: &str,
    authority: Option<&str>,
    token: Option<&str>,
) -> io::Result<()> {
    let mut cluster = json!({ "server": url });
    if let Some(authority) = authority {
        cluster["certificate-authority-data"] = STANDARD.encode(authority).into();
    }
    // Without any credential `kubectl` asks a person for one.
    let user = json!({ "token": token.unwrap_or("nobody") });
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "simulated", "cluster": cluster }],
        "users": [{ "name": "simulated", "user": user }],
        "contexts": [{
            "name": "simulated",
            "context": { "cluster": "simulated", "user": "simulated", "namespace": "default" },
        }],
        "current-context": "simulated",
    });
    std::fs::write(path, format!("{config:#}\n"))
}

/// Writes the three files that a pod finds of its service account.
pub(super) fn write_service_account(
    folder: &Path,
    authority: Option<&str>,
    token: &str,
    namespace: &str,
) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("token"), token)?;
    std::fs::write(folder.join("namespace"), namespace)?;
    std::fs::write(folder.join("ca.crt"), authority.unwrap_or_default())
}
