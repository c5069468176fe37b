//! What is said of one `CronJob`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::CronJobs;
use super::job::failed;
use super::timetable::Timetable;
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Grade, Obstacle, Verdict};
use crate::model::judgement::Answer;
use crate::model::reason::{CLOCK_TOLERANCE, Documented, Reason};
use crate::systems::kubernetes::cron_job::CronJob;
use crate::systems::kubernetes::job::Job;

macro_rules! reasons {
    ($($name:ident $code:literal $how:ident $means:literal;)*) => {
        $(pub(super) const $name: Documented = Documented::$how(Reason::new($code), $means);)*
    };
}

reasons! {
    SUSPENDED "Suspended" fails
        "A CronJob is suspended, and `may_be_suspended` does not name it; or a named Job is.";
    LATE "Late" warns
        "A run that is due has not begun within `late_by`; its own starting deadline still allows \
         it, or the run before it is not over and they must not overlap.";
    SCHEDULE_MISSED "ScheduleMissed" fails
        "No run began for the newest scheduled time, within `late_by` and its starting deadline, \
         and none that is not over holds it up.";
    NEVER_SUCCEEDED "NeverSucceeded" fails
        "A run should have ended well by now, and none ever has.";
    SUCCESS_TOO_OLD "SuccessTooOld" fails
        "The last run that ended well is older than the newest that should have by now.";
    SCHEDULE_UNREADABLE "ScheduleUnreadable" blinds
        "A schedule or its time zone can't be read, or the schedule never comes.";
}

/// How long a remembered value is good for without being repeated.
pub(super) const MOST_REPEATED: Duration = Duration::from_hours(1);

impl CronJobs {
    /// The worst that can be said of a `CronJob`.
    pub(super) fn answer(&self, cron_job: &CronJob, runs: &[Arc<Job>], now: Timestamp) -> Answer {
        if let Some(missing) = cron_job.missing {
            let because = format!("the API server does not give {missing}");
            return Obstacle::new(Reason::GARBLED, because).into();
        }
        let mut all: Vec<Answer> = Vec::new();
        all.extend(newest_failed(cron_job, runs).map(Answer::from));
        all.extend(runs.iter().filter_map(|run| self.unended(run, now)));
        if !cron_job.suspended {
            all.push(self.scheduled(cron_job, runs, now));
        } else if self.may_be_suspended.contains(&*cron_job.name) {
            all.push(Finding::pass("is suspended, as it may be").into());
        } else {
            let because = "is suspended: its schedule starts nothing".to_owned();
            all.push(Finding::fail(SUSPENDED.reason, because).into());
        }
        let worst = all.into_iter().rev().max_by_key(verdict);
        worst.unwrap_or_else(|| Obstacle::new(Reason::NOTHING_SEEN, "nothing was judged").into())
    }

    /// Whether it ran, and ended well, when it should have.
    fn scheduled(&self, cron_job: &CronJob, runs: &[Arc<Job>], now: Timestamp) -> Answer {
        let zone = self.timezone.get();
        let read = Timetable::read(&cron_job.schedule, cron_job.zone.as_deref(), zone);
        let timetable = match read {
            Ok(timetable) => timetable,
            Err(what) => {
                return Obstacle::new(SCHEDULE_UNREADABLE.reason, format!("{what} can't be read"))
                    .into();
            }
        };
        if !timetable.comes(now) {
            let because = format!("the schedule `{}` never comes", cron_job.schedule);
            return Obstacle::new(SCHEDULE_UNREADABLE.reason, because).into();
        }
        let created = cron_job.created.unwrap_or(now);
        let success = last_success(cron_job, runs);
        let skew = [
            ("it was created", Some(created)),
            ("its last run was due", cron_job.last_scheduled),
            ("a run last ended well", success),
        ];
        for (what, at) in skew {
            if let Some(obstacle) = at.and_then(|at| skewed(what, at, now)) {
                return obstacle.into();
            }
        }
        if let Some(finding) = self.unstarted(cron_job, &timetable, created, now) {
            return finding.into();
        }
        let unsuccessful = self.unsuccessful(cron_job, &timetable, success, created, now);
        if let Some((due, finding)) = unsuccessful
            && !self.still_runs(cron_job, runs, due, now)
        {
            return finding.into();
        }
        let schedule = &cron_job.schedule;
        let ran = cron_job.last_scheduled.map_or_else(
            || "has not been due yet".to_owned(),
            |at| format!("last ran for {at:.0}"),
        );
        let ended = success.map_or_else(
            || "no run had to end yet".to_owned(),
            |at| format!("a run last ended well {} ago", spoken(ago(at, now))),
        );
        Finding::pass(format!("`{schedule}`: {ran}; {ended}")).into()
    }

    /// Whether the newest run that was due has not begun.
    fn unstarted(
        &self,
        cron_job: &CronJob,
        timetable: &Timetable,
        created: Timestamp,
        now: Timestamp,
    ) -> Option<Finding> {
        let base = cron_job.last_scheduled.unwrap_or(created).max(created);
        let allowed = self.late_by.0.get();
        let due = timetable.due(base, earlier(now, allowed))?;
        let late = ago(due, now);
        let last = cron_job.last_scheduled.map_or_else(
            || "no run ever began".to_owned(),
            |at| format!("the last run was for {at:.0}"),
        );
        let held = match (cron_job.forbids_overlap, cron_job.active) {
            (false, _) => "",
            (true, 0) => " (runs must not overlap)",
            (true, _) => ", and is not over (runs must not overlap)",
        };
        let because = format!(
            "no run has begun for {due:.0}, {} ago, {} allowed; {last}{held}",
            spoken(late),
            spoken(allowed)
        );
        let deadline = cron_job.starting_deadline.unwrap_or_default();
        // How long the run before it may take is judged of its Job.
        let waits = cron_job.forbids_overlap && cron_job.active > 0;
        Some(if waits || late <= deadline {
            Finding::warn(LATE.reason, because)
        } else {
            Finding::fail(SCHEDULE_MISSED.reason, because)
        })
    }

    /// Whether the run that was due then began late, is the newest, and still has its time.
    fn still_runs(
        &self,
        cron_job: &CronJob,
        runs: &[Arc<Job>],
        due: Timestamp,
        now: Timestamp,
    ) -> bool {
        let has_time = |run: &Arc<Job>| {
            let started = run.started.filter(|at| *at >= due);
            let lasted = started.filter(|_| !run.has_ended()).map(|at| ago(at, now));
            lasted.is_some_and(|lasted| lasted <= self.runs_within.0.get())
        };
        cron_job.last_scheduled == Some(due) && runs.iter().any(has_time)
    }

    /// When the newest run that should have ended well by now was due, and what is said of it where
    /// none has since.
    fn unsuccessful(
        &self,
        cron_job: &CronJob,
        timetable: &Timetable,
        success: Option<Timestamp>,
        created: Timestamp,
        now: Timestamp,
    ) -> Option<(Timestamp, Finding)> {
        let allowed = self.late_by.0.get() + self.runs_within.0.get();
        // The time for which it last ran is known where a schedule counts from there.
        let due = match (timetable, cron_job.last_scheduled) {
            (Timetable::Every(_), Some(last)) => {
                Some(last).filter(|last| *last <= earlier(now, allowed))
            }
            (Timetable::Every(_) | Timetable::Cron(..), _) => {
                timetable.due(created, earlier(now, allowed))
            }
        }?;
        let wanted = format!("that for {due:.0} should have ended well within {}", spoken(allowed));
        match success {
            Some(at) if at >= due => None,
            Some(at) => {
                let because =
                    format!("a run last ended well {} ago; {wanted}", spoken(ago(at, now)));
                Some((due, Finding::fail(SUCCESS_TOO_OLD.reason, because)))
            }
            None => {
                let because = format!("no run ever ended well; {wanted}");
                Some((due, Finding::fail(NEVER_SUCCEEDED.reason, because)))
            }
        }
    }
}

/// The newest run that has ended, where it failed. Jobs that succeeded may be deleted before those
/// that failed: a success since then is told by the `CronJob` itself.
fn newest_failed(cron_job: &CronJob, runs: &[Arc<Job>]) -> Option<Finding> {
    let ended = runs.iter().filter(|run| run.has_ended());
    let newest = ended.max_by_key(|run| run.created)?;
    let failure = newest.failure.as_ref()?;
    let succeeded_since = newest.failed.is_some_and(|at| cron_job.last_succeeded > Some(at));
    (!succeeded_since).then(|| failed(newest, failure))
}

/// When a run last ended well, by its own word or by its Jobs that are still there.
pub(super) fn last_success(cron_job: &CronJob, runs: &[Arc<Job>]) -> Option<Timestamp> {
    let completed = runs.iter().filter_map(|run| run.completed).max();
    cron_job.last_succeeded.max(completed)
}

fn verdict(answer: &Answer) -> Verdict {
    match answer {
        Answer::Found(Finding { grade: Grade::Pass, .. }) => Verdict::Pass,
        Answer::Found(Finding { grade: Grade::Warn(_), .. }) => Verdict::Warn,
        Answer::Found(Finding { grade: Grade::Fail(_), .. }) => Verdict::Fail,
        Answer::Blind(_) => Verdict::Unknown,
    }
}

/// A time before another.
fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let by = jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX);
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// How long ago something was.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

/// A time far ahead is not believed.
pub(super) fn skewed(what: &str, at: Timestamp, now: Timestamp) -> Option<Obstacle> {
    let ahead = at.duration_since(now);
    (ahead > CLOCK_TOLERANCE).then(|| {
        let ahead = spoken(ahead.unsigned_abs());
        let because = format!("{what} {at:.0}, which lies {ahead} ahead; 2m allowed");
        Obstacle::new(Reason::CLOCK_SKEW, because)
    })
}
