//! Facts about lists.

use futures::FutureExt;
use http::Method;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, PartialObjectMeta};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{Compact, Fact, Place, SOON, call, names, version};

pub const FACTS: &[Fact] = &[
    ("pages show one version, whatever happens between them", |p| pages(p).boxed()),
    ("items of Kubernetes' own kinds bear no type", |p| items(p).boxed()),
    ("labels select", |p| labels(p).boxed()),
    ("fields select, and unknown ones are refused", |p| fields(p).boxed()),
    ("a list at a future version is 504 after a while", |p| future(p).boxed()),
    ("lists at known versions are answered", |p| versions(p).boxed()),
    ("metadata is listed without specification and status", |p| metadata(p).boxed()),
    ("an absent object, kind and group are each 404", |p| absent(p).boxed()),
    ("a list in a namespace that is not there is empty", |p| no_namespace(p).boxed()),
    ("kube's client lists by pages", |p| typed(p).boxed()),
    ("health and version are told", |p| health(p).boxed()),
];

async fn pages(place: Place) {
    for pod in ["a", "b", "c", "d", "e"] {
        place.make_pod(pod, json!({})).await;
    }
    let first = place.pods("limit=2").await;
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    place.make_pod("bb", json!({})).await;
    let path = place.path("pods/c?gracePeriodSeconds=0");
    place.call(Method::DELETE, &path, "", Value::Null).await;
    let next = |list: &Value| {
        let token = list["metadata"]["continue"].as_str().expect("a token").to_owned();
        format!("limit=2&continue={token}")
    };
    let second = place.pods(&next(&first)).await;
    assert_eq!(names(&second), ["c", "d"], "as they were when the first page was shown");
    assert_eq!(version(&second), version(&first));
    let third = place.pods(&next(&second)).await;
    assert_eq!(names(&third), ["e"]);
    assert!(third["metadata"]["continue"].as_str().unwrap_or_default().is_empty());
    assert_eq!(names(&place.pods("").await), ["a", "b", "bb", "d", "e"]);
}

async fn items(place: Place) {
    place.make_pod("a", json!({})).await;
    let list = place.pods("").await;
    assert_eq!((list["kind"].as_str(), list["apiVersion"].as_str()), (Some("PodList"), Some("v1")));
    assert!(list["items"][0].get("kind").is_none(), "{list}");
}

async fn labels(place: Place) {
    place.make_pod("a", json!({ "app": "api", "tier": "back" })).await;
    place.make_pod("b", json!({ "app": "ui" })).await;
    let rows: [(&str, &[&str]); 7] = [
        ("app%3Dapi", &["a"]),
        ("app%3D%3Dapi", &["a"]),
        ("app!%3Dapi", &["b"]),
        ("app%20in%20(api,ui)", &["a", "b"]),
        ("app%20notin%20(api)", &["b"]),
        ("tier", &["a"]),
        ("!tier,app", &["b"]),
    ];
    for (selector, wanted) in rows {
        let list = place.pods(&format!("labelSelector={selector}")).await;
        assert_eq!(names(&list), wanted, "{selector}");
    }
    let (code, status) = place.get(&place.path("pods?labelSelector=a%20like%20b")).await;
    assert_eq!((code, status["reason"].as_str()), (400, Some("BadRequest")));
}

async fn fields(place: Place) {
    place.make_pod("a", json!({})).await;
    place.make_pod("b", json!({})).await;
    place.merge(&place.path("pods/b/status"), json!({ "status": { "phase": "Running" } })).await;
    let namespace = &place.namespace;
    let rows: [(&str, &[&str]); 4] = [
        ("metadata.name%3Da", &["a"]),
        ("status.phase%3DRunning", &["b"]),
        ("status.phase!%3DRunning", &["a"]),
        (&format!("metadata.namespace%3D{namespace}"), &["a", "b"]),
    ];
    for (selector, wanted) in rows {
        let list = place.pods(&format!("fieldSelector={selector}")).await;
        assert_eq!(names(&list), wanted, "{selector}");
    }
    let (code, status) = place.get(&place.path("pods?fieldSelector=spec.nothing%3Da")).await;
    assert_eq!((code, status["reason"].as_str()), (400, Some("BadRequest")));
}

async fn future(place: Place) {
    let ahead = version(&place.pods("").await) + 1_000_000;
    let (code, status) = place.get(&place.path(&format!("pods?resourceVersion={ahead}"))).await;
    assert_eq!((code, status["reason"].as_str()), (504, Some("Timeout")));
    assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    assert_eq!(status["details"]["retryAfterSeconds"], 1);
}

async fn versions(place: Place) {
    let before = version(&place.pods("").await);
    let made = version(&place.make_pod("a", json!({})).await);
    assert_eq!(names(&place.pods(&format!("resourceVersion={made}")).await), ["a"]);
    // Any version may be shown for 0, but it does not stay behind.
    let deadline = tokio::time::Instant::now() + SOON;
    while names(&place.pods("resourceVersion=0").await) != ["a"] {
        assert!(tokio::time::Instant::now() < deadline, "never shown");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let exact = format!("resourceVersion={before}&resourceVersionMatch=Exact");
    let exact = place.pods(&exact).await;
    assert_eq!((names(&exact), version(&exact)), (vec![], before));
}

async fn metadata(place: Place) {
    place.make_pod("a", json!({})).await;
    let api: Api<PartialObjectMeta<Pod>> = Api::namespaced(place.client.clone(), &place.namespace);
    let list = api.list(&ListParams::default()).await.expect("a list");
    assert_eq!(list.items[0].metadata.name.as_deref(), Some("a"));
    let types = list.items[0].types.as_ref().expect("types");
    assert_eq!(types.kind, "PartialObjectMetadata");
}

async fn absent(place: Place) {
    let (code, status) = place.get(&place.path("pods/none")).await;
    assert_eq!((code, status["reason"].as_str()), (404, Some("NotFound")));
    assert_eq!(status["details"], json!({ "name": "none", "kind": "pods" }));
    assert_eq!(status["message"], "pods \"none\" not found");
    assert_eq!(place.get("/apis/nobody.example/v1/things").await.0, 404);
    assert_eq!(place.get("/apis/apps/v1/things").await.0, 404);
}

async fn no_namespace(place: Place) {
    let (code, list) = place.get("/api/v1/namespaces/nowhere/pods").await;
    assert_eq!((code, names(&list)), (200, vec![]));
}

async fn typed(place: Place) {
    for pod in ["a", "b", "c"] {
        place.make_pod(pod, json!({})).await;
    }
    let api: Api<Pod> = Api::namespaced(place.client.clone(), &place.namespace);
    let first = api.list(&ListParams::default().limit(2)).await.expect("a page");
    assert_eq!(first.items.len(), 2);
    let token = first.metadata.continue_.expect("a token");
    let rest = api.list(&ListParams::default().limit(2).continue_token(&token)).await;
    assert_eq!(rest.expect("a page").items.len(), 1);
    let absent = api.get("none").await.expect_err("there is none");
    let kube::Error::Api(status) = absent else { panic!("{absent}") };
    assert!(status.is_not_found());
}

async fn health(place: Place) {
    for path in ["/readyz", "/livez", "/healthz"] {
        assert_eq!(place.get(path).await, (200, json!("ok")), "{path}");
    }
    let (code, report) = place.get("/readyz?verbose").await;
    assert_eq!(code, 200);
    assert!(report.as_str().expect("text").contains("[+]etcd ok\n"), "{report}");
    assert!(place.client.apiserver_version().await.is_ok());
    let groups = place.client.list_api_groups().await.expect("groups");
    assert!(groups.groups.iter().any(|group| group.name == "apps"));
}

/// Where versions can be made to vanish: a page from one is 410, with a token that goes on anyhow.
///
/// Events, because real servers keep no cache of them: pages of others come from it for a while.
pub async fn a_page_after_compaction_is_expired(client: &Client, compact: &Compact) {
    let get = |query: String| async move {
        let path = format!("/api/v1/namespaces/default/events?limit=1&continue={query}");
        call(client, Method::GET, &path, "", Value::Null).await
    };
    let token = |list: &Value| list["metadata"]["continue"].as_str().expect("a token").to_owned();
    for name in ["a", "b"] {
        let event = json!({
            "metadata": { "name": name },
            "involvedObject": { "kind": "Namespace", "namespace": "default", "name": "default" },
        });
        let path = "/api/v1/namespaces/default/events";
        let (code, made) = call(client, Method::POST, path, "", event).await;
        assert_eq!(code, 201, "{made}");
    }
    let (code, first) = get(String::new()).await;
    assert_eq!(code, 200);
    compact().await;
    let (code, status) = get(token(&first)).await;
    assert_eq!((code, status["reason"].as_str()), (410, Some("Expired")), "{status}");
    let (code, rest) = get(token(&status)).await;
    assert_eq!(code, 200);
    assert_ne!(names(&rest), names(&first));
}
