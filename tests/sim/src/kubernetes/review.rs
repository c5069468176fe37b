//! Reviews: what the caller, or anybody else, may do. They are posted, and nothing is created.

use axum::response::Response;
use serde_json::{Value, json};

use super::access::{Access, Rule, User, Wish};
use super::call::Target;
use super::failure::{Failure, json_response};
use super::rbac;
use super::store::Store;

/// The reviews that are served: plural and kind.
pub(super) const REVIEWS: [(&str, &str); 3] = [
    ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ("subjectaccessreviews", "SubjectAccessReview"),
];

/// Whether every authenticated user may post it: `system:basic-user` lets everybody ask about
/// themselves.
pub(super) fn is_own(target: &Target) -> bool {
    target.group == "authorization.k8s.io" && target.plural.starts_with("selfsubject")
}

/// Answers a review of a caller whose rules these are.
pub(super) fn answer(
    target: &Target,
    rules: &[Rule],
    store: &Store,
    access: &Access,
    mut review: Value,
) -> Result<Response, Failure> {
    let spec = &review["spec"];
    let status = match target.plural.as_str() {
        "selfsubjectaccessreviews" => access_review(rules, spec)?,
        "selfsubjectrulesreviews" => rules_review(rules, spec),
        "subjectaccessreviews" => access_review(&rules_of(store, access, spec)?, spec)?,
        _ => return Err(Failure::no_such_resource()),
    };
    review["status"] = status;
    Ok(json_response(201, &review))
}

/// The rules of somebody whom a review names; an account that was never admitted may be bound.
fn rules_of(store: &Store, access: &Access, spec: &Value) -> Result<Vec<Rule>, Failure> {
    let name = spec["user"].as_str().unwrap_or_default();
    let groups: Vec<String> = spec["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|group| group.as_str().map(str::to_owned))
        .collect();
    if name.is_empty() && groups.is_empty() {
        let why = "spec.user: Invalid value: \"\": at least one of user or group must be specified";
        return Err(invalid("SubjectAccessReview", why));
    }
    let own = access.rules_of(name);
    rbac::rules(store, &User { name: name.to_owned(), groups, rules: own })
}

fn access_review(rules: &[Rule], spec: &Value) -> Result<Value, Failure> {
    let (wanted, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    if wanted.is_object() == path.is_object() {
        let why = "spec.resourceAttributes: Invalid value: null: exactly one of \
                   nonResourceAttributes or resourceAttributes must be specified";
        return Err(invalid("SubjectAccessReview", why));
    }
    let allowed = if path.is_object() {
        let text = |name: &str| path[name].as_str().unwrap_or_default();
        rules.iter().any(|rule| rule.allows_path(text("verb"), text("path")))
    } else {
        may(rules, wanted)
    };
    Ok(json!({ "allowed": allowed }))
}

fn may(rules: &[Rule], wanted: &Value) -> bool {
    let text = |name: &str| wanted[name].as_str().unwrap_or_default();
    let resource = match text("subresource") {
        "" => text("resource").to_owned(),
        subresource => format!("{}/{subresource}", text("resource")),
    };
    let wish = Wish {
        verb: text("verb"),
        group: text("group"),
        resource: &resource,
        namespace: text("namespace"),
        name: text("name"),
    };
    wish.allowed_by(rules)
}

fn invalid(kind: &str, why: &str) -> Failure {
    Failure::new(422, "Invalid", format!("{kind}.authorization.k8s.io \"\" is invalid: {why}"))
}

fn rules_review(rules: &[Rule], spec: &Value) -> Value {
    let namespace = spec["namespace"].as_str().unwrap_or_default();
    let here = |rule: &&Rule| {
        rule.namespaces.is_empty() || rule.namespaces.iter().any(|known| known == namespace)
    };
    let resource_rules: Vec<_> = rules
        .iter()
        .filter(here)
        .map(|rule| {
            json!({
                "verbs": rule.verbs,
                "apiGroups": rule.groups,
                "resources": rule.resources,
                "resourceNames": rule.names,
            })
        })
        .collect();
    json!({ "resourceRules": resource_rules, "nonResourceRules": [], "incomplete": false })
}
