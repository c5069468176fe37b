//! `resource_usage`, wherever it looks: without metrics-server and without kubelets.

use serde_json::{Value, json};
use vigie::model::finding::Verdict;

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{now, pod, with};

pub const CASES: &[Case] = cases! {
    "a quota that is nearly used warns, then fails, and heals" => quotas;
    "a quota that was never counted is not known" => uncounted;
    "without metrics-server nothing is known of memory" => no_metrics;
    "without a kubelet nothing is known of volumes" => no_kubelet;
    "without its right each source is left open" => forbidden;
};

fn check(ground: &Ground, more: &str) -> String {
    format!("resource_usage: {{ namespaces: [{}], {more} }}", ground.namespace())
}

fn quota(used: &str) -> Value {
    let hard = json!({ "requests.memory": "100Gi", "pods": "50" });
    json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "quota" },
        "spec": { "hard": hard },
        "status": { "hard": hard, "used": { "requests.memory": used, "pods": "3" } },
    })
}

async fn quotas(ground: &Ground) {
    let check = check(ground, "quotas: { expect: [quota] }");
    ground.fails(&check, "Missing").await;
    ground.put(quota("20Gi")).await;
    ground.passes(&check).await;
    ground.put(quota("85Gi")).await;
    ground.warns(&check, "QuotaNearlyUsed").await;
    ground.put(quota("95Gi")).await;
    ground.fails(&check, "QuotaNearlyUsed").await;
    ground.put(quota("20Gi")).await;
    ground.passes(&check).await;
    ground.remove(&quota("20Gi")).await;
    ground.fails(&check, "Missing").await;
}

async fn uncounted(ground: &Ground) {
    let mut quota = quota("0");
    quota["status"].take();
    ground.put(quota).await;
    ground.blind(&check(ground, "quotas: { expect: [quota] }"), "NotCounted").await;
}

async fn no_metrics(ground: &Ground) {
    ground.put(pod("a")).await;
    ground.blind(&check(ground, "memory: {}"), "MetricsUnavailable").await;
}

const VOLUMES: &str = "volumes: { from: kubelet }";

async fn no_kubelet(ground: &Ground) {
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": ground.own("node") }, "spec": {},
        "status": {
            "conditions": [{ "type": "Ready", "status": "Unknown", "lastTransitionTime": now() }],
        },
    });
    let check = check(ground, VOLUMES);
    ground.put(with(pod("a"), "/spec/nodeName", json!(ground.own("node")))).await;
    let judgement = ground.blind(&check, "StatsUnavailable").await;
    assert!(judgement.because().contains("not found"), "{}", judgement.because());
    ground.put(node.clone()).await;
    let unaddressed = |judgement: &vigie::model::judgement::Judgement| {
        judgement.because().contains("no preferred addresses")
    };
    let judgement = ground.sees(&check, "a node without an address", unaddressed).await;
    assert_eq!(judgement.verdict(), Verdict::Unknown, "{}", judgement.because());
    let code = judgement.reason().map(vigie::model::reason::Reason::code);
    assert_eq!(code, Some("StatsUnavailable"), "{}", judgement.because());
    ground.remove(&node).await;
}

async fn forbidden(ground: &Ground) {
    ground.put(with(pod("a"), "/spec/nodeName", json!(ground.own("node")))).await;
    ground.put(quota("20Gi")).await;
    for (more, resource) in [
        ("memory: {}", "pods"),
        ("memory: {}", "pods.metrics.k8s.io"),
        (VOLUMES, "pods"),
        (VOLUMES, "nodes/proxy"),
        ("quotas: {}", "resourcequotas"),
    ] {
        let judgement = ground.lacks(&check(ground, more), resource).await;
        assert_eq!(judgement.verdict(), Verdict::Unknown, "{resource}: {}", judgement.because());
    }
}
