//! Elasticsearch and OpenSearch: what a cluster says of itself, its indices and its documents, as a
//! witness.
//!
//! Read-only: GET alone, of the paths that both have kept since version 7. Answers are bounded in
//! bytes and read strictly; what a proxy says in its place is an obstacle.

pub mod cluster;
mod connection;
pub mod disk;
pub mod index;
pub mod search;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

pub use connection::Connection;

use super::api::{Answered, Api, Asking, garbled, unconfigured};
use super::net::Net;
use super::secrets::Secrets;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use cluster::{Health, Version};
use disk::{Blocked, Disk, Watermarks};
use index::{IndexName, IndexRow};
use search::{Field, Found};

/// The cluster does not accept the question itself.
pub const QUESTION_REFUSED: Reason = Reason::new("QuestionRefused");

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 4 << 20;

/// The connections to Elasticsearch, by the name that the configuration gives them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Elasticsearch {
    connections: Arc<BTreeMap<String, Connection>>,
    api: Api,
}

/// What a cluster says of a failure, in either of its forms.
#[derive(Deserialize)]
struct Failure {
    error: Value,
    status: u16,
}

impl Elasticsearch {
    /// Connections as configured; nothing is dialled yet.
    pub fn new(connections: &BTreeMap<String, Connection>, net: Net, secrets: Secrets) -> Self {
        Self { connections: Arc::new(connections.clone()), api: Api::new(net, secrets) }
    }

    /// What it is, and which version of it.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn version(&self, asking: Asking<'_>) -> Result<Version, Obstacle> {
        let answered = self.ask(asking, "/", &[]).await?;
        cluster::read_version(&doing(asking), &answered.body)
    }

    /// The health of the cluster.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn health(&self, asking: Asking<'_>) -> Result<Health, Obstacle> {
        let answered = self.ask(asking, "/_cluster/health", &[]).await?;
        cluster::read_health(&doing(asking), &answered.body)
    }

    /// The indices that bear an alias; none where there is no such alias.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn alias(
        &self,
        asking: Asking<'_>,
        alias: &IndexName,
    ) -> Result<Option<Vec<String>>, Obstacle> {
        let path = format!("/_alias/{alias}");
        match self.find(asking, &path, &[]).await? {
            Some(answered) => {
                index::read_alias(&doing(asking), &answered.body, alias.as_str()).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The indices that a name, an alias or a pattern stands for; none where it stands for nothing.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn indices(
        &self,
        asking: Asking<'_>,
        name: &IndexName,
    ) -> Result<Option<Vec<IndexRow>>, Obstacle> {
        let path = format!("/_cat/indices/{name}");
        let form = [("format", "json"), ("h", "health,status,index,docs.count")];
        match self.find(asking, &path, &form).await? {
            Some(answered) => index::read_indices(&doing(asking), &answered.body).map(Some),
            None => Ok(None),
        }
    }

    /// The newest date in a field, and how many documents there are; none where there is no such
    /// index.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn newest(
        &self,
        asking: Asking<'_>,
        index: &IndexName,
        field: &Field,
    ) -> Result<Option<Found>, Obstacle> {
        let path = format!("/{index}/_search");
        let left = asking.until.saturating_duration_since(Instant::now());
        let source = search::newest(field, left);
        let form = [("source", source.as_str()), ("source_content_type", "application/json")];
        match self.find(asking, &path, &form).await? {
            Some(answered) => search::read(&doing(asking), &answered.body),
            None => Ok(None),
        }
    }

    /// The disks of its data nodes.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn disks(&self, asking: Asking<'_>) -> Result<Vec<Disk>, Obstacle> {
        let form = [("format", "json"), ("bytes", "b"), ("h", "node,disk.avail,disk.total")];
        let answered = self.ask(asking, "/_cat/allocation", &form).await?;
        disk::read_disks(&doing(asking), &answered.body)
    }

    /// How full it lets its disks become.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn watermarks(&self, asking: Asking<'_>) -> Result<Watermarks, Obstacle> {
        let form = [("include_defaults", "true"), ("flat_settings", "true")];
        let answered = self.ask(asking, "/_cluster/settings", &form).await?;
        disk::read_watermarks(&doing(asking), &answered.body)
    }

    /// The indices that it closed to writers because a disk is full. With a setting that each index
    /// has, so that one without a block is told from one that the credential may not see.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn blocked(&self, asking: Asking<'_>) -> Result<Blocked, Obstacle> {
        let path = "/_all/_settings/index.blocks.*,index.creation_date";
        let answered = self.ask(asking, path, &[("flat_settings", "true")]).await?;
        disk::read_blocked(&doing(asking), &answered.body)
    }

    async fn ask(
        &self,
        asking: Asking<'_>,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Answered, Obstacle> {
        let answered = self.answered(asking, path, form).await?;
        match answered.status {
            StatusCode::OK => Ok(answered),
            _ => Err(refusal(&doing(asking), &answered)),
        }
    }

    /// The same, of an index or an alias; none where the cluster says that there is none.
    async fn find(
        &self,
        asking: Asking<'_>,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Option<Answered>, Obstacle> {
        let answered = self.answered(asking, path, form).await?;
        match answered.status {
            StatusCode::OK => Ok(Some(answered)),
            StatusCode::NOT_FOUND if misses_an_index(&answered.body) => Ok(None),
            _ => Err(refusal(&doing(asking), &answered)),
        }
    }

    async fn answered(
        &self,
        asking: Asking<'_>,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Answered, Obstacle> {
        let connection = self.connections.get(asking.name);
        let connection = connection.ok_or_else(|| unconfigured("elasticsearch", asking.name))?;
        let doing = doing(asking);
        self.api.ask(&connection.access, asking.about(&doing, path, form, LONGEST_ANSWER)).await
    }
}

fn doing(asking: Asking<'_>) -> String {
    format!("asking Elasticsearch `{}`", asking.name)
}

/// Reads an answer with another status than 200.
fn refusal(doing: &str, answered: &Answered) -> Obstacle {
    let failure = serde_json::from_slice::<Failure>(&answered.body).ok();
    let said = failure.as_ref().map(|Failure { error, status: _ }| words(error));
    let obstacle = answered.refusal(doing, &said.unwrap_or_default());
    match (answered.status.as_u16(), failure) {
        (status, Some(failure)) if failure.status != status => {
            garbled(doing, "its status is not that of its own words")
        }
        (400, Some(_)) => Obstacle { reason: QUESTION_REFUSED, ..obstacle },
        // A proxy's pages say nothing about an index.
        (404, None) => garbled(doing, "it answers 404, and not as Elasticsearch does"),
        (_, _) => obstacle,
    }
}

/// Whether a 404 is the cluster's own word that an index or an alias is missing: what a proxy, or
/// another application, does not find says nothing about an index.
fn misses_an_index(body: &[u8]) -> bool {
    match serde_json::from_slice::<Failure>(body) {
        Ok(Failure { error: Value::String(words), status: 404 }) => words.starts_with("alias"),
        Ok(Failure { error, status: 404 }) => error.get("type").is_some_and(Value::is_string),
        Ok(_) | Err(_) => false,
    }
}

/// `type: reason`, of the first cause where there are several.
fn words(error: &Value) -> String {
    let error = error.pointer("/root_cause/0").unwrap_or(error);
    let part = |key: &str| error.get(key).and_then(Value::as_str);
    match (error, part("type"), part("reason")) {
        (Value::String(words), _, _) => words.clone(),
        (_, Some(kind), Some(reason)) => format!("{kind}: {reason}"),
        (_, kind, reason) => kind.or(reason).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_is_told_in_its_own_words() {
        let missing = json!("alias [bsds] missing");
        assert_eq!(words(&missing), "alias [bsds] missing");
        let cause = json!({ "type": "index_not_found_exception", "reason": "no such index [a]" });
        let whole = json!({ "root_cause": [cause], "type": "other", "reason": "other" });
        assert_eq!(words(&whole), "index_not_found_exception: no such index [a]");
        assert_eq!(words(&json!({ "type": "odd" })), "odd");
        assert_eq!(words(&json!(7)), "");
    }

    #[test]
    fn a_cluster_misses_an_index_and_a_page_is_not_found() {
        let misses = |error: Value, status: u16| {
            misses_an_index(json!({ "error": error, "status": status }).to_string().as_bytes())
        };
        let missing = json!({ "type": "index_not_found_exception", "reason": "no" });
        assert!(misses(json!("alias [bsds] missing"), 404) && misses(missing.clone(), 404));
        for other in [json!("Not Found"), json!({ "code": 404 }), json!(null), json!(404)] {
            assert!(!misses(other.clone(), 404), "{other}");
        }
        assert!(!misses(missing, 403) && !misses_an_index(b"<html>"));
    }
}
