//! Facts about writes and rights.

use futures::FutureExt;
use http::Method;
use kube::Client;
use serde_json::{Value, json};

use super::{Fact, Place, call, name, version};

pub const FACTS: &[Fact] = &[
    ("a server completes what is created", |p| completed(p).boxed()),
    ("the status is written through its subresource alone", |p| status(p).boxed()),
    ("a write of an old version is a conflict", |p| conflict(p).boxed()),
    ("a write that changes nothing makes no version", |p| unchanged(p).boxed()),
    ("conditions are merged by type by a strategic patch", |p| strategic(p).boxed()),
    ("a JSON Patch that fails its test is refused", |p| json_patch(p).boxed()),
    ("a namespace must be there", |p| namespace(p).boxed()),
    ("finalizers hold what is deleted", |p| finalizers(p).boxed()),
    ("new nodes are tainted", |p| node(p).boxed()),
    ("custom resources are served once they are defined", |p| custom(p).boxed()),
];

const MERGE: &str = "application/merge-patch+json";

async fn completed(place: Place) {
    let pod = place.make_pod("a", json!({})).await;
    let metadata = &pod["metadata"];
    assert_eq!(metadata["namespace"], place.namespace.as_str());
    assert!(metadata["uid"].as_str().is_some_and(|uid| uid.len() == 36), "{metadata}");
    let created = metadata["creationTimestamp"].as_str().expect("a time");
    assert!(created.len() == 20 && created.parse::<jiff::Timestamp>().is_ok(), "{created}");
    assert_eq!(pod["status"]["phase"], "Pending");
    let body = json!({
        "metadata": { "generateName": "made-" },
        "spec": { "containers": [{ "name": "c", "image": "i" }] },
    });
    let made = place.make(&place.path("pods"), body.clone()).await;
    assert!(name(&made).starts_with("made-") && name(&made).len() > 5);
    let again = json!({ "metadata": { "name": "a" }, "spec": body["spec"] });
    let (code, status) = place.call(Method::POST, &place.path("pods"), "", again).await;
    assert_eq!((code, status["reason"].as_str()), (409, Some("AlreadyExists")));
}

async fn status(place: Place) {
    place.make_pod("a", json!({})).await;
    let path = place.path("pods/a");
    let main = place.merge(&path, json!({ "status": { "phase": "Failed" } })).await;
    assert_eq!(main["status"]["phase"], "Pending");
    let body = json!({ "status": { "phase": "Running" }, "spec": { "nodeName": "n" } });
    let patched = place.merge(&format!("{path}/status"), body).await;
    assert_eq!(patched["status"]["phase"], "Running");
    assert!(patched["spec"].get("nodeName").is_none());
}

async fn conflict(place: Place) {
    let config = json!({ "metadata": { "name": "a" }, "data": { "k": "1" } });
    let old = place.make(&place.path("configmaps"), config).await;
    let path = place.path("configmaps/a");
    let new = place.merge(&path, json!({ "data": { "k": "2" } })).await;
    let (code, status) = place.call(Method::PUT, &path, "", old).await;
    assert_eq!((code, status["reason"].as_str()), (409, Some("Conflict")));
    let (code, _) = place.call(Method::PUT, &path, "", new).await;
    assert_eq!(code, 200);
}

async fn unchanged(place: Place) {
    let config = json!({ "metadata": { "name": "a" }, "data": { "k": "1" } });
    let made = place.make(&place.path("configmaps"), config).await;
    let same = place.merge(&place.path("configmaps/a"), json!({ "data": { "k": "1" } })).await;
    assert_eq!(version(&same), version(&made));
}

async fn strategic(place: Place) {
    place.make_pod("a", json!({})).await;
    let media = "application/strategic-merge-patch+json";
    let path = place.path("pods/a/status");
    let condition =
        |kind: &str| json!({ "status": { "conditions": [{ "type": kind, "status": "True" }] } });
    for kind in ["Ready", "ContainersReady"] {
        let (code, pod) = place.call(Method::PATCH, &path, media, condition(kind)).await;
        assert_eq!(code, 200, "{pod}");
    }
    let (_, pod) = place.get(&place.path("pods/a")).await;
    let all = pod["status"]["conditions"].as_array().expect("conditions");
    let mut types: Vec<_> = all.iter().filter_map(|one| one["type"].as_str()).collect();
    types.retain(|kind| kind.ends_with("Ready"));
    types.sort_unstable();
    assert_eq!(types, ["ContainersReady", "Ready"]);
}

async fn json_patch(place: Place) {
    let config = json!({ "metadata": { "name": "a" }, "data": { "k": "1" } });
    place.make(&place.path("configmaps"), config).await;
    let media = "application/json-patch+json";
    let path = place.path("configmaps/a");
    let steps = |known: &str| {
        json!([
            { "op": "test", "path": "/data/k", "value": known },
            { "op": "replace", "path": "/data/k", "value": "2" },
        ])
    };
    assert_eq!(place.call(Method::PATCH, &path, media, steps("0")).await.0, 422);
    let (code, patched) = place.call(Method::PATCH, &path, media, steps("1")).await;
    assert_eq!((code, patched["data"]["k"].as_str()), (200, Some("2")));
    assert_eq!(place.call(Method::PATCH, &path, "text/plain", json!({})).await.0, 415);
}

async fn namespace(place: Place) {
    let config = json!({ "metadata": { "name": "a" } });
    let path = "/api/v1/namespaces/nowhere/configmaps";
    let (code, status) = place.call(Method::POST, path, "", config).await;
    assert_eq!((code, status["details"]["kind"].as_str()), (404, Some("namespaces")), "{status}");
}

async fn finalizers(place: Place) {
    let config = json!({ "metadata": { "name": "a", "finalizers": ["example.org/hold"] } });
    place.make(&place.path("configmaps"), config).await;
    let path = place.path("configmaps/a");
    assert_eq!(place.call(Method::DELETE, &path, "", Value::Null).await.0, 200);
    let (code, held) = place.get(&path).await;
    assert_eq!(code, 200);
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    place.merge(&path, json!({ "metadata": { "finalizers": null } })).await;
    assert_eq!(place.get(&path).await.0, 404);
}

async fn node(place: Place) {
    let name = format!("node-{}", place.namespace);
    let made = place.make("/api/v1/nodes", json!({ "metadata": { "name": name } })).await;
    assert_eq!(made["spec"]["taints"][0]["key"], "node.kubernetes.io/not-ready");
    let path = format!("/api/v1/nodes/{name}");
    assert_eq!(place.call(Method::DELETE, &path, "", Value::Null).await.0, 200);
}

async fn custom(place: Place) {
    let group = format!("{}.example.org", place.namespace);
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = json!({
        "metadata": { "name": format!("things.{group}") },
        "spec": {
            "group": group,
            "names": { "kind": "Thing", "plural": "things", "singular": "thing" },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema":
                    { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    });
    place.make(definitions, definition).await;
    let things = format!("/apis/{group}/v1/namespaces/{}/things", place.namespace);
    let object = json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "Thing",
        "metadata": { "name": "a" },
        "spec": { "size": 3 },
    });
    let deadline = tokio::time::Instant::now() + super::SOON;
    while place.call(Method::POST, &things, "", object.clone()).await.0 != 201 {
        assert!(tokio::time::Instant::now() < deadline, "never served");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let list = loop {
        let (code, list) = place.get(&things).await;
        if code == 200 {
            break list;
        }
        // Its cache may still be filled.
        assert!(code == 429 && tokio::time::Instant::now() < deadline, "{list}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(list["kind"], "ThingList");
    assert_eq!(list["items"][0]["kind"], "Thing", "custom resources bear their type in lists");
    let changed = place.merge(&format!("{things}/a"), json!({ "spec": { "size": 4 } })).await;
    assert_eq!(changed["metadata"]["generation"], 2);
    let path = format!("{definitions}/things.{group}");
    assert_eq!(place.call(Method::DELETE, &path, "", Value::Null).await.0, 200);
}

pub async fn a_token_without_rights_is_forbidden(stranger: &Client) {
    let path = "/api/v1/namespaces/default/pods";
    let (code, status) = call(stranger, Method::GET, path, "", Value::Null).await;
    assert_eq!((code, status["reason"].as_str()), (403, Some("Forbidden")));
    let message = status["message"].as_str().expect("a message");
    assert!(message.starts_with("pods is forbidden: User \""), "{message}");
    let why = "cannot list resource \"pods\" in API group \"\" in the namespace \"default\"";
    assert!(message.ends_with(why), "{message}");
    let body = json!({ "data": {} });
    let path = "/api/v1/namespaces/default/configmaps/a";
    assert_eq!(call(stranger, Method::PATCH, path, MERGE, body).await.0, 403);
}

pub async fn no_token_is_unauthorized(anonymous: &Client) {
    let (code, status) = call(anonymous, Method::GET, "/api/v1/pods", "", Value::Null).await;
    assert_eq!((code, status["reason"].as_str()), (401, Some("Unauthorized")));
}
