//! Registries of images, read-only: a manifest by tag or digest, and what an image's own
//! configuration says (OCI distribution, pull alone).
//!
//! Built on `net`, like every other endpoint, so that sizes, time, trust and resolvers are bounded
//! and configured in one place. What a digest names never changes and is kept, bounded in number;
//! what a tag names is asked anew. Tokens live for one question. A refused credential is not sent
//! again until it changes.

pub mod challenge;
mod connection;
mod credential;
mod kept;
mod manifest;
mod platform;
mod session;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use tokio::time::Instant;

pub use connection::{Connection, Credential, RegistryHost};
pub use manifest::{Config, Content, Descriptor, Manifest, Platform};
pub use platform::{Built, Fit};

use self::kept::Kept;
use self::session::Session;
use super::net::Net;
use super::refusals::Refusals;
use super::secrets::Secrets;
use super::shared::Shared;
use crate::model::finding::Obstacle;
use crate::model::image::ImageName;
use crate::model::reason::Reason;

/// The name by which a check says that it asks registries: which, the images tell.
pub const ALL_REGISTRIES: &str = "all";
/// The most manifests that are kept.
const MOST_MANIFESTS: usize = 1024;
/// The most configurations that are kept.
const MOST_CONFIGS: usize = 1024;

/// All registries. Cheap to clone; what is behind it is shared.
#[derive(Clone)]
pub struct Registries {
    connections: Arc<BTreeMap<RegistryHost, Connection>>,
    net: Net,
    secrets: Secrets,
    memory: Arc<Memory>,
}

/// What outlives a look, and a reload.
struct Memory {
    manifests: Kept<Manifest>,
    configs: Kept<ImageConfig>,
    shared: Shared<(ImageName, Platform), Result<Arc<ImageConfig>, Obstacle>>,
    refusals: Mutex<Refusals>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            manifests: Kept::new(MOST_MANIFESTS),
            configs: Kept::new(MOST_CONFIGS),
            shared: Shared::default(),
            refusals: Mutex::default(),
        }
    }
}

/// What an image's own configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageConfig {
    /// The user that its containers run as, as written: a number or a name, perhaps a group after a
    /// colon. Empty where none is named, which is root.
    pub user: String,
    /// What it is built for; none where that is not told.
    pub platform: Option<Platform>,
}

/// How long a question may take, and by which time certificates are judged.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// When the question's own I/O has to end.
    pub until: Instant,
    /// How old a shared answer may be.
    pub fresh_within: Duration,
    /// The time.
    pub now: Timestamp,
}

impl Registries {
    /// Registries as configured; any other is asked anonymously.
    pub fn new(
        connections: &BTreeMap<RegistryHost, Connection>,
        net: Net,
        secrets: Secrets,
    ) -> Self {
        let connections = Arc::new(connections.clone());
        Self { connections, net, secrets, memory: Arc::default() }
    }

    /// The same with other settings: what is known by digest, and what was refused, is kept.
    pub fn reconfigured(
        &self,
        connections: &BTreeMap<RegistryHost, Connection>,
        net: Net,
        secrets: Secrets,
    ) -> Self {
        let connections = Arc::new(connections.clone());
        Self { connections, net, secrets, memory: Arc::clone(&self.memory) }
    }

    /// The manifest that a reference names: of one image, or an index of several.
    ///
    /// # Errors
    /// The registry does not tell; `NotFound` where it says that there is none.
    pub async fn manifest(
        &self,
        image: &ImageName,
        patience: Patience,
    ) -> Result<Arc<Manifest>, Obstacle> {
        let mut session = Session::new(self, image, patience);
        within(image, patience, self.manifest_by(&mut session, image)).await
    }

    /// The configuration of the image that a reference names, for `platform` where it names several.
    ///
    /// # Errors
    /// The registry does not tell; `NotFound` where it says that there is none.
    pub async fn config(
        &self,
        image: &ImageName,
        platform: &Platform,
        patience: Patience,
    ) -> Result<Arc<ImageConfig>, Obstacle> {
        let question = (image.clone(), platform.clone());
        let ask = || async {
            let mut session = Session::new(self, image, patience);
            within(image, patience, self.config_by(&mut session, image, platform)).await
        };
        self.memory.shared.ask(question, patience.fresh_within, ask).await
    }

    async fn config_by(
        &self,
        session: &mut Session<'_>,
        image: &ImageName,
        platform: &Platform,
    ) -> Result<Arc<ImageConfig>, Obstacle> {
        let mut manifest = self.manifest_by(session, image).await?;
        if let Content::Index(images) = &manifest.content {
            let found = images.iter().find(|one| platform.is_met_by(one.platform.as_ref()));
            let Some(found) = found else {
                let because = format!("{image} has no image for {platform}");
                return Err(Obstacle::new(Reason::NOT_FOUND, because));
            };
            manifest = self.manifest_by(session, &image.at(&found.digest)).await?;
        }
        let Content::Image { config } = &manifest.content else {
            let because = format!("{image} is an index of indexes, which is not read");
            return Err(Obstacle::new(Reason::GARBLED, because));
        };
        self.config_of(session, image, config).await
    }

    /// The configuration of an image whose manifest names it.
    async fn config_of(
        &self,
        session: &mut Session<'_>,
        image: &ImageName,
        config: &Descriptor,
    ) -> Result<Arc<ImageConfig>, Obstacle> {
        // Content of the same digest may be closed to us elsewhere: the repository is part of the key.
        let key = image.at(&config.digest);
        if let Some(known) = self.memory.configs.get(&key) {
            return Ok(known);
        }
        let body = session.blob(config).await?;
        let read = Config::read(&body).map_err(|why| {
            Obstacle::new(Reason::GARBLED, format!("the configuration of {image} {why}"))
        })?;
        let config = Arc::new(read);
        self.memory.configs.keep(key, Arc::clone(&config));
        Ok(config)
    }

    async fn manifest_by(
        &self,
        session: &mut Session<'_>,
        image: &ImageName,
    ) -> Result<Arc<Manifest>, Obstacle> {
        // A tag beside a digest is for people.
        let known = image.digest().map(|digest| image.at(digest));
        if let Some(known) = known.and_then(|key| self.memory.manifests.get(&key)) {
            return Ok(known);
        }
        let manifest = Arc::new(session.manifest(image).await?);
        let key = image.at(&manifest.digest);
        self.memory.manifests.keep(key, Arc::clone(&manifest));
        Ok(manifest)
    }
}

async fn within<T>(
    image: &ImageName,
    patience: Patience,
    asked: impl Future<Output = Result<T, Obstacle>> + Send,
) -> Result<T, Obstacle> {
    tokio::time::timeout_at(patience.until, asked.boxed()).await.unwrap_or_else(|_| {
        let because = format!("{image}: its registry does not answer in time");
        Err(Obstacle::new(Reason::TIMED_OUT, because))
    })
}

impl fmt::Debug for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registries").finish_non_exhaustive()
    }
}
