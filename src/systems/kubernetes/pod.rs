//! Pods: the few facts that checks read, a few hundred bytes a pod.
//!
//! Facts that the API server always gives and did not give this time are named in
//! [`Pod::missing`], so that no pod passes by absence.

mod wire;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::labels::Labels;
use super::pool::Words;
use super::record::{Condition, Owner, Record, condition, time};
use super::table::Key;
use super::template::{Running, Template};
use crate::model::judgement::legible;
use crate::model::needs::Resource;

use wire::{ContainerStatus, missing};
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

/// What is unusual about a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The worst of what its containers wait for, where that is no ordinary start.
    pub waiting: Option<Waiting>,
    /// The last container that was killed for want of memory, and when.
    pub oom_killed: Option<(Arc<str>, Timestamp)>,
    /// The scheduler's words, where no node takes it.
    pub unschedulable: Option<String>,
    /// Why it failed: `Evicted` and its like, with the message.
    pub failure: Option<(Arc<str>, String)>,
}

/// A container that waits for something that does not come by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The container's name.
    pub container: Arc<str>,
    /// For what.
    pub snag: Snag,
    /// The kubelet's words, its own code first.
    pub message: String,
}

/// Why a container does not start; the order is from the first cause to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Snag {
    /// The image's name is none.
    InvalidImageName,
    /// The image could not be pulled.
    ErrImagePull,
    /// The image could not be pulled several times.
    ImagePullBackOff,
    /// A `ConfigMap`, a Secret or a key that it names is absent, or the like.
    CreateContainerConfigError,
    /// The container could not be made or started.
    CreateContainerError,
    /// It ends again and again.
    CrashLoopBackOff,
}

impl Snag {
    fn of(reason: &str) -> Option<Self> {
        Some(match reason {
            "InvalidImageName" => Self::InvalidImageName,
            "ErrImagePull"
            | "ErrImageNeverPull"
            | "RegistryUnavailable"
            | "ImageInspectError"
            | "SignatureValidationFailed" => Self::ErrImagePull,
            "ImagePullBackOff" => Self::ImagePullBackOff,
            "CreateContainerConfigError" => Self::CreateContainerConfigError,
            "CreateContainerError"
            | "RunContainerError"
            | "StartError"
            | "PreCreateHookError"
            | "PreStartHookError"
            | "PostStartHookError" => Self::CreateContainerError,
            "CrashLoopBackOff" => Self::CrashLoopBackOff,
            _ => return None,
        })
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
        let mut containers = Containers::default();
        let mut running = Vec::new();
        let statuses = [&status.init_container_statuses, &status.container_statuses];
        for status in statuses.into_iter().flatten().flatten() {
            containers.add(status, words);
            running.extend(status.running());
        }
        let trouble = Trouble {
            waiting: containers.waiting,
            oom_killed: containers.oom_killed,
            unschedulable: unschedulable(conditions),
            failure: status
                .reason
                .as_deref()
                .map(|reason| (words.shared(reason), words_of(status.message.as_deref()))),
        };
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            created: time(metadata.creation_timestamp),
            deleted: time(metadata.deletion_timestamp),
            phase: phase.unwrap_or(Phase::Unknown),
            ready: ready.is_some_and(Condition::holds),
            ready_since: ready.and_then(|ready| time(ready.last_transition_time.clone())),
            owner: Owner::controlling(metadata.owner_references, words),
            labels: Labels::of(metadata.labels, words),
            node: spec.node_name.take().map(|node| words.shared(&node)),
            template: words.template(spec.template(metadata.annotations.as_ref())),
            running: words.running(running),
            restarts: containers.restarts,
            last_restart: containers.last_restart,
            trouble: (trouble != Trouble::default()).then(|| Box::new(trouble)),
            missing,
        }
    }
}

/// What all containers of a pod come to.
#[derive(Default)]
struct Containers {
    restarts: u32,
    last_restart: Option<Timestamp>,
    waiting: Option<Waiting>,
    oom_killed: Option<(Arc<str>, Timestamp)>,
}

impl Containers {
    fn add(&mut self, status: &ContainerStatus, words: &mut Words) {
        let name = status.name.as_deref().unwrap_or_default();
        self.restarts = self.restarts.saturating_add(status.restart_count.unwrap_or_default());
        let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
        let now = status.state.as_ref().and_then(|state| state.terminated.as_ref());
        for ended in [last, now].into_iter().flatten() {
            let Some(Time(at)) = ended.finished_at else { continue };
            let oom = ended.reason.as_deref() == Some("OOMKilled");
            if oom && self.oom_killed.as_ref().is_none_or(|(_, before)| *before < at) {
                self.oom_killed = Some((words.shared(name), at));
            }
        }
        self.last_restart =
            self.last_restart.max(last.and_then(|last| time(last.finished_at.clone())));
        let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
        if let Some(waiting) = waiting
            && let Some(reason) = waiting.reason.as_deref()
            && let Some(snag) = Snag::of(reason)
            && self.waiting.as_ref().is_none_or(|worst| snag < worst.snag)
        {
            let message = match words_of(waiting.message.as_deref()) {
                empty if empty.is_empty() => reason.to_owned(),
                message => format!("{reason}: {message}"),
            };
            self.waiting = Some(Waiting { container: words.shared(name), snag, message });
        }
    }
}

fn unschedulable(conditions: &[Condition]) -> Option<String> {
    let scheduled = condition(conditions, "PodScheduled")?;
    let refused = scheduled.fails() && scheduled.reason.as_deref() == Some("Unschedulable");
    refused.then(|| words_of(scheduled.message.as_deref()))
}

fn words_of(message: Option<&str>) -> String {
    legible(message.unwrap_or_default(), LONGEST_MESSAGE)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
        assert_eq!(&*waiting.container, "ImagePullBackOff");
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
    fn an_empty_object_is_missing_something() {
        assert_eq!(pod(json!({})).missing, Some("metadata.creationTimestamp"));
    }
}
