//! `deployment`, wherever it looks.

use serde_json::json;

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{deployment, with};

pub const CASES: &[Case] = cases! {
    "Deployments bear the environment, another one, or none" => environments;
    "a rollout is complete when the newest revision is all there is" => rollouts;
    "without the right to see Deployments nothing is said of rollouts" => forbidden;
};

async fn environments(ground: &Ground) {
    let namespace = ground.namespace();
    let check = format!(
        "deployment: {{ environment: {{ namespaces: [{namespace}], label: stage, value: live }} }}"
    );
    ground.put(deployment("web")).await;
    ground.blind(&check, "EnvironmentUnmarked").await;
    let marked = |stage: &str| with(deployment("web"), "/metadata/labels", json!({ "stage": stage }));
    ground.put(marked("live")).await;
    ground.passes(&check).await;
    ground.put(marked("trial")).await;
    ground.fails(&check, "EnvironmentMismatch").await;
}

async fn rollouts(ground: &Ground) {
    let check = format!("deployment: {{ rolled_out: {{ namespaces: [{}] }} }}", ground.namespace());
    ground.fails(&check, "Missing").await;
    ground.put(with(deployment("web"), "/status/updatedReplicas", json!(1))).await;
    ground.fails(&check, "RolloutRunning").await;
    ground.put(deployment("web")).await;
    ground.passes(&check).await;
}

async fn forbidden(ground: &Ground) {
    let check = format!("deployment: {{ rolled_out: {{ namespaces: [{}] }} }}", ground.namespace());
    ground.put(deployment("web")).await;
    ground.lacks(&check, "deployments.apps").await;
}
