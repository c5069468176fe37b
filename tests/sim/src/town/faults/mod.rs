//! What can go wrong in the town, and what it turns, by the system that it is about.

mod alarms;
mod backups;
mod cluster;
mod configuration;
mod databases;
mod images;
mod objects;
mod queues;
mod secrets;
mod sites;
mod workloads;

use anyhow::{Context, Result};
use serde_json::Value;

use super::fault::{Deed, Doing, Fault, Turn};
use crate::kubernetes::trackdechets::NAMESPACE;

/// All faults, in the order in which the drill puts them in.
pub const FAULTS: &[&[Fault]] = &[
    cluster::FAULTS,
    workloads::FAULTS,
    objects::FAULTS,
    configuration::FAULTS,
    secrets::FAULTS,
    images::FAULTS,
    backups::FAULTS,
    queues::FAULTS,
    sites::FAULTS,
    databases::FAULTS,
    alarms::FAULTS,
];

const fn fault(
    name: &'static str,
    about: &'static str,
    turns: &'static [Turn],
    deed: Deed,
) -> Fault {
    Fault { name, about, turns, deed }
}

/// `deployments/trackdechets/api`, by `deployments` and `api`.
fn path(resource: &str, name: &str) -> String {
    format!("{resource}/{NAMESPACE}/{name}")
}

/// `trackdechets/api`, by `api`.
pub(super) fn named(object: &str) -> String {
    format!("{NAMESPACE}/{object}")
}

impl Doing<'_> {
    /// The first pod of a part of the application, by name.
    pub(super) fn pod(&self, part: &str) -> Result<String> {
        let pods = self.town.kubernetes.list("pods", Some(NAMESPACE))?;
        let name = pods
            .iter()
            .filter(|pod| pod["metadata"]["labels"]["app"] == part)
            .filter_map(|pod| pod["metadata"]["name"].as_str())
            .min();
        name.map(named).with_context(|| format!("no pod of {part}"))
    }

    /// Changes an object of the application's namespace.
    fn change(&self, resource: &str, name: &str, changes: &Value) -> Result<()> {
        self.patch(&path(resource, name), changes).map(drop)
    }

    /// Changes the specification of the first container of a part's first pod.
    fn change_container(&self, part: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        let path = format!("pods/{}", self.pod(part)?);
        let pod = self.town.kubernetes.get(&path).context("the pod")?;
        let mut containers = pod["spec"]["containers"].clone();
        change(&mut containers[0]);
        self.patch(&path, &serde_json::json!({ "spec": { "containers": containers } })).map(drop)
    }
}
