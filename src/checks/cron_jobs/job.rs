//! What is said of one Job: a run of a `CronJob`, or one that is named.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::verdict::{MOST_REPEATED, ago, skewed};
use super::{CronJobs, MISSING, SUCCEEDED, Seen};
use crate::model::counted::counted;
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::job::Job;

macro_rules! reasons {
    ($($name:ident $code:literal $how:ident $means:literal;)*) => {
        $(pub(super) const $name: Documented = Documented::$how(Reason::new($code), $means);)*
    };
}

reasons! {
    JOB_FAILED "JobFailed" fails
        "The newest run that has ended, or a named Job, failed for good.";
    JOB_OVERDUE "JobOverdue" fails
        "A run or a named Job takes longer than `runs_within` or its own deadline.";
    JOB_NOT_STARTED "JobNotStarted" fails
        "Nothing of a run or a named Job has begun within `late_by` of its creation.";
    JOB_RETRYING "JobRetrying" warns
        "A pod of a run or of a named Job has failed, and it is tried again.";
    JOB_RUNNING "JobRunning" warns "A named Job has not ended, and still has time.";
}

/// Where Jobs of all namespaces are watched, their successes are remembered by name alone.
const ANYWHERE: &str = "*";
/// A Job is given so long after its own deadline to be ended.
const LENIENCE: Duration = Duration::from_secs(60);

impl CronJobs {
    /// What there is to say of a Job that has not ended.
    pub(super) fn unended(&self, job: &Job, now: Timestamp) -> Option<Answer> {
        if let Some(missing) = job.missing {
            let because = format!("the API server does not give {missing} of Job {}", job.name);
            return Some(Obstacle::new(Reason::GARBLED, because).into());
        }
        if job.has_ended() || job.suspended {
            return None;
        }
        let name = &job.name;
        let Some(started) = job.started else {
            let created = job.created.unwrap_or(now);
            if let Some(obstacle) = skewed(&format!("Job {name} was created"), created, now) {
                return Some(obstacle.into());
            }
            let (lasted, allowed) = (ago(created, now), self.late_by.0.get());
            return (lasted > allowed).then(|| {
                let because = format!(
                    "Job {name} has not begun {} after its creation, {} allowed",
                    spoken(lasted),
                    spoken(allowed)
                );
                Finding::fail(JOB_NOT_STARTED.reason, because).into()
            });
        };
        if let Some(obstacle) = skewed(&format!("Job {name} began"), started, now) {
            return Some(obstacle.into());
        }
        let lasted = ago(started, now);
        let own = job.deadline.map(|deadline| deadline.saturating_add(LENIENCE));
        let allowed = self.runs_within.0.get();
        let allowed = own.map_or(allowed, |own| own.min(allowed));
        let (took, most) = (spoken(lasted), spoken(allowed));
        if lasted > allowed {
            let because = format!("Job {name} has run for {took}, {most} allowed");
            return Some(Finding::fail(JOB_OVERDUE.reason, because).into());
        }
        let failed = job.failed_pods;
        (failed > 0).then(|| {
            let pods = counted(failed, "pod");
            let because = format!("{pods} of Job {name} failed, and it is tried again");
            Finding::warn(JOB_RETRYING.reason, because).into()
        })
    }

    /// What there is to say of the Jobs that are named.
    pub(super) fn judge_named(
        &self,
        seen: &Seen,
        past: &Past,
        now: Timestamp,
        judgement: &mut Judgement,
    ) {
        for job in &seen.jobs {
            judgement.add(format!("Job {}/{}", job.namespace, job.name), self.named(job, now));
            if job.complete && job.missing.is_none() {
                self.remember(job, past, now, judgement);
            }
        }
        for name in &self.jobs {
            let there = seen.jobs.iter().any(|job| *job.name == **name);
            if there || seen.unseen_jobs.may_be(name) {
                continue;
            }
            self.absent(name, seen, past, now, judgement);
        }
    }

    fn named(&self, job: &Job, now: Timestamp) -> Answer {
        if let Some(answer) = self.unended(job, now) {
            return answer;
        }
        if let Some(failure) = &job.failure {
            return failed(job, failure).into();
        }
        if job.suspended {
            let because = "the Job is suspended, and does not run".to_owned();
            return Finding::fail(super::verdict::SUSPENDED.reason, because).into();
        }
        if !job.complete {
            let because = job.started.map(|at| format!("runs for {}", spoken(ago(at, now))));
            let because = because.unwrap_or_else(|| "is about to begin".to_owned());
            return Finding::warn(JOB_RUNNING.reason, because).into();
        }
        match job.completed {
            None => Finding::pass("succeeded").into(),
            Some(at) => match skewed("the Job succeeded", at, now) {
                Some(obstacle) => obstacle.into(),
                None => Finding::pass(format!("succeeded {} ago", spoken(ago(at, now)))).into(),
            },
        }
    }

    /// A Job that is not there may have been seen to succeed before.
    fn absent(
        &self,
        name: &str,
        seen: &Seen,
        past: &Past,
        now: Timestamp,
        judgement: &mut Judgement,
    ) {
        let anywhere = [ANYWHERE.to_owned()];
        for namespace in self.namespaces.names().unwrap_or(&anywhere) {
            let labels = [namespace.as_str(), name];
            let Some((at, succeeded)) = past.points(&SUCCEEDED, &labels).next_back() else {
                continue;
            };
            if ago(at, now) >= MOST_REPEATED {
                judgement.measure(SUCCEEDED.is(succeeded, labels));
            }
            #[expect(clippy::cast_possible_truncation, reason = "it was an integer")]
            let since = Timestamp::from_second(succeeded as i64).unwrap_or(now);
            let because =
                format!("succeeded {} ago, and was deleted since", spoken(ago(since, now)));
            judgement.add(format!("Job {namespace}/{name}"), Finding::pass(because));
            return;
        }
        if seen.unseen_jobs.is_blind() {
            return;
        }
        let because = "no Job of this name is there; whether there was one that was deleted after \
                       its end (ttlSecondsAfterFinished) can't be told";
        judgement.add(format!("Job {name}"), Finding::fail(MISSING, because));
    }

    fn remember(&self, job: &Job, past: &Past, now: Timestamp, judgement: &mut Judgement) {
        let namespace = if self.namespaces.names().is_some() { &*job.namespace } else { ANYWHERE };
        let labels = [namespace, &*job.name];
        #[expect(clippy::cast_precision_loss, reason = "seconds are far from 2^52")]
        let at = job.completed.unwrap_or(now).as_second() as f64;
        let last = past.points(&SUCCEEDED, &labels).next_back();
        let is_known = last.is_some_and(|(noted, before)| {
            let is_same = job.completed.is_none() || (before - at).abs() < 0.5;
            ago(noted, now) < MOST_REPEATED && is_same
        });
        if !is_known {
            judgement.measure(SUCCEEDED.is(at, labels));
        }
    }
}

/// A Job that failed for good.
pub(super) fn failed(job: &Job, (reason, message): &(Arc<str>, Arc<str>)) -> Finding {
    let because = format!("Job {} failed ({reason}): {message}", job.name);
    Finding::fail(JOB_FAILED.reason, because)
}
