//! `pod_security`: pods claim no more privileges than the Pod Security Standards allow, run as
//! somebody else than root, by accounts of bounded rights, behind network policies.
//! Witness: the API server, by watch, and the registries of images. Nothing that is not said is
//! taken for good: a user that nobody can name is unknown, and so is one whose name has no number.

mod accounts;
mod isolation;
mod judging;
mod looking;
mod parameters;
mod standard;
#[cfg(test)]
mod tests;
mod user;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::Obstacle;
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::{Needs, SystemName, Watch};
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::network_policy::NETWORK_POLICIES;
use crate::systems::kubernetes::scope::{Namespaces, Selector};
use crate::systems::kubernetes::{PODS, blind};
use crate::systems::registry::{ALL_REGISTRIES, Platform};

use looking::Seen;
use parameters::{Control, Exception, Level};

static VIOLATIONS: Measure = Measure::gauge(
    "vigie_pod_security_violations",
    "Containers, or pods by themselves, of distinct templates that do what a control forbids and no exception allows.",
    &["object_namespace", "control"],
);

const NO_PODS: Reason = Reason::new("NoPods");
const RUNS_AS_ROOT: Reason = Reason::new("RunsAsRoot");
const NAMED_USER: Reason = Reason::new("NamedUser");
const USER_UNKNOWN: Reason = Reason::new("UserUnknown");
const CLUSTER_ADMIN: Reason = Reason::new("ClusterAdmin");
const NAMESPACE_ADMIN: Reason = Reason::new("NamespaceAdmin");
const DEFAULT_ACCOUNT: Reason = Reason::new("DefaultAccount");
const ACCOUNTS_LEFT_OUT: Reason = Reason::new("AccountsLeftOut");
const NOT_ISOLATED: Reason = Reason::new("NotIsolated");
const OPEN_POLICY: Reason = Reason::new("OpenPolicy");

/// Pods claim no more privileges than is allowed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PodSecurity {
    /// Namespaces by name, or `all`.
    namespaces: Namespaces,
    /// A label selector, such as `app=api`; without it all pods.
    #[serde(default)]
    selector: Option<Selector>,
    /// A level of the Pod Security Standards: every control of it is judged.
    #[serde(default)]
    level: Option<Level>,
    /// Further controls, or single ones without a level.
    #[serde(default)]
    controls: Vec<Control>,
    /// What is allowed all the same, each with its reason.
    #[serde(default)]
    exceptions: Vec<Exception>,
    /// Whether the accounts by which pods speak to the API server are judged: none may do
    /// everything on everything, and `default` warns. Takes the right to create
    /// `subjectaccessreviews`, and at most two requests an account and look. Default `false`.
    #[serde(default)]
    service_accounts: bool,
    /// Whether every pod must be selected by an ingress and an egress network policy. That the
    /// network enforces them is not seen. Default `false`.
    #[serde(default)]
    isolated: bool,
    /// What is built for, where an image's registry is asked for its user. Default `linux/amd64`.
    #[serde(default)]
    platform: Platform,
}

impl Check for PodSecurity {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(NO_PODS, "No pod runs there: nothing could be judged."),
        Documented::fails(RUNS_AS_ROOT, "A container's effective user is root."),
        Documented::blinds(
            NAMED_USER,
            "An image names its user by a name, whose number nobody can tell: Kubernetes refuses \
             it under runAsNonRoot, and it is not taken for non-root here.",
        ),
        Documented::blinds(
            USER_UNKNOWN,
            "An image's user can't be read from its registry; the sentence says why.",
        ),
        Documented::blinds(
            Reason::SECRET_MISSING,
            "The credential or the authorities for an image's registry can't be read on our side.",
        ),
        judging::HOST_PROCESS,
        judging::HOST_NAMESPACE,
        judging::PRIVILEGED,
        judging::CAPABILITY_ADDED,
        judging::HOST_PATH,
        judging::HOST_PORT,
        judging::HOST_PROBE,
        judging::APP_ARMOR,
        judging::SELINUX,
        judging::PROC_MOUNT,
        judging::SECCOMP,
        judging::SYSCTL,
        judging::VOLUME_TYPE,
        judging::PRIVILEGE_ESCALATION,
        judging::NON_ROOT_UNSET,
        judging::ROOT_USER_SET,
        judging::SECCOMP_UNSET,
        judging::CAPABILITIES_KEPT,
        judging::WRITABLE_ROOT,
        Documented::fails(CLUSTER_ADMIN, "An account in use may do everything in the cluster."),
        Documented::fails(NAMESPACE_ADMIN, "An account in use may do everything in its namespace."),
        Documented::warns(DEFAULT_ACCOUNT, "Pods run by the account `default`."),
        Documented::blinds(
            ACCOUNTS_LEFT_OUT,
            "More than 200 accounts are in use, of which one look asks.",
        ),
        Documented::fails(
            NOT_ISOLATED,
            "A pod is not selected by an ingress and an egress policy, or shares its node's network.",
        ),
        Documented::warns(
            OPEN_POLICY,
            "A network policy that selects the pod allows all traffic of a direction.",
        ),
        Documented::blinds(
            Reason::TOO_LARGE,
            "The API server's answer about an account is longer than 256 KiB.",
        ),
        blind::GARBLED,
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&VIOLATIONS];

    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.judged().is_empty() && !self.service_accounts && !self.isolated {
            let because = "nothing would be judged: set `level`, `controls`, `service_accounts` or \
                           `isolated`";
            flaws.push(because.to_owned());
        }
        flaws.extend(self.exceptions.iter().filter_map(Exception::flaw).map(str::to_owned));
        flaws
    }

    fn needs(&self) -> Needs {
        let mut watches = self.pods();
        if self.isolated {
            watches.extend(self.policies());
        }
        let rights = self.service_accounts.then(accounts::right).into_iter().collect();
        // Which registry is asked, the images tell.
        let registries = (SystemName::Registries, ALL_REGISTRIES.to_owned());
        let connections = self.judges(Control::NonRoot).then_some(registries);
        let connections = connections.into_iter().collect();
        Needs { watches, rights, connections, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let namespaces: Vec<Option<String>> = match self.namespaces.names() {
            Some(names) => names.iter().cloned().map(Some).collect(),
            None => vec![None],
        };
        let row = |(namespace, control): (&Option<String>, Control)| Series {
            measure: &VIOLATIONS,
            labels: vec![namespace.clone(), Some(control.label().to_owned())],
        };
        let controls = self.judged();
        let pairs = namespaces
            .iter()
            .flat_map(|namespace| controls.iter().map(move |control| (namespace, *control)));
        pairs.map(row).collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        Ok(self.look(look).await)
    }

    fn judge(&self, seen: &Seen, _: &Past, _: Timestamp) -> Judgement {
        self.judge_seen(seen)
    }
}

impl PodSecurity {
    fn pods(&self) -> Vec<Watch> {
        self.namespaces.watches(&PODS, self.selector.as_ref())
    }

    fn policies(&self) -> Vec<Watch> {
        self.namespaces.watches(&NETWORK_POLICIES, None)
    }

    /// What is judged, each once.
    fn judged(&self) -> Vec<Control> {
        let mut controls = self.level.map(Level::controls).unwrap_or_default();
        controls.extend(&self.controls);
        controls.sort_unstable();
        controls.dedup();
        controls
    }

    fn judges(&self, control: Control) -> bool {
        self.judged().contains(&control)
    }
}
