//! Deployments, `StatefulSets`, `DaemonSets` and `ReplicaSets`: what they want and what they have.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use schemars::JsonSchema;
use serde::Deserialize;

use super::pool::Words;
use super::record::{Condition, Meta, Record, condition, time};
use super::resource;
use super::table::Key;
use crate::model::judgement::legible;
use crate::model::needs::Resource;

/// A kind of workload that a checklist judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
pub enum WorkloadKind {
    /// A Deployment.
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
    /// A `DaemonSet`.
    DaemonSet,
}

impl WorkloadKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deployment, Self::StatefulSet, Self::DaemonSet];

    /// As the API names it.
    pub const fn resource(self) -> Resource {
        match self {
            Self::Deployment => resource::<Deployment>(),
            Self::StatefulSet => resource::<StatefulSet>(),
            Self::DaemonSet => resource::<DaemonSet>(),
        }
    }

    /// As objects and labels name it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// `ReplicaSets`: what stands between a Deployment and its pods.
pub const REPLICA_SETS: Resource = resource::<ReplicaSet>();

/// A workload's replicas, as the API server tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Counts up with each change of its specification.
    pub generation: i64,
    /// How many replicas it is to have; for a `DaemonSet` one on each node that it selects.
    pub desired: i64,
    /// How many of them are to be of the newest revision; fewer where updates wait for a hand.
    pub wanted_updated: i64,
    /// Replicas of any revision.
    pub total: i64,
    /// Replicas of the newest revision.
    pub updated: i64,
    /// Replicas that are ready.
    pub ready: i64,
    /// Replicas that have been ready for long enough.
    pub available: i64,
    /// Whether the controller has seen the newest specification.
    pub observed: bool,
    /// Whether the controller says that it moves to a new revision.
    pub moving: bool,
    /// The controller's words, where it gave the rollout up.
    pub given_up: Option<Arc<str>>,
    /// Whether a hand has paused its rollouts.
    pub paused: bool,
    /// The controller's words, where it may not create pods.
    pub refused: Option<Arc<str>>,
    /// Since when its controller says that too few replicas are available.
    pub unavailable_since: Option<Timestamp>,
    /// When its controller last saw the rollout move that is under way.
    pub moved: Option<Timestamp>,
    /// A field that is always there, and was not.
    pub missing: Option<&'static str>,
}

impl Workload {
    /// Since when it has at least been rolling out, or short of replicas, as its controller tells;
    /// none where it tells nothing of that. Which of both it is, the counts tell.
    pub fn told_since(&self) -> Option<Timestamp> {
        if self.is_rolling_out() { self.moved } else { self.unavailable_since }
    }

    /// Whether a rollout is under way.
    pub fn is_rolling_out(&self) -> bool {
        !self.observed
            || self.moving
            || self.updated < self.wanted_updated
            || self.total > self.desired
    }

    /// Whether everything is as desired.
    pub fn is_whole(&self) -> bool {
        self.missing.is_none()
            && !self.is_rolling_out()
            && self.ready >= self.desired
            && self.available >= self.desired
    }
}

/// Any of the four, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    metadata: Meta,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    replicas: Option<i64>,
    paused: Option<bool>,
    update_strategy: Option<Strategy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Strategy {
    #[serde(rename = "type")]
    kind: Option<String>,
    rolling_update: Option<RollingUpdate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RollingUpdate {
    partition: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: Option<i64>,
    replicas: Option<i64>,
    updated_replicas: Option<i64>,
    ready_replicas: Option<i64>,
    available_replicas: Option<i64>,
    current_revision: Option<String>,
    update_revision: Option<String>,
    desired_number_scheduled: Option<i64>,
    current_number_scheduled: Option<i64>,
    updated_number_scheduled: Option<i64>,
    number_ready: Option<i64>,
    number_available: Option<i64>,
    conditions: Option<Vec<Condition>>,
}

impl Record for Workload {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, resource: &Resource, words: &mut Words) -> Self {
        let Wire { metadata, spec, status } = wire;
        let daemon = resource.kind == DAEMON_SET;
        let strategy = spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
        let by_hand = strategy.is_some_and(|strategy| strategy.kind.as_deref() == Some("OnDelete"));
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let held_back = rolling.and_then(|rolling| rolling.partition).unwrap_or_default();
        let replicas = spec.as_ref().and_then(|spec| spec.replicas);
        let status = status.unwrap_or_default();
        let (desired, missing) = if daemon {
            (status.desired_number_scheduled, "status.desiredNumberScheduled")
        } else {
            (replicas, "spec.replicas")
        };
        let missing = match (desired, metadata.generation) {
            (None, _) => Some(missing),
            (Some(_), None) => Some("metadata.generation"),
            (Some(_), Some(_)) => None,
        };
        let desired = desired.unwrap_or_default();
        let wanted_updated = match resource.kind.as_ref() {
            // A ReplicaSet has one revision.
            REPLICA_SET => 0,
            _ if by_hand => 0,
            _ => desired.saturating_sub(held_back).max(0),
        };
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let progressing = condition(conditions, PROGRESSING);
        let observed = status.observed_generation >= metadata.generation;
        // What is zero is left out by the API server.
        let total = pick(daemon, status.current_number_scheduled, status.replicas);
        let ready = pick(daemon, status.number_ready, status.ready_replicas);
        let missing = missing.or((total < ready).then_some("status.replicas"));
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            generation: metadata.generation.unwrap_or_default(),
            desired,
            wanted_updated,
            total,
            updated: pick(daemon, status.updated_number_scheduled, status.updated_replicas),
            ready,
            available: pick(daemon, status.number_available, status.available_replicas),
            observed,
            moving: is_moving(&status, progressing, by_hand || held_back > 0),
            given_up: progressing.and_then(|condition| given_up(condition, words)),
            paused: spec.and_then(|spec| spec.paused).unwrap_or_default()
                || progressing.is_some_and(is_paused),
            refused: condition(conditions, "ReplicaFailure")
                .filter(|refused| refused.holds())
                .map(|refused| message(refused, words)),
            unavailable_since: condition(conditions, "Available")
                .filter(|available| available.fails())
                .and_then(|available| time(available.last_transition_time.clone())),
            // What it says before it has seen the newest specification is of another rollout.
            moved: progressing
                .filter(|condition| observed && condition.holds() && !is_complete(condition))
                .and_then(|condition| time(condition.last_update_time.clone())),
            missing,
        }
    }
}

const PROGRESSING: &str = "Progressing";
const DAEMON_SET: &str = <DaemonSet as k8s_openapi::Resource>::KIND;
const REPLICA_SET: &str = <ReplicaSet as k8s_openapi::Resource>::KIND;

fn pick(daemon: bool, of_daemon: Option<i64>, of_others: Option<i64>) -> i64 {
    if daemon { of_daemon } else { of_others }.unwrap_or_default()
}

fn is_moving(status: &Status, progressing: Option<&Condition>, held_back: bool) -> bool {
    let revisions = status.current_revision != status.update_revision && !held_back;
    let complete = |condition: &Condition| {
        // Of a paused one the controller says no more; the counts tell.
        is_paused(condition) || condition.holds() && is_complete(condition)
    };
    revisions || progressing.is_some_and(|condition| !complete(condition))
}

fn is_complete(progressing: &Condition) -> bool {
    progressing.reason.as_deref() == Some("NewReplicaSetAvailable")
}

fn is_paused(progressing: &Condition) -> bool {
    progressing.reason.as_deref() == Some("DeploymentPaused")
}

fn given_up(condition: &Condition, words: &mut Words) -> Option<Arc<str>> {
    let exceeded = condition.reason.as_deref() == Some("ProgressDeadlineExceeded");
    (condition.fails() && exceeded).then(|| message(condition, words))
}

fn message(condition: &Condition, words: &mut Words) -> Arc<str> {
    words.shared(&legible(condition.message.as_deref().unwrap_or_default(), 200))
}

#[cfg(test)]
mod tests {
    use super::super::shapes;
    use super::*;

    #[test]
    fn workloads_survive_whatever_is_wrong_with_them() {
        for (resource, object) in [
            (WorkloadKind::Deployment.resource(), shapes::deployment()),
            (WorkloadKind::StatefulSet.resource(), shapes::stateful_set()),
            (WorkloadKind::DaemonSet.resource(), shapes::daemon_set()),
            (REPLICA_SETS, shapes::replica_set()),
        ] {
            shapes::survives::<Workload>(&resource, &object);
        }
    }
}
