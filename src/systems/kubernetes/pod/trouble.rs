//! What is unusual about a pod.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// What is unusual about a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The worst of what its containers wait for, where that is no ordinary start.
    pub waiting: Option<Waiting>,
    /// The last container that was killed for want of memory, and when.
    pub oom_killed: Option<(ContainerName, Timestamp)>,
    /// The container that ended last, where it ended badly or was started again.
    pub ended: Option<Ended>,
    /// The init container that runs, no sidecar, and since when.
    pub initializing: Option<(Arc<str>, Option<Timestamp>)>,
    /// When the last init container of a pending pod ended well.
    pub initialized: Option<Timestamp>,
    /// The scheduler's words, where no node takes it.
    pub unschedulable: Option<String>,
    /// Why a running pod is not ready, a readiness gate that is closed among it.
    pub unready: Option<String>,
    /// Why it failed: `Evicted` and its like, with the message.
    pub failure: Option<(Arc<str>, String)>,
    /// The finalizers that keep a deleted pod.
    pub held_by: Option<String>,
}

/// Which container of a pod; written as `container api` or `init container migrate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerName {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is an init container, or a sidecar.
    pub init: bool,
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.init { "init container" } else { "container" };
        write!(f, "{what} {}", self.name)
    }
}

/// A container that waits for something that does not come by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which one.
    pub container: ContainerName,
    /// For what.
    pub snag: Snag,
    /// The kubelet's words, its own code first.
    pub message: String,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which one.
    pub container: ContainerName,
    /// What it ended with; 128 and more where a signal ended it.
    pub exit_code: i32,
    /// `Error`, `OOMKilled`, `StartError` …; empty where it is not told.
    pub reason: Arc<str>,
    /// The runtime's words, where it could not start the container. What the container itself left
    /// as its last words may be anything, and is not kept.
    pub message: String,
    /// When.
    pub at: Option<Timestamp>,
    /// Whether it has not been started again.
    pub over: bool,
}

impl Ended {
    /// Whether it never ran: the runtime could not start it.
    pub fn never_ran(&self) -> bool {
        NEVER_RAN.contains(&&*self.reason)
    }
}

/// Reasons of ends that were no runs.
pub(super) const NEVER_RAN: [&str; 2] = ["ContainerCannotRun", "StartError"];

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
    pub(super) fn of(reason: &str) -> Option<Self> {
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
            | "ContainerCannotRun"
            | "PreCreateHookError"
            | "PreStartHookError"
            | "PostStartHookError" => Self::CreateContainerError,
            "CrashLoopBackOff" => Self::CrashLoopBackOff,
            _ => return None,
        })
    }
}
