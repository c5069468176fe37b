//! Pods as they look on a real cluster, managed fields included: about seven kilobytes each.

use serde_json::{Value, json};

/// A healthy pod of the Deployment `app` in `namespace`, as a template for `ApiServer::load`.
pub fn typical(namespace: &str, app: &str) -> Value {
    let image = format!("registry.example/{app}:2026.11.1");
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
            "creationTimestamp": "2026-11-01T08:00:00Z",
            "labels": {
                "app": app,
                "app.kubernetes.io/name": app,
                "app.kubernetes.io/part-of": "trackdechets",
                "pod-template-hash": "5d8c7b9f6d",
            },
            "annotations": {
                "kubectl.kubernetes.io/restartedAt": "2026-11-01T08:00:00Z",
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
                "lastTransitionTime": "2026-11-01T08:00:12Z",
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
        "startTime": "2026-11-01T08:00:00Z",
        "containerStatuses": [{
            "name": app,
            "state": { "running": { "startedAt": "2026-11-01T08:00:05Z" } },
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

/// What the controller manager and a kubelet own: nearly half of a pod.
fn managed_fields(app: &str) -> Value {
    let container = format!("k:{{\"name\":\"{app}\"}}");
    let variable = |name: &str| {
        let fields = json!({
            ".": {},
            "f:name": {},
            "f:valueFrom": { ".": {}, "f:secretKeyRef": {} },
        });
        (format!("k:{{\"name\":\"{name}\"}}"), fields)
    };
    let variables: serde_json::Map<String, Value> =
        ["DATABASE_URL", "REDIS_URL", "MONGO_URL", "ELASTIC_SEARCH_URL", "SESSION_SECRET"]
            .map(variable)
            .into_iter()
            .collect();
    let probe = json!({
        ".": {},
        "f:failureThreshold": {},
        "f:httpGet": { ".": {}, "f:path": {}, "f:port": {}, "f:scheme": {} },
        "f:initialDelaySeconds": {},
        "f:periodSeconds": {},
        "f:successThreshold": {},
        "f:timeoutSeconds": {},
    });
    let own = json!({
        ".": {},
        "f:env": variables,
        "f:image": {},
        "f:imagePullPolicy": {},
        "f:livenessProbe": probe,
        "f:name": {},
        "f:ports": {
            ".": {},
            "k:{\"containerPort\":4000,\"protocol\":\"TCP\"}":
                { ".": {}, "f:containerPort": {}, "f:name": {}, "f:protocol": {} },
        },
        "f:readinessProbe": probe,
        "f:resources": {
            ".": {},
            "f:limits": { ".": {}, "f:cpu": {}, "f:memory": {} },
            "f:requests": { ".": {}, "f:cpu": {}, "f:memory": {} },
        },
        "f:securityContext": { ".": {}, "f:allowPrivilegeEscalation": {}, "f:runAsNonRoot": {} },
        "f:terminationMessagePath": {},
        "f:terminationMessagePolicy": {},
    });
    json!([
        {
            "manager": "kube-controller-manager",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-11-01T08:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {
                    "f:annotations":
                        { ".": {}, "f:checksum/config": {}, "f:kubectl.kubernetes.io/restartedAt": {} },
                    "f:generateName": {},
                    "f:labels": {
                        ".": {},
                        "f:app": {},
                        "f:app.kubernetes.io/name": {},
                        "f:app.kubernetes.io/part-of": {},
                        "f:pod-template-hash": {},
                    },
                    "f:ownerReferences":
                        { ".": {}, "k:{\"uid\":\"6f1e1a9c-0000-4000-8000-000000000001\"}": {} },
                },
                "f:spec": {
                    "f:containers": { container.as_str(): own },
                    "f:dnsPolicy": {},
                    "f:enableServiceLinks": {},
                    "f:restartPolicy": {},
                    "f:schedulerName": {},
                    "f:securityContext": {},
                    "f:terminationGracePeriodSeconds": {},
                },
            },
        },
        kubelet_fields(),
    ])
}

fn kubelet_fields() -> Value {
    let condition = json!({
        ".": {},
        "f:lastProbeTime": {},
        "f:lastTransitionTime": {},
        "f:observedGeneration": {},
        "f:status": {},
        "f:type": {},
    });
    json!({
        "manager": "kubelet",
        "operation": "Update",
        "apiVersion": "v1",
        "time": "2026-11-01T08:00:12Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:status": {
                "f:conditions": {
                    "k:{\"type\":\"ContainersReady\"}": condition,
                    "k:{\"type\":\"Initialized\"}": condition,
                    "k:{\"type\":\"PodReadyToStartContainers\"}": condition,
                    "k:{\"type\":\"Ready\"}": condition,
                },
                "f:containerStatuses": {},
                "f:hostIP": {},
                "f:hostIPs": {},
                "f:observedGeneration": {},
                "f:phase": {},
                "f:podIP": {},
                "f:podIPs": { ".": {}, "k:{\"ip\":\"10.0.0.1\"}": { ".": {}, "f:ip": {} } },
                "f:startTime": {},
            },
        },
        "subresource": "status",
    })
}
