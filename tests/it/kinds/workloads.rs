//! `workloads` against an API server.

use serde_json::{Value, json};
use vigie::model::finding::Verdict::{Fail, Pass, Unknown, Warn};
use vigie::model::judgement::Judgement;
use vigie::model::past::Past;
use vigie::model::reason::Reason;

use super::Provocation;
use crate::kubernetes::{Cluster, deployment, pod, trouble, with};
use crate::support;

const CHECK: &str = "workloads: { namespaces: [shop] }";
const SINGLETON: &str = "workloads: { namespaces: [shop], at_most: { cron: 1 } }";

async fn of(object: Value) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(object);
    cluster.look(CHECK).await
}

/// What a look says that is the only one.
async fn alone(object: Value) -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(object);
    support::look_back(CHECK, &cluster.systems, &mut Past::of_a_single_look()).await
}

fn status(name: &str, count: u32) -> Value {
    with(deployment("web"), &format!("/status/{name}"), json!(count))
}

fn given_up() -> Value {
    let condition = json!({
        "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
        "message": "ReplicaSet \"web-5d8c\" has timed out progressing.",
    });
    with(status("updatedReplicas", 1), "/status/conditions", json!([condition]))
}

async fn too_many() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(deployment("cron"));
    cluster.look(SINGLETON).await
}

async fn missing() -> Judgement {
    let cluster = Cluster::start().await;
    cluster.put(deployment("web"));
    cluster.look("workloads: { namespaces: [shop], expect: [web, api] }").await
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
        "Missing" Fail missing();
        "TooMany" Fail too_many();
        "ScaledToZero" Fail of(with(deployment("web"), "/spec/replicas", json!(0)));
        "RollingOut" Warn of(status("updatedReplicas", 1));
        "Paused" Warn of(with(deployment("web"), "/spec/paused", json!(true)));
        "ProgressDeadlineExceeded" Fail of(given_up());
        "Unavailable" Warn of(status("availableReplicas", 1));
        "Unavailable" Fail of(status("availableReplicas", 0));
        "SinceUnknown" Unknown alone(status("availableReplicas", 1));
        "Garbled" Unknown of(status("replicas", 0));
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
async fn every_reason_of_workloads_is_given() {
    super::provoke(provocations()).await;
}

#[tokio::test]
async fn what_is_as_desired_passes() {
    let judgement = of(deployment("web")).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    assert_eq!(
        judgement.because(),
        "Deployment shop/web: 2 desired, 2 updated, 2 ready, 2 available"
    );
}

#[tokio::test]
async fn a_second_running_pod_of_a_singleton_fails() {
    let cluster = Cluster::start().await;
    let one = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"];
    let cron = with(deployment("cron"), "/spec/replicas", json!(1));
    let cron = one.iter().fold(cron, |cron, name| with(cron, &format!("/status/{name}"), json!(1)));
    cluster.put(cron);
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cron-5d8c", "uid": "1",
        "controller": true,
    }]);
    cluster.put(with(pod("cron-5d8c-a"), "/metadata/ownerReferences", owner.clone()));
    let judgement = cluster.look(SINGLETON).await;
    assert_eq!(judgement.verdict(), Pass, "{}", judgement.because());
    cluster.put(with(pod("cron-5d8c-b"), "/metadata/ownerReferences", owner));
    let judgement = cluster.look_until(SINGLETON, Reason::new("TooMany")).await;
    assert_eq!(judgement.because(), "Deployment shop/cron: 2 pods run, at most 1 allowed");
}

#[tokio::test]
async fn a_rollout_that_hangs_fails_after_its_time() {
    let cluster = Cluster::start().await;
    cluster.put(status("updatedReplicas", 1));
    let mut past = Past::default();
    let mut verdicts = Vec::new();
    for _ in 0..2 {
        verdicts.push(support::look_back(CHECK, &cluster.systems, &mut past).await.verdict());
        cluster.advance(11);
    }
    assert_eq!(verdicts, [Warn, Fail]);
}
