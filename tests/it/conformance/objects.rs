//! What the cases of all kinds build on: objects, their statuses, custom resources.

use http::Method;
use serde_json::{Value, json};

use super::Case;
use super::ground::Ground;
use super::server::Server;
use crate::kubernetes::{deployment, pod, with};

pub const CASES: &[Case] = cases! {
    "an object is made, replaced and removed, its status with it" => replaced;
    "custom resources are served once they are defined" => custom;
    "custom resources may live in no namespace" => cluster_wide;
};

async fn get(ground: &Ground, path: &str) -> Value {
    Server(ground.admin()).must(Method::GET, path, Value::Null).await
}

async fn replaced(ground: &Ground) {
    let labelled = with(pod("a"), "/metadata/labels", json!({ "x": "1", "y": "1" }));
    let evicted = json!({ "phase": "Failed", "reason": "Evicted" });
    ground.put(with(labelled, "/status", evicted)).await;
    ground.put(with(pod("a"), "/metadata/labels", json!({ "x": "2" }))).await;
    let path = format!("/api/v1/namespaces/{}/pods/a", ground.namespace());
    let found = get(ground, &path).await;
    assert_eq!(found["metadata"]["labels"], json!({ "x": "2" }));
    assert_eq!(found["status"]["phase"], "Running");
    assert_eq!(found["status"]["reason"], Value::Null, "what is not put is gone");

    ground.put(deployment("web")).await;
    let wider = with(deployment("web"), "/spec/replicas", json!(3));
    let made = ground.put(with(wider, "/status/observedGeneration", json!(2))).await;
    assert_eq!(made["metadata"]["generation"], 2);
    assert_eq!(made["status"]["observedGeneration"], 2);
    ground.remove(&deployment("web")).await;
    let path = format!("/apis/apps/v1/namespaces/{}/deployments", ground.namespace());
    assert_eq!(get(ground, &path).await["items"], json!([]));
}

fn thing(kind: &str, name: &str, size: u32) -> Value {
    json!({
        "apiVersion": "example.org/v1", "kind": kind, "metadata": { "name": name },
        "spec": { "size": size }, "status": { "conditions": [{ "type": "Ready", "size": size }] },
    })
}

async fn custom(ground: &Ground) {
    ground.define("example.org/v1", "Thing", "things").await;
    ground.put(thing("Thing", "a", 1)).await;
    let made = ground.put(thing("Thing", "a", 2)).await;
    let path = format!("/apis/example.org/v1/namespaces/{}/things/a", ground.namespace());
    let found = get(ground, &path).await;
    assert_eq!(found["status"]["conditions"][0]["size"], 2);
    assert_eq!(found["metadata"]["generation"], 2, "its status counts for none");
    assert_eq!(found["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
}

async fn cluster_wide(ground: &Ground) {
    ground.define_cluster_wide("example.org/v1", "Place", "places").await;
    let name = ground.own("here");
    ground.put(thing("Place", &name, 1)).await;
    let found = get(ground, &format!("/apis/example.org/v1/places/{name}")).await;
    assert_eq!(found["spec"]["size"], 1);
    ground.remove(&thing("Place", &name, 1)).await;
}
