//! Nodes, the API server, operators.

use serde_json::{Value, json};

use super::super::fault::Deed::Now;
use super::super::fault::{Doing, Fault, Turn, blind, fails, warns};
use super::fault;
use crate::kubernetes::workloads::reckon;
use crate::kubernetes::{self, Act, Version, story};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "server-too-old",
        "the API server is of version 1.24",
        &[fails("cluster-version", "VersionTooOld")],
        Now(|doing| {
            let kubernetes = &doing.town.kubernetes;
            kubernetes.behave(|behaviour| behaviour.version = Version::named("v1.24.17"));
            doing.mend(|town| {
                let now = Version::named("v1.36.0");
                town.kubernetes.behave(|behaviour| behaviour.version = now);
                Ok(())
            });
            Ok(())
        }),
    ),
    fault(
        "node-lost",
        "a node's kubelet is not heard of any more",
        &[fails("cluster-capacity", "NodeLost")],
        Now(|doing| Ok(story::set_node_ready(&doing.town.kubernetes, "node-2", false)?)),
    ),
    fault(
        "disk-pressure",
        "a node is short of disk",
        &[fails("cluster-capacity", "DiskPressure")],
        Now(|doing| {
            let node = doing.town.kubernetes.get("nodes/node-1").unwrap_or_default();
            let mut conditions = node["status"]["conditions"].clone();
            for one in conditions.as_array_mut().into_iter().flatten() {
                if one["type"] == "DiskPressure" {
                    one["status"] = "True".into();
                }
            }
            doing.patch("nodes/node-1", &json!({ "status": { "conditions": conditions } }))?;
            Ok(())
        }),
    ),
    fault(
        "storage-class-gone",
        "the default StorageClass is deleted",
        &[fails("storage-class", "TooFew")],
        Now(|doing| doing.delete("storageclasses/scw-bssd")),
    ),
    fault(
        "balancer-without-address",
        "the load balancer loses its address",
        &[warns("load-balancer", "NoAddress"), fails("dns-load-balancer", "NoAddress")],
        Now(|doing| {
            let none = json!({ "status": { "loadBalancer": { "ingress": null } } });
            doing.patch("services/ingress-nginx/ingress-nginx-controller", &none).map(drop)
        }),
    ),
    fault(
        "cnpg-operator-down",
        "the operator of PostgreSQL has no pod",
        &[
            fails("operator-cloudnative-pg", "ControllerUnavailable"),
            Turn { item: "postgres-ready", standing: "unknown", reason: "DependencyFailing" },
            Turn { item: "postgres-instances", standing: "unknown", reason: "DependencyFailing" },
        ],
        Now(|doing| down(doing, "cnpg-system", "cnpg-controller-manager")),
    ),
    fault(
        "eck-operator-gone",
        "the operator of Elasticsearch is deleted",
        &[
            fails("operator-eck", "ControllerAbsent"),
            Turn { item: "elasticsearch-ready", standing: "unknown", reason: "DependencyFailing" },
        ],
        Now(|doing| doing.delete("statefulsets/elastic-system/elastic-operator")),
    ),
    fault(
        "redis-definition-gone",
        "the definition of RedisFailovers is deleted",
        &[fails("operator-redis", "CrdAbsent")],
        Now(|doing| {
            doing.delete("customresourcedefinitions/redisfailovers.databases.spotahome.com")
        }),
    ),
    fault(
        "percona-version-unserved",
        "the API of Percona's operator is no longer established",
        &[
            fails("operator-percona-mongodb", "CrdNotEstablished"),
            Turn { item: "mongodb-ready", standing: "unknown", reason: "DependencyFailing" },
            Turn { item: "mongodb-replica-set", standing: "unknown", reason: "DependencyFailing" },
        ],
        Now(|doing| {
            let condition = |kind: &str, status: &str, reason: &str| json!({ "type": kind, "status": status, "reason": reason, "message": "" });
            let conditions = [
                condition("NamesAccepted", "True", "NoConflicts"),
                condition("Established", "False", "Installing"),
            ];
            let path = "customresourcedefinitions/perconaservermongodbrestores.psmdb.percona.com";
            doing.patch(path, &json!({ "status": { "conditions": conditions } })).map(drop)
        }),
    ),
    fault(
        "ingress-class-gone",
        "the IngressClass nginx is deleted",
        &[fails("ingress-controller", "IngressClassAbsent")],
        Now(|doing| doing.delete("ingressclasses/nginx")),
    ),
    fault(
        "cert-manager-webhook-down",
        "the webhook of cert-manager has no pod",
        &[fails("cert-manager", "ControllerUnavailable")],
        Now(|doing| down(doing, "cert-manager", "cert-manager-webhook")),
    ),
    fault(
        "account-is-admin",
        "the account of the API may do everything in the cluster",
        &[fails("rbac", "ClusterAdmin")],
        Now(|doing| {
            const API: &str = "rbac.authorization.k8s.io/v1";
            let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
            doing.town.kubernetes.apply(json!({
                "apiVersion": API, "kind": "ClusterRole",
                "metadata": { "name": "cluster-admin" }, "rules": all,
            }))?;
            doing.town.kubernetes.apply(json!({
                "apiVersion": API, "kind": "ClusterRoleBinding",
                "metadata": { "name": "api-may-do-everything" },
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                    "name": "cluster-admin",
                },
                "subjects": [
                    { "kind": "ServiceAccount", "name": "api", "namespace": "trackdechets" },
                ],
            }))?;
            Ok(())
        }),
    ),
    fault(
        "reviews-fail",
        "the API server does not tell what Vigie may do",
        &[blind("cluster-access", "NotReviewed")],
        Now(|doing| {
            let failing = Act::Status { code: 500, retry_after: None };
            let reviews = kubernetes::Fault::new(failing).resource("selfsubjectaccessreviews");
            doing.town.kubernetes.inject(reviews);
            doing.mend(|town| {
                town.kubernetes.heal();
                Ok(())
            });
            Ok(())
        }),
    ),
];

/// All pods of a Deployment are gone, and none comes.
fn down(doing: &mut Doing<'_>, namespace: &str, name: &str) -> anyhow::Result<()> {
    let kubernetes = &doing.town.kubernetes;
    for pod in kubernetes.list("pods", Some(namespace))? {
        if pod["metadata"]["labels"]["app"] == name {
            let pod = pod["metadata"]["name"].as_str().unwrap_or_default();
            let path = format!("pods/{namespace}/{pod}");
            let conditions = json!([{ "type": "Ready", "status": "False" }]);
            let statuses = Value::Null;
            let changes =
                json!({ "status": { "conditions": conditions, "containerStatuses": statuses } });
            kubernetes.patch(&path, &changes)?;
        }
    }
    Ok(reckon(kubernetes, namespace, name)?)
}
