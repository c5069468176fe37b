//! Revisions of Deployments, as their `ReplicaSets` record them.
//!
//! The annotation `deployment.kubernetes.io/revision` counts up with each change of the template. A
//! rollback gives the old `ReplicaSet` the newest number: the one before is always the next lower.

use serde::Deserialize;
use serde_json::Value;

/// One revision of a Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Revision {
    /// The Deployment's name.
    pub(super) deployment: String,
    /// Its number.
    pub(super) number: u64,
    /// The name of its `ReplicaSet`.
    pub(super) name: String,
    /// Its containers, and the image that each is to run, as written.
    pub(super) images: Vec<(String, String)>,
}

const NUMBER: &str = "deployment.kubernetes.io/revision";

#[derive(Deserialize)]
struct Wire {
    metadata: Meta,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: String,
    #[serde(default)]
    annotations: serde_json::Map<String, Value>,
    #[serde(default)]
    owner_references: Vec<Owner>,
}

#[derive(Deserialize)]
struct Owner {
    kind: String,
    name: String,
    #[serde(default)]
    controller: bool,
}

#[derive(Deserialize)]
struct Spec {
    template: Template,
}

#[derive(Deserialize)]
struct Template {
    spec: PodSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    containers: Vec<Container>,
    #[serde(default)]
    init_containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    name: String,
    image: String,
}

impl Revision {
    /// Reads a `ReplicaSet`; none where no Deployment controls it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(object: &Value) -> Result<Option<Self>, String> {
        let wire = Wire::deserialize(object).map_err(|error| error.to_string())?;
        let Wire { metadata, spec } = wire;
        let mut owners = metadata.owner_references.into_iter();
        let owner = owners.find(|owner| owner.controller && owner.kind == "Deployment");
        let Some(Owner { name: deployment, .. }) = owner else { return Ok(None) };
        let number = metadata.annotations.get(NUMBER).and_then(Value::as_str);
        let number = number.and_then(|number| number.parse().ok());
        let number = number.ok_or_else(|| format!("the annotation {NUMBER} is no number"))?;
        let PodSpec { containers, init_containers } = spec.template.spec;
        if containers.is_empty() {
            return Err("it has no containers".to_owned());
        }
        let all = init_containers.into_iter().chain(containers);
        let images = all.map(|Container { name, image }| (name, image)).collect();
        Ok(Some(Self { deployment, number, name: metadata.name, images }))
    }
}

/// The newest of some revisions of one Deployment, and the one before it.
pub(super) fn newest<'r>(
    revisions: impl IntoIterator<Item = &'r Revision>,
) -> (Option<&'r Revision>, Option<&'r Revision>) {
    let mut all: Vec<_> = revisions.into_iter().collect();
    all.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    (all.first().copied(), all.get(1).copied())
}
