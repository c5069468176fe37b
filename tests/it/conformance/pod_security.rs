//! `pod_security`, wherever it looks, with the server's own authorizer.

use serde_json::{Value, json};

use super::Case;
use super::ground::Ground;
use crate::kubernetes::{pod, with};

pub const CASES: &[Case] = cases! {
    "a hardened pod keeps the restricted standard, another fails" => standard;
    "an account that may do everything fails, wherever it may" => accounts;
    "pods that no policy selects fail" => isolation;
    "without the right to see pods nothing is said" => forbidden;
    "without the right to review access accounts are left open" => forbidden_reviews;
    "without the right to see policies isolation is left open" => forbidden_policies;
};

fn check(ground: &Ground, more: &str) -> String {
    format!("pod_security: {{ namespaces: [{}], {more} }}", ground.namespace())
}

/// A pod that keeps the `restricted` standard.
fn hardened() -> Value {
    let pod = with(
        pod("a"),
        "/spec/securityContext",
        json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } }),
    );
    let context = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    });
    with(pod, "/spec/containers/0/securityContext", context)
}

fn by(account: &str) -> Value {
    with(pod("a"), "/spec/serviceAccountName", json!(account))
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// A role that allows everything.
fn everything(ground: &Ground) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole",
        "metadata": { "name": ground.own("everything") },
        "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }],
    })
}

fn binding(ground: &Ground, kind: &str) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": kind,
        "metadata": { "name": ground.own("everything") },
        "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": ground.own("everything") },
        "subjects": [
            { "kind": "ServiceAccount", "namespace": ground.namespace(), "name": "web" },
        ],
    })
}

fn policy(name: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name },
    });
    object["spec"] = spec;
    object
}

async fn standard(ground: &Ground) {
    let check = check(ground, "level: restricted, controls: [non_root, read_only_root]");
    ground.fails(&check, "NoPods").await;
    ground.put(hardened()).await;
    ground.passes(&check).await;
    for (pointer, value, reason) in [
        ("/spec/hostPID", json!(true), "HostNamespace"),
        ("/spec/containers/0/securityContext/capabilities", json!({}), "CapabilitiesKept"),
        ("/spec/containers/0/securityContext/allowPrivilegeEscalation", json!(true), "PrivilegeEscalation"),
        ("/spec/containers/0/securityContext/readOnlyRootFilesystem", json!(false), "WritableRoot"),
        ("/spec/securityContext/seccompProfile", Value::Null, "SeccompUnset"),
    ] {
        ground.remove(&hardened()).await;
        ground.put(with(hardened(), pointer, value)).await;
        ground.fails(&check, reason).await;
    }
    ground.remove(&hardened()).await;
    ground.put(hardened()).await;
    ground.passes(&check).await;
}

async fn accounts(ground: &Ground) {
    let check = check(ground, "service_accounts: true");
    ground.put(by("default")).await;
    ground.warns(&check, "DefaultAccount").await;
    ground.remove(&pod("a")).await;
    let web = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "web" } });
    ground.put(web).await;
    ground.put(by("web")).await;
    ground.passes(&check).await;
    ground.put(everything(ground)).await;
    ground.put(binding(ground, "RoleBinding")).await;
    ground.fails(&check, "NamespaceAdmin").await;
    ground.put(binding(ground, "ClusterRoleBinding")).await;
    ground.fails(&check, "ClusterAdmin").await;
    ground.remove(&binding(ground, "ClusterRoleBinding")).await;
    ground.remove(&binding(ground, "RoleBinding")).await;
    ground.remove(&everything(ground)).await;
    ground.passes(&check).await;
}

async fn isolation(ground: &Ground) {
    let check = check(ground, "isolated: true");
    let own = json!({ "matchLabels": { "app": "web" } });
    let inward = policy("inward", json!({ "podSelector": own }));
    let outward = policy("outward", json!({ "podSelector": {}, "policyTypes": ["Egress"] }));
    ground.put(pod("a")).await;
    ground.fails(&check, "NotIsolated").await;
    ground.put(inward.clone()).await;
    let judgement = ground.fails(&check, "NotIsolated").await;
    assert!(judgement.because().contains("gress"), "{}", judgement.because());
    ground.put(outward).await;
    ground.passes(&check).await;
    ground.put(with(inward.clone(), "/spec/ingress", json!([{}]))).await;
    ground.warns(&check, "OpenPolicy").await;
    ground.remove(&inward).await;
    ground.fails(&check, "NotIsolated").await;
}

async fn forbidden(ground: &Ground) {
    ground.put(hardened()).await;
    ground.lacks(&check(ground, "level: restricted"), "pods").await;
}

async fn forbidden_reviews(ground: &Ground) {
    ground.put(with(by("web"), "/spec/hostPID", json!(true))).await;
    let check = check(ground, "level: baseline, service_accounts: true");
    let judgement = ground.lacks(&check, "subjectaccessreviews.authorization.k8s.io").await;
    let code = judgement.reason().map(vigie::model::reason::Reason::code);
    assert_eq!(code, Some("HostNamespace"), "{}", judgement.because());
}

async fn forbidden_policies(ground: &Ground) {
    ground.put(pod("a")).await;
    ground.lacks(&check(ground, "isolated: true"), "networkpolicies.networking.k8s.io").await;
}
