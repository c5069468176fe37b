//! Where backups are described by custom resources: whether they and the bucket say the same.
//!
//! Witness: the API server, by watch. An operator's status freezes, and backups fail before anything
//! is in the bucket; neither alone tells.

mod cloudnative_pg;
mod judging;
mod percona;
mod schedule;

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Look;
use crate::model::duration::Period;
use crate::model::finding::Obstacle;
use crate::model::needs::{Form, Needs, Resource, Watch};
use crate::model::reason::Reason;
use crate::systems::kubernetes::Table;
use crate::systems::kubernetes::whole::Whole;
use crate::systems::s3::Endpoint;

pub(super) use judging::{Looked, judge};
use schedule::Schedule;

/// The custom resources that describe these backups, by their operator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum CustomResource {
    /// A Cluster of `CloudNativePG`, its Backups and its `ScheduledBackups`.
    CloudnativePg(cloudnative_pg::CloudNativePg),
    /// A `PerconaServerMongoDB` and its `PerconaServerMongoDBBackups`.
    PerconaMongodb(percona::PerconaMongodb),
}

/// What a look saw of them.
#[derive(Debug)]
pub(super) struct Seen(Result<Told, Obstacle>);

impl Seen {
    /// Why they could not be seen.
    pub(super) fn obstacle(&self) -> Option<&Obstacle> {
        self.0.as_ref().err()
    }
}

/// What custom resources tell of backups, whatever their operator.
#[derive(Debug)]
struct Told {
    /// What the resource is called, for sentences.
    named: String,
    /// Where it backs up to; none where the resource is not there.
    destination: Option<Destination>,
    /// For how long, or how many of them, it keeps backups; as it says it, and as it is meant.
    policy: Option<(String, Policy)>,
    /// The backups that it knows of.
    backups: Vec<Taken>,
    /// When backups are to be begun.
    schedules: Vec<Schedule>,
}

/// Where a custom resource backs up to.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    /// To this bucket, below this path, at this endpoint where it names one.
    Store { bucket: String, path: String, endpoint: Option<String> },
    /// Nowhere; a sentence says so.
    Nowhere(String),
    /// It does not tell; a sentence says why not.
    Untold(String),
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    /// What is needed to go back so far.
    Window(std::time::Duration),
    /// So many.
    Count(u32),
}

/// A backup as a custom resource tells of it.
#[derive(Debug)]
struct Taken {
    /// The name of the custom resource.
    resource: String,
    /// How far it got.
    state: State,
    /// The name of the backup in the bucket, where it is told.
    name: Option<String>,
    /// When it began, or else when the custom resource was made.
    began: Option<Timestamp>,
    /// When it ended.
    ended: Option<Timestamp>,
}

/// How far a backup got, as its custom resource tells.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Completed,
    Failed(String),
    UnderWay,
}

impl CustomResource {
    /// The watches that it takes.
    pub(super) fn needs(&self) -> Needs {
        let watches = match self {
            Self::CloudnativePg(cluster) => cluster.watches(),
            Self::PerconaMongodb(cluster) => cluster.watches(),
        };
        Needs { watches, ..Needs::default() }
    }

    /// Reads the watches.
    pub(super) fn observe(&self, look: &Look<'_>) -> Seen {
        Seen(match self {
            Self::CloudnativePg(cluster) => cluster.told(look),
            Self::PerconaMongodb(cluster) => cluster.told(look),
        })
    }

    /// The endpoint at which the operator sees the store, where it is another name for it.
    fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::CloudnativePg(cluster) => cluster.endpoint.as_ref(),
            Self::PerconaMongodb(cluster) => cluster.endpoint.as_ref(),
        }
    }
}

/// One object by name.
fn one(resource: &Resource, namespace: &str, name: &str) -> Watch {
    Watch::all(resource.clone()).within(namespace).named(name).keeping(Form::Whole)
}

/// All objects of a namespace.
fn all(resource: &Resource, namespace: &str) -> Watch {
    Watch::all(resource.clone()).within(namespace).keeping(Form::Whole)
}

/// The objects of a watch, all of which must be readable.
fn read(look: &Look<'_>, watch: &Watch) -> Result<Vec<Arc<Whole>>, Obstacle> {
    let kubernetes = &look.systems.kubernetes;
    kubernetes.read(look.needs, watch, |table: &Table<Whole>| {
        if let Some((place, why)) = table.garbled().next() {
            let because = format!("the object {place} can't be read: {why}");
            return Err(Obstacle::new(Reason::GARBLED, because));
        }
        Ok(table.records().map(Arc::clone).collect())
    })?
}

/// A field that holds text; nothing where it is empty.
fn text<'a>(object: &'a Whole, pointer: &str) -> Option<&'a str> {
    object.object.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// A field that holds a time.
fn time(object: &Whole, pointer: &str) -> Option<Timestamp> {
    text(object, pointer)?.parse().ok()
}

/// `30d`, `4w`, `2m`, as barman and `CloudNativePG` write windows; a month has 31 days there.
fn window(text: &str) -> Option<std::time::Duration> {
    let unit = text.chars().next_back()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let days = match unit {
        'd' => 1,
        'w' => 7,
        'm' => 31,
        _ => return None,
    };
    // Ten years are more than anybody means.
    let days = number.checked_mul(days).filter(|days| (1..=3_660).contains(days))?;
    Some(Period::from_secs(days * 86_400).get())
}

#[cfg(test)]
mod tests;
