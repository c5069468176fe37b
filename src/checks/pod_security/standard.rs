//! The controls of the Pod Security Standards, each over what a template says.
//!
//! As Kubernetes' own admission judges them in their newest version: init and ephemeral containers
//! included, pods of Windows left out of what has no meaning there.

use super::parameters::Control;
use crate::systems::kubernetes::security::{Profile, SecurityContext};
use crate::systems::kubernetes::template::{Container, Template};

/// Capabilities that may be added under `baseline`.
const USUAL_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// The one that may be added under `restricted`.
const BINDING: &str = "NET_BIND_SERVICE";
const SELINUX_TYPES: [&str; 5] =
    ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];
/// What a template does against a control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation<'t> {
    /// The container; none where the pod itself does it.
    pub(super) container: Option<&'t str>,
    /// What was seen, then what is allowed.
    pub(super) because: String,
}

/// What a template does against a control. `non_root` needs more than a template, see
/// [`super::user`].
pub(super) fn violations(control: Control, template: &Template) -> Vec<Violation<'_>> {
    match control {
        Control::HostProcess => host_process(template),
        Control::HostNamespaces => host_namespaces(template),
        Control::Privileged => privileged(template),
        Control::Capabilities => capabilities(template),
        Control::HostPath => host_path(template),
        Control::HostPorts => host_ports(template),
        Control::HostProbes => host_probes(template),
        Control::AppArmor => app_armor(template),
        Control::SeLinux => selinux(template),
        Control::ProcMount => proc_mount(template),
        Control::Seccomp => seccomp(template),
        Control::Sysctls => sysctls(template),
        Control::VolumeTypes => volume_types(template),
        Control::PrivilegeEscalation => privilege_escalation(template),
        Control::RunAsNonRoot => run_as_non_root(template),
        Control::RunAsUser => run_as_user(template),
        Control::SeccompProfile => seccomp_profile(template),
        Control::DropCapabilities => drop_capabilities(template),
        Control::ReadOnlyRoot => read_only_root(template),
        Control::NonRoot => Vec::new(),
    }
}

/// One violation a container of which `say` says something.
fn of_containers(
    template: &Template,
    say: impl Fn(&Container) -> Option<String>,
) -> Vec<Violation<'_>> {
    let told = template.containers.iter().filter_map(|container| {
        Some(Violation { container: Some(&container.name), because: say(container)? })
    });
    told.collect()
}

/// The same of the pod's own context and of its containers'.
fn of_contexts(
    template: &Template,
    say: impl Fn(&SecurityContext) -> Option<String>,
) -> Vec<Violation<'_>> {
    let of_pod = say(&template.security.context);
    let of_pod = of_pod.map(|because| Violation { container: None, because });
    let of_containers = of_containers(template, |container| say(&container.security.context));
    of_pod.into_iter().chain(of_containers).collect()
}

fn of_linux(template: &Template, say: impl Fn(&Container) -> Option<String>) -> Vec<Violation<'_>> {
    if template.security.windows { Vec::new() } else { of_containers(template, say) }
}

fn host_process(template: &Template) -> Vec<Violation<'_>> {
    of_contexts(template, |context| {
        let windows = context.windows_options.as_ref()?;
        (windows.host_process == Some(true))
            .then(|| "runs as a process of its Windows host, none may".to_owned())
    })
}

fn host_namespaces(template: &Template) -> Vec<Violation<'_>> {
    let security = &template.security;
    let shared = [
        (security.host_network, "hostNetwork"),
        (security.host_pid, "hostPID"),
        (security.host_ipc, "hostIPC"),
    ];
    let shared: Vec<&str> =
        shared.into_iter().filter(|(shared, _)| *shared).map(|(_, name)| name).collect();
    of_pod(!shared.is_empty(), || format!("sets {}, none is allowed", shared.join(", ")))
}

fn of_pod<'t>(violated: bool, because: impl FnOnce() -> String) -> Vec<Violation<'t>> {
    violated.then(|| Violation { container: None, because: because() }).into_iter().collect()
}

fn privileged(template: &Template) -> Vec<Violation<'_>> {
    of_containers(template, |container| {
        (container.security.context.privileged == Some(true))
            .then(|| "is privileged, none may be".to_owned())
    })
}

/// The added capabilities that are not among the allowed ones.
fn added(container: &Container, allowed: &[&str]) -> Vec<String> {
    let capabilities = container.security.context.capabilities.as_ref();
    let added = capabilities.and_then(|capabilities| capabilities.add.as_deref());
    let foreign = added.unwrap_or_default().iter().filter(|name| !allowed.contains(&&***name));
    foreign.map(ToString::to_string).collect()
}

fn capabilities(template: &Template) -> Vec<Violation<'_>> {
    of_containers(template, |container| {
        let added = added(container, &USUAL_CAPABILITIES);
        (!added.is_empty())
            .then(|| format!("adds {}, only usual capabilities are allowed", added.join(", ")))
    })
}

fn drop_capabilities(template: &Template) -> Vec<Violation<'_>> {
    of_linux(template, |container| {
        let added = added(container, &[BINDING]);
        if !added.is_empty() {
            return Some(format!("adds {}, {BINDING} alone is allowed", added.join(", ")));
        }
        let capabilities = container.security.context.capabilities.as_ref();
        let dropped = capabilities.and_then(|capabilities| capabilities.drop.as_deref());
        let all = dropped.unwrap_or_default().iter().any(|name| **name == *"ALL");
        (!all).then(|| "keeps capabilities, ALL must be dropped".to_owned())
    })
}

fn host_path(template: &Template) -> Vec<Violation<'_>> {
    let is_path = |kinds: &[Box<str>]| kinds.iter().any(|kind| **kind == *"hostPath");
    let volumes = template.security.volumes.iter().filter(|volume| is_path(&volume.kinds));
    let names: Vec<&str> = volumes.map(|volume| &*volume.name).collect();
    of_pod(!names.is_empty(), || {
        format!("mounts folders of its node ({}), none may be", names.join(", "))
    })
}

/// The usual kinds are left out of a template.
fn volume_types(template: &Template) -> Vec<Violation<'_>> {
    let volumes = template.security.volumes.iter();
    let named = volumes.map(|volume| format!("{} ({})", volume.name, volume.kinds.join(", ")));
    let named: Vec<String> = named.collect();
    of_pod(!named.is_empty(), || {
        format!("has volumes of unusual kinds: {}; none is allowed", named.join(", "))
    })
}

fn host_ports(template: &Template) -> Vec<Violation<'_>> {
    of_containers(template, |container| {
        let ports: Vec<String> =
            container.security.host_ports.iter().map(ToString::to_string).collect();
        (!ports.is_empty())
            .then(|| format!("takes ports of its node ({}), none may be", ports.join(", ")))
    })
}

fn host_probes(template: &Template) -> Vec<Violation<'_>> {
    of_containers(template, |container| {
        let hosts = container.security.probe_hosts.join(", ");
        (!hosts.is_empty())
            .then(|| format!("lets probes or hooks ask {hosts}, they may ask the pod alone"))
    })
}

fn app_armor(template: &Template) -> Vec<Violation<'_>> {
    let mut all = of_contexts(template, |context| {
        let kind = kind_of(context.app_armor_profile.as_ref())?;
        let allowed = ["", "RuntimeDefault", "Localhost"].contains(&kind);
        (!allowed).then(|| format!("sets the AppArmor profile {kind}, which is not allowed"))
    });
    let annotated = template.security.app_armor.iter().filter(|(_, profile)| {
        let usual = ["", "runtime/default"].contains(&&***profile);
        !usual && !profile.starts_with("localhost/")
    });
    all.extend(annotated.map(|(container, profile)| Violation {
        container: Some(&**container),
        because: format!("is annotated with the AppArmor profile {profile}, which is not allowed"),
    }));
    all
}

fn kind_of(profile: Option<&Profile>) -> Option<&str> {
    profile.map(|profile| profile.kind.as_deref().unwrap_or_default())
}

fn selinux(template: &Template) -> Vec<Violation<'_>> {
    of_contexts(template, |context| {
        let options = context.se_linux_options.as_ref()?;
        let text = |part: &Option<Box<str>>| part.as_deref().unwrap_or_default().to_owned();
        let (kind, user, role) = (text(&options.kind), text(&options.user), text(&options.role));
        if !SELINUX_TYPES.contains(&kind.as_str()) {
            return Some(format!("sets the SELinux type {kind}, which is not allowed"));
        }
        (!user.is_empty() || !role.is_empty())
            .then(|| "sets an SELinux user or role, none is allowed".to_owned())
    })
}

fn proc_mount(template: &Template) -> Vec<Violation<'_>> {
    of_containers(template, |container| {
        let mount = container.security.context.proc_mount.as_deref()?;
        let usual = ["", "Default"].contains(&mount);
        (!usual).then(|| format!("mounts /proc as {mount}, Default alone is allowed"))
    })
}

fn seccomp(template: &Template) -> Vec<Violation<'_>> {
    of_contexts(template, wrong_seccomp)
}

fn wrong_seccomp(context: &SecurityContext) -> Option<String> {
    let kind = kind_of(context.seccomp_profile.as_ref())?;
    let allowed = ["RuntimeDefault", "Localhost"].contains(&kind);
    (!allowed).then(|| format!("sets the seccomp profile {kind}, which is not allowed"))
}

fn seccomp_profile(template: &Template) -> Vec<Violation<'_>> {
    if template.security.windows {
        return Vec::new();
    }
    let mut all = seccomp(template);
    let of_pod = template.security.context.seccomp_profile.is_some();
    all.extend(of_containers(template, |container| {
        let absent = container.security.context.seccomp_profile.is_none() && !of_pod;
        absent.then(|| "has no seccomp profile, RuntimeDefault or Localhost is wanted".to_owned())
    }));
    all
}

fn sysctls(template: &Template) -> Vec<Violation<'_>> {
    let all = template.security.context.sysctls.as_deref().unwrap_or_default();
    let names = all.iter().map(|sysctl| sysctl.name.as_deref().unwrap_or_default());
    let unsafe_ones: Vec<&str> = names.filter(|name| !SAFE_SYSCTLS.contains(name)).collect();
    of_pod(!unsafe_ones.is_empty(), || {
        format!("sets {}, only safe kernel parameters are allowed", unsafe_ones.join(", "))
    })
}

fn privilege_escalation(template: &Template) -> Vec<Violation<'_>> {
    of_linux(template, |container| {
        let allowed = container.security.context.allow_privilege_escalation;
        (allowed != Some(false)).then(|| match allowed {
            Some(_) => "allows privilege escalation, it must be forbidden".to_owned(),
            None => "does not forbid privilege escalation, it must".to_owned(),
        })
    })
}

fn run_as_non_root(template: &Template) -> Vec<Violation<'_>> {
    // Root of a user namespace is nobody on the node.
    if template.security.own_users {
        return Vec::new();
    }
    let of_pod = template.security.context.run_as_non_root;
    let refused = || "sets runAsNonRoot to false, true is wanted".to_owned();
    let mut all = self::of_pod(of_pod == Some(false), refused);
    all.extend(of_containers(template, |container| {
        match container.security.context.run_as_non_root {
            Some(true) => None,
            Some(false) => Some(refused()),
            None if of_pod.is_some() => None,
            None => Some("sets no runAsNonRoot, nor does its pod; true is wanted".to_owned()),
        }
    }));
    all
}

fn run_as_user(template: &Template) -> Vec<Violation<'_>> {
    if template.security.own_users {
        return Vec::new();
    }
    of_contexts(template, |context| {
        (context.run_as_user == Some(0)).then(|| "sets runAsUser to 0, which is root".to_owned())
    })
}

fn read_only_root(template: &Template) -> Vec<Violation<'_>> {
    of_linux(template, |container| {
        let read_only = container.security.context.read_only_root_filesystem;
        (read_only != Some(true)).then(|| "may write its root file system, none may".to_owned())
    })
}
