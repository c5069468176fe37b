//! Several watches: shared where they are the same, apart where they are not.

use std::collections::BTreeSet;

use serde_json::json;
use vigie::model::finding::Verdict;
use vigie::model::needs::{Form, Needs, Watch};
use vigie::systems::kubernetes::pod::Pod;
use vigie::systems::kubernetes::whole::{Metadata, Whole};
use vigie::systems::kubernetes::{PODS, Record, Table};
use vigie_sim::kubernetes::Blow;

use super::{Cluster, NAMESPACE, deployment, pod, until, with};
use crate::support;

#[tokio::test]
async fn items_that_need_the_same_watch_share_it() {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    cluster.put(deployment("web"));
    let checks = [
        "pods: { namespaces: [shop], concerns: [images] }",
        "pods: { namespaces: [shop] }",
        "workloads: { namespaces: [shop], at_most: { web: 2 } }",
    ];
    let needs = checks.map(|check| support::check(check).needs().watches);
    let wanted: BTreeSet<Watch> = needs.iter().flatten().cloned().collect();
    let kubernetes = &cluster.systems.kubernetes;
    kubernetes.keep(&wanted);
    kubernetes.settled(&wanted.iter().cloned().collect::<Vec<_>>()).await;
    assert_eq!(cluster.server.open_watches("pods"), 1);
    let requests = kubernetes.requests();
    let resources: BTreeSet<&str> = requests.keys().map(|[_, resource, _]| &**resource).collect();
    assert!(resources.contains("statefulsets.apps"), "two of them need it: {resources:?}");
    assert!(requests.values().all(|count| *count == 1), "{requests:?}");
}

/// The names in a watch.
fn names<R: Record>(cluster: &Cluster, watch: &Watch, name: fn(&R) -> &str) -> Vec<String> {
    let needs = Needs { watches: vec![watch.clone()], ..Needs::default() };
    let names = |table: &Table<R>| table.records().map(|one| name(one).to_owned()).collect();
    cluster.systems.kubernetes.read(&needs, watch, names).expect("a watch that is believed")
}

#[tokio::test]
async fn watches_that_differ_by_name_selector_or_form_are_apart_and_each_is_right() {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    cluster.put(with(pod("b"), "/metadata/labels", json!({ "app": "api" })));
    let all = Watch::all(PODS).within(NAMESPACE);
    let api = Watch { selector: Some("app=api".to_owned()), ..all.clone() };
    let (one, absent) = (all.clone().named("a"), all.clone().named("absent"));
    let (whole, metadata) =
        (all.clone().keeping(Form::Whole), all.clone().named("b").keeping(Form::Metadata));
    let watches = [&all, &api, &one, &absent, &whole, &metadata].map(Watch::clone);
    let kubernetes = &cluster.systems.kubernetes;
    kubernetes.keep(&watches.iter().cloned().collect());
    kubernetes.settled(&watches).await;
    let pods = |watch| names::<Pod>(&cluster, watch, |pod| &pod.name);
    assert_eq!(pods(&all), ["a", "b"]);
    assert_eq!(pods(&api), ["b"]);
    assert_eq!(pods(&one), ["a"]);
    assert_eq!(pods(&absent), Vec::<String>::new(), "what is absent is no obstacle");
    assert_eq!(names::<Whole>(&cluster, &whole, |pod| &pod.name), ["a", "b"]);
    assert_eq!(names::<Metadata>(&cluster, &metadata, |pod| &pod.name), ["b"]);
    assert_eq!(kubernetes.streams().len(), watches.len());
    assert!(kubernetes.streams().iter().all(|stream| stream.up && stream.last_heard.is_some()));
    // One that is cut is opened again by itself, and what is new comes to those whom it concerns.
    cluster.server.blow(Blow::Cut);
    cluster.put(pod("absent"));
    let seen = until(async || pods(&absent), |seen| seen == &["absent"]).await;
    assert_eq!(seen, ["absent"]);
    assert_eq!(pods(&one), ["a"]);
}

#[tokio::test]
async fn a_pod_that_moves_out_of_a_selector_is_gone_from_that_watch_alone() {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    cluster.put(pod("b"));
    let check = "pods: { namespaces: [shop], selector: app=web, min_count: 2 }";
    assert_eq!(cluster.look(check).await.verdict(), Verdict::Pass);
    cluster.put(with(pod("b"), "/metadata/labels", json!({ "app": "api" })));
    let few = vigie::model::reason::Reason::new("TooFew");
    assert_eq!(cluster.look_until(check, few).await.reason(), Some(few));
}
