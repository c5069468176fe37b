//! Parameters of `registry_image`: which images are meant.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::image::ImageName;
use crate::systems::kubernetes::scope::{Namespaces, Selector};

/// A reference to an image: `ghcr.io/example/api:1.4`, `nginx`, `localhost:5000/web@sha256:…`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct Reference(ImageName);

impl Reference {
    pub(super) const fn name(&self) -> &ImageName {
        &self.0
    }
}

impl TryFrom<String> for Reference {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let told = |why| format!("{why}; write `ghcr.io/example/api:1.4`");
        ImageName::parse(&text).map(Self).map_err(told)
    }
}

/// Deployments, and which of their revisions is meant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deployments {
    /// Namespaces by name, or `all`.
    pub(super) namespaces: Namespaces,
    /// Their names, each in one or more of the namespaces.
    pub(super) names: BTreeSet<String>,
    /// A label selector that the Deployments' `ReplicaSets` and pods bear, such as `app=api`, so that no
    /// others are watched.
    #[serde(default)]
    pub(super) selector: Option<Selector>,
    /// `current` (the default): the images of the newest revision, compared with what its pods run;
    /// or `previous`: those of the one before, to which a rollback would return.
    #[serde(default)]
    pub(super) revision: Which,
}

/// Which revision of a Deployment is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Which {
    /// The newest.
    #[default]
    Current,
    /// The one before it.
    Previous,
}
