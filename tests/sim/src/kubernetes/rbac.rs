//! Rights from Roles and bindings in the store.

use serde_json::Value;

use super::access::{Rule, User};
use super::failure::Failure;
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
        // What lies in a namespace says nothing of paths that lie in none.
        paths: if namespace.is_empty() { words(&rule["nonResourceURLs"]) } else { Vec::new() },
    };
    Ok(role["rules"].as_array().into_iter().flatten().map(read).collect())
}
