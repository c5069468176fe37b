//! Parameters of `autoscalers`, each with its default.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;

/// What is judged of an autoscaler.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct Concerns(pub(super) Vec<Concern>);

/// One thing that is judged of an autoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Concern {
    /// It is seen by its controller, finds its target, reads its metrics and can scale.
    Activity,
    /// It does not want more than it may for long.
    Maximum,
    /// It does not swing to and fro.
    Reversals,
    /// It has ever scaled, and not too long ago.
    Scaled,
}

impl Default for Concerns {
    fn default() -> Self {
        Self(vec![Concern::Activity, Concern::Maximum, Concern::Reversals])
    }
}

/// How long its controller may take to see an autoscaler.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct ObservedWithin(pub(super) Period);

impl Default for ObservedWithin {
    fn default() -> Self {
        Self(Period::from_secs(5 * 60))
    }
}

/// How long an autoscaler may be at its maximum.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct AtMaximumWithin(pub(super) Period);

impl Default for AtMaximumWithin {
    fn default() -> Self {
        Self(Period::from_secs(30 * 60))
    }
}

/// How long ago an autoscaler may last have scaled.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct ScaledWithin(pub(super) Period);

impl Default for ScaledWithin {
    fn default() -> Self {
        Self(Period::from_secs(180 * 24 * 3600))
    }
}

/// How often the number of replicas that is wanted may change its direction.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Reversals {
    /// The time over which they are counted; 1h by default, at most 12h.
    pub(super) window: Period,
    /// More than these fail; 4 by default.
    pub(super) fail_above: u32,
}

impl Default for Reversals {
    fn default() -> Self {
        Self { window: Period::from_secs(3600), fail_above: 4 }
    }
}
