//! Where a check looks: namespaces and label selectors, as parameters.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, de};

use crate::model::needs::{Resource, Watch};

/// Some namespaces by name, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// Every namespace of the cluster.
    All,
    /// These, each once, at least one.
    Named(Vec<String>),
}

impl Namespaces {
    /// One watch a namespace, or one for all.
    pub fn watches(&self, resource: &Resource, selector: Option<&Selector>) -> Vec<Watch> {
        let watch = |namespace: Option<&String>| Watch {
            namespace: namespace.cloned(),
            selector: selector.map(|Selector(text)| text.clone()),
            ..Watch::all(resource.clone())
        };
        match self {
            Self::All => vec![watch(None)],
            Self::Named(names) => names.iter().map(|name| watch(Some(name))).collect(),
        }
    }

    /// The names, where they are known before the look.
    pub fn names(&self) -> Option<&[String]> {
        match self {
            Self::All => None,
            Self::Named(names) => Some(names),
        }
    }

    /// The labels that rows about them may bear; none is any.
    pub fn labels(&self) -> Vec<Option<String>> {
        match self {
            Self::All => vec![None],
            Self::Named(names) => names.iter().cloned().map(Some).collect(),
        }
    }
}

impl<'de> Deserialize<'de> for Namespaces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamespacesVisitor)
    }
}

struct NamespacesVisitor;

impl<'de> Visitor<'de> for NamespacesVisitor {
    type Value = Namespaces;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of namespaces, or `all`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Namespaces, E> {
        if text == "all" {
            return Ok(Namespaces::All);
        }
        Err(E::custom(format!(
            "`{text}`: write a list of namespaces, such as `[{text}]`, or `all`"
        )))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Namespaces, A::Error> {
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = list.next_element::<String>()? {
            if !is_label(&name) {
                return Err(de::Error::custom(format!("`{name}` is not the name of a namespace")));
            }
            if names.contains(&name) {
                return Err(de::Error::custom(format!("`{name}` is named twice")));
            }
            names.push(name);
        }
        if names.is_empty() {
            return Err(de::Error::custom("name at least one namespace, or `all`"));
        }
        Ok(Namespaces::Named(names))
    }
}

impl JsonSchema for Namespaces {
    fn schema_name() -> Cow<'static, str> {
        "Namespaces".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list of namespaces, or `all`.",
            "oneOf": [
                { "const": "all" },
                { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "type": "string" } },
            ],
        })
    }
}

/// A label selector, such as `app=api,tier!=test`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Selector(String);

impl Selector {
    /// As written.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Selector {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=!,() ".contains(c);
        if text.trim().is_empty() || text.len() > 1000 || !text.chars().all(plain) {
            return Err(format!("`{text}` is not a label selector, such as `app=api,tier!=test`"));
        }
        Ok(Self(text))
    }
}

/// The name of an object or of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct ObjectName(String);

impl ObjectName {
    /// As written.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ObjectName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let whole = edge(text.chars().next()) && edge(text.chars().next_back());
        if !whole || text.len() > 253 || !text.chars().all(plain) {
            return Err(format!("`{text}` is not the name of an object, such as `web`"));
        }
        Ok(Self(text))
    }
}

/// One object: `{ namespace: shop, name: web }`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectPlace {
    /// Its namespace.
    pub namespace: ObjectName,
    /// Its name.
    pub name: ObjectName,
}

/// `shop/web`
impl fmt::Display for ObjectPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace.0, self.name.0)
    }
}

/// Whether the text is an RFC 1123 label, as namespaces are named.
fn is_label(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 63
        && text.starts_with(word)
        && text.ends_with(word)
        && text.chars().all(|c| word(c) || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_a_list_or_all() {
        let read = |text: &str| serde_saphyr::from_str::<Namespaces>(text);
        assert_eq!(read("all").unwrap(), Namespaces::All);
        assert_eq!(read("[a, b-2]").unwrap().names().unwrap(), ["a", "b-2"]);
        for bad in ["every", "[]", "[a, a]", "[A]", "[-a]", "3"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
