//! `elasticsearch`: a cluster of Elasticsearch or OpenSearch is well, its aliases lead to one open index,
//! documents keep coming, and its disks have room.
//!
//! Witness: the cluster, asked about what it holds. Each part is asked for by itself, so that a right
//! that is lacking for one blinds no other. Red is the cluster's own word and fails; a search that
//! not all shards answered proves what it found and nothing else.

mod disks;
mod indices;
mod judging;
mod parameters;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::{Needs, SystemName};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::api::{Asking, NO_CONNECTION};
use crate::systems::elasticsearch::QUESTION_REFUSED;
use crate::systems::elasticsearch::cluster::{Health, Status, Version};
use crate::systems::elasticsearch::index::IndexRow;
use crate::systems::elasticsearch::search::Found;
use disks::DisksSeen;
use parameters::{ConnectionName, Disks, HealthWanted, Newest, VersionWanted, Wanted};

const STATUS_YELLOW: Reason = Reason::new("StatusYellow");
const STATUS_RED: Reason = Reason::new("StatusRed");
const TOO_FEW_NODES: Reason = Reason::new("TooFewNodes");
const ALIAS_MISSING: Reason = Reason::new("AliasMissing");
const ALIAS_AMBIGUOUS: Reason = Reason::new("AliasAmbiguous");
const INDEX_MISSING: Reason = Reason::new("IndexMissing");
const INDEX_CLOSED: Reason = Reason::new("IndexClosed");
const INDEX_READ_ONLY: Reason = Reason::new("IndexReadOnly");
const TOO_FEW_DOCUMENTS: Reason = Reason::new("TooFewDocuments");
const NOT_COUNTED: Reason = Reason::new("NotCounted");
const DOCUMENT_TOO_OLD: Reason = Reason::new("DocumentTooOld");
const NO_DATES: Reason = Reason::new("NoDates");
const PARTIAL_ANSWER: Reason = Reason::new("PartialAnswer");
const DISK_FILLING: Reason = Reason::new("DiskFilling");
const DISK_FULL: Reason = Reason::new("DiskFull");
const VERSION_WRONG: Reason = Reason::new("VersionWrong");

static STATUS: Measure = Measure::gauge(
    "vigie_elasticsearch_status",
    "The status of a cluster: 1 for the one that it has.",
    &["connection", "status"],
);
static NODES: Measure =
    Measure::gauge("vigie_elasticsearch_nodes", "Nodes of a cluster.", &["connection"]);
static UNASSIGNED: Measure = Measure::gauge(
    "vigie_elasticsearch_unassigned_shards",
    "Shards of a cluster that are on no node.",
    &["connection"],
);
static DOCUMENTS: Measure = Measure::gauge(
    "vigie_elasticsearch_documents",
    "Documents behind the name of an alias or index.",
    &["connection", "index"],
);
static NEWEST: Measure = Measure::gauge(
    "vigie_elasticsearch_newest_document_timestamp_seconds",
    "When the newest document behind a name is of.",
    &["connection", "index"],
);
static DISK: Measure = Measure::gauge(
    "vigie_elasticsearch_disk_used_ratio",
    "Share of the fullest disk of a cluster that is used.",
    &["connection"],
);

/// A cluster of Elasticsearch or OpenSearch is well, and so are its aliases, documents and disks.
///
/// The shapes that it reads were written from the documentation of Elasticsearch 7.10 and 8 and of
/// OpenSearch 2: its tests are held to these fixtures, not to the real ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Elasticsearch {
    /// The name of a connection under `connections.elasticsearch`. Default: `default`.
    #[serde(default)]
    connection: ConnectionName,
    /// How the cluster must be; `{}` for the defaults. Default: not looked at.
    #[serde(default)]
    health: Option<HealthWanted>,
    /// The aliases that must each lead to exactly one open index that is not red. Default: none.
    #[serde(default)]
    aliases: Vec<Wanted>,
    /// The indices, by name or pattern, that must be there, open and not red. Default: none.
    #[serde(default)]
    indices: Vec<Wanted>,
    /// How old the newest document may be. Default: not looked at.
    #[serde(default)]
    newest: Option<Newest>,
    /// Whether disks stay below the cluster's own watermarks and no index is closed to writers for
    /// want of room; `{}` for the defaults. Default: not looked at.
    #[serde(default)]
    disks: Option<Disks>,
    /// What it must be. Default: not looked at.
    #[serde(default)]
    version: Option<VersionWanted>,
}

/// What was seen, part by part.
#[derive(Debug)]
pub struct Seen {
    health: Option<Result<Health, Obstacle>>,
    /// Of each alias: the indices that bear it, and what is behind the name.
    aliases: Vec<Result<Aliased, Obstacle>>,
    indices: Vec<Result<Option<Vec<IndexRow>>, Obstacle>>,
    newest: Option<Result<Option<Found>, Obstacle>>,
    disks: Option<DisksSeen>,
    version: Option<Result<Version, Obstacle>>,
}

/// What is behind the name of an alias.
#[derive(Debug)]
struct Aliased {
    /// The indices that bear it; none where there is no such alias.
    bearers: Option<Vec<String>>,
    /// What the name stands for, alias or not.
    rows: Option<Vec<IndexRow>>,
}

impl Check for Elasticsearch {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(
            STATUS_RED,
            "The cluster, or a wanted index, is red: documents are missing.",
        ),
        Documented::warns_or_fails(
            STATUS_YELLOW,
            "The cluster, or a wanted index, is yellow: replicas are missing; `health.yellow` says which.",
        ),
        Documented::fails(TOO_FEW_NODES, "The cluster has fewer nodes than wanted."),
        Documented::fails(
            ALIAS_MISSING,
            "There is no such alias; an index of its name does not count.",
        ),
        Documented::fails(ALIAS_AMBIGUOUS, "The alias leads to several indices."),
        Documented::fails(INDEX_MISSING, "No index is of this name or pattern."),
        Documented::fails(INDEX_CLOSED, "A wanted index is closed."),
        Documented::fails(
            INDEX_READ_ONLY,
            "Indices are closed to writers, because a disk was full (`read_only_allow_delete`).",
        ),
        Documented::fails(TOO_FEW_DOCUMENTS, "There are fewer documents than wanted."),
        Documented::blinds(
            NOT_COUNTED,
            "The cluster does not say how an index is, how many documents it holds, or how full a disk is.",
        ),
        Documented::warns_or_fails(DOCUMENT_TOO_OLD, "The newest document is too old."),
        Documented::blinds(NO_DATES, "No document has a date in the field."),
        Documented::blinds(
            PARTIAL_ANSWER,
            "Not all shards answered, or not in time, and what did answer is not enough.",
        ),
        Documented::warns(
            DISK_FILLING,
            "A disk is above the low watermark: no more shards go there.",
        ),
        Documented::fails(
            DISK_FULL,
            "A disk is above the high watermark (shards leave it) or the flood stage.",
        ),
        Documented::fails(VERSION_WRONG, "It is older than wanted, or something else."),
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "The newest document is of more than two minutes in the future.",
        ),
        Documented::blinds(
            QUESTION_REFUSED,
            "The cluster refuses the question: of a field that holds no dates, a closed index.",
        ),
        Documented::blinds(NO_CONNECTION, "No connection of this name is configured."),
        Documented::blinds(Reason::TIMED_OUT, "It did not answer in time."),
        Documented::blinds(Reason::REFUSED, "It refuses connections."),
        Documented::blinds(Reason::RESET, "It broke the connection off."),
        Documented::blinds(Reason::UNREACHABLE, "The network has no way there."),
        Documented::blinds(Reason::NAME_NOT_FOUND, "The host's name has no address."),
        Documented::blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell the address."),
        Documented::blinds(Reason::TLS_FAILED, "TLS could not be established, or not be trusted."),
        Documented::blinds(
            Reason::UNAUTHORIZED,
            "The credential is refused; it is not sent again until it changes, at most twice a day.",
        ),
        Documented::blinds(
            Reason::FORBIDDEN,
            "The credential lacks a privilege; the sentence names it.",
        ),
        Documented::blinds(Reason::NOT_FOUND, "It does not know what was asked of it."),
        Documented::blinds(Reason::THROTTLED, "It has too much to do (429)."),
        Documented::blinds(Reason::SERVER_ERROR, "It is in trouble itself (5xx)."),
        Documented::blinds(
            Reason::GARBLED,
            "What came is not Elasticsearch's answer: a proxy's page, a redirect.",
        ),
        Documented::blinds(Reason::TOO_LARGE, "The answer is longer than 4 MiB."),
        Documented::blinds(Reason::SECRET_MISSING, "A credential or `ca` can't be read."),
    ];

    const MEASURES: &'static [&'static Measure] =
        &[&STATUS, &NODES, &UNASSIGNED, &DOCUMENTS, &NEWEST, &DISK];

    fn flaws(&self) -> Vec<String> {
        parameters::flaws(self)
    }

    fn needs(&self) -> Needs {
        Needs {
            // Permits are by connection, whatever its host is called.
            hosts: vec![format!("elasticsearch.{}", self.connection.0)],
            connections: vec![(SystemName::Elasticsearch, self.connection.0.clone())],
            ..Needs::default()
        }
    }

    fn series(&self) -> Vec<Series> {
        let connection = Some(self.connection.0.clone());
        let by_index = |measure, index: &str| Series {
            measure,
            labels: vec![connection.clone(), Some(index.to_owned())],
        };
        let alone = |measure| Series { measure, labels: vec![connection.clone()] };
        let mut series = Vec::new();
        if self.health.is_some() {
            series.extend(Status::ALL.map(|status| Series {
                measure: &STATUS,
                labels: vec![connection.clone(), Some(status.label().to_owned())],
            }));
            series.extend([alone(&NODES), alone(&UNASSIGNED)]);
        }
        let wanted = self.aliases.iter().chain(&self.indices);
        series.extend(wanted.map(|wanted| by_index(&DOCUMENTS, wanted.name.as_str())));
        series.extend(self.newest.iter().map(|newest| by_index(&NEWEST, newest.index.as_str())));
        series.extend(self.disks.iter().map(|_| alone(&DISK)));
        series
    }

    /// The limit of the newest document is its age in seconds, to be compared with `time() -` the
    /// measure.
    fn bounds(&self) -> Vec<Bound> {
        let newest = self.newest.iter();
        newest
            .flat_map(|n| n.within.above(NEWEST.name, |limit| limit.get().as_secs_f64()))
            .collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let asking = Asking { name: &self.connection.0, now: look.now, until: look.until() };
        let cluster = &look.systems.elasticsearch;
        // One after the other: a cluster in trouble is not to be pressed.
        let version = match &self.version {
            Some(_) => Some(cluster.version(asking).await),
            None => None,
        };
        let health = match &self.health {
            Some(_) => Some(cluster.health(asking).await),
            None => None,
        };
        let mut aliases = Vec::new();
        for wanted in &self.aliases {
            aliases.push(indices::aliased(cluster, asking, &wanted.name).await);
        }
        let mut indices = Vec::new();
        for wanted in &self.indices {
            indices.push(cluster.indices(asking, &wanted.name).await);
        }
        let newest = match &self.newest {
            Some(Newest { index, field, .. }) => Some(cluster.newest(asking, index, field).await),
            None => None,
        };
        let disks = match &self.disks {
            Some(_) => Some(disks::look(cluster, asking).await),
            None => None,
        };
        Ok(Seen { health, aliases, indices, newest, disks, version })
    }

    fn judge(&self, seen: &Seen, _past: &Past, now: Timestamp) -> Judgement {
        judging::judge(self, seen, now)
    }
}
