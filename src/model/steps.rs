//! Limits with two steps: beyond the first somebody should look, beyond the second it does not hold.

use schemars::JsonSchema;
use serde::Deserialize;

use super::finding::Grade;
use super::measure::Bound;
use super::reason::Reason;

/// A limit with two steps; either may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Steps_of_{T}")]
pub struct Steps<T> {
    /// Beyond this, somebody should look.
    pub warn: Option<T>,
    /// Beyond this, the claim does not hold.
    pub fail: Option<T>,
}

impl<T> Default for Steps<T> {
    fn default() -> Self {
        Self { warn: None, fail: None }
    }
}

impl<T: Copy + PartialOrd> Steps<T> {
    /// Both steps.
    pub fn given(&self) -> [Option<T>; 2] {
        [self.warn, self.fail]
    }

    /// Whether any step is given.
    pub fn any(&self) -> bool {
        self.warn.is_some() || self.fail.is_some()
    }

    /// The grade of a value that must not be above the limits.
    pub fn grade_above(&self, value: T, reason: Reason) -> Grade {
        self.grade(reason, |limit| value > limit)
    }

    /// The grade of a value that must not be below the limits.
    pub fn grade_below(&self, value: T, reason: Reason) -> Grade {
        self.grade(reason, |limit| value < limit)
    }

    /// The grade of what is beyond a limit where `passed` says so.
    pub fn grade(&self, reason: Reason, passed: impl Fn(T) -> bool) -> Grade {
        if self.fail.is_some_and(&passed) {
            Grade::Fail(reason)
        } else if self.warn.is_some_and(passed) {
            Grade::Warn(reason)
        } else {
            Grade::Pass
        }
    }

    /// The step that `grade` is about; the stricter one where it passes.
    pub fn step(&self, grade: Grade) -> Option<T> {
        match grade {
            Grade::Fail(_) => self.fail,
            Grade::Warn(_) | Grade::Pass => self.warn.or(self.fail),
        }
    }

    /// What is wrong with limits that a value must not be above.
    pub fn ceiling_flaw(&self, name: &str) -> Option<String> {
        let (warn, fail) = (self.warn?, self.fail?);
        (warn >= fail).then(|| format!("`{name}`: `warn` must be below `fail`"))
    }

    /// What is wrong with limits that a value must not be below.
    pub fn floor_flaw(&self, name: &str) -> Option<String> {
        let (warn, fail) = (self.warn?, self.fail?);
        (warn <= fail).then(|| format!("`{name}`: `warn` must be above `fail`"))
    }

    /// The limits as lines in a panel of `measure`, which must not be above them.
    pub fn above(&self, measure: &'static str, value: impl Fn(T) -> f64) -> Vec<Bound> {
        self.lines(measure, ["warn_above", "fail_above"], value)
    }

    /// The limits as lines in a panel of `measure`, which must not be below them.
    pub fn below(&self, measure: &'static str, value: impl Fn(T) -> f64) -> Vec<Bound> {
        self.lines(measure, ["warn_below", "fail_below"], value)
    }

    fn lines(
        &self,
        measure: &'static str,
        [warn, fail]: [&'static str; 2],
        value: impl Fn(T) -> f64,
    ) -> Vec<Bound> {
        let line = |bound, limit: Option<T>| {
            limit.map(|limit| Bound { measure, bound, value: value(limit) })
        };
        [line(warn, self.warn), line(fail, self.fail)].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: Reason = Reason::new("Odd");

    #[test]
    fn a_value_on_a_limit_is_within_it() {
        let steps = Steps { warn: Some(1), fail: Some(3) };
        for (value, grade) in
            [(1, Grade::Pass), (2, Grade::Warn(ODD)), (3, Grade::Warn(ODD)), (4, Grade::Fail(ODD))]
        {
            assert_eq!(steps.grade_above(value, ODD), grade, "{value}");
        }
        let floor = Steps { warn: Some(3), fail: Some(1) };
        for (value, grade) in
            [(3, Grade::Pass), (2, Grade::Warn(ODD)), (1, Grade::Warn(ODD)), (0, Grade::Fail(ODD))]
        {
            assert_eq!(floor.grade_below(value, ODD), grade, "{value}");
        }
        assert_eq!(steps.ceiling_flaw("a"), None);
        assert!(steps.floor_flaw("a").is_some_and(|flaw| flaw.contains("above")));
    }
}
