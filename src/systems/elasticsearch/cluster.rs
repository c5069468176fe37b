//! A cluster: what it is, and how it is.

use serde::Deserialize;

use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::systems::api::garbled;

/// What a cluster is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its version, such as `7.10.2`, bounded.
    pub number: String,
    /// Whether it is an OpenSearch.
    pub opensearch: bool,
}

/// How a cluster or an index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All shards are there.
    Green,
    /// All primary shards are there, and some replicas are not.
    Yellow,
    /// Some primary shards are not there: documents are missing.
    Red,
}

impl Status {
    /// All of them, for series that must exist at zero.
    pub const ALL: [Self; 3] = [Self::Green, Self::Yellow, Self::Red];

    /// The word in labels and sentences.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }
}

/// The health of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// How it is: the worst of its indices.
    pub status: Status,
    /// Whether it ran out of time: then the rest may be old.
    pub timed_out: bool,
    /// How many nodes it has.
    pub number_of_nodes: u32,
    /// How many of them hold data.
    pub number_of_data_nodes: u32,
    /// How many shards are nowhere.
    pub unassigned_shards: u32,
    /// How many shards are on their way.
    pub initializing_shards: u32,
}

#[derive(Deserialize)]
struct Root {
    version: Named,
}

#[derive(Deserialize)]
struct Named {
    number: String,
    distribution: Option<String>,
}

/// Reads what a cluster says at `/`.
///
/// # Errors
/// It does not say what it is.
pub fn read_version(doing: &str, body: &[u8]) -> Result<Version, Obstacle> {
    let Root { version: Named { number, distribution } } =
        serde_json::from_slice(body).map_err(|error| garbled(doing, &error.to_string()))?;
    let opensearch = distribution.as_deref() == Some("opensearch");
    Ok(Version { number: legible(&number, 40), opensearch })
}

/// Reads the health of a cluster.
///
/// # Errors
/// Some of it is not there.
pub fn read_health(doing: &str, body: &[u8]) -> Result<Health, Obstacle> {
    serde_json::from_slice(body).map_err(|error| garbled(doing, &error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::systems::kubernetes::shapes;

    #[test]
    fn health_is_read_whole_or_not_at_all() {
        let sent = json!({
            "cluster_name": "shop", "status": "yellow", "timed_out": false, "number_of_nodes": 1,
            "number_of_data_nodes": 1, "active_primary_shards": 4, "active_shards": 4,
            "relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": 4,
            "delayed_unassigned_shards": 0, "number_of_pending_tasks": 0,
            "number_of_in_flight_fetch": 0, "task_max_waiting_in_queue_millis": 0,
            "active_shards_percent_as_number": "NaN",
        });
        let health = read_health("asking", sent.to_string().as_bytes()).unwrap();
        assert_eq!((health.status, health.unassigned_shards), (Status::Yellow, 4));
        for field in ["status", "timed_out", "number_of_nodes", "unassigned_shards"] {
            let mut sent = sent.clone();
            sent.as_object_mut().unwrap().remove(field);
            assert!(read_health("asking", sent.to_string().as_bytes()).is_err(), "{field}");
            for oddity in shapes::oddities() {
                let mut sent = sent.clone();
                sent[field] = oddity;
                let _any = read_health("asking", sent.to_string().as_bytes());
            }
        }
        assert!(read_health("asking", b"<html>").is_err());
    }

    #[test]
    fn an_opensearch_says_so() {
        let elastic = json!({ "name": "n", "cluster_name": "c", "cluster_uuid": "u",
            "version": { "number": "7.10.2", "build_flavor": "default", "build_type": "docker" },
            "tagline": "You Know, for Search" });
        let read = |sent: &serde_json::Value| read_version("asking", sent.to_string().as_bytes());
        let version = Version { number: "7.10.2".to_owned(), opensearch: false };
        assert_eq!(read(&elastic), Ok(version));
        let other = json!({ "version": { "distribution": "opensearch", "number": "2.11.0" } });
        assert!(read(&other).unwrap().opensearch);
        assert!(read(&json!({ "version": {} })).is_err());
    }
}
