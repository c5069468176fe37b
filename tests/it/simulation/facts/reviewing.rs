//! Facts about reviews of rights: what Roles grant, and to whom.

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Fact, Place, SOON};

pub const FACTS: &[Fact] = &[
    ("one may ask about one's own rights", |p| own(p).boxed()),
    ("a Role grants what it names, in its namespace alone", |p| granted(p).boxed()),
    ("a review says what it asks about", |p| incomplete(p).boxed()),
];

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

async fn own(place: Place) {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": { "verb": "list", "resource": "pods" } },
    });
    let answer = place.make(path, review).await;
    assert_eq!(answer["status"]["allowed"], true);
}

impl Place {
    /// Whether the service account `robot` of the namespace may do this.
    async fn may(&self, asks: &str, attributes: Value) -> bool {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": format!("system:serviceaccount:{}:robot", self.namespace),
                "groups": ["system:serviceaccounts", "system:authenticated"],
                asks: attributes,
            },
        });
        let answer = self.make(REVIEWS, review).await;
        answer["status"]["allowed"].as_bool().expect("an answer")
    }
}

async fn granted(place: Place) {
    let namespace = place.namespace.as_str();
    let rules = json!([
        { "apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"] },
        {
            "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"],
            "resourceNames": ["wanted"],
        },
    ]);
    let role = json!({ "metadata": { "name": "robot" }, "rules": rules });
    let path = format!("{RBAC}/namespaces/{namespace}");
    place.make(&format!("{path}/roles"), role).await;
    let binding = json!({
        "metadata": { "name": "robot" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "robot" },
        "subjects": [{ "kind": "ServiceAccount", "name": "robot", "namespace": namespace }],
    });
    place.make(&format!("{path}/rolebindings"), binding).await;
    let list = || json!({ "verb": "list", "resource": "pods", "namespace": namespace });
    // A binding takes effect a moment after it was created.
    let end = Instant::now() + SOON;
    while !place.may("resourceAttributes", list()).await {
        assert!(Instant::now() < end, "never granted");
        sleep(std::time::Duration::from_millis(20)).await;
    }
    let rows = [
        (true, json!({ "verb": "get", "resource": "pods", "subresource": "log" })),
        (true, json!({ "verb": "get", "resource": "secrets", "name": "wanted" })),
        (false, json!({ "verb": "get", "resource": "secrets", "name": "other" })),
        (false, json!({ "verb": "get", "resource": "secrets" })),
        (false, json!({ "verb": "list", "resource": "secrets" })),
        (false, json!({ "verb": "watch", "resource": "pods" })),
        (false, json!({ "verb": "get", "resource": "pods", "subresource": "exec" })),
        (false, json!({ "verb": "get", "resource": "pods", "group": "metrics.k8s.io" })),
        (false, json!({ "verb": "*", "resource": "*", "group": "*" })),
    ];
    for (allowed, mut attributes) in rows {
        attributes["namespace"] = namespace.into();
        let told = attributes.to_string();
        assert_eq!(place.may("resourceAttributes", attributes).await, allowed, "{told}");
    }
    let everywhere = json!({ "verb": "list", "resource": "pods" });
    assert!(!place.may("resourceAttributes", everywhere).await, "a Role ends at its namespace");
    let path = json!({ "verb": "get", "path": "/metrics" });
    assert!(!place.may("nonResourceAttributes", path).await);
}

async fn incomplete(place: Place) {
    let attributes = json!({ "verb": "list", "resource": "pods" });
    for spec in [json!({ "user": "a" }), json!({ "resourceAttributes": attributes })] {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec,
        });
        let (code, _) = place.call(Method::POST, REVIEWS, "application/json", review).await;
        assert_eq!(code, 422, "{spec}");
    }
}
