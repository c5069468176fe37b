//! How fast jobs finish, against how fast they did before the deployment or a while ago.

use jiff::Timestamp;

use super::super::limits::seconds;
use super::super::measures::{RATE, UNFINISHED};
use super::super::parameters::Baseline;
use super::super::reasons::{NOT_COUNTABLE, SLOWER_THAN_BEFORE};
use super::rates::Throughput;
use super::{Line, graded, jobs, real};
use crate::model::finding::{Grade, Obstacle};
use crate::model::judgement::Answer;
use crate::model::measure::{BASELINE, Sample};

/// The fewest looks that make a level; and they must span half of what is averaged.
const FEWEST_POINTS: usize = 3;
/// The figures of `UNFINISHED` are whole, and kept as fractions.
const HALF_A_JOB: f64 = 0.5;

impl Line<'_> {
    /// The rate now, where it is known, and the one that it is compared with.
    pub(super) fn rates(&self) -> Vec<Sample> {
        let Throughput { least, most } = self.throughput();
        let mut samples = Vec::new();
        if most.is_some_and(|most| (most - least).abs() < HALF_A_JOB) {
            samples.push(RATE.is(self.a_second(least), [self.name]));
        }
        if let Some((level, _)) = self.check.baseline.as_ref().and_then(|b| self.before(b)) {
            samples.extend(level.map(|level| BASELINE.is(level, [RATE.name, self.name])));
        }
        samples
    }

    /// That jobs wait, and finish more slowly than they did.
    pub(super) fn slower_than_before(&self) -> Option<Answer> {
        let baseline = self.check.baseline.as_ref()?;
        let window = self.check.window.0;
        if self.waited()? < window.get() || self.shrinks() {
            return None;
        }
        let (level, when) = self.before(baseline)?;
        let Some(level) = level else {
            let because = format!("how fast jobs finished {when} was not seen");
            return Some(baseline.missing.answer(Obstacle::new(NOT_COUNTABLE, because)));
        };
        let limits = baseline.share_at_least.0;
        let Throughput { least, most } = self.throughput();
        let share = |finished| if level > 0.0 { self.a_second(finished) / level } else { 1.0 };
        let grade = |finished| limits.grade_below(share(finished), SLOWER_THAN_BEFORE);
        let told = |grade: Grade, finished: f64| {
            let wanted = limits.step(grade)? * 100.0;
            let because = format!(
                "{:.1} jobs finish a minute while {}, {:.0} % of the {:.1} {when}; {wanted:.0} % wanted",
                self.a_second(finished) * 60.0,
                jobs(self.ready(), "waits", "wait"),
                share(finished) * 100.0,
                level * 60.0
            );
            graded(grade, because)
        };
        self.between(least, most, grade, told)
    }

    fn a_second(&self, finished: f64) -> f64 {
        finished / seconds(self.check.window.0)
    }

    /// Whether fewer jobs are unfinished than at the beginning of the window.
    fn shrinks(&self) -> bool {
        let window = self.check.window.0.get();
        let then = self.past.since(&UNFINISHED, &[self.name], window, self.now);
        let unfinished = real(self.queue.sizes.unfinished());
        then.is_some_and(|(_, then)| unfinished < then - HALF_A_JOB)
    }

    /// The rate that is compared with, and in words when that was; none where there is no such
    /// moment, or it is over a day ago and forgotten.
    fn before(&self, baseline: &Baseline) -> Option<(Option<f64>, String)> {
        let (moment, when) = match baseline.ago {
            Some(ago) => (self.now.checked_sub(ago.get()).ok()?, format!("{ago} ago")),
            None => (self.deployed?, "before the deployment".to_owned()),
        };
        if self.forgotten(moment) {
            return None;
        }
        let over = baseline.over.0.get();
        let level = self.past.level(&RATE, &[self.name], moment, over);
        let half = over / 2;
        let level = level
            .filter(|level| level.points >= FEWEST_POINTS && level.span.unsigned_abs() >= half);
        Some((level.map(|level| level.mean), when))
    }

    fn forgotten(&self, moment: Timestamp) -> bool {
        self.now.duration_since(moment).as_hours() >= 24
            && self.check.baseline.as_ref().is_some_and(|baseline| baseline.ago.is_none())
    }
}
