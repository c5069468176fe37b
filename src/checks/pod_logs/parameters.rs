//! Parameters of `pod_logs`, each with its default.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;
use crate::model::pattern::Pattern;

/// Which lines are errors.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Errors {
    /// The key of a JSON line that holds its level; `level` by default. Words and pino's numbers
    /// are understood; of lines that are not JSON, a level in front (`error: …`, `[ERROR] …`).
    pub(super) level_key: String,
    /// Whether a line at the level error is one; true by default.
    pub(super) by_level: bool,
    /// A line in which one of these is found is one, whatever its level.
    pub(super) patterns: Vec<Pattern>,
    /// A line in which one of these is found is none, whatever else holds.
    pub(super) ignore: Vec<Pattern>,
}

impl Default for Errors {
    fn default() -> Self {
        Self {
            level_key: "level".to_owned(),
            by_level: true,
            patterns: Vec::new(),
            ignore: Vec::new(),
        }
    }
}

/// Over how long errors are counted; 5m by default.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct Window(pub(super) Period);

impl Default for Window {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

/// How many error lines a minute are allowed.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limit {
    /// More a minute warn.
    pub(super) warn_above: Option<f64>,
    /// More a minute fail.
    pub(super) fail_above: Option<f64>,
}

/// How many error lines a minute are usual.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Baseline {
    /// So many times the usual are allowed; 3 by default.
    pub(super) factor: f64,
    /// So many a minute are always allowed, however few are usual; 1 by default.
    pub(super) floor: f64,
    /// What is usual is the median over so long before the window; 6h by default, at most 12h.
    pub(super) over: Period,
    /// Before so much of it is known, nothing is compared; 1h by default.
    pub(super) at_least: Period,
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            factor: 3.0,
            floor: 1.0,
            over: Period::from_secs(6 * 3600),
            at_least: Period::from_secs(3600),
        }
    }
}

/// A line that each container must write after its start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// What is found in it.
    pub(super) pattern: Pattern,
    /// How long after the start it may take; 5m by default.
    #[serde(default)]
    pub(super) within: Patience,
}

/// How long something may take; 5m by default.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct Patience(pub(super) Period);

impl Default for Patience {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

/// The label of pods that names their workload; `app` by default.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct Label(pub(super) String);

impl Default for Label {
    fn default() -> Self {
        Self("app".to_owned())
    }
}

/// Names, each once.
pub(super) type Names = BTreeSet<String>;
