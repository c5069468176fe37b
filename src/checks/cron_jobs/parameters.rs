//! Parameters of `cron_jobs`, each with its default.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;

/// How late a run may begin.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct LateBy(pub(super) Period);

impl Default for LateBy {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

/// How long a run may take.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct RunsWithin(pub(super) Period);

impl Default for RunsWithin {
    fn default() -> Self {
        Self(Period::from_secs(3600))
    }
}
