//! Facts about watches.

use futures::{FutureExt, StreamExt, TryStreamExt};
use http::Method;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{WatchEvent, WatchParams};
use serde_json::{Value, json};

use super::{Fact, Lines, Place, name, read, version};

pub const FACTS: &[Fact] = &[
    ("a change arrives as an event, its type before its object", |p| change(p).boxed()),
    ("a watch ends cleanly at its timeout, after a bookmark", |p| bookmark(p).boxed()),
    ("a streaming list ends with an annotated bookmark", |p| streaming(p).boxed()),
    ("initial events need resourceVersionMatch", |p| streaming_needs_matching(p).boxed()),
    ("a watch from a version that is gone is 200 and an ERROR 410", |p| gone(p).boxed()),
    ("a watch from 0 begins with what there is", |p| from_zero(p).boxed()),
    ("a watch from a known version replays what came after", |p| replay(p).boxed()),
    ("a watch from the future is silent", |p| future(p).boxed()),
    ("objects enter and leave a selection as ADDED and DELETED", |p| selection(p).boxed()),
    ("a deletion shows the last state with a newer version", |p| deletion(p).boxed()),
    ("a pod is marked before it is deleted", |p| marked(p).boxed()),
    ("metadata is watched without specification and status", |p| metadata(p).boxed()),
    ("kube's client reads watches", |p| typed(p).boxed()),
];

async fn change(place: Place) {
    place.make_pod("a", json!({})).await;
    let from = version(&place.pods("").await);
    let mut lines = place.watch(&format!("resourceVersion={from}")).await;
    let status = json!({ "status": { "phase": "Running" } });
    let patched = place.merge(&place.path("pods/a/status"), status).await;
    let line = lines.line().await.expect("a line");
    assert!(line.starts_with(r#"{"type":"MODIFIED","object":"#), "{line}");
    let (_, object) = read(&line);
    assert_eq!(object["status"]["phase"], "Running");
    assert_eq!((object["kind"].as_str(), object["apiVersion"].as_str()), (Some("Pod"), Some("v1")));
    assert_eq!(version(&object), version(&patched));
    assert!(version(&object) > from);
}

async fn bookmark(place: Place) {
    let from = version(&place.pods("").await);
    let query = format!("resourceVersion={from}&allowWatchBookmarks=true&timeoutSeconds=3");
    let events = place.watch(&query).await.rest().await;
    let (word, object) = events.last().expect("an event before the end");
    assert_eq!(word, "BOOKMARK");
    assert_eq!(object["kind"], "Pod");
    assert!(version(object) >= from);
    let query = format!("resourceVersion={from}&timeoutSeconds=2");
    assert_eq!(place.watch(&query).await.rest().await, [], "no bookmark that was not asked for");
}

async fn streaming(place: Place) {
    for pod in ["a", "b", "c"] {
        place.make_pod(pod, json!({})).await;
    }
    let query = "resourceVersionMatch=NotOlderThan&sendInitialEvents=true&allowWatchBookmarks=true";
    let mut lines = place.watch(query).await;
    let mut seen = Vec::new();
    let end = loop {
        let (word, object) = read(&lines.line().await.expect("a line"));
        if word == "BOOKMARK" {
            break object;
        }
        assert_eq!(word, "ADDED");
        seen.push(name(&object).to_owned());
    };
    seen.sort();
    assert_eq!(seen, ["a", "b", "c"]);
    assert_eq!(end["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    place.make_pod("d", json!({})).await;
    let (word, object) = lines.event().await;
    assert_eq!((word.as_str(), name(&object)), ("ADDED", "d"));
    assert!(version(&object) > version(&end));
}

async fn streaming_needs_matching(place: Place) {
    let (code, status) = place.get(&place.path("pods?watch=1&sendInitialEvents=true")).await;
    assert_eq!((code, status["reason"].as_str()), (422, Some("Invalid")), "{status}");
}

async fn gone(place: Place) {
    let events = place.watch("resourceVersion=1&timeoutSeconds=5").await.rest().await;
    let [(word, status)] = events.as_slice() else { panic!("one event: {events:?}") };
    assert_eq!(word, "ERROR");
    assert_eq!(status["kind"], "Status");
    assert_eq!(status["code"], 410);
    assert_eq!(status["reason"], "Expired");
}

async fn from_zero(place: Place) {
    place.make_pod("a", json!({})).await;
    place.make_pod("b", json!({})).await;
    let mut lines = place.watch("resourceVersion=0").await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (word, object) = lines.event().await;
        assert_eq!(word, "ADDED");
        seen.push(name(&object).to_owned());
    }
    seen.sort();
    assert_eq!(seen, ["a", "b"]);
}

async fn replay(place: Place) {
    let from = version(&place.pods("").await);
    place.make_pod("a", json!({})).await;
    place.merge(&place.path("pods/a"), json!({ "metadata": { "labels": { "x": "y" } } })).await;
    let mut lines = place.watch(&format!("resourceVersion={from}")).await;
    assert_eq!(lines.event().await.0, "ADDED");
    assert_eq!(lines.event().await.0, "MODIFIED");
}

async fn future(place: Place) {
    let ahead = version(&place.pods("").await) + 1_000_000;
    let query = format!("resourceVersion={ahead}&timeoutSeconds=2");
    let lines = place.watch(&query).await;
    place.make_pod("a", json!({})).await;
    assert_eq!(lines.rest().await, []);
}

async fn selection(place: Place) {
    let from = version(&place.pods("").await);
    let query = format!("resourceVersion={from}&labelSelector=app%3Din");
    let mut lines = place.watch(&query).await;
    place.make_pod("a", json!({ "app": "out" })).await;
    let label = |app: &str| json!({ "metadata": { "labels": { "app": app } } });
    place.merge(&place.path("pods/a"), label("in")).await;
    place.merge(&place.path("pods/a"), label("out")).await;
    let (word, object) = lines.event().await;
    assert_eq!((word.as_str(), &object["metadata"]["labels"]["app"]), ("ADDED", &json!("in")));
    let (word, last) = lines.event().await;
    assert_eq!((word.as_str(), &last["metadata"]["labels"]["app"]), ("DELETED", &json!("in")));
    assert!(version(&last) > version(&object));
}

async fn deletion(place: Place) {
    let config = json!({ "metadata": { "name": "a" } });
    let made = place.make(&place.path("configmaps"), config).await;
    let query = format!("configmaps?watch=true&resourceVersion={}", version(&made));
    let mut lines = Lines::open(&place.client, &place.path(&query)).await;
    let path = place.path("configmaps/a");
    let (code, _) = place.call(Method::DELETE, &path, "", Value::Null).await;
    assert_eq!(code, 200);
    let (word, last) = lines.event().await;
    assert_eq!((word.as_str(), name(&last)), ("DELETED", "a"));
    assert!(version(&last) > version(&made));
    assert_eq!(place.get(&path).await.0, 404);
}

async fn marked(place: Place) {
    let made = place.make_pod("a", json!({})).await;
    let mut lines = place.watch(&format!("resourceVersion={}", version(&made))).await;
    let path = place.path("pods/a?gracePeriodSeconds=0");
    let (code, _) = place.call(Method::DELETE, &path, "", Value::Null).await;
    assert_eq!(code, 200);
    let mut before = version(&made);
    for wanted in ["MODIFIED", "DELETED"] {
        let (word, object) = lines.event().await;
        assert_eq!((word.as_str(), name(&object)), (wanted, "a"));
        assert!(object["metadata"]["deletionTimestamp"].is_string(), "{object}");
        assert_eq!(object["metadata"]["deletionGracePeriodSeconds"], 0);
        assert!(version(&object) > before);
        before = version(&object);
    }
    assert_eq!(place.get(&place.path("pods/a")).await.0, 404);
}

async fn metadata(place: Place) {
    place.make_pod("a", json!({ "app": "x" })).await;
    let request = http::Request::get(place.path("pods?watch=1&resourceVersion=0&timeoutSeconds=2"))
        .header("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
        .body(Vec::new())
        .expect("a request");
    let text = place.client.request_text(request).await.expect("an answer");
    let (word, object) = read(text.lines().next().expect("a line"));
    assert_eq!(word, "ADDED");
    assert_eq!(object["kind"], "PartialObjectMetadata");
    assert_eq!(object["apiVersion"], "meta.k8s.io/v1");
    assert_eq!(object["metadata"]["labels"]["app"], "x");
    assert!(object.get("spec").is_none() && object.get("status").is_none(), "{object}");
}

async fn typed(place: Place) {
    let made = place.make_pod("a", json!({})).await;
    let api: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    let parameters = WatchParams::streaming_lists();
    // At `0` any state of the server's cache would do, one without the pod, too.
    let mut events =
        api.watch(&parameters, &version(&made).to_string()).await.expect("a watch").boxed();
    let first = events.try_next().await.expect("no error").expect("an event");
    let WatchEvent::Added(pod) = first else { panic!("{first:?}") };
    assert_eq!(pod.metadata.name.as_deref(), Some("a"));
    let second = events.try_next().await.expect("no error").expect("an event");
    let WatchEvent::Bookmark(mark) = second else { panic!("{second:?}") };
    assert_eq!(mark.metadata.annotations["k8s.io/initial-events-end"], "true");
}
