//! A pod as it arrives, and what must never be absent from it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Deserialize;

use super::super::record::{Condition, Meta};
use super::super::template::{Running, Spec};
use super::Phase;

/// Whether a running pod is ready is not told.
pub const NO_READY: &str = "the condition Ready";
/// Since when it is ready or not is not told.
pub const NO_READY_SINCE: &str = "the last transition of the condition Ready";

/// A pod, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    pub(super) metadata: Meta,
    pub(super) spec: Option<Spec>,
    pub(super) status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RunningState {
    pub(super) started_at: Option<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    pub(super) phase: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) conditions: Option<Vec<Condition>>,
    pub(super) container_statuses: Option<Vec<ContainerStatus>>,
    pub(super) init_container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerStatus {
    pub(super) name: Option<String>,
    pub(super) image: Option<Box<str>>,
    #[serde(rename = "imageID")]
    pub(super) image_id: Option<Box<str>>,
    pub(super) restart_count: Option<u32>,
    pub(super) state: Option<State>,
    pub(super) last_state: Option<State>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct State {
    pub(super) waiting: Option<WaitingState>,
    pub(super) running: Option<RunningState>,
    pub(super) terminated: Option<Terminated>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WaitingState {
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Terminated {
    pub(super) exit_code: Option<i32>,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) finished_at: Option<Time>,
}

impl ContainerStatus {
    /// The image by which it was started.
    pub(super) fn running(&self) -> Option<Running> {
        let container = self.name.as_deref()?.into();
        let (image, image_id) = (self.image.clone()?, self.image_id.clone().unwrap_or_default());
        Some(Running { container, image, image_id })
    }
}

/// The first field that is always there and is not.
pub(super) fn missing(
    metadata: &Meta,
    spec: &Spec,
    status: &Status,
    phase: Option<Phase>,
    ready: Option<&Condition>,
) -> Option<&'static str> {
    if metadata.creation_timestamp.is_none() {
        return Some("metadata.creationTimestamp");
    }
    let phase = match phase {
        Some(phase) => phase,
        None if status.phase.is_none() => return Some("status.phase"),
        None => return Some("a known status.phase"),
    };
    let statuses = [
        (&spec.containers, &status.container_statuses),
        (&spec.init_containers, &status.init_container_statuses),
    ];
    let mut all = statuses.iter().filter_map(|(_, statuses)| statuses.as_ref()).flatten();
    if all.any(|status| status.restart_count.is_none() || !is_told(status)) {
        return Some("the state of a container");
    }
    if phase != Phase::Running {
        return None;
    }
    if spec.containers.as_ref().is_none_or(Vec::is_empty) {
        return Some("spec.containers");
    }
    for (wanted, told) in statuses {
        if wanted.as_ref().map_or(0, Vec::len) > told.as_ref().map_or(0, Vec::len) {
            return Some("the status of a container");
        }
    }
    match ready {
        None => Some(NO_READY),
        Some(ready) if ready.last_transition_time.is_none() => Some(NO_READY_SINCE),
        Some(_) => None,
    }
}

/// Whether the state of a container is told: one of its three, and how it ended.
fn is_told(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|state| {
        state.waiting.as_ref().is_some_and(|waiting| waiting.reason.is_some())
            || state.running.is_some()
            || state.terminated.as_ref().is_some_and(|ended| ended.exit_code.is_some())
    })
}
