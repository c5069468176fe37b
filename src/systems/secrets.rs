//! Secrets, read at each use: files, environment variables, keys of Kubernetes Secrets.

use std::path::Path;

use secrecy::ExposeSecret;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::kubernetes::Kubernetes;

/// The longest secret that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Reads secrets. Holds none.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    kubernetes: Option<Kubernetes>,
}

impl Secrets {
    /// Reads Kubernetes Secrets, too.
    pub fn with(kubernetes: Kubernetes) -> Self {
        Self { kubernetes: Some(kubernetes) }
    }

    /// The secret at `source`, as text without its trailing line end.
    ///
    /// # Errors
    /// An obstacle on our own side that names the place, never the value.
    pub async fn read(&self, source: &SecretSource) -> Result<SecretString, Obstacle> {
        match source {
            SecretSource::File(path) => file(path).await,
            SecretSource::Env(name) => env(name),
            SecretSource::Secret(key) => match &self.kubernetes {
                Some(kubernetes) => kubernetes.secret(key).await,
                None => Err(missing(source, "can't be read without a Kubernetes connection")),
            },
        }
    }
}

/// The secret in a file.
pub(super) async fn file(path: &Path) -> Result<SecretString, Obstacle> {
    read_file(path).await.map_err(|why| missing(&SecretSource::File(path.to_owned()), &why))
}

/// The secret in an environment variable.
pub(super) fn env(name: &str) -> Result<SecretString, Obstacle> {
    #[expect(clippy::disallowed_methods, reason = "the one place for secrets")]
    let value = std::env::var(name);
    let unset = |_| missing(&SecretSource::Env(name.to_owned()), "is not set");
    value.map(SecretString::from).map_err(unset)
}

fn missing(source: &SecretSource, why: &str) -> Obstacle {
    Obstacle::ours(Reason::SECRET_MISSING, format!("{} {why}", source.place()))
}

async fn read_file(path: &Path) -> Result<SecretString, String> {
    let told = |error: std::io::Error| format!("can't be read: {error}");
    let size = tokio::fs::metadata(path).await.map_err(told)?.len();
    if size > LONGEST {
        return Err(format!("is larger than {LONGEST} bytes"));
    }
    let mut text = tokio::fs::read_to_string(path).await.map_err(told)?;
    while text.ends_with(['\n', '\r']) {
        text.pop();
    }
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(SecretString::from(text))
}

/// A digest of a secret, to notice that it changed without keeping it.
pub fn digest(secret: &SecretString) -> [u8; 32] {
    Sha256::digest(secret.expose_secret().as_bytes()).into()
}
