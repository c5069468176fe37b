//! What an image is built for: by the entries of an index, one level down where those are indexes
//! themselves, or by the configuration of an image that stands alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::session::Session;
use super::{Content, Descriptor, Manifest, Patience, Platform, Registries, within};
use crate::model::finding::Obstacle;
use crate::model::image::ImageName;
use crate::model::judgement::legible;

/// The most indexes inside of an index that are fetched.
const MOST_INDEXES: usize = 8;

/// An image, and whether it is built for what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// `sha256:…` of its manifest.
    pub digest: String,
    /// The same of those that it names, where it is an index.
    pub parts: Vec<String>,
    /// Whether it is built for the platform.
    pub fit: Fit,
}

/// Whether an image is built for a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is, or that was not to be asked.
    Yes,
    /// It is built for these alone.
    No(BTreeSet<String>),
    /// Nobody can tell, for this reason.
    Untold(String),
}

impl Registries {
    /// An image, and whether it is built for `platform`: an index says so itself. Of an image that
    /// stands alone its configuration is fetched, where `alone_too`.
    ///
    /// # Errors
    /// The registry does not tell of the image; `NotFound` where it says that there is none.
    pub async fn built(
        &self,
        image: &ImageName,
        platform: &Platform,
        alone_too: bool,
        patience: Patience,
    ) -> Result<Built, Obstacle> {
        let mut session = Session::new(self, image, patience);
        let manifest = within(image, patience, self.manifest_by(&mut session, image)).await?;
        let mut asking = Asking { registries: self, session, image, platform, patience };
        let digest = manifest.digest.clone();
        Ok(match &manifest.content {
            Content::Image { config } => {
                let fit = if alone_too { asking.alone(config).await } else { Fit::Yes };
                Built { digest, parts: Vec::new(), fit }
            }
            Content::Index(entries) => {
                let (parts, fit) = asking.index(entries).await;
                Built { digest, parts, fit }
            }
        })
    }
}

/// A question about one image whose manifest is known.
struct Asking<'a> {
    registries: &'a Registries,
    session: Session<'a>,
    image: &'a ImageName,
    platform: &'a Platform,
    patience: Patience,
}

/// What entries of indexes say.
#[derive(Default)]
struct Entries {
    fits: bool,
    others: BTreeSet<String>,
    untold: Option<String>,
}

impl Asking<'_> {
    async fn alone(&mut self, config: &Descriptor) -> Fit {
        let Self { registries, session, image, platform, patience } = self;
        let asked = registries.config_of(session, image, config);
        match within(image, *patience, asked).await {
            Err(obstacle) => {
                let prefix = format!("{image}: ");
                let why = obstacle.because.strip_prefix(&prefix).unwrap_or(&obstacle.because);
                Fit::Untold(why.to_owned())
            }
            Ok(config) => match &config.platform {
                None => Fit::Untold("its configuration names no architecture".to_owned()),
                told if platform.is_met_by(told.as_ref()) => Fit::Yes,
                Some(told) if platform.may_be_met_by(told) => {
                    let told = legible(&told.to_string(), 80);
                    Fit::Untold(format!("its configuration says {told}, and no variant"))
                }
                Some(told) => Fit::No([legible(&told.to_string(), 80)].into()),
            },
        }
    }

    /// The digests that an index names, and whether one fits.
    async fn index(&mut self, entries: &[Descriptor]) -> (Vec<String>, Fit) {
        let mut parts: Vec<_> = entries.iter().map(|entry| entry.digest.clone()).collect();
        let mut seen = Entries::default();
        seen.add(self.platform, entries.iter().filter(|entry| !entry.is_index()));
        if !seen.fits {
            let inner: Vec<_> = entries.iter().filter(|entry| entry.is_index()).collect();
            if inner.len() > MOST_INDEXES {
                let count = inner.len();
                seen.note(format!("it names {count} indexes, {MOST_INDEXES} of which are read"));
            }
            for entry in inner.into_iter().take(MOST_INDEXES) {
                match self.inner(&entry.digest).await {
                    Ok(manifest) => seen.add_inner(self.platform, &manifest, &mut parts),
                    Err(obstacle) => seen.note(obstacle.because),
                }
            }
        }
        let fit = match seen {
            Entries { fits: true, .. } => Fit::Yes,
            Entries { untold: Some(why), .. } => Fit::Untold(why),
            Entries { others, .. } => Fit::No(others),
        };
        (parts, fit)
    }

    async fn inner(&mut self, digest: &str) -> Result<Arc<Manifest>, Obstacle> {
        let Self { registries, session, image, patience, .. } = self;
        within(image, *patience, registries.manifest_by(session, &image.at(digest))).await
    }
}

impl Entries {
    fn add<'a>(&mut self, platform: &Platform, entries: impl Iterator<Item = &'a Descriptor>) {
        for Descriptor { digest, platform: told, .. } in entries {
            match told {
                Some(told) if platform.is_met_by(Some(told)) => self.fits = true,
                // What attests to an image is none.
                Some(told) if told.to_string() == "unknown/unknown" => {}
                Some(told) if told.is_told() => {
                    if platform.may_be_met_by(told) {
                        self.note(format!("{digest} of its index tells no variant"));
                    }
                    self.others.insert(legible(&told.to_string(), 80));
                }
                Some(_) | None => {
                    self.note(format!("{digest} of its index tells no platform"));
                }
            }
        }
    }

    fn add_inner(&mut self, platform: &Platform, manifest: &Manifest, parts: &mut Vec<String>) {
        let Content::Index(entries) = &manifest.content else {
            return self.note(format!("{} of its index is none", manifest.digest));
        };
        if entries.iter().any(Descriptor::is_index) {
            self.note("its index names indexes of indexes, which are not read".to_owned());
        }
        parts.extend(entries.iter().map(|entry| entry.digest.clone()));
        self.add(platform, entries.iter().filter(|entry| !entry.is_index()));
    }

    /// The first reason counts.
    fn note(&mut self, why: String) {
        self.untold.get_or_insert(why);
    }
}
