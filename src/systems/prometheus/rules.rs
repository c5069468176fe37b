//! The rules of a Prometheus, and whether it took its configuration.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::answer::open;
use super::targets::ever;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::systems::api::{LONGEST_WORDS, garbled};

/// A group of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How often it is evaluated, where the server says so.
    pub interval: Option<Duration>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The alert's name, or that of the series it records.
    pub name: String,
    /// How its last evaluation went.
    pub health: Health,
    /// What was wrong with it, bounded; empty where nothing was.
    pub error: String,
    /// When it was last evaluated; none where it never was.
    pub evaluated: Option<Timestamp>,
}

/// How the last evaluation of a rule went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Well.
    Well,
    /// Not well.
    Failing,
    /// There was none, or nobody says.
    Unknown,
}

#[derive(Deserialize)]
struct Data {
    groups: Vec<OneGroup>,
}

#[derive(Deserialize)]
struct OneGroup {
    name: String,
    interval: Option<f64>,
    rules: Vec<OneRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneRule {
    name: String,
    #[serde(default)]
    health: String,
    #[serde(default)]
    last_error: String,
    last_evaluation: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Runtime {
    reload_config_success: Option<bool>,
}

/// Reads groups of rules.
///
/// # Errors
/// They are none.
pub fn read(doing: &str, body: &[u8]) -> Result<Vec<Group>, Obstacle> {
    let (Data { groups }, _) = open::<Data>(doing, body)?;
    Ok(groups.into_iter().map(group).collect())
}

/// Reads whether the configuration was taken.
///
/// # Errors
/// The answer does not say.
pub fn read_reloaded(doing: &str, body: &[u8]) -> Result<bool, Obstacle> {
    let (Runtime { reload_config_success }, _) = open::<Runtime>(doing, body)?;
    let told = "it does not say whether its configuration was taken";
    reload_config_success.ok_or_else(|| garbled(doing, told))
}

fn group(group: OneGroup) -> Group {
    let OneGroup { name, interval, rules } = group;
    let rule = |OneRule { name, health, last_error, last_evaluation }| Rule {
        name,
        health: match health.as_str() {
            "ok" => Health::Well,
            "err" => Health::Failing,
            _ => Health::Unknown,
        },
        error: legible(&last_error, LONGEST_WORDS),
        evaluated: last_evaluation.and_then(ever),
    };
    Group {
        name,
        interval: interval.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        rules: rules.into_iter().map(rule).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_read_and_what_is_not_said_is_not_well() {
        let body = json!({ "status": "success", "data": { "groups": [{
            "name": "api", "file": "/etc/a.yaml", "interval": 15, "limit": 0, "rules": [
                { "type": "alerting", "name": "Slow", "query": "a > 1", "health": "err",
                  "lastError": "many-to-many\nmatching", "alerts": [],
                  "lastEvaluation": "2026-03-15T12:00:00Z" },
                { "type": "recording", "name": "a:b", "query": "a",
                  "lastEvaluation": "0001-01-01T00:00:00Z" },
            ],
        }] } });
        let groups = read("asking", body.to_string().as_bytes()).unwrap();
        let [slow, recorded] = &groups[0].rules[..] else { panic!("{groups:?}") };
        assert_eq!(groups[0].interval, Some(Duration::from_secs(15)));
        assert_eq!((slow.health, slow.error.as_str()), (Health::Failing, "many-to-many matching"));
        assert_eq!((recorded.health, recorded.evaluated), (Health::Unknown, None));
        for garbled in [json!({}), json!({ "groups": null }), json!({ "groups": [{}] })] {
            let body = json!({ "status": "success", "data": garbled }).to_string();
            assert!(read("asking", body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_server_that_does_not_say_whether_it_took_its_configuration_is_not_believed() {
        let reloaded = |data| {
            let body = json!({ "status": "success", "data": data }).to_string();
            read_reloaded("asking", body.as_bytes()).ok()
        };
        assert_eq!(reloaded(json!({ "reloadConfigSuccess": false })), Some(false));
        assert_eq!(reloaded(json!({ "startTime": "2026-03-15T12:00:00Z" })), None);
    }
}
