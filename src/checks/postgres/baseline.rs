//! Against the level before the current deployment. What was then comes from the item's own memory.

use jiff::Timestamp;

use super::parameters::Baseline;
use super::{
    ABOVE_BASELINE, BELOW_BASELINE, HIT_RATIO, IN_USE, NO_BASELINE, Postgres, graded, percent,
};
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::{BASELINE, Measure, Sample};
use crate::model::past::Past;

/// Fewer points make no level.
const LEAST_POINTS: usize = 5;

/// What is compared, and with what.
pub(super) struct Comparison<'a> {
    pub(super) check: &'a Postgres,
    pub(super) wanted: &'a Baseline,
    /// When the current deployment began, where one is known.
    pub(super) started: Option<Timestamp>,
    pub(super) past: &'a Past,
}

impl Comparison<'_> {
    /// Compares what was measured just now.
    pub(super) fn judge(&self, judgement: &mut Judgement) {
        let now = |measure: &'static Measure, judgement: &Judgement| {
            let is = |sample: &&Sample| sample.measure == measure;
            judgement.samples().iter().find(is).map(|sample| sample.value)
        };
        let (in_use, hits) = (now(&IN_USE, judgement), now(&HIT_RATIO, judgement));
        if self.check.sessions.is_some() {
            let grade = |now: f64, before: f64| {
                let matters = now > self.wanted.in_use_from.0;
                let grade =
                    self.wanted.in_use.0.grade_above(now / before.max(0.001), ABOVE_BASELINE);
                if matters { grade } else { Grade::Pass }
            };
            self.compare("connections against before", &IN_USE, in_use, grade, judgement);
        }
        if self.check.cache.is_some() {
            let grade = |now: f64, before: f64| {
                self.wanted.hits_lost.0.grade_above(before - now, BELOW_BASELINE)
            };
            self.compare("cache against before", &HIT_RATIO, hits, grade, judgement);
        }
    }

    fn compare(
        &self,
        subject: &str,
        measure: &'static Measure,
        now: Option<f64>,
        grade: impl Fn(f64, f64) -> Grade,
        judgement: &mut Judgement,
    ) {
        let Some(started) = self.started else {
            let obstacle = Obstacle::no_deployment();
            return judgement.add(subject, self.wanted.missing.answer(obstacle));
        };
        let connection = self.check.connection.0.as_str();
        let window = self.wanted.window.0;
        let level = self.past.level(measure, &[connection], started, window.get());
        let Some(level) = level.filter(|level| level.points >= LEAST_POINTS) else {
            let because = format!("too little is remembered of the {window} before the deployment");
            let obstacle = Obstacle::ours(NO_BASELINE, because);
            return judgement.add(subject, self.wanted.missing.answer(obstacle));
        };
        judgement.measure(BASELINE.is(level.mean, [measure.name, connection]));
        // What can't be told now says so by itself.
        let Some(now) = now else { return };
        let because = format!(
            "{} now, {} in the {window} before the deployment",
            percent(now),
            percent(level.mean)
        );
        let finding: Finding = graded(grade(now, level.mean), because);
        judgement.add(subject, Answer::from(finding));
    }
}
