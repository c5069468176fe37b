//! Texts of a request that may be secrets: written as they are, or by their place.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

use crate::model::finding::Obstacle;
use crate::model::secret::SecretSource;
use crate::systems::secrets::Secrets;

/// A text, or the place of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// As it is written. Never shown all the same.
    Plain(String),
    /// A secret, read at each look.
    Secret(SecretSource),
}

impl Text {
    /// Where it is read from, if it is a secret.
    pub(super) fn source(&self) -> Option<&SecretSource> {
        match self {
            Self::Plain(_) => None,
            Self::Secret(source) => Some(source),
        }
    }

    /// The text.
    pub(super) async fn read(&self, secrets: &Secrets) -> Result<SecretString, Obstacle> {
        match self {
            Self::Plain(text) => Ok(SecretString::from(text.clone())),
            Self::Secret(source) => secrets.read(source).await,
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

/// YAML writes a text as text, and the place of a secret as a mapping.
struct TextVisitor;

impl<'de> de::Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or the place of a secret such as `{ env: NAME }`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text::Plain(text.to_owned()))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
        SecretSource::deserialize(MapAccessDeserializer::new(map)).map(Text::Secret)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let secret = generator.subschema_for::<SecretSource>();
        json_schema!({
            "description": "A text, or the place of a secret.",
            "anyOf": [{ "type": "string" }, secret],
            "examples": ["vigie", { "env": "NAME" }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_out_or_by_its_place() {
        let read = |text| serde_saphyr::from_str::<Text>(text);
        assert_eq!(read("vigie").unwrap(), Text::Plain("vigie".to_owned()));
        let place = Text::Secret(SecretSource::Env("A".to_owned()));
        assert_eq!(read("{ env: A }").unwrap(), place);
        for bad in ["{ environment: A }", "{ env: A, file: b }", "{}", "[a]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
