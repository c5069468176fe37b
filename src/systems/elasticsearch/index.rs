//! Indices and aliases.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, de};

use super::cluster::Status;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::systems::api::garbled;

/// The longest name of an index, in bytes.
const LONGEST_NAME: usize = 128;

/// The name of an index or an alias, or a pattern of such names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexName(String);

impl IndexName {
    /// Reads a name.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.*".contains(c);
        let begins = text.starts_with(|c: char| c != '-' && c != '_');
        let ours = !["_all", ".", ".."].contains(&text) && text.len() <= LONGEST_NAME;
        if begins && ours && text.chars().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("`{text}` is no name of an index or alias, nor a pattern such as `logs-*`"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for several by a `*`.
    pub fn is_pattern(&self) -> bool {
        self.0.contains('*')
    }
}

impl fmt::Display for IndexName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for IndexName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for IndexName {
    fn schema_name() -> Cow<'static, str> {
        "IndexName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The name of an index or an alias, or a pattern with `*`.",
            "examples": ["bsds", "logs-*"],
        })
    }
}

/// One index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRow {
    /// Its name, bounded.
    pub name: String,
    /// Whether it is open.
    pub open: bool,
    /// How it is; none where the cluster does not say.
    pub status: Option<Status>,
    /// How many documents it holds, nested ones included; none where the cluster does not say.
    pub documents: Option<u64>,
}

#[derive(Deserialize)]
struct Row {
    index: String,
    status: String,
    health: Option<Status>,
    #[serde(rename = "docs.count")]
    documents: Option<String>,
}

/// Reads which indices bear the alias `alias`.
///
/// # Errors
/// The answer does not say.
pub fn read_alias(doing: &str, body: &[u8], alias: &str) -> Result<Vec<String>, Obstacle> {
    #[derive(Deserialize)]
    struct Aliased {
        aliases: BTreeMap<String, IgnoredAny>,
    }
    let indices: BTreeMap<String, Aliased> =
        serde_json::from_slice(body).map_err(|error| garbled(doing, &error.to_string()))?;
    let bearers =
        indices.into_iter().filter(|(_, Aliased { aliases })| aliases.contains_key(alias));
    Ok(bearers.map(|(name, _)| legible(&name, LONGEST_NAME)).collect())
}

/// Reads a list of indices.
///
/// # Errors
/// It is none.
pub fn read_indices(doing: &str, body: &[u8]) -> Result<Vec<IndexRow>, Obstacle> {
    let rows: Vec<Row> =
        serde_json::from_slice(body).map_err(|error| garbled(doing, &error.to_string()))?;
    let row = |Row { index, status, health, documents }| {
        let open = match status.as_str() {
            "open" => true,
            "close" => false,
            other => return Err(garbled(doing, &format!("an index is `{other}`"))),
        };
        let documents = documents.and_then(|count| count.parse().ok());
        Ok(IndexRow { name: legible(&index, LONGEST_NAME), open, status: health, documents })
    };
    rows.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_those_that_an_index_may_bear() {
        for good in ["bsds", "logs-*", ".ds-logs-2026.03.15-000001", "a_b", "*"] {
            assert!(IndexName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "_all", "-a", "_cat", "A", "a/b", "a,b", "a?b", "a#b", "a b", ".", ".."] {
            assert!(IndexName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rows_are_read_with_what_is_not_known_left_open() {
        let sent = json!([
            { "health": "green", "status": "open", "index": "bsds_v1", "docs.count": "12" },
            { "health": null, "status": "close", "index": "bsds_v0", "docs.count": null },
            { "health": "red", "status": "open", "index": "bsds_v2" },
        ]);
        let rows = read_indices("asking", sent.to_string().as_bytes()).unwrap();
        assert_eq!(
            (rows[0].open, rows[0].status, rows[0].documents),
            (true, Some(Status::Green), Some(12))
        );
        assert_eq!((rows[1].open, rows[1].status, rows[1].documents), (false, None, None));
        assert_eq!((rows[2].status, rows[2].documents), (Some(Status::Red), None));
        for garbled in [
            json!({}),
            json!([{ "status": "open" }]),
            json!([{ "index": "a" }]),
            json!([{ "index": "a", "status": "ajar" }]),
            json!([{ "index": "a", "status": "open", "health": "blue" }]),
            json!([{ "index": "a", "status": "open", "docs.count": 3 }]),
        ] {
            assert!(read_indices("asking", garbled.to_string().as_bytes()).is_err(), "{garbled}");
        }
    }

    #[test]
    fn an_alias_names_the_indices_that_bear_it() {
        let sent = json!({
            "bsds_v1": { "aliases": { "bsds": {} } }, "bsds_v2": { "aliases": { "bsds": {} } },
            "bsds_v3": { "aliases": {} }, "bsds_v4": { "aliases": { "other": {} } },
        });
        let names = read_alias("asking", sent.to_string().as_bytes(), "bsds").unwrap();
        assert_eq!(names, ["bsds_v1", "bsds_v2"]);
        assert!(read_alias("asking", b"{\"acknowledged\":true}", "bsds").is_err());
        assert!(read_alias("asking", b"[]", "bsds").is_err());
    }
}
