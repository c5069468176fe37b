//! The cluster of Trackdéchets in production, healthy: what the demo watches.

mod application;
mod history;
mod operators;
mod scans;
mod settings;

pub use application::{Runs, write_of_starts};
use serde_json::{Value, json};

use super::object::now;
use super::workloads::{Workload, at, deploy, deploy_stateful};
use super::{ApiServer, Failure};

/// The namespace that [`furnish`] fills.
pub const NAMESPACE: &str = "trackdechets";
/// The nodes.
const NODES: u32 = 3;

/// A Deployment of the application: name, replicas, the most that its autoscaler allows, port.
pub(super) type Part = (&'static str, u32, Option<u32>, Option<u16>);

/// The ten Deployments.
pub const DEPLOYMENTS: [Part; 10] = [
    ("ui", 2, Some(5), Some(3000)),
    ("api", 2, Some(10), Some(4000)),
    ("notifier", 2, Some(4), Some(82)),
    ("cron", 1, None, None),
    ("queues-runner", 2, Some(5), None),
    ("queues-indexation", 2, Some(5), None),
    ("queues-bulk-indexation", 1, Some(5), None),
    ("queues-bulk-indexation-master", 1, None, None),
    ("queues-webhooks", 2, Some(5), None),
    ("queues-gerico", 1, Some(5), None),
];

/// Where the application's images come from.
pub const REGISTRY: &str = "ghcr.io";
/// The folder of that registry.
pub const FOLDER: &str = "mtes-mct/trackdechets";
/// The version that runs at first, and the one that ran before it.
pub const VERSIONS: [&str; 2] = ["2026.11.1", "2026.10.2"];

/// The image of a part of the application, in a version.
pub fn image(part: &str, version: &str) -> String {
    image_from(REGISTRY, part, version)
}

/// The same from another registry.
pub fn image_from(registry: &str, part: &str, version: &str) -> String {
    format!("{registry}/{FOLDER}/{part}:{version}")
}

/// Fills a server with nodes, operators, databases and the application.
pub fn furnish(server: &ApiServer) -> Result<(), Failure> {
    furnish_from(server, REGISTRY)
}

/// The same, the application's images being of this registry.
pub fn furnish_from(server: &ApiServer, registry: &str) -> Result<(), Failure> {
    nodes(server)?;
    apply(
        server,
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": NAMESPACE,
                "labels": {
                    "environment": "production",
                    "kubernetes.io/metadata.name": NAMESPACE,
                },
            },
            "spec": { "finalizers": ["kubernetes"] },
            "status": { "phase": "Active" },
        }),
    )?;
    settings::furnish(server)?;
    operators::furnish(server)?;
    application::furnish(server, registry)
}

/// Adds what a cluster has after a while: an earlier version to go back to, and reports of a scanner
/// on every image.
pub fn age(server: &ApiServer, registry: &str) -> Result<(), Failure> {
    history::furnish(server, registry)?;
    scans::furnish(server)
}

fn nodes(server: &ApiServer) -> Result<(), Failure> {
    for number in 0..NODES {
        let condition = |kind: &str, status: &str, reason: &str| {
            json!({
                "type": kind,
                "status": status,
                "reason": reason,
                "lastHeartbeatTime": at(now()),
                "lastTransitionTime": at(now()),
            })
        };
        let resources = json!({ "cpu": "16", "memory": "65536000Ki", "pods": "110", "ephemeral-storage": "200Gi" });
        apply(
            server,
            json!({
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": format!("node-{number}"),
                    "labels": {
                        "kubernetes.io/hostname": format!("node-{number}"),
                        "topology.kubernetes.io/zone": format!("fr-par-{}", number + 1),
                    },
                },
                "spec": { "podCIDR": format!("10.244.{number}.0/24") },
                "status": {
                    "capacity": resources,
                    "allocatable": resources,
                    "addresses": [{ "type": "InternalIP", "address": format!("192.168.0.{}", number + 10) }],
                    "conditions": [
                        condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                        condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                        condition("PIDPressure", "False", "KubeletHasSufficientPID"),
                        condition("Ready", "True", "KubeletReady"),
                    ],
                    "nodeInfo": { "kubeletVersion": "v1.36.0", "containerRuntimeVersion": "containerd://2.1.4" },
                },
            }),
        )?;
    }
    apply(
        server,
        json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": "scw-bssd",
                "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
            },
            "provisioner": "csi.scaleway.com",
            "reclaimPolicy": "Delete",
        }),
    )
}

/// Applies an object, whatever comes of it.
fn apply(server: &ApiServer, object: Value) -> Result<(), Failure> {
    server.apply(object).map(drop)
}

/// An operator's Deployment, or whatever else no autoscaler knows.
fn deployment(
    server: &ApiServer,
    namespace: &str,
    name: &str,
    image: &str,
    replicas: u32,
) -> Result<(), Failure> {
    deploy(server, &Workload { namespace, name, image, replicas, port: None })
}

fn stateful(
    server: &ApiServer,
    namespace: &str,
    name: &str,
    image: &str,
    replicas: u32,
) -> Result<(), Failure> {
    deploy_stateful(server, &Workload { namespace, name, image, replicas, port: None })
}
