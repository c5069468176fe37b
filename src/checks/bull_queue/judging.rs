//! Judging queues: pure.

mod baseline;
mod counter;
mod discovery;
mod rates;
mod store;

use std::time::Duration;

use jiff::Timestamp;

use super::BullQueue;
use super::limits::real;
use super::looking::counted::LOCKED_WITHIN;
use super::measures::{ADDED, JOBS, OLDEST, STATES, UNFINISHED, UNLOCKED, WORKERS};
use super::parameters::{Amount, Baseline};
use super::reasons::{
    BACKLOG_TOO_LONG, BACKLOG_TOO_OLD, JOBS_STALLED, NO_WORKERS, QUEUE_MISSING, QUEUE_PAUSED,
    REPEATABLE_OVERDUE, TOO_FEW_WORKERS, TOO_MANY_FAILED,
};
use super::seen::{Jobs, Library, Looked, Overdue, Queue, Seen, Sizes};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::past::Past;
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::model::steps::Steps;

pub(super) fn judge(check: &BullQueue, seen: &Seen, past: &Past, now: Timestamp) -> Judgement {
    let mut judgement = Judgement::new();
    let Seen { queues, blind_to_jobs, deployed, discovery, store } = seen;
    if let Some(store) = store {
        store::judge(&mut judgement, check, store);
    }
    for Looked { name, found, queue, workers } in queues {
        if *found && discovery::is_gone(&mut judgement, name, queue, workers) {
            continue;
        }
        if let Ok(workers) = workers {
            judgement.measure(WORKERS.is(real(*workers as u64), [name]));
        }
        match queue {
            Err(obstacle) => judgement.add(name, obstacle.clone()),
            Ok(queue) => {
                measure(&mut judgement, name, queue, now);
                let workers = workers.as_ref().copied();
                let deployed = *deployed;
                let line = Line { check, name, queue, workers, past, now, deployed };
                for sample in line.counts().into_iter().chain(line.rates()) {
                    judgement.measure(sample);
                }
                for answer in line.answers() {
                    judgement.add(name, answer);
                }
            }
        }
    }
    if let Some(discovery) = discovery {
        discovery::judge(&mut judgement, check, discovery, queues, past);
    }
    if let (Some(Baseline { ago: None, missing, .. }), None) = (&check.baseline, deployed) {
        let because = "no deployment is known that the rate could be compared with";
        let obstacle = Obstacle::ours(Reason::NO_DEPLOYMENT, because);
        judgement.add("baseline", missing.answer(obstacle));
    }
    if let Some(obstacle) = blind_to_jobs {
        judgement.add("jobs", obstacle.clone());
    }
    let blind = queues.iter().find_map(|looked| looked.workers.as_ref().err());
    if let (Some(obstacle), true) = (blind, check.workers_at_least.0 > 0) {
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
    for (id, started) in &queue.jobs.doubtful {
        judgement.measure(UNLOCKED.is(start(*started), [name, id]));
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
    /// When the current deployment began, where one is known.
    deployed: Option<Timestamp>,
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
        let resting = self.queue.is_paused && self.check.paused == Amount::Allowed;
        let mut answers: Vec<Answer> = Vec::new();
        answers.extend(self.paused().map(Answer::from));
        answers.extend(self.too_few_workers().map(Answer::from));
        answers.extend(self.stalled().map(Answer::from));
        if !resting {
            answers.extend(self.too_old().map(Answer::from));
            answers.extend(self.too_long().map(Answer::from));
            answers.extend(self.too_slow());
            answers.extend(self.slower_than_before());
        }
        answers.extend(self.overdue().map(Answer::from));
        let before = answers.len();
        answers.extend(self.too_many_failed().map(Answer::from));
        answers.extend(self.too_large_a_share_failed());
        if answers.len() == before {
            answers.extend(self.hidden_failures().map(Answer::from));
        }
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
        let Sizes { paused, .. } = self.queue.sizes;
        let stopped = self.queue.sizes.ready().saturating_add(paused);
        let because = format!("is paused; {} until it is resumed", jobs(stopped, "waits", "wait"));
        self.check.paused.finding(QUEUE_PAUSED, because)
    }

    fn too_few_workers(&self) -> Option<Finding> {
        let wanted = self.check.workers_at_least.0;
        let workers = self.workers.ok().filter(|workers| *workers < wanted)?;
        let waiting = jobs(self.ready(), "waits", "wait");
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
        let Jobs { stalled, doubtful, .. } = &self.queue.jobs;
        let again = doubtful.iter().filter(|(id, started)| self.was_unlocked(id, *started));
        let stalled = stalled.saturating_add(again.count() as u64);
        let limits = self.check.max_stalled.0;
        let grade = limits.grade_above(stalled, JOBS_STALLED);
        let allowed = limits.step(grade)?;
        let what = jobs(stalled, "is", "are");
        graded(grade, format!("{what} active without the lock of a worker, {allowed} allowed"))
    }

    /// Whether an earlier look saw the job unlocked and started at the same time: whoever takes a
    /// job writes another time as he locks it.
    fn was_unlocked(&self, id: &str, started: Option<Timestamp>) -> bool {
        let same = |value: f64| (value - start(started)).abs() < 0.000_5;
        self.past
            .points(&UNLOCKED, &[self.name, id])
            .any(|(at, value)| same(value) && self.now.duration_since(at) >= LOCKED_WITHIN)
    }

    /// Jobs that could be started now, or once the queue is resumed where that is asked for.
    fn ready(&self) -> u64 {
        let Sizes { paused, .. } = self.queue.sizes;
        let set_aside = self.queue.is_paused && self.check.paused != Amount::Allowed;
        self.queue.sizes.ready().saturating_add(if set_aside { paused } else { 0 })
    }

    /// Since how long the oldest waiting job waits.
    fn waited(&self) -> Option<Duration> {
        let waited = self.now.duration_since(self.queue.jobs.oldest?);
        Some(Duration::try_from(waited).unwrap_or_default())
    }

    fn too_old(&self) -> Option<Finding> {
        let waited = self.waited()?;
        let Steps { warn, fail } = self.check.oldest_waiting_within.0;
        let limits = Steps { warn: warn.map(Period::get), fail: fail.map(Period::get) };
        let grade = limits.grade_above(waited, BACKLOG_TOO_OLD);
        let allowed = spoken(limits.step(grade)?);
        let ready = jobs(self.ready(), "waits", "wait");
        let because =
            format!("the oldest job has waited {}, {allowed} allowed; {ready}", spoken(waited));
        graded(grade, because)
    }

    fn too_long(&self) -> Option<Finding> {
        let ready = self.ready();
        let grade = self.check.max_waiting.grade_above(ready, BACKLOG_TOO_LONG);
        let allowed = self.check.max_waiting.step(grade)?;
        graded(grade, format!("{}, {allowed} allowed", jobs(ready, "waits", "wait")))
    }

    fn overdue(&self) -> Option<Finding> {
        let Overdue { key, due } = self.queue.overdue.iter().min_by_key(|overdue| overdue.due)?;
        let late = Duration::try_from(self.now.duration_since(*due)).unwrap_or_default();
        let Steps { warn, fail } = self.check.repeatable_overdue_within.0;
        let limits = Steps { warn: warn.map(Period::get), fail: fail.map(Period::get) };
        let grade = limits.grade_above(late, REPEATABLE_OVERDUE);
        let allowed = spoken(limits.step(grade)?);
        let others = match self.queue.overdue.len() {
            1 => String::new(),
            all => format!(" (and {} more)", all - 1),
        };
        let because = format!(
            "the repeatable job `{}` was due {} ago, {allowed} allowed, and no job of it is on its \
             way{others}",
            legible(key, LONGEST_KEY),
            spoken(late)
        );
        graded(grade, because)
    }

    fn too_many_failed(&self) -> Option<Finding> {
        let failed = self.queue.finished.failed;
        let grade = self.check.max_failed.grade_above(failed, TOO_MANY_FAILED);
        let allowed = self.check.max_failed.step(grade)?;
        let because = format!("{failed} failed within {}, {allowed} allowed", self.check.window.0);
        graded(grade, because)
    }

    fn skewed(&self) -> Option<Obstacle> {
        let latest = self.queue.jobs.latest.map(|latest| latest.duration_since(self.now));
        let because = match latest.filter(|ahead| *ahead > CLOCK_TOLERANCE) {
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
                let ready = jobs(self.ready(), "waits", "wait");
                format!("{ready}, the oldest for {}", spoken(waited))
            }
        };
        let uncounted = match self.uncounted().as_slice() {
            [] => String::new(),
            outcomes => {
                let outcomes = outcomes.join(" or ");
                format!("; how many jobs are {outcomes} can't be told, for they are not kept")
            }
        };
        Finding::pass(format!("{library} queue: {workers}; {waiting}{uncounted}"))
    }
}

/// The longest key of a repeatable job that is shown, in characters.
const LONGEST_KEY: usize = 100;

/// When a job was started, as it is remembered.
fn start(started: Option<Timestamp>) -> f64 {
    started.map_or(0.0, |started| started.as_duration().as_secs_f64())
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
