//! Network policies: which pods they select, in which direction.

use std::sync::Arc;

use k8s_openapi::api::networking::v1::NetworkPolicy as Typed;
use serde::Deserialize;
use serde_json::Value;

use super::label_selector::LabelSelector;
use super::pool::Words;
use super::record::{Meta, Record};
use super::resource;
use super::table::Key;
use crate::model::needs::Resource;

/// Network policies.
pub const NETWORK_POLICIES: Resource = resource::<Typed>();

/// A network policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The pods of its namespace that it is for.
    pub selector: LabelSelector,
    /// What it says of traffic to them; none where it is not about that.
    pub ingress: Option<Opening>,
    /// What it says of traffic from them; none where it is not about that.
    pub egress: Option<Opening>,
    /// A field that is always there, and was not.
    pub missing: Option<&'static str>,
}

/// How far a policy opens a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Nothing, or what its rules name.
    Limited,
    /// Everything: one of its rules names neither peers nor ports.
    Everything,
}

/// A policy, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    metadata: Meta,
    spec: Option<Spec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    pod_selector: Option<LabelSelector>,
    policy_types: Option<Vec<Box<str>>>,
    ingress: Option<Vec<Rule>>,
    egress: Option<Vec<Rule>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rule {
    from: Option<Vec<Value>>,
    to: Option<Vec<Value>>,
    ports: Option<Vec<Value>>,
}

impl Rule {
    fn opens_everything(&self) -> bool {
        let Self { from, to, ports } = self;
        [from, to, ports].into_iter().flatten().all(Vec::is_empty)
    }
}

impl Record for NetworkPolicy {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, _: &mut Words) -> Self {
        let Wire { metadata: _, spec } = wire;
        let missing = spec.is_none().then_some("spec");
        let Spec { pod_selector, policy_types, ingress, egress } = spec.unwrap_or_default();
        let egress_rules = egress.unwrap_or_default();
        let types = policy_types.unwrap_or_default();
        // Without types: ingress always, egress where there are rules of it.
        let types: Vec<&str> = if !types.is_empty() {
            types.iter().map(|kind| &**kind).collect()
        } else if egress_rules.is_empty() {
            vec!["Ingress"]
        } else {
            vec!["Ingress", "Egress"]
        };
        let opening = |kind: &str, rules: &[Rule]| {
            let open = rules.iter().any(Rule::opens_everything);
            let opening = if open { Opening::Everything } else { Opening::Limited };
            types.contains(&kind).then_some(opening)
        };
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            ingress: opening("Ingress", &ingress.unwrap_or_default()),
            egress: opening("Egress", &egress_rules),
            // Absent, it selects all pods of the namespace, as an empty one does.
            selector: pod_selector.unwrap_or_default(),
            missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn directions(spec: &Value) -> (Option<Opening>, Option<Opening>) {
        let wire = serde_json::from_value(json!({ "spec": spec })).unwrap();
        let key = ("shop".into(), "p".into());
        let policy = NetworkPolicy::of(wire, &key, &NETWORK_POLICIES, &mut Words::default());
        (policy.ingress, policy.egress)
    }

    #[test]
    fn types_that_are_left_out_follow_from_the_rules() {
        use Opening::{Everything, Limited};
        let port = json!([{ "ports": [{ "port": 80 }] }]);
        for (spec, ingress, egress) in [
            (json!({}), Some(Limited), None),
            (json!({ "policyTypes": [] , "egress": port }), Some(Limited), Some(Limited)),
            (json!({ "egress": [] }), Some(Limited), None),
            (json!({ "policyTypes": ["Egress"] }), None, Some(Limited)),
            (json!({ "policyTypes": ["Egress"], "ingress": [{}] }), None, Some(Limited)),
            (
                json!({ "ingress": [{}], "egress": [{ "to": [] }] }),
                Some(Everything),
                Some(Everything),
            ),
            (json!({ "ingress": [{ "from": [{}] }] }), Some(Limited), None),
            (json!({ "policyTypes": ["Ingress", "Egress"] }), Some(Limited), Some(Limited)),
        ] {
            assert_eq!(directions(&spec), (ingress, egress), "{spec}");
        }
    }
}
