//! Operators, their custom resources, and the databases that they run.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{ApiServer, Failure, NAMESPACE, apply, deployment, stateful};
use crate::kubernetes::object::now;
use crate::kubernetes::workloads::{at, reckon, slice};

/// The custom resources: API version, kind, plural.
const DEFINITIONS: [(&str, &str, &str); 14] = [
    ("postgresql.cnpg.io/v1", "Cluster", "clusters"),
    ("postgresql.cnpg.io/v1", "Backup", "backups"),
    ("postgresql.cnpg.io/v1", "ScheduledBackup", "scheduledbackups"),
    ("elasticsearch.k8s.elastic.co/v1", "Elasticsearch", "elasticsearches"),
    ("databases.spotahome.com/v1", "RedisFailover", "redisfailovers"),
    ("psmdb.percona.com/v1", "PerconaServerMongoDB", "perconaservermongodbs"),
    ("psmdb.percona.com/v1", "PerconaServerMongoDBBackup", "perconaservermongodbbackups"),
    ("psmdb.percona.com/v1", "PerconaServerMongoDBRestore", "perconaservermongodbrestores"),
    ("cert-manager.io/v1", "Certificate", "certificates"),
    ("cert-manager.io/v1", "CertificateRequest", "certificaterequests"),
    ("cert-manager.io/v1", "Issuer", "issuers"),
    ("cert-manager.io/v1", "ClusterIssuer", "clusterissuers"),
    ("acme.cert-manager.io/v1", "Order", "orders"),
    ("acme.cert-manager.io/v1", "Challenge", "challenges"),
];

pub(super) fn furnish(server: &ApiServer) -> Result<(), Failure> {
    for (api_version, kind, plural) in DEFINITIONS {
        define(server, api_version, kind, plural)?;
    }
    controllers(server)?;
    postgres(server)?;
    elasticsearch(server)?;
    redis(server)?;
    mongodb(server)?;
    certificate(server)
}

pub(super) fn define(
    server: &ApiServer,
    api_version: &str,
    kind: &str,
    plural: &str,
) -> Result<(), Failure> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let names = json!({
        "kind": kind,
        "listKind": format!("{kind}List"),
        "plural": plural,
        "singular": kind.to_lowercase(),
    });
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    apply(
        server,
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{plural}.{group}") },
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": names,
                "versions": [{
                    "name": version,
                    "served": true,
                    "storage": true,
                    "subresources": { "status": {} },
                    "schema": { "openAPIV3Schema": schema },
                }],
            },
        }),
    )
}

fn controllers(server: &ApiServer) -> Result<(), Failure> {
    for (namespace, name, image) in [
        ("cnpg-system", "cnpg-controller-manager", "ghcr.io/cloudnative-pg/cloudnative-pg:1.22.0"),
        ("default", "redisoperator", "quay.io/spotahome/redis-operator:v1.2.4"),
        (
            NAMESPACE,
            "percona-server-mongodb-operator",
            "percona/percona-server-mongodb-operator:1.15.0",
        ),
        (
            "ingress-nginx",
            "ingress-nginx-controller",
            "registry.k8s.io/ingress-nginx/controller:v1.9.4",
        ),
        ("cert-manager", "cert-manager", "quay.io/jetstack/cert-manager-controller:v1.13.0"),
        (
            "cert-manager",
            "cert-manager-cainjector",
            "quay.io/jetstack/cert-manager-cainjector:v1.13.0",
        ),
        ("cert-manager", "cert-manager-webhook", "quay.io/jetstack/cert-manager-webhook:v1.13.0"),
    ] {
        deployment(server, namespace, name, image, 1)?;
    }
    let image = "docker.elastic.co/eck/eck-operator:2.11.0";
    stateful(server, "elastic-system", "elastic-operator", image, 1)?;
    apply(
        server,
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": "ingress-nginx-controller", "namespace": "ingress-nginx" },
            "spec": {
                "type": "LoadBalancer",
                "clusterIP": "10.96.1.1",
                "selector": { "app": "ingress-nginx-controller" },
                "ports": [
                    { "name": "http", "port": 80, "nodePort": 30080, "protocol": "TCP" },
                    { "name": "https", "port": 443, "nodePort": 30443, "protocol": "TCP" },
                ],
            },
            "status": { "loadBalancer": { "ingress": [{ "ip": "51.159.0.10" }] } },
        }),
    )?;
    let (namespace, name) = ("ingress-nginx", "ingress-nginx-controller");
    slice(server, namespace, name, Some("https"), 443)?;
    server.patch(
        &format!("endpointslices/{namespace}/{name}-x7k2p"),
        &json!({ "ports": [
            { "name": "http", "port": 80, "protocol": "TCP" },
            { "name": "https", "port": 443, "protocol": "TCP" },
        ] }),
    )?;
    reckon(server, namespace, name)
}

/// Gives the pods of a database the labels by which its operator knows them.
fn label(server: &ApiServer, name: &str, labels: &Value) -> Result<(), Failure> {
    for number in 0..3 {
        let changes = json!({ "metadata": { "labels": labels } });
        server.patch(&format!("pods/{NAMESPACE}/{name}-{number}"), &changes)?;
    }
    Ok(())
}

fn service(server: &ApiServer, name: &str, app: &str, port: u16) -> Result<(), Failure> {
    apply(
        server,
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": {
                "type": "ClusterIP",
                "selector": { "app": app },
                "ports": [{ "port": port, "protocol": "TCP" }],
            },
        }),
    )?;
    slice(server, NAMESPACE, name, None, port)?;
    reckon(server, NAMESPACE, app)
}

fn custom(api_version: &str, kind: &str, name: &str, spec: &Value, status: &Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": spec,
    });
    if !status.is_null() {
        object["status"] = status.clone();
    }
    object
}

fn hours_ago(hours: i64) -> Value {
    at(now() - SignedDuration::from_hours(hours))
}

fn postgres(server: &ApiServer) -> Result<(), Failure> {
    const API: &str = "postgresql.cnpg.io/v1";
    // The operator makes bare pods; a StatefulSet makes the same ones here.
    stateful(server, NAMESPACE, "postgres", "ghcr.io/cloudnative-pg/postgresql:15.5", 3)?;
    server.delete(&format!("statefulsets/{NAMESPACE}/postgres"))?;
    let labels = json!({ "cnpg.io/cluster": "postgres", "cnpg.io/podRole": "instance" });
    label(server, "postgres", &labels)?;
    for suffix in ["rw", "ro", "r"] {
        service(server, &format!("postgres-{suffix}"), "postgres", 5432)?;
    }
    let condition = |kind: &str, reason: &str| json!({ "type": kind, "status": "True", "reason": reason, "lastTransitionTime": hours_ago(6) });
    let store = "s3://trackdechets-postgres-backups/";
    let cluster = custom(
        API,
        "Cluster",
        "postgres",
        &json!({
            "instances": 3,
            "backup": {
                "retentionPolicy": "30d",
                "barmanObjectStore": {
                    "destinationPath": store,
                    "s3Credentials": {
                        "accessKeyId":
                            { "name": "postgres-backup-credentials", "key": "ACCESS_KEY_ID" },
                        "secretAccessKey":
                            { "name": "postgres-backup-credentials", "key": "ACCESS_SECRET_KEY" },
                    },
                },
            },
        }),
        &json!({
            "instances": 3,
            "readyInstances": 3,
            "phase": "Cluster in healthy state",
            "currentPrimary": "postgres-0",
            "targetPrimary": "postgres-0",
            "conditions": [
                condition("Ready", "ClusterIsReady"),
                condition("ContinuousArchiving", "ContinuousArchivingSuccess"),
                condition("LastBackupSucceeded", "LastBackupSucceeded"),
            ],
            "firstRecoverabilityPoint": hours_ago(29 * 24),
            "lastSuccessfulBackup": hours_ago(6),
        }),
    );
    apply(server, cluster)?;
    let schedule = json!({ "schedule": "0 0 2 * * *", "cluster": { "name": "postgres" } });
    let status = json!({ "lastScheduleTime": hours_ago(6) });
    apply(server, custom(API, "ScheduledBackup", "postgres-backup-schedule", &schedule, &status))?;
    for day in 0..3 {
        let begun = day * 24 + 6;
        let status = json!({
            "phase": "completed",
            "startedAt": hours_ago(begun),
            "stoppedAt": at(now() - SignedDuration::from_hours(begun) + SignedDuration::from_mins(9)),
            "method": "barmanObjectStore",
        });
        let spec = json!({ "cluster": { "name": "postgres" } });
        let name = format!("postgres-backup-schedule-{day}");
        apply(server, custom(API, "Backup", &name, &spec, &status))?;
    }
    Ok(())
}

fn elasticsearch(server: &ApiServer) -> Result<(), Failure> {
    let image = "docker.elastic.co/elasticsearch/elasticsearch:7.10.2";
    stateful(server, NAMESPACE, "elasticsearch-es-default", image, 3)?;
    let labels = json!({ "elasticsearch.k8s.elastic.co/cluster-name": "elasticsearch" });
    label(server, "elasticsearch-es-default", &labels)?;
    for name in ["elasticsearch", "elasticsearch-es-http"] {
        service(server, name, "elasticsearch-es-default", 9200)?;
    }
    let spec = json!({ "version": "7.10.2", "nodeSets": [{ "name": "default", "count": 3 }] });
    let status = json!({
        "availableNodes": 3,
        "health": "green",
        "phase": "Ready",
        "version": "7.10.2",
    });
    let api = "elasticsearch.k8s.elastic.co/v1";
    apply(server, custom(api, "Elasticsearch", "elasticsearch", &spec, &status))
}

fn redis(server: &ApiServer) -> Result<(), Failure> {
    stateful(server, NAMESPACE, "rfr-redis", "redis:7.2", 3)?;
    deployment(server, NAMESPACE, "rfs-redis", "redis:7.2", 3)?;
    service(server, "rfs-redis", "rfs-redis", 26379)?;
    service(server, "rfrm-redis", "rfr-redis", 6379)?;
    // This operator writes no status at all.
    let spec = json!({ "redis": { "replicas": 3 }, "sentinel": { "replicas": 3 } });
    let api = "databases.spotahome.com/v1";
    apply(server, custom(api, "RedisFailover", "redis", &spec, &Value::Null))
}

fn mongodb(server: &ApiServer) -> Result<(), Failure> {
    const API: &str = "psmdb.percona.com/v1";
    stateful(server, NAMESPACE, "mongodb-rs0", "percona/percona-server-mongodb:6.0", 3)?;
    let labels = json!({
        "app.kubernetes.io/instance": "mongodb",
        "app.kubernetes.io/component": "mongod",
    });
    label(server, "mongodb-rs0", &labels)?;
    for name in ["mongodb", "mongodb-rs0"] {
        service(server, name, "mongodb-rs0", 27017)?;
    }
    let spec = json!({
        "replsets": [{ "name": "rs0", "size": 3 }],
        "backup": {
            "enabled": true,
            "tasks": [{ "name": "daily-backup", "keep": 7 }],
            "storages": {
                "s3": {
                    "type": "s3",
                    "s3": {
                        "bucket": "trackdechets-mongodb-backups",
                        "credentialsSecret": "mongodb-backup-credentials",
                    },
                },
            },
        },
    });
    let status = json!({
        "state": "ready",
        "ready": 3,
        "size": 3,
        "replsets": { "rs0": { "ready": 3, "size": 3, "status": "ready" } },
    });
    apply(server, custom(API, "PerconaServerMongoDB", "mongodb", &spec, &status))?;
    for day in 0..3 {
        let status = json!({ "state": "ready", "start": hours_ago(day * 24 + 5), "completed": hours_ago(day * 24 + 4) });
        let spec = json!({ "clusterName": "mongodb", "storageName": "s3" });
        let name = format!("cron-mongodb-daily-backup-{day}");
        apply(server, custom(API, "PerconaServerMongoDBBackup", &name, &spec, &status))?;
    }
    Ok(())
}

fn certificate(server: &ApiServer) -> Result<(), Failure> {
    let hosts = ["app", "api", "notifier"].map(|part| format!("{part}.trackdechets.beta.gouv.fr"));
    let spec = json!({
        "secretName": "trackdechets-tls",
        "dnsNames": hosts,
        "issuerRef": { "kind": "ClusterIssuer", "name": "letsencrypt-prod" },
    });
    let status = json!({
        "conditions": [{
            "type": "Ready",
            "status": "True",
            "reason": "Ready",
            "message": "Certificate is up to date and has not expired",
            "lastTransitionTime": hours_ago(20 * 24),
        }],
        "notBefore": hours_ago(20 * 24),
        "notAfter": hours_ago(-70 * 24),
        "renewalTime": hours_ago(-40 * 24),
        "revision": 1,
    });
    apply(server, custom("cert-manager.io/v1", "Certificate", "trackdechets-tls", &spec, &status))
}
