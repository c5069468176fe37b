//! How many jobs finish, and how many of them fail, from what queues keep and what they count.

use std::time::Duration;

use jiff::Timestamp;

use super::super::limits::{real, seconds};
use super::super::measures::{ADDED, UNFINISHED};
use super::super::reasons::{NOT_COUNTABLE, TOO_MANY_FAILED, TOO_SLOW};
use super::super::seen::Queue;
use super::{Line, graded, jobs};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::Answer;

/// A share of failures is looked at from so many finished jobs on.
const FEWEST_FINISHED: f64 = 20.0;
/// A job may move while a queue's numbers are gathered: one missing proves nothing.
const UNSURE: f64 = 1.5;

/// How many jobs finished within the window: at least, and at most where that is known.
pub(super) struct Throughput {
    pub(super) least: f64,
    pub(super) most: Option<f64>,
}

impl Line<'_> {
    pub(super) fn too_large_a_share_failed(&self) -> Option<Answer> {
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

    pub(super) fn too_slow(&self) -> Option<Answer> {
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
                jobs(self.ready(), "waits", "wait")
            );
            graded(grade, because)
        };
        self.between(least, most, grade, told)
    }

    /// Says what holds for both ends of what is known; where they differ, nobody can tell.
    pub(super) fn between(
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
    pub(super) fn throughput(&self) -> Throughput {
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
        let left = self.left(added, unfinished)?;
        Some(left * window.as_secs_f64() / old.as_secs_f64())
    }

    /// That failures may be missing from what is kept, where their number would matter: failed jobs
    /// can be dropped at once, and then none of them proves nothing.
    pub(super) fn hidden_failures(&self) -> Option<Obstacle> {
        let lost = self.lost()?;
        let Queue { finished, .. } = self.queue;
        let worst = finished.failed.saturating_add(lost);
        let ended = real(worst.saturating_add(finished.completed));
        let too_many = self.check.max_failed.grade_above(worst, TOO_MANY_FAILED);
        let share = self.check.failed_ratio.grade_above(real(worst) / ended, TOO_MANY_FAILED);
        let counts = ended >= FEWEST_FINISHED && share != Grade::Pass;
        (counts || too_many != Grade::Pass).then(|| {
            let because = format!(
                "{} failed within {}, and {lost} more ended and are not kept, well or not: let \
                 the queue keep finished jobs for longer (`removeOnFail`, `removeOnComplete`)",
                finished.failed, self.check.window.0
            );
            Obstacle::new(NOT_COUNTABLE, because)
        })
    }

    /// How many jobs, at least, ended within the window and are not kept, by the queue's counter;
    /// none where failed ones older than the window are kept, so that no newer one was dropped.
    pub(super) fn lost(&self) -> Option<u64> {
        let Queue { sizes, finished, .. } = self.queue;
        if sizes.failed > finished.failed {
            return None;
        }
        let kept = real(finished.completed.saturating_add(finished.failed));
        let lost = self.left_within()? - kept;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        (lost > UNSURE).then_some(lost as u64)
    }

    /// How many jobs left the backlog since the oldest look within the window, where there was one
    /// and its numbers still mean something.
    pub(super) fn left_within(&self) -> Option<f64> {
        let (at, added) =
            self.past.since(&ADDED, &[self.name], self.check.window.0.get(), self.now)?;
        let mut points = self.past.points(&UNFINISHED, &[self.name]);
        let (_, unfinished) = points.find(|(then, _)| *then == at)?;
        self.left(added, unfinished)
    }

    /// Jobs that left the backlog since a look that saw these numbers; none where the queue was
    /// emptied or made anew in between, so that its counter says nothing.
    fn left(&self, added: f64, unfinished: f64) -> Option<f64> {
        let grown = real(self.queue.sizes.unfinished()) - unfinished;
        let left = real(self.queue.added?) - added - grown;
        (left >= 0.0).then_some(left)
    }
}
