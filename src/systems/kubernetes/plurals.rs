//! How the API addresses kinds that are well known: their plural, and whether they live in
//! namespaces. What stands here needs no discovery, and rights to it can be written offline.

/// How the API addresses a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The plural in URLs and in RBAC.
    pub plural: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// The address of a kind; none where it is not well known.
pub fn known(group: &str, kind: &str) -> Option<Address> {
    let row = KNOWN.iter().find(|row| row.0 == group && row.1 == kind)?;
    Some(Address { plural: row.2, namespaced: row.3 == IN_NAMESPACES })
}

const IN_NAMESPACES: bool = true;
const CLUSTER_WIDE: bool = false;

/// (group, kind, plural, whether in namespaces): Kubernetes' own, then the operators' of the
/// databases, certificates and reports that checklists ask for most.
const KNOWN: &[(&str, &str, &str, bool)] = &[
    ("", "ConfigMap", "configmaps", IN_NAMESPACES),
    ("", "Endpoints", "endpoints", IN_NAMESPACES),
    ("", "Event", "events", IN_NAMESPACES),
    ("", "LimitRange", "limitranges", IN_NAMESPACES),
    ("", "Namespace", "namespaces", CLUSTER_WIDE),
    ("", "Node", "nodes", CLUSTER_WIDE),
    ("", "PersistentVolume", "persistentvolumes", CLUSTER_WIDE),
    ("", "PersistentVolumeClaim", "persistentvolumeclaims", IN_NAMESPACES),
    ("", "Pod", "pods", IN_NAMESPACES),
    ("", "PodTemplate", "podtemplates", IN_NAMESPACES),
    ("", "ReplicationController", "replicationcontrollers", IN_NAMESPACES),
    ("", "ResourceQuota", "resourcequotas", IN_NAMESPACES),
    ("", "Secret", "secrets", IN_NAMESPACES),
    ("", "Service", "services", IN_NAMESPACES),
    ("", "ServiceAccount", "serviceaccounts", IN_NAMESPACES),
    (ADMISSION, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", CLUSTER_WIDE),
    (ADMISSION, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", CLUSTER_WIDE),
    (
        ADMISSION,
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        CLUSTER_WIDE,
    ),
    (ADMISSION, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", CLUSTER_WIDE),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", CLUSTER_WIDE),
    ("apiregistration.k8s.io", "APIService", "apiservices", CLUSTER_WIDE),
    ("apps", "ControllerRevision", "controllerrevisions", IN_NAMESPACES),
    ("apps", "DaemonSet", "daemonsets", IN_NAMESPACES),
    ("apps", "Deployment", "deployments", IN_NAMESPACES),
    ("apps", "ReplicaSet", "replicasets", IN_NAMESPACES),
    ("apps", "StatefulSet", "statefulsets", IN_NAMESPACES),
    ("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", IN_NAMESPACES),
    ("batch", "CronJob", "cronjobs", IN_NAMESPACES),
    ("batch", "Job", "jobs", IN_NAMESPACES),
    (
        "certificates.k8s.io",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        CLUSTER_WIDE,
    ),
    ("coordination.k8s.io", "Lease", "leases", IN_NAMESPACES),
    ("discovery.k8s.io", "EndpointSlice", "endpointslices", IN_NAMESPACES),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema", "flowschemas", CLUSTER_WIDE),
    (FLOW, "PriorityLevelConfiguration", "prioritylevelconfigurations", CLUSTER_WIDE),
    ("networking.k8s.io", "Ingress", "ingresses", IN_NAMESPACES),
    ("networking.k8s.io", "IngressClass", "ingressclasses", CLUSTER_WIDE),
    ("networking.k8s.io", "NetworkPolicy", "networkpolicies", IN_NAMESPACES),
    ("node.k8s.io", "RuntimeClass", "runtimeclasses", CLUSTER_WIDE),
    ("policy", "PodDisruptionBudget", "poddisruptionbudgets", IN_NAMESPACES),
    (RBAC, "ClusterRole", "clusterroles", CLUSTER_WIDE),
    (RBAC, "ClusterRoleBinding", "clusterrolebindings", CLUSTER_WIDE),
    (RBAC, "Role", "roles", IN_NAMESPACES),
    (RBAC, "RoleBinding", "rolebindings", IN_NAMESPACES),
    ("scheduling.k8s.io", "PriorityClass", "priorityclasses", CLUSTER_WIDE),
    ("storage.k8s.io", "CSIDriver", "csidrivers", CLUSTER_WIDE),
    ("storage.k8s.io", "CSINode", "csinodes", CLUSTER_WIDE),
    ("storage.k8s.io", "StorageClass", "storageclasses", CLUSTER_WIDE),
    ("storage.k8s.io", "VolumeAttachment", "volumeattachments", CLUSTER_WIDE),
    ("snapshot.storage.k8s.io", "VolumeSnapshot", "volumesnapshots", IN_NAMESPACES),
    ("snapshot.storage.k8s.io", "VolumeSnapshotClass", "volumesnapshotclasses", CLUSTER_WIDE),
    ("postgresql.cnpg.io", "Backup", "backups", IN_NAMESPACES),
    ("postgresql.cnpg.io", "Cluster", "clusters", IN_NAMESPACES),
    ("postgresql.cnpg.io", "Pooler", "poolers", IN_NAMESPACES),
    ("postgresql.cnpg.io", "ScheduledBackup", "scheduledbackups", IN_NAMESPACES),
    ("elasticsearch.k8s.elastic.co", "Elasticsearch", "elasticsearches", IN_NAMESPACES),
    ("kibana.k8s.elastic.co", "Kibana", "kibanas", IN_NAMESPACES),
    ("databases.spotahome.com", "RedisFailover", "redisfailovers", IN_NAMESPACES),
    ("psmdb.percona.com", "PerconaServerMongoDB", "perconaservermongodbs", IN_NAMESPACES),
    (PSMDB, "PerconaServerMongoDBBackup", "perconaservermongodbbackups", IN_NAMESPACES),
    (PSMDB, "PerconaServerMongoDBRestore", "perconaservermongodbrestores", IN_NAMESPACES),
    ("cert-manager.io", "Certificate", "certificates", IN_NAMESPACES),
    ("cert-manager.io", "CertificateRequest", "certificaterequests", IN_NAMESPACES),
    ("cert-manager.io", "ClusterIssuer", "clusterissuers", CLUSTER_WIDE),
    ("cert-manager.io", "Issuer", "issuers", IN_NAMESPACES),
    ("acme.cert-manager.io", "Challenge", "challenges", IN_NAMESPACES),
    ("acme.cert-manager.io", "Order", "orders", IN_NAMESPACES),
    ("aquasecurity.github.io", "VulnerabilityReport", "vulnerabilityreports", IN_NAMESPACES),
    ("monitoring.coreos.com", "PodMonitor", "podmonitors", IN_NAMESPACES),
    ("monitoring.coreos.com", "PrometheusRule", "prometheusrules", IN_NAMESPACES),
    ("monitoring.coreos.com", "ServiceMonitor", "servicemonitors", IN_NAMESPACES),
];

const ADMISSION: &str = "admissionregistration.k8s.io";
const FLOW: &str = "flowcontrol.apiserver.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const PSMDB: &str = "psmdb.percona.com";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_kind_stands_twice_and_every_plural_is_lower_case() {
        let kinds: BTreeSet<_> = KNOWN.iter().map(|row| (row.0, row.1)).collect();
        let plurals: BTreeSet<_> = KNOWN.iter().map(|row| (row.0, row.2)).collect();
        assert_eq!((kinds.len(), plurals.len()), (KNOWN.len(), KNOWN.len()));
        for row in KNOWN {
            assert!(row.2.chars().all(|c| c.is_ascii_lowercase()), "{row:?}");
        }
    }

    #[test]
    fn a_kind_is_known_in_its_group_alone() {
        let quota = Address { plural: "resourcequotas", namespaced: true };
        assert_eq!(known("", "ResourceQuota"), Some(quota));
        assert_eq!(known("apps", "ResourceQuota"), None);
        assert!(!known("storage.k8s.io", "StorageClass").unwrap().namespaced);
    }
}
