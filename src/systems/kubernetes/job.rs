//! Jobs: how far they are, and how they ended.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize;

use super::pool::Words;
use super::record::{Condition, Meta, Owner, Record, condition, object, time};
use super::table::{Key, Table};
use crate::model::judgement::legible;
use crate::model::needs::Resource;

/// The longest message that is kept of a Job, in characters.
const LONGEST_MESSAGE: usize = 200;

/// A Job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Who controls it: a `CronJob`, mostly.
    pub owner: Option<Owner>,
    /// Whether it succeeded.
    pub complete: bool,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it succeeded, as far as it says.
    pub completed: Option<Timestamp>,
    /// Why it failed for good: the controller's reason and words.
    pub failure: Option<(Arc<str>, Arc<str>)>,
    /// When it failed for good, as far as it says.
    pub failed: Option<Timestamp>,
    /// How many of its pods run or wait.
    pub active: i64,
    /// How many of its pods failed; it may try again.
    pub failed_pods: i64,
    /// Whether it is told to wait.
    pub suspended: bool,
    /// How long it may run before its controller ends it.
    pub deadline: Option<Duration>,
    /// A field that is always there, and was not.
    pub missing: Option<&'static str>,
}

impl Job {
    /// Whether it succeeded or failed for good.
    pub fn has_ended(&self) -> bool {
        self.complete || self.failure.is_some()
    }
}

impl Table<Job> {
    /// Whether a Job succeeded, or a newer one of the same controller did.
    pub fn has_succeeded(&self, namespace: &str, name: &str) -> bool {
        let Some(job) = self.get(namespace, name) else { return false };
        let is_newer = |other: &Job| {
            job.owner.is_some()
                && other.owner == job.owner
                && other.namespace == job.namespace
                && other.created > job.created
        };
        job.complete || self.records().any(|other| other.complete && is_newer(other))
    }
}

/// A Job, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    metadata: Meta,
    #[serde(deserialize_with = "object")]
    spec: Option<Spec>,
    #[serde(deserialize_with = "object")]
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    suspend: Option<bool>,
    active_deadline_seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    start_time: Option<Time>,
    completion_time: Option<Time>,
    active: Option<i64>,
    failed: Option<i64>,
    conditions: Option<Vec<Condition>>,
}

impl Record for Job {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, words: &mut Words) -> Self {
        let Wire { metadata, spec, status } = wire;
        let spec = spec.unwrap_or_default();
        let status = status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let holding = |kind| condition(&conditions, kind).filter(|one| one.holds());
        let complete = holding("Complete");
        let turned = complete.and_then(|complete| time(complete.last_transition_time.clone()));
        let mut word = |text: Option<&String>| {
            let text = text.map(String::as_str).unwrap_or_default();
            words.shared(&legible(text, LONGEST_MESSAGE))
        };
        let failing = holding("Failed");
        let failed = failing.and_then(|failed| time(failed.last_transition_time.clone()));
        let failure =
            failing.map(|failed| (word(failed.reason.as_ref()), word(failed.message.as_ref())));
        let unnamed = conditions.iter().any(|one| one.kind.is_none() || one.status.is_none());
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            created: time(metadata.creation_timestamp.clone()),
            owner: Owner::controlling(metadata.owner_references, words),
            complete: complete.is_some(),
            started: time(status.start_time),
            completed: complete.and_then(|_| time(status.completion_time).or(turned)),
            failure,
            failed,
            active: status.active.unwrap_or_default(),
            failed_pods: status.failed.unwrap_or_default(),
            suspended: spec.suspend == Some(true),
            deadline: spec.active_deadline_seconds.map(Duration::from_secs),
            missing: if metadata.creation_timestamp.is_none() {
                Some("metadata.creationTimestamp")
            } else {
                unnamed.then_some("the type and status of a condition")
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{JOBS, shapes};
    use super::*;

    #[test]
    fn a_job_survives_whatever_is_wrong_with_it() {
        shapes::survives::<Job>(&JOBS, &shapes::job());
    }
}
