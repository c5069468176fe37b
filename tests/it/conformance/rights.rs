//! The roles that a check is given: exactly what its needs imply.

use serde_json::{Value, json};
use vigie::model::needs::Needs;

/// One rule of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Where it holds; none for the whole cluster.
    pub namespace: Option<String>,
    /// `list`, `watch` …
    pub verbs: Vec<&'static str>,
    /// The API group.
    pub group: String,
    /// The plural, with a subresource after a slash.
    pub resource: String,
    /// The one object that it is for.
    pub name: Option<String>,
}

/// What `needs` imply, each resource in each place once.
pub fn implied(needs: &Needs) -> Vec<Grant> {
    let watches = needs.watches.iter().map(|watch| Grant {
        namespace: watch.namespace.clone(),
        verbs: vec!["list", "watch"],
        group: watch.resource.group.to_string(),
        resource: watch.resource.plural.to_string(),
        name: watch.name.clone(),
    });
    let rights = needs.rights.iter().map(|right| Grant {
        namespace: right.namespace.clone(),
        verbs: vec![right.verb],
        group: right.group.to_string(),
        resource: right.resource.to_string(),
        name: right.name.clone(),
    });
    let mut grants: Vec<Grant> = Vec::new();
    for grant in watches.chain(rights) {
        if !grants.contains(&grant) {
            grants.push(grant);
        }
    }
    grants
}

impl Grant {
    /// `pods`, `deployments.apps`, `pods/log`.
    pub fn names(&self, resource: &str) -> bool {
        let Self { group, resource: own, .. } = self;
        *own == resource || format!("{own}.{group}") == resource
    }

    /// The role with this one rule, and the binding that gives it to a service account.
    pub fn objects(&self, name: &str, account: &Value) -> [Value; 2] {
        let (role, binding) = match &self.namespace {
            Some(_) => ("Role", "RoleBinding"),
            None => ("ClusterRole", "ClusterRoleBinding"),
        };
        let object = |kind: &str, more: Value| {
            let mut object = more;
            object["apiVersion"] = "rbac.authorization.k8s.io/v1".into();
            object["kind"] = kind.into();
            object["metadata"] = json!({ "name": name });
            if let Some(namespace) = &self.namespace {
                object["metadata"]["namespace"] = namespace.as_str().into();
            }
            object
        };
        let mut rule = json!({
            "verbs": self.verbs, "apiGroups": [self.group], "resources": [self.resource],
        });
        if let Some(name) = &self.name {
            rule["resourceNames"] = json!([name]);
        }
        let reference =
            json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name });
        [
            object(role, json!({ "rules": [rule] })),
            object(binding, json!({ "roleRef": reference, "subjects": [account] })),
        ]
    }

    /// What one asks to know whether it is granted: the specifications of reviews of one's own access.
    pub fn questions(&self) -> Vec<Value> {
        let (resource, subresource) = self.resource.split_once('/').unwrap_or((&self.resource, ""));
        let question = |verb: &&str| {
            json!({ "resourceAttributes": {
                "verb": verb, "group": self.group,
                "resource": resource, "subresource": subresource,
                "namespace": self.namespace.as_deref().unwrap_or_default(),
                "name": self.name.as_deref().unwrap_or_default(),
            } })
        };
        self.verbs.iter().map(question).collect()
    }
}
