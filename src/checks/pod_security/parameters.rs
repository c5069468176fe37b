//! Parameters of `pod_security`: controls, levels and exceptions.

use schemars::JsonSchema;
use serde::Deserialize;

/// A level of the Pod Security Standards, as published by Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// Known ways out of a container are closed.
    Baseline,
    /// Pods are hardened as current practice has it.
    Restricted,
}

/// One thing that a pod must not do, or must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Control {
    /// Baseline: no process of a Windows host.
    HostProcess,
    /// Baseline: the node's network, processes and IPC are not shared.
    HostNamespaces,
    /// Baseline: no container is privileged.
    Privileged,
    /// Baseline: no capability is added beyond the usual ones.
    Capabilities,
    /// Baseline: no folder of the node is mounted.
    HostPath,
    /// Baseline: no port of the node is taken.
    HostPorts,
    /// Baseline: probes and hooks name no host.
    HostProbes,
    /// Baseline: the profile of `AppArmor` is not turned off.
    AppArmor,
    /// Baseline: no `SELinux` user, role or unusual type.
    #[serde(rename = "selinux")]
    SeLinux,
    /// Baseline: `/proc` is masked as usual.
    ProcMount,
    /// Baseline: seccomp is not turned off.
    Seccomp,
    /// Baseline: safe kernel parameters alone.
    Sysctls,
    /// Restricted: volumes of the usual kinds alone.
    VolumeTypes,
    /// Restricted: `allowPrivilegeEscalation` is false.
    PrivilegeEscalation,
    /// Restricted: `runAsNonRoot` is written as true, or `hostUsers` as false.
    RunAsNonRoot,
    /// Restricted: `runAsUser` is not 0, or `hostUsers` is false.
    RunAsUser,
    /// Restricted: a seccomp profile is written.
    SeccompProfile,
    /// Restricted: all capabilities are dropped, `NET_BIND_SERVICE` alone may be added.
    DropCapabilities,
    /// Beside the standards: no container runs as root, by its effective user: that of the
    /// container, else of the pod, else of the image.
    NonRoot,
    /// Beside the standards: root file systems can't be written.
    ReadOnlyRoot,
}

impl Control {
    /// What `baseline` demands.
    const BASELINE: [Self; 12] = [
        Self::HostProcess,
        Self::HostNamespaces,
        Self::Privileged,
        Self::Capabilities,
        Self::HostPath,
        Self::HostPorts,
        Self::HostProbes,
        Self::AppArmor,
        Self::SeLinux,
        Self::ProcMount,
        Self::Seccomp,
        Self::Sysctls,
    ];
    /// What `restricted` demands beside it.
    const RESTRICTED: [Self; 6] = [
        Self::VolumeTypes,
        Self::PrivilegeEscalation,
        Self::RunAsNonRoot,
        Self::RunAsUser,
        Self::SeccompProfile,
        Self::DropCapabilities,
    ];

    /// As labels name it, and the configuration.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::HostProcess => "host_process",
            Self::HostNamespaces => "host_namespaces",
            Self::Privileged => "privileged",
            Self::Capabilities => "capabilities",
            Self::HostPath => "host_path",
            Self::HostPorts => "host_ports",
            Self::HostProbes => "host_probes",
            Self::AppArmor => "app_armor",
            Self::SeLinux => "selinux",
            Self::ProcMount => "proc_mount",
            Self::Seccomp => "seccomp",
            Self::Sysctls => "sysctls",
            Self::VolumeTypes => "volume_types",
            Self::PrivilegeEscalation => "privilege_escalation",
            Self::RunAsNonRoot => "run_as_non_root",
            Self::RunAsUser => "run_as_user",
            Self::SeccompProfile => "seccomp_profile",
            Self::DropCapabilities => "drop_capabilities",
            Self::NonRoot => "non_root",
            Self::ReadOnlyRoot => "read_only_root",
        }
    }
}

impl Level {
    /// What it demands. Two of `baseline`'s controls are contained in stricter ones of
    /// `restricted`.
    pub(super) fn controls(self) -> Vec<Control> {
        let baseline = Control::BASELINE.into_iter();
        match self {
            Self::Baseline => baseline.collect(),
            Self::Restricted => baseline
                .filter(|one| ![Control::Capabilities, Control::Seccomp].contains(one))
                .chain(Control::RESTRICTED)
                .collect(),
        }
    }
}

/// Something that is allowed all the same, and why.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exception {
    /// The workload: its Deployment, `StatefulSet`, `DaemonSet`, `CronJob` or Job, or the pod
    /// itself where nobody controls it. A `*` at the end stands for any ending. Without it, any
    /// workload.
    #[serde(default)]
    pub(super) workload: Option<String>,
    /// The container; without it all of the workload's, and the pod itself.
    #[serde(default)]
    pub(super) container: Option<String>,
    /// What is allowed; everything without it, `isolated` included where no container is named.
    #[serde(default)]
    pub(super) controls: Vec<Control>,
    /// Why, for whoever reads the list.
    pub(super) because: String,
}

impl Exception {
    /// Whether it allows `control` to a container of a workload, or to the pod itself.
    pub(super) fn covers(&self, control: Control, workload: &str, container: Option<&str>) -> bool {
        let Self { workload: _, container: wanted, controls, because: _ } = self;
        self.names(workload)
            && wanted.as_deref().is_none_or(|wanted| Some(wanted) == container)
            && (controls.is_empty() || controls.contains(&control))
    }

    /// Whether it allows a workload's pods not to be isolated.
    pub(super) fn covers_isolation(&self, workload: &str) -> bool {
        self.names(workload) && self.container.is_none() && self.controls.is_empty()
    }

    fn names(&self, workload: &str) -> bool {
        self.workload.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(beginning) => workload.starts_with(beginning),
            None => workload == wanted,
        })
    }

    /// What is wrong with it.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        if self.because.trim().is_empty() {
            return Some("an exception's `because` is empty: say why it is allowed");
        }
        if self.workload.is_none() && self.container.is_none() {
            return Some("an exception names neither `workload` nor `container`");
        }
        None
    }
}
