//! Boxes of environments, in the order in which they are written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Texts by environment, in file order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boxes(pub Vec<(String, String)>);

impl<'de> Deserialize<'de> for Boxes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Boxes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping from environments to texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Boxes, A::Error> {
        let mut boxes = Vec::new();
        while let Some(one) = map.next_entry::<String, String>()? {
            boxes.push(one);
        }
        Ok(Boxes(boxes))
    }
}

impl JsonSchema for Boxes {
    fn schema_name() -> Cow<'static, str> {
        "Boxes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, String>::json_schema(generator)
    }
}
