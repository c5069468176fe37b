//! Judging queues: pure.

use std::time::Duration;

use jiff::Timestamp;

use super::limits::{Limits, real, seconds};
use super::looking::SKEW;
use super::seen::{Library, Queue, Seen, Sizes};
use super::{
    ADDED, BACKLOG_TOO_LONG, BACKLOG_TOO_OLD, BullQueue, JOBS, JOBS_STALLED, NO_WORKERS,
    NOT_COUNTABLE, OLDEST, Paused, QUEUE_MISSING, QUEUE_PAUSED, STATES, TOO_FEW_WORKERS,
    TOO_MANY_FAILED, TOO_SLOW, UNFINISHED, WORKERS,
};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Grade, Obstacle, Verdict};
use crate::model::judgement::{Answer, Judgement};
use crate::model::past::Past;
use crate::model::reason::Reason;

/// A share of failures is looked at from so many finished jobs on.
const FEWEST_FINISHED: f64 = 20.0;

pub(super) fn judge(check: &BullQueue, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
    let mut judgement = Judgement::new();
    let Seen { queues, workers, blind_to_jobs } = seen;
    for (at, (name, queue)) in check.queues.iter().zip(queues).enumerate() {
        let workers = workers.as_ref().map(|workers| workers.get(at).copied().unwrap_or(0));
        if let Ok(workers) = workers {
            judgement.measure(WORKERS.is(real(workers as u64), [name]));
        }
        match queue {
            Err(obstacle) => judgement.add(name, obstacle.clone()),
            Ok(queue) => {
                measure(&mut judgement, name, queue, now);
                let line = Line { check, name, queue, workers, past, now };
                for answer in line.answers() {
                    judgement.add(name, answer);
                }
            }
        }
    }
    if let Some(obstacle) = blind_to_jobs {
        judgement.add("jobs", obstacle.clone());
    }
    if let (Err(obstacle), true) = (workers, check.workers_at_least.0 > 0) {
        judgement.add("workers", obstacle.clone());
    }
    judgement
}

fn measure(judgement: &mut Judgement, name: &str, queue: &Queue, now: Timestamp) {
    let Sizes {
        waiting,
        active,
        delayed,
        paused,
        prioritized,
        waiting_children: _,
        completed,
        failed,
    } = queue.sizes;
    let counts = [waiting, active, delayed, paused, prioritized, completed, failed];
    for (state, count) in STATES.into_iter().zip(counts) {
        judgement.measure(JOBS.is(real(count), [name, state]));
    }
    if let Some(oldest) = queue.jobs.oldest.filter(|oldest| *oldest <= now) {
        judgement.measure(OLDEST.is(oldest.as_duration().as_secs_f64(), [name]));
    }
    if let Some(added) = queue.added {
        judgement.measure(ADDED.is(real(added), [name]));
        judgement.measure(UNFINISHED.is(real(queue.sizes.unfinished()), [name]));
    }
}

/// One queue and all that is needed to judge it.
struct Line<'a> {
    check: &'a BullQueue,
    name: &'a str,
    queue: &'a Queue,
    workers: Result<usize, &'a Obstacle>,
    past: &'a Past,
    now: Timestamp,
}

/// How many jobs finished within the window: at least, and at most where that is known.
struct Throughput {
    least: f64,
    most: Option<f64>,
}

impl Line<'_> {
    /// What is to be said of the queue: all that is wrong, or one sentence that nothing is.
    fn answers(&self) -> Vec<Answer> {
        if !self.queue.exists {
            match self.workers {
                Ok(0) => return vec![self.missing().into()],
                Ok(_) => {}
                Err(obstacle) => return vec![obstacle.clone().into()],
            }
        }
        let resting = self.queue.is_paused && self.check.paused == Paused::Allowed;
        let mut answers: Vec<Answer> = Vec::new();
        answers.extend(self.paused().map(Answer::from));
        answers.extend(self.too_few_workers().map(Answer::from));
        answers.extend(self.stalled().map(Answer::from));
        if !resting {
            answers.extend(self.too_old().map(Answer::from));
            answers.extend(self.too_long().map(Answer::from));
            answers.extend(self.too_slow());
        }
        answers.extend(self.too_many_failed().map(Answer::from));
        answers.extend(self.too_large_a_share_failed());
        answers.extend(self.skewed().map(Answer::from));
        if answers.is_empty() {
            answers.push(self.healthy().into());
        }
        answers
    }

    fn missing(&self) -> Finding {
        let because = format!(
            "nothing in Redis begins with `{}:{}:`, and no worker waits for this queue",
            self.check.prefix.0, self.name
        );
        Finding::fail(QUEUE_MISSING, because)
    }

    fn paused(&self) -> Option<Finding> {
        if !self.queue.is_paused {
            return None;
        }
        let stopped = self.queue.sizes.ready().saturating_add(self.queue.sizes.paused);
        let because = format!("is paused; {} until it is resumed", jobs(stopped, "waits", "wait"));
        match self.check.paused.verdict() {
            Verdict::Fail => Some(Finding::fail(QUEUE_PAUSED, because)),
            Verdict::Warn => Some(Finding::warn(QUEUE_PAUSED, because)),
            Verdict::Pass | Verdict::Unknown => None,
        }
    }

    fn too_few_workers(&self) -> Option<Finding> {
        let wanted = self.check.workers_at_least.0;
        let workers = self.workers.ok().filter(|workers| *workers < wanted)?;
        let waiting = jobs(self.queue.sizes.ready(), "waits", "wait");
        Some(match workers {
            0 => {
                let because = format!("no worker is connected, {wanted} wanted; {waiting}");
                Finding::fail(NO_WORKERS, because)
            }
            workers => {
                let because =
                    format!("{} connected, {wanted} wanted; {waiting}", are(workers, "worker"));
                Finding::fail(TOO_FEW_WORKERS, because)
            }
        })
    }

    fn stalled(&self) -> Option<Finding> {
        let stalled = self.queue.jobs.stalled;
        let limits = self.check.max_stalled.0;
        let grade = limits.grade_above(stalled, JOBS_STALLED);
        let allowed = limits.step(grade)?;
        let what = jobs(stalled, "is", "are");
        graded(grade, format!("{what} active without the lock of a worker, {allowed} allowed"))
    }

    /// Since how long the oldest waiting job waits.
    fn waited(&self) -> Option<Duration> {
        let waited = self.now.duration_since(self.queue.jobs.oldest?);
        Some(Duration::try_from(waited).unwrap_or_default())
    }

    fn too_old(&self) -> Option<Finding> {
        let waited = self.waited()?;
        let Limits { warn, fail } = self.check.oldest_waiting_within.0;
        let limits = Limits { warn: warn.map(Period::get), fail: fail.map(Period::get) };
        let grade = limits.grade_above(waited, BACKLOG_TOO_OLD);
        let allowed = spoken(limits.step(grade)?);
        let ready = jobs(self.queue.sizes.ready(), "waits", "wait");
        let because =
            format!("the oldest job has waited {}, {allowed} allowed; {ready}", spoken(waited));
        graded(grade, because)
    }

    fn too_long(&self) -> Option<Finding> {
        let ready = self.queue.sizes.ready();
        let grade = self.check.max_waiting.grade_above(ready, BACKLOG_TOO_LONG);
        let allowed = self.check.max_waiting.step(grade)?;
        graded(grade, format!("{}, {allowed} allowed", jobs(ready, "waits", "wait")))
    }

    fn too_many_failed(&self) -> Option<Finding> {
        let failed = self.queue.finished.failed;
        let grade = self.check.max_failed.grade_above(failed, TOO_MANY_FAILED);
        let allowed = self.check.max_failed.step(grade)?;
        let because = format!("{failed} failed within {}, {allowed} allowed", self.check.window.0);
        graded(grade, because)
    }

    fn too_large_a_share_failed(&self) -> Option<Answer> {
        let limits = self.check.failed_ratio;
        let failed = real(self.queue.finished.failed);
        if !limits.any() || failed == 0.0 {
            return None;
        }
        let Throughput { least, most } = self.throughput();
        if most.is_some_and(|most| most < FEWEST_FINISHED) {
            return None;
        }
        let least = least.max(FEWEST_FINISHED);
        let share = |finished: f64| (failed / finished).min(1.0);
        let grade = |finished| limits.grade_above(share(finished), TOO_MANY_FAILED);
        let told = |grade: Grade, finished: f64| {
            let allowed = limits.step(grade)? * 100.0;
            let because = format!(
                "{:.1} % of {finished:.0} jobs failed within {}, {allowed} % allowed",
                share(finished) * 100.0,
                self.check.window.0
            );
            graded(grade, because)
        };
        self.between(least, most, grade, told)
    }

    fn too_slow(&self) -> Option<Answer> {
        let limits = self.check.finished_per_minute_at_least;
        let window = self.check.window.0;
        if !limits.any() || self.waited()? < window.get() {
            return None;
        }
        let Throughput { least, most } = self.throughput();
        let rate = |finished: f64| finished * 60.0 / seconds(window);
        let grade = |finished| limits.grade_below(rate(finished), TOO_SLOW);
        let told = |grade: Grade, finished: f64| {
            let wanted = limits.step(grade)?;
            let because = format!(
                "{:.1} jobs finish a minute while {}, {wanted} wanted",
                rate(finished),
                jobs(self.queue.sizes.ready(), "waits", "wait")
            );
            graded(grade, because)
        };
        self.between(least, most, grade, told)
    }

    /// Says what holds for both ends of what is known; where they differ, nobody can tell.
    fn between(
        &self,
        least: f64,
        most: Option<f64>,
        grade: impl Fn(f64) -> Grade,
        told: impl Fn(Grade, f64) -> Option<Finding>,
    ) -> Option<Answer> {
        let few = grade(least);
        match most {
            Some(most) if grade(most) == few => told(few, most).map(Answer::from),
            Some(most) => {
                let because = format!(
                    "between {least:.0} and {most:.0} jobs finished within {}: the queue does not \
                     keep them, and its jobs bear ids of their own",
                    self.check.window.0
                );
                Some(Obstacle::new(NOT_COUNTABLE, because).into())
            }
            // Any number above the least may be true: only a pass that more jobs can't spoil holds.
            None if few == Grade::Pass && grade(f64::MAX) == Grade::Pass => None,
            None => {
                let because = format!(
                    "the queue does not keep its finished jobs; their number shows after {}",
                    spoken(self.check.window.0.get() / 2)
                );
                Some(Obstacle::not_yet(because).into())
            }
        }
    }

    /// From the sets of finished jobs, which are capped or not kept at all, and from what has left
    /// the backlog since an earlier look.
    fn throughput(&self) -> Throughput {
        let Queue { sizes, finished, jobs, added, .. } = self.queue;
        let kept = real(finished.completed.saturating_add(finished.failed));
        let all = sizes.completed.saturating_add(sizes.failed).saturating_add(sizes.unfinished());
        // Something older than the window is kept, too, so that nothing within it was dropped; or
        // every job that was ever added is still there.
        let whole = finished.completed < sizes.completed || added.is_some_and(|added| all >= added);
        match self.left_since() {
            Some(left) if jobs.own_ids && !whole => {
                Throughput { least: kept, most: Some(left.max(kept)) }
            }
            Some(left) if !jobs.own_ids => {
                Throughput { least: left.max(kept), most: Some(left.max(kept)) }
            }
            _ => Throughput { least: kept, most: whole.then_some(kept) },
        }
    }

    /// Jobs that left the backlog, brought to the length of the window: those added since an earlier
    /// look, less what the backlog has grown by.
    fn left_since(&self) -> Option<f64> {
        let window = self.check.window.0.get();
        let age = |at: Timestamp| Duration::try_from(self.now.duration_since(at)).ok();
        let mut points =
            self.past.points(&ADDED, &[self.name]).zip(self.past.points(&UNFINISHED, &[self.name]));
        let mut base = None;
        for ((at, added), (_, unfinished)) in points.by_ref() {
            let old = age(at).unwrap_or_default();
            // Points come oldest first: the last one that is older than the window is the nearest.
            if old >= window || (base.is_none() && old >= window / 2) {
                base = Some((old, added, unfinished));
            }
        }
        let (old, added, unfinished) = base?;
        let grown = real(self.queue.sizes.unfinished()) - unfinished;
        let left = real(self.queue.added?) - added - grown;
        // The queue was emptied or made anew in between: its counter says nothing.
        (left >= 0.0).then(|| left * window.as_secs_f64() / old.as_secs_f64())
    }

    fn skewed(&self) -> Option<Obstacle> {
        let latest = self.queue.jobs.latest.map(|latest| latest.duration_since(self.now));
        let because = match latest.filter(|ahead| *ahead > SKEW) {
            Some(ahead) => {
                let ahead = spoken(Duration::try_from(ahead).unwrap_or_default());
                format!("a job bears a time {ahead} ahead of ours")
            }
            None if self.queue.finished.ahead > 0 => {
                let finished = self.queue.finished.ahead;
                format!("{} finished more than 2m in the future", jobs(finished, "is", "are"))
            }
            None => return None,
        };
        Some(Obstacle::new(Reason::CLOCK_SKEW, because))
    }

    fn healthy(&self) -> Finding {
        let library = match self.queue.library {
            Library::Bull => "Bull",
            Library::BullMq => "BullMQ",
        };
        let workers = match self.workers {
            Ok(workers) => format!("{} connected", are(workers, "worker")),
            Err(_) => "its workers can't be seen".to_owned(),
        };
        let waiting = match (self.queue.is_paused, self.waited()) {
            (true, _) => "is paused, as allowed".to_owned(),
            (false, None) => "nothing waits".to_owned(),
            (false, Some(waited)) => {
                let ready = jobs(self.queue.sizes.ready(), "waits", "wait");
                format!("{ready}, the oldest for {}", spoken(waited))
            }
        };
        Finding::pass(format!("{library} queue: {workers}; {waiting}"))
    }
}

fn graded(grade: Grade, because: String) -> Option<Finding> {
    match grade {
        Grade::Pass => None,
        Grade::Warn(reason) => Some(Finding::warn(reason, because)),
        Grade::Fail(reason) => Some(Finding::fail(reason, because)),
    }
}

/// `1 job waits`, `7 jobs wait`.
fn jobs(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 job {one}") } else { format!("{count} jobs {many}") }
}

/// `1 worker is`, `3 workers are`.
fn are(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what} is") } else { format!("{count} {what}s are") }
}

#[cfg(test)]
#[path = "judging_tests.rs"]
mod tests;
