//! The parameters of `resource`, parsed into what they mean.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::path::Path;
use crate::checks::expression::Expression;
use crate::model::needs::{Resource as Kind, Watch};
use crate::systems::kubernetes::workload::WorkloadKind;
use crate::systems::kubernetes::{PODS, plurals};

/// An API version such as `v1` or `apps/v1`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct ApiVersion {
    group: String,
    version: String,
}

impl TryFrom<String> for ApiVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (group, version) = text.split_once('/').unwrap_or(("", &text));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        let good = !version.is_empty() && version.starts_with('v') && !version.contains('.');
        if !good || !text.chars().all(|c| plain(c) || c == '/') || version.contains('/') {
            return Err(format!("`{text}` is not an API version, such as `v1` or `apps/v1`"));
        }
        Ok(Self { group: group.to_owned(), version: version.to_owned() })
    }
}

/// A word of letters and digits, such as a kind.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct KindName(String);

impl TryFrom<String> for KindName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let word = text.chars().all(|c| c.is_ascii_alphanumeric());
        if !word || !text.starts_with(|c: char| c.is_ascii_uppercase()) || text.len() > 63 {
            return Err(format!("`{text}` is not a kind, such as `ConfigMap`"));
        }
        Ok(Self(text))
    }
}

/// A plural as it stands in URLs, such as `configmaps`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct Plural(String);

impl TryFrom<String> for Plural {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        if text.is_empty() || text.len() > 63 || !text.chars().all(plain) {
            return Err(format!("`{text}` is not a plural, such as `configmaps`"));
        }
        Ok(Self(text))
    }
}

/// A kind as the API addresses it; its plural is empty where discovery has to tell it.
pub(super) fn kind(version: &ApiVersion, kind: &KindName, plural: Option<&Plural>) -> Kind {
    let ApiVersion { group, version } = version;
    let known = plurals::known(group, &kind.0).map(|known| Cow::Borrowed(known.plural));
    let named = plural.map(|Plural(plural)| Cow::Owned(plural.clone()));
    Kind {
        group: group.clone().into(),
        version: version.clone().into(),
        plural: named.or(known).unwrap_or_default(),
        kind: kind.0.clone().into(),
    }
}

/// One name of an object, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name, or a list of names")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Names, E> {
        Ok(Names(vec![name(text.to_owned()).map_err(E::custom)?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            let name = name(text).map_err(de::Error::custom)?;
            if names.contains(&name) {
                return Err(de::Error::custom(format!("`{name}` is named twice")));
            }
            names.push(name);
        }
        if names.is_empty() {
            return Err(de::Error::custom("name at least one object"));
        }
        Ok(Names(names))
    }
}

impl JsonSchema for Names {
    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A name, or a list of names.",
            "oneOf": [
                { "type": "string" },
                { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "type": "string" } },
            ],
        })
    }
}

fn name(text: String) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.:_".contains(c);
    if text.is_empty() || text.len() > 253 || !text.chars().all(plain) || text.starts_with('.') {
        return Err(format!("`{text}` is not the name of an object"));
    }
    Ok(text)
}

/// The beginning of names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct Prefix(pub(super) String);

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        name(text).map(Self).map_err(|_| "not the beginning of an object's name".to_owned())
    }
}

/// What a false expression means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Weight {
    /// The claim holds, and somebody should look.
    Warn,
    /// The claim does not hold.
    #[default]
    Fail,
}

/// An expression that must be true of each object.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    /// An expression in CEL over `object` and `now`.
    pub(super) cel: Expression,
    /// What it means when it is false; the expression itself by default.
    #[serde(default)]
    pub(super) message: Option<String>,
    /// Whether it then warns or fails; `fail` by default.
    #[serde(default)]
    pub(super) severity: Weight,
}

/// A name in each object that must be that of another object.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    /// Where the name stands, such as `spec.backup.s3Credentials[*].name`; `[*]` is every element of
    /// a list and every value of a map.
    pub(super) path: Path,
    /// The names that may stand there: Vigie asks for the right to look at these and no others.
    pub(super) names: Names,
    /// The API version of what is named; `v1` by default.
    #[serde(default)]
    pub(super) api_version: Option<ApiVersion>,
    /// The kind of what is named; `Secret` by default.
    #[serde(default)]
    pub(super) kind: Option<KindName>,
    /// The keys that a Secret or a `ConfigMap` of this name must have, and not empty.
    #[serde(default)]
    pub(super) keys: Vec<String>,
    /// The field beside the name in which the object names one such key, such as `key`.
    #[serde(default)]
    pub(super) key_field: Option<String>,
}

impl Reference {
    /// What is named; a Secret by default.
    pub(super) fn target(&self) -> Kind {
        let core = || ApiVersion { group: String::new(), version: "v1".to_owned() };
        let secret = || KindName("Secret".to_owned());
        let version = self.api_version.clone().unwrap_or_else(core);
        kind(&version, &self.kind.clone().unwrap_or_else(secret), None)
    }

    /// Whether keys are asked for.
    pub(super) fn wants_keys(&self) -> bool {
        !self.keys.is_empty() || self.key_field.is_some()
    }
}

/// Pods that must be ready, whatever the object says of itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadyPods {
    /// A label selector; `{name}` in it is the object's name.
    pub(super) selector: Template,
    /// How many at least: an expression in CEL over the object that gives a whole number.
    pub(super) at_least: Expression,
}

/// A workload that must be ready, whatever the object says of itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadyWorkload {
    /// Its kind.
    pub(super) kind: WorkloadKind,
    /// Its name; `{name}` in it is the object's.
    pub(super) name: Template,
    /// How many replicas at least: an expression in CEL over the object that gives a whole number.
    pub(super) at_least: Expression,
}

impl ReadyPods {
    /// The watch of the pods of an object.
    pub(super) fn watch(&self, namespace: &str, name: &str) -> Watch {
        Watch { selector: Some(self.selector.of(name)), ..Watch::all(PODS).within(namespace) }
    }
}

impl ReadyWorkload {
    /// The watch of the workload of an object.
    pub(super) fn watch(&self, namespace: &str, name: &str) -> Watch {
        Watch::all(self.kind.resource()).within(namespace).named(self.name.of(name))
    }
}

/// A text in which `{name}` stands for an object's name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Template(String);

impl Template {
    pub(super) fn of(&self, name: &str) -> String {
        self.0.replace("{name}", name)
    }
}
