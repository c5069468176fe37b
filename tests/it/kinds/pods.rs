//! `pods` against an API server.

use serde_json::{Value, json};
use vigie::model::finding::Verdict::{Fail, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;

use super::Provocation;
use crate::kubernetes::{Cluster, now, pod, trouble, with};

const CHECK: &str = "pods: { namespaces: [shop] }";

async fn after(minutes: i64, objects: impl IntoIterator<Item = Value>) -> Judgement {
    let cluster = Cluster::start().await;
    for object in objects {
        cluster.put(object);
    }
    cluster.advance(minutes);
    cluster.look(CHECK).await
}

/// A pod whose container waits.
fn waiting(reason: &str) -> Value {
    let state = json!({ "waiting": { "reason": reason, "message": "back-off 5m0s" } });
    with(pod("a"), "/status/containerStatuses/0/state", state)
}

fn restarted(times: u32) -> Value {
    with(pod("a"), "/status/containerStatuses/0/restartCount", json!(times))
}

/// A pod whose container ended, and is not started again.
fn ended() -> Value {
    let end = json!({ "exitCode": 1, "reason": "Error", "finishedAt": now() });
    with(pod("a"), "/status/containerStatuses/0/state", json!({ "terminated": end }))
}

/// A pod whose init container runs.
fn initializing() -> Value {
    let init = json!([{ "name": "migrate", "image": "registry.example/web:1" }]);
    let pod = with(in_phase("Pending"), "/spec/initContainers", init);
    let status = json!([{
        "name": "migrate", "image": "registry.example/web:1", "imageID": "", "ready": false,
        "restartCount": 0, "state": { "running": { "startedAt": now() } },
    }]);
    with(pod, "/status/initContainerStatuses", status)
}

/// A pod that was created just now, by a server whose clock is an hour behind ours.
async fn an_hour_behind() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.server.behave(|server| server.date_offset = jiff::SignedDuration::from_hours(-1));
    cluster.put(in_phase("Pending"));
    cluster.look(CHECK).await
}

fn killed() -> Value {
    let last =
        json!({ "terminated": { "reason": "OOMKilled", "exitCode": 137, "finishedAt": now() } });
    with(restarted(1), "/status/containerStatuses/0/lastState", last)
}

fn unready() -> Value {
    with(pod("a"), "/status/conditions/0/status", json!("False"))
}

fn in_phase(phase: &str) -> Value {
    with(pod("a"), "/status/phase", json!(phase))
}

fn unscheduled() -> Value {
    let condition = json!([{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient memory.",
    }]);
    let status = json!({ "phase": "Pending", "conditions": condition });
    with(pod("a"), "/status", status)
}

fn failed(reason: Option<&str>) -> Value {
    let status = json!({ "phase": "Failed", "reason": reason, "message": "low on memory" });
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8c", "uid": "1",
        "controller": true,
    }]);
    with(with(pod("a"), "/status", status), "/metadata/ownerReferences", owner)
}

fn replica_set(ready: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": { "namespace": "shop", "name": "web-5d8c" },
        "spec": { "replicas": 1, "selector": { "matchLabels": { "app": "web" } } },
        "status": {
            "observedGeneration": 1, "replicas": ready, "readyReplicas": ready,
            "availableReplicas": ready,
        },
    })
}

async fn stuck_in_deletion() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(with(pod("a"), "/metadata/finalizers", json!(["example.org/hold"])));
    cluster.put(pod("b"));
    cluster.remove("pods/shop/a");
    cluster.advance(6);
    cluster.look(CHECK).await
}

#[rustfmt::skip]
pub fn provocations() -> Vec<Provocation> {
    macro_rules! rows {
        ($($code:literal $verdict:ident $run:expr;)*) => {
            vec![$(Provocation {
                reason: Reason::new($code), verdict: $verdict, run: || Box::pin($run),
            }),*]
        };
    }
    rows! {
        "TooFew" Fail after(0, []);
        "InvalidImageName" Fail after(0, [waiting("InvalidImageName")]);
        "ErrImagePull" Fail after(0, [waiting("ErrImagePull")]);
        "ImagePullBackOff" Fail after(0, [waiting("ImagePullBackOff")]);
        "CreateContainerConfigError" Fail after(0, [waiting("CreateContainerConfigError")]);
        "CreateContainerError" Fail after(0, [waiting("RunContainerError")]);
        "CrashLoopBackOff" Fail after(0, [waiting("CrashLoopBackOff")]);
        "OOMKilled" Fail after(0, [killed()]);
        "TooManyRestarts" Warn after(0, [restarted(1)]);
        "TooManyRestarts" Fail after(0, [restarted(4)]);
        "ContainerEnded" Warn after(1, [ended()]);
        "ContainerEnded" Fail after(6, [ended()]);
        "Initializing" Warn after(1, [initializing()]);
        "Initializing" Fail after(6, [initializing()]);
        "NotReady" Warn after(1, [unready()]);
        "NotReady" Fail after(6, [unready()]);
        "Pending" Warn after(1, [in_phase("Pending")]);
        "Pending" Fail after(6, [in_phase("Pending")]);
        "Unschedulable" Warn after(1, [unscheduled()]);
        "Unschedulable" Fail after(6, [unscheduled()]);
        "NodeLost" Fail after(0, [in_phase("Unknown")]);
        "Failed" Warn after(0, [pod("b"), failed(None), replica_set(1)]);
        "Failed" Fail after(0, [pod("b"), failed(None), replica_set(0)]);
        "Evicted" Warn after(0, [pod("b"), failed(Some("Evicted")), replica_set(1)]);
        "Evicted" Fail after(0, [pod("b"), failed(Some("Evicted")), replica_set(0)]);
        "Terminating" Fail stuck_in_deletion();
        "ClockSkew" Unknown after(-10, [in_phase("Pending")]);
        "ClockSkew" Unknown an_hour_behind();
        "Garbled" Unknown after(0, [with(pod("a"), "/status/containerStatuses", json!([]))]);
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
async fn every_reason_of_pods_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn healthy_pods_pass_and_are_counted_in_every_phase() {
    let judgement =
        after(0, [pod("a"), pod("b"), with(pod("c"), "/status/phase", json!("Succeeded"))]).await;
    assert_eq!(
        judgement.because(),
        "shop: 2 pods are there and none is in trouble, at least 1 wanted"
    );
    let rows: Vec<_> = judgement
        .samples()
        .iter()
        .filter(|sample| sample.measure.name == "vigie_pods")
        .map(|sample| (&*sample.labels[1], sample.value))
        .collect();
    assert_eq!(
        rows,
        [("Pending", 0.0), ("Running", 2.0), ("Succeeded", 1.0), ("Failed", 0.0), ("Unknown", 0.0)]
    );
}

#[tokio::test]
async fn failed_tries_of_a_job_that_succeeded_warn() {
    let job = |complete: &str| {
        json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": { "namespace": "shop", "name": "migrate" },
            "spec": {},
            "status": { "conditions": [{ "type": "Complete", "status": complete }] },
        })
    };
    let owner = json!([{
        "apiVersion": "batch/v1", "kind": "Job", "name": "migrate", "uid": "1", "controller": true,
    }]);
    let try_ = with(failed(None), "/metadata/ownerReferences", owner);
    assert_eq!(after(0, [pod("b"), try_.clone(), job("True")]).await.verdict(), Warn);
    assert_eq!(after(0, [pod("b"), try_, job("False")]).await.verdict(), Fail);
}

#[tokio::test]
async fn a_selector_leaves_other_pods_out() {
    let cluster = Cluster::start().await;
    cluster.put(pod("a"));
    cluster.put(with(waiting("CrashLoopBackOff"), "/metadata/labels", json!({ "app": "other" })));
    let judgement = cluster.look("pods: { namespaces: all, selector: 'app in (web)' }").await;
    assert_eq!(judgement.reason(), Some(Reason::new("TooFew")), "the second replaced the first");
}
