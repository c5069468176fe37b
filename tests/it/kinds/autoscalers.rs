//! `autoscalers` against an API server.

use std::time::Duration;

use serde_json::{Value, json};
use vigie::checks::autoscalers::Autoscalers;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::model::reason::Reason;

use super::Provocation;
use crate::kubernetes::{Cluster, now, trouble, with};
use crate::support;

const CHECK: &str = "autoscalers: { namespaces: [shop] }";
/// How long a look waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);
const SCALED: &str = "autoscalers: { namespaces: [shop], concerns: [scaled], scaled_within: 1h }";

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": now(),
    })
}

/// An autoscaler that wants 3 replicas of at most 5.
pub fn autoscaler() -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "namespace": "shop", "name": "web" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" },
            "minReplicas": 2, "maxReplicas": 5,
            "metrics": [{ "type": "Resource", "resource": { "name": "cpu" } }],
        },
        "status": {
            "observedGeneration": 1, "lastScaleTime": now(),
            "currentReplicas": 3, "desiredReplicas": 3,
            "currentMetrics": [{
                "type": "Resource",
                "resource": { "name": "cpu", "current": { "averageUtilization": 23 } },
            }],
            "conditions": [
                condition("AbleToScale", "True", "ReadyForNewScale", ""),
                condition("ScalingActive", "True", "ValidMetricFound", ""),
                condition("ScalingLimited", "False", "DesiredWithinRange", ""),
            ],
        },
    })
}

fn told(number: usize, status: &str, reason: &str, message: &str) -> Value {
    let kind = ["AbleToScale", "ScalingActive", "ScalingLimited"][number];
    let mut object = autoscaler();
    object["status"]["conditions"][number] = condition(kind, status, reason, message);
    object
}

fn wanting(replicas: u32) -> Value {
    with(autoscaler(), "/status/desiredReplicas", json!(replicas))
}

async fn after(minutes: i64, check: &str, object: Value) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(object);
    cluster.advance(minutes);
    cluster.look(check).await
}

async fn of(object: Value) -> Judgement {
    after(0, CHECK, object).await
}

async fn missing() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(autoscaler());
    cluster.look("autoscalers: { namespaces: [shop], expect: [web, api] }").await
}

fn tells(judgement: &Judgement, desired: u32) -> bool {
    judgement.samples().iter().any(|sample| {
        sample.measure.name == "vigie_autoscaler_replicas"
            && &*sample.labels[2] == "desired"
            && (sample.value - f64::from(desired)).abs() < 0.5
    })
}

/// The last of several looks, five minutes apart, at what it wants by then.
async fn story(replicas: &[u32]) -> Judgement {
    let cluster = Cluster::start().await;
    let mut past = Past::default();
    let mut last = Judgement::new();
    for count in replicas {
        cluster.put(wanting(*count));
        // Not before the watch has brought the number.
        let end = tokio::time::Instant::now() + PATIENCE;
        while !tells(&cluster.look(CHECK).await, *count) && tokio::time::Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        last = support::look_back(CHECK, &cluster.systems, &mut past).await;
        cluster.advance(5);
    }
    last
}

fn gone() -> Value {
    let message = "the HPA controller was unable to get the target's current scale: \
                   deployments.apps \"web\" not found";
    told(0, "False", "FailedGetScale", message)
}

fn unscaled() -> Value {
    with(autoscaler(), "/status/lastScaleTime", Value::Null)
}

fn unknown_metric() -> Value {
    with(autoscaler(), "/status/currentMetrics", json!([{ "type": "" }]))
}

fn fresh() -> Value {
    let status = json!({ "desiredReplicas": 0, "currentMetrics": null });
    with(autoscaler(), "/status", status)
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    rows! { Autoscalers:
        "Missing" Fail missing();
        "TargetMissing" Fail of(gone());
        "UnableToScale" Fail of(told(0, "False", "FailedUpdateScale", "etcd timed out"));
        "ScalingInactive" Fail of(told(1, "False", "FailedGetResourceMetric", "no metrics"));
        "ScalingDisabled" Fail of(told(1, "False", "ScalingDisabled", "replicas is zero"));
        "MetricUnknown" Warn of(unknown_metric());
        "NotObserved" Warn after(4, CHECK, fresh());
        "NotObserved" Fail after(6, CHECK, fresh());
        "AtMaximum" Warn of(wanting(5));
        "AtMaximum" Fail story(&[5, 5, 5, 5, 5, 5, 5, 5]);
        "Flapping" Fail story(&[2, 3, 2, 3, 2, 3, 2]);
        "NeverScaled" Fail after(0, SCALED, unscaled());
        "NotScaledLately" Fail after(61, SCALED, autoscaler());
        "ClockSkew" Unknown after(-60, SCALED, autoscaler());
        "Garbled" Unknown of(with(autoscaler(), "/spec/maxReplicas", json!("many")));
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
async fn every_reason_of_autoscalers_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn what_works_passes_and_tells_its_bounds() {
    let judgement = of(autoscaler()).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert_eq!(
        judgement.because(),
        "shop/web: Deployment web: 3 replicas, 3 desired, 2 to 5 allowed"
    );
    let rows = judgement.samples().iter().filter(|sample| sample.measure.exported);
    let rows: Vec<(&str, f64)> = rows.map(|row| (&*row.labels[2], row.value)).collect();
    assert_eq!(rows, [("min", 2.0), ("max", 5.0), ("current", 3.0), ("desired", 3.0)]);
}

#[tokio::test]
async fn an_autoscaler_that_goes_is_missed() {
    let cluster = Cluster::start().await;
    cluster.put(autoscaler());
    let check = "autoscalers: { namespaces: [shop], expect: [web] }";
    assert_eq!(cluster.look(check).await.verdict(), Verdict::Pass);
    cluster.remove("horizontalpodautoscalers/shop/web");
    let judgement = cluster.look_until(check, Reason::new("Missing")).await;
    assert_eq!(judgement.because(), "web: no autoscaler of this name is there");
}
