//! Definitions of custom resources: whether the kinds that they make are there to be used. Their
//! schemas, a megabyte at times, are not kept.

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Deserialize;

use super::pool::Words;
use super::record::{Condition, Meta, Record, condition};
use super::resource;
use super::table::Key;
use crate::model::judgement::legible;
use crate::model::needs::Resource;

/// `CustomResourceDefinitions`.
pub const DEFINITIONS: Resource = resource::<CustomResourceDefinition>();

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name: plural and group, such as `clusters.postgresql.cnpg.io`.
    pub name: Arc<str>,
    /// The versions that are served.
    pub served: Vec<String>,
    /// Whether the kind can be used; none where that is not told.
    pub established: Option<Told>,
    /// Whether its names are its own; none where that is not told.
    pub accepted: Option<Told>,
    /// Whether it is being deleted, with all its objects.
    pub deleted: bool,
    /// Whether objects are converted between versions by a webhook whose certificate nobody signed
    /// yet.
    pub unconvertible: bool,
}

/// A condition: whether it holds, and what its controller says to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether it is `True`.
    pub holds: bool,
    /// The reason and the message.
    pub words: String,
}

/// A definition, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    metadata: Meta,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    versions: Option<Vec<Version>>,
    conversion: Option<Conversion>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Version {
    name: Option<String>,
    served: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Conversion {
    strategy: Option<String>,
    webhook: Option<Webhook>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Webhook {
    client_config: Option<ClientConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClientConfig {
    ca_bundle: Option<String>,
    service: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Option<Vec<Condition>>,
}

impl Record for Definition {
    type Wire = Wire;

    fn of(wire: Wire, (_, name): &Key, _: &Resource, _: &mut Words) -> Self {
        let Wire { metadata, spec, status } = wire;
        let Spec { versions, conversion } = spec.unwrap_or_default();
        let conditions = status.unwrap_or_default().conditions.unwrap_or_default();
        let versions = versions.unwrap_or_default().into_iter();
        let served: Vec<_> = versions
            .filter(|version| version.served == Some(true))
            .filter_map(|version| version.name)
            .collect();
        Self {
            name: Arc::clone(name),
            established: told(&conditions, "Established"),
            accepted: told(&conditions, "NamesAccepted"),
            deleted: metadata.deletion_timestamp.is_some(),
            unconvertible: served.len() > 1
                && conversion.as_ref().is_some_and(Conversion::is_unsigned),
            served,
        }
    }
}

impl Conversion {
    /// Whether it is done by a Service in the cluster that the API server has no reason to trust.
    fn is_unsigned(&self) -> bool {
        let webhook = self.webhook.as_ref().filter(|_| self.strategy.as_deref() == Some("Webhook"));
        webhook.and_then(|webhook| webhook.client_config.as_ref()).is_some_and(|client| {
            client.service.is_some() && client.ca_bundle.as_deref().is_none_or(str::is_empty)
        })
    }
}

fn told(conditions: &[Condition], kind: &str) -> Option<Told> {
    let condition = condition(conditions, kind)?;
    let words = [&condition.reason, &condition.message];
    let words: Vec<_> = words.into_iter().flatten().map(String::as_str).collect();
    Some(Told { holds: condition.holds(), words: legible(&words.join(": "), 200) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Table;
    use super::*;

    fn definition(spec: &Value, status: &Value) -> Definition {
        let name = "gadgets.example.org";
        let object = json!({ "metadata": { "name": name }, "spec": spec, "status": status });
        let mut table = Table::<Definition>::default();
        table.take(&object.to_string(), &DEFINITIONS);
        Definition::clone(table.get("", name).expect("a definition"))
    }

    #[test]
    fn absent_fields_read_as_nothing_told() {
        for empty in [json!(null), json!({}), json!({ "conditions": null, "versions": null })] {
            let read = definition(&empty, &empty);
            assert_eq!((read.established, read.accepted), (None, None));
            assert!(read.served.is_empty() && !read.unconvertible);
        }
    }

    #[test]
    fn a_conversion_by_an_unsigned_service_is_told_where_versions_differ() {
        let of = |versions: &[&str], client: Value| {
            let versions: Vec<_> =
                versions.iter().map(|name| json!({ "name": name, "served": true })).collect();
            let conversion =
                json!({ "strategy": "Webhook", "webhook": { "clientConfig": client } });
            definition(&json!({ "versions": versions, "conversion": conversion }), &json!({}))
                .unconvertible
        };
        let service = json!({ "name": "webhook", "namespace": "operator" });
        assert!(of(&["v1", "v2"], json!({ "service": service })));
        assert!(!of(&["v1"], json!({ "service": service })));
        assert!(!of(&["v1", "v2"], json!({ "service": service, "caBundle": "LS0t" })));
        assert!(!of(&["v1", "v2"], json!({ "url": "https://a.example" })));
    }
}
