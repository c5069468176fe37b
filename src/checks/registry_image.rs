//! `registry_image`: images can be fetched from their registries, and are those that run.
//! Subject: the registry, whose silence and refusals are failures. Which images a Deployment runs,
//! and ran before, its `ReplicaSets` tell (witness: the API server, by watch).

mod judging;
mod looking;
mod parameters;
mod revision;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::{Obstacle, Verdict};
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Form, Needs, SystemName, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason, joined};
use crate::systems::kubernetes::workload::REPLICA_SETS;
use crate::systems::kubernetes::{PODS, Unseen, blind};
use crate::systems::net::reasons::REACHING;
use crate::systems::registry::{ALL_REGISTRIES, Platform};

use looking::Looked;
use parameters::{Deployments, Reference, Which};

/// Of an image that a registry has.
static FETCHABLE: Measure = Measure::gauge(
    "vigie_registry_images",
    "Images that were looked for in their registries, by what came of it: found, missing, unknown.",
    &["outcome"],
);

const DEPLOYMENT_MISSING: Reason = Reason::new("DeploymentMissing");
const REVISION_GONE: Reason = Reason::new("RevisionGone");
const IMAGE_INVALID: Reason = Reason::new("ImageInvalid");
const PLATFORM_MISSING: Reason = Reason::new("PlatformMissing");
const PLATFORM_UNKNOWN: Reason = Reason::new("PlatformUnknown");
const NO_TIME_LEFT: Reason = Reason::new("NoTimeLeft");
const MOVED: Reason = Reason::new("TagMoved");

/// A reason that the registry gives as the subject, and the API server as a witness.
const fn either(reason: Reason, means: &'static str) -> Documented {
    Documented { reason, verdicts: &[Verdict::Fail, Verdict::Unknown], means }
}

const OWN: &[Documented] = &[
    Documented::fails(Reason::NOT_FOUND, "The registry has no such image."),
    Documented::fails(IMAGE_INVALID, "What a container is to run is no reference to an image."),
    Documented::fails(PLATFORM_MISSING, "The image is not built for `platform`."),
    Documented::blinds(
        PLATFORM_UNKNOWN,
        "The image is there, and what it is built for can't be told: its configuration or an index in \
         its index can't be had, or does not say.",
    ),
    Documented::warns(
        MOVED,
        "The tag names another image by now than the one that runs: a pod that is started anew runs \
         something else.",
    ),
    Documented::fails(DEPLOYMENT_MISSING, "No ReplicaSet of a Deployment is there."),
    Documented::blinds(
        REVISION_GONE,
        "The ReplicaSets of earlier revisions are gone: nobody knows what ran before.",
    ),
    Documented::blinds(
        Reason::FIRST_DEPLOYMENT,
        "Nothing ran before the first revision: the item does not apply.",
    ),
    Documented::fails(Reason::SERVER_ERROR, "The registry answers 5xx."),
    Documented::blinds(
        Reason::THROTTLED,
        "The registry answers 429: we ask too much, which says nothing of the image.",
    ),
    Documented::blinds(
        NO_TIME_LEFT,
        "The others took more than half of the time: allow more by `timeout`, or name fewer images.",
    ),
    either(
        Reason::UNAUTHORIZED,
        "The registry refuses our credential, or wants one (fail); the API server does (unknown).",
    ),
    either(Reason::FORBIDDEN, "The registry lets us not see it (fail); the API server (unknown)."),
    either(
        Reason::GARBLED,
        "What the registry answers is no manifest (fail); an object lacks a field (unknown).",
    ),
    either(
        Reason::TOO_LARGE,
        "A manifest is larger than 4 MiB (fail); objects would take over 32 MiB (unknown).",
    ),
    blind::RUNNING,
    blind::DOWN,
    blind::SILENT,
    blind::KIND_UNKNOWN,
    blind::NO_ACCESS,
];

/// Images can be fetched from their registries, and are those that run. One request an image and look,
/// one for a token where the registry wants one, and with `platform` one for the configuration of an
/// image that is no index, kept by its digest; layers are never fetched.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryImage {
    /// Images, by reference: `ghcr.io/example/api:1.4`.
    #[serde(default)]
    images: Vec<Reference>,
    /// Deployments whose images are looked for.
    #[serde(default)]
    deployments: Option<Deployments>,
    /// For what an image must be built: an index (a list of images by platform) says it itself, of an
    /// image that is none its configuration is asked, which costs a request more. Default: an index
    /// must have `linux/amd64`, and an image that is none is not asked.
    #[serde(default)]
    platform: Option<Platform>,
}

/// What a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// What was looked for, in a registry.
    images: Vec<Looked>,
    /// Deployments that are there, but not their revision.
    without: Vec<(String, Obstacle)>,
    /// Deployments of which nothing is there.
    missing: Vec<String>,
    unseen: Unseen,
}

impl Check for RegistryImage {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &joined::<{ OWN.len() + REACHING.len() }>(OWN, REACHING);
    const MEASURES: &'static [&'static Measure] = &[&FETCHABLE];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.images.is_empty() && self.deployments.is_none() {
            flaws.push("name `images`, `deployments`, or both".to_owned());
        }
        if let Some(Deployments { names, .. }) = &self.deployments
            && names.is_empty()
        {
            flaws.push("`deployments` names none: say which in `names`".to_owned());
        }
        flaws
    }

    fn needs(&self) -> Needs {
        let mut watches = self.replica_sets();
        watches.extend(self.pods());
        let connections = vec![(SystemName::Registries, ALL_REGISTRIES.to_owned())];
        let hosts = self.images.iter().map(|image| image.name().registry().to_owned()).collect();
        Needs { watches, hosts, connections, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let row =
            |outcome: &str| Series { measure: &FETCHABLE, labels: vec![Some(outcome.to_owned())] };
        judging::OUTCOMES.map(row).to_vec()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        self.look_at_all(look).await
    }

    fn judge(&self, seen: &Seen, _: &Past, _: Timestamp) -> Judgement {
        self.judge_seen(seen)
    }
}

impl RegistryImage {
    /// What an image is to be built for.
    fn wanted(&self) -> Platform {
        self.platform.clone().unwrap_or_default()
    }

    /// The revisions of Deployments.
    fn replica_sets(&self) -> Vec<Watch> {
        let watches = |deployments: &Deployments| {
            deployments.namespaces.watches(&REPLICA_SETS, deployments.selector.as_ref())
        };
        let watches = self.deployments.as_ref().map(watches).unwrap_or_default();
        watches.into_iter().map(|watch| watch.keeping(Form::Whole)).collect()
    }

    /// What runs, where that is to be compared.
    fn pods(&self) -> Vec<Watch> {
        match &self.deployments {
            Some(Deployments { namespaces, selector, revision: Which::Current, .. }) => {
                namespaces.watches(&PODS, selector.as_ref())
            }
            Some(_) | None => Vec::new(),
        }
    }
}
