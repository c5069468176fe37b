//! The current deployment, for annotations and for what is asked about it.

use super::family::{Family, Type};
use super::seconds;
use crate::model::measure::cut;
use crate::model::snapshot::Snapshot;

/// Without a deployment, without rows.
pub(super) fn families(snapshot: &Snapshot) -> [Family<'_>; 2] {
    let mut info = Family::new(
        Type::Info,
        "vigie_deployment_info",
        "The current deployment; always 1.",
        ["deployment", "version"],
    );
    let mut started = Family::gauge(
        "vigie_deployment_started_timestamp_seconds",
        "When the rollout of the current deployment began.",
        [],
    );
    if let Some(deployment) = snapshot.deployment() {
        info.row([deployment.id.as_str(), cut(&deployment.version)], 1.0);
        started.row([], seconds(deployment.started));
    }
    [info, started]
}
