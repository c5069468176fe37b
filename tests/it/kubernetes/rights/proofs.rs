//! One proof or more a kind that asks anything of the API server: name a kind that is added here.

use serde_json::{Value, json};
use vigie_sim::kubernetes::ApiServer;

use crate::kubernetes::{deployment, pod, with};

/// A way of using a kind in which it uses every right that it asks for.
pub struct Proof {
    /// The kind.
    pub kind: &'static str,
    /// Checks, each of an item of its own.
    pub checks: &'static [&'static str],
    /// Puts the objects there.
    pub furnish: fn(&ApiServer),
}

/// One or more a kind that asks anything of the API server.
pub fn proofs() -> Vec<Proof> {
    vec![
        Proof { kind: "kubernetes_api", checks: &["kubernetes_api: {}"], furnish: |_| {} },
        Proof {
            kind: "pods",
            checks: &["pods: { namespaces: [shop] }", "pods: { namespaces: [shop, jobs] }"],
            furnish: failed_pods,
        },
        Proof { kind: "pods", checks: &["pods: { namespaces: all }"], furnish: failed_pods },
        Proof {
            kind: "workloads",
            checks: &["workloads: { namespaces: [shop], at_most: { web: 2 } }"],
            furnish: |server| put(server, deployment("web")),
        },
    ]
}

pub fn put(server: &ApiServer, object: Value) {
    server.apply(object).expect("an object that the server takes");
}

/// Pods that failed: their owners are asked whether that matters.
pub fn failed_pods(server: &ApiServer) {
    put(server, pod("web"));
    for namespace in ["shop", "jobs"] {
        for (version, kind) in [
            ("apps/v1", "ReplicaSet"),
            ("apps/v1", "StatefulSet"),
            ("apps/v1", "DaemonSet"),
            ("batch/v1", "Job"),
        ] {
            let name = format!("{}-1", kind.to_lowercase());
            let owner = json!([{
                "apiVersion": version, "kind": kind, "name": name, "uid": "1", "controller": true,
            }]);
            let failed = with(pod(&name), "/metadata/ownerReferences", owner);
            let failed = with(failed, "/metadata/namespace", json!(namespace));
            put(server, with(failed, "/status", json!({ "phase": "Failed", "message": "ended" })));
        }
    }
}
