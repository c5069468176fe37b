//! `workloads`, wherever it looks.

use serde_json::{Value, json};
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{deployment, pod, with};

pub const CASES: &[Case] = cases! {
    "a Deployment as desired passes until it is gone" => comings_and_goings;
    "an expected workload that is absent fails until it is there" => expected;
    "a workload that is scaled to zero fails" => scaled_to_zero;
    "a Deployment whose controller has said nothing yet rolls out" => unobserved;
    "a rollout warns while it is young, and fails when it hangs" => rolling_out;
    "a rollout that its controller gave up fails until it is whole" => given_up;
    "missing replicas warn, and fail where they are missed for long" => unavailable;
    "a workload without any available replica fails at once" => all_unavailable;
    "more replicas than allowed fail, desired or running" => too_many;
    "StatefulSets and DaemonSets are judged alike" => others;
    "without the right to see one kind the others are judged" => forbidden;
    "without the right to see pods a singleton is left open" => forbidden_pods;
};

fn check(ground: &Ground) -> String {
    format!("workloads: {{ namespaces: [{}] }}", ground.namespace())
}

/// The same, where `cron` must be there once.
fn check_singleton(ground: &Ground) -> String {
    format!("workloads: {{ namespaces: [{}], at_most: {{ cron: 1 }} }}", ground.namespace())
}

fn status(name: &str, count: u32) -> Value {
    with(deployment("web"), &format!("/status/{name}"), json!(count))
}

/// A Deployment of one replica that is as desired.
fn single(name: &str) -> Value {
    let one = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"];
    let single = with(deployment(name), "/spec/replicas", json!(1));
    one.iter().fold(single, |made, count| with(made, &format!("/status/{count}"), json!(1)))
}

fn stateful(ready: u32) -> Value {
    let Value::Object(template) = deployment("db") else { unreachable!("an object") };
    let spec = &template["spec"];
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": "db" },
        "spec": {
            "replicas": 2, "serviceName": "db",
            "selector": spec["selector"], "template": spec["template"],
        },
        "status": {
            "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": ready,
            "availableReplicas": ready, "currentRevision": "db-1", "updateRevision": "db-1",
        },
    })
}

fn daemon(ready: u32) -> Value {
    let set = stateful(2);
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": { "name": "agent" },
        "spec": { "selector": set["spec"]["selector"], "template": set["spec"]["template"] },
        "status": {
            "observedGeneration": 1, "desiredNumberScheduled": 3, "currentNumberScheduled": 3,
            "updatedNumberScheduled": 3, "numberMisscheduled": 0, "numberReady": ready,
            "numberAvailable": ready,
        },
    })
}

async fn comings_and_goings(ground: &Ground) {
    let check = check(ground);
    ground.fails(&check, "Missing").await;
    ground.put(deployment("web")).await;
    let judgement = ground.passes(&check).await;
    let wanted = format!(
        "Deployment {}/web: 2 desired, 2 updated, 2 ready, 2 available",
        ground.namespace()
    );
    assert_eq!(judgement.because(), wanted);
    ground.remove(&deployment("web")).await;
    ground.fails(&check, "Missing").await;
}

async fn expected(ground: &Ground) {
    let check =
        format!("workloads: {{ namespaces: [{}], expect: [web, api] }}", ground.namespace());
    ground.put(deployment("web")).await;
    let judgement = ground.fails(&check, "Missing").await;
    assert!(judgement.because().starts_with("api: "), "{}", judgement.because());
    ground.put(deployment("api")).await;
    ground.passes(&check).await;
}

async fn scaled_to_zero(ground: &Ground) {
    let mut none = with(deployment("web"), "/spec/replicas", json!(0));
    none["status"] = json!({ "observedGeneration": 1 });
    ground.put(none).await;
    ground.fails(&check(ground), "ScaledToZero").await;
}

async fn unobserved(ground: &Ground) {
    let mut new = deployment("web");
    new["status"].take();
    ground.put(new).await;
    let judgement = ground.warns(&check(ground), "RollingOut").await;
    let because = judgement.because();
    assert!(because.contains("the controller has not seen the newest version"), "{because}");
    ground.put(deployment("web")).await;
    ground.passes(&check(ground)).await;
    let another =
        with(deployment("web"), "/spec/template/spec/containers/0/image", json!("web:2"));
    ground.put(another.clone()).await;
    ground.warns(&check(ground), "RollingOut").await;
    ground.put(with(another, "/status/observedGeneration", json!(2))).await;
    ground.passes(&check(ground)).await;
}

async fn rolling_out(ground: &Ground) {
    let check = check(ground);
    ground.put(status("updatedReplicas", 1)).await;
    ground.warns(&check, "RollingOut").await;
    ground.advance(11);
    ground.fails(&check, "ProgressDeadlineExceeded").await;
    ground.put(deployment("web")).await;
    ground.passes(&check).await;
}

async fn given_up(ground: &Ground) {
    let check = check(ground);
    let condition = json!({
        "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
        "message": "ReplicaSet \"web-5d8c\" has timed out progressing.",
    });
    let hung = with(status("updatedReplicas", 1), "/status/conditions", json!([condition]));
    ground.put(hung).await;
    let judgement = ground.fails(&check, "ProgressDeadlineExceeded").await;
    assert!(judgement.because().contains("has timed out"), "{}", judgement.because());
    ground.put(deployment("web")).await;
    ground.passes(&check).await;
}

async fn unavailable(ground: &Ground) {
    let check = check(ground);
    ground.put(status("availableReplicas", 1)).await;
    ground.warns(&check, "Unavailable").await;
    ground.advance(6);
    ground.fails(&check, "Unavailable").await;
    ground.put(deployment("web")).await;
    ground.passes(&check).await;
}

async fn all_unavailable(ground: &Ground) {
    ground.put(status("availableReplicas", 0)).await;
    ground.fails(&check(ground), "Unavailable").await;
}

async fn too_many(ground: &Ground) {
    let check = check_singleton(ground);
    ground.put(deployment("cron")).await;
    let judgement = ground.fails(&check, "TooMany").await;
    assert!(judgement.because().contains("2 replicas are desired"), "{}", judgement.because());
    ground.remove(&deployment("cron")).await;
    ground.put(single("cron")).await;
    ground.passes(&check).await;
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cron-5d8c", "uid": "1",
        "controller": true,
    }]);
    for name in ["cron-5d8c-a", "cron-5d8c-b"] {
        ground.put(with(pod(name), "/metadata/ownerReferences", owner.clone())).await;
    }
    let judgement = ground.fails(&check, "TooMany").await;
    assert!(judgement.because().contains("2 pods run, at most 1"), "{}", judgement.because());
    ground.remove(&pod("cron-5d8c-a")).await;
    ground.passes(&check).await;
}

async fn others(ground: &Ground) {
    let check = check(ground);
    ground.put(stateful(2)).await;
    ground.put(daemon(3)).await;
    ground.passes(&check).await;
    ground.put(stateful(1)).await;
    let judgement = ground.warns(&check, "Unavailable").await;
    assert!(judgement.because().starts_with("StatefulSet "), "{}", judgement.because());
    ground.put(stateful(2)).await;
    ground.put(daemon(2)).await;
    let warns = |judgement: &Judgement| {
        judgement.verdict() == Verdict::Warn && judgement.because().starts_with("DaemonSet ")
    };
    ground.sees(&check, "a DaemonSet that warns", warns).await;
    ground.put(daemon(3)).await;
    ground.passes(&check).await;
}

async fn forbidden(ground: &Ground) {
    ground.put(deployment("web")).await;
    ground.put(stateful(2)).await;
    let judgement = ground.lacks(&check(ground), "statefulsets.apps").await;
    let web = judgement.lines().iter().find(|line| line.subject.ends_with("/web"));
    let web = web.expect("a line on the Deployment");
    assert_eq!(web.verdict, Verdict::Pass, "{}", web.because);
}

async fn forbidden_pods(ground: &Ground) {
    ground.put(single("cron")).await;
    ground.put(deployment("web")).await;
    let judgement = ground.lacks(&check_singleton(ground), "pods").await;
    let web = judgement.lines().iter().find(|line| line.subject.ends_with("/web"));
    let web = web.expect("a line on the other Deployment");
    assert_eq!(web.verdict, Verdict::Pass, "{}", web.because);
}
