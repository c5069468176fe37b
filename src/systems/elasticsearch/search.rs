//! The newest document, by a field that holds dates.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::json;

use crate::model::finding::Obstacle;
use crate::systems::api::garbled;

/// The longest name of a field, in bytes.
const LONGEST_FIELD: usize = 200;

/// The name of a field of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field(String);

impl Field {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let good =
            !text.is_empty() && text.len() <= LONGEST_FIELD && !text.contains(['*', ' ', '"']);
        if good {
            return Ok(Self(text.into_owned()));
        }
        Err(de::Error::custom(format!("`{text}` is no field, such as `@timestamp`")))
    }
}

impl JsonSchema for Field {
    fn schema_name() -> Cow<'static, str> {
        "Field".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A field of documents.",
            "examples": ["@timestamp", "updatedAt"],
        })
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// How many documents there are.
    pub documents: u64,
    /// The newest date; none where no document has one.
    pub newest: Option<Timestamp>,
    /// Why documents may be missing in it.
    pub partial: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
    aggregations: Option<Aggregations>,
}

#[derive(Deserialize)]
struct Shards {
    total: u64,
    failed: u64,
}

#[derive(Deserialize)]
struct Hits {
    total: Total,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
}

#[derive(Deserialize)]
struct Aggregations {
    newest: Newest,
}

#[derive(Deserialize)]
struct Newest {
    value: Option<f64>,
    value_as_string: Option<String>,
}

/// The question: the largest date of all documents, which the index has at hand, and their number.
pub(super) fn newest(field: &Field, within: Duration) -> String {
    json!({
        "size": 0,
        "track_total_hits": true,
        "timeout": format!("{}ms", within.as_millis().max(1)),
        "aggs": { "newest": { "max": { "field": field.0 } } },
    })
    .to_string()
}

/// Reads the answer; none where no index was searched.
///
/// # Errors
/// It is none, or the field holds no dates.
pub fn read(doing: &str, body: &[u8]) -> Result<Option<Found>, Obstacle> {
    let Answer { timed_out, shards, hits, aggregations } =
        serde_json::from_slice(body).map_err(|error| garbled(doing, &error.to_string()))?;
    let Shards { total, failed } = shards;
    if total == 0 {
        return Ok(None);
    }
    let partial = match (timed_out, failed) {
        (_, failed) if failed > 0 => Some(format!("{failed} of {total} shards did not answer")),
        (true, _) => Some("the search ran out of time".to_owned()),
        (false, _) => None,
    };
    let Some(Aggregations { newest: Newest { value, value_as_string } }) = aggregations else {
        return Err(garbled(doing, "it holds no newest date"));
    };
    let newest = match (value, value_as_string) {
        (None, _) => None,
        // Numbers are numbers; of a date there is a text, too.
        (Some(_), None) => return Err(garbled(doing, "the field holds numbers, dates wanted")),
        (Some(millis), Some(_)) => {
            #[expect(clippy::cast_possible_truncation, reason = "checked by the timestamp's range")]
            let at = Timestamp::from_millisecond(millis as i64);
            Some(at.map_err(|_| garbled(doing, "the newest date is out of all range"))?)
        }
    };
    Ok(Some(Found { documents: hits.total.value, newest, partial }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn sent() -> Value {
        json!({
            "took": 2, "timed_out": false,
            "_shards": { "total": 2, "successful": 2, "skipped": 0, "failed": 0 },
            "hits": { "total": { "value": 12, "relation": "eq" }, "max_score": null, "hits": [] },
            "aggregations": { "newest": { "value": 1_773_576_000_000.0, "value_as_string": "2026-03-15T12:00:00.000Z" } },
        })
    }

    fn found(pointer: &str, value: Value) -> Result<Option<Found>, &'static str> {
        let mut sent = sent();
        *sent.pointer_mut(pointer).unwrap() = value;
        read("asking", sent.to_string().as_bytes()).map_err(|obstacle| obstacle.reason.code())
    }

    #[test]
    fn the_newest_is_a_date_and_what_is_missing_is_said() {
        let all = found("/took", json!(1)).unwrap().unwrap();
        let newest = "2026-03-15T12:00:00Z".parse().ok();
        assert_eq!(all, Found { documents: 12, newest, partial: None });
        let none = json!({ "value": null });
        assert_eq!(found("/aggregations/newest", none).unwrap().unwrap().newest, None);
        let partial = |pointer, value| found(pointer, value).unwrap().unwrap().partial.is_some();
        assert!(partial("/timed_out", json!(true)));
        assert!(partial("/_shards/failed", json!(1)));
        assert_eq!(found("/_shards/total", json!(0)), Ok(None));
        assert_eq!(found("/aggregations/newest", json!({ "value": 1.0 })), Err("Garbled"));
        assert_eq!(found("/aggregations/newest/value", json!(1e300)), Err("Garbled"));
        assert_eq!(found("/aggregations", json!(null)), Err("Garbled"));
        assert_eq!(found("/hits/total", json!(12)), Err("Garbled"), "a form of before version 7");
    }

    #[test]
    fn a_field_that_is_gone_takes_the_answer_with_it() {
        for field in ["timed_out", "_shards", "hits", "aggregations"] {
            let mut sent = sent();
            sent.as_object_mut().unwrap().remove(field);
            assert!(read("asking", sent.to_string().as_bytes()).is_err(), "{field}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..400) {
            let _any = read("asking", &bytes);
            let whole = sent().to_string();
            let cut = cut.min(whole.len() - 1);
            prop_assert!(read("asking", &whole.as_bytes()[..cut]).is_err());
        }
    }
}
