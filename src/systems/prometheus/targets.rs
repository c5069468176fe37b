//! The targets of a Prometheus: what it scrapes, and how that goes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::answer::open;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::systems::api::LONGEST_WORDS;

/// Targets, as far as they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Those it scrapes.
    pub active: Vec<Target>,
    /// How many it drops by relabelling, by job; a server may say nothing of them.
    pub dropped: BTreeMap<String, u64>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its labels, `job` and `instance` among them.
    pub labels: BTreeMap<String, String>,
    /// How its last scrape went.
    pub health: Health,
    /// What was wrong with its last scrape, bounded; empty where nothing was.
    pub error: String,
    /// When it was last scraped; none where it never was.
    pub scraped: Option<Timestamp>,
    /// How often it is scraped, where the server says so.
    pub interval: Option<Duration>,
}

/// How the last scrape of a target went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Well.
    Up,
    /// Not well.
    Down,
    /// There was none, or nobody says.
    Unknown,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    active_targets: Option<Vec<Active>>,
    dropped_targets: Option<Vec<Dropped>>,
    dropped_target_counts: Option<BTreeMap<String, u64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Active {
    labels: BTreeMap<String, String>,
    health: String,
    last_error: String,
    last_scrape: Option<Timestamp>,
    scrape_interval: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dropped {
    #[serde(default)]
    discovered_labels: BTreeMap<String, String>,
}

/// Reads a list of targets.
///
/// # Errors
/// It is none.
pub fn read(doing: &str, body: &[u8]) -> Result<Targets, Obstacle> {
    let (data, _) = open::<Data>(doing, body)?;
    let Data { active_targets, dropped_targets, dropped_target_counts } = data;
    // Either list may be null where the other was asked for; neither is no answer.
    if active_targets.is_none() && dropped_targets.is_none() {
        return Err(crate::systems::api::garbled(doing, "it holds no list of targets"));
    }
    let mut dropped = dropped_target_counts.unwrap_or_default();
    if dropped.is_empty() {
        for Dropped { mut discovered_labels } in dropped_targets.unwrap_or_default() {
            *dropped.entry(discovered_labels.remove("job").unwrap_or_default()).or_default() += 1;
        }
    }
    let active = active_targets.unwrap_or_default().into_iter().map(target).collect();
    Ok(Targets { active, dropped })
}

fn target(active: Active) -> Target {
    let Active { labels, health, last_error, last_scrape, scrape_interval } = active;
    let health = match health.as_str() {
        "up" => Health::Up,
        "down" => Health::Down,
        _ => Health::Unknown,
    };
    Target {
        labels,
        health,
        error: legible(&last_error, LONGEST_WORDS),
        scraped: last_scrape.and_then(ever),
        interval: scrape_interval.and_then(|text| humantime::parse_duration(&text).ok()),
    }
}

/// A time, unless it is Go's word for never.
pub(super) fn ever(at: Timestamp) -> Option<Timestamp> {
    (at > Timestamp::UNIX_EPOCH).then_some(at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn targets_are_read_as_servers_of_several_years_send_them() {
        let body = json!({ "status": "success", "data": {
            "activeTargets": [
                { "discoveredLabels": {}, "labels": { "job": "api" }, "scrapePool": "api",
                  "scrapeUrl": "http://a", "globalUrl": "http://a", "lastError": "",
                  "lastScrape": "2026-03-15T12:00:00.5+01:00", "lastScrapeDuration": 0.05,
                  "health": "up", "scrapeInterval": "1m30s", "scrapeTimeout": "10s" },
                { "labels": { "job": "new" }, "health": "unknown",
                  "lastScrape": "0001-01-01T00:00:00Z" },
                {},
            ],
            "droppedTargets": [{ "discoveredLabels": { "job": "old" } }],
        } });
        let targets = read("asking", body.to_string().as_bytes()).unwrap();
        let [api, new, odd] = &targets.active[..] else { panic!("{targets:?}") };
        assert_eq!((api.health, api.interval), (Health::Up, Some(Duration::from_secs(90))));
        assert_eq!(api.scraped, "2026-03-15T11:00:00.5Z".parse().ok());
        assert_eq!((new.health, new.scraped), (Health::Unknown, None));
        assert_eq!(odd.health, Health::Unknown, "what is not said is not up");
        assert_eq!(targets.dropped, BTreeMap::from([("old".to_owned(), 1)]));
        let counted = json!({ "status": "success", "data": {
            "activeTargets": [], "droppedTargets": [], "droppedTargetCounts": { "old": 9 },
        } });
        let targets = read("asking", counted.to_string().as_bytes()).unwrap();
        assert_eq!(targets.dropped, BTreeMap::from([("old".to_owned(), 9)]));
        for garbled in [json!({}), json!({ "activeTargets": {} }), json!([])] {
            let body = json!({ "status": "success", "data": garbled }).to_string();
            assert!(read("asking", body.as_bytes()).is_err(), "{body}");
        }
    }
}
