//! Whom a connection leads to, and with which credential, as they are at this moment.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::connection::{Connection, Place, Tls, Url};
use super::peer::Credential;
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;
use crate::model::secret::SecretSource;
use crate::systems::secrets::{Secrets, digest};

/// What is needed to reach a server, with the secrets as they are now.
pub(super) struct Target {
    pub(super) credential: Credential,
    pub(super) digest: [u8; 32],
    pub(super) db: u16,
    pub(super) tls: Option<Tls>,
    /// The fixed address, unless sentinels or the nodes of a cluster know it.
    pub(super) at: Option<HostPort>,
}

impl Target {
    /// Reads the secrets of a connection.
    pub(super) async fn of(connection: &Connection, secrets: &Secrets) -> Result<Self, Obstacle> {
        let Connection { place, username, password, db, tls } = connection;
        let fixed = |url: &Url, credential: Credential| Self {
            digest: credential.digest(),
            credential,
            db: db.or(url.db).unwrap_or(0),
            tls: url.tls.then(|| tls.clone().unwrap_or_default()),
            at: Some(url.at.clone()),
        };
        match place {
            Place::Url(url) => {
                Ok(fixed(url, credential(secrets, username.as_ref(), password.as_ref()).await?))
            }
            Place::UrlFrom(source) => {
                let text = secrets.read(source).await?;
                let (url, user) = Url::parse_with_user(text.expose_secret()).map_err(|()| {
                    let because = format!("{} holds no Redis URL", source.place());
                    Obstacle::ours(Reason::SECRET_MISSING, because)
                })?;
                let password = user.password.map(SecretString::from);
                Ok(fixed(&url, Credential { username: user.username, password }))
            }
            Place::Sentinel(_) | Place::Cluster(_) => {
                let credential = credential(secrets, username.as_ref(), password.as_ref()).await?;
                Ok(Self {
                    digest: credential.digest(),
                    credential,
                    db: db.unwrap_or(0),
                    tls: tls.clone(),
                    at: None,
                })
            }
        }
    }
}

/// A user and the password, read anew.
pub(super) async fn credential(
    secrets: &Secrets,
    username: Option<&String>,
    password: Option<&SecretSource>,
) -> Result<Credential, Obstacle> {
    let password = match password {
        Some(source) => Some(secrets.read(source).await?),
        None => None,
    };
    Ok(Credential { username: username.cloned(), password })
}

impl Credential {
    /// What tells it from another, without telling it.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.username.as_deref().unwrap_or_default());
        hash.update([0]);
        if let Some(password) = &self.password {
            hash.update(digest(password));
        }
        hash.finalize().into()
    }
}
