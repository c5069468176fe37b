//! The roles that a visitor is given: the very objects that `vigie rbac` prints for its checks.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vigie::model::item::ItemId;
use vigie::model::needs::Resource;
use vigie::model::rights::{Demands, Purpose};
use vigie::systems::kubernetes::plurals;
use vigie::views::rbac::{self, Account};

use crate::support;

/// The name of the service account that is made.
pub const ACCOUNT: &str = "vigie";

/// What a configuration of these checks asks of the API server.
pub fn demands(checks: &[&str]) -> Demands {
    let mut demands = Demands::default();
    for (number, check) in checks.iter().enumerate() {
        let check = support::check(check);
        let item = ItemId::parse(&format!("item-{number}")).expect("an id");
        demands.add(&check.needs(), &Purpose { by: check.kind().into(), item });
    }
    demands
}

/// The objects that grant it to an account in this namespace. `discovered` are the plurals that
/// `--ask-cluster` would ask for.
pub fn objects(
    demands: &Demands,
    namespace: &str,
    discovered: &BTreeMap<Resource, String>,
) -> Vec<Value> {
    let rights = demands.rights(|resource| discovered.get(resource).cloned());
    let unknown: Vec<_> = rights.unknown().collect();
    assert!(unknown.is_empty(), "no plural is known of {unknown:?}");
    let refused: Vec<_> = rights.refused().collect();
    assert!(refused.is_empty(), "never to be granted: {refused:?}");
    rbac::objects(&rights, &Account { namespace: namespace.to_owned() })
}

/// The kinds whose plural only the cluster knows.
pub fn undiscovered(demands: &Demands) -> (BTreeMap<Resource, String>, Vec<Resource>) {
    let mut known = BTreeMap::new();
    let mut unknown = Vec::new();
    for resource in demands.without_plural() {
        match plurals::known(&resource.group, &resource.kind) {
            Some(address) => drop(known.insert(resource, address.plural.to_owned())),
            None => unknown.push(resource),
        }
    }
    (known, unknown)
}

/// Takes all rules on `resource` (`pods`, `deployments.apps`, `pods/log`) away; whether there were
/// any.
pub fn take_away(objects: &mut [Value], resource: &str) -> bool {
    let mut taken = false;
    for object in objects {
        for rule in object["rules"].as_array_mut().into_iter().flatten() {
            let group = rule["apiGroups"][0].as_str().unwrap_or_default().to_owned();
            let Some(resources) = rule["resources"].as_array_mut() else { continue };
            let all = resources.len();
            resources.retain(|own| {
                let own = own.as_str().unwrap_or_default();
                own != resource && format!("{own}.{group}") != resource
            });
            taken |= resources.len() < all;
        }
        if let Some(rules) = object["rules"].as_array_mut() {
            rules.retain(|rule| rule["resources"] != json!([]));
        }
    }
    taken
}

/// What one asks to know whether a role's rules are granted: the specifications of reviews of one's
/// own access.
pub fn questions(role: &Value) -> Vec<Value> {
    let mut questions = Vec::new();
    let namespace = role["metadata"]["namespace"].as_str().unwrap_or_default();
    for rule in role["rules"].as_array().into_iter().flatten() {
        for verb in words(&rule["verbs"]) {
            for path in words(&rule["nonResourceURLs"]) {
                questions.push(json!({ "nonResourceAttributes": { "verb": verb, "path": path } }));
            }
            for whole in words(&rule["resources"]) {
                let (resource, subresource) = whole.split_once('/').unwrap_or((whole, ""));
                let names = words(&rule["resourceNames"]);
                for name in if names.is_empty() { vec![""] } else { names } {
                    questions.push(json!({ "resourceAttributes": {
                        "verb": verb, "group": rule["apiGroups"][0],
                        "resource": resource, "subresource": subresource,
                        "namespace": namespace, "name": name,
                    } }));
                }
            }
        }
    }
    questions
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
