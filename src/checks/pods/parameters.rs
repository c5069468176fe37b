//! Parameters of `pods`, each with its default.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;

/// The fewest pods.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct MinCount(pub(super) u64);

impl Default for MinCount {
    fn default() -> Self {
        Self(1)
    }
}

/// How long something may take; 5m by default.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct Patience(pub(super) Period);

impl Default for Patience {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

/// How often a pod's containers may restart.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Restarts {
    /// The time over which restarts are counted; 1h by default, at most 24h.
    pub(super) window: Period,
    /// More restarts than these warn; 0 by default.
    pub(super) warn_above: u32,
    /// More restarts than these fail; 3 by default.
    pub(super) fail_above: u32,
}

impl Default for Restarts {
    fn default() -> Self {
        Self { window: Period::from_secs(3600), warn_above: 0, fail_above: 3 }
    }
}

/// What is judged of a pod.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct Concerns(pub(super) Vec<Concern>);

/// One thing that is judged of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Concern {
    /// Its images can be pulled.
    Images,
    /// Its containers start and do not end again and again, for want of memory or otherwise.
    Crashes,
    /// It is scheduled, starts and is ready.
    Readiness,
    /// It has not failed or been evicted.
    Failures,
    /// It goes when it is deleted.
    Termination,
}

impl Default for Concerns {
    fn default() -> Self {
        use Concern::{Crashes, Failures, Images, Readiness, Termination};
        Self(vec![Images, Crashes, Readiness, Failures, Termination])
    }
}
