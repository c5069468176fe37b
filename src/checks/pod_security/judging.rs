//! What is thought of what was seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::looking::{Group, Seen};
use super::parameters::Control;
use super::standard::{Violation, violations};
use super::user::{Declared, User, declared, image_of};
use super::{
    ACCOUNTS_LEFT_OUT, NAMED_USER, NO_PODS, PodSecurity, RUNS_AS_ROOT, USER_UNKNOWN, VIOLATIONS,
    accounts, isolation,
};
use crate::model::counted::{counted, either};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::template::Container;

macro_rules! documented {
    ($($name:ident $code:literal $means:literal;)*) => {
        $(pub(super) const $name: Documented = Documented::fails(Reason::new($code), $means);)*
    };
}

documented! {
    HOST_PROCESS "HostProcess" "A container runs as a process of its Windows host.";
    HOST_NAMESPACE "HostNamespace" "A pod shares its node's network, processes or IPC.";
    PRIVILEGED "Privileged" "A container is privileged.";
    CAPABILITY_ADDED "CapabilityAdded" "A container adds a capability beyond the usual ones.";
    HOST_PATH "HostPath" "A pod mounts a folder of its node.";
    HOST_PORT "HostPort" "A container takes a port of its node.";
    HOST_PROBE "HostProbe" "A probe or a hook asks another host than its pod.";
    APP_ARMOR "AppArmor" "A profile of AppArmor is set that is not allowed.";
    SELINUX "SELinux" "An SELinux type, user or role is set that is not allowed.";
    PROC_MOUNT "ProcMount" "A container mounts /proc without its masks.";
    SECCOMP "Seccomp" "A seccomp profile is set that is not allowed.";
    SYSCTL "Sysctl" "A pod sets a kernel parameter that is not safe.";
    VOLUME_TYPE "VolumeType" "A pod has a volume of an unusual kind.";
    PRIVILEGE_ESCALATION "PrivilegeEscalation" "A container does not forbid privilege escalation.";
    NON_ROOT_UNSET "RunAsNonRootUnset" "runAsNonRoot is not written as true.";
    ROOT_USER_SET "RunAsUserRoot" "runAsUser is written as 0.";
    SECCOMP_UNSET "SeccompUnset" "No allowed seccomp profile is written.";
    CAPABILITIES_KEPT "CapabilitiesKept" "A container does not drop all capabilities, or adds one.";
    WRITABLE_ROOT "WritableRoot" "A container may write its root file system.";
}

impl Control {
    /// The reason of a violation.
    fn reason(self) -> Reason {
        let documented = match self {
            Self::HostProcess => HOST_PROCESS,
            Self::HostNamespaces => HOST_NAMESPACE,
            Self::Privileged => PRIVILEGED,
            Self::Capabilities => CAPABILITY_ADDED,
            Self::HostPath => HOST_PATH,
            Self::HostPorts => HOST_PORT,
            Self::HostProbes => HOST_PROBE,
            Self::AppArmor => APP_ARMOR,
            Self::SeLinux => SELINUX,
            Self::ProcMount => PROC_MOUNT,
            Self::Seccomp => SECCOMP,
            Self::Sysctls => SYSCTL,
            Self::VolumeTypes => VOLUME_TYPE,
            Self::PrivilegeEscalation => PRIVILEGE_ESCALATION,
            Self::RunAsNonRoot => NON_ROOT_UNSET,
            Self::RunAsUser => ROOT_USER_SET,
            Self::SeccompProfile => SECCOMP_UNSET,
            Self::DropCapabilities => CAPABILITIES_KEPT,
            Self::ReadOnlyRoot => WRITABLE_ROOT,
            Self::NonRoot => return RUNS_AS_ROOT,
        };
        documented.reason
    }
}

/// What a namespace comes to.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<Control, u64>,
    excepted: u64,
    /// Whether anything was said against it, or could not be seen.
    marred: bool,
}

impl PodSecurity {
    pub(super) fn judge_seen(&self, seen: &Seen) -> Judgement {
        let mut judgement = Judgement::new();
        for (namespace, obstacle) in seen.blind.iter().chain(&seen.unseen_policies) {
            judgement.add(namespace.clone(), obstacle.clone());
        }
        for (name, why) in &seen.garbled {
            let because = format!("the object can't be read: {why}");
            judgement.add(name.clone(), Obstacle::new(Reason::GARBLED, because));
        }
        judgement.dropped += seen.garbled_more;
        self.judge_presence(seen, &mut judgement);
        if !self.judged().is_empty() {
            self.judge_controls(seen, &mut judgement);
        }
        if self.service_accounts {
            judge_accounts(seen, &mut judgement);
        }
        if self.isolated && seen.unseen_policies.is_empty() {
            isolation::judge(&seen.peers, &seen.policies, &self.exceptions, &mut judgement);
        }
        judgement
    }

    /// Nothing is not a pass, unless something is there that can't be read.
    fn judge_presence(&self, seen: &Seen, judgement: &mut Judgement) {
        let unread = !seen.garbled.is_empty() || seen.garbled_more > 0;
        let absent = || Finding::fail(NO_PODS, "no pod runs, so that nothing can be judged");
        if unread {
            return;
        }
        if self.namespaces.names().is_none() {
            if seen.pods.values().all(|pods| *pods == 0) && seen.blind.is_empty() {
                judgement.add("", absent());
            }
            return;
        }
        for (namespace, _) in seen.pods.iter().filter(|(_, pods)| **pods == 0) {
            judgement.add(namespace.to_string(), absent());
        }
    }

    fn judge_controls(&self, seen: &Seen, judgement: &mut Judgement) {
        let controls = self.judged();
        let mut tallies: BTreeMap<&Arc<str>, Tally> = BTreeMap::new();
        for namespace in seen.pods.keys() {
            tallies.entry(namespace).or_default();
        }
        for group in &seen.groups {
            let tally = tallies.entry(&group.namespace).or_default();
            for control in &controls {
                self.judge_control(*control, group, seen, tally, judgement);
            }
        }
        for (namespace, tally) in tallies {
            for control in &controls {
                let count = tally.counts.get(control).copied().unwrap_or_default();
                #[expect(clippy::cast_precision_loss, reason = "far from 2^52 containers")]
                judgement.measure(VIOLATIONS.is(count as f64, [namespace, control.label()]));
            }
            let pods = seen.pods.get(namespace).copied().unwrap_or_default();
            if pods == 0 || tally.marred {
                continue;
            }
            let mut because = format!(
                "{} {} with {}",
                counted(pods, "pod"),
                either(&pods, "complies", "comply"),
                counted(controls.len(), "control")
            );
            if tally.excepted > 0 {
                because =
                    format!("{because}, save {}", counted(tally.excepted, "listed exception"));
            }
            judgement.add(namespace.to_string(), Finding::pass(because));
        }
    }

    fn judge_control(
        &self,
        control: Control,
        group: &Group,
        seen: &Seen,
        tally: &mut Tally,
        judgement: &mut Judgement,
    ) {
        let against: Vec<(Option<&str>, Answer)> = if control == Control::NonRoot {
            users(group, seen)
        } else {
            let told = |Violation { container, because }: Violation<'_>| {
                let finding = Finding::fail(control.reason(), because);
                // The names outlive the violation: they are the template's.
                (container.map(str::to_owned), Answer::from(finding))
            };
            let told: Vec<_> = violations(control, &group.template).into_iter().map(told).collect();
            return self.tell(control, group, told, tally, judgement);
        };
        let against = against.into_iter();
        let against = against.map(|(name, answer)| (name.map(str::to_owned), answer)).collect();
        self.tell(control, group, against, tally, judgement);
    }

    fn tell(
        &self,
        control: Control,
        group: &Group,
        against: Vec<(Option<String>, Answer)>,
        tally: &mut Tally,
        judgement: &mut Judgement,
    ) {
        for (container, answer) in against {
            let covered = |exception: &super::Exception| {
                exception.covers(control, &group.workload, container.as_deref())
            };
            if self.exceptions.iter().any(covered) {
                tally.excepted += 1;
                continue;
            }
            tally.marred = true;
            if matches!(answer, Answer::Found(_)) {
                *tally.counts.entry(control).or_default() += 1;
            }
            let subject = match container {
                Some(container) => format!("{}/{} ({container})", group.namespace, group.workload),
                None => format!("{}/{}", group.namespace, group.workload),
            };
            judgement.add(subject, answer);
        }
    }
}

/// What is to be said against the users of a group's containers.
fn users<'g>(group: &'g Group, seen: &Seen) -> Vec<(Option<&'g str>, Answer)> {
    if group.template.security.windows {
        return Vec::new();
    }
    let mut all = Vec::new();
    for container in &group.template.containers {
        let answer = match declared(&group.template, container) {
            Declared::NonRoot => None,
            Declared::Root => {
                let because = "runs as root: its runAsUser, or its pod's, is 0";
                Some(Finding::fail(RUNS_AS_ROOT, because).into())
            }
            Declared::OfImage => worst_of_images(group, container, seen),
        };
        all.extend(answer.map(|answer| (Some(&*container.name), answer)));
    }
    all
}

/// The worst that the images say which run of a container: root, else unknown.
fn worst_of_images(group: &Group, container: &Container, seen: &Seen) -> Option<Answer> {
    let mut worst: Option<Answer> = None;
    for running in &group.running {
        let answer = of_image(container, image_of(container, running), seen);
        match answer {
            None => {}
            Some(Answer::Found(finding)) => return Some(finding.into()),
            blind @ Some(Answer::Blind(_)) => worst = blind,
        }
    }
    worst
}

fn of_image(
    container: &Container,
    image: Result<crate::model::image::ImageName, String>,
    seen: &Seen,
) -> Option<Answer> {
    let unknown = |because: String| Some(Obstacle::new(USER_UNKNOWN, because).into());
    let image = match image {
        Ok(image) => image,
        Err(why) => {
            let shown = legible(&container.image, 100);
            return unknown(format!("its image `{shown}` is no reference: {why}"));
        }
    };
    let user = match seen.users.get(&image) {
        Some(Ok(user)) => user,
        Some(Err(obstacle)) => {
            let because = format!("leaves its user to its image: {}", obstacle.because);
            // What is missing on our own side says nothing about the image.
            if obstacle.reason == Reason::SECRET_MISSING {
                return Some(Obstacle { because, ..obstacle.clone() }.into());
            }
            return unknown(because);
        }
        None => {
            return unknown(format!("leaves its user to its image {image}, not asked this time"));
        }
    };
    let shown = legible(user, 60);
    match User::of(user) {
        User::NonRoot => None,
        User::Root if user.is_empty() => {
            let because =
                format!("runs as root: neither its pod nor its image {image} says a user");
            Some(Finding::fail(RUNS_AS_ROOT, because).into())
        }
        User::Root => {
            let because = format!("runs as root: its image {image} says USER {shown}");
            Some(Finding::fail(RUNS_AS_ROOT, because).into())
        }
        User::Named => {
            let because = format!(
                "its image {image} says USER {shown}, which proves no number: Kubernetes would \
                 not take it for non-root; write the number there or in runAsUser"
            );
            Some(Obstacle::new(NAMED_USER, because).into())
        }
    }
}

fn judge_accounts(seen: &Seen, judgement: &mut Judgement) {
    for subject in &seen.nameless {
        let because = "the API server does not give spec.serviceAccountName";
        judgement.add(subject.clone(), Obstacle::new(Reason::GARBLED, because));
    }
    if seen.accounts_more > 0 {
        let more = counted(seen.accounts_more, "more account");
        let was = either(&seen.accounts_more, "was", "were");
        let because = format!("{more} {was} not asked about");
        judgement.add("service accounts", Obstacle::new(ACCOUNTS_LEFT_OUT, because));
    }
    accounts::judge(&seen.powers, judgement);
}
