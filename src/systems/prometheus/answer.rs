//! What Prometheus answers, read strictly: an answer of another form is none.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::{PROMETHEUS_DOWN, QUERY_REFUSED};
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// The longest part of its own words that is repeated, in characters.
const LONGEST_WORDS: usize = 300;
/// The most warnings that are kept.
const MOST_WARNINGS: usize = 10;

/// The answer to an instant query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The figures.
    pub figures: Figures,
    /// What it warns of: that a store did not answer, so that figures may be missing.
    pub warnings: Vec<String>,
}

/// The figures of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Figures {
    /// One, without labels.
    Scalar(f64),
    /// Any number of them, each with its labels.
    Vector(Vec<Row>),
}

/// A figure with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The labels, the metric's name among them as `__name__`.
    pub labels: BTreeMap<String, String>,
    /// The value, which may be no number.
    pub value: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    status: String,
    data: Option<Data>,
    error_type: String,
    error: String,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

#[derive(Debug, Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

/// Reads the body of an answer with status 200.
pub(super) fn read(doing: &str, body: &[u8]) -> Result<Answer, Obstacle> {
    let garbled = |why: &str| {
        let why = legible(why, LONGEST_WORDS);
        Obstacle::new(Reason::GARBLED, format!("{doing}: the answer can't be read: {why}"))
    };
    let Body { status, data, error_type: _, error, warnings } =
        serde_json::from_slice(body).map_err(|error| garbled(&error.to_string()))?;
    let Some(data) = data.filter(|_| status == "success") else {
        return Err(garbled(&format!("it does not say that it succeeded: {error}")));
    };
    let number = |text: &str| {
        let number: Result<f64, _> = text.parse();
        number.map_err(|_| garbled(&format!("`{text}` is no number")))
    };
    let form = |error: serde_json::Error| garbled(&error.to_string());
    let figures = match data.result_type.as_str() {
        "scalar" => {
            let (_, value): (f64, String) = serde_json::from_value(data.result).map_err(form)?;
            Figures::Scalar(number(&value)?)
        }
        "vector" => {
            let series: Vec<Series> = serde_json::from_value(data.result).map_err(form)?;
            let row = |Series { metric, value: (_, value) }| {
                Ok(Row { labels: metric, value: number(&value)? })
            };
            Figures::Vector(series.into_iter().map(row).collect::<Result<_, Obstacle>>()?)
        }
        other => return Err(garbled(&format!("a {other} came, a scalar or a vector wanted"))),
    };
    let mut warnings = warnings.unwrap_or_default();
    warnings.truncate(MOST_WARNINGS);
    let warnings = warnings.iter().map(|words| legible(words, LONGEST_WORDS)).collect();
    Ok(Answer { figures, warnings })
}

/// Reads an answer with another status.
pub(super) fn refusal(doing: &str, status: StatusCode, body: &[u8]) -> Obstacle {
    let Body { error, error_type, .. } = serde_json::from_slice(body).unwrap_or_default();
    let reason = match status.as_u16() {
        401 => Reason::UNAUTHORIZED,
        403 => Reason::FORBIDDEN,
        // Of its own API it says so in its own form; a proxy's pages are no answer to a query.
        400 | 422 if !error_type.is_empty() => QUERY_REFUSED,
        _ => PROMETHEUS_DOWN,
    };
    let words = if error.is_empty() {
        String::new()
    } else {
        format!(": {}", legible(&error, LONGEST_WORDS))
    };
    Obstacle::new(reason, format!("{doing}: it answers {}{words}", status.as_u16()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn vector() -> Value {
        json!({
            "status": "success",
            "data": { "resultType": "vector", "result": [
                { "metric": { "__name__": "up", "job": "a" }, "value": [1_763_870_400.5, "1"] },
                { "metric": {}, "value": [1_763_870_400, "NaN"] },
            ] },
            "warnings": ["a store is away"],
        })
    }

    fn said(body: &Value) -> Result<Answer, &'static str> {
        read("asking", body.to_string().as_bytes()).map_err(|obstacle| obstacle.reason.code())
    }

    #[test]
    fn vectors_and_scalars_are_read_with_their_warnings() {
        let answer = said(&vector()).unwrap();
        let Figures::Vector(rows) = &answer.figures else { panic!("{answer:?}") };
        assert_eq!((rows[0].labels["job"].as_str(), rows[0].value), ("a", 1.0));
        assert!(rows[1].value.is_nan());
        assert_eq!(answer.warnings, ["a store is away"]);
        let scalar = json!({ "status": "success", "data": { "resultType": "scalar", "result": [0, "+Inf"] } });
        assert_eq!(said(&scalar).unwrap().figures, Figures::Scalar(f64::INFINITY));
    }

    #[test]
    fn an_answer_of_another_form_is_none() {
        let with = |pointer: &str, value: Value| {
            let mut body = vector();
            *body.pointer_mut(pointer).unwrap() = value;
            body
        };
        for body in [
            json!([]),
            json!({}),
            json!("up"),
            with("/status", json!("error")),
            with("/data", json!(null)),
            with("/data/resultType", json!("matrix")),
            with("/data/result", json!({})),
            with("/data/result/0/value", json!([0])),
            with("/data/result/0/value/1", json!("one")),
            with("/data/result/0/value/1", json!(1)),
            with("/data/result/0/metric/job", json!(3)),
        ] {
            assert_eq!(said(&body), Err("Garbled"), "{body}");
        }
    }

    #[test]
    fn a_refusal_says_whose_fault_it_is() {
        let told = |code, body: &str| {
            refusal("asking", StatusCode::from_u16(code).unwrap(), body.as_bytes()).reason.code()
        };
        let bad = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        let late = r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#;
        assert_eq!(told(400, bad), "QueryRefused");
        assert_eq!(told(400, "<html>"), "PrometheusDown");
        assert_eq!(told(503, late), "PrometheusDown");
        assert_eq!(told(404, "404 page not found"), "PrometheusDown");
        assert_eq!((told(401, ""), told(403, "")), ("Unauthorized", "Forbidden"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
            let _any = read("asking", &bytes);
            let whole = vector().to_string();
            let cut = cut.min(whole.len() - 1);
            prop_assert!(read("asking", &whole.as_bytes()[..cut]).is_err());
        }
    }
}
