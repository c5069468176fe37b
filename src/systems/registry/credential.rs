//! Who asks: a user and a password, from the configuration or from a pull secret.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::connection::Credential;
use crate::model::finding::Obstacle;
use crate::model::image::{DOCKER_HUB, parse_host};
use crate::model::reason::Reason;
use crate::systems::secrets::Secrets;

/// A user and a password, as the header `Authorization` bears them.
pub(super) struct Login {
    header: SecretString,
    /// Of both, and of the registry they are for.
    pub(super) digest: [u8; 32],
}

impl Login {
    fn new(host: &str, username: &str, password: &str) -> Self {
        let pair = Zeroizing::new(format!("{username}:{password}"));
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        let header = SecretString::from(format!("Basic {}", encoded.as_str()));
        let mut digest = Sha256::new();
        for part in [host, header.expose_secret()] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        Self { header, digest: digest.finalize().into() }
    }

    /// The header's value, which no log shows.
    pub(super) fn header(&self) -> Result<HeaderValue, Obstacle> {
        sensitive(self.header.expose_secret())
    }

    /// Reads a credential for the registry `host`; none where a pull secret holds none for it.
    ///
    /// # Errors
    /// An obstacle on our side: it can't be read.
    pub(super) async fn read(
        secrets: &Secrets,
        credential: &Credential,
        host: &str,
    ) -> Result<Option<Self>, Obstacle> {
        match credential {
            Credential::Basic { username, password } => {
                let password = secrets.read(password).await?;
                Ok(Some(Self::new(host, username, password.expose_secret())))
            }
            Credential::DockerConfig(source) => {
                let text = secrets.read(source).await?;
                let unread = |why: &str| {
                    let because = format!("{} {why}", source.place());
                    Obstacle::ours(Reason::SECRET_MISSING, because)
                };
                of_docker_config(text.expose_secret(), host).map_err(unread)
            }
        }
    }
}

/// The value of a header, marked as secret.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, Obstacle> {
    let mut value = HeaderValue::try_from(text).map_err(|_| {
        Obstacle::ours(Reason::SECRET_MISSING, "the credential can't be sent in a header")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// `config.json` of Docker, in the fields that are read.
#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    #[serde(rename = "auth", deserialize_with = "wiped")]
    encoded: Option<Zeroizing<String>>,
    username: Option<String>,
    #[serde(deserialize_with = "wiped")]
    password: Option<Zeroizing<String>>,
}

/// A text that is wiped when it is dropped.
pub(super) fn wiped<'de, D>(deserializer: D) -> Result<Option<Zeroizing<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(Option::<String>::deserialize(deserializer)?.map(Zeroizing::new))
}

/// What a `config.json` holds for a registry. No error repeats what was read.
fn of_docker_config(text: &str, host: &str) -> Result<Option<Login>, &'static str> {
    let config: DockerConfig =
        serde_json::from_str(text).map_err(|_| "is not a `config.json` of Docker")?;
    let Some((_, auth)) = config.auths.iter().find(|(key, _)| is_for(key, host)) else {
        return Ok(None);
    };
    if let (Some(username), Some(password)) = (&auth.username, &auth.password) {
        return Ok(Some(Login::new(host, username, password)));
    }
    let wrong = "holds no user and password for this registry";
    let encoded = auth.encoded.as_ref().ok_or(wrong)?;
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).map_err(|_| wrong)?);
    let pair = std::str::from_utf8(&decoded).map_err(|_| wrong)?;
    let (username, password) = pair.split_once(':').ok_or(wrong)?;
    Ok(Some(Login::new(host, username, password)))
}

/// Whether a key of `auths` names the registry: bare, as a URL, or Docker Hub in its old form.
fn is_for(key: &str, host: &str) -> bool {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let bare = bare.split('/').next().unwrap_or_default();
    let hub = host == DOCKER_HUB && bare == "registry-1.docker.io";
    hub || parse_host(bare).is_ok_and(|named| named == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(text: &str, host: &str) -> Result<Option<String>, &'static str> {
        let login = of_docker_config(text, host)?;
        Ok(login.map(|login| login.header.expose_secret().to_owned()))
    }

    #[test]
    fn pull_secrets_are_read_as_docker_writes_them() {
        let basic = Ok(Some("Basic YWxpY2U6aHVudGVyMg==".to_owned()));
        for (text, host) in [
            (r#"{"auths":{"ghcr.io":{"auth":"YWxpY2U6aHVudGVyMg=="}}}"#, "ghcr.io"),
            (
                r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YWxpY2U6aHVudGVyMg=="}}}"#,
                "docker.io",
            ),
            (
                r#"{"auths":{"localhost:5000":{"username":"alice","password":"hunter2"}}}"#,
                "localhost:5000",
            ),
        ] {
            assert_eq!(login(text, host), basic, "{text}");
            assert_eq!(login(text, "other.example"), Ok(None));
        }
    }

    #[test]
    fn a_bad_pull_secret_is_told_without_its_content() {
        for text in [
            "hunter2",
            r#"{"auths":{"ghcr.io":{"auth":"hunter2"}}}"#,
            r#"{"auths":{"ghcr.io":{}}}"#,
            r#"{"auths":{"ghcr.io":{"auth":"aHVudGVyMg=="}}}"#,
        ] {
            assert!(!login(text, "ghcr.io").unwrap_err().contains("hunter2"));
        }
    }
}
