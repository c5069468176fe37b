//! The alerts of a Prometheus, and the Alertmanagers that it sends them to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer::open;
use crate::model::finding::Obstacle;
use crate::systems::api::garbled;

/// An alert of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its labels, `alertname` among them.
    pub labels: BTreeMap<String, String>,
    /// Whether it fires; otherwise it has not lasted long enough yet.
    pub firing: bool,
    /// Since when its condition holds.
    pub since: Timestamp,
}

#[derive(Deserialize)]
struct Data {
    alerts: Vec<One>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct One {
    labels: BTreeMap<String, String>,
    state: String,
    active_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: Vec<IgnoredAny>,
}

/// Reads alerts.
///
/// # Errors
/// They are none, or one of them is in a state that nobody knows.
pub fn read(doing: &str, body: &[u8]) -> Result<Vec<Alert>, Obstacle> {
    let (Data { alerts }, _) = open::<Data>(doing, body)?;
    let alert = |One { labels, state, active_at }| {
        let firing = match state.as_str() {
            "firing" => true,
            "pending" | "inactive" => false,
            other => return Err(garbled(doing, &format!("an alert is `{other}`"))),
        };
        Ok(Alert { labels, firing, since: active_at })
    };
    alerts.into_iter().map(alert).collect()
}

/// Reads how many Alertmanagers alerts are sent to.
///
/// # Errors
/// The answer does not say.
pub fn read_alertmanagers(doing: &str, body: &[u8]) -> Result<usize, Obstacle> {
    let (Alertmanagers { active_alertmanagers }, _) = open::<Alertmanagers>(doing, body)?;
    Ok(active_alertmanagers.len())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn body(data: &Value) -> Vec<u8> {
        json!({ "status": "success", "data": data }).to_string().into_bytes()
    }

    #[test]
    fn alerts_are_read_or_none_of_them() {
        let alert = json!({ "labels": { "alertname": "Slow" }, "annotations": {}, "state": "firing",
            "activeAt": "2018-07-04T20:27:12.60602144+02:00", "value": "1e+00" });
        let alerts = read("asking", &body(&json!({ "alerts": [alert] }))).unwrap();
        assert_eq!((alerts[0].labels["alertname"].as_str(), alerts[0].firing), ("Slow", true));
        for field in ["labels", "state", "activeAt"] {
            let mut spoiled = alert.clone();
            spoiled.as_object_mut().unwrap().remove(field);
            assert!(read("asking", &body(&json!({ "alerts": [spoiled] }))).is_err(), "{field}");
        }
        assert!(read("asking", &body(&json!({}))).is_err());
    }

    #[test]
    fn alertmanagers_are_counted_where_they_are_named() {
        let one =
            json!({ "activeAlertmanagers": [{ "url": "http://a" }], "droppedAlertmanagers": [] });
        assert_eq!(read_alertmanagers("asking", &body(&one)), Ok(1));
        assert!(read_alertmanagers("asking", &body(&json!({}))).is_err());
    }
}
