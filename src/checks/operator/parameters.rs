//! The parameters of `operator`, and the presets that ship with the program.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::systems::kubernetes::workload::WorkloadKind;

/// What ships with the program; a test reads all of it.
static PRESETS: LazyLock<BTreeMap<String, Parts>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("presets.yaml")).unwrap_or_default());

/// What a preset says of an operator.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    #[serde(default)]
    pub(super) crds: Vec<Crd>,
    pub(super) namespace: ObjectName,
    pub(super) controllers: Vec<Controller>,
    #[serde(default)]
    pub(super) ingress_class: Option<ObjectName>,
    #[serde(default)]
    pub(super) ingress_controller: Option<String>,
}

/// The name of a preset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preset(pub(super) &'static Parts);

impl<'de> Deserialize<'de> for Preset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || {
            let known: Vec<_> = names().collect();
            de::Error::custom(format!(
                "there is no preset `{name}`; known are {}",
                known.join(", ")
            ))
        };
        PRESETS.get(&name).map(Self).ok_or_else(unknown)
    }
}

impl JsonSchema for Preset {
    fn schema_name() -> Cow<'static, str> {
        "OperatorPreset".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": names().collect::<Vec<_>>() })
    }
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.keys().map(String::as_str)
}

/// A definition of custom resources and the version that it must serve, such as
/// `clusters.postgresql.cnpg.io/v1`; without a version any.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct Crd {
    pub(super) name: String,
    pub(super) version: Option<String>,
}

impl TryFrom<String> for Crd {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (name, version) = match text.split_once('/') {
            Some((name, version)) => (name, Some(version)),
            None => (text.as_str(), None),
        };
        let good = name.contains('.') && is_name(name);
        if !good || version.is_some_and(|version| !version.starts_with('v') || !is_name(version)) {
            return Err(format!(
                "`{text}` is no definition of custom resources, such as \
                 `clusters.postgresql.cnpg.io/v1`"
            ));
        }
        Ok(Self { name: name.to_owned(), version: version.map(str::to_owned) })
    }
}

/// The name of an object or a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct ObjectName(pub(super) String);

impl TryFrom<String> for ObjectName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !is_name(&text) {
            return Err(format!("`{text}` is not the name of an object"));
        }
        Ok(Self(text))
    }
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    !text.is_empty() && text.len() <= 253 && text.chars().all(plain) && !text.starts_with('.')
}

/// A workload that the operator runs as.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Controller {
    /// `Deployment`, `StatefulSet` or `DaemonSet`.
    pub(super) kind: WorkloadKind,
    /// Its name.
    pub(super) name: ObjectName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_six_operators_ship() {
        let read: Result<BTreeMap<String, Parts>, _> =
            serde_saphyr::from_str(include_str!("presets.yaml"));
        read.unwrap_or_else(|error| panic!("{error}"));
        let wanted = [
            "cert-manager",
            "cloudnative-pg",
            "eck",
            "ingress-nginx",
            "percona-mongodb",
            "redis-operator",
        ];
        assert_eq!(names().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn definitions_are_named_with_their_group() {
        assert!(Crd::try_from("clusters.postgresql.cnpg.io/v1".to_owned()).is_ok());
        for bad in ["clusters", "clusters.a/", "Clusters.a/v1", "clusters.a/1", ""] {
            assert!(Crd::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
