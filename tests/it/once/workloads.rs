//! A workload that is not whole, seen one time: how long for, only the API server can tell.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vigie::systems::clock::Clock;
use vigie_sim::kubernetes::{ApiServer, Settings};

use super::{text, vigie};
use crate::kubernetes::{deployment, with};

const ITEM: &str = "      - { id: whole, title: Whole, severity: critical, checks: [{ workloads: { namespaces: [shop] } }] }\n";

/// `vigie once` on a cluster with one Deployment of two replicas, one of them available.
async fn half_down(conditions: Value) -> (Option<i32>, Value) {
    let server = ApiServer::start(Settings::default()).await.expect("a simulated API server");
    let half = with(deployment("web"), "/status/availableReplicas", json!(1));
    let half = with(half, "/status/readyReplicas", json!(1));
    server.apply(with(half, "/status/conditions", conditions)).expect("taken");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("checklist.yaml");
    let checklist = format!(
        "environment: test\nconnections: {{ kubernetes: {{ server: {{ url: '{}' }} }} }}\n\
         sections:\n  - id: s\n    title: S\n    items:\n{ITEM}",
        server.url()
    );
    std::fs::write(&file, checklist).expect("written");
    let output = vigie(&["once", "--format", "json", "-c", file.to_str().expect("a path")]).await;
    let whole: Value = serde_json::from_str(&text(&output)).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    (output.status.code(), whole["items"][0].clone())
}

fn complete() -> Value {
    json!({ "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable" })
}

#[tokio::test]
async fn a_deployment_that_is_half_down_for_an_hour_fails() {
    let since: Timestamp = Clock::System.now() - SignedDuration::from_hours(1);
    let unavailable = json!({
        "type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
        "lastTransitionTime": format!("{since:.0}"),
    });
    let (code, item) = half_down(json!([complete(), unavailable])).await;
    assert_eq!((&item["standing"], &item["reason"]), (&"failing".into(), &"Unavailable".into()));
    let because = item["because"].as_str().expect("a sentence");
    assert!(because.contains("not whole for at least 1h"), "{because}");
    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn a_deployment_that_is_half_down_since_nobody_knows_when_is_unknown() {
    let (code, item) = half_down(json!([complete()])).await;
    assert_eq!((&item["standing"], &item["reason"]), (&"unknown".into(), &"SinceUnknown".into()));
    assert_eq!(code, Some(2));
}
