//! An alert as Alertmanager tells of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::finding::Obstacle;
use crate::systems::api::garbled;

/// An alert that fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its labels, `alertname` among them.
    pub labels: BTreeMap<String, String>,
    /// Since when it fires.
    pub since: Timestamp,
    /// Whether anybody hears of it.
    pub heard: Heard,
}

/// Whether anybody hears of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It notifies, or is about to.
    Active,
    /// Somebody silenced it, or mutes it at this hour.
    Silenced,
    /// Another alert stands for it.
    Inhibited,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct One {
    labels: BTreeMap<String, String>,
    starts_at: Timestamp,
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: String,
    #[serde(default)]
    silenced_by: Vec<IgnoredAny>,
    #[serde(default)]
    inhibited_by: Vec<IgnoredAny>,
    #[serde(default)]
    muted_by: Vec<IgnoredAny>,
}

/// Reads a list of alerts.
///
/// # Errors
/// It is none, or one of them can't be read.
pub fn read(doing: &str, body: &[u8]) -> Result<Vec<Alert>, Obstacle> {
    let alerts: Vec<One> =
        serde_json::from_slice(body).map_err(|error| garbled(doing, &error.to_string()))?;
    alerts.into_iter().map(|alert| self::alert(doing, alert)).collect()
}

fn alert(doing: &str, alert: One) -> Result<Alert, Obstacle> {
    let One { labels, starts_at, status } = alert;
    let Status { state, silenced_by, inhibited_by, muted_by } = status;
    let heard = match state.as_str() {
        "suppressed" if !silenced_by.is_empty() || !muted_by.is_empty() => Heard::Silenced,
        "suppressed" if !inhibited_by.is_empty() => Heard::Inhibited,
        // Not yet looked at for silences, it is about to notify; for no reason that is known, it may.
        "active" | "unprocessed" | "suppressed" => Heard::Active,
        other => return Err(garbled(doing, &format!("an alert is `{other}`"))),
    };
    Ok(Alert { labels, since: starts_at, heard })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// As Alertmanager 0.25 to 0.28 send it.
    fn sent() -> Value {
        json!([{
            "annotations": { "summary": "slow" }, "endsAt": "2026-03-15T12:04:00.000Z",
            "fingerprint": "b3cd", "receivers": [{ "name": "team" }],
            "startsAt": "2026-03-15T12:00:00.000Z",
            "status": { "inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active" },
            "updatedAt": "2026-03-15T12:00:00.000Z", "generatorURL": "http://p",
            "labels": { "alertname": "Slow", "severity": "critical" },
        }])
    }

    fn heard(status: Value) -> Result<Heard, &'static str> {
        let mut sent = sent();
        sent[0]["status"] = status;
        read("asking", sent.to_string().as_bytes())
            .map(|alerts| alerts[0].heard)
            .map_err(|obstacle| obstacle.reason.code())
    }

    #[test]
    fn an_alert_is_heard_unless_somebody_names_why_not() {
        let suppressed = |by: &str| heard(json!({ "state": "suppressed", by: ["x"] }));
        assert_eq!(heard(json!({ "state": "active" })), Ok(Heard::Active));
        assert_eq!(heard(json!({ "state": "unprocessed" })), Ok(Heard::Active));
        assert_eq!(suppressed("silencedBy"), Ok(Heard::Silenced));
        assert_eq!(suppressed("mutedBy"), Ok(Heard::Silenced));
        assert_eq!(suppressed("inhibitedBy"), Ok(Heard::Inhibited));
        assert_eq!(suppressed("elseBy"), Ok(Heard::Active));
        assert_eq!(heard(json!({ "state": "resting" })), Err("Garbled"));
        assert_eq!(heard(json!({})), Err("Garbled"));
    }

    #[test]
    fn a_field_that_is_gone_takes_the_answer_with_it() {
        for field in ["labels", "startsAt", "status"] {
            let mut sent = sent();
            sent[0].as_object_mut().unwrap().remove(field);
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
