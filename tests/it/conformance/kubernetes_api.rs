//! `kubernetes_api`, wherever it looks.

use vigie::model::finding::Verdict;

use super::Case;
use super::ground::Ground;

pub const CASES: &[Case] = cases! {
    "a server that is ready, new enough and grants what is needed passes" => ready;
    "a server that is too old fails" => too_old;
    "a right that is not granted is named" => missing;
};

const CHECK: &str = "kubernetes_api: { version_at_least: '1.25' }";

/// Other items of the configuration, with rights of all sorts.
async fn others(ground: &Ground) {
    let namespace = ground.namespace();
    for check in [
        format!("workloads: {{ namespaces: [{namespace}], at_most: {{ cron: 1 }} }}"),
        format!("pod_logs: {{ namespaces: [{namespace}], workloads: [web] }}"),
        format!("secret_keys: {{ namespace: {namespace}, secrets: [db], keys: {{ A: {{}} }} }}"),
        format!("pod_security: {{ namespaces: [{namespace}], service_accounts: true }}"),
        "nodes: {}".to_owned(),
    ] {
        ground.beside(&check).await;
    }
}

async fn ready(ground: &Ground) {
    others(ground).await;
    ground.passes(CHECK).await;
}

async fn too_old(ground: &Ground) {
    ground.fails("kubernetes_api: { version_at_least: '9.99' }", "VersionTooOld").await;
}

async fn missing(ground: &Ground) {
    others(ground).await;
    for resource in [
        "deployments.apps",
        "pods/log",
        "secrets",
        "nodes",
        "subjectaccessreviews.authorization.k8s.io",
    ] {
        let judgement = ground.fails_without(CHECK, resource, "MissingPermission").await;
        let missing = judgement.lines().iter().filter(|line| line.verdict == Verdict::Fail);
        for line in missing {
            assert!(line.subject.contains(resource), "{resource}: {}", line.subject);
        }
    }
}
