//! What a pod's specification says of privileges: the fields that the Pod Security Standards name.
//!
//! Kept as they arrive: a field that is absent stays none, and what that means is for whoever
//! judges. The pods of one template share them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a pod says of privileges beside its containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the API by itself")]
pub struct PodSecurity {
    /// Whether it runs on Windows, by `spec.os.name`.
    pub windows: bool,
    /// Whether it shares the node's network.
    pub host_network: bool,
    /// Whether its users are others than the node's, by `hostUsers: false`.
    pub own_users: bool,
    /// Whether it sees the node's processes.
    pub host_pid: bool,
    /// Whether it shares the node's inter-process communication.
    pub host_ipc: bool,
    /// `spec.securityContext`.
    pub context: SecurityContext,
    /// Its volumes, but for those of kinds that every level allows: the API server names some of
    /// those anew in each pod, and no template would be shared.
    pub volumes: Box<[Volume]>,
    /// `AppArmor` profiles by annotation, by container.
    pub app_armor: BTreeMap<Box<str>, Box<str>>,
}

/// `securityContext` of a pod or a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityContext {
    /// Whether the kubelet must refuse to run it as root.
    pub run_as_non_root: Option<bool>,
    /// The user that it runs as.
    pub run_as_user: Option<i64>,
    /// Whether it has all privileges of the node.
    pub privileged: Option<bool>,
    /// Whether a process may gain more privileges than its parent has.
    pub allow_privilege_escalation: Option<bool>,
    /// Whether its root file system can't be written.
    pub read_only_root_filesystem: Option<bool>,
    /// How much of `/proc` is shown.
    pub proc_mount: Option<Box<str>>,
    /// Capabilities beside, or without, the runtime's own.
    pub capabilities: Option<Capabilities>,
    /// Which system calls are allowed.
    pub seccomp_profile: Option<Profile>,
    /// The profile of `AppArmor`.
    pub app_armor_profile: Option<Profile>,
    /// `SELinux` labels.
    pub se_linux_options: Option<SeLinux>,
    /// What concerns Windows alone.
    pub windows_options: Option<Windows>,
    /// Kernel parameters, of pods alone.
    pub sysctls: Option<Box<[Sysctl]>>,
}

/// Capabilities beside, or without, the runtime's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Those that are added.
    pub add: Option<Box<[Box<str>]>>,
    /// Those that are taken away; `ALL` for all.
    pub drop: Option<Box<[Box<str>]>>,
}

/// A profile of seccomp or of `AppArmor`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// `RuntimeDefault`, `Localhost`, `Unconfined`.
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
}

/// `SELinux` labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct SeLinux {
    /// The type.
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
    /// The user.
    pub user: Option<Box<str>>,
    /// The role.
    pub role: Option<Box<str>>,
}

/// What concerns Windows alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Windows {
    /// Whether it runs as a process of the host.
    pub host_process: Option<bool>,
}

/// A kernel parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Sysctl {
    /// Its name, such as `net.ipv4.tcp_syncookies`.
    pub name: Option<Box<str>>,
}

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Volume {
    /// Its name.
    pub name: Box<str>,
    /// What it is of: `hostPath`, `emptyDir` …; several where an object names several.
    pub kinds: Box<[Box<str>]>,
}

/// Kinds of volumes that every level of the Pod Security Standards allows.
const USUAL_VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

impl Volume {
    /// Whether every level allows it.
    pub(super) fn is_usual(&self) -> bool {
        !self.kinds.is_empty() && self.kinds.iter().all(|kind| USUAL_VOLUMES.contains(&&**kind))
    }
}

/// A volume in `spec`: a name, and a member that is named by its kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VolumeSpec {
    name: Option<Box<str>>,
    #[serde(flatten)]
    kinds: BTreeMap<Box<str>, Option<IgnoredAny>>,
}

impl From<VolumeSpec> for Volume {
    fn from(VolumeSpec { name, kinds }: VolumeSpec) -> Self {
        let given = kinds.into_iter().filter(|(_, value)| value.is_some());
        Self { name: name.unwrap_or_default(), kinds: given.map(|(kind, _)| kind).collect() }
    }
}

/// What a container says of privileges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContainerSecurity {
    /// `securityContext`.
    pub context: SecurityContext,
    /// Ports of the node that it takes.
    pub host_ports: Box<[i64]>,
    /// Hosts that its probes and hooks ask instead of the pod.
    pub probe_hosts: Box<[Box<str>]>,
}

/// A port in `spec`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Port {
    host_port: Option<i64>,
}

/// A probe or a hook in `spec`: the hosts that it asks.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Handler {
    http_get: Option<Target>,
    tcp_socket: Option<Target>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    host: Option<Box<str>>,
}

/// `lifecycle` in `spec`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Lifecycle {
    post_start: Option<Handler>,
    pre_stop: Option<Handler>,
}

/// `spec.os`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Os {
    pub(super) name: Option<String>,
}

impl ContainerSecurity {
    pub(super) fn of(
        context: Option<SecurityContext>,
        ports: Option<Vec<Port>>,
        probes: [Option<Handler>; 3],
        lifecycle: Option<Lifecycle>,
    ) -> Self {
        let ports = ports.unwrap_or_default().into_iter().filter_map(|port| port.host_port);
        let Lifecycle { post_start, pre_stop } = lifecycle.unwrap_or_default();
        let handlers = probes.into_iter().chain([post_start, pre_stop]).flatten();
        let targets = handlers.flat_map(|handler| [handler.http_get, handler.tcp_socket]);
        let hosts = targets.flatten().filter_map(|target| target.host);
        Self {
            context: context.unwrap_or_default(),
            host_ports: ports.filter(|port| *port != 0).collect(),
            probe_hosts: hosts.filter(|host| !host.is_empty()).collect(),
        }
    }
}

/// The annotation that named a container's profile before there was a field.
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// `AppArmor` profiles by annotation, by container.
pub(super) fn app_armor(
    annotations: Option<&BTreeMap<String, String>>,
) -> BTreeMap<Box<str>, Box<str>> {
    let profile = |(key, value): (&String, &String)| {
        Some((key.strip_prefix(APP_ARMOR)?.into(), value.as_str().into()))
    };
    annotations.into_iter().flatten().filter_map(profile).collect()
}
