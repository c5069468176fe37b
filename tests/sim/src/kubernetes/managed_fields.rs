//! The managed fields of a pod: who wrote what, nearly half of its bytes.

use serde_json::{Value, json};

use super::pods::{CREATED, READY};

/// What the controller manager and a kubelet own of a pod of `app`.
pub(super) fn managed_fields(app: &str) -> Value {
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
            "time": CREATED,
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
        "time": READY,
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
