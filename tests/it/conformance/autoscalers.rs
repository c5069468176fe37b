//! `autoscalers`, wherever it looks.

use serde_json::{Value, json};

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{now, with};

pub const CASES: &[Case] = cases! {
    "an autoscaler that works passes until it is gone" => comings_and_goings;
    "one whose target or metrics can't be read fails" => troubles;
    "one that its controller has not seen yet warns, then fails" => unobserved;
    "one at its maximum warns, and fails where it stays there" => pinned;
    "without the right to see autoscalers nothing is said" => forbidden;
};

fn check(ground: &Ground) -> String {
    format!("autoscalers: {{ namespaces: [{}], expect: [web] }}", ground.namespace())
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": now(),
    })
}

/// An autoscaler that wants 3 replicas of at most 5.
fn autoscaler() -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "web" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
            "minReplicas": 2, "maxReplicas": 5,
            "metrics": [{
                "type": "Resource",
                "resource": {
                    "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 },
                },
            }],
        },
        "status": {
            "observedGeneration": 1, "lastScaleTime": now(),
            "currentReplicas": 3, "desiredReplicas": 3,
            "currentMetrics": [{
                "type": "Resource",
                "resource": {
                    "name": "cpu", "current": { "averageUtilization": 23, "averageValue": "46m" },
                },
            }],
            "conditions": [
                condition("AbleToScale", "True", "ReadyForNewScale", "recommended size matches"),
                condition("ScalingActive", "True", "ValidMetricFound", "the HPA was able to compute"),
                condition("ScalingLimited", "False", "DesiredWithinRange", "within the range"),
            ],
        },
    })
}

fn told(number: usize, reason: &str, message: &str) -> Value {
    let kind = ["AbleToScale", "ScalingActive"][number];
    let mut object = autoscaler();
    object["status"]["conditions"][number] = condition(kind, "False", reason, message);
    object
}

async fn comings_and_goings(ground: &Ground) {
    let check = check(ground);
    ground.fails(&check, "Missing").await;
    ground.put(autoscaler()).await;
    let judgement = ground.passes(&check).await;
    let because = judgement.because();
    assert!(because.contains("3 replicas, 3 desired, 2 to 5 allowed"), "{because}");
    ground.remove(&autoscaler()).await;
    ground.fails(&check, "Missing").await;
}

async fn troubles(ground: &Ground) {
    let check = check(ground);
    let gone = "the HPA controller was unable to get the target's current scale: \
                deployments/scale.apps \"web\" not found";
    ground.put(told(0, "FailedGetScale", gone)).await;
    ground.fails(&check, "TargetMissing").await;
    ground.put(told(1, "FailedGetResourceMetric", "no metrics returned")).await;
    ground.fails(&check, "ScalingInactive").await;
    ground.put(autoscaler()).await;
    ground.passes(&check).await;
}

async fn unobserved(ground: &Ground) {
    let check = check(ground);
    let mut fresh = autoscaler();
    fresh["status"].take();
    ground.put(fresh).await;
    ground.warns(&check, "NotObserved").await;
    ground.advance(6);
    ground.fails(&check, "NotObserved").await;
    ground.put(autoscaler()).await;
    ground.passes(&check).await;
}

async fn pinned(ground: &Ground) {
    let check = check(ground);
    ground.put(with(autoscaler(), "/status/desiredReplicas", json!(5))).await;
    ground.warns(&check, "AtMaximum").await;
    for _ in 0..6 {
        ground.advance(5);
        let said = |judgement: &vigie::model::judgement::Judgement| {
            judgement.reason().is_some_and(|reason| reason.code() == "AtMaximum")
        };
        ground.sees(&check, "an autoscaler at its maximum", said).await;
    }
    ground.advance(5);
    ground.fails(&check, "AtMaximum").await;
    ground.put(autoscaler()).await;
    ground.passes(&check).await;
}

async fn forbidden(ground: &Ground) {
    ground.put(autoscaler()).await;
    ground.lacks(&check(ground), "horizontalpodautoscalers.autoscaling").await;
}
