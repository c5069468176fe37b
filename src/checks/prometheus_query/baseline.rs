//! What an expression amounted to before, and how far from it each series may be.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use super::judging::{Identity, figure, identity};
use super::parameters::Outcome;
use super::{ABOVE_BASELINE, BELOW_BASELINE, NO_BASELINE};
use crate::checks::Look;
use crate::model::duration::Period;
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::Answer;
use crate::model::steps::Steps;
use crate::systems::prometheus::{Range, Row, Span};

/// The points that the average is taken of.
const POINTS: u32 = 20;
/// The fewest of them that are enough.
const ENOUGH: usize = 3;
/// The least distance between points: no server samples more often.
const LEAST_STEP: Duration = Duration::from_secs(15);

/// How far each series may be from what it was.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    /// When it was: `deployment`, just before the current one began, or `{ ago: 1d }`.
    from: When,
    /// The span that is averaged, up to then. Default: `1h`.
    #[serde(default)]
    over: Over,
    /// How many times the baseline a value may be at most. Default: any number.
    #[serde(default)]
    at_most: Steps<f64>,
    /// How many times the baseline a value must be at least. Default: any number.
    #[serde(default)]
    at_least: Steps<f64>,
    /// What is not worth comparing: a value and a baseline both below this. Default: 0.
    #[serde(default)]
    ignore_below: f64,
    /// What it amounts to where a series was not there before: `unknown` (the default), `fail`,
    /// `pass`.
    #[serde(default)]
    missing: Outcome,
}

/// When a baseline was.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum When {
    /// Before the current deployment began.
    Deployment,
    /// So long ago, at each look.
    Ago(Period),
}

/// The span that is averaged, one hour by default.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Over(Period);

impl Default for Over {
    fn default() -> Self {
        Self(Period::from_secs(3_600))
    }
}

impl Baseline {
    pub(super) fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if !self.at_most.any() && !self.at_least.any() {
            flaws.push("`baseline` needs `at_most` or `at_least`".to_owned());
        }
        let Steps { warn, fail } = self.at_most;
        let Steps { warn: low, fail: lowest } = self.at_least;
        let factors = [warn, fail, low, lowest].into_iter().flatten();
        if factors.chain([self.ignore_below]).any(|factor| !factor.is_finite() || factor < 0.0) {
            flaws.push("the factors of `baseline`, and `ignore_below`, are at least 0".to_owned());
        }
        flaws.extend(self.at_most.ceiling_flaw("baseline.at_most"));
        flaws.extend(self.at_least.floor_flaw("baseline.at_least"));
        flaws
    }

    /// Whether it is about the current deployment.
    pub(super) fn reads_deployment(&self) -> bool {
        matches!(self.from, When::Deployment)
    }

    /// The span to ask for.
    pub(super) fn span(&self, look: &Look<'_>) -> Result<Span, Obstacle> {
        let to = match self.from {
            When::Ago(ago) => before(look.now, ago.get()),
            When::Deployment => look.deployment().ok_or_else(Obstacle::no_deployment)?.started,
        };
        let over = self.over.0.get();
        Ok(Span { from: before(to, over), to, step: (over / POINTS).max(LEAST_STEP) })
    }

    /// A series against what it was.
    pub(super) fn compare(&self, row: &Row, before: &Before) -> Answer {
        let Some(level) = level(before.of(row)) else {
            let because = format!("there are too few figures {}", self.then());
            return self.missing.answer(NO_BASELINE, because);
        };
        if level < 0.0 {
            let because =
                format!("it was {} {}: no factor means anything", figure(level), self.then());
            return self.missing.answer(NO_BASELINE, because);
        }
        let value = row.value;
        let said = format!("{}, and it was {} {}", figure(value), figure(level), self.then());
        if value.abs() < self.ignore_below && level < self.ignore_below {
            return Finding::pass(said).into();
        }
        let passed = |limits: &Steps<f64>, beyond: &dyn Fn(f64) -> bool| {
            if limits.fail.is_some_and(beyond) {
                Some((limits.fail, true))
            } else {
                limits.warn.filter(|limit| beyond(*limit)).map(|limit| (Some(limit), false))
            }
        };
        let over = passed(&self.at_most, &|factor| value > factor * level);
        let under = passed(&self.at_least, &|factor| value < factor * level);
        let (grade, limit) = match (over, under) {
            (Some((factor, true)), _) => (Grade::Fail(ABOVE_BASELINE), most(factor)),
            (_, Some((factor, true))) => (Grade::Fail(BELOW_BASELINE), least(factor)),
            (Some((factor, false)), _) => (Grade::Warn(ABOVE_BASELINE), most(factor)),
            (_, Some((factor, false))) => (Grade::Warn(BELOW_BASELINE), least(factor)),
            (None, None) => (Grade::Pass, String::new()),
        };
        Finding { grade, because: format!("{said}{limit}"), samples: Vec::new() }.into()
    }

    fn then(&self) -> String {
        match self.from {
            When::Deployment => format!("in the {} before the deployment", self.over.0),
            When::Ago(ago) => format!("in the {} until {ago} ago", self.over.0),
        }
    }
}

/// What series were before, by all of their labels but their name.
#[derive(Debug)]
pub(super) struct Before {
    values: HashMap<Identity, Vec<f64>>,
    /// What the server warned of: that figures may be missing.
    pub(super) warnings: Vec<String>,
}

impl Before {
    pub(super) fn new(ranges: Vec<Range>, warnings: Vec<String>) -> Self {
        let mut values = HashMap::with_capacity(ranges.len());
        for Range { labels, values: figures } in ranges {
            values.entry(identity(&labels)).or_insert(figures);
        }
        Self { values, warnings }
    }

    /// What a series was.
    pub(super) fn of(&self, row: &Row) -> &[f64] {
        self.values.get(&identity(&row.labels)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The average of what was a number, where there is enough of it.
pub(super) fn level(values: &[f64]) -> Option<f64> {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    #[expect(clippy::cast_precision_loss, reason = "a few points")]
    let mean = finite.iter().sum::<f64>() / finite.len() as f64;
    (finite.len() >= ENOUGH).then_some(mean)
}

fn most(factor: Option<f64>) -> String {
    factor
        .map(|factor| format!(", at most {} times as much allowed", figure(factor)))
        .unwrap_or_default()
}

fn least(factor: Option<f64>) -> String {
    factor
        .map(|factor| format!(", at least {} times as much wanted", figure(factor)))
        .unwrap_or_default()
}

fn before(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
