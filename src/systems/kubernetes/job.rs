//! Jobs, as far as their pods are judged by them.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::pool::Words;
use super::record::{Condition, Meta, Owner, Record, condition, time};
use super::table::{Key, Table};
use crate::model::needs::Resource;

/// A Job.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Option<Vec<Condition>>,
}

impl Record for Job {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, words: &mut Words) -> Self {
        let Wire { metadata, status } = wire;
        let conditions = status.unwrap_or_default().conditions.unwrap_or_default();
        let complete = condition(&conditions, "Complete").is_some_and(Condition::holds);
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            created: time(metadata.creation_timestamp),
            owner: Owner::controlling(metadata.owner_references, words),
            complete,
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
