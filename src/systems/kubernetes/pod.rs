//! Pods: the few facts that checks read, a few hundred bytes a pod.
//!
//! Facts that the API server always gives and did not give this time are named in
//! [`Pod::missing`], so that no pod passes by absence.

mod containers;
mod trouble;
mod wire;

use std::sync::Arc;

use jiff::Timestamp;

use super::labels::Labels;
use super::pool::Words;
use super::record::{Condition, Owner, Record, condition, time};
use super::table::Key;
use super::template::{Running, Template};
use crate::model::judgement::legible;
use crate::model::needs::Resource;

use containers::Containers;
pub use trouble::{ContainerName, Ended, Snag, Trouble, Waiting};
use wire::missing;
pub use wire::{NO_READY, NO_READY_SINCE, Wire};

/// The longest message that is kept of a pod, in characters.
const LONGEST_MESSAGE: usize = 200;

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it is to be gone, where it is being deleted.
    pub deleted: Option<Timestamp>,
    /// Its phase.
    pub phase: Phase,
    /// Whether it is ready.
    pub ready: bool,
    /// Since when it is ready or not.
    pub ready_since: Option<Timestamp>,
    /// Who controls it.
    pub owner: Option<Owner>,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// The node that it is bound to.
    pub node: Option<Arc<str>>,
    /// What its containers are to be.
    pub template: Arc<Template>,
    /// The images of its containers, as far as they were started.
    pub running: Arc<[Running]>,
    /// Restarts of all its containers.
    pub restarts: u32,
    /// When a container last ended before a restart.
    pub last_restart: Option<Timestamp>,
    /// What is unusual about it; most pods have none.
    pub trouble: Option<Box<Trouble>>,
    /// A field that is always there, and was not.
    pub missing: Option<&'static str>,
}

/// A pod's phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not all of its containers have started.
    Pending,
    /// It is bound to a node and has started.
    Running,
    /// All its containers ended well.
    Succeeded,
    /// A container ended badly, and will not be started again.
    Failed,
    /// Its node can't be asked.
    Unknown,
}

impl Phase {
    /// All of them, for series that must exist at zero.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Running, Self::Succeeded, Self::Failed, Self::Unknown];

    /// As the API and labels name it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }

    fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.label() == text)
    }
}

impl Pod {
    /// The workload that it belongs to, as people name it: the Deployment behind its `ReplicaSet`,
    /// the `CronJob` behind its Job, its controller, or itself where nobody controls it.
    pub fn workload(&self) -> &str {
        let Some(owner) = &self.owner else { return &self.name };
        let named = match &*owner.kind {
            "ReplicaSet" => {
                let hash = self.labels.get("pod-template-hash");
                let stem = hash.and_then(|hash| owner.name.strip_suffix(&**hash));
                stem.and_then(|stem| stem.strip_suffix('-'))
            }
            // A CronJob names its Jobs after the minute.
            "Job" => owner
                .name
                .rsplit_once('-')
                .filter(|(_, minute)| {
                    minute.len() >= 8 && minute.chars().all(|c| c.is_ascii_digit())
                })
                .map(|(stem, _)| stem),
            _ => None,
        };
        named.unwrap_or(&owner.name)
    }
}

impl Record for Pod {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, words: &mut Words) -> Self {
        let Wire { metadata, spec, status } = wire;
        let mut spec = spec.unwrap_or_default();
        let status = status.unwrap_or_default();
        let phase = status.phase.as_deref().and_then(Phase::of);
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let ready = condition(conditions, "Ready");
        let missing = missing(&metadata, &spec, &status, phase, ready);
        let node = spec.node_name.take().map(|node| words.shared(&node));
        let template = words.template(spec.template(metadata.annotations.as_ref()));
        let mut containers = Containers::default();
        let mut running = Vec::new();
        let statuses = [&status.init_container_statuses, &status.container_statuses];
        for (init, statuses) in [true, false].into_iter().zip(statuses) {
            for status in statuses.iter().flatten() {
                containers.add(status, init, &template, words);
                running.extend(status.running());
            }
        }
        let deleted = time(metadata.deletion_timestamp);
        let unready = ready.filter(|ready| !ready.holds() && phase == Some(Phase::Running));
        let trouble = Trouble {
            waiting: containers.waiting,
            oom_killed: containers.oom_killed,
            ended: containers.ended,
            initializing: containers.initializing,
            initialized: containers.initialized.filter(|_| phase == Some(Phase::Pending)),
            unschedulable: unschedulable(conditions),
            unready: unready.and_then(told),
            failure: status
                .reason
                .as_deref()
                .map(|reason| (words.shared(reason), words_of(status.message.as_deref()))),
            held_by: deleted.and(metadata.finalizers.as_deref()).and_then(held),
        };
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            created: time(metadata.creation_timestamp),
            deleted,
            phase: phase.unwrap_or(Phase::Unknown),
            ready: ready.is_some_and(Condition::holds),
            ready_since: ready.and_then(|ready| time(ready.last_transition_time.clone())),
            owner: Owner::controlling(metadata.owner_references, words),
            labels: Labels::of(metadata.labels, words),
            node,
            template,
            running: words.running(running),
            restarts: containers.restarts,
            last_restart: containers.last_restart,
            trouble: (trouble != Trouble::default()).then(|| Box::new(trouble)),
            missing,
        }
    }
}

/// The scheduler's words, where it gives the pod to no node, or is not to.
fn unschedulable(conditions: &[Condition]) -> Option<String> {
    let scheduled = condition(conditions, "PodScheduled")?;
    let refused = matches!(scheduled.reason.as_deref(), Some("Unschedulable" | "SchedulingGated"));
    (scheduled.fails() && refused).then(|| words_of(scheduled.message.as_deref()))
}

/// A condition's reason and message; none where it gives neither.
fn told(condition: &Condition) -> Option<String> {
    let said = [&condition.reason, &condition.message];
    let said: Vec<&str> =
        said.into_iter().flatten().map(String::as_str).filter(|text| !text.is_empty()).collect();
    (!said.is_empty()).then(|| words_of(Some(&said.join(": "))))
}

/// The finalizers that a deleted pod waits for.
fn held(finalizers: &[String]) -> Option<String> {
    (!finalizers.is_empty()).then(|| words_of(Some(&finalizers.join(", "))))
}

fn words_of(message: Option<&str>) -> String {
    legible(message.unwrap_or_default(), LONGEST_MESSAGE)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::shapes;
    use super::*;

    fn pod(object: Value) -> Pod {
        let wire = serde_json::from_value(object).unwrap();
        let key = ("d".into(), "a".into());
        Pod::of(wire, &key, &super::super::PODS, &mut Words::default())
    }

    #[test]
    fn the_first_cause_among_the_containers_is_kept() {
        let waits = |reason: &str| {
            json!({
                "name": reason, "restartCount": 2, "state": { "waiting": { "reason": reason } }
            })
        };
        let pod = pod(json!({ "status": {
            "phase": "Pending",
            "initContainerStatuses": [waits("ImagePullBackOff")],
            "containerStatuses": [waits("PodInitializing"), waits("CrashLoopBackOff")],
        }}));
        let waiting = pod.trouble.unwrap().waiting.unwrap();
        assert_eq!(waiting.snag, Snag::ImagePullBackOff);
        assert_eq!(waiting.container.to_string(), "init container ImagePullBackOff");
        assert_eq!(pod.restarts, 6);
    }

    /// Its own bytes, its name, its place in the table and what the allocator adds: 800 are allowed.
    #[test]
    fn an_ordinary_pod_takes_few_bytes() {
        let counts = 2 * size_of::<usize>();
        let name = 64 + counts;
        let place = size_of::<(Key, Arc<Pod>, u32)>() * 2;
        let sum = size_of::<Pod>() + counts + name + place + 3 * 16;
        assert!(sum <= 800, "{sum}");
    }

    #[test]
    fn sidecars_do_not_keep_a_pod_from_being_initialized_and_other_init_containers_do() {
        let running = json!({ "running": { "startedAt": "2026-11-23T10:00:00Z" } });
        let status = |name: &str| json!({ "name": name, "restartCount": 0, "state": running });
        let of = |statuses: Value| {
            let pod = pod(json!({
                "spec": { "initContainers": [{ "name": "proxy", "restartPolicy": "Always" }] },
                "status": { "phase": "Pending", "initContainerStatuses": statuses },
            }));
            pod.trouble.and_then(|trouble| trouble.initializing)
        };
        assert_eq!(of(json!([status("proxy")])), None);
        let (name, since) = of(json!([status("proxy"), status("migrate")])).unwrap();
        assert_eq!((&*name, since.is_some()), ("migrate", true));
    }

    #[test]
    fn the_last_bad_end_of_a_container_is_kept() {
        let ended = |code: i32, at: &str| {
            let reason = if code == 0 { "Completed" } else { "Error" };
            json!({ "terminated": { "exitCode": code, "reason": reason, "finishedAt": at } })
        };
        let (early, late) = ("2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z");
        let of = |state: Value, last: Value| {
            let pod = pod(json!({ "status": { "phase": "Running", "containerStatuses": [
                { "name": "c", "restartCount": 1, "state": state, "lastState": last },
            ] } }));
            let ended = pod.trouble.and_then(|trouble| trouble.ended);
            ended.map(|ended| (ended.exit_code, ended.over))
        };
        assert_eq!(of(json!({ "running": {} }), ended(1, early)), Some((1, false)));
        assert_eq!(of(ended(2, late), ended(1, early)), Some((2, true)));
        assert_eq!(of(ended(0, late), json!({})), None, "it ended well");
        assert_eq!(of(ended(0, late), ended(1, early)), Some((1, false)), "on its second try");
    }

    #[test]
    fn a_pod_survives_whatever_is_wrong_with_it() {
        shapes::survives::<Pod>(&super::super::PODS, &shapes::pod());
    }

    #[test]
    fn an_empty_object_is_missing_something() {
        assert_eq!(pod(json!({})).missing, Some("metadata.creationTimestamp"));
    }
}
