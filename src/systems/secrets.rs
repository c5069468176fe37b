//! Secrets, read at each use: files, environment variables, keys of Kubernetes Secrets.

use std::path::Path;

use secrecy::ExposeSecret;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::kubernetes::Kubernetes;

/// The longest secret that is read, in bytes: a bundle of certificates is the largest.
const LONGEST: u64 = 1024 * 1024;

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
    // Before it is opened: opening a pipe waits for whoever writes to it.
    if !tokio::fs::metadata(path).await.map_err(told)?.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let file = tokio::fs::File::open(path).await.map_err(told)?;
    let mut bytes = Vec::new();
    // What a file says of its size need not be so, and it may grow.
    file.take(LONGEST + 1).read_to_end(&mut bytes).await.map_err(told)?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("is larger than {LONGEST} bytes"));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "is not text in UTF-8".to_owned())?;
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    async fn told(path: &Path) -> Result<usize, String> {
        let read = file(path).await;
        read.map(|secret| secret.expose_secret().len()).map_err(|obstacle| obstacle.because)
    }

    #[tokio::test]
    async fn a_bundle_of_certificates_is_read_and_what_has_no_end_is_not() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "a".repeat(300_000) + "\n").unwrap();
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(told(&link).await, Ok(300_000));
        std::fs::write(&path, "a".repeat(1024 * 1024 + 1)).unwrap();
        assert!(told(&path).await.unwrap_err().ends_with("is larger than 1048576 bytes"));
        assert!(told(folder.path()).await.unwrap_err().ends_with("is not a regular file"));
        assert!(told(Path::new("/dev/zero")).await.unwrap_err().ends_with("is not a regular file"));
    }

    #[tokio::test]
    async fn a_pipe_is_refused_at_once() {
        let folder = tempfile::TempDir::new().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(told(&pipe).await.unwrap_err().ends_with("is not a regular file"));
    }
}
