//! Facts about what kubelets answer through the API server, where there are none.

use futures::FutureExt;
use serde_json::{Value, json};

use super::{Fact, Place};

pub const FACTS: &[Fact] = &[
    ("a pod without a node has an empty log", |p| unscheduled(p).boxed()),
    ("a log whose node is gone is not found, by the node's name", |p| node_gone(p).boxed()),
    ("a node without an address can't be asked", |p| unaddressed(p).boxed()),
    ("metrics that nobody serves are not found", |p| no_metrics(p).boxed()),
];

/// Makes a pod of this name on a node.
async fn pod_on(place: &Place, node: &str) {
    let object = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a" },
        "spec": { "nodeName": node, "containers": [{ "name": "c", "image": "i" }] },
    });
    place.make(&place.path("pods"), object).await;
}

async fn unscheduled(place: Place) {
    place.make_pod("a", json!({})).await;
    let (code, log) = place.get(&place.path("pods/a/log?container=c")).await;
    assert_eq!((code, log), (204, Value::String(String::new())));
}

async fn node_gone(place: Place) {
    let node = format!("node-{}", place.namespace);
    pod_on(&place, &node).await;
    let (code, failure) = place.get(&place.path("pods/a/log?container=c")).await;
    assert_eq!(code, 404, "{failure}");
    assert_eq!(failure["message"], format!("pods \"{node}\" not found"));
    let (code, failure) = place.get(&format!("/api/v1/nodes/{node}/proxy/stats/summary")).await;
    assert_eq!(code, 404, "{failure}");
    assert_eq!(failure["message"], format!("nodes \"{node}\" not found"));
}

async fn unaddressed(place: Place) {
    let node = format!("node-{}", place.namespace);
    let object = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": node } });
    place.make("/api/v1/nodes", object).await;
    pod_on(&place, &node).await;
    let path = format!("/api/v1/nodes/{node}");
    for asked in [place.path("pods/a/log?container=c"), format!("{path}/proxy/stats/summary")] {
        let (code, failure) = place.get(&asked).await;
        assert_eq!(code, 500, "{asked}: {failure}");
        let message = failure["message"].as_str().unwrap_or_default();
        assert!(message.contains("no preferred addresses found"), "{message}");
    }
    place.call(http::Method::DELETE, &path, "", Value::Null).await;
}

async fn no_metrics(place: Place) {
    let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods", place.namespace);
    assert_eq!(place.get(&path).await.0, 404);
}
