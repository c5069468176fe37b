//! `nodes`, wherever it looks. Nodes are everybody's: each case selects its own by a label.

use serde_json::{Value, json};
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{now, pod, with};

pub const CASES: &[Case] = cases! {
    "a node that is ready passes until its kubelet is lost" => lost;
    "a node that has just joined takes no pods" => joining;
    "a node that is not ready warns, then fails" => not_ready;
    "pressure fails, a cordon warns" => pressure;
    "what pods request is missing where more is needed" => room;
    "without the right to see nodes nothing is said" => forbidden;
    "without the right to see pods nodes are judged all the same" => forbidden_pods;
};

fn check(ground: &Ground, more: &str) -> String {
    format!("nodes: {{ selector: pool={}, {more} }}", ground.namespace())
}

fn condition(kind: &str, status: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": "KubeletSays", "message": "so it is",
        "lastHeartbeatTime": now(), "lastTransitionTime": now(),
    })
}

/// A node of 4 cores, 8 GiB and 10 pods.
fn node(ground: &Ground) -> Value {
    let size = json!({ "cpu": "4", "memory": "8Gi", "pods": "10" });
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": ground.own("node"), "labels": { "pool": ground.namespace() } },
        "spec": {},
        "status": {
            "capacity": size, "allocatable": size,
            "conditions": [
                condition("MemoryPressure", "False"),
                condition("DiskPressure", "False"),
                condition("PIDPressure", "False"),
                condition("Ready", "True"),
            ],
        },
    })
}

fn told(ground: &Ground, number: usize, status: &str) -> Value {
    with(node(ground), &format!("/status/conditions/{number}/status"), json!(status))
}

/// A node as it is once the node controller has taken its first taint away.
async fn settled(ground: &Ground) {
    ground.put(node(ground)).await;
    ground.put(node(ground)).await;
}

async fn lost(ground: &Ground) {
    let check = check(ground, "");
    ground.fails(&check, "TooFew").await;
    settled(ground).await;
    ground.passes(&check).await;
    ground.put(told(ground, 3, "Unknown")).await;
    ground.fails(&check, "NodeLost").await;
    ground.put(node(ground)).await;
    ground.passes(&check).await;
    ground.remove(&node(ground)).await;
    ground.fails(&check, "TooFew").await;
}

async fn joining(ground: &Ground) {
    ground.put(node(ground)).await;
    ground.fails(&check(ground, ""), "TooFew").await;
    let tolerated = "tolerated_taints: ['node.kubernetes.io/not-ready:NoSchedule']";
    ground.passes(&check(ground, tolerated)).await;
    ground.put(node(ground)).await;
    ground.passes(&check(ground, "")).await;
    ground.remove(&node(ground)).await;
}

async fn not_ready(ground: &Ground) {
    let check = check(ground, "");
    settled(ground).await;
    ground.put(told(ground, 3, "False")).await;
    let warns = |judgement: &Judgement| {
        let lines = judgement.lines();
        let own = lines.iter().find(|line| line.reason == Some(Reason::new("NotReady")));
        own.is_some_and(|line| line.verdict == Verdict::Warn)
    };
    ground.sees(&check, "a node that is not ready", warns).await;
    ground.advance(6);
    ground.fails(&check, "NotReady").await;
    ground.put(node(ground)).await;
    ground.passes(&check).await;
    ground.remove(&node(ground)).await;
}

async fn pressure(ground: &Ground) {
    let check = check(ground, "");
    let other = with(node(ground), "/metadata/name", json!(ground.own("other")));
    ground.put(other.clone()).await;
    ground.put(other.clone()).await;
    settled(ground).await;
    for (number, reason) in ["MemoryPressure", "DiskPressure", "PIDPressure"].iter().enumerate() {
        ground.put(told(ground, number, "True")).await;
        ground.fails(&check, reason).await;
    }
    ground.put(with(node(ground), "/spec/unschedulable", json!(true))).await;
    ground.warns(&check, "Cordoned").await;
    ground.put(node(ground)).await;
    ground.passes(&check).await;
    ground.remove(&other).await;
    ground.remove(&node(ground)).await;
}

async fn room(ground: &Ground) {
    let check = check(ground, "needed: { cpu: 3, memory: 6Gi, pods: 5 }");
    settled(ground).await;
    let greedy = with(pod("greedy"), "/spec/nodeName", json!(ground.own("node")));
    let requests = json!({ "requests": { "cpu": "1500m", "memory": "1Gi" } });
    let greedy = with(greedy, "/spec/containers/0/resources", requests);
    ground.passes(&check).await;
    ground.put(greedy.clone()).await;
    ground.fails(&check, "InsufficientCpu").await;
    ground.remove(&greedy).await;
    ground.passes(&check).await;
    ground.remove(&node(ground)).await;
}

async fn forbidden(ground: &Ground) {
    settled(ground).await;
    let judgement = ground.lacks(&check(ground, ""), "nodes").await;
    assert_eq!(judgement.verdict(), Verdict::Unknown, "{}", judgement.because());
    ground.remove(&node(ground)).await;
}

async fn forbidden_pods(ground: &Ground) {
    settled(ground).await;
    ground.put(told(ground, 0, "True")).await;
    let judgement = ground.lacks(&check(ground, "needed: { cpu: 3 }"), "pods").await;
    assert_eq!(judgement.reason(), Some(Reason::new("MemoryPressure")), "{}", judgement.because());
    ground.remove(&node(ground)).await;
}
