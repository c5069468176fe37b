//! Deployments as the board keeps them: the newest begun first, and only so many.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::acts::Maintenance;
use crate::model::deployment::{Announcement, Deployment};
use crate::model::snapshot::Snapshot;

/// The most deployments that are kept.
const MOST_DEPLOYMENTS: usize = 50;

/// Takes a rollout into the record. Who announces the same version with the same start again, as a
/// pipeline does that is not sure, tells no more than what is said now.
pub(super) fn announce(
    snapshot: &mut Snapshot,
    announcement: Announcement,
    token: String,
    now: Timestamp,
) -> Arc<Deployment> {
    let Announcement { version, who, environment: _, started, migration, ticket, notes } =
        announcement;
    let started = started.unwrap_or(now);
    let environment = snapshot.environment.clone();
    let known = snapshot.deployments.iter().position(|known| {
        (&known.environment, &known.version, known.started) == (&environment, &version, started)
    });
    let (id, announced) = match known.map(|at| snapshot.deployments.remove(at)) {
        Some(known) => (known.id.clone(), known.announced),
        None => (free_id(&snapshot.deployments, started), now),
    };
    let deployment = Arc::new(Deployment {
        id,
        environment,
        version,
        who,
        token,
        started,
        announced,
        migration,
        ticket,
        notes,
    });
    let later = |known: &Arc<Deployment>| known.started > started;
    let at = snapshot.deployments.partition_point(later);
    snapshot.deployments.insert(at, Arc::clone(&deployment));
    snapshot.deployments.truncate(MOST_DEPLOYMENTS);
    deployment
}

/// Takes back what was known before a restart and belongs to no item.
pub(super) fn recall(
    snapshot: &mut Snapshot,
    mut deployments: Vec<Deployment>,
    mut maintenance: Vec<Maintenance>,
) {
    maintenance.sort_by_key(|span| std::cmp::Reverse(span.from));
    snapshot.maintenance = maintenance.into_iter().map(Arc::new).collect();
    deployments.sort_by_key(|known| std::cmp::Reverse(known.started));
    deployments.truncate(MOST_DEPLOYMENTS);
    snapshot.deployments = deployments.into_iter().map(Arc::new).collect();
}

/// When it began, in letters that paths and labels bear, and a number where two began at once.
fn free_id(known: &[Arc<Deployment>], started: Timestamp) -> String {
    let id = started.to_zoned(TimeZone::UTC).strftime("%Y%m%dt%H%M%Sz").to_string();
    let is_taken = |id: &String| known.iter().any(|deployment| deployment.id == *id);
    let mut numbered = (2..).map(|number| format!("{id}-{number}"));
    let free = std::iter::once(id.clone()).chain(&mut numbered).find(|id| !is_taken(id));
    free.unwrap_or(id)
}
