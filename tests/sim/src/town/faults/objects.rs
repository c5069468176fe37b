//! Services, Ingresses, quotas, policies, the namespace.

use serde_json::json;

use super::super::fault::Deed::Now;
use super::super::fault::{Fault, fails, warns};
use super::{fault, path};

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "service-gone",
        "the Service of the API is deleted",
        &[fails("services", "Missing"), fails("ingress", "BackendMissing")],
        Now(|doing| doing.delete(&path("services", "api"))),
    ),
    fault(
        "service-without-pods",
        "the Service of Redis' sentinels selects nothing any more",
        &[fails("services", "TooFewReady")],
        Now(|doing| doing.change("endpointslices", "rfs-redis-x7k2p", &json!({ "endpoints": [] }))),
    ),
    fault(
        "ingress-gone",
        "the Ingress of the notifier's stream is deleted",
        &[fails("ingress", "Missing"), fails("domain-names", "HostMissing")],
        Now(|doing| doing.delete(&path("ingresses", "trackdechets-notifier-sse"))),
    ),
    fault(
        "ingress-of-another-host",
        "the Ingress serves another host beside",
        &[fails("domain-names", "HostUnexpected"), fails("tls-enabled", "NoTls")],
        Now(|doing| {
            let name = path("ingresses", "trackdechets-ingress");
            let ingress = doing.town.kubernetes.get(&name).unwrap_or_default();
            let mut rules = ingress["spec"]["rules"].clone();
            let mut other = rules[0].clone();
            other["host"] = "old.trackdechets.beta.gouv.fr".into();
            if let Some(rules) = rules.as_array_mut() {
                rules.push(other);
            }
            doing.patch(&name, &json!({ "spec": { "rules": rules } })).map(drop)
        }),
    ),
    fault(
        "ingress-without-tls",
        "the Ingress of the notifier's stream serves without TLS",
        &[fails("tls-enabled", "NoTls")],
        Now(|doing| {
            let plain = json!({ "spec": { "tls": null } });
            doing.change("ingresses", "trackdechets-notifier-sse", &plain)
        }),
    ),
    fault(
        "quota-used-up",
        "95 of the 100 pods of the quota are used",
        &[fails("resource-quota", "ExpressionFalse"), fails("watch-resources", "QuotaNearlyUsed")],
        Now(|doing| {
            let used = json!({ "status": { "used": { "pods": "95" } } });
            doing.change("resourcequotas", "trackdechets-quota", &used)
        }),
    ),
    fault(
        "limit-range-gone",
        "the LimitRange is deleted",
        &[fails("limit-range", "ObjectAbsent")],
        Now(|doing| doing.delete(&path("limitranges", "trackdechets-limits"))),
    ),
    fault(
        "policy-gone",
        "the NetworkPolicy of outgoing traffic is deleted",
        &[fails("network-policies", "NotIsolated")],
        Now(|doing| doing.delete(&path("networkpolicies", "allow-internal"))),
    ),
    fault(
        "policy-open",
        "a NetworkPolicy lets everything in",
        &[warns("network-policies", "OpenPolicy")],
        Now(|doing| {
            doing.change(
                "networkpolicies",
                "allow-ingress",
                &json!({ "spec": { "ingress": [{}] } }),
            )
        }),
    ),
    fault(
        "namespace-ends",
        "the namespace is being deleted",
        &[fails("namespace", "ExpressionFalse")],
        Now(|doing| {
            let ends = json!({ "status": { "phase": "Terminating" } });
            doing.patch("namespaces/trackdechets", &ends).map(drop)
        }),
    ),
    fault(
        "environment-of-another",
        "the namespace bears the label of staging",
        &[fails("environment-applied", "EnvironmentMismatch")],
        Now(|doing| {
            let labels = json!({ "metadata": { "labels": { "environment": "staging" } } });
            doing.patch("namespaces/trackdechets", &labels).map(drop)
        }),
    ),
    fault(
        "certificate-not-ready",
        "cert-manager can't renew the certificate",
        &[fails("tls-certificates", "ConditionUnmet")],
        Now(|doing| {
            let condition = json!({
                "type": "Ready", "status": "False", "reason": "Failed",
                "message": "the challenge was refused",
                "lastTransitionTime": "2026-11-20T08:00:00Z",
            });
            let status = json!({ "status": { "conditions": [condition] } });
            doing.change("certificates", "trackdechets-tls", &status)
        }),
    ),
    fault(
        "postgres-degraded",
        "two of three instances of PostgreSQL are ready",
        &[
            fails("postgres-ready", "ExpressionFalse"),
            fails("postgres-instances", "ExpressionFalse"),
        ],
        Now(|doing| {
            let status = json!({ "status": {
                "readyInstances": 2, "phase": "Waiting for the instances to become active",
            } });
            doing.change("clusters.postgresql.cnpg.io", "postgres", &status)
        }),
    ),
    fault(
        "elasticsearch-red",
        "Elasticsearch has lost documents",
        &[fails("elasticsearch-ready", "ExpressionFalse")],
        Now(|doing| {
            let status = json!({ "status": { "health": "red" } });
            doing.change("elasticsearches", "elasticsearch", &status)
        }),
    ),
    fault(
        "mongodb-initializing",
        "MongoDB's operator sets a member up anew",
        &[
            fails("mongodb-ready", "ExpressionFalse"),
            fails("mongodb-replica-set", "ExpressionFalse"),
        ],
        Now(|doing| {
            let set = json!({ "ready": 2, "status": "initializing" });
            let status = json!({ "state": "initializing", "replsets": { "rs0": set } });
            doing.change("perconaservermongodbs", "mongodb", &json!({ "status": status }))
        }),
    ),
];
