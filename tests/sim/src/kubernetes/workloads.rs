//! Workloads and their pods as controllers would have made them, healthy.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::hashes::{hash, hash_of, hash_with};
use super::object::{now, stamp};
use super::{ApiServer, Failure, pods};

/// What a Deployment or a `StatefulSet` is made from.
#[derive(Clone, Debug)]
pub struct Workload<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The name, which is the label `app` and the container's name too.
    pub name: &'a str,
    /// The image with its tag.
    pub image: &'a str,
    /// How many pods.
    pub replicas: u32,
    /// The port that the container serves.
    pub port: Option<u16>,
}

impl Workload<'_> {
    /// The labels that select its pods.
    pub(super) fn selector(&self) -> Value {
        json!({ "app": self.name })
    }

    fn metadata(&self) -> Value {
        json!({
            "name": self.name,
            "namespace": self.namespace,
            "labels": { "app": self.name, "app.kubernetes.io/part-of": self.namespace },
        })
    }

    fn template(&self, labels: &Value) -> Value {
        let mut container = json!({ "name": self.name, "image": self.image });
        if let Some(port) = self.port {
            container["ports"] = json!([{ "name": "http", "containerPort": port }]);
        }
        json!({ "metadata": { "labels": labels }, "spec": { "containers": [container] } })
    }
}

/// Makes a Deployment with its `ReplicaSet`, its pods, and a Service where it serves a port.
pub fn deploy(server: &ApiServer, workload: &Workload<'_>) -> Result<(), Failure> {
    let deployment = server.apply(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": workload.metadata(),
        "spec": {
            "replicas": workload.replicas,
            "selector": { "matchLabels": workload.selector() },
            "template": workload.template(&workload.selector()),
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" },
            },
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
    }))?;
    let set = replica_set(server, &deployment, workload, 1)?;
    for number in 0..workload.replicas {
        let name = pod_name(&set, number);
        server.apply(pods::healthy(workload, &name, &set, number, now()))?;
    }
    if let Some(port) = workload.port {
        serve(server, workload, port)?;
    }
    reckon(server, workload.namespace, workload.name)
}

/// Makes the `ReplicaSet` of a Deployment's present template.
pub(super) fn replica_set(
    server: &ApiServer,
    deployment: &Value,
    workload: &Workload<'_>,
    revision: u32,
) -> Result<Value, Failure> {
    let hash = hash_with(deployment, workload.image);
    let labels = json!({ "app": workload.name, "pod-template-hash": hash });
    server.apply(json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", workload.name),
            "namespace": workload.namespace,
            "labels": labels,
            "annotations": { "deployment.kubernetes.io/revision": revision.to_string() },
            "ownerReferences": [owner(deployment)],
        },
        "spec": {
            "replicas": workload.replicas,
            "selector": { "matchLabels": labels },
            "template": workload.template(&labels),
        },
    }))
}

/// Makes a `StatefulSet` with its pods.
pub fn deploy_stateful(server: &ApiServer, workload: &Workload<'_>) -> Result<(), Failure> {
    let set = server.apply(json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": workload.metadata(),
        "spec": {
            "replicas": workload.replicas,
            "serviceName": workload.name,
            "selector": { "matchLabels": workload.selector() },
            "template": workload.template(&workload.selector()),
            "updateStrategy": { "type": "RollingUpdate" },
        },
    }))?;
    for number in 0..workload.replicas {
        let name = format!("{}-{number}", workload.name);
        server.apply(pods::healthy(workload, &name, &set, number, now()))?;
    }
    reckon(server, workload.namespace, workload.name)
}

fn serve(server: &ApiServer, workload: &Workload<'_>, port: u16) -> Result<(), Failure> {
    let (namespace, name) = (workload.namespace, workload.name);
    server.apply(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": workload.metadata(),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": format!("10.96.0.{}", port % 250 + 2),
            "selector": workload.selector(),
            "ports": [{ "name": "http", "port": port, "targetPort": "http", "protocol": "TCP" }],
        },
    }))?;
    slice(server, namespace, name, Some("http"), port)
}

/// Makes the empty slice of a Service; [`reckon`] fills it.
pub(super) fn slice(
    server: &ApiServer,
    namespace: &str,
    service: &str,
    port_name: Option<&str>,
    port: u16,
) -> Result<(), Failure> {
    server.apply(json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{service}-x7k2p"),
            "namespace": namespace,
            "labels": { "kubernetes.io/service-name": service },
        },
        "addressType": "IPv4",
        "ports": [{ "name": port_name.unwrap_or_default(), "port": port, "protocol": "TCP" }],
        "endpoints": [],
    }))?;
    Ok(())
}

/// A reference to the controller that owns.
pub(super) fn owner(of: &Value) -> Value {
    json!({
        "apiVersion": of["apiVersion"],
        "kind": of["kind"],
        "name": of["metadata"]["name"],
        "uid": of["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// The name of a `ReplicaSet`'s pod.
pub(super) fn pod_name(set: &Value, number: u32) -> String {
    let set = set["metadata"]["name"].as_str().unwrap_or_default();
    let suffix: String = hash(&format!("{set}/{number}")).chars().take(5).collect();
    format!("{set}-{suffix}")
}

/// Whether a pod is ready.
pub(super) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// Counts pods anew into the status of the workload `name`, of its `ReplicaSets` and its autoscaler,
/// and into the slices of the Services that select it: what controllers do after each change of a
/// pod.
pub fn reckon(server: &ApiServer, namespace: &str, name: &str) -> Result<(), Failure> {
    let all = server.list("pods", Some(namespace))?;
    let own: Vec<_> = all.iter().filter(|pod| pod["metadata"]["labels"]["app"] == name).collect();
    let path = format!("deployments/{namespace}/{name}");
    if let Some(deployment) = server.get(&path) {
        reckon_deployment(server, &path, &deployment, &own)?;
    }
    let path = format!("statefulsets/{namespace}/{name}");
    if let Some(set) = server.get(&path) {
        let (there, ready) = counts(&own);
        let revision = format!("{name}-{}", hash(&set["spec"]["template"].to_string()));
        let status = json!({
            "observedGeneration": set["metadata"]["generation"],
            "replicas": there,
            "readyReplicas": some(ready),
            "currentReplicas": some(there),
            "updatedReplicas": some(there),
            "availableReplicas": ready,
            "currentRevision": revision,
            "updateRevision": revision,
        });
        server.patch(&path, &json!({ "status": status }))?;
    }
    for service in server.list("services", Some(namespace))? {
        let service_name = service["metadata"]["name"].as_str().unwrap_or_default();
        let slice = format!("endpointslices/{namespace}/{service_name}-x7k2p");
        if service["spec"]["selector"]["app"] == name && server.get(&slice).is_some() {
            let endpoints: Vec<_> = own.iter().map(|pod| endpoint(pod)).collect();
            server.patch(&slice, &json!({ "endpoints": endpoints }))?;
        }
    }
    Ok(())
}

fn reckon_deployment(
    server: &ApiServer,
    path: &str,
    deployment: &Value,
    own: &[&Value],
) -> Result<(), Failure> {
    let current = hash_of(deployment);
    let namespace = deployment["metadata"]["namespace"].as_str().unwrap_or_default();
    let uid = &deployment["metadata"]["uid"];
    let mut updated = 0;
    for set in server.list("replicasets", Some(namespace))? {
        if set["metadata"]["ownerReferences"][0]["uid"] != *uid {
            continue;
        }
        let hash = &set["metadata"]["labels"]["pod-template-hash"];
        let of_set: Vec<&Value> = own
            .iter()
            .filter(|pod| pod["metadata"]["labels"]["pod-template-hash"] == *hash)
            .copied()
            .collect();
        let (there, ready) = counts(&of_set);
        if *hash == *current {
            updated = there;
        }
        let status = json!({
            "observedGeneration": set["metadata"]["generation"],
            "replicas": there,
            "fullyLabeledReplicas": some(there),
            "readyReplicas": some(ready),
            "availableReplicas": some(ready),
        });
        let set = format!(
            "replicasets/{namespace}/{}",
            set["metadata"]["name"].as_str().unwrap_or_default()
        );
        server.patch(&set, &json!({ "status": status }))?;
    }
    let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
    let (there, ready) = counts(own);
    let enough = ready + wanted / 4 >= wanted;
    let done = updated == wanted && ready == wanted && there == wanted;
    let set = format!("{}-{current}", deployment["metadata"]["name"].as_str().unwrap_or_default());
    let status = json!({
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": some(there),
        "updatedReplicas": some(updated),
        "readyReplicas": some(ready),
        "availableReplicas": some(ready),
        "unavailableReplicas": some(wanted.max(there) - ready),
        "conditions": conditions(&deployment["status"], enough, done, &set),
    });
    server.patch(path, &json!({ "status": status }))?;
    reckon_autoscaler(server, deployment, there)
}

fn conditions(known: &Value, enough: bool, done: bool, set: &str) -> Value {
    let at = stamp(now());
    let since = |kind: &str, status: &str| {
        let known = known["conditions"].as_array().into_iter().flatten();
        let mut same = known.filter(|one| one["type"] == kind && one["status"] == status);
        same.next().map_or_else(|| json!(at), |one| one["lastTransitionTime"].clone())
    };
    let available = if enough { "True" } else { "False" };
    let (reason, message) = if enough {
        ("MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    // A rollout that is complete stays so when a pod breaks later: the controller looks no more.
    let finished = known["conditions"].as_array().into_iter().flatten().any(|one| {
        one["reason"] == "NewReplicaSetAvailable"
            && one["message"].as_str().is_some_and(|told| told.contains(&format!("\"{set}\"")))
    });
    let (progress, told) = if done || finished {
        ("NewReplicaSetAvailable", format!("ReplicaSet \"{set}\" has successfully progressed."))
    } else {
        ("ReplicaSetUpdated", format!("ReplicaSet \"{set}\" is progressing."))
    };
    json!([
        {
            "type": "Available",
            "status": available,
            "lastUpdateTime": at,
            "lastTransitionTime": since("Available", available),
            "reason": reason,
            "message": message,
        },
        {
            "type": "Progressing",
            "status": "True",
            "lastUpdateTime": at,
            "lastTransitionTime": since("Progressing", "True"),
            "reason": progress,
            "message": told,
        },
    ])
}

fn reckon_autoscaler(server: &ApiServer, deployment: &Value, there: u64) -> Result<(), Failure> {
    let text = |name: &str| deployment["metadata"][name].as_str().unwrap_or_default();
    let path = format!("horizontalpodautoscalers/{}/{}", text("namespace"), text("name"));
    if server.get(&path).is_some() {
        let status = json!({
            "currentReplicas": there,
            "desiredReplicas": deployment["spec"]["replicas"],
        });
        server.patch(&path, &json!({ "status": status }))?;
    }
    Ok(())
}

fn endpoint(pod: &Value) -> Value {
    let ready = is_ready(pod);
    json!({
        "addresses": [pod["status"]["podIP"]],
        "conditions": { "ready": ready, "serving": ready, "terminating": false },
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {
            "kind": "Pod",
            "namespace": pod["metadata"]["namespace"],
            "name": pod["metadata"]["name"],
            "uid": pod["metadata"]["uid"],
        },
    })
}

/// How many pods there are that have not ended, and how many of them are ready.
fn counts(pods: &[&Value]) -> (u64, u64) {
    let lives = |pod: &&&Value| {
        !matches!(pod["status"]["phase"].as_str(), Some("Failed" | "Succeeded"))
            && pod["metadata"]["deletionTimestamp"].is_null()
    };
    let there: Vec<_> = pods.iter().filter(lives).collect();
    let ready = there.iter().filter(|pod| is_ready(pod)).count();
    (there.len() as u64, ready as u64)
}

/// A count as controllers write it: nothing for none.
fn some(count: u64) -> Value {
    if count == 0 { Value::Null } else { count.into() }
}

/// A time as objects bear it.
pub(super) fn at(time: Timestamp) -> Value {
    stamp(time).into()
}
