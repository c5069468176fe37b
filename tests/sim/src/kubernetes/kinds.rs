//! The kinds of objects that a server serves: a table of Kubernetes' own, and what is registered.

/// One kind of object in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The API group; empty for the core.
    pub group: String,
    /// The version, such as `v1`.
    pub version: String,
    /// The plural in paths, such as `pods`.
    pub plural: String,
    /// The kind, such as `Pod`.
    pub kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Short names for `kubectl`.
    pub short: Vec<String>,
    /// Whether `status` is a subresource, which writes of the object itself leave alone.
    pub status: bool,
    /// Whether it is a custom resource: those bear their type in lists too.
    pub custom: bool,
}

impl Kind {
    /// A namespaced custom resource with a status, of `api_version` such as `cert-manager.io/v1`.
    pub fn custom(api_version: &str, kind: &str, plural: &str) -> Self {
        let (group, version) = split(api_version);
        Self {
            group,
            version,
            plural: plural.to_owned(),
            kind: kind.to_owned(),
            namespaced: true,
            short: Vec::new(),
            status: true,
            custom: true,
        }
    }

    /// The same kind, outside namespaces.
    pub fn cluster_wide(mut self) -> Self {
        self.namespaced = false;
        self
    }

    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `pods`, `deployments.apps`.
    pub fn resource(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// `/api/v1`, `/apis/apps/v1`.
    pub fn root(&self) -> String {
        let tree = if self.group.is_empty() { "api" } else { "apis" };
        format!("/{tree}/{}", self.api_version())
    }

    /// Whether `word` names this kind, as in `pods`, `po`, `deployments.apps`, `pod`.
    pub(super) fn answers_to(&self, word: &str) -> bool {
        let plain = word.strip_suffix(&format!(".{}", self.group)).unwrap_or(word);
        plain == self.plural
            || plain == self.kind.to_lowercase()
            || self.short.iter().any(|short| short == word)
    }

    /// The fields that field selectors know beside name and namespace.
    pub(super) fn selectable(&self) -> &'static [&'static str] {
        match (self.group.as_str(), self.plural.as_str()) {
            ("", "pods") => &[
                "spec.nodeName",
                "spec.restartPolicy",
                "spec.schedulerName",
                "spec.serviceAccountName",
                "status.phase",
                "status.podIP",
            ],
            ("", "namespaces") => &["status.phase"],
            ("", "nodes") => &["spec.unschedulable"],
            ("", "secrets") => &["type"],
            ("", "events") => &[
                "involvedObject.kind",
                "involvedObject.namespace",
                "involvedObject.name",
                "involvedObject.uid",
                "reason",
                "type",
            ],
            ("apps", "replicasets") => &["status.replicas"],
            ("batch", "jobs") => &["status.successful"],
            _ => &[],
        }
    }
}

/// `apps/v1` as `("apps", "v1")`; `v1` as `("", "v1")`.
pub(super) fn split(api_version: &str) -> (String, String) {
    match api_version.split_once('/') {
        Some((group, version)) => (group.to_owned(), version.to_owned()),
        None => (String::new(), api_version.to_owned()),
    }
}

/// (API version, plural, kind, flags, short names). Flags: `n` namespaced, `s` has a status.
const BUILT_IN: &[(&str, &str, &str, &str, &[&str])] = &[
    ("v1", "namespaces", "Namespace", "s", &["ns"]),
    ("v1", "nodes", "Node", "s", &["no"]),
    ("v1", "pods", "Pod", "ns", &["po"]),
    ("v1", "services", "Service", "ns", &["svc"]),
    ("v1", "endpoints", "Endpoints", "n", &["ep"]),
    ("v1", "configmaps", "ConfigMap", "n", &["cm"]),
    ("v1", "secrets", "Secret", "n", &[]),
    ("v1", "events", "Event", "n", &["ev"]),
    ("v1", "serviceaccounts", "ServiceAccount", "n", &["sa"]),
    ("v1", "persistentvolumes", "PersistentVolume", "s", &["pv"]),
    ("v1", "persistentvolumeclaims", "PersistentVolumeClaim", "ns", &["pvc"]),
    ("v1", "resourcequotas", "ResourceQuota", "ns", &["quota"]),
    ("v1", "limitranges", "LimitRange", "n", &["limits"]),
    ("apps/v1", "deployments", "Deployment", "ns", &["deploy"]),
    ("apps/v1", "replicasets", "ReplicaSet", "ns", &["rs"]),
    ("apps/v1", "statefulsets", "StatefulSet", "ns", &["sts"]),
    ("apps/v1", "daemonsets", "DaemonSet", "ns", &["ds"]),
    ("apps/v1", "controllerrevisions", "ControllerRevision", "n", &[]),
    ("batch/v1", "jobs", "Job", "ns", &[]),
    ("batch/v1", "cronjobs", "CronJob", "ns", &["cj"]),
    ("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "ns", &["hpa"]),
    ("networking.k8s.io/v1", "ingresses", "Ingress", "ns", &["ing"]),
    ("networking.k8s.io/v1", "ingressclasses", "IngressClass", "", &[]),
    ("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", "n", &["netpol"]),
    ("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", "n", &[]),
    ("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", "ns", &["pdb"]),
    ("storage.k8s.io/v1", "storageclasses", "StorageClass", "", &["sc"]),
    ("coordination.k8s.io/v1", "leases", "Lease", "n", &[]),
    ("rbac.authorization.k8s.io/v1", "roles", "Role", "n", &[]),
    ("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding", "n", &[]),
    ("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", "", &[]),
    ("rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", "", &[]),
    (
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "s",
        &["crd", "crds"],
    ),
    ("apiregistration.k8s.io/v1", "apiservices", "APIService", "s", &[]),
    (
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        "",
        &[],
    ),
    ("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", "", &["pc"]),
];

/// What every server serves.
pub(super) fn built_in() -> impl Iterator<Item = Kind> {
    BUILT_IN.iter().map(|(api_version, plural, kind, flags, short)| Kind {
        namespaced: flags.contains('n'),
        status: flags.contains('s'),
        custom: false,
        short: short.iter().map(|&short| short.to_owned()).collect(),
        ..Kind::custom(api_version, kind, plural)
    })
}
