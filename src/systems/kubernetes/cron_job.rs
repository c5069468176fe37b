//! `CronJobs`: when they are to run, and when they did.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::pool::Words;
use super::record::{Meta, Record, object, time};
use super::resource;
use super::table::Key;
use crate::model::judgement::legible;
use crate::model::needs::Resource;

/// `CronJobs`.
pub const CRON_JOBS: Resource = resource::<api::batch::v1::CronJob>();

/// The longest schedule that is kept, in characters.
const LONGEST_SCHEDULE: usize = 200;

/// A `CronJob`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronJob {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its schedule, as written.
    pub schedule: Arc<str>,
    /// Its time zone; none where it leaves that to the controller.
    pub zone: Option<Arc<str>>,
    /// Whether it is told not to run.
    pub suspended: bool,
    /// How late a run may begin; none where that does not matter to it.
    pub starting_deadline: Option<Duration>,
    /// Whether a run that is due waits for the one before it to end, or is left out.
    pub forbids_overlap: bool,
    /// How many of its runs have not ended, as far as it says.
    pub active: usize,
    /// The newest scheduled time for which a run began.
    pub last_scheduled: Option<Timestamp>,
    /// When a run last ended well, as far as it says.
    pub last_succeeded: Option<Timestamp>,
    /// A field that is always there, and was not.
    pub missing: Option<&'static str>,
}

/// A `CronJob`, in the fields that are read.
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
    schedule: Option<String>,
    time_zone: Option<String>,
    suspend: Option<bool>,
    starting_deadline_seconds: Option<u32>,
    concurrency_policy: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    active: Option<Vec<IgnoredAny>>,
    last_schedule_time: Option<Time>,
    last_successful_time: Option<Time>,
}

impl Record for CronJob {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, words: &mut Words) -> Self {
        let Wire { metadata, spec, status } = wire;
        let spec = spec.unwrap_or_default();
        let status = status.unwrap_or_default();
        // The API server fills in what stands in a CronJob without it.
        let missing = if metadata.creation_timestamp.is_none() {
            Some("metadata.creationTimestamp")
        } else if spec.schedule.is_none() {
            Some("spec.schedule")
        } else if spec.suspend.is_none() {
            Some("spec.suspend")
        } else {
            None
        };
        let schedule = legible(&spec.schedule.unwrap_or_default(), LONGEST_SCHEDULE);
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            created: time(metadata.creation_timestamp),
            schedule: words.shared(&schedule),
            zone: spec.time_zone.map(|zone| words.shared(&legible(&zone, LONGEST_SCHEDULE))),
            suspended: spec.suspend == Some(true),
            starting_deadline: spec
                .starting_deadline_seconds
                .map(|seconds| Duration::from_secs(seconds.into())),
            forbids_overlap: spec.concurrency_policy.as_deref() == Some("Forbid"),
            active: status.active.map_or(0, |active| active.len()),
            last_scheduled: time(status.last_schedule_time),
            last_succeeded: time(status.last_successful_time),
            missing,
        }
    }
}
