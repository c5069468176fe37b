//! `nodes` against an API server.

use serde_json::{Value, json};
use vigie::checks::nodes::Nodes;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::needs::{Needs, Watch};
use vigie::model::reason::Reason;
use vigie::systems::kubernetes::Table;
use vigie::systems::kubernetes::node::{NODES, Node};
use vigie_sim::kubernetes::{Rule, User};

use super::Provocation;
use crate::kubernetes::{Cluster, brisk, now, pod, trouble, until, with};

const CHECK: &str = "nodes: {}";
const ROOM: &str = "nodes: { needed: { cpu: 3, memory: 6Gi, pods: 5 }, largest: { cpu: 2 } }";

fn condition(kind: &str, status: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": "KubeletSays", "message": "so it is",
        "lastHeartbeatTime": now(), "lastTransitionTime": now(),
    })
}

/// A node of 4 cores, 8 GiB and 10 pods.
pub fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "pool": "apps" } },
        "spec": { "podCIDR": "10.0.0.0/24" },
        "status": {
            "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "10" },
            "conditions": [
                condition("MemoryPressure", "False"),
                condition("DiskPressure", "False"),
                condition("PIDPressure", "False"),
                condition("NetworkUnavailable", "False"),
                condition("Ready", "True"),
            ],
        },
    })
}

fn told(number: usize, status: &str) -> Value {
    with(node("a"), &format!("/status/conditions/{number}/status"), json!(status))
}

/// A running pod on node `a`.
fn bound(name: &str, requests: &Value) -> Value {
    let pod = with(pod(name), "/spec/nodeName", json!("a"));
    with(pod, "/spec/containers/0/resources", json!({ "requests": requests }))
}

/// What is said of this node beside a good one.
async fn of(minutes: i64, object: Value) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(object);
    cluster.put(node("good"));
    cluster.advance(minutes);
    cluster.look(CHECK).await
}

async fn too_few() -> Judgement {
    Cluster::start().await.look(CHECK).await
}

/// What is said of a node of 4 cores, 8 GiB and 10 pods, with pods that ask for these.
async fn with_load(check: &str, requests: impl IntoIterator<Item = Value>) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(node("a"));
    for (number, requests) in requests.into_iter().enumerate() {
        cluster.put(bound(&format!("load-{number}"), &requests));
    }
    cluster.look(check).await
}

fn cordoned() -> Value {
    with(node("a"), "/spec/unschedulable", json!(true))
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { Nodes:
        "TooFew" Fail too_few();
        "NotReady" Warn of(4, told(4, "False"));
        "NotReady" Fail of(6, told(4, "False"));
        "NodeLost" Fail of(0, told(4, "Unknown"));
        "MemoryPressure" Fail of(0, told(0, "True"));
        "DiskPressure" Fail of(0, told(1, "True"));
        "PIDPressure" Fail of(0, told(2, "True"));
        "NetworkUnavailable" Fail of(0, told(3, "True"));
        "Cordoned" Warn of(0, cordoned());
        "InsufficientCpu" Fail with_load(ROOM, [json!({ "cpu": "1001m" })]);
        "InsufficientMemory" Fail with_load(ROOM, [json!({ "memory": "2.5Gi" })]);
        "InsufficientPods" Fail with_load(ROOM, [json!({}), json!({}), json!({}), json!({}), json!({}), json!({})]);
        "NoRoom" Fail with_load("nodes: { largest: { cpu: 2 } }", [json!({ "cpu": "2001m" })]);
        "ClockSkew" Unknown of(-60, told(4, "False"));
        "Garbled" Unknown of(0, with(node("a"), "/status/allocatable/cpu", json!("lots")));
        "WatchRunning" Unknown trouble::running(CHECK);
        "StreamDown" Unknown trouble::down(CHECK);
        "StreamSilent" Unknown trouble::silent(CHECK);
        "Forbidden" Unknown trouble::forbidden(CHECK);
        "Unauthorized" Unknown trouble::unauthorized(CHECK);
        "KindUnknown" Unknown trouble::kind_unknown(CHECK);
        "NoAccess" Unknown trouble::no_access(CHECK);
    }
}

#[tokio::test]
async fn every_reason_of_nodes_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn what_is_ready_and_has_room_passes() {
    let judgement = with_load(ROOM, [json!({ "cpu": "500m", "memory": "1Gi" })]).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let lines: Vec<&str> = judgement.lines().iter().map(|line| &*line.because).collect();
    assert_eq!(
        lines,
        [
            "1 node is ready and takes pods; at least 1 wanted",
            "3.5 cores are free; at least 3 cores needed",
            "7 GiB are free; at least 6 GiB needed",
            "9 pods are free; at least 5 pods needed",
            "a has 3.5 cores and 7 GiB free; 2 cores and 0 B needed on one node",
        ]
    );
}

#[tokio::test]
async fn a_pod_that_ends_or_goes_gives_its_room_back() {
    let cluster = Cluster::start().await;
    cluster.put(node("a"));
    let all = json!({ "cpu": "4" });
    cluster.put(bound("greedy", &all));
    assert_eq!(cluster.look(ROOM).await.reason(), Some(Reason::new("InsufficientCpu")));
    cluster.remove("pods/shop/greedy");
    let passes = |judgement: &Judgement| judgement.verdict() == Verdict::Pass;
    let judgement = until(async || cluster.look(ROOM).await, passes).await;
    assert!(passes(&judgement), "{}", judgement.because());
}

#[tokio::test]
async fn who_may_see_nodes_and_no_pods_is_told_of_nodes_alone() {
    let mut cluster = Cluster::start().await;
    cluster.put(told(0, "True"));
    let rule = Rule::cluster(&["list", "watch"], &[""], &["nodes"]);
    cluster.server.admit("t0ken", User::new("vigie", vec![rule]));
    let token = cluster.file("token", "t0ken\n");
    let connection = cluster.connection(&format!("token: {{ file: '{}' }}", token.display()));
    cluster.connect(&connection, brisk());
    let judgement = cluster.look(ROOM).await;
    assert_eq!(judgement.reason(), Some(Reason::new("MemoryPressure")), "{}", judgement.because());
    let codes: Vec<_> = judgement.lines().iter().filter_map(|line| line.reason).collect();
    assert!(codes.contains(&Reason::FORBIDDEN), "{codes:?}");
}

#[tokio::test]
async fn a_heartbeat_wakes_nobody_and_pressure_does() {
    let cluster = Cluster::start().await;
    cluster.put(node("a"));
    let watch = Watch::all(NODES);
    let needs = Needs { watches: vec![watch.clone()], ..Needs::default() };
    cluster.look(CHECK).await;
    let kubernetes = &cluster.systems.kubernetes;
    let revision = kubernetes.revision(&watch).expect("a watch");
    let before = *revision.borrow();
    let mut beating = node("a");
    for condition in beating["status"]["conditions"].as_array_mut().expect("conditions") {
        condition["lastHeartbeatTime"] = json!("2031-01-01T00:00:00Z");
    }
    beating["status"]["conditions"][4]["lastTransitionTime"] = {
        let seen = |table: &Table<Node>| table.records().next().and_then(|node| node.since);
        json!(kubernetes.read(&needs, &watch, seen).expect("nodes").expect("a time"))
    };
    cluster.put(beating.clone());
    cluster.put(node("b"));
    let two = |table: &Table<Node>| table.records().count() == 2;
    let came = until(async || kubernetes.read(&needs, &watch, two).unwrap_or(false), |came| *came);
    assert!(came.await, "the other node, which came after the heartbeat");
    assert_eq!(*revision.borrow(), before + 1, "the other node alone is news");
    cluster.put(with(beating, "/status/conditions/0/status", json!("True")));
    let judgement = cluster.look_until(CHECK, Reason::new("MemoryPressure")).await;
    assert_eq!(judgement.reason(), Some(Reason::new("MemoryPressure")));
}
