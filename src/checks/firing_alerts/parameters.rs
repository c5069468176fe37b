//! The parameters of `firing_alerts`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::systems::alertmanager::Matcher;

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Source {
    /// `connections.alertmanager.<name>`
    Alertmanager(String),
    /// `connections.prometheus.<name>`
    Prometheus(String),
}

impl Source {
    /// The connection's name.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Alertmanager(name) | Self::Prometheus(name) => name,
        }
    }
}

/// Which alerts are this daemon's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Own(pub(super) Vec<Matcher>);

impl Default for Own {
    fn default() -> Self {
        Self(Matcher::parse("alertname=~\"Vigie.+\"").into_iter().collect())
    }
}

/// The alert that always fires.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct AlwaysFiring(pub(super) Vec<Matcher>);

impl Default for AlwaysFiring {
    fn default() -> Self {
        Self(Matcher::parse("alertname=\"Watchdog\"").into_iter().collect())
    }
}

/// Which alerts fail the claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Began {
    /// Those that began after the current deployment.
    #[default]
    AfterDeployment,
    /// Any.
    AnyTime,
}

/// What an older alert amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Older {
    /// The claim holds with a warning.
    #[default]
    Warn,
    /// The claim fails.
    Fail,
    /// It is as it should be.
    Allowed,
}
