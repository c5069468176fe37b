//! What Prometheus answers, read strictly: an answer of another form is none.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::QUERY_REFUSED;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::systems::api::{Answered, LONGEST_WORDS, garbled};

/// The most warnings that are kept.
const MOST_WARNINGS: usize = 10;

/// The answer to an instant query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The figures.
    pub figures: Figures,
    /// When it was evaluated, by the server's clock; none where there is no figure.
    pub at: Option<Timestamp>,
    /// What is said beside them.
    pub notes: Notes,
}

/// What is said beside an answer, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// What it warns of: that a store did not answer, so that figures may be missing.
    pub warnings: Vec<String>,
    /// What it finds odd about the expression.
    pub infos: Vec<String>,
}

/// The figures of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Figures {
    /// One, without labels.
    Scalar(f64),
    /// Any number of them, each with its labels.
    Vector(Vec<Row>),
    /// None: the expression gives something else, named here.
    Other(&'static str),
}

/// A figure with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The labels, the metric's name among them as `__name__`.
    pub labels: BTreeMap<String, String>,
    /// The value, which may be no number.
    pub value: f64,
}

/// The figures that a series had over a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The values, oldest first; some may be no numbers.
    pub values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
struct Body<T> {
    #[serde(default)]
    status: String,
    data: Option<T>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    warnings: Option<Vec<String>>,
    infos: Option<Vec<String>>,
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
    value: Option<(f64, String)>,
    histogram: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Ranged {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// Reads the body of an answer with status 200, whatever was asked.
pub(super) fn open<T: DeserializeOwned>(doing: &str, body: &[u8]) -> Result<(T, Notes), Obstacle> {
    let Body { status, data, error_type: _, error, warnings, infos } =
        serde_json::from_slice::<Body<T>>(body)
            .map_err(|error| garbled(doing, &error.to_string()))?;
    let Some(data) = data.filter(|_| status == "success") else {
        return Err(garbled(doing, &format!("it does not say that it succeeded: {error}")));
    };
    let bounded = |words: Option<Vec<String>>| {
        let words = words.unwrap_or_default().into_iter().take(MOST_WARNINGS);
        words.map(|words| legible(&words, LONGEST_WORDS)).collect()
    };
    Ok((data, Notes { warnings: bounded(warnings), infos: bounded(infos) }))
}

/// Reads the answer to an instant query.
///
/// # Errors
/// It is none.
pub fn read(doing: &str, body: &[u8]) -> Result<Answer, Obstacle> {
    let (data, notes): (Data, _) = open(doing, body)?;
    let form = |error: serde_json::Error| garbled(doing, &error.to_string());
    let (figures, at) = match data.result_type.as_str() {
        "scalar" => {
            let (at, value): (f64, String) = serde_json::from_value(data.result).map_err(form)?;
            (Figures::Scalar(number(doing, &value)?), Some(at))
        }
        "vector" => {
            let series: Vec<Series> = serde_json::from_value(data.result).map_err(form)?;
            let mut at: Option<f64> = None;
            let mut rows = Vec::with_capacity(series.len());
            let mut histograms = false;
            for Series { metric, value, histogram } in series {
                match (value, histogram) {
                    (Some((when, value)), _) => {
                        at = Some(at.map_or(when, |at| at.min(when)));
                        rows.push(Row { labels: metric, value: number(doing, &value)? });
                    }
                    (None, Some(_)) => histograms = true,
                    (None, None) => return Err(garbled(doing, "a series has no value")),
                }
            }
            if histograms {
                (Figures::Other("histograms"), at)
            } else {
                (Figures::Vector(rows), at)
            }
        }
        "string" => (Figures::Other("text"), None),
        "matrix" => (Figures::Other("ranges"), None),
        other => {
            return Err(garbled(doing, &format!("a {other} came, a scalar or a vector wanted")));
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "checked by the timestamp's range")]
    let at = at.and_then(|at| Timestamp::from_millisecond((at * 1_000.0) as i64).ok());
    Ok(Answer { figures, at, notes })
}

/// Reads the answer to a query over a while.
///
/// # Errors
/// It is none.
pub fn read_ranges(doing: &str, body: &[u8]) -> Result<(Vec<Range>, Notes), Obstacle> {
    let (data, notes): (Data, _) = open(doing, body)?;
    if data.result_type != "matrix" {
        return Err(garbled(doing, &format!("a {} came, a matrix wanted", data.result_type)));
    }
    let series: Vec<Ranged> =
        serde_json::from_value(data.result).map_err(|error| garbled(doing, &error.to_string()))?;
    let range = |Ranged { metric, values }| {
        let values = values.iter().map(|(_, value)| number(doing, value));
        Ok(Range { labels: metric, values: values.collect::<Result<_, Obstacle>>()? })
    };
    Ok((series.into_iter().map(range).collect::<Result<_, Obstacle>>()?, notes))
}

fn number(doing: &str, text: &str) -> Result<f64, Obstacle> {
    text.parse().map_err(|_| garbled(doing, &format!("`{text}` is no number")))
}

/// Reads an answer with another status.
pub(super) fn refusal(doing: &str, answered: &Answered) -> Obstacle {
    let (error, error_type) = serde_json::from_slice::<Body<IgnoredAny>>(&answered.body)
        .map(|body| (body.error, body.error_type))
        .unwrap_or_default();
    let obstacle = answered.refusal(doing, &error);
    // Of its own API it says so in its own form; a proxy's pages are no answer to a query.
    match answered.status.as_u16() {
        400 | 422 if !error_type.is_empty() => Obstacle { reason: QUERY_REFUSED, ..obstacle },
        _ => obstacle,
    }
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
        assert_eq!(answer.notes.warnings, ["a store is away"]);
        assert_eq!(answer.at, Timestamp::from_second(1_763_870_400).ok());
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
            with("/data/resultType", json!("table")),
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
    fn what_is_no_figure_is_named() {
        for (kind, result, named) in [
            ("string", json!([0, "text"]), "text"),
            ("matrix", json!([]), "ranges"),
            ("vector", json!([{ "metric": {}, "histogram": [0, {}] }]), "histograms"),
        ] {
            let data = json!({ "resultType": kind, "result": result });
            let answer = said(&json!({ "status": "success", "data": data })).unwrap();
            assert_eq!(answer.figures, Figures::Other(named));
        }
    }

    #[test]
    fn ranges_are_read_with_their_labels() {
        let series = json!([{ "metric": { "job": "a" }, "values": [[1, "2"], [2.5, "NaN"]] }]);
        let data = json!({ "resultType": "matrix", "result": series });
        let body = json!({ "status": "success", "data": data }).to_string();
        let (ranges, _) = read_ranges("asking", body.as_bytes()).unwrap();
        assert_eq!((ranges[0].labels["job"].as_str(), ranges[0].values[0]), ("a", 2.0));
        assert!(ranges[0].values[1].is_nan());
        assert!(read_ranges("asking", vector().to_string().as_bytes()).is_err());
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
