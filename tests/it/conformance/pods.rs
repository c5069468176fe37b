//! `pods`, wherever it looks.

use serde_json::{Value, json};

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{now, pod, with};

pub const CASES: &[Case] = cases! {
    "running pods pass, new ones are waited for, the last one to go is missed" => comings_and_goings;
    "a container that does not start fails until it runs" => waiting;
    "a container that was killed for want of memory fails" => out_of_memory;
    "restarts warn, then fail" => restarts;
    "a pod that is not ready warns, then fails, until it is" => not_ready;
    "a pod that no node takes warns, then fails, until one does" => unscheduled;
    "a pod whose node is lost fails" => node_lost;
    "a failed pod fails until its owner is whole" => failed;
    "a pod that a finalizer holds fails until it is gone" => stuck_in_deletion;
    "a pod that was made in the future is not judged" => clock_skew;
    "a selector leaves other pods out, in all namespaces" => selected;
    "without the right to see pods nothing is told of them" => forbidden;
    "without the right to see an owner its failed pod is left open" => forbidden_owner;
};

fn check(ground: &Ground) -> String {
    format!("pods: {{ namespaces: [{}] }}", ground.namespace())
}

/// A pod of one container in this state.
fn container(name: &str, changes: &Value) -> Value {
    let mut pod = pod(name);
    let status = &mut pod["status"]["containerStatuses"][0];
    for (name, value) in changes.as_object().expect("members") {
        status[name] = value.clone();
    }
    pod
}

fn unready() -> Value {
    with(pod("a"), "/status/conditions/0/status", json!("False"))
}

async fn comings_and_goings(ground: &Ground) {
    let check = check(ground);
    ground.fails(&check, "TooFew").await;
    let mut new = pod("a");
    new["status"].take();
    ground.put(new).await;
    ground.warns(&check, "Pending").await;
    ground.put(pod("a")).await;
    let judgement = ground.passes(&check).await;
    let because = judgement.because();
    assert!(because.contains("1 pod is there and none is in trouble"), "{because}");
    ground.remove(&pod("a")).await;
    ground.fails(&check, "TooFew").await;
}

async fn waiting(ground: &Ground) {
    let check = check(ground);
    for (said, reason) in [
        ("InvalidImageName", "InvalidImageName"),
        ("ErrImagePull", "ErrImagePull"),
        ("ImagePullBackOff", "ImagePullBackOff"),
        ("CreateContainerConfigError", "CreateContainerConfigError"),
        ("RunContainerError", "CreateContainerError"),
        ("CrashLoopBackOff", "CrashLoopBackOff"),
    ] {
        let state = json!({ "waiting": { "reason": said, "message": "back-off 5m0s" } });
        ground.put(container("a", &json!({ "ready": false, "state": state }))).await;
        let judgement = ground.fails(&check, reason).await;
        let because = judgement.because();
        assert!(because.contains("/a: ") && because.contains("back-off 5m0s"), "{because}");
    }
    ground.put(pod("a")).await;
    ground.passes(&check).await;
}

async fn out_of_memory(ground: &Ground) {
    let last =
        json!({ "terminated": { "reason": "OOMKilled", "exitCode": 137, "finishedAt": now() } });
    ground.put(container("a", &json!({ "restartCount": 1, "lastState": last }))).await;
    ground.fails(&check(ground), "OOMKilled").await;
}

async fn restarts(ground: &Ground) {
    let check = check(ground);
    ground.put(container("a", &json!({ "restartCount": 1 }))).await;
    ground.warns(&check, "TooManyRestarts").await;
    ground.put(container("a", &json!({ "restartCount": 4 }))).await;
    ground.fails(&check, "TooManyRestarts").await;
}

async fn not_ready(ground: &Ground) {
    let check = check(ground);
    ground.put(unready()).await;
    ground.warns(&check, "NotReady").await;
    ground.advance(6);
    ground.fails(&check, "NotReady").await;
    ground.put(pod("a")).await;
    ground.passes(&check).await;
}

async fn unscheduled(ground: &Ground) {
    let check = check(ground);
    let condition = json!([{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient memory.",
    }]);
    let status = json!({ "phase": "Pending", "conditions": condition });
    ground.put(with(pod("a"), "/status", status)).await;
    let judgement = ground.warns(&check, "Unschedulable").await;
    assert!(judgement.because().contains("3 Insufficient memory"), "{}", judgement.because());
    ground.advance(6);
    ground.fails(&check, "Unschedulable").await;
    ground.put(pod("a")).await;
    ground.passes(&check).await;
}

async fn node_lost(ground: &Ground) {
    ground.put(with(pod("a"), "/status/phase", json!("Unknown"))).await;
    ground.fails(&check(ground), "NodeLost").await;
}

/// A failed pod of the `ReplicaSet` `web-5d8c`.
fn failed_pod(reason: Option<&str>) -> Value {
    let status = json!({ "phase": "Failed", "reason": reason, "message": "low on memory" });
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8c", "uid": "1",
        "controller": true,
    }]);
    with(with(pod("a"), "/status", status), "/metadata/ownerReferences", owner)
}

fn replica_set(ready: u32) -> Value {
    let labels = json!({ "app": "web" });
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": { "name": "web-5d8c" },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod("a")["spec"] },
        },
        "status": {
            "observedGeneration": 1, "replicas": ready, "readyReplicas": ready,
            "availableReplicas": ready,
        },
    })
}

async fn failed(ground: &Ground) {
    let check = check(ground);
    ground.put(pod("b")).await;
    for (said, reason) in [(Some("Evicted"), "Evicted"), (None, "Failed")] {
        ground.put(failed_pod(said)).await;
        ground.put(replica_set(0)).await;
        ground.fails(&check, reason).await;
        ground.put(replica_set(1)).await;
        ground.warns(&check, reason).await;
    }
    ground.remove(&failed_pod(None)).await;
    ground.passes(&check).await;
}

async fn stuck_in_deletion(ground: &Ground) {
    let check = check(ground);
    let held = with(pod("a"), "/metadata/finalizers", json!(["example.org/hold"]));
    ground.put(pod("b")).await;
    ground.put(held.clone()).await;
    ground.passes(&check).await;
    ground.remove(&held).await;
    ground.advance(6);
    ground.fails(&check, "Terminating").await;
    ground.put(with(pod("a"), "/metadata/finalizers", Value::Null)).await;
    ground.passes(&check).await;
}

async fn clock_skew(ground: &Ground) {
    let mut new = pod("a");
    new["status"].take();
    ground.put(new).await;
    ground.advance(-10);
    ground.blind(&check(ground), "ClockSkew").await;
}

async fn selected(ground: &Ground) {
    let selector = format!("pods: {{ namespaces: all, selector: 'case={}' }}", ground.namespace());
    let labels = json!({ "case": ground.namespace() });
    let crashes = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off" } });
    let crashing = container("other", &json!({ "ready": false, "state": crashes }));
    ground.put(crashing.clone()).await;
    ground.fails(&selector, "TooFew").await;
    ground.put(with(pod("a"), "/metadata/labels", labels.clone())).await;
    ground.passes(&selector).await;
    ground.put(with(crashing.clone(), "/metadata/labels", labels)).await;
    ground.fails(&selector, "CrashLoopBackOff").await;
    ground.put(crashing).await;
    ground.passes(&selector).await;
}

async fn forbidden(ground: &Ground) {
    ground.put(pod("a")).await;
    ground.passes(&check(ground)).await;
    let judgement = ground.lacks(&check(ground), "pods").await;
    let [line] = judgement.lines() else { panic!("{judgement:?}") };
    assert!(line.because.contains("cannot"), "{}", line.because);
}

async fn forbidden_owner(ground: &Ground) {
    ground.put(pod("b")).await;
    ground.put(failed_pod(None)).await;
    ground.put(replica_set(1)).await;
    let judgement = ground.lacks(&check(ground), "replicasets.apps").await;
    let counted = judgement.lines().iter().find(|line| line.subject == ground.namespace());
    let counted = counted.expect("a line on the namespace");
    assert!(counted.because.starts_with("1 pod is there"), "{}", counted.because);
}
