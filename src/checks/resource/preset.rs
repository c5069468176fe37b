//! Presets: what is generally true of the custom resources of well-known operators.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::parameters::{ApiVersion, Claim, KindName, ReadyPods, ReadyWorkload};

/// What ships with the program; a test reads all of it.
static PRESETS: LazyLock<BTreeMap<String, Parts>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("presets.yaml")).unwrap_or_default());

/// What a preset says of its objects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    pub(super) api_version: ApiVersion,
    pub(super) kind: KindName,
    #[serde(default)]
    pub(super) conditions: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) observed: bool,
    #[serde(default)]
    pub(super) expressions: Vec<Claim>,
    #[serde(default)]
    pub(super) ready_pods: Option<ReadyPods>,
    #[serde(default)]
    pub(super) ready_workloads: Vec<ReadyWorkload>,
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
        "ResourcePreset".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": names().collect::<Vec<_>>() })
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.keys().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_ships_can_be_read() {
        let read: Result<BTreeMap<String, Parts>, _> =
            serde_saphyr::from_str(include_str!("presets.yaml"));
        assert_eq!(read.map(|all| all.len()).map_err(|error| error.to_string()), Ok(5));
        assert_eq!(names().count(), 5);
    }
}
