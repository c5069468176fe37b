//! `pod_logs`, wherever it looks: no kubelet stands behind either server here, and so no log can be
//! read. What a log says is judged in `kinds`.

use serde_json::{Value, json};
use vigie::model::finding::Verdict;

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{now, pod, with};

pub const CASES: &[Case] = cases! {
    "a pod that no node runs has written nothing" => unscheduled;
    "a log whose node is gone can't be read" => node_gone;
    "a log whose node has no kubelet to ask can't be read" => no_kubelet;
    "without the right to see pods nothing is said" => forbidden;
    "without the right to read logs nothing is said" => forbidden_logs;
};

fn check(ground: &Ground) -> String {
    format!("pod_logs: {{ namespaces: [{}], workloads: [web] }}", ground.namespace())
}

fn on(ground: &Ground) -> Value {
    with(pod("a"), "/spec/nodeName", json!(ground.own("node")))
}

async fn unscheduled(ground: &Ground) {
    let check = check(ground);
    ground.blind(&check, "NoPods").await;
    ground.put(pod("a")).await;
    ground.passes(&check).await;
    ground.advance(6);
    ground.warns(&check, "NoLines").await;
    ground.remove(&pod("a")).await;
    ground.blind(&check, "NoPods").await;
}

async fn node_gone(ground: &Ground) {
    ground.put(on(ground)).await;
    let judgement = ground.blind(&check(ground), "LogUnreadable").await;
    let node = ground.own("node");
    assert!(judgement.because().contains(&node), "{}", judgement.because());
    // A log that can be read beside it makes no whole.
    ground.put(pod("b")).await;
    ground.blind(&check(ground), "LogUnreadable").await;
}

async fn no_kubelet(ground: &Ground) {
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": ground.own("node") }, "spec": {},
        "status": {
            "conditions": [{ "type": "Ready", "status": "Unknown", "lastTransitionTime": now() }],
        },
    });
    ground.put(node.clone()).await;
    ground.put(on(ground)).await;
    let judgement = ground.blind(&check(ground), "LogUnreadable").await;
    assert_eq!(judgement.verdict(), Verdict::Unknown);
    assert!(judgement.because().contains("no preferred addresses"), "{}", judgement.because());
    ground.remove(&node).await;
}

async fn forbidden(ground: &Ground) {
    ground.put(pod("a")).await;
    ground.lacks(&check(ground), "pods").await;
}

async fn forbidden_logs(ground: &Ground) {
    ground.put(pod("a")).await;
    let judgement = ground.lacks(&check(ground), "pods/log").await;
    assert_eq!(judgement.verdict(), Verdict::Unknown, "{}", judgement.because());
}
