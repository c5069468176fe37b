//! What the pods of one template have in common: kept once, however many pods there are.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::security::{
    self, ContainerSecurity, Handler, Lifecycle, Os, PodSecurity, Port, SecurityContext, Volume,
    VolumeSpec,
};

/// What a pod's specification says beside its node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Template {
    /// The account by which its containers speak to the API server; none where it is not told.
    pub service_account: Option<Box<str>>,
    /// Init containers, sidecars among them, then the others; ephemeral ones last.
    pub containers: Box<[Container]>,
    /// What the scheduler keeps for a pod as a whole, where it says so.
    pub requests: Amounts,
    /// What a pod as a whole may take at most, where it says so.
    pub limits: Amounts,
    /// What a pod costs beside its containers.
    pub overhead: Amounts,
    /// What it says of privileges, beside its containers.
    pub security: PodSecurity,
}

/// Amounts by resource (`cpu`, `memory` …), as Kubernetes writes quantities.
pub type Amounts = BTreeMap<Box<str>, Box<str>>;

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Container {
    /// Its name.
    pub name: Box<str>,
    /// When it runs.
    pub role: Role,
    /// The image, as the specification names it.
    pub image: Box<str>,
    /// What the scheduler keeps for it.
    pub requests: Amounts,
    /// What it may take at most.
    pub limits: Amounts,
    /// What it says of privileges.
    pub security: ContainerSecurity,
}

/// When a container of a pod runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Before the main ones, to its end.
    Init,
    /// Started before the main ones, and running beside them.
    Sidecar,
    /// For as long as the pod does.
    #[default]
    Main,
    /// Put into a running pod to look at it.
    Ephemeral,
}

/// The image of a container that was started.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Running {
    /// The container's name.
    pub container: Box<str>,
    /// The image, as the node names it.
    pub image: Box<str>,
    /// The image by digest, such as `registry/name@sha256:…`; empty before it is pulled.
    pub image_id: Box<str>,
}

/// `spec` of a pod, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    pub(super) node_name: Option<String>,
    service_account_name: Option<String>,
    pub(super) containers: Option<Vec<ContainerSpec>>,
    pub(super) init_containers: Option<Vec<ContainerSpec>>,
    ephemeral_containers: Option<Vec<ContainerSpec>>,
    resources: Option<Resources>,
    overhead: Option<Amounts>,
    os: Option<Os>,
    #[serde(rename = "hostNetwork")]
    host_network: Option<bool>,
    host_users: Option<bool>,
    #[serde(rename = "hostPID")]
    host_pid: Option<bool>,
    #[serde(rename = "hostIPC")]
    host_ipc: Option<bool>,
    security_context: Option<SecurityContext>,
    volumes: Option<Vec<VolumeSpec>>,
}

/// A container in `spec`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerSpec {
    name: Option<Box<str>>,
    image: Option<Box<str>>,
    restart_policy: Option<String>,
    resources: Option<Resources>,
    ports: Option<Vec<Port>>,
    liveness_probe: Option<Handler>,
    readiness_probe: Option<Handler>,
    startup_probe: Option<Handler>,
    lifecycle: Option<Lifecycle>,
    security_context: Option<SecurityContext>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    requests: Option<Amounts>,
    limits: Option<Amounts>,
}

impl Spec {
    /// What is common to all pods of the template.
    pub(super) fn template(self, annotations: Option<&BTreeMap<String, String>>) -> Template {
        let Self { init_containers, containers, ephemeral_containers, .. } = self;
        let resources = self.resources.unwrap_or_default();
        let os = self.os.and_then(|os| os.name);
        let volumes = self.volumes.unwrap_or_default().into_iter();
        let security = PodSecurity {
            windows: os.as_deref() == Some("windows"),
            host_network: self.host_network == Some(true),
            own_users: self.host_users == Some(false),
            host_pid: self.host_pid == Some(true),
            host_ipc: self.host_ipc == Some(true),
            context: self.security_context.unwrap_or_default(),
            volumes: volumes.map(Volume::from).filter(|volume| !volume.is_usual()).collect(),
            app_armor: security::app_armor(annotations),
        };
        let init = |spec: ContainerSpec| {
            let stays = spec.restart_policy.as_deref() == Some("Always");
            spec.container(if stays { Role::Sidecar } else { Role::Init })
        };
        let init = init_containers.unwrap_or_default().into_iter().map(init);
        let main = containers.unwrap_or_default().into_iter();
        let main = main.map(|spec| spec.container(Role::Main));
        let ephemeral = ephemeral_containers.unwrap_or_default().into_iter();
        let ephemeral = ephemeral.map(|spec| spec.container(Role::Ephemeral));
        Template {
            service_account: self.service_account_name.map(Box::from),
            containers: init.chain(main).chain(ephemeral).collect(),
            requests: resources.requests.unwrap_or_default(),
            limits: resources.limits.unwrap_or_default(),
            overhead: self.overhead.unwrap_or_default(),
            security,
        }
    }
}

impl ContainerSpec {
    fn container(self, role: Role) -> Container {
        let resources = self.resources.unwrap_or_default();
        Container {
            name: self.name.unwrap_or_default(),
            role,
            image: self.image.unwrap_or_default(),
            requests: resources.requests.unwrap_or_default(),
            limits: resources.limits.unwrap_or_default(),
            security: ContainerSecurity::of(
                self.security_context,
                self.ports,
                [self.liveness_probe, self.readiness_probe, self.startup_probe],
                self.lifecycle,
            ),
        }
    }
}
