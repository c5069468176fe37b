//! Watches of one object, of whole objects, of metadata; and requests outside of watches.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use vigie::model::needs::{Form, Needs, Right, Watch};
use vigie::model::reason::Reason;
use vigie::systems::kubernetes::whole::{Metadata, Whole};
use vigie::systems::kubernetes::{Ask, PODS, Refused, Table};

use super::{Cluster, NAMESPACE, pod, with};

async fn kept(cluster: &Cluster, watch: &Watch) -> Needs {
    let kubernetes = &cluster.systems.kubernetes;
    kubernetes.keep(&[watch.clone()].into());
    kubernetes.settled(std::slice::from_ref(watch)).await;
    Needs { watches: vec![watch.clone()], ..Needs::default() }
}

#[tokio::test]
async fn a_watch_by_name_brings_that_object_alone() {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    cluster.put(pod("b"));
    let watch = Watch::all(PODS).within(NAMESPACE).named("b").keeping(Form::Metadata);
    let needs = kept(&cluster, &watch).await;
    let names = |table: &Table<Metadata>| {
        table.records().map(|pod| pod.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(cluster.systems.kubernetes.read(&needs, &watch, names).unwrap(), ["b"]);
    let asked = cluster.server.requests();
    assert!(asked.iter().all(|request| request.query.contains("metadata.name%3Db")), "{asked:?}");
}

#[tokio::test]
async fn a_whole_object_is_kept_without_its_managed_fields() {
    let cluster = Cluster::start().await;
    cluster.put(with(pod("a"), "/metadata/annotations", json!({ "note": "kept" })));
    let watch = Watch::all(PODS).within(NAMESPACE).keeping(Form::Whole);
    let needs = kept(&cluster, &watch).await;
    let object = |table: &Table<Whole>| table.records().next().map(|pod| pod.object.clone());
    let object = cluster.systems.kubernetes.read(&needs, &watch, object).unwrap().unwrap();
    assert_eq!(object["metadata"]["annotations"]["note"], "kept");
    assert_eq!(object["status"]["phase"], "Running");
    assert_eq!(object["metadata"].get("managedFields"), None);
}

#[tokio::test]
async fn of_metadata_nothing_else_is_sent() {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    let watch = Watch::all(PODS).within(NAMESPACE).keeping(Form::Metadata);
    let needs = kept(&cluster, &watch).await;
    let labels = |table: &Table<Metadata>| {
        table.records().map(|pod| pod.labels.get("app").cloned()).collect::<Vec<_>>()
    };
    let labels = cluster.systems.kubernetes.read(&needs, &watch, labels).unwrap();
    assert_eq!(labels, [Some("web".into())]);
    let whole = |table: &Table<Whole>| table.records().count();
    let refused = cluster.systems.kubernetes.read(&needs, &watch, whole).unwrap_err();
    assert_eq!(refused.reason, Reason::UNDECLARED);
}

async fn ask(cluster: &Cluster, declared: bool, path: &str) -> Result<Value, Refused> {
    let right = Right {
        verb: "get",
        group: Cow::Borrowed(""),
        resource: Cow::Borrowed("pods"),
        namespace: Some(NAMESPACE.to_owned()),
        name: None,
    };
    let rights = if declared { vec![right.clone()] } else { Vec::new() };
    let needs = Needs { rights, ..Needs::default() };
    let ask = Ask {
        right: &right,
        path,
        post: None,
        metadata_only: true,
        longest: 4096,
        until: Instant::now() + Duration::from_secs(10),
    };
    let body = cluster.systems.kubernetes.ask(&needs, ask).await?;
    Ok(serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_served_are_told_apart() {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    let object = ask(&cluster, true, "/api/v1/namespaces/shop/pods/a").await.unwrap();
    assert_eq!(object["kind"], "PartialObjectMetadata");
    let absent = ask(&cluster, true, "/api/v1/namespaces/shop/pods/b").await.unwrap_err();
    assert!(absent.absent && absent.code == Some(404), "{absent:?}");
    let unserved = ask(&cluster, true, "/apis/example.org/v1/things").await.unwrap_err();
    assert!(!unserved.absent && unserved.code == Some(404), "{unserved:?}");
    assert_eq!(unserved.obstacle.reason, Reason::KIND_UNKNOWN);
    let counts = cluster.systems.kubernetes.requests();
    let key = |code: &str| ["get", "pods", code].map(str::to_owned);
    assert_eq!((counts[&key("200")], counts[&key("404")]), (1, 2));
}

#[tokio::test]
async fn a_right_that_is_not_declared_is_not_used() {
    let cluster = Cluster::start().await;
    let refused = ask(&cluster, false, "/api/v1/namespaces/shop/pods/a").await.unwrap_err();
    assert_eq!(refused.obstacle.reason, Reason::UNDECLARED);
    assert!(cluster.server.requests().is_empty());
}
