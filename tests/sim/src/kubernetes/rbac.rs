//! Rights from Roles and bindings in the store, and what callers may ask about their own.

use axum::response::Response;
use serde_json::{Value, json};

use super::access::{Rule, User, Wish};
use super::call::Target;
use super::failure::{Failure, json_response};
use super::store::Store;

/// All rules of `user`: its own, and those that role bindings give it.
pub(super) fn rules(store: &Store, user: &User) -> Result<Vec<Rule>, Failure> {
    let mut rules = user.rules.clone();
    for resource in ["rolebindings", "clusterrolebindings"] {
        let kind = store.called(resource)?;
        for object in store.collection(&kind)?.objects.values() {
            let binding = object.value(&kind);
            let mut subjects = binding["subjects"].as_array().into_iter().flatten();
            if subjects.any(|subject| is(subject, user)) {
                let namespace = &*object.key.0;
                rules.extend(bound(store, &binding["roleRef"], namespace)?);
            }
        }
    }
    Ok(rules)
}

fn is(subject: &Value, user: &User) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => user.name == name,
        Some("Group") => user.groups.iter().any(|group| group == name),
        Some("ServiceAccount") => {
            let namespace = subject["namespace"].as_str().unwrap_or_default();
            user.name == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

/// The rules of the role that `reference` names, for `namespace` only where there is one.
fn bound(store: &Store, reference: &Value, namespace: &str) -> Result<Vec<Rule>, Failure> {
    let cluster_wide = reference["kind"] == "ClusterRole";
    let kind = store.called(if cluster_wide { "clusterroles" } else { "roles" })?;
    let place = if cluster_wide { "" } else { namespace };
    let name = reference["name"].as_str().unwrap_or_default();
    let Ok(role) = store.get(&kind, &(place.into(), name.into())) else { return Ok(Vec::new()) };
    let role = role.value(&kind);
    let words = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let read = |rule: &Value| Rule {
        verbs: words(&rule["verbs"]),
        groups: words(&rule["apiGroups"]),
        resources: words(&rule["resources"]),
        names: words(&rule["resourceNames"]),
        namespaces: if namespace.is_empty() { Vec::new() } else { vec![namespace.to_owned()] },
        paths: words(&rule["nonResourceURLs"]),
    };
    Ok(role["rules"].as_array().into_iter().flatten().map(read).collect())
}

/// Answers a review of the caller's own rights.
pub(super) fn review(
    target: &Target,
    rules: &[Rule],
    mut review: Value,
) -> Result<Response, Failure> {
    let status = match target.plural.as_str() {
        "selfsubjectaccessreviews" => access_review(rules, &review["spec"]),
        "selfsubjectrulesreviews" => rules_review(rules, &review["spec"]),
        _ => return Err(Failure::no_such_resource()),
    };
    review["status"] = status;
    Ok(json_response(201, &review))
}

fn access_review(rules: &[Rule], spec: &Value) -> Value {
    let wanted = &spec["resourceAttributes"];
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
    let path = &spec["nonResourceAttributes"];
    let allowed = match (path["verb"].as_str(), path["path"].as_str()) {
        (Some(verb), Some(path)) => rules.iter().any(|rule| rule.allows_path(verb, path)),
        _ => wish.allowed_by(rules),
    };
    json!({ "allowed": allowed })
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
