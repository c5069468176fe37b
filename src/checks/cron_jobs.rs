//! `cron_jobs`: `CronJobs` run when they should and end well; Jobs that are named have succeeded.
//! Witness: the API server, by watch.

mod job;
mod parameters;
mod timetable;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Needs, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::model::zone::Zone;
use crate::systems::kubernetes::cron_job::{CRON_JOBS, CronJob};
use crate::systems::kubernetes::job::Job;
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::{JOBS, Table, Unseen, blind};

use parameters::{LateBy, RunsWithin};

static LAST_SCHEDULE: Measure = Measure::gauge(
    "vigie_cron_job_last_schedule_timestamp_seconds",
    "The newest scheduled time for which a run of a CronJob began.",
    &["object_namespace", "cron_job"],
);
static LAST_SUCCESS: Measure = Measure::gauge(
    "vigie_cron_job_last_success_timestamp_seconds",
    "When a run of a CronJob last ended well.",
    &["object_namespace", "cron_job"],
);
static ACTIVE: Measure = Measure::gauge(
    "vigie_cron_job_active_jobs",
    "Jobs of a CronJob that have not ended.",
    &["object_namespace", "cron_job"],
);
/// When a named Job ended well: it may be deleted afterwards.
static SUCCEEDED: Measure =
    Measure::memory("job_succeeded", &["object_namespace", "job"], Duration::from_hours(24));

/// The most `CronJobs` whose figures are exported.
const MOST_EXPORTED: usize = 200;

const MISSING: Reason = Reason::new("Missing");

/// `CronJobs` run when they should and end well; Jobs that are named have succeeded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CronJobs {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// A label selector for `CronJobs`, such as `app=reports`; without it all of them.
    #[serde(default)]
    selector: Option<Selector>,
    /// Names of `CronJobs` that must be there, in any of the namespaces. `[]`: none need be there.
    /// Left out, at least one must be, unless `jobs` names some.
    #[serde(default)]
    expect: Option<BTreeSet<String>>,
    /// Whether all other `CronJobs` are left alone; by default they are judged, too.
    #[serde(default)]
    only_expected: bool,
    /// Names of `CronJobs` that may be suspended.
    #[serde(default)]
    may_be_suspended: BTreeSet<String>,
    /// The time zone of schedules that name none: that of the cluster's controller manager. UTC by
    /// default.
    #[serde(default)]
    timezone: Zone,
    /// How late a run may begin. Later, it warns for as long as the `CronJob`'s own starting
    /// deadline allows, or the run before it holds it up (`concurrencyPolicy: Forbid`), and then
    /// fails. 5m by default.
    #[serde(default)]
    late_by: LateBy,
    /// How long a run, or a named Job, may take, where its own deadline is not shorter. After it
    /// and `late_by`, the run must have ended well. 1h by default.
    #[serde(default)]
    runs_within: RunsWithin,
    /// Names of Jobs that must have succeeded, in any of the namespaces. One that was seen to
    /// succeed and is deleted afterwards has succeeded.
    #[serde(default)]
    jobs: BTreeSet<String>,
}

/// The `CronJobs` and Jobs that a look saw.
#[derive(Debug, Default)]
pub struct Seen {
    cron_jobs: Vec<Arc<CronJob>>,
    /// Their Jobs, by namespace and name of the `CronJob`.
    runs: BTreeMap<Place, Vec<Arc<Job>>>,
    /// The Jobs that are named.
    jobs: Vec<Arc<Job>>,
    /// `CronJobs` that could not be seen.
    unseen: Unseen,
    /// The same of Jobs.
    unseen_jobs: Unseen,
}

/// Namespace and name.
type Place = (Arc<str>, Arc<str>);

impl Check for CronJobs {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(
            MISSING,
            "An expected CronJob is not there, or there is none at all, or a named Job is not there.",
        ),
        verdict::SUSPENDED,
        verdict::LATE,
        verdict::SCHEDULE_MISSED,
        verdict::NEVER_SUCCEEDED,
        verdict::SUCCESS_TOO_OLD,
        verdict::SCHEDULE_UNREADABLE,
        job::JOB_FAILED,
        job::JOB_OVERDUE,
        job::JOB_NOT_STARTED,
        job::JOB_RETRYING,
        job::JOB_RUNNING,
        Documented::blinds(
            Reason::CLOCK_SKEW,
            "A time of a CronJob or a Job lies more than two minutes ahead.",
        ),
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] =
        &[&LAST_SCHEDULE, &LAST_SUCCESS, &ACTIVE, &SUCCEEDED];

    fn flaws(&self) -> Vec<String> {
        let none_expected = self.expect.as_ref().is_none_or(BTreeSet::is_empty);
        if self.only_expected && none_expected && self.jobs.is_empty() {
            return vec!["`only_expected` needs names under `expect` or `jobs`".to_owned()];
        }
        Vec::new()
    }

    fn needs(&self) -> Needs {
        let mut watches = self.watches();
        watches.extend(self.namespaces.watches(&JOBS, None));
        Needs { watches, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let namespaces = self.namespaces.labels();
        let rows = |namespace: Option<String>| {
            [&LAST_SCHEDULE, &LAST_SUCCESS, &ACTIVE]
                .map(|measure| Series { measure, labels: vec![namespace.clone(), None] })
        };
        namespaces.into_iter().flat_map(rows).collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let kubernetes = &look.systems.kubernetes;
        let mut seen = Seen::default();
        for watch in self.watches() {
            let read = kubernetes.read(look.needs, &watch, |table| self.take(table, &mut seen));
            if let Err(obstacle) = read {
                seen.unseen.blind(&watch, obstacle);
            }
        }
        for watch in self.namespaces.watches(&JOBS, None) {
            let read =
                kubernetes.read(look.needs, &watch, |table| self.take_jobs(table, &mut seen));
            if let Err(obstacle) = read {
                seen.unseen_jobs.blind(&watch, obstacle);
            }
        }
        Ok(seen)
    }

    fn judge(&self, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        seen.unseen.tell(&mut judgement);
        seen.unseen_jobs.tell(&mut judgement);
        self.judge_presence(seen, &mut judgement);
        for (number, cron_job) in seen.cron_jobs.iter().enumerate() {
            let runs = seen.runs_of(cron_job);
            let CronJob { namespace, name, .. } = &**cron_job;
            judgement.add(format!("{namespace}/{name}"), self.answer(cron_job, runs, now));
            if number < MOST_EXPORTED {
                measure(cron_job, runs, &mut judgement);
            } else {
                judgement.dropped += 1;
            }
        }
        self.judge_named(seen, past, now, &mut judgement);
        judgement
    }
}

impl CronJobs {
    fn watches(&self) -> Vec<Watch> {
        self.namespaces.watches(&CRON_JOBS, self.selector.as_ref())
    }

    fn expected(&self) -> impl Iterator<Item = &String> {
        self.expect.iter().flatten()
    }

    fn is_judged(&self, name: &str) -> bool {
        !self.only_expected || self.expected().any(|expected| expected == name)
    }

    fn take(&self, table: &Table<CronJob>, seen: &mut Seen) {
        let judged = table.records().filter(|cron_job| self.is_judged(&cron_job.name));
        seen.cron_jobs.extend(judged.map(Arc::clone));
        seen.unseen.note(table, |name| self.is_judged(name));
    }

    fn take_jobs(&self, table: &Table<Job>, seen: &mut Seen) {
        for job in table.records() {
            if job.namespace.is_empty() {
                let why = "it has no namespace".to_owned();
                seen.unseen_jobs.unreadable(job.name.to_string(), why);
            }
            if self.jobs.contains(&*job.name) {
                seen.jobs.push(Arc::clone(job));
            }
            if let Some(owner) = job.owner.as_ref().filter(|owner| owner.is_a(&CRON_JOBS)) {
                let place = (Arc::clone(&job.namespace), Arc::clone(&owner.name));
                seen.runs.entry(place).or_default().push(Arc::clone(job));
            }
        }
        // A Job that can't be read may be a run of any CronJob that is judged.
        let is_meant = |name: &str| {
            self.jobs.contains(name)
                || seen.cron_jobs.iter().any(|cron_job| name.starts_with(&*cron_job.name))
        };
        seen.unseen_jobs.note(table, is_meant);
    }

    /// Whether all that is expected is there. Where `CronJobs` can't be seen, nothing is missed.
    fn judge_presence(&self, seen: &Seen, judgement: &mut Judgement) {
        let there: BTreeSet<&str> = seen.cron_jobs.iter().map(|cron_job| &*cron_job.name).collect();
        for name in seen.unseen.missing(self.expected(), &there) {
            let because = "no CronJob of this name is there".to_owned();
            judgement.add(name.clone(), Finding::fail(MISSING, because));
        }
        let none = there.is_empty() && seen.unseen.is_nothing();
        match &self.expect {
            Some(expect) if none && expect.is_empty() && self.jobs.is_empty() => {
                judgement.add("", Finding::pass("no CronJob is there, and none is expected"));
            }
            None if none && self.jobs.is_empty() => {
                let because = "no CronJob is there, at least one wanted; `expect: []` where there \
                               is to be none";
                judgement.add("", Finding::fail(MISSING, because));
            }
            Some(_) | None => {}
        }
    }
}

impl Seen {
    fn runs_of(&self, cron_job: &CronJob) -> &[Arc<Job>] {
        let place = (Arc::clone(&cron_job.namespace), Arc::clone(&cron_job.name));
        self.runs.get(&place).map(Vec::as_slice).unwrap_or_default()
    }
}

fn measure(cron_job: &CronJob, runs: &[Arc<Job>], judgement: &mut Judgement) {
    let labels = [&*cron_job.namespace, &*cron_job.name];
    let times = [
        (&LAST_SCHEDULE, cron_job.last_scheduled),
        (&LAST_SUCCESS, verdict::last_success(cron_job, runs)),
    ];
    for (measure, at) in times {
        if let Some(at) = at {
            #[expect(clippy::cast_precision_loss, reason = "seconds are far from 2^52")]
            judgement.measure(measure.is(at.as_second() as f64, labels));
        }
    }
    let active = runs.iter().filter(|run| !run.has_ended()).count();
    #[expect(clippy::cast_precision_loss, reason = "far from 2^52 Jobs")]
    judgement.measure(ACTIVE.is(active as f64, labels));
}

#[cfg(test)]
mod tests;
