//! `registry_image`, wherever it looks: which images a Deployment's `ReplicaSets` name. There is no
//! registry behind them, so that the port which nobody listens at is what is named.

use serde_json::{Value, json};

use super::Case;
use super::ground::Ground;
use crate::kinds::registry_image::revision;
use crate::kubernetes::with;

pub const CASES: &[Case] = cases! {
    "the newest revision's image is asked for, or the one's before" => revisions;
    "a Deployment without ReplicaSets is missing" => missing;
    "without the right to see ReplicaSets nothing is said of them" => forbidden;
    "without the right to see pods the images are asked for" => forbidden_pods;
};

fn check(ground: &Ground, more: &str) -> String {
    format!(
        "registry_image: {{ deployments: {{ namespaces: [{}], names: [web], {more} }} }}",
        ground.namespace()
    )
}

/// A revision that a real server takes: it sees to the owner's identity, and to selectors.
fn set(number: &str) -> Value {
    with(revision(number, &format!("127.0.0.1:9/web:{number}")), "/spec/replicas", json!(0))
}

async fn revisions(ground: &Ground) {
    ground.put(set("1")).await;
    ground.blind(&check(ground, "revision: previous"), "FirstDeployment").await;
    ground.put(set("4")).await;
    let judgement = ground.fails(&check(ground, ""), "Refused").await;
    assert!(judgement.because().contains("web:4"), "{}", judgement.because());
    let judgement = ground.fails(&check(ground, "revision: previous"), "Refused").await;
    assert!(judgement.because().contains("web:1"), "{}", judgement.because());
    ground.remove(&set("1")).await;
    ground.blind(&check(ground, "revision: previous"), "RevisionGone").await;
}

async fn missing(ground: &Ground) {
    ground.fails(&check(ground, ""), "DeploymentMissing").await;
    ground.put(set("1")).await;
    ground.fails(&check(ground, ""), "Refused").await;
}

async fn forbidden(ground: &Ground) {
    ground.put(set("1")).await;
    ground.lacks(&check(ground, ""), "replicasets.apps").await;
}

async fn forbidden_pods(ground: &Ground) {
    ground.put(set("1")).await;
    ground.lacks(&check(ground, ""), "pods").await;
}
