//! Limits with two steps, and the spans that rates are worked out over.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;
use crate::model::finding::Grade;
use crate::model::measure::Bound;
use crate::model::reason::Reason;

/// The longest `window`.
pub(super) const LONGEST_WINDOW: Period = Period::from_secs(3_600);
/// How long counts are remembered: long enough for an item that is looked at every two hours.
pub(super) const MEMORY: Duration = Duration::from_hours(3);

/// How long is remembered what is found once in a walk.
pub(super) const A_DAY: Duration = Duration::from_hours(24);

/// How long rates are remembered: what was before a deployment, until the day after it.
pub(super) const LONGER_THAN_A_DAY: Duration = Duration::from_hours(30);

/// A limit with two steps; either may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limits_of_{T}")]
pub(super) struct Limits<T> {
    /// Beyond this, somebody should look.
    pub(super) warn: Option<T>,
    /// Beyond this, the claim does not hold.
    pub(super) fail: Option<T>,
}

impl<T> Default for Limits<T> {
    fn default() -> Self {
        Self { warn: None, fail: None }
    }
}

impl<T: Copy + PartialOrd> Limits<T> {
    /// Both steps.
    pub(super) fn given(&self) -> [Option<T>; 2] {
        [self.warn, self.fail]
    }

    /// Whether any step is given.
    pub(super) fn any(&self) -> bool {
        self.warn.is_some() || self.fail.is_some()
    }

    /// The grade of a value that must not be above the limits.
    pub(super) fn grade_above(&self, value: T, reason: Reason) -> Grade {
        self.grade(reason, |limit| value > limit)
    }

    /// The grade of a value that must not be below the limits.
    pub(super) fn grade_below(&self, value: T, reason: Reason) -> Grade {
        self.grade(reason, |limit| value < limit)
    }

    fn grade(&self, reason: Reason, passed: impl Fn(T) -> bool) -> Grade {
        if self.fail.is_some_and(&passed) {
            Grade::Fail(reason)
        } else if self.warn.is_some_and(passed) {
            Grade::Warn(reason)
        } else {
            Grade::Pass
        }
    }

    /// The step that `grade` is about; the stricter one where it passes.
    pub(super) fn step(&self, grade: Grade) -> Option<T> {
        match grade {
            Grade::Fail(_) => self.fail,
            Grade::Warn(_) | Grade::Pass => self.warn.or(self.fail),
        }
    }

    /// What is wrong with limits that a value must not be above.
    pub(super) fn ceiling_flaw(&self, name: &str) -> Option<String> {
        let (warn, fail) = (self.warn?, self.fail?);
        (warn >= fail).then(|| format!("`{name}`: `warn` must be below `fail`"))
    }

    /// What is wrong with limits that a value must not be below.
    pub(super) fn floor_flaw(&self, name: &str) -> Option<String> {
        let (warn, fail) = (self.warn?, self.fail?);
        (warn <= fail).then(|| format!("`{name}`: `warn` must be above `fail`"))
    }

    /// The limits as lines in a panel of `measure`.
    pub(super) fn above(&self, measure: &'static str, value: impl Fn(T) -> f64) -> Vec<Bound> {
        let line = |bound, limit: Option<T>| {
            limit.map(|limit| Bound { measure, bound, value: value(limit) })
        };
        [line("warn_above", self.warn), line("fail_above", self.fail)]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// A period in seconds.
pub(super) fn seconds(period: Period) -> f64 {
    period.get().as_secs_f64()
}

/// A count as a figure; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "no queue holds 2^53 jobs")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}
