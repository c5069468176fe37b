//! Pods as they look on a real cluster, managed fields included: about seven kilobytes each.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::hashes::hash;
use super::managed_fields::managed_fields;
use super::object::stamp;
use super::template::node_name;
use super::workloads::{Workload, owner};
use crate::registry;

/// When templates were created, started and ready: replaced in pods of their own.
pub(super) const CREATED: &str = "2026-11-01T08:00:00Z";
const STARTED: &str = "2026-11-01T08:00:05Z";
pub(super) const READY: &str = "2026-11-01T08:00:12Z";
/// The nodes that pods of their own are spread over.
const NODES: usize = 3;
/// As whom images are built to run.
pub const USER: &str = "1000";

/// A healthy pod of the Deployment `app` in `namespace`, as a template for `ApiServer::load`.
pub fn typical(namespace: &str, app: &str) -> Value {
    let image = image_of(app);
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "<name>",
            "generateName": format!("{app}-5d8c7b9f6d-"),
            "namespace": namespace,
            "uid": "<uid>",
            "resourceVersion": "<revision>",
            "generation": 1,
            "creationTimestamp": CREATED,
            "labels": {
                "app": app,
                "app.kubernetes.io/name": app,
                "app.kubernetes.io/part-of": "trackdechets",
                "pod-template-hash": "5d8c7b9f6d",
            },
            "annotations": {
                "kubectl.kubernetes.io/restartedAt": CREATED,
                "checksum/config": "0a1b2c3d4e5f60718293a4b5c6d7e8f900112233445566778899aabbccddeeff",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": format!("{app}-5d8c7b9f6d"),
                "uid": "6f1e1a9c-0000-4000-8000-000000000001",
                "controller": true,
                "blockOwnerDeletion": true,
            }],
            "managedFields": managed_fields(app),
        },
        "spec": spec(app, &image),
        "status": status(app, &image),
    })
}

/// A healthy pod of `set`, created a quarter of a minute before `at`.
pub(super) fn healthy(
    workload: &Workload<'_>,
    name: &str,
    set: &Value,
    number: u32,
    at: Timestamp,
) -> Value {
    let Workload { namespace, name: app, image, .. } = workload;
    let address = number.wrapping_add(u32::from(hash(name).as_bytes()[0])) % 250 + 2;
    let address =
        Ipv4Addr::new(10, 244, hash(name).as_bytes()[1], u8::try_from(address).unwrap_or(2));
    let before = |seconds: i64| stamp(at - SignedDuration::from_secs(seconds));
    let text = typical(namespace, app)
        .to_string()
        .replace("<name>", name)
        .replace("<ip>", &address.to_string())
        .replace("<node>", &node_name(number as usize % NODES))
        .replace(CREATED, &before(15))
        .replace(STARTED, &before(10))
        .replace(READY, &before(3))
        .replace(&image_of(app), image);
    let mut pod: Value = serde_json::from_str(&text).unwrap_or_default();
    let labels = &set["spec"]["template"]["metadata"]["labels"];
    let metadata = &mut pod["metadata"];
    metadata["ownerReferences"] = json!([owner(set)]);
    metadata["generateName"] =
        format!("{}-", set["metadata"]["name"].as_str().unwrap_or_default()).into();
    // Given by the server, as to everybody.
    metadata["uid"] = Value::Null;
    metadata["labels"] = labels.clone();
    metadata["labels"]["app.kubernetes.io/part-of"] = "trackdechets".into();
    // Not `default`: each part has an account of its own.
    for member in ["serviceAccountName", "serviceAccount"] {
        pod["spec"][member] = (*app).into();
    }
    let (place, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
    let repository = place.split_once('/').map_or(place, |(_, repository)| repository);
    let digest = registry::digest(repository, tag, USER);
    pod["status"]["containerStatuses"][0]["imageID"] = format!("{place}@{digest}").into();
    let container = &mut pod["spec"]["containers"][0];
    match workload.port {
        Some(port) => container["ports"][0]["containerPort"] = port.into(),
        None => {
            for member in ["ports", "livenessProbe", "readinessProbe"] {
                container.as_object_mut().and_then(|members| members.shift_remove(member));
            }
        }
    }
    pod
}

/// The same pod, its container not yet created.
pub(super) fn starting(
    workload: &Workload<'_>,
    name: &str,
    set: &Value,
    number: u32,
    at: Timestamp,
) -> Value {
    let mut pod = healthy(workload, name, set, number, at);
    let status = &mut pod["status"];
    status["phase"] = "Pending".into();
    let container = &mut status["containerStatuses"][0];
    container["state"] = json!({ "waiting": { "reason": "ContainerCreating" } });
    container["ready"] = false.into();
    container["started"] = false.into();
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        if condition["type"] == "Ready" || condition["type"] == "ContainersReady" {
            condition["status"] = "False".into();
            condition["reason"] = "ContainersNotReady".into();
        }
    }
    pod
}

/// The image of templates.
fn image_of(app: &str) -> String {
    format!("registry.example/{app}:2026.11.1")
}

fn spec(app: &str, image: &str) -> Value {
    let variable = |name: &str| {
        let source = json!({ "secretKeyRef": { "name": format!("{app}-secrets"), "key": name } });
        json!({ "name": name, "valueFrom": source })
    };
    let variables: Vec<_> =
        ["DATABASE_URL", "REDIS_URL", "MONGO_URL", "ELASTIC_SEARCH_URL", "SESSION_SECRET"]
            .map(variable)
            .into();
    json!({
        "volumes": [{
            "name": "kube-api-access-x7k2p",
            "projected": {
                "defaultMode": 420,
                "sources": [
                    { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
                    { "configMap": {
                        "name": "kube-root-ca.crt",
                        "items": [{ "key": "ca.crt", "path": "ca.crt" }],
                    } },
                    { "downwardAPI": { "items": [{
                        "path": "namespace",
                        "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" },
                    }] } },
                ],
            },
        }],
        "containers": [{
            "name": app,
            "image": image,
            "ports": [{ "name": "http", "containerPort": 4000, "protocol": "TCP" }],
            "env": variables,
            "resources": {
                "limits": { "cpu": "1", "memory": "1Gi" },
                "requests": { "cpu": "250m", "memory": "512Mi" },
            },
            "volumeMounts": [{
                "name": "kube-api-access-x7k2p",
                "readOnly": true,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            }],
            "livenessProbe": probe("/ping", 30),
            "readinessProbe": probe("/ping", 10),
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": "IfNotPresent",
            "securityContext": { "runAsNonRoot": true, "allowPrivilegeEscalation": false },
        }],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "nodeName": "<node>",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "tolerations": [
            toleration("node.kubernetes.io/not-ready"),
            toleration("node.kubernetes.io/unreachable"),
        ],
        "priority": 0,
        "enableServiceLinks": true,
        "preemptionPolicy": "PreemptLowerPriority",
    })
}

fn probe(path: &str, period: u32) -> Value {
    json!({
        "httpGet": { "path": path, "port": "http", "scheme": "HTTP" },
        "initialDelaySeconds": 10,
        "timeoutSeconds": 5,
        "periodSeconds": period,
        "successThreshold": 1,
        "failureThreshold": 3,
    })
}

fn toleration(key: &str) -> Value {
    json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 })
}

fn status(app: &str, image: &str) -> Value {
    const TYPES: [&str; 5] =
        ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    let conditions: Vec<_> = TYPES
        .map(|condition| {
            json!({
                "type": condition,
                "status": "True",
                "observedGeneration": 1,
                "lastProbeTime": null,
                "lastTransitionTime": READY,
            })
        })
        .into();
    json!({
        "observedGeneration": 1,
        "phase": "Running",
        "conditions": conditions,
        "hostIP": "192.168.0.10",
        "hostIPs": [{ "ip": "192.168.0.10" }],
        "podIP": "<ip>",
        "podIPs": [{ "ip": "<ip>" }],
        "startTime": CREATED,
        "containerStatuses": [{
            "name": app,
            "state": { "running": { "startedAt": STARTED } },
            "lastState": {},
            "ready": true,
            "restartCount": 0,
            "image": image,
            "imageID": format!("{image}@sha256:{}", "0123456789abcdef".repeat(4)),
            "containerID": format!("containerd://{}", "fedcba9876543210".repeat(4)),
            "started": true,
            "volumeMounts": [{
                "name": "kube-api-access-x7k2p",
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                "readOnly": true,
                "recursiveReadOnly": "Disabled",
            }],
        }],
        "qosClass": "Burstable",
    })
}
