//! Connections to object stores, as configured, and the clients made of them.

use std::borrow::Cow;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient, SharedInterceptor, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::secrets::Secrets;

/// How an object store is reached: `connections.s3.<name>`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The store's URL, such as `https://s3.fr-par.scw.cloud`.
    pub endpoint: Endpoint,
    /// The region that requests are signed for; stores without regions take `us-east-1`.
    pub region: String,
    /// Whether the bucket is written in the path rather than in the host's name. Default `true`.
    #[serde(default)]
    pub path_style: PathStyle,
    /// Where the access key is read, at each look.
    pub access_key: SecretSource,
    /// Where the secret key is read, at each look.
    pub secret_key: SecretSource,
    /// Where the certificates (PEM) are that are trusted instead of the system's.
    #[serde(default)]
    pub ca: Option<SecretSource>,
}

impl Connection {
    /// The secrets that are read with it.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        let Self { endpoint: _, region: _, path_style: _, access_key, secret_key, ca } = self;
        [Some(access_key), Some(secret_key), ca.as_ref()].into_iter().flatten().collect()
    }
}

/// Whether the bucket is written in the path of a URL. Default `true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PathStyle(bool);

impl Default for PathStyle {
    fn default() -> Self {
        Self(true)
    }
}

/// The URL of a store: `http` or `https`, a host, at most a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Uri);

impl Endpoint {
    /// Reads a URL.
    ///
    /// # Errors
    /// A sentence that says what was expected. It does not repeat the text, which might hold a
    /// password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || {
            "an endpoint is a URL of `http` or `https` with a host and at most a port, such as \
             `https://s3.example.org`"
                .to_owned()
        };
        let uri: Uri = text.parse().map_err(|_| expected())?;
        let plain = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let authority = uri.authority().ok_or_else(expected)?;
        let open = !authority.as_str().contains('@') && !authority.host().is_empty();
        match uri.scheme_str() {
            Some("http" | "https") if plain && open => Ok(Self(uri)),
            _ => Err(expected()),
        }
    }

    /// The host, with its port where one is written.
    pub fn authority(&self) -> &str {
        self.0.authority().map_or("", http::uri::Authority::as_str)
    }

    /// The whole URL.
    pub fn url(&self) -> String {
        self.0.to_string()
    }

    fn is_tls(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "S3Endpoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri", "examples": ["https://s3.example.org"] })
    }
}

/// What a connection amounts to once its secrets are read; nothing in it is shown.
pub(super) struct Opened {
    /// Of everything that a client is made of: it changes where the client must be another.
    pub digest: [u8; 32],
    access_key: SecretString,
    secret_key: SecretString,
    ca: Option<SecretString>,
}

impl Connection {
    /// Reads the secrets.
    ///
    /// # Errors
    /// A secret can't be read: an obstacle on our side.
    pub(super) async fn open(&self, secrets: &Secrets) -> Result<Opened, Obstacle> {
        let Self { endpoint, region, path_style, access_key, secret_key, ca } = self;
        let access_key = secrets.read(access_key).await?;
        let secret_key = secrets.read(secret_key).await?;
        let ca = match ca {
            Some(source) => Some(secrets.read(source).await?),
            None => None,
        };
        let trusted = ca.as_ref().map_or("", |ca| ca.expose_secret());
        let mut digest = Sha256::new();
        for part in [
            endpoint.0.to_string().as_str(),
            region.as_str(),
            if path_style.0 { "path" } else { "host" },
            access_key.expose_secret(),
            secret_key.expose_secret(),
            trusted,
        ] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        Ok(Opened { digest: digest.finalize().into(), access_key, secret_key, ca })
    }

    /// A client. Nothing is dialled yet.
    ///
    /// It never tries again by itself (the next attempt is the retry), and has no timeouts of its
    /// own: whoever looks has a deadline.
    ///
    /// # Errors
    /// There is no certificate to trust: an obstacle on our side.
    pub(super) fn client(
        &self,
        opened: &Opened,
        interceptor: SharedInterceptor,
    ) -> Result<Client, Obstacle> {
        let credentials = Credentials::new(
            opened.access_key.expose_secret(),
            opened.secret_key.expose_secret(),
            None,
            None,
            "vigie",
        );
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.endpoint.0.to_string())
            .region(Region::new(self.region.clone()))
            .force_path_style(self.path_style.0)
            .credentials_provider(credentials)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(self.http_client(opened.ca.as_ref())?)
            .interceptor(interceptor)
            .build();
        Ok(Client::from_conf(config))
    }

    fn http_client(&self, ca: Option<&SecretString>) -> Result<SharedHttpClient, Obstacle> {
        if !self.endpoint.is_tls() {
            return Ok(Builder::new().build_http());
        }
        let context = TlsContext::builder().with_trust_store(trust(ca)?).build();
        let context = context.map_err(|_| no_trust("no TLS client can be made of them"))?;
        Ok(Builder::new()
            .tls_provider(Provider::rustls(CryptoMode::AwsLc))
            .tls_context(context)
            .build_https())
    }
}

/// The SDK panics on certificates that it can't read: they are read here first.
fn trust(ca: Option<&SecretString>) -> Result<TrustStore, Obstacle> {
    let Some(ca) = ca else {
        let system = rustls_native_certs::load_native_certs().certs;
        let mut roots = RootCertStore::empty();
        return match roots.add_parsable_certificates(system) {
            (0, _) => Err(no_trust("the system has none")),
            _ => Ok(TrustStore::default()),
        };
    };
    let pem = ca.expose_secret().as_bytes();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| no_trust("`ca` is not PEM"))?;
        roots.add(certificate).map_err(|_| no_trust("`ca` holds what is no certificate"))?;
    }
    if roots.is_empty() {
        return Err(no_trust("`ca` holds none"));
    }
    Ok(TrustStore::empty().with_pem_certificate(pem))
}

fn no_trust(why: &str) -> Obstacle {
    Obstacle::ours(Reason::TLS_FAILED, format!("no certificates to trust: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_strictly() {
        assert_eq!(Endpoint::parse("http://127.0.0.1:9000").unwrap().authority(), "127.0.0.1:9000");
        for bad in [
            "s3.example.org",
            "ftp://s3.example.org",
            "https://key:secret@s3.example.org",
            "https://s3.example.org/bucket",
            "https://s3.example.org?x=1",
            "https://",
        ] {
            let error = Endpoint::parse(bad).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn certificates_that_cannot_be_read_are_an_obstacle_of_ours() {
        for bad in ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            let obstacle = trust(Some(&SecretString::from(bad))).unwrap_err();
            assert!(obstacle.ours);
            assert_eq!(obstacle.reason, Reason::TLS_FAILED);
        }
    }
}
